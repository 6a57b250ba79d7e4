/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The servers of a PostgreSQL sandbox. */
#include "sandbox/servers.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/pg_daemon.h"
#include "sandbox/shop.h"

#define REPLICA "standby1"
#define STREAMING_LIMIT_US 60000000

struct own {
	struct lk_postgres postgres;
	struct lk_postgres_server primary, replica;
};

static struct lk_link *connect_to(const struct lk_postgres_server *server, const char *database,
				  struct lk_error *error)
{
	char *uri = lk_postgres_uri(server, database);
	struct lk_link *link = lk_link_open(uri, "sandbox", error);
	free(uri);
	return link;
}

static char *version_of(struct lk_link *link)
{
	struct lk_error ignored;
	struct lk_result result;
	char *version = lk_strdup("");
	if (lk_link_query(link, "SHOW server_version", &result, &ignored)) {
		free(version);
		version = lk_strdup(lk_cell_text(&result, 0, 0));
		version[strcspn(version, " ")] = '\0';
	}
	lk_result_free(&result);
	return version;
}

static bool create_shop(struct lk_servers_start *start, struct lk_error *error)
{
	const struct own *own = start->servers->own;
	struct lk_link *link = connect_to(&own->primary, "postgres", error);
	if (!link)
		return false;
	bool made = lk_shop_create_database(link, error);
	char *version = version_of(link);
	lk_link_close(link);
	link = made ? connect_to(&own->primary, LK_SHOP_DATABASE, error) : NULL;
	if (link)
		lk_servers_stage_done(start, "PostgreSQL %s made in %s", version,
				      start->servers->folder.path);
	free(version);
	made = link && lk_shop_create_tables(link, start->rows, error);
	lk_link_close(link);
	if (made)
		lk_servers_stage_done(start, "%" PRId64 " users", start->rows);
	return made;
}

static bool configure_primary(const struct lk_postgres_server *primary, int connections,
			      struct lk_error *error)
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
	bool done = lk_postgres_configure(primary, lines, error);
	free(lines);
	return done;
}

static bool is_streaming(struct lk_link *link)
{
	struct lk_error ignored;
	struct lk_result result;
	bool streaming =
		lk_link_query(link,
			      "SELECT 1 FROM pg_stat_replication WHERE application_name = '" REPLICA
			      "' AND state = 'streaming'",
			      &result, &ignored) &&
		result.rows == 1;
	lk_result_free(&result);
	return streaming;
}

static bool wait_for_stream(const struct own *own, struct lk_error *error)
{
	struct lk_link *link = connect_to(&own->primary, "postgres", error);
	if (!link)
		return false;
	int64_t deadline = lk_clock_us() + STREAMING_LIMIT_US;
	bool streaming = false;
	while (!(streaming = is_streaming(link)) && lk_clock_us() < deadline)
		lk_sleep_ms(10);
	lk_link_close(link);
	return streaming ||
	       lk_fail(error, LK_ERROR_SYSTEM,
		       "the replica does not follow the primary; its log is %s", own->replica.log);
}

static bool start_replica(struct lk_servers_start *start, struct lk_error *error)
{
	struct own *own = start->servers->own;
	if (!lk_postgres_copy(&own->postgres, &own->primary, &own->replica, REPLICA, error) ||
	    !lk_postgres_configure(&own->replica, "shared_buffers = 64MB\n", error) ||
	    !lk_postgres_start(&own->postgres, &own->replica, error) ||
	    !wait_for_stream(own, error))
		return false;
	lk_servers_stage_done(start, "a replica follows");
	return true;
}

static bool start_primary(struct lk_servers_start *start, struct lk_error *error)
{
	struct own *own = start->servers->own;
	if (!lk_postgres_initdb(&own->postgres, &own->primary, error) ||
	    !configure_primary(&own->primary, start->connections, error) ||
	    !lk_postgres_start(&own->postgres, &own->primary, error) || !create_shop(start, error))
		return false;
	lk_postgres_stop(&own->primary, SIGINT);
	return lk_postgres_configure(&own->primary, "wal_level = logical\nmax_wal_senders = 10\n",
				     error) &&
	       lk_postgres_start(&own->postgres, &own->primary, error);
}

static bool pg_find(struct lk_servers *servers, struct lk_error *error)
{
	struct own *own = lk_alloc(sizeof *own);
	servers->own = own;
	if (!lk_postgres_find(&own->postgres, error))
		return false;
	servers->as = own->postgres.as;
	return true;
}

static bool pg_start(struct lk_servers_start *start, struct lk_error *error)
{
	struct own *own = start->servers->own;
	const char *folder = start->servers->folder.servers;
	lk_postgres_name(&own->primary, folder, "primary", 5432);
	lk_postgres_name(&own->replica, folder, "replica", 5433);
	return start_primary(start, error) && start_replica(start, error);
}

/* Both are told before either is waited for. */
static void pg_stop(struct lk_servers *servers, bool clean)
{
	struct own *own = servers->own;
	int signal = clean ? SIGINT : SIGQUIT;
	if (own->primary.pid > 0 && !clean)
		kill(own->primary.pid, signal);
	lk_postgres_stop(&own->replica, signal);
	lk_postgres_stop(&own->primary, signal);
}

static char *pg_uri(const struct lk_servers *servers, enum lk_servers_role role, bool application)
{
	const struct own *own = servers->own;
	return lk_postgres_uri_of(role == LK_SERVERS_PRIMARY ? &own->primary : &own->replica,
				  LK_SHOP_DATABASE, application ? LK_SHOP_ROLE : LK_POSTGRES_USER);
}

static void pg_free(struct lk_servers *servers)
{
	free(servers->own);
}

const struct lk_servers_kind lk_servers_postgres = {
	.word = "postgres",
	.title = "PostgreSQL",
	.find = pg_find,
	.start = pg_start,
	.stop = pg_stop,
	.uri = pg_uri,
	.free = pg_free,
};
