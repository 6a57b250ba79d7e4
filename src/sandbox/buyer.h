/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection of the application and the transactions it runs: reads that are checked against
 * what was written, balances and handles of several users at once, new users, deleted ones, orders,
 * and a REPEATABLE READ transaction that must see the same rows twice. Several users are always
 * locked in the order of their ids, so the application never deadlocks with itself.
 *
 * Threads: a buyer belongs to one thread at a time.
 */
#ifndef LK_SANDBOX_BUYER_H
#define LK_SANDBOX_BUYER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/postgres.h"

enum { LK_BUYER_INSERTED = 64 };

struct lk_buyer {
	PGconn *connection; /* NULL while there is none */
	int release;	    /* of the connection */
	int number;
	int64_t users; /* ids 1 to users are there for ever */
	bool trusts;   /* a handle that was read has to be the one written last */
	uint64_t random;
	int64_t sequence;		     /* makes handles unique */
	int64_t inserted[LK_BUYER_INSERTED]; /* users it made and has not deleted */
	int inserted_count;
};

void lk_buyer_init(struct lk_buyer *buyer, int number, int64_t users);
/* Connects as a release; the connection it had is closed once the new one stands, and kept when it
 * fails. */
bool lk_buyer_connect(struct lk_buyer *buyer, const struct lk_postgres_server *server, int release,
		      struct lk_error *error);
void lk_buyer_disconnect(struct lk_buyer *buyer);
/* Runs one transaction of its choice to the end. On failure the transaction is rolled back and the
 * sentence names release and transaction; class LOST when the connection is gone. */
bool lk_buyer_transaction(struct lk_buyer *buyer, struct lk_error *error);

#endif
