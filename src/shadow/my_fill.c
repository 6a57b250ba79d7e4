/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_fill.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "binlog/state.h"
#include "shadow/my_checkpoint.h"
#include "step/backfill.h"
#include "step/record.h"

#define LOOK_MS 20
#define SAVE_GAP_US 1000000
#define TELL_GAP_US 200000
/* Bytes of keys that may wait; beyond that the stream waits. */
#define ROOM ((size_t)6 << 20)
/* So many keys may wait when "caught up" is said. */
#define FEW_KEYS 200

static bool check_log(struct lk_step_run *run, struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_binlog_state state;
	if (!lk_binlog_state_read(run->session, &state, error))
		return false;
	bool good = true;
	if (!state.on)
		good = lk_fail(
			error, LK_ERROR_REFUSED,
			"the server keeps no binary log (log_bin), and only that tells what changes while a shadow table is "
			"filled: switch it on, which takes a restart of the server");
	else if (!state.rows)
		good = lk_fail(
			error, LK_ERROR_REFUSED,
			"binlog_format is %s, and the shadow table can follow rows alone: SET GLOBAL binlog_format = 'ROW', and "
			"wait until the sessions of before have ended",
			state.format);
	LK_COPY(fill->identity, state.identity);
	fill->from = (struct lk_my_place){.position = state.end,
					  .gtid = state.gtid[0] ? lk_strdup(state.gtid) : NULL};
	lk_binlog_state_free(&state);
	return good;
}

static bool read_key_columns(struct lk_my_fill *fill, struct lk_error *error)
{
	const struct lk_my_shape *shape = &fill->engine.shape;
	for (size_t i = 0; i < shape->table.key.count; i++) {
		const struct lk_column *column =
			lk_table_column(&shape->table, shape->table.key.columns[i]);
		if (!lk_binlog_column_read(column->type, shape->key.parts[i].charset,
					   &fill->engine.key[i], error))
			return false;
		fill->engine.key[i].ordinal = (size_t)(column - shape->table.columns);
	}
	return true;
}

/* Whether what an earlier attempt has left can be gone on with; says why not. */
static bool goes_on(struct lk_step_run *run, struct lk_my_fill *fill,
		    struct lk_my_checkpoint *checkpoint, bool *goes, struct lk_error *error)
{
	bool there;
	*goes = false;
	if (!lk_my_checkpoint_read(run, fill->engine.shape.table.key.count, checkpoint, &there,
				   error))
		return false;
	if (!there)
		return true;
	*goes = strcmp(checkpoint->identity, fill->identity) == 0;
	if (!*goes)
		lk_step_say(run,
			    "the server is another one than the copy was begun on: it begins anew");
	return true;
}

static bool make_anew(struct lk_step_run *run, struct lk_my_fill *fill, bool ours,
		      struct lk_error *error)
{
	return lk_my_checkpoint_forget(run, error) &&
	       lk_my_shadow_make(run->session, &fill->engine.shape, ours, error);
}

/*
 * A transaction is in the log a moment before it is committed, so one from before the place may be missing in the first
 * chunk's view. The servers commit in the order of the log: once a transaction of ours that came later is committed, all
 * from before the place are.
 */
static bool pass_the_place(struct lk_step_run *run, struct lk_my_fill *fill, struct lk_error *error)
{
	const struct lk_my_checkpoint checkpoint = {.identity = fill->identity,
						    .place = fill->from,
						    .columns = fill->engine.shape.table.key.count};
	return lk_my_checkpoint_write(run, &checkpoint, error);
}

static bool start_feed(struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	const struct lk_my_feed_order order = {.uri = e->run->session->uri,
					       .run = e->run->run,
					       .from = fill->from,
					       .schema = e->shape.table.schema,
					       .table = e->shape.table.name,
					       .beside = e->shape.names.shadow,
					       .key = e->key,
					       .key_count = e->shape.table.key.count,
					       .changes = e->changes};
	e->feed = lk_my_feed_start(&order, error);
	return e->feed != NULL;
}

static bool begin_anew(struct lk_step_run *run, struct lk_my_fill *fill, bool ours,
		       struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	lk_ranges_init(&e->copy, e->shape.table.key.count, NULL);
	return make_anew(run, fill, ours, error) && pass_the_place(run, fill, error) &&
	       start_feed(fill, error);
}

static bool go_on(struct lk_my_fill *fill, struct lk_my_checkpoint *checkpoint,
		  struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	struct lk_my_place now = fill->from;
	fill->from = checkpoint->place;
	checkpoint->place = (struct lk_my_place){0};
	if (!start_feed(fill, error)) {
		lk_my_place_free(&fill->from);
		fill->from = now;
		return false;
	}
	lk_my_place_free(&now);
	lk_ranges_init(&e->copy, checkpoint->columns, checkpoint->mark);
	e->copy.all_given = e->copy.all_finished = checkpoint->copied;
	fill->copied = checkpoint->copied;
	e->figures.copied = checkpoint->rows;
	return lk_my_shape_map(e->run->session, &e->shape, error);
}

static bool begin_or_go_on(struct lk_step_run *run, struct lk_my_fill *fill,
			   const struct lk_my_fill_order *order, struct lk_error *error)
{
	struct lk_my_checkpoint checkpoint = {0};
	bool goes = false;
	bool done = !order->begun || goes_on(run, fill, &checkpoint, &goes, error);
	if (done && goes) {
		done = go_on(fill, &checkpoint, error);
		goes = done || !lk_stream_gone(error);
		if (!goes)
			lk_step_say(
				run,
				"the server's log does not go back any more to where the copy was: it begins anew");
	}
	if ((done && !goes) || (!done && !goes && lk_stream_gone(error)))
		done = begin_anew(run, fill, order->begun, error);
	lk_my_checkpoint_free(&checkpoint);
	return done;
}

bool lk_my_fill_open(struct lk_step_run *run, const struct lk_my_fill_order *order,
		     struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	memset(fill, 0, sizeof *fill);
	e->run = run;
	if (!check_log(run, fill, error) ||
	    !lk_my_shape_examine(run->session, order->table, order->alter, &e->shape, error))
		return false;
	fill->engine_open = true;
	pthread_mutex_init(&e->mutex, NULL);
	lk_condition_init(&e->changed);
	e->changes = lk_changes_new(ROOM);
	return read_key_columns(fill, error) &&
	       lk_my_shadow_session(run->session, &e->shape, error) &&
	       begin_or_go_on(run, fill, order, error) && lk_my_crew_start(e, error);
}

void lk_my_fill_close(struct lk_my_fill *fill)
{
	struct lk_my_engine *e = &fill->engine;
	lk_my_place_free(&fill->from);
	if (!fill->engine_open)
		return;
	lk_my_crew_end(e);
	lk_my_feed_end(e->feed);
	while (e->doubts) {
		struct lk_my_doubt *next = e->doubts->next;
		lk_my_doubt_free(e->doubts, e->shape.table.key.count);
		e->doubts = next;
	}
	lk_ranges_free(&e->copy);
	lk_ranges_free(&e->compare);
	lk_changes_free(e->changes);
	lk_my_shape_free(&e->shape);
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->mutex);
	fill->engine_open = false;
}

/* The place first: what is committed after it is looked at is told of again, which does no harm. */
static bool save(struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	struct lk_my_checkpoint c = {.place = lk_my_feed_place(e->feed),
				     .identity = lk_strdup(fill->identity),
				     .columns = e->shape.table.key.count};
	pthread_mutex_lock(&e->mutex);
	c.mark = e->copy.mark ? lk_backfill_copy_key(e->copy.mark, c.columns) : NULL;
	c.copied = e->copy.all_finished;
	c.rows = e->figures.copied;
	pthread_mutex_unlock(&e->mutex);
	bool done = lk_my_checkpoint_write(e->run, &c, error);
	lk_my_checkpoint_free(&c);
	fill->saved_us = lk_clock_us();
	return done;
}

static void tell(struct lk_my_fill *fill)
{
	struct lk_my_engine *e = &fill->engine;
	pthread_mutex_lock(&e->mutex);
	const struct lk_my_figures figures = e->figures;
	pthread_mutex_unlock(&e->mutex);
	const struct lk_progress progress = {.rows_done = figures.copied,
					     .rows_changed = figures.copied,
					     .rows_total = e->shape.space.rows,
					     .chunks = figures.chunks,
					     .retries = figures.retries,
					     .took_ms = figures.chunk_ms,
					     .what = "committed"};
	if (e->run->progress)
		e->run->progress(e->run->context, &progress);
	fill->said_us = lk_clock_us();
}

/* Between two looks: whether anything has ended it; saves and tells now and then. */
static bool pass_time(struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	pthread_mutex_lock(&e->mutex);
	if (!e->failed)
		lk_condition_wait_until(&e->changed, &e->mutex, lk_clock_us() + LOOK_MS * 1000);
	bool failed = e->failed;
	if (failed)
		*error = e->error;
	pthread_mutex_unlock(&e->mutex);
	if (atomic_load(&e->run->pace->stop))
		return lk_fail(error, LK_ERROR_CANCELLED, "stopped");
	if (failed || lk_my_feed_failed(e->feed, error))
		return false;
	int64_t now = lk_clock_us();
	if (now - fill->said_us > TELL_GAP_US)
		tell(fill);
	return now - fill->saved_us < SAVE_GAP_US || save(fill, error);
}

static bool all_finished(struct lk_my_engine *e, const struct lk_ranges *ranges)
{
	pthread_mutex_lock(&e->mutex);
	bool finished = ranges->all_finished;
	pthread_mutex_unlock(&e->mutex);
	return finished;
}

bool lk_my_fill_copy(struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	lk_my_engine_wish(e, LK_MY_COPY);
	while (!all_finished(e, &e->copy))
		if (!pass_time(fill, error))
			return false;
	fill->copied = true;
	return save(fill, error);
}

/* Until everything that was committed when it was called is applied. */
static bool apply_all_known(struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	struct lk_binlog_position end;
	bool there = false;
	if (!lk_binlog_end(e->run->session, &end, error))
		return false;
	lk_my_engine_wish(e, LK_MY_APPLY);
	while (!there)
		if (!lk_my_feed_await(e->feed, &end, lk_clock_us(), &there, error) ||
		    (!there && !pass_time(fill, error)))
			return false;
	uint64_t mark = lk_my_feed_new_mark(e->feed);
	while (lk_changes_oldest(e->changes) < mark)
		if (!pass_time(fill, error))
			return false;
	return true;
}

bool lk_my_fill_catch_up(struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	if (!apply_all_known(fill, error))
		return false;
	for (;;) {
		struct lk_changes_counts counts = lk_changes_count(e->changes);
		if (counts.waiting + counts.taken <= FEW_KEYS)
			return true;
		if (!pass_time(fill, error))
			return false;
	}
}

static size_t doubts(struct lk_my_engine *e, bool again)
{
	size_t untaken = 0;
	pthread_mutex_lock(&e->mutex);
	for (struct lk_my_doubt *d = e->doubts; d; d = d->next) {
		if (again)
			d->taken = false;
		untaken += !d->taken;
	}
	if (again)
		pthread_cond_broadcast(&e->changed);
	untaken += e->comparing;
	pthread_mutex_unlock(&e->mutex);
	return untaken;
}

/* Each round looks once at each doubt, after all that was known when it began is applied. */
static bool settle_doubts(struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	while (e->doubts) {
		if (!apply_all_known(fill, error))
			return false;
		lk_my_engine_wish(e, LK_MY_COMPARE);
		doubts(e, true);
		while (doubts(e, false))
			if (!pass_time(fill, error))
				return false;
	}
	return true;
}

bool lk_my_fill_compare(struct lk_my_fill *fill, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	if (!apply_all_known(fill, error))
		return false;
	pthread_mutex_lock(&e->mutex);
	lk_ranges_free(&e->compare);
	lk_ranges_init(&e->compare, e->shape.table.key.count, NULL);
	pthread_mutex_unlock(&e->mutex);
	lk_my_engine_wish(e, LK_MY_COMPARE);
	while (!all_finished(e, &e->compare))
		if (!pass_time(fill, error))
			return false;
	fill->compared = settle_doubts(fill, error);
	return fill->compared;
}

static bool apply_rest(struct lk_my_engine *e, struct lk_session *session, int64_t until_us,
		       struct lk_error *error)
{
	struct lk_change_set set = {0};
	bool done = true;
	while (done && lk_changes_take(e->changes, &set, 500)) {
		done = lk_my_apply_set(e, session, &set, true, error);
		(done ? lk_changes_done : lk_changes_give_back)(e->changes, &set);
		if (done && lk_clock_us() > until_us && lk_changes_count(e->changes).waiting > 0)
			done = lk_fail(error, LK_ERROR_RETRY,
				       "%lld changed rows were left when the time was over",
				       (long long)lk_changes_count(e->changes).waiting);
	}
	lk_change_set_free(&set);
	return done;
}

bool lk_my_fill_drain(struct lk_my_fill *fill, struct lk_session *session, const char *position,
		      int64_t until_us, struct lk_error *error)
{
	struct lk_my_engine *e = &fill->engine;
	struct lk_binlog_position end;
	bool there;
	/* It may wait for the shadow that we hold, with keys of the set in its hands. */
	lk_my_crew_rest(e, session);
	if (!lk_binlog_position_parse(position, &end, error) ||
	    !lk_my_feed_await(e->feed, &end, until_us, &there, error))
		return false;
	if (!there)
		return lk_fail(error, LK_ERROR_RETRY,
			       "the change stream did not come to the end of the log in time");
	return apply_rest(e, session, until_us, error);
}
