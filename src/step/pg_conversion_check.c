/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a dual write that converts needs to know, and when it cannot be. Reads only. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "risk/risk.h"
#include "step/pg_conversion.h"

/* The server's refusal of something that the plan wrote is the plan's mistake. */
static bool plan_mistake(struct lk_error *error, const char *what, const char *text)
{
	if (error->class == LK_ERROR_STATEMENT)
		error->class = LK_ERROR_PLAN;
	return lk_fail_context(error, "dual_write's %s (%.120s)", what, text);
}

static bool check_type(struct lk_session *session, const char *type, struct lk_error *error)
{
	struct lk_result r;
	char *sql =
		lk_format("SELECT CAST(NULL AS %s) IS DISTINCT FROM CAST(NULL AS %s)", type, type);
	bool known = LK_RUN(session, error, sql);
	free(sql);
	/* undefined_function: "=" */
	if (!known && strcmp(error->state, "42883") == 0)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "type %s has no equality, so that two columns could not be compared",
			       type);
	if (!known)
		return plan_mistake(error, "type", type);
	if (!LK_QUERY(
		    session, &r, error,
		    "WITH RECURSIVE up AS (SELECT t.oid, t.typtype, t.typbasetype, t.typnotnull FROM pg_type t"
		    " WHERE t.oid = to_regtype($1) UNION ALL SELECT b.oid, b.typtype, b.typbasetype, b.typnotnull"
		    " FROM up JOIN pg_type b ON b.oid = up.typbasetype) SELECT FROM up WHERE typtype = 'd'"
		    " AND (typnotnull OR EXISTS (SELECT FROM pg_constraint c WHERE c.contypid = up.oid))",
		    type))
		return false;
	bool constrained = r.rows > 0;
	lk_result_free(&r);
	return !constrained ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "type %s is a domain with constraints: adding a column of it rewrites the whole table "
		       "while nobody can use it",
		       type);
}

/*
 * Asks the planner: a subquery whose value is volatile (or an aggregate) is not merged into the one around it, and
 * one inside the expression is planned by itself. The parameter keeps the text to one statement.
 */
static bool check_volatile(struct lk_session *session, const struct lk_pg_conversion *c,
			   const char *what, const char *expression, struct lk_error *error)
{
	struct lk_result r;
	char *to = session->driver->quote_name(c->step->to),
	     *name = session->driver->quote_name(c->table->name);
	char *sql = lk_format(
		"EXPLAIN (COSTS OFF) SELECT 1 FROM (SELECT (%s\n) AS lockkeeper_value FROM"
		" (SELECT *, CAST(NULL AS %s) AS %s FROM %s) AS %s) AS lockkeeper_row"
		" WHERE lockkeeper_value IS NOT NULL AND $1::int = 1",
		expression, c->step->type, to, c->table->sql, name);
	bool planned = LK_QUERY(session, &r, error, sql, "1");
	free(sql);
	free(name);
	free(to);
	if (!planned)
		return plan_mistake(error, what, expression);
	bool alone = false, nested = false;
	for (size_t i = 0; i < r.rows; i++) {
		const char *line = lk_cell_text(&r, i, 0);
		alone = alone || strstr(line, "Subquery Scan on lockkeeper_row");
		nested = nested || strstr(line, "SubPlan ") || strstr(line, "InitPlan ");
	}
	lk_result_free(&r);
	if (nested)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"dual_write's %s (%.120s) contains a subquery: it runs within every write, and must "
			"depend on the row alone",
			what, expression);
	if (alone)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"dual_write's %s (%.120s) gives another value at each call (it calls a volatile "
			"function, or is no expression over one row): the two columns could not be compared",
			what, expression);
	return true;
}

static bool check_expression(struct lk_session *session, const struct lk_pg_conversion *c,
			     const char *what, const char *expression, struct lk_error *error)
{
	char reason[200];
	bool parsed;
	if (!lk_risk_is_expression(LK_ENGINE_POSTGRES, expression, &parsed, reason,
				   sizeof reason) &&
	    parsed)
		return lk_fail(error, LK_ERROR_PLAN, "dual_write's %s (%.120s): %s", what,
			       expression, reason);
	return check_volatile(session, c, what, expression, error);
}

static void use(struct lk_pg_conversion *c, const struct lk_column *column)
{
	if (strcmp(column->name, c->step->from) == 0 || strcmp(column->name, c->step->to) == 0)
		return;
	for (size_t i = 0; i < c->used_count; i++)
		if (c->used[i] == column)
			return;
	*LK_PUSH(c->used, c->used_count) = column;
}

/* The columns that an expression names; all of them when it takes the row as a whole, or cannot be read here. */
static void find_used(struct lk_pg_conversion *c, const char *expression)
{
	char **names;
	size_t count;
	bool all = !lk_risk_columns(LK_ENGINE_POSTGRES, expression, &names, &count);
	for (size_t i = 0; i < count; i++) {
		const struct lk_column *column = lk_table_column(c->table, names[i]);
		if (column)
			use(c, column);
		else if (strcmp(names[i], c->step->to) != 0 && strcmp(names[i], c->step->from) != 0)
			all = true;
	}
	for (size_t i = 0; all && i < c->table->column_count; i++)
		use(c, &c->table->columns[i]);
	lk_risk_split_free(names, count);
}

static bool none_is_generated(const struct lk_pg_conversion *c, struct lk_error *error)
{
	for (size_t i = 0; i < c->used_count; i++)
		if (c->used[i]->generated)
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"dual_write's expressions read column %s, which is generated: the server "
				"works it out only after the triggers",
				c->used[i]->name);
	return true;
}

/* Whether the default is the same at any time: its stored tree holds nothing but immutable functions. */
static bool default_is_constant(struct lk_session *session, const struct lk_pg_conversion *c,
				bool *constant, struct lk_error *error)
{
	struct lk_result r;
	char id[24], number[16];
	snprintf(id, sizeof id, "%lld", (long long)c->table->id);
	snprintf(number, sizeof number, "%d", c->from->number);
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT x.tree !~ '\\{(SQLVALUEFUNCTION|NEXTVALUEEXPR|COERCEVIAIO|SUBLINK) ' AND NOT EXISTS"
		    " (SELECT FROM regexp_matches(x.tree, ':(?:funcid|opfuncid) (\\d+)', 'g') m JOIN pg_proc p"
		    "  ON p.oid = m[1]::oid WHERE p.provolatile <> 'i')"
		    " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d"
		    "  ON d.adrelid = a.attrelid AND d.adnum = a.attnum,"
		    " LATERAL (SELECT coalesce(d.adbin, t.typdefaultbin)::text AS tree) x"
		    " WHERE a.attrelid = $1::oid AND a.attnum = $2::smallint",
		    id, number))
		return false;
	*constant = r.rows > 0 && lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

/* What forth makes of the default, worked out here and now. */
static bool convert_constant(struct lk_session *session, struct lk_pg_conversion *c,
			     struct lk_error *error)
{
	struct lk_result r;
	char *name = session->driver->quote_name(c->table->name);
	char *sql =
		lk_format("SELECT CAST((%s\n) AS %s)::text FROM (SELECT CAST(%s AS %s) AS %s) AS %s"
			  " WHERE $1::int = 1",
			  c->step->forth, c->step->type, c->from->default_sql, c->from->type,
			  c->from->sql, name);
	bool read = LK_QUERY(session, &r, error, sql, "1");
	free(sql);
	free(name);
	if (!read)
		return false;
	const char *value = lk_cell(&r, 0, 0);
	if (value) {
		char *text = session->driver->quote_text(value);
		c->preset = lk_format("CAST(%s AS %s)", text, c->step->type);
		free(text);
	}
	lk_result_free(&r);
	return true;
}

/* One that changes with time (now()) is cast as it stands; so is one that forth alone cannot convert, because it
 * reads other columns. */
static bool cast_default(struct lk_session *session, struct lk_pg_conversion *c,
			 struct lk_error *error)
{
	c->preset = lk_format("CAST(%s AS %s)", c->from->default_sql, c->step->type);
	char *sql = lk_format("SELECT %s", c->preset);
	bool fits = LK_RUN(session, error, sql);
	free(sql);
	return fits;
}

static bool find_preset(struct lk_session *session, const struct lk_column *made,
			struct lk_pg_conversion *c, struct lk_error *error)
{
	bool constant = false;
	if (made) {
		c->preset = made->default_sql ? lk_strdup(made->default_sql) : NULL;
		return true;
	}
	if (!c->from->default_sql)
		return true;
	if (!default_is_constant(session, c, &constant, error))
		return false;
	if (constant && c->used_count == 0 ? convert_constant(session, c, error)
					   : cast_default(session, c, error))
		return true;
	if (error->class == LK_ERROR_STATEMENT)
		error->class = LK_ERROR_REFUSED;
	return lk_fail_context(error, "the default of %s.%s (%.120s) cannot be converted",
			       c->table->shown, c->from->name, c->from->default_sql);
}

/* The one of now, as schemas: "$user" would be somebody else in the application's session. Temporary tables, which
 * anybody may create, are looked at last. */
static bool read_path(struct lk_session *session, char **path, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT coalesce(string_agg(quote_ident(s), ', ' ORDER BY n) || ', ', '') || 'pg_temp'"
		    " FROM unnest(current_schemas(false)) WITH ORDINALITY u(s, n)"))
		return false;
	*path = lk_strdup(lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}

bool lk_pg_conversion_read(struct lk_session *session, const struct lk_step *dual_write,
			   const struct lk_column *made, struct lk_pg_conversion *c,
			   struct lk_error *error)
{
	c->step = dual_write;
	if (!dual_write->type || !dual_write->forth || !dual_write->back)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"a dual_write that converts needs all of type, using and back: step %s",
			dual_write->name);
	find_used(c, dual_write->forth);
	find_used(c, dual_write->back);
	if (!made && (!check_type(session, dual_write->type, error) ||
		      !check_expression(session, c, "using", dual_write->forth, error) ||
		      !check_expression(session, c, "back", dual_write->back, error) ||
		      !none_is_generated(c, error)))
		return false;
	return find_preset(session, made, c, error) && read_path(session, &c->path, error);
}

void lk_pg_conversion_free(struct lk_pg_conversion *c)
{
	free(c->preset);
	free(c->path);
	free(c->used);
}
