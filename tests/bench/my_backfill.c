/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backfill on MariaDB and MySQL, as they are there, by the real program:
 *
 * - of a table that nobody else uses, beside one UPDATE of all of a twin of it, by a session that our triggers skip
 *   as they skip the backfill's; they take turns on fresh tables, medians are reported. The server has no binlog, and
 *   a log and a buffer pool that hold everything;
 * - pause at random moments of a backfill whose chunks take what they take by default;
 * - what the application of the sandbox sees while a whole plan is walked.
 *
 * $BENCH_ROWS: of each table, 1,000,000 by default. $ROUNDS: 3. $TRIES: pauses, 60. $LK_MYSQL: "mariadb" or "mysql"
 * alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tests/bench/bench.h"
#include "tests/bench/follow.h"
#include "tests/bench/walk.h"
#include "tests/server/my_server.h"

#define TARGET_RATIO 0.85
#define TARGET_PAUSE_MS 50.0
#define LIMIT_US 30000000
#define LONGEST_RUN_MS 600
#define RESUME_GAP_US 500000

enum { MOST_ROUNDS = 15, MOST_TRIES = 500, BACKFILLS = 20 };

/* What the environment asks for. */
struct asked {
	int64_t rows;
	size_t rounds, tries;
};

static const char dual_write[] =
	"plan: bench\n"
	"steps:\n"
	"  expand:\n"
	"    - dual_write: {table: users, from: username, to: user_handle, like: username}\n";

static const char backfill[] = "  migrate:\n"
			       "    - backfill: {table: users, set: {user_handle: username}}\n";

static int64_t environment(const char *name, int64_t otherwise, int64_t most)
{
	const char *text = getenv(name);
	int64_t value = text ? strtoll(text, NULL, 10) : 0;
	if (value <= 0)
		return otherwise;
	return value < most ? value : most;
}

/* The rows that every round begins with. */
static void make_base(const struct lk_test_my *server, int64_t rows)
{
	lk_test_my_sql(server, "CREATE TABLE base (id bigint AUTO_INCREMENT PRIMARY KEY,"
			       " username varchar(40) NOT NULL, email varchar(80) NOT NULL,"
			       " balance bigint NOT NULL DEFAULT 0, created datetime NOT NULL"
			       " DEFAULT CURRENT_TIMESTAMP, KEY (email)); INSERT INTO base"
			       " (username, email) VALUES ('user_0', 'user_0@shop.example')");
	for (int64_t count = 1; count < rows; count *= 2) {
		char *sql = lk_format(
			"INSERT INTO base (username, email) SELECT CONCAT('user_', id + %lld),"
			" CONCAT('user_', id + %lld, '@shop.example') FROM base LIMIT %lld",
			(long long)count, (long long)count,
			(long long)(rows - count < count ? rows - count : count));
		lk_test_my_sql(server, sql);
		free(sql);
	}
}

/* A fresh table, and no journal of the round before. */
static void make_users(const struct lk_test_my *server)
{
	lk_test_my_sql(server, "DROP DATABASE IF EXISTS lockkeeper; DROP TABLE IF EXISTS users;"
			       "CREATE TABLE users LIKE base; INSERT INTO users SELECT * FROM base;"
			       "ANALYZE TABLE users");
}

static void run_plan(const struct lk_bench *bench, const struct lk_test_my *server,
		     const char *more)
{
	struct lk_bench_run run;
	char *text = lk_format("%s%s", dual_write, more);
	char *plan = lk_bench_plan(bench, "bench", text);
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_bench_run_begin(bench, plan, uri, &run);
	lk_bench_run_until_done(&run);
	lk_bench_run_end(&run);
	free(uri);
	free(plan);
	free(text);
}

static void must_be_filled(const struct lk_test_my *server)
{
	struct lk_error error;
	int64_t left = lk_test_my_number(
		server, "SELECT COUNT(*) FROM users WHERE NOT (user_handle <=> username)");
	lk_bench_must(left == 0 || lk_fail(&error, LK_ERROR_STATEMENT, "%lld rows were not filled",
					   (long long)left),
		      &error);
}

/* The seconds that one UPDATE of everything takes. */
static double by_one_statement(const struct lk_bench *bench, const struct lk_test_my *server)
{
	make_users(server);
	run_plan(bench, server, "");
	int64_t from = lk_clock_us();
	lk_test_my_sql(server,
		       "SET @lockkeeper_backfill = 1; UPDATE users SET user_handle = username");
	double seconds = (double)(lk_clock_us() - from) / 1e6;
	must_be_filled(server);
	return seconds;
}

/* By the journal's times of the step. */
static double by_keeper(const struct lk_bench *bench, const struct lk_test_my *server)
{
	make_users(server);
	run_plan(bench, server, backfill);
	must_be_filled(server);
	return (double)lk_test_my_number(server,
					 "SELECT TIMESTAMPDIFF(MICROSECOND, started_at, ended_at)"
					 " FROM lockkeeper.step WHERE verb = 'backfill'") /
	       1e6;
}

static void measure_rate(const struct lk_bench *bench, const struct lk_test_my *server,
			 const struct asked *asked)
{
	double ours[MOST_ROUNDS], theirs[MOST_ROUNDS];
	const char *kind = lk_test_my_used()->name;
	for (size_t i = 0; i < asked->rounds; i++) {
		theirs[i] = (double)asked->rows / by_one_statement(bench, server);
		ours[i] = (double)asked->rows / by_keeper(bench, server);
		lk_bench_say("%s, round %zu: one UPDATE %.0f rows/s, the backfill %.0f", kind,
			     i + 1, theirs[i], ours[i]);
	}
	double rate = lk_bench_quantile(ours, asked->rounds, 0.5);
	double whole = lk_bench_quantile(theirs, asked->rounds, 0.5);
	char *name = lk_format("backfill_unloaded_%s", kind);
	char *against = lk_format("one whole-table UPDATE, %.0f rows/s", whole);
	lk_bench_print(bench, &(struct lk_bench_figure){
				      name, rate, "rows/s", rate / whole, against, "at least 0.85",
				      lk_bench_judge(rate >= TARGET_RATIO * whole)});
	free(against);
	free(name);
}

struct pauses {
	double proven_ms[MOST_TRIES], shown_ms[MOST_TRIES];
	size_t count, most, in_chunk;
};

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

static bool is_done(const struct lk_bench_run *run)
{
	return strcmp(run->snapshot->state, "done") == 0;
}

/* A random while in which the backfill runs; false when the run is done. */
static bool let_run(struct lk_bench_run *run)
{
	while (!run->snapshot->backfill.active && !is_done(run))
		must_go_on(run, 50);
	int64_t until = lk_clock_us() + (int64_t)(random() % LONGEST_RUN_MS) * 1000;
	while (lk_clock_us() < until && !is_done(run))
		must_go_on(run, (int)((until - lk_clock_us()) / 1000) + 1);
	return !is_done(run);
}

static void pause_once(struct lk_bench_run *run, struct pauses *pauses)
{
	struct lk_error error;
	const struct lk_snapshot *s = run->snapshot;
	/* The last one's proof is in the snapshot until the keeper has taken this one. */
	int64_t before = s->proof.requested, cancelled = s->backfill.cancelled;
	int64_t from = lk_clock_us();
	lk_bench_run_send(run, "pause");
	while ((s->proof.requested == before || !s->proof.confirmed) && !is_done(run)) {
		must_go_on(run, 1);
		lk_bench_must(
			lk_clock_us() - from < LIMIT_US ||
				lk_fail(&error, LK_ERROR_SYSTEM,
					"no end of a pause in 30 s: state %s, %d transactions,"
					" %d locks",
					s->state, s->proof.open_transactions, s->proof.locks_held),
			&error);
	}
	if (is_done(run))
		return;
	pauses->shown_ms[pauses->count] = (double)(lk_clock_us() - from) / 1000;
	pauses->proven_ms[pauses->count++] = s->proof.quiet_ms;
	pauses->in_chunk += s->backfill.cancelled > cancelled;
	while (strcmp(s->state, "paused") != 0 && !is_done(run))
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

/* Until there are enough or the plan, the same column over and over with other values, is done. */
static void pause_often(const struct lk_bench *bench, const struct lk_test_my *server,
			struct pauses *pauses)
{
	struct lk_bench_run run;
	struct lk_buffer text = {0};
	lk_buffer_add(&text, "plan: bench-pause\nsteps:\n  migrate:\n");
	for (int i = 0; i < BACKFILLS; i++)
		lk_buffer_addf(&text,
			       "    - backfill: {table: users, set: {user_handle:"
			       " \"concat('%d ', username)\"}}\n",
			       i);
	char *plan = lk_bench_plan(bench, "bench-pause", lk_buffer_text(&text));
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_buffer_free(&text);
	make_users(server);
	lk_test_my_sql(server, "ALTER TABLE users ADD COLUMN user_handle varchar(60)");
	lk_bench_run_begin(bench, plan, uri, &run);
	while (pauses->count < pauses->most && let_run(&run)) {
		pause_once(&run, pauses);
		resume(&run);
	}
	lk_bench_run_end(&run);
	free(uri);
	free(plan);
}

static void measure_pauses(const struct lk_bench *bench, const struct lk_test_my *server,
			   const struct asked *asked)
{
	static const double shares[] = {0.5, 0.99, 1};
	static const char *const names[] = {"p50", "p99", "max"};
	struct pauses *pauses = lk_alloc(sizeof *pauses);
	pauses->most = asked->tries;
	srandom(20260101);
	while (pauses->count < pauses->most)
		pause_often(bench, server, pauses);
	for (size_t i = 0; i < LK_COUNT(shares); i++) {
		double ms = lk_bench_quantile(pauses->proven_ms, pauses->count, shares[i]);
		double shown = lk_bench_quantile(pauses->shown_ms, pauses->count, shares[i]);
		char *name = lk_format("pause_%s_%s", names[i], lk_test_my_used()->name);
		char *against = lk_format("%zu pauses, %zu within a statement; a console sees the"
					  " proof after %.1f ms",
					  pauses->count, pauses->in_chunk, shown);
		struct lk_bench_figure figure = {
			.name = name, .value = ms, .unit = "ms", .against = against};
		if (shares[i] == 0.99) {
			figure.target = "at most 50";
			figure.verdict = lk_bench_judge(ms <= TARGET_PAUSE_MS);
		}
		lk_bench_print(bench, &figure);
		free(against);
		free(name);
	}
	free(pauses);
}

static void measure(const struct lk_bench *bench, const struct lk_test_flavour *flavour,
		    const struct asked *asked)
{
	/* Each server knows one of the two sizes of the log. */
	static const char *const options[] = {
		"--innodb-buffer-pool-size=512M", "--loose-innodb-log-file-size=512M",
		"--loose-innodb-redo-log-capacity=1G", "--innodb-doublewrite=0", NULL};
	lk_test_my_use(flavour);
	struct lk_test_my *server = lk_test_my_start(options);
	if (!server) {
		lk_bench_say("%s is not there: not measured", flavour->label);
		return;
	}
	make_base(server, asked->rows);
	measure_rate(bench, server, asked);
	measure_pauses(bench, server, asked);
	lk_test_my_stop(server);
	char *suffix = lk_format("_%s", flavour->name);
	lk_bench_walk(bench, &(struct lk_bench_walk){flavour->name, suffix, asked->rows});
	free(suffix);
}

int main(int argc, char **argv)
{
	const struct asked asked = {
		.rows = environment("BENCH_ROWS", 1000000, 100000000),
		.rounds = (size_t)environment("ROUNDS", 3, MOST_ROUNDS),
		.tries = (size_t)environment("TRIES", 60, MOST_TRIES),
	};
	struct lk_bench bench;
	lk_bench_open(&bench, argc, argv);
	const char *only = getenv("LK_MYSQL");
	for (size_t i = 0; lk_test_flavours[i]; i++)
		if (!only || strcmp(only, lk_test_flavours[i]->name) == 0)
			measure(&bench, lk_test_flavours[i], &asked);
	lk_bench_close(&bench);
	return 0;
}
