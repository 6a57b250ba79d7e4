/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Somebody else changes the tables, or the plan's file, while a run waits or works. */
#include "tests/control/two_people.h"

static bool reason_has(const struct lk_snapshot *snapshot, const void *words)
{
	return strstr(snapshot->reason, words) != NULL;
}

static void a_table_changed_before_the_first_answer_stops_before_anything_is_written(void **state)
{
	(void)state;
	lk_users_make(&stage, "early", 100);
	lk_plan_rename(&alice, "early", "early", "");
	char *before = lk_schema_of(&stage, "early");
	lk_expect(&alice, 3, "run", "early", "--headless", NULL);
	lk_await_gate(&alice, "early", "expand", 10);
	/* Another index on the column: one step more than those that were read. */
	lk_sql(&stage, "CREATE INDEX early_more ON early (username, id)");
	lk_confirm(&alice, "early", "expand");
	lk_await_that(&alice, "early", reason_has, "was changed after this plan was shown",
		      "the reason", 10);
	lk_sql(&stage, "DROP INDEX early_more");
	char *after = lk_schema_of(&stage, "early");
	assert_string_equal(after, before);
	free(after);
	free(before);
}

static void a_column_that_somebody_drops_in_the_middle_stops_the_run_with_its_name(void **state)
{
	(void)state;
	lk_users_make(&stage, "middle", 100);
	lk_plan_rename(&alice, "middle", "middle", "");
	lk_expect(&alice, 3, "run", "middle", "--headless", "--yes", "expand", NULL);
	lk_await_gate(&alice, "middle", "migrate", 20);
	lk_sql(&stage, "ALTER TABLE middle DROP COLUMN user_handle CASCADE");
	lk_expect_says(&alice, 5, "user_handle", "run", "middle", "--headless", "--yes",
		       "migrate,release-42", NULL);
	lk_await(&alice, "middle", "stopped", 10);
	/* The old column and every row are as they were. */
	lk_users_compare(&stage, "middle", "username");
}

static void a_table_that_somebody_renames_in_the_middle_stops_the_run_with_its_name(void **state)
{
	(void)state;
	lk_users_make(&stage, "moved", 100);
	lk_plan_rename(&alice, "moved", "moved", "");
	lk_expect(&alice, 3, "run", "moved", "--headless", "--yes", "expand", NULL);
	lk_await_gate(&alice, "moved", "migrate", 20);
	lk_sql(&stage, "ALTER TABLE moved RENAME TO elsewhere");
	lk_expect_says(&alice, 5, "there is no table \"moved\"", "run", "moved", "--headless",
		       "--yes", "migrate,release-42", NULL);
	/* Brought back, the run goes on where it was. */
	lk_sql(&stage, "ALTER TABLE elsewhere RENAME TO moved");
	lk_expect(&alice, 0, "resume", "moved", NULL);
	lk_await_gate(&alice, "moved", "contract", 20);
	lk_users_compare(&stage, "moved", "user_handle");
}

static void a_file_changed_under_an_unfinished_run_changes_nothing_by_itself(void **state)
{
	(void)state;
	lk_users_make(&stage, "filed", 100);
	lk_plan_rename(&alice, "filed", "filed", "");
	lk_expect(&alice, 3, "run", "filed", "--headless", "--yes", "expand", NULL);
	lk_await_gate(&alice, "filed", "migrate", 20);
	lk_plan_write(
		&alice, "filed",
		"operations:\n  - rename_column: {table: filed, from: username, to: other}\n");
	lk_keeper_signal(&alice, "filed", SIGKILL);
	lk_sessions_await_gone(&stage, "filed");
	lk_expect_says(&alice, 1, "--replace", "run", "filed", "--headless", "--yes", "migrate",
		       NULL);
	assert_int_equal(lk_number(&stage,
				   "SELECT count(*) FROM pg_attribute WHERE attrelid = "
				   "'filed'::regclass AND attname IN ('other', 'user_handle')"),
			 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_table_changed_before_the_first_answer_stops_before_anything_is_written),
		cmocka_unit_test(
			a_column_that_somebody_drops_in_the_middle_stops_the_run_with_its_name),
		cmocka_unit_test(
			a_table_that_somebody_renames_in_the_middle_stops_the_run_with_its_name),
		cmocka_unit_test(a_file_changed_under_an_unfinished_run_changes_nothing_by_itself),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
