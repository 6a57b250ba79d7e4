/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/pg_derive.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/identifier.h"

static char *not_null_check(const struct lk_derivation *d, const char *column)
{
	char *check = lk_identifier_make(column, "_lk_not_null", LK_PG_NAME_LIMIT);
	char *name = d->session->driver->quote_name(check);
	free(check);
	return name;
}

void lk_derive_not_null(struct lk_derivation *d, enum lk_phase phase, const char *column,
			const char *column_sql)
{
	char *name = not_null_check(d, column);
	const char *t = d->table.sql;
	lk_derive_ddl(d, phase,
		      lk_format("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID",
				t, name, column_sql),
		      lk_format("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", t, name));
	lk_derive_ddl(d, phase, lk_format("ALTER TABLE %s VALIDATE CONSTRAINT %s", t, name), NULL);
	lk_derive_ddl(d, phase,
		      lk_format("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", t, column_sql),
		      lk_format("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", t, column_sql));
	lk_derive_ddl(d, phase, lk_format("ALTER TABLE %s DROP CONSTRAINT %s", t, name), NULL);
	free(name);
}

char *lk_derive_not_null_again(struct lk_derivation *d, const struct lk_column *column,
			       const char *fill)
{
	struct lk_buffer out = {0};
	const char *t = d->table.sql;
	char *name = not_null_check(d, column->name);
	if (fill)
		lk_buffer_addf(&out, "UPDATE %s SET %s = (%s) WHERE %s IS NULL;\n", t, column->sql,
			       fill, column->sql);
	lk_buffer_addf(
		&out,
		"ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s, ADD CONSTRAINT %s CHECK (%s IS NOT "
		"NULL) NOT VALID;\n"
		"ALTER TABLE %s VALIDATE CONSTRAINT %s;\n"
		"ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\n"
		"ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s",
		t, name, name, column->sql, t, name, t, column->sql, t, name);
	free(name);
	return lk_buffer_take(&out);
}

bool lk_pg_name_taken(struct lk_derivation *d, const char *name, bool *taken,
		      struct lk_error *error)
{
	struct lk_result found;
	char id[24];
	snprintf(id, sizeof id, "%lld", (long long)d->table.id);
	if (!LK_QUERY(
		    d->session, &found, error,
		    "SELECT FROM pg_class c, pg_class t WHERE t.oid = $1::oid AND c.relnamespace = t.relnamespace AND"
		    " c.relname = $2 UNION ALL SELECT FROM pg_constraint WHERE conrelid = $1::oid AND conname = $2",
		    id, name))
		return false;
	*taken = found.rows > 0;
	lk_result_free(&found);
	return true;
}

bool lk_derive_is_volatile(struct lk_derivation *d, const char *expression, bool *is_volatile,
			   struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    d->session, &r, error,
		    "SELECT EXISTS (SELECT FROM regexp_matches($1, '([[:alpha:]_][[:alnum:]_$]*)\"?\\s*\\(', 'g') m"
		    " JOIN pg_proc p ON p.proname IN (m[1], lower(m[1])) WHERE p.provolatile = 'v')",
		    expression))
		return false;
	*is_volatile = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

bool lk_derive_try(struct lk_derivation *d, const char *what, const char *query,
		   struct lk_error *error)
{
	struct lk_result r;
	for (const struct lk_operation *o = d->plan->operations; o < d->operation; o++)
		if (o->kind == LK_OPERATION_ADD_COLUMN &&
		    strcmp(o->table, d->operation->table) == 0)
			return true;
	char *explain = lk_format("EXPLAIN %s", query);
	bool good = lk_query(d->session, &r, error, explain, 0, NULL);
	free(explain);
	if (good)
		lk_result_free(&r);
	else if (error->class == LK_ERROR_STATEMENT) {
		error->class = LK_ERROR_PLAN;
		lk_fail_context(error, "%s does not fit table %s", what, d->table.shown);
	}
	return good;
}

bool lk_derive_try_value(struct lk_derivation *d, const char *what, const char *expression,
			 const char *type, struct lk_error *error)
{
	char *query =
		type ? lk_format("SELECT CAST((%s) AS %s) FROM %s", expression, type, d->table.sql)
		     : lk_format("SELECT (%s) FROM %s", expression, d->table.sql);
	bool good = lk_derive_try(d, what, query, error);
	free(query);
	return good;
}

char *lk_derive_type(struct lk_derivation *d, const char *type, struct lk_error *error)
{
	struct lk_result r;
	struct lk_error ignored;
	char *found = NULL;
	/* A word that is no type yields NULL, other text a syntax error. */
	if (LK_QUERY(
		    d->session, &r, &ignored,
		    "SELECT to_regtype($1)::text, EXISTS (SELECT FROM pg_type t JOIN pg_constraint c"
		    " ON c.contypid = t.oid WHERE t.oid = to_regtype($1))",
		    type)) {
		if (lk_cell(&r, 0, 0) && lk_cell_bool(&r, 0, 1))
			lk_fail(error, LK_ERROR_REFUSED,
				"type %s is a domain with constraints: adding a column of it rewrites "
				"the whole table while nobody can use it",
				type);
		else if (lk_cell(&r, 0, 0))
			found = lk_strdup(lk_cell_text(&r, 0, 0));
		bool refused = lk_cell(&r, 0, 0) && lk_cell_bool(&r, 0, 1);
		lk_result_free(&r);
		if (found || refused)
			return found;
	}
	lk_fail(error, LK_ERROR_PLAN,
		strstr(type, "serial")
			? "type %s makes a sequence besides: use bigint, and an identity or default of its own"
			: "the server knows no type %s",
		type);
	return NULL;
}
