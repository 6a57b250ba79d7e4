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

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/link.h"

#define LK_SHOP_DATABASE "shop"
/* The role of the application: reads and writes rows, owns nothing. */
#define LK_SHOP_ROLE "shop"

/* How many orders there are from the start, with so many users; half of them have a review. */
static inline int64_t lk_shop_orders(int64_t users)
{
	return users / 10 + 1;
}

/* The roles or users and the database, on a link to any other database. */
bool lk_shop_create_database(struct lk_link *link, struct lk_error *error);
/* The tables with `rows` users, on a link to the new database. */
bool lk_shop_create_tables(struct lk_link *link, int64_t rows, struct lk_error *error);

/* Rows that there are; those that are or should be; those that are missing, too many, or hold another value. */
struct lk_shop_sums {
	int64_t present, compared, different;
};

/*
 * Compares every user, order and review with what was written, in each column that there is. May be
 * called while the application writes: each table is read with its ledger in one snapshot. `rows` is
 * what the tables were created with.
 */
bool lk_shop_compare(struct lk_link *link, int64_t rows, struct lk_shop_sums *sums,
		     struct lk_error *error);

/* All that the catalog says about the shop's own tables and views, a line for each column, index,
 * constraint, trigger, grant and function of a dual write, sorted: two that are equal are the same
 * shape. The caller's; NULL and *error when it cannot be read. */
char *lk_shop_shape(struct lk_link *link, struct lk_error *error);

#endif
