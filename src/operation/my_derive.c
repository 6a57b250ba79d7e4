/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/my_derive.h"

#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "catalog/my_default.h"

bool lk_my_name_taken(struct lk_derivation *d, const char *name, bool *taken,
		      struct lk_error *error)
{
	/* By table_schema: by any other column MariaDB opens each table of the server. */
	static const char sql[] = "SELECT 1 FROM information_schema.statistics WHERE " LK_MY_SAME_NAME(
		"table_schema",
		"$1") " AND " LK_MY_SAME_NAME("table_name",
					      "$2") " AND index_name = $3"
						    " UNION ALL SELECT 1 FROM information_schema.table_constraints"
						    " WHERE " LK_MY_SAME_NAME(
							    "table_schema",
							    "$1") " AND constraint_name = $3";
	struct lk_result found;
	if (!LK_QUERY(d->session, &found, error, sql, d->table.schema, d->table.name, name))
		return false;
	*taken = found.rows > 0;
	lk_result_free(&found);
	return true;
}

bool lk_my_need_table(const struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_table *table = &m->d.table;
	if (strncmp(table->kind, "table of engine", 15) == 0)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "%s is a %s: only InnoDB's can be changed while they are written",
			       table->shown, table->kind);
	return lk_derive_need_table(&m->d, false, error);
}

bool lk_my_partitioned(const struct lk_my_derivation *m)
{
	return m->definition.options && strstr(m->definition.options, "PARTITION BY");
}

bool lk_my_need_new_column(const struct lk_my_derivation *m, const char *name, const char *hint,
			   struct lk_error *error)
{
	const struct lk_table *table = &m->d.table;
	const char *there = lk_derive_has_column(&m->d, name) ? name : NULL;
	for (size_t i = 0; !there && i < table->column_count; i++)
		if (strcasecmp(table->columns[i].name, name) == 0)
			there = table->columns[i].name;
	return !there ||
	       lk_fail(error, LK_ERROR_PLAN,
		       "table %s already has a column \"%s\": choose another name%s, or drop it if it was "
		       "left by an earlier attempt",
		       table->shown, there, hint);
}

bool lk_my_need_alone(const struct lk_my_derivation *m, const char *column, struct lk_error *error)
{
	const struct lk_plan *plan = m->d.plan;
	for (size_t i = 0; i < plan->operation_count; i++) {
		const struct lk_operation *o = &plan->operations[i];
		const char *other = o->column ? o->column : o->from;
		if (o != m->d.operation && other && o->table &&
		    strcmp(o->table, m->d.operation->table) == 0 && strcmp(other, column) == 0)
			return lk_fail(
				error, LK_ERROR_PLAN,
				"%s of %s.%s in one plan with %s of the same column: the server takes a "
				"column's definition as a whole, so give each a plan of its own",
				lk_operation_name(o->kind), m->d.table.shown, column,
				lk_operation_name(m->d.operation->kind));
	}
	return true;
}

static bool is_extended(const struct lk_my_derivation *m)
{
	for (const struct lk_operation *o = m->d.plan->operations; o < m->d.operation; o++)
		if (o->kind == LK_OPERATION_ADD_COLUMN &&
		    strcmp(o->table, m->d.operation->table) == 0)
			return true;
	return false;
}

/* A statement that must not fail; what the server says of it becomes class PLAN. */
static bool ask(struct lk_my_derivation *m, const char *what, const char *sql,
		struct lk_error *error)
{
	struct lk_result r;
	bool good = lk_query(m->d.session, &r, error, sql, 0, NULL);
	if (good)
		lk_result_free(&r);
	else if (error->class == LK_ERROR_STATEMENT) {
		error->class = LK_ERROR_PLAN;
		lk_fail_context(error, "%s does not fit table %s", what, m->d.table.shown);
	}
	return good;
}

/* "a || b" joins texts elsewhere, and is a number here that nobody meant. */
static bool has_bars(const char *expression)
{
	char quote = 0;
	for (const char *p = expression; *p; p++) {
		if (quote)
			quote = *p == quote ? 0 : quote;
		else if (*p == '\'' || *p == '"' || *p == '`')
			quote = *p;
		else if (*p == '|' && p[1] == '|')
			return true;
	}
	return false;
}

static bool means_what_it_says(struct lk_my_derivation *m, const char *what, const char *expression,
			       struct lk_error *error)
{
	struct lk_result r;
	if (!has_bars(expression))
		return true;
	if (!LK_QUERY(m->d.session, &r, error, "SELECT @@sql_mode LIKE '%PIPES_AS_CONCAT%'"))
		return false;
	bool joins = lk_cell_int(&r, 0, 0) != 0;
	lk_result_free(&r);
	return joins || lk_fail(error, LK_ERROR_PLAN,
				"%s: || is OR on this server, not the joining of texts: write "
				"concat(…), or OR",
				what);
}

bool lk_my_try(struct lk_my_derivation *m, const char *what, const char *query,
	       struct lk_error *error)
{
	if (!means_what_it_says(m, what, query, error))
		return false;
	if (is_extended(m))
		return true;
	char *explain = lk_format("EXPLAIN FORMAT=TRADITIONAL %s", query);
	bool good = ask(m, what, explain, error);
	free(explain);
	return good;
}

bool lk_my_try_value(struct lk_my_derivation *m, const char *what, const char *expression,
		     struct lk_error *error)
{
	char *query = lk_format("SELECT (%s) FROM %s", expression, m->d.table.sql);
	bool good = lk_my_try(m, what, query, error);
	free(query);
	return good;
}

/* PREPARE reads the statement and touches nothing. */
bool lk_my_try_alter(struct lk_my_derivation *m, const char *what, const char *change,
		     struct lk_error *error)
{
	if (!means_what_it_says(m, what, change, error))
		return false;
	char *alter = lk_format("ALTER TABLE %s %s", m->d.table.sql, change);
	char *text = m->d.session->driver->quote_text(alter);
	/* From a variable: the text's form may be one that PREPARE does not take. */
	char *set = lk_format("SET @lockkeeper_try = %s", text);
	bool good = LK_RUN(m->d.session, error, set) &&
		    ask(m, what, "PREPARE lockkeeper_try FROM @lockkeeper_try", error) &&
		    LK_RUN(m->d.session, error, "DEALLOCATE PREPARE lockkeeper_try");
	free(set);
	free(text);
	free(alter);
	return good;
}

bool lk_my_need_type(struct lk_my_derivation *m, const char *type, struct lk_error *error)
{
	if (strncasecmp(type, "serial", 6) == 0)
		return lk_fail(error, LK_ERROR_PLAN,
			       "%s is more than a type: give bigint unsigned, and a key of its own",
			       type);
	char *change = lk_format("ADD COLUMN lk_new %s", type), *what = lk_format("type %s", type);
	bool good = lk_my_try_alter(m, what, change, error);
	free(what);
	free(change);
	return good;
}

bool lk_my_varies(struct lk_my_derivation *m, const char *expression, bool *varies,
		  struct lk_error *error)
{
	enum { BAD_FIELD = 1054 };
	struct lk_result r;
	struct lk_error found;
	*varies = lk_my_is_volatile(expression);
	if (*varies || lk_my_is_literal(expression))
		return true;
	char *query = lk_format("EXPLAIN FORMAT=TRADITIONAL SELECT (%s)", expression);
	bool alone = lk_query(m->d.session, &r, &found, query, 0, NULL);
	free(query);
	if (alone)
		lk_result_free(&r);
	else if (found.class != LK_ERROR_STATEMENT) {
		*error = found;
		return false;
	}
	/* Any other complaint is the server's to make when the default is tried. */
	*varies = !alone && found.number == BAD_FIELD;
	return true;
}

struct lk_step *lk_my_alter(struct lk_my_derivation *m, enum lk_phase phase, const char *change,
			    const char *undo)
{
	const char *t = m->d.table.sql;
	return lk_derive_ddl(&m->d, phase, lk_format("ALTER TABLE %s %s", t, change),
			     undo ? lk_format("ALTER TABLE %s %s", t, undo) : NULL);
}

void lk_my_modify(struct lk_my_derivation *m, enum lk_phase phase, const char *column_sql,
		  const char *definition, const char *before)
{
	char *change = lk_format("MODIFY COLUMN %s %s", column_sql, definition);
	char *undo = before ? lk_format("MODIFY COLUMN %s %s", column_sql, before) : NULL;
	lk_my_alter(m, phase, change, undo);
	free(undo);
	free(change);
}

char *lk_my_differs(const char *type, const char *a, const char *b)
{
	/* Bytes of one character set: collations call 'a' and 'A', or 'a' and 'a ', the same. */
	return lk_my_collates(type) ? lk_format("NOT (CAST(CONVERT(%s USING utf8mb4) AS BINARY) <=>"
						" CAST(CONVERT(%s USING utf8mb4) AS BINARY))",
						a, b)
				    : lk_format("NOT (%s <=> %s)", a, b);
}
