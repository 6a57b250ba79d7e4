/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers that are set up in their own way, as sessions meet them. */
#include "tests/server/my_sessions.h"

#include "base/memory.h"
#include "tests/server/stepping.h"

/* Everything at once that a server may have been told otherwise than ours: names in small letters, a zone and a
 * character set of its own, cut values, and the performance schema switched on. */
static const char *const odd[] = {"--lower-case-table-names=1",
				  "--default-time-zone=-03:30",
				  "--character-set-server=latin1",
				  "--collation-server=latin1_swedish_ci",
				  "--sql-mode=",
				  "--performance-schema=1",
				  "--transaction-isolation=SERIALIZABLE",
				  "--autocommit=0",
				  "--max-connections=20",
				  "--explicit-defaults-for-timestamp=0",
				  NULL};
static struct lk_test_my *server;

static int start_server(void **state)
{
	(void)state;
	server = lk_test_my_start(odd);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

static void a_session_is_set_up_alike_all_the_same(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	my_expect(session, "SELECT @@autocommit", "1");
	my_expect(session, "SELECT @@character_set_client", "utf8mb4");
	my_expect(session, "SELECT @@time_zone", "-03:30");
	my_expect(session, "SELECT @@sql_mode", "STRICT_TRANS_TABLES,STRICT_ALL_TABLES");
	my_must(session, "CREATE TABLE Mixed (a varchar(3), t varchar(20) CHARACTER SET utf8mb4)");
	my_expect(session,
		  "SELECT table_name FROM information_schema.tables"
		  " WHERE table_schema = 'test' AND table_name = 'MIXED'",
		  "mixed");
	assert_false(lk_execute(session, "INSERT INTO mixed (a) VALUES ('four')", &error));
	assert_int_equal(error.number, 1406);
	assert_true(LK_RUN(session, &error, "INSERT INTO MIXED (t) VALUES ($1)",
			   "漢字 \xf0\x9f\x98\x80"));
	my_expect(session, "SELECT t FROM mixed", "漢字 \xf0\x9f\x98\x80");
	/* What its character set has no letter for is refused and not made a question mark. */
	assert_false(LK_RUN(session, &error, "INSERT INTO mixed (a) VALUES ($1)", "漢"));
	assert_int_equal(error.number, 1366);
	lk_session_close(session);
}

static void the_performance_schema_shows_whose_a_session_is(void **state)
{
	(void)state;
	struct lk_session *session = my_session(server, "worker");
	my_expect(session,
		  "SELECT attr_value FROM performance_schema.session_connect_attrs"
		  " WHERE processlist_id = CONNECTION_ID() AND attr_name = 'program_name'",
		  "lockkeeper:test:worker");
	lk_session_close(session);
}

static void too_many_connections_are_a_matter_of_waiting(void **state)
{
	(void)state;
	my_need(server);
	enum { MANY = 25 };
	MYSQL *taken[MANY] = {NULL};
	char *uri = lk_test_my_uri(server, "little", NULL);
	lk_test_my_sql(server,
		       "CREATE USER little@localhost; GRANT ALL ON test.* TO little@localhost");
	for (size_t i = 0; i < MANY; i++) {
		taken[i] = mysql_init(NULL);
		char *socket = lk_format("%s/s.sock", lk_test_my_folder(server));
		mysql_real_connect(taken[i], NULL, "little", NULL, "test", 0, socket, 0);
		free(socket);
	}
	my_refused(uri, LK_ERROR_LOST, "Too many connections");
	for (size_t i = 0; i < MANY; i++)
		mysql_close(taken[i]);
	free(uri);
}

/* What a failover looks like to who was connected. */
static void a_server_that_takes_no_writes_says_so(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	my_must(session, "CREATE TABLE written (n int)");
	lk_test_my_sql(server, my_is_mariadb() ? "CREATE USER writer@localhost;"
						 " GRANT ALL ON test.* TO writer@localhost;"
						 " SET GLOBAL read_only = 1"
					       : "SET GLOBAL super_read_only = 1");
	/* MariaDB's read_only does not bind root. */
	char *uri = lk_test_my_uri(server, my_is_mariadb() ? "writer" : "root", NULL);
	struct lk_session *writer = my_session_of(uri, "worker");
	assert_false(lk_execute(writer, "INSERT INTO written VALUES (1)", &error));
	assert_int_equal(error.number, 1290);
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	lk_session_close(writer);
	lk_test_my_sql(server, "SET GLOBAL read_only = 0");
	my_must(session, "INSERT INTO written VALUES (1)");
	lk_session_close(session);
	free(uri);
}

/* Every step of a plan, forward and back and forward again, on a server that is set up like this. */
static void a_plan_goes_all_the_way_there_and_back(void **state)
{
	static const char plan[] = "plan: odd\noperations:\n"
				   "  - rename_column: {table: People, from: Name, to: handle}\n";
	static const char same[] =
		"SELECT COUNT(*) = 300 AND COUNT(*) = SUM(%s = CONVERT(CONCAT('M\303\274ller ', id)"
		" USING latin1)) AND MIN(born) = '1970-01-02 03:04:05' FROM people";
	(void)state;
	struct lk_test_steps steps;
	my_numbers(server, "three_hundred", 300);
	lk_test_my_sql(
		server,
		"SET NAMES utf8mb4; CREATE TABLE People (id int AUTO_INCREMENT PRIMARY KEY,"
		" Name varchar(30) NOT NULL, born timestamp DEFAULT '1970-01-02 03:04:05');"
		"INSERT INTO people (name) SELECT CONCAT('M\303\274ller ', n) FROM three_hundred");
	char *uri = lk_test_my_uri(server, "root", NULL);
	for (int back = 1; back >= 0; back--) {
		char *sql = lk_format(same, back ? "name" : "handle");
		lk_test_steps_open_uri(&steps, uri, plan);
		if (back) {
			lk_test_steps_until(&steps, "new-release");
			lk_test_steps_back(&steps, "new-release");
		} else {
			lk_test_steps_until(&steps, NULL);
		}
		lk_test_steps_close(&steps);
		assert_int_equal(lk_test_my_number(server, sql), 1);
		free(sql);
	}
	free(uri);
}

static void another_identity_after_a_restart_is_no_matter(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	const char *who = my_is_mariadb() ? "SELECT @@server_id" : "SELECT @@server_uuid";
	char *before = my_value(session, who);
	lk_test_my_down(server);
	lk_test_my_forget_identity(server);
	lk_test_my_up(server);
	assert_false(lk_execute(session, "DO 1", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	struct lk_session *again = my_session(server, "worker");
	char *after = my_value(again, who);
	assert_true(my_is_mariadb() || strcmp(before, after) != 0);
	/* Its numbers of sessions begin again: the one we lost may be somebody else's now. */
	assert_true(lk_session_end_lost(again, session->id, &error));
	my_expect(again, "SELECT 1", "1");
	lk_session_close(session);
	lk_session_close(again);
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_set_up_alike_all_the_same),
		cmocka_unit_test(the_performance_schema_shows_whose_a_session_is),
		cmocka_unit_test(too_many_connections_are_a_matter_of_waiting),
		cmocka_unit_test(a_server_that_takes_no_writes_says_so),
		cmocka_unit_test(a_plan_goes_all_the_way_there_and_back),
		cmocka_unit_test(another_identity_after_a_restart_is_no_matter),
	};
	return my_run_tests(tests, start_server, stop_server);
}
