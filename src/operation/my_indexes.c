/* SPDX-License-Identifier: GPL-3.0-or-later */
/* add_index and drop_index. */
#include "operation/my_indexes.h"

#include <ctype.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/identifier.h"
#include "catalog/my_catalog.h"
#include "operation/my_operations.h"

/* Behind a column's name at the beginning of an element, "name", "name DESC", "name(10)"; NULL when it begins with
 * none. *quoted, the caller's, is the name. */
static const char *behind_column(const struct lk_my_derivation *m, const char *element,
				 char **quoted)
{
	size_t length = strcspn(element, " (\t\n");
	char *name = lk_strndup(element, length);
	const char *rest = element + length;
	/* A call looks like a prefix, but for what stands in its parentheses. */
	const char *inside = rest + strspn(rest, " \t\n");
	bool prefix = *inside == '(' && inside[1 + strspn(inside + 1, "0123456789 ")] == ')';
	bool column = lk_derive_has_column(&m->d, name) && (*inside != '(' || prefix);
	*quoted = column ? m->d.session->driver->quote_name(name) : NULL;
	free(name);
	return column ? rest : NULL;
}

static bool add_element(struct lk_my_derivation *m, const char *element, struct lk_buffer *out,
			struct lk_error *error)
{
	char *quoted;
	/* The whole may be a name with spaces. */
	if (lk_derive_has_column(&m->d, element)) {
		quoted = m->d.session->driver->quote_name(element);
		lk_buffer_add(out, quoted);
		free(quoted);
		return true;
	}
	const char *rest = behind_column(m, element, &quoted);
	if (rest) {
		lk_buffer_addf(out, "%s%s", quoted, rest);
		free(quoted);
		return true;
	}
	if (!strpbrk(element, " (\"'`\t\n"))
		return lk_table_need_column(&m->d.table, element, error) != NULL;
	/* MariaDB has none, and MySQL builds one with LOCK=SHARED. */
	return lk_fail(error, LK_ERROR_REFUSED,
		       "%s has no index over an expression (%s) that is built while the table is "
		       "written: add a generated column and index that",
		       m->server.shown, element);
}

/* "`a`, `b` DESC"; the caller's, NULL and *error. */
static char *elements(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	struct lk_buffer out = {0};
	bool good = true;
	for (size_t i = 0; good && i < o->columns.count; i++) {
		lk_buffer_add(&out, i ? ", " : "");
		good = add_element(m, o->columns.list[i], &out, error);
	}
	/* What is to stand in the index besides its order can only be behind it here. */
	for (size_t i = 0; good && i < o->include.count; i++) {
		lk_buffer_add(&out, ", ");
		good = add_element(m, o->include.list[i], &out, error);
	}
	if (good)
		return lk_buffer_take(&out);
	lk_buffer_free(&out);
	return NULL;
}

bool lk_my_need_indexable(const struct lk_my_derivation *m, const struct lk_names *columns,
			  struct lk_error *error)
{
	for (size_t i = 0; i < columns->count; i++) {
		const struct lk_column *column = lk_table_column(&m->d.table, columns->list[i]);
		if (column && (strstr(column->type, "text") || strstr(column->type, "blob") ||
			       strcmp(column->type, "json") == 0))
			return lk_fail(
				error, LK_ERROR_PLAN,
				"column %s is %s, of which only a beginning can be indexed: write "
				"\"%s(100)\" in add_index",
				column->name, column->type, column->name);
	}
	return true;
}

static bool check_index(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	if (!lk_my_need_table(m, error) || !lk_my_need_indexable(m, &o->columns, error) ||
	    !lk_my_need_indexable(m, &o->include, error) ||
	    !lk_derive_need_columns(&m->d, &o->include, error))
		return false;
	if (o->where)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "%s has no indexes with a condition (where: %s)", m->server.shown,
			       o->where);
	if (o->method && strcasecmp(o->method, "fulltext") == 0)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"a FULLTEXT index stops all writers while it is built: create it by a "
			"ddl step of a long-form plan");
	if (o->method && strcasecmp(o->method, "btree") != 0)
		return lk_fail(error, LK_ERROR_REFUSED, "InnoDB has no %s indexes, only btree",
			       o->method);
	if (o->unique && o->include.count > 0)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"%s has no INCLUDE: in a unique index the columns would take part in what "
			"must be unique, so add a second index for them",
			m->server.shown);
	return true;
}

void lk_my_verify_unique(struct lk_my_derivation *m, enum lk_phase phase,
			 const struct lk_names *columns)
{
	struct lk_buffer set = {0};
	char *list = lk_derive_list(&m->d, columns);
	for (size_t i = 0; i < columns->count; i++) {
		char *name = m->d.session->driver->quote_name(columns->list[i]);
		lk_buffer_addf(&set, "%s%s IS NOT NULL", i ? " AND " : "", name);
		free(name);
	}
	struct lk_step *step = lk_plan_add_step(m->d.plan, phase, LK_VERB_VERIFY);
	step->sql =
		lk_format("SELECT %s, count(*) FROM %s WHERE %s GROUP BY %s HAVING count(*) > 1",
			  list, m->d.table.sql, lk_buffer_text(&set), list);
	lk_buffer_free(&set);
	free(list);
}

static bool only_columns(const struct lk_my_derivation *m, const struct lk_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (!lk_table_column(&m->d.table, names->list[i]))
			return false;
	return true;
}

bool lk_my_add_index(struct lk_my_derivation *m, struct lk_error *error)
{
	const struct lk_operation *o = m->d.operation;
	if (!check_index(m, error))
		return false;
	char *list = elements(m, error);
	char *name = list ? lk_derive_wished_name(&m->d, "_idx", error) : NULL;
	if (name) {
		char *change =
			lk_format("ADD %sINDEX %s (%s)", o->unique ? "UNIQUE " : "", name, list);
		char *undo = lk_format("DROP INDEX %s", name);
		if (o->unique && only_columns(m, &o->columns))
			lk_my_verify_unique(m, LK_EXPAND, &o->columns);
		lk_my_alter(m, LK_EXPAND, change, undo);
		free(undo);
		free(change);
	}
	bool added = name != NULL;
	free(name);
	free(list);
	return added;
}

/* Whether the first columns of the index are these, whole. */
static bool begins_with(const struct lk_my_item *index, const struct lk_my_part *columns,
			size_t count)
{
	struct lk_my_part *parts;
	size_t have = lk_my_parts(index->rest, &parts);
	bool begins = have >= count;
	for (size_t i = 0; begins && i < count; i++)
		begins = parts[i].column && columns[i].column && !parts[i].prefix &&
			 strcasecmp(parts[i].column, columns[i].column) == 0;
	lk_my_parts_free(parts, have);
	return begins;
}

static bool is_index(const struct lk_my_item *item)
{
	return item->kind == LK_MY_KEY || item->kind == LK_MY_UNIQUE_KEY ||
	       item->kind == LK_MY_PRIMARY_KEY;
}

/* The index serves these columns, and no other does. */
static bool alone_serves(const struct lk_my_derivation *m, const struct lk_my_item *index,
			 const struct lk_my_part *columns, size_t count)
{
	if (!begins_with(index, columns, count))
		return false;
	for (size_t i = 0; i < m->definition.count; i++) {
		const struct lk_my_item *other = &m->definition.items[i];
		if (other != index && is_index(other) && begins_with(other, columns, count))
			return false;
	}
	return true;
}

/* Foreign keys of other tables that refer to this one. */
static bool needed_by_others(struct lk_my_derivation *m, const struct lk_my_item *index, char **by,
			     struct lk_error *error)
{
	static const char sql[] =
		"SELECT constraint_name, concat(table_schema, '.', table_name), concat('(', group_concat(concat("
		" '`', replace(referenced_column_name, '`', '``'), '`') ORDER BY ordinal_position), ')')"
		" FROM information_schema.key_column_usage WHERE " LK_MY_SAME_NAME(
			"referenced_table_schema",
			"$1") " AND " LK_MY_SAME_NAME("referenced_table_name",
						      "$2") " GROUP BY 1, 2 ORDER BY 2, 1";
	struct lk_result r;
	if (!LK_QUERY(m->d.session, &r, error, sql, m->d.table.schema, m->d.table.name))
		return false;
	for (size_t i = 0; !*by && i < r.rows; i++) {
		struct lk_my_part *columns;
		size_t count = lk_my_parts(lk_cell_text(&r, i, 2), &columns);
		if (alone_serves(m, index, columns, count))
			*by = lk_format("foreign key %s of table %s", lk_cell_text(&r, i, 0),
					lk_cell_text(&r, i, 1));
		lk_my_parts_free(columns, count);
	}
	lk_result_free(&r);
	return true;
}

bool lk_my_index_needed(struct lk_my_derivation *m, const struct lk_my_item *index, char **by,
			struct lk_error *error)
{
	*by = NULL;
	for (size_t i = 0; !*by && i < m->definition.count; i++) {
		const struct lk_my_item *key = &m->definition.items[i];
		struct lk_my_part *columns;
		if (key->kind != LK_MY_FOREIGN_KEY)
			continue;
		size_t count = lk_my_parts(key->rest, &columns);
		if (alone_serves(m, index, columns, count))
			*by = lk_format("foreign key %s", key->name);
		lk_my_parts_free(columns, count);
	}
	return *by || needed_by_others(m, index, by, error);
}

void lk_my_drop_index_step(struct lk_my_derivation *m, const struct lk_my_item *index,
			   const char *text)
{
	char *name = m->d.session->driver->quote_name(index->name);
	char *change = lk_format("DROP INDEX %s", name);
	char *undo = lk_format("ADD %s", text);
	lk_my_alter(m, LK_CONTRACT, change, undo);
	free(undo);
	free(change);
	free(name);
}

bool lk_my_drop_indexes_of(struct lk_my_derivation *m, const char *column, const char *column_then,
			   struct lk_error *error)
{
	for (size_t i = 0; i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		char *by = NULL;
		if ((item->kind != LK_MY_KEY && item->kind != LK_MY_UNIQUE_KEY) ||
		    !lk_my_mentions(item->rest, column))
			continue;
		if (!lk_my_index_needed(m, item, &by, error))
			return false;
		struct lk_my_part *parts;
		size_t count = lk_my_parts(item->rest, &parts);
		char *then = lk_my_replaced(item->rest, column, column_then);
		char *name = m->d.session->driver->quote_name(item->name);
		char *text = lk_format("%sKEY %s %s",
				       item->kind == LK_MY_UNIQUE_KEY ? "UNIQUE " : "", name, then);
		/* One of the column alone serves foreign keys of the column only, which go before. */
		if (!by || count == 1)
			lk_my_drop_index_step(m, item, text);
		free(text);
		free(name);
		free(then);
		free(by);
		lk_my_parts_free(parts, count);
	}
	return true;
}

/* "index", "table.index" or "database.table.index": the table as a plan writes it, and the index; both the
 * caller's. */
static bool split_index(const char *written, char **table, char **index, struct lk_error *error)
{
	char quote = 0;
	const char *dot = NULL;
	for (const char *p = written; *p; p++) {
		if (quote)
			quote = *p == quote ? 0 : quote;
		else if (*p == '"' || *p == '`')
			quote = *p;
		else if (*p == '.')
			dot = p;
	}
	char *schema = NULL;
	*table = dot ? lk_strndup(written, (size_t)(dot - written)) : NULL;
	if (lk_identifier_split(dot ? dot + 1 : written, &schema, index, error) && !schema)
		return true;
	free(schema);
	free(*table);
	return lk_fail(error, LK_ERROR_PLAN,
		       "\"%s\" is not an index's name: write index, table.index or "
		       "database.table.index",
		       written);
}

/* The one table of the session's database that has an index of this name, quoted; the caller's. */
static char *table_of(struct lk_my_derivation *m, const char *index, struct lk_error *error)
{
	static const char sql[] =
		"SELECT DISTINCT table_schema, table_name FROM information_schema.statistics"
		" WHERE " LK_MY_SAME_NAME("table_schema",
					  "DATABASE()") " AND index_name = $1 ORDER BY table_name";
	struct lk_result r;
	char *table = NULL;
	if (!LK_QUERY(m->d.session, &r, error, sql, index))
		return NULL;
	if (r.rows == 1)
		table = lk_my_quoted_name(m->d.session, lk_cell_text(&r, 0, 0),
					  lk_cell_text(&r, 0, 1));
	else if (r.rows == 0)
		lk_fail(error, LK_ERROR_PLAN,
			"no table of the URI's database has an index \"%s\": write table.index or "
			"database.table.index",
			index);
	else
		lk_fail(error, LK_ERROR_PLAN,
			"%zu tables have an index \"%s\", %s and %s among them: write table.index",
			r.rows, index, lk_cell_text(&r, 0, 1), lk_cell_text(&r, 1, 1));
	lk_result_free(&r);
	return table;
}

static const struct lk_my_item *find_index(struct lk_my_derivation *m, const char *name,
					   struct lk_error *error)
{
	static const enum lk_my_item_kind kinds[] = {LK_MY_KEY, LK_MY_UNIQUE_KEY, LK_MY_OTHER_KEY};
	const struct lk_my_item *found = NULL;
	char *by = NULL;
	for (size_t i = 0; !found && i < LK_COUNT(kinds); i++)
		found = lk_my_item(&m->definition, kinds[i], name);
	if (!found) {
		if (strcasecmp(name, "PRIMARY") == 0)
			lk_fail(error, LK_ERROR_REFUSED,
				"the primary key of table %s cannot be dropped without a copy of it",
				m->d.table.shown);
		else
			lk_fail(error, LK_ERROR_PLAN, "table %s has no index \"%s\"",
				m->d.table.shown, name);
		return NULL;
	}
	if (!lk_my_index_needed(m, found, &by, error))
		return NULL;
	if (by) {
		lk_fail(error, LK_ERROR_REFUSED, "%s needs index %s", by, name);
		free(by);
		return NULL;
	}
	return found;
}

/* Switched off, the index is kept up but no statement uses it: what that does is seen, and taken back at once. */
static void switch_off(struct lk_my_derivation *m, const struct lk_my_item *index)
{
	bool maria = m->server.maria;
	if (strstr(index->rest, maria ? " IGNORED" : " INVISIBLE "))
		return;
	char *name = m->d.session->driver->quote_name(index->name);
	char *change = lk_format("ALTER INDEX %s %s", name, maria ? "IGNORED" : "INVISIBLE");
	char *undo = lk_format("ALTER INDEX %s %s", name, maria ? "NOT IGNORED" : "VISIBLE");
	lk_my_alter(m, LK_CONTRACT, change, undo);
	free(undo);
	free(change);
	free(name);
}

static void add_drop(struct lk_my_derivation *m, const struct lk_my_item *index)
{
	switch_off(m, index);
	lk_derive_gate(&m->d, LK_CONTRACT, lk_strdup("index-unused"),
		       lk_format("nothing needs %sindex %s of table %s any more",
				 index->kind == LK_MY_UNIQUE_KEY ? "unique " : "", index->name,
				 m->d.table.shown),
		       NULL);
	lk_my_drop_index_step(m, index, index->text);
}

bool lk_my_drop_index(struct lk_my_derivation *m, struct lk_error *error)
{
	char *written, *name;
	bool derived = false;
	if (!split_index(m->d.operation->name, &written, &name, error))
		return false;
	if (!written)
		written = table_of(m, name, error);
	if (written && lk_catalog_table(m->d.session, written, &m->d.table, error) &&
	    lk_my_need_table(m, error) &&
	    lk_my_definition(m->d.session, m->d.table.sql, &m->definition, error)) {
		const struct lk_my_item *index = find_index(m, name, error);
		if (index && index->kind == LK_MY_OTHER_KEY)
			lk_fail(error, LK_ERROR_REFUSED,
				"index %s cannot be built again while the table is written: drop it by a "
				"ddl step of a long-form plan",
				name);
		else if (index)
			add_drop(m, index);
		derived = index && index->kind != LK_MY_OTHER_KEY;
	}
	free(name);
	free(written);
	return derived;
}
