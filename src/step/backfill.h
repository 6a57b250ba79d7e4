/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the verb backfill share: where it is, the walk through one table's own rows, and what the
 * engines do differently. */
#ifndef LK_STEP_BACKFILL_H
#define LK_STEP_BACKFILL_H

#include "catalog/catalog.h"
#include "step/chunk.h"
#include "step/narrow.h"
#include "step/record.h"

#define LK_BACKFILL_KEY_COLUMNS 32

struct lk_backfill_ops;

struct lk_backfill {
	const struct lk_backfill_ops *ops;
	void *own; /* what the engine's side remembers: made by ops->open, freed by ops->close */
	struct lk_step_run *run;
	struct lk_table root; /* the plan's */
	struct lk_table
		table; /* whose own rows are walked: the same, or a partition or child of it */
	struct lk_journal_cursor cursor; /* of the last committed chunk */
	struct lk_chunk chunk;
	struct lk_narrow narrow;
	char **end;  /* the highest key when we began: later rows are dual-written */
	char **high; /* of the chunk under way */
	int64_t rows_total, retries, rejected;
	int64_t failed_rows; /* of the chunk that failed on its data; 0: it did not */
	bool left_out;	     /* the chunk under way leaves its only row out */
	bool gone;	     /* the table is no partition or child of root any more */
	double longest_ms;   /* of a chunk, whatever is wished */
	double wish_ms, rest_ratio;
};

/*
 * The engines' side. Chunks are ranges of the key, (cursor, high]; keys are texts of the engine's own choice, as
 * many as b->table.key.count, which its other calls and the journal take back. Rows of a query are *r, which is
 * the caller's. Statements run on the run's session.
 */
struct lk_backfill_ops {
	/* Before anything else: what cannot work is refused, with what to do instead. Only reads. Of the plan's
	 * table as a whole; columns that it lacks are no concern of this. */
	bool (*check_table)(struct lk_session *, const struct lk_step *, const struct lk_table *,
			    struct lk_error *);
	/* The same of one of the tables in which its rows stand. */
	bool (*check_leaf)(struct lk_session *, const struct lk_step *, const struct lk_table *leaf,
			   struct lk_error *);
	/* The statement of a chunk for people, the caller's; NULL and *error. `check`: the server must be able to
	 * plan it, because all it speaks of is there by now. */
	char *(*statement)(struct lk_session *, const struct lk_step *, const struct lk_table *root,
			   const struct lk_table *table, bool check, struct lk_error *);
	/* What it locks, in words; of one table or of several. The caller's. */
	char *(*lock)(const struct lk_table *root, bool several);

	/* Waits until the server can take a transaction, saying so; none is open. False also when stopped. */
	bool (*await)(struct lk_backfill *, struct lk_error *);
	/* After the checks of the plan's table: settings, and b->longest_ms. */
	bool (*open)(struct lk_backfill *, struct lk_error *);
	void (*close)(struct lk_backfill *);
	/* Bounds how long reads of the catalog wait for locks, or (off) as it was before. */
	bool (*patience)(struct lk_session *, bool on, struct lk_error *);
	/* b->table is another one now. */
	bool (*enter)(struct lk_backfill *, struct lk_error *);

	/* Begins a chunk's transaction. */
	bool (*begin)(struct lk_backfill *, struct lk_error *);
	/* The table's highest key; no row when it is empty. */
	bool (*last_key)(struct lk_backfill *, struct lk_result *r, struct lk_error *);
	/* The key of the n-th row of (cursor, end]; no row when there are fewer. */
	bool (*nth_key)(struct lk_backfill *, int64_t n, struct lk_result *r, struct lk_error *);
	/* How many rows (cursor, end] has. */
	bool (*count)(struct lk_backfill *, struct lk_result *r, struct lk_error *);
	/* Sets the columns of the rows of (cursor, high] that differ. */
	bool (*update)(struct lk_backfill *, struct lk_result *r, struct lk_error *);
	/* Has whatever would fail at the commit fail now. */
	bool (*settle)(struct lk_backfill *, struct lk_error *);
	/* How many sessions wait for the chunk's row locks. */
	bool (*waiters)(struct lk_backfill *, int *waiters, struct lk_error *);

	/* Whether the statement failed on what a row holds, so that other rows may pass: not on a lock, the
	 * connection, the server's means, or the statement itself. */
	bool (*is_data_error)(const struct lk_error *);
	/* Adds to a refusal of the statement what the server's sentence does not tell. May be NULL. */
	void (*explain)(const struct lk_table *, struct lk_error *);
	/* "k = 7", to be put behind WHERE by a person. */
	char *(*row)(struct lk_backfill *, char **key);
	/* The key as people read it, an array of the caller's (lk_backfill_free_key). */
	char **(*shown_key)(struct lk_backfill *, char **key);
};
extern const struct lk_backfill_ops lk_pg_backfill, lk_my_backfill;

/* The verb (struct lk_verb_ops). */
enum lk_outcome lk_backfill_forward(const struct lk_backfill_ops *ops, struct lk_step_run *run,
				    struct lk_error *error);
enum lk_outcome lk_backfill_backward(struct lk_step_run *run, struct lk_error *error);
bool lk_backfill_describe(const struct lk_backfill_ops *ops, struct lk_session *session,
			  const struct lk_plan *plan, size_t number, struct lk_step_text *text,
			  struct lk_error *error);

/* Walks b->table from b->cursor to the highest key it has now. DONE also when the table has gone. */
enum lk_outcome lk_backfill_walk(struct lk_backfill *b, struct lk_error *error);
char **lk_backfill_copy_key(char *const *key, size_t count);
void lk_backfill_free_key(char **key, size_t count);

/* What taking it back means for the rows. */
const char *lk_backfill_undo_text(const struct lk_plan *plan, size_t number);
/* Refuses a part whose rows stand on another server. */
bool lk_backfill_refuse_foreign(const struct lk_table *root, const struct lk_leaf *leaf,
				struct lk_error *error);

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
