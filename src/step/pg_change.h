/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements of a plan carried out: what the verbs ddl and sql share. */
#ifndef LK_STEP_PG_CHANGE_H
#define LK_STEP_PG_CHANGE_H

#include "step/step.h"

struct lk_pg_change {
	const char *const *statements; /* in one transaction, in this order */
	size_t count;
	const char *before;	  /* end_dual_write's statements, which go first; NULL none */
	const char *before_table; /* quoted; what those lock */
	const char *state;	  /* what the journal says afterwards; NULL: there is more to do */
	const char *cleanup;	  /* what would take it back from then on; NULL nothing */
	bool begun; /* an earlier attempt was interrupted or failed: what is there may be ours */
};

/* Gently, in one transaction that also holds the journal's record. */
enum lk_outcome lk_pg_change_together(struct lk_step_run *run, const struct lk_pg_change *change,
				      struct lk_error *error);
/* One statement: together, or, when it refuses a transaction block, guarded outside of any. */
enum lk_outcome lk_pg_change_carry_out(struct lk_step_run *run, const struct lk_pg_change *change,
				       struct lk_error *error);

/* Whether the step was begun before. To be asked before the intent is recorded. */
bool lk_pg_change_begun(struct lk_step_run *run, bool *begun, struct lk_error *error);
/* True when the step has nothing (left) that its undo could take back, which is recorded, or when that could not be
 * found out: then *outcome is the step's. */
bool lk_pg_change_is_undone(struct lk_step_run *run, enum lk_outcome *outcome,
			    struct lk_error *error);

#endif
