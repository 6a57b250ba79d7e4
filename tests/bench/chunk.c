/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How well a chunk meets the time it is given, and whether the process grows: backfills of tables of 10^5, 10^6
 * and (with BENCH_ROWS=10000000) 10^7 rows that nobody else uses. Of the chunks after the first ten, without
 * the last, which is as short as the table's end makes it: the median and the nine tenths of their times, each
 * as a part of the target, and the share of chunks within a fifth of it. The step runs in this process, whose
 * resident memory is looked at after the tenth chunk and at the end.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "plan/file.h"
#include "step/step.h"
#include "tests/bench/bench.h"
#include "tests/bench/shop.h"

#define WARM_UP 10
#define TOLERANCE 0.2
#define GROWTH_MIB 1.0

static const char plan_text[] = "plan: chunk\nsteps:\n  migrate:\n"
				"    - backfill: {table: big, set: {copy: name}}\n";

struct watch {
	double target_ms;
	double *times; /* in targets, of the chunks behind the warm-up */
	size_t count;
	int64_t chunks;
	double begin_mib;
};

static void note_chunk(void *context, const struct lk_progress *progress)
{
	struct watch *w = context;
	if (strcmp(progress->what, "committed") != 0)
		return;
	if (++w->chunks == WARM_UP)
		w->begin_mib = lk_bench_memory((int)getpid(), "VmRSS");
	if (w->chunks > WARM_UP)
		*LK_PUSH(w->times, w->count) = progress->took_ms / w->target_ms;
}

static void make_table(const struct lk_test_server *server, int64_t rows)
{
	PGconn *connection = lk_bench_shop_connect(server, "test");
	char *sql =
		lk_format("DROP TABLE IF EXISTS big; DROP SCHEMA IF EXISTS lockkeeper CASCADE;"
			  "CREATE TABLE big (id bigint PRIMARY KEY, name text, copy text);"
			  "INSERT INTO big SELECT i, md5(i::text) FROM generate_series(1, %lld) i",
			  (long long)rows);
	lk_bench_shop_sql(connection, sql);
	lk_bench_shop_sql(connection, "VACUUM (FREEZE, ANALYZE) big");
	lk_bench_shop_sql(connection, "CHECKPOINT");
	PQfinish(connection);
	free(sql);
}

static void walk(const struct lk_test_server *server, struct watch *w)
{
	const struct lk_journal_holder holder = {"bench", "here", 1};
	struct lk_error error;
	struct lk_plan plan = {0};
	struct lk_problems problems = {0};
	struct lk_pace pace;
	char *uri = lk_bench_shop_uri(server, "test");
	struct lk_session *session = lk_session_open(uri, "bench", "worker", &error);
	lk_bench_must(session != NULL, &error);
	if (!lk_plan_parse("chunk.yaml", plan_text, strlen(plan_text), &plan, &problems))
		lk_bench_must(lk_fail(&error, LK_ERROR_PLAN, "%s", lk_problems_text(&problems)),
			      &error);
	lk_plan_complete(&plan);
	lk_bench_must(lk_journal_install(session, &error) &&
			      lk_journal_create(session, "bench", &plan, &holder, &error),
		      &error);
	lk_pace_init(&pace, w->target_ms);
	struct lk_step_run run = {.session = session,
				  .run = "bench",
				  .epoch = 1,
				  .number = lk_plan_find_step(&plan, "backfill-1"),
				  .plan = &plan,
				  .pace = &pace,
				  .context = w,
				  .progress = note_chunk};
	lk_bench_must(lk_step_forward(&run, &error) == LK_OUTCOME_DONE, &error);
	lk_pace_destroy(&pace);
	lk_plan_free(&plan);
	lk_problems_free(&problems);
	lk_session_close(session);
	free(uri);
}

static void print(const struct lk_bench *bench, const char *what, int64_t rows,
		  struct lk_bench_figure figure)
{
	char name[60];
	snprintf(name, sizeof name, "chunk_%s_%lld", what, (long long)rows);
	figure.name = name;
	lk_bench_print(bench, &figure);
}

static void measure(const struct lk_bench *bench, const struct lk_test_server *server, int64_t rows,
		    double target_ms)
{
	struct watch w = {.target_ms = target_ms};
	struct lk_error error;
	char against[60];
	size_t within = 0;
	make_table(server, rows);
	walk(server, &w);
	if (w.count < 2)
		lk_bench_must(lk_fail(&error, LK_ERROR_STATEMENT,
				      "%lld rows are too few chunks to say anything",
				      (long long)rows),
			      &error);
	w.count--;
	for (size_t i = 0; i < w.count; i++)
		within += w.times[i] >= 1 - TOLERANCE && w.times[i] <= 1 + TOLERANCE;
	double middle = lk_bench_quantile(w.times, w.count, 0.5);
	double high = lk_bench_quantile(w.times, w.count, 0.9);
	double share = (double)within / (double)w.count;
	double mib = lk_bench_memory((int)getpid(), "VmRSS");
	snprintf(against, sizeof against, "the target of %.0f ms; %zu chunks", target_ms, w.count);
	print(bench, "median", rows,
	      (struct lk_bench_figure){
		      NULL, middle * target_ms, "ms", middle, against, "0.8 to 1.2",
		      lk_bench_judge(middle >= 1 - TOLERANCE && middle <= 1 + TOLERANCE)});
	print(bench, "p90", rows,
	      (struct lk_bench_figure){
		      NULL, high * target_ms, "ms", high, against, "0.8 to 1.2",
		      lk_bench_judge(high >= 1 - TOLERANCE && high <= 1 + TOLERANCE)});
	print(bench, "within_a_fifth", rows,
	      (struct lk_bench_figure){NULL, share * 100, "%", 0, NULL, NULL, LK_BENCH_NO_TARGET});
	print(bench, "resident", rows,
	      (struct lk_bench_figure){NULL, mib, "MiB", mib / w.begin_mib, "after the tenth chunk",
				       "grows by at most 1 MiB",
				       lk_bench_judge(mib <= w.begin_mib + GROWTH_MIB)});
	free(w.times);
}

int main(int argc, char **argv)
{
	/* The smallest table has too few chunks of a tenth of a second to say anything. */
	static const struct {
		int64_t rows;
		double target_ms;
	} sizes[] = {{100000, 20}, {1000000, 100}, {10000000, 100}};
	static const char settings[] = "shared_buffers = 256MB\nmax_wal_size = 8GB\n"
				       "checkpoint_timeout = 1h\nautovacuum = off\n";
	const struct lk_test_server_options options = {.settings = settings};
	const char *wanted = getenv("BENCH_ROWS");
	int64_t most = wanted ? atoll(wanted) : 1000000;
	struct lk_bench bench;
	lk_bench_open(&bench, argc, argv);
	struct lk_test_server *server = lk_test_server_start(&options);
	for (size_t i = 0; i < LK_COUNT(sizes) && sizes[i].rows <= most; i++)
		measure(&bench, server, sizes[i].rows, sizes[i].target_ms);
	lk_test_server_stop(server);
	lk_bench_close(&bench);
	return 0;
}
