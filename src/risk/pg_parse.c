/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "risk/pg_parse.h"

#include <pg_query.h>
#include <stdio.h>
#include <string.h>

/* The tree of a long chain of operators is as deep as the chain is long, and is written out by
 * recursion: this keeps it well inside a thread's stack. */
enum { LONGEST_SQL = 32 * 1024 };

json_t *lk_risk_parse(const char *sql, char *reason, size_t size)
{
	json_t *statements = NULL;
	if (strlen(sql) > LONGEST_SQL) {
		snprintf(reason, size, "not checked: longer than %d KB", LONGEST_SQL / 1024);
		return NULL;
	}
	PgQueryParseResult result = pg_query_parse(sql);
	if (result.error) {
		snprintf(reason, size,
			 "not checked: this is not PostgreSQL 15 grammar: %.100s (character %d)",
			 result.error->message, result.error->cursorpos);
	} else {
		json_t *tree = json_loads(result.parse_tree, 0, NULL);
		statements = json_incref(json_object_get(tree, "stmts"));
		json_decref(tree);
		if (!statements)
			snprintf(reason, size, "not checked: nested too deeply to be read");
	}
	pg_query_free_parse_result(result);
	return statements;
}

const char *lk_node_tag(const json_t *node)
{
	void *entry = json_object_iter((json_t *)(size_t)node);
	return entry ? json_object_iter_key(entry) : "";
}

json_t *lk_node_body(const json_t *node)
{
	void *entry = json_object_iter((json_t *)(size_t)node);
	return entry ? json_object_iter_value(entry) : NULL;
}

const char *lk_node_text(const json_t *body, const char *member)
{
	const char *text = json_string_value(json_object_get(body, member));
	return text ? text : "";
}

bool lk_node_true(const json_t *body, const char *member)
{
	return json_is_true(json_object_get(body, member));
}

void lk_relation_name(const json_t *relation, char *name, size_t size)
{
	const char *schema = lk_node_text(relation, "schemaname");
	snprintf(name, size, "%s%s%s", schema, *schema ? "." : "",
		 lk_node_text(relation, "relname"));
}

/* Yields how many bytes were written; a name that does not fit leaves "" rather than half of it. */
static size_t quote(const char *name, char *sql, size_t size)
{
	size_t n = 0;
	if (strlen(name) * 2 + 3 > size)
		return 0;
	sql[n++] = '"';
	for (; *name; name++) {
		if (*name == '"')
			sql[n++] = '"';
		sql[n++] = *name;
	}
	sql[n++] = '"';
	sql[n] = '\0';
	return n;
}

void lk_relation_sql(const json_t *relation, char *sql, size_t size)
{
	const char *schema = lk_node_text(relation, "schemaname");
	const char *name = lk_node_text(relation, "relname");
	size_t used = 0;
	sql[0] = '\0';
	if (!*name)
		return;
	if (*schema) {
		used = quote(schema, sql, size - 1);
		if (!used)
			return;
		sql[used++] = '.';
	}
	if (!quote(name, sql + used, size - used))
		sql[0] = '\0';
}

void lk_list_name(const json_t *list, size_t drop, char *name, size_t size)
{
	size_t count = json_array_size(list), used = 0;
	name[0] = '\0';
	for (size_t i = 0; i + drop < count && used < size; i++) {
		const json_t *part = json_object_get(json_array_get(list, i), "String");
		int n = snprintf(name + used, size - used, "%s%s", i ? "." : "",
				 lk_node_text(part, "sval"));
		used += n > 0 ? (size_t)n : 0;
	}
}

void lk_list_sql(const json_t *list, size_t drop, char *sql, size_t size)
{
	size_t count = json_array_size(list), used = 0;
	sql[0] = '\0';
	for (size_t i = 0; i + drop < count; i++) {
		const json_t *part = json_object_get(json_array_get(list, i), "String");
		size_t written = used + 1 < size
					 ? quote(lk_node_text(part, "sval"), sql + used + (i > 0),
						 size - used - (i > 0))
					 : 0;
		if (!written) {
			sql[0] = '\0';
			return;
		}
		if (i > 0)
			sql[used++] = '.';
		used += written;
	}
}
