/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions on a real server: cancels that hit what they were meant for, errors by class, quoting. */
#include "tests/control/steps.h"

#include <stdatomic.h>

static struct lk_test_server *server;

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

/* A worker that repeats: a statement that may be cancelled, then one that must not be. */
struct worker {
	struct lk_session *session;
	atomic_bool over;
	_Atomic int64_t cancelled, done;
	char failure[1100];
	pthread_t thread;
};

static void *work(void *argument)
{
	struct worker *w = argument;
	while (!atomic_load(&w->over) && !w->failure[0]) {
		struct lk_error error;
		struct lk_result r;
		if (!LK_QUERY(w->session, &r, &error, "SELECT pg_sleep(0.002)")) {
			if (error.class != LK_ERROR_CANCELLED)
				LK_COPY(w->failure, error.text);
			atomic_fetch_add(&w->cancelled, 1);
		}
		lk_result_free(&r);
		lk_session_insist(w->session, true);
		if (!LK_QUERY(w->session, &r, &error, "SELECT 7 FROM pg_sleep(0.001)"))
			snprintf(w->failure, sizeof w->failure, "the shielded one: %s", error.text);
		lk_result_free(&r);
		lk_session_insist(w->session, false);
		atomic_fetch_add(&w->done, 1);
	}
	return NULL;
}

/* Hazard 13: a cancel that comes late must not hit the next statement. */
static void hazard_13_a_late_cancel_never_hits_the_next_statement(void **state)
{
	(void)state;
	struct worker w = {.session = lk_steps_session(server, NULL)};
	struct lk_session *control = lk_steps_session(server, NULL);
	int64_t sent = 0;
	assert_int_equal(pthread_create(&w.thread, NULL, work, &w), 0);
	while (sent < 400 && !w.failure[0]) {
		struct lk_error error;
		if (!lk_session_cancel_begin(w.session))
			continue;
		/* Every third goes by a connection of its own, as when the open one is broken. */
		if (!lk_session_cancel_finish(w.session, sent % 3 ? control : NULL, &error))
			fail_msg("%s", error.text);
		sent++;
	}
	atomic_store(&w.over, true);
	pthread_join(w.thread, NULL);
	if (w.failure[0])
		fail_msg("%s", w.failure);
	assert_true(atomic_load(&w.cancelled) > 50);
	lk_session_close(w.session);
	lk_session_close(control);
}

static void *sleep_long(void *argument)
{
	struct lk_error *error = argument;
	struct lk_session *session = lk_steps_session(server, NULL);
	lk_execute(session, "SELECT pg_advisory_lock(1), pg_sleep(60)", error);
	lk_session_close(session);
	return NULL;
}

static void a_terminated_session_is_lost_and_not_failed(void **state)
{
	(void)state;
	struct lk_error error = {0};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, sleep_long, &error), 0);
	assert_true(lk_test_wait(
		server, "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory'", 10));
	lk_test_sql(server,
		    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
	pthread_join(thread, NULL);
	assert_int_equal(error.class, LK_ERROR_LOST);
}

struct blocked {
	struct lk_session *session;
	struct lk_error error;
	bool done;
};

static void *block(void *argument)
{
	struct blocked *b = argument;
	b->done = lk_execute(b->session, "SELECT pg_advisory_lock(2), pg_sleep(60)", &b->error);
	return NULL;
}

static void an_interrupt_frees_a_blocked_session_even_of_a_silent_server(void **state)
{
	(void)state;
	struct blocked b = {.session = lk_steps_session(server, NULL)};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, block, &b), 0);
	assert_true(lk_test_wait(
		server, "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory'", 10));
	lk_test_server_freeze(server, LK_TEST_PRIMARY);
	int64_t asked = lk_clock_us();
	lk_session_interrupt(b.session);
	pthread_join(thread, NULL);
	assert_in_range(lk_clock_us() - asked, 0, 2000000);
	lk_test_server_thaw(server, LK_TEST_PRIMARY);
	assert_false(b.done);
	assert_int_equal(b.error.class, LK_ERROR_LOST);
	lk_session_close(b.session);
	assert_true(lk_test_wait(
		server, "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'", 10));
}

static void while_stopped_nothing_is_sent_but_the_rollback(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = lk_steps_session(server, NULL);
	atomic_bool stop = false;
	lk_test_sql(server, "CREATE TABLE stopped (n int)");
	session->stop = &stop;
	assert_true(lk_begin(session, &error));
	assert_true(lk_execute(session, "INSERT INTO stopped VALUES (1)", &error));
	atomic_store(&stop, true);
	assert_false(lk_execute(session, "INSERT INTO stopped VALUES (2)", &error));
	assert_int_equal(error.class, LK_ERROR_CANCELLED);
	assert_false(lk_commit(session, &error));
	lk_rollback(session);
	atomic_store(&stop, false);
	assert_true(lk_execute(session, "INSERT INTO stopped VALUES (3)", &error));
	assert_int_equal(lk_test_number(server, "SELECT sum(n) FROM stopped"), 3);
	lk_session_close(session);
}

static void expect_class(struct lk_session *session, const char *sql, enum lk_error_class class,
			 const char *sqlstate)
{
	struct lk_error error;
	if (lk_execute(session, sql, &error))
		fail_msg("succeeded: %s", sql);
	if (error.class != class || strcmp(error.state, sqlstate) != 0)
		fail_msg("%s: %s %s", sql, lk_error_class_name(error.class), error.state);
	assert_true(error.text[0]);
	lk_rollback(session);
}

static void errors_have_the_class_that_decides_what_happens_next(void **state)
{
	(void)state;
	struct lk_session *session = lk_steps_session(server, NULL);
	lk_test_sql(
		server,
		"CREATE TABLE errors (n int PRIMARY KEY); INSERT INTO errors VALUES (1); CREATE ROLE nobody_much");
	PGconn *holder = lk_test_connect(server);
	PQclear(PQexec(holder, "BEGIN; LOCK TABLE errors"));
	expect_class(session, "BEGIN; SET LOCAL lock_timeout = '10ms'; TABLE errors",
		     LK_ERROR_RETRY, "55P03");
	expect_class(session, "BEGIN; LOCK TABLE errors NOWAIT", LK_ERROR_RETRY, "55P03");
	PQfinish(holder);
	expect_class(session, "INSERT INTO errors VALUES (1)", LK_ERROR_STATEMENT, "23505");
	expect_class(session, "SELEC 1", LK_ERROR_STATEMENT, "42601");
	expect_class(session, "BEGIN; SET LOCAL statement_timeout = '5ms'; SELECT pg_sleep(5)",
		     LK_ERROR_CANCELLED, "57014");
	expect_class(session, "BEGIN; SET LOCAL ROLE nobody_much; TABLE errors", LK_ERROR_PRIVILEGE,
		     "42501");
	expect_class(session, "BEGIN READ ONLY; DELETE FROM errors", LK_ERROR_REFUSED, "25006");
	expect_class(session, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$",
		     LK_ERROR_RETRY, "40001");
	expect_class(session, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$",
		     LK_ERROR_RETRY, "40P01");
	lk_session_close(session);
	struct lk_error error;
	assert_null(lk_session_open("oracle://x@y/z", "-", "worker", &error));
	assert_int_equal(error.class, LK_ERROR_USAGE);
	assert_non_null(strstr(error.text, "postgresql://"));
	assert_null(lk_session_open("postgresql:///x?host=/nowhere/at/all", "-", "worker", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
}

static void any_name_and_text_survives_quoting(void **state)
{
	(void)state;
	static const char *const texts[] = {"plain",
					    "it's",
					    "\"double\"",
					    "back\\slash",
					    "x'; DROP TABLE t; --",
					    "$$",
					    "имя 漢字 \xf0\x9f\x98\x80",
					    "tab\tnew\nline",
					    "\x1b[31m",
					    "%s %n",
					    "E'\\x'"};
	struct lk_error error;
	struct lk_result r;
	struct lk_session *session = lk_steps_session(server, NULL);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char *name = session->driver->quote_name(texts[i]),
		     *text = session->driver->quote_text(texts[i]);
		char *sql = lk_format("SELECT %s AS %s, $1::text", text, name);
		if (!LK_QUERY(session, &r, &error, sql, texts[i]))
			fail_msg("%s: %s", sql, error.text);
		assert_string_equal(lk_cell(&r, 0, 0), texts[i]);
		assert_string_equal(lk_cell(&r, 0, 1), texts[i]);
		lk_result_free(&r);
		free(sql);
		free(name);
		free(text);
	}
	assert_true(LK_QUERY(session, &r, &error, "SELECT NULL, '', true, 42, 1.5"));
	assert_null(lk_cell(&r, 0, 0));
	assert_string_equal(lk_cell_text(&r, 0, 0), "");
	assert_string_equal(lk_cell(&r, 0, 1), "");
	assert_true(lk_cell_bool(&r, 0, 2));
	assert_int_equal(lk_cell_int(&r, 0, 3), 42);
	assert_true(lk_cell_double(&r, 0, 4) == 1.5);
	lk_result_free(&r);
	lk_session_close(session);
}

static void a_session_says_who_it_is(void **state)
{
	(void)state;
	struct lk_session *session = lk_steps_session(server, NULL);
	char *sql = lk_format("SELECT application_name FROM pg_stat_activity WHERE pid = %d",
			      session->id);
	char *name = lk_test_value(server, sql),
	     *where = session->driver->describe(session->connection);
	assert_string_equal(name, "lockkeeper:-:worker");
	assert_string_equal(where, "postgres@local/test");
	free(sql);
	free(name);
	free(where);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hazard_13_a_late_cancel_never_hits_the_next_statement),
		cmocka_unit_test(a_terminated_session_is_lost_and_not_failed),
		cmocka_unit_test(an_interrupt_frees_a_blocked_session_even_of_a_silent_server),
		cmocka_unit_test(while_stopped_nothing_is_sent_but_the_rollback),
		cmocka_unit_test(errors_have_the_class_that_decides_what_happens_next),
		cmocka_unit_test(any_name_and_text_survives_quoting),
		cmocka_unit_test(a_session_says_who_it_is),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
