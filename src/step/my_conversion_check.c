/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a dual write that converts cannot be. Reads only. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "catalog/my_default.h"
#include "step/my_conversion.h"
#include "step/my_expression.h"

/* Besides functions, what makes an expression more than one over the row. */
static const char *const moments[] = {
	"now",		"curdate",	  "curtime",
	"current_date", "current_time",	  "localtime",
	"utc_date",	"localtimestamp", "current_timestamp",
	"utc_time",	"utc_timestamp",  "unix_timestamp",
	NULL,
};
static const char *const queries[] = {"select", "table", "values", NULL};

/* The server's refusal of something that the plan wrote is the plan's mistake. */
static bool plan_mistake(struct lk_error *error, const char *what, const char *text)
{
	if (error->class == LK_ERROR_STATEMENT)
		error->class = LK_ERROR_PLAN;
	return lk_fail_context(error, "dual_write's %s (%.120s)", what, text);
}

/* To prepare an ALTER is to have its syntax and types read, and nothing done. */
static bool check_type(struct lk_session *session, const struct lk_my_pair *pair,
		       struct lk_error *error)
{
	struct lk_error ignored;
	char *to = session->driver->quote_name(pair->step->to);
	char *alter = lk_format("ALTER TABLE %s ADD COLUMN %s %s NULL", pair->table.sql, to,
				pair->step->type);
	char *text = session->driver->quote_text(alter);
	char *set = lk_format("SET @lockkeeper_check = %s", text);
	bool known = lk_execute(session, set, error) &&
		     lk_execute(session, "PREPARE lockkeeper_check FROM @lockkeeper_check", error);
	if (known)
		lk_execute(session, "DEALLOCATE PREPARE lockkeeper_check", &ignored);
	free(set);
	free(text);
	free(alter);
	free(to);
	return known || plan_mistake(error, "type", pair->step->type);
}

/* Over a row of the table, in which the second column is not yet. */
static bool check_names(struct lk_session *session, const struct lk_my_pair *pair, const char *what,
			const char *expression, struct lk_error *error)
{
	char *to = session->driver->quote_name(pair->step->to);
	char *name = session->driver->quote_name(pair->table.name);
	char *sql =
		lk_format("EXPLAIN FORMAT=TRADITIONAL SELECT (%s\n) FROM (SELECT *, NULL AS %s FROM"
			  " %s LIMIT 1) AS %s",
			  expression, to, pair->table.sql, name);
	bool planned = LK_RUN(session, error, sql);
	free(sql);
	free(name);
	free(to);
	return planned || plan_mistake(error, what, expression);
}

static bool check_expression(struct lk_session *session, const struct lk_my_pair *pair,
			     const char *what, const char *expression, struct lk_error *error)
{
	if (lk_my_speaks_of(expression, queries))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"dual_write's %s (%.120s) contains a subquery: it runs within every write, and must "
			"depend on the row alone",
			what, expression);
	if (lk_my_is_volatile(expression) || lk_my_speaks_of(expression, moments) ||
	    strchr(expression, '@'))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"dual_write's %s (%.120s) gives another value at each call, or depends on more than "
			"the row: the two columns could not be compared",
			what, expression);
	for (size_t i = 0; i < pair->table.column_count; i++)
		if (pair->table.columns[i].generated &&
		    lk_my_reads(expression, pair->table.columns[i].name))
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"dual_write's expressions read column %s, which is generated: the server "
				"works it out only after the triggers",
				pair->table.columns[i].name);
	return check_names(session, pair, what, expression, error);
}

bool lk_my_conversion_check(struct lk_session *session, const struct lk_my_pair *pair,
			    struct lk_error *error)
{
	const struct lk_step *step = pair->step;
	if (!step->type || !step->forth || !step->back)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"a dual_write that converts needs all of type, using and back: step %s",
			step->name);
	return check_type(session, pair, error) &&
	       check_expression(session, pair, "using", step->forth, error) &&
	       check_expression(session, pair, "back", step->back, error);
}
