/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox of MariaDB and MySQL as its users see it: what all sandboxes have to do, and how these servers run. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/link.h"
#include "sandbox/release.h"
#include "tests/server/my_sessions.h"
#include "tests/server/one_sandbox.h"

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
	const struct lk_one_sandbox *one = *state;
	const struct lk_sandbox *sandbox = &one->shared;
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
	const struct lk_one_sandbox *one = *state;
	const struct lk_sandbox *sandbox = &one->shared;
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

/* The shape is the same line for line after something was done and undone, and not in between. */
static void the_shape_tells_what_is_left(void **state)
{
	struct lk_one_sandbox *one = *state;
	struct lk_sandbox *sandbox = &one->shared;
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

static void its_sessions_name_the_release(void **state)
{
	const struct lk_one_sandbox *one = *state;
	await_value(one->shared.uri,
		    "SELECT COUNT(*) FROM performance_schema.session_connect_attrs"
		    " WHERE attr_name = 'program_name' AND attr_value = 'shop release 41'",
		    "8");
}

/*
 * MariaDB's catalog shows nothing of a table while it is altered, as it shows nothing to who has no rights there: then
 * no release is rolled out that does without the columns that are not seen.
 */
static void a_table_that_is_not_shown_changes_no_release(void **state)
{
	const struct lk_one_sandbox *one = *state;
	struct lk_error error = {0};
	struct lk_release_stage stage;
	lk_practice_sql(&one->shared, "CREATE USER blind@localhost;"
				      "GRANT SELECT ON performance_schema.* TO blind@localhost");
	char *socket = lk_practice_value(one->shared.uri, "SELECT @@socket");
	char *uri = lk_format("mysql://blind@/performance_schema?socket=%s&defaults-file=/dev/null",
			      socket);
	struct lk_link *link = lk_link_open(uri, "test", &error);
	if (!link || !lk_release_look(link, &stage, &error))
		fail_msg("%s", error.text);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lk_release_of(&stage, i).release, LK_RELEASE_OLD);
		assert_int_equal(lk_release_of(&stage, i).features, 0);
	}
	lk_link_close(link);
	free(uri);
	free(socket);
	lk_practice_sql(&one->shared, "DROP USER blind@localhost");
}

static struct lk_one_sandbox chosen(bool share)
{
	return (struct lk_one_sandbox){.kind = my_is_mariadb() ? "mariadb" : "mysql",
				       .lock = "LOCK TABLES users WRITE",
				       .unlock = "UNLOCK TABLES",
				       .share = share};
}

static int begin(void **state)
{
	return lk_one_sandbox_begin(state, chosen(false));
}

static int begin_shared(void **state)
{
	return lk_one_sandbox_begin(state, chosen(true));
}

static int tests(void)
{
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(lk_one_sandbox_killed_takes_its_servers_along),
		cmocka_unit_test(lk_one_sandbox_ends_at_its_time),
		cmocka_unit_test(lk_one_sandbox_ends_when_nobody_uses_it),
		cmocka_unit_test(lk_one_sandbox_is_kept),
	};
	const struct CMUnitTest together[] = {
		cmocka_unit_test(both_servers_serve_and_the_replica_follows),
		cmocka_unit_test(nobody_comes_in_without_the_password),
		cmocka_unit_test(the_shape_tells_what_is_left),
		cmocka_unit_test(lk_one_sandbox_keeps_its_pace),
		cmocka_unit_test(its_sessions_name_the_release),
		cmocka_unit_test(a_table_that_is_not_shown_changes_no_release),
		cmocka_unit_test(lk_one_sandbox_measures_a_stall),
		cmocka_unit_test(lk_one_sandbox_finds_each_wrong_row),
		cmocka_unit_test(lk_one_sandbox_looks_at_each_column),
	};
	return my_run_tests(alone, begin, lk_one_sandbox_end) +
	       my_run_tests(together, begin_shared, lk_one_sandbox_end);
}

int main(int argc, char **argv)
{
	return lk_practice_main(argc, argv, tests);
}
