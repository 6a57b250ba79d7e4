/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb sql: several statements in one transaction; and a ddl whose undo holds several. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/steps.h"

#define SQL "sql-1"
#define DDL "ddl-1"
#define PLAN                                                                                       \
	"plan: p\nsteps:\n  expand:\n"                                                             \
	"    - sql: |\n"                                                                           \
	"        ALTER TABLE b ADD COLUMN x int;\n"                                                \
	"        ALTER TABLE a ADD COLUMN x int DEFAULT 7;\n"                                      \
	"        COMMENT ON COLUMN a.x IS 'one; two';\n"                                           \
	"      undo: |\n"                                                                          \
	"        ALTER TABLE a DROP COLUMN x;\n"                                                   \
	"        ALTER TABLE b DROP COLUMN x;\n"

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

static void make(const struct lk_test_server *server)
{
	lk_test_sql(server,
		    "SET client_min_messages TO warning; DROP TABLE IF EXISTS a, b, c CASCADE;"
		    "CREATE TABLE a (id int PRIMARY KEY, n int);"
		    "CREATE TABLE b (id int PRIMARY KEY, n int);"
		    "INSERT INTO a SELECT i, i FROM generate_series(1, 100) i;"
		    "INSERT INTO b SELECT i, i FROM generate_series(1, 100) i");
}

static void open_plan(struct lk_test_steps *steps, const struct lk_test_server *server,
		      const char *plan, const char *step)
{
	make(server);
	lk_test_steps_open(steps, server, plan);
	lk_test_steps_until(steps, step);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome != expected)
		fail_msg("outcome %d, not %d: %s", outcome, expected, steps->error.text);
}

static int64_t columns(const struct lk_test_server *server)
{
	return lk_test_number(server, "SELECT count(*) FROM pg_attribute WHERE attname = 'x' AND"
				      " attrelid IN ('a'::regclass, 'b'::regclass)");
}

/* The clean-up that a person finds in the journal, "" when there is none. */
static char *cleanup(struct lk_test_steps *steps)
{
	char *sql = lk_format("SELECT sql FROM lockkeeper.cleanup WHERE run = '%s'", steps->name);
	char *text = lk_test_value(steps->server, sql);
	free(sql);
	return text;
}

static void all_happens_together_and_so_does_the_undo(void **state)
{
	struct lk_test_steps steps;
	open_plan(&steps, *state, PLAN, SQL);
	char *before = lk_test_catalog(*state, "a");
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(columns(*state), 2);
	assert_string_equal(steps.run.note, "3 statements in one transaction");
	char *undo = cleanup(&steps);
	assert_string_equal(undo,
			    "BEGIN;\nALTER TABLE a DROP COLUMN x;\nALTER TABLE b DROP COLUMN x;\n"
			    "COMMIT");
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	char *left = cleanup(&steps);
	assert_string_equal(left, "");
	char *after = lk_test_catalog(*state, "a");
	assert_string_equal(after, before);
	/* The undo is not carried out twice. */
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_DONE);
	/* A person can take it back with what the journal says. */
	lk_test_sql(*state, undo);
	assert_int_equal(columns(*state), 0);
	free(after);
	free(left);
	free(undo);
	free(before);
	lk_test_steps_close(&steps);
}

static void a_statement_that_fails_takes_the_others_with_it(void **state)
{
	struct lk_test_steps steps;
	open_plan(&steps, *state, PLAN, SQL);
	lk_test_sql(*state, "ALTER TABLE a ADD COLUMN x int");
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text,
			"statement 2 of 3: column \"x\" of relation \"a\" already");
	assert_int_equal(columns(*state), 1);
	char *left = cleanup(&steps);
	assert_string_equal(left, "");
	/* So there is nothing to take back, and what is somebody else's stays. */
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(columns(*state), 1);
	free(left);
	lk_test_steps_close(&steps);
}

static void all_tables_are_looked_at_and_locked_by_name(void **state)
{
	struct lk_test_steps steps;
	struct lk_step_text text;
	open_plan(&steps, *state, PLAN, SQL);
	assert_true(lk_step_describe(steps.session, &steps.plan,
				     (size_t)lk_plan_find_step(&steps.plan, SQL), &text,
				     &steps.error));
	assert_string_equal(text.lock, "ACCESS EXCLUSIVE on a, b");
	/* Its last table is held; the first is not locked meanwhile. */
	PGconn *reader = lk_test_connect(*state);
	lk_test_do(reader, "SET application_name TO 'report'; BEGIN; SELECT count(*) FROM a");
	assert_true(lk_test_wait(*state,
				 "SELECT xact_start < clock_timestamp() - interval '300 ms' FROM"
				 " pg_stat_activity WHERE application_name = 'report'",
				 10));
	lk_test_step_begin(&steps, SQL, false);
	assert_true(lk_test_steps_hears(&steps, "report, idle in transaction) has held a for"));
	lk_test_sql(*state, "UPDATE b SET n = 0 WHERE id = 1");
	PQfinish(reader);
	/* The second in order of name is held by somebody young: both are waited for in that order. */
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	PGconn *writer = lk_test_connect(*state);
	lk_test_do(writer, "BEGIN; UPDATE b SET n = 1 WHERE id = 1");
	lk_test_step_begin(&steps, SQL, false);
	char *locked = lk_format(
		"SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %d AND relation ="
		" 'a'::regclass AND mode = 'AccessExclusiveLock' AND granted) AND EXISTS"
		" (SELECT FROM pg_locks WHERE pid = %d AND relation = 'b'::regclass AND NOT"
		" granted)",
		steps.session->id, steps.session->id);
	assert_true(lk_test_wait(*state, locked, 20));
	PQfinish(writer);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	free(locked);
	lk_test_steps_close(&steps);
}

/* Two plans that write the same tables in opposite orders wait for each other's turn, and no more. */
static void two_runs_do_not_deadlock(void **state)
{
	struct lk_test_steps one, two;
	make(*state);
	lk_test_steps_open(&one, *state,
			   "plan: p\nsteps:\n  expand:\n    - sql: |\n"
			   "        ALTER TABLE a ALTER n SET DEFAULT 1;\n"
			   "        ALTER TABLE b ALTER n SET DEFAULT 1;\n");
	lk_test_steps_open(&two, *state,
			   "plan: p\nsteps:\n  expand:\n    - sql: |\n"
			   "        ALTER TABLE b ALTER n SET DEFAULT 2;\n"
			   "        ALTER TABLE a ALTER n SET DEFAULT 2;\n");
	lk_test_steps_until(&one, SQL);
	lk_test_steps_until(&two, SQL);
	int64_t before = lk_test_number(
		*state,
		"SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
	for (int i = 0; i < 20; i++) {
		lk_test_step_begin(&one, SQL, false);
		lk_test_step_begin(&two, SQL, false);
		must_be(&one, lk_test_step_end(&one), LK_OUTCOME_DONE);
		must_be(&two, lk_test_step_end(&two), LK_OUTCOME_DONE);
	}
	assert_int_equal(lk_test_number(*state,
					"SELECT deadlocks FROM pg_stat_database WHERE datname ="
					" current_database()"),
			 before);
	assert_int_equal(
		lk_test_number(*state,
			       "SELECT count(DISTINCT pg_get_expr(adbin, adrelid)) FROM pg_attrdef"
			       " WHERE adrelid IN ('a'::regclass, 'b'::regclass)"),
		1);
	lk_test_steps_close(&one);
	lk_test_steps_close(&two);
}

static void what_cannot_stand_in_a_transaction_is_refused(void **state)
{
	static const struct {
		const char *sql, *undo, *sentence;
	} refused[] = {
		{"SELECT 1; CREATE INDEX CONCURRENTLY i ON a (n)", NULL,
		 "statement 2 of its SQL (CREATE INDEX CONCURRENTLY i ON a (n)): it cannot stand in a "
		 "transaction"},
		{"BEGIN; SELECT 1; COMMIT", NULL, "leave BEGIN, COMMIT and the like out"},
		{"SAVEPOINT s; SELECT 1", NULL, "leave BEGIN, COMMIT and the like out"},
		{"SET search_path = x; SELECT 1", NULL, "write SET LOCAL"},
		{"SELECT 1; VACUUM a", NULL, "it cannot stand in a transaction"},
		{"ALTER TABLE a ADD x int", "DROP INDEX CONCURRENTLY i",
		 "statement 1 of its undo (DROP INDEX CONCURRENTLY i)"},
		{"ALTER TABLE a ADD x int", "ROLLBACK", "leave BEGIN, COMMIT and the like out"},
	};
	make(*state);
	for (size_t i = 0; i < LK_COUNT(refused); i++) {
		char *plan = lk_format("plan: p\nsteps:\n  expand:\n    - sql: '%s'\n%s%s%s",
				       refused[i].sql, refused[i].undo ? "      undo: '" : "",
				       refused[i].undo ? refused[i].undo : "",
				       refused[i].undo ? "'\n" : "");
		char *said = lk_test_steps_refusal(*state, plan);
		if (!strstr(said, refused[i].sentence))
			fail_msg("%s: \"%s\" instead of \"%s\"", refused[i].sql, said,
				 refused[i].sentence);
		free(said);
		free(plan);
	}
}

static void settings_do_not_outlast_it(void **state)
{
	struct lk_test_steps steps;
	open_plan(&steps, *state,
		  "plan: p\nsteps:\n  expand:\n    - sql: |\n"
		  "        SET LOCAL search_path = nowhere;\n"
		  "        SELECT 1;\n",
		  SQL);
	struct lk_result r;
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_DONE);
	assert_true(
		LK_QUERY(steps.session, &r, &steps.error, "SELECT to_regclass('a') IS NOT NULL"));
	assert_true(lk_cell_bool(&r, 0, 0));
	lk_result_free(&r);
	lk_test_steps_close(&steps);
}

#define SEVERAL                                                                                    \
	"plan: p\nsteps:\n  expand:\n"                                                             \
	"    - ddl: 'CREATE TABLE c (id int PRIMARY KEY, n int)'\n"                                \
	"      undo: |\n"                                                                          \
	"        ALTER TABLE a DROP COLUMN IF EXISTS x;\n"                                         \
	"        DROP INDEX CONCURRENTLY IF EXISTS b_n;\n"                                         \
	"        DROP TABLE IF EXISTS c\n"

static bool is_undone(struct lk_test_steps *steps)
{
	char *sql = lk_format(
		"SELECT count(*) FROM lockkeeper.step WHERE run = '%s' AND name = '%s' AND"
		" state = 'undone'",
		steps->name, DDL);
	int64_t count = lk_test_number(steps->server, sql);
	free(sql);
	return count == 1;
}

static void an_undo_of_several_statements_goes_one_by_one(void **state)
{
	struct lk_test_steps steps;
	open_plan(&steps, *state, SEVERAL, DDL);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	lk_test_sql(*state, "ALTER TABLE a ADD x int; CREATE INDEX b_n ON b (n)");
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_true(is_undone(&steps));
	assert_true(lk_test_wait(
		*state, "SELECT to_regclass('c') IS NULL AND to_regclass('b_n') IS NULL", 5));
	assert_int_equal(columns(*state), 0);
	lk_test_steps_close(&steps);
}

/* The session dies between the first statement and the last: it begins again with the first. */
static void an_undo_that_was_interrupted_begins_again(void **state)
{
	struct lk_test_steps steps;
	open_plan(&steps, *state, SEVERAL, DDL);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	lk_test_sql(*state, "ALTER TABLE a ADD x int; CREATE INDEX b_n ON b (n)");
	/* A writer in b holds up the second statement. */
	PGconn *writer = lk_test_connect(*state);
	lk_test_do(writer, "BEGIN; UPDATE b SET n = 1 WHERE id = 1");
	lk_test_step_begin(&steps, DDL, true);
	char *waits = lk_format("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %d AND"
				" wait_event_type = 'Lock' AND query LIKE 'DROP INDEX%%')",
				steps.session->id);
	assert_true(lk_test_wait(*state, waits, 30));
	assert_int_equal(columns(*state), 0);
	char *end_it = lk_format("SELECT pg_terminate_backend(%d)", steps.session->id);
	lk_test_sql(*state, end_it);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_LOST);
	PQfinish(writer);
	assert_false(is_undone(&steps));
	char *left = cleanup(&steps);
	assert_contains(left, "DROP TABLE IF EXISTS c");
	assert_true(lk_test_wait(*state, "SELECT to_regclass('c') IS NOT NULL", 5));
	/* Somebody mends, wrongly: the first statement comes again. */
	lk_test_sql(*state, "ALTER TABLE a ADD x int");
	char *uri = lk_test_server_uri(*state, LK_TEST_PRIMARY);
	lk_session_close(steps.session);
	steps.session = steps.run.session =
		lk_session_open(uri, steps.name, "worker", &steps.error);
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_true(is_undone(&steps));
	assert_int_equal(columns(*state), 0);
	assert_true(lk_test_wait(
		*state, "SELECT to_regclass('c') IS NULL AND to_regclass('b_n') IS NULL", 5));
	free(uri);
	free(left);
	free(end_it);
	free(waits);
	lk_test_steps_close(&steps);
}

static void an_undo_says_which_of_its_statements_failed(void **state)
{
	struct lk_test_steps steps;
	open_plan(&steps, *state, SEVERAL, DDL);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	lk_test_sql(*state, "CREATE VIEW v AS SELECT * FROM c");
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "statement 3 of 3 of the undo: cannot drop table c");
	assert_false(is_undone(&steps));
	lk_test_sql(*state, "DROP VIEW v");
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_true(is_undone(&steps));
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_happens_together_and_so_does_the_undo),
		cmocka_unit_test(a_statement_that_fails_takes_the_others_with_it),
		cmocka_unit_test(all_tables_are_looked_at_and_locked_by_name),
		cmocka_unit_test(two_runs_do_not_deadlock),
		cmocka_unit_test(what_cannot_stand_in_a_transaction_is_refused),
		cmocka_unit_test(settings_do_not_outlast_it),
		cmocka_unit_test(an_undo_of_several_statements_goes_one_by_one),
		cmocka_unit_test(an_undo_that_was_interrupted_begins_again),
		cmocka_unit_test(an_undo_says_which_of_its_statements_failed),
	};
	return cmocka_run_group_tests_name("sql", tests, start, stop);
}
