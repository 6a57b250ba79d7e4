/* SPDX-License-Identifier: GPL-3.0-or-later */
/* add_index and drop_index. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/identifier.h"
#include "operation/pg_operations.h"

/* More partitions than this make a plan that nobody reads. */
#define MOST_PARTITIONS 15

/* Names of columns are quoted, everything else stands as it is written. */
static char *elements(const struct lk_derivation *d)
{
	struct lk_buffer out = {0};
	const struct lk_names *columns = &d->operation->columns;
	for (size_t i = 0; i < columns->count; i++) {
		char *name = lk_derive_has_column(d, columns->list[i])
				     ? d->session->driver->quote_name(columns->list[i])
				     : lk_strdup(columns->list[i]);
		lk_buffer_addf(&out, "%s%s", i ? ", " : "", name);
		free(name);
	}
	return lk_buffer_take(&out);
}

/* A word that stands alone can only be a column. */
static bool check_elements(struct lk_derivation *d, struct lk_error *error)
{
	const struct lk_names *columns = &d->operation->columns;
	for (size_t i = 0; i < columns->count; i++) {
		const char *element = columns->list[i];
		if (!strpbrk(element, " (\"'\t\n") && !lk_derive_has_column(d, element))
			return lk_table_need_column(&d->table, element, error) != NULL;
	}
	return lk_derive_need_columns(d, &d->operation->include, error);
}

/* "(a, b) INCLUDE (c) WHERE …", the same for a partitioned table and its partitions. */
static char *definition(const struct lk_derivation *d)
{
	const struct lk_operation *o = d->operation;
	struct lk_buffer out = {0};
	char *list = elements(d), *include = lk_derive_list(d, &o->include);
	char *method = d->session->driver->quote_name(o->method ? o->method : "btree");
	lk_buffer_addf(&out, "USING %s (%s)", method, list);
	if (o->include.count > 0)
		lk_buffer_addf(&out, " INCLUDE (%s)", include);
	if (o->where)
		lk_buffer_addf(&out, " WHERE %s", o->where);
	free(method);
	free(include);
	free(list);
	return lk_buffer_take(&out);
}

/* A build that finds the same value twice fails at its end: better to know before it begins. */
static void verify_unique(struct lk_derivation *d, const struct lk_names *columns)
{
	struct lk_buffer set = {0};
	char *list = lk_derive_list(d, columns);
	const char *where = d->operation->where;
	for (size_t i = 0; i < columns->count; i++) {
		char *name = d->session->driver->quote_name(columns->list[i]);
		lk_buffer_addf(&set, " AND %s IS NOT NULL", name);
		free(name);
	}
	struct lk_step *step = lk_plan_add_step(d->plan, LK_EXPAND, LK_VERB_VERIFY);
	step->sql = lk_format(
		"SELECT %s, count(*) FROM %s WHERE (%s)%s GROUP BY %s HAVING count(*) > 1", list,
		d->table.sql, where ? where : "true", lk_buffer_text(&set), list);
	lk_buffer_free(&set);
	free(list);
}

static bool only_columns(const struct lk_derivation *d, const struct lk_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (!lk_table_column(&d->table, names->list[i]))
			return false;
	return true;
}

/* Each partition's index is built without blocking anybody and attached; the parent's, made first over no
 * partition, becomes valid with the last. */
static bool add_partition_indexes(struct lk_derivation *d, const char *name, const char *body,
				  struct lk_error *error)
{
	static const char sql[] =
		"SELECT format('%I.%I', n.nspname, c.relname), c.relname, c.relkind, quote_ident(n.nspname)"
		" FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n"
		" ON n.oid = c.relnamespace WHERE i.inhparent = $1::oid ORDER BY c.relname";
	struct lk_result r;
	char id[24];
	const char *unique = d->operation->unique ? "UNIQUE " : "";
	char *parent = lk_derive_qualify(d, name);
	bool added = true;
	snprintf(id, sizeof id, "%lld", (long long)d->table.id);
	if (!LK_QUERY(d->session, &r, error, sql, id)) {
		free(parent);
		return false;
	}
	if (r.rows > MOST_PARTITIONS)
		added = lk_fail(
			error, LK_ERROR_REFUSED,
			"table %s has %zu partitions: index them by plans of their own, at most %d "
			"in one",
			d->table.shown, r.rows, MOST_PARTITIONS);
	if (added)
		lk_derive_ddl(d, LK_EXPAND,
			      lk_format("CREATE %sINDEX %s ON ONLY %s %s", unique, name,
					d->table.sql, body),
			      lk_format("DROP INDEX IF EXISTS %s", parent));
	for (size_t i = 0; added && i < r.rows; i++) {
		char *stem = lk_identifier_make(lk_cell_text(&r, i, 1), "_idx", LK_PG_NAME_LIMIT);
		char *part = lk_derive_free_name(d, stem, "_idx", error);
		free(stem);
		added = part != NULL;
		if (added && strcmp(lk_cell_text(&r, i, 2), "r") != 0)
			added = lk_fail(
				error, LK_ERROR_REFUSED,
				"partition %s is itself partitioned or foreign, which add_index does "
				"not index",
				lk_cell_text(&r, i, 0));
		if (added) {
			lk_derive_ddl(d, LK_EXPAND,
				      lk_format("CREATE %sINDEX CONCURRENTLY %s ON %s %s", unique,
						part, lk_cell_text(&r, i, 0), body),
				      lk_format("DROP INDEX CONCURRENTLY IF EXISTS %s.%s",
						lk_cell_text(&r, i, 3), part));
			/* An attached index goes with its parent's, so it has no undo of its own. */
			lk_derive_ddl(d, LK_EXPAND,
				      lk_format("ALTER INDEX %s ATTACH PARTITION %s.%s", parent,
						lk_cell_text(&r, i, 3), part),
				      lk_format("DROP INDEX IF EXISTS %s", parent));
		}
		free(part);
	}
	free(parent);
	lk_result_free(&r);
	return added;
}

bool lk_pg_add_index(struct lk_derivation *d, struct lk_error *error)
{
	const struct lk_operation *o = d->operation;
	bool partitioned = strcmp(d->table.kind, "partitioned table") == 0, added = true;
	if (!lk_derive_need_table(d, true, error) || !check_elements(d, error) ||
	    (o->where && !lk_derive_try_value(d, "where", o->where, "boolean", error)))
		return false;
	char *name = lk_derive_wished_name(d, "_idx", error);
	if (!name)
		return false;
	char *whole = lk_derive_qualify(d, name), *body = definition(d);
	if (o->unique && only_columns(d, &o->columns))
		verify_unique(d, &o->columns);
	if (partitioned)
		added = add_partition_indexes(d, name, body, error);
	else
		lk_derive_ddl(d, LK_EXPAND,
			      lk_format("CREATE %sINDEX CONCURRENTLY %s ON %s %s",
					o->unique ? "UNIQUE " : "", name, d->table.sql, body),
			      lk_format("DROP INDEX CONCURRENTLY IF EXISTS %s", whole));
	free(body);
	free(whole);
	free(name);
	return added;
}

/* The index with all that tells whether it may go. */
static const char index_sql[] =
	"SELECT format('%I.%I', n.nspname, c.relname), t.oid::regclass,"
	" regexp_replace(pg_get_indexdef(c.oid), '^CREATE (UNIQUE )?INDEX ', 'CREATE \\1INDEX CONCURRENTLY '),"
	" (SELECT conname FROM pg_constraint WHERE conindid = c.oid AND contype IN ('p', 'u', 'x') LIMIT 1),"
	" i.indisreplident, c.relkind = 'I' OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid),"
	" i.indisvalid,"
	" (SELECT format('%I of table %s', conname, conrelid::regclass) FROM pg_constraint"
	"  WHERE conindid = c.oid AND contype = 'f' LIMIT 1)"
	" FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid"
	" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)";

static bool may_drop_index(const struct lk_derivation *d, const struct lk_result *r,
			   struct lk_error *error)
{
	const char *name = d->operation->name;
	if (r->rows == 0)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"there is no index \"%s\" (names are exact; give the schema when it is not in "
			"the search path)",
			name);
	if (lk_cell(r, 0, 3))
		return lk_fail(error, LK_ERROR_REFUSED,
			       "index %s belongs to constraint %s of table %s: use drop_constraint",
			       name, lk_cell_text(r, 0, 3), lk_cell_text(r, 0, 1));
	if (lk_cell(r, 0, 7))
		return lk_fail(error, LK_ERROR_REFUSED, "foreign key %s needs index %s",
			       lk_cell_text(r, 0, 7), name);
	if (lk_cell_bool(r, 0, 4))
		return lk_fail(error, LK_ERROR_REFUSED,
			       "index %s is the replica identity of table %s", name,
			       lk_cell_text(r, 0, 1));
	if (lk_cell_bool(r, 0, 5))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"index %s is of a partitioned table, which cannot drop it without blocking",
			name);
	return true;
}

static char *index_reference(struct lk_derivation *d, struct lk_error *error)
{
	char *schema, *name;
	if (!lk_identifier_split(d->operation->name, &schema, &name, error))
		return NULL;
	char *name_sql = d->session->driver->quote_name(name);
	char *schema_sql = schema ? d->session->driver->quote_name(schema) : NULL;
	char *whole = schema ? lk_format("%s.%s", schema_sql, name_sql) : lk_strdup(name_sql);
	free(schema_sql);
	free(name_sql);
	free(schema);
	free(name);
	return whole;
}

bool lk_pg_drop_index(struct lk_derivation *d, struct lk_error *error)
{
	struct lk_result r;
	char *reference = index_reference(d, error);
	bool found = reference && LK_QUERY(d->session, &r, error, index_sql, reference);
	free(reference);
	if (!found)
		return false;
	bool may = may_drop_index(d, &r, error);
	if (may) {
		lk_derive_gate(
			d, LK_CONTRACT, lk_strdup("index-unused"),
			/* How often it was used is told by the step: here it would change the plan's digest. */
			lk_format("nothing needs index %s of table %s any more", d->operation->name,
				  lk_cell_text(&r, 0, 1)),
			NULL);
		lk_derive_ddl(d, LK_CONTRACT,
			      lk_format("DROP INDEX CONCURRENTLY %s", lk_cell_text(&r, 0, 0)),
			      /* A broken one is not worth having back. */
			      lk_cell_bool(&r, 0, 6) ? lk_strdup(lk_cell_text(&r, 0, 2)) : NULL);
	}
	lk_result_free(&r);
	return may;
}
