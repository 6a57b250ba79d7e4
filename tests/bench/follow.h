/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A run of the real program, followed through its control socket as a console does. Gates that ask
 * a person are answered. What goes wrong ends the benchmark with a sentence.
 */
#ifndef LK_TESTS_BENCH_FOLLOW_H
#define LK_TESTS_BENCH_FOLLOW_H

#include "control/client.h"
#include "tests/bench/bench.h"

struct lk_bench_run {
	struct lk_client *client;
	struct lk_snapshot *snapshot; /* the newest */
	int64_t seen;		      /* snapshots so far */
	int64_t answered_us;
	char socket[240];
};

/* Starts a keeper for the plan (a file) and follows it. At most one keeper runs at a time in a
 * benchmark's folder. */
void lk_bench_run_begin(const struct lk_bench *bench, const char *plan, const char *uri,
			struct lk_bench_run *run);
/* Follows a keeper that somebody else starts in this folder; waits until it is there. */
void lk_bench_run_join(struct lk_bench_run *run, bool operate);
/* Waits at most so long for messages, and answers gates. False once the keeper has gone. */
bool lk_bench_run_pump(struct lk_bench_run *run, int milliseconds);
void lk_bench_run_send(struct lk_bench_run *run, const char *verb);
/* Until the run is done; every other end is an error. */
void lk_bench_run_until_done(struct lk_bench_run *run);
/* Leaves, and waits until the keeper has ended, so that the next one can come. */
void lk_bench_run_end(struct lk_bench_run *run);

#endif
