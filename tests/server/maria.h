/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real MariaDB servers for tests, like tests/server/server.h: private, on a unix socket in a folder of their
 * own, gone with the program that started them. What goes wrong here ends the test program with a sentence.
 *
 *	struct lk_maria *server = lk_maria_start(NULL);      NULL: no MariaDB is installed, skip the test
 *	lk_maria_sql(server, "CREATE TABLE t (id bigint PRIMARY KEY)");
 *	char *uri = lk_maria_uri(server, "root", NULL);
 *	…
 *	lk_maria_stop(server);
 *
 * Start servers from the main thread (they end with the thread that started them); everything else may be
 * called from one thread at a time.
 */
#ifndef LK_TESTS_MARIA_H
#define LK_TESTS_MARIA_H

#include <mysql.h>
#include <stdbool.h>
#include <stdint.h>

struct lk_maria;

/* A new server with the database "test" (utf8mb4); "root" needs no password. `options` are more arguments of
 * mariadbd, NULL at the end, or NULL; they must live as long as the server. */
struct lk_maria *lk_maria_start(const char *const *options);
/* Ends it and removes its folder; also done at exit for those that are left. */
void lk_maria_stop(struct lk_maria *server);

/* mysql://USER@/test?socket=… with "&more" if it is not NULL; the caller's. */
char *lk_maria_uri(const struct lk_maria *server, const char *user, const char *more);
/* A private folder for files of the test, gone with the server; its user can read there. */
const char *lk_maria_folder(const struct lk_maria *server);

/* kill -9; returns when it is gone. */
void lk_maria_kill(struct lk_maria *server);
/* Starts it after that. */
void lk_maria_up(struct lk_maria *server);
/* SIGSTOP and SIGCONT: it is there and does not answer. */
void lk_maria_freeze(struct lk_maria *server);
void lk_maria_thaw(struct lk_maria *server);

/* A new connection to "test" as root; mysql_close it. */
MYSQL *lk_maria_connect(const struct lk_maria *server);
/* Runs statements; they must succeed. */
void lk_maria_sql(const struct lk_maria *server, const char *sql);
/* The first value of a query, "" for NULL or no row; the caller's. */
char *lk_maria_value(const struct lk_maria *server, const char *sql);
int64_t lk_maria_number(const struct lk_maria *server, const char *sql);
/* Waits until a query yields other than 0 and NULL; false after so many seconds. */
bool lk_maria_wait(const struct lk_maria *server, const char *sql, int seconds);

#endif
