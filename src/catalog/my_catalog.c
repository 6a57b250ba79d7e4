/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MySQL's and MariaDB's catalog: information_schema, and SHOW CREATE TABLE for what it leaves out. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/identifier.h"
#include "catalog/my_catalog.h"
#include "catalog/my_default.h"
#include "catalog/my_definition.h"
#include "db/my_server.h"

char *lk_my_quoted_name(struct lk_session *session, const char *schema, const char *name)
{
	char *s = session->driver->quote_name(schema), *n = session->driver->quote_name(name);
	char *both = lk_format("%s.%s", s, n);
	free(s);
	free(n);
	return both;
}

/* Says so, with the name that was perhaps meant. */
static bool no_such_table(struct lk_session *session, const char *written, struct lk_error *error)
{
	static const char sql[] =
		"SELECT CASE WHEN table_schema = DATABASE() THEN table_name"
		" ELSE concat(table_schema, '.', table_name) END FROM information_schema.tables"
		" WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys',"
		" 'lockkeeper') LIMIT 2000";
	return lk_catalog_no_such_table(
		session, sql, written,
		"user can see (names are exact; give the database, database.table, when it is not the URI's)",
		error);
}

/* "MyISAM table", "view", … */
static void name_kind(struct lk_table *table, const char *type, const char *engine)
{
	if (strcmp(type, "BASE TABLE") == 0 && strcasecmp(engine, "InnoDB") == 0)
		LK_COPY(table->kind, "table");
	else if (strcmp(type, "BASE TABLE") == 0)
		snprintf(table->kind, sizeof table->kind, "table of engine %.20s",
			 *engine ? engine : "unknown");
	else if (strcmp(type, "VIEW") == 0)
		LK_COPY(table->kind, "view");
	else if (strcmp(type, "SEQUENCE") == 0)
		LK_COPY(table->kind, "sequence");
	else if (strcmp(type, "SYSTEM VERSIONED") == 0)
		LK_COPY(table->kind, "system-versioned table");
	else
		LK_COPY(table->kind, "relation of an unknown kind");
}

/* FNV-1a, without the sign. */
static int64_t hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037ULL;
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
	return (int64_t)(hash >> 1);
}

bool lk_my_file_name(struct lk_buffer *out, const char *name)
{
	for (const char *p = name; *p; p++) {
		if (*p & 0x80)
			return false;
		if (isalnum((unsigned char)*p) || *p == '_')
			lk_buffer_add_bytes(out, p, 1);
		else
			lk_buffer_addf(out, "@%04x", (unsigned)*p);
	}
	return true;
}

/*
 * InnoDB's number of the table. Whoever replaces, truncates or rebuilds the table gives it another one, an
 * instant ALTER does not (the creation time of information_schema changes with any, on MariaDB). Without the
 * privilege PROCESS, for a name beyond ASCII, and for a partitioned table, whose partitions come and go with
 * numbers of their own, it is made of the name: such a table's replacement is not seen.
 */
static bool read_id(struct lk_session *session, struct lk_table *table, bool maria,
		    struct lk_error *error)
{
	struct lk_result r;
	struct lk_error unseen;
	struct lk_buffer name = {0};
	table->id = hash_of(table->sql);
	bool spelt = lk_my_file_name(&name, table->schema);
	lk_buffer_add(&name, "/");
	spelt = spelt && lk_my_file_name(&name, table->name);
	bool read = spelt &&
		    LK_QUERY(session, &r, &unseen,
			     maria ? "SELECT table_id FROM information_schema.innodb_sys_tables"
				     " WHERE name = $1"
				   : "SELECT table_id FROM information_schema.innodb_tables"
				     " WHERE name = $1",
			     lk_buffer_text(&name));
	lk_buffer_free(&name);
	if (spelt && !read && unseen.class != LK_ERROR_PRIVILEGE) {
		*error = unseen;
		return false;
	}
	if (read && r.rows == 1)
		table->id = lk_cell_int(&r, 0, 0);
	if (read)
		lk_result_free(&r);
	return true;
}

/* MySQL answers from statistics up to a day old unless it is told to look. */
static bool read_fresh(struct lk_session *session, bool maria, struct lk_error *error)
{
	return maria || LK_RUN(session, error, "SET SESSION information_schema_stats_expiry = 0");
}

static bool read_relation(struct lk_session *session, const char *written, struct lk_table *table,
			  struct lk_error *error)
{
	static const char sql[] =
		"SELECT table_schema, table_name, table_type, coalesce(engine, ''), table_rows, data_length,"
		" table_schema = DATABASE() FROM information_schema.tables"
		" WHERE " LK_MY_SAME_NAME(
			"table_schema",
			"coalesce($1, DATABASE())") " AND " LK_MY_SAME_NAME("table_name", "$2");
	struct lk_my_server server;
	struct lk_result r;
	char *schema, *name;
	if (!lk_identifier_split(written, &schema, &name, error))
		return false;
	bool read = lk_my_server(session, &server, error) &&
		    read_fresh(session, server.maria, error) &&
		    LK_QUERY(session, &r, error, sql, schema, name);
	free(schema);
	free(name);
	if (!read)
		return false;
	if (r.rows == 0) {
		lk_result_free(&r);
		return no_such_table(session, written, error);
	}
	table->schema = lk_strdup(lk_cell_text(&r, 0, 0));
	table->name = lk_strdup(lk_cell_text(&r, 0, 1));
	table->sql = lk_my_quoted_name(session, table->schema, table->name);
	table->shown = lk_cell_int(&r, 0, 6) ? lk_strdup(table->name)
					     : lk_format("%s.%s", table->schema, table->name);
	name_kind(table, lk_cell_text(&r, 0, 2), lk_cell_text(&r, 0, 3));
	table->rows = lk_cell(&r, 0, 4) ? lk_cell_int(&r, 0, 4) : -1;
	table->bytes = lk_cell_int(&r, 0, 5);
	lk_result_free(&r);
	return read_id(session, table, server.maria, error);
}

/* A collation implies its character set; the table's own needs not be said. */
static const char columns_sql[] =
	"SELECT c.column_name, c.column_type, CASE WHEN c.collation_name <> t.table_collation THEN"
	" c.collation_name END, nullif(c.column_comment, ''), c.is_nullable = 'NO',"
	" c.extra LIKE '%auto_increment%', coalesce(c.generation_expression, '') <> '', c.ordinal_position"
	" FROM information_schema.columns c JOIN information_schema.tables t"
	"  ON t.table_schema = c.table_schema AND t.table_name = c.table_name"
	" WHERE c.table_schema = $1 AND c.table_name = $2"
	" AND CAST(c.table_schema AS BINARY) = CAST($1 AS BINARY)"
	" AND CAST(c.table_name AS BINARY) = CAST($2 AS BINARY)"
	" AND CAST(t.table_schema AS BINARY) = CAST($1 AS BINARY)"
	" AND CAST(t.table_name AS BINARY) = CAST($2 AS BINARY) ORDER BY c.ordinal_position";

static char *copy_or_null(const char *text)
{
	return text ? lk_strdup(text) : NULL;
}

/* JSON is a text with a check on MariaDB; by the name JSON a second column gets both. */
static void read_definition(struct lk_column *column, const char *rest)
{
	char *check = NULL, *json = NULL;
	column->definition = column->collation ? lk_strdup(rest) : lk_my_without_collation(rest);
	column->default_sql = column->generated ? NULL : lk_my_default(rest, NULL);
	column->volatile_default = column->default_sql && lk_my_is_volatile(column->default_sql);
	free(lk_my_without_check(rest, &check));
	json = lk_format("json_valid(%s)", column->sql);
	if (check && strcasecmp(check, json) == 0 && strcmp(column->type, "longtext") == 0) {
		free(column->type);
		free(column->collation);
		column->type = lk_strdup("json");
		column->collation = NULL;
	}
	free(json);
	free(check);
}

static bool read_columns(struct lk_session *session, struct lk_table *table, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, columns_sql, table->schema, table->name))
		return false;
	for (size_t i = 0; i < r.rows; i++) {
		struct lk_column *c = LK_PUSH(table->columns, table->column_count);
		c->name = lk_strdup(lk_cell_text(&r, i, 0));
		c->sql = session->driver->quote_name(c->name);
		c->type = lk_strdup(lk_cell_text(&r, i, 1));
		c->collation = copy_or_null(lk_cell(&r, i, 2));
		c->comment = copy_or_null(lk_cell(&r, i, 3));
		c->not_null = lk_cell_int(&r, i, 4) != 0;
		c->identity = lk_cell_int(&r, i, 5) != 0;
		c->generated = lk_cell_int(&r, i, 6) != 0;
		c->number = (int)lk_cell_int(&r, i, 7);
		c->comparable = true;
	}
	lk_result_free(&r);
	return true;
}

static bool read_definitions(struct lk_session *session, struct lk_table *table,
			     struct lk_error *error)
{
	struct lk_my_definition definition;
	if (strstr(table->kind, "table") == NULL)
		return true;
	if (!lk_my_definition(session, table->sql, &definition, error))
		return false;
	for (size_t i = 0; i < table->column_count; i++) {
		struct lk_column *column = &table->columns[i];
		const struct lk_my_item *item = lk_my_item(&definition, LK_MY_COLUMN, column->name);
		if (item)
			read_definition(column, item->rest);
	}
	lk_my_definition_free(&definition);
	return true;
}

/*
 * The primary key, else the narrowest unique index over whole NOT NULL columns that the optimizer may use; one
 * whose columns all go the same way can be read in the key's order, others only by sorting. A SET is sorted by its
 * number and compared by its text, and has too many values to list (step/my_key.h tells what becomes of other types
 * whose text is not exact). What is switched off is IGNORED on MariaDB and not VISIBLE on
 * MySQL, and an expression has no column.
 */
static const char key_sql[] =
	"WITH part AS (SELECT s.index_name, s.seq_in_index, s.column_name, s.collation AS direction,"
	"  c.column_type, s.non_unique = 1 OR s.sub_part IS NOT NULL OR s.index_type <> 'BTREE'"
	"  OR s.%s OR c.column_name IS NULL OR c.is_nullable <> 'NO'"
	"  OR c.data_type IN ('set', 'json', 'geometry') AS unfit,"
	"  c.data_type IN ('float', 'double', 'real', 'enum', 'bit') AS awkward"
	"  FROM information_schema.statistics s LEFT JOIN information_schema.columns c"
	"  ON c.table_schema = s.table_schema AND c.table_name = s.table_name"
	"  AND c.column_name = s.column_name AND CAST(c.table_name AS BINARY) = CAST($2 AS BINARY)"
	"  AND CAST(c.table_schema AS BINARY) = CAST($1 AS BINARY)"
	"  WHERE s.table_schema = $1 AND s.table_name = $2"
	"  AND CAST(s.table_schema AS BINARY) = CAST($1 AS BINARY)"
	"  AND CAST(s.table_name AS BINARY) = CAST($2 AS BINARY)),"
	" best AS (SELECT index_name FROM part GROUP BY index_name HAVING max(unfit) = 0"
	"  ORDER BY index_name <> 'PRIMARY', max(awkward), count(DISTINCT direction), count(*), index_name LIMIT 1)"
	" SELECT column_name, column_type, index_name FROM part JOIN best USING (index_name)"
	" ORDER BY seq_in_index";

static bool read_key(struct lk_session *session, struct lk_table *table, bool maria,
		     struct lk_error *error)
{
	struct lk_result r;
	char *sql = lk_format(key_sql, maria ? "ignored = 'YES'" : "is_visible = 'NO'");
	bool read = LK_QUERY(session, &r, error, sql, table->schema, table->name);
	free(sql);
	if (!read)
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
	key->index = r.rows ? session->driver->quote_name(lk_cell_text(&r, 0, 2)) : lk_strdup("");
	lk_result_free(&r);
	return true;
}

static bool my_table(struct lk_session *session, const char *written, struct lk_table *table,
		     struct lk_error *error)
{
	struct lk_my_server server;
	memset(table, 0, sizeof *table);
	if (read_relation(session, written, table, error) && read_columns(session, table, error) &&
	    read_definitions(session, table, error) && lk_my_server(session, &server, error) &&
	    read_key(session, table, server.maria, error))
		return true;
	lk_table_free(table);
	return false;
}

static bool my_leaves(struct lk_session *session, const struct lk_table *table,
		      struct lk_leaf **leaves, size_t *count, struct lk_error *error)
{
	(void)session;
	(void)error;
	*leaves = lk_alloc(sizeof **leaves);
	**leaves = (struct lk_leaf){.id = table->id,
				    .sql = lk_strdup(table->sql),
				    .shown = lk_strdup(table->shown),
				    .rows = table->rows};
	*count = 1;
	return true;
}

static bool my_is_leaf(struct lk_session *session, const struct lk_table *table, int64_t id,
		       bool *is, struct lk_error *error)
{
	(void)session;
	(void)error;
	*is = table->id == id;
	return true;
}

const struct lk_catalog_ops lk_my_catalog = {
	.table = my_table,
	.leaves = my_leaves,
	.is_leaf = my_is_leaf,
	.server = lk_my_target,
	.privileges = lk_my_privileges,
};
