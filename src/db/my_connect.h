/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a URI to a connection that is set up as every session of ours is. */
#ifndef LK_DB_MY_CONNECT_H
#define LK_DB_MY_CONNECT_H

#include <mysql.h>
#include <stdbool.h>

#include "base/error.h"

/* A connection whose attribute program_name is `name`, or NULL and *error. mysql_close it. */
MYSQL *lk_my_connect(const char *uri, const char *name, struct lk_error *error);
/* The same, and an answer that takes longer is a connection that broke (LOST). Oracle's library may wait three times. */
MYSQL *lk_my_connect_impatient(const char *uri, const char *name, unsigned answer_s,
			       struct lk_error *error);

/*
 * Sets what every session of ours has, whatever the server, the user or an option file say:
 *
 * READ COMMITTED, each statement its own transaction, utf8mb4, no time-out of statements, and short waits for
 * locks (LK_MY_LOCK_WAIT_S; a step that wants other ones sets them). On MariaDB a transaction of ours that sits
 * idle for 2 s is ended by the server, so that a keeper that is stopped or unreachable does not keep its locks;
 * MySQL has no such setting: there *watch tells that lk_my_watch_idle does the same.
 *
 * REPEATABLE READ where the binary log is one of statements, since InnoDB takes no write below that there. To
 * log rows instead would take a privilege, and would stop replicas that log statements themselves. A chunk of a
 * backfill then keeps INSERTs between its rows waiting until it commits.
 *
 * sql_mode is the server's, made strict: what does not fit a column is an error and not cut. Nothing is taken
 * out of it, so that a plan's SQL means here what it means to the application.
 *
 * time_zone is the server's, for the same reason. What we ourselves read must not depend on it: moments are
 * read and written with UTC_TIMESTAMP(6) or UNIX_TIMESTAMP(), and keys of type TIMESTAMP, whose text is
 * ambiguous when the clocks go back, need time_zone = '+00:00' set by the step that reads them.
 */
bool lk_my_set_up(MYSQL *mysql, bool *watch, struct lk_error *error);
/*
 * Whether the session is in a transaction, or holds tables by LOCK TABLES (which neither server counts as one), decides
 * how long it may sit idle. *watched is what was set last. One more round trip where that changes, which is twice a
 * transaction; a failure of it is the connection's, and the next statement tells.
 */
void lk_my_watch_idle(MYSQL *mysql, bool holding, bool *watched);

/* For row locks and for metadata locks. */
#define LK_MY_LOCK_WAIT_S 2

/* The library's last error, as an error of ours: class, errno, SQLSTATE, sentence. Returns false. */
bool lk_my_failed(MYSQL *mysql, struct lk_error *error);

#endif
