/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The backfill among everything else that goes on: growth, gaps, odd settings, missing standbys. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/throttle.h"
#include "step/pg_backfill_sql.h"
#include "tests/server/steps.h"

#define BACKFILL "backfill-1"
#define FILL "plan: p\nsteps:\n  migrate:\n    - backfill: {table: b, set: {n: 'n + 1'}}\n"

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
	lk_test_sql(server, "SET client_min_messages TO warning; DROP TABLE IF EXISTS b CASCADE");
	lk_test_sql(server, sql);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome != expected)
		fail_msg("outcome %d, not %d: %s", outcome, expected, steps->error.text);
}

static void fill(struct lk_test_steps *steps, const struct lk_test_server *server)
{
	lk_test_steps_open(steps, server, FILL);
	must_be(steps, lk_test_step_forward(steps, BACKFILL), LK_OUTCOME_DONE);
}

static void gaps_of_a_billion_cost_nothing(void **state)
{
	struct lk_test_steps steps;
	make(*state,
	     "CREATE TABLE b (k bigint PRIMARY KEY, n int DEFAULT 0);"
	     "INSERT INTO b SELECT i * 1000000000::bigint + i % 3 FROM generate_series(-2000, 2000) i");
	fill(&steps, *state);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 4001);
	assert_true(lk_test_steps_progress(&steps).chunks <= 12);
	lk_test_steps_close(&steps);
}

/* Rows come behind the end faster than they are walked: what was there at the beginning is the end. */
static void pgroll_583_a_table_that_grows_meanwhile_is_finished(void **state)
{
	struct lk_test_steps steps;
	struct lk_test_load_result result;
	make(*state,
	     "CREATE SEQUENCE IF NOT EXISTS up; CREATE SEQUENCE IF NOT EXISTS down INCREMENT -1;"
	     "CREATE TABLE b (k bigint PRIMARY KEY, n int DEFAULT 0, late boolean);"
	     "INSERT INTO b SELECT generate_series(1, 10000);"
	     "SELECT setval('up', 10000), setval('down', -1)");
	struct lk_test_load *rising = lk_test_load_start(
		*state, "INSERT INTO b SELECT nextval('up'), 0, true FROM generate_series(1, 100)",
		1, 0);
	struct lk_test_load *falling = lk_test_load_start(
		*state, "INSERT INTO b VALUES (nextval('down'), 0, true)", 1, 1000);
	lk_test_steps_open(&steps, *state, FILL);
	lk_pace_set(&steps.pace, false, 10, 2.0);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(
		lk_test_number(*state, "SELECT count(*) FROM b WHERE late IS NULL AND n = 1"),
		10000);
	/* It went on growing until the end, and nobody walked after it. */
	int64_t walked = lk_test_steps_progress(&steps).rows_done;
	assert_true(lk_test_number(*state, "SELECT count(*) FROM b WHERE late AND n = 0") > 100);
	assert_int_equal(lk_test_number(*state, "SELECT max(n) FROM b"), 1);
	assert_true(walked < lk_test_number(*state, "SELECT count(*) FROM b"));
	lk_test_load_stop(rising, &result);
	assert_string_equal(result.first_error, "");
	lk_test_load_stop(falling, &result);
	assert_string_equal(result.first_error, "");
	lk_test_steps_close(&steps);
}

/* The plan of SQL over a range, on a connection that is set as a chunk is. */
static char *planned(const struct lk_test_server *server, char *sql, int parameters)
{
	static const char *const values[] = {"20000", "10000"};
	PGconn *connection = lk_test_connect(server);
	char *begin = lk_pg_backfill_begin_sql(100, NULL), *text = lk_format("EXPLAIN %s", sql);
	struct lk_buffer out = {0};
	lk_test_do(connection, begin);
	PGresult *result = PQexecParams(connection, text, parameters, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s", PQerrorMessage(connection));
	for (int i = 0; i < PQntuples(result); i++)
		lk_buffer_addf(&out, "%s\n", PQgetvalue(result, i, 0));
	PQclear(result);
	PQfinish(connection);
	free(begin);
	free(text);
	free(sql);
	return lk_buffer_take(&out);
}

static void walks_by_key(const struct lk_test_server *server)
{
	struct lk_error error;
	struct lk_table table;
	char column[] = "n", expression[] = "n + 1";
	struct lk_assignment set = {.column = column, .expression = expression};
	struct lk_step step = {.set = &set, .set_count = 1};
	char *uri = lk_test_server_uri(server, LK_TEST_PRIMARY);
	struct lk_session *session = lk_session_open(uri, "plans", "worker", &error);
	assert_non_null(session);
	assert_true(lk_catalog_table(session, "b", &table, &error));
	char *const plans[] = {
		planned(server, lk_pg_backfill_last_sql(&table), 0),
		planned(server, lk_pg_backfill_nth_sql(&table, false, 5000), 1),
		planned(server, lk_pg_backfill_nth_sql(&table, true, 5000), 2),
		planned(server, lk_pg_backfill_count_sql(&table, true), 2),
		planned(server, lk_pg_backfill_update_sql(session, &table, &table, &step, true), 2),
	};
	for (size_t i = 0; i < LK_COUNT(plans); i++) {
		assert_contains(plans[i], "b_pkey");
		/* In its order, and over no more than the range. */
		if (strstr(plans[i], "Sort") || strstr(plans[i], "Seq Scan") ||
		    (i > 0 && !strstr(plans[i], "Index Cond: ")))
			fail_msg("%s", plans[i]);
		free(plans[i]);
	}
	lk_table_free(&table);
	lk_session_close(session);
	free(uri);
}

static void a_table_never_analysed_is_walked_by_its_key(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0, x text)"
		     " WITH (autovacuum_enabled = off);"
		     "INSERT INTO b SELECT i, 0, repeat('x', 20) FROM generate_series(1, 40000) i");
	assert_int_equal(
		lk_test_number(*state, "SELECT reltuples FROM pg_class WHERE relname = 'b'"), -1);
	walks_by_key(*state);
	/* How many rows there are is guessed well enough for a bar. */
	fill(&steps, *state);
	assert_in_range(lk_test_steps_progress(&steps).rows_total, 20000, 80000);
	lk_test_steps_close(&steps);
	/* Nor do statistics that lie lead away from it. */
	lk_test_sql(
		*state,
		"ANALYZE b; UPDATE pg_class SET reltuples = 3, relpages = 1 WHERE relname = 'b'");
	walks_by_key(*state);
}

static void toasted_values_stay_where_they_are(void **state)
{
	static const char size[] = "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE"
				   " relname = 'b'";
	struct lk_test_steps steps;
	make(*state,
	     "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0, big text);"
	     "ALTER TABLE b ALTER big SET STORAGE EXTERNAL;"
	     "INSERT INTO b SELECT i, 0, repeat(md5(i::text), 300) FROM generate_series(1, 1500) i");
	int64_t before = lk_test_number(*state, size);
	assert_true(before > 10000000);
	fill(&steps, *state);
	lk_test_steps_close(&steps);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1 AND big ="
						" repeat(md5(k::text), 300)"),
			 1500);
	assert_int_equal(lk_test_number(*state, size), before);
}

/* Hazard 9: what the new release cleared does not come back, what it wrote before the backfill stays. */
static void hazard_9_order_loses_nothing(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, old text);"
		     "INSERT INTO b SELECT i, 'o' || i FROM generate_series(1, 3000) i");
	lk_test_steps_open(
		&steps, *state,
		"plan: p\noperations:\n  - rename_column: {table: b, from: old, to: new}\n");
	lk_test_steps_until(&steps, "new-release");
	lk_test_sql(*state, "UPDATE b SET new = NULL WHERE k = 10;"
			    "UPDATE b SET new = 'mine' WHERE k = 20;"
			    "UPDATE b SET old = 'theirs' WHERE k = 30;"
			    "INSERT INTO b (k, new) VALUES (-1, 'early')");
	lk_test_steps_until(&steps, "contract");
	PGconn *connection = lk_test_connect(*state);
	assert_rows(connection, "SELECT k, old, new FROM b WHERE k IN (-1, 10, 20, 30) ORDER BY k",
		    "-1|early|early\n10|NULL|NULL\n20|mine|mine\n30|theirs|theirs");
	assert_rows(connection, "SELECT count(*) FROM b WHERE old IS DISTINCT FROM new", "0");
	PQfinish(connection);
	lk_test_steps_close(&steps);
}

/* Whatever the role's or the server's settings are, ours count. */
static void settings_of_the_role_do_not_reach_us(void **state)
{
	struct lk_test_steps steps;
	make(*state,
	     "CREATE TABLE b (k timestamptz PRIMARY KEY, n int DEFAULT 0, d float8 DEFAULT 0);"
	     "INSERT INTO b SELECT '2024-10-27 00:00+00'::timestamptz + i * interval '1.000001 s' FROM"
	     " generate_series(1, 6000) i;"
	     "CREATE ROLE odd SUPERUSER LOGIN;"
	     "ALTER ROLE odd SET statement_timeout = '1ms';"
	     "ALTER ROLE odd SET lock_timeout = '1ms';"
	     "ALTER ROLE odd SET idle_in_transaction_session_timeout = '1ms';"
	     "ALTER ROLE odd SET default_transaction_read_only = on;"
	     "ALTER ROLE odd SET default_transaction_isolation = 'serializable';"
	     "ALTER ROLE odd SET row_security = off;"
	     "ALTER ROLE odd SET datestyle = 'SQL, DMY';"
	     "ALTER ROLE odd SET timezone = 'Europe/Berlin';"
	     "ALTER ROLE odd SET enable_indexscan = off;"
	     "ALTER ROLE odd SET default_transaction_deferrable = on;"
	     "ALTER ROLE odd SET search_path = pg_temp, public");
	lk_test_steps_open_as(&steps, *state, "odd", FILL);
	/* Longer than the time-outs, with a transaction open in each chunk. */
	lk_pace_set(&steps.pace, false, 50, 0.2);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 6000);
	lk_test_steps_close(&steps);
	lk_test_sql(*state, "DROP OWNED BY odd; DROP ROLE odd");
}

static void set_standby(const struct lk_test_server *server, const char *names)
{
	char *sql = lk_format("SET synchronous_commit = local;"
			      "ALTER SYSTEM SET synchronous_standby_names = '%s'",
			      names);
	PGconn *connection = lk_test_connect(server);
	/* ALTER SYSTEM stands in no transaction. */
	char *second = strchr(sql, ';');
	*second = '\0';
	lk_test_do(connection, sql);
	lk_test_do(connection, second + 1);
	lk_test_do(connection, "SELECT pg_reload_conf()");
	char *is = lk_format("SELECT current_setting('synchronous_standby_names') = '%s'", names);
	assert_true(lk_test_wait(server, is, 10));
	PQfinish(connection);
	free(is);
	free(sql);
}

/* The commit of a chunk hangs, with its locks; a stop lets it go, and it counts. */
static void without_its_synchronous_standby_the_run_comes_to_rest_and_says_so(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0);"
		     "INSERT INTO b SELECT generate_series(1, 20000)");
	lk_test_steps_open(&steps, *state, FILL);
	lk_pace_set(&steps.pace, false, 10, 0.1);
	lk_test_step_begin(&steps, BACKFILL, false);
	while (lk_test_steps_progress(&steps).chunks < 2)
		assert_false(lk_test_step_ended(&steps));
	set_standby(*state, "nobody");
	char *hangs =
		lk_format("SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = %d",
			  steps.session->id);
	bool hung = lk_test_wait(*state, hangs, 10);
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	assert_true(hung);
	int64_t walked = lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1");
	assert_true(walked > 0 && walked < 20000);
	/* Begun again, it waits before it begins anything, and stops at once. */
	lk_test_step_begin(&steps, BACKFILL, false);
	assert_true(lk_test_steps_hears(&steps, "waiting for synchronous standby: "));
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), walked);
	/* Two are wanted, none is there; then none is wanted any more. */
	set_standby(*state, "ANY 2 (nobody, noone)");
	lk_test_step_begin(&steps, BACKFILL, false);
	assert_true(lk_test_steps_hears(&steps, "'ANY 2 (nobody, noone)'"));
	set_standby(*state, "");
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 20000);
	assert_int_equal(lk_test_steps_progress(&steps).rows_done, 20000);
	free(hangs);
	lk_test_steps_close(&steps);
}

/* What the keeper does with each sample. Yields whether the lag of the replica holds the work back. */
static bool watch_lag(struct lk_test_steps *steps, struct lk_session *session, struct lk_lag *lag,
		      struct lk_throttle *throttle)
{
	static const struct lk_limits limits = {
		.lag_ms = 500, .lock_wait_ms = 5000, .chunk_time_ms = 20, .running = 50};
	static const struct lk_watch_scope scope = {.run = "none"};
	const struct lk_lock_tree tree = {.longest_victim_ms = 0};
	struct lk_sample sample = {0};
	struct lk_error error;
	if (!lk_watch_sample(session, &scope, &sample, &error))
		fail_msg("%s", error.text);
	lk_lag_learn(lag, &sample);
	lk_throttle_decide(
		throttle, &limits,
		&(struct lk_throttle_view){.sample = &sample, .lag = lag, .tree = &tree});
	lk_pace_set(&steps->pace, throttle->hold, throttle->chunk_target_ms, 8.0);
	lk_sample_free(&sample);
	return throttle->hold && strstr(throttle->reason, "lag ");
}

/* A reader on the replica holds up what is replayed there, until the replica's own patience ends: the work is
 * held back for so long, and not for ever. */
static void a_reader_on_the_replica_holds_the_work_back_for_a_while(void **state)
{
	const struct lk_test_server_options options = {
		.replica = true,
		.settings = "hot_standby_feedback = off\nmax_standby_streaming_delay = 3s\n"
			    "wal_receiver_status_interval = 1s\n"};
	struct lk_test_server *server = lk_test_server_start(&options);
	struct lk_test_steps steps;
	struct lk_error error;
	struct lk_lag *lag = lk_alloc(sizeof *lag);
	struct lk_throttle *throttle = lk_alloc(sizeof *throttle);
	char *uri = lk_test_server_uri(server, LK_TEST_PRIMARY);
	char *far = lk_test_server_conninfo(server, LK_TEST_REPLICA, "postgres", "test");
	int held = 0, went_on = 0;
	(void)state;
	lk_test_sql(server, "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0, x int);"
			    "INSERT INTO b SELECT generate_series(1, 60000)");
	lk_test_steps_open(&steps, server, FILL);
	assert_true(lk_test_wait(
		server, "SELECT replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication", 20));
	struct lk_session *watcher = lk_session_open(uri, "none", "watch", &error);
	PGconn *reader = PQconnectdb(far);
	assert_rows(reader, "SELECT pg_is_in_recovery()", "t");
	lk_test_do(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM b");
	PGconn *app = lk_test_connect(server);
	lk_test_do(app, "ALTER TABLE b ADD late int");
	lk_test_step_begin(&steps, BACKFILL, false);
	for (int64_t until = lk_clock_us() + 60000000;
	     !lk_test_step_ended(&steps) && lk_clock_us() < until; lk_sleep_ms(20)) {
		bool holds = watch_lag(&steps, watcher, lag, throttle);
		held += holds;
		went_on += held > 0 && !holds;
	}
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	if (held <= 10 || went_on == 0)
		fail_msg("held %d times, went on %d times; last: %s", held, went_on,
			 throttle->reason);
	/* The replica ended the reader, as it is set to. */
	PQclear(PQexec(reader, "SELECT count(*) FROM b"));
	assert_int_equal(PQstatus(reader), CONNECTION_BAD);
	assert_int_equal(lk_test_number(server, "SELECT count(*) FROM b WHERE n = 1"), 60000);
	PQfinish(app);
	PQfinish(reader);
	lk_session_close(watcher);
	lk_test_steps_close(&steps);
	lk_test_server_stop(server);
	free(lag);
	free(throttle);
	free(uri);
	free(far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_of_a_billion_cost_nothing),
		cmocka_unit_test(pgroll_583_a_table_that_grows_meanwhile_is_finished),
		cmocka_unit_test(a_table_never_analysed_is_walked_by_its_key),
		cmocka_unit_test(toasted_values_stay_where_they_are),
		cmocka_unit_test(hazard_9_order_loses_nothing),
		cmocka_unit_test(settings_of_the_role_do_not_reach_us),
		cmocka_unit_test(a_reader_on_the_replica_holds_the_work_back_for_a_while),
		cmocka_unit_test(without_its_synchronous_standby_the_run_comes_to_rest_and_says_so),
	};
	return cmocka_run_group_tests_name("backfill in the wild", tests, start, stop);
}
