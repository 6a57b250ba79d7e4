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
#include "tests/server/one_sandbox.h"

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
	const struct lk_one_sandbox *one = *state;
	const struct lk_sandbox *sandbox = &one->shared;
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

static const struct lk_one_sandbox on_postgres = {
	.kind = "postgres", .lock = "BEGIN; LOCK TABLE users", .unlock = "ROLLBACK"};

static int begin(void **state)
{
	return lk_one_sandbox_begin(state, on_postgres);
}

static int begin_shared(void **state)
{
	struct lk_one_sandbox one = on_postgres;
	one.share = true;
	return lk_one_sandbox_begin(state, one);
}

static int tests(void)
{
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(quantiles_are_close_and_never_too_small),
		cmocka_unit_test(merged_counts_add_up),
		cmocka_unit_test(leftovers_are_told_from_others_work),
		cmocka_unit_test(a_foreign_process_is_never_taken_for_a_server),
		cmocka_unit_test(missing_programs_are_named),
		cmocka_unit_test(a_renaming_by_hand_is_followed_without_an_error),
		cmocka_unit_test(a_renaming_without_dual_write_is_caught),
		cmocka_unit_test(lk_one_sandbox_killed_takes_its_servers_along),
		cmocka_unit_test(lk_one_sandbox_ends_at_its_time),
		cmocka_unit_test(lk_one_sandbox_ends_when_nobody_uses_it),
		cmocka_unit_test(lk_one_sandbox_is_kept),
		cmocka_unit_test(it_works_without_any_rights),
	};
	const struct CMUnitTest together[] = {
		cmocka_unit_test(both_servers_serve_on_private_sockets),
		cmocka_unit_test(lk_one_sandbox_keeps_its_pace),
		cmocka_unit_test(lk_one_sandbox_measures_a_stall),
		cmocka_unit_test(lk_one_sandbox_finds_each_wrong_row),
		cmocka_unit_test(lk_one_sandbox_looks_at_each_column),
	};
	return cmocka_run_group_tests_name("sandbox", alone, begin, lk_one_sandbox_end) +
	       cmocka_run_group_tests_name("one sandbox", together, begin_shared,
					   lk_one_sandbox_end);
}

int main(int argc, char **argv)
{
	return lk_practice_main(argc, argv, tests);
}
