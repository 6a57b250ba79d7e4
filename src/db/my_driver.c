/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MySQL and MariaDB by their client libraries (MySQL C API Developer Guide; MariaDB Connector/C).
 *
 * Parameters are put into the statement as literals (db/my_text.h). Every statement begins with a comment that
 * says whose it is, for whoever reads the processlist; every session holds a user lock of that name and its own
 * number, and one of its run and number, by which one of us can prove that a session is, or was, ours: connection attributes are there only
 * where the performance schema is on, and numbers of sessions begin again when the server does.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "db/driver.h"
#include "db/my_connect.h"
#include "db/my_library.h"
#include "db/my_text.h"

enum { NO_SUCH_THREAD = 1094 };

struct my_connection {
	MYSQL *mysql;
	char *uri, *name;
	char *mark; /* comment in front of each statement */
	/* A second descriptor of the socket: the library closes its own when the connection breaks, and the
	 * number may be another file's by the time somebody interrupts. */
	int socket;
	uint32_t id;
	bool watch, watched; /* see lk_my_watch_idle */
	bool tables;	     /* LOCK TABLES was sent, and UNLOCK TABLES not yet */
};

static void my_close(void *handle)
{
	struct my_connection *connection = handle;
	mysql_close(connection->mysql);
	if (connection->socket >= 0)
		close(connection->socket);
	free(connection->uri);
	free(connection->name);
	free(connection->mark);
	free(connection);
}

static bool backslash_escapes(const struct my_connection *connection)
{
	/* The server reports it with each answer, so this holds after any SET sql_mode. */
	return !(connection->mysql->server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES);
}

/* A byte of 0 would cut a cell, which is text. */
static bool copy_row(MYSQL_RES *from, MYSQL_ROW row, char **cells, struct lk_error *error)
{
	const unsigned long *lengths = mysql_fetch_lengths(from);
	for (unsigned c = 0; c < mysql_num_fields(from); c++) {
		if (!row[c])
			continue;
		if (memchr(row[c], '\0', lengths[c]))
			return lk_fail(
				error, LK_ERROR_STATEMENT,
				"a value of column %s holds a byte of 0 and is no text: it must be read as HEX()",
				mysql_fetch_field_direct(from, c)->name);
		cells[c] = lk_strndup(row[c], lengths[c]);
	}
	return true;
}

static bool copy_rows(MYSQL_RES *from, struct lk_result *to, struct lk_error *error)
{
	MYSQL_ROW row;
	bool copied = true;
	to->rows = (size_t)mysql_num_rows(from);
	to->columns = mysql_num_fields(from);
	to->cells = lk_alloc(to->rows * to->columns * sizeof *to->cells);
	for (size_t r = 0; copied && (row = mysql_fetch_row(from)) != NULL; r++)
		copied = copy_row(from, row, &to->cells[r * to->columns], error);
	return copied;
}

/* One statement's answer; replaces what *result had of the one before. */
static bool take_answer(MYSQL *mysql, struct lk_result *result, struct lk_error *error)
{
	bool taken = true;
	MYSQL_RES *rows = mysql_store_result(mysql);
	if (!rows && mysql_field_count(mysql) > 0)
		return lk_my_failed(mysql, error);
	if (result) {
		lk_result_free(result);
		taken = !rows || copy_rows(rows, result, error);
		result->affected = (int64_t)mysql_affected_rows(mysql);
	}
	if (rows)
		mysql_free_result(rows);
	return taken;
}

/* All answers must be read, whatever became of one, or the connection is out of step. */
static bool take_answers(MYSQL *mysql, struct lk_result *result, struct lk_error *error)
{
	struct lk_error ignored;
	bool good = take_answer(mysql, result, error);
	int more;
	while ((more = mysql_next_result(mysql)) == 0)
		if (!take_answer(mysql, good ? result : NULL, good ? error : &ignored))
			good = false;
	if (more > 0 && good)
		good = lk_my_failed(mysql, error);
	if (!good && result)
		lk_result_free(result);
	return good;
}

/* A server that ends in order says of a statement that it was interrupted, and takes no other one. */
static void find_lost(MYSQL *mysql, struct lk_error *error)
{
	if (mysql_ping(mysql) != 0)
		lk_my_failed(mysql, error);
}

/* What the session holds, or is about to, by what it says and by the server's own word. */
static void watch_idle(struct my_connection *connection)
{
	bool open = connection->mysql->server_status & SERVER_STATUS_IN_TRANS;
	lk_my_watch_idle(connection->mysql, connection->tables || (connection->watch && open),
			 &connection->watched);
}

static bool begins(const char *sql, const char *words)
{
	return strncmp(sql, words, strlen(words)) == 0;
}

/* By itself, or behind a look and with our mark (step/my_moment.c). */
static bool locks_tables(const char *sql)
{
	return begins(sql, "LOCK TABLES ") || strstr(sql, "*/ LOCK TABLES ");
}

static bool my_execute(void *handle, const char *sql, size_t count, const char *const *parameters,
		       struct lk_result *result, struct lk_error *error)
{
	struct my_connection *connection = handle;
	struct lk_buffer text = {0};
	if (result)
		memset(result, 0, sizeof *result);
	/* Before: with the locks' answer lost on the way nobody would tell the server any more. */
	bool locks = locks_tables(sql);
	if (locks) {
		connection->tables = true;
		watch_idle(connection);
	}
	/* An empty statement is an error here and not a way to and fro. */
	lk_buffer_add(&text, sql[0] ? connection->mark : "DO 0");
	bool done = true;
	if (count > 0)
		done = lk_my_add_statement(&text, sql, count, parameters,
					   backslash_escapes(connection), error);
	else
		lk_buffer_add(&text, sql);
	if (done)
		done = mysql_real_query(connection->mysql, text.text, text.length) == 0
			       ? take_answers(connection->mysql, result, error)
			       : lk_my_failed(connection->mysql, error);
	lk_buffer_free(&text);
	if (!done && error->class == LK_ERROR_CANCELLED)
		find_lost(connection->mysql, error);
	if (begins(sql, "UNLOCK TABLES") || (locks && !done))
		connection->tables = false;
	watch_idle(connection);
	return done;
}

/*
 * The name of the lock that session `id` of ours holds, as SQL: "lockkeeper:RUN:ROLE:ID", or its digest where
 * that is longer than the 64 characters that MySQL takes. The number in it makes every session's its own.
 */
static char *lock_name(const struct my_connection *connection, uint32_t id)
{
	char *name = lk_format("%s:%u", connection->name, id);
	char *text = lk_my_quote_text(name);
	char *sql = lk_format(strlen(name) > 64 ? "SHA2(%s, 256)" : "%s", text);
	free(text);
	free(name);
	return sql;
}

/* The second lock's name, likewise: "lockkeeper:RUN:ID", for who wants every session of a run. */
static char *run_lock_name(const struct my_connection *connection)
{
	const char *role = strrchr(connection->name, ':');
	char *run = lk_strndup(connection->name,
			       role ? (size_t)(role - connection->name) : strlen(connection->name));
	struct my_connection whole = {.name = run};
	char *sql = lock_name(&whole, connection->id);
	free(run);
	return sql;
}

static bool take_locks(struct my_connection *connection, struct lk_error *error)
{
	struct lk_result r = {0};
	char *own = lock_name(connection, connection->id), *run = run_lock_name(connection);
	char *sql = lk_format("SELECT GET_LOCK(%s, 0), GET_LOCK(%s, 0)", own, run);
	bool taken = my_execute(connection, sql, 0, NULL, &r, error);
	for (size_t i = 0; taken && i < 2; i++)
		if (lk_cell_int(&r, 0, i) != 1)
			taken = lk_fail(error, LK_ERROR_REFUSED,
					"another session holds the user lock %s", i ? run : own);
	lk_result_free(&r);
	free(sql);
	free(own);
	free(run);
	return taken;
}

/* A balancer or pooler gives out numbers of its own; to KILL by them would hit others. */
static bool learn_id(struct my_connection *connection, struct lk_error *error)
{
	struct lk_result r;
	if (!my_execute(connection, "SELECT CONNECTION_ID()", 0, NULL, &r, error))
		return false;
	uint64_t id = strtoull(lk_cell_text(&r, 0, 0), NULL, 10);
	lk_result_free(&r);
	connection->id = (uint32_t)id;
	if (id > UINT32_MAX || connection->id != (uint32_t)mysql_thread_id(connection->mysql))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the session's number is not the server's: a pooler or a proxy stands in "
			"between, and a target must be reached directly");
	return true;
}

/* Nothing in a name may end the comment. */
static char *make_mark(const char *name)
{
	char *mark = lk_format("/* %s */ ", name);
	for (char *p = mark + 3; p < mark + 3 + strlen(name); p++)
		if (*p == '*')
			*p = '.';
	return mark;
}

static void *my_open(const char *uri, const char *name, struct lk_error *error)
{
	MYSQL *mysql = lk_my_connect(uri, name, error);
	if (!mysql)
		return NULL;
	struct my_connection *connection = lk_alloc(sizeof *connection);
	connection->mysql = mysql;
	connection->uri = lk_strdup(uri);
	connection->name = lk_strdup(name);
	connection->mark = make_mark(name);
	connection->socket = fcntl(lk_my_library_socket(mysql), F_DUPFD_CLOEXEC, 0);
	if (!lk_my_set_up(mysql, &connection->watch, error) || !learn_id(connection, error) ||
	    !take_locks(connection, error)) {
		my_close(connection);
		return NULL;
	}
	return connection;
}

static int my_session_id(const void *handle)
{
	const struct my_connection *connection = handle;
	return (int)connection->id;
}

static void my_interrupt(void *handle)
{
	struct my_connection *connection = handle;
	if (connection->socket >= 0)
		shutdown(connection->socket, SHUT_RDWR);
}

static bool kill_session(MYSQL *mysql, const char *what, uint32_t id, struct lk_error *error)
{
	char *sql = lk_format("KILL %s %u", what, id);
	bool done = mysql_query(mysql, sql) == 0 || mysql_errno(mysql) == NO_SUCH_THREAD ||
		    lk_my_failed(mysql, error);
	free(sql);
	return done;
}

static bool my_cancel(void *handle, int id, struct lk_error *error)
{
	struct my_connection *connection = handle;
	return kill_session(connection->mysql, "QUERY", (uint32_t)id, error);
}

/* The server frees a session's user locks after it has rolled its transaction back and let its tables go. */
static bool my_end_namesake(void *handle, int id, bool *gone, struct lk_error *error)
{
	struct my_connection *connection = handle;
	struct lk_result r;
	char *name = lock_name(connection, (uint32_t)id);
	char *sql = lk_format("SELECT IS_USED_LOCK(%s)", name);
	bool asked = my_execute(connection, sql, 0, NULL, &r, error);
	free(sql);
	free(name);
	if (!asked)
		return false;
	uint64_t holder = strtoull(lk_cell_text(&r, 0, 0), NULL, 10);
	lk_result_free(&r);
	*gone = holder != (uint32_t)id || holder == connection->id;
	return *gone || kill_session(connection->mysql, "CONNECTION", (uint32_t)id, error);
}

static bool my_cancel_directly(void *handle, struct lk_error *error)
{
	const struct my_connection *connection = handle;
	MYSQL *mysql = lk_my_connect(connection->uri, connection->name, error);
	bool sent = mysql && kill_session(mysql, "QUERY", connection->id, error);
	if (mysql)
		mysql_close(mysql);
	return sent || lk_fail_context(error, "the cancel could not be sent");
}

static char *my_describe(const void *handle)
{
	const struct my_connection *connection = handle;
	const MYSQL *mysql = connection->mysql;
	struct lk_buffer out = {0};
	lk_buffer_addf(&out, "%s@", mysql->user ? mysql->user : "");
	if (mysql->unix_socket && mysql->unix_socket[0])
		lk_buffer_add(&out, "local");
	else
		lk_buffer_addf(&out, "%s:%u", mysql->host ? mysql->host : "", mysql->port);
	lk_buffer_addf(&out, "/%s", mysql->db ? mysql->db : "");
	return lk_buffer_take(&out);
}

static const char *const my_schemes[] = {"mysql://", "mariadb://", NULL};

const struct lk_driver lk_my_driver = {
	.engine = LK_ENGINE_MYSQL,
	.name = "mysql",
	.title = "MySQL and MariaDB",
	.schemes = my_schemes,
	.open = my_open,
	.close = my_close,
	.execute = my_execute,
	.session_id = my_session_id,
	.interrupt = my_interrupt,
	.cancel = my_cancel,
	.end_namesake = my_end_namesake,
	.cancel_directly = my_cancel_directly,
	.limits = lk_my_limits,
	.describe = my_describe,
	.quote_name = lk_my_quote_name,
	.quote_text = lk_my_quote_text,
};
