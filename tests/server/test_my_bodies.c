/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Triggers, procedures, functions and events with bodies as steps of a plan on MariaDB and MySQL. */
#include <stdio.h>

#include "base/memory.h"
#include "plan/file.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"
#include "tests/unit/my_bodies.h"

#define DDL "ddl-1"
#define TRIGGER "CREATE TRIGGER b " MY_ROW "BEGIN SET NEW.a = 1; SET NEW.t = 'x'; END"

static struct lk_test_my *server;

static int setup(void **state)
{
	(void)state;
	server = lk_test_my_start(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

static void make(void)
{
	my_need(server);
	lk_test_my_sql(server,
		       "DROP TABLE IF EXISTS bodied; CREATE TABLE bodied (id int PRIMARY KEY,"
		       " a int, `end` int, t varchar(40)); CREATE TRIGGER `first;` BEFORE"
		       " INSERT ON bodied FOR EACH ROW SET NEW.t = 'first'");
}

/* As a | block, so that nothing in it has to be escaped; its lines are indented. */
static char *plan_of(const char *verb, const char *sql, const char *undo)
{
	struct lk_buffer text = {0};
	lk_buffer_addf(&text,
		       "plan: p\nsteps:\n  expand:\n    - name: ddl-1\n      %s: |\n        ",
		       verb);
	for (const char *p = sql; *p; p++) {
		char one[2] = {*p, '\0'};
		lk_buffer_add(&text, one);
		if (*p == '\n')
			lk_buffer_add(&text, "        ");
	}
	lk_buffer_addf(&text, "\n      undo: \"%s\"\n", undo);
	return lk_buffer_take(&text);
}

static void open_plan(struct lk_test_steps *steps, const char *verb, const char *sql,
		      const char *undo)
{
	char *uri = lk_test_my_uri(server, "root", NULL);
	char *yaml = plan_of(verb, sql, undo);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(yaml);
	free(uri);
}

static int64_t is_there(void)
{
	return lk_test_my_number(
		server,
		"SELECT (SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema ="
		" 'test' AND trigger_name = 'b') + (SELECT COUNT(*) FROM information_schema.routines"
		" WHERE routine_schema = 'test' AND routine_name = 'b') + (SELECT COUNT(*) FROM"
		" information_schema.events WHERE event_schema = 'test' AND event_name = 'b')");
}

static void must_be_done(struct lk_test_steps *steps, enum lk_outcome outcome)
{
	if (outcome != LK_OUTCOME_DONE)
		fail_msg("outcome %d: %s", outcome, steps->error.text);
}

/* What the server's own grammar takes as one statement is one to us. */
static void each_is_made_and_taken_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof my_bodies / sizeof my_bodies[0]; i++) {
		struct lk_test_steps steps;
		make();
		open_plan(&steps, "ddl", my_bodies[i].sql, my_bodies[i].undo);
		if (lk_test_step_forward(&steps, DDL) != LK_OUTCOME_DONE || is_there() != 1)
			fail_msg("%s: %s", my_bodies[i].sql, steps.error.text);
		must_be_done(&steps, lk_test_step_backward(&steps, DDL));
		assert_int_equal(is_there(), 0);
		must_be_done(&steps, lk_test_step_forward(&steps, DDL));
		lk_test_my_sql(server, my_bodies[i].undo);
		lk_test_steps_close(&steps);
	}
}

/* By the plan's reader already: nothing of it reaches a server. */
static void must_be_unreadable(const char *sql, const char *expected)
{
	struct lk_plan plan;
	struct lk_problems problems = {0};
	char *yaml = plan_of("ddl", sql, "DROP TRIGGER b");
	assert_false(lk_plan_parse("test.yaml", yaml, strlen(yaml), &plan, &problems));
	char *text = lk_problems_text(&problems);
	assert_contains(text, expected);
	free(text);
	lk_problems_free(&problems);
	free(yaml);
}

static void nothing_hides_behind_a_body(void **state)
{
	(void)state;
	make();
	must_be_unreadable(TRIGGER "; DROP TABLE bodied", "takes one statement; this holds 2");
	must_be_unreadable("CREATE TRIGGER b " MY_ROW "SET NEW.a = 1; DROP TABLE bodied",
			   "takes one statement; this holds 2");
	must_be_unreadable("CREATE TRIGGER b " MY_ROW "BEGIN IF 1 THEN SET NEW.a = 1; END IF",
			   "takes one statement; this holds 2");
	/* What only the server finds fault with fails there, and has changed nothing. */
	struct lk_test_steps steps;
	open_plan(&steps, "ddl", "CREATE TRIGGER b " MY_ROW "BEGIN SET NEW.nothing = 1; END",
		  "DROP TRIGGER b");
	assert_int_equal(lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "nothing");
	assert_int_equal(is_there(), 0);
	lk_test_steps_close(&steps);
}

static void several_stand_in_one_step(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	open_plan(&steps, "sql",
		  "DROP TRIGGER `first;`;\n" TRIGGER
		  ";\nCREATE TRIGGER c AFTER INSERT ON bodied FOR"
		  " EACH ROW BEGIN IF NEW.a = 2 THEN SIGNAL SQLSTATE '45000'; END IF; END",
		  "DROP TRIGGER c; DROP TRIGGER b");
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	lk_test_my_sql(server, "INSERT INTO bodied (id, a) VALUES (1, 2)");
	assert_int_equal(lk_test_my_number(server, "SELECT a FROM bodied"), 1);
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	assert_int_equal(is_there(), 0);
	lk_test_steps_close(&steps);
}

/* The step waits for the table, is stopped, and goes on when the trigger is there, or is not. */
static void interrupt(bool happened)
{
	struct lk_test_steps steps;
	make();
	open_plan(&steps, "ddl", TRIGGER, "DROP TRIGGER b");
	MYSQL *holder = lk_test_my_connect(server);
	if (mysql_query(holder, "LOCK TABLES bodied READ") != 0)
		fail_msg("%s", mysql_error(holder));
	lk_test_step_begin(&steps, DDL, false);
	assert_true(lk_test_steps_hears(&steps, "bodied"));
	lk_test_steps_stop(&steps);
	assert_int_equal(lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	mysql_close(holder);
	if (happened)
		lk_test_my_sql(server, TRIGGER);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	assert_int_equal(strstr(steps.run.note, "had happened") != NULL, happened);
	assert_int_equal(is_there(), 1);
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	assert_int_equal(is_there(), 0);
	lk_test_steps_close(&steps);
}

static void after_an_interruption_the_catalog_says_whether_it_is_there(void **state)
{
	(void)state;
	interrupt(false);
	interrupt(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_made_and_taken_back),
		cmocka_unit_test(nothing_hides_behind_a_body),
		cmocka_unit_test(several_stand_in_one_step),
		cmocka_unit_test(after_an_interruption_the_catalog_says_whether_it_is_there),
	};
	return my_run_tests(tests, setup, teardown);
}
