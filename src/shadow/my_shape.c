/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_shape.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "shadow/my_shape_parts.h"

void lk_my_shape_note(struct lk_my_shape *shape, const char *format, ...)
{
	char text[1000];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	*LK_PUSH(shape->notes, shape->note_count) = lk_strdup(text);
}

char *lk_my_shape_alter(const struct lk_my_shape *shape, const char *table_sql)
{
	return lk_format("ALTER TABLE %s %s", table_sql, shape->alter);
}

bool lk_my_shape_ansi(struct lk_session *session, bool *ansi, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'"))
		return false;
	*ansi = lk_cell_int(&r, 0, 0) != 0;
	lk_result_free(&r);
	return true;
}

static bool check_kind(const struct lk_my_shape *shape, struct lk_error *error)
{
	const char *kind = shape->table.kind;
	if (strcmp(kind, "table") == 0)
		return true;
	if (strstr(kind, "versioned"))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"%s is a system-versioned table, whose history a copy cannot take along: drop the"
			" versioning first, or change it with the server's own ALTER TABLE",
			shape->table.shown);
	if (strstr(kind, "engine"))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"%s is a %s: only InnoDB's rows can be copied while they change; convert it with"
			" ALTER TABLE … ENGINE=InnoDB first, while nobody writes",
			shape->table.shown, kind);
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"%s is a %s, and only a table can have a shadow: name the table that it stands on",
		shape->table.shown, kind);
}

/* What is there, without anything of ours. */
static bool read_original(struct lk_session *session, const char *written,
			  struct lk_my_shape *shape, struct lk_error *error)
{
	if (!lk_my_server(session, &shape->server, error) ||
	    !lk_catalog_table(session, written, &shape->table, error))
		return false;
	if (!check_kind(shape, error) ||
	    !lk_my_names_make(shape->table.name, &shape->names, error) ||
	    !lk_my_relation_read(session, shape->table.sql, &shape->original, error))
		return false;
	shape->shadow_sql = lk_my_quoted_name(session, shape->table.schema, shape->names.shadow);
	shape->old_sql = lk_my_quoted_name(session, shape->table.schema, shape->names.old);
	return true;
}

/* The shadow is about as large as the original, and the binary log gets an image of each row. */
static bool read_space(struct lk_session *session, struct lk_my_shape *shape,
		       struct lk_error *error)
{
	static const char sql[] =
		"SELECT coalesce(table_rows, -1), coalesce(data_length, -1), coalesce(index_length, 0),"
		" @@global.log_bin FROM information_schema.tables WHERE " LK_MY_SAME_NAME(
			"table_schema", "$1") " AND " LK_MY_SAME_NAME("table_name", "$2");
	struct lk_my_space *space = &shape->space;
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, sql, shape->table.schema, shape->table.name))
		return false;
	*space = (struct lk_my_space){-1, -1, -1, -1, -1, -1, false};
	if (r.rows > 0) {
		space->rows = lk_cell_int(&r, 0, 0);
		space->table = lk_cell_int(&r, 0, 1);
		space->indexes = lk_cell_int(&r, 0, 2);
		space->binlog_on = lk_cell_int(&r, 0, 3) != 0;
		space->shadow = space->table < 0 ? -1 : space->table + space->indexes;
		space->binlog = space->binlog_on ? space->table : 0;
	}
	lk_result_free(&r);
	return true;
}

static bool examine(struct lk_session *session, const char *written, const char *alter_text,
		    struct lk_my_shape *shape, struct lk_error *error)
{
	struct lk_my_alter alter = {0};
	bool ansi = false;
	bool fit = read_original(session, written, shape, error) &&
		   lk_my_shape_ansi(session, &ansi, error) &&
		   lk_my_alter_read(alter_text, ansi, &alter, error);
	if (!fit)
		return false;
	shape->alter = lk_strdup(alter.clauses);
	fit = lk_my_shape_surroundings(session, shape, error) &&
	      lk_my_shape_settle(session, shape, &alter, error) &&
	      lk_my_shape_try(session, shape, &alter, error) && read_space(session, shape, error);
	lk_my_alter_free(&alter);
	return fit;
}

bool lk_my_shape_examine(struct lk_session *session, const char *written, const char *alter,
			 struct lk_my_shape *shape, struct lk_error *error)
{
	memset(shape, 0, sizeof *shape);
	if (examine(session, written, alter, shape, error))
		return true;
	lk_my_shape_free(shape);
	return false;
}

void lk_my_shape_free(struct lk_my_shape *shape)
{
	lk_my_key_free(&shape->key);
	lk_my_mapping_free(&shape->mapping);
	lk_my_relation_free(&shape->original);
	lk_my_relation_free(&shape->shadow);
	lk_my_names_free(&shape->names);
	lk_table_free(&shape->table);
	for (size_t i = 0; i < shape->note_count; i++)
		free(shape->notes[i]);
	free(shape->notes);
	free(shape->shadow_sql);
	free(shape->old_sql);
	free(shape->alter);
	free(shape->mode);
	memset(shape, 0, sizeof *shape);
}
