/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands around a table that a shadow cannot take over. */
#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "shadow/my_shape_parts.h"

static bool acts(const char *rule)
{
	return strcmp(rule, "CASCADE") == 0 || strcmp(rule, "SET NULL") == 0 ||
	       strcmp(rule, "SET DEFAULT") == 0;
}

static bool refuse_child(const struct lk_my_shape *shape, const struct lk_result *r,
			 struct lk_error *error)
{
	const char *name = lk_cell_text(r, 0, 0), *parent = lk_cell_text(r, 0, 1);
	const char *deletes = lk_cell_text(r, 0, 2), *updates = lk_cell_text(r, 0, 3);
	if (acts(deletes) || acts(updates))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"foreign key %s of %s changes its rows itself when those of %s change (ON DELETE %s, ON"
			" UPDATE %s), and such changes are not in the binary log: drop it for as long as the"
			" change takes",
			name, shape->table.shown, parent, deletes, updates);
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"%s refers to %s by foreign key %s, which the new table would not have: drop it, and add"
		" it again in a step afterwards",
		shape->table.shown, parent, name);
}

static bool refuse_parent(const struct lk_my_shape *shape, const struct lk_result *r,
			  struct lk_error *error)
{
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"%s refers to %s by foreign key %s, and would go on to refer to the old table: drop it,"
		" and add it again in a step afterwards",
		lk_cell_text(r, 0, 1), shape->table.shown, lk_cell_text(r, 0, 0));
}

typedef bool refusal(const struct lk_my_shape *, const struct lk_result *, struct lk_error *);

/* Refuses by the first row, if there is one. */
static bool refuse_any(struct lk_session *session, const struct lk_my_shape *shape, const char *sql,
		       refusal *refuse, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql, shape->table.schema, shape->table.name))
		return false;
	bool none = r.rows == 0 || refuse(shape, &r, error);
	lk_result_free(&r);
	return none;
}

static const char children_sql[] =
	"SELECT constraint_name, referenced_table_name, delete_rule, update_rule"
	" FROM information_schema.referential_constraints WHERE " LK_MY_SAME_NAME(
		"constraint_schema",
		"$1") " AND " LK_MY_SAME_NAME("table_name",
					      "$2") " ORDER BY delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT')"
						    " OR update_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT') DESC, constraint_name";

static const char parents_sql[] =
	"SELECT constraint_name, table_name FROM information_schema.referential_constraints"
	" WHERE " LK_MY_SAME_NAME("unique_constraint_schema", "$1") " AND " LK_MY_SAME_NAME(
		"referenced_table_name", "$2") " ORDER BY table_name, constraint_name";

static const char triggers_sql[] =
	"SELECT trigger_name, lower(action_timing), lower(event_manipulation)"
	" FROM information_schema.triggers WHERE " LK_MY_SAME_NAME(
		"event_object_schema", "$1") " AND " LK_MY_SAME_NAME("event_object_table",
								     "$2") " ORDER BY trigger_name";

static bool refuse_trigger(const struct lk_my_shape *shape, const struct lk_result *r,
			   struct lk_error *error)
{
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"%s has trigger %s (%s %s), which the new table would not have: drop it for as long as"
		" the change takes",
		shape->table.shown, lk_cell_text(r, 0, 0), lk_cell_text(r, 0, 1),
		lk_cell_text(r, 0, 2));
}

bool lk_my_shape_surroundings(struct lk_session *session, const struct lk_my_shape *shape,
			      struct lk_error *error)
{
	return refuse_any(session, shape, children_sql, refuse_child, error) &&
	       refuse_any(session, shape, parents_sql, refuse_parent, error) &&
	       refuse_any(session, shape, triggers_sql, refuse_trigger, error);
}
