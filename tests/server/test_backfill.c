/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The backfill: chunks by every kind of key, beside an application, stopped anywhere. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/steps.h"

#define BACKFILL "backfill-1"
#define FILL_N "plan: p\nsteps:\n  migrate:\n    - backfill: {table: b, set: {n: 'n + 1'}}\n"

static int start(void **state)
{
	*state = lk_test_server_start(NULL);
	return 0;
}

static int stop(void **state)
{
	lk_test_server_stop(*state);
	return 0;
}

static void make(const struct lk_test_server *server, const char *sql)
{
	lk_test_sql(server,
		    "SET client_min_messages TO warning; DO 'BEGIN EXECUTE format(''DROP %s IF"
		    " EXISTS b CASCADE'', CASE (SELECT relkind FROM pg_class WHERE oid ="
		    " to_regclass(''b'')) WHEN ''v'' THEN ''VIEW'' ELSE ''TABLE'' END); END'");
	lk_test_sql(server, sql);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome != expected)
		fail_msg("outcome %d, not %d: %s", outcome, expected, steps->error.text);
}

/* What the journal says of the step's cursor: rows, chunks and whether it is finished. */
static void assert_cursor(struct lk_test_steps *steps, const char *expected)
{
	PGconn *connection = lk_test_connect(steps->server);
	char *sql =
		lk_format("SELECT rows_done, rows_changed, finished FROM lockkeeper.cursor WHERE"
			  " run = '%s'",
			  steps->name);
	assert_rows(connection, sql, expected);
	free(sql);
	PQfinish(connection);
}

/* Every row got its "n + 1" once: an expression that tells a second time from the first. */
static void fill_once(const struct lk_test_server *server, const char *sql, int64_t rows)
{
	struct lk_test_steps steps;
	char cursor[64];
	make(server, sql);
	lk_test_steps_open(&steps, server, FILL_N);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(server, "SELECT count(*) FROM b WHERE n = 1"), rows);
	assert_int_equal(lk_test_number(server, "SELECT count(*) FROM b WHERE n <> 1"), 0);
	snprintf(cursor, sizeof cursor, "%lld|%lld|t", (long long)rows, (long long)rows);
	assert_cursor(&steps, cursor);
	assert_true(steps.progress.chunks > rows / 1500);
	/* Begun again after its end it has nothing to do. */
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(server, "SELECT max(n) FROM b"), 1);
	lk_test_steps_close(&steps);
}

#define N ", n int DEFAULT 0"
#define HARD_TEXTS                                                                                               \
	"('a'), ('A'), ('ä'), ('Ä'), ('z'), ('ß'), ('ss'), (''), (' '), ('NULL'), ('null'), ('{}'),"          \
	" ('{\"a\",b}'), ('a,b'), ('\"'), (''''), ('\\'), ('\\\\\"'), (E'\\n'), (E'\\t'), ('💥'), ('日本')," \
	" ('$1'), ('%s'), ('--'), ('e\xcc\x81'), ('é'), (E'\\x01')"
#define MANY_TEXTS                                                                                 \
	"INSERT INTO b SELECT v FROM (VALUES " HARD_TEXTS                                          \
	") v(v); INSERT INTO b SELECT v || i FROM (VALUES " HARD_TEXTS                             \
	") v(v), generate_series(1, 60) i"

static void keys_of_every_kind_are_walked(void **state)
{
	static const struct {
		int64_t rows;
		const char *sql;
	} kinds[] = {
		{3000, "CREATE TABLE b (k bigint PRIMARY KEY" N ");"
		       "INSERT INTO b SELECT generate_series(1, 3000)"},
		{2002, "CREATE TABLE b (k bigint PRIMARY KEY" N ");"
		       "INSERT INTO b SELECT i * 1000003 FROM generate_series(-1000, 999) i;"
		       "INSERT INTO b VALUES (9223372036854775807), (-9223372036854775808)"},
		{2001, "CREATE TABLE b (x text, k int PRIMARY KEY" N ");"
		       "INSERT INTO b (k) SELECT i * i * i FROM generate_series(-1000, 1000) i"},
		{2000,
		 "CREATE TABLE b (j int, k text" N ", PRIMARY KEY (j, k));"
		 "INSERT INTO b SELECT i / 100, repeat('x', i % 7) || i FROM generate_series(1,"
		 " 2000) i"},
		{2000, "CREATE TABLE b (j int NOT NULL, k int NOT NULL" N ");"
		       "CREATE UNIQUE INDEX ON b (j, k DESC);"
		       "INSERT INTO b SELECT i % 11, i FROM generate_series(1, 2000) i"},
		{2000,
		 "CREATE TABLE b (k1 boolean, k2 date, k3 char(4)" N ", PRIMARY KEY (k3, k1, k2));"
		 "INSERT INTO b SELECT i % 2 = 0, '2000-01-01'::date + i, i % 9 FROM"
		 " generate_series(1, 2000) i"},
		{2000, "CREATE TABLE b (k uuid PRIMARY KEY" N ");"
		       "INSERT INTO b SELECT gen_random_uuid() FROM generate_series(1, 2000)"},
		{2002,
		 "CREATE TABLE b (k timestamptz PRIMARY KEY" N ");"
		 "INSERT INTO b SELECT '1999-10-31 00:00+00'::timestamptz + i * interval '7 min"
		 " 0.000001 s' FROM generate_series(1, 2000) i;"
		 "INSERT INTO b VALUES ('infinity'), ('4713-01-02 BC')"},
		{2001, "CREATE TABLE b (k numeric PRIMARY KEY" N ");"
		       "INSERT INTO b SELECT i / 7.0 + 1e-30 FROM generate_series(-1000, 999) i;"
		       "INSERT INTO b VALUES ('NaN')"},
		{2001, "CREATE TABLE b (k double precision PRIMARY KEY" N ");"
		       "INSERT INTO b SELECT 0.1 * i FROM generate_series(-1000, 999) i;"
		       "INSERT INTO b VALUES ('NaN')"},
		{2000,
		 "CREATE TABLE b (k bytea PRIMARY KEY" N ");"
		 "INSERT INTO b SELECT sha256(i::text::bytea) FROM generate_series(1, 2000) i"},
		{2000,
		 "CREATE TABLE b (k varchar(9)[] PRIMARY KEY" N ");"
		 "INSERT INTO b SELECT ARRAY['\"', i::text, NULL] FROM generate_series(1, 2000) i"},
		{1708, "CREATE TABLE b (k text COLLATE \"C\" PRIMARY KEY" N ");" MANY_TEXTS},
		{1708, "CREATE TABLE b (k text PRIMARY KEY" N ");" MANY_TEXTS},
	};
	for (size_t i = 0; i < LK_COUNT(kinds); i++)
		fill_once(*state, kinds[i].sql, kinds[i].rows);
}

/* In the order of the key's own collation, which is not the order of its bytes. */
static void text_keys_of_other_collations_are_walked(void **state)
{
	static const char *const collations[] = {"en_US.utf8", "de_DE.utf8", "de-x-icu",
						 "und-x-icu", "careless"};
	int walked = 0;
	lk_test_sql(*state, "DO 'BEGIN CREATE COLLATION careless (provider = icu, locale ="
			    " ''und-u-ks-level2'', deterministic = false); EXCEPTION WHEN"
			    " feature_not_supported THEN NULL; END'");
	for (size_t i = 0; i < LK_COUNT(collations); i++) {
		char *exists = lk_format("SELECT count(*) FROM pg_collation WHERE collname = '%s'",
					 collations[i]);
		bool there = lk_test_number(*state, exists) > 0;
		char *sql = lk_format(
			"CREATE TABLE b (k text COLLATE \"%s\" PRIMARY KEY%s);"
			"INSERT INTO b SELECT v || i FROM (VALUES (''), ('a'), ('B'), ('c'),"
			" ('ä'), ('Ö'), ('-'), ('''')) v(v), generate_series(1, 200) i",
			collations[i], N);
		if (there)
			fill_once(*state, sql, 1600);
		walked += there;
		free(exists);
		free(sql);
	}
	if (!walked)
		skip();
}

static void pgroll_636_an_empty_table_and_small_ones_are_filled(void **state)
{
	struct lk_test_steps steps;
	fill_once(*state, "CREATE TABLE b (k int PRIMARY KEY" N "); INSERT INTO b VALUES (7)", 1);
	fill_once(*state,
		  "CREATE TABLE b (k int PRIMARY KEY" N ");"
		  "INSERT INTO b SELECT generate_series(1, 500)",
		  500);
	make(*state, "CREATE TABLE b (k int PRIMARY KEY" N ")");
	assert_int_equal(
		lk_test_number(*state, "SELECT reltuples FROM pg_class WHERE relname = 'b'"), -1);
	lk_test_steps_open(&steps, *state, FILL_N);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_string_equal(steps.run.note, "the table is empty");
	lk_test_steps_close(&steps);
}

static void where_and_several_columns(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, a int, \"B b\" text, c json);"
		     "INSERT INTO b SELECT generate_series(1, 2000)");
	lk_test_steps_open(
		&steps, *state,
		"plan: p\nsteps:\n  migrate:\n    - backfill:\n        table: b\n        set:\n"
		"          a: 'k * 2'\n          'B b': \"'it''s ' || k\"\n"
		"          c: \"'{}'\"\n        where: 'k % 2 = 0 OR k = 1'\n");
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state,
					"SELECT count(*) FROM b WHERE a = k * 2 AND \"B b\" ="
					" 'it''s ' || k AND c::text = '{}'"),
			 1001);
	assert_int_equal(lk_test_number(*state,
					"SELECT count(*) FROM b WHERE a IS NULL AND \"B b\" IS"
					" NULL AND c IS NULL"),
			 999);
	assert_cursor(&steps, "2000|1001|t");
	lk_test_steps_close(&steps);
}

/* Nothing of ours is open: no transaction, no lock but that of the session itself. */
static void assert_quiet(struct lk_test_steps *steps)
{
	char *sql =
		lk_format("SELECT count(*) = 0 FROM pg_stat_activity a WHERE pid = %d AND (state <>"
			  " 'idle' OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid))",
			  steps->session->id);
	assert_true(lk_test_wait(steps->server, sql, 10));
	free(sql);
}

static void pgroll_1000_stopped_anywhere_it_goes_on_exactly_behind(void **state)
{
	enum { ROWS = 40000, STOPS = 20 };
	struct lk_test_steps steps;
	struct test_random random = {UINT64_C(7)};
	int stopped = 0;
	make(*state, "CREATE TABLE b (j int, k text" N ", PRIMARY KEY (j, k));"
		     "INSERT INTO b SELECT i / 10, 'x' || i FROM generate_series(1, 40000) i");
	lk_test_steps_open(&steps, *state, FILL_N);
	lk_pace_set(&steps.pace, false, 8, 1.0);
	enum lk_outcome outcome = LK_OUTCOME_STOPPED;
	for (int i = 0; i < STOPS && outcome == LK_OUTCOME_STOPPED; i++) {
		int64_t until = lk_clock_us() + test_random(&random, 30000);
		lk_test_step_begin(&steps, BACKFILL, false);
		while (lk_clock_us() < until && !lk_test_step_ended(&steps))
			lk_sleep_ms(0);
		lk_test_steps_stop(&steps);
		outcome = lk_test_step_end(&steps);
		stopped += outcome == LK_OUTCOME_STOPPED;
		assert_quiet(&steps);
	}
	assert_true(stopped >= STOPS / 2);
	if (outcome == LK_OUTCOME_STOPPED)
		outcome = lk_test_step_forward(&steps, BACKFILL);
	must_be(&steps, outcome, LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), ROWS);
	assert_cursor(&steps, "40000|40000|t");
	lk_test_steps_close(&steps);
}

#define DUAL "plan: p\noperations:\n  - rename_column: {table: b, from: old, to: new}\n"

/* The table grows, shrinks and changes, by both releases, while it is walked. */
static void a_table_in_use_ends_up_right(void **state)
{
	static const char *const writes[] = {
		"INSERT INTO b (k, old) SELECT (random() * 20000)::int, random() ON CONFLICT DO NOTHING",
		("INSERT INTO b (k, new) SELECT -(random() * 20000)::int, random() ON CONFLICT (k) DO"
		 " UPDATE SET new = NULL"),
		"UPDATE b SET old = random() WHERE k = (SELECT (random() * 15000)::int)",
		"UPDATE b SET new = NULL WHERE k = (SELECT (random() * 15000)::int)",
		"DELETE FROM b WHERE k = (SELECT (random() * 15000)::int)",
	};
	struct lk_test_steps steps;
	struct lk_test_load *loads[LK_COUNT(writes)];
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, old text);"
		     "INSERT INTO b SELECT i, i FROM generate_series(1, 15000) i");
	lk_test_steps_open(&steps, *state, DUAL);
	lk_test_steps_until(&steps, "new-release");
	for (size_t i = 0; i < LK_COUNT(writes); i++)
		loads[i] = lk_test_load_start(*state, writes[i], 1, 1000);
	lk_pace_set(&steps.pace, false, 10, 2.0);
	/* The backfill, and the verify while the application goes on. */
	lk_test_steps_until(&steps, "contract");
	for (size_t i = 0; i < LK_COUNT(writes); i++) {
		struct lk_test_load_result result;
		lk_test_load_stop(loads[i], &result);
		assert_string_equal(result.first_error, "");
		assert_true(result.transactions > 20);
	}
	assert_int_equal(
		lk_test_number(*state, "SELECT count(*) FROM b WHERE old IS DISTINCT FROM new"), 0);
	lk_test_steps_close(&steps);
}

/* Our chunk gives up; who was there first is not even asked to wait. */
static void a_locked_row_is_waited_for_in_small_portions(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE TABLE b (k int PRIMARY KEY" N ");"
		     "INSERT INTO b SELECT generate_series(1, 2000)");
	PGconn *app = lk_test_connect(*state);
	lk_test_steps_open(&steps, *state, FILL_N);
	lk_test_do(app, "BEGIN; UPDATE b SET k = k WHERE k IN (1200, 1300)");
	lk_test_step_begin(&steps, BACKFILL, false);
	while (lk_test_steps_progress(&steps).retries < 5)
		assert_false(lk_test_step_ended(&steps));
	/* A row that our chunk had locked before it met this one: it was let go. */
	lk_test_do(app, "SET LOCAL statement_timeout = '1s'; UPDATE b SET k = k WHERE k = 1199");
	lk_test_do(app, "COMMIT");
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 2000);
	PQfinish(app);
	lk_test_steps_close(&steps);
}

/* Transactions that lock rows from above, against chunks that lock them from below. */
static void deadlocks_never_reach_the_application(const struct lk_test_server *server)
{
	struct lk_test_steps steps;
	struct lk_test_load_result result;
	make(server, "CREATE TABLE b (k int PRIMARY KEY" N ", other int DEFAULT 0);"
		     "INSERT INTO b SELECT generate_series(1, 3000)");
	lk_test_steps_open(&steps, server, FILL_N);
	lk_pace_set(&steps.pace, false, 100, 0);
	struct lk_test_load *load = lk_test_load_start(
		server,
		"DO $$DECLARE at int := random() * 2900; BEGIN"
		" FOR i IN REVERSE 40..0 LOOP UPDATE b SET other = other + 1 WHERE k = at + i; PERFORM"
		" pg_sleep(0.0005); END LOOP; END$$",
		1, 0);
	lk_test_step_begin(&steps, BACKFILL, false);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	assert_int_equal(lk_test_number(server, "SELECT count(*) FROM b WHERE n = 1"), 3000);
	lk_test_steps_close(&steps);
}

static void hazard_7_our_chunk_loses_every_deadlock(void **state)
{
	deadlocks_never_reach_the_application(*state);
}

static void hazard_7_our_chunk_loses_it_on_an_impatient_server(void **state)
{
	lk_test_sql(*state, "ALTER SYSTEM SET deadlock_timeout = '60ms'");
	lk_test_sql(*state, "SELECT pg_reload_conf()");
	assert_true(
		lk_test_wait(*state, "SELECT current_setting('deadlock_timeout') = '60ms'", 10));
	deadlocks_never_reach_the_application(*state);
	lk_test_sql(*state, "ALTER SYSTEM RESET deadlock_timeout");
	lk_test_sql(*state, "SELECT pg_reload_conf()");
}

static void what_it_cannot_walk_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{"CREATE TABLE b (k int" N ")", "table b has no usable key"},
		{"CREATE TABLE b (k int UNIQUE" N ")", "table b has no usable key"},
		{"CREATE VIEW b AS SELECT 1 AS k, 2 AS n", "b is a view"},
		{"CREATE TABLE b (k int PRIMARY KEY, n int GENERATED ALWAYS AS (k + 1) STORED)",
		 "column b.n is generated"},
		{"CREATE TABLE b (k int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY)",
		 "column b.n is GENERATED ALWAYS AS IDENTITY"},
		{"CREATE TABLE b (n int PRIMARY KEY)", "column b.n is part of the key b_pkey"},
		{"CREATE TABLE b (k int, n int, PRIMARY KEY (k, n)) PARTITION BY LIST (n)",
		 "column b.n is part of the key"},
		{"CREATE TABLE b (k int NOT NULL, n int) PARTITION BY LIST (n)",
		 "column b.n decides in which partition a row stands"},
		{"CREATE TABLE b (k int PRIMARY KEY, n text)", "operator does not exist"},
		{"CREATE TABLE b (k int PRIMARY KEY)", "table b has no column \"n\""},
	};
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		make(*state, cases[i][0]);
		char *refusal = lk_test_steps_refusal(*state, FILL_N);
		assert_contains(refusal, cases[i][1]);
		free(refusal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_every_kind_are_walked),
		cmocka_unit_test(text_keys_of_other_collations_are_walked),
		cmocka_unit_test(pgroll_636_an_empty_table_and_small_ones_are_filled),
		cmocka_unit_test(where_and_several_columns),
		cmocka_unit_test(pgroll_1000_stopped_anywhere_it_goes_on_exactly_behind),
		cmocka_unit_test(a_table_in_use_ends_up_right),
		cmocka_unit_test(a_locked_row_is_waited_for_in_small_portions),
		cmocka_unit_test(hazard_7_our_chunk_loses_every_deadlock),
		cmocka_unit_test(hazard_7_our_chunk_loses_it_on_an_impatient_server),
		cmocka_unit_test(what_it_cannot_walk_is_refused),
	};
	return cmocka_run_group_tests_name("backfill", tests, start, stop);
}
