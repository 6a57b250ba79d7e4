/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the PostgreSQL steps share: transactions that carry the journal's record with them. */
#ifndef LK_STEP_PG_STEP_H
#define LK_STEP_PG_STEP_H

#include "step/step.h"

extern const struct lk_verb_ops lk_pg_verb_gate, lk_pg_verb_ddl, lk_pg_verb_dual_write,
	lk_pg_verb_backfill, lk_pg_verb_verify, lk_pg_verb_end_dual_write, lk_pg_verb_sql,
	lk_pg_verb_swap_columns;

/* Records the intent: the step is "running" from now on. In a transaction of its own. */
bool lk_pg_step_intend(struct lk_step_run *run, struct lk_error *error);
/* Inside the step's own transaction: it is done (or undone), with run->note. */
bool lk_pg_step_record(struct lk_step_run *run, const char *state, struct lk_error *error);
/* A transaction that does nothing but record the state; for steps with nothing to do in the database. */
enum lk_outcome lk_pg_step_only_record(struct lk_step_run *run, const char *state,
				       struct lk_error *error);
/* Tells the operator something. */
void lk_pg_say(struct lk_step_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The lock wait of the plan, in ms. */
int64_t lk_pg_lock_wait_ms(const struct lk_step_run *run);

#endif
