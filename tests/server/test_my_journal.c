/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal on MySQL and MariaDB: one holder a run, a fence that keeps replaced keepers out, and what it
 * remembers. The server's defaults are odd on purpose: the journal must not depend on them.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "journal/journal.h"
#include "plan/file.h"
#include "tests/server/my_sessions.h"

static struct lk_test_my *server;
static const struct lk_journal_holder alice = {"alice", "bastion-1", 4410},
				      bob = {"bob", "bastion-2", 815};

static int start_odd_server(void **state)
{
	static const char *const odd[] = {"--character-set-server=latin1",
					  "--collation-server=latin1_swedish_ci",
					  "--default-time-zone=+05:30",
					  "--sql-mode=ANSI_QUOTES,PIPES_AS_CONCAT,IGNORE_SPACE,"
					  "NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE",
					  NULL};
	(void)state;
	server = lk_test_my_start(odd);
	return 0;
}

/* A binary log of statements, which InnoDB does not write at READ COMMITTED. */
static int start_statement_server(void **state)
{
	static const char *const oracle[] = {"--log-bin=binlog", "--server-id=1",
					     "--binlog-format=STATEMENT",
					     "--sql-mode=ORACLE,EMPTY_STRING_IS_NULL", NULL};
	static const char *const ansi[] = {"--log-bin=binlog", "--server-id=1",
					   "--binlog-format=STATEMENT", "--sql-mode=ANSI", NULL};
	(void)state;
	server = lk_test_my_start(my_is_mariadb() ? oracle : ansi);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

/* A session that calls itself as a keeper's of this run. */
static struct lk_session *keeper_session(const char *run, const char *role)
{
	struct lk_error error;
	my_need(server);
	char *uri = lk_test_my_uri(server, "root", NULL);
	struct lk_session *session = lk_session_open(uri, run, role, &error);
	if (!session)
		fail_msg("%s", error.text);
	free(uri);
	return session;
}

static void make_plan(const char *name, const char *more, struct lk_plan *plan)
{
	struct lk_problems problems = {0};
	char *yaml = lk_format(
		"plan: %s\nwhy: \"a reason with \\\"quotes\\\" and \\\\ and 漢\"\nsteps:\n"
		"  expand:\n    - ddl: \"SELECT 1\"\n      undo: \"SELECT 2\"\n"
		"    - gate: {name: look, ask: \"all well?\", by: two_people}\n%s",
		name, more);
	if (!lk_plan_parse("test.yaml", yaml, strlen(yaml), plan, &problems))
		fail_msg("%s\n%s", lk_problems_text(&problems), yaml);
	lk_problems_free(&problems);
	lk_plan_complete(plan);
	free(yaml);
}

static void must(bool done, const struct lk_error *error)
{
	if (!done)
		fail_msg("%s", error->text);
}

static void must_refuse(bool done, const struct lk_error *error, enum lk_error_class class,
			const char *words)
{
	if (done)
		fail_msg("it was done, not refused with \"%s\"", words);
	if (error->class != class)
		fail_msg("%s: %s", lk_error_class_name(error->class), error->text);
	assert_contains(error->text, words);
}

/* A session with the journal there and a run in it. */
static struct lk_session *session_with(const char *run, const char *plan_name, struct lk_plan *plan)
{
	struct lk_error error;
	struct lk_session *session = keeper_session(run, "worker");
	must(lk_journal_install(session, &error), &error);
	make_plan(plan_name, "", plan);
	must(lk_journal_create(session, run, plan, &alice, &error), &error);
	return session;
}

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
	struct lk_session *session = keeper_session("-", "verb");
	must(lk_journal_installed(session, &installed, &error), &error);
	assert_false(installed);
	memset(installers, 0, sizeof installers);
	for (int i = 0; i < 8; i++)
		installers[i].session = keeper_session("-", "worker");
	for (int i = 0; i < 8; i++)
		assert_int_equal(
			pthread_create(&installers[i].thread, NULL, install, &installers[i]), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(installers[i].thread, NULL);
		must(installers[i].done, &installers[i].error);
		lk_session_close(installers[i].session);
	}
	must(lk_journal_installed(session, &installed, &error), &error);
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
	struct lk_session *session = keeper_session("-", "worker");
	must(lk_journal_install(session, &error), &error);
	my_must(session, "DROP TABLE lockkeeper.cleanup, lockkeeper.event, lockkeeper.part");
	must(lk_journal_installed(session, &installed, &error), &error);
	assert_false(installed);
	must(lk_journal_install(session, &error), &error);
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
	struct lk_session *session = session_with("once-1", "once", &plan);
	must_refuse(lk_journal_create(session, "once-2", &plan, &bob, &error), &error,
		    LK_ERROR_REFUSED, "once-1");
	must(lk_journal_find(session, "once", &found, &run, &error), &error);
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
	must(lk_journal_set_state(session, "once-1", "undone", "", &error), &error);
	/* Of a run that is over nothing changes any more. */
	must(lk_journal_set_state(session, "once-1", "running", "late", &error), &error);
	must(lk_journal_find(session, "once", &found, &run, &error), &error);
	assert_false(found);
	must(lk_journal_create(session, "once-2", &plan, &bob, &error), &error);
	must(lk_journal_get(session, "once", &run, &error), &error);
	assert_string_equal(run.name, "once-2");
	must(lk_journal_get(session, "once-1", &run, &error), &error);
	assert_string_equal(run.state, "undone");
	must_refuse(lk_journal_get(session, "never", &run, &error), &error, LK_ERROR_USAGE,
		    "no run \"never\"");
	must(lk_journal_list(session, &runs, &count, &error), &error);
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
	b->done = lk_journal_create(b->session, b->run, b->plan, &alice, &b->error);
	return NULL;
}

static void of_two_that_begin_at_once_one_does(void **state)
{
	(void)state;
	enum { MANY = 6 };
	struct beginner beginners[MANY];
	struct lk_plan plan;
	int done = 0;
	make_plan("race", "", &plan);
	memset(beginners, 0, sizeof beginners);
	for (int i = 0; i < MANY; i++) {
		beginners[i].session = keeper_session("-", "worker");
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
			must_refuse(false, &beginners[i].error, LK_ERROR_REFUSED,
				    "has an unfinished run already, race-");
		lk_session_close(beginners[i].session);
	}
	assert_int_equal(done, 1);
	lk_plan_free(&plan);
}

static void the_plan_comes_back_as_it_was(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan, back = {0};
	char before[65], after[65];
	struct lk_journal_step *steps;
	struct lk_session *session = session_with("back-1", "back", &plan);
	must(lk_journal_load(session, "back-1", &back, &error), &error);
	lk_plan_digest(&plan, before);
	lk_plan_digest(&back, after);
	assert_string_equal(before, after);
	assert_string_equal(back.why, plan.why);
	assert_int_equal(back.step_count, plan.step_count);
	must(lk_journal_set_step(session, "back-1", 1, "running", NULL, &error), &error);
	must(lk_journal_set_step(session, "back-1", 1, "failed", "it's \"odd\" \\ 漢", &error),
	     &error);
	/* NULL leaves the note, "" empties it. */
	must(lk_journal_set_step(session, "back-1", 1, "failed", NULL, &error), &error);
	steps = lk_alloc(plan.step_count * sizeof *steps);
	must(lk_journal_steps(session, "back-1", plan.step_count, steps, &error), &error);
	assert_string_equal(steps[0].state, "pending");
	assert_int_equal(steps[0].started, 0);
	assert_string_equal(steps[1].state, "failed");
	assert_string_equal(steps[1].note, "it's \"odd\" \\ 漢");
	assert_true(steps[1].started > 0 && steps[1].ended >= steps[1].started);
	assert_true(llabs((long long)(steps[1].ended - lk_wall_ms())) < 60000);
	must(lk_journal_set_step(session, "back-1", 1, "running", "", &error), &error);
	must(lk_journal_steps(session, "back-1", plan.step_count, steps, &error), &error);
	assert_string_equal(steps[1].note, "");
	assert_int_equal(steps[1].ended, 0);
	free(steps);
	lk_plan_free(&plan);
	lk_plan_free(&back);
	lk_session_close(session);
}

static void a_mended_plan_takes_the_place_of_the_rest(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan, mended, other, back = {0};
	struct lk_journal_cursor cursor = {.rows_done = 7};
	struct lk_journal_run run;
	struct lk_session *session = session_with("mend-1", "mend", &plan);
	make_plan("mend", "    - ddl: \"SELECT 3\"\n      undo: \"SELECT 4\"\n", &mended);
	make_plan("taken", "", &other);
	must(lk_journal_create(session, "taken-1", &other, &bob, &error), &error);
	must(lk_journal_set_step(session, "mend-1", 0, "done", "", &error), &error);
	must(lk_journal_set_cursor(session, "mend-1", 1, &cursor, &error), &error);
	must(lk_journal_set_wanted(session, "mend-1", "stopped", &error), &error);
	must(lk_begin(session, &error) &&
		     lk_journal_replace(session, "mend-1", &mended, 1, &error) &&
		     lk_commit(session, &error),
	     &error);
	must(lk_journal_load(session, "mend-1", &back, &error), &error);
	assert_int_equal(back.step_count, mended.step_count);
	must(lk_journal_get(session, "mend-1", &run, &error), &error);
	assert_string_equal(run.wanted, "running");
	assert_int_equal(run.steps, mended.step_count);
	assert_int_equal(run.steps_done, 1);
	my_expect(session, "SELECT COUNT(*) FROM lockkeeper.cursor WHERE run = 'mend-1'", "0");
	/* Its name may not become that of a plan which has another run. */
	must(lk_begin(session, &error), &error);
	must_refuse(lk_journal_replace(session, "mend-1", &other, 0, &error), &error,
		    LK_ERROR_REFUSED, "taken-1");
	lk_rollback(session);
	lk_plan_free(&plan);
	lk_plan_free(&mended);
	lk_plan_free(&other);
	lk_plan_free(&back);
	lk_session_close(session);
}

static void one_holds_it_and_a_takeover_ends_and_fences_the_other(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	int64_t epoch = 0;
	struct lk_session *worker = session_with("held-1", "held", &plan),
			  *old = keeper_session("held-1", "journal");
	struct lk_session *new = keeper_session("held-1", "journal"),
			  *other = keeper_session("held-10", "worker");
	must(lk_journal_hold(old, "held-1", &error), &error);
	must(lk_journal_heartbeat(old, "held-1", 1, &error), &error);
	must_refuse(lk_journal_hold(new, "held-1", &error), &error, LK_ERROR_REFUSED,
		    "alice@bastion-1 (process 4410");
	/* The old keeper is in the middle of a chunk when its journal session breaks. */
	my_must(worker, "CREATE TABLE held (id INT PRIMARY KEY) ENGINE=InnoDB");
	must(lk_begin(worker, &error) && lk_journal_fence(worker, "held-1", 1, &error) &&
		     lk_execute(worker, "INSERT INTO held VALUES (1)", &error),
	     &error);
	lk_session_close(old);
	assert_true(lk_test_my_wait(server, "SELECT IS_FREE_LOCK('lockkeeper.hold:held-1')", 10));
	must(lk_journal_hold(new, "held-1", &error), &error);
	must(lk_journal_take_over(new, "held-1", &bob, &epoch, &error), &error);
	assert_int_equal(epoch, 2);
	/* By now the old transaction is no more, nor are its locks. */
	my_must(new, "INSERT INTO held VALUES (1)");
	assert_false(lk_commit(worker, &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(worker);
	/* Only the run's own sessions are ended. */
	my_must(other, "DO 1");
	/* One that comes back does not get past the fence, the heartbeat or the guard. */
	worker = keeper_session("held-1", "worker");
	must(lk_begin(worker, &error), &error);
	must_refuse(lk_journal_fence(worker, "held-1", 1, &error), &error, LK_ERROR_FENCED,
		    "epoch 2, ours was 1");
	lk_rollback(worker);
	assert_false(lk_journal_heartbeat(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	assert_false(lk_journal_guard(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	my_expect(worker, "SELECT IS_FREE_LOCK('lockkeeper.guard:held-1')", "1");
	must(lk_journal_guard(worker, "held-1", 2, &error), &error);
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
	struct lk_session *worker = session_with("busy-1", "busy", &plan),
			  *waiting = keeper_session("busy-1", "control"),
			  *new = keeper_session("busy-1", "journal");
	must(lk_journal_guard(worker, "busy-1", 1, &error), &error);
	my_background_start(&work, worker, "SELECT SLEEP(300)");
	my_await_statement(server, worker->id, "SLEEP");
	must(lk_journal_hold(new, "busy-1", &error), &error);
	must(lk_journal_take_over(new, "busy-1", &bob, &epoch, &error), &error);
	my_background_end(&work);
	assert_false(work.done);
	assert_int_equal(work.error.class, LK_ERROR_LOST);
	assert_false(lk_execute(waiting, "DO 1", &error));
	/* What it guarded is free. */
	must(lk_journal_guard(new, "busy-1", 2, &error), &error);
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
	struct lk_session *worker = session_with("blind-1", "blind", &plan);
	my_must(worker, "CREATE USER weak@localhost");
	my_must(worker, "GRANT ALL ON lockkeeper.* TO weak@localhost");
	char *uri = lk_test_my_uri(server, "weak", NULL);
	char *at = strstr(uri, "/test?");
	memmove(at + 1, at + 5, strlen(at + 5) + 1);
	struct lk_session *weak = lk_session_open(uri, "blind-1", "journal", &error);
	if (!weak)
		fail_msg("%s: %s", uri, error.text);
	must(lk_journal_hold(weak, "blind-1", &error), &error);
	must_refuse(lk_journal_take_over(weak, "blind-1", &bob, &epoch, &error), &error,
		    LK_ERROR_PRIVILEGE, "GRANT PROCESS ON *.*");
	lk_session_close(weak);
	my_must(worker, "GRANT PROCESS ON *.* TO weak@localhost");
	weak = lk_session_open(uri, "blind-1", "journal", &error);
	must(weak && lk_journal_hold(weak, "blind-1", &error), &error);
	must_refuse(lk_journal_take_over(weak, "blind-1", &bob, &epoch, &error), &error,
		    LK_ERROR_PRIVILEGE, "CONNECTION_ADMIN");
	/* The old keeper was left alone: it is still the one whose epoch counts. */
	must(lk_journal_heartbeat(worker, "blind-1", 1, &error), &error);
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
	struct lk_session *worker = session_with("wait-1", "wait", &plan),
			  *other = keeper_session("other", "journal");
	must(lk_begin(worker, &error) && lk_journal_fence(worker, "wait-1", 1, &error), &error);
	my_must(other, "SET SESSION innodb_lock_wait_timeout = 60");
	my_background_start(&taker, other,
			    "UPDATE lockkeeper.epoch SET epoch = epoch + 1 WHERE run = 'wait-1'");
	char *sql = lk_format("SELECT trx_state = 'LOCK WAIT' FROM information_schema.innodb_trx"
			      " WHERE trx_mysql_thread_id = %d",
			      other->id);
	await_lock_wait(worker, sql);
	free(sql);
	/* The heartbeat is another row, and waits for nobody; nor does whoever wants to pause the run. */
	struct lk_session *journal = keeper_session("wait-1", "journal");
	my_must(journal, "SET SESSION innodb_lock_wait_timeout = 1");
	must(lk_journal_heartbeat(journal, "wait-1", 1, &error), &error);
	struct lk_journal_cursor cursor = {.rows_done = 1};
	must(lk_journal_set_cursor(worker, "wait-1", 1, &cursor, &error), &error);
	must(lk_journal_set_wanted(journal, "wait-1", "paused", &error), &error);
	must(lk_journal_set_step(worker, "wait-1", 1, "done", "", &error) &&
		     lk_commit(worker, &error),
	     &error);
	my_background_end(&taker);
	must(taker.done, &taker.error);
	must(lk_begin(worker, &error), &error);
	must_refuse(lk_journal_fence(worker, "wait-1", 1, &error), &error, LK_ERROR_FENCED,
		    "epoch 2");
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
	struct lk_session *worker = session_with("guard-1", "guard", &plan),
			  *control = keeper_session("guard-1", "control");
	struct installer waiter = {.session = keeper_session("guard-1", "worker")};
	must(lk_journal_guard(worker, "guard-1", 1, &error), &error);
	assert_int_equal(pthread_create(&waiter.thread, NULL, guard, &waiter), 0);
	my_await_statement(server, waiter.session->id, "GET_LOCK");
	assert_true(lk_session_cancel_begin(waiter.session));
	must(lk_session_cancel_finish(waiter.session, control, &error), &error);
	pthread_join(waiter.thread, NULL);
	assert_false(waiter.done);
	assert_int_equal(waiter.error.class, LK_ERROR_CANCELLED);
	lk_journal_unguard(worker, "guard-1");
	must(lk_journal_guard(waiter.session, "guard-1", 1, &error), &error);
	lk_session_close(waiter.session);
	lk_session_close(control);
	lk_session_close(worker);
	lk_plan_free(&plan);
}

static void a_cursor_keeps_any_key(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	static const char *const keys[][2] = {
		{"1", ""},
		{"-5", "a,b"},
		{"NULL", "[]"},
		{"\"", "\\"},
		{"x\"y\\z", "'"},
		{" ", "\t\n"},
		{"18446744073709551615", "2026-11-22 10:00:00.000001"},
		{"имя 漢 🙂", "\\\\\"\""}};
	struct lk_journal_cursor back;
	struct lk_session *session = session_with("cursor-1", "cursor", &plan);
	must(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_null(back.key);
	assert_int_equal(back.rows_done, 0);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct lk_journal_cursor cursor = {.key = (char **)keys[i],
						   .count = 2,
						   .rows_done = 10000000000 + (int64_t)i,
						   .rows_changed = 3,
						   .chunks = 4,
						   .finished = i % 2};
		must(lk_journal_set_cursor(session, "cursor-1", 1, &cursor, &error), &error);
		must(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
		assert_string_equal(back.key[0], keys[i][0]);
		assert_string_equal(back.key[1], keys[i][1]);
		assert_int_equal(back.rows_done, cursor.rows_done);
		assert_int_equal(back.rows_changed, 3);
		assert_int_equal(back.chunks, 4);
		assert_int_equal(back.finished, cursor.finished);
		lk_journal_cursor_free(&back);
	}
	/* Without a key the one that is there stays. */
	struct lk_journal_cursor keyless = {.rows_done = 1, .finished = true};
	must(lk_journal_set_cursor(session, "cursor-1", 1, &keyless, &error), &error);
	must(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_string_equal(back.key[0], "имя 漢 🙂");
	lk_journal_cursor_free(&back);
	/* One of another number of columns is no key of this table. */
	must_refuse(lk_journal_cursor(session, "cursor-1", 1, 3, &back, &error), &error,
		    LK_ERROR_REFUSED, "not a key of 3 columns");
	/* Bytes that are no text are refused and not cut. */
	static const char *const bytes[] = {"\xff\xfe", "x"};
	struct lk_journal_cursor binary = {.key = (char **)bytes, .count = 2};
	must_refuse(lk_journal_set_cursor(session, "cursor-1", 1, &binary, &error), &error,
		    LK_ERROR_REFUSED, "HEX()");
	must(lk_journal_forget_cursor(session, "cursor-1", 1, &error), &error);
	must(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_null(back.key);
	lk_plan_free(&plan);
	lk_session_close(session);
}

static void parts_and_rows_left_out(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	int64_t count = -1;
	static const char *const key[] = {"17"}, *const columns[] = {"id", "na\"me"},
				 *const types[] = {"bigint", "varchar(10)"},
				 *const values[] = {"7", "it's \\ 漢"};
	struct lk_journal_cursor part = {.key = (char **)key,
					 .count = 1,
					 .rows_done = 5,
					 .part = 4294967296,
					 .part_finished = true};
	struct lk_journal_cursor back = {.part = 4294967296, .count = 1};
	const struct lk_journal_reject reject = {
		.relation = "test.users",
		.columns = (char *const *)columns,
		.types = (char *const *)types,
		.values = (char *const *)values,
		.count = 2,
		.sqlstate = "22001",
		.message = "Data too long for column 'x' at row 1",
	};
	struct lk_session *session = session_with("parts-1", "parts", &plan);
	must(lk_journal_part(session, "parts-1", 1, &back, &error), &error);
	assert_null(back.key);
	assert_false(back.part_finished);
	back.count = 1;
	must(lk_journal_set_cursor(session, "parts-1", 1, &part, &error), &error);
	must(lk_journal_set_cursor(session, "parts-1", 1, &part, &error), &error);
	must(lk_journal_part(session, "parts-1", 1, &back, &error), &error);
	assert_true(back.part_finished);
	assert_string_equal(back.key[0], "17");
	lk_journal_cursor_free(&back);
	/* The key of a part is not one of the table's own rows. */
	must(lk_journal_cursor(session, "parts-1", 1, 1, &back, &error), &error);
	assert_null(back.key);
	assert_int_equal(back.rows_done, 5);
	must(lk_journal_reject(session, "parts-1", 1, &reject, &error), &error);
	must(lk_journal_reject(session, "parts-1", 1, &reject, &error), &error);
	must(lk_journal_rejects(session, "parts-1", 1, &count, &error), &error);
	assert_int_equal(count, 2);
	my_expect(session,
		  "SELECT JSON_UNQUOTE(JSON_EXTRACT(`key`, '$.id')) FROM lockkeeper.reject"
		  " WHERE run = 'parts-1' LIMIT 1",
		  "7");
	must_refuse(lk_journal_forget(session, "parts-1", true, &error), &error, LK_ERROR_REFUSED,
		    "it is not over");
	must(lk_journal_set_state(session, "parts-1", "done", "", &error), &error);
	must_refuse(lk_journal_forget(session, "parts-1", true, &error), &error, LK_ERROR_REFUSED,
		    "left 2 rows out");
	must(lk_journal_forget_cursor(session, "parts-1", 1, &error), &error);
	must(lk_journal_rejects(session, "parts-1", 1, &count, &error), &error);
	assert_int_equal(count, 0);
	my_expect(session, "SELECT COUNT(*) FROM lockkeeper.part WHERE run = 'parts-1'", "0");
	lk_plan_free(&plan);
	lk_session_close(session);
}

static void wishes_answers_and_events(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_approval *approvals,
		answer = {.gate = "look", .who = "o'hara", .origin = ""};
	struct lk_journal_answer *answers;
	struct lk_journal_event *events;
	struct lk_journal_run run;
	char digest[65], wanted[16];
	size_t count;
	struct lk_session *session = session_with("wishes-1", "wishes", &plan);
	lk_plan_digest(&plan, digest);
	must(lk_journal_set_wanted(session, "wishes-1", "paused", &error), &error);
	assert_false(lk_journal_set_wanted(session, "wishes-1", "nonsense", &error));
	must(lk_journal_approve(session, "wishes-1", digest, &answer, &error), &error);
	LK_COPY(answer.origin, "again");
	must(lk_journal_approve(session, "wishes-1", digest, &answer, &error), &error);
	/* An answer to another version of the plan is none. */
	must(lk_journal_approve(session, "wishes-1", "another digest", &answer, &error), &error);
	must(lk_journal_poll(session, "wishes-1", digest, wanted, &approvals, &count, &error),
	     &error);
	assert_string_equal(wanted, "paused");
	assert_int_equal(count, 1);
	assert_string_equal(approvals[0].who, "o'hara");
	assert_string_equal(approvals[0].origin, "");
	assert_true(llabs((long long)(approvals[0].at - lk_wall_ms())) < 60000);
	free(approvals);
	must(lk_journal_answers(session, "wishes-1", &answers, &count, &error), &error);
	assert_int_equal(count, 2);
	assert_string_equal(answers[1].digest, "another digest");
	free(answers);
	for (int64_t n = 1; n <= 3; n++)
		must(lk_journal_event(session, "wishes-1", n, 1764000000123,
				      (const char *[]){"note", "alice", "x'y\\z"}, &error),
		     &error);
	/* The same again, after a commit of which nobody heard. */
	must(lk_journal_event(session, "wishes-1", 3, 1764000000123,
			      (const char *[]){"note", "alice", "again"}, &error),
	     &error);
	must(lk_journal_event(session, "wishes-1", 4, 1764000000123,
			      (const char *[]){"note", "", ""}, &error),
	     &error);
	must(lk_journal_events(session, "wishes-1", &events, &count, &error), &error);
	assert_int_equal(count, 4);
	assert_string_equal(events[2].text, "x'y\\z");
	assert_int_equal(events[2].at, 1764000000123);
	free(events);
	must(lk_journal_set_backward(session, "wishes-1", &error), &error);
	must(lk_journal_get(session, "wishes-1", &run, &error), &error);
	assert_int_equal(run.last_event, 4);
	assert_true(run.backward);
	lk_plan_free(&plan);
	lk_session_close(session);
}

/* What is written goes into the binary log as a statement that means the same on a replica. */
static void nothing_is_unsafe_in_a_log_of_statements(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	static const char *const key[] = {"17"};
	const struct lk_journal_cursor cursor = {.key = (char **)key, .count = 1, .part = 3};
	const struct lk_journal_approval answer = {.gate = "look", .who = "o'hara"};
	struct lk_session *session = session_with("safe-1", "safe", &plan);
	for (int round = 0; round < 2; round++) {
		must(lk_journal_set_cursor(session, "safe-1", 1, &cursor, &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		must(lk_journal_approve(session, "safe-1", "digest", &answer, &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		must(lk_journal_event(session, "safe-1", 1, 1764000000123,
				      (const char *[]){"note", "alice", "text"}, &error),
		     &error);
		my_expect(session, "SELECT @@warning_count", "0");
		must(lk_journal_cleanup(session, "safe-1", 1, "DROP a", &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		must(lk_journal_set_step(session, "safe-1", 1, "running", "x", &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		must(lk_journal_heartbeat(session, "safe-1", 1, &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
	}
	lk_plan_free(&plan);
	lk_session_close(session);
}

/* What a person does without our program: a connection as the server's own client opens it. */
static void by_the_clients_own_hand(const char *sql)
{
	MYSQL *mysql = lk_test_my_connect(server);
	if (mysql_query(mysql, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(mysql));
	do {
		MYSQL_RES *rows = mysql_store_result(mysql);
		if (rows)
			mysql_free_result(rows);
	} while (mysql_next_result(mysql) == 0);
	assert_string_equal(mysql_error(mysql), "");
	mysql_close(mysql);
}

static void clean_up_and_a_pause_by_hand(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_run run;
	char *sql;
	struct lk_session *session = session_with("hand-1", "hand", &plan);
	must(lk_journal_cleanup(session, "hand-1", 1, "DROP a", &error), &error);
	must(lk_journal_cleanup(session, "hand-1", 1, "DROP TABLE IF EXISTS `le'ft \\ 1`", &error),
	     &error);
	must(lk_journal_cleanup(session, "hand-1", 2, "DROP TRIGGER IF EXISTS left_2", &error),
	     &error);
	must(lk_journal_cleanup_sql(session, "hand-1", &sql, &error), &error);
	assert_string_equal(sql,
			    "DROP TRIGGER IF EXISTS left_2;\nDROP TABLE IF EXISTS `le'ft \\ 1`");
	my_must(session, "CREATE TABLE `le'ft \\ 1` (a INT)");
	by_the_clients_own_hand(sql);
	free(sql);
	my_expect(session,
		  "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'test'"
		  " AND LEFT(table_name, 4) = 'le''f'",
		  "0");
	by_the_clients_own_hand(
		"UPDATE lockkeeper.run SET wanted = 'paused' WHERE name = 'hand-1'");
	must(lk_journal_get(session, "hand-1", &run, &error), &error);
	assert_string_equal(run.wanted, "paused");
	must(lk_journal_set_state(session, "hand-1", "undone", "", &error), &error);
	must_refuse(lk_journal_forget(session, "hand-1", false, &error), &error, LK_ERROR_REFUSED,
		    "clean-up SQL may still be needed");
	must(lk_journal_cleanup(session, "hand-1", 2, NULL, &error), &error);
	my_expect(session, "SELECT step FROM lockkeeper.cleanup WHERE run = 'hand-1'", "1");
	must(lk_journal_cleanup(session, "hand-1", -1, NULL, &error), &error);
	/* A keeper that has not ended yet still writes. */
	struct lk_session *journal = keeper_session("hand-1", "journal");
	must(lk_journal_hold(journal, "hand-1", &error), &error);
	must_refuse(lk_journal_forget(session, "hand-1", false, &error), &error, LK_ERROR_REFUSED,
		    "its keeper has not ended yet");
	lk_session_close(journal);
	assert_true(lk_test_my_wait(server, "SELECT IS_FREE_LOCK('lockkeeper.hold:hand-1')", 10));
	must(lk_journal_forget(session, "hand-1", true, &error), &error);
	must(lk_journal_get(session, "hand-1", &run, &error), &error);
	must(lk_journal_forget(session, "hand-1", false, &error), &error);
	my_expect(session,
		  "SELECT (SELECT COUNT(*) FROM lockkeeper.step WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.epoch WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.heartbeat WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.run WHERE name = 'hand-1')",
		  "0");
	must_refuse(lk_journal_forget(session, "hand-1", false, &error), &error, LK_ERROR_USAGE,
		    "no run \"hand-1\"");
	lk_plan_free(&plan);
	lk_session_close(session);
}

static void a_missing_privilege_is_named_with_its_grant(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	bool installed = true;
	struct lk_session *session = session_with("grant-1", "grant", &plan);
	my_must(session, "CREATE USER poor@localhost");
	my_must(session, "GRANT ALL ON test.* TO poor@localhost");
	char *uri = lk_test_my_uri(server, "poor", NULL);
	struct lk_session *poor = my_session_of(uri, "verb");
	free(uri);
	/* It sees nothing of the journal that is there, and may not make one. */
	must(lk_journal_installed(poor, &installed, &error), &error);
	assert_false(installed);
	must_refuse(lk_journal_install(poor, &error), &error, LK_ERROR_PRIVILEGE,
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
	my_need(server);
	struct lk_test_my *before = server, *primary = lk_test_my_start_primary(NULL);
	struct lk_test_my *replica = lk_test_my_start_replica(primary, NULL);
	server = primary;
	struct lk_session *session = session_with("moved-1", "moved", &plan);
	must(lk_journal_set_cursor(session, "moved-1", 1, &reached, &error), &error);
	must(lk_journal_cleanup(session, "moved-1", 1, "DROP a", &error), &error);
	lk_test_my_catch_up(primary, replica);
	lk_test_my_kill(primary);
	lk_session_close(session);
	lk_test_my_sql(replica, "STOP REPLICA");
	lk_test_my_sql(replica, "SET GLOBAL read_only = 0");
	server = replica;
	session = keeper_session("moved-1", "journal");
	must(lk_journal_get(session, "moved-1", &run, &error), &error);
	assert_string_equal(run.holder, "alice@bastion-1, process 4410");
	must(lk_journal_hold(session, "moved-1", &error), &error);
	must(lk_journal_take_over(session, "moved-1", &bob, &epoch, &error), &error);
	assert_int_equal(epoch, 2);
	must(lk_journal_cursor(session, "moved-1", 1, 1, &cursor, &error), &error);
	assert_string_equal(cursor.key[0], "4711");
	lk_journal_cursor_free(&cursor);
	lk_plan_free(&plan);
	lk_session_close(session);
	server = before;
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
	struct lk_session *session = session_with("drop-1", "drop", &plan);
	must_refuse(lk_journal_drop(session, &error), &error, LK_ERROR_REFUSED,
		    "runs are left in it");
	my_must(session, "DELETE FROM lockkeeper.run");
	my_must(session, "CREATE TABLE needs (a INT)");
	my_must(session,
		"CREATE TRIGGER lockkeeper_needs_ins BEFORE INSERT ON needs FOR EACH ROW SET NEW.a = 1");
	must_refuse(lk_journal_drop(session, &error), &error, LK_ERROR_REFUSED,
		    "triggers of a dual write");
	my_must(session, "DROP TRIGGER lockkeeper_needs_ins");
	must(lk_journal_drop(session, &error), &error);
	must(lk_journal_installed(session, &installed, &error), &error);
	assert_false(installed);
	my_expect(session, "SELECT IS_FREE_LOCK('lockkeeper.journal')", "1");
	must(lk_journal_install(session, &error), &error);
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
		cmocka_unit_test(the_plan_comes_back_as_it_was),
		cmocka_unit_test(a_mended_plan_takes_the_place_of_the_rest),
		cmocka_unit_test(one_holds_it_and_a_takeover_ends_and_fences_the_other),
		cmocka_unit_test(a_takeover_ends_a_session_in_the_middle_of_its_work),
		cmocka_unit_test(a_takeover_needs_to_see_and_to_end_sessions),
		cmocka_unit_test(the_fence_holds_until_the_commit),
		cmocka_unit_test(waiting_for_the_guard_can_be_cancelled),
		cmocka_unit_test(a_cursor_keeps_any_key),
		cmocka_unit_test(parts_and_rows_left_out),
		cmocka_unit_test(wishes_answers_and_events),
		cmocka_unit_test(nothing_is_unsafe_in_a_log_of_statements),
		cmocka_unit_test(clean_up_and_a_pause_by_hand),
		cmocka_unit_test(a_missing_privilege_is_named_with_its_grant),
		cmocka_unit_test(the_journal_goes_only_when_nothing_needs_it),
	};
	const struct CMUnitTest moves[] = {cmocka_unit_test(a_promoted_replica_has_the_journal)};
	int failed = my_run_tests(tests, start_odd_server, stop_server);
	failed += my_run_tests(moves, start_odd_server, stop_server);
	return failed + my_run_tests(tests, start_statement_server, stop_server);
}
