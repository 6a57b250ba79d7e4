/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A person who wants the plan done (or taken back) and does what the program says, whatever happens: starts
 * it again when nobody answers, resumes what stands, answers gates when the application is ready for them.
 * A thread of its own. It has the releases of the application deployed and retired at their gates.
 */
#ifndef LK_TESTS_CHAOS_OPERATOR_H
#define LK_TESTS_CHAOS_OPERATOR_H

#include <pthread.h>

#include "tests/chaos/random.h"
#include "tests/chaos/world.h"
#include "tests/chaos/writers.h"

/* Where a person changes their mind. */
enum lk_chaos_turn {
	LK_CHAOS_FORWARD,	   /* never */
	LK_CHAOS_BACK_EXPANDED,	   /* before the new release runs */
	LK_CHAOS_BACK_MIGRATING,   /* somewhere in migrate, by the clock */
	LK_CHAOS_BACK_MIGRATED,	   /* before contract */
	LK_CHAOS_BACK_CONTRACTING, /* at the last gate before the drop */
	LK_CHAOS_TURNS
};

struct lk_chaos_operator {
	struct lk_chaos_world *world;
	uint64_t seed;
	enum lk_chaos_turn turn;
	int turn_ms; /* for MIGRATING */
	struct lk_chaos_random random;
	_Atomic int64_t deadline_us;
	atomic_bool finished; /* everything below may be read */
	pthread_t thread;
	struct lk_chaos_writers *old_release, *new_release;
	struct lk_chaos_written written;
	bool reached;	  /* done, or undone when that was wanted */
	int calls, stops; /* of the program; those that said "needs a person" */
	char last[200];	  /* what it said last */
	int refusals;	  /* those that said no: status 1 or 2 */
	char first_stop[200], first_refusal[300], hung[60];
	char trouble[200]; /* what must not be, "" when nothing */
};

/* world, seed, turn, turn_ms and deadline_us are set before. */
void lk_chaos_operator_start(struct lk_chaos_operator *o);
/* Waits for its end (at its deadline at the latest); the writers have stopped then. */
void lk_chaos_operator_join(struct lk_chaos_operator *o);

#endif
