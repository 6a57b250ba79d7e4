/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb backfill: chunk after chunk by key, each in a transaction with the cursor, so that after any
 * crash the work goes on exactly behind the last committed row. A chunk and its wait for a row lock together
 * stay below the server's deadlock_timeout: of a deadlock we give up first, and the application never hears.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "step/chunk.h"
#include "step/pg_backfill_sql.h"
#include "step/pg_step.h"

#define RETRY_GAP_MS 100
#define LONGEST_REST_MS 2000

struct backfill {
	struct lk_step_run *run;
	struct lk_table table;
	struct lk_journal_cursor cursor; /* of the last committed chunk */
	struct lk_chunk chunk;
	char **end;  /* the highest key when we began: later rows are dual-written */
	char **high; /* of the chunk under way */
	int64_t retries;
	int64_t lock_wait_ms;
	double longest_ms; /* of a chunk, whatever is wished */
	double wish_ms, rest_ratio;
};

static void free_key(char **key, size_t count)
{
	for (size_t i = 0; key && i < count; i++)
		free(key[i]);
	free(key);
}

static char **copy_key(const struct lk_result *r, size_t count)
{
	char **key = lk_alloc(count * sizeof(char *));
	for (size_t i = 0; i < count; i++)
		key[i] = lk_strdup(lk_cell_text(r, 0, i));
	return key;
}

/* Runs SQL over the range (cursor, high]. */
static bool over_range(struct backfill *b, char *sql, char **high, struct lk_result *r,
		       struct lk_error *error)
{
	size_t k = b->table.key.count;
	const char *parameters[2 * 32];
	if (k > 32) {
		free(sql);
		return lk_fail(error, LK_ERROR_REFUSED, "the key of %s has over 32 columns",
			       b->table.shown);
	}
	for (size_t i = 0; i < k; i++) {
		parameters[i] = high[i];
		parameters[k + i] = b->cursor.key ? b->cursor.key[i] : NULL;
	}
	bool done = lk_query(b->run->session, r, error, sql, b->cursor.key ? 2 * k : k, parameters);
	free(sql);
	return done;
}

static bool find_end(struct backfill *b, struct lk_error *error)
{
	struct lk_result r;
	char *sql = lk_pg_backfill_last_sql(&b->table);
	bool read = lk_query(b->run->session, &r, error, sql, 0, NULL);
	free(sql);
	if (!read)
		return false;
	if (r.rows)
		b->end = copy_key(&r, b->table.key.count);
	lk_result_free(&r);
	return true;
}

/* The chunk's upper key into b->high, its rows into *rows, whether it is the last into *last. */
static bool find_high(struct backfill *b, int64_t *rows, bool *last, struct lk_error *error)
{
	struct lk_result r;
	size_t k = b->table.key.count;
	bool has_low = b->cursor.key != NULL;
	if (!over_range(b, lk_pg_backfill_nth_sql(&b->table, has_low, b->chunk.rows), b->end, &r,
			error))
		return false;
	*last = r.rows == 0;
	*rows = b->chunk.rows;
	if (!*last)
		b->high = copy_key(&r, k);
	lk_result_free(&r);
	if (!*last)
		return true;
	if (!over_range(b, lk_pg_backfill_count_sql(&b->table, has_low), b->end, &r, error))
		return false;
	*rows = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	b->high = lk_alloc(k * sizeof(char *));
	for (size_t i = 0; i < k; i++)
		b->high[i] = lk_strdup(b->end[i]);
	return true;
}

/* Sessions that wait for this transaction to end, at the moment before its commit. */
static bool count_waiters(struct backfill *b, int *waiters, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    b->run->session, &r, error,
		    "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
		    " AND transactionid = pg_current_xact_id_if_assigned()::xid"))
		return false;
	*waiters = (int)lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

static bool read_patience(struct backfill *b, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(b->run->session, &r, error,
		      "SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'"))
		return false;
	int64_t deadlock_ms = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	b->lock_wait_ms = lk_pg_lock_wait_ms(b->run);
	if (b->lock_wait_ms > deadlock_ms / 4)
		b->lock_wait_ms = deadlock_ms / 4;
	if (b->lock_wait_ms < 1)
		b->lock_wait_ms = 1;
	b->longest_ms = (double)deadlock_ms / 2;
	return true;
}

static bool begin_chunk(struct backfill *b, struct lk_error *error)
{
	char sql[200];
	snprintf(sql, sizeof sql,
		 "BEGIN; SET LOCAL lockkeeper.backfill = 'on'; SET LOCAL lock_timeout = '%lldms';"
		 " SET LOCAL enable_seqscan = off",
		 (long long)b->lock_wait_ms);
	return lk_execute(b->run->session, sql, error) &&
	       lk_journal_fence(b->run->session, b->run->run, b->run->epoch, error);
}

/* The cursor as it will be when this chunk commits; its key is borrowed from b->high. */
static struct lk_journal_cursor next_cursor(const struct backfill *b, int64_t rows, int64_t changed,
					    bool last)
{
	return (struct lk_journal_cursor){.key = b->high,
					  .count = b->table.key.count,
					  .rows_done = b->cursor.rows_done + rows,
					  .rows_changed = b->cursor.rows_changed + changed,
					  .chunks = b->cursor.chunks + 1,
					  .finished = last};
}

static void report(struct backfill *b, double took_ms, int waiters, const char *what)
{
	if (!b->run->progress)
		return;
	b->run->progress(b->run->context,
			 &(struct lk_progress){.rows_done = b->cursor.rows_done,
					       .rows_changed = b->cursor.rows_changed,
					       .rows_total = b->table.rows,
					       .chunks = b->cursor.chunks,
					       .next_rows = b->chunk.rows,
					       .retries = b->retries,
					       .took_ms = took_ms,
					       .target_ms = b->chunk.allowed_ms,
					       .waiters = waiters,
					       .what = what});
}

static bool finish_record(struct backfill *b, const struct lk_journal_cursor *cursor,
			  struct lk_error *error)
{
	snprintf(b->run->note, sizeof b->run->note, "%lld rows walked, %lld changed, %lld chunks",
		 (long long)cursor->rows_done, (long long)cursor->rows_changed,
		 (long long)cursor->chunks);
	return lk_pg_step_record(b->run, "done", error);
}

/* One chunk, committed. *last tells whether it was the last. */
static bool one_chunk(struct backfill *b, bool *last, struct lk_error *error)
{
	struct lk_result r;
	struct lk_session *session = b->run->session;
	int64_t from = lk_clock_us(), rows = 0, changed = 0;
	int waiters = 0;
	bool has_low = b->cursor.key != NULL;
	bool done = begin_chunk(b, error) && find_high(b, &rows, last, error) &&
		    over_range(b,
			       lk_pg_backfill_update_sql(session, &b->table, lk_step_of(b->run),
							 has_low),
			       b->high, &r, error);
	if (done) {
		changed = r.affected;
		lk_result_free(&r);
	}
	struct lk_journal_cursor next = next_cursor(b, rows, changed, *last);
	done = done && lk_journal_set_cursor(session, b->run->run, b->run->number, &next, error) &&
	       (!*last || finish_record(b, &next, error)) && count_waiters(b, &waiters, error) &&
	       lk_commit(session, error);
	if (!done) {
		lk_rollback(session);
		free_key(b->high, b->table.key.count);
		b->high = NULL;
		return false;
	}
	lk_journal_cursor_free(&b->cursor);
	b->cursor = next;
	b->high = NULL;
	double took_ms = (double)(lk_clock_us() - from) / 1000.0;
	lk_chunk_learn(&b->chunk, rows, took_ms, waiters, b->wish_ms);
	report(b, took_ms, waiters, "committed");
	double rest = took_ms * b->rest_ratio;
	lk_pace_sleep(b->run->pace, (int64_t)(rest < LONGEST_REST_MS ? rest : LONGEST_REST_MS));
	return true;
}

static void explain_failure(struct backfill *b, struct lk_error *error)
{
	struct lk_buffer low = {0};
	for (size_t i = 0; b->cursor.key && i < b->cursor.count; i++)
		lk_buffer_addf(&low, "%s%s", i ? ", " : "", b->cursor.key[i]);
	lk_fail_context(error, "backfill of %s, in the %lld rows behind key (%s)", b->table.shown,
			(long long)b->chunk.rows,
			b->cursor.key ? lk_buffer_text(&low) : "beginning");
	lk_buffer_free(&low);
}

static enum lk_outcome walk(struct backfill *b, struct lk_error *error)
{
	for (bool last = b->cursor.finished; !last;) {
		if (!lk_pace_wait(b->run->pace, &b->wish_ms, &b->rest_ratio))
			return LK_OUTCOME_STOPPED;
		if (b->wish_ms > b->longest_ms)
			b->wish_ms = b->longest_ms;
		if (one_chunk(b, &last, error))
			continue;
		last = false;
		bool given_way = atomic_exchange(&b->run->pace->give_way, false);
		if (atomic_load(&b->run->pace->stop)) {
			report(b, 0, 0, "cancelled, undone");
			return lk_step_outcome(b->run, error);
		}
		if (error->class != LK_ERROR_RETRY && !given_way) {
			if (error->class == LK_ERROR_STATEMENT)
				explain_failure(b, error);
			return lk_step_outcome(b->run, error);
		}
		b->retries++;
		lk_chunk_shrink(&b->chunk);
		report(b, 0, 0, "given up and tried again");
		if (!lk_pace_sleep(b->run->pace, RETRY_GAP_MS))
			return LK_OUTCOME_STOPPED;
	}
	return LK_OUTCOME_DONE;
}

static bool check(struct lk_session *session, const struct lk_step *step, struct lk_table *table,
		  struct lk_error *error)
{
	if (!lk_catalog_table(session, step->table, table, error))
		return false;
	if (table->key.count == 0)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"table %s has no usable key: the backfill walks by a primary key or a unique index "
			"over NOT NULL columns, so create one first",
			table->shown);
	if (table->row_security)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"table %s has row level security, which could hide rows from the backfill",
			table->shown);
	return true;
}

static enum lk_outcome backfill_forward(struct lk_step_run *run, struct lk_error *error)
{
	struct backfill b = {.run = run};
	enum lk_outcome outcome;
	lk_chunk_init(&b.chunk);
	if (!lk_pg_step_intend(run, error) ||
	    !check(run->session, lk_step_of(run), &b.table, error) ||
	    !lk_journal_cursor(run->session, run->run, run->number, b.table.key.count, &b.cursor,
			       error) ||
	    !read_patience(&b, error) || !find_end(&b, error)) {
		outcome = lk_step_outcome(run, error);
	} else if (!b.end || b.cursor.finished) {
		LK_COPY(run->note, b.end ? "finished before" : "the table is empty");
		outcome = lk_pg_step_only_record(run, "done", error);
	} else {
		outcome = walk(&b, error);
	}
	free_key(b.end, b.table.key.count);
	lk_journal_cursor_free(&b.cursor);
	lk_table_free(&b.table);
	return outcome;
}

/* The values go away with the column that the dual write's undo drops; only the cursor is ours to forget. */
static enum lk_outcome backfill_backward(struct lk_step_run *run, struct lk_error *error)
{
	LK_COPY(run->note, "the values go with the column");
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_forget_cursor(run->session, run->run, run->number, error) &&
	    lk_pg_step_record(run, "undone", error) && lk_commit(run->session, error))
		return LK_OUTCOME_DONE;
	lk_rollback(run->session);
	return lk_step_outcome(run, error);
}

static bool makes_column(const struct lk_plan *plan, const struct lk_step *backfill,
			 const char *column)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].verb == LK_VERB_DUAL_WRITE &&
		    strcmp(plan->steps[i].table, backfill->table) == 0 &&
		    strcmp(plan->steps[i].to, column) == 0)
			return true;
	return false;
}

static bool backfill_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			      struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	struct lk_table table = {0};
	bool described = check(session, step, &table, error);
	for (size_t i = 0; described && i < step->set_count; i++)
		if (!makes_column(plan, step, step->set[i].column))
			described =
				lk_table_need_column(&table, step->set[i].column, error) != NULL;
	if (described) {
		char *sql = lk_pg_backfill_update_sql(session, &table, step, true);
		LK_COPY(text->statement, sql);
		snprintf(text->lock, sizeof text->lock,
			 "ROW EXCLUSIVE on %s; the rows of one chunk, for its duration",
			 table.shown);
		snprintf(text->cost, sizeof text->cost,
			 "a new version of about %lld rows, in chunks by %s",
			 (long long)(table.rows < 0 ? 0 : table.rows), table.key.index);
		LK_COPY(text->undo, "the values go with the column");
		free(sql);
	}
	lk_table_free(&table);
	return described;
}

const struct lk_verb_ops lk_pg_verb_backfill = {
	.forward = backfill_forward,
	.backward = backfill_backward,
	.describe = backfill_describe,
};
