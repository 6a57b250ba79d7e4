/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/faults.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/chaos/moments.h"
#include "tests/chaos/strikes.h"

/* Those of `make check`, which has no time. */
enum { SHORT_SEEDS = 10 };

static const struct kind {
	const char *name;
	void (*happen)(struct lk_chaos_world *world, struct lk_chaos_fault *fault);
	int shortest_ms, longest_ms;
	bool lost, disk, stall; /* what the application may hear of it */
} kinds[LK_CHAOS_KINDS] = {
	[LK_CHAOS_KEEPER_KILL] = {"keeper killed", lk_chaos_keeper_kill, 0, 0, false, false, false},
	[LK_CHAOS_END_WORKER] = {"worker session ended", lk_chaos_end_worker, 0, 0, false, false,
				 false},
	[LK_CHAOS_END_JOURNAL] = {"journal session ended", lk_chaos_end_journal, 0, 0, false, false,
				  false},
	[LK_CHAOS_END_WATCH] = {"watch session ended", lk_chaos_end_watch, 0, 0, false, false,
				false},
	[LK_CHAOS_END_CONTROL] = {"control session ended", lk_chaos_end_control, 0, 0, false, false,
				  false},
	[LK_CHAOS_BACKEND_KILL] = {"server process killed", lk_chaos_backend_kill, 0, 0, true,
				   false, true},
	[LK_CHAOS_PRIMARY_RESTART] = {"primary restarted", lk_chaos_primary_restart, 0, 1500, true,
				      false, true},
	[LK_CHAOS_REPLICA_RESTART] = {"replica killed", lk_chaos_replica_restart, 0, 1500, false,
				      false, false},
	[LK_CHAOS_KEEPER_STOP] = {"keeper stopped", lk_chaos_keeper_stop, 300, 3500, false, false,
				  false},
	[LK_CHAOS_BACKEND_STOP] = {"our server processes stopped", lk_chaos_backend_stop, 100, 1500,
				   false, false, true},
	[LK_CHAOS_PRIMARY_FREEZE] = {"primary frozen", lk_chaos_primary_freeze, 300, 3000, false,
				     false, true},
	[LK_CHAOS_CONSOLE_STOP] = {"console stopped", lk_chaos_console_stop, 300, 3000, false,
				   false, false},
	[LK_CHAOS_TWO_KEEPERS] = {"two keepers", lk_chaos_two_keepers, 300, 2000, false, false,
				  false},
	[LK_CHAOS_PAUSE_STORM] = {"pause storm", lk_chaos_pause_storm, 300, 1500, false, false,
				  false},
	[LK_CHAOS_SERVER_DISK] = {"server's disk full", lk_chaos_server_disk, 300, 1500, true, true,
				  true},
	[LK_CHAOS_OWN_DISK] = {"own disk full", lk_chaos_own_disk, 300, 1500, false, false, false},
	[LK_CHAOS_NETWORK_CUT] = {"network cut", lk_chaos_network_cut, 500, 3500, false, false,
				  false},
	[LK_CHAOS_CLOCK_JUMP] = {"clock jumped", lk_chaos_clock_jump, 0, 300, false, false, false},
	[LK_CHAOS_TAKEOVER_CRASH] = {"keeper, then server killed", lk_chaos_takeover_crash, 0, 200,
				     true, false, true},
};

const char *lk_chaos_kind_name(enum lk_chaos_kind kind)
{
	return kinds[kind].name;
}

bool lk_chaos_explains_lost(enum lk_chaos_kind kind)
{
	return kinds[kind].lost;
}

bool lk_chaos_explains_disk(enum lk_chaos_kind kind)
{
	return kinds[kind].disk;
}

bool lk_chaos_explains_stall(enum lk_chaos_kind kind)
{
	return kinds[kind].stall;
}

bool lk_chaos_explains_refusal(enum lk_chaos_kind kind)
{
	return kinds[kind].lost || kinds[kind].stall || kind == LK_CHAOS_TWO_KEEPERS ||
	       kind == LK_CHAOS_KEEPER_STOP || kind == LK_CHAOS_OWN_DISK ||
	       kind == LK_CHAOS_NETWORK_CUT;
}

/* What is patient with a cut of seconds may not be with one that outlasts its time-outs. */
static int long_ms(uint64_t seed, enum lk_chaos_kind kind, struct lk_chaos_random *random)
{
	bool lasting = kind == LK_CHAOS_NETWORK_CUT || kind == LK_CHAOS_PRIMARY_FREEZE ||
		       kind == LK_CHAOS_KEEPER_STOP;
	if (!lasting || seed <= SHORT_SEEDS || lk_chaos_draw(random, 3) != 0)
		return 0;
	return 10000 + (int)lk_chaos_draw(random, 6000);
}

static void draw_one(struct lk_chaos_random *random, bool backward, enum lk_chaos_kind kind,
		     struct lk_chaos_fault *fault)
{
	const struct kind *k = &kinds[kind];
	memset(fault, 0, sizeof *fault);
	fault->kind = kind;
	fault->moment = lk_chaos_draw(random, 3) == 0
				? LK_CHAOS_ANY_TIME
				: (enum lk_chaos_moment)lk_chaos_draw(random, LK_CHAOS_MOMENTS);
	/* Back from expand, most of the way is never gone. */
	if (backward && lk_chaos_draw(random, 3) == 0)
		fault->moment = LK_CHAOS_IN_DROP;
	fault->after_ms = (int)lk_chaos_draw(random, 900);
	fault->late_us = (int)lk_chaos_draw(random, 4000);
	/* Each step back has its own moment. */
	if (backward && fault->moment == LK_CHAOS_IN_DROP)
		fault->late_us = (int)lk_chaos_draw(random, 15000);
	fault->lasts_ms =
		k->shortest_ms +
		(int)lk_chaos_draw(random, (uint64_t)(k->longest_ms - k->shortest_ms) + 1);
	fault->variant = lk_chaos_draw(random, 2);
}

/* By moment; those at any time stay where they were drawn. */
static void put_in_order(struct lk_chaos_fault *faults, int count)
{
	for (int i = 0; i < count; i++)
		for (int j = i + 1; j < count; j++)
			if (faults[i].moment != LK_CHAOS_ANY_TIME &&
			    faults[j].moment != LK_CHAOS_ANY_TIME &&
			    faults[j].moment < faults[i].moment) {
				struct lk_chaos_fault earlier = faults[j];
				faults[j] = faults[i];
				faults[i] = earlier;
			}
}

int lk_chaos_faults_draw(uint64_t seed, struct lk_chaos_random *random, bool backward,
			 struct lk_chaos_fault faults[LK_CHAOS_FAULTS])
{
	int count = 2 + (int)lk_chaos_draw(random, 3);
	for (int i = 0; i < count; i++) {
		enum lk_chaos_kind kind =
			(enum lk_chaos_kind)(i < 2 ? (2 * seed + (uint64_t)i) % LK_CHAOS_KINDS
						   : lk_chaos_draw(random, LK_CHAOS_KINDS));
		draw_one(random, backward, kind, &faults[i]);
		int lasting = long_ms(seed, kind, random);
		if (lasting)
			faults[i].lasts_ms = lasting;
	}
	put_in_order(faults, count);
	return count;
}

struct lk_chaos_needs lk_chaos_faults_needs(const struct lk_chaos_fault *faults, int count)
{
	struct lk_chaos_needs needs = {0};
	for (int i = 0; i < count; i++) {
		needs.network = needs.network || faults[i].kind == LK_CHAOS_NETWORK_CUT;
		needs.small_server_disk =
			needs.small_server_disk || faults[i].kind == LK_CHAOS_SERVER_DISK;
		needs.small_state_disk =
			needs.small_state_disk || faults[i].kind == LK_CHAOS_OWN_DISK;
		needs.clock = needs.clock || faults[i].kind == LK_CHAOS_CLOCK_JUMP;
	}
	return needs;
}

bool lk_chaos_fault_possible(const struct lk_chaos_fault *fault, const struct lk_chaos_world *world)
{
	switch (fault->kind) {
	case LK_CHAOS_NETWORK_CUT:
		return world->has.network;
	case LK_CHAOS_SERVER_DISK:
		return world->has.small_server_disk && world->engine->survives_no_room;
	case LK_CHAOS_BACKEND_STOP:
		return world->engine->has_processes;
	case LK_CHAOS_OWN_DISK:
		return world->has.small_state_disk;
	case LK_CHAOS_CLOCK_JUMP:
		return world->has.clock;
	default:
		return true;
	}
}

void lk_chaos_fault_text(const struct lk_chaos_world *world, const struct lk_chaos_fault *fault,
			 char *text, size_t size)
{
	char lasted[24] = "";
	if (fault->struck && fault->lasts_ms)
		snprintf(lasted, sizeof lasted, " for %.1f s", fault->lasts_ms / 1000.0);
	snprintf(text, size, "%s %s%s%s%s", kinds[fault->kind].name,
		 fault->seen || !fault->struck ? "" : "after ",
		 lk_chaos_moment_name(world, fault->moment), lasted,
		 fault->struck ? "" : " (came too late)");
}

void lk_chaos_fault_happen(struct lk_chaos_world *world, struct lk_chaos_fault *fault,
			   const atomic_bool *over)
{
	if (!lk_chaos_fault_possible(fault, world) || !lk_chaos_moment_await(world, fault, over))
		return;
	fault->struck = true;
	kinds[fault->kind].happen(world, fault);
	lk_chaos_await_back(world);
	fault->over_us = lk_clock_us();
}
