/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements of a backfill. Chunks are ranges of the key, (low, high]: with k key columns parameters
 * $1 … $k are the high key and, unless the range begins at the table's first row, $k+1 … $2k the low one;
 * all as text, cast to the key's types. All strings are the caller's.
 */
#ifndef LK_STEP_PG_BACKFILL_SQL_H
#define LK_STEP_PG_BACKFILL_SQL_H

#include "catalog/catalog.h"
#include "plan/model.h"

/* The highest key of the table; no parameters. */
char *lk_pg_backfill_last_sql(const struct lk_table *table);
/* The key of the n-th row of the range; no row when the range is shorter. */
char *lk_pg_backfill_nth_sql(const struct lk_table *table, bool has_low, int64_t n);
/* How many rows the range has. */
char *lk_pg_backfill_count_sql(const struct lk_table *table, bool has_low);
/* Sets the columns of the range's rows that differ. */
char *lk_pg_backfill_update_sql(struct lk_session *session, const struct lk_table *table,
				const struct lk_step *step, bool has_low);

#endif
