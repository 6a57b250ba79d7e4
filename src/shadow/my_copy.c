/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The crew's jobs that write the shadow: a chunk, and rows copied again by their keys. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "shadow/my_engine.h"
#include "step/backfill.h"

/* Rows that stand in the way under a UNIQUE index may themselves be kept out by others, and so on. */
#define MOST_ROUNDS 5

bool lk_my_find_high(struct lk_my_hand *hand, char *const *low, int64_t rows, char ***high,
		     struct lk_error *error)
{
	const struct lk_my_shape *shape = &hand->engine->shape;
	size_t count = shape->table.key.count;
	struct lk_result r;
	char *sql = lk_my_bound(shape, low, rows);
	bool found = lk_query(hand->session, &r, error, sql, 0, NULL);
	*high = NULL;
	if (found && r.rows > 0) {
		*high = lk_alloc((count + 1) * sizeof **high);
		for (size_t i = 0; i < count; i++)
			(*high)[i] = lk_strdup(lk_cell_text(&r, 0, i));
	}
	lk_result_free(&r);
	free(sql);
	return found;
}

/* A list of keys as the statements take them; freed by free_keys. */
struct keys {
	struct lk_my_keys view;
	char **literals;
	size_t used;
};

static void push(struct keys *k, char *literal)
{
	*LK_PUSH(k->literals, k->used) = literal;
	k->view.literals = (const char *const *)k->literals;
}

static void free_keys(struct keys *k)
{
	for (size_t i = 0; i < k->used; i++)
		free(k->literals[i]);
	free(k->literals);
	*k = (struct keys){0};
}

static bool push_change(const struct lk_my_engine *e, struct keys *k,
			const struct lk_change *change, struct lk_error *error)
{
	size_t columns = e->shape.table.key.count;
	for (size_t i = 0; i < columns; i++) {
		struct lk_buffer literal = {0};
		if (!lk_binlog_key_part_sql(e->key, columns, i, change->key, change->bytes,
					    &literal, error)) {
			lk_buffer_free(&literal);
			return false;
		}
		push(k, lk_buffer_take(&literal));
	}
	k->view.count++;
	return true;
}

/* The keys of rows of a result, as lk_my_bound has them. */
static void push_rows(const struct lk_my_engine *e, struct keys *k, const struct lk_result *r)
{
	size_t columns = e->shape.table.key.count;
	for (size_t row = 0; row < r->rows; row++) {
		for (size_t i = 0; i < columns; i++) {
			struct lk_buffer literal = {0};
			lk_my_key_add_literal(&e->shape.key, i, lk_cell_text(r, row, i), &literal);
			push(k, lk_buffer_take(&literal));
		}
		k->view.count++;
	}
}

/* In the transaction that is open. `gone` are those that must be deleted; NULL all. */
static bool copy_again(const struct lk_my_engine *e, struct lk_session *session,
		       const struct lk_my_keys *keys, const struct lk_my_keys *gone,
		       struct lk_error *error)
{
	const struct lk_my_keys *deleted = gone ? gone : keys;
	bool done = true;
	if (deleted->count) {
		char *sql = lk_my_again_delete(&e->shape, deleted);
		done = lk_execute(session, sql, error);
		free(sql);
	}
	if (done) {
		char *sql = lk_my_again_copy(&e->shape, keys);
		done = lk_execute(session, sql, error);
		free(sql);
	}
	return done;
}

/* Under LOCK TABLES each statement commits by itself: nobody else can see what lies between. */
static bool in_transaction(const struct lk_my_engine *e, struct lk_session *session,
			   const struct lk_my_keys *const lists[2], bool held,
			   struct lk_error *error)
{
	if (held)
		return copy_again(e, session, lists[0], lists[1], error);
	if (lk_begin(session, error) &&
	    lk_journal_fence(session, e->run->run, e->run->epoch, error) &&
	    copy_again(e, session, lists[0], lists[1], error) && lk_commit(session, error))
		return true;
	lk_rollback(session);
	return false;
}

/* Adds the rows of the shadow that are in the way, of which at least one must be new; false: there is none, or *error. */
static bool add_obstacles(const struct lk_my_engine *e, struct lk_session *session, struct keys *k,
			  char *sql, struct lk_error *error)
{
	struct lk_result r = {0};
	size_t before = k->view.count;
	struct lk_error why;
	if (sql && lk_query(session, &r, &why, sql, 0, NULL))
		push_rows(e, k, &r);
	else if (sql)
		*error = why;
	lk_result_free(&r);
	free(sql);
	return k->view.count > before;
}

/* Two rows of the original that would be one in the shadow: names them. */
static bool find_twice(const struct lk_my_engine *e, struct lk_session *session, size_t which,
		       bool *found, struct lk_error *error)
{
	const struct lk_my_shape *shape = &e->shape;
	struct lk_result r = {0};
	struct lk_error ignored;
	char *sql = lk_my_find_twice(shape, which, 1);
	size_t columns = shape->table.key.count;
	*found = lk_query(session, &r, &ignored, sql, 0, NULL) && r.rows > 0;
	if (*found) {
		struct lk_buffer text = {0};
		for (size_t i = 0; i < 2 * columns; i++) {
			char *shown =
				lk_my_key_shown(&shape->key, i % columns, lk_cell_text(&r, 0, i));
			lk_buffer_addf(&text, "%s%s",
				       i == columns ? " and "
				       : i	    ? ", "
						    : "",
				       shown);
			free(shown);
		}
		lk_fail(error, LK_ERROR_REFUSED,
			"the rows %s of %s are the same under the index %s of the new table: make them differ, or take "
			"that index out of the change",
			text.text, shape->table.shown, shape->mapping.uniques[which].index->name);
		lk_buffer_free(&text);
	}
	lk_result_free(&r);
	free(sql);
	return *found;
}

/*
 * What is in the way can go on changing while it is looked for, so a duplicate is one only if two rows of the original
 * say so; under an index that the original has as well there are none. Else the same again may work.
 */
static void judge_duplicate(const struct lk_my_engine *e, struct lk_session *session,
			    struct lk_error *error)
{
	const struct lk_my_mapping *mapping = &e->shape.mapping;
	bool found = false, blind = false;
	for (size_t i = 0; i < mapping->unique_count && !found; i++) {
		blind = blind || !mapping->uniques[i].checkable;
		if (mapping->uniques[i].checkable)
			find_twice(e, session, i, &found, error);
	}
	if (!found && !blind)
		error->class = LK_ERROR_RETRY;
}

bool lk_my_apply_set(struct lk_my_engine *e, struct lk_session *session,
		     const struct lk_change_set *set, bool held, struct lk_error *error)
{
	struct keys all = {0}, gone = {0};
	bool done = true;
	for (size_t i = 0; done && i < set->count; i++)
		done = push_change(e, &all, &set->keys[i], error) &&
		       (!set->keys[i].gone || push_change(e, &gone, &set->keys[i], error));
	const struct lk_my_keys *lists[2] = {&all.view,
					     e->shape.mapping.replaces ? &gone.view : NULL};
	done = done && in_transaction(e, session, lists, held, error);
	for (int round = 0; !done && round < MOST_ROUNDS && lk_my_is_duplicate(error); round++) {
		lists[1] = NULL;
		if (!add_obstacles(e, session, &all, lk_my_obstacles_of(&e->shape, &all.view),
				   error))
			break;
		done = in_transaction(e, session, lists, held, error);
	}
	if (!done && lk_my_is_duplicate(error))
		judge_duplicate(e, session, error);
	free_keys(&all);
	free_keys(&gone);
	return done;
}

static bool copy_rows(struct lk_my_hand *hand, const struct lk_range *range, int64_t *rows,
		      struct lk_error *error)
{
	struct lk_my_engine *e = hand->engine;
	struct lk_result r = {0};
	char *sql = lk_my_chunk_copy(&e->shape, range->lower, range->upper);
	bool done = lk_begin(hand->session, error) &&
		    lk_journal_fence(hand->session, e->run->run, e->run->epoch, error) &&
		    lk_query(hand->session, &r, error, sql, 0, NULL);
	*rows = done ? r.affected : 0;
	lk_result_free(&r);
	free(sql);
	done = done && lk_commit(hand->session, error);
	if (!done)
		lk_rollback(hand->session);
	return done;
}

/* What is in a chunk's way under a UNIQUE index may be a row that has changed since: copied again, it makes room. */
static bool clear_range(struct lk_my_hand *hand, const struct lk_range *range,
			struct lk_error *error)
{
	struct lk_my_engine *e = hand->engine;
	struct keys k = {0};
	bool cleared = false;
	char *sql = lk_my_obstacles_in(&e->shape, range->lower, range->upper);
	if (add_obstacles(e, hand->session, &k, sql, error)) {
		const struct lk_my_keys *lists[2] = {&k.view, NULL};
		cleared = in_transaction(e, hand->session, lists, false, error);
	}
	free_keys(&k);
	return cleared;
}

static void learn(struct lk_my_hand *hand, int64_t rows, double took_ms)
{
	struct lk_my_engine *e = hand->engine;
	double wish_ms, rest_ratio;
	const struct lk_chunk_past past = {.rows = rows, .took_ms = took_ms};
	if (lk_pace_wait(e->run->pace, &wish_ms, &rest_ratio))
		lk_chunk_learn(&hand->copy, &past, wish_ms);
	pthread_mutex_lock(&e->mutex);
	e->figures.copied += rows;
	e->figures.chunks++;
	e->figures.chunk_ms = took_ms;
	pthread_mutex_unlock(&e->mutex);
}

bool lk_my_copy_range(struct lk_my_hand *hand, const struct lk_range *range, struct lk_error *error)
{
	int64_t from = lk_clock_us(), rows;
	bool done = copy_rows(hand, range, &rows, error);
	for (int round = 0; !done && round < MOST_ROUNDS && lk_my_is_duplicate(error); round++) {
		struct lk_error why = *error;
		if (!clear_range(hand, range, &why)) {
			if (why.class == LK_ERROR_RETRY)
				*error = why;
			break;
		}
		done = copy_rows(hand, range, &rows, error);
	}
	if (!done && lk_my_is_duplicate(error))
		judge_duplicate(hand->engine, hand->session, error);
	if (done)
		learn(hand, rows > 0 ? rows : 1, (double)(lk_clock_us() - from) / 1000.0);
	else
		lk_chunk_shrink(&hand->copy);
	return done;
}
