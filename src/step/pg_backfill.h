/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the verb backfill share: where it is, and the walk through one table's own rows. */
#ifndef LK_STEP_PG_BACKFILL_H
#define LK_STEP_PG_BACKFILL_H

#include "catalog/catalog.h"
#include "step/chunk.h"
#include "step/narrow.h"
#include "step/pg_step.h"

struct lk_backfill {
	struct lk_step_run *run;
	struct lk_table root; /* the plan's */
	struct lk_table
		table; /* whose own rows are walked: the same, or a partition or child of it */
	struct lk_journal_cursor cursor; /* of the last committed chunk */
	struct lk_chunk chunk;
	struct lk_narrow narrow;
	char **end;	  /* the highest key when we began: later rows are dual-written */
	char **high;	  /* of the chunk under way */
	const char *role; /* the session_replication_role to work under; NULL: as it is */
	int64_t rows_total, retries, rejected, lock_wait_ms;
	int64_t failed_rows; /* of the chunk that failed on its data; 0: it did not */
	bool left_out;	     /* the chunk under way leaves its only row out */
	bool gone;	     /* the table is no partition or child of root any more */
	double longest_ms;   /* of a chunk, whatever is wished */
	double wish_ms, rest_ratio;
	int64_t standby_looked_us;
};

/* Walks b->table from b->cursor to the highest key it has now. DONE also when the table has gone. */
enum lk_outcome lk_backfill_walk(struct lk_backfill *b, struct lk_error *error);
void lk_backfill_free_key(char **key, size_t count);

/* The verb's description (struct lk_verb_ops). */
bool lk_backfill_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			  struct lk_step_text *text, struct lk_error *error);

/* What taking it back means for the rows. */
const char *lk_backfill_undo_text(const struct lk_plan *plan, size_t number);

/* Whether the statement failed on what a row holds, so that other rows may pass: not on a lock, the
 * connection, the server's means, or the statement itself. */
bool lk_backfill_is_data_error(const struct lk_error *error);
bool lk_backfill_skips(const struct lk_step_run *run);
/* Leaves out the row b->high, whose statement failed with `why`; in the chunk's transaction. */
bool lk_backfill_leave_out(struct lk_backfill *b, const struct lk_error *why,
			   struct lk_error *error);
/* After the commit of a row left out: tells the operator; class REFUSED when there are too many. */
bool lk_backfill_count_reject(struct lk_backfill *b, const char *why, struct lk_error *error);
/* Puts into *error at which row the backfill stopped (b->high), or behind which key; and what to do. */
void lk_backfill_explain_row(struct lk_backfill *b, struct lk_error *error);
void lk_backfill_explain_range(struct lk_backfill *b, struct lk_error *error);

#endif
