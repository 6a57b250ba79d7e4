/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparing original and shadow beside writes. Both are read in one snapshot, so what differs is what the stream has told of
 * and nobody has applied yet, or what is about to come in it. A range that differs is a doubt: it is looked at again when
 * everything up to that moment is applied. A row that differed each of several times, although everything known was
 * applied in between, is copied again and counted.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "shadow/my_engine.h"
#include "step/backfill.h"

/* Keys of a doubt that are told apart; a range with more of them is looked at as often as it takes. */
#define MOST_KEYS 1000
/* Then what differs still is copied again. */
#define LOOKS 3

void lk_my_doubt_free(struct lk_my_doubt *doubt, size_t columns)
{
	lk_backfill_free_key(doubt->low, columns);
	lk_backfill_free_key(doubt->high, columns);
	for (size_t i = 0; i < doubt->key_count * columns; i++)
		free(doubt->keys[i]);
	free(doubt->keys);
	free(doubt);
}

static bool run_text(struct lk_session *session, char *sql, struct lk_error *error)
{
	bool done = !sql[0] || lk_execute(session, sql, error);
	free(sql);
	return done;
}

/* One moment for both tables; ended by lk_rollback. */
static bool begin_snapshot(struct lk_session *session, struct lk_error *error)
{
	return lk_execute(session,
			  "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
			  " START TRANSACTION WITH CONSISTENT SNAPSHOT",
			  error);
}

static bool sum(struct lk_my_hand *hand, enum lk_my_side side, const struct lk_range *range,
		struct lk_result *r, struct lk_error *error)
{
	char *sql = lk_my_compare_sum(&hand->engine->shape, side, range->lower, range->upper);
	bool done = lk_query(hand->session, r, error, sql, 0, NULL);
	free(sql);
	return done;
}

static bool same_sums(const struct lk_result *a, const struct lk_result *b)
{
	return strcmp(lk_cell_text(a, 0, 0), lk_cell_text(b, 0, 0)) == 0 &&
	       strcmp(lk_cell_text(a, 0, 1), lk_cell_text(b, 0, 1)) == 0;
}

/* In a snapshot of its own. */
static bool sums_agree(struct lk_my_hand *hand, const struct lk_range *range, bool *agree,
		       int64_t *rows, struct lk_error *error)
{
	const struct lk_my_shape *shape = &hand->engine->shape;
	struct lk_result original = {0}, shadow = {0};
	bool done = begin_snapshot(hand->session, error) &&
		    run_text(hand->session, lk_my_compare_stage(shape, range->lower, range->upper),
			     error) &&
		    sum(hand, LK_MY_ORIGINAL, range, &original, error) &&
		    sum(hand, LK_MY_SHADOW, range, &shadow, error);
	if (done) {
		*agree = same_sums(&original, &shadow);
		*rows = lk_cell_int(&original, 0, 0);
	}
	lk_rollback(hand->session);
	lk_result_free(&original);
	lk_result_free(&shadow);
	return done;
}

static bool prepare(struct lk_my_hand *hand, struct lk_error *error)
{
	if (!hand->staged)
		hand->staged =
			run_text(hand->session, lk_my_compare_begin(&hand->engine->shape), error);
	return hand->staged;
}

static void add_doubt(struct lk_my_engine *e, const struct lk_range *range)
{
	size_t columns = e->shape.table.key.count;
	struct lk_my_doubt *doubt = lk_alloc(sizeof *doubt);
	doubt->low = range->lower ? lk_backfill_copy_key(range->lower, columns) : NULL;
	doubt->high = range->upper ? lk_backfill_copy_key(range->upper, columns) : NULL;
	pthread_mutex_lock(&e->mutex);
	doubt->taken = true; /* until what is known by then is applied */
	doubt->next = e->doubts;
	e->doubts = doubt;
	e->doubt_count++;
	pthread_mutex_unlock(&e->mutex);
}

bool lk_my_compare_range(struct lk_my_hand *hand, const struct lk_range *range,
			 struct lk_error *error)
{
	struct lk_my_engine *e = hand->engine;
	double wish_ms, rest_ratio;
	int64_t from = lk_clock_us(), rows = 0;
	bool agree = false;
	if (!prepare(hand, error) || !sums_agree(hand, range, &agree, &rows, error))
		return false;
	const struct lk_chunk_past past = {.rows = rows > 0 ? rows : 1,
					   .took_ms = (double)(lk_clock_us() - from) / 1000.0};
	if (lk_pace_wait(e->run->pace, &wish_ms, &rest_ratio))
		lk_chunk_learn(&hand->compare, &past, wish_ms);
	if (!agree)
		add_doubt(e, range);
	pthread_mutex_lock(&e->mutex);
	e->figures.compared += rows;
	e->figures.ranges++;
	pthread_mutex_unlock(&e->mutex);
	return true;
}

static bool read_differing(struct lk_my_hand *hand, const struct lk_my_doubt *doubt,
			   struct lk_result *r, struct lk_error *error)
{
	const struct lk_my_shape *shape = &hand->engine->shape;
	bool done =
		begin_snapshot(hand->session, error) &&
		run_text(hand->session, lk_my_compare_stage(shape, doubt->low, doubt->high), error);
	if (done) {
		char *sql = lk_my_compare_differ(shape, doubt->low, doubt->high, MOST_KEYS);
		done = lk_query(hand->session, r, error, sql, 0, NULL);
		free(sql);
	}
	lk_rollback(hand->session);
	return done;
}

static bool has_key(const struct lk_my_doubt *doubt, const struct lk_result *r, size_t row,
		    size_t columns)
{
	for (size_t k = 0; k < doubt->key_count; k++) {
		size_t i = 0;
		while (i < columns &&
		       strcmp(doubt->keys[k * columns + i], lk_cell_text(r, row, i)) == 0)
			i++;
		if (i == columns)
			return true;
	}
	return false;
}

/* Those that differ now and did so each time before. */
static void keep_common(struct lk_my_doubt *doubt, const struct lk_result *r, size_t columns)
{
	char **keys = lk_alloc((r->rows * columns + 1) * sizeof *keys);
	size_t count = 0;
	for (size_t row = 0; row < r->rows; row++) {
		if (doubt->keys && !has_key(doubt, r, row, columns))
			continue;
		for (size_t i = 0; i < columns; i++)
			keys[count * columns + i] = lk_strdup(lk_cell_text(r, row, i));
		count++;
	}
	for (size_t i = 0; i < doubt->key_count * columns; i++)
		free(doubt->keys[i]);
	free(doubt->keys);
	doubt->keys = keys;
	doubt->key_count = count;
}

/* All of them in one set; each key is its own list of texts. */
static bool repair(struct lk_my_hand *hand, struct lk_my_doubt *doubt, struct lk_error *error)
{
	struct lk_my_engine *e = hand->engine;
	size_t columns = e->shape.table.key.count;
	char **literals = lk_alloc((doubt->key_count * columns + 1) * sizeof *literals);
	for (size_t i = 0; i < doubt->key_count * columns; i++) {
		struct lk_buffer literal = {0};
		lk_my_key_add_literal(&e->shape.key, i % columns, doubt->keys[i], &literal);
		literals[i] = lk_buffer_take(&literal);
	}
	const struct lk_my_keys keys = {(const char *const *)literals, doubt->key_count};
	bool done = lk_my_copy_again(hand->session, &e->shape, &keys, NULL, error);
	for (size_t i = 0; i < doubt->key_count * columns; i++)
		free(literals[i]);
	free(literals);
	if (done) {
		pthread_mutex_lock(&e->mutex);
		e->figures.repaired += (int64_t)doubt->key_count;
		pthread_mutex_unlock(&e->mutex);
		doubt->looks = 0;
	}
	return done;
}

bool lk_my_look_again(struct lk_my_hand *hand, struct lk_my_doubt *doubt, bool *settled,
		      struct lk_error *error)
{
	struct lk_result r = {0};
	*settled = false;
	if (!prepare(hand, error) || !read_differing(hand, doubt, &r, error))
		return false;
	keep_common(doubt, &r, hand->engine->shape.table.key.count);
	*settled = doubt->key_count == 0 && r.rows < MOST_KEYS;
	lk_result_free(&r);
	doubt->looks++;
	return *settled || doubt->looks < LOOKS || doubt->key_count == 0 ||
	       repair(hand, doubt, error);
}
