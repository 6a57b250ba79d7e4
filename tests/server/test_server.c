/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tests' own servers: what other tests rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/server.h"

static int start_pair(void **state)
{
	const struct lk_test_server_options options = {.replica = true,
						       .settings = "deadlock_timeout = 77ms"};
	*state = lk_test_server_start(&options);
	return 0;
}

static int stop_pair(void **state)
{
	lk_test_server_stop(*state);
	return 0;
}

static PGconn *open_uri(const struct lk_test_server *server, enum lk_test_node node)
{
	char *uri = lk_test_server_uri(server, node);
	PGconn *connection = PQconnectdb(uri);
	free(uri);
	return connection;
}

static void it_serves_with_the_settings_asked_for(void **state)
{
	const struct lk_test_server *server = *state;
	PGconn *replica = open_uri(server, LK_TEST_REPLICA);
	char *setting = lk_test_value(server, "SHOW deadlock_timeout");
	assert_string_equal(setting, "77ms");
	assert_int_equal(PQstatus(replica), CONNECTION_OK);
	lk_test_sql(server,
		    "CREATE TABLE settings_asked (n int); INSERT INTO settings_asked VALUES (42)");
	assert_int_equal(lk_test_number(server, "SELECT n FROM settings_asked"), 42);
	free(setting);
	PQfinish(replica);
}

static void a_killed_server_comes_back_with_its_rows(void **state)
{
	struct lk_test_server *server = *state;
	PGconn *session = lk_test_connect(server);
	lk_test_sql(server, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)");
	lk_test_server_kill(server, LK_TEST_PRIMARY);
	PQclear(PQexec(session, "SELECT 1"));
	assert_int_equal(PQstatus(session), CONNECTION_BAD);
	PQfinish(session);
	assert_false(lk_test_wait(server, "SELECT true", 0));
	lk_test_server_up(server, LK_TEST_PRIMARY);
	assert_int_equal(lk_test_number(server, "SELECT n FROM kept"), 7);
	lk_test_server_down(server, LK_TEST_PRIMARY, false);
	lk_test_server_up(server, LK_TEST_PRIMARY);
	assert_int_equal(lk_test_number(server, "SELECT n FROM kept"), 7);
}

static void a_frozen_server_does_not_answer_until_thawed(void **state)
{
	struct lk_test_server *server = *state;
	struct lk_test_load_result before, frozen, after;
	struct lk_test_load *load = lk_test_load_start(server, "SELECT 1", 2, 1000);
	do {
		lk_test_load_look(load, &before);
		lk_sleep_ms(5);
	} while (before.transactions < 20);
	lk_test_server_freeze(server, LK_TEST_PRIMARY);
	lk_test_load_look(load, &before);
	int64_t until = lk_clock_us() + 300000;
	while (lk_clock_us() < until)
		lk_sleep_ms(20);
	lk_test_load_look(load, &frozen);
	lk_test_server_thaw(server, LK_TEST_PRIMARY);
	/* One answer of each connection may have been on its way. */
	assert_true(frozen.transactions - before.transactions <= 2);
	do {
		lk_test_load_look(load, &after);
		lk_sleep_ms(5);
	} while (after.transactions < frozen.transactions + 20);
	lk_test_load_stop(load, &after);
	assert_int_equal(after.errors, 0);
	assert_true(after.longest_ms >= 250);
}

static void a_load_counts_its_errors(void **state)
{
	struct lk_test_server *server = *state;
	struct lk_test_load_result result;
	struct lk_test_load *load = lk_test_load_start(server, "SELECT 1/0", 1, 0);
	do {
		lk_test_load_look(load, &result);
		lk_sleep_ms(5);
	} while (result.errors < 5);
	lk_test_load_stop(load, &result);
	assert_int_equal(result.transactions, 0);
	assert_string_equal(result.first_error, "division by zero");
}

static void a_password_is_asked_of_one_role_only(void **state)
{
	struct lk_test_server *server = *state;
	lk_test_server_require_password(server, "careful", "secret");
	char *conninfo = lk_test_server_conninfo(server, LK_TEST_PRIMARY, "careful", "test");
	char *right = lk_format("%s password=secret", conninfo);
	char *wrong = lk_format("%s password=guess", conninfo);
	PGconn *none = PQconnectdb(conninfo), *good = PQconnectdb(right), *bad = PQconnectdb(wrong);
	assert_int_equal(PQstatus(none), CONNECTION_BAD);
	assert_int_equal(PQstatus(good), CONNECTION_OK);
	assert_int_equal(PQstatus(bad), CONNECTION_BAD);
	lk_test_sql(server, "SELECT 1");
	PQfinish(none);
	PQfinish(good);
	PQfinish(bad);
	free(wrong);
	free(right);
	free(conninfo);
}

/* A test program that dies must not leave servers: the kernel ends them with it. */
static void servers_end_with_a_killed_program(void **state)
{
	(void)state;
	int ends[2], status;
	char folder[256] = "";
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct lk_test_server *server = lk_test_server_start(NULL);
		const char *path = lk_test_server_folder(server);
		if (write(ends[1], path, strlen(path)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_true(read(ends[0], folder, sizeof folder - 1) > 0);
	char *conninfo = lk_format("host=%s port=5432 user=postgres dbname=test", folder);
	assert_int_equal(PQping(conninfo), PQPING_OK);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	int64_t deadline = lk_clock_us() + 30000000;
	while (PQping(conninfo) != PQPING_NO_RESPONSE) {
		assert_true(lk_clock_us() < deadline);
		lk_sleep_ms(10);
	}
	free(conninfo);
	close(ends[0]);
	/* And the next start removes the folder. */
	lk_test_server_stop(lk_test_server_start(NULL));
	assert_int_not_equal(access(folder, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest pair[] = {
		cmocka_unit_test(it_serves_with_the_settings_asked_for),
		cmocka_unit_test(a_killed_server_comes_back_with_its_rows),
		cmocka_unit_test(a_frozen_server_does_not_answer_until_thawed),
		cmocka_unit_test(a_load_counts_its_errors),
		cmocka_unit_test(a_password_is_asked_of_one_role_only),
	};
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(servers_end_with_a_killed_program),
	};
	int failed = cmocka_run_group_tests_name("servers for tests", pair, start_pair, stop_pair);
	failed += cmocka_run_group_tests_name("servers for tests, alone", alone, NULL, NULL);
	return failed != 0;
}
