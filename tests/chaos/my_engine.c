/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MariaDB and MySQL, as chaos happens to them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/chaos/engine.h"
#include "tests/chaos/my_statements.h"
#include "tests/server/my_server.h"

struct servers {
	struct lk_test_my *nodes[LK_CHAOS_NODES];
};

/* Whose sessions are whose is read from the performance schema. */
static const char *const alone[] = {"--performance-schema=1", "--group-concat-max-len=1000000",
				    NULL};
/* In a network of our own everybody may come. */
static const char *const reachable[] = {"--performance-schema=1", "--group-concat-max-len=1000000",
					"--bind-address=0.0.0.0", NULL};

static bool is_here(const struct lk_test_flavour *flavour)
{
	struct lk_test_programs programs = {0};
	bool here = flavour->find(&programs);
	free(programs.daemon);
	free(programs.install);
	return here;
}

static bool mariadb_is_here(void)
{
	return is_here(lk_test_flavours[0]);
}

static bool mysql_is_here(void)
{
	return is_here(lk_test_flavours[1]);
}

static void *start(const struct lk_test_flavour *flavour, const char *address, const char *network)
{
	lk_test_my_use(flavour);
	struct servers *s = lk_alloc(sizeof *s);
	s->nodes[LK_CHAOS_PRIMARY] = lk_test_my_start_primary(address ? reachable : alone);
	s->nodes[LK_CHAOS_REPLICA] = lk_test_my_start_replica(s->nodes[LK_CHAOS_PRIMARY], alone);
	if (address) {
		/* "10.77.0.0/24" is written 10.77.0.0/255.255.255.0 here. */
		char *sql = lk_format(
			"SET sql_log_bin = 0; CREATE USER keeper@'%.*s/255.255.255.0';"
			" GRANT ALL ON *.* TO keeper@'%.*s/255.255.255.0'"
			" WITH GRANT OPTION",
			(int)strcspn(network, "/"), network, (int)strcspn(network, "/"), network);
		lk_test_my_sql(s->nodes[LK_CHAOS_PRIMARY], sql);
		free(sql);
	}
	return s;
}

static void *start_mariadb(const char *address, const char *network)
{
	return start(lk_test_flavours[0], address, network);
}

static void *start_mysql(const char *address, const char *network)
{
	return start(lk_test_flavours[1], address, network);
}

static void stop(void *servers)
{
	struct servers *s = servers;
	lk_test_my_stop(s->nodes[LK_CHAOS_REPLICA]);
	lk_test_my_stop(s->nodes[LK_CHAOS_PRIMARY]);
	free(s);
}

static struct lk_test_my *node_of(const void *servers, enum lk_chaos_node node)
{
	return ((const struct servers *)servers)->nodes[node];
}

static char *uri(const void *servers)
{
	return lk_test_my_uri(node_of(servers, LK_CHAOS_PRIMARY), "root", NULL);
}

static char *uri_at(const void *servers, const char *address)
{
	return lk_format("mysql://keeper@%s:%d/test", address,
			 lk_test_my_port(node_of(servers, LK_CHAOS_PRIMARY)));
}

static char *uri_by_port(int port)
{
	return lk_format("mysql://root@127.0.0.1:%d/test", port);
}

static char *socket_path(const void *servers)
{
	return lk_format("%s/s.sock", lk_test_my_folder(node_of(servers, LK_CHAOS_PRIMARY)));
}

static char *log_path(const void *servers, enum lk_chaos_node node)
{
	return lk_strdup(lk_test_my_log(node_of(servers, node)));
}

static void kill_server(void *servers, enum lk_chaos_node node)
{
	lk_test_my_kill(node_of(servers, node));
}

static void down(void *servers, enum lk_chaos_node node, bool immediate)
{
	if (immediate)
		lk_test_my_kill(node_of(servers, node));
	else
		lk_test_my_down(node_of(servers, node));
}

static void up(void *servers, enum lk_chaos_node node)
{
	lk_test_my_up(node_of(servers, node));
}

static void freeze(void *servers, enum lk_chaos_node node, bool frozen)
{
	if (frozen)
		lk_test_my_freeze(node_of(servers, node));
	else
		lk_test_my_thaw(node_of(servers, node));
}

/* Its sessions are threads: the whole server dies with one. */
static void kill_sessions(void *servers, const pid_t *sessions, int count)
{
	(void)sessions;
	(void)count;
	kill_server(servers, LK_CHAOS_PRIMARY);
	up(servers, LK_CHAOS_PRIMARY);
}

static char *end(int session)
{
	return lk_format("KILL %d", session);
}

static char *draw_from(int number)
{
	return lk_format("SET rand_seed1 = %d, rand_seed2 = %d", number, number * 7 + 1);
}

static char *schema_wanted(const char *column)
{
	return lk_format("id bigint not null, index on id, index on %s, %s varchar(40) not null",
			 column, column);
}

static char *write_row(bool new_release)
{
	return lk_strdup(new_release ? "CALL write_new()" : "CALL write_old()");
}

static char *sessions(const char *role, const char *condition)
{
	return lk_format("SELECT p.id FROM performance_schema.session_connect_attrs a"
			 " JOIN information_schema.processlist p ON p.id = a.processlist_id"
			 " WHERE a.attr_name = 'program_name'"
			 " AND a.attr_value LIKE 'lockkeeper:chaos-%%:%s' AND (%s)",
			 role, condition);
}

#define DIFFER(column)                                                                             \
	"SELECT (SELECT COUNT(*) FROM users_ledger l LEFT JOIN users u ON u.id = l.id WHERE"       \
	" u.id IS NULL OR NOT (CAST(u." column " AS BINARY) <=> CAST(l.`value` AS BINARY)))"       \
	" + (SELECT COUNT(*) FROM users u LEFT JOIN users_ledger l ON l.id = u.id WHERE"           \
	" l.id IS NULL)"

#define ENGINE(called, here, starts)                                                               \
	{                                                                                          \
		.name = called, .available = here, .start = starts, .stop = stop, .uri = uri,      \
		.uri_at = uri_at, .uri_by_port = uri_by_port, .socket = socket_path,               \
		.log = log_path, .down = down, .up = up, .kill = kill_server, .freeze = freeze,    \
		.kill_sessions = kill_sessions, .ready = "SELECT 1",                               \
		.followed = "SELECT COUNT(*) >= 1 FROM information_schema.processlist"             \
			    " WHERE command LIKE 'Binlog Dump%'",                                  \
		.end = end, .seed = draw_from, .sessions = sessions, .signs = lk_chaos_my_signs,   \
		.where = "SELECT CONCAT(MAX(s.number), IF(MAX(r.backward), ' back', ''))"          \
			 " FROM lockkeeper.run r JOIN lockkeeper.step s ON s.run = r.name"         \
			 " WHERE s.state NOT IN ('pending', 'undone')",                            \
		.make_users = lk_chaos_my_make_users, .write = write_row,                          \
		.look = lk_chaos_my_look, .behind = lk_chaos_my_behind,                            \
		.differ = {DIFFER("username"), DIFFER("user_handle")},                             \
		.schema = lk_chaos_my_schema, .schema_wanted = schema_wanted,                      \
		.letters = "SELECT GROUP_CONCAT(LEFT(state, 1) ORDER BY number SEPARATOR '')"      \
			   " FROM lockkeeper.step WHERE run = (SELECT name FROM lockkeeper.run"    \
			   " ORDER BY created_at DESC LIMIT 1)",                                   \
		.state = "SELECT CONCAT(state, IF(backward, ' back', '')) FROM lockkeeper.run"     \
			 " ORDER BY created_at DESC LIMIT 1",                                      \
		.events = "SELECT GROUP_CONCAT(CONCAT(TIME(at), ' ', kind, ' ', who, ': ', text)"  \
			  " ORDER BY at, number SEPARATOR '\n') FROM lockkeeper.event",            \
	}

const struct lk_chaos_engine lk_chaos_mariadb = ENGINE("mariadb", mariadb_is_here, start_mariadb);
const struct lk_chaos_engine lk_chaos_mysql = ENGINE("mysql", mysql_is_here, start_mysql);
