/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal: one holder a run, a fence that keeps replaced keepers out, and what it remembers. */
#include "tests/control/steps.h"
#include "tests/server/journal_rows.h"

static struct lk_test_server *server;
static const struct lk_journal_holder alice = {"alice", "bastion-1", 4410},
				      bob = {"bob", "bastion-2", 815};

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

static int start_server(void **state)
{
	static struct lk_journal_rows rows = {keeper_session};
	*state = &rows;
	server = lk_test_server_start(NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	lk_test_server_stop(server);
	return 0;
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
	lk_journal_rows_done(lk_journal_installed(session, &installed, &error), &error);
	assert_false(installed);
	memset(installers, 0, sizeof installers);
	for (int i = 0; i < 8; i++)
		assert_int_equal(
			pthread_create(&installers[i].thread, NULL, install, &installers[i]), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(installers[i].thread, NULL);
		lk_journal_rows_done(installers[i].done, &installers[i].error);
	}
	lk_journal_rows_done(lk_journal_installed(session, &installed, &error), &error);
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
	lk_journal_rows_make_plan("once", "", &plan);
	lk_journal_rows_done(lk_journal_create(session, "once-1", &plan, &alice, &error), &error);
	assert_false(lk_journal_create(session, "once-2", &plan, &bob, &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_non_null(strstr(error.text, "once-1"));
	lk_journal_rows_done(lk_journal_find(session, "once", &found, &run, &error), &error);
	assert_true(found);
	assert_string_equal(run.name, "once-1");
	assert_string_equal(run.holder, "alice@bastion-1, process 4410");
	assert_int_equal(run.epoch, 1);
	assert_false(run.backward);
	lk_journal_rows_done(lk_journal_set_state(session, "once-1", "undone", "", &error), &error);
	lk_journal_rows_done(lk_journal_find(session, "once", &found, &run, &error), &error);
	assert_false(found);
	lk_journal_rows_done(lk_journal_create(session, "once-2", &plan, &bob, &error), &error);
	lk_journal_rows_done(lk_journal_get(session, "once", &run, &error), &error);
	assert_string_equal(run.name, "once-2");
	assert_false(lk_journal_get(session, "never", &run, &error));
	assert_int_equal(error.class, LK_ERROR_USAGE);
	lk_plan_free(&plan);
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
	lk_journal_rows_make_plan("held", "", &plan);
	lk_journal_rows_done(lk_journal_create(old, "held-1", &plan, &alice, &error), &error);
	lk_journal_rows_done(lk_journal_hold(old, "held-1", &error), &error);
	lk_journal_rows_done(lk_journal_heartbeat(old, "held-1", 1, &error), &error);
	assert_false(lk_journal_hold(new, "held-1", &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_non_null(strstr(error.text, "alice@bastion-1 (process 4410"));
	/* The old keeper is in the middle of a chunk when its journal session breaks. */
	lk_journal_rows_done(
		lk_begin(worker, &error) && lk_journal_fence(worker, "held-1", 1, &error), &error);
	lk_session_close(old);
	assert_true(lk_test_wait(
		server, "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'", 10));
	lk_journal_rows_done(lk_journal_hold(new, "held-1", &error), &error);
	lk_journal_rows_done(lk_journal_take_over(new, "held-1", &bob, &epoch, &error), &error);
	assert_int_equal(epoch, 2);
	assert_false(lk_commit(worker, &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(worker);
	/* Only the run's own sessions are ended. */
	lk_journal_rows_done(lk_execute(other, "SELECT 1", &error), &error);
	/* One that comes back does not get past the fence, the heartbeat or the guard. */
	worker = keeper_session("held-1", "worker");
	lk_journal_rows_done(lk_begin(worker, &error), &error);
	assert_false(lk_journal_fence(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	lk_rollback(worker);
	assert_false(lk_journal_heartbeat(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	assert_false(lk_journal_guard(worker, "held-1", 1, &error));
	assert_int_equal(error.class, LK_ERROR_FENCED);
	lk_journal_rows_done(lk_journal_guard(worker, "held-1", 2, &error), &error);
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
	lk_journal_rows_make_plan("wait", "", &plan);
	lk_journal_rows_done(lk_journal_create(worker, "wait-1", &plan, &alice, &error), &error);
	lk_journal_rows_done(
		lk_begin(worker, &error) && lk_journal_fence(worker, "wait-1", 1, &error), &error);
	assert_int_equal(pthread_create(&taker.thread, NULL, raise_epoch, &taker), 0);
	char *sql =
		lk_format("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %d",
			  taker.session->id);
	assert_true(lk_test_wait(server, sql, 10));
	free(sql);
	/* The heartbeat is another row, and waits for nobody. */
	struct lk_session *journal = keeper_session("wait-1", "journal");
	lk_journal_rows_done(lk_journal_heartbeat(journal, "wait-1", 1, &error), &error);
	lk_journal_rows_done(lk_journal_set_step(worker, "wait-1", 1, "done", "", &error) &&
				     lk_commit(worker, &error),
			     &error);
	pthread_join(taker.thread, NULL);
	lk_journal_rows_done(taker.done, &taker.error);
	lk_journal_rows_done(lk_begin(worker, &error), &error);
	assert_false(lk_journal_fence(worker, "wait-1", 1, &error));
	lk_rollback(worker);
	lk_plan_free(&plan);
	lk_session_close(journal);
	lk_session_close(worker);
	lk_session_close(taker.session);
}

static void a_clean_up_goes_with_its_step(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_session *session =
		lk_journal_rows_session(keeper_session, "clean-1", "clean", &plan);
	lk_journal_rows_done(lk_journal_cleanup(session, "clean-1", 1, "DROP a", &error), &error);
	lk_journal_rows_done(lk_journal_cleanup(session, "clean-1", 1, "DROP b", &error), &error);
	lk_journal_rows_done(lk_journal_cleanup(session, "clean-1", 2, "DROP c", &error), &error);
	assert_int_equal(
		lk_test_number(server,
			       "SELECT count(*) FROM lockkeeper.cleanup WHERE run = 'clean-1'"),
		2);
	lk_journal_rows_done(lk_journal_cleanup(session, "clean-1", 2, NULL, &error), &error);
	assert_int_equal(
		lk_test_number(
			server,
			"SELECT count(*) FROM lockkeeper.cleanup WHERE run = 'clean-1' AND sql ="
			" 'DROP b'"),
		1);
	lk_journal_rows_done(lk_journal_cleanup(session, "clean-1", -1, NULL, &error), &error);
	assert_int_equal(
		lk_test_number(server,
			       "SELECT count(*) FROM lockkeeper.cleanup WHERE run = 'clean-1'"),
		0);
	lk_plan_free(&plan);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_may_install_at_once),
		cmocka_unit_test(a_plan_has_one_unfinished_run),
		cmocka_unit_test(lk_journal_rows_plan),
		cmocka_unit_test(one_holds_it_and_a_takeover_ends_and_fences_the_other),
		cmocka_unit_test(the_fence_holds_until_the_commit),
		cmocka_unit_test(lk_journal_rows_cursor),
		cmocka_unit_test(lk_journal_rows_mended),
		cmocka_unit_test(lk_journal_rows_parts),
		cmocka_unit_test(lk_journal_rows_wishes),
		cmocka_unit_test(a_clean_up_goes_with_its_step),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
