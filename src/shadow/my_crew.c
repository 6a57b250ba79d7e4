/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The crew's threads: who does what next. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "shadow/my_engine.h"
#include "step/backfill.h"

#define LOOK_US 20000
/* Between two tries at keys whose rows somebody holds. */
#define RETRY_GAP_MS 3
#define FIRST_SET 500
/* While chunks are copied keys may wait until there are so many, since one that changes again meanwhile is copied once;
 * then they are all applied, down to so few. */
#define MANY_KEYS 20000
#define FEW_KEYS 500

enum job_kind {
	JOB_NONE,
	JOB_FIND_COPY,
	JOB_COPY,
	JOB_APPLY,
	JOB_FIND_COMPARE,
	JOB_COMPARE,
	JOB_LOOK_AGAIN
};

struct job {
	enum job_kind kind;
	struct lk_range range;
	struct lk_my_doubt *doubt;
	double wish_ms, rest_ratio;
};

static bool wants_keys(const struct lk_my_engine *e, bool *draining)
{
	int64_t waiting = lk_changes_count(e->changes).waiting;
	bool ring_is_full = waiting > MANY_KEYS || lk_changes_count(e->changes).bytes_used >
							   lk_changes_count(e->changes).bytes / 2;
	*draining = ring_is_full || (*draining && waiting > FEW_KEYS);
	return e->wish == LK_MY_APPLY || (e->wish == LK_MY_COMPARE && waiting > 0) ||
	       (e->wish == LK_MY_COPY && *draining);
}

static bool take_keys(struct lk_my_hand *hand, struct job *job)
{
	if (!lk_changes_take(hand->engine->changes, &hand->set, hand->most))
		return false;
	job->kind = JOB_APPLY;
	hand->engine->applying++;
	return true;
}

static bool take_range(struct lk_ranges *ranges, struct job *job, enum job_kind copy)
{
	if (lk_ranges_left(ranges, &job->range)) {
		job->kind = copy;
		return true;
	}
	if (!lk_ranges_begin(ranges))
		return false;
	job->kind = copy == JOB_COPY ? JOB_FIND_COPY : JOB_FIND_COMPARE;
	return true;
}

static bool take_doubt(struct lk_my_engine *e, struct job *job)
{
	for (struct lk_my_doubt *d = e->doubts; d; d = d->next) {
		if (d->taken)
			continue;
		d->taken = true;
		job->doubt = d;
		job->kind = JOB_LOOK_AGAIN;
		return true;
	}
	return false;
}

/* With the mutex. */
static bool find_job(struct lk_my_hand *hand, struct job *job)
{
	struct lk_my_engine *e = hand->engine;
	bool keys = wants_keys(e, &e->draining);
	if (keys && e->copying == 0 && take_keys(hand, job))
		return true;
	if (e->wish == LK_MY_COPY && !keys && e->applying == 0 &&
	    take_range(&e->copy, job, JOB_COPY)) {
		e->copying++;
		return true;
	}
	if (e->wish == LK_MY_COMPARE &&
	    (take_range(&e->compare, job, JOB_COMPARE) || take_doubt(e, job))) {
		e->comparing++;
		return true;
	}
	return false;
}

static bool next_job(struct lk_my_hand *hand, struct job *job)
{
	struct lk_my_engine *e = hand->engine;
	memset(job, 0, sizeof *job);
	if (!lk_pace_wait(e->run->pace, &job->wish_ms, &job->rest_ratio))
		return false;
	pthread_mutex_lock(&e->mutex);
	while (!e->failed && e->wish != LK_MY_END && !find_job(hand, job)) {
		lk_condition_wait_until(&e->changed, &e->mutex, lk_clock_us() + LOOK_US);
		if (atomic_load(&e->run->pace->stop))
			break;
	}
	pthread_mutex_unlock(&e->mutex);
	return job->kind != JOB_NONE;
}

/* Looks for the range's end first where it has none yet; nobody else does meanwhile. */
static bool find_range(struct lk_my_hand *hand, struct job *job, struct lk_error *error)
{
	struct lk_my_engine *e = hand->engine;
	bool copy = job->kind == JOB_FIND_COPY;
	struct lk_ranges *ranges = copy ? &e->copy : &e->compare;
	char **high = NULL;
	/* `reach` stands still while we look. */
	bool found = lk_my_find_high(hand, ranges->reach, (copy ? hand->copy : hand->compare).rows,
				     &high, error);
	pthread_mutex_lock(&e->mutex);
	if (found)
		lk_ranges_found(ranges, high, !high, &job->range);
	else
		lk_ranges_not_found(ranges);
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mutex);
	lk_backfill_free_key(high, ranges->count);
	if (found)
		job->kind = copy ? JOB_COPY : JOB_COMPARE;
	return found;
}

static bool do_job(struct lk_my_hand *hand, struct job *job, struct lk_error *error)
{
	if ((job->kind == JOB_FIND_COPY || job->kind == JOB_FIND_COMPARE) &&
	    !find_range(hand, job, error))
		return false;
	switch (job->kind) {
	case JOB_COPY:
		return lk_my_copy_range(hand, &job->range, error);
	case JOB_APPLY:
		return lk_my_apply_set(hand->engine, hand->session, &hand->set, false, error);
	case JOB_COMPARE:
		return lk_my_compare_range(hand, &job->range, error);
	default: {
		bool settled;
		if (!lk_my_look_again(hand, job->doubt, &settled, error))
			return false;
		job->doubt = settled ? job->doubt : NULL;
		return true;
	}
	}
}

static void end_range(struct lk_ranges *ranges, const struct job *job, bool found, bool done)
{
	if (found && done)
		lk_ranges_finish(ranges, &job->range);
	else if (found)
		lk_ranges_leave(ranges, &job->range);
}

static void end_keys(struct lk_my_hand *hand, bool done)
{
	struct lk_my_engine *e = hand->engine;
	size_t count = hand->set.count;
	(done ? lk_changes_done : lk_changes_give_back)(e->changes, &hand->set);
	/* One row that somebody holds keeps a whole set back: smaller ones go past it. */
	if (done)
		hand->most = hand->most < FIRST_SET ? hand->most * 2 : FIRST_SET;
	else if (count > 1)
		hand->most = count / 2;
	if (done) {
		e->figures.applied += (int64_t)count;
		e->figures.sets++;
	}
}

static void drop_doubt(struct lk_my_engine *e, struct lk_my_doubt *doubt)
{
	struct lk_my_doubt **link = &e->doubts;
	while (*link != doubt)
		link = &(*link)->next;
	*link = doubt->next;
	e->doubt_count--;
	lk_my_doubt_free(doubt, e->shape.table.key.count);
}

static void end_job(struct lk_my_hand *hand, const struct job *job, struct lk_my_doubt *looked_at,
		    bool done)
{
	struct lk_my_engine *e = hand->engine;
	bool copy = job->kind == JOB_COPY || job->kind == JOB_FIND_COPY;
	bool compare = job->kind == JOB_COMPARE || job->kind == JOB_FIND_COMPARE;
	pthread_mutex_lock(&e->mutex);
	e->figures.retries += !done;
	if (copy || compare)
		end_range(copy ? &e->copy : &e->compare, job,
			  job->kind == JOB_COPY || job->kind == JOB_COMPARE, done);
	if (job->kind == JOB_APPLY) {
		e->applying--;
		end_keys(hand, done);
	} else if (copy) {
		e->copying--;
	} else {
		e->comparing--;
	}
	if (looked_at && done && job->doubt)
		drop_doubt(e, looked_at);
	else if (looked_at)
		looked_at->taken = done; /* for this round (lk_my_engine_doubt_again) */
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mutex);
}

static void *work(void *argument)
{
	struct lk_my_hand *hand = argument;
	struct lk_my_engine *e = hand->engine;
	struct job job;
	while (next_job(hand, &job)) {
		struct lk_error error = {0};
		struct lk_my_doubt *looked_at = job.doubt;
		int64_t from = lk_clock_us();
		bool done = do_job(hand, &job, &error);
		end_job(hand, &job, looked_at, done);
		/* Cancelled without a stop: the tables were needed for the cut-over. */
		if (!done && error.class != LK_ERROR_RETRY &&
		    (error.class != LK_ERROR_CANCELLED || atomic_load(&e->run->pace->stop))) {
			lk_my_engine_fail(e, &error);
			break;
		}
		int64_t rest_ms = done ? (int64_t)((double)(lk_clock_us() - from) / 1000.0 *
						   (job.kind == JOB_APPLY ? 0 : job.rest_ratio))
				       : RETRY_GAP_MS;
		if (rest_ms > 0 && !lk_pace_sleep(e->run->pace, rest_ms))
			break;
	}
	return NULL;
}

void lk_my_engine_fail(struct lk_my_engine *e, const struct lk_error *error)
{
	pthread_mutex_lock(&e->mutex);
	if (!e->failed)
		e->error = *error;
	e->failed = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mutex);
}

void lk_my_engine_wish(struct lk_my_engine *e, enum lk_my_wish wish)
{
	pthread_mutex_lock(&e->mutex);
	e->wish = wish;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->mutex);
}

static bool start(struct lk_my_engine *e, struct lk_my_hand *hand, int number,
		  struct lk_error *error)
{
	char role[16];
	snprintf(role, sizeof role, "copy-%d", number + 1);
	hand->engine = e;
	hand->most = FIRST_SET;
	lk_chunk_init(&hand->copy);
	lk_chunk_init(&hand->compare);
	hand->session = lk_session_beside(e->run->session, role, error);
	if (!hand->session)
		return false;
	hand->session->stop = &e->run->pace->stop;
	hand->started = lk_my_shadow_session(hand->session, &e->shape, error) &&
			lk_thread_start(&hand->thread, work, hand, error);
	return hand->started;
}

bool lk_my_crew_start(struct lk_my_engine *e, struct lk_error *error)
{
	for (int i = 0; i < LK_MY_CREW; i++)
		if (!start(e, &e->crew[i], i, error))
			return false;
	return true;
}

static void cancel_crew(struct lk_my_engine *e, struct lk_session *control)
{
	struct lk_error ignored;
	for (int i = 0; i < LK_MY_CREW; i++) {
		struct lk_my_hand *hand = &e->crew[i];
		if (hand->started && lk_session_cancel_begin(hand->session))
			lk_session_cancel_finish(hand->session, control, &ignored);
	}
}

/* What they were at is begun again: it is worth no waiting for. */
void lk_my_crew_rest(struct lk_my_engine *e, struct lk_session *control)
{
	bool busy = true;
	lk_my_engine_wish(e, LK_MY_REST);
	for (bool first = true; busy; first = false) {
		pthread_mutex_lock(&e->mutex);
		busy = e->copying + e->applying + e->comparing > 0;
		pthread_mutex_unlock(&e->mutex);
		if (!busy)
			return;
		if (!first)
			lk_sleep_ms(1);
		cancel_crew(e, control);
	}
}

void lk_my_crew_end(struct lk_my_engine *e)
{
	lk_my_engine_wish(e, LK_MY_END);
	cancel_crew(e, e->run->session);
	for (int i = 0; i < LK_MY_CREW; i++) {
		struct lk_my_hand *hand = &e->crew[i];
		if (hand->started)
			pthread_join(hand->thread, NULL);
		lk_session_close(hand->session);
		lk_change_set_free(&hand->set);
		memset(hand, 0, sizeof *hand);
	}
}
