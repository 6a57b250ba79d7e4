/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statements that change definitions, each its own transaction: what the verbs ddl and sql share. Before a statement
 * the journal is told which one comes and how its tables look now, in the place of the step's cursor: direction,
 * position, and a digest of the definitions. After a crash that is compared with the catalog, which alone knows whether
 * the statement happened.
 */
#ifndef LK_STEP_MY_CHANGE_H
#define LK_STEP_MY_CHANGE_H

#include "catalog/catalog.h"
#include "step/my_statement.h"
#include "step/record.h"

struct lk_my_change {
	char *const *statements; /* one after another, each by itself */
	size_t count;
	bool backward;	     /* what is already so has been taken back before; no error */
	const char *cleanup; /* what would take it all back; NULL nothing */
};

/* Records the intent, carries out what is not done yet, and records "done" or "undone". */
enum lk_outcome lk_my_change_carry_out(struct lk_step_run *run, const struct lk_my_change *change,
				       struct lk_error *error);
/* True when the step has nothing (left) that its undo could take back, which is recorded, or when that could not be
 * found out: then *outcome is the step's. */
bool lk_my_change_is_undone(struct lk_step_run *run, enum lk_outcome *outcome,
			    struct lk_error *error);
/* The session's table of the statement's first name, of a RENAME the first that is one (views come before it). *found is
 * false, without an error, when there is none. */
bool lk_my_change_table(struct lk_session *session, const struct lk_my_statement *statement,
			struct lk_table *table, bool *found, struct lk_error *error);

#endif
