/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole runs of the real program: they end right, and say what they need when they cannot. */
#include "tests/control/two_people.h"

static void a_rename_under_writes_of_both_releases_ends_with_every_row_right(void **state)
{
	(void)state;
	lk_users_make(&stage, "run_a", 20000);
	lk_plan_rename(&alice, "run-a", "run_a", "");
	struct lk_test_load *old = lk_users_load(&stage, "run_a", false);
	lk_expect_says(&alice, 3, "waiting at gate migrate", "run", "run-a", "--headless", "--yes",
		       "expand", NULL);
	struct lk_test_load *new = lk_users_load(&stage, "run_a", true);
	lk_expect_says(&alice, 3, "waiting at gate release-41-gone", "run", "run-a", "--headless",
		       "--yes", "migrate,release-42,contract", NULL);
	lk_load_end(old);
	lk_expect(&alice, 0, "run", "run-a", "--headless", "--yes", "release-41-gone", NULL);
	lk_load_end(new);
	lk_users_compare(&stage, "run_a", "user_handle");
	assert_int_equal(lk_number(&stage,
				   "SELECT count(*) FROM pg_attribute WHERE attrelid ="
				   " 'run_a'::regclass AND attname IN ('username', 'user_handle')"),
			 1);
	/* The index and NOT NULL came along, the scaffolding is gone. */
	char *schema = lk_schema_of(&stage, "run_a");
	assert_non_null(
		strstr(schema, "run_a_user_handle_idx ON public.run_a USING btree (user_handle)"));
	assert_non_null(strstr(schema, "column user_handle character varying(40) t 'nobody'"));
	assert_null(strstr(schema, "trigger"));
	assert_null(strstr(schema, "function"));
	assert_null(strstr(schema, "not_null"));
	free(schema);
	assert_int_equal(lk_number(&stage,
				   "SELECT count(*) FROM lockkeeper.cleanup c JOIN lockkeeper.run r"
				   " ON r.name = c.run WHERE r.plan = 'run-a'"),
			 0);
}

static void the_json_of_a_run_ends_with_its_result(void **state)
{
	(void)state;
	json_error_t where;
	lk_users_make(&stage, "run_j", 3000);
	lk_plan_rename(&alice, "run-j", "run_j", "");
	struct lk_said said =
		lk_do(&alice, "run", "run-j", "--headless", "--json", "--yes", LK_ALL_GATES, NULL);
	assert_int_equal(said.status, 0);
	char *last = NULL;
	for (char *line = strtok(said.out, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *object = json_loads(line, 0, &where);
		assert_true(json_is_string(json_object_get(object, "event")));
		json_decref(object);
		last = line;
	}
	json_t *result = json_loads(last, 0, &where);
	assert_string_equal(json_string_value(json_object_get(result, "event")), "result");
	assert_string_equal(json_string_value(json_object_get(result, "outcome")), "done");
	assert_int_equal(json_integer_value(json_object_get(result, "rows")), 3000);
	assert_int_equal(json_integer_value(json_object_get(result, "rows_compared")), 3000);
	assert_int_equal(json_integer_value(json_object_get(result, "rows_different")), 0);
	assert_true(json_number_value(json_object_get(result, "keeper_peak_mib")) > 0);
	json_decref(result);
	lk_said_free(&said);
}

static void a_plan_that_is_done_does_not_begin_again(void **state)
{
	(void)state;
	lk_users_make(&stage, "run_d", 100);
	lk_plan_rename(&alice, "run-d", "run_d", "");
	lk_expect(&alice, 0, "run", "run-d", "--headless", "--yes", LK_ALL_GATES, NULL);
	lk_keeper_signal(&alice, "run-d", SIGTERM);
	lk_expect_says(&alice, 2, "already has a column", "run", "run-d", "--headless", "--yes",
		       LK_ALL_GATES, NULL);
	lk_users_compare(&stage, "run_d", "user_handle");
}

static void a_pause_of_a_run_that_is_done_is_answered_once(void **state)
{
	(void)state;
	static const char beat_sql[] =
		"SELECT (extract(epoch FROM max(h.at)) * 1000)::bigint FROM lockkeeper.heartbeat h"
		" JOIN lockkeeper.run r ON r.name = h.run WHERE r.plan = 'run-p'";
	lk_users_make(&stage, "run_p", 100);
	lk_plan_rename(&alice, "run-p", "run_p", "");
	lk_expect(&alice, 0, "run", "run-p", "--headless", "--yes", LK_ALL_GATES, NULL);
	lk_ask(&alice, "run-p", "pause", NULL, NULL);
	lk_sql(&stage, "UPDATE lockkeeper.run SET wanted = 'paused' WHERE plan = 'run-p'");
	/* The keeper has looked at the journal several times since. */
	int64_t beat = lk_number(&stage, "%s", beat_sql);
	lk_await_sql(&stage, 15, "SELECT (%s) > %lld", beat_sql, (long long)beat + 2500);
	assert_true(lk_number(&stage,
			      "SELECT count(*) FROM lockkeeper.event e JOIN lockkeeper.run r"
			      " ON r.name = e.run WHERE r.plan = 'run-p' AND"
			      " strpos(e.text, 'nothing moves') > 0") <= 1);
}

static void an_empty_table_and_a_single_row_are_tables_too(void **state)
{
	(void)state;
	lk_sql(&stage, "CREATE TABLE run_e (id int PRIMARY KEY, username text)");
	lk_plan_rename(&alice, "run-e", "run_e", "");
	lk_expect(&alice, 0, "run", "run-e", "--headless", "--yes", LK_ALL_GATES, NULL);
	lk_sql(&stage, "CREATE TABLE run_o (id int PRIMARY KEY, username text); INSERT INTO run_o "
		       "VALUES (-7, 'x')");
	lk_plan_rename(&alice, "run-o", "run_o", "");
	lk_expect(&alice, 0, "run", "run-o", "--headless", "--yes", LK_ALL_GATES, NULL);
	assert_int_equal(lk_number(&stage, "SELECT count(*) FROM run_o WHERE user_handle = 'x'"),
			 1);
}

static void a_start_that_failed_can_be_repeated_at_once(void **state)
{
	(void)state;
	lk_users_make(&stage, "run_f", 100);
	lk_sql(&stage, "ALTER TABLE run_f ADD user_handle int");
	lk_plan_rename(&alice, "run-f", "run_f", "");
	lk_expect_says(&alice, 2, "already has a column", "run", "run-f", "--headless", "--yes",
		       "expand", NULL);
	lk_sql(&stage, "ALTER TABLE run_f DROP user_handle");
	lk_expect(&alice, 3, "run", "run-f", "--headless", "--yes", "expand", NULL);
}

/* Looked at, edited, looked at again: what was read first is not what is carried out. */
static void a_plan_that_was_edited_before_it_began_is_read_anew(void **state)
{
	(void)state;
	lk_users_make(&stage, "run_ed", 100);
	lk_plan_rename(&alice, "run-ed", "run_ed", "");
	lk_expect(&alice, 3, "run", "run-ed", "--headless", NULL);
	lk_plan_write(
		&alice, "run-ed",
		"operations:\n  - rename_column: {table: run_ed, from: username, to: other_name}\n");
	lk_expect(&alice, 3, "run", "run-ed", "--headless", "--yes", "expand", NULL);
	assert_int_equal(
		lk_number(
			&stage,
			"SELECT count(*) FROM pg_attribute WHERE attrelid = 'run_ed'::regclass AND"
			" attname = 'other_name'"),
		1);
	assert_int_equal(
		lk_number(
			&stage,
			"SELECT count(*) FROM pg_attribute WHERE attrelid = 'run_ed'::regclass AND"
			" attname = 'user_handle'"),
		0);
}

static void two_of_one_person_at_once_share_a_keeper(void **state)
{
	(void)state;
	lk_users_make(&stage, "run_two", 2000);
	lk_plan_rename(&alice, "run-two", "run_two", "");
	pid_t a = lk_do_begin(&alice, "run", "run-two", "--headless", "--yes", LK_ALL_GATES, NULL);
	pid_t b = lk_do_begin(&alice, "run", "run-two", "--headless", "--yes", LK_ALL_GATES, NULL);
	struct lk_said first = lk_do_finish(&alice, a), second = lk_do_finish(&alice, b);
	if (first.status || second.status)
		fail_msg("ended with %d and %d\n%s\n%s", first.status, second.status, first.err,
			 second.err);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM lockkeeper.run WHERE plan = 'run-two'"), 1);
	lk_users_compare(&stage, "run_two", "user_handle");
	lk_said_free(&first);
	lk_said_free(&second);
}

static void names_of_any_alphabet_in_short_and_long_form(void **state)
{
	(void)state;
	lk_sql(&stage,
	       "CREATE SCHEMA \"Mein \"\"Schema\";"
	       "CREATE TABLE \"Mein \"\"Schema\".\"Büch.er 漢\" (\"Nr.\" int PRIMARY KEY, \"Dein "
	       "Náme\" text"
	       " NOT NULL DEFAULT 'ö''s'); CREATE UNIQUE INDEX \"I x\" ON \"Mein "
	       "\"\"Schema\".\"Büch.er 漢\""
	       " (\"Dein Náme\");"
	       "INSERT INTO \"Mein \"\"Schema\".\"Büch.er 漢\" SELECT n, 'имя \" '' \\ ' || n FROM"
	       " generate_series(1, 2000) n");
	lk_plan_write(&alice, "run-names",
		      "operations:\n  - rename_column: {table: '\"Mein \"\"Schema\".\"Büch.er "
		      "漢\"', from: 'Dein Náme', to:"
		      " 'имя \"neu\"'}\n");
	lk_expect(&alice, 0, "run", "run-names", "--headless", "--yes",
		  "expand,migrate,new-release,contract,old-release-gone", NULL);
	assert_int_equal(lk_number(&stage,
				   "SELECT count(*) FROM \"Mein \"\"Schema\".\"Büch.er 漢\" WHERE"
				   " \"имя \"\"neu\"\"\" = 'имя \" '' \\ ' || \"Nr.\""),
			 2000);
	/* The long form, as explain prints it, does the same on a second table. */
	lk_sql(&stage, "CREATE TABLE \"Mein \"\"Schema\".\"Zwei\" (\"Nr.\" int PRIMARY KEY, \"Dein "
		       "Náme\" text);"
		       "INSERT INTO \"Mein \"\"Schema\".\"Zwei\" SELECT n, 'z' || n FROM "
		       "generate_series(1, 500) n");
	lk_plan_write(&alice, "run-long",
		      "operations:\n  - rename_column: {table: '\"Mein \"\"Schema\".Zwei', from: "
		      "'Dein Náme', to: 'имя'}\n");
	struct lk_said said = lk_do(&alice, "explain", "run-long", NULL);
	assert_int_equal(said.status, 0);
	char *end = strstr(said.out, "\n\n1. ");
	assert_non_null(end);
	*end = '\0';
	char *body = strchr(said.out, '\n') + 1;
	assert_non_null(strstr(body, "dual_write"));
	lk_plan_write(&alice, "run-long", body);
	lk_expect(&alice, 0, "run", "run-long", "--headless", "--yes",
		  "expand,migrate,new-release,contract,old-release-gone", NULL);
	assert_int_equal(
		lk_number(&stage,
			  "SELECT count(*) FROM \"Mein \"\"Schema\".\"Zwei\" WHERE \"имя\" = 'z'"
			  " || \"Nr.\""),
		500);
	lk_said_free(&said);
}

/* Bad plans: exit status 2 and one line for each mistake. */
static void every_mistake_of_a_plan_is_a_line_and_nothing_is_touched(void **state)
{
	(void)state;
	static const struct {
		const char *body, *says;
	} cases[] = {
		{"why: 1\n", "run-bad.yaml:1:1"},
		{"operatons: []\n", "did you mean operations"},
		{"operations:\n  - rename_column: {table: users, from: a}\n", "\"to\""},
		{"operations:\n  - rename_column: {table: nowhere_at_all, from: a, to: b}\n",
		 "nowhere_at_all"},
		{"operations:\n  - rename_column: {table: run_bad, from: usrname, to: b}\n",
		 "usrname"},
	};
	lk_users_make(&stage, "run_bad", 10);
	char *before = lk_schema_of(&stage, "run_bad");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		lk_plan_write(&alice, "run-bad", cases[i].body);
		lk_expect_says(&alice, 2, cases[i].says, "run", "run-bad", "--headless", NULL);
	}
	lk_plan_write(&alice, "run-bad",
		      "steps:\n  migrate:\n    - backfil: {table: x}\n    - gate: {name: a, by: "
		      "person}\n    - ddl: 7\n");
	struct lk_said said = lk_do(&alice, "run", "run-bad", "--headless", NULL);
	assert_int_equal(said.status, 2);
	int lines = 0;
	for (const char *p = said.err; (p = strstr(p, "run-bad.yaml:")); p++)
		lines++;
	if (lines < 3)
		fail_msg("%d mistakes were named:\n%s", lines, said.err);
	lk_said_free(&said);
	char *after = lk_schema_of(&stage, "run_bad");
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void what_is_wrong_with_the_command_is_said(void **state)
{
	(void)state;
	lk_plan_rename(&alice, "run-use", "run_d", "");
	lk_expect_says(&alice, 2, "No such file", "run", "/nowhere/plan.yaml", NULL);
	lk_expect_says(&alice, 2, "there is no target named nonsense", "run", "run-use",
		       "--headless", "--target", "nonsense", NULL);
	lk_expect_says(&alice, 2, "password", "run", "run-use", "--headless", "--target",
		       "postgresql://app:secret@localhost/x", NULL);
	lk_expect_says(&alice, 2, "need --headless", "run", "run-use", "--json", NULL);
	lk_expect(&alice, 2, "run", "run-use", "--nonsense", NULL);
	lk_expect_says(&alice, 2, "did you mean \"resume\"", "resum", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rename_under_writes_of_both_releases_ends_with_every_row_right),
		cmocka_unit_test(the_json_of_a_run_ends_with_its_result),
		cmocka_unit_test(a_plan_that_is_done_does_not_begin_again),
		cmocka_unit_test(a_pause_of_a_run_that_is_done_is_answered_once),
		cmocka_unit_test(an_empty_table_and_a_single_row_are_tables_too),
		cmocka_unit_test(a_start_that_failed_can_be_repeated_at_once),
		cmocka_unit_test(a_plan_that_was_edited_before_it_began_is_read_anew),
		cmocka_unit_test(two_of_one_person_at_once_share_a_keeper),
		cmocka_unit_test(names_of_any_alphabet_in_short_and_long_form),
		cmocka_unit_test(every_mistake_of_a_plan_is_a_line_and_nothing_is_touched),
		cmocka_unit_test(what_is_wrong_with_the_command_is_said),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
