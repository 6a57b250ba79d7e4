/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox as its users see it: it starts, its application survives a migration, its comparison
 * finds what is wrong, and nothing of it stays behind. */
#include <errno.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "sandbox/folder.h"
#include "sandbox/latency.h"
#include "sandbox/pg_daemon.h"
#include "sandbox/protocol.h"
#include "sandbox/sandbox.h"
#include "tests/server/practice.h"

static void quantiles_are_close_and_never_too_small(void **state)
{
	(void)state;
	struct lk_latency latency;
	lk_latency_reset(&latency);
	assert_true(lk_latency_quantile_ms(&latency, 0.5) == 0);
	for (int us = 1; us <= 1000000; us++)
		lk_latency_add(&latency, us);
	static const double shares[] = {0.00005, 0.001, 0.5, 0.95, 0.99, 0.999, 1};
	for (size_t i = 0; i < LK_COUNT(shares); i++) {
		double exact = shares[i] * 1000, read = lk_latency_quantile_ms(&latency, shares[i]);
		assert_true(read >= exact - 0.001 && read <= exact * 1.033 + 0.001);
	}
	assert_int_equal(latency.max_us, 1000000);
	lk_latency_add(&latency, INT64_MAX);
	lk_latency_add(&latency, -7);
	assert_int_equal(latency.count, 1000002);
}

static void merged_counts_add_up(void **state)
{
	(void)state;
	struct lk_latency a, b;
	lk_latency_reset(&a);
	lk_latency_reset(&b);
	for (int i = 0; i < 99; i++)
		lk_latency_add(&a, 1000);
	lk_latency_add(&b, 50000);
	lk_latency_merge(&a, &b);
	assert_int_equal(a.count, 100);
	assert_true(lk_latency_quantile_ms(&a, 0.99) < 1.04);
	assert_true(lk_latency_quantile_ms(&a, 1) == 50);
}

static void both_servers_serve_on_private_sockets(void **state)
{
	const struct lk_sandbox *sandbox = *state;
	static const char address_sql[] = "SHOW listen_addresses";
	char *address = lk_practice_value(sandbox->uri, address_sql);
	char *standby = lk_practice_value(sandbox->replica_uri, "SELECT pg_is_in_recovery()");
	char *level = lk_practice_value(sandbox->uri, "SHOW wal_level");
	char *index = lk_practice_value(
		sandbox->uri,
		"SELECT count(*) FROM pg_indexes WHERE indexname = 'users_username_idx'");
	char *streaming =
		lk_practice_value(sandbox->uri, "SELECT count(*) FROM pg_stat_replication WHERE "
						"application_name = 'standby1'");
	assert_string_equal(address, "");
	assert_string_equal(standby, "t");
	assert_string_equal(level, "logical");
	assert_string_equal(index, "1");
	assert_string_equal(streaming, "1");
	free(address);
	free(standby);
	free(level);
	free(index);
	free(streaming);
}

static void the_application_keeps_its_pace(void **state)
{
	struct lk_sandbox *sandbox = *state;
	lk_practice_await_releases(sandbox, "41: 8 connections");
	lk_practice_await_figure(sandbox, "transactions", 900);
	lk_practice_await_figure(sandbox, "p99_alone_ms", 0.001);
	assert_true(lk_practice_figure(sandbox, "per_s") > 150);
	assert_true(lk_practice_figure(sandbox, "p50_ms") > 0);
	assert_true(lk_practice_figure(sandbox, "p99_run_ms") == -1);
	assert_int_equal(lk_practice_figure(sandbox, "errors"), 0);
}

static pid_t primary_of(const struct lk_sandbox *sandbox)
{
	char *data = lk_path_join(sandbox->folder, "db/primary");
	pid_t pid = lk_folder_server(data);
	free(data);
	return pid;
}

/* A lock that everything waits for is a stall, and no error. */
static void a_stall_is_measured_from_when_work_was_due(void **state)
{
	struct lk_sandbox *sandbox = *state;
	struct lk_error error;
	assert_true(lk_practice_figure(sandbox, "longest_stall_ms") < 600);
	PGconn *connection = PQconnectdb(sandbox->uri);
	assert_true(lk_postgres_execute(connection, "BEGIN; LOCK TABLE users", &error));
	lk_practice_await_figure(sandbox, "longest_stall_ms", 600);
	assert_true(lk_postgres_execute(connection, "ROLLBACK", &error));
	PQfinish(connection);
	lk_practice_await_figure(sandbox, "max_ms", 600);
	lk_practice_await_more(sandbox, 300);
	/* Every transaction that was due meanwhile counts as slow, not only the eight that waited.
	 */
	assert_true(lk_practice_figure(sandbox, "p95_ms") > 20);
	assert_int_equal(lk_practice_figure(sandbox, "errors"), 0);
}

static void the_comparison_finds_each_wrong_row(void **state)
{
	struct lk_sandbox *sandbox = *state;
	struct lk_sandbox_result result = lk_practice_result(sandbox);
	lk_practice_clean(&result);
	assert_true(result.transactions > 900);
	assert_true(result.longest_stall_ms >= 600);
	lk_practice_sql(sandbox, "UPDATE users SET username = 'somebody else' WHERE id = 4711");
	result = lk_practice_result(sandbox);
	assert_int_equal(result.rows_different, 1);
	lk_practice_sql(
		sandbox,
		"UPDATE users SET username = 'not null' WHERE id = (SELECT max(id) FROM users "
		"WHERE username IS NULL)");
	result = lk_practice_result(sandbox);
	assert_int_equal(result.rows_different, 2);
	lk_practice_sql(sandbox, "INSERT INTO users (email) VALUES ('nobody wrote this')");
	result = lk_practice_result(sandbox);
	assert_int_equal(result.rows_different, 3);
	lk_practice_sql(sandbox, "DELETE FROM reviews WHERE id = 17");
	result = lk_practice_result(sandbox);
	assert_int_equal(result.rows_different, 4);
	assert_int_equal(result.rows_compared, result.rows + 1);
}

/* Each column is compared, and in rows that were never written as in those that were. */
static void the_comparison_looks_at_each_column(void **state)
{
	struct lk_sandbox *sandbox = *state;
	static const char *const plants[][2] = {
		{"users", "email = 'x' || id"},
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
		/* The ends of the table: its first row and its newest. */
		char *sql = lk_format(
			"UPDATE %s SET %s WHERE id IN (SELECT min(id) + %zu FROM %s"
			" UNION SELECT max(id) - %zu FROM %s WHERE email <> 'nobody wrote this')",
			table, plants[i][1], i, table, i, table);
		if (strcmp(table, "users") != 0)
			strcpy(strstr(sql, " WHERE email"), ")");
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
	*sandbox = lk_practice_small(300);
	*state = sandbox;
	return 0;
}

static int stop_shared(void **state)
{
	lk_practice_stop(*state);
	free(*state);
	return 0;
}

static const char expand_sql[] =
	"BEGIN;"
	"CREATE SCHEMA lockkeeper;"
	"CREATE TABLE lockkeeper.run (name text, state text, wanted text, document jsonb,"
	" created_at timestamptz DEFAULT now());"
	"CREATE TABLE lockkeeper.step (run text, number int, name text, verb text, state text);"
	"INSERT INTO lockkeeper.run VALUES"
	" ('r1', 'running', '', '{\"steps\": [{\"to\": \"user_handle\"}]}');"
	"INSERT INTO lockkeeper.step VALUES ('r1', 0, 'dual', 'dual_write', 'running'),"
	" ('r1', 1, 'release-42', 'gate', 'pending'), ('r1', 2, 'verify-1', 'verify', 'pending'),"
	" ('r1', 3, 'contract', 'gate', 'pending'), ('r1', 4, 'release-41-gone', 'gate', 'pending'),"
	" ('r0', 0, 'contract', 'gate', 'done');"
	"CREATE FUNCTION to_new() RETURNS trigger LANGUAGE plpgsql AS"
	" 'BEGIN NEW.user_handle := NEW.username; RETURN NEW; END';"
	"CREATE FUNCTION to_old() RETURNS trigger LANGUAGE plpgsql AS"
	" 'BEGIN NEW.username := NEW.user_handle; RETURN NEW; END';"
	"CREATE FUNCTION to_both() RETURNS trigger LANGUAGE plpgsql AS"
	" 'BEGIN NEW.username := coalesce(NEW.username, NEW.user_handle);"
	"  NEW.user_handle := NEW.username; RETURN NEW; END';"
	"ALTER TABLE users ADD COLUMN user_handle text;"
	"CREATE TRIGGER z1 BEFORE UPDATE OF username ON users FOR EACH ROW EXECUTE FUNCTION "
	"to_new();"
	"CREATE TRIGGER z2 BEFORE UPDATE OF user_handle ON users FOR EACH ROW EXECUTE FUNCTION "
	"to_old();"
	"CREATE TRIGGER z3 BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION to_both();"
	"COMMIT";

static void backfill(const struct lk_sandbox *sandbox)
{
	for (int first = 0; first < 2 * LK_PRACTICE_ROWS; first += 1000) {
		char *sql = lk_format("UPDATE users SET user_handle = username "
				      "WHERE id >= %d AND id < %d",
				      first, first + 1000);
		lk_practice_sql(sandbox, sql);
		free(sql);
	}
}

static void a_renaming_by_hand_is_followed_without_an_error(void **state)
{
	(void)state;
	struct lk_sandbox sandbox = lk_practice_small(400);
	lk_practice_await_more(&sandbox, 400);
	lk_practice_sql(&sandbox, expand_sql);
	lk_practice_await_figure(&sandbox, "p99_run_ms", 0.001);
	lk_practice_await_releases(&sandbox, "41: 8 connections");
	/* The gate that asks for release 42 has been reached. */
	lk_practice_sql(&sandbox, "UPDATE lockkeeper.step SET state = 'done' WHERE name = 'dual'");
	lk_practice_await_releases(&sandbox, "41: 4 connections, 42: 4 connections");
	backfill(&sandbox);
	lk_practice_sql(&sandbox,
			"UPDATE lockkeeper.step SET state = 'done' WHERE name = 'verify-1'");
	lk_practice_await_more(&sandbox, 400);

	lk_practice_sql(&sandbox, "UPDATE lockkeeper.run SET wanted = 'rollback'");
	lk_practice_await_releases(&sandbox, "41: 8 connections");
	lk_practice_sql(&sandbox, "UPDATE lockkeeper.run SET wanted = ''");
	lk_practice_await_releases(&sandbox, "41: 4 connections, 42: 4 connections");

	lk_practice_sql(
		&sandbox,
		"UPDATE lockkeeper.step SET state = 'done' WHERE run = 'r1' AND number < 4");
	lk_practice_await_releases(&sandbox, "42: 8 connections");
	char *old = lk_practice_value(sandbox.uri, "SELECT count(*) FROM pg_stat_activity WHERE "
						   "application_name = 'shop release 41'");
	assert_string_equal(old, "0");
	free(old);
	lk_practice_sql(&sandbox,
			"BEGIN; DROP TRIGGER z1 ON users; DROP TRIGGER z2 ON users;"
			"DROP TRIGGER z3 ON users; ALTER TABLE users DROP COLUMN username; COMMIT");
	lk_practice_await_more(&sandbox, 400);
	struct lk_sandbox_result result = lk_practice_result(&sandbox);
	lk_practice_clean(&result);
	lk_practice_stop(&sandbox);
}

/* The classic mistake: the column exists, and what the releases write is not carried over. */
static void a_renaming_without_dual_write_is_caught(void **state)
{
	(void)state;
	struct lk_sandbox sandbox = lk_practice_small(400);
	lk_practice_sql(&sandbox, "ALTER TABLE users ADD COLUMN user_handle text");
	lk_practice_await_releases(&sandbox, "41: 4 connections, 42: 4 connections");
	lk_practice_sql(&sandbox, "UPDATE users SET user_handle = username");
	/* Release 41 always believes what it reads, and here release 42 changed it behind its back.
	 */
	lk_practice_await_figure(&sandbox, "transactions", 400);
	struct lk_sandbox_result result = lk_practice_result(&sandbox);
	assert_true(result.rows_different > 0);
	lk_practice_stop(&sandbox);
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
	struct lk_sandbox killed = lk_practice_small(100);
	pid_t server = primary_of(&killed);
	assert_true(server > 0);
	kill(killed.pid, SIGKILL);
	wait_until_gone(killed.pid);
	int64_t deadline = lk_clock_us() + LK_PRACTICE_PATIENCE_US;
	while (primary_of(&killed) != 0) {
		assert_true(lk_clock_us() < deadline);
		lk_sleep_ms(10);
	}
	assert_int_equal(access(killed.folder, F_OK), 0);
	struct lk_sandbox_result result;
	struct lk_error error = {0};
	assert_false(lk_sandbox_result(&killed, &result, &error));
	assert_int_equal(error.class, LK_ERROR_LOST);

	struct lk_sandbox next = lk_practice_small(0);
	assert_int_not_equal(access(killed.folder, F_OK), 0);
	close(killed.connection);
	lk_practice_stop(&next);
}

static struct lk_folder folder_with_server(const struct lk_postgres *postgres,
					   struct lk_postgres_server *server)
{
	struct lk_folder folder;
	struct lk_error error = {0};
	assert_true(
		lk_folder_make("lk-left", postgres->as.user, postgres->as.group, &folder, &error));
	lk_postgres_name(server, folder.servers, "primary", 5432);
	if (!lk_postgres_initdb(postgres, server, &error) ||
	    !lk_postgres_start(postgres, server, &error))
		fail_msg("%s", error.text);
	return folder;
}

static void leftovers_are_told_from_others_work(void **state)
{
	(void)state;
	struct lk_postgres postgres;
	struct lk_postgres_server server;
	struct lk_folder alive, kept;
	struct lk_error error = {0};
	assert_true(lk_postgres_find(&postgres, &error));
	struct lk_folder dead = folder_with_server(&postgres, &server);
	assert_true(lk_folder_make("lk-left", postgres.as.user, postgres.as.group, &alive, &error));
	assert_true(lk_folder_make("lk-left", postgres.as.user, postgres.as.group, &kept, &error));
	char *keep = lk_path_join(kept.path, "keep");
	assert_true(lk_path_write(keep, "", 0, &error));
	close(dead.lock);
	close(kept.lock);
	kept.lock = -1;

	assert_int_equal(lk_folder_server(server.data), server.pid);
	assert_int_equal(lk_folder_remove_leftovers("lk-left"), 1);
	assert_int_equal(lk_folder_server(server.data), 0);
	assert_int_not_equal(access(dead.path, F_OK), 0);
	assert_int_equal(access(alive.path, F_OK), 0);
	assert_int_equal(access(kept.path, F_OK), 0);
	assert_true(lk_folder_close(&alive, false, &error));
	assert_true(lk_folder_close(&kept, false, &error));
	assert_int_not_equal(access(alive.path, F_OK), 0);
	free(keep);
}

/* The number in postmaster.pid may belong to anybody by now. */
static void a_foreign_process_is_never_taken_for_a_server(void **state)
{
	(void)state;
	struct lk_folder folder;
	struct lk_error error = {0};
	char text[32];
	assert_true(lk_folder_make("lk-left", geteuid(), getegid(), &folder, &error));
	char *file = lk_path_join(folder.servers, "postmaster.pid");
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	assert_true(lk_path_write(file, text, strlen(text), &error));
	assert_int_equal(lk_folder_server(folder.servers), 0);
	assert_true(lk_path_write(file, "-1\n", 3, &error));
	assert_int_equal(lk_folder_server(folder.servers), 0);
	assert_true(lk_path_write(file, "", 0, &error));
	assert_int_equal(lk_folder_server(folder.servers), 0);
	assert_true(lk_folder_close(&folder, false, &error));
	free(file);
}

static void it_ends_at_its_time(void **state)
{
	(void)state;
	const struct lk_sandbox_options options = {.rows = 100, .writes = 50, .max_time_ms = 300};
	struct lk_sandbox sandbox = lk_practice_start(&options);
	wait_until_gone(sandbox.pid);
	assert_int_not_equal(access(sandbox.folder, F_OK), 0);
	close(sandbox.connection);
}

/* A keeper keeps it alive without any console; without both it ends. */
static void it_ends_when_nobody_uses_it(void **state)
{
	(void)state;
	const struct lk_sandbox_options options = {.rows = 100, .writes = 100, .idle_ms = 1200};
	struct lk_sandbox sandbox = lk_practice_start(&options);
	char *uri = lk_format("%s&application_name=lockkeeper:r1:worker", sandbox.uri);
	PGconn *keeper = PQconnectdb(uri);
	assert_int_equal(PQstatus(keeper), CONNECTION_OK);
	/* The deployment looks several times a second; after so many transactions it has seen the
	 * keeper. */
	lk_practice_await_more(&sandbox, 100);
	close(sandbox.connection);
	lk_practice_await_more(&sandbox, 250);
	assert_int_equal(kill(sandbox.pid, 0), 0);
	PQfinish(keeper);
	wait_until_gone(sandbox.pid);
	assert_int_not_equal(access(sandbox.folder, F_OK), 0);
	free(uri);
}

static void a_kept_folder_stays(void **state)
{
	(void)state;
	struct lk_error error = {0};
	const struct lk_sandbox_options options = {.rows = 100, .keep = true};
	struct lk_sandbox sandbox = lk_practice_start(&options);
	assert_true(lk_sandbox_stop(&sandbox, &error));
	assert_int_equal(access(sandbox.folder, F_OK), 0);
	assert_int_equal(primary_of(&sandbox), 0);
	lk_folder_remove_leftovers(LK_SANDBOX_PREFIX);
	assert_int_equal(access(sandbox.folder, F_OK), 0);
	assert_true(lk_path_remove_tree(sandbox.folder, &error));
}

static void missing_programs_are_named(void **state)
{
	(void)state;
	struct lk_sandbox sandbox;
	struct lk_error error = {0};
	const struct lk_sandbox_options options = {.rows = 100};
	setenv("LOCKKEEPER_PG_BINDIR", "/nowhere/bin", 1);
	bool started = lk_sandbox_start(&options, NULL, NULL, &sandbox, &error);
	unsetenv("LOCKKEEPER_PG_BINDIR");
	assert_false(started);
	assert_non_null(strstr(error.text, "LOCKKEEPER_PG_BINDIR is /nowhere/bin"));
}

/* In a child that has given up its rights: nothing of cmocka's may be used. */
static int sandbox_as(const struct passwd *user)
{
	struct lk_error error = {0};
	struct lk_sandbox sandbox;
	struct lk_sandbox_result result;
	const struct lk_sandbox_options options = {.rows = 1000, .writes = 200};
	if (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0 || chdir("/") != 0)
		return 2;
	/* Else /proc/self belongs to root. */
	prctl(PR_SET_DUMPABLE, 1);
	bool done = lk_sandbox_start(&options, NULL, NULL, &sandbox, &error) &&
		    lk_sandbox_result(&sandbox, &result, &error) &&
		    lk_sandbox_stop(&sandbox, &error);
	if (!done)
		fprintf(stderr, "%s\n", error.text);
	return done && result.rows_different == 0 && result.rows_compared >= 1000 ? 0 : 1;
}

static void it_works_without_any_rights(void **state)
{
	(void)state;
	const struct passwd *user = geteuid() == 0 ? getpwnam("nobody") : NULL;
	if (!user)
		skip();
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(sandbox_as(user));
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
	/* The sandbox's process is this very program again. */
	if (argc > 1 && strcmp(argv[1], LK_SANDBOX_VERB) == 0)
		return lk_sandbox_server_main(argc, argv);
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(quantiles_are_close_and_never_too_small),
		cmocka_unit_test(merged_counts_add_up),
		cmocka_unit_test(leftovers_are_told_from_others_work),
		cmocka_unit_test(a_foreign_process_is_never_taken_for_a_server),
		cmocka_unit_test(missing_programs_are_named),
		cmocka_unit_test(a_renaming_by_hand_is_followed_without_an_error),
		cmocka_unit_test(a_renaming_without_dual_write_is_caught),
		cmocka_unit_test(a_killed_sandbox_takes_its_servers_along),
		cmocka_unit_test(it_ends_at_its_time),
		cmocka_unit_test(it_ends_when_nobody_uses_it),
		cmocka_unit_test(a_kept_folder_stays),
		cmocka_unit_test(it_works_without_any_rights),
	};
	const struct CMUnitTest together[] = {
		cmocka_unit_test(both_servers_serve_on_private_sockets),
		cmocka_unit_test(the_application_keeps_its_pace),
		cmocka_unit_test(a_stall_is_measured_from_when_work_was_due),
		cmocka_unit_test(the_comparison_finds_each_wrong_row),
		cmocka_unit_test(the_comparison_looks_at_each_column),
	};
	/* Leftovers are counted and looked for, so no other program's sandboxes may be among them.
	 */
	char base[] = "/tmp/lk-sb-XXXXXX";
	if (!mkdtemp(base) || chmod(base, 01777) != 0)
		return 1;
	setenv("TMPDIR", base, 1);
	int failed = cmocka_run_group_tests_name("sandbox", alone, NULL, NULL);
	failed += cmocka_run_group_tests_name("one sandbox", together, start_shared, stop_shared);
	if (rmdir(base) != 0) {
		perror(base);
		failed++;
	}
	return failed != 0;
}
