/* SPDX-License-Identifier: GPL-3.0-or-later */
/* add_check, add_foreign_key, add_unique, drop_constraint. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "db/pg_array.h"
#include "operation/pg_operations.h"

/* NOT VALID first, which takes its lock for a moment; the rows that are there are read afterwards, under a lock
 * that lets everybody write. */
static void add_in_two(struct lk_derivation *d, const char *name, const char *definition)
{
	const char *t = d->table.sql;
	lk_derive_ddl(
		d, LK_MIGRATE,
		lk_format("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID", t, name, definition),
		lk_format("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", t, name));
	lk_derive_ddl(d, LK_MIGRATE, lk_format("ALTER TABLE %s VALIDATE CONSTRAINT %s", t, name),
		      NULL);
}

bool lk_pg_add_check(struct lk_derivation *d, struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	if (!lk_derive_need_table(d, false, error) ||
	    !lk_derive_try_value(d, "check", o->check, "boolean", error))
		return false;
	char *name = lk_derive_wished_name(d, "_check", error);
	if (!name)
		return false;
	char *does = lk_format("may write rows of %s without (%.150s)", d->table.shown, o->check);
	char *broken = lk_format("(%s) IS FALSE", o->check);
	char *definition = lk_format("CHECK (%s)", o->check);
	lk_derive_old_release_gone(d, LK_MIGRATE, does);
	/* NOT VALID already refuses each change of a row that breaks it. */
	lk_derive_verify(d, LK_MIGRATE, broken, "*");
	add_in_two(d, name, definition);
	free(definition);
	free(broken);
	free(does);
	free(name);
	return true;
}

/* The columns that are referred to: those that the plan names, or the other table's primary key. */
static bool referenced_columns(struct lk_derivation *d, const struct lk_table *other,
			       char ***columns, struct lk_error *error)
{
	static const char sql[] =
		"SELECT a.attname FROM pg_index i, unnest(i.indkey::smallint[]) WITH ORDINALITY k(att, n)"
		" JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = k.att"
		" WHERE i.indrelid = $1::oid AND i.indisprimary ORDER BY n";
	const struct lk_operation *o = d->operation;
	struct lk_result r;
	char id[24];
	*columns = NULL;
	if (o->referenced.count > 0) {
		*columns = lk_alloc(o->referenced.count * sizeof(char *));
		for (size_t i = 0; i < o->referenced.count; i++) {
			const struct lk_column *column =
				lk_table_need_column(other, o->referenced.list[i], error);
			if (!column)
				return false;
			(*columns)[i] = lk_strdup(column->sql);
		}
		return true;
	}
	snprintf(id, sizeof id, "%lld", (long long)other->id);
	if (!LK_QUERY(d->session, &r, error, sql, id))
		return false;
	bool fits = r.rows == o->columns.count;
	*columns = lk_alloc((o->columns.count + 1) * sizeof(char *));
	for (size_t i = 0; fits && i < r.rows; i++)
		(*columns)[i] = d->session->driver->quote_name(lk_cell_text(&r, i, 0));
	if (!fits)
		lk_fail(error, LK_ERROR_PLAN,
			"the primary key of %s has %zu columns, not %zu: name the columns (referenced: […])",
			other->shown, r.rows, o->columns.count);
	lk_result_free(&r);
	return fits;
}

/* Without one the server refuses; said here before anything is done. */
static bool is_unique(struct lk_derivation *d, const struct lk_table *other, char *const *columns,
		      struct lk_error *error)
{
	static const char sql[] =
		"SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = $1::oid AND i.indisunique"
		" AND i.indpred IS NULL AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = $3::int"
		" AND NOT EXISTS (SELECT FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(att, n)"
		"  LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att"
		"  WHERE n <= i.indnkeyatts AND NOT quote_ident(coalesce(a.attname, '')) = ANY ($2::text[])"
		"  AND NOT '\"' || replace(coalesce(a.attname, ''), '\"', '\"\"') || '\"' = ANY ($2::text[])))";
	struct lk_result r;
	char id[24], count[16];
	size_t n = d->operation->columns.count;
	char *list = lk_pg_array((const char *const *)columns, n);
	snprintf(id, sizeof id, "%lld", (long long)other->id);
	snprintf(count, sizeof count, "%zu", n);
	bool read = LK_QUERY(d->session, &r, error, sql, id, list, count);
	free(list);
	if (!read)
		return false;
	bool is = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return is ||
	       lk_fail(error, LK_ERROR_PLAN,
		       "the referenced columns of %s have no unique index: a foreign key needs one",
		       other->shown);
}

/* Without an index each DELETE of the other table reads this one whole. */
static bool has_index(struct lk_derivation *d, bool *has, struct lk_error *error)
{
	struct lk_result r;
	char id[24], att[16];
	const struct lk_column *first = lk_table_column(&d->table, d->operation->columns.list[0]);
	*has = false;
	if (!first)
		return true;
	snprintf(id, sizeof id, "%lld", (long long)d->table.id);
	snprintf(att, sizeof att, "%d", first->number);
	if (!LK_QUERY(d->session, &r, error,
		      "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = $1::oid AND indisvalid"
		      " AND indpred IS NULL AND indkey[0] = $2::smallint)",
		      id, att))
		return false;
	*has = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

static bool add_reference(struct lk_derivation *d, const struct lk_table *other,
			  char *const *columns, const char *name, struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	struct lk_buffer referenced = {0}, present = {0}, equal = {0}, definition = {0};
	char *own = lk_derive_list(d, &o->columns);
	for (size_t i = 0; i < o->columns.count; i++) {
		char *column = d->session->driver->quote_name(o->columns.list[i]);
		lk_buffer_addf(&referenced, "%s%s", i ? ", " : "", columns[i]);
		lk_buffer_addf(&present, "%s.%s IS NOT NULL AND ", d->table.sql, column);
		lk_buffer_addf(&equal, "%slk_other.%s = %s.%s", i ? " AND " : "", columns[i],
			       d->table.sql, column);
		free(column);
	}
	lk_buffer_addf(&present, "NOT EXISTS (SELECT FROM %s AS lk_other WHERE %s)", other->sql,
		       lk_buffer_text(&equal));
	lk_buffer_addf(&definition, "FOREIGN KEY (%s) REFERENCES %s (%s)", own, other->sql,
		       lk_buffer_text(&referenced));
	if (o->on_delete)
		lk_buffer_addf(&definition, " ON DELETE %s", o->on_delete);
	if (o->on_update)
		lk_buffer_addf(&definition, " ON UPDATE %s", o->on_update);
	/* Types that cannot be compared cannot refer to each other either. */
	char *query = lk_format("SELECT FROM %s WHERE %s", d->table.sql, lk_buffer_text(&present));
	bool fits = lk_derive_try(d, "the foreign key", query, error);
	free(query);
	lk_derive_verify(d, LK_MIGRATE, lk_buffer_text(&present), own);
	add_in_two(d, name, lk_buffer_text(&definition));
	lk_buffer_free(&referenced);
	lk_buffer_free(&present);
	lk_buffer_free(&equal);
	lk_buffer_free(&definition);
	free(own);
	return fits;
}

static bool derive_reference(struct lk_derivation *d, const struct lk_table *other,
			     struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	char **columns = NULL, *name = NULL;
	bool indexed = false;
	bool found = lk_derive_need_columns(d, &o->columns, error) &&
		     referenced_columns(d, other, &columns, error) &&
		     is_unique(d, other, columns, error) && has_index(d, &indexed, error) &&
		     (name = lk_derive_wished_name(d, "_fkey", error)) != NULL;
	if (found) {
		char *does = lk_format("may write rows of %s that %s does not have%s",
				       d->table.shown, other->shown,
				       indexed ? ""
					       : " (and nobody minds that no index of its columns "
						 "speeds up deletes over there)");
		lk_derive_old_release_gone(d, LK_MIGRATE, does);
		found = add_reference(d, other, columns, name, error);
		free(does);
	}
	for (size_t i = 0; columns && i < o->columns.count; i++)
		free(columns[i]);
	free(columns);
	free(name);
	return found;
}

bool lk_pg_add_foreign_key(struct lk_derivation *d, struct lk_error *error)
{
	struct lk_table other;
	if (!lk_derive_need_table(d, false, error) ||
	    !lk_catalog_table(d->session, d->operation->references, &other, error))
		return false;
	bool derived = strcmp(other.kind, "table") == 0
			       ? derive_reference(d, &other, error)
			       : lk_fail(error, LK_ERROR_REFUSED,
					 "%s is a %s: add_foreign_key refers to plain tables",
					 other.shown, other.kind);
	lk_table_free(&other);
	return derived;
}

/* Rows that hold the same values, NULL aside, are shown with their number. */
static void verify_no_duplicates(struct lk_derivation *d, const char *list)
{
	struct lk_buffer present = {0};
	for (size_t i = 0; i < d->operation->columns.count; i++) {
		char *name = d->session->driver->quote_name(d->operation->columns.list[i]);
		lk_buffer_addf(&present, "%s%s IS NOT NULL", i ? " AND " : "", name);
		free(name);
	}
	struct lk_step *step = lk_plan_add_step(d->plan, LK_MIGRATE, LK_VERB_VERIFY);
	step->sql =
		lk_format("SELECT %s, count(*) FROM %s WHERE %s GROUP BY %s HAVING count(*) > 1",
			  list, d->table.sql, lk_buffer_text(&present), list);
	lk_buffer_free(&present);
}

static bool has_primary_key(struct lk_derivation *d, bool *has, struct lk_error *error)
{
	struct lk_result r;
	char id[24];
	snprintf(id, sizeof id, "%lld", (long long)d->table.id);
	if (!LK_QUERY(d->session, &r, error,
		      "SELECT FROM pg_constraint WHERE conrelid = $1::oid AND contype = 'p'", id))
		return false;
	*has = r.rows > 0;
	lk_result_free(&r);
	return true;
}

bool lk_pg_add_unique(struct lk_derivation *d, struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	bool has = false;
	if (!lk_derive_need_table(d, false, error) ||
	    !lk_derive_need_columns(d, &o->columns, error) ||
	    (o->primary_key && !has_primary_key(d, &has, error)))
		return false;
	if (has)
		return lk_fail(error, LK_ERROR_PLAN, "table %s has a primary key already",
			       d->table.shown);
	char *name = lk_derive_wished_name(d, o->primary_key ? "_pkey" : "_key", error);
	if (!name)
		return false;
	char *list = lk_derive_list(d, &o->columns), *whole = lk_derive_qualify(d, name);
	char *does = lk_format("may write the same %s twice into %s", list, d->table.shown);
	lk_derive_old_release_gone(d, LK_MIGRATE, does);
	verify_no_duplicates(d, list);
	for (size_t i = 0; o->primary_key && i < o->columns.count; i++) {
		const struct lk_column *column = lk_table_column(&d->table, o->columns.list[i]);
		if (column && !column->not_null)
			lk_derive_not_null(d, LK_MIGRATE, column->name, column->sql);
	}
	lk_derive_ddl(d, LK_MIGRATE,
		      lk_format("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s)", name,
				d->table.sql, list),
		      lk_format("DROP INDEX CONCURRENTLY IF EXISTS %s", whole));
	lk_derive_ddl(d, LK_MIGRATE,
		      lk_format("ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s", d->table.sql,
				name, o->primary_key ? "PRIMARY KEY" : "UNIQUE", name),
		      lk_format("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", d->table.sql, name));
	free(does);
	free(whole);
	free(list);
	free(name);
	return true;
}

static const char constraint_sql[] =
	"SELECT c.contype, pg_get_constraintdef(c.oid), c.convalidated, c.coninhcount > 0 OR c.conparentid <> 0,"
	" regexp_replace(pg_get_indexdef(c.conindid), '^CREATE UNIQUE INDEX ', 'CREATE UNIQUE INDEX CONCURRENTLY '),"
	" quote_ident(c.conname), c.condeferrable, c.condeferred,"
	" (SELECT string_agg(format('%I of table %s', f.conname, f.conrelid::regclass), ', ')"
	"  FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = c.conindid AND f.oid <> c.oid),"
	" (SELECT indisreplident FROM pg_index WHERE indexrelid = c.conindid)"
	" FROM pg_constraint c WHERE c.conrelid = $1::oid AND c.conname = $2";

static bool may_drop_constraint(const struct lk_derivation *d, const struct lk_result *r,
				struct lk_error *error)
{
	const char *name = d->operation->name, *shown = d->table.shown;
	if (r->rows == 0)
		return lk_fail(error, LK_ERROR_PLAN, "table %s has no constraint \"%s\"", shown,
			       name);
	char kind = lk_cell_text(r, 0, 0)[0];
	if (lk_cell_bool(r, 0, 3))
		return lk_fail(error, LK_ERROR_REFUSED,
			       "constraint %s of table %s comes from its parent: drop it there",
			       name, shown);
	if (kind == 'n')
		return lk_fail(error, LK_ERROR_REFUSED, "%s is a NOT NULL: use drop_not_null",
			       name);
	if (!strchr("cfup", kind))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"constraint %s of table %s could not be brought back without an exclusive "
			"lock: drop it by a ddl step of a long-form plan",
			name, shown);
	if (strchr("up", kind) && lk_cell(r, 0, 8))
		return lk_fail(error, LK_ERROR_REFUSED, "foreign keys need constraint %s: %s", name,
			       lk_cell_text(r, 0, 8));
	if (strchr("up", kind) && lk_cell_bool(r, 0, 9))
		return lk_fail(error, LK_ERROR_REFUSED,
			       "constraint %s is the replica identity of table %s", name, shown);
	return true;
}

/* Brings it back without blocking; each statement can be repeated. */
static char *constraint_again(const struct lk_derivation *d, const struct lk_result *r)
{
	const char *t = d->table.sql, *name = lk_cell_text(r, 0, 5),
		   *definition = lk_cell_text(r, 0, 1);
	char kind = lk_cell_text(r, 0, 0)[0];
	if (strchr("cf", kind)) {
		bool valid = lk_cell_bool(r, 0, 2);
		char *add = lk_format(
			"ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s, ADD CONSTRAINT %s %s%s", t,
			name, name, definition, valid ? " NOT VALID" : "");
		char *both = lk_format("%s;\nALTER TABLE %s VALIDATE CONSTRAINT %s", add, t, name);
		if (!valid) {
			free(both);
			return add;
		}
		free(add);
		return both;
	}
	char *whole = lk_derive_qualify(d, name);
	char *again = lk_format(
		"ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s;\nDROP INDEX CONCURRENTLY IF EXISTS %s;\n%s;\n"
		"ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s%s",
		t, name, whole, lk_cell_text(r, 0, 4), t, name,
		kind == 'p' ? "PRIMARY KEY" : "UNIQUE", name,
		lk_cell_bool(r, 0, 7)	? " DEFERRABLE INITIALLY DEFERRED"
		: lk_cell_bool(r, 0, 6) ? " DEFERRABLE"
					: "");
	free(whole);
	return again;
}

bool lk_pg_drop_constraint(struct lk_derivation *d, struct lk_error *error)
{
	struct lk_result r;
	char id[24];
	if (!lk_derive_need_table(d, false, error))
		return false;
	snprintf(id, sizeof id, "%lld", (long long)d->table.id);
	if (!LK_QUERY(d->session, &r, error, constraint_sql, id, d->operation->name))
		return false;
	bool may = may_drop_constraint(d, &r, error);
	if (may) {
		lk_derive_gate(d, LK_CONTRACT, lk_strdup("constraint-unused"),
			       lk_format("nothing relies on %s of table %s any more: %.150s",
					 d->operation->name, d->table.shown,
					 lk_cell_text(&r, 0, 1)),
			       NULL);
		lk_derive_ddl(d, LK_CONTRACT,
			      lk_format("ALTER TABLE %s DROP CONSTRAINT %s", d->table.sql,
					lk_cell_text(&r, 0, 5)),
			      constraint_again(d, &r));
	}
	lk_result_free(&r);
	return may;
}
