/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_duplicate.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* From here on, at the latest, MariaDB does not take what was taken back for a duplicate. */
#define MARIA_MENDED 101100

static bool is_made(const struct lk_my_statement *statement, const char *index)
{
	for (size_t i = 0; i < statement->action_count; i++) {
		const struct lk_my_action *action = &statement->actions[i];
		if (action->kind == LK_MY_ADD_INDEX && strcmp(action->name, index) == 0)
			return true;
	}
	return false;
}

/* The server ends its sentence with the index in quotes: 'by_name', or 'users.by_name' from MySQL 8.0.19 on. */
static bool is_named(const char *sentence, const struct lk_table *table, const char *index)
{
	char *alone = lk_format("'%s'", index), *after = lk_format("'%s.%s'", table->name, index);
	bool named = strstr(sentence, alone) != NULL || strstr(sentence, after) != NULL;
	free(after);
	free(alone);
	return named;
}

static bool find_index(struct lk_session *session, const struct lk_my_statement *statement,
		       const struct lk_table *table, const struct lk_error *met, char index[200],
		       struct lk_error *error)
{
	struct lk_result r;
	index[0] = '\0';
	if (!LK_QUERY(session, &r, error,
		      "SELECT DISTINCT index_name FROM information_schema.statistics WHERE"
		      " table_schema = $1 AND table_name = $2 AND non_unique = 0",
		      table->schema, table->name))
		return false;
	for (size_t i = 0; i < r.rows && !index[0]; i++) {
		const char *name = lk_cell_text(&r, i, 0);
		if (is_named(met->text, table, name) && !is_made(statement, name))
			lk_copy_text(index, 200, name);
	}
	lk_result_free(&r);
	return true;
}

/* The rows that are there twice, for an index of these columns; NULL for one over an expression, or that has gone. */
static char *twice_sql(const struct lk_session *session, const struct lk_table *table,
		       const struct lk_result *r)
{
	struct lk_buffer parts = {0}, present = {0};
	bool known = r->rows > 0;
	for (size_t i = 0; known && i < r->rows; i++) {
		const char *name = lk_cell_text(r, i, 0), *prefix = lk_cell_text(r, i, 1);
		char *column = session->driver->quote_name(name);
		known = name[0] != '\0';
		lk_buffer_addf(&present, "%s%s IS NOT NULL", i > 0 ? " AND " : "", column);
		if (prefix[0])
			lk_buffer_addf(&parts, "%sLEFT(%s, %s)", i > 0 ? ", " : "", column, prefix);
		else
			lk_buffer_addf(&parts, "%s%s", i > 0 ? ", " : "", column);
		free(column);
	}
	/* NULLs are not equal to each other under a UNIQUE index. */
	char *sql = lk_format("SELECT 1 FROM %s WHERE %s GROUP BY %s HAVING COUNT(*) > 1 LIMIT 1",
			      table->sql, lk_buffer_text(&present), lk_buffer_text(&parts));
	lk_buffer_free(&present);
	lk_buffer_free(&parts);
	if (known)
		return sql;
	free(sql);
	return NULL;
}

/* An index over an expression is taken at its word. */
static bool look_for_rows(struct lk_session *session, const struct lk_table *table,
			  const char *index, bool *found, struct lk_error *error)
{
	struct lk_result r;
	*found = false;
	if (!LK_QUERY(session, &r, error,
		      "SELECT column_name, sub_part FROM information_schema.statistics WHERE"
		      " table_schema = $1 AND table_name = $2 AND index_name = $3"
		      " ORDER BY seq_in_index",
		      table->schema, table->name, index))
		return false;
	char *sql = twice_sql(session, table, &r);
	lk_result_free(&r);
	if (!sql)
		return true;
	bool read = LK_QUERY(session, &r, error, sql);
	if (read) {
		*found = r.rows > 0;
		lk_result_free(&r);
	}
	free(sql);
	return read;
}

bool lk_my_duplicate_judge(struct lk_session *session, const struct lk_my_statement *statement,
			   const struct lk_table *table, const struct lk_error *met,
			   enum lk_my_duplicate *duplicate, char index[200], struct lk_error *error)
{
	bool found = false;
	*duplicate = LK_MY_DUPLICATE_NEW;
	if (!find_index(session, statement, table, met, index, error))
		return false;
	if (!index[0])
		return true;
	if (!look_for_rows(session, table, index, &found, error))
		return false;
	*duplicate = found ? LK_MY_DUPLICATE_REAL : LK_MY_DUPLICATE_PASSING;
	return true;
}

bool lk_my_duplicate_possible(struct lk_session *session, const struct lk_my_server *server,
			      const struct lk_table *table, bool *possible, struct lk_error *error)
{
	struct lk_result r;
	*possible = false;
	if (server->maria && server->version >= MARIA_MENDED)
		return true;
	if (!LK_QUERY(session, &r, error,
		      "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = $1"
		      " AND table_name = $2 AND non_unique = 0 AND index_name <> 'PRIMARY'",
		      table->schema, table->name))
		return false;
	*possible = lk_cell_int(&r, 0, 0) > 0;
	lk_result_free(&r);
	return true;
}
