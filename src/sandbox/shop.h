/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database "shop" of the sandbox: its tables, its rows, and what the rows must say.
 *
 * users, orders (or purchases) and reviews are what gets migrated. Each transaction that writes one
 * of their rows adds a row to the ledger after it holds that row, so that for one row the ledger's
 * order is the order of commits: ledger(seq, source, id, release, gone, delta, wrote), where `wrote`
 * is an object of the values that were written, by names that no plan changes ("handle", "amount" in
 * cents, …), and `delta` what was added to a balance. For each name the newest entry, or else the
 * first value, is what every column that stands for it has to hold at any time.
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

/* The values of the row with an id, from the start, as SQL over the id. Every thousandth user has no
 * handle, every fiftieth no display name, so that NULL is among the values. */
#define LK_SHOP_HANDLE(id) "CASE WHEN mod(" id ", 1000) <> 0 THEN 'user_' || " id " END"
#define LK_SHOP_EMAIL(id) "'user_' || " id " || '@example.com'"
#define LK_SHOP_DISPLAY_NAME(id) "CASE WHEN mod(" id ", 50) <> 0 THEN 'User ' || " id " END"
#define LK_SHOP_FAX(id) "CASE WHEN mod(" id ", 20) = 0 THEN '+49 30 ' || " id " END"
#define LK_SHOP_CENTS(id) "100 + mod(" id " * 37, 9900)"
#define LK_SHOP_STATUS(id) "CASE WHEN mod(" id ", 3) = 0 THEN 'paid' ELSE 'new' END"
#define LK_SHOP_ORDER(id) id " * 2 - 1"
#define LK_SHOP_STARS(id) "1 + mod(" id ", 5)"
#define LK_SHOP_BODY(id) "'Review ' || " id

/* How many orders there are from the start, with so many users; half of them have a review. */
static inline int64_t lk_shop_orders(int64_t users)
{
	return users / 10 + 1;
}

/* The roles and the database, on a connection to any other database. */
bool lk_shop_create_database(PGconn *connection, struct lk_error *error);
/* The tables with `rows` users, on a connection to the new database. */
bool lk_shop_create_tables(PGconn *connection, int64_t rows, struct lk_error *error);

/*
 * Compares every user, order and review with what was written, in each column that there is. May be
 * called while the application writes: each table is read with its ledger in one snapshot. `rows` is
 * what the tables were created with; *present counts the rows there are, *compared those that there
 * are or should be, *different those that are missing, too many, or hold another value.
 */
bool lk_shop_compare(PGconn *connection, int64_t rows, int64_t *present, int64_t *compared,
		     int64_t *different, struct lk_error *error);

/* All that the catalog says about the shop's own tables and views, a line for each column, index,
 * constraint, trigger, grant and function of a dual write, sorted: two that are equal are the same
 * shape. The caller's; NULL and *error when it cannot be read. */
char *lk_shop_shape(PGconn *connection, struct lk_error *error);

#endif
