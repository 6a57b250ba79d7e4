/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Collects what the parts of a statement need and puts it into words. For this folder. */
#ifndef LK_RISK_PG_TALLY_H
#define LK_RISK_PG_TALLY_H

#include <jansson.h>
#include <stdbool.h>

#include "risk/risk.h"

/* PostgreSQL's table locks, the weakest first; the numbers are those of LockStmt. */
enum lk_lock {
	LK_LOCK_NONE,
	LK_LOCK_ACCESS_SHARE,
	LK_LOCK_ROW_SHARE,
	LK_LOCK_ROW_EXCLUSIVE,
	LK_LOCK_SHARE_UPDATE_EXCLUSIVE,
	LK_LOCK_SHARE,
	LK_LOCK_SHARE_ROW_EXCLUSIVE,
	LK_LOCK_EXCLUSIVE,
	LK_LOCK_ACCESS_EXCLUSIVE,
};

/* What it has to do while it holds the lock, the cheapest first. */
enum lk_cost {
	LK_COST_NONE,
	LK_COST_ROWS, /* as many rows as it reads or changes */
	LK_COST_SCAN,
	LK_COST_BUILD,
	LK_COST_BUILD_TWICE,
	LK_COST_MAYBE_REWRITE,
	LK_COST_REWRITE,
};

struct lk_tally {
	struct lk_risk *risk;
	enum lk_lock lock; /* of the statement that is judged now */
	enum lk_lock strongest;
	enum lk_cost cost;
};

/* One thing done: its words, the lock it takes and what it costs. The strongest and dearest win. */
void lk_tally_add(struct lk_tally *tally, const char *kind, enum lk_lock lock, enum lk_cost cost);
/* The object that is locked; the first one stays. */
void lk_tally_object(struct lk_tally *tally, const char *object);
/* A table (a RangeVar's body) that the statement locks: with LK_LOCK_NONE as strongly as the statement as a
 * whole. */
void lk_tally_table(struct lk_tally *tally, const json_t *relation, enum lk_lock lock);
/* The same for a name that is a list of String nodes, without the last `drop` of them. */
void lk_tally_named(struct lk_tally *tally, const json_t *list, size_t drop);
/* Every table named anywhere below a node. */
void lk_tally_tables_below(struct lk_tally *tally, const json_t *node, enum lk_lock lock);
/* Locks that only the catalog knows. */
struct lk_risk_lookup *lk_tally_lookup(struct lk_tally *tally, enum lk_lock lock);
/* To be called after each statement: gives those tables the lock it turned out to take. */
void lk_tally_end_statement(struct lk_tally *tally);
/* Adds a sentence to the note. */
void lk_tally_note(struct lk_tally *tally, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes lock and cost. */
void lk_tally_finish(struct lk_tally *tally);

#endif
