/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shape of the shop's tables on MySQL and MariaDB. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sandbox/my_parts.h"

/* What is in database lockkeeper but the journal is a leftover of ours. */
static const char lines_sql[] =
	"SELECT CONCAT_WS(' ', 'trigger', trigger_schema, trigger_name, action_timing, event_manipulation,"
	" event_object_table, action_order, action_statement) FROM information_schema.triggers"
	" WHERE trigger_schema IN ('shop', 'lockkeeper')"
	" UNION ALL SELECT CONCAT_WS(' ', 'grant', grantee, table_name, privilege_type)"
	" FROM information_schema.table_privileges WHERE table_schema = 'shop'"
	" UNION ALL SELECT CONCAT_WS(' ', 'grant', grantee, table_name, column_name, privilege_type)"
	" FROM information_schema.column_privileges WHERE table_schema = 'shop'"
	" UNION ALL SELECT CONCAT_WS(' ', 'routine', routine_schema, routine_name)"
	" FROM information_schema.routines WHERE routine_schema IN ('shop', 'lockkeeper')"
	" UNION ALL SELECT CONCAT_WS(' ', 'leftover', table_name) FROM information_schema.tables"
	" WHERE table_schema = 'lockkeeper' AND table_name NOT IN ('approval', 'beat', 'cleanup', 'cursor',"
	" 'epoch', 'event', 'heartbeat', 'part', 'reject', 'run', 'step')";

struct lines {
	char **list;
	size_t count;
};

static void add_line(struct lines *lines, const char *title, const char *text, size_t length)
{
	char **line = LK_PUSH(lines->list, lines->count);
	*line = lk_format("%s%.*s", title, (int)length, text);
	/* One line each, whatever a trigger's statement looks like. */
	for (char *p = *line; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
}

/* A definition line by line; where the counter of ids stands is no part of the shape. */
static void add_definition(struct lines *lines, const char *name, const char *text)
{
	static const char counter[] = " AUTO_INCREMENT=";
	char *title = lk_format("%s: ", name);
	while (*text) {
		size_t length = strcspn(text, "\n");
		char *line = lk_strndup(text, length);
		char *from = line[0] == ')' ? strstr(line, counter) : NULL;
		if (from) {
			const char *rest = from + strlen(counter);
			rest += strspn(rest, "0123456789");
			memmove(from, rest, strlen(rest) + 1);
		}
		/* The last of a list has no comma. */
		size_t end = strlen(line);
		if (end > 0 && line[end - 1] == ',')
			end--;
		add_line(lines, title, line, end);
		free(line);
		text += length + (text[length] == '\n');
	}
	free(title);
}

static bool add_tables(struct lk_link *link, struct lines *lines, struct lk_error *error)
{
	struct lk_result tables, definition;
	if (!lk_link_query(link,
			   "SELECT table_name FROM information_schema.tables"
			   " WHERE table_schema = '" LK_SHOP_DATABASE "'",
			   &tables, error))
		return false;
	bool read = true;
	for (size_t i = 0; i < tables.rows && read; i++) {
		const char *name = lk_cell_text(&tables, i, 0);
		char *sql = lk_format("SHOW CREATE TABLE " LK_SHOP_DATABASE ".`%s`", name);
		read = lk_link_query(link, sql, &definition, error);
		if (read)
			add_definition(lines, name, lk_cell_text(&definition, 0, 1));
		lk_result_free(&definition);
		free(sql);
	}
	lk_result_free(&tables);
	return read;
}

static bool add_rest(struct lk_link *link, struct lines *lines, struct lk_error *error)
{
	struct lk_result rows;
	if (!lk_link_query(link, lines_sql, &rows, error))
		return false;
	for (size_t i = 0; i < rows.rows; i++) {
		const char *text = lk_cell_text(&rows, i, 0);
		add_line(lines, "", text, strlen(text));
	}
	lk_result_free(&rows);
	return true;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *lk_my_shop_shape(struct lk_link *link, struct lk_error *error)
{
	struct lines lines = {0};
	struct lk_buffer shape = {0};
	bool read = add_tables(link, &lines, error) && add_rest(link, &lines, error);
	if (lines.count > 0)
		qsort(lines.list, lines.count, sizeof *lines.list, compare_lines);
	for (size_t i = 0; i < lines.count; i++) {
		lk_buffer_addf(&shape, "%s%s", i ? "\n" : "", lines.list[i]);
		free(lines.list[i]);
	}
	free(lines.list);
	if (read)
		return lk_buffer_take(&shape);
	lk_buffer_free(&shape);
	return NULL;
}
