/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_algorithm.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

/* The longest a varchar can be, in bytes, with one byte for its length. */
#define SHORT_BYTES 255
/* The most bytes a character takes. */
#define WIDEST 4

/* By action: on MariaDB, and on MySQL. */
static const enum lk_my_way ways[][2] = {
	[LK_MY_ADD_COLUMN] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INSTANT},
	[LK_MY_ADD_PLACED_COLUMN] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INSTANT},
	[LK_MY_ADD_STORED_COLUMN] = {LK_MY_WAY_COPY, LK_MY_WAY_COPY},
	[LK_MY_ADD_VIRTUAL_COLUMN] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INSTANT},
	[LK_MY_ADD_COMPUTED_COLUMN] = {LK_MY_WAY_UNKNOWN, LK_MY_WAY_COPY},
	[LK_MY_ADD_COUNTED_COLUMN] = {LK_MY_WAY_LOCKS, LK_MY_WAY_LOCKS},
	[LK_MY_ADD_KEYED_COLUMN] = {LK_MY_WAY_REBUILD, LK_MY_WAY_REBUILD},
	[LK_MY_DROP_COLUMN] = {LK_MY_WAY_UNKNOWN, LK_MY_WAY_UNKNOWN},
	[LK_MY_CHANGE_COLUMN] = {LK_MY_WAY_UNKNOWN, LK_MY_WAY_UNKNOWN},
	[LK_MY_RENAME_COLUMN] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INSTANT},
	[LK_MY_SET_DEFAULT] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INSTANT},
	[LK_MY_ADD_INDEX] = {LK_MY_WAY_INPLACE, LK_MY_WAY_INPLACE},
	[LK_MY_ADD_SPECIAL_INDEX] = {LK_MY_WAY_LOCKS, LK_MY_WAY_LOCKS},
	[LK_MY_DROP_INDEX_OF] = {LK_MY_WAY_INPLACE, LK_MY_WAY_INPLACE},
	[LK_MY_RENAME_INDEX] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INPLACE},
	[LK_MY_HIDE_INDEX] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INPLACE},
	[LK_MY_ADD_PRIMARY] = {LK_MY_WAY_REBUILD, LK_MY_WAY_REBUILD},
	[LK_MY_DROP_PRIMARY] = {LK_MY_WAY_COPY, LK_MY_WAY_COPY},
	[LK_MY_ADD_FOREIGN] = {LK_MY_WAY_INPLACE, LK_MY_WAY_INPLACE},
	[LK_MY_DROP_FOREIGN] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INPLACE},
	[LK_MY_ADD_CHECK_OF] = {LK_MY_WAY_COPY, LK_MY_WAY_UNKNOWN},
	[LK_MY_DROP_CHECK] = {LK_MY_WAY_INSTANT, LK_MY_WAY_UNKNOWN},
	[LK_MY_RENAME_TO] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INSTANT},
	[LK_MY_REBUILD] = {LK_MY_WAY_REBUILD, LK_MY_WAY_REBUILD},
	[LK_MY_CONVERT] = {LK_MY_WAY_COPY, LK_MY_WAY_COPY},
	[LK_MY_OPTION] = {LK_MY_WAY_INSTANT, LK_MY_WAY_INPLACE},
	[LK_MY_PARTITION] = {LK_MY_WAY_UNKNOWN, LK_MY_WAY_UNKNOWN},
	[LK_MY_OTHER_ACTION] = {LK_MY_WAY_UNKNOWN, LK_MY_WAY_UNKNOWN},
};

/* A type without the width for showing that integers have: "int", "varchar(40)", "decimal(10,2) unsigned". */
static void type_word(const char *type, char *word, size_t size)
{
	snprintf(word, size, "%.*s", (int)strcspn(type, " ("), type);
	for (size_t i = 0; word[i]; i++)
		if (word[i] >= 'A' && word[i] <= 'Z')
			word[i] = (char)(word[i] - 'A' + 'a');
	if (strcmp(word, "integer") == 0)
		lk_copy_text(word, size, "int");
	if (strcmp(word, "numeric") == 0 || strcmp(word, "dec") == 0)
		lk_copy_text(word, size, "decimal");
}

static bool is_short(long length, int width)
{
	return length * width <= SHORT_BYTES;
}

/* A longer varchar keeps its rows as they are unless its length then needs a second byte. */
static enum lk_my_way varchar_way(bool maria, long from, long to)
{
	enum lk_my_way grown = maria ? LK_MY_WAY_INSTANT : LK_MY_WAY_INPLACE;
	if (to == from)
		return LK_MY_WAY_INSTANT;
	if (to < from)
		return maria ? LK_MY_WAY_UNKNOWN : LK_MY_WAY_COPY;
	bool keeps_narrow = is_short(from, 1) == is_short(to, 1);
	bool keeps_wide = is_short(from, WIDEST) == is_short(to, WIDEST);
	if (keeps_narrow && keeps_wide)
		return grown;
	return keeps_narrow || keeps_wide || maria ? LK_MY_WAY_UNKNOWN : LK_MY_WAY_COPY;
}

static enum lk_my_way type_way(bool maria, const struct lk_my_action *action,
			       const struct lk_column *column)
{
	char from[40], to[40];
	const char *length = strchr(column->type, '(');
	type_word(column->type, from, sizeof from);
	type_word(action->type, to, sizeof to);
	if (strcmp(from, to) != 0)
		return strcmp(from, "json") == 0 || strcmp(to, "json") == 0 ? LK_MY_WAY_UNKNOWN
									    : LK_MY_WAY_COPY;
	if (strcmp(to, "varchar") == 0 && length && action->length >= 0)
		return varchar_way(maria, strtol(length + 1, NULL, 10), action->length);
	return LK_MY_WAY_UNKNOWN;
}

static enum lk_my_way change_way(bool maria, const struct lk_my_action *action,
				 const struct lk_table *table)
{
	const struct lk_column *column = table ? lk_table_column(table, action->name) : NULL;
	if (!column)
		return LK_MY_WAY_UNKNOWN;
	enum lk_my_way way = type_way(maria, action, column);
	if (way != LK_MY_WAY_COPY && column->not_null != action->not_null)
		return way == LK_MY_WAY_UNKNOWN ? LK_MY_WAY_UNKNOWN : LK_MY_WAY_REBUILD;
	return way;
}

/* What older versions of MySQL cannot do at once. */
static enum lk_my_way older_way(const struct lk_my_server *server,
				const struct lk_my_action *action, enum lk_my_way way)
{
	if (server->maria)
		return way;
	if (action->kind == LK_MY_ADD_PLACED_COLUMN && server->version < 80029)
		return LK_MY_WAY_REBUILD;
	if (action->kind == LK_MY_RENAME_COLUMN && server->version < 80028)
		return LK_MY_WAY_INPLACE;
	return way;
}

enum lk_my_way lk_my_expected_way(const struct lk_my_server *server,
				  const struct lk_my_statement *statement,
				  const struct lk_table *table)
{
	enum lk_my_way dearest = LK_MY_WAY_INSTANT;
	bool primary = lk_my_statement_has(statement, LK_MY_ADD_PRIMARY);
	bool column = lk_my_statement_has(statement, LK_MY_ADD_COLUMN) ||
		      lk_my_statement_has(statement, LK_MY_ADD_PLACED_COLUMN);
	for (size_t i = 0; i < statement->action_count; i++) {
		const struct lk_my_action *action = &statement->actions[i];
		enum lk_my_way way = ways[action->kind][server->maria ? 0 : 1];
		if (action->kind == LK_MY_CHANGE_COLUMN)
			way = change_way(server->maria, action, table);
		/* One primary key for another is a rebuild. */
		if (action->kind == LK_MY_DROP_PRIMARY && primary)
			way = LK_MY_WAY_REBUILD;
		/* An index over a column that is added with it is built by a rebuild. */
		if (action->kind == LK_MY_ADD_INDEX && column)
			way = LK_MY_WAY_REBUILD;
		way = older_way(server, action, way);
		dearest = way > dearest ? way : dearest;
	}
	return dearest;
}

static void size_text(const struct lk_table *table, char *text, size_t size)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double value = table ? (double)table->bytes / 1024.0 : 0;
	size_t unit = 0;
	text[0] = '\0';
	if (!table || table->bytes < 0)
		return;
	for (; value >= 1024.0 && unit + 1 < LK_COUNT(units); unit++)
		value /= 1024.0;
	snprintf(text, size, " (%.0f %s)", value, units[unit]);
}

void lk_my_way_text(enum lk_my_way way, const struct lk_my_statement *statement,
		    const struct lk_table *table, char *text, size_t size)
{
	char bytes[40];
	bool builds = lk_my_statement_has(statement, LK_MY_ADD_INDEX);
	size_text(table, bytes, sizeof bytes);
	switch (way) {
	case LK_MY_WAY_INSTANT:
		lk_copy_text(text, size, "instant, no rewrite");
		break;
	case LK_MY_WAY_INPLACE:
		if (builds)
			snprintf(
				text, size,
				"in place, reads the whole table%s, writes go on; each replica repeats it "
				"and lags by as long",
				bytes);
		else
			lk_copy_text(text, size, "in place, the definition only; writes go on");
		break;
	case LK_MY_WAY_REBUILD:
		snprintf(
			text, size,
			"rebuilds the table in place%s, writes go on; each replica repeats it and lags "
			"by as long",
			bytes);
		break;
	case LK_MY_WAY_UNKNOWN:
		snprintf(
			text, size,
			"instant or in place%s, as the server decides when its turn comes; a copy is "
			"refused",
			bytes);
		break;
	case LK_MY_WAY_LOCKS:
		lk_copy_text(text, size, "in place, and every write waits as long as it takes");
		break;
	case LK_MY_WAY_COPY:
		lk_copy_text(text, size, "needs a copy of the table, and every write waits");
		break;
	}
}

bool lk_my_takes_clauses(const struct lk_my_statement *statement)
{
	return statement->kind == LK_MY_ALTER_TABLE || statement->kind == LK_MY_CREATE_INDEX ||
	       statement->kind == LK_MY_DROP_INDEX;
}

bool lk_my_clauses_allowed(const struct lk_my_statement *statement, struct lk_error *error)
{
	if (statement->algorithm[0] && strcmp(statement->algorithm, "INSTANT") != 0 &&
	    strcmp(statement->algorithm, "NOCOPY") != 0 &&
	    strcmp(statement->algorithm, "INPLACE") != 0)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"ALGORITHM=%s could copy the table while every write waits: leave it out, and "
			"the cheapest of INSTANT, NOCOPY and INPLACE that the server takes is chosen",
			statement->algorithm);
	if (statement->lock[0] && strcmp(statement->lock, "NONE") != 0 &&
	    !(strcmp(statement->lock, "DEFAULT") == 0 &&
	      strcmp(statement->algorithm, "INSTANT") == 0))
		return lk_fail(
			error, LK_ERROR_PLAN,
			"LOCK=%s lets others wait as long as the statement takes: leave it out, "
			"and LOCK=NONE is written",
			statement->lock);
	return true;
}

struct clauses {
	const char *algorithm, *lock;
};

/* MySQL takes no LOCK but DEFAULT with INSTANT (error 1221), and builds and drops no index that way. */
static const struct clauses maria_tries[] = {
	{"INSTANT", "NONE"}, {"NOCOPY", "NONE"}, {"INPLACE", "NONE"}};
static const struct clauses mysql_tries[] = {{"INSTANT", "DEFAULT"}, {"INPLACE", "NONE"}};
/* A rename wants its exclusive lock by name on MariaDB; it has it for the same moment as any other. */
static const struct clauses maria_rename[] = {{"INSTANT", "EXCLUSIVE"}};

/* MariaDB's DROP INDEX takes no clauses. */
static char *drop_index(const struct lk_my_statement *statement, const struct clauses *clauses)
{
	const struct lk_my_object *on = &statement->objects[0];
	char *table = lk_my_driver.quote_name(on->name);
	char *schema = on->schema ? lk_my_driver.quote_name(on->schema) : lk_strdup("");
	char *index = lk_my_driver.quote_name(statement->actions[0].name);
	char *sql =
		lk_format("ALTER TABLE %s%s%s DROP INDEX %s%s, ALGORITHM=%s, LOCK=%s", schema,
			  on->schema ? "." : "", table, statement->if_exists ? "IF EXISTS " : "",
			  index, clauses->algorithm, clauses->lock);
	free(index);
	free(schema);
	free(table);
	return sql;
}

static char *written(const struct lk_my_statement *statement, const struct clauses *clauses)
{
	if (statement->kind == LK_MY_DROP_INDEX && !statement->algorithm[0] &&
	    !statement->lock[0] && statement->object_count > 0)
		return drop_index(statement, clauses);
	const char *comma = statement->kind == LK_MY_ALTER_TABLE ? "," : "";
	char *algorithm = statement->algorithm[0]
				  ? lk_strdup("")
				  : lk_format("%s ALGORITHM=%s", comma, clauses->algorithm);
	char *lock =
		statement->lock[0] ? lk_strdup("") : lk_format("%s LOCK=%s", comma, clauses->lock);
	char *sql = lk_format("%s%s%s", statement->text, algorithm, lock);
	free(lock);
	free(algorithm);
	return sql;
}

/* What the statement says itself leaves fewer tries. */
static bool fits(const struct lk_my_statement *statement, const struct clauses *clauses)
{
	if (statement->algorithm[0] && strcmp(statement->algorithm, clauses->algorithm) != 0)
		return false;
	return !statement->lock[0] || strcmp(statement->lock, clauses->lock) == 0;
}

char *lk_my_way_try(const struct lk_my_server *server, const struct lk_my_statement *statement,
		    int n, bool *building)
{
	const struct clauses *list = server->maria ? maria_tries : mysql_tries;
	size_t count = server->maria ? LK_COUNT(maria_tries) : LK_COUNT(mysql_tries);
	*building = false;
	if (!lk_my_takes_clauses(statement))
		return n == 0 ? lk_strdup(statement->text) : NULL;
	if (server->maria && lk_my_statement_has(statement, LK_MY_RENAME_TO)) {
		list = maria_rename;
		count = LK_COUNT(maria_rename);
	}
	for (size_t i = 0; i < count; i++) {
		if (!fits(statement, &list[i]) ||
		    (!server->maria && i == 0 && statement->kind != LK_MY_ALTER_TABLE))
			continue;
		if (n-- > 0)
			continue;
		*building = strcmp(list[i].algorithm, "INSTANT") != 0;
		return written(statement, &list[i]);
	}
	return NULL;
}

bool lk_my_not_this_way(const struct lk_error *error)
{
	static const int numbers[] = {
		1221, /* the clauses do not go together */
		1800, /* an algorithm that the server does not know */
		1845, /* ALGORITHM or LOCK is not supported for this operation */
		1846, /* the same with a reason */
		4092, /* no more instant versions of a row */
		4158, /* the same for a column that makes the row too long */
	};
	for (size_t i = 0; i < LK_COUNT(numbers); i++)
		if (error->number == numbers[i])
			return true;
	return false;
}
