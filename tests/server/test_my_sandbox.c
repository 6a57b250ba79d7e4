/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox of MariaDB and MySQL as its users see it: it starts, its application keeps its pace, its comparison
 * finds what is wrong, and nothing of it stays behind. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "sandbox/folder.h"
#include "sandbox/link.h"
#include "sandbox/protocol.h"
#include "tests/server/my_sessions.h"
#include "tests/server/practice.h"

static const char *kind(void)
{
	return my_is_mariadb() ? "mariadb" : "mysql";
}

static pid_t server_of(const struct lk_sandbox *sandbox, const char *name)
{
	char *data = lk_format("%s/db/%s", sandbox->folder, name);
	pid_t pid = lk_folder_server(data);
	free(data);
	return pid;
}

static void expect(const char *uri, const char *sql, const char *expected)
{
	char *value = lk_practice_value(uri, sql);
	if (strcmp(value, expected) != 0)
		fail_msg("%s is %s, not %s", sql, value, expected);
	free(value);
}

/* Waits until the replica has what the primary wrote. */
static void await_value(const char *uri, const char *sql, const char *expected)
{
	int64_t deadline = lk_clock_us() + LK_PRACTICE_PATIENCE_US;
	for (bool same = false; !same;) {
		char *value = lk_practice_value(uri, sql);
		same = strcmp(value, expected) == 0;
		if (!same && lk_clock_us() > deadline)
			fail_msg("%s stays %s", sql, value);
		free(value);
		lk_sleep_ms(10);
	}
}

static void both_servers_serve_and_the_replica_follows(void **state)
{
	const struct lk_sandbox *sandbox = *state;
	expect(sandbox->uri, "SELECT @@bind_address", "127.0.0.1");
	expect(sandbox->uri,
	       "SELECT CONCAT(@@log_bin + 0, @@binlog_format, @@performance_schema + 0)", "1ROW1");
	expect(sandbox->uri,
	       "SELECT enabled FROM performance_schema.setup_instruments WHERE name ="
	       " 'wait/lock/metadata/sql/mdl'",
	       "YES");
	expect(sandbox->replica_uri, "SELECT @@read_only", "1");
	/* Each server has the rows of the start, and then what is written. */
	lk_practice_sql(sandbox,
			"CREATE TABLE mark (n int PRIMARY KEY); INSERT INTO mark VALUES (7)");
	await_value(sandbox->replica_uri,
		    "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'mark'",
		    "1");
	await_value(sandbox->replica_uri, "SELECT n FROM mark", "7");
	expect(sandbox->replica_uri, "SELECT COUNT(*) >= 10000 FROM users", "1");
	lk_practice_sql(sandbox, "DROP TABLE mark");
}

/* Its port is open to everybody on this machine, so every account wants its password. */
static void nobody_comes_in_without_the_password(void **state)
{
	const struct lk_sandbox *sandbox = *state;
	struct lk_error error = {0};
	char *port = lk_practice_value(sandbox->uri, "SELECT @@port");
	static const char *const users[] = {"root", "shop", "follower", "reporting"};
	for (size_t i = 0; i < LK_COUNT(users); i++) {
		char *uri = lk_format("mysql://%s@127.0.0.1:%s/?defaults-file=/dev/null", users[i],
				      port);
		struct lk_link *link = lk_link_open(uri, "test", &error);
		assert_null(link);
		assert_int_equal(error.class, LK_ERROR_PRIVILEGE);
		free(uri);
	}
	char *uri = lk_format("mysql://root@127.0.0.1:%s/shop?defaults-file=%s/client.cnf", port,
			      sandbox->folder);
	expect(uri, "SELECT DATABASE()", "shop");
	free(uri);
	free(port);
}

static void the_application_keeps_its_pace(void **state)
{
	struct lk_sandbox *sandbox = *state;
	lk_practice_await_releases(sandbox, "41: 8 connections");
	await_value(sandbox->uri,
		    "SELECT COUNT(*) FROM performance_schema.session_connect_attrs"
		    " WHERE attr_name = 'program_name' AND attr_value = 'shop release 41'",
		    "8");
	lk_practice_await_figure(sandbox, "transactions", 900);
	lk_practice_await_figure(sandbox, "p99_alone_ms", 0.001);
	assert_true(lk_practice_figure(sandbox, "per_s") > 150);
	assert_true(lk_practice_figure(sandbox, "p50_ms") > 0);
	assert_int_equal(lk_practice_figure(sandbox, "errors"), 0);
}

/* A lock that everything waits for is a stall, and no error. */
static void a_stall_is_measured_from_when_work_was_due(void **state)
{
	struct lk_sandbox *sandbox = *state;
	struct lk_error error;
	struct lk_link *link = lk_link_open(sandbox->uri, "test", &error);
	assert_non_null(link);
	assert_true(lk_link_execute(link, "LOCK TABLES users WRITE", &error));
	lk_practice_await_figure(sandbox, "longest_stall_ms", 600);
	assert_true(lk_link_execute(link, "UNLOCK TABLES", &error));
	lk_link_close(link);
	lk_practice_await_figure(sandbox, "max_ms", 600);
	lk_practice_await_more(sandbox, 300);
	assert_true(lk_practice_figure(sandbox, "p95_ms") > 20);
	assert_int_equal(lk_practice_figure(sandbox, "errors"), 0);
}

static void the_comparison_finds_each_wrong_row(void **state)
{
	struct lk_sandbox *sandbox = *state;
	static const struct {
		const char *sql;
		int different;
	} plants[] = {
		{"UPDATE users SET username = 'somebody else' WHERE id = 4711", 1},
		/* In other letters, which the collation calls the same. */
		{"UPDATE users SET username = UPPER(username) WHERE id = 4713", 2},
		{"UPDATE users SET username = 'not null' WHERE username IS NULL ORDER BY id DESC LIMIT 1",
		 3},
		{"INSERT INTO users (email) VALUES ('nobody wrote this')", 4},
		{"DELETE FROM reviews WHERE id = 17", 5},
		{"DELETE FROM users ORDER BY id DESC LIMIT 1", 4},
	};
	struct lk_sandbox_result result = lk_practice_result(sandbox);
	lk_practice_clean(&result);
	assert_true(result.transactions > 900);
	assert_true(result.longest_stall_ms >= 600);
	for (size_t i = 0; i < LK_COUNT(plants); i++) {
		lk_practice_sql(sandbox, plants[i].sql);
		result = lk_practice_result(sandbox);
		if (result.rows_different != plants[i].different)
			fail_msg("%d rows differ after %s", (int)result.rows_different,
				 plants[i].sql);
	}
	/* One review is missing. */
	assert_int_equal(result.rows_compared, result.rows + 1);
}

/* Each column is compared, and in rows that were never written as in those that were. */
static void the_comparison_looks_at_each_column(void **state)
{
	struct lk_sandbox *sandbox = *state;
	static const char *const plants[][2] = {
		{"users", "email = CONCAT('x', id)"},
		{"users", "display_name = 'x'"},
		{"users", "fax = 'x'"},
		{"users", "balance = balance + 1"},
		{"orders", "user_id = user_id + 1"},
		{"orders", "amount = amount + 1"},
		{"orders", "status = NULL"},
		{"reviews", "order_id = order_id + 2"},
		{"reviews", "stars = stars + 1"},
		{"reviews", "body = NULL"},
	};
	int64_t before = lk_practice_result(sandbox).rows_different;
	for (size_t i = 0; i < LK_COUNT(plants); i++) {
		const char *table = plants[i][0];
		/* The ends of the table: its first rows and its newest. */
		char *sql =
			lk_format("UPDATE %s t JOIN (SELECT MIN(id) + %zu AS a, MAX(id) - %zu AS b"
				  " FROM %s) e ON t.id IN (e.a, e.b) SET %s",
				  table, i, i, table, plants[i][1]);
		lk_practice_sql(sandbox, sql);
		int64_t now = lk_practice_result(sandbox).rows_different;
		if (now <= before)
			fail_msg("nobody found: %s", sql);
		before = now;
		free(sql);
	}
}

static int start_shared(void **state)
{
	struct lk_sandbox *sandbox = lk_alloc(sizeof *sandbox);
	*sandbox = lk_practice_small_of(kind(), 300);
	*state = sandbox;
	return 0;
}

static int stop_shared(void **state)
{
	lk_practice_stop(*state);
	free(*state);
	return 0;
}

static void wait_until_gone(pid_t pid)
{
	int64_t deadline = lk_clock_us() + LK_PRACTICE_PATIENCE_US;
	while (kill(pid, 0) == 0 || errno != ESRCH) {
		waitpid(pid, NULL, WNOHANG);
		if (lk_clock_us() > deadline)
			fail_msg("process %d does not end", (int)pid);
		lk_sleep_ms(10);
	}
}

static void a_killed_sandbox_takes_its_servers_along(void **state)
{
	(void)state;
	struct lk_sandbox killed = lk_practice_small_of(kind(), 100);
	pid_t primary = server_of(&killed, "primary"), replica = server_of(&killed, "replica");
	assert_true(primary > 0 && replica > 0);
	kill(killed.pid, SIGKILL);
	wait_until_gone(killed.pid);
	wait_until_gone(primary);
	wait_until_gone(replica);
	assert_int_equal(access(killed.folder, F_OK), 0);
	close(killed.connection);
	assert_int_equal(lk_folder_remove_leftovers(LK_SANDBOX_PREFIX), 1);
	assert_int_not_equal(access(killed.folder, F_OK), 0);
}

/* A keeper keeps it alive without any console; without both it ends. */
static void it_ends_when_nobody_uses_it(void **state)
{
	(void)state;
	struct lk_error error = {0};
	const struct lk_sandbox_options options = {
		.kind = kind(), .rows = 100, .writes = 100, .idle_ms = 1200};
	struct lk_sandbox sandbox = lk_practice_start(&options);
	struct lk_link *keeper = lk_link_open(sandbox.uri, "lockkeeper:r1:worker", &error);
	assert_non_null(keeper);
	lk_practice_await_more(&sandbox, 100);
	close(sandbox.connection);
	lk_practice_await_more(&sandbox, 250);
	assert_int_equal(kill(sandbox.pid, 0), 0);
	lk_link_close(keeper);
	wait_until_gone(sandbox.pid);
	assert_int_not_equal(access(sandbox.folder, F_OK), 0);
}

/* Kept folders can be started again: the servers have ended in order. */
static void a_kept_folder_stays(void **state)
{
	(void)state;
	struct lk_error error = {0};
	const struct lk_sandbox_options options = {.kind = kind(), .rows = 100, .keep = true};
	struct lk_sandbox sandbox = lk_practice_start(&options);
	assert_true(lk_sandbox_stop(&sandbox, &error));
	assert_int_equal(access(sandbox.folder, F_OK), 0);
	assert_int_equal(server_of(&sandbox, "primary"), 0);
	lk_folder_remove_leftovers(LK_SANDBOX_PREFIX);
	assert_int_equal(access(sandbox.folder, F_OK), 0);
	assert_true(lk_path_remove_tree(sandbox.folder, &error));
}

/* The shape is the same line for line after something was done and undone, and not in between. */
static void the_shape_tells_what_is_left(void **state)
{
	struct lk_sandbox *sandbox = *state;
	struct lk_error error = {0};
	static const char *const changes[][2] = {
		{"ALTER TABLE users ADD x int", "ALTER TABLE users DROP x"},
		{"ALTER TABLE users ALTER fax SET DEFAULT '-'",
		 "ALTER TABLE users ALTER fax SET DEFAULT NULL"},
		{"CREATE INDEX x ON orders (status)", "DROP INDEX x ON orders"},
		{"CREATE TRIGGER x BEFORE INSERT ON users FOR EACH ROW SET @x = 1",
		 "DROP TRIGGER x"},
		{"GRANT SELECT (email) ON users TO reporting@localhost",
		 "REVOKE SELECT (email) ON users FROM reporting@localhost"},
		{"CREATE VIEW x AS SELECT 1 AS one", "DROP VIEW x"},
		/* None that a feature goes by: release 42 would be deployed while it is away. */
		{"ALTER TABLE reviews ADD CONSTRAINT x CHECK (CHAR_LENGTH(body) <= 1000)",
		 "ALTER TABLE reviews DROP CONSTRAINT x"},
	};
	char *before = lk_sandbox_shape(sandbox, &error);
	assert_non_null(before);
	for (size_t i = 0; i < LK_COUNT(changes); i++) {
		lk_practice_sql(sandbox, changes[i][0]);
		char *during = lk_sandbox_shape(sandbox, &error);
		lk_practice_sql(sandbox, changes[i][1]);
		char *after = lk_sandbox_shape(sandbox, &error);
		if (strcmp(before, during) == 0)
			fail_msg("the shape does not show: %s", changes[i][0]);
		if (strcmp(before, after) != 0)
			fail_msg("%s\nbefore:\n%s\nafter:\n%s", changes[i][1], before, after);
		free(during);
		free(after);
	}
	free(before);
}

int main(int argc, char **argv)
{
	/* The sandbox's process is this very program again. */
	if (argc > 1 && strcmp(argv[1], LK_SANDBOX_VERB) == 0)
		return lk_sandbox_server_main(argc, argv);
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(a_killed_sandbox_takes_its_servers_along),
		cmocka_unit_test(it_ends_when_nobody_uses_it),
		cmocka_unit_test(a_kept_folder_stays),
	};
	const struct CMUnitTest together[] = {
		cmocka_unit_test(both_servers_serve_and_the_replica_follows),
		cmocka_unit_test(nobody_comes_in_without_the_password),
		cmocka_unit_test(the_shape_tells_what_is_left),
		cmocka_unit_test(the_application_keeps_its_pace),
		cmocka_unit_test(a_stall_is_measured_from_when_work_was_due),
		cmocka_unit_test(the_comparison_finds_each_wrong_row),
		cmocka_unit_test(the_comparison_looks_at_each_column),
	};
	/* Leftovers are counted and looked for, so no other program's sandboxes may be among them. */
	char base[] = "/tmp/lk-my-sb-XXXXXX";
	if (!mkdtemp(base) || chmod(base, 01777) != 0)
		return 1;
	setenv("TMPDIR", base, 1);
	int failed = my_run_tests(alone, NULL, NULL);
	failed += my_run_tests(together, start_shared, stop_shared);
	if (rmdir(base) != 0) {
		perror(base);
		failed++;
	}
	return failed != 0;
}
