/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chunk after chunk by key, each in a transaction with the cursor, so that after any crash the work goes on
 * exactly behind the last committed row.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "step/backfill.h"

#define RETRY_GAP_MS 100
#define LONGEST_REST_MS 2000

/* A chunk under way. */
struct portion {
	int64_t from_us;
	int64_t rows_us; /* spent on the statements that look for the rows and write them */
	int64_t rows, changed;
	int waiters; /* sessions that wait for it to end, at the moment before its commit */
	bool last;
	char why[300]; /* its only row was left out */
};

void lk_backfill_free_key(char **key, size_t count)
{
	for (size_t i = 0; key && i < count; i++)
		free(key[i]);
	free(key);
}

char **lk_backfill_copy_key(char *const *key, size_t count)
{
	char **copy = lk_alloc(count * sizeof(char *));
	for (size_t i = 0; i < count; i++)
		copy[i] = lk_strdup(key[i] ? key[i] : "");
	return copy;
}

static char **first_key(const struct lk_backfill *b, const struct lk_result *r)
{
	return lk_backfill_copy_key(r->cells, b->table.key.count);
}

static bool begin_chunk(struct lk_backfill *b, struct lk_error *error)
{
	return b->ops->begin(b, error) &&
	       lk_journal_fence(b->run->session, b->run->run, b->run->epoch, error);
}

static bool find_end(struct lk_backfill *b, struct lk_error *error)
{
	struct lk_result r = {0};
	bool read = begin_chunk(b, error) && b->ops->last_key(b, &r, error) &&
		    lk_commit(b->run->session, error);
	if (!read)
		lk_rollback(b->run->session);
	else if (r.rows)
		b->end = first_key(b, &r);
	lk_result_free(&r);
	return read;
}

/* A partition may have been detached, and be somebody else's table now. */
static bool still_there(struct lk_backfill *b, struct lk_error *error)
{
	bool is = true;
	if (b->cursor.part &&
	    !lk_catalog_is_leaf(b->run->session, &b->root, b->cursor.part, &is, error))
		return false;
	b->gone = !is;
	return is || lk_fail(error, LK_ERROR_REFUSED, "%s is no part of %s any more",
			     b->table.shown, b->root.shown);
}

/* The chunk's upper key into b->high, and how many rows it has. */
static bool find_high(struct lk_backfill *b, struct portion *p, struct lk_error *error)
{
	struct lk_result r;
	int64_t wanted = lk_narrow_rows(&b->narrow);
	if (wanted == 0 || wanted > b->chunk.rows)
		wanted = b->chunk.rows;
	if (!b->ops->nth_key(b, wanted, &r, error))
		return false;
	p->last = r.rows == 0;
	p->rows = wanted;
	if (!p->last)
		b->high = first_key(b, &r);
	lk_result_free(&r);
	if (!p->last)
		return true;
	if (!b->ops->count(b, &r, error))
		return false;
	p->rows = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	b->high = lk_backfill_copy_key(b->end, b->table.key.count);
	return true;
}

static bool update(struct lk_backfill *b, struct portion *p, struct lk_error *error)
{
	struct lk_result r;
	if (!b->ops->update(b, &r, error))
		return false;
	p->changed = r.affected;
	lk_result_free(&r);
	return true;
}

/* A row that may be left out alone stands behind a savepoint, with what would else fail at the commit. */
static bool update_or_leave_out(struct lk_backfill *b, struct portion *p, struct lk_error *error)
{
	struct lk_error why;
	struct lk_session *session = b->run->session;
	if (!LK_RUN(session, error, "SAVEPOINT lockkeeper"))
		return false;
	if (update(b, p, error) && b->ops->settle(b, error))
		return true;
	if (!b->ops->is_data_error(error))
		return false;
	why = *error;
	LK_COPY(p->why, why.text);
	p->changed = 0;
	return LK_RUN(session, error, "ROLLBACK TO SAVEPOINT lockkeeper") &&
	       lk_backfill_leave_out(b, &why, error);
}

/* Sets b->failed_rows when it fails on the rows' data. */
static bool fill(struct lk_backfill *b, struct portion *p, struct lk_error *error)
{
	if (p->rows == 1 && lk_backfill_skips(b->run))
		return update_or_leave_out(b, p, error);
	if (update(b, p, error))
		return true;
	if (b->ops->is_data_error(error))
		b->failed_rows = p->rows > 0 ? p->rows : 1;
	return false;
}

/* The cursor as it will be when this chunk commits; its key is b->high. */
static struct lk_journal_cursor next_cursor(const struct lk_backfill *b, const struct portion *p)
{
	return (struct lk_journal_cursor){.key = b->high,
					  .count = b->table.key.count,
					  .rows_done = b->cursor.rows_done + p->rows,
					  .rows_changed = b->cursor.rows_changed + p->changed,
					  .chunks = b->cursor.chunks + 1,
					  .part = b->cursor.part,
					  .part_finished = p->last};
}

/* A constraint that is checked at the end fails here. */
static bool commit(struct lk_backfill *b, const struct portion *p, struct lk_error *error)
{
	if (lk_commit(b->run->session, error))
		return true;
	if (b->ops->is_data_error(error))
		b->failed_rows = p->rows > 0 ? p->rows : 1;
	return false;
}

static void report(struct lk_backfill *b, double took_ms, int waiters, const char *what)
{
	if (!b->run->progress)
		return;
	b->run->progress(b->run->context,
			 &(struct lk_progress){.rows_done = b->cursor.rows_done,
					       .rows_changed = b->cursor.rows_changed,
					       .rows_total = b->rows_total,
					       .chunks = b->cursor.chunks,
					       .next_rows = b->chunk.rows,
					       .retries = b->retries,
					       .rejected = b->rejected,
					       .took_ms = took_ms,
					       .target_ms = b->chunk.allowed_ms,
					       .waiters = waiters,
					       .what = what});
}

/* What a portion of suspected rows took says nothing about the next chunk. */
static void learn(struct lk_backfill *b, const struct portion *p, double took_ms)
{
	if (lk_narrow_rows(&b->narrow) > 0)
		lk_narrow_passed(&b->narrow, p->rows);
	else
		lk_chunk_learn(
			&b->chunk,
			&(struct lk_chunk_past){.rows = p->rows,
						.took_ms = took_ms,
						.besides_ms = took_ms - (double)p->rows_us / 1000.0,
						.waiters = p->waiters},
			b->wish_ms);
}

/* Looks for the chunk's rows and writes them. */
static bool find_and_fill(struct lk_backfill *b, struct portion *p, struct lk_error *error)
{
	int64_t from_us = lk_clock_us();
	bool done = find_high(b, p, error) && fill(b, p, error);
	p->rows_us = lk_clock_us() - from_us;
	return done;
}

/* One chunk, committed. */
static bool one_chunk(struct lk_backfill *b, struct portion *p, struct lk_error *error)
{
	struct lk_session *session = b->run->session;
	struct lk_journal_cursor next;
	*p = (struct portion){.from_us = lk_clock_us()};
	b->failed_rows = 0;
	b->left_out = false;
	bool done = begin_chunk(b, error) && still_there(b, error) && find_and_fill(b, p, error);
	next = next_cursor(b, p);
	done = done && lk_journal_set_cursor(session, b->run->run, b->run->number, &next, error) &&
	       b->ops->waiters(b, &p->waiters, error) && commit(b, p, error);
	if (!done) {
		lk_rollback(session);
		if (b->failed_rows == 1)
			lk_backfill_explain_row(b, error);
		lk_backfill_free_key(b->high, b->table.key.count);
		b->high = NULL;
		return false;
	}
	lk_journal_cursor_free(&b->cursor);
	b->cursor = next;
	b->high = NULL;
	double took_ms = (double)(lk_clock_us() - p->from_us) / 1000.0;
	learn(b, p, took_ms);
	report(b, took_ms, p->waiters, "committed");
	double rest = took_ms * b->rest_ratio;
	lk_pace_sleep(b->run->pace, (int64_t)(rest < LONGEST_REST_MS ? rest : LONGEST_REST_MS));
	return true;
}

/* What to do after a chunk that failed: go on, or stop with an outcome. */
static bool goes_on(struct lk_backfill *b, enum lk_outcome *outcome, struct lk_error *error)
{
	bool given_way = atomic_exchange(&b->run->pace->give_way, false);
	*outcome = lk_step_outcome(b->run, error);
	if (atomic_load(&b->run->pace->stop)) {
		report(b, 0, 0, "cancelled, undone");
		return false;
	}
	if (b->failed_rows > 1) {
		if (lk_narrow_rows(&b->narrow) == 0)
			lk_step_say(b->run, "%lld rows of %s fail together: %s; looking for which",
				    (long long)b->failed_rows, b->table.shown, error->text);
		lk_narrow_failed(&b->narrow, b->failed_rows);
		report(b, 0, 0, "failed, tried again in halves");
		return true;
	}
	if (error->class != LK_ERROR_RETRY && !given_way) {
		if (error->class == LK_ERROR_STATEMENT && b->failed_rows == 0)
			lk_backfill_explain_range(b, error);
		return false;
	}
	b->retries++;
	lk_chunk_shrink(&b->chunk);
	report(b, 0, 0, "given up and tried again");
	*outcome = LK_OUTCOME_STOPPED;
	return lk_pace_sleep(b->run->pace, RETRY_GAP_MS);
}

/* A partition that was dropped makes statements fail in the middle. */
static bool has_gone(struct lk_backfill *b)
{
	struct lk_error ignored;
	if (!b->gone && b->cursor.part && !atomic_load(&b->run->pace->stop))
		still_there(b, &ignored);
	return b->gone;
}

static enum lk_outcome walk_to_end(struct lk_backfill *b, struct lk_error *error)
{
	enum lk_outcome outcome;
	struct portion p;
	for (bool last = false; !last;) {
		if (!lk_pace_wait(b->run->pace, &b->wish_ms, &b->rest_ratio))
			return LK_OUTCOME_STOPPED;
		if (!b->ops->await(b, error))
			return lk_step_outcome(b->run, error);
		if (b->wish_ms > b->longest_ms)
			b->wish_ms = b->longest_ms;
		if (one_chunk(b, &p, error)) {
			last = p.last;
			if (b->left_out && !lk_backfill_count_reject(b, p.why, error))
				return LK_OUTCOME_FAILED;
		} else if (has_gone(b)) {
			return LK_OUTCOME_DONE;
		} else if (!goes_on(b, &outcome, error)) {
			return outcome;
		}
	}
	return LK_OUTCOME_DONE;
}

enum lk_outcome lk_backfill_walk(struct lk_backfill *b, struct lk_error *error)
{
	enum lk_outcome outcome = LK_OUTCOME_DONE;
	b->gone = false;
	b->failed_rows = 0;
	b->narrow = (struct lk_narrow){0};
	while (!find_end(b, error)) {
		if (has_gone(b))
			return LK_OUTCOME_DONE;
		if (!goes_on(b, &outcome, error))
			return outcome;
	}
	if (b->end)
		outcome = walk_to_end(b, error);
	lk_backfill_free_key(b->end, b->table.key.count);
	b->end = NULL;
	return outcome;
}
