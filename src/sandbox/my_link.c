/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of the sandbox to MySQL and MariaDB; prepared statements are the server's own (COM_STMT_PREPARE). */
#include "sandbox/my_parts.h"

#include <mysql.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "db/my_connect.h"
#include "db/my_error.h"
#include "db/my_library.h"

enum { STATEMENTS = 64, PLACES = 32, CELL = 512 };

/* A parameter of ours may stand at several of the server's places. */
struct prepared {
	MYSQL_STMT *handle;
	int count;		     /* of places */
	unsigned char order[PLACES]; /* the parameter, from 0, that stands at each */
	char types[LK_LINK_VALUES + 1];
};

struct connection {
	MYSQL *mysql;
	bool up;
	struct prepared prepared[STATEMENTS];
};

static void my_close(void *handle)
{
	struct connection *connection = handle;
	for (int i = 0; i < STATEMENTS; i++)
		if (connection->prepared[i].handle)
			mysql_stmt_close(connection->prepared[i].handle);
	mysql_close(connection->mysql);
	free(connection);
}

static void *my_open(const char *uri, const char *name, struct lk_error *error)
{
	MYSQL *mysql = lk_my_connect(uri, name, error);
	if (!mysql)
		return NULL;
	struct connection *connection = lk_alloc(sizeof *connection);
	connection->mysql = mysql;
	connection->up = true;
	return connection;
}

static int my_socket_of(const void *handle)
{
	return lk_my_library_socket(((const struct connection *)handle)->mysql);
}

static bool my_is_up(const void *handle)
{
	return ((const struct connection *)handle)->up;
}

static bool my_in_transaction(const void *handle)
{
	const struct connection *connection = handle;
	return connection->up && (connection->mysql->server_status & SERVER_STATUS_IN_TRANS);
}

static bool failed(struct connection *connection, struct lk_error *error)
{
	lk_my_failed(connection->mysql, error);
	if (error->class == LK_ERROR_LOST)
		connection->up = false;
	return false;
}

static bool statement_failed(struct connection *connection, MYSQL_STMT *statement,
			     struct lk_error *error)
{
	unsigned number = mysql_stmt_errno(statement);
	lk_fail(error, lk_my_error_class(number), "%s", mysql_stmt_error(statement));
	LK_COPY(error->state, mysql_stmt_sqlstate(statement));
	error->number = (int)number;
	if (error->class == LK_ERROR_LOST)
		connection->up = false;
	return false;
}

static void copy_rows(MYSQL_RES *from, struct lk_result *to)
{
	MYSQL_ROW row;
	to->rows = (size_t)mysql_num_rows(from);
	to->columns = mysql_num_fields(from);
	to->cells = lk_alloc((to->rows * to->columns + 1) * sizeof *to->cells);
	for (size_t r = 0; (row = mysql_fetch_row(from)) != NULL; r++) {
		const unsigned long *lengths = mysql_fetch_lengths(from);
		for (size_t c = 0; c < to->columns; c++)
			if (row[c])
				to->cells[r * to->columns + c] = lk_strndup(row[c], lengths[c]);
	}
}

static bool my_query(void *handle, const char *sql, struct lk_result *result,
		     struct lk_error *error)
{
	struct connection *connection = handle;
	if (mysql_query(connection->mysql, sql) != 0)
		return failed(connection, error);
	MYSQL_RES *rows = mysql_store_result(connection->mysql);
	if (!rows && mysql_field_count(connection->mysql) > 0)
		return failed(connection, error);
	if (rows)
		copy_rows(rows, result);
	result->affected = (int64_t)mysql_affected_rows(connection->mysql);
	mysql_free_result(rows);
	return true;
}

/* The answers are read to the last one: the first statement that fails ends the text. */
static bool my_execute(void *handle, const char *sql, struct lk_error *error)
{
	struct connection *connection = handle;
	int more = mysql_query(connection->mysql, sql);
	while (more == 0) {
		mysql_free_result(mysql_store_result(connection->mysql));
		more = mysql_next_result(connection->mysql);
	}
	return more < 0 || failed(connection, error);
}

/* Writes ? for each $1, $2, … and notes which it was; $$ is a $. */
static char *places(const char *sql, struct prepared *prepared)
{
	struct lk_buffer text = {0};
	prepared->count = 0;
	while (*sql) {
		size_t plain = strcspn(sql, "$");
		lk_buffer_add_bytes(&text, sql, plain);
		sql += plain;
		if (*sql != '$')
			break;
		if (sql[1] == '$') {
			lk_buffer_add(&text, "$");
			sql += 2;
			continue;
		}
		char *end;
		long number = strtol(sql + 1, &end, 10);
		if (number < 1 || number > LK_LINK_VALUES || prepared->count == PLACES)
			break;
		prepared->order[prepared->count++] = (unsigned char)(number - 1);
		lk_buffer_add(&text, "?");
		sql = end;
	}
	return lk_buffer_take(&text);
}

static bool my_prepare(void *handle, int number, const char *sql, const char *types,
		       struct lk_error *error)
{
	struct connection *connection = handle;
	struct prepared *prepared = &connection->prepared[number];
	LK_COPY(prepared->types, types);
	char *text = places(sql, prepared);
	prepared->handle = mysql_stmt_init(connection->mysql);
	bool done =
		prepared->handle && mysql_stmt_prepare(prepared->handle, text, strlen(text)) == 0;
	free(text);
	if (!done && prepared->handle)
		return statement_failed(connection, prepared->handle, error);
	return done || failed(connection, error);
}

/* Values as the server gets them: numbers as such, so that keys are looked up as keys. */
struct bound {
	MYSQL_BIND binds[PLACES];
	long long numbers[LK_LINK_VALUES];
	unsigned long lengths[LK_LINK_VALUES];
};

static bool bind_values(struct prepared *prepared, const char *const *values, struct bound *b)
{
	memset(b, 0, sizeof *b);
	for (int place = 0; place < prepared->count; place++) {
		int i = prepared->order[place];
		MYSQL_BIND *bind = &b->binds[place];
		if (!values || !values[i]) {
			bind->buffer_type = MYSQL_TYPE_NULL;
		} else if (prepared->types[i] == 'i') {
			b->numbers[i] = strtoll(values[i], NULL, 10);
			bind->buffer_type = MYSQL_TYPE_LONGLONG;
			bind->buffer = &b->numbers[i];
		} else {
			b->lengths[i] = strlen(values[i]);
			bind->buffer_type = MYSQL_TYPE_STRING;
			bind->buffer = (void *)values[i];
			bind->buffer_length = b->lengths[i];
			bind->length = &b->lengths[i];
		}
	}
	return mysql_stmt_bind_param(prepared->handle, b->binds) == 0;
}

struct cell {
	char text[CELL];
	unsigned long length;
	bool is_null;
};

/* Fetches what has been stored on our side. */
static bool fetch(MYSQL_STMT *statement, struct lk_result *result, struct lk_error *error)
{
	int status = 0;
	size_t columns = mysql_stmt_field_count(statement);
	struct cell *cells = lk_alloc(columns * sizeof *cells);
	MYSQL_BIND *binds = lk_alloc(columns * sizeof *binds);
	for (size_t c = 0; c < columns; c++)
		binds[c] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
					.buffer = cells[c].text,
					.buffer_length = CELL,
					.length = &cells[c].length,
					.is_null = (void *)&cells[c].is_null};
	result->rows = (size_t)mysql_stmt_num_rows(statement);
	result->columns = columns;
	result->cells = lk_alloc((result->rows * columns + 1) * sizeof *result->cells);
	bool good = mysql_stmt_bind_result(statement, binds) == 0;
	for (size_t r = 0; good && r < result->rows; r++) {
		status = mysql_stmt_fetch(statement);
		good = status == 0;
		for (size_t c = 0; good && c < columns; c++)
			if (!cells[c].is_null)
				result->cells[r * columns + c] =
					lk_strndup(cells[c].text, cells[c].length);
	}
	free(binds);
	free(cells);
	return good || lk_fail(error, LK_ERROR_STATEMENT, "%s",
			       status == MYSQL_DATA_TRUNCATED ? "a value is longer than expected"
							      : mysql_stmt_error(statement));
}

static bool my_run(void *handle, int number, const char *const *values, struct lk_result *result,
		   struct lk_error *error)
{
	struct connection *connection = handle;
	struct prepared *prepared = &connection->prepared[number];
	MYSQL_STMT *statement = prepared->handle;
	struct bound bound;
	bool done = bind_values(prepared, values, &bound) && mysql_stmt_execute(statement) == 0;
	if (done && mysql_stmt_field_count(statement) > 0)
		done = mysql_stmt_store_result(statement) == 0;
	if (!done)
		return statement_failed(connection, statement, error);
	result->affected = (int64_t)mysql_stmt_affected_rows(statement);
	if (mysql_stmt_field_count(statement) > 0)
		done = fetch(statement, result, error);
	mysql_stmt_free_result(statement);
	if (!done)
		lk_result_free(result);
	return done;
}

/*
 * MySQL's answer to an INSERT … ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id) that leaves its row as it was is the
 * id, but 0 where the table has a trigger for UPDATE; the function knows the id either way.
 */
static int64_t last_insert_id(struct connection *connection)
{
	if (mysql_query(connection->mysql, "SELECT LAST_INSERT_ID()") != 0)
		return 0;
	MYSQL_RES *rows = mysql_store_result(connection->mysql);
	MYSQL_ROW row = rows ? mysql_fetch_row(rows) : NULL;
	int64_t id = row && row[0] ? strtoll(row[0], NULL, 10) : 0;
	mysql_free_result(rows);
	return id;
}

static int64_t my_added(void *handle, int number, const struct lk_result *result)
{
	struct connection *connection = handle;
	(void)result;
	int64_t id = (int64_t)mysql_stmt_insert_id(connection->prepared[number].handle);
	return id ? id : last_insert_id(connection);
}

const struct lk_link_ops lk_my_link = {
	.open = my_open,
	.close = my_close,
	.socket = my_socket_of,
	.is_up = my_is_up,
	.in_transaction = my_in_transaction,
	.execute = my_execute,
	.query = my_query,
	.prepare = my_prepare,
	.run = my_run,
	.added = my_added,
};
