/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions on real servers: values as text, parameters, errors by class, cancels and interrupts. */
#include "tests/server/my_sessions.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"

static struct lk_test_my *server;

static int start_server(void **state)
{
	(void)state;
	server = lk_test_my_start(NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

/* The isolation level's variable: MariaDB calls it as MySQL does from 11.1 on. */
static const char *isolation(void)
{
	return my_is_mariadb() ? "tx_isolation" : "transaction_isolation";
}

static void expect_read_committed(struct lk_session *session)
{
	char *sql = lk_format("SELECT @@%s", isolation());
	my_expect(session, sql, "READ-COMMITTED");
	free(sql);
}

static void a_session_says_who_it_is(void **state)
{
	(void)state;
	struct lk_session *session = my_session(server, "worker");
	char *sql = lk_format("SELECT info FROM information_schema.processlist WHERE id = %d",
			      session->id);
	char *info = my_value(session, sql);
	char *where = session->driver->describe(session->connection);
	assert_contains(info, "/* lockkeeper:test:worker */ SELECT info");
	assert_string_equal(where, "root@local/test");
	assert_string_equal(session->driver->name, "mysql");
	my_expect(
		session,
		"SELECT CONNECTION_ID() = IS_USED_LOCK(CONCAT('lockkeeper:test:worker:', CONNECTION_ID()))",
		"1");
	free(sql);
	free(info);
	free(where);
	lk_session_close(session);
}

static void every_session_is_set_up_alike(void **state)
{
	(void)state;
	struct lk_session *session = my_session(server, "worker");
	expect_read_committed(session);
	my_expect(session, "SELECT @@autocommit", "1");
	my_expect(session, "SELECT @@character_set_client", "utf8mb4");
	my_expect(session, "SELECT @@character_set_results", "utf8mb4");
	my_expect(session, "SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout", "2");
	if (my_is_mariadb()) {
		my_expect(session, "SELECT @@max_statement_time", "0.000000");
		my_expect(session, "SELECT @@idle_transaction_timeout", "2");
	} else {
		my_expect(session, "SELECT @@max_execution_time", "0");
	}
	my_expect(session, "SELECT @@wait_timeout", "31536000");
	my_expect(session, "SELECT @@sql_mode LIKE '%STRICT_TRANS_TABLES,STRICT_ALL_TABLES%'", "1");
	lk_session_close(session);
}

static void the_servers_own_modes_and_zone_are_kept(void **state)
{
	(void)state;
	my_need(server);
	char *strange = lk_format("SET GLOBAL time_zone = '+05:30', sql_mode = 'ANSI_QUOTES',"
				  " autocommit = 0, %s = 'SERIALIZABLE'",
				  isolation());
	lk_test_my_sql(server, strange);
	free(strange);
	struct lk_session *session = my_session(server, "worker");
	my_expect(session, "SELECT @@sql_mode",
		  "ANSI_QUOTES,STRICT_TRANS_TABLES,STRICT_ALL_TABLES");
	my_expect(session, "SELECT FROM_UNIXTIME(0)", "1970-01-01 05:30:00");
	my_expect(session, "SELECT @@autocommit", "1");
	expect_read_committed(session);
	lk_session_close(session);
	char *usual = lk_format("SET GLOBAL time_zone = SYSTEM, sql_mode = DEFAULT, autocommit = 1,"
				" %s = DEFAULT",
				isolation());
	lk_test_my_sql(server, usual);
	free(usual);
}

static void what_does_not_fit_is_an_error_and_not_cut(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	my_must(session, "CREATE TABLE narrow (a varchar(3), n tinyint)");
	assert_false(LK_RUN(session, &error, "INSERT INTO narrow VALUES ($1, 1)", "four"));
	assert_int_equal(error.number, 1406);
	assert_string_equal(error.state, "22001");
	assert_int_equal(error.class, LK_ERROR_STATEMENT);
	assert_false(LK_RUN(session, &error, "INSERT INTO narrow VALUES ('x', $1)", "128"));
	assert_int_equal(error.number, 1264);
	lk_session_close(session);
}

static void extremes_of_types_come_as_text(void **state)
{
	static const struct {
		const char *sql, *expected;
	} cases[] = {
		{"SELECT NULL", "NULL"},
		{"SELECT ''", ""},
		{"SELECT CAST(18446744073709551615 AS UNSIGNED)", "18446744073709551615"},
		{"SELECT CAST(-9223372036854775808 AS SIGNED)", "-9223372036854775808"},
		{"SELECT CAST('-99999999999999999999999999999999999.123456789012345678901234567890' AS "
		 "DECIMAL(65,30))",
		 "-99999999999999999999999999999999999.123456789012345678901234567890"},
		{"SELECT 1.7976931348623157e308", "1.7976931348623157e308"},
		{"SELECT 2.2250738585072014e-308", "2.2250738585072014e-308"},
		{"SELECT CAST('837:59:59.999999' AS TIME(6))", "837:59:59.999999"},
		{"SELECT CAST('-837:59:59.999999' AS TIME(6))", "-837:59:59.999999"},
		{"SELECT CAST('9999-12-31 23:59:59.999999' AS DATETIME(6))",
		 "9999-12-31 23:59:59.999999"},
		{"SELECT CAST('0001-01-01' AS DATE)", "0001-01-01"},
		{"SELECT 1 = 1, true", "1"},
		{"SELECT JSON_OBJECT('a', 'é\\n')", "{\"a\": \"é\\n\"}"},
		{"SELECT '\xf0\x9f\x98\x80 漢字 имя'", "\xf0\x9f\x98\x80 漢字 имя"},
		{"SELECT CAST('é' AS CHAR CHARACTER SET latin1)", "é"},
		{"SELECT HEX('\xf0\x9f\x98\x80')", "F09F9880"},
		{"SELECT b'1000001'", "A"},
		{"SELECT x'ff80'", "\xff\x80"},
		{"SELECT REPEAT('x', 3000000) = RPAD('', 3000000, 'x')", "1"},
	};
	(void)state;
	struct lk_session *session = my_session(server, "worker");
	for (size_t i = 0; i < LK_COUNT(cases); i++)
		my_expect(session, cases[i].sql, cases[i].expected);
	char *large = my_value(session, "SELECT REPEAT('é', 10000000)");
	assert_int_equal(strlen(large), 20000000);
	free(large);
	lk_session_close(session);
}

static void a_value_that_is_no_text_is_refused_and_not_cut(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_result r;
	struct lk_session *session = my_session(server, "worker");
	assert_false(
		LK_QUERY(session, &r, &error, "SELECT 'fine' UNION ALL SELECT x'610062' AS b"));
	assert_contains(error.text, "HEX()");
	assert_int_equal(r.rows, 0);
	assert_null(r.cells);
	my_expect(session, "SELECT HEX(x'610062')", "610062");
	lk_session_close(session);
}

static const char *const odd_texts[] = {
	"plain",
	"it's",
	"\"double\"",
	"back\\slash",
	"\\",
	"\\'",
	"x'; DROP TABLE t; -- ",
	"$1 $2",
	"`",
	"/*",
	"имя 漢字 \xf0\x9f\x98\x80",
	"tab\tnew\r\nline",
	"\x1b[31m",
	"%s %n",
	"\x01\x1a\x7f",
	" trailing ",
};

static void texts_survive(struct lk_session *session)
{
	for (size_t i = 0; i < LK_COUNT(odd_texts); i++) {
		struct lk_error error;
		struct lk_result r;
		char *text = session->driver->quote_text(odd_texts[i]);
		char *sql = lk_format("SELECT %s, $1, $2", text);
		if (!LK_QUERY(session, &r, &error, sql, odd_texts[i], NULL))
			fail_msg("%s: %s", sql, error.text);
		assert_string_equal(lk_cell(&r, 0, 0), odd_texts[i]);
		assert_string_equal(lk_cell(&r, 0, 1), odd_texts[i]);
		assert_null(lk_cell(&r, 0, 2));
		lk_result_free(&r);
		free(sql);
		free(text);
	}
}

static void any_text_survives_in_any_sql_mode(void **state)
{
	static const char *const modes[] = {"''", "'NO_BACKSLASH_ESCAPES'", "'ANSI_QUOTES'",
					    "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'"};
	(void)state;
	struct lk_session *session = my_session(server, "worker");
	for (size_t i = 0; i < LK_COUNT(modes); i++) {
		char *sql = lk_format("SET sql_mode = %s", modes[i]);
		my_must(session, sql);
		texts_survive(session);
		free(sql);
	}
	lk_session_close(session);
}

static void any_name_survives_quoting(void **state)
{
	static const char *const names[] = {"select", "it's", "a`b", "\"q\"", "back\\slash", "имя",
					    "a b.c",  "$1",   "Ünï", "/*",    "--",	     "%d"};
	(void)state;
	struct lk_error error;
	struct lk_result r;
	struct lk_session *session = my_session(server, "worker");
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		char *name = session->driver->quote_name(names[i]);
		char *make = lk_format("CREATE TABLE %s (%s int)", name, name);
		char *use = lk_format("INSERT INTO %s (%s) VALUES ($1)", name, name);
		char *drop = lk_format("DROP TABLE %s", name);
		my_must(session, make);
		if (!LK_RUN(session, &error, use, "7"))
			fail_msg("%s: %s", use, error.text);
		assert_true(LK_QUERY(
			session, &r, &error,
			"SELECT COUNT(*) FROM information_schema.columns"
			" WHERE table_schema = 'test' AND table_name = $1 AND column_name = $1",
			names[i]));
		assert_int_equal(lk_cell_int(&r, 0, 0), 1);
		lk_result_free(&r);
		my_must(session, drop);
		free(name);
		free(make);
		free(use);
		free(drop);
	}
	lk_session_close(session);
}

static void a_parameter_stands_where_only_a_literal_may(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	my_must(session, "CREATE TABLE commented (a int)");
	assert_true(LK_RUN(session, &error, "ALTER TABLE commented COMMENT = $1", "it's a \\ $1"));
	my_expect(
		session,
		"SELECT table_comment FROM information_schema.tables WHERE table_name = 'commented'",
		"it's a \\ $1");
	assert_false(LK_RUN(session, &error, "SELECT $2", "one"));
	assert_int_equal(error.class, LK_ERROR_STATEMENT);
	lk_session_close(session);
}

static void rows_are_counted_as_found(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_result r;
	struct lk_session *session = my_session(server, "worker");
	my_must(session, "CREATE TABLE counted (id int PRIMARY KEY, v int)");
	assert_true(LK_QUERY(session, &r, &error, "INSERT INTO counted VALUES (1, 1), (2, 2)"));
	assert_int_equal(r.affected, 2);
	assert_true(
		LK_QUERY(session, &r, &error, "UPDATE counted SET v = 1 WHERE id IN (1, 2, 3)"));
	assert_int_equal(r.affected, 2);
	assert_int_equal(r.rows, 0);
	assert_true(LK_QUERY(session, &r, &error, "DELETE FROM counted"));
	assert_int_equal(r.affected, 2);
	lk_session_close(session);
}

static void many_statements_give_the_last_ones_rows(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_result r;
	struct lk_session *session = my_session(server, "worker");
	assert_true(LK_QUERY(session, &r, &error, "SELECT 1; DO 0; SELECT 2, 3"));
	assert_int_equal(r.columns, 2);
	assert_string_equal(lk_cell(&r, 0, 1), "3");
	lk_result_free(&r);
	assert_false(LK_QUERY(session, &r, &error, "SELECT 1; SELEC 2; SELECT 3"));
	assert_int_equal(error.number, 1064);
	assert_int_equal(r.rows, 0);
	my_expect(session, "SELECT 4", "4");
	assert_true(lk_execute(session, "", &error));
	assert_false(lk_execute(session, "SELECT x'00'; SELECT 5", &error));
	my_expect(session, "SELECT 6", "6");
	lk_session_close(session);
}

static void a_large_result_arrives_whole(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_result r;
	struct lk_session *session = my_session(server, "worker");
	my_numbers(server, "long_one", 200000);
	assert_true(LK_QUERY(session, &r, &error,
			     "SELECT n, REPEAT('x', 100), NULL FROM long_one ORDER BY n"));
	assert_int_equal(r.rows, 200000);
	assert_int_equal(r.affected, 200000);
	for (size_t i = 0; i < r.rows; i++) {
		assert_int_equal(lk_cell_int(&r, i, 0), i + 1);
		assert_null(lk_cell(&r, i, 2));
	}
	lk_result_free(&r);
	lk_session_close(session);
}

static void expect_class(struct lk_session *session, const char *sql, enum lk_error_class class,
			 int number, const char *sqlstate)
{
	struct lk_error error = {0};
	if (lk_execute(session, sql, &error))
		fail_msg("%s succeeded", sql);
	if (error.class != class || error.number != number || strcmp(error.state, sqlstate) != 0)
		fail_msg("%s: %s %d %s: %s", sql, lk_error_class_name(error.class), error.number,
			 error.state, error.text);
	assert_true(error.text[0]);
	lk_rollback(session);
}

/* A statement that runs into a limit of its time. */
static void expect_too_long(struct lk_session *session)
{
	my_numbers(server, "thousands", 20000);
	if (my_is_mariadb())
		expect_class(session,
			     "SET STATEMENT max_statement_time = 0.05 FOR"
			     " SELECT SUM(SQRT(a.n + b.n)) FROM thousands a, thousands b",
			     LK_ERROR_CANCELLED, 1969, "70100");
	else
		expect_class(session,
			     "SELECT /*+ MAX_EXECUTION_TIME(50) */ SUM(SQRT(a.n + b.n))"
			     " FROM thousands a, thousands b",
			     LK_ERROR_CANCELLED, 3024, "HY000");
}

static void errors_have_the_class_that_decides_what_happens_next(void **state)
{
	(void)state;
	struct lk_session *session = my_session(server, "worker");
	lk_test_my_sql(server, "CREATE TABLE errors (n int PRIMARY KEY) ENGINE=InnoDB;"
			       "INSERT INTO errors VALUES (1);"
			       "CREATE USER nobody_much@localhost");
	MYSQL *holder = lk_test_my_connect(server);
	assert_int_equal(mysql_query(holder, "BEGIN"), 0);
	assert_int_equal(mysql_query(holder, "UPDATE errors SET n = 1"), 0);
	my_must(session, "SET innodb_lock_wait_timeout = 1, lock_wait_timeout = 1");
	expect_class(session, "SELECT n FROM errors FOR UPDATE", LK_ERROR_RETRY, 1205, "HY000");
	expect_class(session, "SELECT n FROM errors FOR UPDATE NOWAIT", LK_ERROR_RETRY,
		     my_is_mariadb() ? 1205 : 3572, "HY000");
	expect_class(session, "ALTER TABLE errors ADD COLUMN m int", LK_ERROR_RETRY, 1205, "HY000");
	if (my_is_mariadb())
		expect_class(session,
			     "SET STATEMENT max_statement_time = 0.05 FOR DROP TABLE errors",
			     LK_ERROR_CANCELLED, 1969, "70100");
	mysql_close(holder);
	expect_too_long(session);
	expect_class(session, "INSERT INTO errors VALUES (1)", LK_ERROR_STATEMENT, 1062, "23000");
	expect_class(session, "SELEC 1", LK_ERROR_STATEMENT, 1064, "42000");
	expect_class(session, "SELECT * FROM nowhere", LK_ERROR_STATEMENT, 1146, "42S02");
	expect_class(session, "SELECT nothing FROM errors", LK_ERROR_STATEMENT, 1054, "42S22");
	expect_class(session, "SET TRANSACTION READ ONLY; DELETE FROM errors", LK_ERROR_REFUSED,
		     1792, "25006");
	expect_class(session, "ALTER TABLE errors MODIFY n bigint, ALGORITHM=INSTANT",
		     LK_ERROR_STATEMENT, 1846, "0A000");
	expect_class(session, "KILL 999999999", LK_ERROR_STATEMENT, 1094, "HY000");
	lk_session_close(session);
}

static void a_missing_privilege_is_told_from_a_wrong_statement(void **state)
{
	(void)state;
	my_need(server);
	lk_test_my_sql(server, "CREATE TABLE granted (a int, b int); CREATE USER little@localhost;"
			       "GRANT SELECT (a), INSERT ON granted TO little@localhost");
	char *uri = lk_test_my_uri(server, "little", NULL);
	struct lk_session *session = my_session_of(uri, "worker");
	expect_class(session, "DELETE FROM granted", LK_ERROR_PRIVILEGE, 1142, "42000");
	expect_class(session, "SELECT b FROM granted", LK_ERROR_PRIVILEGE, 1143, "42000");
	expect_class(session, "USE mysql", LK_ERROR_PRIVILEGE, 1044, "42000");
	expect_class(session, "SET GLOBAL read_only = 0", LK_ERROR_PRIVILEGE, 1227, "42000");
	lk_test_my_sql(server, "SET GLOBAL read_only = 1");
	expect_class(session, "INSERT INTO granted VALUES (1, 1)", LK_ERROR_REFUSED, 1290, "HY000");
	lk_test_my_sql(server, "SET GLOBAL read_only = 0");
	lk_session_close(session);
	free(uri);
}

static void a_deadlock_is_to_be_tried_again(void **state)
{
	(void)state;
	struct my_background other;
	struct lk_error error;
	struct lk_session *a = my_session(server, "a"), *b = my_session(server, "b");
	my_must(a,
		"CREATE TABLE dead (id int PRIMARY KEY, v int); INSERT INTO dead VALUES (1, 0), (2, 0)");
	my_must(a, "SET innodb_lock_wait_timeout = 50; BEGIN; UPDATE dead SET v = 1 WHERE id = 1");
	my_must(b, "SET innodb_lock_wait_timeout = 50; BEGIN; UPDATE dead SET v = 2 WHERE id = 2");
	my_background_start(&other, a, "UPDATE dead SET v = 1 WHERE id = 2");
	my_await_statement(server, a->id, "WHERE id = 2");
	bool done = lk_execute(b, "UPDATE dead SET v = 2 WHERE id = 1", &error);
	my_background_end(&other);
	assert_int_not_equal(done, other.done);
	const struct lk_error *victim = done ? &other.error : &error;
	assert_int_equal(victim->number, 1213);
	assert_string_equal(victim->state, "40001");
	assert_int_equal(victim->class, LK_ERROR_RETRY);
	lk_session_close(a);
	lk_session_close(b);
}

static void a_cancel_ends_a_long_statement_and_keeps_the_session(void **state)
{
	/* Parts that no statement before has: the server shows the last one a little longer than it lasts. */
	static const struct {
		const char *sql, *part;
	} statements[] = {
		{"SELECT SUM(SQRT(CRC32(a.v) + CRC32(b.v))) FROM slow a, slow b",
		 "SELECT SUM(SQRT"},
		{"UPDATE slow SET v = SHA2(REPEAT(v, 20000), 512)", "UPDATE slow"},
		{"CREATE TABLE copied SELECT a.v FROM slow a, slow b", "CREATE TABLE copied"},
	};
	(void)state;
	struct lk_session *session = my_session(server, "worker");
	struct lk_session *control = my_session(server, "control");
	my_numbers(server, "fifty", 50000);
	my_must(session,
		"CREATE TABLE slow (v varchar(200)); INSERT INTO slow SELECT 'x' FROM fifty");
	for (size_t i = 0; i < 2 * LK_COUNT(statements); i++) {
		struct my_background long_one;
		struct lk_error error = {0};
		/* Without a control connection the driver opens one of its own. */
		struct lk_session *by = i < LK_COUNT(statements) ? control : NULL;
		my_background_start(&long_one, session, statements[i % LK_COUNT(statements)].sql);
		my_await_statement(server, session->id, statements[i % LK_COUNT(statements)].part);
		int64_t from = lk_clock_us();
		assert_true(lk_session_cancel_begin(session));
		if (!lk_session_cancel_finish(session, by, &error))
			fail_msg("%s", error.text);
		my_background_end(&long_one);
		assert_true(lk_clock_us() - from < 20000000);
		assert_false(long_one.done);
		assert_int_equal(long_one.error.class, LK_ERROR_CANCELLED);
		assert_int_equal(long_one.error.number, 1317);
		my_expect(session, "SELECT COUNT(*) FROM slow WHERE v <> 'x'", "0");
	}
	assert_false(lk_session_cancel_begin(session));
	lk_session_close(session);
	lk_session_close(control);
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
		if (!LK_QUERY(w->session, &r, &error, "SELECT SUM(SQRT(n)) FROM numbers")) {
			if (error.class != LK_ERROR_CANCELLED)
				LK_COPY(w->failure, error.text);
			atomic_fetch_add(&w->cancelled, 1);
		}
		lk_result_free(&r);
		lk_session_insist(w->session, true);
		if (!LK_QUERY(w->session, &r, &error,
			      "SELECT SUM(SQRT(n)) FROM numbers WHERE n < 2000"))
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
	struct worker w = {.session = my_session(server, "worker")};
	struct lk_session *control = my_session(server, "control");
	my_numbers(server, "numbers", 20000);
	int64_t sent = 0, until = lk_clock_us() + 30000000;
	assert_int_equal(pthread_create(&w.thread, NULL, work, &w), 0);
	while ((sent < 300 || atomic_load(&w.cancelled) < 20) && lk_clock_us() < until) {
		struct lk_error error;
		if (!lk_session_cancel_begin(w.session))
			continue;
		assert_true(lk_session_cancel_finish(w.session, control, &error));
		sent++;
	}
	atomic_store(&w.over, true);
	pthread_join(w.thread, NULL);
	if (w.failure[0])
		fail_msg("%s", w.failure);
	assert_true(sent >= 300 && atomic_load(&w.cancelled) >= 20);
	lk_session_close(w.session);
	lk_session_close(control);
}

static void an_interrupt_frees_a_blocked_session_even_of_a_silent_server(void **state)
{
	(void)state;
	struct lk_error error;
	for (int frozen = 0; frozen < 2; frozen++) {
		struct my_background blocked;
		struct lk_session *session = my_session(server, "worker");
		my_background_start(&blocked, session, "SELECT SLEEP(1000)");
		my_await_statement(server, session->id, "SLEEP");
		if (frozen)
			lk_test_my_freeze(server);
		int64_t from = lk_clock_us();
		lk_session_interrupt(session);
		my_background_end(&blocked);
		assert_true(lk_clock_us() - from < 2000000);
		assert_false(blocked.done);
		assert_int_equal(blocked.error.class, LK_ERROR_LOST);
		/* Again and later: still lost, and nothing else is harmed. */
		lk_session_interrupt(session);
		assert_false(lk_execute(session, "DO 1", &error));
		assert_int_equal(error.class, LK_ERROR_LOST);
		lk_session_close(session);
		if (frozen)
			lk_test_my_thaw(server);
	}
}

static void a_killed_session_is_lost_and_not_failed(void **state)
{
	(void)state;
	struct lk_error error;
	struct my_background blocked;
	struct lk_session *session = my_session(server, "worker");
	char *sql = lk_format("KILL %d", session->id);
	my_background_start(&blocked, session, "SELECT SLEEP(1000)");
	my_await_statement(server, session->id, "SLEEP");
	lk_test_my_sql(server, sql);
	my_background_end(&blocked);
	assert_false(blocked.done);
	assert_int_equal(blocked.error.class, LK_ERROR_LOST);
	assert_false(lk_execute(session, "DO 1", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(session);
	free(sql);
}

/* MySQL says of a rebuild that it alone was interrupted, as after KILL QUERY, and then ends the session. */
static void a_server_that_ends_in_a_rebuild_is_lost(void **state)
{
	(void)state;
	struct my_background rebuild = {.done = true};
	my_numbers(server, "rebuilt", 200000);
	for (int i = 0; i < 20 && rebuild.done; i++) {
		struct lk_session *session = my_session(server, "worker");
		char *begun = lk_format(
			"SELECT COUNT(*) = 1 FROM information_schema.processlist WHERE id = %d AND"
			" (state LIKE 'altering%%' OR command = 'Sleep')",
			session->id);
		my_background_start(&rebuild, session,
				    "ALTER TABLE rebuilt FORCE, ALGORITHM=INPLACE, LOCK=NONE");
		assert_true(lk_test_my_wait(server, begun, 20));
		lk_test_my_down(server);
		my_background_end(&rebuild);
		lk_session_close(session);
		lk_test_my_up(server);
		free(begun);
	}
	assert_false(rebuild.done);
	assert_int_equal(rebuild.error.class, LK_ERROR_LOST);
}

static void an_idle_transaction_does_not_keep_its_locks(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	my_must(session,
		"CREATE TABLE idle (n int); INSERT INTO idle VALUES (1); BEGIN; UPDATE idle SET n = 2");
	char *gone =
		lk_format("SELECT COUNT(*) = 0 FROM information_schema.processlist WHERE id = %d",
			  session->id);
	assert_true(lk_test_my_wait(server, gone, 20));
	free(gone);
	assert_int_equal(lk_test_my_number(server, "SELECT n FROM idle"), 1);
	assert_false(lk_execute(session, "COMMIT", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(session);
}

/* MySQL's number for a session that was idle too long is MariaDB's for a trigger that is not there. */
static void a_missing_trigger_loses_no_session(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	my_must(session, "CREATE TABLE fired (n int)");
	assert_false(lk_execute(session,
				"CREATE TRIGGER second BEFORE INSERT ON fired FOR EACH ROW"
				" FOLLOWS nobody SET NEW.n = 1",
				&error));
	assert_int_equal(error.class, LK_ERROR_STATEMENT);
	lk_session_close(session);
}

/* A keeper that is cut off while it holds a table must not hold it until the network notices. */
static void locked_tables_are_let_go_by_who_sits_idle(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	my_must(session, "CREATE TABLE held (n int)");
	my_must(session, "LOCK TABLES held WRITE");
	my_expect(session, "SELECT @@wait_timeout", "2");
	my_must(session, "UNLOCK TABLES");
	my_expect(session, "SELECT @@wait_timeout", "31536000");
	assert_false(lk_execute(session, "LOCK TABLES nothing WRITE", &error));
	my_expect(session, "SELECT @@wait_timeout", "31536000");
	my_must(session, "SET @free = 1; /* lockkeeper:run */ LOCK TABLES held WRITE");
	my_expect(session, "SELECT @@wait_timeout", "2");
	my_must(session, "UNLOCK TABLES");
	my_must(session, "LOCK TABLES held WRITE");
	lk_test_my_sql(server, "INSERT INTO held VALUES (1)");
	assert_false(lk_execute(session, "SELECT * FROM held", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(session);
}

/* What we sent, as a list of it is told. */
static void add_to_list(void *context, const char *role, const char *sql, double took_ms,
			int64_t rows, const struct lk_error *error)
{
	(void)role;
	(void)took_ms;
	(void)rows;
	lk_buffer_addf(context, "%s %s;", error ? "failed" : "done", sql);
}

/* A statement behind a look goes out when that finds nothing, and then alone is told of. */
static void a_look_keeps_back_what_stands_behind_it(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_buffer told = {0};
	bool refused;
	struct lk_session *session = my_session(server, "worker");
	const struct lk_look busy = {"SET @look = (SELECT EXP(1000))", 1690};
	const struct lk_look free_now = {"SET @look = (SELECT EXP(0))", 1690};
	my_must(session, "CREATE TABLE behind (n int)");
	session->sent = add_to_list;
	session->sent_context = &told;
	assert_false(lk_execute_behind(session, &busy, "INSERT INTO behind VALUES (1)", &refused,
				       &error));
	assert_true(refused);
	assert_string_equal(lk_buffer_text(&told), "");
	if (!lk_execute_behind(session, &free_now, "INSERT INTO behind VALUES (2)", &refused,
			       &error))
		fail_msg("%s", error.text);
	assert_false(refused);
	assert_false(lk_execute_behind(session, &free_now, "INSERT INTO nothing VALUES (3)",
				       &refused, &error));
	assert_false(refused);
	assert_string_equal(lk_buffer_text(&told), "done INSERT INTO behind VALUES (2);"
						   "failed INSERT INTO nothing VALUES (3);");
	session->sent = NULL;
	my_expect(session, "SELECT GROUP_CONCAT(n) FROM behind", "2");
	lk_session_close(session);
	lk_buffer_free(&told);
}

/* The end of a transaction, and of each kind, gives the session its patience back. */
static void outside_of_transactions_a_session_may_sit_idle(void **state)
{
	static const char *const ways[] = {
		"BEGIN; SELECT 1; COMMIT",
		"BEGIN; INSERT INTO patient VALUES (1); ROLLBACK",
		"BEGIN; CREATE TABLE ends_it (n int); DROP TABLE ends_it",
		"INSERT INTO patient VALUES (2)",
		"BEGIN; INSERT INTO patient VALUES (3); SELECT nonsense",
	};
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	my_must(session, "CREATE TABLE patient (n int)");
	for (size_t i = 0; i < LK_COUNT(ways); i++) {
		if (!lk_execute(session, ways[i], &error))
			lk_rollback(session);
		my_expect(session, "SELECT @@wait_timeout", "31536000");
		assert_true(lk_begin(session, &error));
		my_expect(session, "SELECT @@wait_timeout", my_is_mariadb() ? "31536000" : "2");
		assert_true(lk_commit(session, &error));
	}
	lk_session_close(session);
}

static void a_lost_session_of_ours_is_ended_and_no_other(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *lost = my_session(server, "worker"), *new = my_session(server, "worker");
	struct lk_session *other = my_session(server, "watch");
	my_must(lost,
		"CREATE TABLE ended (n int); INSERT INTO ended VALUES (1); BEGIN; UPDATE ended SET n = 2");
	if (!lk_session_end_lost(new, lost->id, &error))
		fail_msg("%s", error.text);
	my_must(new, "SELECT n FROM ended FOR UPDATE NOWAIT");
	assert_false(lk_execute(lost, "COMMIT", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	/* The number of a session that calls itself something else: it is let be. */
	assert_true(lk_session_end_lost(new, other->id, &error));
	my_expect(other, "SELECT 1", "1");
	/* Itself it does not end. */
	assert_true(lk_session_end_lost(new, new->id, &error));
	my_expect(new, "SELECT 1", "1");
	assert_true(lk_session_end_lost(new, 0, &error));
	lk_session_close(lost);
	lk_session_close(new);
	lk_session_close(other);
}

static void a_crash_of_the_server_loses_the_session(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_session *session = my_session(server, "worker");
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_test_my_kill(server);
	assert_false(lk_execute(session, "DO 1", &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	my_refused(uri, LK_ERROR_LOST, "connect");
	assert_false(session->driver->cancel_directly(session->connection, &error));
	assert_int_equal(error.class, LK_ERROR_LOST);
	lk_session_close(session);
	lk_test_my_up(server);
	session = my_session_of(uri, "worker");
	my_expect(session, "SELECT 1", "1");
	lk_session_close(session);
	free(uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_says_who_it_is),
		cmocka_unit_test(every_session_is_set_up_alike),
		cmocka_unit_test(the_servers_own_modes_and_zone_are_kept),
		cmocka_unit_test(what_does_not_fit_is_an_error_and_not_cut),
		cmocka_unit_test(extremes_of_types_come_as_text),
		cmocka_unit_test(a_value_that_is_no_text_is_refused_and_not_cut),
		cmocka_unit_test(any_text_survives_in_any_sql_mode),
		cmocka_unit_test(any_name_survives_quoting),
		cmocka_unit_test(a_parameter_stands_where_only_a_literal_may),
		cmocka_unit_test(rows_are_counted_as_found),
		cmocka_unit_test(many_statements_give_the_last_ones_rows),
		cmocka_unit_test(a_large_result_arrives_whole),
		cmocka_unit_test(errors_have_the_class_that_decides_what_happens_next),
		cmocka_unit_test(a_missing_privilege_is_told_from_a_wrong_statement),
		cmocka_unit_test(a_deadlock_is_to_be_tried_again),
		cmocka_unit_test(a_cancel_ends_a_long_statement_and_keeps_the_session),
		cmocka_unit_test(hazard_13_a_late_cancel_never_hits_the_next_statement),
		cmocka_unit_test(an_interrupt_frees_a_blocked_session_even_of_a_silent_server),
		cmocka_unit_test(a_killed_session_is_lost_and_not_failed),
		cmocka_unit_test(a_server_that_ends_in_a_rebuild_is_lost),
		cmocka_unit_test(an_idle_transaction_does_not_keep_its_locks),
		cmocka_unit_test(a_missing_trigger_loses_no_session),
		cmocka_unit_test(locked_tables_are_let_go_by_who_sits_idle),
		cmocka_unit_test(a_look_keeps_back_what_stands_behind_it),
		cmocka_unit_test(outside_of_transactions_a_session_may_sit_idle),
		cmocka_unit_test(a_lost_session_of_ours_is_ended_and_no_other),
		cmocka_unit_test(a_crash_of_the_server_loses_the_session),
	};
	return my_run_tests(tests, start_server, stop_server);
}
