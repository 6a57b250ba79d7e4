/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real PostgreSQL servers for tests: private, on a unix socket in a folder of their own, gone with
 * the program that started them, however it ends. What goes wrong here ends the test program with
 * a sentence.
 *
 *	struct lk_test_server *server = lk_test_server_start(NULL);
 *	lk_test_sql(server, "CREATE TABLE t (id bigint PRIMARY KEY)");
 *	char *uri = lk_test_server_uri(server, LK_TEST_PRIMARY);
 *	…
 *	lk_test_server_stop(server);
 *
 * Threads: start servers from the main thread (they end with the thread that started them);
 * everything else may be called from one thread at a time.
 */
#ifndef LK_TESTS_SERVER_H
#define LK_TESTS_SERVER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

enum lk_test_node { LK_TEST_PRIMARY, LK_TEST_REPLICA };

struct lk_test_server;

struct lk_test_server_options {
	bool replica;	      /* a streaming standby named "standby1" */
	const char *settings; /* lines for postgresql.conf; NULL none */
};

/* A new server (options may be NULL) with the database "test"; the superuser is "postgres". The
 * data folder is a copy of one that is made once and kept in the folder for temporary files. */
struct lk_test_server *lk_test_server_start(const struct lk_test_server_options *options);
/* Ends it and removes its folder; also done at exit for those that are left. */
void lk_test_server_stop(struct lk_test_server *server);

/* postgresql:///test?host=…&port=…&user=postgres, and a libpq conninfo for any user and database;
 * the caller's. */
char *lk_test_server_uri(const struct lk_test_server *server, enum lk_test_node node);
char *lk_test_server_conninfo(const struct lk_test_server *server, enum lk_test_node node,
			      const char *user, const char *database);
/* The folder of the socket, for tests that build their own URIs; the port is 5432 for the primary.
 */
const char *lk_test_server_folder(const struct lk_test_server *server);

/* kill -9 of the server process; returns when its sessions are gone as well. */
void lk_test_server_kill(struct lk_test_server *server, enum lk_test_node node);
/* Ends it in order (sessions are cut off), or immediately as after a crash. */
void lk_test_server_down(struct lk_test_server *server, enum lk_test_node node, bool immediate);
/* Starts it after either. */
void lk_test_server_up(struct lk_test_server *server, enum lk_test_node node);
/* SIGSTOP and SIGCONT of the server and of all its processes: it is there and does not answer. */
void lk_test_server_freeze(struct lk_test_server *server, enum lk_test_node node);
void lk_test_server_thaw(struct lk_test_server *server, enum lk_test_node node);
/* Creates or changes a role that may log in only with this password; others need none. */
void lk_test_server_require_password(struct lk_test_server *server, const char *role,
				     const char *password);

/* A new connection to "test" on the primary as the superuser; PQfinish it. */
PGconn *lk_test_connect(const struct lk_test_server *server);
/* Runs statements on the primary; they must succeed. */
void lk_test_sql(const struct lk_test_server *server, const char *sql);
/* The first value of a query on the primary, "" for NULL or no row; the caller's. */
char *lk_test_value(const struct lk_test_server *server, const char *sql);
int64_t lk_test_number(const struct lk_test_server *server, const char *sql);
/* Waits until a query on the primary yields true; false after so many seconds. Errors count as
 * false. */
bool lk_test_wait(const struct lk_test_server *server, const char *sql, int seconds);

/* Statements repeated by threads with a connection each, as fast as they go or with a pause
 * between. */
struct lk_test_load;

struct lk_test_load_result {
	int64_t transactions, errors;
	double longest_ms; /* of one execution */
	char first_error[300];
};

struct lk_test_load *lk_test_load_start(const struct lk_test_server *server, const char *sql,
					int connections, int pause_us);
/* So far. */
void lk_test_load_look(struct lk_test_load *load, struct lk_test_load_result *result);
/* Stops and releases; result may be NULL. */
void lk_test_load_stop(struct lk_test_load *load, struct lk_test_load_result *result);

#endif
