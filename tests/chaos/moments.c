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

static const struct {
	const char *name, *worker; /* a condition on the worker's row of pg_stat_activity */
	int step;   /* of the derived plan, forward; a later one begun: it has passed */
	int gap_ms; /* between looks: those that are over in no time are looked at without a pause */
} moments[LK_CHAOS_MOMENTS + 1] = {
	[LK_CHAOS_IN_BIRTH] =
		{"in the journal's birth",
		 "state <> 'idle' AND query ~ 'CREATE SCHEMA|INSERT INTO lockkeeper|COMMIT'", 0, 0},
	[LK_CHAOS_IN_DUAL_WRITE] = {"in the dual write's DDL",
				    "state <> 'idle' AND query ~ 'CREATE|ADD COLUMN|LOCK TABLE'", 1,
				    0},
	[LK_CHAOS_IN_CHUNK] = {"in a chunk", "state = 'active' AND query LIKE 'UPDATE%users%'", 4,
			       1},
	[LK_CHAOS_BEFORE_RECORD] = {"before the record", "state = 'idle in transaction'", 8, 1},
	[LK_CHAOS_IN_COMMIT] = {"in a commit", "state = 'active' AND query = 'COMMIT'", 4, 0},
	[LK_CHAOS_IN_VERIFY] = {"in verify", "query LIKE 'SELECT * FROM (%'", 5, 1},
	[LK_CHAOS_IN_VALIDATE] = {"in VALIDATE", "query LIKE '%VALIDATE%'", 7, 0},
	[LK_CHAOS_IN_INDEX] = {"in the index build",
			       "state = 'active' AND query LIKE '%INDEX CONCURRENTLY%'", 10, 1},
	/* From the intent on, which stands before it, or from the first step back. */
	[LK_CHAOS_IN_DROP] =
		{"in the drop",
		 "EXISTS (SELECT FROM lockkeeper.step s JOIN lockkeeper.run r ON r.name = s.run"
		 " WHERE (s.number = 13 AND s.state = 'running') OR r.backward)",
		 14, 0},
	[LK_CHAOS_ANY_TIME] = {"at some time", NULL, 14, 1},
};

const char *lk_chaos_moment_name(enum lk_chaos_moment moment)
{
	return moments[moment].name;
}

static void sleep_us(int us)
{
	struct timespec t = {0, us * 1000L};
	nanosleep(&t, NULL);
}

bool lk_chaos_ask(const struct lk_chaos_world *world, const char *sql, char *value, size_t size)
{
	PGconn *connection = lk_chaos_connect(world->server);
	bool there = lk_chaos_first(connection, sql, value, size);
	PQfinish(connection);
	return there;
}

int lk_chaos_sessions(const struct lk_chaos_world *world, const char *role, pid_t *pids, int most)
{
	char sql[200];
	int count = 0;
	PGconn *connection = lk_chaos_connect(world->server);
	snprintf(
		sql, sizeof sql,
		"SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'lockkeeper:" LK_CHAOS_PLAN
		"-%%:%s'",
		role);
	PGresult *r = PQexec(connection, sql);
	if (PQresultStatus(r) == PGRES_TUPLES_OK)
		for (int i = 0; i < PQntuples(r) && count < most; i++)
			pids[count++] = (pid_t)atoi(PQgetvalue(r, i, 0));
	PQclear(r);
	PQfinish(connection);
	return count;
}

/* Where the run is: the number of the last step begun, -1 before it; on the way back every moment of the way
 * forward but the drop's has passed. */
static bool has_passed(PGconn *connection, enum lk_chaos_moment moment, int *at)
{
	char value[24];
	bool known = lk_chaos_first(
		connection,
		"SELECT max(s.number) || CASE WHEN bool_or(r.backward) THEN ' back' ELSE ''"
		" END FROM lockkeeper.run r JOIN lockkeeper.step s ON s.run = r.name"
		" WHERE s.state NOT IN ('pending', 'undone')",
		value, sizeof value);
	*at = known ? atoi(value) : -1;
	return *at > moments[moment].step || (strchr(value, ' ') && moment < LK_CHAOS_IN_DROP);
}

/* The server is left in peace until the run comes near. */
static int gap_ms(enum lk_chaos_moment moment, int at)
{
	return at >= moments[moment].step - NEAR_STEPS ? moments[moment].gap_ms : FAR_MS;
}

bool lk_chaos_moment_await(const struct lk_chaos_world *world, struct lk_chaos_fault *fault,
			   const atomic_bool *over)
{
	char sql[400], value[16];
	bool passed = false;
	int at = -1;
	int64_t look_back = 0, until = lk_clock_us() + fault->after_ms * 1000LL;
	PGconn *connection = lk_chaos_connect(world->server);
	snprintf(
		sql, sizeof sql,
		"SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'lockkeeper:" LK_CHAOS_PLAN
		"-%%:worker' AND (%s)",
		moments[fault->moment].worker ? moments[fault->moment].worker : "true");
	fault->seen = false;
	while (!fault->seen && !passed && !atomic_load(over)) {
		if (fault->moment == LK_CHAOS_ANY_TIME)
			fault->seen = lk_clock_us() > until;
		else
			fault->seen = lk_chaos_first(connection, sql, value, sizeof value);
		if (!fault->seen && lk_clock_us() > look_back) {
			passed = has_passed(connection, fault->moment, &at);
			look_back = lk_clock_us() + PAST_US;
			if (PQstatus(connection) != CONNECTION_OK)
				PQreset(connection);
		}
		if (!fault->seen && !passed)
			lk_sleep_ms(gap_ms(fault->moment, at));
	}
	sleep_us(fault->moment == LK_CHAOS_ANY_TIME ? 0 : fault->late_us);
	PQfinish(connection);
	return !atomic_load(over);
}
