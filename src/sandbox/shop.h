/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database "shop" of the sandbox: its tables, its rows, and what the rows must say.
 *
 * users(id, username, email, display_name, balance, created_at) is what gets migrated. Each
 * transaction that sets a user's handle (username for release 41, user_handle for release 42) adds
 * the value to handle_log after it holds the row, so that for one user the log's order is the order
 * of commits: the newest entry, or else the first value, is what every column with a handle has to
 * hold at any time.
 */
#ifndef LK_SANDBOX_SHOP_H
#define LK_SANDBOX_SHOP_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define LK_SHOP_DATABASE "shop"
/* The role of the application: reads and writes rows, owns nothing. */
#define LK_SHOP_ROLE "shop"

/* The roles and the database, on a connection to any other database. */
bool lk_shop_create_database(PGconn *connection, struct lk_error *error);
/* The tables with `rows` users, on a connection to the new database. */
bool lk_shop_create_tables(PGconn *connection, int64_t rows, struct lk_error *error);

/*
 * Compares every user with what was written, in each of username and user_handle that exists.
 * `rows` is what the tables were created with; *present counts the users there are, *compared those
 * that there are or should be, *different those that are missing, too many, or hold another value.
 */
bool lk_shop_compare(PGconn *connection, int64_t rows, int64_t *present, int64_t *compared,
		     int64_t *different, struct lk_error *error);

#endif
