/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions on a private server: how to reach it, and its errors as ours. */
#include "sandbox/pg_daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "db/pg_error.h"

char *lk_postgres_conninfo(const struct lk_postgres_server *server, const char *user,
			   const char *database, const char *application)
{
	return lk_format("host='%s' port=%d user='%s' dbname='%s' application_name='%s' "
			 "client_encoding=UTF8 connect_timeout=20",
			 server->sockets, server->port, user, database, application);
}

char *lk_postgres_uri_of(const struct lk_postgres_server *server, const char *database,
			 const char *user)
{
	return lk_format("postgresql:///%s?host=%s&port=%d&user=%s", database, server->sockets,
			 server->port, user);
}

char *lk_postgres_uri(const struct lk_postgres_server *server, const char *database)
{
	return lk_postgres_uri_of(server, database, LK_POSTGRES_USER);
}

PGconn *lk_postgres_connect(const struct lk_postgres_server *server, const char *user,
			    const char *database, const char *application, struct lk_error *error)
{
	char *conninfo = lk_postgres_conninfo(server, user, database, application);
	PGconn *connection = PQconnectdb(conninfo);
	free(conninfo);
	if (PQstatus(connection) == CONNECTION_OK)
		return connection;
	lk_postgres_failed(connection, NULL, error);
	PQfinish(connection);
	return NULL;
}

bool lk_postgres_failed(PGconn *connection, const PGresult *result, struct lk_error *error)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	/* What the server did not say, the library did: that there is none. */
	bool lost = PQstatus(connection) != CONNECTION_OK || !state;
	lk_fail(error, lost ? LK_ERROR_LOST : lk_pg_error_class(state), "%s",
		primary ? primary : PQerrorMessage(connection));
	error->text[strcspn(error->text, "\n")] = '\0';
	if (state)
		LK_COPY(error->state, state);
	return false;
}

bool lk_postgres_execute(PGconn *connection, const char *sql, struct lk_error *error)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);
	bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	if (!done)
		lk_postgres_failed(connection, result, error);
	PQclear(result);
	return done;
}
