/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/pg_carry.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Quoted, borrowed from the list; NULL when the server could not be asked. */
static const char *carried_name(struct lk_derivation *d, struct lk_carry *carry, const char *old,
				const char *suffix, struct lk_error *error)
{
	char *stem = lk_derive_renamed(old, carry->from->name, carry->to);
	char *name = lk_derive_free_name(d, stem, suffix, error);
	free(stem);
	if (name)
		*LK_PUSH(carry->list, carry->count) =
			(struct lk_carried){name, lk_strdup(old), false};
	return name;
}

/* Columns of each index that uses the old one, ready for CREATE INDEX; indexes that cannot be written
 * this way were refused as hindrances. */
static const char index_sql[] =
	"SELECT i.indexrelid, ic.relname, i.indisunique, am.amname, con.conname,"
	" (SELECT string_agg(CASE WHEN k.att = $2::smallint THEN $3 ELSE quote_ident(a.attname) END"
	"   || CASE WHEN n <= i.indnkeyatts AND i.indcollation[n - 1] <> 0 AND i.indcollation[n - 1] <> a.attcollation"
	"     THEN (SELECT format(' COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation co"
	"      JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = i.indcollation[n - 1]) ELSE '' END"
	"   || CASE WHEN n <= i.indnkeyatts AND i.indoption[n - 1] & 1 = 1 THEN ' DESC' ELSE '' END"
	"   || CASE WHEN n <= i.indnkeyatts AND (i.indoption[n - 1] & 2 = 2) <> (i.indoption[n - 1] & 1 = 1)"
	"     THEN CASE WHEN i.indoption[n - 1] & 2 = 2 THEN ' NULLS FIRST' ELSE ' NULLS LAST' END ELSE '' END,"
	"   CASE WHEN n = i.indnkeyatts + 1 THEN ') INCLUDE (' ELSE ', ' END ORDER BY n)"
	"  FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(att, n)"
	"  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att),"
	" CASE WHEN ic.reloptions IS NULL THEN '' ELSE format(' WITH (%s)', array_to_string(ic.reloptions, ', ')) END,"
	" CASE WHEN con.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN con.condeferrable THEN"
	"  ' DEFERRABLE' ELSE '' END,"
	" pg_get_indexdef(i.indexrelid) LIKE '% NULLS NOT DISTINCT%'"
	" FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam"
	" LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype = 'u'"
	" WHERE i.indrelid = $1::oid AND $2::smallint = ANY (i.indkey) AND NOT i.indisprimary"
	" ORDER BY ic.relname";

static bool add_index(struct lk_derivation *d, struct lk_carry *carry, const struct lk_result *list,
		      size_t row, struct lk_error *error)
{
	const char *name = carried_name(d, carry, lk_cell_text(list, row, 1), "_idx", error);
	if (!name)
		return false;
	char *whole = lk_derive_qualify(d, name);
	lk_derive_ddl(d, LK_MIGRATE,
		      lk_format("CREATE %sINDEX CONCURRENTLY %s ON %s USING %s (%s)%s%s",
				lk_cell_bool(list, row, 2) ? "UNIQUE " : "", name, d->table.sql,
				lk_cell_text(list, row, 3), lk_cell_text(list, row, 5),
				lk_cell_bool(list, row, 8) ? " NULLS NOT DISTINCT" : "",
				lk_cell_text(list, row, 6)),
		      lk_format("DROP INDEX CONCURRENTLY IF EXISTS %s", whole));
	free(whole);
	if (!lk_cell(list, row, 4))
		return true;
	carry->list[carry->count - 1].constraint = true;
	lk_derive_ddl(d, LK_MIGRATE,
		      lk_format("ALTER TABLE %s ADD CONSTRAINT %s UNIQUE USING INDEX %s%s",
				d->table.sql, name, name, lk_cell_text(list, row, 7)),
		      lk_format("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", d->table.sql, name));
	return true;
}

static bool add_indexes(struct lk_derivation *d, struct lk_carry *carry, struct lk_error *error)
{
	struct lk_result list;
	char rel[24], att[16];
	snprintf(rel, sizeof rel, "%lld", (long long)d->table.id);
	snprintf(att, sizeof att, "%d", carry->from->number);
	if (!LK_QUERY(d->session, &list, error, index_sql, rel, att, carry->to_sql))
		return false;
	bool added = true;
	for (size_t i = 0; added && i < list.rows; i++)
		added = add_index(d, carry, &list, i, error);
	lk_result_free(&list);
	return added;
}

static bool add_foreign_key(struct lk_derivation *d, struct lk_carry *carry,
			    const struct lk_result *list, size_t row, struct lk_error *error)
{
	const char *name = carried_name(d, carry, lk_cell_text(list, row, 0), "_fkey", error);
	if (!name)
		return false;
	carry->list[carry->count - 1].constraint = true;
	lk_derive_ddl(
		d, LK_MIGRATE,
		lk_format(
			"ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES%s NOT VALID",
			d->table.sql, name, carry->to_sql, lk_cell_text(list, row, 1)),
		lk_format("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", d->table.sql, name));
	if (lk_cell_bool(list, row, 2))
		lk_derive_ddl(
			d, LK_MIGRATE,
			lk_format("ALTER TABLE %s VALIDATE CONSTRAINT %s", d->table.sql, name),
			NULL);
	return true;
}

static bool add_foreign_keys(struct lk_derivation *d, struct lk_carry *carry,
			     struct lk_error *error)
{
	/* ON DELETE SET NULL may name the column itself. One that was never validated may have reasons. */
	static const char sql[] =
		"SELECT c.conname, replace(replace(regexp_replace(pg_get_constraintdef(c.oid),"
		" '^FOREIGN KEY \\(.*?\\) REFERENCES', ''), ' NOT VALID', ''), ' (' || quote_ident(a.attname) ||"
		" ')', ' (' || $3 || ')'), c.convalidated FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid"
		" AND a.attnum = c.conkey[1] WHERE c.conrelid = $1::oid AND c.contype = 'f'"
		" AND c.conkey = ARRAY[$2::smallint] ORDER BY c.conname";
	struct lk_result list;
	char rel[24], att[16];
	snprintf(rel, sizeof rel, "%lld", (long long)d->table.id);
	snprintf(att, sizeof att, "%d", carry->from->number);
	if (!LK_QUERY(d->session, &list, error, sql, rel, att, carry->to_sql))
		return false;
	bool added = true;
	for (size_t i = 0; added && i < list.rows; i++)
		added = add_foreign_key(d, carry, &list, i, error);
	lk_result_free(&list);
	return added;
}

bool lk_carry_objects(struct lk_derivation *d, struct lk_carry *carry, struct lk_error *error)
{
	return add_indexes(d, carry, error) && add_foreign_keys(d, carry, error);
}

void lk_carry_free(struct lk_carry *carry)
{
	for (size_t i = 0; i < carry->count; i++) {
		free(carry->list[i].made_sql);
		free(carry->list[i].original);
	}
	free(carry->list);
}
