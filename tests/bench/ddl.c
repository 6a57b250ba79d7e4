/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expand's DDL behind a reader that holds the table for 12 s, at about 1,000 transactions/s: the
 * application's longest stall with the real program's dual_write; and beside it in the same run,
 * behind another such reader, what happens to an ALTER TABLE that simply waits.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/bench/bench.h"
#include "tests/bench/follow.h"
#include "sandbox/shop.h"
#include "tests/bench/shop.h"

#define USERS 200000
#define READER_S 12
#define ALONE_MS 4000
#define TARGET_MS 150.0

/* Eight connections with 7.5 ms between: about 1,000 transactions a second. */
enum { CONNECTIONS = 8, PAUSE_US = 7500 };

static const char load_sql[] = "UPDATE users SET balance = balance + 1 WHERE id ="
			       " (SELECT 1 + floor(random() * 200000)::bigint)";

static const char plan_text[] =
	"plan: bench-ddl\n"
	"steps:\n"
	"  expand:\n"
	"    - dual_write: {table: users, from: username, to: user_handle, like: username}\n";

struct reader {
	PGconn *connection;
	pthread_t thread;
};

/* What the load saw from one moment to another. */
struct seen {
	double longest_ms, per_s, seconds;
	int64_t errors;
};

static void *read_slowly(void *argument)
{
	struct reader *reader = argument;
	char sql[120];
	snprintf(sql, sizeof sql, "BEGIN; SELECT count(*) FROM users; SELECT pg_sleep(%d); COMMIT",
		 READER_S);
	lk_bench_shop_sql(reader->connection, sql);
	return NULL;
}

/* Returns when the reader holds its lock. */
static void start_reader(const struct lk_test_server *server, struct reader *reader)
{
	struct lk_error error;
	reader->connection = lk_bench_shop_connect(server, "test");
	if (pthread_create(&reader->thread, NULL, read_slowly, reader) != 0)
		lk_bench_must(lk_fail(&error, LK_ERROR_SYSTEM, "no thread"), &error);
	if (!lk_test_wait(server,
			  "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event ="
			  " 'PgSleep')",
			  20))
		lk_bench_must(lk_fail(&error, LK_ERROR_SYSTEM, "the reader does not read"), &error);
}

static void end_reader(struct reader *reader)
{
	pthread_join(reader->thread, NULL);
	PQfinish(reader->connection);
}

static struct lk_test_load *begin(const struct lk_test_server *server, int64_t *from_us)
{
	*from_us = lk_clock_us();
	return lk_test_load_start(server, load_sql, CONNECTIONS, PAUSE_US);
}

static struct seen end(struct lk_test_load *load, int64_t from_us)
{
	struct lk_error error;
	struct lk_test_load_result result;
	double seconds = (double)(lk_clock_us() - from_us) / 1e6;
	lk_test_load_stop(load, &result);
	if (result.errors > 0)
		lk_bench_must(lk_fail(&error, LK_ERROR_STATEMENT, "the load failed: %s",
				      result.first_error),
			      &error);
	return (struct seen){.longest_ms = result.longest_ms,
			     .per_s = (double)result.transactions / seconds,
			     .seconds = seconds,
			     .errors = result.errors};
}

/* Nothing but the load, as long as it takes to see the machine's own hiccups. */
static struct seen alone(const struct lk_test_server *server)
{
	int64_t from_us;
	struct lk_test_load *load = begin(server, &from_us);
	lk_sleep_ms(ALONE_MS);
	return end(load, from_us);
}

static struct seen by_program(const struct lk_bench *bench, const struct lk_test_server *server)
{
	struct lk_bench_run run;
	struct reader reader;
	int64_t from_us;
	char *plan = lk_bench_plan(bench, "bench-ddl", plan_text);
	char *uri = lk_bench_shop_uri(server, "test");
	struct lk_test_load *load = begin(server, &from_us);
	start_reader(server, &reader);
	lk_bench_run_begin(bench, plan, uri, &run);
	lk_bench_run_until_done(&run);
	struct seen seen = end(load, from_us);
	end_reader(&reader);
	lk_bench_run_end(&run);
	free(uri);
	free(plan);
	return seen;
}

static struct seen by_waiting(const struct lk_test_server *server)
{
	struct reader reader;
	int64_t from_us;
	PGconn *connection = lk_bench_shop_connect(server, "test");
	struct lk_test_load *load = begin(server, &from_us);
	start_reader(server, &reader);
	lk_bench_shop_sql(connection, "ALTER TABLE users ADD COLUMN waited_for text");
	struct seen seen = end(load, from_us);
	end_reader(&reader);
	PQfinish(connection);
	return seen;
}

static void print(const struct lk_bench *bench, const struct seen *quiet, const struct seen *ours,
		  const struct seen *naive)
{
	char against[160];
	snprintf(against, sizeof against,
		 "%.1f ms alone; %.0f transactions/s, %.1f s behind the reader", quiet->longest_ms,
		 ours->per_s, ours->seconds);
	lk_bench_print(bench,
		       &(struct lk_bench_figure){"ddl_behind_reader", ours->longest_ms, "ms", 0,
						 against, "at most 150",
						 lk_bench_judge(ours->longest_ms <= TARGET_MS)});
	snprintf(against, sizeof against, "the program's longest stall, %.1f ms", ours->longest_ms);
	lk_bench_print(bench,
		       &(struct lk_bench_figure){.name = "ddl_without_lock_timeout",
						 .value = naive->longest_ms,
						 .unit = "ms",
						 .ratio = naive->longest_ms / ours->longest_ms,
						 .against = against});
}

int main(int argc, char **argv)
{
	struct lk_bench bench;
	struct lk_error error;
	lk_bench_open(&bench, argc, argv);
	/* The load of the tests' server works in its database "test". */
	struct lk_test_server *server = lk_bench_shop_start(1);
	struct lk_link *link = lk_bench_shop_link(server, "test");
	lk_bench_must(lk_shop_create_tables(link, USERS, &error), &error);
	lk_link_close(link);
	struct seen quiet = alone(server);
	struct seen ours = by_program(&bench, server);
	struct seen naive = by_waiting(server);
	print(&bench, &quiet, &ours, &naive);
	lk_test_server_stop(server);
	lk_bench_close(&bench);
	return 0;
}
