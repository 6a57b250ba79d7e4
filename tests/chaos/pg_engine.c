/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PostgreSQL, as chaos happens to it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "sandbox/pg_daemon.h"
#include "tests/chaos/engine.h"
#include "tests/chaos/pg_statements.h"
#include "tests/server/server.h"

static const enum lk_test_node nodes[LK_CHAOS_NODES] = {
	[LK_CHAOS_PRIMARY] = LK_TEST_PRIMARY,
	[LK_CHAOS_REPLICA] = LK_TEST_REPLICA,
};

/* The keeper's side of the cable may log in. */
static void let_in(const struct lk_test_server *server, const char *network)
{
	char *path = lk_format("%s/primary/pg_hba.conf", lk_test_server_folder(server));
	FILE *file = fopen(path, "ae");
	if (!file) {
		fprintf(stderr, "chaos: %s: %m\n", path);
		exit(1);
	}
	fprintf(file, "host all all %s trust\n", network);
	fclose(file);
	free(path);
	lk_test_sql(server, "SELECT pg_reload_conf()");
}

static bool available(void)
{
	struct lk_postgres programs;
	struct lk_error error;
	return lk_postgres_find(&programs, &error);
}

static void *start(const char *address, const char *network)
{
	char *settings = lk_format("max_wal_size = 48MB\nmin_wal_size = 32MB\n"
				   "max_wal_senders = 4\nwal_receiver_status_interval = 1s\n"
				   "wal_retrieve_retry_interval = 200ms\n%s%s%s",
				   address ? "listen_addresses = '" : "", address ? address : "",
				   address ? "'\n" : "");
	const struct lk_test_server_options options = {.replica = true, .settings = settings};
	struct lk_test_server *server = lk_test_server_start(&options);
	free(settings);
	if (address)
		let_in(server, network);
	return server;
}

static void stop(void *servers)
{
	lk_test_server_stop(servers);
}

static char *uri(const void *servers)
{
	return lk_test_server_uri(servers, LK_TEST_PRIMARY);
}

static char *uri_at(const void *servers, const char *address)
{
	(void)servers;
	return lk_format("postgresql://postgres@%s:5432/test", address);
}

static char *uri_by_port(int port)
{
	return lk_format("postgresql://postgres@127.0.0.1:%d/test", port);
}

static char *socket_path(const void *servers)
{
	return lk_format("%s/.s.PGSQL.5432", lk_test_server_folder(servers));
}

static char *log_path(const void *servers, enum lk_chaos_node node)
{
	static const char *const names[] = {"primary.log", "replica.log"};
	return lk_format("%s/%s", lk_test_server_folder(servers), names[node]);
}

static void down(void *servers, enum lk_chaos_node node, bool immediate)
{
	lk_test_server_down(servers, nodes[node], immediate);
}

static void up(void *servers, enum lk_chaos_node node)
{
	lk_test_server_up(servers, nodes[node]);
}

static void kill_server(void *servers, enum lk_chaos_node node)
{
	lk_test_server_kill(servers, nodes[node]);
}

static void freeze(void *servers, enum lk_chaos_node node, bool frozen)
{
	if (frozen)
		lk_test_server_freeze(servers, nodes[node]);
	else
		lk_test_server_thaw(servers, nodes[node]);
}

/* The server ends all sessions, replays its log and comes up again. */
static void kill_sessions(void *servers, const pid_t *sessions, int count)
{
	(void)servers;
	for (int i = 0; i < count; i++)
		kill(sessions[i], SIGKILL);
}

static char *end(int session)
{
	return lk_format("SELECT pg_terminate_backend(%d)", session);
}

static char *draw_from(int number)
{
	return lk_format("SELECT setseed(%d / 1e6)", number);
}

static char *schema_wanted(const char *column)
{
	return lk_format("id bigint not null, index on id, index on %s, %s character varying(40)"
			 " not null",
			 column, column);
}

static char *sessions(const char *role, const char *condition)
{
	return lk_format("SELECT pid FROM pg_stat_activity WHERE application_name LIKE"
			 " 'lockkeeper:chaos-%%:%s' AND (%s)",
			 role, condition);
}

const struct lk_chaos_engine lk_chaos_postgres = {
	.name = "postgresql",
	.available = available,
	.start = start,
	.stop = stop,
	.uri = uri,
	.uri_at = uri_at,
	.uri_by_port = uri_by_port,
	.socket = socket_path,
	.log = log_path,
	.down = down,
	.up = up,
	.kill = kill_server,
	.freeze = freeze,
	.kill_sessions = kill_sessions,
	.has_processes = true,
	.survives_no_room = true,
	.ready = "SELECT NOT pg_is_in_recovery()",
	.followed = "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'",
	.end = end,
	.seed = draw_from,
	.sessions = sessions,
	.signs = lk_chaos_pg_signs,
	.where = "SELECT max(s.number) || CASE WHEN bool_or(r.backward) THEN ' back' ELSE '' END"
		 " FROM lockkeeper.run r JOIN lockkeeper.step s ON s.run = r.name"
		 " WHERE s.state NOT IN ('pending', 'undone')",
	.make_users = lk_chaos_pg_make_users,
	.write = lk_chaos_pg_write,
	.look = lk_chaos_pg_look,
	.one_snapshot = true,
	.behind = lk_chaos_pg_behind,
	.differ =
		{"SELECT count(*) FROM users u FULL JOIN users_ledger l USING (id) WHERE u.id IS NULL"
		 " OR u.username IS DISTINCT FROM l.value",
		 "SELECT count(*) FROM users u FULL JOIN users_ledger l USING (id) WHERE u.id IS NULL"
		 " OR u.user_handle IS DISTINCT FROM l.value"},
	.schema = lk_chaos_pg_schema,
	.schema_wanted = schema_wanted,
	.letters =
		"SELECT string_agg(left(s.state, 1), '' ORDER BY number) FROM lockkeeper.step s"
		" WHERE run = (SELECT name FROM lockkeeper.run ORDER BY created_at DESC LIMIT 1)",
	.state = "SELECT state || CASE WHEN backward THEN ' back' ELSE '' END FROM lockkeeper.run"
		 " ORDER BY created_at DESC LIMIT 1",
	.events = "SELECT string_agg(to_char(at, 'HH24:MI:SS.MS ') || kind || ' ' || who"
		  " || ': ' || text, E'\n' ORDER BY at, number) FROM lockkeeper.event",
};
