/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of the sandbox to PostgreSQL. */
#include "sandbox/pg_parts.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/pg_daemon.h"

/* Of pg_type; libpq has no names for them. */
enum { BIGINT = 20, TEXT = 25 };

enum { STATEMENTS = 64 };

struct connection {
	PGconn *pg;
	int counts[STATEMENTS]; /* of the prepared statements' parameters */
};

static void pg_close(void *handle)
{
	struct connection *connection = handle;
	PQfinish(connection->pg);
	free(connection);
}

/* What the server remarks on is nobody's here. */
static void no_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

static void *pg_open(const char *uri, const char *name, struct lk_error *error)
{
	/* "dbname" may be a URI; what follows it counts more. */
	const char *const keywords[] = {"dbname", "application_name", "client_encoding",
					"connect_timeout", NULL};
	const char *const values[] = {uri, name, "UTF8", "20", NULL};
	struct connection *connection = lk_alloc(sizeof *connection);
	connection->pg = PQconnectdbParams(keywords, values, 1);
	PQsetNoticeReceiver(connection->pg, no_notice, NULL);
	if (PQstatus(connection->pg) == CONNECTION_OK)
		return connection;
	lk_postgres_failed(connection->pg, NULL, error);
	pg_close(connection);
	return NULL;
}

static int pg_socket(const void *handle)
{
	return PQsocket(((const struct connection *)handle)->pg);
}

static bool pg_is_up(const void *handle)
{
	return PQstatus(((const struct connection *)handle)->pg) == CONNECTION_OK;
}

static bool pg_in_transaction(const void *handle)
{
	return PQtransactionStatus(((const struct connection *)handle)->pg) != PQTRANS_IDLE;
}

static bool pg_execute(void *handle, const char *sql, struct lk_error *error)
{
	return lk_postgres_execute(((struct connection *)handle)->pg, sql, error);
}

static void copy(const PGresult *from, struct lk_result *to)
{
	size_t rows = (size_t)PQntuples(from), columns = (size_t)PQnfields(from);
	to->rows = rows;
	to->columns = columns;
	to->cells = lk_alloc((rows * columns + 1) * sizeof *to->cells);
	for (size_t i = 0; i < rows * columns; i++) {
		int row = (int)(i / columns), column = (int)(i % columns);
		if (!PQgetisnull(from, row, column))
			to->cells[i] = lk_strdup(PQgetvalue(from, row, column));
	}
	to->affected = strtoll(PQcmdTuples((PGresult *)from), NULL, 10);
}

/* Takes the answer and clears it. */
static bool take(PGconn *pg, PGresult *answer, struct lk_result *result, struct lk_error *error)
{
	ExecStatusType status = PQresultStatus(answer);
	bool done = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
	if (done)
		copy(answer, result);
	else
		lk_postgres_failed(pg, answer, error);
	PQclear(answer);
	return done;
}

static bool pg_query(void *handle, const char *sql, struct lk_result *result,
		     struct lk_error *error)
{
	PGconn *pg = ((struct connection *)handle)->pg;
	return take(pg, PQexec(pg, sql), result, error);
}

struct name {
	char text[16];
};

static struct name name_of(int number)
{
	struct name name;
	snprintf(name.text, sizeof name.text, "shop %d", number);
	return name;
}

static bool pg_prepare(void *handle, int number, const char *sql, const char *types,
		       struct lk_error *error)
{
	struct connection *connection = handle;
	struct lk_result none = {0};
	Oid oids[LK_LINK_VALUES];
	int count = 0;
	for (; types[count]; count++)
		oids[count] = types[count] == 'i' ? BIGINT : TEXT;
	connection->counts[number] = count;
	bool prepared = take(connection->pg,
			     PQprepare(connection->pg, name_of(number).text, sql, count, oids),
			     &none, error);
	lk_result_free(&none);
	return prepared;
}

static bool pg_run(void *handle, int number, const char *const *values, struct lk_result *result,
		   struct lk_error *error)
{
	struct connection *connection = handle;
	return take(connection->pg,
		    PQexecPrepared(connection->pg, name_of(number).text, connection->counts[number],
				   values, NULL, NULL, 0),
		    result, error);
}

/* The statement says RETURNING id. */
static int64_t pg_added(void *handle, int number, const struct lk_result *result)
{
	(void)handle;
	(void)number;
	return result->rows == 1 ? lk_cell_int(result, 0, 0) : 0;
}

const struct lk_link_ops lk_pg_link = {
	.open = pg_open,
	.close = pg_close,
	.socket = pg_socket,
	.is_up = pg_is_up,
	.in_transaction = pg_in_transaction,
	.execute = pg_execute,
	.query = pg_query,
	.prepare = pg_prepare,
	.run = pg_run,
	.added = pg_added,
};
