/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way back: at any point before the drop the table is as it was, and the plan can begin again. */
#include "tests/control/two_people.h"

/* A table with everything that a rename carries. */
static void make(const char *plan, const char *table)
{
	lk_users_make(&stage, table, 3000);
	lk_sql(&stage,
	       "CREATE TABLE %s_names (name varchar(40) PRIMARY KEY); INSERT INTO %s_names SELECT username FROM %s;"
	       "ALTER TABLE %s ADD CONSTRAINT %s_username_key UNIQUE (username);"
	       "ALTER TABLE %s ADD CONSTRAINT %s_username_fkey FOREIGN KEY (username) REFERENCES %s_names;"
	       "COMMENT ON COLUMN %s.username IS 'who it is'; GRANT SELECT (username) ON %s TO PUBLIC",
	       table, table, table, table, table, table, table, table, table, table);
	lk_plan_rename(&alice, plan, table, "limits: {chunk_time: 2ms}\n");
	lk_plan_rename(&bob, plan, table, "limits: {chunk_time: 2ms}\n");
}

static void expect_as_before(const char *table, char *before)
{
	char *after = lk_schema_of(&stage, table);
	if (strcmp(before, after) != 0)
		fail_msg("before:\n%s\nafter:\n%s", before, after);
	free(after);
	free(before);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM %s WHERE username <> 'user ' || id", table),
		0);
}

static void undo(const struct lk_home *home, const char *plan, bool asked)
{
	lk_must(home, plan, "rollback", NULL);
	if (asked) {
		lk_await_gate(home, plan, "release-42", 20);
		lk_confirm(home, plan, "release-42");
	}
	lk_await(home, plan, "undone", 20);
	lk_await_sql(
		&stage, 5,
		"SELECT count(*) = 0 FROM lockkeeper.cleanup c JOIN lockkeeper.run r ON r.name = c.run"
		" WHERE r.plan = '%s'",
		plan);
}

static void run_again(const char *plan, const char *table)
{
	lk_expect(&alice, 0, "run", plan, "--headless", "--yes", LK_ALL_GATES, NULL);
	assert_int_equal(lk_number(&stage,
				   "SELECT count(*) FROM %s WHERE user_handle <> 'user ' || id",
				   table),
			 0);
}

static void after_expand(void **state)
{
	(void)state;
	make("back-expand", "back_expand");
	char *before = lk_schema_of(&stage, "back_expand");
	lk_expect(&alice, 3, "run", "back-expand", "--headless", "--yes", "expand", NULL);
	undo(&alice, "back-expand", false);
	expect_as_before("back_expand", before);
	run_again("back-expand", "back_expand");
}

static void in_the_middle_of_the_backfill(void **state)
{
	(void)state;
	make("back-fill", "back_fill");
	char *before = lk_schema_of(&stage, "back_fill");
	lk_expect(&alice, 3, "run", "back-fill", "--headless", "--yes", "expand,migrate", NULL);
	lk_must(&alice, "back-fill", "throttle",
		json_pack("{s:f, s:i}", "rest", 60.0, "chunk_time_ms", 1));
	lk_confirm(&alice, "back-fill", "release-42");
	lk_await_sql(
		&stage, 20,
		"SELECT rows_done > 0 FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name ="
		" c.run WHERE r.plan = 'back-fill'");
	undo(&alice, "back-fill", true);
	expect_as_before("back_fill", before);
	run_again("back-fill", "back_fill");
}

static void waiting_in_contract_with_everything_built(void **state)
{
	(void)state;
	make("back-all", "back_all");
	char *before = lk_schema_of(&stage, "back_all");
	lk_expect(&alice, 3, "run", "back-all", "--headless", "--yes",
		  "expand,migrate,release-42,contract", NULL);
	char *full = lk_schema_of(&stage, "back_all");
	assert_non_null(strstr(full, "back_all_user_handle_key UNIQUE (user_handle) t"));
	assert_non_null(strstr(full, "back_all_user_handle_fkey FOREIGN KEY (user_handle)"));
	free(full);
	undo(&alice, "back-all", true);
	expect_as_before("back_all", before);
	run_again("back-all", "back_all");
}

/* The keeper dies on the way back: the next one goes on in the same direction. */
static void killed_on_the_way_back(void **state)
{
	(void)state;
	make("back-kill", "back_kill");
	char *before = lk_schema_of(&stage, "back_kill");
	lk_expect(&alice, 3, "run", "back-kill", "--headless", "--yes",
		  "expand,migrate,release-42,contract", NULL);
	/* Somebody reads the table, so that the first step back cannot take its lock. */
	PGconn *reader = lk_test_connect(stage.server);
	PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM back_kill"));
	lk_must(&alice, "back-kill", "rollback", NULL);
	lk_await_event(&stage, "back-kill", "taking back", 10);
	lk_must(&alice, "back-kill", "pause", NULL);
	lk_await_sql(&stage, 5,
		     "SELECT wanted = 'paused' FROM lockkeeper.run WHERE plan = 'back-kill'");
	lk_keeper_signal(&alice, "back-kill", SIGKILL);
	lk_sessions_await_gone(&stage, "back-kill");
	PQfinish(reader);
	lk_expect(&bob, 4, "run", "back-kill", "--headless", NULL);
	lk_must(&bob, "back-kill", "resume", NULL);
	/* The answer that opened the gate forwards does not open the way back. */
	lk_await_gate(&bob, "back-kill", "release-42", 20);
	lk_confirm(&bob, "back-kill", "release-42");
	lk_await(&bob, "back-kill", "undone", 20);
	expect_as_before("back_kill", before);
}

/* Nothing is taken back yet that would tell the direction: the journal remembers it. */
static void killed_before_the_first_step_back(void **state)
{
	(void)state;
	make("back-first", "back_first");
	char *before = lk_schema_of(&stage, "back_first");
	lk_expect(&alice, 3, "run", "back-first", "--headless", "--yes", "expand", NULL);
	PGconn *reader = lk_test_connect(stage.server);
	PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM back_first"));
	lk_must(&alice, "back-first", "rollback", NULL);
	lk_await_event(&stage, "back-first", "waiting outside the lock queue", 10);
	lk_must(&alice, "back-first", "pause", NULL);
	lk_await_sql(&stage, 5,
		     "SELECT wanted = 'paused' FROM lockkeeper.run WHERE plan = 'back-first'");
	lk_keeper_signal(&alice, "back-first", SIGKILL);
	lk_sessions_await_gone(&stage, "back-first");
	assert_int_equal(
		lk_number(&stage,
			  "SELECT count(*) FROM lockkeeper.step s JOIN lockkeeper.run r ON r.name ="
			  " s.run WHERE r.plan = 'back-first' AND s.state = 'undone'"),
		0);
	PQfinish(reader);
	lk_expect(&bob, 4, "run", "back-first", "--headless", NULL);
	lk_must(&bob, "back-first", "resume", NULL);
	lk_await(&bob, "back-first", "undone", 20);
	expect_as_before("back_first", before);
}

static void a_run_that_failed_is_taken_back(void **state)
{
	(void)state;
	make("back-fail", "back_fail");
	char *before = lk_schema_of(&stage, "back_fail");
	lk_expect(&alice, 3, "run", "back-fail", "--headless", "--yes", "expand,migrate", NULL);
	lk_sql(&stage,
	       "ALTER TABLE back_fail ADD CONSTRAINT odd CHECK (user_handle <> 'user 1500') NOT VALID");
	lk_expect_says(&alice, 5, "odd", "run", "back-fail", "--headless", "--yes", "release-42",
		       NULL);
	undo(&alice, "back-fail", true);
	expect_as_before("back_fail", before);
}

static void after_the_drop_it_is_refused_with_the_reason(void **state)
{
	(void)state;
	char text[600];
	lk_users_make(&stage, "back_drop", 100);
	lk_plan_write(
		&alice, "back-drop",
		"steps:\n"
		"  expand:\n"
		"    - dual_write: {table: back_drop, from: username, to: user_handle, like: username}\n"
		"  migrate:\n"
		"    - backfill: {table: back_drop, set: {user_handle: username}}\n"
		"  contract:\n"
		"    - end_dual_write: {table: back_drop, column: username}\n"
		"    - ddl: \"ALTER TABLE back_drop DROP COLUMN username\"\n"
		"      destroys: data\n"
		"    - gate: {name: after, ask: \"is all well?\", by: person}\n");
	lk_expect(&alice, 3, "run", "back-drop", "--headless", "--yes", "expand,migrate,contract",
		  NULL);
	assert_false(lk_ask(&alice, "back-drop", "rollback", NULL, text));
	assert_non_null(strstr(text, "nothing takes it back"));
	lk_expect_says(&alice, 1, "nothing takes it back", "rollback", "back-drop", NULL);
	lk_expect_says(&bob, 1, "nothing takes it back", "rollback", "back-drop", "--target",
		       stage.uri, NULL);
	lk_await_sql(&stage, 5,
		     "SELECT wanted = 'running' FROM lockkeeper.run WHERE plan = 'back-drop'");
	lk_expect(&alice, 0, "run", "back-drop", "--headless", "--yes", "after", NULL);
}

static void what_a_ddl_step_s_undo_says_is_done(void **state)
{
	(void)state;
	lk_users_make(&stage, "back_ddl", 100);
	char *before = lk_schema_of(&stage, "back_ddl");
	lk_plan_write(
		&alice, "back-ddl",
		"steps:\n"
		"  expand:\n"
		"    - ddl: \"ALTER TABLE back_ddl ADD COLUMN extra int\"\n"
		"      undo: \"ALTER TABLE back_ddl DROP COLUMN extra\"\n"
		"    - ddl: \"CREATE INDEX CONCURRENTLY back_ddl_note_idx ON back_ddl (note)\"\n"
		"      undo: \"DROP INDEX CONCURRENTLY back_ddl_note_idx\"\n"
		"    - gate: {name: look, ask: \"does it look well?\", by: person}\n");
	lk_expect(&alice, 3, "run", "back-ddl", "--headless", "--yes", "expand", NULL);
	undo(&alice, "back-ddl", false);
	expect_as_before("back_ddl", before);
}

static void before_anything_there_is_nothing_to_take_back(void **state)
{
	(void)state;
	char text[600];
	make("back-none", "back_none");
	char *before = lk_schema_of(&stage, "back_none");
	lk_expect(&alice, 3, "run", "back-none", "--headless", NULL);
	assert_false(lk_ask(&alice, "back-none", "rollback", NULL, text));
	assert_non_null(strstr(text, "nothing was changed yet"));
	expect_as_before("back_none", before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_expand),
		cmocka_unit_test(in_the_middle_of_the_backfill),
		cmocka_unit_test(waiting_in_contract_with_everything_built),
		cmocka_unit_test(killed_on_the_way_back),
		cmocka_unit_test(killed_before_the_first_step_back),
		cmocka_unit_test(a_run_that_failed_is_taken_back),
		cmocka_unit_test(after_the_drop_it_is_refused_with_the_reason),
		cmocka_unit_test(what_a_ddl_step_s_undo_says_is_done),
		cmocka_unit_test(before_anything_there_is_nothing_to_take_back),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
