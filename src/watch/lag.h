/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lag of replicas as an age: how long ago the primary wrote what a replica has replayed last. Kept from
 * the primary's own positions over time, so a replica that stands still grows older and is never "0".
 * A replica that was seen once is remembered: gone is a state, not a silence. Pure; one thread.
 */
#ifndef LK_WATCH_LAG_H
#define LK_WATCH_LAG_H

#include "watch/sample.h"

enum lk_lag_state {
	LK_LAG_OK,
	LK_LAG_STALE,
	LK_LAG_GONE,
	LK_LAG_UNKNOWN, /* the primary hides it */
	LK_LAG_UNREAD,	/* it could never be asked: nobody knows, and nothing can be waited for */
	LK_LAG_BROKEN,	/* it replicates no more */
};

struct lk_lag_replica {
	char name[64];
	enum lk_lag_state state;
	double lag_ms;	  /* negative: unknown */
	double silent_ms; /* since it was heard of, negative unknown */
	int64_t seen_us;
	bool measured; /* its lag was known once */
	bool ignored; /* unread, broken or gone, and the operator goes on without it until it is well again */
	char note[200]; /* what it says of itself, or why it is unread or broken */
};

enum { LK_LAG_MARKS = 600 };

struct lk_lag {
	struct {
		int64_t at_us, position;
	} marks[LK_LAG_MARKS]; /* a ring; positions never fall */
	size_t first, count;
	struct lk_lag_replica replicas[LK_SAMPLE_REPLICAS];
	size_t replica_count;
};

/* Adds a sample and works out every replica's lag at its time. */
void lk_lag_learn(struct lk_lag *lag, const struct lk_sample *sample);
/* When no sample came for a while: everything grows older. */
void lk_lag_age(struct lk_lag *lag, int64_t now_us);
/* Forgets replicas that have been gone for an hour; with `all`, those that are gone, and ignores those that are
 * broken. */
void lk_lag_forget_gone(struct lk_lag *lag, bool all);

#endif
