/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An instant ALTER TABLE behind a reader that holds the table for 12 s, on MariaDB and MySQL as they come, at about
 * 1,000 transactions/s: the application's longest stall with the real program; and beside it in the same run, behind
 * another such reader, what happens to an ALTER TABLE that simply waits.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "tests/bench/bench.h"
#include "tests/bench/follow.h"
#include "tests/server/my_load.h"

/* 2 to this power rows. */
#define DOUBLINGS 17
#define READER "BEGIN; SELECT COUNT(*) FROM users; DO SLEEP(12); COMMIT"
#define ALONE_MS 4000
#define TARGET_MS 150.0

/* Eight connections with 7.5 ms between: about 1,000 transactions a second. */
enum { CONNECTIONS = 8, PAUSE_US = 7500 };

/* The number is drawn before: RAND() in a WHERE is another one for each row. */
static const char load_sql[] = "SET @id = 1 + FLOOR(RAND() * 100000);"
			       "UPDATE users SET balance = balance + 1 WHERE id = @id";

static const char plan_text[] =
	"plan: bench-my-ddl\n"
	"steps:\n"
	"  expand:\n"
	"    - ddl: \"ALTER TABLE users ADD COLUMN user_handle varchar(40)\"\n"
	"      undo: \"ALTER TABLE users DROP COLUMN user_handle\"\n";

struct reader {
	const struct lk_test_my *server;
	pthread_t thread;
};

/* What the load saw from one moment to another. */
struct seen {
	double longest_ms, per_s, seconds;
};

static void *read_slowly(void *argument)
{
	struct reader *reader = argument;
	lk_test_my_sql(reader->server, READER);
	return NULL;
}

/* Returns when the reader holds its lock. */
static void start_reader(const struct lk_test_my *server, struct reader *reader)
{
	struct lk_error error;
	reader->server = server;
	lk_bench_must(lk_thread_start(&reader->thread, read_slowly, reader, &error), &error);
	if (!lk_test_my_wait(server,
			     "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE"
			     " 'DO SLEEP%'",
			     20))
		lk_bench_must(lk_fail(&error, LK_ERROR_SYSTEM, "the reader does not read"), &error);
}

static struct lk_test_my_load *begin(const struct lk_test_my *server, int64_t *from_us)
{
	*from_us = lk_clock_us();
	return lk_test_my_load_start(server, load_sql, CONNECTIONS, PAUSE_US);
}

static struct seen end(struct lk_test_my_load *load, int64_t from_us)
{
	struct lk_error error;
	struct lk_test_my_load_result result;
	double seconds = (double)(lk_clock_us() - from_us) / 1e6;
	lk_test_my_load_stop(load, &result);
	if (result.errors > 0)
		lk_bench_must(lk_fail(&error, LK_ERROR_STATEMENT, "the load failed: %s",
				      result.first_error),
			      &error);
	return (struct seen){.longest_ms = result.longest_ms,
			     .per_s = (double)result.transactions / seconds,
			     .seconds = seconds};
}

static struct seen alone(const struct lk_test_my *server)
{
	int64_t from_us;
	struct lk_test_my_load *load = begin(server, &from_us);
	lk_sleep_ms(ALONE_MS);
	return end(load, from_us);
}

static struct seen by_program(const struct lk_bench *bench, const struct lk_test_my *server)
{
	struct lk_bench_run run;
	struct reader reader;
	int64_t from_us;
	char *plan = lk_bench_plan(bench, "bench-my-ddl", plan_text);
	char *uri = lk_test_my_uri(server, "root", NULL);
	struct lk_test_my_load *load = begin(server, &from_us);
	start_reader(server, &reader);
	lk_bench_run_begin(bench, plan, uri, &run);
	lk_bench_run_until_done(&run);
	struct seen seen = end(load, from_us);
	pthread_join(reader.thread, NULL);
	lk_bench_run_end(&run);
	free(uri);
	free(plan);
	return seen;
}

static struct seen by_waiting(const struct lk_test_my *server)
{
	struct reader reader;
	int64_t from_us;
	struct lk_test_my_load *load = begin(server, &from_us);
	start_reader(server, &reader);
	lk_test_my_sql(server, "ALTER TABLE users ADD COLUMN waited_for text, ALGORITHM=INSTANT");
	struct seen seen = end(load, from_us);
	pthread_join(reader.thread, NULL);
	return seen;
}

static void print(const struct lk_bench *bench, const char *engine, const struct seen *quiet,
		  const struct seen *ours, const struct seen *naive)
{
	char against[160], name[60];
	snprintf(against, sizeof against,
		 "%.1f ms alone; %.0f transactions/s, %.1f s behind the reader", quiet->longest_ms,
		 ours->per_s, ours->seconds);
	snprintf(name, sizeof name, "ddl_behind_reader_%s", engine);
	lk_bench_print(bench, &(struct lk_bench_figure){
				      name, ours->longest_ms, "ms", 0, against, "at most 150",
				      lk_bench_judge(ours->longest_ms <= TARGET_MS)});
	snprintf(against, sizeof against, "the program's longest stall, %.1f ms", ours->longest_ms);
	snprintf(name, sizeof name, "ddl_that_waits_%s", engine);
	lk_bench_print(bench,
		       &(struct lk_bench_figure){.name = name,
						 .value = naive->longest_ms,
						 .unit = "ms",
						 .ratio = naive->longest_ms / ours->longest_ms,
						 .against = against});
}

static void make_users(const struct lk_test_my *server)
{
	lk_test_my_sql(
		server,
		"CREATE TABLE users (id bigint AUTO_INCREMENT PRIMARY KEY, username"
		" varchar(40) NOT NULL, balance bigint NOT NULL DEFAULT 0); INSERT INTO users"
		" (username) VALUES ('somebody')");
	for (int i = 0; i < DOUBLINGS; i++)
		lk_test_my_sql(server, "INSERT INTO users (username) SELECT username FROM users");
}

static void measure(const struct lk_bench *bench, const struct lk_test_flavour *flavour)
{
	/* MySQL shows its metadata locks when it has its performance schema, MariaDB does not by itself. */
	static const char *const options[] = {"--performance-schema=1", NULL};
	lk_test_my_use(flavour);
	struct lk_test_my *server = lk_test_my_start(options);
	if (!server) {
		lk_bench_say("%s is not there: not measured", flavour->label);
		return;
	}
	make_users(server);
	struct seen quiet = alone(server);
	struct seen ours = by_program(bench, server);
	struct seen naive = by_waiting(server);
	print(bench, flavour->name, &quiet, &ours, &naive);
	lk_test_my_stop(server);
}

int main(int argc, char **argv)
{
	struct lk_bench bench;
	lk_bench_open(&bench, argc, argv);
	for (size_t i = 0; lk_test_flavours[i]; i++)
		measure(&bench, lk_test_flavours[i]);
	lk_bench_close(&bench);
	return 0;
}
