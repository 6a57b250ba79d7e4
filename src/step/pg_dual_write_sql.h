/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements of a dual write: a second column and the triggers that keep both equal.
 *
 * On INSERT the side that differs from its default wins. On UPDATE an assignment is seen even when it
 * changes nothing visible (an explicit NULL over a NULL that was not filled yet), because there are triggers
 * for UPDATE OF each column; others pick up what the application's own triggers changed. Both sides changed
 * to different values is an error. A session that sets lockkeeper.backfill to 'on' writes the new column as
 * it likes. Column and triggers come in one transaction: with a gap between them writes were lost when this
 * was tried.
 */
#ifndef LK_STEP_PG_DUAL_WRITE_SQL_H
#define LK_STEP_PG_DUAL_WRITE_SQL_H

#include "catalog/catalog.h"
#include "plan/model.h"

/* "lockkeeper.dual_write_16401_2": the function behind the triggers; it exists exactly while the dual
 * write does. The caller's. */
char *lk_pg_dual_write_function(const struct lk_table *table, const struct lk_column *from);

/* All statements, separated by ";\n". NULL and *error when the columns cannot be kept equal. */
char *lk_pg_dual_write_sql(struct lk_session *session, const struct lk_table *table,
			   const struct lk_step *step, struct lk_error *error);
/* Ends it; with `to` not NULL the new column goes too. The caller's. */
char *lk_pg_end_dual_write_sql(struct lk_session *session, const struct lk_table *table,
			       const struct lk_column *from, const char *to);
/* Whether the function is there. */
bool lk_pg_dual_write_exists(struct lk_session *session, const struct lk_table *table,
			     const struct lk_column *from, bool *exists, struct lk_error *error);

#endif
