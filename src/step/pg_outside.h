/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statements that refuse a transaction block (CREATE, DROP and REINDEX … CONCURRENTLY, VACUUM): guarded by
 * an advisory lock, the intent recorded before and the outcome after. What is there is asked of the catalog,
 * and never trusted through IF NOT EXISTS.
 */
#ifndef LK_STEP_PG_OUTSIDE_H
#define LK_STEP_PG_OUTSIDE_H

#include "step/pg_change.h"

/* The change's one statement. They wait for old transactions without making anybody wait: no time-out. */
enum lk_outcome lk_pg_outside(struct lk_step_run *run, const struct lk_pg_change *change,
			      struct lk_error *error);

#endif
