/* SPDX-License-Identifier: GPL-3.0-or-later */
/* add_column, drop_column, set_not_null, drop_not_null, set_default. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "operation/pg_hindrance.h"
#include "operation/pg_operations.h"

static bool check_new_column(struct lk_derivation *d, struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	if (!lk_derive_need_table(d, true, error))
		return false;
	if (lk_derive_has_column(d, o->column))
		return lk_fail(
			error, LK_ERROR_PLAN,
			"table %s already has a column \"%s\": choose another name, or drop it if it was left "
			"by an earlier attempt",
			d->table.shown, o->column);
	if (o->not_null && !o->default_sql)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"column \"%s\" is NOT NULL without a default, so every INSERT of a release that does "
			"not know it would fail: give a default, or add it without NOT NULL and use "
			"set_not_null once all releases write it",
			o->column);
	char *type = lk_derive_type(d, o->type, error);
	free(type);
	return type && (!o->default_sql ||
			lk_derive_try_value(d, "default", o->default_sql, o->type, error));
}

/* A default that is the same for all rows is kept in the catalog: instant, whatever the table's size. */
static void add_instantly(struct lk_derivation *d, const char *column, char *undo)
{
	const struct lk_operation *o = d->operation;
	lk_derive_ddl(d, LK_EXPAND,
		      lk_format("ALTER TABLE %s ADD COLUMN %s %s%s%s%s", d->table.sql, column,
				o->type, o->default_sql ? " DEFAULT " : "",
				o->default_sql ? o->default_sql : "",
				o->not_null ? " NOT NULL" : ""),
		      undo);
}

/* One that differs from row to row would rewrite the table under an exclusive lock: new rows get it at once,
 * those that are there by a backfill. */
static bool add_by_backfill(struct lk_derivation *d, const char *column, char *undo,
			    struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	if (!o->not_null) {
		free(undo);
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the default of \"%s\" gives another value to each row, and a NULL that a release writes "
			"could not be told from a row that has not got one yet: say not_null: true, or add the "
			"column without a default and use set_default for the rows to come",
			o->column);
	}
	char *missing = lk_format("%s IS NULL", column);
	lk_derive_sql(d, LK_EXPAND,
		      lk_format("ALTER TABLE %s ADD COLUMN %s %s;\n"
				"ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s",
				d->table.sql, column, o->type, d->table.sql, column,
				o->default_sql),
		      undo);
	bool keyed = lk_derive_need_key(d, error);
	if (keyed) {
		lk_derive_backfill(d, o->column, o->default_sql, lk_strdup(missing));
		lk_derive_verify(d, LK_MIGRATE, missing, column);
		lk_derive_not_null(d, LK_MIGRATE, o->column, column);
	}
	free(missing);
	return keyed;
}

bool lk_pg_add_column(struct lk_derivation *d, struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	bool per_row = false, added = true;
	if (!check_new_column(d, error) ||
	    (o->default_sql && !lk_derive_is_volatile(d, o->default_sql, &per_row, error)))
		return false;
	char *column = d->session->driver->quote_name(o->column);
	char *undo = lk_format("ALTER TABLE %s DROP COLUMN IF EXISTS %s", d->table.sql, column);
	if (per_row)
		added = add_by_backfill(d, column, undo, error);
	else
		add_instantly(d, column, undo);
	free(column);
	return added;
}

/* Indexes and constraints over this column and others go with it: whoever confirms should know. */
static bool goes_along(struct lk_derivation *d, const struct lk_column *column, char **list,
		       struct lk_error *error)
{
	static const char sql[] =
		"SELECT coalesce(string_agg(o.name, ', ' ORDER BY o.name), '') FROM ("
		" SELECT format('index %s', i.indexrelid::regclass) AS name FROM pg_index i"
		"  WHERE i.indrelid = $1::oid AND ($2::smallint = ANY (i.indkey) OR EXISTS (SELECT FROM pg_depend p"
		"   WHERE p.objid = i.indexrelid AND p.refobjid = i.indrelid AND p.refobjsubid = $2::smallint))"
		"   AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.conrelid = $1::oid)"
		" UNION ALL SELECT format('constraint %I', c.conname) FROM pg_constraint c"
		"  WHERE c.conrelid = $1::oid AND $2::smallint = ANY (c.conkey) AND c.contype <> 'n'"
		" UNION ALL SELECT format('statistics %s', s.stxname) FROM pg_statistic_ext s"
		"  WHERE s.stxrelid = $1::oid AND $2::smallint = ANY (s.stxkeys)) o";
	struct lk_result r;
	char rel[24], att[16];
	snprintf(rel, sizeof rel, "%lld", (long long)d->table.id);
	snprintf(att, sizeof att, "%d", column->number);
	if (!LK_QUERY(d->session, &r, error, sql, rel, att))
		return false;
	*list = lk_strdup(lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}

/* The server would refuse these, or drop them and with them what other tables rely on. */
static bool may_drop(struct lk_derivation *d, const struct lk_column *column,
		     struct lk_error *error)
{
	static const char sql[] =
		"SELECT format('%s %s', CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END,"
		"  v.oid::regclass) FROM pg_depend p JOIN pg_rewrite w ON w.oid = p.objid"
		"  JOIN pg_class v ON v.oid = w.ev_class WHERE p.classid = 'pg_rewrite'::regclass"
		"  AND p.refobjid = $1::oid AND p.refobjsubid = $2::smallint"
		" UNION SELECT format('generated column %I', a.attname) FROM pg_depend p JOIN pg_attrdef f"
		"  ON f.oid = p.objid JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum"
		"  WHERE p.classid = 'pg_attrdef'::regclass AND p.refobjid = $1::oid"
		"  AND p.refobjsubid = $2::smallint AND a.attnum <> $2::smallint"
		" UNION SELECT format('trigger %I', t.tgname) FROM pg_depend p JOIN pg_trigger t ON t.oid = p.objid"
		"  WHERE p.classid = 'pg_trigger'::regclass AND p.refobjid = $1::oid"
		"  AND p.refobjsubid = $2::smallint AND NOT t.tgisinternal"
		" UNION SELECT format('row security policy %I', l.polname) FROM pg_depend p JOIN pg_policy l"
		"  ON l.oid = p.objid WHERE p.classid = 'pg_policy'::regclass AND p.refobjid = $1::oid"
		"  AND p.refobjsubid = $2::smallint"
		" UNION SELECT format('primary key %I', c.conname) FROM pg_constraint c"
		"  WHERE c.conrelid = $1::oid AND c.contype = 'p' AND $2::smallint = ANY (c.conkey)"
		" UNION SELECT format('foreign key %I of table %s', c.conname, c.conrelid::regclass)"
		"  FROM pg_constraint c WHERE c.confrelid = $1::oid AND c.contype = 'f'"
		"  AND $2::smallint = ANY (c.confkey)"
		" UNION SELECT 'the partition key' FROM pg_partitioned_table WHERE partrelid = $1::oid"
		"  AND $2::smallint = ANY (partattrs) ORDER BY 1";
	struct lk_result r;
	struct lk_buffer list = {0};
	char rel[24], att[16];
	snprintf(rel, sizeof rel, "%lld", (long long)d->table.id);
	snprintf(att, sizeof att, "%d", column->number);
	if (!LK_QUERY(d->session, &r, error, sql, rel, att))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		lk_buffer_addf(&list, "%s%s", i ? "; " : "", lk_cell_text(&r, i, 0));
	bool may = r.rows == 0;
	if (!may)
		lk_fail(error, LK_ERROR_REFUSED,
			"column %s.%s cannot be dropped while these need it: %s", d->table.shown,
			column->name, lk_buffer_text(&list));
	lk_buffer_free(&list);
	lk_result_free(&r);
	return may;
}

static bool fill_fits(struct lk_derivation *d, const struct lk_column *column,
		      struct lk_error *error)
{
	return !d->operation->fill ||
	       lk_derive_try_value(d, "fill", d->operation->fill, column->type, error);
}

static void drop_not_null(struct lk_derivation *d, const struct lk_column *column)
{
	lk_derive_ddl(d, LK_EXPAND,
		      lk_format("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", d->table.sql,
				column->sql),
		      lk_derive_not_null_again(d, column, d->operation->fill));
}

bool lk_pg_drop_column(struct lk_derivation *d, struct lk_error *error)
{
	char *along = NULL;
	if (!lk_derive_need_table(d, true, error))
		return false;
	const struct lk_column *column =
		lk_table_need_column(&d->table, d->operation->column, error);
	if (!column || !fill_fits(d, column, error) || !may_drop(d, column, error) ||
	    !goes_along(d, column, &along, error))
		return false;
	char *without = lk_format("neither reads nor writes %s", column->name);
	char *with = lk_format("reads or writes %s", column->name);
	/* A release that leaves it out must be able to insert. */
	if (column->not_null && !column->default_sql && !column->identity && !column->generated)
		drop_not_null(d, column);
	if (d->plan->release_new)
		lk_derive_gate(
			d, LK_MIGRATE, lk_format("release-%s", d->plan->release_new),
			lk_format("release %s is running and %s", d->plan->release_new, without),
			lk_format("release %s is withdrawn", d->plan->release_new));
	lk_derive_old_release_gone(d, LK_CONTRACT, with);
	if (*along)
		lk_derive_gate(d, LK_CONTRACT, lk_strdup("goes-along"),
			       lk_format("these may go with %s.%s: %.180s", d->table.shown,
					 column->name, along),
			       NULL);
	lk_derive_ddl(d, LK_CONTRACT,
		      lk_format("ALTER TABLE %s DROP COLUMN %s", d->table.sql, column->sql), NULL)
		->destroys = lk_strdup("data");
	free(with);
	free(without);
	free(along);
	return true;
}

bool lk_pg_set_not_null(struct lk_derivation *d, struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	if (!lk_derive_need_table(d, false, error))
		return false;
	const struct lk_column *column = lk_table_need_column(&d->table, o->column, error);
	if (!column || !fill_fits(d, column, error) || (o->fill && !lk_derive_need_key(d, error)))
		return false;
	if (column->not_null)
		return lk_fail(error, LK_ERROR_PLAN, "column %s.%s is NOT NULL already",
			       d->table.shown, column->name);
	char *does = lk_format("may write NULL into %s", column->name);
	char *missing = lk_format("%s IS NULL", column->sql);
	lk_derive_old_release_gone(d, LK_MIGRATE, does);
	/* Before the CHECK: while rows hold NULL it would refuse each change of them, of other columns too. */
	if (o->fill)
		lk_derive_backfill(d, o->column, o->fill, lk_strdup(missing));
	lk_derive_verify(d, LK_MIGRATE, missing, column->sql);
	lk_derive_not_null(d, LK_MIGRATE, o->column, column->sql);
	free(missing);
	free(does);
	return true;
}

bool lk_pg_drop_not_null(struct lk_derivation *d, struct lk_error *error)
{
	if (!lk_derive_need_table(d, false, error))
		return false;
	const struct lk_column *column =
		lk_table_need_column(&d->table, d->operation->column, error);
	if (!column)
		return false;
	if (!column->not_null)
		return lk_fail(error, LK_ERROR_PLAN, "column %s.%s may hold NULL already",
			       d->table.shown, column->name);
	for (size_t i = 0; i < d->table.key.count; i++)
		if (strcmp(d->table.key.columns[i], column->name) == 0)
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"column %s.%s is part of the key %s, by which rows are told apart",
				d->table.shown, column->name, d->table.key.index);
	if (column->identity)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "column %s.%s is an identity, which is never NULL", d->table.shown,
			       column->name);
	if (!fill_fits(d, column, error))
		return false;
	char *does = lk_format("may write NULL into %s", column->name);
	drop_not_null(d, column);
	lk_derive_new_release(d, LK_MIGRATE, does, "");
	free(does);
	return true;
}

bool lk_pg_set_default(struct lk_derivation *d, struct lk_error *error)
{
	struct lk_result r;
	char id[24], number[16];
	if (!lk_derive_need_table(d, true, error))
		return false;
	const struct lk_column *column =
		lk_table_need_column(&d->table, d->operation->column, error);
	if (!column)
		return false;
	if (column->identity || column->generated)
		return lk_fail(error, LK_ERROR_REFUSED, "column %s.%s is %s: it has no default",
			       d->table.shown, column->name,
			       column->identity ? "an identity" : "generated");
	if (!lk_derive_try_value(d, "default", d->operation->default_sql, column->type, error))
		return false;
	/* The column's own, not its domain's. */
	snprintf(id, sizeof id, "%lld", (long long)d->table.id);
	snprintf(number, sizeof number, "%d", column->number);
	if (!LK_QUERY(d->session, &r, error,
		      "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = $1::oid"
		      " AND adnum = $2::smallint",
		      id, number))
		return false;
	char *alter = lk_format("ALTER TABLE %s ALTER COLUMN %s", d->table.sql, column->sql);
	lk_derive_ddl(d, LK_EXPAND,
		      lk_format("%s SET DEFAULT %s", alter, d->operation->default_sql),
		      r.rows ? lk_format("%s SET DEFAULT %s", alter, lk_cell_text(&r, 0, 0))
			     : lk_format("%s DROP DEFAULT", alter));
	free(alter);
	lk_result_free(&r);
	return true;
}
