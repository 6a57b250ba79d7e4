/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Indexes built and dropped CONCURRENTLY, which no transaction guards. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "step/pg_index.h"
#include "tests/server/steps.h"
#include "watch/sample.h"

#define DDL "ddl-1"
#define BUILD(unique, name, table)                                                                 \
	"plan: p\nsteps:\n  expand:\n    - ddl: 'CREATE " unique "INDEX CONCURRENTLY " name        \
	" ON " table " (n)'\n      undo: 'DROP INDEX CONCURRENTLY IF EXISTS " name "'\n"
#define PLAIN BUILD("", "i_n", "i")
#define UNIQUE BUILD("UNIQUE ", "i_n", "i")

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

static void open_on(struct lk_test_steps *steps, const struct lk_test_server *server,
		    const char *plan)
{
	lk_test_sql(server, "SET client_min_messages TO warning; DROP TABLE IF EXISTS i, j CASCADE;"
			    "CREATE TABLE i (id int PRIMARY KEY, n int);"
			    "INSERT INTO i SELECT i, i FROM generate_series(1, 1000) i;"
			    "CREATE TABLE j (LIKE i)");
	lk_test_steps_open(steps, server, plan);
	lk_test_steps_until(steps, DDL);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome != expected)
		fail_msg("outcome %d, not %d: %s", outcome, expected, steps->error.text);
}

/* "absent", or the table, validity and number of the index i_n. */
static void assert_index(const struct lk_test_server *server, const char *expected)
{
	char *got = lk_test_value(server,
				  "SELECT coalesce((SELECT format('%s %s', indrelid::regclass,"
				  " CASE WHEN indisvalid THEN 'valid' ELSE 'invalid' END) FROM"
				  " pg_index WHERE indexrelid = to_regclass('i_n')), 'absent')");
	assert_string_equal(got, expected);
	free(got);
}

/* Between steps nothing of ours is held: no transaction, no guard. */
static void assert_free(struct lk_test_steps *steps)
{
	char *sql =
		lk_format("SELECT count(*) = 0 FROM pg_locks WHERE pid = %d", steps->session->id);
	assert_true(lk_test_wait(steps->server, sql, 10));
	free(sql);
}

/* A transaction that a build has to wait for. */
static PGconn *old_writer(const struct lk_test_server *server)
{
	PGconn *writer = lk_test_connect(server);
	lk_test_do(writer, "BEGIN; UPDATE i SET n = n WHERE id = 1");
	return writer;
}

#define HALF_BUILT "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass('i_n')"

/* The build under way, held up by the writer, is cancelled as by a pause. */
static void stop_half_way(struct lk_test_steps *steps, const struct lk_test_server *server)
{
	PGconn *writer = old_writer(server);
	lk_test_step_begin(steps, DDL, false);
	assert_true(lk_test_wait(server, HALF_BUILT, 30));
	int64_t from = lk_clock_us();
	lk_test_steps_stop(steps);
	must_be(steps, lk_test_step_end(steps), LK_OUTCOME_STOPPED);
	assert_true(lk_clock_us() - from < 1000000);
	assert_free(steps);
	assert_index(server, "i invalid");
	char *said = lk_test_steps_said(steps);
	assert_contains(said, "the build of index \"i_n\" was cancelled");
	free(said);
	PQfinish(writer);
}

static void strong_migrations_233_a_build_that_was_stopped_begins_again(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	stop_half_way(&steps, *state);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	char *said = lk_test_steps_said(&steps);
	assert_contains(said, "an invalid index \"i_n\" was left by an interrupted build: dropped");
	free(said);
	assert_index(*state, "i valid");
	assert_free(&steps);
	lk_test_steps_close(&steps);
}

static void a_build_that_was_stopped_is_taken_back(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	stop_half_way(&steps, *state);
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_index(*state, "absent");
	/* Again, as after a crash before the answer arrived. */
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_free(&steps);
	lk_test_steps_close(&steps);
}

/* The keeper was killed; the server went on, or gave up when it noticed. */
static void a_lost_session_leaves_nothing_that_is_trusted(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	PGconn *writer = old_writer(*state);
	lk_test_step_begin(&steps, DDL, false);
	assert_true(lk_test_wait(*state, HALF_BUILT, 30));
	char *end = lk_format("SELECT pg_terminate_backend(%d)", steps.session->id);
	lk_test_sql(*state, end);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_LOST);
	PQfinish(writer);
	assert_index(*state, "i invalid");
	/* Another session goes on with the same run. */
	char *uri = lk_test_server_uri(*state, LK_TEST_PRIMARY);
	lk_session_close(steps.session);
	steps.session = steps.run.session =
		lk_session_open(uri, steps.name, "worker", &steps.error);
	assert_non_null(steps.session);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	assert_index(*state, "i valid");
	lk_test_steps_close(&steps);
	free(uri);
	free(end);
}

static void rows_that_are_not_unique_are_the_servers_sentence(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, UNIQUE);
	lk_test_sql(*state, "INSERT INTO i VALUES (2001, 77)");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_string_equal(steps.error.state, "23505");
	assert_contains(steps.error.text, "could not create unique index \"i_n\"");
	assert_contains(steps.error.text, "(n)=(77)");
	assert_index(*state, "absent");
	assert_free(&steps);
	lk_test_sql(*state, "DELETE FROM i WHERE id = 2001");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	assert_index(*state, "i valid");
	lk_test_steps_close(&steps);
}

/* Leaves an invalid index i_n on a table. */
static void leave_invalid(const struct lk_test_server *server, const char *table)
{
	char state[6];
	PGconn *connection = lk_test_connect(server);
	char *rows = lk_format("INSERT INTO %s VALUES (3001, -5), (3002, -5)", table);
	char *build = lk_format("CREATE UNIQUE INDEX CONCURRENTLY i_n ON %s (n)", table);
	lk_test_do(connection, rows);
	assert_string_equal(lk_test_state(connection, build, state), "23505");
	free(build);
	free(rows);
	PQfinish(connection);
}

static void an_invalid_leftover_is_replaced_and_never_trusted(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	leave_invalid(*state, "i");
	assert_index(*state, "i invalid");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	assert_index(*state, "i valid");
	assert_int_equal(lk_test_number(*state,
					"SELECT indisunique::int FROM pg_index WHERE indexrelid ="
					" 'i_n'::regclass"),
			 0);
	lk_test_steps_close(&steps);
}

/* Invalid it is too while somebody builds it: that is no leftover. */
static void an_index_that_somebody_builds_is_not_dropped(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	PGconn *writer = old_writer(*state), *builder = lk_test_connect(*state);
	lk_test_do(builder, "SET application_name TO 'a colleague'");
	assert_true(PQsendQuery(builder, "CREATE INDEX CONCURRENTLY i_n ON i (n)"));
	assert_true(lk_test_wait(*state, HALF_BUILT, 30));
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "a colleague");
	PQfinish(writer);
	PGresult *r = PQgetResult(builder);
	assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
	PQclear(r);
	PQfinish(builder);
	assert_index(*state, "i valid");
	lk_test_steps_close(&steps);
}

/* The index was there before the answer arrived: it is not built twice. */
static void a_build_that_ended_unheard_is_done(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	int64_t built = lk_test_number(*state, "SELECT 'i_n'::regclass::oid");
	lk_test_sql(*state, "UPDATE lockkeeper.step SET state = 'running' WHERE state = 'done'");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT 'i_n'::regclass::oid"), built);
	assert_index(*state, "i valid");
	lk_test_steps_close(&steps);
}

static void somebody_elses_index_is_not_ours(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	lk_test_sql(*state, "CREATE INDEX i_n ON j (id)");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "relation \"i_n\" already exists");
	assert_index(*state, "j valid");
	/* Nor when the step had been begun before. */
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_index(*state, "j valid");
	lk_test_sql(*state, "DROP INDEX i_n");
	leave_invalid(*state, "j");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_index(*state, "j invalid");
	lk_test_steps_close(&steps);
}

static void indexes_are_found_in_their_tables_schema(void **state)
{
	struct lk_test_steps steps;
	lk_test_sql(
		*state,
		"CREATE SCHEMA \"Far Away\"; CREATE TABLE \"Far Away\".\"The T\" AS SELECT 1 AS n;"
		"CREATE TABLE public.near (n int); CREATE INDEX \"I n\" ON public.near (n)");
	lk_test_steps_open(
		&steps, *state,
		"plan: p\nsteps:\n  expand:\n"
		"    - ddl: 'CREATE INDEX CONCURRENTLY \"I n\" ON \"Far Away\".\"The T\" (n)'\n"
		"      undo: 'DROP INDEX CONCURRENTLY IF EXISTS \"Far Away\".\"I n\"'\n");
	lk_test_steps_until(&steps, DDL);
	PGconn *app = lk_test_connect(*state);
	lk_test_do(app, "INSERT INTO \"Far Away\".\"The T\" VALUES (1)");
	char state_[6];
	assert_string_equal(
		lk_test_state(app,
			      "CREATE UNIQUE INDEX CONCURRENTLY \"I n\" ON \"Far Away\".\"The T\""
			      " (n)",
			      state_),
		"23505");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	assert_rows(
		app,
		"SELECT indisvalid FROM pg_index WHERE indexrelid = '\"Far Away\".\"I n\"'::regclass",
		"t");
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_rows(app,
		    "SELECT to_regclass('\"Far Away\".\"I n\"'), to_regclass('public.\"I n\"')",
		    "NULL|\"I n\"");
	PQfinish(app);
	lk_test_steps_close(&steps);
}

/* A build that keeps others waiting is cancelled for their sake and begins again; not for ever. */
static void a_build_gives_way_a_few_times(void **state)
{
	struct lk_test_steps steps;
	int tries = 0;
	open_on(&steps, *state, PLAIN);
	PGconn *writer = old_writer(*state);
	char *waiting = lk_format(
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %d AND wait_event_type"
		" = 'Lock' AND query LIKE 'CREATE INDEX%%')",
		steps.session->id);
	lk_test_step_begin(&steps, DDL, false);
	for (; tries < 2; tries++) {
		assert_true(lk_test_wait(*state, waiting, 30));
		assert_true(lk_test_steps_give_way(&steps));
		/* What it left is dropped first, and that has to wait for the old transaction too. */
		lk_test_do(writer, "COMMIT");
		assert_true(lk_test_wait(*state, "SELECT to_regclass('i_n') IS NULL", 30));
		lk_test_do(writer, "BEGIN; UPDATE i SET n = n WHERE id = 1");
	}
	PQfinish(writer);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	char *said = lk_test_steps_said(&steps);
	assert_contains(said, "gave way: our statement kept other sessions waiting");
	free(said);
	assert_index(*state, "i valid");
	free(waiting);
	lk_test_steps_close(&steps);
}

static void a_build_that_nobody_lets_finish_ends_in_a_sentence(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	lk_test_sql(*state,
		    "CREATE OR REPLACE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
		    " 'BEGIN PERFORM pg_sleep(60); RETURN $1; END'");
	lk_test_steps_close(&steps);
	lk_test_steps_open(&steps, *state,
			   "plan: p\nsteps:\n  expand:\n"
			   "    - ddl: 'CREATE INDEX CONCURRENTLY i_n ON i (slow(n))'\n");
	lk_test_steps_until(&steps, DDL);
	char *asleep = lk_format(
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %d AND wait_event ="
		" 'PgSleep')",
		steps.session->id);
	lk_test_step_begin(&steps, DDL, false);
	while (!lk_test_step_ended(&steps))
		if (lk_test_wait(*state, asleep, 1))
			lk_test_steps_give_way(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
	assert_contains(steps.error.text, "kept other sessions waiting in each of 5 tries");
	assert_index(*state, "absent");
	assert_free(&steps);
	free(asleep);
	lk_test_steps_close(&steps);
}

#define IF_NOT_EXISTS                                                                              \
	"plan: p\nsteps:\n  expand:\n    - ddl: 'CREATE INDEX CONCURRENTLY IF NOT EXISTS i_n ON i" \
	" (n)'\n"

static void squawk_1230_if_not_exists_is_never_trusted(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, IF_NOT_EXISTS);
	leave_invalid(*state, "i");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	assert_index(*state, "i valid");
	lk_test_steps_close(&steps);
	/* A valid one that was there before may be over anything. */
	open_on(&steps, *state, IF_NOT_EXISTS);
	lk_test_sql(*state, "CREATE INDEX i_n ON i (id)");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "IF NOT EXISTS would take it for the one wanted");
	lk_test_steps_close(&steps);
	/* Nor does something else of that name count. */
	open_on(&steps, *state, IF_NOT_EXISTS);
	leave_invalid(*state, "j");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "something else has that name");
	assert_index(*state, "j invalid");
	lk_test_steps_close(&steps);
}

#define REBUILD "plan: p\nsteps:\n  expand:\n    - ddl: 'REINDEX INDEX CONCURRENTLY i_n'\n"
#define LEFTOVERS                                                                                  \
	"SELECT count(*) FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relname LIKE"   \
	" 'i_n_ccnew%' AND NOT indisvalid"

static void what_a_reindex_leaves_is_found_and_named(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, REBUILD);
	lk_test_sql(*state, "CREATE INDEX i_n ON i (n)");
	PGconn *writer = old_writer(*state);
	lk_test_step_begin(&steps, DDL, false);
	assert_true(lk_test_wait(*state, "SELECT (" LEFTOVERS ") = 1", 30));
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	PQfinish(writer);
	assert_int_equal(lk_test_number(*state, LEFTOVERS), 1);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	char *said = lk_test_steps_said(&steps);
	assert_contains(
		said, "public.i_n_ccnew was left by an interrupted REINDEX CONCURRENTLY: dropped");
	free(said);
	assert_int_equal(lk_test_number(*state, LEFTOVERS), 0);
	assert_index(*state, "i valid");
	lk_test_steps_close(&steps);
}

static void what_somebodys_reindex_left_is_only_named(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, REBUILD);
	lk_test_sql(*state, "CREATE INDEX i_n ON i (n); CREATE TABLE other_i_n_ccnew (n int)");
	PGconn *writer = old_writer(*state), *other = lk_test_connect(*state);
	char state_[6];
	lk_test_do(other, "SET statement_timeout = '400ms'");
	assert_string_equal(lk_test_state(other, "REINDEX INDEX CONCURRENTLY i_n", state_),
			    "57014");
	PQfinish(other);
	PQfinish(writer);
	assert_int_equal(lk_test_number(*state, LEFTOVERS), 1);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	char *said = lk_test_steps_said(&steps);
	assert_contains(said,
			"public.i_n_ccnew stands on the table, left by somebody's interrupted");
	free(said);
	assert_int_equal(lk_test_number(*state, LEFTOVERS), 1);
	lk_test_sql(*state, "DROP TABLE other_i_n_ccnew");
	lk_test_steps_close(&steps);
}

#define DROP                                                                                       \
	"plan: p\nsteps:\n  expand:\n    - ddl: 'DROP INDEX CONCURRENTLY i_n'\n"                   \
	"      undo: 'CREATE INDEX CONCURRENTLY i_n ON i (n)'\n"

static void a_drop_that_got_half_way_is_built_again(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, DROP);
	lk_test_sql(*state, "CREATE INDEX i_n ON i (n)");
	PGconn *writer = old_writer(*state);
	lk_test_step_begin(&steps, DDL, false);
	assert_true(lk_test_wait(*state, HALF_BUILT, 30));
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	PQfinish(writer);
	assert_index(*state, "i invalid");
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_index(*state, "i valid");
	lk_test_steps_close(&steps);
}

static void a_drop_that_nobody_heard_of_is_built_again(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, DROP);
	lk_test_sql(*state, "CREATE INDEX i_n ON i (n)");
	/* Begun and not done: there is nothing to build. */
	lk_test_sql(*state, "UPDATE lockkeeper.step SET state = 'running' WHERE verb = 'ddl'");
	int64_t built = lk_test_number(*state, "SELECT 'i_n'::regclass::oid");
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT 'i_n'::regclass::oid"), built);
	lk_test_sql(*state, "DROP INDEX i_n");
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_index(*state, "i valid");
	lk_test_steps_close(&steps);
}

/* Takes samples until one of them shows the worker at this. */
static void must_show(struct lk_test_steps *steps, const char *text)
{
	struct lk_error error;
	char shown[400] = "nothing";
	char *uri = lk_test_server_uri(steps->server, LK_TEST_PRIMARY);
	struct lk_session *session = lk_session_open(uri, steps->name, "watch", &error);
	const struct lk_watch_scope scope = {.run = steps->name};
	bool found = false;
	int64_t deadline = lk_clock_us() + 20000000;
	while (session && !found && lk_clock_us() < deadline) {
		struct lk_sample sample = {0};
		if (!lk_watch_sample(session, &scope, &sample, &error))
			fail_msg("%s", error.text);
		found = strstr(sample.work, text) != NULL;
		if (sample.work[0])
			LK_COPY(shown, sample.work);
		if (found)
			assert_true(sample.work_phase[0]);
		lk_sample_free(&sample);
		lk_sleep_ms(10);
	}
	lk_session_close(session);
	free(uri);
	if (!found)
		fail_msg("\"%s\" was not shown, but %s", text, shown);
}

static void a_build_shows_whom_it_waits_for(void **state)
{
	struct lk_test_steps steps;
	char text[150];
	open_on(&steps, *state, PLAIN);
	PGconn *writer = old_writer(*state);
	lk_test_do(writer, "SET application_name TO 'report'");
	lk_test_step_begin(&steps, DDL, false);
	snprintf(
		text, sizeof text,
		"waiting for writers before build: 0 of 1 gone, now for process %d (postgres report), "
		"whose transaction is ",
		PQbackendPID(writer));
	must_show(&steps, text);
	PQfinish(writer);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	lk_test_steps_close(&steps);
}

static void a_build_shows_how_far_it_is(void **state)
{
	struct lk_test_steps steps;
	open_on(&steps, *state, PLAIN);
	lk_test_sql(*state,
		    "CREATE OR REPLACE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
		    " 'BEGIN IF $1 = 1000 THEN PERFORM pg_sleep(4); END IF; RETURN $1; END'");
	lk_test_steps_close(&steps);
	lk_test_steps_open(
		&steps, *state,
		"plan: p\nsteps:\n  expand:\n"
		"    - ddl: 'CREATE INDEX CONCURRENTLY i_n ON i (slow(n))'\n"
		"    - ddl: 'ALTER TABLE i ADD CONSTRAINT s CHECK (slow(n) > 0) NOT VALID'\n"
		"    - ddl: 'ALTER TABLE i VALIDATE CONSTRAINT s'\n");
	lk_test_steps_until(&steps, DDL);
	lk_test_step_begin(&steps, DDL, false);
	must_show(&steps, "building index: scanning table: 4 of 5 blocks (80 %); ");
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	steps.next++;
	lk_test_sql(*state, "ANALYZE i");
	lk_test_steps_until(&steps, "ddl-3");
	lk_test_step_begin(&steps, "ddl-3", false);
	must_show(&steps, "works on i (40 kB); ");
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	lk_test_steps_close(&steps);
}

static void servers_that_build_corrupt_indexes_are_known(void **state)
{
	static const struct {
		int version;
		bool safe;
	} servers[] = {{130010, true}, {140000, false}, {140003, false},
		       {140004, true}, {150018, true},	{180000, true}};
	struct lk_error error;
	(void)state;
	for (size_t i = 0; i < LK_COUNT(servers); i++)
		assert_int_equal(lk_pg_index_build_is_safe(servers[i].version, &error),
				 servers[i].safe);
	assert_false(lk_pg_index_build_is_safe(140002, &error));
	assert_contains(error.text, "PostgreSQL 14.2 builds corrupt indexes CONCURRENTLY");
	assert_int_equal(error.class, LK_ERROR_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strong_migrations_233_a_build_that_was_stopped_begins_again),
		cmocka_unit_test(a_build_that_was_stopped_is_taken_back),
		cmocka_unit_test(a_lost_session_leaves_nothing_that_is_trusted),
		cmocka_unit_test(rows_that_are_not_unique_are_the_servers_sentence),
		cmocka_unit_test(an_invalid_leftover_is_replaced_and_never_trusted),
		cmocka_unit_test(a_build_that_ended_unheard_is_done),
		cmocka_unit_test(an_index_that_somebody_builds_is_not_dropped),
		cmocka_unit_test(somebody_elses_index_is_not_ours),
		cmocka_unit_test(indexes_are_found_in_their_tables_schema),
		cmocka_unit_test(a_build_gives_way_a_few_times),
		cmocka_unit_test(a_build_that_nobody_lets_finish_ends_in_a_sentence),
		cmocka_unit_test(squawk_1230_if_not_exists_is_never_trusted),
		cmocka_unit_test(what_a_reindex_leaves_is_found_and_named),
		cmocka_unit_test(what_somebodys_reindex_left_is_only_named),
		cmocka_unit_test(a_drop_that_got_half_way_is_built_again),
		cmocka_unit_test(a_drop_that_nobody_heard_of_is_built_again),
		cmocka_unit_test(a_build_shows_whom_it_waits_for),
		cmocka_unit_test(a_build_shows_how_far_it_is),
		cmocka_unit_test(servers_that_build_corrupt_indexes_are_known),
	};
	return cmocka_run_group_tests_name("indexes", tests, start, stop);
}
