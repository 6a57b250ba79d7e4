/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real MariaDB and MySQL servers for tests, like tests/server/server.h: private, on a unix socket in a folder of
 * their own, gone with the program that started them. What goes wrong here ends the test program with a
 * sentence.
 *
 *	struct lk_test_my *server = lk_test_my_start(NULL);    NULL: there is no such server here, skip the test
 *	lk_test_my_sql(server, "CREATE TABLE t (id bigint PRIMARY KEY)");
 *	char *uri = lk_test_my_uri(server, "root", NULL);
 *	…
 *	lk_test_my_stop(server);
 *
 * Which of the two is started is the program's flavour (lk_test_my_use); MariaDB if nobody has chosen.
 *
 * Start servers from the main thread (they end with the thread that started them); everything else may be
 * called from one thread at a time.
 */
#ifndef LK_TESTS_MY_SERVER_H
#define LK_TESTS_MY_SERVER_H

#include <mysql.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/server/my_flavour.h"

struct lk_test_my;

/* The flavour of the servers started from now on, and which it is now. */
void lk_test_my_use(const struct lk_test_flavour *flavour);
const struct lk_test_flavour *lk_test_my_used(void);

/* A new server with the database "test" (utf8mb4), without a binlog and without TCP; "root" needs no password.
 * `options` are more arguments of the server, NULL at the end, or NULL; they must live as long as it. */
struct lk_test_my *lk_test_my_start(const char *const *options);
/* Ends it and removes its folder; also done at exit for those that are left. NULL is allowed. */
void lk_test_my_stop(struct lk_test_my *server);

/* mysql://USER@/test?socket=… with "&more" if it is not NULL; the caller's. */
char *lk_test_my_uri(const struct lk_test_my *server, const char *user, const char *more);
/* A private folder for files of the test, gone with the server; its user can read there. */
const char *lk_test_my_folder(const struct lk_test_my *server);
/* Its data folder and its error log. */
const char *lk_test_my_data(const struct lk_test_my *server);
const char *lk_test_my_log(const struct lk_test_my *server);
/* Gives a server that is down another identity (MySQL's server_uuid), as a restored copy has. */
void lk_test_my_forget_identity(const struct lk_test_my *server);
/* The port on 127.0.0.1 of a primary or a replica, 0 for others. */
int lk_test_my_port(const struct lk_test_my *server);

/* kill -9; returns when it is gone. */
void lk_test_my_kill(struct lk_test_my *server);
/* Ends it in order. */
void lk_test_my_down(struct lk_test_my *server);
/* Starts it after either. */
void lk_test_my_up(struct lk_test_my *server);
/* SIGSTOP and SIGCONT: it is there and does not answer. */
void lk_test_my_freeze(struct lk_test_my *server);
void lk_test_my_thaw(struct lk_test_my *server);

/* A new connection to "test" as root; mysql_close it. */
MYSQL *lk_test_my_connect(const struct lk_test_my *server);
/* Runs statements; they must succeed. */
void lk_test_my_sql(const struct lk_test_my *server, const char *sql);
/* The first value of a query, "" for NULL or no row; the caller's. */
char *lk_test_my_value(const struct lk_test_my *server, const char *sql);
int64_t lk_test_my_number(const struct lk_test_my *server, const char *sql);
/* Waits until a query yields other than 0 and NULL; false after so many seconds. Errors count as no. */
bool lk_test_my_wait(const struct lk_test_my *server, const char *sql, int seconds);

/*
 * A server with a row binlog, GTIDs and TCP on 127.0.0.1, and replicas of it, which begin with all that is in
 * that binlog. A replica is read only (not super_read_only) and is returned when it applies what the primary
 * writes. Stop replicas before their primary.
 */
struct lk_test_my *lk_test_my_start_primary(const char *const *options);
struct lk_test_my *lk_test_my_start_replica(struct lk_test_my *primary, const char *const *options);
/* It applies everything so many seconds after it was written (0: at once). */
void lk_test_my_delay(struct lk_test_my *replica, int seconds);
/* Stops both its threads, and starts them; the latter returns when they run. */
void lk_test_my_halt(struct lk_test_my *replica);
void lk_test_my_resume(struct lk_test_my *replica);
/* Makes the primary write what the replica cannot apply; returns when it has stopped with an error (1062). */
void lk_test_my_break(struct lk_test_my *primary, struct lk_test_my *replica);
/* Takes the reason away and lets it go on; returns when it does. */
void lk_test_my_mend(struct lk_test_my *replica);
/* Waits until the replica has applied all that is written now. */
void lk_test_my_catch_up(const struct lk_test_my *primary, const struct lk_test_my *replica);

#endif
