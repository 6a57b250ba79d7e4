/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of the driver for MySQL and MariaDB share: sessions, statements in the background. */
#ifndef LK_TESTS_MY_SESSIONS_H
#define LK_TESTS_MY_SESSIONS_H

#include <pthread.h>

#include "db/session.h"
#include "tests/server/my_server.h"
#include "tests/unit/support.h"

/*
 * Runs the tests once on MariaDB and once on MySQL, the server's name in front of each test's; the setup starts
 * the servers. $LK_MYSQL ("mariadb", "mysql") restricts it to one. Yields how many failed.
 */
#define my_run_tests(tests, setup, teardown)                                                       \
	my_run_array((tests), sizeof(tests) / sizeof((tests)[0]), (setup), (teardown))
int my_run_array(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
		 CMFixtureFunction teardown);
/* Whether the servers are MariaDB's: only where a test has to say something else to each. */
bool my_is_mariadb(void);

/* Skips the test, out loud, when there is no server. */
void my_need(const struct lk_test_my *server);
/* A session as root ("lockkeeper:test:ROLE"), or the test fails. */
struct lk_session *my_session(const struct lk_test_my *server, const char *role);
struct lk_session *my_session_of(const char *uri, const char *role);
/* Opening must fail with this class, and a sentence with this in it. */
void my_refused(const char *uri, enum lk_error_class class, const char *expected);
/* The first value of a query that must succeed, "NULL" for NULL; the caller's. */
char *my_value(struct lk_session *session, const char *sql);
void my_expect(struct lk_session *session, const char *sql, const char *expected);
void my_must(struct lk_session *session, const char *sql);

/* Makes a table with the numbers 1 to `count` in its only column, n. */
void my_numbers(const struct lk_test_my *server, const char *table, int64_t count);

/* As a KILL in the middle of DROP TRIGGER leaves every trigger of a database on MariaDB (step/my_renew.h): the names'
 * files have gone. Nothing on MySQL. */
void my_forget_triggers(const struct lk_test_my *server, const char *database);

/* A statement in a thread of its own. */
struct my_background {
	struct lk_session *session;
	const char *sql;
	pthread_t thread;
	bool done;
	struct lk_error error;
};
void my_background_start(struct my_background *background, struct lk_session *session,
			 const char *sql);
/* Waits for its end; whether it succeeded is in ->done. */
void my_background_end(struct my_background *background);
/* Waits until the server shows the session at a statement with this in it. */
void my_await_statement(const struct lk_test_my *server, int id, const char *part);
/*
 * Waits until an idle connection has sent nothing for so many seconds, so that its open transaction is older than
 * that. (innodb_trx, asked this often, would not change, and might not even show it.)
 */
void my_grow_old(const struct lk_test_my *server, MYSQL *mysql, int seconds);

#endif
