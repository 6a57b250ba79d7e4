/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A backfill of a table that nobody else uses, by the real program, beside two others on the same
 * server and the same pages: one UPDATE of the whole table, by a session that our triggers skip as
 * they skip the backfill's; and the statement with which pgroll fills a column, in batches of its
 * default size. They take turns; medians are reported. The server has fsync off, as in the sandbox.
 *
 * Two tables: the sandbox's users, whose second index makes every new row version dear whoever
 * writes it, and the one of pgroll's own benchmark, a key and a name, where a statement's shape is
 * what counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/pg_daemon.h"
#include "tests/bench/bench.h"
#include "tests/bench/follow.h"
#include "tests/bench/shop.h"

#define USERS 1000000
#define PGROLL_BATCH "1000"

enum { MOST_ROUNDS = 15 };

static const char expand_plan[] =
	"plan: %s\n"
	"steps:\n"
	"  expand:\n"
	"    - dual_write: {table: users, from: username, to: user_handle, like: username}\n"
	"%s";

static const char migrate_steps[] =
	"  migrate:\n"
	"    - backfill: {table: users, set: {user_handle: username}}\n";

static const char whole_sql[] = "SET lockkeeper.backfill = 'on';"
				"UPDATE users SET user_handle = username";

/* The table of pgroll's own benchmark. */
static const char narrow_sql[] = "ALTER TABLE users RENAME TO wide;"
				 "CREATE TABLE users AS SELECT id, username FROM wide ORDER BY id;"
				 "DROP TABLE wide CASCADE;"
				 "ALTER TABLE users ADD PRIMARY KEY (id)";

/* What pgroll makes of the same change: its column, its mark of what is left, its trigger, which
 * declares every column. The identity would refuse to be assigned to itself. */
static const char pgroll_setup_sql[] =
	"ALTER TABLE users ALTER COLUMN id DROP IDENTITY IF EXISTS;"
	"ALTER TABLE users ADD COLUMN user_handle text;"
	"ALTER TABLE users ADD COLUMN _pgroll_needs_backfill boolean DEFAULT true;"
	"DO $do$ BEGIN EXECUTE format($f$"
	" CREATE FUNCTION _pgroll_trigger_users_user_handle() RETURNS trigger LANGUAGE plpgsql AS $$"
	" DECLARE %s search_path text;"
	" BEGIN"
	"  SELECT current_setting INTO search_path FROM current_setting('search_path');"
	"  IF search_path != 'public_42' THEN"
	"   NEW.user_handle = username;"
	"   NEW._pgroll_needs_backfill = false;"
	"  END IF;"
	"  RETURN NEW;"
	" END $$ $f$,"
	" (SELECT string_agg(format('%1$I users.%1$I%%TYPE := NEW.%1$I;', attname), ' ')"
	"  FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped"
	"  AND attname NOT IN ('user_handle', '_pgroll_needs_backfill'))); END $do$;"
	"CREATE TRIGGER _pgroll_trigger_users_user_handle BEFORE INSERT OR UPDATE ON users"
	" FOR EACH ROW EXECUTE FUNCTION _pgroll_trigger_users_user_handle();"
	"ANALYZE users";

static const char pgroll_sql[] =
	"WITH batch AS ("
	" SELECT id FROM public.users WHERE id > $1::bigint AND _pgroll_needs_backfill = true"
	" ORDER BY id LIMIT " PGROLL_BATCH " FOR NO KEY UPDATE), "
	"update AS ("
	" UPDATE public.users SET id = public.users.id FROM batch WHERE public.users.id = batch.id"
	" RETURNING public.users.id) "
	"SELECT LAST_VALUE(id) OVER () FROM update";

/* One round: a fresh copy of one of the tables, and who fills the column. */
struct round {
	const struct lk_bench *bench;
	const struct lk_test_server *server;
	PGconn *connection;
	char *uri;
};

static void run_plan(const struct round *round, const char *more)
{
	struct lk_bench_run run;
	char *text = lk_format(expand_plan, "bench", more);
	char *plan = lk_bench_plan(round->bench, "bench", text);
	lk_bench_run_begin(round->bench, plan, round->uri, &run);
	lk_bench_run_until_done(&run);
	lk_bench_run_end(&run);
	free(plan);
	free(text);
}

static void must_be_filled(PGconn *connection)
{
	struct lk_error error;
	double left = lk_bench_shop_number(
		connection,
		"SELECT count(*) FROM users WHERE user_handle IS DISTINCT FROM username");
	if (left != 0)
		lk_bench_must(
			lk_fail(&error, LK_ERROR_STATEMENT, "%.0f rows were not filled", left),
			&error);
}

/* The seconds that one UPDATE of everything takes. */
static double whole_table(const struct round *round)
{
	run_plan(round, "");
	lk_bench_shop_sql(round->connection, "CHECKPOINT");
	return lk_bench_shop_sql(round->connection, whole_sql);
}

/* By the journal's times of the step. */
static double by_keeper(const struct round *round)
{
	run_plan(round, migrate_steps);
	return lk_bench_shop_number(round->connection,
				    "SELECT extract(epoch FROM ended_at - started_at)"
				    " FROM lockkeeper.step WHERE verb = 'backfill'");
}

static double by_pgroll(const struct round *round)
{
	struct lk_error error;
	char last[24] = "0";
	bool more = true;
	lk_bench_shop_sql(round->connection, pgroll_setup_sql);
	lk_bench_shop_sql(round->connection, "CHECKPOINT");
	int64_t from = lk_clock_us();
	while (more) {
		const char *const values[] = {last};
		PGresult *result =
			PQexecParams(round->connection, pgroll_sql, 1, NULL, values, NULL, NULL, 0);
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			lk_bench_must(lk_postgres_failed(round->connection, result, &error),
				      &error);
		more = PQntuples(result) > 0;
		if (more)
			LK_COPY(last, PQgetvalue(result, 0, 0));
		PQclear(result);
	}
	return (double)(lk_clock_us() - from) / 1e6;
}

static const struct competitor {
	const char *name;
	double (*seconds)(const struct round *round);
	bool narrow;
} competitors[] = {
	{"users: one whole-table UPDATE", whole_table, false},
	{"users: the backfill", by_keeper, false},
	{"users: pgroll's statement", by_pgroll, false},
	{"key and name: pgroll's statement", by_pgroll, true},
	{"key and name: the backfill", by_keeper, true},
};

/* Rows a second. */
static double measure(const struct lk_bench *bench, const struct lk_test_server *server,
		      const struct competitor *competitor)
{
	struct round round = {.bench = bench, .server = server};
	lk_bench_shop_copy(server, "round");
	round.uri = lk_bench_shop_uri(server, "round");
	round.connection = lk_bench_shop_connect(server, "round");
	if (competitor->narrow) {
		lk_bench_shop_sql(round.connection, narrow_sql);
		lk_bench_shop_sql(round.connection, "VACUUM (FREEZE, ANALYZE) users");
		lk_bench_shop_sql(round.connection, "CHECKPOINT");
	}
	double seconds = competitor->seconds(&round);
	must_be_filled(round.connection);
	PQfinish(round.connection);
	lk_bench_shop_drop(server, "round");
	free(round.uri);
	return USERS / seconds;
}

static void print(const struct lk_bench *bench, const char *name, double ours, double theirs,
		  double at_least)
{
	char against[120], target[40];
	bool pgroll = strstr(name, "pgroll") != NULL;
	snprintf(against, sizeof against, "%s, %.0f rows/s",
		 pgroll ? "pgroll's statement shape" : "one whole-table UPDATE", theirs);
	snprintf(target, sizeof target, "at least %.1f", at_least);
	lk_bench_print(bench, &(struct lk_bench_figure){name, ours, "rows/s", ours / theirs,
							against, at_least > 0 ? target : NULL,
							lk_bench_judge(ours >= at_least * theirs)});
}

int main(int argc, char **argv)
{
	double rates[LK_COUNT(competitors)][MOST_ROUNDS], median[LK_COUNT(competitors)];
	const char *wanted = getenv("ROUNDS");
	struct lk_bench bench;
	lk_bench_open(&bench, argc, argv);
	size_t rounds = wanted && atoi(wanted) > 0 ? (size_t)atoi(wanted) : 5;
	if (rounds > MOST_ROUNDS)
		rounds = MOST_ROUNDS;
	struct lk_test_server *server = lk_bench_shop_start(USERS);
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < LK_COUNT(competitors); i++) {
			rates[i][round] = measure(&bench, server, &competitors[i]);
			lk_bench_say("round %zu: %s, %.0f rows/s", round + 1, competitors[i].name,
				     rates[i][round]);
		}
	for (size_t i = 0; i < LK_COUNT(competitors); i++)
		median[i] = lk_bench_quantile(rates[i], rounds, 0.5);
	print(&bench, "backfill_unloaded", median[1], median[0], 0.9);
	print(&bench, "backfill_pgroll_shape_users", median[1], median[2], 0);
	print(&bench, "backfill_pgroll_shape", median[4], median[3], 3);
	lk_test_server_stop(server);
	lk_bench_close(&bench);
	return 0;
}
