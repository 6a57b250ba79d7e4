/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb sql on MariaDB and MySQL: rows in one transaction, definitions one by one. */
#include <stdio.h>

#include "base/memory.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

#define SQL "sql-1"
#define PLAN "plan: p\nsteps:\n  expand:\n"
#define DEFINITIONS                                                                                \
	PLAN "    - sql: |\n"                                                                      \
	     "        ALTER TABLE b ADD COLUMN x int;\n"                                           \
	     "        ALTER TABLE a ADD COLUMN x int DEFAULT 7;\n"                                 \
	     "        CREATE INDEX by_x ON a (x);\n"                                               \
	     "      undo: |\n"                                                                     \
	     "        DROP INDEX by_x ON a;\n"                                                     \
	     "        ALTER TABLE a DROP COLUMN x;\n"                                              \
	     "        ALTER TABLE b DROP COLUMN x;\n"
#define ROWS                                                                                       \
	PLAN "    - sql: |\n"                                                                      \
	     "        UPDATE a SET n = n + 100;\n"                                                 \
	     "        INSERT INTO b VALUES (3, 30);\n"                                             \
	     "      undo: |\n"                                                                     \
	     "        DELETE FROM b WHERE id = 3;\n"                                               \
	     "        UPDATE a SET n = n - 100;\n"

static struct lk_test_my *server;

static int setup(void **state)
{
	static const char *const options[] = {
		"--performance-schema=1",
		"--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON", NULL};
	(void)state;
	server = lk_test_my_start(options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

static void open_plan(struct lk_test_steps *steps, const char *yaml)
{
	my_need(server);
	lk_test_my_sql(server,
		       "DROP TABLE IF EXISTS a, b; CREATE TABLE a (id int PRIMARY KEY, n int);"
		       "CREATE TABLE b (id int PRIMARY KEY, n int); INSERT INTO a VALUES (1, 10);"
		       "INSERT INTO b VALUES (1, 10)");
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(uri);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome != expected)
		fail_msg("outcome %d, not %d: %s", outcome, expected, steps->error.text);
}

/* Columns called x, and parts of the index by_x. */
static int64_t there(void)
{
	return lk_test_my_number(
		server,
		"SELECT (SELECT COUNT(*) FROM information_schema.columns WHERE table_schema ="
		" 'test' AND column_name = 'x') + 10 * (SELECT COUNT(*) FROM"
		" information_schema.statistics WHERE table_schema = 'test' AND index_name ="
		" 'by_x')");
}

static int64_t sum(void)
{
	return lk_test_my_number(server,
				 "SELECT (SELECT SUM(n) FROM a) * 1000 + (SELECT SUM(n) FROM b)");
}

static void rows_change_as_a_whole_and_back(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	open_plan(&steps, ROWS);
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(sum(), 110040);
	assert_string_equal(steps.run.note, "2 statements in one transaction");
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(sum(), 10010);
	/* There is nothing left to take back, so it is not taken back twice. */
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(sum(), 10010);
	lk_test_steps_close(&steps);
}

static void a_statement_that_fails_leaves_nothing_of_those_before(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	open_plan(&steps, ROWS);
	lk_test_my_sql(server, "INSERT INTO b VALUES (3, 0)");
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "statement 2 of 2");
	assert_int_equal(sum(), 10010);
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	assert_string_equal(steps.run.note, "nothing was there to take back");
	assert_int_equal(sum(), 10010);
	lk_test_steps_close(&steps);
}

static void a_row_that_somebody_keeps_is_waited_for(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	open_plan(&steps, ROWS);
	MYSQL *mysql = lk_test_my_connect(server);
	assert_int_equal(mysql_query(mysql, "BEGIN"), 0);
	assert_int_equal(mysql_query(mysql, "UPDATE a SET n = 0"), 0);
	lk_test_step_begin(&steps, SQL, false);
	assert_true(lk_test_steps_hears(&steps, "gave up (statement 1 of 2: Lock wait timeout"));
	assert_int_equal(mysql_query(mysql, "ROLLBACK"), 0);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	assert_int_equal(sum(), 110040);
	mysql_close(mysql);
	lk_test_steps_close(&steps);
}

static void definitions_go_one_by_one(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	open_plan(&steps, DEFINITIONS);
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(there(), 12);
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(there(), 0);
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(there(), 12);
	lk_test_steps_close(&steps);
}

static void an_interrupted_step_goes_on_where_it_was(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	open_plan(&steps, DEFINITIONS);
	MYSQL *mysql = lk_test_my_connect(server);
	assert_int_equal(mysql_query(mysql, "LOCK TABLES a READ"), 0);
	lk_test_step_begin(&steps, SQL, false);
	if (!lk_test_steps_hears(&steps, "has held a for"))
		fail_msg("it did not wait: %s", steps.error.text);
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	mysql_close(mysql);
	assert_int_equal(there(), 1);
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_DONE);
	assert_true(lk_test_steps_hears(&steps, "goes on with statement 2 of 3"));
	assert_int_equal(there(), 12);
	lk_test_steps_close(&steps);
}

/* Half of it is there; what is not there any more, or not yet, does not stop the way back. */
static void a_half_done_step_is_taken_back(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	open_plan(&steps, DEFINITIONS);
	lk_test_my_sql(server, "CREATE INDEX by_x ON a (n)");
	must_be(&steps, lk_test_step_forward(&steps, SQL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "statement 3 of 3: Duplicate key name 'by_x'");
	lk_test_my_sql(server, "DROP INDEX by_x ON a");
	assert_int_equal(there(), 2);
	must_be(&steps, lk_test_step_backward(&steps, SQL), LK_OUTCOME_DONE);
	assert_int_equal(there(), 0);
	lk_test_steps_close(&steps);
}

static void what_cannot_stand_together_is_refused(void **state)
{
	static const struct {
		const char *sql, *expected;
	} cases[] = {
		{"UPDATE a SET n = 1; ALTER TABLE a ADD COLUMN x int",
		 "statement 2 of its SQL: \"ALTER TABLE a ADD COLUMN x int\" and the first one cannot"},
		{"ALTER TABLE a ADD COLUMN x int; UPDATE a SET x = 1", "cannot stand in one step"},
		{"UPDATE a SET n = 1; COMMIT", "cannot stand in one step"},
		{"ALTER TABLE a ADD COLUMN x int; ALTER TABLE a MODIFY n bigint", "needs a copy"},
		{"UPDATE a SET", "syntax"},
		{"FROBNICATE a", "it is not known whether"},
	};
	struct lk_test_steps steps;
	(void)state;
	open_plan(&steps, ROWS);
	lk_test_steps_close(&steps);
	char *uri = lk_test_my_uri(server, "root", NULL);
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		char *yaml = lk_format(PLAN "    - sql: \"%s\"\n", cases[i].sql);
		char *refusal = lk_test_steps_refusal_at(uri, yaml);
		if (!strstr(refusal, cases[i].expected))
			fail_msg("%s: \"%s\"", cases[i].sql, refusal);
		free(refusal);
		free(yaml);
	}
	free(uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_change_as_a_whole_and_back),
		cmocka_unit_test(a_statement_that_fails_leaves_nothing_of_those_before),
		cmocka_unit_test(a_row_that_somebody_keeps_is_waited_for),
		cmocka_unit_test(definitions_go_one_by_one),
		cmocka_unit_test(an_interrupted_step_goes_on_where_it_was),
		cmocka_unit_test(a_half_done_step_is_taken_back),
		cmocka_unit_test(what_cannot_stand_together_is_refused),
	};
	return my_run_tests(tests, setup, teardown);
}
