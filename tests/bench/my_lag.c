/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lag that the keeper shows of a replica that is late on purpose, beside the truth: a mark of our own is
 * written to the primary all the time, and what the replica shows of it is read as often. Once on MariaDB and once
 * on MySQL, with each delay.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "keeper/follow_thread.h"
#include "tests/bench/bench.h"
#include "tests/server/my_server.h"

#define TARGET_MS 200.0
#define WATCH_US 15000000
#define SETTLE_US 8000000
#define STEP_MS 5
/* The truth around the moment of a reading: the servers' delay moves in jumps. */
#define WINDOW_US 30000

enum { MOST = 20000, SAMPLE_EVERY = 100 };

struct bench {
	struct lk_test_my *primary, *replica;
	struct lk_session *write, *read, *watch;
	struct lk_shared shared;
	struct lk_followers followers;
	int64_t at_us[MOST],
		mark_us[MOST]; /* when we looked, and when the newest mark there was written */
	size_t count;
	double errors[MOST];
	size_t error_count;
	double worst;
};

static struct lk_session *open_session(const char *uri, const char *role)
{
	struct lk_error error;
	struct lk_session *session = lk_session_open(uri, "bench", role, &error);
	lk_bench_must(session != NULL, &error);
	return session;
}

static void run(struct lk_session *session, const char *sql)
{
	struct lk_error error;
	lk_bench_must(lk_execute(session, sql, &error), &error);
}

/* Writes a mark, and looks at what the replica shows. */
static void step(struct bench *b)
{
	struct lk_error error;
	struct lk_result r;
	char number[24];
	snprintf(number, sizeof number, "%lld", (long long)lk_clock_us());
	lk_bench_must(LK_RUN(b->write, &error, "UPDATE test.mark SET at = $1", number), &error);
	lk_bench_must(LK_QUERY(b->read, &r, &error, "SELECT at FROM test.mark"), &error);
	if (b->count < MOST) {
		b->at_us[b->count] = lk_clock_us();
		b->mark_us[b->count++] = lk_cell_int(&r, 0, 0);
	}
	lk_result_free(&r);
	lk_sleep_ms(STEP_MS);
}

/* How far the shown lag of that moment is from what we saw around it; negative: we did not look then. */
static double error_of(const struct bench *b, int64_t read_us, double shown_ms)
{
	double least = INFINITY, most = -1;
	for (size_t i = 0; i < b->count; i++) {
		double lag = (double)(b->at_us[i] - b->mark_us[i]) / 1000.0;
		if (llabs(b->at_us[i] - read_us) > WINDOW_US)
			continue;
		least = lag < least ? lag : least;
		most = lag > most ? lag : most;
	}
	if (most < 0)
		return -1;
	return shown_ms < least ? least - shown_ms : shown_ms > most ? shown_ms - most : 0;
}

static void sample(struct bench *b)
{
	const struct lk_watch_scope scope = {"bench", NULL, NULL};
	struct lk_sample taken;
	struct lk_error error;
	lk_bench_must(lk_watch_sample(b->watch, &scope, &taken, &error), &error);
	lk_followers_fill(&b->followers, &taken);
	lk_sample_free(&taken);
}

static void compare(struct bench *b, int64_t *last_us)
{
	struct lk_follower *f = &b->followers.list[0];
	pthread_mutex_lock(&b->followers.mutex);
	int64_t read_us = f->read_us;
	double shown = f->lag_ms;
	pthread_mutex_unlock(&b->followers.mutex);
	/* Only readings around which we have looked on both sides. */
	if (read_us == *last_us || read_us + WINDOW_US > b->at_us[b->count - 1])
		return;
	*last_us = read_us;
	double error = error_of(b, read_us, shown);
	if (error < 0)
		return;
	b->errors[b->error_count++] = error;
	b->worst = error > b->worst ? error : b->worst;
}

static void watch(struct bench *b, int64_t us, bool measure)
{
	int64_t until = lk_clock_us() + us, last = 0;
	b->count = b->error_count = 0;
	b->worst = 0;
	for (int i = 0; lk_clock_us() < until && b->count < MOST; i++) {
		step(b);
		if (i % SAMPLE_EVERY == 0)
			sample(b);
		if (measure && b->followers.count > 0)
			compare(b, &last);
	}
}

static void figure(const struct lk_bench *bench, struct bench *b, const char *server, int delay)
{
	char *name = lk_format("lag_error_%s_%ds", server, delay);
	double p99 = lk_bench_quantile(b->errors, b->error_count, 0.99);
	char *against = lk_format("%zu readings of a replica that is %d s late, worst %.0f ms",
				  b->error_count, delay, b->worst);
	struct lk_error error;
	lk_bench_must(b->error_count > 20 || lk_fail(&error, LK_ERROR_LOST, "no lag was ever read"),
		      &error);
	lk_bench_print(bench,
		       &(struct lk_bench_figure){.name = name,
						 .value = p99,
						 .unit = "ms",
						 .against = against,
						 .target = "at most 200",
						 .verdict = lk_bench_judge(p99 <= TARGET_MS)});
	free(against);
	free(name);
}

static bool begin(struct bench *b, char **uri)
{
	memset(b, 0, sizeof *b);
	b->primary = lk_test_my_start_primary(NULL);
	if (!b->primary)
		return false;
	lk_test_my_sql(b->primary, "CREATE USER IF NOT EXISTS root@'127.0.0.1'");
	lk_test_my_sql(b->primary, "GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1'");
	b->replica = lk_test_my_start_replica(b->primary, NULL);
	*uri = lk_test_my_uri(b->primary, "root", NULL);
	char *there = lk_test_my_uri(b->replica, "root", NULL);
	b->write = open_session(*uri, "bench");
	b->watch = open_session(*uri, "watch");
	run(b->write,
	    "CREATE DATABASE lockkeeper; CREATE TABLE lockkeeper.run (name VARCHAR(64) PRIMARY KEY);"
	    "CREATE TABLE test.mark (id INT PRIMARY KEY, at BIGINT NOT NULL) ENGINE=InnoDB;"
	    "INSERT INTO test.mark VALUES (1, 0)");
	lk_test_my_catch_up(b->primary, b->replica);
	b->read = open_session(there, "bench");
	free(there);
	lk_shared_init(&b->shared, NULL);
	b->shared.uri = *uri;
	b->shared.host = "bench";
	LK_COPY(b->shared.run, "bench");
	lk_followers_init(&b->followers, &b->shared, &(struct lk_names){0});
	return true;
}

static void end(struct bench *b, char *uri)
{
	atomic_store(&b->shared.closing, true);
	lk_followers_join(&b->followers);
	lk_session_close(b->write);
	lk_session_close(b->read);
	lk_session_close(b->watch);
	lk_shared_destroy(&b->shared);
	lk_test_my_stop(b->replica);
	lk_test_my_stop(b->primary);
	free(uri);
}

static void measure(const struct lk_bench *bench, const struct lk_test_flavour *flavour)
{
	static const int delays[] = {0, 2, 5};
	struct bench *b = lk_alloc(sizeof *b);
	char *uri = NULL;
	lk_test_my_use(flavour);
	if (!begin(b, &uri)) {
		lk_bench_say("no %s is installed: skipped", flavour->name);
		free(b);
		return;
	}
	for (size_t i = 0; i < LK_COUNT(delays); i++) {
		lk_bench_say("%s, %d s late", flavour->name, delays[i]);
		lk_test_my_delay(b->replica, delays[i]);
		watch(b, SETTLE_US, false);
		watch(b, WATCH_US, true);
		figure(bench, b, flavour->name, delays[i]);
	}
	end(b, uri);
	free(b);
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
