/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the keeper adds to statements that take long by themselves: CREATE INDEX CONCURRENTLY and VALIDATE
 * CONSTRAINT, as steps of a plan and as the same statements from a plain session, by turns on the same
 * table. A step's time is the journal's: from its intent to its record. Nobody else uses the server.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
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
	double index, validate; /* seconds */
};

static struct times by_keeper(const struct lk_bench *bench, PGconn *connection, const char *uri)
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
	struct times times = {lk_bench_shop_number(connection, index),
			      lk_bench_shop_number(connection, validate)};
	free(index);
	free(validate);
	free(plan);
	return times;
}

static struct times by_hand(PGconn *connection)
{
	struct times times;
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

static void print(const struct lk_bench *bench, const char *name, double ours, double theirs)
{
	char against[80];
	snprintf(against, sizeof against, "the statement alone, %.3f s", theirs);
	lk_bench_print(bench, &(struct lk_bench_figure){name, ours, "s", ours / theirs, against,
							"at most 1.01",
							lk_bench_judge(ours <= 1.01 * theirs)});
}

int main(int argc, char **argv)
{
	double index[2][MOST_ROUNDS], validate[2][MOST_ROUNDS];
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
	for (size_t round = 0; round < rounds; round++)
		for (int turn = 0; turn < 2; turn++) {
			/* Each goes first as often as the other. */
			int who = (turn + (int)round) % 2;
			struct times times =
				who == 0 ? by_keeper(&bench, connection, uri) : by_hand(connection);
			index[who][round] = times.index;
			validate[who][round] = times.validate;
			lk_bench_say("round %zu, %s: index %.3f s, validate %.3f s", round + 1,
				     who == 0 ? "keeper" : "by hand", times.index, times.validate);
			clean(connection);
		}
	print(&bench, "index_build", lk_bench_quantile(index[0], rounds, 0.5),
	      lk_bench_quantile(index[1], rounds, 0.5));
	print(&bench, "validate", lk_bench_quantile(validate[0], rounds, 0.5),
	      lk_bench_quantile(validate[1], rounds, 0.5));
	PQfinish(connection);
	free(uri);
	lk_test_server_stop(server);
	lk_bench_close(&bench);
	return 0;
}
