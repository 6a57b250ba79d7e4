/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the buyer share. */
#ifndef LK_SANDBOX_BUYER_PARTS_H
#define LK_SANDBOX_BUYER_PARTS_H

#include "sandbox/buyer.h"
#include "sandbox/statement.h"

/* The most users that one transaction changes; the statements know of so many. */
enum { LK_BUYER_AT_ONCE = 3 };

struct lk_number {
	char text[24];
};

struct lk_number lk_number_text(int64_t value);
/* From 0 to limit - 1. */
int64_t lk_buyer_random(struct lk_buyer *buyer, int64_t limit);
/* A number that this sandbox has not had before. */
int64_t lk_buyer_seed(struct lk_buyer *buyer);
/* Runs a statement; the rows are the caller's, none when it failed. */
bool lk_buyer_query(struct lk_buyer *buyer, enum lk_statement statement, const char *const *values,
		    struct lk_result *rows, struct lk_error *error);
/* A statement that has to change exactly one row. */
bool lk_buyer_change(struct lk_buyer *buyer, enum lk_statement statement, const char *const *values,
		     struct lk_error *error);
/* A statement that adds a row; its id, or 0. */
int64_t lk_buyer_add(struct lk_buyer *buyer, enum lk_statement statement, const char *const *values,
		     struct lk_error *error);
/* Changes balances, and says so in the ledger. */
bool lk_buyer_pay(struct lk_buyer *buyer, const int64_t *ids, int count, int64_t cents,
		  struct lk_error *error);
/* Whether two cells, NULL for SQL NULL, hold the same. */
bool lk_buyer_same(const char *a, const char *b);

/* The transactions of buyer_users.c and buyer_orders.c. */
bool lk_buyer_read_users(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_read_page(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_change_balances(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_change_users(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_join(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_leave(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_read_orders(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_order(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_change_order(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_review(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_cancel(struct lk_buyer *buyer, struct lk_error *error);
bool lk_buyer_mistake(struct lk_buyer *buyer, struct lk_error *error);

#endif
