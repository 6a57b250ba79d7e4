/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the verbs dual_write, end_dual_write and swap_columns share on MySQL and MariaDB. */
#ifndef LK_STEP_MY_DUAL_WRITE_H
#define LK_STEP_MY_DUAL_WRITE_H

#include "step/my_pair.h"
#include "step/record.h"

/* In one transaction: the step runs, and this is what would clean up behind it. */
bool lk_my_dual_write_intend(struct lk_step_run *run, const char *cleanup, struct lk_error *error);
/* The outcome. Nothing is left to clean up of this step or, with `all`, of any. */
bool lk_my_dual_write_record(struct lk_step_run *run, const char *state, bool all,
			     struct lk_error *error);
/*
 * Statements on the table, within lk_my_gently: each at a moment of its own (step/my_moment.h) or, `held`, under
 * LOCK TABLES of ours.
 */
bool lk_my_dual_write_run(struct lk_step_run *run, const struct lk_table *table, const char *sql,
			  bool held, struct lk_error *error);
/* "ALTER TABLE t <changes>" in an instant where the server can, else in place beside writes. */
bool lk_my_dual_write_alter(struct lk_step_run *run, const struct lk_table *table,
			    const char *changes, bool held, struct lk_error *error);
/* Makes a trigger that is not there, or not as it must be, anew; `insert` or else the one for UPDATE. */
bool lk_my_dual_write_make(struct lk_step_run *run, const struct lk_my_pair *pair, bool insert,
			   bool held, struct lk_error *error);
/* Drops those that are there. */
bool lk_my_dual_write_drop_triggers(struct lk_step_run *run, const struct lk_my_pair *pair,
				    bool held, struct lk_error *error);

#endif
