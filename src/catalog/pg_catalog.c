/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PostgreSQL's catalog (manual, chapter "System Catalogs"). */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "catalog/catalog.h"
#include "catalog/identifier.h"
#include "catalog/pg_catalog.h"

/* 13 is the oldest version whose views and functions the queries here were written for. */
#define OLDEST_VERSION 130000

char *lk_pg_quoted_name(struct lk_session *session, const char *schema, const char *name)
{
	char *n = session->driver->quote_name(name);
	if (!schema)
		return n;
	char *s = session->driver->quote_name(schema);
	char *both = lk_format("%s.%s", s, n);
	free(s);
	free(n);
	return both;
}

char *lk_pg_shown_name(const char *schema, const char *name)
{
	return strcmp(schema, "public") == 0 ? lk_strdup(name) : lk_format("%s.%s", schema, name);
}

static const char *kind_name(const char *kind)
{
	static const char *const names[][2] = {
		{"r", "table"},		{"p", "partitioned table"},
		{"v", "view"},		{"m", "materialized view"},
		{"f", "foreign table"}, {"S", "sequence"},
		{"i", "index"},		{"c", "composite type"},
	};
	for (size_t i = 0; i < LK_COUNT(names); i++)
		if (strcmp(names[i][0], kind) == 0)
			return names[i][1];
	return "relation of an unknown kind";
}

/* Says so, with the name that was perhaps meant. */
static bool no_such_table(struct lk_session *session, const char *written, struct lk_error *error)
{
	static const char sql[] =
		"SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname::text ELSE n.nspname || '.' ||"
		" c.relname END FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		" WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_|^information_schema$|^lockkeeper$'"
		" LIMIT 2000";
	return lk_catalog_no_such_table(
		session, sql, written,
		"role can see (names are exact; give the schema when it is not in the search path)",
		error);
}

static bool read_relation(struct lk_session *session, const char *written, struct lk_table *table,
			  struct lk_error *error)
{
	static const char sql[] =
		"SELECT c.oid, n.nspname, c.relname, c.relkind, " LK_PG_ROWS ","
		" pg_relation_size(c.oid),"
		" EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid),"
		" EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid), row_security_active(c.oid),"
		" c.relpersistence = 'u'"
		" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		" WHERE c.oid = to_regclass($1)";
	struct lk_result r;
	char *schema, *name;
	if (!lk_identifier_split(written, &schema, &name, error))
		return false;
	char *quoted = lk_pg_quoted_name(session, schema, name);
	bool read = LK_QUERY(session, &r, error, sql, quoted);
	free(quoted);
	free(schema);
	free(name);
	if (!read)
		return false;
	if (r.rows == 0) {
		lk_result_free(&r);
		return no_such_table(session, written, error);
	}
	table->id = lk_cell_int(&r, 0, 0);
	table->schema = lk_strdup(lk_cell_text(&r, 0, 1));
	table->name = lk_strdup(lk_cell_text(&r, 0, 2));
	table->sql = lk_pg_quoted_name(session, table->schema, table->name);
	table->shown = lk_pg_shown_name(table->schema, table->name);
	LK_COPY(table->kind, kind_name(lk_cell_text(&r, 0, 3)));
	table->rows = lk_cell_int(&r, 0, 4);
	table->bytes = lk_cell_int(&r, 0, 5);
	table->has_parent = lk_cell_bool(&r, 0, 6);
	table->has_children = lk_cell_bool(&r, 0, 7);
	table->row_security = lk_cell_bool(&r, 0, 8);
	table->unlogged = lk_cell_bool(&r, 0, 9);
	lk_result_free(&r);
	return true;
}

/*
 * A default is volatile when its stored tree calls a volatile function; built-in functions leave no row
 * in pg_depend, so the tree's text is the only place that names them. nextval() appears there too.
 */
static const char columns_sql[] =
	"SELECT a.attname, format_type(a.atttypid, a.atttypmod),"
	" CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('%I.%I', cn.nspname, co.collname)"
	"   FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace"
	"   WHERE co.oid = a.attcollation) END,"
	" CASE WHEN a.attgenerated = '' THEN coalesce(pg_get_expr(d.adbin, d.adrelid),"
	"   pg_get_expr(t.typdefaultbin, 0)) END,"
	" col_description(a.attrelid, a.attnum), a.attnotnull,"
	" EXISTS (SELECT FROM regexp_matches(coalesce(d.adbin, t.typdefaultbin)::text,"
	"   ':(?:funcid|opfuncid) (\\d+)', 'g') m JOIN pg_proc p ON p.oid = m[1]::oid"
	"   WHERE p.provolatile = 'v'),"
	" a.attidentity <> '', a.attgenerated <> '', a.attnum,"
	" EXISTS (SELECT FROM pg_opclass oc JOIN pg_am am ON am.oid = oc.opcmethod"
	"   WHERE am.amname IN ('btree', 'hash') AND oc.opcdefault AND oc.opcintype IN"
	"   (bt.oid, CASE WHEN bt.typtype = 'e' THEN 'anyenum'::regtype WHEN bt.typcategory = 'A' THEN"
	"    'anyarray'::regtype WHEN bt.typtype = 'c' THEN 'record'::regtype WHEN bt.typtype = 'r' THEN"
	"    'anyrange'::regtype WHEN bt.typname = 'varchar' THEN 'text'::regtype ELSE bt.oid END)),"
	" EXISTS (WITH RECURSIVE up AS (SELECT t.oid, t.typtype, t.typbasetype, t.typnotnull UNION ALL"
	"   SELECT b.oid, b.typtype, b.typbasetype, b.typnotnull FROM up JOIN pg_type b"
	"   ON b.oid = up.typbasetype) SELECT FROM up WHERE typtype = 'd' AND (typnotnull OR EXISTS"
	"   (SELECT FROM pg_constraint c WHERE c.contypid = up.oid)))"
	", a.attidentity = 'a'"
	" FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
	" JOIN pg_type bt ON bt.oid = (WITH RECURSIVE up AS (SELECT t.oid, t.typtype, t.typbasetype UNION ALL"
	"  SELECT b.oid, b.typtype, b.typbasetype FROM up JOIN pg_type b ON up.typtype = 'd'"
	"  AND b.oid = up.typbasetype) SELECT oid FROM up WHERE typtype <> 'd')"
	" LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
	" WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

static char *copy_or_null(const char *text)
{
	return text ? lk_strdup(text) : NULL;
}

static bool read_columns(struct lk_session *session, struct lk_table *table, struct lk_error *error)
{
	char id[24];
	struct lk_result r;
	snprintf(id, sizeof id, "%lld", (long long)table->id);
	if (!LK_QUERY(session, &r, error, columns_sql, id))
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		struct lk_column *c = LK_PUSH(table->columns, table->column_count);
		c->name = lk_strdup(lk_cell_text(&r, i, 0));
		c->sql = session->driver->quote_name(c->name);
		c->type = lk_strdup(lk_cell_text(&r, i, 1));
		c->collation = copy_or_null(lk_cell(&r, i, 2));
		c->default_sql = copy_or_null(lk_cell(&r, i, 3));
		c->comment = copy_or_null(lk_cell(&r, i, 4));
		c->not_null = lk_cell_bool(&r, i, 5);
		c->volatile_default = lk_cell_bool(&r, i, 6);
		c->identity = lk_cell_bool(&r, i, 7);
		c->generated = lk_cell_bool(&r, i, 8);
		c->number = (int)lk_cell_int(&r, i, 9);
		c->comparable = lk_cell_bool(&r, i, 10);
		c->constrained = lk_cell_bool(&r, i, 11);
		c->identity_always = lk_cell_bool(&r, i, 12);
	}
	lk_result_free(&r);
	return true;
}

/* The primary key, else the narrowest valid unique index over NOT NULL columns without a condition; one whose
 * columns all go the same way can be read in the key's order, others only by sorting. */
static bool read_key(struct lk_session *session, struct lk_table *table, struct lk_error *error)
{
	static const char sql[] =
		"WITH best AS (SELECT i.indexrelid, i.indrelid, i.indkey, i.indnkeyatts FROM pg_index i"
		"  JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam"
		"  WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL"
		"  AND i.indexprs IS NULL AND am.amname = 'btree' AND i.indimmediate"
		"  AND NOT EXISTS (SELECT FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k JOIN pg_attribute a"
		"    ON a.attrelid = i.indrelid AND a.attnum = k WHERE NOT a.attnotnull)"
		"  ORDER BY i.indisprimary DESC, (SELECT count(DISTINCT o & 1) FROM unnest(i.indoption[0:"
		"    i.indnkeyatts - 1]) o), i.indnkeyatts, i.indexrelid LIMIT 1)"
		" SELECT a.attname, format_type(a.atttypid, a.atttypmod), "
		" (SELECT quote_ident(relname) FROM pg_class WHERE oid = best.indexrelid)"
		" FROM best, generate_series(0, best.indnkeyatts - 1) n"
		" JOIN pg_attribute a ON a.attnum > 0 WHERE a.attrelid = best.indrelid"
		" AND a.attnum = best.indkey[n] ORDER BY n";
	char id[24];
	struct lk_result r;
	snprintf(id, sizeof id, "%lld", (long long)table->id);
	if (!LK_QUERY(session, &r, error, sql, id))
		return false;
	struct lk_key *key = &table->key;
	key->columns = lk_alloc(r.rows * sizeof(char *));
	key->sql = lk_alloc(r.rows * sizeof(char *));
	key->types = lk_alloc(r.rows * sizeof(char *));
	for (size_t i = 0; i < r.rows; i++) {
		key->columns[i] = lk_strdup(lk_cell_text(&r, i, 0));
		key->sql[i] = session->driver->quote_name(key->columns[i]);
		key->types[i] = lk_strdup(lk_cell_text(&r, i, 1));
	}
	key->count = r.rows;
	key->index = lk_strdup(r.rows ? lk_cell_text(&r, 0, 2) : "");
	lk_result_free(&r);
	return true;
}

/*
 * With an empty search path the server writes types and expressions with their schemas, so that they mean the
 * same in a trigger that fires under the application's own search path.
 */
static bool read_qualified(struct lk_session *session, struct lk_table *table,
			   struct lk_error *error)
{
	struct lk_result r;
	struct lk_error restoring;
	if (!LK_QUERY(session, &r, error, "SELECT current_setting('search_path')"))
		return false;
	char *path = lk_strdup(lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	bool read = LK_RUN(session, error, "SELECT set_config('search_path', '', false)") &&
		    read_columns(session, table, error) && read_key(session, table, error);
	lk_session_insist(session, true);
	bool restored = LK_RUN(session, read ? error : &restoring,
			       "SELECT set_config('search_path', $1, false)", path);
	lk_session_insist(session, false);
	free(path);
	return read && restored;
}

static bool pg_table(struct lk_session *session, const char *written, struct lk_table *table,
		     struct lk_error *error)
{
	memset(table, 0, sizeof *table);
	if (read_relation(session, written, table, error) && read_qualified(session, table, error))
		return true;
	lk_table_free(table);
	return false;
}

static bool pg_server(struct lk_session *session, struct lk_server *server, struct lk_error *error)
{
	static const char sql[] =
		"SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1),"
		" current_setting('server_version_num'), current_user, current_setting('max_connections'),"
		" pg_is_in_recovery(), pg_backend_pid()";
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql))
		return false;
	LK_COPY(server->version, lk_cell_text(&r, 0, 0));
	server->version_number = (int)lk_cell_int(&r, 0, 1);
	LK_COPY(server->role, lk_cell_text(&r, 0, 2));
	server->max_connections = (int)lk_cell_int(&r, 0, 3);
	server->engines[0] = "postgresql";
	server->engines[1] = NULL;
	bool replica = lk_cell_bool(&r, 0, 4);
	/* A pooler hands out a process number of its own at connect, not the server's. */
	bool pooled = lk_cell_int(&r, 0, 5) != session->id;
	lk_result_free(&r);
	if (replica)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "the target is a replica: give the URI of its primary");
	if (pooled)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the target is behind a connection pooler: sessions, cancels and locks need a direct "
			"connection, so give the URI of the server itself");
	if (server->version_number < OLDEST_VERSION)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "%s is too old: PostgreSQL 13 or later is needed", server->version);
	return true;
}

static bool pg_privileges(struct lk_session *session, const struct lk_table *table,
			  struct lk_error *error)
{
	static const char sql[] =
		"SELECT pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner), current_user,"
		" has_database_privilege(current_database(), 'CREATE') OR EXISTS"
		"   (SELECT FROM pg_namespace WHERE nspname = 'lockkeeper' AND has_schema_privilege(oid, 'CREATE')),"
		" current_database(), has_schema_privilege(c.relnamespace, 'CREATE'), n.nspname"
		" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid";
	char id[24];
	struct lk_result r;
	snprintf(id, sizeof id, "%lld", (long long)table->id);
	if (!LK_QUERY(session, &r, error, sql, id))
		return false;
	const char *role = lk_cell_text(&r, 0, 2);
	bool may = lk_cell_bool(&r, 0, 0) && lk_cell_bool(&r, 0, 3) && lk_cell_bool(&r, 0, 5);
	if (!lk_cell_bool(&r, 0, 0))
		lk_fail(error, LK_ERROR_PRIVILEGE,
			"role \"%s\" does not own table %s, so it cannot alter it: GRANT \"%s\" TO \"%s\"",
			role, table->shown, lk_cell_text(&r, 0, 1), role);
	else if (!lk_cell_bool(&r, 0, 3))
		lk_fail(error, LK_ERROR_PRIVILEGE,
			"role \"%s\" cannot create the journal's schema: GRANT CREATE ON DATABASE \"%s\" TO \"%s\"",
			role, lk_cell_text(&r, 0, 4), role);
	else if (!may)
		lk_fail(error, LK_ERROR_PRIVILEGE,
			"role \"%s\" cannot create in schema \"%s\": GRANT CREATE ON SCHEMA \"%s\" TO \"%s\"",
			role, lk_cell_text(&r, 0, 6), lk_cell_text(&r, 0, 6), role);
	lk_result_free(&r);
	return may;
}

const struct lk_catalog_ops lk_pg_catalog = {
	.table = pg_table,
	.leaves = lk_pg_leaves,
	.is_leaf = lk_pg_is_leaf,
	.server = pg_server,
	.privileges = pg_privileges,
};
