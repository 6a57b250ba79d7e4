/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper history`: the runs that a journal knows, what happened in one, and how they are forgotten. */
#include "tests/control/two_people.h"

#include "journal/journal.h"

/* Nothing but a table, made and, on the way back, dropped. */
static void write_plan(const char *name)
{
	char *body = lk_format("steps:\n  expand:\n    - ddl: \"CREATE TABLE %s ()\"\n"
			       "      undo: \"DROP TABLE IF EXISTS %s\"\n"
			       "    - gate: {name: sure, ask: \"all well?\"}\n",
			       name, name);
	lk_plan_write(&alice, name, body);
	free(body);
}

static struct lk_said history(const char *first, const char *second, const char *third)
{
	return lk_do(&alice, "history", "--target", stage.uri, first, second, third, NULL);
}

/* A keeper that is over ends by itself soon; the test does not wait for that. */
static void end_keeper(const char *plan)
{
	lk_keeper_signal(&alice, plan, SIGTERM);
	lk_sessions_await_gone(&stage, plan);
}

static void without_a_journal_there_is_no_history(void **state)
{
	(void)state;
	lk_expect_says(&alice, 1, "no plan was ever run there", "history", "--target", stage.uri,
		       NULL);
	lk_expect_says(&alice, 2, "--target", "history", NULL);
	lk_expect_says(&alice, 2, "belong to --prune", "history", "--target", stage.uri, "--all",
		       NULL);
	lk_expect_says(&alice, 2, "30d", "history", "--target", stage.uri, "--prune",
		       "--older-than", "soon", NULL);
	lk_expect(&alice, 6, "history", "--target", "postgresql:///nowhere?host=/nonexistent",
		  NULL);
}

static void runs_are_listed_with_their_state(void **state)
{
	(void)state;
	write_plan("ready");
	write_plan("halted");
	lk_expect(&alice, 0, "run", "ready", "--headless", "--yes", "expand,sure", NULL);
	lk_expect(&alice, 3, "run", "halted", "--headless", "--yes", "expand", NULL);
	char *ready = lk_run_of(&stage, "ready"), *halted = lk_run_of(&stage, "halted");
	struct lk_said said = history(NULL, NULL, NULL);
	assert_int_equal(said.status, 0);
	const char *first = strstr(said.out, halted), *second = strstr(said.out, ready);
	assert_non_null(first);
	assert_non_null(second);
	assert_true(first < second); /* the newest first */
	assert_non_null(strstr(first, "waiting"));
	assert_non_null(strstr(first, "2/3"));
	assert_non_null(strstr(second, "done"));
	assert_non_null(strstr(second, "3/3"));
	assert_non_null(strchr(second, '@'));
	lk_said_free(&said);
	lk_expect_says(&alice, 0, halted, "status", "--target", stage.uri, NULL);
	lk_expect_says(&alice, 0, "2 of 3 steps, keeper", "status", "--target", stage.uri, NULL);
	free(ready);
	free(halted);
}

/* The keeper's journal thread may write "running" after the worker has written "done". */
static void what_comes_late_does_not_wake_a_run_that_is_over(void **state)
{
	(void)state;
	struct lk_error error;
	char *run = lk_run_of(&stage, "ready");
	struct lk_session *session = lk_session_open(stage.uri, "late", "test", &error);
	assert_non_null(session);
	assert_true(lk_journal_set_state(session, run, "running", "", &error));
	lk_session_close(session);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM lockkeeper.run WHERE state = 'done'"), 1);
	free(run);
}

static void one_run_is_told_with_steps_answers_and_log(void **state)
{
	(void)state;
	char *run = lk_run_of(&stage, "halted");
	struct lk_said said = history(run, NULL, NULL);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "ddl-1"));
	assert_non_null(strstr(said.out, "expand: yes by "));
	assert_non_null(strstr(said.out, "console on "));
	assert_non_null(strstr(said.out, "CREATE TABLE halted"));
	assert_non_null(strstr(said.out, "to undo by hand"));
	assert_non_null(strstr(said.out, "DROP TABLE IF EXISTS halted"));
	lk_said_free(&said);
	/* By its plan's name as well; and as the plan that it carries out. */
	said = history("halted", "--plan", NULL);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "plan: \"halted\""));
	assert_non_null(strstr(said.out, "CREATE TABLE halted ()"));
	lk_said_free(&said);
	lk_expect_says(&alice, 2, "no run \"never\"", "history", "never", "--target", stage.uri,
		       NULL);
	free(run);
}

/* Each line of the output as an object with this member; how many there were. */
static int count_lines(const char *text, const char *member)
{
	int count = 0;
	char *copy = lk_strdup(text), *rest = copy, *line;
	while ((line = strsep(&rest, "\n")))
		if (line[0]) {
			json_error_t error;
			json_t *object = json_loads(line, 0, &error);
			if (!object)
				fail_msg("not JSON: %s", line);
			count += json_object_get(object, member) != NULL;
			json_decref(object);
		}
	free(copy);
	return count;
}

static void json_prints_an_object_a_line(void **state)
{
	(void)state;
	struct lk_said said = history("--json", NULL, NULL);
	assert_int_equal(said.status, 0);
	assert_int_equal(count_lines(said.out, "run"), 2);
	assert_int_equal(count_lines(said.out, "steps_done"), 2);
	lk_said_free(&said);
	said = history("--json", "halted", NULL);
	assert_int_equal(count_lines(said.out, "run"), 1);
	assert_int_equal(count_lines(said.out, "step"), 3);
	assert_int_equal(count_lines(said.out, "gate"), 1);
	assert_int_equal(count_lines(said.out, "cleanup"), 1);
	assert_true(count_lines(said.out, "event") > 2);
	lk_said_free(&said);
}

static int64_t runs(void)
{
	return lk_number(&stage, "SELECT count(*) FROM lockkeeper.run");
}

static void prune_deletes_only_what_is_over(void **state)
{
	(void)state;
	char *ready = lk_run_of(&stage, "ready"), *halted = lk_run_of(&stage, "halted");
	end_keeper("ready");
	struct lk_said said = history("--prune", "--dry-run", NULL);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, ready));
	assert_null(strstr(said.out, halted));
	lk_said_free(&said);
	assert_int_equal(runs(), 2);
	/* Young ones stay when an age is asked for. */
	lk_expect_says(&alice, 0, "nothing to delete", "history", "--target", stage.uri, "--prune",
		       "--older-than", "30d", NULL);
	assert_int_equal(runs(), 2);
	lk_sql(&stage, "UPDATE lockkeeper.run SET changed_at = now() - interval '31 days'");
	said = lk_do(&alice, "history", "--target", stage.uri, "--prune", "--older-than", "30d",
		     NULL);
	assert_int_equal(said.status, 0);
	assert_non_null(strstr(said.out, "deleted"));
	assert_non_null(strstr(said.out, ready));
	lk_said_free(&said);
	assert_int_equal(runs(), 1);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM lockkeeper.event WHERE run = '%s'", ready),
		0);
	/* Named, the other one is refused with the reason. */
	lk_expect_says(&alice, 1, "it is not over", "history", "--target", stage.uri, "--prune",
		       halted, NULL);
	lk_expect_says(&alice, 1, "stays", "history", "--target", stage.uri, "--prune", "--all",
		       NULL);
	lk_expect_says(&alice, 2, "no run \"never\"", "history", "--target", stage.uri, "--prune",
		       "never", NULL);
	assert_int_equal(runs(), 1);
	free(ready);
	free(halted);
}

static void prune_keeps_what_somebody_may_still_need(void **state)
{
	(void)state;
	char *halted = lk_run_of(&stage, "halted");
	lk_must(&alice, "halted", "rollback", NULL);
	lk_await(&alice, "halted", "undone", 20);
	/* Its keeper has not ended yet. */
	lk_expect_says(&alice, 1, "its keeper has not ended", "history", "--target", stage.uri,
		       "--prune", halted, NULL);
	end_keeper("halted");
	lk_sql(&stage, "INSERT INTO lockkeeper.cleanup VALUES ('%s', 1, 'DROP TABLE halted')",
	       halted);
	/* Of all that are over it is the one that stays; nothing is wrong with that, and a trial says the same. */
	lk_expect_says(&alice, 0, "clean-up SQL may still be needed", "history", "--target",
		       stage.uri, "--prune", NULL);
	lk_expect_says(&alice, 0, "clean-up SQL may still be needed", "history", "--target",
		       stage.uri, "--prune", "--dry-run", NULL);
	lk_expect_says(&alice, 1, "clean-up SQL may still be needed", "history", "--target",
		       stage.uri, "--prune", halted, NULL);
	lk_sql(&stage, "DELETE FROM lockkeeper.cleanup");
	assert_int_equal(runs(), 1);
	free(halted);
}

/* Rows that a backfill left out are data: the run that left them out is remembered. */
static void prune_keeps_a_run_with_rejected_rows(void **state)
{
	(void)state;
	char *halted = lk_run_of(&stage, "halted");
	lk_sql(&stage,
	       "INSERT INTO lockkeeper.reject (run, step, relation, key, sqlstate, message)"
	       " VALUES ('%s', 1, 'halted', '[]', '22012', 'division by zero')",
	       halted);
	lk_expect_says(&alice, 1, "lockkeeper.reject", "history", "--target", stage.uri, "--prune",
		       halted, NULL);
	assert_int_equal(runs(), 1);
	lk_sql(&stage, "DELETE FROM lockkeeper.reject");
	free(halted);
}

static int64_t schemas(void)
{
	return lk_number(&stage, "SELECT count(*) FROM pg_namespace WHERE nspname = 'lockkeeper'");
}

static void the_last_prune_offers_to_drop_the_schema(void **state)
{
	(void)state;
	lk_expect_says(&alice, 0, "history --prune --all", "history", "--target", stage.uri,
		       "--prune", NULL);
	assert_int_equal(runs(), 0);
	assert_int_equal(schemas(), 1);
	/* What somebody's trigger still calls is not dropped under it. */
	lk_sql(&stage,
	       "CREATE TABLE lost (id int); CREATE FUNCTION lockkeeper.lost() RETURNS trigger"
	       " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER zz_lockkeeper_lost"
	       " BEFORE INSERT ON lost FOR EACH ROW EXECUTE FUNCTION lockkeeper.lost()");
	lk_expect_says(&alice, 1, "still use a function in it", "history", "--target", stage.uri,
		       "--prune", "--all", NULL);
	assert_int_equal(schemas(), 1);
	lk_sql(&stage, "DROP TABLE lost");
	lk_expect_says(&alice, 0, "would drop", "history", "--target", stage.uri, "--prune",
		       "--all", "--dry-run", NULL);
	assert_int_equal(schemas(), 1);
	lk_expect_says(&alice, 0, "dropped the schema", "history", "--target", stage.uri, "--prune",
		       "--all", NULL);
	assert_int_equal(schemas(), 0);
	/* A plan can be run again afterwards. */
	lk_expect(&alice, 3, "run", "halted", "--headless", "--yes", "expand", NULL);
	assert_int_equal(runs(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_journal_there_is_no_history),
		cmocka_unit_test(runs_are_listed_with_their_state),
		cmocka_unit_test(what_comes_late_does_not_wake_a_run_that_is_over),
		cmocka_unit_test(one_run_is_told_with_steps_answers_and_log),
		cmocka_unit_test(json_prints_an_object_a_line),
		cmocka_unit_test(prune_deletes_only_what_is_over),
		cmocka_unit_test(prune_keeps_what_somebody_may_still_need),
		cmocka_unit_test(prune_keeps_a_run_with_rejected_rows),
		cmocka_unit_test(the_last_prune_offers_to_drop_the_schema),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
