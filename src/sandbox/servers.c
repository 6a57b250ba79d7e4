/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/servers.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/shop.h"

#define REPLICA "standby1"
#define STREAMING_LIMIT_US 60000000

struct start {
	struct lk_servers *servers;
	lk_servers_progress *progress;
	void *context;
	int64_t last_us; /* when the last stage ended */
};

/* Says what was done and how long it took. */
static void stage_done(struct start *start, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void stage_done(struct start *start, const char *format, ...)
{
	char what[200], line[240];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	int64_t now_us = lk_clock_us();
	snprintf(line, sizeof line, "%s, %.1f s", what, (double)(now_us - start->last_us) / 1e6);
	start->last_us = now_us;
	if (start->progress)
		start->progress(start->context, line);
}

static PGconn *connect_to(const struct lk_postgres_server *server, const char *database,
			  struct lk_error *error)
{
	return lk_postgres_connect(server, LK_POSTGRES_USER, database, "sandbox", error);
}

static bool create_shop(struct start *start, int64_t rows, struct lk_error *error)
{
	const struct lk_postgres_server *primary = &start->servers->primary;
	PGconn *connection = connect_to(primary, "postgres", error);
	if (!connection)
		return false;
	bool made = lk_shop_create_database(connection, error);
	int version = PQserverVersion(connection);
	PQfinish(connection);
	connection = made ? connect_to(primary, LK_SHOP_DATABASE, error) : NULL;
	if (!connection)
		return false;
	stage_done(start, "PostgreSQL %d.%d made in %s", version / 10000, version % 10000,
		   start->servers->folder.path);
	made = lk_shop_create_tables(connection, rows, error);
	PQfinish(connection);
	if (made)
		stage_done(start, "%" PRId64 " users", rows);
	return made;
}

static bool configure_primary(struct lk_servers *servers, int connections, struct lk_error *error)
{
	/* Rows that are loaded with minimal WAL into a new table are not written to it at all; the
	 * server is started again with what replication needs. */
	/* A new server fills each new WAL segment with zeros while commits wait, which an older one, reusing its
	 * segments, does not: without it the figures are those of a server that has lived for a while. */
	char *lines = lk_format("shared_buffers = 256MB\n"
				"max_connections = %d\n"
				"max_wal_size = 2GB\n"
				"wal_init_zero = off\n"
				"max_slot_wal_keep_size = 4GB\n"
				"wal_level = minimal\n"
				"max_wal_senders = 0\n",
				connections > 8 ? 52 + connections : 60);
	bool done = lk_postgres_configure(&servers->primary, lines, error);
	free(lines);
	return done;
}

static bool is_streaming(PGconn *connection)
{
	PGresult *result =
		PQexec(connection, "SELECT 1 FROM pg_stat_replication WHERE "
				   "application_name = '" REPLICA "' AND state = 'streaming'");
	bool streaming = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
	PQclear(result);
	return streaming;
}

static bool wait_for_stream(const struct lk_servers *servers, struct lk_error *error)
{
	PGconn *connection = connect_to(&servers->primary, "postgres", error);
	if (!connection)
		return false;
	int64_t deadline = lk_clock_us() + STREAMING_LIMIT_US;
	bool streaming = false;
	while (!(streaming = is_streaming(connection)) && lk_clock_us() < deadline)
		lk_sleep_ms(10);
	PQfinish(connection);
	return streaming || lk_fail(error, LK_ERROR_SYSTEM,
				    "the replica does not follow the primary; its log is %s",
				    servers->replica.log);
}

static bool start_replica(struct start *start, struct lk_error *error)
{
	struct lk_servers *servers = start->servers;
	if (!lk_postgres_copy(&servers->postgres, &servers->primary, &servers->replica, REPLICA,
			      error) ||
	    !lk_postgres_configure(&servers->replica, "shared_buffers = 64MB\n", error) ||
	    !lk_postgres_start(&servers->postgres, &servers->replica, error) ||
	    !wait_for_stream(servers, error))
		return false;
	stage_done(start, "a replica follows");
	return true;
}

static bool start_primary(struct start *start, int64_t rows, int connections,
			  struct lk_error *error)
{
	struct lk_servers *servers = start->servers;
	struct lk_postgres_server *primary = &servers->primary;
	if (!lk_postgres_initdb(&servers->postgres, primary, error) ||
	    !configure_primary(servers, connections, error) ||
	    !lk_postgres_start(&servers->postgres, primary, error) ||
	    !create_shop(start, rows, error))
		return false;
	lk_postgres_stop(primary, SIGINT);
	return lk_postgres_configure(primary, "wal_level = logical\nmax_wal_senders = 10\n",
				     error) &&
	       lk_postgres_start(&servers->postgres, primary, error);
}

bool lk_servers_start(struct lk_servers *servers, int64_t rows, int connections,
		      lk_servers_progress *progress, void *context, struct lk_error *error)
{
	struct start start = {servers, progress, context, lk_clock_us()};
	lk_postgres_name(&servers->primary, servers->folder.servers, "primary", 5432);
	lk_postgres_name(&servers->replica, servers->folder.servers, "replica", 5433);
	if (start_primary(&start, rows, connections, error) && start_replica(&start, error))
		return true;
	lk_servers_stop(servers, false);
	return false;
}

/* Both are told before either is waited for. A server that somebody restarted is no child of ours;
 * it is found by its data folder. */
void lk_servers_stop(struct lk_servers *servers, bool clean)
{
	int signal = clean ? SIGINT : SIGQUIT;
	if (servers->primary.pid > 0 && !clean)
		kill(servers->primary.pid, signal);
	lk_postgres_stop(&servers->replica, signal);
	lk_postgres_stop(&servers->primary, signal);
	lk_folder_end_servers(servers->folder.servers);
}
