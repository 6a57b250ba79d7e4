/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_step.h"

#include "step/verify.h"

const struct lk_step_ops lk_pg_steps = {
	.verbs =
		{
			[LK_VERB_GATE] = &lk_verb_gate,
			[LK_VERB_DDL] = &lk_pg_verb_ddl,
			[LK_VERB_DUAL_WRITE] = &lk_pg_verb_dual_write,
			[LK_VERB_BACKFILL] = &lk_pg_verb_backfill,
			[LK_VERB_VERIFY] = &lk_verb_verify,
			[LK_VERB_END_DUAL_WRITE] = &lk_pg_verb_end_dual_write,
			[LK_VERB_SQL] = &lk_pg_verb_sql,
			[LK_VERB_SWAP_COLUMNS] = &lk_pg_verb_swap_columns,
		},
	.verify = &lk_pg_verify,
};
