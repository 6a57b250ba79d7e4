/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strong locks taken without anybody queueing behind them. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/steps.h"

#define ADD_COLUMN                                                                                 \
	"plan: p\nsteps:\n  expand:\n    - ddl: \"ALTER TABLE g ADD COLUMN c int\"\n"              \
	"      undo: \"ALTER TABLE g DROP COLUMN c\"\n"
#define DDL "ddl-1"

static int start(void **state)
{
	static const struct lk_test_server_options options = {
		.settings = "max_prepared_transactions = 5\nautovacuum_naptime = 1s"};
	struct lk_test_server *server = lk_test_server_start(&options);
	struct lk_test_steps steps;
	lk_test_sql(server, "CREATE ROLE owner LOGIN; GRANT CREATE ON DATABASE test TO owner;"
			    "GRANT ALL ON SCHEMA public TO owner");
	/* The first run installs the journal, which is then the owner's too. */
	lk_test_sql(server, "CREATE TABLE g (id int PRIMARY KEY)");
	lk_test_steps_open(&steps, server, ADD_COLUMN);
	lk_test_steps_close(&steps);
	lk_test_sql(server, "GRANT ALL ON SCHEMA lockkeeper TO owner;"
			    "GRANT ALL ON ALL TABLES IN SCHEMA lockkeeper TO owner");
	*state = server;
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
		    "SET client_min_messages TO warning; DROP TABLE IF EXISTS g CASCADE;"
		    "CREATE TABLE g (id int PRIMARY KEY, n int DEFAULT 0);"
		    "INSERT INTO g SELECT generate_series(1, 1000); ALTER TABLE g OWNER TO owner");
	if (sql)
		lk_test_sql(server, sql);
}

static void must_be_done(struct lk_test_steps *steps, enum lk_outcome outcome)
{
	if (outcome != LK_OUTCOME_DONE)
		fail_msg("outcome %d: %s", outcome, steps->error.text);
}

static void must_hear(struct lk_test_steps *steps, const char *text)
{
	if (lk_test_steps_hears(steps, text))
		return;
	char *said = lk_test_steps_said(steps);
	fail_msg("\"%s\" was not said, but:\n%s", text, said);
}

/* A transaction that read the table and does nothing now; committed or rolled back by PQfinish. */
static PGconn *idle_reader(const struct lk_test_server *server)
{
	PGconn *reader = lk_test_connect(server);
	lk_test_do(reader, "SET application_name TO 'report'; BEGIN; SELECT count(*) FROM g");
	char *old = lk_format("SELECT xact_start < clock_timestamp() - interval '300 ms' FROM"
			      " pg_stat_activity WHERE pid = %d",
			      PQbackendPID(reader));
	assert_true(lk_test_wait(server, old, 10));
	free(old);
	return reader;
}

static void wait_for_load(struct lk_test_load *load, int64_t more)
{
	struct lk_test_load_result at, now;
	lk_test_load_look(load, &at);
	do {
		lk_sleep_ms(5);
		lk_test_load_look(load, &now);
	} while (now.transactions < at.transactions + more && now.errors == 0);
}

/* 4 connections with a pause of 8 ms are some 400 transactions a second. */
static struct lk_test_load *busy(const struct lk_test_server *server)
{
	return lk_test_load_start(
		server, "UPDATE g SET n = n + 1 WHERE id = (SELECT (random() * 999)::int)", 4,
		8000);
}

static void pg_repack_49_a_reader_is_waited_for_outside_the_queue(void **state)
{
	struct lk_test_steps steps;
	struct lk_test_load_result result;
	char name[100];
	make(*state, NULL);
	PGconn *reader = idle_reader(*state);
	lk_test_steps_open(&steps, *state, ADD_COLUMN);
	struct lk_test_load *load = busy(*state);
	lk_test_step_begin(&steps, DDL, false);
	snprintf(name, sizeof name, "process %d (postgres report, idle in transaction) has held",
		 PQbackendPID(reader));
	must_hear(&steps, name);
	wait_for_load(load, 800);
	assert_false(lk_test_step_ended(&steps));
	PQfinish(reader);
	must_be_done(&steps, lk_test_step_end(&steps));
	wait_for_load(load, 50);
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	assert_true(result.longest_ms < 500);
	/* Not once was the lock asked for while it could not be had. */
	char *said = lk_test_steps_said(&steps);
	assert_null(strstr(said, "gave up"));
	free(said);
	lk_test_steps_close(&steps);
}

static void a_transaction_that_comes_in_between_delays_nobody_for_long(void **state)
{
	struct lk_test_steps steps;
	struct lk_test_load_result result;
	make(*state, NULL);
	PGconn *writer = lk_test_connect(*state);
	lk_test_steps_open(&steps, *state, ADD_COLUMN);
	struct lk_test_load *load = busy(*state);
	wait_for_load(load, 20);
	/* Too young to be looked for: the lock is tried, and given up. */
	lk_test_do(writer, "BEGIN; SELECT count(*) FROM g");
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "gave up after 100 ms; next in 1000 ms");
	must_hear(&steps, "has held");
	lk_test_do(writer, "COMMIT");
	must_be_done(&steps, lk_test_step_end(&steps));
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	assert_true(result.longest_ms < 500);
	PQfinish(writer);
	lk_test_steps_close(&steps);
}

static void a_stop_ends_the_wait_at_once(void **state)
{
	struct lk_test_steps steps;
	make(*state, NULL);
	PGconn *reader = idle_reader(*state);
	lk_test_steps_open(&steps, *state, ADD_COLUMN);
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "waiting outside the lock queue");
	int64_t from = lk_clock_us();
	lk_test_steps_stop(&steps);
	assert_int_equal(lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	assert_true(lk_clock_us() - from < 1000000);
	PQfinish(reader);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	lk_test_steps_close(&steps);
}

static void a_prepared_transaction_is_named(void **state)
{
	struct lk_test_steps steps;
	make(*state, "BEGIN; UPDATE g SET n = 1; PREPARE TRANSACTION 'left behind'");
	lk_test_steps_open(&steps, *state, ADD_COLUMN);
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "prepared transaction 'left behind' holds");
	lk_test_sql(*state, "ROLLBACK PREPARED 'left behind'");
	must_be_done(&steps, lk_test_step_end(&steps));
	lk_test_steps_close(&steps);
}

/* A vacuum of the table that would take minutes; returns once it is under way. */
static void begin_autovacuum(const struct lk_test_server *server)
{
	make(server,
	     "ALTER TABLE g SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor"
	     " = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,"
	     " autovacuum_analyze_threshold = 1000000000, autovacuum_vacuum_insert_threshold = -1);"
	     "INSERT INTO g SELECT generate_series(2000, 40000); UPDATE g SET n = 1");
	lk_test_sql(server, "DELETE FROM g WHERE id % 2 = 0");
	assert_true(lk_test_wait(
		server,
		"SELECT count(*) > 0 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE backend_type"
		" = 'autovacuum worker' AND relation = 'g'::regclass AND mode ="
		" 'ShareUpdateExclusiveLock' AND granted AND xact_start < clock_timestamp() - interval"
		" '300 ms'",
		60));
}

static void hazard_11_an_autovacuum_gives_way(void **state)
{
	struct lk_test_steps steps;
	begin_autovacuum(*state);
	lk_test_steps_open(&steps, *state, ADD_COLUMN);
	int64_t from = lk_clock_us();
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	assert_true(lk_clock_us() - from < 900000);
	char *said = lk_test_steps_said(&steps);
	assert_contains(said, "autovacuum");
	free(said);
	lk_test_steps_close(&steps);
}

/* Without the right to set deadlock_timeout, and without the right to see whose session it is. */
static void hazard_11_an_autovacuum_gives_way_to_an_ordinary_role(void **state)
{
	struct lk_test_steps steps;
	begin_autovacuum(*state);
	lk_test_steps_open_as(&steps, *state, "owner", ADD_COLUMN);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	char *said = lk_test_steps_said(&steps);
	assert_contains(said, "one longer try of 1200 ms, so that the autovacuum gives way");
	free(said);
	lk_test_steps_close(&steps);
}

/* One that keeps transaction numbers from running out does not yield to anybody: it is waited for. */
static void hazard_11_an_autovacuum_to_prevent_wraparound_is_waited_for(void **state)
{
	struct lk_test_steps steps;
	struct lk_test_load_result result;
	make(*state,
	     "ALTER TABLE g SET (autovacuum_freeze_max_age = 100000, autovacuum_vacuum_cost_delay = 100,"
	     " autovacuum_vacuum_cost_limit = 1); INSERT INTO g SELECT generate_series(2000, 40000)");
	/* Numbers are used up by subtransactions that write. */
	lk_test_sql(
		*state,
		"CREATE TEMP TABLE used (n int); DO $$BEGIN FOR i IN 1..100500 LOOP BEGIN INSERT INTO"
		" used VALUES (1); EXCEPTION WHEN division_by_zero THEN END; END LOOP; END$$");
	assert_true(lk_test_wait(
		*state,
		"SELECT count(*) > 0 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE query LIKE"
		" '%public.g (to prevent wraparound)' AND relation = 'g'::regclass AND granted",
		60));
	lk_test_steps_open(&steps, *state, ADD_COLUMN);
	struct lk_test_load *load = busy(*state);
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "an autovacuum to prevent wraparound, has worked on g for");
	wait_for_load(load, 400);
	assert_false(lk_test_step_ended(&steps));
	/* Here a person has decided that the change comes first. */
	lk_test_sql(*state, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE"
			    " '%public.g (to prevent wraparound)'");
	must_be_done(&steps, lk_test_step_end(&steps));
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	assert_true(result.longest_ms < 500);
	char *said = lk_test_steps_said(&steps);
	assert_null(strstr(said, "one longer try"));
	free(said);
	lk_test_steps_close(&steps);
	lk_test_sql(*state, "DROP TABLE g");
}

/* Transactions of other roles, whose age an ordinary role is not told, follow each other closely. */
static void an_ordinary_role_comes_through_a_busy_table(void **state)
{
	struct lk_test_steps steps;
	struct lk_test_load_result result;
	make(*state, NULL);
	struct lk_test_load *load = lk_test_load_start(
		*state, "BEGIN; SELECT n FROM g WHERE id = 1; SELECT pg_sleep(0.01); COMMIT", 4, 0);
	lk_test_steps_open_as(&steps, *state, "owner", ADD_COLUMN);
	wait_for_load(load, 20);
	lk_test_step_begin(&steps, DDL, false);
	int64_t deadline = lk_clock_us() + 20000000;
	while (!lk_test_step_ended(&steps) && lk_clock_us() < deadline)
		lk_sleep_ms(5);
	bool ended = lk_test_step_ended(&steps);
	lk_test_load_stop(load, &result);
	must_be_done(&steps, lk_test_step_end(&steps));
	assert_true(ended);
	assert_string_equal(result.first_error, "");
	lk_test_steps_close(&steps);
}

#define SLOW                                                                                       \
	"CREATE OR REPLACE FUNCTION slow(int, float) RETURNS boolean LANGUAGE plpgsql AS"          \
	" 'BEGIN IF $1 = 1000 THEN PERFORM pg_sleep($2); END IF; RETURN true; END'"

/* What a role or database has set for its sessions is meant for the application. */
static void timeouts_of_the_role_do_not_break_us(void **state)
{
	static const char settings[] =
		"ALTER ROLE owner SET statement_timeout = '300ms';"
		"ALTER ROLE owner SET lock_timeout = '1ms';"
		"ALTER ROLE owner SET idle_in_transaction_session_timeout = '20ms';"
		"ALTER ROLE owner SET idle_session_timeout = '200ms';"
		"ALTER ROLE owner SET default_transaction_read_only = on;"
		"ALTER ROLE owner SET default_transaction_isolation = 'serializable';"
		"ALTER ROLE owner SET DateStyle = 'German'";
	struct lk_test_steps steps;
	make(*state, SLOW);
	lk_test_sql(*state, settings);
	lk_test_steps_open_as(
		&steps, *state, "owner",
		"plan: p\nsteps:\n  expand:\n"
		"    - ddl: \"ALTER TABLE g ADD CONSTRAINT s CHECK (slow(id, 0.5)) NOT VALID\"\n"
		"  migrate:\n    - ddl: \"ALTER TABLE g VALIDATE CONSTRAINT s\"\n"
		"    - backfill: {table: g, set: {n: 'n + 1'}, where: 'slow(id, 0.5)'}\n"
		"    - verify: {none: \"SELECT id FROM g WHERE n <> 1\"}\n");
	PGconn *reader = idle_reader(*state);
	lk_test_steps_until(&steps, DDL);
	lk_test_step_begin(&steps, DDL, false);
	/* Longer than an idle session of the role is let live. */
	must_hear(&steps, "gave up after");
	PQfinish(reader);
	must_be_done(&steps, lk_test_step_end(&steps));
	lk_test_steps_until(&steps, NULL);
	lk_test_sql(*state, "ALTER ROLE owner RESET ALL");
	lk_test_steps_close(&steps);
}

/* The work itself holds the lock for long: after a few tries a person must decide. */
static void a_statement_that_keeps_others_waiting_ends_in_a_sentence(void **state)
{
	struct lk_test_steps steps;
	int tries = 0;
	make(*state, SLOW);
	char *before = lk_test_catalog(*state, "g");
	lk_test_steps_open(&steps, *state,
			   "plan: p\nsteps:\n  expand:\n"
			   "    - ddl: \"ALTER TABLE g ADD CONSTRAINT s CHECK (slow(id, 60))\"\n");
	char *asleep =
		lk_format("SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = %d",
			  steps.session->id);
	lk_test_step_begin(&steps, DDL, false);
	while (!lk_test_step_ended(&steps)) {
		if (lk_test_wait(*state, asleep, 0) || lk_test_wait(*state, asleep, 1))
			tries += lk_test_steps_give_way(&steps);
	}
	assert_int_equal(lk_test_step_end(&steps), LK_OUTCOME_FAILED);
	assert_true(tries >= 5);
	assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
	assert_contains(steps.error.text,
			"kept other sessions waiting for over 100 ms in each of 5 tries");
	char *after = lk_test_catalog(*state, "g");
	assert_string_equal(after, before);
	free(after);
	free(asleep);
	free(before);
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pg_repack_49_a_reader_is_waited_for_outside_the_queue),
		cmocka_unit_test(a_transaction_that_comes_in_between_delays_nobody_for_long),
		cmocka_unit_test(a_stop_ends_the_wait_at_once),
		cmocka_unit_test(a_prepared_transaction_is_named),
		cmocka_unit_test(hazard_11_an_autovacuum_gives_way),
		cmocka_unit_test(hazard_11_an_autovacuum_gives_way_to_an_ordinary_role),
		cmocka_unit_test(hazard_11_an_autovacuum_to_prevent_wraparound_is_waited_for),
		cmocka_unit_test(an_ordinary_role_comes_through_a_busy_table),
		cmocka_unit_test(timeouts_of_the_role_do_not_break_us),
		cmocka_unit_test(a_statement_that_keeps_others_waiting_ends_in_a_sentence),
	};
	return cmocka_run_group_tests_name("gentle locks", tests, start, stop);
}
