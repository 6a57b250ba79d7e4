/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Places are remembered by marks: a mark is the place behind some transaction, and the keys of the transactions from there
 * to the next mark carry its number. There is a new one each quarter of a second at most, so that even with a full set of
 * keys there are few.
 */
#include "shadow/my_feed.h"

#include <pthread.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "shadow/my_foreign.h"

#define MARK_GAP_US 250000
/* So often it looks whether it is to end while the set is full. */
#define ROOM_WAIT_US 200000
#define WAIT_MS 250

struct mark {
	uint64_t number;
	struct lk_my_place place;
};

struct lk_my_feed {
	struct lk_stream *stream;
	struct lk_changes *changes;
	struct lk_my_foreign foreign;
	pthread_t thread;
	atomic_bool ending;
	_Atomic uint64_t wanted_mark; /* a new mark is wanted if none has this number yet */
	int64_t marked_us;	      /* the thread's own, like the next two */
	uint64_t mark;		      /* of the keys that come now */
	bool in_transaction, has_rows;
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t moved;
	struct mark *marks; /* the oldest first; the last one is `mark` */
	size_t mark_count;
	struct lk_my_feed_figures figures;
	bool failed;
	struct lk_error error;
};

void lk_my_place_free(struct lk_my_place *place)
{
	free(place->gtid);
	*place = (struct lk_my_place){0};
}

static struct lk_my_place copy_place(const struct lk_my_place *place)
{
	return (struct lk_my_place){.position = place->position,
				    .gtid = place->gtid ? lk_strdup(place->gtid) : NULL};
}

/* With the mutex: forgets the marks before the oldest one that a key still carries. */
static void drop_marks(struct lk_my_feed *feed)
{
	uint64_t oldest = lk_changes_oldest(feed->changes);
	size_t gone = 0;
	while (gone + 1 < feed->mark_count && feed->marks[gone + 1].number <= oldest)
		lk_my_place_free(&feed->marks[gone++].place);
	feed->mark_count -= gone;
	memmove(feed->marks, feed->marks + gone, feed->mark_count * sizeof *feed->marks);
}

static void add_mark(struct lk_my_feed *feed, struct lk_my_place place)
{
	pthread_mutex_lock(&feed->mutex);
	*LK_PUSH(feed->marks, feed->mark_count) =
		(struct mark){.number = ++feed->mark, .place = place};
	pthread_mutex_unlock(&feed->mutex);
	feed->marked_us = lk_clock_us();
}

/* Between transactions. */
static void mark_now(struct lk_my_feed *feed)
{
	bool wanted = atomic_load(&feed->wanted_mark) > feed->mark;
	if (!wanted && lk_clock_us() - feed->marked_us < MARK_GAP_US)
		return;
	struct lk_my_place place = {.position = lk_stream_resume(feed->stream),
				    .gtid = lk_stream_gtid(feed->stream)};
	if (place.position.file[0])
		add_mark(feed, place);
	else
		lk_my_place_free(&place);
}

static void note_progress(struct lk_my_feed *feed, const struct lk_stream_event *event)
{
	bool ended = event->kind == LK_STREAM_COMMIT || event->kind == LK_STREAM_ROLLBACK ||
		     event->kind == LK_STREAM_PREPARE;
	pthread_mutex_lock(&feed->mutex);
	/* An idle stream stands between two transactions, if it does not stand within one that is long in coming. */
	feed->figures.read = lk_stream_resume(feed->stream);
	if (event->kind == LK_STREAM_IDLE)
		feed->figures.behind_ms = 0;
	else if (event->time)
		feed->figures.behind_ms = ((int64_t)time(NULL) - (int64_t)event->time) * 1000;
	feed->figures.rows += event->kind == LK_STREAM_ROW;
	feed->figures.transactions += ended && feed->has_rows;
	pthread_cond_broadcast(&feed->moved);
	pthread_mutex_unlock(&feed->mutex);
	feed->has_rows = !ended && (feed->has_rows || event->kind == LK_STREAM_ROW);
	if (ended)
		mark_now(feed);
}

static bool put(struct lk_my_feed *feed, const uint8_t *key, size_t bytes, bool gone)
{
	const struct lk_changed changed = {
		.key = key, .bytes = bytes, .mark = feed->mark, .gone = gone};
	while (!atomic_load(&feed->ending))
		if (lk_changes_add(feed->changes, &changed, lk_clock_us() + ROOM_WAIT_US))
			return true;
	return false;
}

/* A key that an UPDATE changes is one that has gone and one that has come. */
static bool take_row(struct lk_my_feed *feed, const struct lk_stream_event *event)
{
	bool moved = event->before && event->after &&
		     (event->before_length != event->after_length ||
		      memcmp(event->before, event->after, event->after_length) != 0);
	bool gone = !event->after || moved;
	return (!event->before || put(feed, event->before, event->before_length, gone)) &&
	       (!event->after || (event->before && !moved) ||
		put(feed, event->after, event->after_length, false));
}

static bool take(struct lk_my_feed *feed, const struct lk_stream_event *event,
		 struct lk_error *error)
{
	if (event->kind == LK_STREAM_ROW && !take_row(feed, event))
		return lk_fail(error, LK_ERROR_CANCELLED, "the change stream was ended");
	if (event->kind == LK_STREAM_STATEMENT &&
	    !lk_my_foreign_look(&feed->foreign, event->database, event->text, event->cut, error))
		return false;
	note_progress(feed, event);
	return true;
}

static void *follow(void *argument)
{
	struct lk_my_feed *feed = argument;
	struct lk_stream_event event;
	struct lk_error error;
	while (!atomic_load(&feed->ending) && lk_stream_next(feed->stream, &event, &error) &&
	       take(feed, &event, &error))
		;
	pthread_mutex_lock(&feed->mutex);
	feed->failed = true;
	feed->error = error;
	pthread_cond_broadcast(&feed->moved);
	pthread_mutex_unlock(&feed->mutex);
	return NULL;
}

static void release(struct lk_my_feed *feed)
{
	lk_stream_close(feed->stream);
	for (size_t i = 0; i < feed->mark_count; i++)
		lk_my_place_free(&feed->marks[i].place);
	free(feed->marks);
	lk_my_foreign_free(&feed->foreign);
	pthread_cond_destroy(&feed->moved);
	pthread_mutex_destroy(&feed->mutex);
	free(feed);
}

struct lk_my_feed *lk_my_feed_start(const struct lk_my_feed_order *order, struct lk_error *error)
{
	const struct lk_stream_options options = {.uri = order->uri,
						  .run = order->run,
						  .position = order->from.position,
						  .gtid = order->from.gtid,
						  .wait_ms = WAIT_MS};
	struct lk_stream *stream = lk_stream_open(&options, error);
	if (!stream)
		return NULL;
	const struct lk_stream_table table = {.schema = order->schema,
					      .name = order->table,
					      .key = order->key,
					      .key_count = order->key_count};
	lk_stream_watch(stream, &table, 1);
	struct lk_my_feed *feed = lk_alloc(sizeof *feed);
	feed->stream = stream;
	feed->changes = order->changes;
	feed->figures.behind_ms = -1;
	lk_my_foreign_init(&feed->foreign, order->schema, order->table, order->beside);
	pthread_mutex_init(&feed->mutex, NULL);
	lk_condition_init(&feed->moved);
	add_mark(feed, copy_place(&order->from));
	if (lk_thread_start(&feed->thread, follow, feed, error))
		return feed;
	release(feed);
	return NULL;
}

void lk_my_feed_end(struct lk_my_feed *feed)
{
	if (!feed)
		return;
	atomic_store(&feed->ending, true);
	lk_stream_interrupt(feed->stream);
	pthread_join(feed->thread, NULL);
	release(feed);
}

/* With the mutex. */
static bool is_behind(const struct lk_my_feed *feed, const struct lk_binlog_position *position)
{
	int order;
	return feed->figures.read.file[0] &&
	       lk_binlog_position_compare(&feed->figures.read, position, &order) && order >= 0;
}

bool lk_my_feed_await(struct lk_my_feed *feed, const struct lk_binlog_position *position,
		      int64_t until_us, bool *there, struct lk_error *error)
{
	pthread_mutex_lock(&feed->mutex);
	while (!feed->failed && !is_behind(feed, position))
		if (lk_condition_wait_until(&feed->moved, &feed->mutex, until_us) == ETIMEDOUT)
			break;
	*there = is_behind(feed, position);
	bool lives = !feed->failed;
	if (!lives)
		*error = feed->error;
	pthread_mutex_unlock(&feed->mutex);
	return lives;
}

bool lk_my_feed_failed(struct lk_my_feed *feed, struct lk_error *error)
{
	pthread_mutex_lock(&feed->mutex);
	bool failed = feed->failed;
	if (failed)
		*error = feed->error;
	pthread_mutex_unlock(&feed->mutex);
	return failed;
}

uint64_t lk_my_feed_new_mark(struct lk_my_feed *feed)
{
	pthread_mutex_lock(&feed->mutex);
	uint64_t next = feed->marks[feed->mark_count - 1].number + 1;
	pthread_mutex_unlock(&feed->mutex);
	atomic_store(&feed->wanted_mark, next);
	return next;
}

struct lk_my_place lk_my_feed_place(struct lk_my_feed *feed)
{
	pthread_mutex_lock(&feed->mutex);
	drop_marks(feed);
	struct lk_my_place place = copy_place(&feed->marks[0].place);
	pthread_mutex_unlock(&feed->mutex);
	return place;
}

struct lk_my_feed_figures lk_my_feed_figures(struct lk_my_feed *feed)
{
	pthread_mutex_lock(&feed->mutex);
	struct lk_my_feed_figures figures = feed->figures;
	pthread_mutex_unlock(&feed->mutex);
	return figures;
}
