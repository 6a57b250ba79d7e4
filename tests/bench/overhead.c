/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the keeper adds to statements that take long by themselves, CREATE INDEX CONCURRENTLY and VALIDATE
 * CONSTRAINT: a step's time in the journal, from its intent to its record, against the duration that the server
 * itself logs for the statement. The same statements from a plain session, by turns on the same table, are
 * printed beside it: what the keeper's watching costs them, which only a quiet machine shows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "tests/bench/bench.h"
#include "tests/bench/follow.h"
#include "tests/bench/shop.h"

#define USERS 1000000
#define INDEX "CREATE INDEX CONCURRENTLY bench_idx ON users (email COLLATE \\\"C\\\", display_name)"
#define CHECK                                                                                      \
	"ALTER TABLE users ADD CONSTRAINT bench_check CHECK (email ~ '^[a-z_0-9]+@[a-z.]+$') NOT VALID"
#define VALIDATE "ALTER TABLE users VALIDATE CONSTRAINT bench_check"
#define AWAY "ALTER TABLE users DROP CONSTRAINT bench_check"

enum { MOST_ROUNDS = 25 };

static const char plan_text[] = "plan: bench\n"
				"steps:\n"
				"  expand:\n"
				"    - ddl: \"" INDEX "\"\n"
				"    - ddl: \"" CHECK "\"\n"
				"    - ddl: \"" VALIDATE "\"\n";

struct times {
	double index, validate;		/* seconds */
	double index_own, validate_own; /* by the server's log */
};

/* The seconds of the last statement in the server's log that begins so. */
static double logged(const struct lk_test_server *server, const char *statement)
{
	struct lk_error error;
	char *path = lk_format("%s/primary.log", lk_test_server_folder(server));
	char *text = lk_path_read(path, (size_t)1 << 28, NULL, &error), *mark;
	double seconds = 0;
	lk_bench_must(text != NULL, &error);
	mark = lk_format(" ms  statement: %s", statement);
	for (char *at = strstr(text, mark); at; at = strstr(at + 1, mark)) {
		char *number = at;
		while (number > text && number[-1] != ' ')
			number--;
		seconds = strtod(number, NULL) / 1000;
	}
	free(mark);
	free(text);
	free(path);
	if (seconds == 0)
		lk_bench_must(lk_fail(&error, LK_ERROR_STATEMENT, "the server logged no \"%s\"",
				      statement),
			      &error);
	return seconds;
}

static struct times by_keeper(const struct lk_bench *bench, const struct lk_test_server *server,
			      PGconn *connection, const char *uri)
{
	static const char step_sql[] =
		"SELECT extract(epoch FROM ended_at - started_at) FROM lockkeeper.step WHERE verb = 'ddl'"
		" ORDER BY number LIMIT 1 OFFSET ";
	struct lk_bench_run run;
	char *plan = lk_bench_plan(bench, "bench", plan_text);
	lk_bench_run_begin(bench, plan, uri, &run);
	lk_bench_run_until_done(&run);
	lk_bench_run_end(&run);
	char *index = lk_format("%s 0", step_sql), *validate = lk_format("%s 2", step_sql);
	struct times times = {.index = lk_bench_shop_number(connection, index),
			      .validate = lk_bench_shop_number(connection, validate),
			      .index_own = logged(server, "CREATE INDEX CONCURRENTLY bench_idx"),
			      .validate_own = logged(server, VALIDATE)};
	free(index);
	free(validate);
	free(plan);
	return times;
}

static struct times by_hand(PGconn *connection)
{
	struct times times = {0};
	times.index = lk_bench_shop_sql(
		connection, "CREATE INDEX CONCURRENTLY bench_idx ON users (email COLLATE \"C\","
			    " display_name)");
	lk_bench_shop_sql(connection, CHECK);
	times.validate = lk_bench_shop_sql(connection, VALIDATE);
	return times;
}

/* As it was, and with nothing left to write that the next one would be held up by. */
static void clean(PGconn *connection)
{
	lk_bench_shop_sql(connection, "DROP INDEX bench_idx");
	lk_bench_shop_sql(connection, AWAY);
	lk_bench_shop_sql(connection, "DROP SCHEMA IF EXISTS lockkeeper CASCADE");
	lk_bench_shop_sql(connection, "CHECKPOINT");
}

static void print(const struct lk_bench *bench, const char *name, const double *ours,
		  const double *own, size_t rounds, double by_hand)
{
	char against[120];
	double adds[MOST_ROUNDS], values[MOST_ROUNDS];
	for (size_t i = 0; i < rounds; i++) {
		adds[i] = ours[i] / own[i];
		values[i] = ours[i];
	}
	double ratio = lk_bench_quantile(adds, rounds, 0.5);
	snprintf(against, sizeof against,
		 "the server's own time for the statement (from a plain session %.3f s)", by_hand);
	lk_bench_print(bench, &(struct lk_bench_figure){
				      name, lk_bench_quantile(values, rounds, 0.5), "s", ratio,
				      against, "at most 1.01", lk_bench_judge(ratio <= 1.01)});
}

int main(int argc, char **argv)
{
	double index[2][MOST_ROUNDS], validate[2][MOST_ROUNDS];
	double index_own[MOST_ROUNDS], validate_own[MOST_ROUNDS];
	const char *wanted = getenv("ROUNDS");
	struct lk_bench bench;
	lk_bench_open(&bench, argc, argv);
	size_t rounds = wanted && atoi(wanted) > 0 ? (size_t)atoi(wanted) : 9;
	if (rounds > MOST_ROUNDS)
		rounds = MOST_ROUNDS;
	struct lk_test_server *server = lk_bench_shop_start(USERS);
	lk_bench_shop_copy(server, "round");
	char *uri = lk_bench_shop_uri(server, "round");
	PGconn *connection = lk_bench_shop_connect(server, "round");
	lk_bench_shop_sql(connection, "ALTER SYSTEM SET log_min_duration_statement = '50ms'");
	lk_bench_shop_sql(connection, "SELECT pg_reload_conf()");
	for (size_t round = 0; round < rounds; round++)
		for (int turn = 0; turn < 2; turn++) {
			/* Each goes first as often as the other. */
			int who = (turn + (int)round) % 2;
			struct times times = who == 0 ? by_keeper(&bench, server, connection, uri)
						      : by_hand(connection);
			if (who == 0) {
				index_own[round] = times.index_own;
				validate_own[round] = times.validate_own;
			}
			index[who][round] = times.index;
			validate[who][round] = times.validate;
			lk_bench_say("round %zu, %s: index %.3f s, validate %.3f s", round + 1,
				     who == 0 ? "keeper" : "by hand", times.index, times.validate);
			clean(connection);
		}
	print(&bench, "index_build", index[0], index_own, rounds,
	      lk_bench_quantile(index[1], rounds, 0.5));
	print(&bench, "validate", validate[0], validate_own, rounds,
	      lk_bench_quantile(validate[1], rounds, 0.5));
	PQfinish(connection);
	free(uri);
	lk_test_server_stop(server);
	lk_bench_close(&bench);
	return 0;
}
