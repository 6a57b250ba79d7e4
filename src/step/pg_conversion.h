/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A dual write whose two columns hold the same in different forms: cents and euros, text and a number.
 * `forth` makes the new column's value from the row, `back` the old one's.
 *
 * On INSERT the new column, where it stands at its default, takes forth's value; else the old one, where it
 * stands at its default, takes back's; when both were given they must agree in one of the two directions, so
 * that rounding is no contradiction. On UPDATE the side that changed is carried to the other; the old side has
 * changed also when another column that forth reads has, and forth's value with it. An assignment that changes
 * nothing counts where the other side disagrees (a row that is not filled yet). The backfill's session writes
 * the new column as it likes.
 *
 * A value that cannot be carried over (text that is no number) makes the application's statement fail, with a
 * sentence that names the columns and the reason (SQLSTATE 22000): the alternative would be a row of which the
 * other release sees something else. A row that was so before is let alone by whoever does not change it.
 *
 * Names in expressions are columns, also "table.column"; they are evaluated under the search path of the
 * session that made the dual write. After the columns have exchanged their names (swap_columns) expressions
 * go on to mean the columns by the names they had when the dual write began.
 */
#ifndef LK_STEP_PG_CONVERSION_H
#define LK_STEP_PG_CONVERSION_H

#include "base/buffer.h"
#include "catalog/catalog.h"
#include "plan/model.h"

struct lk_pg_conversion {
	const struct lk_table *table;
	const struct lk_step *step;    /* the dual_write */
	const struct lk_column *from;  /* the old side */
	char *preset;		       /* the new column's default, NULL none */
	char *path;		       /* the search path, ready for SET */
	const struct lk_column **used; /* what the expressions read, without the two themselves */
	size_t used_count;
};

/* Whether a dual_write converts. */
static inline bool lk_pg_converts(const struct lk_step *dual_write)
{
	return dual_write->type || dual_write->forth || dual_write->back;
}

/*
 * Reads what the catalog must tell, and refuses what cannot work: a type that does not exist, has no equality or
 * would rewrite the table; expressions that do not fit the table, give another value at each call, contain a
 * subquery or read a generated column; a default that cannot be converted. `from` is the old side, `made` the new
 * one when it is there already, which then was checked. To be freed also on failure. Borrows the rest.
 */
bool lk_pg_conversion_read(struct lk_session *session, const struct lk_step *dual_write,
			   const struct lk_column *made, struct lk_pg_conversion *conversion,
			   struct lk_error *error);
void lk_pg_conversion_free(struct lk_pg_conversion *conversion);

/* "FUNCTION …", without CREATE and without a semicolon; swapped: for the time after the columns have exchanged
 * their names. */
void lk_pg_conversion_function(const struct lk_pg_conversion *conversion, bool swapped,
			       const char *function, struct lk_buffer *out);
size_t lk_pg_conversion_trigger_count(void);
/* The triggers, each with ";\n" before it. They follow the columns, not their names. */
void lk_pg_conversion_triggers(const struct lk_pg_conversion *conversion, const char *prefix,
			       const char *function, struct lk_buffer *out);

#endif
