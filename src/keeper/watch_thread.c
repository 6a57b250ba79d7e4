/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/watch_thread.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "catalog/identifier.h"

#define SAMPLE_GAP_MS 250
#define RECONNECT_GAP_MS 1000
/* A reading of the system views that takes longer than this is given up. */
#define STATEMENT_LIMIT_MS 2000
#define LOCK_LIMIT_MS 500

static bool nap(struct lk_watcher *watcher, int64_t ms)
{
	int64_t until = lk_clock_us() + ms * 1000;
	pthread_mutex_lock(&watcher->mutex);
	while (!atomic_load(&watcher->shared->closing) &&
	       lk_condition_wait_until(&watcher->changed, &watcher->mutex, until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&watcher->mutex);
	return !atomic_load(&watcher->shared->closing);
}

static void set_session(struct lk_watcher *watcher, struct lk_session *session)
{
	pthread_mutex_lock(&watcher->mutex);
	struct lk_session *old = watcher->session;
	watcher->session = session;
	pthread_mutex_unlock(&watcher->mutex);
	lk_session_close(old);
}

static struct lk_session *open_session(struct lk_watcher *watcher, struct lk_error *error)
{
	struct lk_session *session =
		lk_shared_open(watcher->shared, watcher->shared->run, "watch", error);
	if (session && !lk_session_limit(session, STATEMENT_LIMIT_MS, LOCK_LIMIT_MS, error)) {
		lk_session_close(session);
		session = NULL;
	}
	set_session(watcher, session);
	return session;
}

static void send_blind(struct lk_watcher *watcher, const struct lk_error *error)
{
	struct lk_message *message = lk_message_new(LK_MESSAGE_BLIND);
	message->class = error->class;
	LK_COPY(message->text, error->text);
	lk_shared_send(watcher->shared, message);
}

static bool take_sample(struct lk_watcher *watcher, struct lk_session *session,
			struct lk_error *error)
{
	const struct lk_watch_scope scope = {watcher->shared->run,
					     (const char *const *)watcher->tables, watcher->probe};
	struct lk_sample *sample = lk_alloc(sizeof *sample);
	if (!lk_watch_sample(session, &scope, sample, error)) {
		free(sample);
		return false;
	}
	lk_followers_fill(&watcher->followers, sample);
	struct lk_message *message = lk_message_new(LK_MESSAGE_SAMPLE);
	message->sample = sample;
	lk_shared_send(watcher->shared, message);
	return true;
}

static void *watch_main(void *argument)
{
	struct lk_watcher *watcher = argument;
	struct lk_session *session = NULL;
	int64_t gap = 0;
	while (nap(watcher, gap)) {
		struct lk_error error;
		gap = SAMPLE_GAP_MS;
		if (!session)
			session = open_session(watcher, &error);
		if (session && take_sample(watcher, session, &error))
			continue;
		send_blind(watcher, &error);
		if (!session || error.class == LK_ERROR_LOST) {
			set_session(watcher, NULL);
			session = NULL;
			gap = RECONNECT_GAP_MS;
		}
	}
	set_session(watcher, NULL);
	lk_followers_join(&watcher->followers);
	return NULL;
}

/* A table's written name as SQL; NULL when it is malformed, which the worker will have refused. */
static char *quoted(struct lk_watcher *watcher, const char *written)
{
	struct lk_error ignored;
	char *schema, *name, *sql = NULL;
	const struct lk_driver *driver = lk_driver_for(watcher->shared->uri, &ignored);
	if (!driver || !lk_identifier_split(written, &schema, &name, &ignored))
		return NULL;
	char *n = driver->quote_name(name);
	if (schema) {
		char *s = driver->quote_name(schema);
		sql = lk_format("%s.%s", s, n);
		free(s);
		free(n);
	} else {
		sql = n;
	}
	free(schema);
	free(name);
	return sql;
}

static void copy_tables(struct lk_watcher *watcher, const struct lk_plan *plan)
{
	size_t count = 0;
	watcher->tables = lk_alloc((plan->step_count + 1) * sizeof(char *));
	for (size_t i = 0; i < plan->step_count; i++) {
		char *table = plan->steps[i].table ? quoted(watcher, plan->steps[i].table) : NULL;
		bool known = !table;
		for (size_t k = 0; table && k < count; k++)
			known = known || strcmp(watcher->tables[k], table) == 0;
		if (known)
			free(table);
		else
			watcher->tables[count++] = table;
	}
}

bool lk_watcher_start(struct lk_watcher *watcher, struct lk_shared *shared,
		      const struct lk_plan *plan, struct lk_error *error)
{
	memset(watcher, 0, sizeof *watcher);
	watcher->shared = shared;
	watcher->probe = plan->limits.probe ? lk_strdup(plan->limits.probe) : NULL;
	copy_tables(watcher, plan);
	lk_followers_init(&watcher->followers, shared, &plan->replicas);
	pthread_mutex_init(&watcher->mutex, NULL);
	lk_condition_init(&watcher->changed);
	watcher->started = lk_thread_start(&watcher->thread, watch_main, watcher, error);
	return watcher->started;
}

void lk_watcher_join(struct lk_watcher *watcher)
{
	if (!watcher->shared)
		return;
	pthread_mutex_lock(&watcher->mutex);
	if (watcher->session)
		lk_session_interrupt(watcher->session);
	pthread_cond_broadcast(&watcher->changed);
	pthread_mutex_unlock(&watcher->mutex);
	if (watcher->started)
		pthread_join(watcher->thread, NULL);
	for (size_t i = 0; watcher->tables[i]; i++)
		free(watcher->tables[i]);
	free(watcher->tables);
	free(watcher->probe);
	pthread_mutex_destroy(&watcher->mutex);
	pthread_cond_destroy(&watcher->changed);
}
