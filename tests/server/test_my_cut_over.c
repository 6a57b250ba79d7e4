/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table and its shadow exchange their names while an application writes. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_exchange.h"

/* One that shows its metadata locks, and one that shows nothing. */
static struct lk_test_my *server, *blind;

static int setup(void **state)
{
	static const char *const options[] = {
		"--performance-schema=1",
		"--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON", NULL};
	(void)state;
	server = lk_test_my_start(options);
	blind = server ? lk_test_my_start(NULL) : NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	lk_test_my_stop(blind);
	return 0;
}

static void execute(MYSQL *mysql, const char *sql)
{
	if (mysql_query(mysql, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(mysql));
	mysql_free_result(mysql_store_result(mysql));
}

static void must_hear(struct my_exchange *x, const char *text)
{
	if (lk_test_steps_hears(&x->steps, text))
		return;
	char *said = lk_test_steps_said(&x->steps);
	fail_msg("\"%s\" was not said, but:\n%s (%s)", text, said, x->steps.error.text);
}

static void must_end(struct my_exchange *x)
{
	if (my_exchange_end(x) != LK_OUTCOME_DONE)
		fail_msg("outcome %d: %s (%s)", x->outcome, x->steps.error.text, x->report.why);
}

/* Which of the three tables are there, and which is which: only the shadow's key is a bigint. */
static bool is_exchanged(const struct my_exchange *x)
{
	return lk_test_my_number(
		       x->server,
		       "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema ="
		       " 'test' AND column_name = 'id' AND ((table_name = 't' AND data_type ="
		       " 'bigint') OR (table_name = 't_lk_old' AND data_type = 'int'))") == 2 &&
	       lk_test_my_number(x->server,
				 "SELECT COUNT(*) FROM information_schema.tables WHERE"
				 " table_schema = 'test' AND table_name = 't_lk_new'") == 0;
}

static bool is_as_it_was(const struct my_exchange *x)
{
	return lk_test_my_number(
		       x->server,
		       "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema ="
		       " 'test' AND column_name = 'id' AND ((table_name = 't' AND data_type ="
		       " 'int') OR (table_name = 't_lk_new' AND data_type = 'bigint'))") == 2 &&
	       lk_test_my_number(x->server,
				 "SELECT COUNT(*) FROM information_schema.tables WHERE"
				 " table_schema = 'test' AND table_name = 't_lk_old'") == 0;
}

static void there_and_back_ten_times_beside_writers(void **state)
{
	struct my_exchange x;
	int64_t held = 0;
	(void)state;
	my_exchange_open(&x, server);
	my_exchange_write(&x, 3000);
	my_exchange_let_write(&x, 20);
	for (int i = 0; i < 20; i++) {
		my_exchange_must(&x);
		assert_int_equal(x.report.state, LK_MY_CUT_OVER_DONE);
		if (x.report.last.held_us > held)
			held = x.report.last.held_us;
		assert_true(i % 2 ? is_as_it_was(&x) : is_exchanged(&x));
		my_exchange_turn(&x);
		my_exchange_let_write(&x, 20);
	}
	double longest = my_exchange_all_there(&x);
	print_message("longest transaction %.1f ms, longest hold %.1f ms\n", longest,
		      (double)held / 1000);
	my_exchange_close(&x);
}

/* What a writer every millisecond sees of it on a machine with nothing else to do. */
static void the_application_is_held_for_a_moment(void **state)
{
	struct my_exchange x;
	struct lk_test_my_load_result r;
	double longest = 0;
	(void)state;
	my_exchange_open(&x, server);
	for (int i = 0; i < 5; i++) {
		struct lk_test_my_load *load = lk_test_my_load_start(
			server, "UPDATE t SET s = s + 1 WHERE id = 7", 1, 1000);
		lk_test_my_load_wait(load, 100);
		my_exchange_must(&x);
		lk_test_my_load_wait(load, 50);
		lk_test_my_load_stop(load, &r);
		assert_string_equal(r.first_error, "");
		print_message(
			"longest statement %.1f ms; waited %.1f, held %.1f, drained %.1f ms\n",
			r.longest_ms, (double)x.report.last.waited_us / 1000,
			(double)x.report.last.held_us / 1000,
			(double)x.report.last.drained_us / 1000);
		if (r.longest_ms > longest)
			longest = r.longest_ms;
		my_exchange_turn(&x);
	}
	my_exchange_close(&x);
	/* 50 ms are wanted on an idle machine; this one may have others at work. */
	assert_true(longest < 1000);
}

static void an_old_snapshot_is_waited_for_and_named(void **state)
{
	struct my_exchange x;
	char moment[32], name[100];
	(void)state;
	my_exchange_open(&x, server);
	execute(x.other, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;");
	execute(x.other, "START TRANSACTION WITH CONSISTENT SNAPSHOT");
	if (!lk_my_cut_over_moment(x.steps.control, moment, &x.steps.error))
		fail_msg("%s", x.steps.error.text);
	/* It is of the same second, which is counted as older. */
	x.order.complete_from = moment;
	my_exchange_begin(&x);
	snprintf(name, sizeof name, "process %lu (root, idle) has a transaction that is",
		 mysql_thread_id(x.other));
	must_hear(&x, name);
	assert_true(is_as_it_was(&x));
	assert_int_equal(x.report.tries, 0);
	execute(x.other, "COMMIT");
	must_end(&x);
	assert_true(is_exchanged(&x));
	my_exchange_close(&x);
}

static void a_younger_snapshot_and_one_of_each_statement_are_not(void **state)
{
	struct my_exchange x;
	MYSQL *third = lk_test_my_connect(server);
	(void)state;
	my_exchange_open(&x, server);
	execute(x.other, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
	execute(x.other, "BEGIN");
	execute(x.other, "SELECT COUNT(*) FROM app_log");
	execute(third, "START TRANSACTION WITH CONSISTENT SNAPSHOT");
	x.order.complete_from = "2001-01-01 00:00:00";
	x.order.patience_ms = 3000;
	my_exchange_must(&x);
	mysql_close(third);
	my_exchange_close(&x);
}

static void who_may_not_see_transactions_is_refused(void **state)
{
	struct my_exchange x;
	char why[400];
	struct lk_error error;
	(void)state;
	my_exchange_open(&x, server);
	lk_test_my_sql(server, "DROP USER IF EXISTS app@localhost; CREATE USER app@localhost;"
			       "GRANT ALL ON test.* TO app@localhost");
	char *uri = lk_test_my_uri(server, "app", NULL);
	struct lk_step_run run = x.steps.run;
	run.session = my_session_of(uri, "worker");
	assert_false(lk_my_cut_over_hindrance(&run, &x.order, why, sizeof why, &error));
	assert_int_equal(error.class, LK_ERROR_PRIVILEGE);
	assert_contains(error.text, "PROCESS");
	lk_session_close(run.session);
	free(uri);
	my_exchange_close(&x);
}

static void idle_transaction(const struct lk_test_my *on, const char *statement, bool named)
{
	struct my_exchange x;
	char name[100];
	my_exchange_open(&x, on);
	execute(x.other, "BEGIN");
	execute(x.other, statement);
	my_grow_old(on, x.other, 3);
	my_exchange_begin(&x);
	snprintf(name, sizeof name, "process %lu (root, idle in a transaction) has held t",
		 mysql_thread_id(x.other));
	must_hear(&x, named ? name : "has failed after holding it for 0 ms");
	/* Nobody waits behind us. */
	lk_test_my_sql(on, "UPDATE t SET s = s + 1 WHERE id = 90");
	execute(x.other, "COMMIT");
	must_end(&x);
	assert_true(is_exchanged(&x));
	my_exchange_close(&x);
}

static void who_has_read_the_table_is_waited_for(void **state)
{
	(void)state;
	idle_transaction(server, "SELECT COUNT(*) FROM t", true);
	idle_transaction(blind, "SELECT COUNT(*) FROM t", false);
}

static void who_has_written_the_table_is_waited_for(void **state)
{
	(void)state;
	idle_transaction(server, "UPDATE t SET note = 'x' WHERE id = 1", true);
	assert_int_equal(lk_test_my_number(server, "SELECT COUNT(*) FROM t WHERE note = 'x'"), 1);
}

static void who_has_read_the_shadow_is_waited_for(void **state)
{
	struct my_exchange x;
	(void)state;
	my_exchange_open(&x, server);
	execute(x.other, "BEGIN");
	execute(x.other, "SELECT COUNT(*) FROM t_lk_new");
	my_grow_old(server, x.other, 3);
	my_exchange_begin(&x);
	must_hear(&x, "has held t_lk_new for");
	execute(x.other, "COMMIT");
	must_end(&x);
	my_exchange_close(&x);
}

static void a_prepared_transaction_without_a_session_is_waited_for(void **state)
{
	struct my_exchange x;
	(void)state;
	my_exchange_open(&x, server);
	execute(x.other, "XA START 'x'");
	execute(x.other, "UPDATE t SET note = 'xa' WHERE id = 1");
	execute(x.other, "XA END 'x'");
	execute(x.other, "XA PREPARE 'x'");
	mysql_close(x.other);
	x.other = lk_test_my_connect(server);
	my_exchange_begin(&x);
	must_hear(&x, "a prepared XA transaction");
	lk_test_my_sql(server, "XA COMMIT 'x'");
	must_end(&x);
	assert_int_equal(lk_test_my_number(server, "SELECT COUNT(*) FROM t WHERE note = 'xa'"), 1);
	my_exchange_close(&x);
}

static void wait_out(const struct lk_test_my *on, const char *const *locks, const char *release,
		     const char *expected)
{
	struct my_exchange x;
	my_exchange_open(&x, on);
	for (; *locks; locks++)
		execute(x.other, *locks);
	my_exchange_begin(&x);
	must_hear(&x, expected);
	execute(x.other, release);
	must_end(&x);
	my_exchange_close(&x);
}

static void a_backup_is_waited_for(void **state)
{
	static const char *const stage[] = {"BACKUP STAGE START", "BACKUP STAGE FLUSH",
					    "BACKUP STAGE BLOCK_DDL", NULL};
	static const char *const instance[] = {"LOCK INSTANCE FOR BACKUP", NULL};
	static const char *const flush[] = {"FLUSH TABLES WITH READ LOCK", NULL};
	(void)state;
	my_need(server);
	if (my_is_mariadb()) {
		wait_out(server, stage, "BACKUP STAGE END", "lock on the whole server");
		wait_out(blind, stage, "BACKUP STAGE END", "keeps tables from being renamed");
		wait_out(blind, flush, "UNLOCK TABLES", "keeps tables from being renamed");
	} else {
		wait_out(server, instance, "UNLOCK INSTANCE", "lock on the whole server");
		wait_out(server, flush, "UNLOCK TABLES", "lock on the whole server");
	}
}

#define BACKUP "BACKUP STAGE START; BACKUP STAGE FLUSH; BACKUP STAGE BLOCK_DDL"

/* What arrives while the tables are held. */
struct arrival {
	const char *sql, *state, *release;
	enum lk_my_cut_over_point at;
};
static const struct arrival *arriving;

static void arrive(struct my_exchange *x)
{
	my_exchange_meanwhile(x, arriving->sql, arriving->state);
}

/* Writers are there first, so that they wait in front of the RENAME. Returns their errors. */
static int64_t meet(const struct arrival *arrival, char first[300])
{
	struct my_exchange x;
	int64_t errors;
	arriving = arrival;
	my_exchange_open(&x, server);
	x.act = arrive;
	x.act_at = arrival->at;
	my_exchange_write(&x, 500);
	my_exchange_let_write(&x, 10);
	my_exchange_begin(&x);
	while (!atomic_load(&x.acted))
		lk_sleep_ms(1);
	if (arrival->release) {
		my_exchange_meanwhile_end(&x);
		execute(x.other, arrival->release);
	}
	if (my_exchange_end(&x) != LK_OUTCOME_DONE)
		fail_msg("%s: %s", arrival->sql, x.steps.error.text);
	my_exchange_meanwhile_end(&x);
	my_exchange_let_write(&x, 10);
	print_message("%s at %d: %d tries, the first: %s\n", arrival->sql, (int)arrival->at,
		      x.report.tries, x.first_why);
	my_exchange_compare(&x, &errors, first);
	assert_true(is_exchanged(&x));
	my_exchange_close(&x);
	return errors;
}

static void a_backup_that_comes_in_the_hold_loses_nothing(void **state)
{
	static const struct arrival arrivals[] = {
		{"FLUSH TABLES WITH READ LOCK", "Waiting for%", "UNLOCK TABLES",
		 LK_MY_CUT_OVER_LOCKED},
		{"FLUSH TABLES WITH READ LOCK", "Waiting for%", "UNLOCK TABLES",
		 LK_MY_CUT_OVER_DRAINED},
		{"CREATE DATABASE IF NOT EXISTS test", "Waiting for%", NULL, LK_MY_CUT_OVER_LOCKED},
		{"CREATE DATABASE IF NOT EXISTS test", "Waiting for%", NULL,
		 LK_MY_CUT_OVER_DRAINED},
		/* MariaDB alone has these. */
		{BACKUP, "Waiting for%", "BACKUP STAGE END", LK_MY_CUT_OVER_LOCKED},
		{BACKUP, "Waiting for%", "BACKUP STAGE END", LK_MY_CUT_OVER_DRAINED},
	};
	char first[300];
	(void)state;
	my_need(server);
	for (size_t i = 0; i < LK_COUNT(arrivals) - (my_is_mariadb() ? 0 : 2); i++)
		if (meet(&arrivals[i], first))
			fail_msg("%s: the application got %s", arrivals[i].sql, first);
}

/* Behind the last look only the fence is left: writes are turned away, and none is lost. */
static void one_that_comes_at_the_last_moment_meets_the_fence(void **state)
{
	static const struct arrival arrivals[] = {
		{"FLUSH TABLES WITH READ LOCK", "Waiting for%", "UNLOCK TABLES",
		 LK_MY_CUT_OVER_QUEUED},
		{"CREATE DATABASE IF NOT EXISTS test", "Waiting for%", NULL, LK_MY_CUT_OVER_QUEUED},
	};
	char first[300];
	(void)state;
	if (!my_is_mariadb())
		skip();
	for (size_t i = 0; i < LK_COUNT(arrivals); i++) {
		int64_t errors = meet(&arrivals[i], first);
		print_message("%lld errors: %s\n", (long long)errors, first);
		if (errors)
			assert_contains(first, "lockkeeper: the table is being exchanged");
	}
}

static void lock_the_instance(struct my_exchange *x)
{
	execute(x->other, "LOCK INSTANCE FOR BACKUP");
}

static void a_backup_of_the_whole_server_in_the_hold_costs_a_try(void **state)
{
	struct my_exchange x;
	(void)state;
	if (my_is_mariadb())
		skip();
	my_exchange_open(&x, server);
	x.act = lock_the_instance;
	x.act_at = LK_MY_CUT_OVER_DRAINED;
	my_exchange_write(&x, 2000);
	my_exchange_let_write(&x, 10);
	my_exchange_begin(&x);
	must_hear(&x, "try 1 to cut t over has failed");
	my_exchange_meanwhile_end(&x);
	execute(x.other, "UNLOCK INSTANCE");
	must_end(&x);
	print_message("first try: %s\n", x.first_why);
	my_exchange_all_there(&x);
	my_exchange_close(&x);
}

static void a_rival(struct my_exchange *x)
{
	my_exchange_meanwhile(x, "/* his */ ALTER TABLE t COMMENT 'his'", "Waiting for table%");
}

/* He would get the table before the RENAME does, and what he writes then would be lost. */
static void somebody_elses_change_goes_first(void **state)
{
	struct my_exchange x;
	(void)state;
	if (!my_is_mariadb())
		skip();
	my_exchange_open(&x, server);
	x.act = a_rival;
	x.act_at = LK_MY_CUT_OVER_LOCKED;
	my_exchange_must(&x);
	my_exchange_meanwhile_end(&x);
	assert_int_equal(x.report.tries, 2);
	assert_contains(x.first_why, "waits for a table as well: /* his */ ALTER");
	my_exchange_close(&x);
}

static void kill_holder(struct my_exchange *x)
{
	char *sql = lk_format("KILL %d", x->steps.session->id);
	lk_test_my_sql(x->server, sql);
	free(sql);
}

static void kill_renamer(struct my_exchange *x)
{
	char *sql = lk_format("KILL %d", x->report.renamer);
	lk_test_my_sql(x->server, sql);
	free(sql);
}

static void cancel_renamer(struct my_exchange *x)
{
	char *sql = lk_format("KILL QUERY %d", x->report.renamer);
	lk_test_my_sql(x->server, sql);
	free(sql);
}

static void stop(struct my_exchange *x)
{
	lk_pace_stop(&x->steps.pace);
}

/* All or nothing, as the report says it, and as the catalog does. */
static void end_as_reported(struct my_exchange *x, const char *what, int point)
{
	enum lk_my_cut_over_state settled;
	bool done = x->outcome == LK_OUTCOME_DONE;
	if (!lk_my_cut_over_settle(x->steps.control, &x->order.tables, &settled, &x->steps.error))
		fail_msg("%s at %d: %s", what, point, x->steps.error.text);
	if (settled != x->report.state || done != (settled == LK_MY_CUT_OVER_DONE) ||
	    (done ? !is_exchanged(x) : !is_as_it_was(x)))
		fail_msg("%s at %d: outcome %d, state %d, settled %d: %s", what, point, x->outcome,
			 x->report.state, settled, x->steps.error.text);
	assert_false(x->report.fence_left);
}

static void interfere(const char *what, void (*act)(struct my_exchange *), int point)
{
	struct my_exchange x;
	int64_t errors;
	char first[300];
	my_exchange_open(&x, server);
	x.act = act;
	x.act_at = (enum lk_my_cut_over_point)point;
	my_exchange_write(&x, 1000);
	my_exchange_let_write(&x, 10);
	my_exchange_run(&x);
	print_message("%s at %d: outcome %d, %d tries: %s\n", what, point, x.outcome,
		      x.report.tries,
		      x.outcome == LK_OUTCOME_FAILED ? x.steps.error.text : x.first_why);
	end_as_reported(&x, what, point);
	my_exchange_let_write(&x, 10);
	my_exchange_compare(&x, &errors, first);
	/* Only the fence may turn anybody away, and only once it is armed. */
	if (errors && (act == stop || point < LK_MY_CUT_OVER_ARMED))
		fail_msg("%s at %d: the application got %s", what, point, first);
	if (errors)
		assert_contains(first, "lockkeeper: the table is being exchanged");
	my_exchange_close(&x);
}

static void at_each_point(const char *what, void (*act)(struct my_exchange *))
{
	my_need(server);
	for (int point = LK_MY_CUT_OVER_LOCKED; point <= LK_MY_CUT_OVER_RENAMED; point++)
		if (my_is_mariadb() || point <= LK_MY_CUT_OVER_DRAINED ||
		    point == LK_MY_CUT_OVER_RENAMED)
			interfere(what, act, point);
}

static void the_holder_killed_at_each_step_leaves_all_or_nothing(void **state)
{
	(void)state;
	at_each_point("holder killed", kill_holder);
}

static void so_does_the_renamer(void **state)
{
	(void)state;
	if (!my_is_mariadb())
		skip();
	at_each_point("renamer killed", kill_renamer);
	at_each_point("renamer cancelled", cancel_renamer);
}

static void a_stop_at_each_step_leaves_nothing_of_ours(void **state)
{
	(void)state;
	at_each_point("stop", stop);
}

static void a_stop_while_something_is_waited_for_is_quick(void **state)
{
	struct my_exchange x;
	(void)state;
	my_exchange_open(&x, server);
	execute(x.other, "BEGIN");
	execute(x.other, "SELECT COUNT(*) FROM t");
	my_grow_old(server, x.other, 3);
	my_exchange_begin(&x);
	must_hear(&x, "has held t for");
	int64_t from = lk_clock_us();
	lk_test_steps_stop(&x.steps);
	assert_int_equal(my_exchange_end(&x), LK_OUTCOME_STOPPED);
	assert_true(lk_clock_us() - from < 1000000);
	execute(x.other, "COMMIT");
	my_exchange_close(&x);
}

static void a_stream_that_is_behind_gives_the_table_back_in_time(void **state)
{
	struct my_exchange x;
	(void)state;
	my_exchange_open(&x, server);
	x.order.hold_ms = 50;
	x.order.most_tries = 2;
	x.behind = 2;
	my_exchange_run(&x);
	assert_int_equal(x.outcome, LK_OUTCOME_WAITING);
	assert_int_equal(x.report.tries, 2);
	assert_int_equal(x.report.state, LK_MY_CUT_OVER_NOT_DONE);
	assert_contains(x.steps.run.note, "the stream was 7 rows behind");
	assert_true(x.report.last.drained_us <= x.report.last.held_us);
	assert_true(x.report.last.held_us >= 40000 && x.report.last.held_us < 1000000);
	assert_true(is_as_it_was(&x));
	my_exchange_nothing_left(&x);
	x.order.hold_ms = 2000;
	x.order.most_tries = 0;
	x.behind = 1;
	my_exchange_must(&x);
	assert_int_equal(x.report.tries, 2);
	assert_string_equal(x.report.why, "");
	my_exchange_close(&x);
}

static void a_drain_that_lets_the_table_go_is_noticed(void **state)
{
	struct my_exchange x;
	(void)state;
	my_exchange_open(&x, server);
	x.begins = true;
	assert_int_equal(my_exchange_run(&x), LK_OUTCOME_FAILED);
	assert_contains(x.steps.error.text, "t was let go in the middle of the cut-over");
	assert_true(is_as_it_was(&x));
	my_exchange_close(&x);
}

static void names_that_come_before_the_tables_are_refused(void **state)
{
	struct my_exchange x;
	(void)state;
	my_exchange_open(&x, server);
	x.order.tables.old = "_t_old";
	assert_int_equal(my_exchange_run(&x), LK_OUTCOME_FAILED);
	assert_int_equal(x.steps.error.class, LK_ERROR_REFUSED);
	assert_contains(x.steps.error.text, "in the order of bytes");
	my_exchange_close(&x);
}

/* Exchanged with the fence's, a KILL would damage them. */
static void triggers_on_the_shadow_are_refused(void **state)
{
	struct my_exchange x;
	(void)state;
	if (!my_is_mariadb())
		skip();
	my_exchange_open(&x, server);
	execute(x.other, "CREATE TRIGGER his AFTER INSERT ON t_lk_new FOR EACH ROW SET @a = 1");
	assert_int_equal(my_exchange_run(&x), LK_OUTCOME_FAILED);
	assert_contains(x.steps.error.text, "t_lk_new has a trigger, his:");
	assert_true(is_as_it_was(&x));
	my_exchange_close(&x);
}

static void settled(struct my_exchange *x, enum lk_my_cut_over_state expected)
{
	enum lk_my_cut_over_state found;
	if (!lk_my_cut_over_settle(x->steps.control, &x->order.tables, &found, &x->steps.error))
		fail_msg("%s", x->steps.error.text);
	assert_int_equal(found, expected);
}

static void which_table_is_which_is_told_by_what_goes_with_them(void **state)
{
	struct my_exchange x;
	(void)state;
	my_exchange_open(&x, server);
	if (!lk_my_cut_over_identify(x.steps.control, &x.order.tables, &x.steps.error))
		fail_msg("%s", x.steps.error.text);
	assert_true(x.order.tables.table_id > 0 && x.order.tables.shadow_id > 0);
	settled(&x, LK_MY_CUT_OVER_NOT_DONE);
	my_exchange_must(&x);
	settled(&x, LK_MY_CUT_OVER_DONE);
	lk_test_my_sql(server, "RENAME TABLE t TO t_lk_new, t_lk_old TO t");
	settled(&x, LK_MY_CUT_OVER_NOT_DONE);
	lk_test_my_sql(server, "RENAME TABLE t_lk_new TO t_lk_old");
	/* The names of one that is done, but the tables are the other ones. */
	settled(&x, LK_MY_CUT_OVER_TORN);
	lk_test_my_sql(server, "DROP TABLE t_lk_old");
	settled(&x, LK_MY_CUT_OVER_TORN);
	my_exchange_close(&x);
}

static void make_fence(struct my_exchange *x)
{
	static const char *const events[] = {"INSERT", "UPDATE", "DELETE"};
	for (size_t i = 0; i < LK_COUNT(events); i++) {
		char *sql =
			lk_format("CREATE TRIGGER lk_fence_%s_%c BEFORE %s ON t FOR EACH ROW SET"
				  " @nothing = 1",
				  x->steps.name, events[i][0], events[i]);
		execute(x->other, sql);
		free(sql);
	}
}

/* As after a kill -9 of the keeper, and after a KILL in the middle of DROP TRIGGER. */
static void a_fence_that_was_left_is_cleared_away(void **state)
{
	struct my_exchange x;
	(void)state;
	if (!my_is_mariadb())
		skip();
	my_exchange_open(&x, server);
	for (int damaged = 0; damaged < 2; damaged++) {
		make_fence(&x);
		if (damaged)
			my_forget_triggers(server, "test");
		lk_pace_stop(&x.steps.pace);
		if (!lk_my_cut_over_clean(&x.steps.run, &x.order.tables, &x.steps.error))
			fail_msg("%s", x.steps.error.text);
		my_exchange_nothing_left(&x);
		lk_test_my_sql(server, "UPDATE t SET v = 0 WHERE id = 1");
	}
	my_exchange_close(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back_ten_times_beside_writers),
		cmocka_unit_test(the_application_is_held_for_a_moment),
		cmocka_unit_test(an_old_snapshot_is_waited_for_and_named),
		cmocka_unit_test(a_younger_snapshot_and_one_of_each_statement_are_not),
		cmocka_unit_test(who_may_not_see_transactions_is_refused),
		cmocka_unit_test(who_has_read_the_table_is_waited_for),
		cmocka_unit_test(who_has_written_the_table_is_waited_for),
		cmocka_unit_test(who_has_read_the_shadow_is_waited_for),
		cmocka_unit_test(a_prepared_transaction_without_a_session_is_waited_for),
		cmocka_unit_test(a_backup_is_waited_for),
		cmocka_unit_test(a_backup_that_comes_in_the_hold_loses_nothing),
		cmocka_unit_test(one_that_comes_at_the_last_moment_meets_the_fence),
		cmocka_unit_test(a_backup_of_the_whole_server_in_the_hold_costs_a_try),
		cmocka_unit_test(somebody_elses_change_goes_first),
		cmocka_unit_test(the_holder_killed_at_each_step_leaves_all_or_nothing),
		cmocka_unit_test(so_does_the_renamer),
		cmocka_unit_test(a_stop_at_each_step_leaves_nothing_of_ours),
		cmocka_unit_test(a_stop_while_something_is_waited_for_is_quick),
		cmocka_unit_test(a_stream_that_is_behind_gives_the_table_back_in_time),
		cmocka_unit_test(a_drain_that_lets_the_table_go_is_noticed),
		cmocka_unit_test(names_that_come_before_the_tables_are_refused),
		cmocka_unit_test(triggers_on_the_shadow_are_refused),
		cmocka_unit_test(which_table_is_which_is_told_by_what_goes_with_them),
		cmocka_unit_test(a_fence_that_was_left_is_cleared_away),
	};
	return my_run_tests(tests, setup, teardown);
}
