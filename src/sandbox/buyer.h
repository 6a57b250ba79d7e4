/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection of the application and the transactions it runs: reads that are checked against
 * what was written, balances and whole users, several at once, new users and deleted ones, orders
 * and their reviews, a REPEATABLE READ transaction that must see the same rows twice, and writes that
 * the server has to refuse. Several users are always locked in the order of their ids, so the
 * application never deadlocks with itself. Whatever a transaction writes it also adds to the ledger
 * (shop.h).
 *
 * Threads: a buyer belongs to one thread at a time.
 */
#ifndef LK_SANDBOX_BUYER_H
#define LK_SANDBOX_BUYER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/link.h"
#include "sandbox/release.h"

enum { LK_BUYER_REMEMBERS = 64 };

/* What it made and has not deleted; nobody else touches these rows. */
struct lk_buyer_memory {
	struct lk_buyer_user {
		int64_t id, seed;
	} users[LK_BUYER_REMEMBERS];
	struct lk_buyer_order {
		int64_t id, user, cents;
		int64_t review; /* 0 none */
	} orders[LK_BUYER_REMEMBERS];
	int user_count, order_count;
};

struct lk_buyer {
	struct lk_link *link;	   /* NULL while there is none */
	struct lk_release_way way; /* of the link */
	int number;
	int64_t users;	/* ids 1 to users are there for ever */
	int64_t orders; /* the same; they change their amounts */
	bool trusts;	/* a handle that was read has to be the one written last */
	uint64_t random;
	int64_t seed; /* of the last row that needed something unique */
	struct lk_buyer_memory memory;
};

void lk_buyer_init(struct lk_buyer *buyer, int number, int64_t users);
/* Connects to the shop as a release; the connection it had is closed once the new one stands, and kept when it
 * fails. */
bool lk_buyer_connect(struct lk_buyer *buyer, const char *uri, struct lk_release_way way,
		      struct lk_error *error);
void lk_buyer_disconnect(struct lk_buyer *buyer);
/* Runs one transaction of its choice to the end. On failure the transaction is rolled back and the
 * sentence names release and transaction; class LOST when the connection is gone. */
bool lk_buyer_transaction(struct lk_buyer *buyer, struct lk_error *error);

#endif
