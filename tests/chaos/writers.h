/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The application: two releases that write one table, a row a transaction, and with each write note in
 * a ledger, in the same transaction, what the row holds from now on. What they are told by the server
 * is counted by what explains it.
 */
#ifndef LK_TESTS_CHAOS_WRITERS_H
#define LK_TESTS_CHAOS_WRITERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/chaos/world.h"

enum lk_chaos_told {
	LK_CHAOS_TOLD_LOST,	/* the connection broke, or there was none to be had */
	LK_CHAOS_TOLD_SHUTDOWN, /* 57P0x: PostgreSQL goes down or comes up */
	LK_CHAOS_TOLD_DISK,	/* no space */
	LK_CHAOS_TOLD_OTHER, /* nothing explains it: a deadlock, a constraint, a missing column … */
	LK_CHAOS_TOLD_KINDS
};

struct lk_chaos_written {
	int64_t transactions, told[LK_CHAOS_TOLD_KINDS];
	double longest_ms;
	char first_other[300];
};

struct lk_chaos_writers;

/* TABLE users (id, username, note) with an index on username, and users_ledger (id, value). */
void lk_chaos_users_make(const struct lk_chaos_world *world, int rows);

/* Starts two writers of a release, the old (username) or the new one (user_handle). */
struct lk_chaos_writers *lk_chaos_writers_start(const struct lk_chaos_world *world,
						bool new_release, uint64_t seed);
/* Stops them and adds what they did to *written; NULL is nothing. */
void lk_chaos_writers_stop(struct lk_chaos_writers *writers, struct lk_chaos_written *written);

#endif
