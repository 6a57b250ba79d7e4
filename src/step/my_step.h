/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs of MySQL and MariaDB, where a statement that changes a definition is its own transaction: the
 * intent is recorded before it, the outcome after it, and in between the catalog alone says what happened.
 */
#ifndef LK_STEP_MY_STEP_H
#define LK_STEP_MY_STEP_H

#include "step/record.h"

extern const struct lk_verb_ops lk_my_verb_backfill, lk_my_verb_ddl, lk_my_verb_dual_write,
	lk_my_verb_end_dual_write, lk_my_verb_sql, lk_my_verb_swap_columns;

#endif
