/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole runs of the real program on MariaDB and MySQL, while an application writes. */
#include "tests/control/my_stage.h"

#include "tests/unit/support.h"

enum { ROWS = 3000 };
#define BEFORE_RELEASE "expand,migrate"
#define CONTRACT "contract,release-41-gone"
#define ALL_BUT_CONTRACT BEFORE_RELEASE ",release-42"
#define SMALL_CHUNKS "limits: {chunk_time: 2ms}\n"

static struct my_stage stage;
static struct lk_home alice, bob;

static int open_stage(void **state)
{
	(void)state;
	my_stage_open(&stage, NULL);
	if (!stage.server)
		return 0;
	lk_home_make(&stage.stage, &alice);
	lk_home_make(&stage.stage, &bob);
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	my_stage_close(&stage);
	return 0;
}

static void make(const char *plan, const char *table, const char *limits)
{
	my_need(stage.server);
	my_users_make(&stage, table, ROWS);
	lk_plan_rename(&alice, plan, table, limits);
	lk_plan_rename(&bob, plan, table, limits);
}

/* The new release may write only when its gate is answered: the backfill is over by then. */
static void the_new_release_comes_and_the_old_one_goes(const char *plan, const char *table,
						       const struct lk_home *home)
{
	struct my_load *old = my_load_start(&stage, table, "username");
	lk_expect(home, 3, "run", plan, "--headless", "--yes", BEFORE_RELEASE, NULL);
	lk_expect(home, 3, "run", plan, "--headless", "--yes", "release-42", NULL);
	struct my_load *new = my_load_start(&stage, table, "user_handle");
	lk_expect(home, 3, "run", plan, "--headless", "--yes", "contract", NULL);
	my_load_end(old);
	lk_expect(home, 0, "run", plan, "--headless", "--yes", "release-41-gone", NULL);
	my_load_end(new);
	my_users_compare(&stage, table, "user_handle");
	assert_int_equal(my_number(&stage,
				   "SELECT COUNT(*) FROM information_schema.triggers"
				   " WHERE event_object_table = '%s'",
				   table),
			 0);
	assert_int_equal(my_number(&stage,
				   "SELECT COUNT(*) FROM information_schema.columns"
				   " WHERE table_name = '%s' AND column_name = 'username'",
				   table),
			 0);
}

static void a_whole_run_under_the_writes_of_two_releases(void **state)
{
	(void)state;
	make("whole", "whole", "");
	lk_expect_says(&alice, 0, "ALGORITHM=", "explain", "whole", NULL);
	the_new_release_comes_and_the_old_one_goes("whole", "whole", &alice);
	lk_expect_says(&alice, 0, "whole", "history", "--target", stage.stage.uri, NULL);
}

static void the_result_names_the_engine(void **state)
{
	(void)state;
	make("named", "named", "");
	lk_expect_says(&alice, 3, "\"engine\":\"mysql\"", "run", "named", "--headless", "--json",
		       "--yes", "expand", NULL);
}

/* Steps by their verbs, and how far the backfill has got. */
static const struct moment {
	const char *verb;
	int rows;
} moments[] = {
	{"dual_write", 0}, {"backfill", 1}, {"backfill", ROWS / 2}, {"verify", 0}, {"ddl", 0}};

static void await_moment(const char *plan, const struct moment *moment)
{
	my_await_sql(
		&stage, 60,
		"SELECT EXISTS (SELECT 1 FROM lockkeeper.step s JOIN lockkeeper.run r ON r.name = s.run"
		" WHERE r.plan = '%s' AND s.verb = '%s' AND s.state <> 'pending') AND"
		" IFNULL((SELECT c.rows_done FROM lockkeeper.cursor c JOIN lockkeeper.run r"
		" ON r.name = c.run WHERE r.plan = '%s'), 0) >= %d",
		plan, moment->verb, plan, moment->rows);
}

static void kill_at(size_t number)
{
	char plan[20], table[20];
	snprintf(plan, sizeof plan, "kill-%d", (int)number);
	snprintf(table, sizeof table, "kill_%d", (int)number);
	make(plan, table, SMALL_CHUNKS);
	struct my_load *load = my_load_start(&stage, table, "username");
	pid_t run = lk_do_begin(&alice, "run", plan, "--headless", "--yes", ALL_BUT_CONTRACT, NULL);
	await_moment(plan, &moments[number]);
	lk_keeper_signal(&alice, plan, SIGKILL);
	struct lk_said said = lk_do_finish(&alice, run);
	assert_true(said.status == 6 || said.status == 3);
	lk_said_free(&said);
	my_await_let_go(&stage, plan);
	/* From another folder, with another state folder: all that is needed is in the database. */
	lk_expect(&bob, 3, "run", plan, "--headless", "--yes", ALL_BUT_CONTRACT, NULL);
	my_load_end(load);
	lk_expect(&bob, 0, "run", plan, "--headless", "--yes", CONTRACT, NULL);
	my_users_compare(&stage, table, "user_handle");
}

static void a_keeper_killed_at_any_moment_is_replaced_from_elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < LK_COUNT(moments); i++) {
		print_message("%s, %d rows\n", moments[i].verb, moments[i].rows);
		kill_at(i);
	}
}

static void a_living_keeper_is_not_displaced(void **state)
{
	(void)state;
	char holder[40];
	make("held", "held", "");
	lk_expect(&alice, 3, "run", "held", "--headless", "--yes", "expand", NULL);
	snprintf(holder, sizeof holder, "process %d", (int)lk_keeper_pid(&alice, "held"));
	lk_expect_says(&bob, 1, holder, "run", "held", "--headless", NULL);
	lk_expect(&alice, 3, "run", "held", "--headless", "--yes", ALL_BUT_CONTRACT, NULL);
}

/* By a person who has nothing but the server's client, and from another host. */
static void paused_through_the_database_and_resumed(void **state)
{
	(void)state;
	make("pause", "pause", SMALL_CHUNKS);
	struct my_load *load = my_load_start(&stage, "pause", "username");
	pid_t run =
		lk_do_begin(&alice, "run", "pause", "--headless", "--yes", ALL_BUT_CONTRACT, NULL);
	await_moment("pause", &(struct moment){"backfill", 1});
	my_sql(&stage, "UPDATE lockkeeper.run SET wanted = 'paused' WHERE plan = 'pause'");
	struct lk_said said = lk_do_finish(&alice, run);
	assert_int_equal(said.status, 4);
	lk_said_free(&said);
	my_await_sql(&stage, 10,
		     "SELECT state = 'paused' FROM lockkeeper.run WHERE plan = 'pause'");
	lk_expect_says(&bob, 0, "paused", "status", "--target", stage.stage.uri, NULL);
	lk_expect(&bob, 0, "resume", "pause", "--target", stage.stage.uri, NULL);
	/* The answers went with the console that had them. */
	lk_await_gate(&alice, "pause", "release-42", 60);
	my_load_end(load);
	lk_expect(&alice, 0, "run", "pause", "--headless", "--yes", "release-42," CONTRACT, NULL);
	my_users_compare(&stage, "pause", "user_handle");
}

static void roll_back(const char *plan, const char *table, bool killed)
{
	make(plan, table, "");
	char *before = my_schema_of(&stage, table);
	struct my_load *load = my_load_start(&stage, table, "username");
	lk_expect(&alice, 3, "run", plan, "--headless", "--yes", ALL_BUT_CONTRACT, NULL);
	lk_must(&alice, plan, "rollback", NULL);
	lk_await_gate(&alice, plan, "release-42", 60);
	lk_confirm(&alice, plan, "release-42");
	if (killed) {
		my_await_sql(&stage, 60,
			     "SELECT COUNT(*) > 0 FROM lockkeeper.step s JOIN lockkeeper.run r"
			     " ON r.name = s.run WHERE r.plan = '%s' AND s.state = 'undone'",
			     plan);
		lk_keeper_signal(&alice, plan, SIGKILL);
		my_await_let_go(&stage, plan);
		/* A new keeper is told by the journal which way, and that the gate was answered. */
		struct lk_said said = lk_do(&bob, "run", plan, "--headless", NULL);
		lk_said_free(&said);
	}
	my_await_sql(&stage, 60, "SELECT state = 'undone' FROM lockkeeper.run WHERE plan = '%s'",
		     plan);
	my_load_end(load);
	char *after = my_schema_of(&stage, table);
	assert_string_equal(after, before);
	free(before);
	free(after);
	my_users_compare(&stage, table, "username");
	assert_int_equal(my_number(&stage,
				   "SELECT COUNT(*) FROM lockkeeper.cleanup c JOIN lockkeeper.run r"
				   " ON r.name = c.run WHERE r.plan = '%s'",
				   plan),
			 0);
}

static void rolled_back_it_is_as_it_was(void **state)
{
	(void)state;
	roll_back("back", "back", false);
}

/* Once the way back was chosen, whoever takes the run over goes on with it. */
static void killed_on_the_way_back(void **state)
{
	(void)state;
	roll_back("back-kill", "back_kill", true);
}

static void a_crash_of_the_server_in_the_backfill(void **state)
{
	(void)state;
	make("crash", "crash", SMALL_CHUNKS);
	pid_t run =
		lk_do_begin(&alice, "run", "crash", "--headless", "--yes", ALL_BUT_CONTRACT, NULL);
	await_moment("crash", &(struct moment){"backfill", ROWS / 4});
	lk_test_my_kill(stage.server);
	lk_test_my_up(stage.server);
	struct lk_said said = lk_do_finish(&alice, run);
	assert_int_equal(said.status, 3);
	lk_said_free(&said);
	lk_expect(&alice, 0, "run", "crash", "--headless", "--yes", CONTRACT, NULL);
	my_users_compare(&stage, "crash", "user_handle");
	/* Each chunk and its cursor are one: nothing was done twice or left out. */
	assert_int_equal(my_number(&stage,
				   "SELECT c.rows_done FROM lockkeeper.cursor c JOIN"
				   " lockkeeper.run r ON r.name = c.run WHERE r.plan = 'crash'"),
			 ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_run_under_the_writes_of_two_releases),
		cmocka_unit_test(the_result_names_the_engine),
		cmocka_unit_test(a_keeper_killed_at_any_moment_is_replaced_from_elsewhere),
		cmocka_unit_test(a_living_keeper_is_not_displaced),
		cmocka_unit_test(paused_through_the_database_and_resumed),
		cmocka_unit_test(rolled_back_it_is_as_it_was),
		cmocka_unit_test(killed_on_the_way_back),
		cmocka_unit_test(a_crash_of_the_server_in_the_backfill),
	};
	return my_run_tests(tests, open_stage, close_stage);
}
