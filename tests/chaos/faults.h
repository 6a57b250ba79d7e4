/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes wrong, when, and for how long: drawn from the seed, struck on the main thread. */
#ifndef LK_TESTS_CHAOS_FAULTS_H
#define LK_TESTS_CHAOS_FAULTS_H

#include "tests/chaos/random.h"
#include "tests/chaos/world.h"

enum lk_chaos_kind {
	LK_CHAOS_KEEPER_KILL,
	LK_CHAOS_END_WORKER,
	LK_CHAOS_BACKEND_KILL,
	LK_CHAOS_CLOCK_JUMP,
	LK_CHAOS_PRIMARY_RESTART,
	LK_CHAOS_END_JOURNAL,
	LK_CHAOS_KEEPER_STOP,
	LK_CHAOS_REPLICA_RESTART,
	LK_CHAOS_TWO_KEEPERS,
	LK_CHAOS_END_WATCH,
	LK_CHAOS_SERVER_DISK,
	LK_CHAOS_BACKEND_STOP,
	LK_CHAOS_NETWORK_CUT,
	LK_CHAOS_END_CONTROL,
	LK_CHAOS_PAUSE_STORM,
	LK_CHAOS_PRIMARY_FREEZE,
	LK_CHAOS_OWN_DISK,
	LK_CHAOS_CONSOLE_STOP,
	LK_CHAOS_TAKEOVER_CRASH,
	LK_CHAOS_KINDS
};

struct lk_chaos_fault {
	enum lk_chaos_kind kind;
	enum lk_chaos_moment moment;
	int after_ms; /* with ANY_TIME: since the run began or the fault before */
	int late_us;  /* after any other moment: a little, so that all of it is hit */
	int lasts_ms;
	bool variant;	 /* a coin thrown for it */
	bool struck;	 /* in time: the run was under way */
	bool seen;	 /* the moment was met, not only passed */
	int64_t over_us; /* when everything was back */
};

enum { LK_CHAOS_FAULTS = 4 };

/* Draws two to four faults in the order in which they are to come; yields how many. Any ten seeds in a row
 * have every kind between them. */
int lk_chaos_faults_draw(uint64_t seed, struct lk_chaos_random *random, bool backward,
			 struct lk_chaos_fault faults[LK_CHAOS_FAULTS]);
struct lk_chaos_needs lk_chaos_faults_needs(const struct lk_chaos_fault *faults, int count);
/* Whether the world has what it takes. */
bool lk_chaos_fault_possible(const struct lk_chaos_fault *fault,
			     const struct lk_chaos_world *world);

const char *lk_chaos_kind_name(enum lk_chaos_kind kind);
/* "keeper killed in a chunk (1.2 s)" */
void lk_chaos_fault_text(const struct lk_chaos_world *world, const struct lk_chaos_fault *fault,
			 char *text, size_t size);

/* What of it explains that the application loses its connection, or is told that there is no space. */
bool lk_chaos_explains_lost(enum lk_chaos_kind kind);
bool lk_chaos_explains_disk(enum lk_chaos_kind kind);
/* Or that a person is told no when they want the plan run. */
bool lk_chaos_explains_refusal(enum lk_chaos_kind kind);
/* Or that the application waits for as long as the fault lasts. */
bool lk_chaos_explains_stall(enum lk_chaos_kind kind);

/* Waits for the moment, until `*over`; strikes, holds it as long as it lasts, brings everything back. */
void lk_chaos_fault_happen(struct lk_chaos_world *world, struct lk_chaos_fault *fault,
			   const atomic_bool *over);

#endif
