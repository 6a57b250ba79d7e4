/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal on MySQL and MariaDB: one holder a run, and a fence that keeps replaced keepers out. */
#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_journal.h"

struct installer {
	struct lk_session *session;
	bool done;
	struct lk_error error;
	pthread_t thread;
};

static void *install(void *argument)
{
	struct installer *i = argument;
	i->done = lk_journal_install(i->session, &i->error);
	return NULL;
}

static void many_may_install_at_once(void **state)
{
	(void)state;
	struct installer installers[8];
	struct lk_error error;
	bool installed = true;
	struct lk_session *session = my_keeper_session("-", "verb");
	lk_journal_rows_done(lk_journal_installed(session, &installed, &error), &error);
	assert_false(installed);
	memset(installers, 0, sizeof installers);
	for (int i = 0; i < 8; i++)
		installers[i].session = my_keeper_session("-", "worker");
	for (int i = 0; i < 8; i++)
		assert_int_equal(
			pthread_create(&installers[i].thread, NULL, install, &installers[i]), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(installers[i].thread, NULL);
		lk_journal_rows_done(installers[i].done, &installers[i].error);
		lk_session_close(installers[i].session);
	}
	lk_journal_rows_done(lk_journal_installed(session, &installed, &error), &error);
	assert_true(installed);
	/* Nothing of it is by the server's defaults. */
	my_expect(session,
		  "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'lockkeeper'"
		  " AND NOT (engine = 'InnoDB' AND table_collation = 'utf8mb4_bin'"
		  " AND row_format = 'Dynamic')",
		  "0");
	lk_session_close(session);
}

/* A broken-off installation is finished by the next one, and is no journal before. */
static void a_half_made_journal_is_made_whole(void **state)
{
	(void)state;
	struct lk_error error;
	bool installed = true;
	struct lk_session *session = my_keeper_session("-", "worker");
	lk_journal_rows_done(lk_journal_install(session, &error), &error);
	my_must(session, "DROP TABLE lockkeeper.cleanup, lockkeeper.event, lockkeeper.part");
	lk_journal_rows_done(lk_journal_installed(session, &installed, &error), &error);
	assert_false(installed);
	lk_journal_rows_done(lk_journal_install(session, &error), &error);
	my_expect(session,
		  "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'lockkeeper'"
		  " AND table_name IN ('cleanup', 'event', 'part')",
		  "3");
	lk_session_close(session);
}

static void a_plan_has_one_unfinished_run(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_run run, *runs;
	size_t count;
	bool found;
	struct lk_session *session = my_session_with("once-1", "once", &plan);
	lk_journal_rows_refused(lk_journal_create(session, "once-2", &plan, &my_bob, &error),
				&error, LK_ERROR_REFUSED, "once-1");
	lk_journal_rows_done(lk_journal_find(session, "once", &found, &run, &error), &error);
	assert_true(found);
	assert_string_equal(run.name, "once-1");
	assert_string_equal(run.holder, "alice@bastion-1, process 4410");
	assert_string_equal(run.state, "running");
	assert_string_equal(run.wanted, "running");
	assert_int_equal(run.epoch, 1);
	assert_int_equal(run.steps, plan.step_count);
	assert_int_equal(run.steps_done, 0);
	assert_false(run.backward);
	/* Whatever the server's time zone is, a moment is one. */
	assert_true(llabs((long long)(run.created - lk_wall_ms())) < 60000);
	assert_true(run.heartbeat_age_ms >= 0 && run.heartbeat_age_ms < 60000);
	lk_journal_rows_done(lk_journal_set_state(session, "once-1", "undone", "", &error), &error);
	/* Of a run that is over nothing changes any more. */
	lk_journal_rows_done(lk_journal_set_state(session, "once-1", "running", "late", &error),
			     &error);
	lk_journal_rows_done(lk_journal_find(session, "once", &found, &run, &error), &error);
	assert_false(found);
	lk_journal_rows_done(lk_journal_create(session, "once-2", &plan, &my_bob, &error), &error);
	lk_journal_rows_done(lk_journal_get(session, "once", &run, &error), &error);
	assert_string_equal(run.name, "once-2");
	lk_journal_rows_done(lk_journal_get(session, "once-1", &run, &error), &error);
	assert_string_equal(run.state, "undone");
	lk_journal_rows_refused(lk_journal_get(session, "never", &run, &error), &error,
				LK_ERROR_USAGE, "no run \"never\"");
	lk_journal_rows_done(lk_journal_list(session, &runs, &count, &error), &error);
	assert_true(count >= 2);
	assert_string_equal(runs[0].name, "once-2");
	free(runs);
	lk_plan_free(&plan);
	lk_session_close(session);
}

struct beginner {
	struct lk_session *session;
	const struct lk_plan *plan;
	char run[24];
	bool done;
	struct lk_error error;
	pthread_t thread;
};

static void *begin(void *argument)
{
	struct beginner *b = argument;
	b->done = lk_journal_create(b->session, b->run, b->plan, &my_alice, &b->error);
	return NULL;
}

static void of_two_that_begin_at_once_one_does(void **state)
{
	(void)state;
	enum { MANY = 6 };
	struct beginner beginners[MANY];
	struct lk_plan plan;
	int done = 0;
	lk_journal_rows_make_plan("race", "", &plan);
	memset(beginners, 0, sizeof beginners);
	for (int i = 0; i < MANY; i++) {
		beginners[i].session = my_keeper_session("-", "worker");
		beginners[i].plan = &plan;
		snprintf(beginners[i].run, sizeof beginners[i].run, "race-%d", i);
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(pthread_create(&beginners[i].thread, NULL, begin, &beginners[i]),
				 0);
	for (int i = 0; i < MANY; i++) {
		pthread_join(beginners[i].thread, NULL);
		done += beginners[i].done;
		if (!beginners[i].done)
			lk_journal_rows_refused(false, &beginners[i].error, LK_ERROR_REFUSED,
						"has an unfinished run already, race-");
		lk_session_close(beginners[i].session);
	}
	assert_int_equal(done, 1);
	lk_plan_free(&plan);
}

static void one_holds_it_and_a_takeover_ends_and_fences_the_other(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	int64_t epoch = 0;
	struct lk_session *worker = my_session_with("held-1", "held", &plan),
			  *old = my_keeper_session("held-1", "journal");
	struct lk_session *new = my_keeper_session("held-1", "journal"),
			  *other = my_keeper_session("held-10", "worker");
	lk_journal_rows_done(lk_journal_hold(old, "held-1", &error), &error);
	lk_journal_rows_done(lk_journal_heartbeat(old, "held-1", 1, &error), &error);
	lk_journal_rows_refused(lk_journal_hold(new, "held-1", &error), &error, LK_ERROR_REFUSED,
				"alice@bastion-1 (process 4410");
	/* The old keeper is in the middle of a chunk when its journal session breaks. */
	my_must(worker, "CREATE TABLE held (id INT PRIMARY KEY) ENGINE=InnoDB");
	lk_journal_rows_done(lk_begin(worker, &error) &&
				     lk_journal_fence(worker, "held-1", 1, &error) &&
				     lk_execute(worker, "INSERT INTO held VALUES (1)", &error),
			     &error);
	lk_session_close(old);
	assert_true(lk_test_my_wait(my_journal_server,
				    "SELECT IS_FREE_LOCK('lockkeeper.hold:held-1')", 10));
	lk_journal_rows_done(lk_journal_hold(new, "held-1", &error), &error);
	lk_journal_rows_done(lk_journal_take_over(new, "held-1", &my_bob, &epoch, &error), &error);
	assert_int_equal(epoch, 2);
	/* By now the old transaction is no more, nor are its locks. */
	my_must(new, "INSERT INTO held VALUES (1)");
	assert_false(lk_commit(worker, &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(worker);
	/* Only the run's own sessions are ended. */
	my_must(other, "DO 1");
	/* One that comes back does not get past the fence, the heartbeat or the guard. */
	worker = my_keeper_session("held-1", "worker");
	lk_journal_rows_done(lk_begin(worker, &error), &error);
	lk_journal_rows_refused(lk_journal_fence(worker, "held-1", 1, &error), &error,
				LK_ERROR_FENCED, "epoch 2, ours was 1");
	lk_rollback(worker);
	assert_false(lk_journal_heartbeat(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	assert_false(lk_journal_guard(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	my_expect(worker, "SELECT IS_FREE_LOCK('lockkeeper.guard:held-1')", "1");
	lk_journal_rows_done(lk_journal_guard(worker, "held-1", 2, &error), &error);
	my_expect(worker, "SELECT IS_FREE_LOCK('lockkeeper.guard:held-1')", "0");
	lk_journal_unguard(worker, "held-1");
	my_expect(worker, "SELECT IS_FREE_LOCK('lockkeeper.guard:held-1')", "1");
	lk_plan_free(&plan);
	lk_session_close(worker);
	lk_session_close(new);
	lk_session_close(other);
}

static void a_takeover_ends_a_session_in_the_middle_of_its_work(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct my_background work;
	int64_t epoch = 0;
	struct lk_session *worker = my_session_with("busy-1", "busy", &plan),
			  *waiting = my_keeper_session("busy-1", "control"),
			  *new = my_keeper_session("busy-1", "journal");
	lk_journal_rows_done(lk_journal_guard(worker, "busy-1", 1, &error), &error);
	my_background_start(&work, worker, "SELECT SLEEP(300)");
	my_await_statement(my_journal_server, worker->id, "SLEEP");
	lk_journal_rows_done(lk_journal_hold(new, "busy-1", &error), &error);
	lk_journal_rows_done(lk_journal_take_over(new, "busy-1", &my_bob, &epoch, &error), &error);
	my_background_end(&work);
	assert_false(work.done);
	assert_int_equal(work.error.class, LK_ERROR_LOST);
	assert_false(lk_execute(waiting, "DO 1", &error));
	/* What it guarded is free. */
	lk_journal_rows_done(lk_journal_guard(new, "busy-1", 2, &error), &error);
	lk_journal_unguard(new, "busy-1");
	lk_plan_free(&plan);
	lk_session_close(worker);
	lk_session_close(waiting);
	lk_session_close(new);
}

/* Whoever cannot see others' sessions proves nothing, and is told what is missing. */
static void a_takeover_needs_to_see_and_to_end_sessions(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	int64_t epoch = 0;
	struct lk_session *worker = my_session_with("blind-1", "blind", &plan);
	my_must(worker, "CREATE USER weak@localhost");
	my_must(worker, "GRANT ALL ON lockkeeper.* TO weak@localhost");
	char *uri = lk_test_my_uri(my_journal_server, "weak", NULL);
	char *at = strstr(uri, "/test?");
	memmove(at + 1, at + 5, strlen(at + 5) + 1);
	struct lk_session *weak = lk_session_open(uri, "blind-1", "journal", &error);
	if (!weak)
		fail_msg("%s: %s", uri, error.text);
	lk_journal_rows_done(lk_journal_hold(weak, "blind-1", &error), &error);
	lk_journal_rows_refused(lk_journal_take_over(weak, "blind-1", &my_bob, &epoch, &error),
				&error, LK_ERROR_PRIVILEGE, "GRANT PROCESS ON *.*");
	lk_session_close(weak);
	my_must(worker, "GRANT PROCESS ON *.* TO weak@localhost");
	weak = lk_session_open(uri, "blind-1", "journal", &error);
	lk_journal_rows_done(weak && lk_journal_hold(weak, "blind-1", &error), &error);
	lk_journal_rows_refused(lk_journal_take_over(weak, "blind-1", &my_bob, &epoch, &error),
				&error, LK_ERROR_PRIVILEGE, "CONNECTION_ADMIN");
	/* The old keeper was left alone: it is still the one whose epoch counts. */
	lk_journal_rows_done(lk_journal_heartbeat(worker, "blind-1", 1, &error), &error);
	lk_session_close(weak);
	free(uri);
	lk_plan_free(&plan);
	lk_session_close(worker);
}

/* Asked seldom: the list of transactions is renewed only when nobody has looked for 100 ms. */
static void await_lock_wait(struct lk_session *session, const char *sql)
{
	int64_t until = lk_clock_us() + 20000000;
	for (bool waits = false; !waits;) {
		char *value = my_value(session, sql);
		waits = strcmp(value, "1") == 0;
		free(value);
		if (!waits && lk_clock_us() > until)
			fail_msg("never: %s", sql);
		lk_sleep_ms(waits ? 0 : 150);
	}
}

/* A takeover waits for a transaction that has read the epoch: what that commits still counts. */
static void the_fence_holds_until_the_commit(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct my_background taker;
	struct lk_session *worker = my_session_with("wait-1", "wait", &plan),
			  *other = my_keeper_session("other", "journal");
	lk_journal_rows_done(
		lk_begin(worker, &error) && lk_journal_fence(worker, "wait-1", 1, &error), &error);
	my_must(other, "SET SESSION innodb_lock_wait_timeout = 60");
	my_background_start(&taker, other,
			    "UPDATE lockkeeper.epoch SET epoch = epoch + 1 WHERE run = 'wait-1'");
	char *sql = lk_format("SELECT trx_state = 'LOCK WAIT' FROM information_schema.innodb_trx"
			      " WHERE trx_mysql_thread_id = %d",
			      other->id);
	await_lock_wait(worker, sql);
	free(sql);
	/* The heartbeat is another row, and waits for nobody; nor does whoever wants to pause the run. */
	struct lk_session *journal = my_keeper_session("wait-1", "journal");
	my_must(journal, "SET SESSION innodb_lock_wait_timeout = 1");
	lk_journal_rows_done(lk_journal_heartbeat(journal, "wait-1", 1, &error), &error);
	struct lk_journal_cursor cursor = {.rows_done = 1};
	lk_journal_rows_done(lk_journal_set_cursor(worker, "wait-1", 1, &cursor, &error), &error);
	lk_journal_rows_done(lk_journal_set_wanted(journal, "wait-1", "paused", &error), &error);
	lk_journal_rows_done(lk_journal_set_step(worker, "wait-1", 1, "done", "", &error) &&
				     lk_commit(worker, &error),
			     &error);
	my_background_end(&taker);
	lk_journal_rows_done(taker.done, &taker.error);
	lk_journal_rows_done(lk_begin(worker, &error), &error);
	lk_journal_rows_refused(lk_journal_fence(worker, "wait-1", 1, &error), &error,
				LK_ERROR_FENCED, "epoch 2");
	lk_rollback(worker);
	lk_plan_free(&plan);
	lk_session_close(journal);
	lk_session_close(worker);
	lk_session_close(other);
}

static void *guard(void *argument)
{
	struct installer *i = argument;
	i->done = lk_journal_guard(i->session, "guard-1", 1, &i->error);
	return NULL;
}

static void waiting_for_the_guard_can_be_cancelled(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_session *worker = my_session_with("guard-1", "guard", &plan),
			  *control = my_keeper_session("guard-1", "control");
	struct installer waiter = {.session = my_keeper_session("guard-1", "worker")};
	lk_journal_rows_done(lk_journal_guard(worker, "guard-1", 1, &error), &error);
	assert_int_equal(pthread_create(&waiter.thread, NULL, guard, &waiter), 0);
	/* It waits indeed: a KILL QUERY that comes before is lost. */
	char *waits = lk_format("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d"
				" AND state = 'User lock'",
				waiter.session->id);
	assert_true(lk_test_my_wait(my_journal_server, waits, 30));
	free(waits);
	assert_true(lk_session_cancel_begin(waiter.session));
	lk_journal_rows_done(lk_session_cancel_finish(waiter.session, control, &error), &error);
	pthread_join(waiter.thread, NULL);
	assert_false(waiter.done);
	assert_int_equal(waiter.error.class, LK_ERROR_CANCELLED);
	lk_journal_unguard(worker, "guard-1");
	lk_journal_rows_done(lk_journal_guard(waiter.session, "guard-1", 1, &error), &error);
	lk_session_close(waiter.session);
	lk_session_close(control);
	lk_session_close(worker);
	lk_plan_free(&plan);
}

static void a_missing_privilege_is_named_with_its_grant(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	bool installed = true;
	struct lk_session *session = my_session_with("grant-1", "grant", &plan);
	my_must(session, "CREATE USER poor@localhost");
	my_must(session, "GRANT ALL ON test.* TO poor@localhost");
	char *uri = lk_test_my_uri(my_journal_server, "poor", NULL);
	struct lk_session *poor = my_session_of(uri, "verb");
	free(uri);
	/* It sees nothing of the journal that is there, and may not make one. */
	lk_journal_rows_done(lk_journal_installed(poor, &installed, &error), &error);
	assert_false(installed);
	lk_journal_rows_refused(lk_journal_install(poor, &error), &error, LK_ERROR_PRIVILEGE,
				"GRANT ALL PRIVILEGES ON lockkeeper.* TO 'poor'@'localhost'");
	lk_session_close(poor);
	lk_plan_free(&plan);
	lk_session_close(session);
}

/* It goes through the binary log like everything else, so a run can go on where the primary was lost. */
static void a_promoted_replica_has_the_journal(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_run run;
	struct lk_journal_cursor cursor;
	static const char *const key[] = {"4711"};
	const struct lk_journal_cursor reached = {.key = (char **)key, .count = 1, .rows_done = 9};
	int64_t epoch = 0;
	my_need(my_journal_server);
	struct lk_test_my *before = my_journal_server, *primary = lk_test_my_start_primary(NULL);
	struct lk_test_my *replica = lk_test_my_start_replica(primary, NULL);
	my_journal_server = primary;
	struct lk_session *session = my_session_with("moved-1", "moved", &plan);
	lk_journal_rows_done(lk_journal_set_cursor(session, "moved-1", 1, &reached, &error),
			     &error);
	lk_journal_rows_done(lk_journal_cleanup(session, "moved-1", 1, "DROP a", &error), &error);
	lk_test_my_catch_up(primary, replica);
	lk_test_my_kill(primary);
	lk_session_close(session);
	lk_test_my_sql(replica, "STOP REPLICA");
	lk_test_my_sql(replica, "SET GLOBAL read_only = 0");
	my_journal_server = replica;
	session = my_keeper_session("moved-1", "journal");
	lk_journal_rows_done(lk_journal_get(session, "moved-1", &run, &error), &error);
	assert_string_equal(run.holder, "alice@bastion-1, process 4410");
	lk_journal_rows_done(lk_journal_hold(session, "moved-1", &error), &error);
	lk_journal_rows_done(lk_journal_take_over(session, "moved-1", &my_bob, &epoch, &error),
			     &error);
	assert_int_equal(epoch, 2);
	lk_journal_rows_done(lk_journal_cursor(session, "moved-1", 1, 1, &cursor, &error), &error);
	assert_string_equal(cursor.key[0], "4711");
	lk_journal_cursor_free(&cursor);
	lk_plan_free(&plan);
	lk_session_close(session);
	my_journal_server = before;
	lk_test_my_stop(replica);
	lk_test_my_stop(primary);
}

/* The last but one: it drops the journal. */
static void the_journal_goes_only_when_nothing_needs_it(void **state)
{
	(void)state;
	struct lk_error error;
	bool installed = true;
	struct lk_plan plan;
	struct lk_session *session = my_session_with("drop-1", "drop", &plan);
	lk_journal_rows_refused(lk_journal_drop(session, &error), &error, LK_ERROR_REFUSED,
				"runs are left in it");
	my_must(session, "DELETE FROM lockkeeper.run");
	my_must(session, "CREATE TABLE needs (a INT)");
	my_must(session,
		"CREATE TRIGGER lockkeeper_needs_ins BEFORE INSERT ON needs FOR EACH ROW SET NEW.a = 1");
	lk_journal_rows_refused(lk_journal_drop(session, &error), &error, LK_ERROR_REFUSED,
				"triggers of a dual write");
	my_must(session, "DROP TRIGGER lockkeeper_needs_ins");
	lk_journal_rows_done(lk_journal_drop(session, &error), &error);
	lk_journal_rows_done(lk_journal_installed(session, &installed, &error), &error);
	assert_false(installed);
	my_expect(session, "SELECT IS_FREE_LOCK('lockkeeper.journal')", "1");
	lk_journal_rows_done(lk_journal_install(session, &error), &error);
	lk_plan_free(&plan);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_may_install_at_once),
		cmocka_unit_test(a_half_made_journal_is_made_whole),
		cmocka_unit_test(a_plan_has_one_unfinished_run),
		cmocka_unit_test(of_two_that_begin_at_once_one_does),
		cmocka_unit_test(one_holds_it_and_a_takeover_ends_and_fences_the_other),
		cmocka_unit_test(a_takeover_ends_a_session_in_the_middle_of_its_work),
		cmocka_unit_test(a_takeover_needs_to_see_and_to_end_sessions),
		cmocka_unit_test(the_fence_holds_until_the_commit),
		cmocka_unit_test(waiting_for_the_guard_can_be_cancelled),
		cmocka_unit_test(a_missing_privilege_is_named_with_its_grant),
		cmocka_unit_test(the_journal_goes_only_when_nothing_needs_it),
	};
	const struct CMUnitTest moves[] = {cmocka_unit_test(a_promoted_replica_has_the_journal)};
	int failed = my_run_tests(tests, my_journal_odd, my_journal_stop);
	failed += my_run_tests(moves, my_journal_odd, my_journal_stop);
	return failed + my_run_tests(tests, my_journal_statements, my_journal_stop);
}
