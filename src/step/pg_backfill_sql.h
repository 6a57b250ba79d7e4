/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements of a backfill. Chunks are ranges of the key, (low, high]: with k key columns parameters
 * $1 … $k are the high key and, unless the range begins at the table's first row, $k+1 … $2k the low one;
 * all as text, cast to the key's types. Each table is read and written alone, without those that inherit
 * from it. All strings are the caller's.
 */
#ifndef LK_STEP_PG_BACKFILL_SQL_H
#define LK_STEP_PG_BACKFILL_SQL_H

#include "catalog/catalog.h"
#include "plan/model.h"

/* Begins a chunk's transaction. The key's index is used whatever the statistics say; a policy that would hide
 * rows is an error. `role`: the session_replication_role, NULL as it is. */
char *lk_pg_backfill_begin_sql(int64_t lock_wait_ms, const char *role);
/* The highest key of the table; no parameters. */
char *lk_pg_backfill_last_sql(const struct lk_table *table);
/* The key of the n-th row of the range; no row when the range is shorter. */
char *lk_pg_backfill_nth_sql(const struct lk_table *table, bool has_low, int64_t n);
/* How many rows the range has. */
char *lk_pg_backfill_count_sql(const struct lk_table *table, bool has_low);
/* Sets the columns of the range's rows that differ. `root` is the plan's table, whose name the expressions may
 * use, `table` itself or what it is a partition or child of. */
char *lk_pg_backfill_update_sql(struct lk_session *session, const struct lk_table *root,
				const struct lk_table *table, const struct lk_step *step,
				bool has_low);
/* "k = '7'", to be put behind WHERE by a person. */
char *lk_pg_backfill_row_sql(struct lk_session *session, const struct lk_table *table, char **key);

#endif
