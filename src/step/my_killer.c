/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_killer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "db/my_server.h"
#include "step/record.h"

/* How often the state is looked at: at first closely, and once a statement has worked for long less so. */
#define LOOK_MS 10
#define LOOK_LATER_MS 50
#define LATER_MS 2000
/* What took longer than this to do is worth a little patience. */
#define WORTH_MS 1000

struct lk_my_killer {
	struct lk_step_run *run;
	const struct lk_table *table;
	struct lk_session
		*guard; /* the thread's own once it runs; NULL while there is no connection */
	const char *processes; /* where the sessions' states stand */
	char worker[24];       /* the session's number as the server shows it */
	enum lk_my_lock_view view;
	int64_t limit_ms;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t changed;
	bool watching, closing;
	int64_t from_us; /* since when it is watched */
	struct lk_my_kill kill;
};

/* What one look saw, from one to the next. */
struct watch {
	int64_t watched_from_us;		  /* which watching this is about */
	int64_t waiting_from_us, victims_from_us; /* 0: not */
	int64_t working_us;	 /* when it was last seen at something else; 0 never */
	int64_t working_from_us; /* since when it has been within one statement; 0: it is idle */
	int victims;
};

static struct lk_session *open_guard(struct lk_my_killer *k, struct lk_error *error)
{
	return lk_session_beside(k->run->session, "guard", error);
}

/* The number of sessions that wait for a table besides ours: behind ours, or behind the same as ours. */
static bool count_victims(struct lk_my_killer *k, int *victims, struct lk_error *error)
{
	struct lk_result r;
	char *sql = lk_format("SELECT COUNT(*) FROM %s WHERE id <> $1 AND state IN"
			      " ('Waiting for table metadata lock', 'Waiting for table flush',"
			      " 'Waiting for table level lock')",
			      k->processes);
	bool read = LK_QUERY(k->guard, &r, error, sql, k->worker);
	if (read)
		*victims = (int)lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	free(sql);
	return read;
}

/* A user lock, which is ours alone, and a row are not waited for at anybody's cost. */
static bool is_waiting(const char *state)
{
	size_t length = strlen(state);
	return strncmp(state, "Waiting for ", 12) == 0 &&
	       (strncmp(state + 12, "table ", 6) == 0 ||
		(length > 5 && strcmp(state + length - 5, " lock") == 0));
}

static bool look(struct lk_my_killer *k, struct watch *w, char *state, size_t size,
		 struct lk_error *error)
{
	struct lk_result r;
	char *sql = lk_format("SELECT COALESCE(state, '') FROM %s WHERE id = $1", k->processes);
	bool read = LK_QUERY(k->guard, &r, error, sql, k->worker);
	free(sql);
	if (!read)
		return false;
	lk_copy_text(state, size, r.rows ? lk_cell_text(&r, 0, 0) : "");
	lk_result_free(&r);
	if (!is_waiting(state)) {
		w->working_us = lk_clock_us();
		if (!state[0])
			w->working_from_us = 0;
		else if (!w->working_from_us)
			w->working_from_us = w->working_us;
		w->waiting_from_us = w->victims_from_us = 0;
		return true;
	}
	if (!w->waiting_from_us)
		w->waiting_from_us = w->working_us ? w->working_us : w->watched_from_us;
	if (!count_victims(k, &w->victims, error))
		return false;
	if (w->victims == 0)
		w->victims_from_us = 0;
	else if (!w->victims_from_us)
		w->victims_from_us = lk_clock_us();
	return true;
}

static int64_t worked_ms(const struct watch *w)
{
	return w->working_from_us ? (w->waiting_from_us - w->working_from_us) / 1000 : 0;
}

/*
 * A statement that has only waited so far is ended after the limit, whether or not somebody waits behind it, for
 * somebody could come. One that has an hour's work behind it, and needs its lock once more to finish, is let wait as
 * long as that costs nobody anything.
 */
static bool must_end(const struct lk_my_killer *k, const struct watch *w)
{
	int64_t from_us = worked_ms(w) < WORTH_MS ? w->waiting_from_us : w->victims_from_us;
	return w->waiting_from_us && from_us && lk_clock_us() - from_us >= k->limit_ms * 1000;
}

/* Named before the KILL and not after it, when it may have gone. */
static void note_kill(struct lk_my_killer *k, const struct watch *w, const char *state)
{
	struct lk_my_holder holder;
	struct lk_error ignored;
	if (!k->kill.killed && !lk_my_holder_find(k->guard, k->view, k->table, &holder, &ignored))
		memset(&holder, 0, sizeof holder);
	pthread_mutex_lock(&k->mutex);
	if (!k->kill.killed && k->watching && k->from_us == w->watched_from_us) {
		k->kill.killed = true;
		k->kill.holder = holder;
		k->kill.victims = w->victims;
		k->kill.worked_ms = worked_ms(w);
		k->kill.lost_work = k->kill.worked_ms >= WORTH_MS;
		LK_COPY(k->kill.waited_for, state + strlen("Waiting for "));
	}
	pthread_mutex_unlock(&k->mutex);
}

static void end_statement(struct lk_my_killer *k, const struct watch *w, const char *state)
{
	struct lk_error ignored;
	note_kill(k, w, state);
	/* Whether it is still watched is asked under the mutex that lk_my_killer_rest takes: no later statement is
	 * hit. */
	pthread_mutex_lock(&k->mutex);
	bool sent = k->watching && k->from_us == w->watched_from_us &&
		    lk_session_cancel_begin(k->run->session);
	pthread_mutex_unlock(&k->mutex);
	if (sent)
		lk_session_cancel_finish(k->run->session, k->guard, &ignored);
}

/* The look at what is watched now; with a broken connection another is made. */
static void act(struct lk_my_killer *k, struct watch *w)
{
	char state[64];
	struct lk_error error;
	if (!k->guard)
		k->guard = open_guard(k, &error);
	if (!k->guard)
		return;
	if (!look(k, w, state, sizeof state, &error)) {
		if (error.class == LK_ERROR_LOST) {
			lk_session_close(k->guard);
			k->guard = NULL;
		}
		return;
	}
	if (must_end(k, w))
		end_statement(k, w, state);
}

static void *guard_main(void *argument)
{
	struct lk_my_killer *k = argument;
	struct watch w = {0};
	pthread_mutex_lock(&k->mutex);
	while (!k->closing) {
		if (!k->watching) {
			pthread_cond_wait(&k->changed, &k->mutex);
			continue;
		}
		if (w.watched_from_us != k->from_us)
			w = (struct watch){.watched_from_us = k->from_us};
		int64_t age_us = lk_clock_us() - k->from_us;
		int64_t gap_ms =
			age_us < LATER_MS * 1000 || w.waiting_from_us ? LOOK_MS : LOOK_LATER_MS;
		lk_condition_wait_until(&k->changed, &k->mutex, lk_clock_us() + gap_ms * 1000);
		if (!k->watching || k->closing || w.watched_from_us != k->from_us)
			continue;
		pthread_mutex_unlock(&k->mutex);
		act(k, &w);
		pthread_mutex_lock(&k->mutex);
	}
	pthread_mutex_unlock(&k->mutex);
	return NULL;
}

/* MySQL's newer view of the sessions costs the server less; without the performance schema it is empty. */
static bool choose_view(struct lk_my_killer *k, struct lk_error *error)
{
	struct lk_my_server server;
	struct lk_result r;
	if (!lk_my_lock_view(k->guard, &k->view, error) || !lk_my_server(k->guard, &server, error))
		return false;
	k->processes = "information_schema.processlist";
	if (server.maria || server.version < 80022)
		return true;
	if (!LK_QUERY(k->guard, &r, error, "SELECT @@performance_schema"))
		return false;
	if (lk_cell_int(&r, 0, 0) > 0)
		k->processes = "performance_schema.processlist";
	lk_result_free(&r);
	return true;
}

bool lk_my_killer_open(struct lk_step_run *run, const struct lk_table *table,
		       struct lk_my_killer **killer, struct lk_error *error)
{
	struct lk_my_killer *k = lk_alloc(sizeof *k);
	k->run = run;
	k->table = table;
	k->limit_ms = lk_step_lock_wait_ms(run);
	snprintf(k->worker, sizeof k->worker, "%u", (unsigned)run->session->id);
	k->guard = open_guard(k, error);
	pthread_mutex_init(&k->mutex, NULL);
	lk_condition_init(&k->changed);
	if (!k->guard || !choose_view(k, error) ||
	    !lk_thread_start(&k->thread, guard_main, k, error)) {
		lk_session_close(k->guard);
		pthread_mutex_destroy(&k->mutex);
		pthread_cond_destroy(&k->changed);
		free(k);
		return lk_fail_context(error, "the session that would end our waiting for locks");
	}
	*killer = k;
	return true;
}

void lk_my_killer_close(struct lk_my_killer *k)
{
	pthread_mutex_lock(&k->mutex);
	k->closing = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->mutex);
	pthread_join(k->thread, NULL);
	lk_session_close(k->guard);
	pthread_mutex_destroy(&k->mutex);
	pthread_cond_destroy(&k->changed);
	free(k);
}

void lk_my_killer_watch(struct lk_my_killer *k)
{
	pthread_mutex_lock(&k->mutex);
	k->watching = true;
	k->from_us = lk_clock_us();
	memset(&k->kill, 0, sizeof k->kill);
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->mutex);
}

void lk_my_killer_rest(struct lk_my_killer *k, struct lk_my_kill *kill)
{
	pthread_mutex_lock(&k->mutex);
	k->watching = false;
	*kill = k->kill;
	pthread_mutex_unlock(&k->mutex);
}

enum lk_my_lock_view lk_my_killer_view(const struct lk_my_killer *k)
{
	return k->view;
}
