/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PostgreSQL by libpq (PostgreSQL manual, chapter 34). */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "db/driver.h"
#include "db/pg_error.h"

/* Long enough for a server that is busy; short enough that a person is told. */
#define CONNECT_TIMEOUT_S "5"

/*
 * Set on every session: text forms that convert back exactly (chunk keys travel as text), our own
 * time-outs instead of whatever the role or database sets, and a server that notices a keeper that is
 * gone: in the middle of a statement (client_connection_check_interval, PostgreSQL 14), behind a network
 * that was cut (keepalives), and between two statements of a transaction, whose locks the application
 * must not wait for longer than this, whether the keeper is stopped, swapped out or unreachable. Rows
 * that a policy would hide are an error and not missing.
 */
static const char patience_sql[] = "SET statement_timeout = 0";
static const char setup_sql[] =
	"SELECT set_config(name, wanted, false) FROM (VALUES"
	" ('datestyle','ISO, YMD'), ('intervalstyle','iso_8601'), ('extra_float_digits','3'),"
	" ('bytea_output','hex'), ('statement_timeout','0'), ('lock_timeout','0'),"
	" ('idle_in_transaction_session_timeout','2000'), ('idle_session_timeout','0'),"
	" ('transaction_timeout','0'), ('default_transaction_isolation','read committed'),"
	" ('default_transaction_read_only','off'), ('standard_conforming_strings','on'),"
	" ('client_connection_check_interval','1000'), ('tcp_keepalives_idle','5'),"
	" ('tcp_keepalives_interval','2'), ('tcp_keepalives_count','3'), ('tcp_user_timeout','10000'), ('jit','off'),"
	" ('max_parallel_workers_per_gather','0'), ('row_security','off')) AS w(name, wanted)"
	" WHERE EXISTS (SELECT FROM pg_catalog.pg_settings s WHERE lower(s.name) = w.name)";

static void no_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

static void connect_error(PGconn *connection, struct lk_error *error)
{
	/* libpq gives no SQLSTATE for a refused connection, and its text has several lines. */
	char text[600];
	LK_COPY(text, PQerrorMessage(connection));
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	bool secret = PQconnectionNeedsPassword(connection) || PQconnectionUsedPassword(connection);
	lk_fail(error, secret ? LK_ERROR_PRIVILEGE : LK_ERROR_LOST, "%s", text);
	if (PQconnectionNeedsPassword(connection))
		lk_fail(error, LK_ERROR_PRIVILEGE,
			"%s (no password was found: put it into ~/.pgpass or a service file)",
			text);
}

static void *pg_open(const char *uri, const char *name, struct lk_error *error)
{
	/* Later keywords override the URI's; the URI expands in place of dbname. */
	const char *const keywords[] = {"dbname",
					"application_name",
					"connect_timeout",
					"client_encoding",
					"tcp_user_timeout",
					"keepalives_idle",
					"keepalives_interval",
					"keepalives_count",
					NULL};
	const char *const values[] = {uri, name, CONNECT_TIMEOUT_S, "UTF8", "10000", "5", "2",
				      "3", NULL};
	PGconn *connection = PQconnectdbParams(keywords, values, 1);
	if (PQstatus(connection) != CONNECTION_OK) {
		connect_error(connection, error);
		PQfinish(connection);
		return NULL;
	}
	PQsetNoticeReceiver(connection, no_notice, NULL);
	PQclear(PQexec(connection, patience_sql));
	PGresult *result = PQexec(connection, setup_sql);
	bool ready = PQresultStatus(result) == PGRES_TUPLES_OK;
	PQclear(result);
	if (!ready) {
		connect_error(connection, error);
		PQfinish(connection);
		return NULL;
	}
	return connection;
}

static void pg_close(void *connection)
{
	PQfinish(connection);
}

static bool statement_error(PGconn *connection, const PGresult *result, struct lk_error *error)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	if (!state)
		return lk_fail(error, LK_ERROR_LOST, "%s",
			       PQstatus(connection) == CONNECTION_BAD
				       ? "the connection to the server broke"
				       : PQerrorMessage(connection));
	lk_fail(error, lk_pg_error_class(state), "%s%s%s", text ? text : "", detail ? ": " : "",
		detail ? detail : "");
	LK_COPY(error->state, state);
	error->position = position ? atoi(position) : 0;
	return false;
}

static void copy_rows(const PGresult *from, struct lk_result *to)
{
	to->rows = (size_t)PQntuples(from);
	to->columns = (size_t)PQnfields(from);
	to->affected = strtoll(PQcmdTuples((PGresult *)from), NULL, 10);
	to->cells = lk_alloc(to->rows * to->columns * sizeof *to->cells);
	for (size_t r = 0; r < to->rows; r++)
		for (size_t c = 0; c < to->columns; c++)
			if (!PQgetisnull(from, (int)r, (int)c))
				to->cells[r * to->columns + c] =
					lk_strdup(PQgetvalue(from, (int)r, (int)c));
}

static bool pg_execute(void *handle, const char *sql, size_t count, const char *const *parameters,
		       struct lk_result *result, struct lk_error *error)
{
	PGconn *connection = handle;
	PGresult *answer =
		count ? PQexecParams(connection, sql, (int)count, NULL, parameters, NULL, NULL, 0)
		      : PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(answer);
	bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
		    status == PGRES_EMPTY_QUERY;
	if (!done)
		statement_error(connection, answer, error);
	else if (result)
		copy_rows(answer, result);
	PQclear(answer);
	return done;
}

static int pg_session_id(const void *connection)
{
	return PQbackendPID(connection);
}

static void pg_interrupt(void *connection)
{
	int fd = PQsocket(connection);
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

static bool pg_cancel(void *connection, int id, struct lk_error *error)
{
	char number[16];
	const char *parameters[] = {number};
	snprintf(number, sizeof number, "%d", id);
	return pg_execute(connection, "SELECT pg_catalog.pg_cancel_backend($1::int)", 1, parameters,
			  NULL, error);
}

static bool pg_end_namesake(void *connection, int id, bool *gone, struct lk_error *error)
{
	struct lk_result r;
	char number[16];
	const char *parameters[] = {number};
	snprintf(number, sizeof number, "%d", id);
	if (!pg_execute(
		    connection,
		    "SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.pg_stat_activity"
		    " WHERE pid = $1::int AND pid <> pg_catalog.pg_backend_pid()"
		    " AND application_name = current_setting('application_name')",
		    1, parameters, &r, error))
		return false;
	*gone = lk_cell_int(&r, 0, 0) == 0;
	lk_result_free(&r);
	return true;
}

static bool pg_cancel_directly(void *connection, struct lk_error *error)
{
	char text[256] = "";
	PGcancel *cancel = PQgetCancel(connection);
	bool sent = cancel && PQcancel(cancel, text, sizeof text) == 1;
	PQfreeCancel(cancel);
	return sent || lk_fail(error, LK_ERROR_LOST, "the cancel could not be sent: %s", text);
}

static char *pg_describe(const void *connection)
{
	struct lk_buffer out = {0};
	const char *host = PQhost(connection);
	lk_buffer_addf(&out, "%s@", PQuser(connection));
	if (!host || host[0] == '/')
		lk_buffer_add(&out, "local");
	else
		lk_buffer_addf(&out, "%s:%s", host, PQport(connection));
	lk_buffer_addf(&out, "/%s", PQdb(connection));
	return lk_buffer_take(&out);
}

static char *quote(const char *text, char mark)
{
	struct lk_buffer out = {0};
	lk_buffer_add_bytes(&out, &mark, 1);
	for (const char *p = text; *p; p++) {
		if (*p == mark)
			lk_buffer_add_bytes(&out, &mark, 1);
		lk_buffer_add_bytes(&out, p, 1);
	}
	lk_buffer_add_bytes(&out, &mark, 1);
	return lk_buffer_take(&out);
}

static char *pg_quote_name(const char *name)
{
	return quote(name, '"');
}

/* standard_conforming_strings is on in every session of ours, so a backslash is an ordinary character. */
static char *pg_quote_text(const char *text)
{
	return quote(text, '\'');
}

static const char *const pg_schemes[] = {"postgresql://", "postgres://", NULL};

static char *pg_limits(int statement_ms, int lock_ms)
{
	return lk_format("SET statement_timeout = %d; SET lock_timeout = %d", statement_ms,
			 lock_ms);
}

const struct lk_driver lk_pg_driver = {
	.engine = LK_ENGINE_POSTGRES,
	.name = "postgresql",
	.title = "PostgreSQL",
	.schemes = pg_schemes,
	.open = pg_open,
	.close = pg_close,
	.execute = pg_execute,
	.session_id = pg_session_id,
	.interrupt = pg_interrupt,
	.cancel = pg_cancel,
	.end_namesake = pg_end_namesake,
	.cancel_directly = pg_cancel_directly,
	.limits = pg_limits,
	.describe = pg_describe,
	.quote_name = pg_quote_name,
	.quote_text = pg_quote_text,
};
