/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What uses a column. The server itself refuses some of it at the last step, drops other things along, and of
 * the rest takes no notice until a statement fails: so all is looked for before the first step.
 */
#include "operation/my_hindrance.h"

#include <stdarg.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "operation/my_indexes.h"

__attribute__((format(printf, 2, 3))) static void add(struct lk_buffer *list, const char *format,
						      ...)
{
	char text[400];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	lk_buffer_addf(list, "%s%s", list->length ? "; " : "", text);
}

static bool add_views(struct lk_my_derivation *m, const char *column, struct lk_buffer *list,
		      struct lk_error *error)
{
	static const char sql[] =
		"SELECT concat(table_schema, '.', table_name), view_definition FROM information_schema.views"
		" WHERE locate(concat('`', replace($1, '`', '``'), '`'), view_definition) > 0 ORDER BY 1";
	struct lk_result r;
	const struct lk_table *table = &m->d.table;
	if (!LK_QUERY(m->d.session, &r, error, sql, table->name))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		if (lk_my_view_uses(lk_cell_text(&r, i, 1), table->schema, table->name, column))
			add(list, "view %s", lk_cell_text(&r, i, 0));
	lk_result_free(&r);
	return true;
}

static bool add_triggers(struct lk_my_derivation *m, const char *column, struct lk_buffer *list,
			 struct lk_error *error)
{
	static const char sql[] =
		"SELECT trigger_name, action_statement FROM information_schema.triggers"
		" WHERE " LK_MY_SAME_NAME("event_object_schema", "$1") " AND " LK_MY_SAME_NAME(
			"event_object_table", "$2") " ORDER BY 1";
	struct lk_result r;
	if (!LK_QUERY(m->d.session, &r, error, sql, m->d.table.schema, m->d.table.name))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		if (lk_my_row_mentions(lk_cell_text(&r, i, 1), column))
			add(list, "trigger %s", lk_cell_text(&r, i, 0));
	lk_result_free(&r);
	return true;
}

/* Foreign keys of other tables, and of this one, that refer to the column. */
static bool add_referring(struct lk_my_derivation *m, const char *column, struct lk_buffer *list,
			  struct lk_error *error)
{
	static const char sql[] =
		"SELECT DISTINCT constraint_name, concat(table_schema, '.', table_name)"
		" FROM information_schema.key_column_usage WHERE " LK_MY_SAME_NAME(
			"referenced_table_schema",
			"$1") " AND " LK_MY_SAME_NAME("referenced_table_name",
						      "$2") " AND referenced_column_name = $3 ORDER BY 1";
	struct lk_result r;
	if (!LK_QUERY(m->d.session, &r, error, sql, m->d.table.schema, m->d.table.name, column))
		return false;
	for (size_t i = 0; i < r.rows; i++)
		add(list, "foreign key %s of table %s, which refers to it", lk_cell_text(&r, i, 0),
		    lk_cell_text(&r, i, 1));
	lk_result_free(&r);
	return true;
}

/* Columns of an index, or local ones of a foreign key. */
static size_t column_count(const struct lk_my_item *item, const char *column, bool *uses,
			   bool *expression)
{
	struct lk_my_part *parts;
	size_t count = lk_my_parts(item->rest, &parts);
	*uses = *expression = false;
	for (size_t i = 0; i < count; i++) {
		*uses = *uses || (parts[i].column && strcasecmp(parts[i].column, column) == 0) ||
			(!parts[i].column && lk_my_mentions(parts[i].text, column));
		*expression = *expression || !parts[i].column;
	}
	lk_my_parts_free(parts, count);
	return count;
}

/* Of the table's own definition, what the server would not let the column go for. */
static void add_items(const struct lk_my_derivation *m, const struct lk_column *column,
		      bool renaming, struct lk_buffer *list)
{
	for (size_t i = 0; i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		bool uses, expression;
		size_t count = column_count(item, column->name, &uses, &expression);
		bool own = strcasecmp(item->name, column->name) == 0;
		if (item->kind == LK_MY_COLUMN && !own && lk_my_mentions(item->rest, column->name))
			add(list, "column %s, whose value is worked out from it", item->name);
		else if (item->kind == LK_MY_CHECK && lk_my_mentions(item->rest, column->name))
			add(list, "check constraint %s", item->name);
		else if (item->kind == LK_MY_OTHER && lk_my_mentions(item->text, column->name))
			add(list, "%s", item->text);
		else if (item->kind == LK_MY_COLUMN || !uses)
			continue;
		else if (item->kind == LK_MY_PRIMARY_KEY)
			add(list, "the primary key");
		else if (item->kind == LK_MY_OTHER_KEY && renaming)
			add(list, "index %s, which cannot be built while the table is written",
			    item->name);
		else if (expression)
			add(list, "index %s, which has an expression", item->name);
		else if (item->kind == LK_MY_UNIQUE_KEY && count > 1 && !renaming)
			add(list, "unique index %s of several columns", item->name);
		else if (item->kind == LK_MY_FOREIGN_KEY && (count > 1 || !renaming))
			add(list, "foreign key %s%s", item->name,
			    count > 1 ? " of several columns" : "");
	}
	if (lk_my_partitioned(m) && lk_my_mentions(m->definition.options, column->name))
		add(list, "the partitioning");
}

/* A foreign key of the column alone is carried, unless it changes the column: triggers do not see that. */
static void add_foreign_keys(const struct lk_my_derivation *m, const struct lk_column *column,
			     bool other_type, struct lk_buffer *list)
{
	for (size_t i = 0; i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		bool uses, expression;
		if (item->kind != LK_MY_FOREIGN_KEY ||
		    column_count(item, column->name, &uses, &expression) != 1 || !uses)
			continue;
		if (other_type)
			add(list, "foreign key %s, which needs the type that it refers to",
			    item->name);
		else if (strstr(item->rest, " ON UPDATE CASCADE") ||
			 strstr(item->rest, " SET NULL"))
			add(list, "foreign key %s, which changes the column without its triggers",
			    item->name);
	}
}

/* What a second column would not have. */
static void add_properties(const struct lk_column *column, struct lk_buffer *list)
{
	char *check = NULL;
	free(lk_my_without_check(column->definition ? column->definition : "", &check));
	if (check && strcmp(column->type, "json") != 0)
		add(list, "its own check (%s)", check);
	free(check);
	if (column->identity)
		add(list, "the column is AUTO_INCREMENT");
	if (column->generated)
		add(list, "the column is generated");
	if (column->volatile_default)
		add(list, "its default (%s) gives another value at each call", column->default_sql);
	if (column->definition && strstr(column->definition, " ON UPDATE "))
		add(list, "the column changes by itself (ON UPDATE)");
}

static bool judge(const struct lk_my_derivation *m, const struct lk_column *column,
		  const char *what, struct lk_buffer *list, struct lk_error *error)
{
	bool free_way = list->length == 0 ||
			lk_fail(error, LK_ERROR_REFUSED, "column %s.%s %s: %s", m->d.table.shown,
				column->name, what, lk_buffer_text(list));
	lk_buffer_free(list);
	return free_way;
}

bool lk_my_rename_unhindered(struct lk_my_derivation *m, const struct lk_column *column,
			     bool other_type, struct lk_error *error)
{
	struct lk_buffer list = {0};
	if (!add_views(m, column->name, &list, error) ||
	    !add_triggers(m, column->name, &list, error) ||
	    !add_referring(m, column->name, &list, error)) {
		lk_buffer_free(&list);
		return false;
	}
	add_items(m, column, true, &list);
	add_foreign_keys(m, column, other_type, &list);
	add_properties(column, &list);
	return judge(m, column,
		     "cannot be renamed by a second column, because these would not come along",
		     &list, error);
}

bool lk_my_drop_unhindered(struct lk_my_derivation *m, const struct lk_column *column,
			   struct lk_error *error)
{
	struct lk_buffer list = {0};
	if (!add_views(m, column->name, &list, error) ||
	    !add_triggers(m, column->name, &list, error) ||
	    !add_referring(m, column->name, &list, error)) {
		lk_buffer_free(&list);
		return false;
	}
	add_items(m, column, false, &list);
	return judge(m, column, "cannot be dropped while these need it", &list, error);
}

char *lk_my_goes_along(struct lk_my_derivation *m, const struct lk_column *column,
		       struct lk_error *error)
{
	struct lk_buffer list = {0};
	for (size_t i = 0; i < m->definition.count; i++) {
		const struct lk_my_item *item = &m->definition.items[i];
		bool uses, expression;
		char *by = NULL;
		size_t count = column_count(item, column->name, &uses, &expression);
		if (!uses || (item->kind != LK_MY_KEY && item->kind != LK_MY_UNIQUE_KEY &&
			      item->kind != LK_MY_OTHER_KEY))
			continue;
		if (!lk_my_index_needed(m, item, &by, error)) {
			lk_buffer_free(&list);
			return NULL;
		}
		/* One that stays loses the column only. */
		bool stays = (by || item->kind == LK_MY_OTHER_KEY) && count > 1;
		lk_buffer_addf(&list, "%s%s %s", list.length ? ", " : "",
			       stays ? "this column of index" : "index", item->name);
		free(by);
	}
	return lk_buffer_take(&list);
}
