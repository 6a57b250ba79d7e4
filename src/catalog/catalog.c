/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog/catalog.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"

static const struct lk_catalog_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_catalog,
	[LK_ENGINE_MYSQL] = &lk_my_catalog,
};

static bool served(const struct lk_session *session, struct lk_error *error)
{
	return lk_session_served(session, engines[session->driver->engine], error);
}

bool lk_catalog_table(struct lk_session *session, const char *written, struct lk_table *table,
		      struct lk_error *error)
{
	memset(table, 0, sizeof *table);
	return served(session, error) &&
	       engines[session->driver->engine]->table(session, written, table, error);
}

bool lk_catalog_leaves(struct lk_session *session, const struct lk_table *table,
		       struct lk_leaf **leaves, size_t *count, struct lk_error *error)
{
	*leaves = NULL;
	*count = 0;
	return served(session, error) &&
	       engines[session->driver->engine]->leaves(session, table, leaves, count, error);
}

bool lk_catalog_is_leaf(struct lk_session *session, const struct lk_table *table, int64_t id,
			bool *is, struct lk_error *error)
{
	return served(session, error) &&
	       engines[session->driver->engine]->is_leaf(session, table, id, is, error);
}

void lk_leaves_free(struct lk_leaf *leaves, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(leaves[i].sql);
		free(leaves[i].shown);
	}
	free(leaves);
}

bool lk_catalog_server(struct lk_session *session, struct lk_server *server, struct lk_error *error)
{
	return served(session, error) &&
	       engines[session->driver->engine]->server(session, server, error);
}

bool lk_catalog_privileges(struct lk_session *session, const struct lk_table *table,
			   struct lk_error *error)
{
	return served(session, error) &&
	       engines[session->driver->engine]->privileges(session, table, error);
}

static void free_column(struct lk_column *column)
{
	free(column->name);
	free(column->sql);
	free(column->type);
	free(column->collation);
	free(column->default_sql);
	free(column->definition);
	free(column->comment);
}

void lk_table_free(struct lk_table *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		free_column(&table->columns[i]);
	for (size_t i = 0; i < table->key.count; i++) {
		free(table->key.columns[i]);
		free(table->key.sql[i]);
		free(table->key.types[i]);
	}
	free(table->key.columns);
	free(table->key.sql);
	free(table->key.types);
	free(table->key.index);
	free(table->columns);
	free(table->schema);
	free(table->name);
	free(table->sql);
	free(table->shown);
	memset(table, 0, sizeof *table);
}

const struct lk_column *lk_table_column(const struct lk_table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (strcmp(table->columns[i].name, name) == 0)
			return &table->columns[i];
	return NULL;
}

/* "; did you mean \"…\"?", or "". The text is overwritten by the next call with the same buffer. */
static const char *meant(const char *written, const char **names, char *text, size_t size)
{
	const char *near = lk_nearest_word(written, names);
	text[0] = '\0';
	if (near)
		snprintf(text, size, "; did you mean \"%s\"?", near);
	return text;
}

bool lk_catalog_no_such_table(struct lk_session *session, const char *names_sql,
			      const char *written, const char *seen, struct lk_error *error)
{
	struct lk_result r;
	char hint[300];
	if (!LK_QUERY(session, &r, error, names_sql))
		return false;
	const char **names = lk_alloc((r.rows + 1) * sizeof *names);
	for (size_t i = 0; i < r.rows; i++)
		names[i] = lk_cell_text(&r, i, 0);
	lk_fail(error, LK_ERROR_PLAN, "there is no table \"%s\" that this %s%s", written, seen,
		meant(written, names, hint, sizeof hint));
	free(names);
	lk_result_free(&r);
	return false;
}

const struct lk_column *lk_table_need_column(const struct lk_table *table, const char *name,
					     struct lk_error *error)
{
	const struct lk_column *column = lk_table_column(table, name);
	if (column)
		return column;
	for (size_t i = 0; i < table->column_count; i++)
		if (strcasecmp(table->columns[i].name, name) == 0) {
			lk_fail(error, LK_ERROR_PLAN,
				"table %s has no column \"%s\", but it has \"%s\": names are exact",
				table->shown, name, table->columns[i].name);
			return NULL;
		}
	const char **names = lk_alloc((table->column_count + 1) * sizeof *names);
	for (size_t i = 0; i < table->column_count; i++)
		names[i] = table->columns[i].name;
	char hint[300];
	lk_fail(error, LK_ERROR_PLAN, "table %s has no column \"%s\"%s", table->shown, name,
		meant(name, names, hint, sizeof hint));
	free(names);
	return NULL;
}
