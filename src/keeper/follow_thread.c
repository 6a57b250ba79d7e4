/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/follow_thread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "keeper/reach.h"

#define READ_GAP_US 100000
#define STATE_GAP_US 1000000
#define RETRY_GAP_US 2000000
#define STATEMENT_LIMIT_MS 2000
#define LOCK_LIMIT_MS 1000
#define END_US 500000

/* False when the keeper closes. */
static bool nap_until(struct lk_followers *all, int64_t until)
{
	pthread_mutex_lock(&all->mutex);
	while (!atomic_load(&all->shared->closing) &&
	       lk_condition_wait_until(&all->changed, &all->mutex, until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&all->mutex);
	return !atomic_load(&all->shared->closing);
}

/* Sessions are interrupted from the joining thread, so their place is changed under the mutex. Those of the
 * followers are not listed among the statements: ten a second would push everything else out. */
static bool replace_session(struct lk_followers *all, struct lk_session **place, const char *uri,
			    const char *role, struct lk_error *error)
{
	struct lk_session *session = uri ? lk_reach(all->shared, uri, role, error) : NULL;
	if (session && !lk_session_limit(session, STATEMENT_LIMIT_MS, LOCK_LIMIT_MS, error)) {
		lk_session_close(session);
		session = NULL;
	}
	pthread_mutex_lock(&all->mutex);
	struct lk_session *old = *place;
	*place = session;
	pthread_mutex_unlock(&all->mutex);
	lk_session_close(old);
	return session != NULL;
}

static void heart_failed(struct lk_followers *all, const char *text)
{
	pthread_mutex_lock(&all->mutex);
	snprintf(all->heart_problem, sizeof all->heart_problem, "%.199s", text);
	pthread_mutex_unlock(&all->mutex);
}

/* Opens what beats need. *ready is false while there is no journal. */
static bool prepare_heart(struct lk_followers *all, bool *ready, struct lk_error *error)
{
	if (!all->heart_session &&
	    !replace_session(all, &all->heart_session, all->shared->uri, "beat", error))
		return false;
	return all->ops->prepare(all->heart_session, all->keeper, ready, error);
}

static bool beat(struct lk_followers *all, struct lk_error *error)
{
	int64_t now = lk_clock_us();
	if (!all->ops->beat(all->heart_session, all->keeper, now, error))
		return false;
	pthread_mutex_lock(&all->mutex);
	lk_beats_add(&all->beats, now);
	all->heart_problem[0] = '\0';
	pthread_mutex_unlock(&all->mutex);
	return true;
}

static void *heart_main(void *argument)
{
	struct lk_followers *all = argument;
	struct lk_error error;
	bool ready = false;
	int64_t next = lk_clock_us();
	while (nap_until(all, next)) {
		bool well = ready ? beat(all, &error) : prepare_heart(all, &ready, &error);
		next = lk_clock_us() + (ready ? LK_BEAT_MS * 1000 : READ_GAP_US * 5);
		if (well)
			continue;
		heart_failed(all, error.text);
		ready = false;
		if (error.class == LK_ERROR_LOST)
			replace_session(all, &all->heart_session, NULL, "", &error);
	}
	/* A row that is left behind goes after a day. */
	if (ready && all->heart_session)
		all->ops->end(all->heart_session, &error);
	replace_session(all, &all->heart_session, NULL, "", &error);
	pthread_mutex_lock(&all->mutex);
	all->heart_ended = true;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->mutex);
	return NULL;
}

static void follower_failed(struct lk_follower *f, const struct lk_error *error)
{
	pthread_mutex_lock(&f->all->mutex);
	f->reached = false;
	f->tried = true;
	snprintf(f->problem, sizeof f->problem, "%.199s", error->text);
	pthread_mutex_unlock(&f->all->mutex);
}

/* Whoever answers at a given address is the replica. */
static bool reach_given(struct lk_follower *f, struct lk_error *error)
{
	char server[sizeof f->server];
	if (!replace_session(f->all, &f->session, f->uri, "replica", error) ||
	    !f->all->ops->identify(f->session, server, sizeof server, error))
		return false;
	pthread_mutex_lock(&f->all->mutex);
	LK_COPY(f->server, server);
	pthread_mutex_unlock(&f->all->mutex);
	return true;
}

static bool reach(struct lk_follower *f, struct lk_error *error)
{
	if (f->uri)
		return reach_given(f, error);
	const struct lk_sample_replica *r = &f->replica;
	char *uri = f->all->ops->address(f->all->shared->uri, r->host, r->port, error);
	bool reached = uri && replace_session(f->all, &f->session, uri, "replica", error) &&
		       f->all->ops->verify(f->session, r->server, error);
	free(uri);
	return reached;
}

/* A session whose server is not the one that was meant is of no use. */
static bool reach_well(struct lk_follower *f, struct lk_error *error)
{
	struct lk_error ignored;
	bool reached = f->session || reach(f, error);
	if (!reached && f->session)
		replace_session(f->all, &f->session, NULL, "", &ignored);
	return reached;
}

/* The state costs more than the beat and changes seldom. */
static bool read_replica(struct lk_follower *f, int64_t *state_us, struct lk_error *error)
{
	struct lk_replica_reading reading = f->reading;
	int64_t now = lk_clock_us();
	if (now - *state_us > STATE_GAP_US) {
		if (!f->all->ops->read_state(f->session, &reading, error))
			return false;
		*state_us = now;
	}
	if (!f->all->ops->read_beat(f->session, f->all->keeper, &reading.beat, error))
		return false;
	now = lk_clock_us();
	pthread_mutex_lock(&f->all->mutex);
	f->reading = reading;
	f->read_us = now;
	f->lag_ms = lk_beats_lag(&f->all->beats, reading.beat, now);
	/* Before the first of our beats has come through, the server's own reckoning may know of more. */
	if (reading.beat == 0 && reading.behind_ms > f->lag_ms)
		f->lag_ms = reading.behind_ms;
	f->reached = true;
	f->tried = true;
	pthread_mutex_unlock(&f->all->mutex);
	return true;
}

static void *follow_main(void *argument)
{
	struct lk_follower *f = argument;
	struct lk_error error;
	int64_t next = lk_clock_us(), state_us = 0;
	while (nap_until(f->all, next)) {
		next = lk_clock_us() + READ_GAP_US;
		if (reach_well(f, &error) && read_replica(f, &state_us, &error))
			continue;
		follower_failed(f, &error);
		state_us = 0;
		next = lk_clock_us() + RETRY_GAP_US;
		if (error.class == LK_ERROR_LOST)
			replace_session(f->all, &f->session, NULL, "", &error);
	}
	replace_session(f->all, &f->session, NULL, "", &error);
	return NULL;
}

void lk_followers_init(struct lk_followers *followers, struct lk_shared *shared,
		       const struct lk_names *given)
{
	memset(followers, 0, sizeof *followers);
	followers->shared = shared;
	followers->given = lk_names_copy(given);
	followers->ops = lk_follow_for(shared->uri);
	followers->keeper = lk_format("%.60s %d %lld", shared->host ? shared->host : "",
				      (int)getpid(), (long long)lk_clock_us());
	pthread_mutex_init(&followers->mutex, NULL);
	lk_condition_init(&followers->changed);
}

static struct lk_follower *find(struct lk_followers *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->list[i].replica.name, name) == 0)
			return &all->list[i];
	return NULL;
}

/* `uri` is the follower's from here on. */
static void start(struct lk_followers *all, const struct lk_sample_replica *replica, char *uri)
{
	struct lk_error error;
	if (!all->beating)
		all->beating = lk_thread_start(&all->heart, heart_main, all, &error);
	if (!all->beating || all->count == LK_SAMPLE_REPLICAS) {
		free(uri);
		return;
	}
	struct lk_follower *f = &all->list[all->count];
	f->all = all;
	f->replica = *replica;
	f->uri = uri;
	f->lag_ms = -1;
	if (lk_thread_start(&f->thread, follow_main, f, &error))
		all->count++;
	else
		free(uri);
}

static void start_given(struct lk_followers *all)
{
	for (size_t i = 0; i < all->given.count; i++) {
		struct lk_sample_replica replica = {
			.asked = true, .position = -1, .lag_ms = -1, .reply_age_ms = -1};
		struct lk_error error;
		if (all->ops->name(all->given.list[i], replica.name, sizeof replica.name, &error))
			start(all, &replica, lk_strdup(all->given.list[i]));
	}
	lk_names_free(&all->given);
}

/* With the mutex. Until each given replica was tried, it is not known which of those that the server tells of
 * they are. */
static bool all_tried(const struct lk_followers *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].uri && !all->list[i].tried)
			return false;
	return true;
}

/* With the mutex. The given replica that is this one, or NULL. */
static struct lk_follower *find_given(struct lk_followers *all,
				      const struct lk_sample_replica *replica)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].uri && replica->server[0] &&
		    strcmp(all->list[i].server, replica->server) == 0)
			return &all->list[i];
	return NULL;
}

/* With the mutex. */
static void copy_reading(const struct lk_follower *f, struct lk_sample_replica *to)
{
	int64_t now = lk_clock_us();
	to->read = f->read_us > 0;
	to->lag_ms = f->lag_ms;
	to->reply_age_ms = f->read_us ? (double)(now - f->read_us) / 1000.0 : -1;
	to->broken = f->reached && f->reading.broken;
	LK_COPY(to->note, f->reached ? f->reading.note : f->problem);
	/* What was read while beats could be written has been right; what is read now says nothing. */
	if (f->reached && !to->broken && f->all->heart_problem[0]) {
		to->lag_ms = -1;
		snprintf(to->note, sizeof to->note, "no heartbeat can be written: %.160s",
			 f->all->heart_problem);
	}
}

static bool is_listed(const struct lk_sample *sample, const struct lk_follower *f)
{
	const char *server = f->uri ? f->server : f->replica.server;
	for (size_t i = 0; i < sample->replica_count; i++)
		if (strcmp(sample->replicas[i].name, f->replica.name) == 0 ||
		    (server[0] && strcmp(sample->replicas[i].server, server) == 0))
			return true;
	return false;
}

/* With the mutex. One that was followed before the given one of the same server answered keeps its name, under
 * which its lag is known. */
static void fill_listed(struct lk_followers *all, struct lk_sample_replica *listed)
{
	struct lk_follower *own = find(all, listed->name), *given = find_given(all, listed);
	if (given && (given->stands_in || !own || own->read_us == 0)) {
		given->stands_in = true;
		LK_COPY(listed->name, given->replica.name);
		own = given;
	}
	if (own)
		copy_reading(own, listed);
}

/* With the mutex. Those that are given; and one whose connection to the primary is broken is listed no more, and
 * knows why. */
static void add_unlisted(struct lk_followers *all, struct lk_sample *sample)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct lk_follower *f = &all->list[i];
		if ((f->uri ? !f->tried : !f->reached) || is_listed(sample, f) ||
		    sample->replica_count == LK_SAMPLE_REPLICAS)
			continue;
		struct lk_sample_replica *added = &sample->replicas[sample->replica_count++];
		*added = f->replica;
		LK_COPY(added->server, f->uri ? f->server : f->replica.server);
		copy_reading(f, added);
	}
}

void lk_followers_fill(struct lk_followers *followers, struct lk_sample *sample)
{
	if (!followers->ops)
		return;
	start_given(followers);
	pthread_mutex_lock(&followers->mutex);
	bool known = all_tried(followers);
	for (size_t i = 0; known && i < sample->replica_count; i++) {
		const struct lk_sample_replica *r = &sample->replicas[i];
		if (r->host[0] && !find(followers, r->name) && !find_given(followers, r))
			start(followers, r, NULL);
	}
	for (size_t i = 0; i < sample->replica_count; i++)
		fill_listed(followers, &sample->replicas[i]);
	add_unlisted(followers, sample);
	pthread_mutex_unlock(&followers->mutex);
}

void lk_followers_join(struct lk_followers *followers)
{
	int64_t patience = lk_clock_us() + END_US;
	pthread_mutex_lock(&followers->mutex);
	for (size_t i = 0; i < followers->count; i++)
		if (followers->list[i].session)
			lk_session_interrupt(followers->list[i].session);
	pthread_cond_broadcast(&followers->changed);
	/* The heart takes its row away, if the server lets it. */
	while (followers->beating && !followers->heart_ended &&
	       lk_condition_wait_until(&followers->changed, &followers->mutex, patience) !=
		       ETIMEDOUT)
		;
	if (followers->heart_session)
		lk_session_interrupt(followers->heart_session);
	pthread_mutex_unlock(&followers->mutex);
	if (followers->beating)
		pthread_join(followers->heart, NULL);
	for (size_t i = 0; i < followers->count; i++) {
		pthread_join(followers->list[i].thread, NULL);
		free(followers->list[i].uri);
	}
	lk_names_free(&followers->given);
	free(followers->keeper);
	pthread_mutex_destroy(&followers->mutex);
	pthread_cond_destroy(&followers->changed);
}
