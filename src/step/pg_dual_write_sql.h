/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements of a dual write: a second column and the triggers that keep both equal.
 *
 * On INSERT the side that differs from its default wins. On UPDATE an assignment is seen even when it
 * changes nothing visible (an explicit NULL over a NULL that was not filled yet), because there are triggers
 * for UPDATE OF each column; others pick up what the application's own triggers changed. Both sides changed
 * to different values is an error. A session that sets lockkeeper.backfill to 'on' writes the new column as
 * it likes. Where the new column holds the same in another form see pg_conversion.h. Column and triggers come in one transaction: with a gap between them writes were lost when this
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
/*
 * The function anew (CREATE OR REPLACE), for the two columns of a running dual write: `from` is the old one and
 * `made` the new one, with the names of now; swapped: as it must be once they have exchanged these. Only
 * `dual_write`, the plan's step, knows the expressions, and by which names they call the columns. NULL and
 * *error on failure.
 */
struct lk_pg_pair {
	const struct lk_table *table;
	const struct lk_step *dual_write;
	const struct lk_column *from, *made;
};
char *lk_pg_dual_write_function_sql(struct lk_session *session, const struct lk_pg_pair *pair,
				    bool swapped, struct lk_error *error);
/* A dollar quote that does not occur in the text; the caller's. */
char *lk_pg_dollar_quote(const char *text);
/* Ends it; with `to` not NULL the new column goes too. The caller's. */
char *lk_pg_end_dual_write_sql(struct lk_session *session, const struct lk_table *table,
			       const struct lk_column *from, const char *to);
/* Whether the function is there. */
bool lk_pg_dual_write_exists(struct lk_session *session, const struct lk_table *table,
			     const struct lk_column *from, bool *exists, struct lk_error *error);
/* Refuses when a trigger of the dual write (a plan's step) is gone or disabled: what was written since then may
 * be in one of the two columns only, and the drop of the other would lose it. */
bool lk_pg_dual_write_intact(struct lk_session *session, const struct lk_table *table,
			     const struct lk_column *from, const struct lk_step *dual_write,
			     struct lk_error *error);

#endif
