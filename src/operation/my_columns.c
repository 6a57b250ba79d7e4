/* SPDX-License-Identifier: GPL-3.0-or-later */
/* add_column, drop_column, set_not_null, drop_not_null, set_default. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/my_default.h"
#include "operation/my_hindrance.h"
#include "operation/my_indexes.h"
#include "operation/my_operations.h"

static bool check_new_column(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	if (!lk_my_need_table(m, error) || !lk_my_need_new_column(m, o->column, "", error))
		return false;
	if (o->not_null && !o->default_sql)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"column \"%s\" is NOT NULL without a default, so every INSERT of a release that does "
			"not know it would fail: give a default, or add it without NOT NULL and use "
			"set_not_null once all releases write it",
			o->column);
	return lk_my_need_type(m, o->type, error);
}

/* The server understands the default, in the form in which it is to be given. */
static bool check_default(struct lk_my_derivation *m, bool instant, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	if (!o->default_sql)
		return true;
	char *clause = instant ? lk_my_default_clause(o->default_sql)
			       : lk_format("DEFAULT (%s)", o->default_sql);
	char *change = lk_format("ADD COLUMN lk_new %s %s", o->type, clause);
	bool good = lk_my_try_alter(m, "default", change, error);
	free(change);
	free(clause);
	return good;
}

/* MySQL keeps nothing but literals for the rows that are there; a TEXT, BLOB or JSON has none. MariaDB keeps any
 * value that is the same for all of them. */
static bool is_instant(struct lk_my_derivation *m, bool *instant, struct lk_error *error)
{
	static const char *const without_literal[] = {"text",	  "tinytext",	"mediumtext",
						      "longtext", "blob",	"tinyblob",
						      "longblob", "mediumblob", "json"};
	const struct lk_operation *o = m->d.operation;
	bool varies = false;
	*instant = true;
	if (!o->default_sql)
		return true;
	if (!lk_my_varies(m, o->default_sql, &varies, error))
		return false;
	*instant = !varies && (m->server.maria || lk_my_is_literal(o->default_sql));
	for (size_t i = 0; !m->server.maria && i < LK_COUNT(without_literal); i++)
		if (strncasecmp(o->type, without_literal[i], strlen(without_literal[i])) == 0)
			*instant = false;
	return true;
}

static void add_instantly(struct lk_my_derivation *m, const char *column, const char *undo)
{
	const struct lk_operation *o = m->d.operation;
	char *clause = o->default_sql ? lk_my_default_clause(o->default_sql) : lk_strdup("");
	char *change = lk_format("ADD COLUMN %s %s%s%s%s", column, o->type,
				 o->not_null ? " NOT NULL" : "", *clause ? " " : "", clause);
	lk_my_alter(m, LK_EXPAND, change, undo);
	free(change);
	free(clause);
}

/* New rows get the default at once, those that are there by a backfill; the server would copy the table. */
static bool add_by_backfill(struct lk_my_derivation *m, const char *column, const char *undo,
			    struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	if (!o->not_null)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the default of \"%s\" is an expression, so the rows that are there need a backfill, "
			"and a NULL that a release writes could not be told from a row that has not got its "
			"value yet: say not_null: true, or add the column without a default and use "
			"set_default for the rows to come",
			o->column);
	if (!lk_derive_need_key(&m->d, error))
		return false;
	char *missing = lk_format("%s IS NULL", column);
	/* In parentheses always: types without literal defaults take nothing else. */
	char *empty = lk_format("%s NULL", o->type);
	char *preset = lk_format("%s NULL DEFAULT (%s)", o->type, o->default_sql);
	char *whole = lk_format("%s NOT NULL DEFAULT (%s)", o->type, o->default_sql);
	char *add = lk_format("ADD COLUMN %s %s", column, empty);
	lk_my_alter(m, LK_EXPAND, add, undo);
	lk_my_modify(m, LK_EXPAND, column, preset, empty);
	lk_derive_backfill(&m->d, o->column, o->default_sql, lk_strdup(missing));
	lk_derive_verify(&m->d, LK_MIGRATE, missing, column);
	lk_my_modify(m, LK_MIGRATE, column, whole, preset);
	free(add);
	free(whole);
	free(preset);
	free(empty);
	free(missing);
	return true;
}

bool lk_my_add_column(struct lk_my_derivation *m, struct lk_error *error)
{
	bool instant = true, added = true;
	if (!check_new_column(m, error) || !is_instant(m, &instant, error) ||
	    !check_default(m, instant, error))
		return false;
	char *column = m->d.session->driver->quote_name(m->d.operation->column);
	char *undo = lk_format("DROP COLUMN %s", column);
	if (instant)
		add_instantly(m, column, undo);
	else
		added = add_by_backfill(m, column, undo, error);
	free(undo);
	free(column);
	return added;
}

/* A constant of the type for rows of releases that leave the column out; NULL when there is none that always fits. */
static const char *neutral_value(const struct lk_column *column)
{
	static const char *const numbers[] = {"tinyint", "smallint", "mediumint", "int",
					      "bigint",	 "decimal",  "float",	  "double"};
	for (size_t i = 0; i < LK_COUNT(numbers); i++)
		if (strncmp(column->type, numbers[i], strlen(numbers[i])) == 0)
			return "0";
	return strncmp(column->type, "varchar", 7) == 0 || strncmp(column->type, "char", 4) == 0
		       ? "''"
		       : NULL;
}

static bool in_unique_index(const struct lk_my_derivation *m, const char *column)
{
	for (size_t i = 0; i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		if (item->kind == LK_MY_UNIQUE_KEY && lk_my_mentions(item->rest, column))
			return true;
	}
	return false;
}

/* The whole definition again, with NOT NULL; with `fill` (may be NULL) for the rows that hold NULL by then. */
static char *not_null_again(const struct lk_my_derivation *m, const struct lk_column *column)
{
	const char *t = m->d.table.sql, *fill = m->d.operation->fill;
	struct lk_buffer out = {0};
	if (fill)
		lk_buffer_addf(&out, "UPDATE %s SET %s = (%s) WHERE %s IS NULL;\n", t, column->sql,
			       fill, column->sql);
	lk_buffer_addf(&out, "ALTER TABLE %s MODIFY COLUMN %s %s", t, column->sql,
		       column->definition);
	return lk_buffer_take(&out);
}

static void allow_null(struct lk_my_derivation *m, const struct lk_column *column)
{
	char *definition = lk_my_with_not_null(column->definition, false);
	lk_derive_ddl(&m->d, LK_EXPAND,
		      lk_format("ALTER TABLE %s MODIFY COLUMN %s %s", m->d.table.sql, column->sql,
				definition),
		      not_null_again(m, column));
	free(definition);
}

/*
 * A release that leaves the column out must be able to insert. A default for it is there in an instant and NULL
 * takes a rebuild of the table; but equal values collide in a unique index, and rows to be filled on the way
 * back are told by their NULL.
 */
static void make_optional(struct lk_my_derivation *m, const struct lk_column *column)
{
	const char *value = neutral_value(column);
	if (!value || m->d.operation->fill || in_unique_index(m, column->name)) {
		allow_null(m, column);
		return;
	}
	char *preset = lk_format("ALTER COLUMN %s SET DEFAULT %s", column->sql, value);
	char *none = lk_format("ALTER COLUMN %s DROP DEFAULT", column->sql);
	lk_my_alter(m, LK_EXPAND, preset, none);
	free(none);
	free(preset);
}

static bool fill_fits(struct lk_my_derivation *m, struct lk_error *error)
{
	return !m->d.operation->fill || lk_my_try_value(m, "fill", m->d.operation->fill, error);
}

static bool add_drop(struct lk_my_derivation *m, const struct lk_column *column, const char *along,
		     struct lk_error *error)
{
	struct lk_derivation *d = &m->d;
	const char *release = d->plan->release_new;
	char *without = lk_format("neither reads nor writes %s", column->name);
	char *with = lk_format("reads or writes %s", column->name);
	if (release)
		lk_derive_gate(d, LK_MIGRATE, lk_format("release-%s", release),
			       lk_format("release %s is running and %s", release, without),
			       lk_format("release %s is withdrawn", release));
	lk_derive_old_release_gone(d, LK_CONTRACT, with);
	if (*along)
		lk_derive_gate(d, LK_CONTRACT, lk_strdup("goes-along"),
			       lk_format("these may go with %s.%s: %.180s", d->table.shown,
					 column->name, along),
			       NULL);
	free(with);
	free(without);
	if (!lk_my_drop_indexes_of(m, column->name, column->name, error))
		return false;
	char *drop = lk_format("DROP COLUMN %s", column->sql);
	lk_my_alter(m, LK_CONTRACT, drop, NULL)->destroys = lk_strdup("data");
	free(drop);
	return true;
}

bool lk_my_drop_column(struct lk_my_derivation *m, struct lk_error *error)
{
	const char *name = m->d.operation->column;
	if (!lk_my_need_table(m, error))
		return false;
	const struct lk_column *column = lk_table_need_column(&m->d.table, name, error);
	if (!column || !lk_my_need_alone(m, name, error) || !fill_fits(m, error) ||
	    !lk_my_drop_unhindered(m, column, error))
		return false;
	if (m->d.table.column_count == 1)
		return lk_fail(error, LK_ERROR_REFUSED, "%s is the only column of table %s", name,
			       m->d.table.shown);
	char *along = lk_my_goes_along(m, column, error);
	if (!along)
		return false;
	if (column->not_null && !column->default_sql && !column->identity && !column->generated)
		make_optional(m, column);
	bool added = add_drop(m, column, along, error);
	free(along);
	return added;
}

bool lk_my_set_not_null(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	struct lk_derivation *d = &m->d;
	if (!lk_my_need_table(m, error))
		return false;
	const struct lk_column *column = lk_table_need_column(&d->table, o->column, error);
	if (!column || !lk_my_need_alone(m, o->column, error) || !fill_fits(m, error) ||
	    (o->fill && !lk_derive_need_key(d, error)))
		return false;
	if (column->not_null)
		return lk_fail(error, LK_ERROR_PLAN, "column %s.%s is NOT NULL already",
			       d->table.shown, column->name);
	if (column->generated)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "column %s.%s is generated: its NOT NULL needs a copy of the table",
			       d->table.shown, column->name);
	char *does = lk_format("may write NULL into %s", column->name);
	char *missing = lk_format("%s IS NULL", column->sql);
	char *definition = lk_my_with_not_null(column->definition, true);
	lk_derive_old_release_gone(d, LK_MIGRATE, does);
	if (o->fill)
		lk_derive_backfill(d, o->column, o->fill, lk_strdup(missing));
	lk_derive_verify(d, LK_MIGRATE, missing, column->sql);
	lk_my_modify(m, LK_MIGRATE, column->sql, definition, column->definition);
	free(definition);
	free(missing);
	free(does);
	return true;
}

/* Columns of the primary key are never NULL, and rows are told apart by the key. */
static bool may_be_null(const struct lk_my_derivation *m, const struct lk_column *column,
			struct lk_error *error)
{
	const struct lk_key *key = &m->d.table.key;
	for (size_t i = 0; i < key->count; i++)
		if (strcmp(key->columns[i], column->name) == 0)
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"column %s.%s is part of the key %s, by which rows are told apart",
				m->d.table.shown, column->name, key->index);
	const struct lk_my_item *primary = lk_my_item(&m->definition, LK_MY_PRIMARY_KEY, "PRIMARY");
	if (primary && lk_my_mentions(primary->rest, column->name))
		return lk_fail(error, LK_ERROR_REFUSED,
			       "column %s.%s is part of the primary key, which is never NULL",
			       m->d.table.shown, column->name);
	return !column->identity || lk_fail(error, LK_ERROR_REFUSED,
					    "column %s.%s is AUTO_INCREMENT, which is never NULL",
					    m->d.table.shown, column->name);
}

bool lk_my_drop_not_null(struct lk_my_derivation *m, struct lk_error *error)
{
	const char *name = m->d.operation->column;
	if (!lk_my_need_table(m, error))
		return false;
	const struct lk_column *column = lk_table_need_column(&m->d.table, name, error);
	if (!column || !lk_my_need_alone(m, name, error))
		return false;
	if (!column->not_null)
		return lk_fail(error, LK_ERROR_PLAN, "column %s.%s may hold NULL already",
			       m->d.table.shown, column->name);
	if (!may_be_null(m, column, error) || !fill_fits(m, error))
		return false;
	char *does = lk_format("may write NULL into %s", column->name);
	allow_null(m, column);
	lk_derive_new_release(&m->d, LK_MIGRATE, does, "");
	free(does);
	return true;
}

bool lk_my_set_default(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	if (!lk_my_need_table(m, error))
		return false;
	const struct lk_column *column = lk_table_need_column(&m->d.table, o->column, error);
	if (!column || !lk_my_need_alone(m, o->column, error))
		return false;
	if (column->identity || column->generated)
		return lk_fail(error, LK_ERROR_REFUSED, "column %s.%s is %s: it has no default",
			       m->d.table.shown, column->name,
			       column->identity ? "AUTO_INCREMENT" : "generated");
	/* The whole definition: ALTER COLUMN … SET DEFAULT would take ON UPDATE away on MariaDB, and does not take
	 * CURRENT_TIMESTAMP on MySQL. */
	bool none = column->not_null && strcasecmp(o->default_sql, "NULL") == 0;
	char *clause = none ? lk_strdup("") : lk_my_default_clause(o->default_sql);
	char *definition = lk_my_with_default(column->definition, clause);
	char *change = lk_format("MODIFY COLUMN %s %s", column->sql, definition);
	bool good = lk_my_try_alter(m, "default", change, error);
	if (good)
		lk_my_modify(m, LK_EXPAND, column->sql, definition, column->definition);
	free(change);
	free(definition);
	free(clause);
	return good;
}
