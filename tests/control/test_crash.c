/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper dies, its connections break, the server restarts: the run goes on and ends right. */
#include "tests/control/two_people.h"

#include <unistd.h>

#include "tests/unit/support.h"

enum { ROWS = 4000 };
#define BEFORE_CONTRACT "expand,migrate,release-42"
#define CONTRACT "contract,release-41-gone"
#define SMALL_CHUNKS "limits: {chunk_time: 2ms}\n"

static void make(const char *plan, const char *table, const char *limits)
{
	lk_users_make(&stage, table, ROWS);
	lk_plan_rename(&alice, plan, table, limits);
	lk_plan_rename(&bob, plan, table, limits);
}

/* Updates by the old release, so that the number of rows stays. */
static struct lk_test_load *update_load(const char *table)
{
	char *sql = lk_format(
		"WITH u AS (UPDATE %s SET username = 'w' || (random() * 1e9)::bigint WHERE id ="
		" (SELECT 1 + (random() * %d)::bigint) RETURNING id, username) INSERT INTO %s_ledger"
		" SELECT * FROM u ON CONFLICT (id) DO UPDATE SET value = excluded.value",
		table, ROWS - 1, table);
	struct lk_test_load *load = lk_test_load_start(stage.server, sql, 2, 4000);
	free(sql);
	return load;
}

/* The advisory lock of a dead keeper goes with its journal session. */
static void await_let_go(const char *plan)
{
	lk_await_sql(
		&stage, 20,
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity a, lockkeeper.run r WHERE r.plan = '%s'"
		" AND a.application_name = 'lockkeeper:' || r.name || ':journal')",
		plan);
}

static void expect_exactly_once(const char *plan)
{
	int64_t done = lk_number(
		&stage,
		"SELECT c.rows_done FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name = c.run"
		" WHERE r.plan = '%s' AND c.finished",
		plan);
	assert_int_equal(done, ROWS);
}

static void end_in_contract(const struct lk_home *home, const char *plan, const char *table)
{
	lk_expect(home, 0, "run", plan, "--headless", "--yes", CONTRACT, NULL);
	lk_users_compare(&stage, table, "user_handle");
	expect_exactly_once(plan);
}

/* Steps of the derived plan, in the journal's numbers. */
static const int moments[] = {1, 4, 4, 4, 5, 6, 7, 8, 10, 10, 3, 2};

static void kill_at(uint64_t seed)
{
	struct test_random random = {seed};
	char plan[20], table[20];
	int step = moments[seed % (sizeof moments / sizeof moments[0])];
	uint32_t rows = step == 4 ? test_random(&random, ROWS) : 0;
	snprintf(plan, sizeof plan, "kill-%d", (int)seed);
	snprintf(table, sizeof table, "kill_%d", (int)seed);
	make(plan, table, SMALL_CHUNKS);
	struct lk_test_load *load = update_load(table);
	pid_t run = lk_do_begin(&alice, "run", plan, "--headless", "--yes", BEFORE_CONTRACT, NULL);
	lk_await_sql(
		&stage, 30,
		"SELECT EXISTS (SELECT FROM lockkeeper.step s JOIN lockkeeper.run r ON r.name = s.run WHERE"
		" r.plan = '%s' AND s.number = %d AND s.state <> 'pending') AND coalesce((SELECT c.rows_done"
		" FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name = c.run WHERE r.plan = '%s'), 0)"
		" >= %u",
		plan, step, plan, rows);
	usleep(test_random(&random, 30000));
	lk_keeper_signal(&alice, plan, SIGKILL);
	struct lk_said said = lk_do_finish(&alice, run);
	assert_true(said.status == 6 || said.status == 3);
	lk_said_free(&said);
	await_let_go(plan);
	/* From another folder, with another state folder: all that is needed is in the database. */
	lk_expect(&bob, 3, "run", plan, "--headless", "--yes", BEFORE_CONTRACT, NULL);
	lk_load_end(load);
	end_in_contract(&bob, plan, table);
}

static void a_keeper_killed_at_any_moment_is_replaced_from_elsewhere(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < sizeof moments / sizeof moments[0]; seed++) {
		print_message("seed %d, step %d\n", (int)seed, moments[seed]);
		kill_at(seed);
	}
}

/* A session that reads the table in a transaction and stays. */
static PGconn *reader(const char *table)
{
	PGconn *session = lk_test_connect(stage.server);
	char *sql =
		lk_format("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM %s", table);
	PGresult *result = PQexec(session, sql);
	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	PQclear(result);
	free(sql);
	return session;
}

static void killed_while_it_waits_for_the_drop_s_lock(void **state)
{
	(void)state;
	make("kill-drop", "kill_drop", "");
	lk_expect(&alice, 3, "run", "kill-drop", "--headless", "--yes", BEFORE_CONTRACT, NULL);
	PGconn *session = reader("kill_drop");
	pid_t run = lk_do_begin(&alice, "run", "kill-drop", "--headless", "--yes", CONTRACT, NULL);
	lk_await_event(&stage, "kill-drop", "waiting outside the lock queue", 20);
	lk_keeper_signal(&alice, "kill-drop", SIGKILL);
	struct lk_said said = lk_do_finish(&alice, run);
	assert_int_equal(said.status, 6);
	lk_said_free(&said);
	await_let_go("kill-drop");
	PQfinish(session);
	end_in_contract(&bob, "kill-drop", "kill_drop");
}

static void killed_in_an_index_build_its_invalid_rest_is_replaced(void **state)
{
	(void)state;
	make("kill-index", "kill_index", "");
	PGconn *session = reader("kill_index");
	PQclear(PQexec(session, "COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"));
	pid_t run = lk_do_begin(&alice, "run", "kill-index", "--headless", "--yes", BEFORE_CONTRACT,
				NULL);
	lk_await_sql(
		&stage, 30,
		"SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = 'kill_index'::regclass AND"
		" NOT indisvalid)");
	lk_keeper_signal(&alice, "kill-index", SIGKILL);
	struct lk_said said = lk_do_finish(&alice, run);
	lk_said_free(&said);
	await_let_go("kill-index");
	/* The old build could still end well if it were not ended by whoever takes the run over. */
	run = lk_do_begin(&bob, "run", "kill-index", "--headless", "--yes", BEFORE_CONTRACT, NULL);
	lk_await_event(&stage, "kill-index", "was left by an interrupted build", 20);
	PQfinish(session);
	said = lk_do_finish(&bob, run);
	assert_int_equal(said.status, 3);
	lk_said_free(&said);
	assert_int_equal(
		lk_number(&stage,
			  "SELECT count(*) FROM pg_index WHERE indrelid = 'kill_index'::regclass"
			  " AND NOT indisvalid"),
		0);
	end_in_contract(&bob, "kill-index", "kill_index");
}

static void a_second_keeper_is_refused_with_the_holder_s_name(void **state)
{
	(void)state;
	char holder[40];
	make("held", "held", "");
	lk_expect(&alice, 3, "run", "held", "--headless", "--yes", "expand", NULL);
	snprintf(holder, sizeof holder, "process %d", (int)lk_keeper_pid(&alice, "held"));
	lk_expect_says(&bob, 1, "is held by the keeper of", "run", "held", "--headless", NULL);
	lk_expect_says(&bob, 1, holder, "run", "held", "--headless", NULL);
	/* The first is none the worse for it. */
	lk_expect(&alice, 3, "run", "held", "--headless", "--yes", BEFORE_CONTRACT, NULL);
	end_in_contract(&alice, "held", "held");
}

static void of_two_that_begin_at_once_one_wins(void **state)
{
	(void)state;
	make("race", "race", "");
	pid_t a = lk_do_begin(&alice, "run", "race", "--headless", "--yes", BEFORE_CONTRACT, NULL);
	pid_t b = lk_do_begin(&bob, "run", "race", "--headless", "--yes", BEFORE_CONTRACT, NULL);
	struct lk_said first = lk_do_finish(&alice, a), second = lk_do_finish(&bob, b);
	if (!((first.status == 3 && second.status == 1) ||
	      (first.status == 1 && second.status == 3)))
		fail_msg("ended with %d and %d\n%s\n%s", first.status, second.status, first.err,
			 second.err);
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM lockkeeper.run WHERE plan = 'race'"), 1);
	end_in_contract(first.status == 3 ? &alice : &bob, "race", "race");
	lk_said_free(&first);
	lk_said_free(&second);
}

static void a_changed_plan_does_not_take_an_unfinished_run_over(void **state)
{
	(void)state;
	make("changed", "changed", "");
	lk_expect(&alice, 3, "run", "changed", "--headless", "--yes", "expand", NULL);
	lk_keeper_signal(&alice, "changed", SIGKILL);
	await_let_go("changed");
	lk_plan_write(
		&bob, "changed",
		"operations:\n  - rename_column: {table: changed, from: username, to: other}\n");
	lk_expect_says(&bob, 1, "its plan differs from this file", "run", "changed", "--headless",
		       NULL);
}

static void sigterm_ends_in_order_and_the_run_is_taken_up_again(void **state)
{
	(void)state;
	make("term", "term", SMALL_CHUNKS);
	lk_expect(&alice, 3, "run", "term", "--headless", "--yes", "expand,migrate", NULL);
	lk_must(&alice, "term", "throttle",
		json_pack("{s:f, s:i}", "rest", 100.0, "chunk_time_ms", 1));
	lk_confirm(&alice, "term", "release-42");
	lk_await_sql(
		&stage, 20,
		"SELECT rows_done > 0 FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name ="
		" c.run WHERE r.plan = 'term'");
	lk_keeper_signal(&alice, "term", SIGTERM);
	lk_sessions_await_gone(&stage, "term");
	char *path = lk_socket_path(&alice, "term");
	assert_null(path);
	lk_expect(&bob, 3, "run", "term", "--headless", NULL);
	/* The second keeper's events stand behind the first one's. */
	lk_await_event(&stage, "term", "took over run", 5);
	end_in_contract(&bob, "term", "term");
}

/* Ends one session of the run on the server. */
static void end_session(const char *plan, const char *role)
{
	int64_t ended = lk_number(
		&stage,
		"SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a, lockkeeper.run r"
		" WHERE r.plan = '%s' AND a.application_name = 'lockkeeper:' || r.name || ':%s'",
		plan, role);
	assert_int_equal(ended, 1);
}

static void each_connection_can_be_ended_and_the_run_goes_on(void **state)
{
	(void)state;
	static const char *const roles[] = {"worker", "journal", "watch", "control", "worker"};
	make("cut", "cut", SMALL_CHUNKS);
	struct lk_test_load *load = update_load("cut");
	lk_expect(&alice, 3, "run", "cut", "--headless", "--yes", "expand,migrate", NULL);
	lk_must(&alice, "cut", "throttle",
		json_pack("{s:f, s:i}", "rest", 20.0, "chunk_time_ms", 1));
	lk_confirm(&alice, "cut", "release-42");
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		lk_await_sql(
			&stage, 20,
			"SELECT EXISTS (SELECT FROM pg_stat_activity a, lockkeeper.run r, lockkeeper.cursor c WHERE"
			" r.plan = 'cut' AND c.run = r.name AND c.rows_done > %zu AND a.application_name ="
			" 'lockkeeper:' || r.name || ':%s')",
			i * 60, roles[i]);
		end_session("cut", roles[i]);
	}
	lk_must(&alice, "cut", "throttle",
		json_pack("{s:f, s:i}", "rest", 0.01, "chunk_time_ms", 50));
	lk_await_gate(&alice, "cut", "contract", 30);
	lk_load_end(load);
	end_in_contract(&alice, "cut", "cut");
}

/* Before anything is recorded, while the journal is asked for an unfinished run. */
static void a_connection_that_ends_in_the_preparation_is_made_again(void **state)
{
	(void)state;
	make("early", "early", "");
	PGconn *holder = lk_test_connect(stage.server);
	PQclear(PQexec(holder, "BEGIN; LOCK TABLE lockkeeper.run IN ACCESS EXCLUSIVE MODE"));
	pid_t run = lk_do_begin(&alice, "run", "early", "--headless", "--yes", "expand", NULL);
	lk_await_sql(&stage, 20,
		     "SELECT count(pg_terminate_backend(pid)) = 1 FROM pg_stat_activity WHERE"
		     " application_name LIKE 'lockkeeper:early-%%:worker' AND wait_event_type = 'Lock'");
	PQfinish(holder);
	struct lk_said said = lk_do_finish(&alice, run);
	if (said.status != 3)
		fail_msg("ended with %d\n%s", said.status, said.err);
	lk_said_free(&said);
}

static void a_server_that_restarts_in_the_middle_is_waited_for(void **state)
{
	(void)state;
	make("down", "down", SMALL_CHUNKS);
	lk_expect(&alice, 3, "run", "down", "--headless", "--yes", "expand,migrate", NULL);
	lk_must(&alice, "down", "throttle",
		json_pack("{s:f, s:i}", "rest", 50.0, "chunk_time_ms", 1));
	lk_confirm(&alice, "down", "release-42");
	lk_await_sql(
		&stage, 20,
		"SELECT rows_done > 0 FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name ="
		" c.run WHERE r.plan = 'down'");
	lk_test_server_down(stage.server, LK_TEST_PRIMARY, true);
	lk_await(&alice, "down", "unreachable", 10);
	/* A pause is accepted while nobody answers, and kept. */
	lk_must(&alice, "down", "pause", NULL);
	lk_await(&alice, "down", "paused", 2);
	lk_test_server_up(stage.server, LK_TEST_PRIMARY);
	lk_await_sql(
		&stage, 20,
		"SELECT state = 'paused' AND wanted = 'paused' FROM lockkeeper.run WHERE plan ="
		" 'down'");
	lk_await(&alice, "down", "paused", 2);
	lk_must(&alice, "down", "throttle",
		json_pack("{s:f, s:i}", "rest", 0.01, "chunk_time_ms", 50));
	int64_t until = lk_clock_us() + LK_BUSY * 20000000LL;
	while (!lk_ask(&alice, "down", "resume", NULL, NULL) && lk_clock_us() < until)
		lk_sleep_ms(20);
	lk_await_gate(&alice, "down", "contract", 30);
	/* At a gate as well. */
	lk_test_server_down(stage.server, LK_TEST_PRIMARY, false);
	lk_test_server_up(stage.server, LK_TEST_PRIMARY);
	lk_confirm(&alice, "down", "contract");
	lk_await_gate(&alice, "down", "release-41-gone", 30);
	end_in_contract(&alice, "down", "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_keeper_killed_at_any_moment_is_replaced_from_elsewhere),
		cmocka_unit_test(killed_while_it_waits_for_the_drop_s_lock),
		cmocka_unit_test(killed_in_an_index_build_its_invalid_rest_is_replaced),
		cmocka_unit_test(a_second_keeper_is_refused_with_the_holder_s_name),
		cmocka_unit_test(of_two_that_begin_at_once_one_wins),
		cmocka_unit_test(a_changed_plan_does_not_take_an_unfinished_run_over),
		cmocka_unit_test(sigterm_ends_in_order_and_the_run_is_taken_up_again),
		cmocka_unit_test(each_connection_can_be_ended_and_the_run_goes_on),
		cmocka_unit_test(a_connection_that_ends_in_the_preparation_is_made_again),
		cmocka_unit_test(a_server_that_restarts_in_the_middle_is_waited_for),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
