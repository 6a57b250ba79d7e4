/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When two columns cannot be kept equal, found before anything is done. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "step/my_conversion.h"
#include "step/my_dual_write_sql.h"

static bool check_table(const struct lk_table *table, struct lk_error *error)
{
	if (strcmp(table->kind, "table") == 0)
		return true;
	return lk_fail(error, LK_ERROR_REFUSED, "%s is a %s: a dual write needs a table of InnoDB",
		       table->shown, table->kind);
}

static bool has_zero(const struct lk_column *column)
{
	char *zero = lk_my_zero_of(column);
	bool has = zero != NULL;
	free(zero);
	return has;
}

static bool check_columns(const struct lk_my_pair *pair, const struct lk_column *from,
			  const struct lk_column *like, struct lk_error *error)
{
	const struct lk_table *table = &pair->table;
	if (from->identity || from->generated)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"column %s.%s is %s: the server writes it, so a second column cannot be kept equal",
			table->shown, from->name, from->identity ? "AUTO_INCREMENT" : "generated");
	if (like->identity || like->generated)
		return lk_fail(error, LK_ERROR_REFUSED, "column %s.%s is %s and cannot be copied",
			       table->shown, like->name,
			       like->identity ? "AUTO_INCREMENT" : "generated");
	if (from->volatile_default)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the default of %s.%s (%s) gives another value at each call, so it cannot be told which "
			"of two columns a statement wrote",
			table->shown, from->name, from->default_sql);
	if (from->definition && strcasestr(from->definition, " ON UPDATE "))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"column %s.%s is set to the time of each UPDATE by the server, so it cannot be told which"
			" of two columns a statement wrote",
			table->shown, from->name);
	if (from->not_null && !from->default_sql && !has_zero(from))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"column %s.%s is NOT NULL without a default, and type %s has no value that could stand"
			" there while only the new column is written",
			table->shown, from->name, from->type);
	if (lk_table_column(table, pair->step->to))
		return lk_fail(
			error, LK_ERROR_PLAN,
			"table %s already has a column \"%s\": choose another name, or drop it if it was left "
			"by an earlier attempt",
			table->shown, pair->step->to);
	return true;
}

/* What a foreign key does to other rows fires no trigger (MySQL manual, 15.1.24.5; MariaDB, Foreign Keys). */
static bool check_cascades(struct lk_session *session, const struct lk_my_pair *pair,
			   const struct lk_column *from, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT k.constraint_name, c.update_rule, c.delete_rule"
		    " FROM information_schema.key_column_usage k"
		    " JOIN information_schema.referential_constraints c"
		    "  ON c.constraint_schema = k.constraint_schema AND c.constraint_name = k.constraint_name"
		    "  AND c.table_name = k.table_name"
		    " WHERE k.table_schema = $1 AND k.table_name = $2 AND k.column_name = $3"
		    " AND (c.update_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT')"
		    "  OR c.delete_rule IN ('SET NULL', 'SET DEFAULT')) LIMIT 1",
		    pair->table.schema, pair->table.name, from->name))
		return false;
	bool none = r.rows == 0;
	if (!none)
		lk_fail(error, LK_ERROR_REFUSED,
			"foreign key %s changes %s.%s when rows of the other table change (ON UPDATE %s, ON DELETE"
			" %s), which fires no trigger: the second column would not follow",
			lk_cell_text(&r, 0, 0), pair->table.shown, from->name,
			lk_cell_text(&r, 0, 1), lk_cell_text(&r, 0, 2));
	lk_result_free(&r);
	return none;
}

/* Left by an earlier run whose journal is gone, or in use by one that is under way. */
static bool check_triggers(struct lk_session *session, const struct lk_my_pair *pair,
			   struct lk_error *error)
{
	if (pair->insert == LK_MY_TRIGGER_NONE && pair->update == LK_MY_TRIGGER_NONE)
		return true;
	char *insert = lk_my_dual_write_drop(session, pair, true);
	char *update = lk_my_dual_write_drop(session, pair, false);
	lk_fail(error, LK_ERROR_REFUSED,
		"triggers of an earlier run keep %s.%s in step with another column: roll that run back, or,"
		" when nobody needs them, %s; %s",
		pair->table.shown, pair->step->from, insert, update);
	free(update);
	free(insert);
	return false;
}

bool lk_my_dual_write_check(struct lk_session *session, const struct lk_my_pair *pair,
			    const struct lk_column *from, const struct lk_column *like,
			    struct lk_error *error)
{
	return check_table(&pair->table, error) && check_triggers(session, pair, error) &&
	       check_columns(pair, from, like, error) &&
	       check_cascades(session, pair, from, error) &&
	       (!lk_my_converts(pair->step) || lk_my_conversion_check(session, pair, error));
}
