/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Targets that cannot be used: one sentence that says what to do, and nothing touched. */
#include "tests/control/stage.h"

#include <sys/stat.h>
#include <unistd.h>

static struct lk_stage stage;
static struct lk_home alice;

static int open_stage(void **state)
{
	(void)state;
	lk_stage_open(&stage, NULL);
	lk_home_make(&stage, &alice);
	lk_users_make(&stage, "shut", 100);
	lk_plan_rename(&alice, "shut", "shut", "");
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	lk_stage_close(&stage);
	return 0;
}

/* The run as another role (with this password if not NULL, out of ~/.pgpass) must end so, and say this. */
static void refused(const char *role, const char *password, int status, const char *words)
{
	char *uri = lk_format("postgresql:///test?host=%s&port=5432&user=%s",
			      lk_test_server_folder(stage.server), role);
	char *path = lk_format("%s/.pgpass", alice.path);
	FILE *file = fopen(path, "w");
	if (password)
		fprintf(file, "*:*:*:%s:%s\n", role, password);
	fclose(file);
	chmod(path, 0600);
	lk_expect_says(&alice, status, words, "run", "shut", "--headless", "--yes", "expand",
		       "--target", uri, NULL);
	unlink(path);
	free(path);
	free(uri);
}

static void expect_untouched(void)
{
	assert_int_equal(
		lk_number(&stage, "SELECT count(*) FROM pg_namespace WHERE nspname = 'lockkeeper'"),
		0);
	assert_int_equal(
		lk_number(&stage,
			  "SELECT count(*) FROM pg_attribute WHERE attrelid = 'shut'::regclass AND"
			  " attnum > 0"),
		3);
}

static void without_and_with_a_wrong_password(void **state)
{
	(void)state;
	lk_test_server_require_password(stage.server, "locked", "right one");
	refused("locked", NULL, 1, "no password was found");
	refused("locked", "wrong one", 1, "password authentication failed");
	expect_untouched();
	/* The right one is found where libpq looks; then the privilege is what is missing. */
	refused("locked", "right one", 1, "does not own table shut");
}

static void a_missing_privilege_is_named_with_its_grant(void **state)
{
	(void)state;
	lk_sql(&stage,
	       "CREATE ROLE poor LOGIN; CREATE ROLE \"Own er\"; ALTER TABLE shut OWNER TO \"Own er\"");
	refused("poor", NULL, 1, "GRANT \"Own er\" TO \"poor\"");
	lk_sql(&stage, "GRANT \"Own er\" TO poor");
	refused("poor", NULL, 1, "GRANT CREATE ON DATABASE \"test\" TO \"poor\"");
	lk_sql(&stage, "GRANT CREATE ON DATABASE test TO poor");
	refused("poor", NULL, 1, "GRANT CREATE ON SCHEMA \"public\" TO \"poor\"");
	expect_untouched();
}

/* With exactly these three grants, and nothing more, the whole plan can be carried out. */
static void with_what_was_named_the_plan_goes_through(void **state)
{
	(void)state;
	char *uri = lk_format("postgresql:///test?host=%s&port=5432&user=poor",
			      lk_test_server_folder(stage.server));
	lk_sql(&stage,
	       "GRANT CREATE ON SCHEMA public TO poor; GRANT CREATE ON SCHEMA public TO \"Own er\"");
	lk_expect(&alice, 0, "run", "shut", "--headless", "--yes", LK_ALL_GATES, "--target", uri,
		  NULL);
	lk_users_compare(&stage, "shut", "user_handle");
	free(uri);
}

static void what_does_not_answer_is_said(void **state)
{
	(void)state;
	lk_users_make(&stage, "open", 10);
	lk_plan_rename(&alice, "open", "open", "");
	char *uri = lk_format("postgresql:///nowhere?host=%s&port=5432&user=postgres",
			      lk_test_server_folder(stage.server));
	lk_expect_says(&alice, 1, "database \"nowhere\" does not exist", "run", "open",
		       "--headless", "--target", uri, NULL);
	lk_expect_says(&alice, 6, "database \"nowhere\" does not exist", "status", "--target", uri,
		       NULL);
	free(uri);
	uri = lk_format("postgresql:///test?host=%s&port=5999&user=postgres",
			lk_test_server_folder(stage.server));
	lk_expect_says(&alice, 1, "Is the server running", "run", "open", "--headless", "--target",
		       uri, NULL);
	lk_expect_says(&alice, 6, "Is the server running", "pause", "--target", uri, NULL);
	lk_expect_says(&alice, 6, "Is the server running", "explain", "open", "--target", uri,
		       NULL);
	free(uri);
	uri = lk_format("postgresql:///test?host=%s&port=5432&user=nobody_here",
			lk_test_server_folder(stage.server));
	lk_expect_says(&alice, 1, "role \"nobody_here\" does not exist", "run", "open",
		       "--headless", "--target", uri, NULL);
	free(uri);
}

static void a_target_without_a_journal_says_so(void **state)
{
	(void)state;
	lk_sql(&stage, "CREATE DATABASE bare");
	char *uri = lk_format("postgresql:///bare?host=%s&port=5432&user=postgres",
			      lk_test_server_folder(stage.server));
	lk_expect_says(&alice, 1, "no plan was ever run there", "status", "--target", uri, NULL);
	lk_expect_says(&alice, 1, "no plan was ever run there", "pause", "x", "--target", uri,
		       NULL);
	lk_expect_says(&alice, 2, "without --target", "throttle", "--target", uri, NULL);
	free(uri);
}

static void behind_a_pooler(void **state)
{
	(void)state;
	static const char *const places[] = {"/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer",
					     "/usr/bin/pgbouncer"};
	const char *program = NULL;
	for (size_t i = 0; i < LK_COUNT(places); i++)
		if (access(places[i], X_OK) == 0)
			program = places[i];
	if (!program) {
		print_message(
			"no pgbouncer on this machine: the refusal of poolers is not tried\n");
		skip();
	}
	/* As an unprivileged account, since it refuses to run as root: the settings are readable to all. */
	char *ini = lk_format("%s/pooler.ini", alice.path), *port = lk_format("%d", 6543);
	FILE *file = fopen(ini, "w");
	fprintf(file,
		"[databases]\ntest = host=%s port=5432 user=postgres\n[pgbouncer]\nlisten_port = %s\nunix_socket_dir = %s\n"
		"auth_type = any\npool_mode = transaction\n",
		lk_test_server_folder(stage.server), port, lk_test_server_folder(stage.server));
	fclose(file);
	chmod(ini, 0644);
	chmod(alice.path, 0711);
	chmod(stage.folder, 0711);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("runuser", "runuser", "-u", "postgres", "--", program, "-q", ini, NULL);
		_exit(127);
	}
	char *uri = lk_format("postgresql:///test?host=%s&port=%s&user=postgres",
			      lk_test_server_folder(stage.server), port);
	PGconn *session = NULL;
	int64_t until = lk_clock_us() + LK_BUSY * 10000000LL;
	do {
		PQfinish(session);
		session = PQconnectdb(uri);
	} while (PQstatus(session) != CONNECTION_OK && lk_clock_us() < until);
	assert_int_equal(PQstatus(session), CONNECTION_OK);
	PQfinish(session);
	lk_expect_says(&alice, 1, "behind a connection pooler", "run", "open", "--headless",
		       "--target", uri, NULL);
	kill(pid, SIGTERM);
	lk_keeper_await_gone(pid, 20);
	free(uri);
	free(ini);
	free(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_and_with_a_wrong_password),
		cmocka_unit_test(a_missing_privilege_is_named_with_its_grant),
		cmocka_unit_test(with_what_was_named_the_plan_goes_through),
		cmocka_unit_test(what_does_not_answer_is_said),
		cmocka_unit_test(a_target_without_a_journal_says_so),
		cmocka_unit_test(behind_a_pooler),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
