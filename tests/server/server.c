/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "sandbox/folder.h"
#include "sandbox/pg_daemon.h"
#include "tests/server/processes.h"

#define PREFIX "lk-test"
#define NODES 2

extern char **environ;

struct lk_test_server {
	struct lk_postgres postgres;
	struct lk_folder folder;
	struct lk_postgres_server nodes[NODES];
	pid_t owner; /* a forked child that calls exit must not end its parent's servers */
	struct lk_test_server *next; /* in the list of those to end at exit */
};

/* Functions registered with atexit take no argument. */
static struct lk_test_server *running;

static void must(bool done, const struct lk_error *error)
{
	if (done)
		return;
	fprintf(stderr, "test server: %s\n", error->text);
	exit(1);
}

static void end_quickly(struct lk_test_server *server)
{
	struct lk_error error;
	for (int i = NODES - 1; i >= 0; i--) {
		if (server->nodes[i].pid > 0)
			lk_processes_signal(server->nodes[i].pid, SIGCONT);
		lk_postgres_stop(&server->nodes[i], SIGQUIT);
	}
	if (!lk_folder_close(&server->folder, false, &error))
		fprintf(stderr, "test server: %s\n", error.text);
}

static void end_all(void)
{
	while (running) {
		struct lk_test_server *server = running;
		running = server->next;
		if (server->owner == getpid())
			end_quickly(server);
		free(server);
	}
}

static void run_cp(const char *from, const char *to)
{
	const char *const arguments[] = {"cp", "-a", "--reflink=auto", from, to, NULL};
	struct lk_error error;
	pid_t pid;
	int status = 0;
	int number = posix_spawnp(&pid, "cp", NULL, NULL, (char *const *)arguments, environ);
	if (number != 0)
		must(lk_fail_errno(&error, number, "cp"), &error);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		must(lk_fail(&error, LK_ERROR_SYSTEM, "cannot copy %s", from), &error);
}

/* Where the data folder that others are copied from lies: one for each user and installation. */
static char *template_folder(const struct lk_postgres *postgres)
{
	char *base = lk_format("%s-template-%u%s", PREFIX, (unsigned)geteuid(), postgres->bin);
	for (char *p = base; *p; p++)
		if (*p == '/')
			*p = '-';
	char *path = lk_format("/tmp/%s", base);
	free(base);
	return path;
}

/* Two test programs may come here at once: the second waits for the first and uses what it made. */
static void copy_template(const struct lk_test_server *server)
{
	struct lk_error error;
	struct lk_postgres_server made;
	struct stat info;
	char *folder = template_folder(&server->postgres);
	char *lock = lk_path_join(folder, "lock");
	char *ready = lk_path_join(folder, "ready");
	mkdir(folder, 0755);
	if (lstat(folder, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
		must(lk_fail(&error, LK_ERROR_REFUSED, "%s is not a folder of ours", folder),
		     &error);
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		must(lk_fail_errno(&error, errno, "%s", lock), &error);
	char *servers = lk_path_join(folder, "pg");
	lk_postgres_name(&made, servers, "data", 5432);
	if (access(ready, F_OK) != 0) {
		must(lk_path_remove_tree(servers, &error), &error);
		if (mkdir(servers, 0700) != 0 ||
		    chown(servers, server->postgres.as.user, server->postgres.as.group) != 0)
			must(lk_fail_errno(&error, errno, "%s", servers), &error);
		must(lk_postgres_initdb(&server->postgres, &made, &error), &error);
		must(lk_path_write(ready, "", 0, &error), &error);
	}
	run_cp(made.data, server->nodes[LK_TEST_PRIMARY].data);
	close(fd);
	free(servers);
	free(ready);
	free(lock);
	free(folder);
}

static void configure(const struct lk_test_server *server, const char *settings)
{
	struct lk_error error;
	const struct lk_postgres_server *primary = &server->nodes[LK_TEST_PRIMARY];
	char *lines = lk_format("unix_socket_directories = '%s'\n"
				"port = %d\n"
				"shared_buffers = 64MB\n"
				"wal_level = logical\n"
				"max_connections = 120\n"
				"%s\n",
				primary->sockets, primary->port, settings ? settings : "");
	must(lk_postgres_configure(primary, lines, &error), &error);
	free(lines);
}

static void start_replica(struct lk_test_server *server)
{
	struct lk_error error;
	struct lk_postgres_server *replica = &server->nodes[LK_TEST_REPLICA];
	must(lk_postgres_copy(&server->postgres, &server->nodes[LK_TEST_PRIMARY], replica,
			      "standby1", &error),
	     &error);
	must(lk_postgres_start(&server->postgres, replica, &error), &error);
	if (!lk_test_wait(server,
			  "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'",
			  60))
		must(lk_fail(&error, LK_ERROR_SYSTEM, "the replica does not stream"), &error);
}

struct lk_test_server *lk_test_server_start(const struct lk_test_server_options *options)
{
	struct lk_error error;
	struct lk_test_server *server = lk_alloc(sizeof *server);
	if (!running) {
		atexit(end_all);
		lk_folder_remove_leftovers(PREFIX);
	}
	must(lk_postgres_find(&server->postgres, &error), &error);
	must(lk_folder_make(PREFIX, server->postgres.as.user, server->postgres.as.group,
			    &server->folder, &error),
	     &error);
	server->owner = getpid();
	server->next = running;
	running = server;
	lk_postgres_name(&server->nodes[LK_TEST_PRIMARY], server->folder.servers, "primary", 5432);
	lk_postgres_name(&server->nodes[LK_TEST_REPLICA], server->folder.servers, "replica", 5433);
	copy_template(server);
	configure(server, options ? options->settings : NULL);
	lk_test_server_up(server, LK_TEST_PRIMARY);
	PGconn *connection = lk_postgres_connect(&server->nodes[LK_TEST_PRIMARY], LK_POSTGRES_USER,
						 "postgres", "test", &error);
	must(connection && lk_postgres_execute(connection, "CREATE DATABASE test", &error), &error);
	PQfinish(connection);
	if (options && options->replica)
		start_replica(server);
	return server;
}

void lk_test_server_stop(struct lk_test_server *server)
{
	if (!server)
		return;
	for (struct lk_test_server **link = &running; *link; link = &(*link)->next) {
		if (*link != server)
			continue;
		*link = server->next;
		break;
	}
	end_quickly(server);
	free(server);
}

char *lk_test_server_uri(const struct lk_test_server *server, enum lk_test_node node)
{
	return lk_postgres_uri(&server->nodes[node], "test");
}

char *lk_test_server_conninfo(const struct lk_test_server *server, enum lk_test_node node,
			      const char *user, const char *database)
{
	return lk_postgres_conninfo(&server->nodes[node], user, database, "test");
}

const char *lk_test_server_folder(const struct lk_test_server *server)
{
	return server->folder.servers;
}

void lk_test_server_kill(struct lk_test_server *server, enum lk_test_node node)
{
	struct lk_postgres_server *target = &server->nodes[node];
	struct lk_processes sessions = lk_processes_below(target->pid);
	lk_postgres_stop(target, SIGKILL);
	lk_processes_wait_gone(&sessions);
}

void lk_test_server_down(struct lk_test_server *server, enum lk_test_node node, bool immediate)
{
	struct lk_postgres_server *target = &server->nodes[node];
	struct lk_processes sessions = lk_processes_below(target->pid);
	lk_postgres_stop(target, immediate ? SIGQUIT : SIGINT);
	lk_processes_wait_gone(&sessions);
}

void lk_test_server_up(struct lk_test_server *server, enum lk_test_node node)
{
	struct lk_error error;
	must(lk_postgres_start(&server->postgres, &server->nodes[node], &error), &error);
}

/* The parent first, so that no new process appears while the others are stopped. */
void lk_test_server_freeze(struct lk_test_server *server, enum lk_test_node node)
{
	lk_processes_signal(server->nodes[node].pid, SIGSTOP);
}

void lk_test_server_thaw(struct lk_test_server *server, enum lk_test_node node)
{
	lk_processes_signal(server->nodes[node].pid, SIGCONT);
}

void lk_test_server_require_password(struct lk_test_server *server, const char *role,
				     const char *password)
{
	struct lk_error error;
	const struct lk_postgres_server *primary = &server->nodes[LK_TEST_PRIMARY];
	char *sql = lk_format(
		"DO $$ BEGIN IF to_regrole('%s') IS NULL THEN CREATE ROLE %s; END IF; END $$;"
		"ALTER ROLE %s LOGIN PASSWORD '%s'",
		role, role, role, password);
	char *path = lk_path_join(primary->data, "pg_hba.conf");
	char *old = lk_path_read(path, 1024 * 1024, NULL, &error);
	must(old != NULL, &error);
	char *rules = lk_format("local all %s scram-sha-256\n%s", role, old);
	lk_test_sql(server, sql);
	/* Written in place: the file stays its owner's. */
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, rules, strlen(rules)) == (ssize_t)strlen(rules);
	must(written || lk_fail_errno(&error, errno, "%s", path), &error);
	close(fd);
	lk_test_sql(server, "SELECT pg_reload_conf()");
	bool loaded = lk_test_wait(
		server, "SELECT pg_conf_load_time() >= (pg_stat_file('pg_hba.conf')).modification",
		20);
	must(loaded || lk_fail(&error, LK_ERROR_SYSTEM, "pg_hba.conf was not read"), &error);
	free(rules);
	free(old);
	free(path);
	free(sql);
}

PGconn *lk_test_connect(const struct lk_test_server *server)
{
	struct lk_error error;
	PGconn *connection = lk_postgres_connect(&server->nodes[LK_TEST_PRIMARY], LK_POSTGRES_USER,
						 "test", "test", &error);
	must(connection != NULL, &error);
	return connection;
}

void lk_test_sql(const struct lk_test_server *server, const char *sql)
{
	struct lk_error error;
	PGconn *connection = lk_test_connect(server);
	if (!lk_postgres_execute(connection, sql, &error))
		must(lk_fail_context(&error, "%.200s", sql), &error);
	PQfinish(connection);
}

/* NULL and *error when it fails. */
static char *first_value(PGconn *connection, const char *sql, struct lk_error *error)
{
	PGresult *result = PQexec(connection, sql);
	char *value = NULL;
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		value = lk_strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	else
		lk_postgres_failed(connection, result, error);
	PQclear(result);
	return value;
}

char *lk_test_value(const struct lk_test_server *server, const char *sql)
{
	struct lk_error error;
	PGconn *connection = lk_test_connect(server);
	char *value = first_value(connection, sql, &error);
	if (!value)
		must(lk_fail_context(&error, "%.200s", sql), &error);
	PQfinish(connection);
	return value;
}

int64_t lk_test_number(const struct lk_test_server *server, const char *sql)
{
	char *value = lk_test_value(server, sql);
	int64_t number = strtoll(value, NULL, 10);
	free(value);
	return number;
}

bool lk_test_wait(const struct lk_test_server *server, const char *sql, int seconds)
{
	struct lk_error error;
	int64_t deadline = lk_clock_us() + (int64_t)seconds * 1000000;
	PGconn *connection = NULL;
	bool yes = false;
	while (!yes && lk_clock_us() < deadline) {
		if (!connection)
			connection = lk_postgres_connect(&server->nodes[LK_TEST_PRIMARY],
							 LK_POSTGRES_USER, "test", "test", &error);
		char *value = connection ? first_value(connection, sql, &error) : NULL;
		yes = value && value[0] == 't';
		free(value);
		if (connection && PQstatus(connection) != CONNECTION_OK) {
			PQfinish(connection);
			connection = NULL;
		}
		if (!yes)
			lk_sleep_ms(10);
	}
	if (connection)
		PQfinish(connection);
	return yes;
}
