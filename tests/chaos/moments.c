/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/moments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/chaos/session.h"

/* How often the journal is asked whether the worker has gone past. */
#define PAST_US 50000
/* A look each so often while the moment is more than a few steps away. */
enum { FAR_MS = 5, NEAR_STEPS = 3 };

const char *lk_chaos_moment_name(const struct lk_chaos_world *world, enum lk_chaos_moment moment)
{
	return world->engine->signs[moment].name;
}

static void sleep_us(int us)
{
	struct timespec t = {0, us * 1000L};
	nanosleep(&t, NULL);
}

int lk_chaos_sessions(const struct lk_chaos_world *world, const char *role, pid_t *pids, int most)
{
	struct lk_error error;
	struct lk_result r = {0};
	int count = 0;
	struct lk_link *link = lk_chaos_connect(world);
	char *sql = world->engine->sessions(role, "1 = 1");
	if (link && lk_link_query(link, sql, &r, &error))
		for (size_t i = 0; i < r.rows && count < most; i++)
			pids[count++] = (pid_t)lk_cell_int(&r, i, 0);
	lk_result_free(&r);
	lk_link_close(link);
	free(sql);
	return count;
}

/* Where the run is: the number of the last step begun, -1 before it; on the way back every moment of the way
 * forward but the drop's has passed. */
static bool has_passed(const struct lk_chaos_world *world, struct lk_link *link,
		       enum lk_chaos_moment moment, int *at)
{
	char value[24];
	*at = lk_chaos_first(link, world->engine->where, value, sizeof value) ? atoi(value) : -1;
	return *at > world->engine->signs[moment].step ||
	       (strchr(value, ' ') && moment < LK_CHAOS_IN_DROP);
}

/* The server is left in peace until the run comes near, and then for as long as it took to answer. */
static void pause_after(const struct lk_chaos_sign *sign, int at, int64_t took_us)
{
	int64_t gap_us = (at >= sign->step - NEAR_STEPS ? sign->gap_ms : FAR_MS) * 1000;
	if (gap_us < took_us)
		gap_us = took_us < PAST_US ? took_us : PAST_US;
	sleep_us((int)gap_us);
}

bool lk_chaos_moment_await(const struct lk_chaos_world *world, struct lk_chaos_fault *fault,
			   const atomic_bool *over)
{
	char value[16];
	bool passed = false;
	int at = -1;
	int64_t look_back = 0, until = lk_clock_us() + fault->after_ms * 1000LL;
	const struct lk_chaos_sign *sign = &world->engine->signs[fault->moment];
	struct lk_link *link = lk_chaos_connect(world);
	char *sql = world->engine->sessions("worker", sign->worker ? sign->worker : "1 = 1");
	fault->seen = false;
	while (!fault->seen && !passed && !atomic_load(over)) {
		int64_t asked = lk_clock_us();
		if (fault->moment == LK_CHAOS_ANY_TIME)
			fault->seen = lk_clock_us() > until;
		else
			fault->seen = lk_chaos_first(link, sql, value, sizeof value);
		int64_t took_us = lk_clock_us() - asked;
		if (!fault->seen && lk_clock_us() > look_back) {
			passed = has_passed(world, link, fault->moment, &at);
			look_back = lk_clock_us() + PAST_US;
			lk_chaos_reconnect(world, &link);
		}
		if (!fault->seen && !passed)
			pause_after(sign, at, took_us);
	}
	sleep_us(fault->moment == LK_CHAOS_ANY_TIME ? 0 : fault->late_us);
	lk_link_close(link);
	free(sql);
	return !atomic_load(over);
}
