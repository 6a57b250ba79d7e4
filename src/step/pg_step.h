/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs of PostgreSQL, whose transactions carry the journal's record with them. */
#ifndef LK_STEP_PG_STEP_H
#define LK_STEP_PG_STEP_H

#include "step/record.h"

extern const struct lk_verb_ops lk_pg_verb_ddl, lk_pg_verb_dual_write, lk_pg_verb_backfill,
	lk_pg_verb_end_dual_write, lk_pg_verb_sql, lk_pg_verb_swap_columns;

#endif
