/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `run --replace RUN`: a mended plan takes an unfinished run over, or is refused with the reason. */
#include "base/path.h"
#include "tests/control/two_people.h"

#define GATES "expand,migrate,contract"

/* A table whose rows count how often the backfill has touched them. */
static void make_table(const char *table, int rows)
{
	lk_sql(&stage,
	       "CREATE TABLE %s (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0, name text,"
	       " extra text);"
	       " INSERT INTO %s SELECT i, 0, 'name ' || i FROM generate_series(1, %d) i; ANALYZE %s",
	       table, table, rows, table);
}

/* A table, a backfill of `set`, and one DDL statement behind it. */
static void write_plan(const char *name, const char *table, const char *set, const char *last)
{
	char *body = lk_format("steps:\n  expand:\n"
			       "    - ddl: \"CREATE TABLE %s_more (v text)\"\n"
			       "      undo: \"DROP TABLE IF EXISTS %s_more\"\n"
			       "  migrate:\n    - backfill: {table: %s, set: {%s}}\n"
			       "  contract:\n    - ddl: \"%s\"\n      undo: \"SELECT 1\"\n",
			       table, table, table, set, last);
	lk_plan_write(&alice, name, body);
	free(body);
}

static void a_mended_plan_goes_on_where_the_old_one_failed(void **state)
{
	(void)state;
	make_table("mend", 500);
	write_plan("mend", "mend", "extra: \"'x' || 1 / (id - 300)\"", "SELECT 1");
	lk_expect_says(&alice, 5, "division by zero", "run", "mend", "--headless", "--yes", GATES,
		       NULL);
	char *run = lk_run_of(&stage, "mend");
	int64_t began =
		lk_number(&stage,
			  "SELECT extract(epoch FROM started_at) * 1000000 FROM lockkeeper.step"
			  " WHERE run = '%s' AND name = 'ddl-1'",
			  run);
	write_plan("mend", "mend", "extra: \"'y' || id\"", "SELECT 1");
	/* Nothing is named for contract: its gate was never answered, the finished ones stay finished. */
	lk_expect_says(&alice, 3, "waiting at gate contract", "run", "mend", "--headless",
		       "--replace", run, NULL);
	assert_int_equal(lk_number(&stage, "SELECT count(*) FROM mend WHERE extra = 'y' || id"),
			 500);
	assert_int_equal(lk_number(&stage,
				   "SELECT extract(epoch FROM started_at) * 1000000 FROM"
				   " lockkeeper.step WHERE run = '%s' AND name = 'ddl-1'",
				   run),
			 began);
	assert_int_equal(
		lk_number(&stage,
			  "SELECT count(*) FROM lockkeeper.event WHERE run = '%s' AND kind ="
			  " 'replace' AND text LIKE '%%backfill-2: set%%' AND who <> ''",
			  run),
		1);
	lk_expect(&alice, 0, "run", "mend", "--headless", "--yes", GATES, NULL);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM lockkeeper.run WHERE plan = 'mend'"), 1);
	lk_expect_says(&alice, 1, "is done", "run", "mend", "--headless", "--replace", run, NULL);
	free(run);
}

static bool is_filling(const struct lk_snapshot *s, const void *context)
{
	(void)context;
	return strcmp(s->state, "running") == 0 && s->backfill.chunks >= 3;
}

/* A run that is paused in the middle of its backfill of n; yields its name. */
static char *pause_in_backfill(const char *plan, const char *table)
{
	make_table(table, 60000);
	write_plan(plan, table, "n: \"n + 1\"", "SELECT 1");
	pid_t pid = lk_do_begin(&alice, "run", plan, "--headless", "--yes", GATES, NULL);
	lk_await(&alice, plan, "running", 30);
	lk_must(&alice, plan, "throttle",
		json_pack("{s:f, s:f}", "chunk_time_ms", 5.0, "rest", 40.0));
	lk_await_that(&alice, plan, is_filling, NULL, "three chunks", 60);
	char *run = lk_run_of(&stage, plan);
	/* While it runs nobody takes it over. */
	lk_expect_says(&alice, 1, "pause it first", "run", plan, "--headless", "--replace", run,
		       NULL);
	lk_must(&alice, plan, "pause", NULL);
	struct lk_said said = lk_do_finish(&alice, pid);
	assert_int_equal(said.status, 4);
	lk_said_free(&said);
	return run;
}

static void a_backfill_that_stays_the_same_keeps_its_cursor(void **state)
{
	(void)state;
	char *run = pause_in_backfill("keep", "keep");
	int64_t done =
		lk_number(&stage, "SELECT rows_done FROM lockkeeper.cursor WHERE run = '%s'", run);
	assert_true(done > 0 && done < 60000);
	write_plan("keep", "keep", "n: \"n + 1\"", "SELECT 2");
	lk_expect(&alice, 0, "run", "keep", "--headless", "--replace", run, "--yes", GATES, NULL);
	assert_int_equal(lk_number(&stage, "SELECT count(*) FROM keep WHERE n <> 1"), 0);
	free(run);
}

static void a_backfill_that_changes_forgets_its_cursor(void **state)
{
	(void)state;
	char *run = pause_in_backfill("forget", "forget");
	int64_t done = lk_number(&stage, "SELECT count(*) FROM forget WHERE n = 1");
	assert_true(done > 0 && done < 60000);
	write_plan("forget", "forget", "n: \"n + 10\"", "SELECT 1");
	lk_expect(&alice, 0, "run", "forget", "--headless", "--replace", run, "--yes", GATES, NULL);
	assert_int_equal(lk_number(&stage, "SELECT count(*) FROM forget WHERE n = 11"), done);
	assert_int_equal(lk_number(&stage, "SELECT count(*) FROM forget WHERE n = 10"),
			 60000 - done);
	free(run);
}

static void a_finished_step_that_differs_is_named_with_both_texts(void **state)
{
	(void)state;
	make_table("fixed", 10);
	write_plan("fixed", "fixed", "extra: name", "SELECT 1");
	lk_expect(&alice, 3, "run", "fixed", "--headless", "--yes", "expand", NULL);
	char *run = lk_run_of(&stage, "fixed");
	pid_t keeper = lk_keeper_pid(&alice, "fixed");
	assert_true(keeper > 0);
	lk_plan_write(&alice, "fixed",
		      "steps:\n  expand:\n    - ddl: \"CREATE TABLE fixed_more (v varchar)\"\n"
		      "      undo: \"DROP TABLE IF EXISTS fixed_more\"\n"
		      "  migrate:\n    - backfill: {table: fixed, set: {extra: name}}\n");
	struct lk_said said = lk_do(&alice, "run", "fixed", "--headless", "--replace", run, NULL);
	assert_int_equal(said.status, 1);
	assert_non_null(strstr(said.err, "step 2 (ddl-1)"));
	assert_non_null(strstr(said.err, "was \"CREATE TABLE fixed_more (v text)\""));
	assert_non_null(strstr(said.err, "now it is \"CREATE TABLE fixed_more (v varchar)\""));
	lk_said_free(&said);
	/* What is refused disturbs nobody: the keeper is the same, and so is its plan. */
	assert_int_equal(lk_keeper_pid(&alice, "fixed"), keeper);
	assert_int_equal(
		lk_number(&stage,
			  "SELECT count(*) FROM lockkeeper.event WHERE run = '%s' AND kind ="
			  " 'replace'",
			  run),
		0);
	/* Without --replace the way is named, with the keeper alive and with it gone. */
	char *words = lk_format("--replace %s", run);
	lk_expect_says(&alice, 1, words, "run", "fixed", "--headless", NULL);
	lk_keeper_signal(&alice, "fixed", SIGTERM);
	lk_expect_says(&alice, 1, words, "run", "fixed", "--headless", NULL);
	free(words);
	free(run);
}

static void a_plan_with_less_than_is_finished_is_refused(void **state)
{
	(void)state;
	make_table("less", 10);
	write_plan("less", "less", "extra: name", "SELECT 1");
	lk_expect(&alice, 3, "run", "less", "--headless", "--yes", "expand,migrate", NULL);
	char *run = lk_run_of(&stage, "less");
	lk_plan_write(&alice, "less",
		      "steps:\n  expand:\n    - ddl: \"CREATE TABLE less_more (v text)\"\n"
		      "      undo: \"DROP TABLE IF EXISTS less_more\"\n");
	lk_expect_says(&alice, 1, "ends before it", "run", "less", "--headless", "--replace", run,
		       NULL);
	/* A changed step must fit the table that is there. */
	write_plan("less", "less", "extra: name", "SELECT 1");
	lk_expect_says(&alice, 2, "no run \"nothing-1\"", "run", "less", "--headless", "--replace",
		       "nothing-1", NULL);
	lk_plan_write(&alice, "less",
		      "steps:\n  expand:\n    - ddl: \"CREATE TABLE less_more (v text)\"\n"
		      "      undo: \"DROP TABLE IF EXISTS less_more\"\n"
		      "  migrate:\n    - backfill: {table: less, set: {extra: name}}\n"
		      "    - backfill: {table: less, set: {nowhere: name}}\n");
	lk_expect_says(&alice, 2, "nowhere", "run", "less", "--headless", "--replace", run, NULL);
	free(run);
}

static void the_run_of_somebody_elses_living_keeper_is_not_taken(void **state)
{
	(void)state;
	make_table("other", 10);
	write_plan("other", "other", "extra: name", "SELECT 1");
	lk_expect(&alice, 3, "run", "other", "--headless", "--yes", "expand", NULL);
	char *run = lk_run_of(&stage, "other"), *path = lk_plan_path(&alice, "other");
	lk_expect_says(&bob, 1, "is held by the keeper of", "run", path, "--headless", "--replace",
		       run, "--target", stage.uri, NULL);
	/* Killed, and in the middle of nothing: then anybody may, from anywhere. */
	lk_keeper_signal(&alice, "other", SIGKILL);
	lk_sessions_await_gone(&stage, "other");
	write_plan("other", "other", "extra: \"name || '!'\"", "SELECT 1");
	lk_expect(&bob, 0, "run", path, "--headless", "--replace", run, "--target", stage.uri,
		  "--yes", GATES, NULL);
	assert_int_equal(lk_number(&stage, "SELECT count(*) FROM other WHERE extra = name || '!'"),
			 10);
	free(path);
	free(run);
}

static bool two_are_needed_and_none_came(const struct lk_snapshot *s, const void *context)
{
	const struct lk_snapshot_step *gate = &s->steps[s->step < 0 ? 0 : s->step];
	(void)context;
	return strcmp(s->state, "waiting") == 0 && strcmp(gate->name, "two") == 0 &&
	       gate->approvals == 0;
}

static void answers_to_the_old_plan_do_not_count(void **state)
{
	(void)state;
	static const char plan[] =
		"steps:\n  expand:\n    - ddl: \"CREATE TABLE answered ()\"\n"
		"      undo: \"DROP TABLE IF EXISTS answered\"\n"
		"    - gate: {name: two, ask: \"all well?\", by: two_people}\n    - ddl: \"SELECT %d\"\n"
		"      undo: \"SELECT 1\"\n";
	char *body = lk_format(plan, 1);
	lk_plan_write(&alice, "answers", body);
	free(body);
	lk_expect(&alice, 3, "run", "answers", "--headless", "--yes", "expand,two", NULL);
	lk_await_gate(&alice, "answers", "two", 20);
	char *run = lk_run_of(&stage, "answers");
	body = lk_format(plan, 2);
	lk_plan_write(&alice, "answers", body);
	free(body);
	lk_expect(&alice, 3, "run", "answers", "--headless", "--replace", run, NULL);
	lk_await_that(&alice, "answers", two_are_needed_and_none_came, NULL, "no answer", 20);
	free(run);
}

/* The keeper dies while an index is being built: what that left is no part of the mended plan. */
static void what_the_replaced_step_left_behind_is_removed(void **state)
{
	(void)state;
	make_table("leftover", 100);
	lk_plan_write(
		&alice, "left",
		"steps:\n  expand:\n    - ddl: \"CREATE INDEX CONCURRENTLY left_name ON leftover (name)\"\n"
		"      undo: \"DROP INDEX CONCURRENTLY IF EXISTS left_name\"\n");
	PGconn *reader = lk_test_connect(stage.server);
	PQclear(PQexec(reader, "BEGIN"));
	PQclear(PQexec(reader, "INSERT INTO leftover VALUES (1000)"));
	pid_t pid = lk_do_begin(&alice, "run", "left", "--headless", "--yes", "expand", NULL);
	lk_await_sql(&stage, 60, "SELECT count(*) = 1 FROM pg_class WHERE relname = 'left_name'");
	lk_keeper_signal(&alice, "left", SIGKILL);
	struct lk_said said = lk_do_finish(&alice, pid);
	assert_int_equal(said.status, 6);
	lk_said_free(&said);
	char *run = lk_run_of(&stage, "left");
	lk_sessions_await_gone(&stage, "left");
	PQclear(PQexec(reader, "ROLLBACK"));
	PQfinish(reader);
	assert_int_equal(lk_number(&stage, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"),
			 1);
	lk_plan_write(
		&alice, "left",
		"steps:\n  expand:\n    - ddl: \"CREATE INDEX CONCURRENTLY left_id ON leftover (id)\"\n"
		"      undo: \"DROP INDEX CONCURRENTLY IF EXISTS left_id\"\n");
	lk_expect(&alice, 0, "run", "left", "--headless", "--replace", run, "--yes", "expand",
		  NULL);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM pg_class WHERE relname = 'left_name'"), 0);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM pg_class WHERE relname = 'left_id'"), 1);
	free(run);
}

/* A short form cannot be derived again in the middle; with the same intent its limits and reasons can change. */
static void a_short_form_may_change_its_limits(void **state)
{
	(void)state;
	lk_users_make(&stage, "intent", 100);
	lk_plan_rename(&alice, "intent", "intent", "");
	lk_expect(&alice, 3, "run", "intent", "--headless", "--yes", "expand", NULL);
	char *run = lk_run_of(&stage, "intent");
	lk_plan_write(&alice, "intent",
		      "releases: {old: \"41\", new: \"43\"}\noperations:\n"
		      "  - rename_column: {table: intent, from: username, to: user_handle}\n");
	/* Its keeper is alive and carries the old intent out: nobody is attached to that unawares. */
	char *words = lk_format("--replace %s", run);
	lk_expect_says(&alice, 1, words, "run", "intent", "--headless", NULL);
	free(words);
	words = lk_format("history %s --plan", run);
	struct lk_said said = lk_do(&alice, "run", "intent", "--headless", "--replace", run, NULL);
	assert_int_not_equal(said.status, 0);
	assert_non_null(strstr(said.err, words));
	lk_said_free(&said);
	free(words);
	lk_plan_rename(&alice, "intent", "intent", "limits: {chunk_time: 30ms}\n");
	lk_expect_says(&alice, 3, "limits", "run", "intent", "--headless", "--replace", run,
		       "--yes", "migrate", NULL);
	assert_int_equal(lk_number(&stage,
				   "SELECT (document->'limits'->>'chunk_time_ms')::int FROM"
				   " lockkeeper.run WHERE name = '%s'",
				   run),
			 30);
	lk_expect(&alice, 0, "run", "intent", "--headless", "--yes", LK_ALL_GATES, NULL);
	lk_users_compare(&stage, "intent", "user_handle");
	free(run);
}

/* What `history RUN --plan` prints is the long form of a short one: it can be mended and take over. */
static void the_long_form_of_a_short_one_can_be_mended(void **state)
{
	(void)state;
	struct lk_error error;
	lk_users_make(&stage, "longer", 100);
	lk_plan_rename(&alice, "longer", "longer", "");
	lk_expect(&alice, 3, "run", "longer", "--headless", "--yes", "expand,migrate", NULL);
	char *run = lk_run_of(&stage, "longer"), *path = lk_plan_path(&alice, "longer");
	struct lk_said said = lk_do(&alice, "history", run, "--plan", "--target", stage.uri, NULL);
	assert_int_equal(said.status, 0);
	char *limits = strstr(said.out, "limits:\n");
	assert_non_null(limits);
	char *mended =
		lk_format("%.*s    - ddl: \"SELECT 'one more'\"\n      undo: \"SELECT 1\"\n%s",
			  (int)(limits - said.out), said.out, limits);
	assert_true(lk_path_write(path, mended, strlen(mended), &error));
	lk_said_free(&said);
	lk_expect_says(&alice, 0, "the plan was replaced", "run", "longer", "--headless",
		       "--replace", run, "--yes", LK_ALL_GATES, NULL);
	lk_users_compare(&stage, "longer", "user_handle");
	free(mended);
	free(path);
	free(run);
}

/* A run on its way back has no plan that could be mended. */
static void a_run_that_goes_back_is_refused(void **state)
{
	(void)state;
	lk_users_make(&stage, "going", 100);
	lk_plan_rename(&alice, "going", "going", "");
	lk_expect(&alice, 3, "run", "going", "--headless", "--yes", "expand,migrate,release-42",
		  NULL);
	char *run = lk_run_of(&stage, "going");
	lk_must(&alice, "going", "rollback", NULL);
	lk_await_sql(&stage, 20, "SELECT backward FROM lockkeeper.run WHERE name = '%s'", run);
	lk_expect_says(&alice, 1, "on its way back", "run", "going", "--headless", "--replace", run,
		       NULL);
	free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mended_plan_goes_on_where_the_old_one_failed),
		cmocka_unit_test(a_backfill_that_stays_the_same_keeps_its_cursor),
		cmocka_unit_test(a_backfill_that_changes_forgets_its_cursor),
		cmocka_unit_test(a_finished_step_that_differs_is_named_with_both_texts),
		cmocka_unit_test(a_plan_with_less_than_is_finished_is_refused),
		cmocka_unit_test(the_run_of_somebody_elses_living_keeper_is_not_taken),
		cmocka_unit_test(answers_to_the_old_plan_do_not_count),
		cmocka_unit_test(what_the_replaced_step_left_behind_is_removed),
		cmocka_unit_test(a_short_form_may_change_its_limits),
		cmocka_unit_test(the_long_form_of_a_short_one_can_be_mended),
		cmocka_unit_test(a_run_that_goes_back_is_refused),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
