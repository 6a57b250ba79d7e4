/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pause, resume, abort, rollback, confirm, status, throttle: by socket, by the journal, by plain SQL. */
#include "tests/control/two_people.h"

#define SLOW "limits: {chunk_time: 2ms}\n"

static void faster(const char *plan)
{
	lk_must(&alice, plan, "throttle",
		json_pack("{s:f, s:i}", "rest", 0.01, "chunk_time_ms", 100));
}

/* A run that walks its table slowly, in the middle of the backfill. */
static void make_slow(const char *plan, const char *table)
{
	lk_users_make(&stage, table, 6000);
	lk_plan_rename(&alice, plan, table, SLOW);
	lk_expect(&alice, 3, "run", plan, "--headless", "--yes", "expand,migrate", NULL);
	lk_must(&alice, plan, "throttle",
		json_pack("{s:f, s:i}", "rest", 60.0, "chunk_time_ms", 1));
	lk_confirm(&alice, plan, "release-42");
	lk_await_sql(
		&stage, 20,
		"SELECT rows_done > 0 FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name = c.run"
		" WHERE r.plan = '%s'",
		plan);
}

static void finish(const char *plan, const char *table)
{
	faster(plan);
	lk_await_gate(&alice, plan, "contract", 40);
	lk_expect(&alice, 0, "run", plan, "--headless", "--yes", "contract,release-41-gone", NULL);
	lk_users_compare(&stage, table, "user_handle");
}

static int64_t rows_done(const char *plan)
{
	return lk_number(
		&stage,
		"SELECT rows_done FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name = c.run"
		" WHERE r.plan = '%s'",
		plan);
}

static void expect_quiet(const char *plan)
{
	lk_await_sql(
		&stage, 0 + 5,
		"SELECT count(*) = 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid), lockkeeper.run r"
		" WHERE r.plan = '%s' AND a.application_name = 'lockkeeper:' || r.name || ':worker'",
		plan);
}

static bool is_proven(const struct lk_snapshot *s, const void *context)
{
	(void)context;
	return s->proof.confirmed && s->proof.open_transactions == 0 && s->proof.locks_held == 0;
}

static void plain_sql_pauses_within_a_second_and_goes_on(void **state)
{
	(void)state;
	make_slow("verb-sql", "verb_sql");
	int64_t asked = lk_clock_us();
	lk_sql(&stage, "UPDATE lockkeeper.run SET wanted = 'paused' WHERE plan = 'verb-sql'");
	lk_await(&alice, "verb-sql", "paused", 5);
	int64_t took_us = lk_clock_us() - asked;
	lk_await_that(&alice, "verb-sql", is_proven, NULL, "proven", 5);
	assert_in_range(took_us, 0, 1000000);
	lk_await_sql(&stage, 2,
		     "SELECT state = 'paused' FROM lockkeeper.run WHERE plan = 'verb-sql'");
	expect_quiet("verb-sql");
	int64_t stood_at = rows_done("verb-sql");
	/* A second poll of the journal goes by, and it stands. */
	lk_await_sql(
		&stage, 5,
		"SELECT h.at > clock_timestamp() - interval '1 second' AND clock_timestamp() - r.changed_at >"
		" interval '700 ms' FROM lockkeeper.heartbeat h JOIN lockkeeper.run r ON r.name = h.run WHERE"
		" r.plan = 'verb-sql'");
	assert_int_equal(rows_done("verb-sql"), stood_at);
	lk_sql(&stage, "UPDATE lockkeeper.run SET wanted = 'running' WHERE plan = 'verb-sql'");
	lk_await(&alice, "verb-sql", "running", 2);
	finish("verb-sql", "verb_sql");
}

static void by_socket_with_exit_statuses(void **state)
{
	(void)state;
	struct lk_snapshot *s = lk_alloc(sizeof *s);
	lk_expect_says(&alice, 6, "no keeper of yours", "pause", "nonsense", NULL);
	make_slow("verb-sock", "verb_sock");
	lk_expect_says(&alice, 1, "it is not paused", "resume", "verb-sock", NULL);
	lk_expect(&alice, 0, "pause", "verb-sock", NULL);
	lk_expect_says(&alice, 0, "it stands already", "pause", "verb-sock", NULL);
	lk_await(&alice, "verb-sock", "paused", 1);
	assert_true(lk_look(&alice, "verb-sock", s));
	/* By the run's own name too. */
	lk_expect_says(&alice, 0, "paused", "status", s->run, NULL);
	lk_expect_says(&alice, 0, "stop confirmed", "status", NULL);
	lk_expect(&alice, 4, "run", "verb-sock", "--headless", NULL);
	lk_expect(&alice, 0, "resume", "verb-sock", NULL);
	lk_expect_says(&alice, 1, "does not wait for an answer now", "confirm", "verb-sock",
		       "contract", NULL);
	lk_expect_says(&alice, 1, "no gate", "confirm", "verb-sock", "nonsense", NULL);
	lk_expect_says(&alice, 2, "wants a run and a gate", "confirm", "verb-sock", NULL);
	lk_expect(&alice, 0, "abort", "verb-sock", NULL);
	lk_expect(&alice, 4, "run", "verb-sock", "--headless", NULL);
	lk_await(&alice, "verb-sock", "stopped", 1);
	expect_quiet("verb-sock");
	lk_expect(&alice, 0, "resume", "verb-sock", NULL);
	lk_expect(&alice, 0, "throttle", "verb-sock", "--chunk-time", "100ms", "--rest", "0.01",
		  NULL);
	lk_expect_says(&alice, 2, "wants a duration", "throttle", "verb-sock", "--chunk-time",
		       "soon", NULL);
	lk_await_gate(&alice, "verb-sock", "contract", 40);
	lk_expect(&alice, 0, "confirm", "verb-sock", "contract", NULL);
	lk_await_gate(&alice, "verb-sock", "release-41-gone", 10);
	lk_expect(&alice, 0, "confirm", "verb-sock", "release-41-gone", NULL);
	lk_await(&alice, "verb-sock", "done", 20);
	lk_expect(&alice, 0, "pause", "verb-sock", NULL);
	lk_expect_says(&alice, 1, "done", "rollback", "verb-sock", NULL);
	lk_users_compare(&stage, "verb_sock", "user_handle");
	free(s);
}

static void by_target_from_another_host(void **state)
{
	(void)state;
	make_slow("verb-targ", "verb_targ");
	lk_expect_says(&bob, 6, "with --target", "pause", "verb-targ", NULL);
	lk_expect(&bob, 0, "pause", "verb-targ", "--target", stage.uri, NULL);
	lk_await(&alice, "verb-targ", "paused", 1);
	lk_expect_says(&bob, 0, "paused", "status", "verb-targ", "--target", stage.uri, NULL);
	lk_expect(&bob, 0, "resume", "verb-targ", "--target", stage.uri, NULL);
	lk_await(&alice, "verb-targ", "running", 1);
	lk_expect(&bob, 0, "abort", "verb-targ", "--target", stage.uri, NULL);
	lk_await(&alice, "verb-targ", "stopped", 1);
	lk_expect(&bob, 0, "resume", "verb-targ", "--target", stage.uri, NULL);
	faster("verb-targ");
	lk_await_gate(&alice, "verb-targ", "contract", 40);
	lk_expect(&bob, 0, "confirm", "verb-targ", "contract", "--target", stage.uri, NULL);
	lk_await_gate(&alice, "verb-targ", "release-41-gone", 10);
	lk_expect(&bob, 0, "rollback", "verb-targ", "--target", stage.uri, NULL);
	/* The way back asks whether release 42 has gone. */
	lk_await_gate(&alice, "verb-targ", "release-42", 20);
	lk_expect(&bob, 0, "confirm", "verb-targ", "release-42", "--target", stage.uri, NULL);
	lk_await(&alice, "verb-targ", "undone", 20);
	lk_expect_says(&bob, 2, "no run \"nonsense\"", "status", "nonsense", "--target", stage.uri,
		       NULL);
	lk_users_compare(&stage, "verb_targ", "username");
}

static void json_says_the_same(void **state)
{
	(void)state;
	json_error_t where;
	make_slow("verb-json", "verb_json");
	struct lk_said said = lk_do(&alice, "status", "verb-json", "--json", NULL);
	json_t *object = json_loads(said.out, 0, &where);
	assert_string_equal(json_string_value(json_object_get(object, "state")), "running");
	assert_string_equal(json_string_value(json_object_get(object, "plan")), "verb-json");
	json_decref(object);
	lk_said_free(&said);
	said = lk_do(&alice, "resume", "verb-json", "--json", NULL);
	assert_int_equal(said.status, 1);
	object = json_loads(said.out, 0, &where);
	assert_true(json_is_false(json_object_get(object, "ok")));
	json_decref(object);
	lk_said_free(&said);
	said = lk_do(&bob, "pause", "verb-json", "--target", stage.uri, "--json", NULL);
	assert_int_equal(said.status, 0);
	object = json_loads(said.out, 0, &where);
	assert_string_equal(json_string_value(json_object_get(object, "wanted")), "paused");
	assert_string_equal(json_string_value(json_object_get(object, "state")), "paused");
	json_decref(object);
	lk_said_free(&said);
	lk_must(&alice, "verb-json", "resume", NULL);
	finish("verb-json", "verb_json");
}

static void after_an_error_the_journal_can_resume_too(void **state)
{
	(void)state;
	lk_users_make(&stage, "verb_err", 2000);
	lk_plan_rename(&alice, "verb-err", "verb_err", "");
	lk_expect(&alice, 3, "run", "verb-err", "--headless", "--yes", "expand,migrate", NULL);
	/* The new column refuses what the old one holds in row 1,500. */
	lk_sql(&stage,
	       "ALTER TABLE verb_err ADD CONSTRAINT odd CHECK (user_handle <> 'user 1500') NOT VALID");
	lk_expect(&alice, 5, "run", "verb-err", "--headless", "--yes", "release-42", NULL);
	lk_await(&alice, "verb-err", "stopped", 2);
	lk_sql(&stage, "ALTER TABLE verb_err DROP CONSTRAINT odd");
	lk_expect(&bob, 0, "resume", "verb-err", "--target", stage.uri, NULL);
	finish("verb-err", "verb_err");
}

static void a_dead_keeper_s_run_is_stopped_and_taken_up_by_target(void **state)
{
	(void)state;
	make_slow("verb-dead", "verb_dead");
	lk_keeper_signal(&alice, "verb-dead", SIGKILL);
	lk_sessions_await_gone(&stage, "verb-dead");
	/* Until its heartbeat is old nobody can tell; an old one is written here. */
	lk_sql(&stage,
	       "UPDATE lockkeeper.heartbeat h SET at = now() - interval '1 minute' FROM lockkeeper.run r"
	       " WHERE r.name = h.run AND r.plan = 'verb-dead'");
	lk_expect_says(&bob, 0, "no keeper is alive", "pause", "verb-dead", "--target", stage.uri,
		       NULL);
	lk_expect_says(&bob, 0, "a new keeper", "resume", "verb-dead", "--target", stage.uri, NULL);
	lk_await_gate(&bob, "verb-dead", "contract", 40);
	lk_plan_rename(&bob, "verb-dead", "verb_dead", SLOW);
	lk_expect(&bob, 0, "run", "verb-dead", "--headless", "--yes", "contract,release-41-gone",
		  NULL);
	lk_users_compare(&stage, "verb_dead", "user_handle");
}

/* A chunk that would run for half a minute: only a cancel ends it. */
static void a_pause_in_the_middle_of_a_chunk_is_proven(void **state)
{
	(void)state;
	struct lk_snapshot *s = lk_alloc(sizeof *s);
	lk_users_make(&stage, "verb_mid", 3000);
	lk_sql(&stage, "CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
		       " PERFORM pg_sleep(0.06); RETURN $1; END $$");
	lk_plan_write(
		&alice, "verb-mid",
		"steps:\n  expand:\n"
		"    - dual_write: {table: verb_mid, from: username, to: user_handle, like: username}\n"
		"  migrate:\n    - backfill: {table: verb_mid, set: {user_handle: 'slow(username)'}}\n");
	lk_expect(&alice, 3, "run", "verb-mid", "--headless", "--yes", "expand", NULL);
	lk_confirm(&alice, "verb-mid", "migrate");
	lk_await_sql(
		&stage, 20,
		"SELECT EXISTS (SELECT FROM pg_stat_activity a, lockkeeper.run r WHERE r.plan = 'verb-mid' AND"
		" a.application_name = 'lockkeeper:' || r.name || ':worker' AND a.wait_event = 'PgSleep')");
	lk_must(&alice, "verb-mid", "pause", NULL);
	lk_await_that(&alice, "verb-mid", is_proven, NULL, "proven", 5);
	expect_quiet("verb-mid");
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM verb_mid WHERE user_handle IS NOT NULL"),
		0);
	assert_true(lk_look(&alice, "verb-mid", s));
	assert_true(s->proof.quiet_ms >= 0 && s->proof.quiet_ms < 1000);
	assert_string_equal(s->state, "paused");
	lk_sql(&stage,
	       "CREATE OR REPLACE FUNCTION slow(text) RETURNS text LANGUAGE sql AS 'SELECT $1'");
	lk_must(&alice, "verb-mid", "resume", NULL);
	lk_await(&alice, "verb-mid", "done", 30);
	assert_int_equal(rows_done("verb-mid"), 3000);
	lk_users_compare(&stage, "verb_mid", "user_handle");
	free(s);
}

static void pause_and_resume_many_times_lose_nothing(void **state)
{
	(void)state;
	make_slow("verb-many", "verb_many");
	for (int i = 0; i < 25; i++) {
		lk_must(&alice, "verb-many", "pause", NULL);
		lk_await_that(&alice, "verb-many", is_proven, NULL, "proven", 5);
		int64_t until = lk_clock_us() + LK_BUSY * 5000000LL;
		while (!lk_ask(&alice, "verb-many", "resume", NULL, NULL))
			assert_true(lk_clock_us() < until);
	}
	finish("verb-many", "verb_many");
	assert_int_equal(rows_done("verb-many"), 6000);
}

static bool is_paused_unproven(const struct lk_snapshot *s, const void *context)
{
	(void)context;
	return strcmp(s->state, "paused") == 0 && !s->proof.confirmed && s->proof.requested > 0;
}

static void a_pause_while_the_server_is_silent_is_accepted_and_proven_later(void **state)
{
	(void)state;
	make_slow("verb-froz", "verb_froz");
	lk_test_server_freeze(stage.server, LK_TEST_PRIMARY);
	int64_t asked = lk_clock_us();
	lk_must(&alice, "verb-froz", "pause", NULL);
	assert_in_range(lk_clock_us() - asked, 0, 1000000);
	lk_await_that(&alice, "verb-froz", is_paused_unproven, NULL, "paused and not proven", 2);
	lk_expect_says(&alice, 0, "NOT CONFIRMED", "status", "verb-froz", NULL);
	lk_test_server_thaw(stage.server, LK_TEST_PRIMARY);
	lk_await_that(&alice, "verb-froz", is_proven, NULL, "proven", 10);
	expect_quiet("verb-froz");
	int64_t until = lk_clock_us() + LK_BUSY * 10000000LL;
	while (!lk_ask(&alice, "verb-froz", "resume", NULL, NULL))
		assert_true(lk_clock_us() < until);
	finish("verb-froz", "verb_froz");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_sql_pauses_within_a_second_and_goes_on),
		cmocka_unit_test(by_socket_with_exit_statuses),
		cmocka_unit_test(by_target_from_another_host),
		cmocka_unit_test(json_says_the_same),
		cmocka_unit_test(after_an_error_the_journal_can_resume_too),
		cmocka_unit_test(a_dead_keeper_s_run_is_stopped_and_taken_up_by_target),
		cmocka_unit_test(a_pause_in_the_middle_of_a_chunk_is_proven),
		cmocka_unit_test(pause_and_resume_many_times_lose_nothing),
		cmocka_unit_test(a_pause_while_the_server_is_silent_is_accepted_and_proven_later),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
