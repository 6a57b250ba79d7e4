/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal: one holder a run, a fence that keeps replaced keepers out, and what it remembers. */
#include "tests/control/steps.h"

static struct lk_test_server *server;
static const struct lk_journal_holder alice = {"alice", "bastion-1", 4410},
				      bob = {"bob", "bastion-2", 815};

static int start_server(void **state)
{
	(void)state;
	server = lk_test_server_start(NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	lk_test_server_stop(server);
	return 0;
}

/* A session that calls itself as a keeper's of this run. */
static struct lk_session *keeper_session(const char *run, const char *role)
{
	struct lk_error error;
	char *uri = lk_test_server_uri(server, LK_TEST_PRIMARY);
	struct lk_session *session = lk_session_open(uri, run, role, &error);
	free(uri);
	assert_non_null(session);
	return session;
}

static void make_plan(struct lk_session *session, const char *name, struct lk_plan *plan)
{
	struct lk_error error;
	assert_true(lk_steps_plan(
		session, name,
		"why: \"a reason with \\\"quotes\\\" and \\\\ and 漢\"\nsteps:\n  expand:\n    - ddl: \"SELECT"
		" 1\"\n      undo: \"SELECT 2\"\n    - gate: {name: look, ask: \"all well?\", by: two_people}\n",
		plan, &error));
}

static void must(bool done, const struct lk_error *error)
{
	if (!done)
		fail_msg("%s", error->text);
}

struct installer {
	bool done;
	struct lk_error error;
	pthread_t thread;
};

static void *install(void *argument)
{
	struct installer *i = argument;
	struct lk_session *session = lk_steps_session(server, NULL);
	i->done = lk_journal_install(session, &i->error);
	lk_session_close(session);
	return NULL;
}

static void many_may_install_at_once(void **state)
{
	(void)state;
	struct installer installers[8];
	struct lk_error error;
	bool installed = true;
	struct lk_session *session = lk_steps_session(server, NULL);
	must(lk_journal_installed(session, &installed, &error), &error);
	assert_false(installed);
	memset(installers, 0, sizeof installers);
	for (int i = 0; i < 8; i++)
		assert_int_equal(
			pthread_create(&installers[i].thread, NULL, install, &installers[i]), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(installers[i].thread, NULL);
		must(installers[i].done, &installers[i].error);
	}
	must(lk_journal_installed(session, &installed, &error), &error);
	assert_true(installed);
	lk_session_close(session);
}

static void a_plan_has_one_unfinished_run(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_run run;
	bool found;
	struct lk_session *session = lk_steps_session(server, NULL);
	make_plan(session, "once", &plan);
	must(lk_journal_create(session, "once-1", &plan, &alice, &error), &error);
	assert_false(lk_journal_create(session, "once-2", &plan, &bob, &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_non_null(strstr(error.text, "once-1"));
	must(lk_journal_find(session, "once", &found, &run, &error), &error);
	assert_true(found);
	assert_string_equal(run.name, "once-1");
	assert_string_equal(run.holder, "alice@bastion-1, process 4410");
	assert_int_equal(run.epoch, 1);
	assert_false(run.backward);
	must(lk_journal_set_state(session, "once-1", "undone", "", &error), &error);
	must(lk_journal_find(session, "once", &found, &run, &error), &error);
	assert_false(found);
	must(lk_journal_create(session, "once-2", &plan, &bob, &error), &error);
	must(lk_journal_get(session, "once", &run, &error), &error);
	assert_string_equal(run.name, "once-2");
	assert_false(lk_journal_get(session, "never", &run, &error));
	assert_int_equal(error.class, LK_ERROR_USAGE);
	lk_plan_free(&plan);
	lk_session_close(session);
}

static void the_plan_comes_back_as_it_was(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan, back = {0};
	char before[65], after[65];
	struct lk_journal_step *steps;
	struct lk_session *session = lk_steps_session(server, NULL);
	make_plan(session, "back", &plan);
	must(lk_journal_create(session, "back-1", &plan, &alice, &error), &error);
	must(lk_journal_load(session, "back-1", &back, &error), &error);
	lk_plan_digest(&plan, before);
	lk_plan_digest(&back, after);
	assert_string_equal(before, after);
	assert_string_equal(back.why, plan.why);
	assert_int_equal(back.step_count, plan.step_count);
	must(lk_journal_set_step(session, "back-1", 1, "running", NULL, &error), &error);
	must(lk_journal_set_step(session, "back-1", 1, "failed", "it's \"odd\" \\ 漢", &error),
	     &error);
	steps = lk_alloc(plan.step_count * sizeof *steps);
	must(lk_journal_steps(session, "back-1", plan.step_count, steps, &error), &error);
	assert_string_equal(steps[0].state, "pending");
	assert_string_equal(steps[1].state, "failed");
	assert_string_equal(steps[1].note, "it's \"odd\" \\ 漢");
	assert_true(steps[1].started > 0 && steps[1].ended >= steps[1].started);
	free(steps);
	lk_plan_free(&plan);
	lk_plan_free(&back);
	lk_session_close(session);
}

static void one_holds_it_and_a_takeover_ends_and_fences_the_other(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	int64_t epoch = 0;
	struct lk_session *old = keeper_session("held-1", "journal"),
			  *worker = keeper_session("held-1", "worker");
	struct lk_session *new = keeper_session("held-1", "journal"),
			  *other = keeper_session("held-10", "worker");
	make_plan(old, "held", &plan);
	must(lk_journal_create(old, "held-1", &plan, &alice, &error), &error);
	must(lk_journal_hold(old, "held-1", &error), &error);
	must(lk_journal_heartbeat(old, "held-1", 1, &error), &error);
	assert_false(lk_journal_hold(new, "held-1", &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_non_null(strstr(error.text, "alice@bastion-1 (process 4410"));
	/* The old keeper is in the middle of a chunk when its journal session breaks. */
	must(lk_begin(worker, &error) && lk_journal_fence(worker, "held-1", 1, &error), &error);
	lk_session_close(old);
	assert_true(lk_test_wait(
		server, "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'", 10));
	must(lk_journal_hold(new, "held-1", &error), &error);
	must(lk_journal_take_over(new, "held-1", &bob, &epoch, &error), &error);
	assert_int_equal(epoch, 2);
	assert_false(lk_commit(worker, &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(worker);
	/* Only the run's own sessions are ended. */
	must(lk_execute(other, "SELECT 1", &error), &error);
	/* One that comes back does not get past the fence, the heartbeat or the guard. */
	worker = keeper_session("held-1", "worker");
	must(lk_begin(worker, &error), &error);
	assert_false(lk_journal_fence(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	lk_rollback(worker);
	assert_false(lk_journal_heartbeat(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	assert_false(lk_journal_guard(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	must(lk_journal_guard(worker, "held-1", 2, &error), &error);
	lk_journal_unguard(worker, "held-1");
	assert_int_equal(
		lk_test_number(server, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
		1);
	lk_plan_free(&plan);
	lk_session_close(worker);
	lk_session_close(new);
	lk_session_close(other);
}

struct taker {
	struct lk_session *session;
	struct lk_error error;
	int64_t epoch;
	bool done;
	pthread_t thread;
};

static void *raise_epoch(void *argument)
{
	struct taker *t = argument;
	t->done = LK_RUN(t->session, &t->error,
			 "UPDATE lockkeeper.epoch SET epoch = epoch + 1 WHERE run = 'wait-1'");
	return NULL;
}

/* A takeover waits for a transaction that has read the epoch: what that commits still counts. */
static void the_fence_holds_until_the_commit(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_session *worker = keeper_session("wait-1", "worker");
	struct taker taker = {.session = keeper_session("other", "journal")};
	make_plan(worker, "wait", &plan);
	must(lk_journal_create(worker, "wait-1", &plan, &alice, &error), &error);
	must(lk_begin(worker, &error) && lk_journal_fence(worker, "wait-1", 1, &error), &error);
	assert_int_equal(pthread_create(&taker.thread, NULL, raise_epoch, &taker), 0);
	char *sql =
		lk_format("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %d",
			  taker.session->id);
	assert_true(lk_test_wait(server, sql, 10));
	free(sql);
	/* The heartbeat is another row, and waits for nobody. */
	struct lk_session *journal = keeper_session("wait-1", "journal");
	must(lk_journal_heartbeat(journal, "wait-1", 1, &error), &error);
	must(lk_journal_set_step(worker, "wait-1", 1, "done", "", &error) &&
		     lk_commit(worker, &error),
	     &error);
	pthread_join(taker.thread, NULL);
	must(taker.done, &taker.error);
	must(lk_begin(worker, &error), &error);
	assert_false(lk_journal_fence(worker, "wait-1", 1, &error));
	lk_rollback(worker);
	lk_plan_free(&plan);
	lk_session_close(journal);
	lk_session_close(worker);
	lk_session_close(taker.session);
}

static void a_cursor_keeps_any_key(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	static const char *const keys[][2] = {
		{"1", ""},	  {"-5", "a,b"}, {"NULL", "{}"},	{"\"", "\\"},
		{"x\"y\\z", "'"}, {" ", "\t\n"}, {"имя 漢", "\\\\\"\""}};
	struct lk_session *session = lk_steps_session(server, NULL);
	struct lk_journal_cursor back;
	make_plan(session, "cursor", &plan);
	must(lk_journal_create(session, "cursor-1", &plan, &alice, &error), &error);
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
		assert_int_equal(back.finished, cursor.finished);
		lk_journal_cursor_free(&back);
	}
	must(lk_journal_forget_cursor(session, "cursor-1", 1, &error), &error);
	must(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_null(back.key);
	lk_plan_free(&plan);
	lk_session_close(session);
}

static void wishes_answers_events_and_clean_ups(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_approval *approvals,
		answer = {.gate = "look", .who = "o'hara", .origin = "here"};
	struct lk_journal_run run;
	char digest[65], wanted[16];
	size_t count;
	struct lk_session *session = lk_steps_session(server, NULL);
	make_plan(session, "wishes", &plan);
	lk_plan_digest(&plan, digest);
	must(lk_journal_create(session, "wishes-1", &plan, &alice, &error), &error);
	must(lk_journal_set_wanted(session, "wishes-1", "paused", &error), &error);
	assert_false(lk_journal_set_wanted(session, "wishes-1", "nonsense", &error));
	must(lk_journal_approve(session, "wishes-1", digest, &answer, &error), &error);
	must(lk_journal_approve(session, "wishes-1", digest, &answer, &error), &error);
	/* An answer to another version of the plan is none. */
	must(lk_journal_approve(session, "wishes-1", "another digest", &answer, &error), &error);
	must(lk_journal_poll(session, "wishes-1", digest, wanted, &approvals, &count, &error),
	     &error);
	assert_string_equal(wanted, "paused");
	assert_int_equal(count, 1);
	assert_string_equal(approvals[0].who, "o'hara");
	assert_true(approvals[0].at > 0);
	free(approvals);
	for (int64_t n = 1; n <= 3; n++)
		must(lk_journal_event(session, "wishes-1", n, 1764000000123,
				      (const char *[]){"note", "alice", "x'y\\z"}, &error),
		     &error);
	/* The same again, after a commit of which nobody heard. */
	must(lk_journal_event(session, "wishes-1", 3, 1764000000123,
			      (const char *[]){"note", "alice", "again"}, &error),
	     &error);
	must(lk_journal_set_backward(session, "wishes-1", &error), &error);
	must(lk_journal_get(session, "wishes-1", &run, &error), &error);
	assert_int_equal(run.last_event, 3);
	assert_true(run.backward);
	must(lk_journal_cleanup(session, "wishes-1", 1, "DROP a", &error), &error);
	must(lk_journal_cleanup(session, "wishes-1", 1, "DROP b", &error), &error);
	must(lk_journal_cleanup(session, "wishes-1", 2, "DROP c", &error), &error);
	assert_int_equal(
		lk_test_number(server,
			       "SELECT count(*) FROM lockkeeper.cleanup WHERE run = 'wishes-1'"),
		2);
	must(lk_journal_cleanup(session, "wishes-1", 2, NULL, &error), &error);
	assert_int_equal(
		lk_test_number(
			server,
			"SELECT count(*) FROM lockkeeper.cleanup WHERE run = 'wishes-1' AND sql ="
			" 'DROP b'"),
		1);
	must(lk_journal_cleanup(session, "wishes-1", -1, NULL, &error), &error);
	assert_int_equal(
		lk_test_number(server,
			       "SELECT count(*) FROM lockkeeper.cleanup WHERE run = 'wishes-1'"),
		0);
	lk_plan_free(&plan);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_may_install_at_once),
		cmocka_unit_test(a_plan_has_one_unfinished_run),
		cmocka_unit_test(the_plan_comes_back_as_it_was),
		cmocka_unit_test(one_holds_it_and_a_takeover_ends_and_fences_the_other),
		cmocka_unit_test(the_fence_holds_until_the_commit),
		cmocka_unit_test(a_cursor_keeps_any_key),
		cmocka_unit_test(wishes_answers_events_and_clean_ups),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
