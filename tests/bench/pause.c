/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pause at random moments of a backfill whose chunks may take a second and 50,000 rows. Twice: by
 * the keeper's own proof, and by a connection of our own that asks the server whether the worker
 * still has a transaction or a lock.
 */
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tests/bench/bench.h"
#include "tests/bench/follow.h"
#include "tests/bench/shop.h"

#define USERS 1000000
#define TARGET_MS 50.0
#define LONGEST_RUN_MS 3000
#define LIMIT_US 30000000
#define RESUME_GAP_US 500000

enum { TRIES = 200, BACKFILLS = 40 };

/* Nothing of the worker's is open: what pg_stat_activity and pg_locks show of it. */
static const char quiet_sql[] =
	"SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE"
	" 'lockkeeper:%:worker' AND (state <> 'idle' OR backend_xid IS NOT NULL))"
	" + (SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
	" WHERE a.application_name LIKE 'lockkeeper:%:worker')";

struct tries {
	double seen_ms[TRIES], proven_ms[TRIES], chunk_rows[TRIES], chunk_ms[TRIES];
	size_t count, most, in_chunk;
	uint64_t random;
};

/* The same column over and over, each time with other values: work enough for every try. */
static char *make_plan(void)
{
	struct lk_buffer out = {0};
	lk_buffer_add(&out, "plan: bench-pause\nsteps:\n  migrate:\n");
	for (int i = 0; i < BACKFILLS; i++)
		lk_buffer_addf(&out,
			       "    - backfill: {table: users, set: {user_handle: \"'%d ' || "
			       "username\"}}\n",
			       i);
	lk_buffer_add(&out, "limits: {chunk_time: 1s}\n");
	return lk_buffer_take(&out);
}

/* xorshift64*; milliseconds up to the longest. */
static int random_ms(struct tries *tries)
{
	uint64_t x = tries->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	tries->random = x;
	return (int)((x * 0x2545F4914F6CDD1Du >> 33) % LONGEST_RUN_MS);
}

static void must_go_on(struct lk_bench_run *run, int milliseconds)
{
	struct lk_error error;
	if (!lk_bench_run_pump(run, milliseconds))
		lk_bench_must(lk_fail(&error, LK_ERROR_LOST, "the keeper has gone"), &error);
	if (strcmp(run->snapshot->state, "stopped") == 0)
		lk_bench_must(lk_fail(&error, LK_ERROR_STATEMENT, "the run stopped: %s",
				      run->snapshot->reason),
			      &error);
}

/* A random while in which the backfill runs; false when the run is done. */
static bool let_run(struct lk_bench_run *run, struct tries *tries)
{
	while (!run->snapshot->backfill.active && strcmp(run->snapshot->state, "done") != 0)
		must_go_on(run, 50);
	int64_t until = lk_clock_us() + (int64_t)random_ms(tries) * 1000;
	while (lk_clock_us() < until && strcmp(run->snapshot->state, "done") != 0)
		must_go_on(run, (int)((until - lk_clock_us()) / 1000) + 1);
	return strcmp(run->snapshot->state, "done") != 0;
}

/* Sends the pause and watches both until each has seen the end. */
static void pause_once(struct lk_bench_run *run, PGconn *observer, struct tries *tries)
{
	struct lk_error error;
	const struct lk_snapshot *s = run->snapshot;
	double seen_ms = -1;
	/* The last one's proof is in the snapshot until the keeper has taken this one. */
	int64_t before = s->proof.requested, chunks = s->backfill.cancelled;
	tries->chunk_rows[tries->count] = (double)s->backfill.chunk_rows;
	tries->chunk_ms[tries->count] = s->backfill.max_ms;
	int64_t from = lk_clock_us();
	lk_bench_run_send(run, "pause");
	must_go_on(run, 0);
	while (seen_ms < 0 || s->proof.requested == before || !s->proof.confirmed) {
		bool quiet = lk_bench_shop_number(observer, quiet_sql) == 0;
		if (quiet && seen_ms < 0)
			seen_ms = (double)(lk_clock_us() - from) / 1000;
		if (!quiet)
			seen_ms = -1;
		must_go_on(run, 1);
		if (lk_clock_us() - from > LIMIT_US)
			lk_bench_must(
				lk_fail(&error, LK_ERROR_SYSTEM,
					"no end of a pause in 30 s: seen %.0f ms, state %s, "
					"proof %.0f ms, confirmed %d, %d transactions, %d locks",
					seen_ms, s->state, s->proof.quiet_ms, s->proof.confirmed,
					s->proof.open_transactions, s->proof.locks_held),
				&error);
	}
	tries->seen_ms[tries->count] = seen_ms;
	tries->proven_ms[tries->count] = s->proof.quiet_ms;
	tries->in_chunk += s->backfill.cancelled > chunks;
	tries->count++;
	while (strcmp(s->state, "paused") != 0)
		must_go_on(run, 50);
}

/* The proof can be there a moment before the keeper's worker has reported: then it refuses. */
static void resume(struct lk_bench_run *run)
{
	int64_t asked_us = 0;
	while (strcmp(run->snapshot->state, "paused") == 0) {
		if (lk_clock_us() - asked_us > RESUME_GAP_US) {
			lk_bench_run_send(run, "resume");
			asked_us = lk_clock_us();
		}
		must_go_on(run, 50);
	}
}

/* Tries until there are enough or the plan is done. */
static void measure(const struct lk_bench *bench, const char *uri, PGconn *observer,
		    struct tries *tries)
{
	struct lk_bench_run run;
	char *text = make_plan(), *plan = lk_bench_plan(bench, "bench-pause", text);
	lk_bench_run_begin(bench, plan, uri, &run);
	while (tries->count < tries->most && let_run(&run, tries)) {
		pause_once(&run, observer, tries);
		if (tries->count % 50 == 0)
			lk_bench_say("%zu of %zu pauses", tries->count, tries->most);
		resume(&run);
	}
	lk_bench_run_end(&run);
	free(plan);
	free(text);
}

static void print(const struct lk_bench *bench, const char *name, const char *what, double *ms,
		  const struct tries *tries)
{
	static const struct {
		const char *name;
		double share;
	} shares[] = {{"p50", 0.5}, {"p99", 0.99}, {"max", 1}};
	for (size_t i = 0; i < LK_COUNT(shares); i++) {
		char full[64], against[160];
		double value = lk_bench_quantile(ms, tries->count, shares[i].share);
		bool judged = shares[i].share == 0.99;
		snprintf(full, sizeof full, "%s_%s", name, shares[i].name);
		snprintf(against, sizeof against, "%zu pauses, %zu within a statement, %s",
			 tries->count, tries->in_chunk, what);
		lk_bench_print(bench,
			       &(struct lk_bench_figure){full, value, "ms", 0, against,
							 judged ? "at most 50" : NULL,
							 judged ? lk_bench_judge(value <= TARGET_MS)
								: LK_BENCH_NO_TARGET});
	}
}

int main(int argc, char **argv)
{
	struct tries *tries = lk_alloc(sizeof *tries);
	struct lk_bench bench;
	lk_bench_open(&bench, argc, argv);
	tries->random = 20260101;
	tries->most = TRIES;
	const char *wanted = getenv("TRIES");
	if (wanted && atoi(wanted) > 0 && atoi(wanted) < TRIES)
		tries->most = (size_t)atoi(wanted);
	struct lk_test_server *server = lk_bench_shop_start(USERS);
	/* The same rows are written dozens of times. */
	lk_test_sql(server, "ALTER SYSTEM SET autovacuum = on");
	lk_test_sql(server, "ALTER SYSTEM SET autovacuum_naptime = '2s'");
	lk_test_sql(server, "SELECT pg_reload_conf()");
	while (tries->count < tries->most) {
		lk_bench_shop_copy(server, "round");
		char *uri = lk_bench_shop_uri(server, "round");
		PGconn *observer = lk_bench_shop_connect(server, "round");
		lk_bench_shop_sql(observer, "ALTER TABLE users ADD COLUMN user_handle text");
		measure(&bench, uri, observer, tries);
		PQfinish(observer);
		lk_bench_shop_drop(server, "round");
		free(uri);
	}
	lk_bench_print(&bench,
		       &(struct lk_bench_figure){
			       .name = "pause_largest_chunk",
			       .value = lk_bench_quantile(tries->chunk_rows, tries->count, 1),
			       .unit = "rows"});
	print(&bench, "pause_observed", "by pg_stat_activity and pg_locks", tries->seen_ms, tries);
	print(&bench, "pause_proven", "by the keeper's proof", tries->proven_ms, tries);
	lk_test_server_stop(server);
	lk_bench_close(&bench);
	free(tries);
	return 0;
}
