/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb backfill on MariaDB and MySQL: keys of every kind, exactly once, beside others, and what it refuses. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

#define ROWS 3000

static struct lk_test_my *server;

static int setup(void **state)
{
	(void)state;
	/* Clocks that are turned back once a year; the server takes it from here. */
	setenv("TZ", "Europe/Berlin", 1);
	server = lk_test_my_start(NULL);
	if (server)
		my_numbers(server, "numbers", ROWS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

/* Statements of ours that the test looks at afterwards. */
struct heard {
	char *update, *search;
};

static void keep(char **place, const char *sql)
{
	free(*place);
	*place = lk_strdup(sql);
}

static void hear(void *context, const char *role, const char *sql, double took_ms, int64_t rows,
		 const struct lk_error *error)
{
	struct heard *heard = context;
	(void)role;
	(void)took_ms;
	(void)rows;
	(void)error;
	if (strstr(sql, "UPDATE `test`"))
		keep(&heard->update, sql);
	if (strncmp(sql, "SELECT", 6) == 0 && strstr(sql, " WHERE ") && strstr(sql, " LIMIT "))
		keep(&heard->search, sql);
}

static void open_plan(struct lk_test_steps *steps, const char *step)
{
	my_need(server);
	char *uri = lk_test_my_uri(server, "root", NULL);
	char *yaml = lk_format(
		"plan: p\nsteps:\n  migrate:\n    - name: fill\n      backfill: %s\n", step);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(yaml);
	free(uri);
}

static void must_be_done(struct lk_test_steps *steps)
{
	if (lk_test_step_forward(steps, "fill") != LK_OUTCOME_DONE)
		fail_msg("%s", steps->error.text);
}

static void refused(const char *step, const char *expected)
{
	my_need(server);
	char *uri = lk_test_my_uri(server, "root", NULL);
	char *yaml = lk_format(
		"plan: p\nsteps:\n  migrate:\n    - name: fill\n      backfill: %s\n", step);
	char *refusal = lk_test_steps_refusal_at(uri, yaml);
	assert_contains(refusal, expected);
	free(refusal);
	free(yaml);
	free(uri);
}

/* Table t, with a row for each number n. */
static void make(const char *columns, const char *select)
{
	my_need(server);
	char *sql = lk_format("SET SESSION time_zone = '+00:00';"
			      " DROP TABLE IF EXISTS t; CREATE TABLE t (%s);"
			      " INSERT INTO t %s FROM numbers;",
			      columns, select);
	lk_test_my_sql(server, sql);
	free(sql);
}

static int64_t number(const char *sql)
{
	return lk_test_my_number(server, sql);
}

/* The server looks the statement up in the index as a range, and nothing is sorted. Without a type it reads nothing:
 * the chunk before happened to end at the last row. */
static void looks_up_a_range(const char *sql)
{
	MYSQL *mysql = lk_test_my_connect(server);
	const char *select =
		strstr(sql, "UPDATE `test`") ? strstr(sql, "UPDATE `test`") : strstr(sql, "SELECT");
	char *explain = lk_format("EXPLAIN FORMAT=TRADITIONAL %s", select);
	if (mysql_query(mysql, "SET time_zone = '+00:00'") != 0 || mysql_query(mysql, explain) != 0)
		fail_msg("%s: %s", explain, mysql_error(mysql));
	MYSQL_RES *rows = mysql_store_result(mysql);
	MYSQL_ROW row = mysql_fetch_row(rows);
	for (unsigned c = 0; c < mysql_num_fields(rows); c++) {
		const char *name = mysql_fetch_field_direct(rows, c)->name;
		if (strcmp(name, "type") == 0 && row[c] && strcmp(row[c], "range") != 0)
			fail_msg("%s\nis a %s and no range", sql, row[c]);
		if (strcmp(name, "Extra") == 0 && row[c] && strstr(row[c], "filesort"))
			fail_msg("%s\nis sorted", sql);
	}
	mysql_free_result(rows);
	mysql_close(mysql);
	free(explain);
}

struct key {
	const char *name, *columns, *values;
	bool mariadb_only;
};

static const struct key keys[] = {
	{"bigint unsigned near its end", "k BIGINT UNSIGNED PRIMARY KEY",
	 "18446744073709551615 - n * 2", false},
	{"negative numbers with gaps", "k INT PRIMARY KEY", "-2147483648 + n * n * 7", false},
	{"auto_increment", "k BIGINT AUTO_INCREMENT PRIMARY KEY", "n", false},
	{"several columns",
	 "a INT, b VARCHAR(20) COLLATE utf8mb4_unicode_ci, c DATE, PRIMARY KEY (a, b, c)",
	 "n % 7, concat('Ä', n % 11), '2020-01-01' + INTERVAL n DAY", false},
	{"several columns, one of them downwards", "a INT, b INT, PRIMARY KEY (b, a)", "n % 50, -n",
	 false},
	{"binary(16)", "k BINARY(16) PRIMARY KEY", "unhex(left(sha2(n, 256), 32))", false},
	{"binary that ends in zeros", "k BINARY(8) PRIMARY KEY",
	 "concat(unhex(lpad(hex(n), 6, '0')), x'0000')", false},
	{"varbinary", "k VARBINARY(20) PRIMARY KEY",
	 "concat(x'00ff', unhex(lpad(hex(n * 37), 6, '0')))", false},
	{"text without case", "k VARCHAR(40) COLLATE utf8mb4_unicode_ci PRIMARY KEY",
	 "concat(elt(1 + n % 6, 'a', 'B', 'ä', 'O''Brien', 'back\\\\slash', '😀'), n,"
	 " if(n % 3 = 0, ' ', ''))",
	 false},
	{"text of latin1",
	 "k VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_german1_ci PRIMARY KEY",
	 "concat(elt(1 + n % 3, 'ä', 'ß', 'Z'), n)", false},
	{"text of utf16", "k VARCHAR(40) CHARACTER SET utf16 PRIMARY KEY", "concat('ü', n)", false},
	{"char", "k CHAR(12) COLLATE utf8mb4_bin PRIMARY KEY", "concat(if(n % 2, 'x', 'X'), n)",
	 false},
	{"date", "k DATE PRIMARY KEY", "'1999-12-01' + INTERVAL n DAY", false},
	{"datetime(6)", "k DATETIME(6) PRIMARY KEY",
	 "'2024-02-28 23:59:59' + INTERVAL n * 1000003 MICROSECOND", false},
	{"timestamp where clocks are turned back", "k TIMESTAMP(3) PRIMARY KEY",
	 "'2024-10-26 23:00:00' + INTERVAL n * 4 SECOND", false},
	{"time", "k TIME(2) PRIMARY KEY", "sec_to_time(n * 13 - 20000.5)", false},
	{"decimal", "k DECIMAL(40,10) PRIMARY KEY",
	 "123456789012345678901234567.5 - n * 0.0000000001", false},
	{"year and number", "y YEAR, k INT, PRIMARY KEY (y, k)", "2000 + n % 30, n", false},
	{"enum, which is sorted by number",
	 "e ENUM('z','m','it''s','a'), k INT, PRIMARY KEY (e, k)", "1 + n % 4, n", false},
	{"double", "k DOUBLE PRIMARY KEY", "n / 7 - 100", false},
	{"float", "k FLOAT PRIMARY KEY", "n / 10 - 7", false},
	{"bit", "k BIT(20) PRIMARY KEY", "n * 300", false},
	{"unique index beside a heap", "k VARCHAR(20) NOT NULL, x INT, UNIQUE (k)",
	 "concat('k', n), 1", false},
	{"uuid", "k UUID PRIMARY KEY",
	 "concat(left(sha2(n, 256), 8), '-0000-1000-8000-', left(sha2(n + 1, 256), 12))", true},
	{"inet6", "k INET6 PRIMARY KEY", "concat('2001:db8::', hex(n))", true},
};

/* Each row's count says how often it was written. */
static void walk_by(const struct key *key)
{
	struct lk_test_steps steps;
	struct heard heard = {0};
	char *columns = lk_format("%s, n INT", key->columns);
	char *values = lk_format("SELECT %s, NULL", key->values);
	print_message("  %s\n", key->name);
	make(columns, values);
	int64_t rows = number("SELECT count(*) FROM t");
	assert_true(rows > 1000);
	lk_test_my_sql(server, "ANALYZE TABLE t");
	open_plan(&steps, "{table: t, set: {n: \"coalesce(n, 0) + 1\"}}");
	steps.session->sent = hear;
	steps.session->sent_context = &heard;
	must_be_done(&steps);
	if (number("SELECT count(*) FROM t WHERE n = 1") != rows)
		fail_msg("%s: of %lld rows %lld were written once, %lld never", key->name,
			 (long long)rows, (long long)number("SELECT count(*) FROM t WHERE n = 1"),
			 (long long)number("SELECT count(*) FROM t WHERE n IS NULL"));
	struct lk_progress progress = lk_test_steps_progress(&steps);
	assert_int_equal(progress.rows_done, rows);
	assert_int_equal(progress.rows_changed, rows);
	assert_true(progress.chunks > 1);
	looks_up_a_range(heard.update);
	looks_up_a_range(heard.search);
	lk_test_steps_close(&steps);
	free(heard.update);
	free(heard.search);
	free(values);
	free(columns);
}

static void any_key_is_walked_once(void **state)
{
	(void)state;
	my_need(server);
	for (size_t i = 0; i < LK_COUNT(keys); i++)
		if (!keys[i].mariadb_only || my_is_mariadb())
			walk_by(&keys[i]);
}

static void an_assignment_reads_what_was_there_before(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("id INT PRIMARY KEY, a INT, b INT, c VARCHAR(10)", "SELECT n, n, 0, 'Same'");
	/* From left to right b would become n + 1. */
	open_plan(&steps, "{table: t, set: {a: \"a + 1\", b: \"a\", c: \"lower(c)\"},"
			  " where: \"id % 3 = 0\"}");
	must_be_done(&steps);
	assert_int_equal(number("SELECT count(*) FROM t WHERE id % 3 = 0 AND a = id + 1 AND b = id"
				" AND c = BINARY 'same'"),
			 ROWS / 3);
	assert_int_equal(number("SELECT count(*) FROM t WHERE id % 3 <> 0 AND a = id AND b = 0"
				" AND c = BINARY 'Same'"),
			 ROWS - ROWS / 3);
	lk_test_steps_close(&steps);
}

static void a_row_that_fails_is_named(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v VARCHAR(20), n INT",
	     "SELECT concat('row ', lpad(n, 5, '0')), if(n = 2345, 'none', n), NULL");
	open_plan(&steps, "{table: t, set: {n: \"cast(v AS SIGNED)\"}}");
	assert_int_equal(lk_test_step_forward(&steps, "fill"), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "`k` = 'row 02345'");
	assert_contains(steps.error.text, "none");
	assert_int_equal(number("SELECT count(*) FROM t WHERE n IS NOT NULL"), 2344);
	lk_test_my_sql(server, "UPDATE t SET v = '7' WHERE v = 'none'");
	must_be_done(&steps);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = v"), ROWS);
	lk_test_steps_close(&steps);
}

static void a_row_that_fails_can_be_left_out(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k BINARY(3), e ENUM('no','yes'), v VARCHAR(20), n INT, PRIMARY KEY (e, k)",
	     "SELECT unhex(lpad(hex(n), 6, '0')), 2, if(n IN (7, 2900, 3000), 'none', n), NULL");
	open_plan(
		&steps,
		"{table: t, on_error: skip, set: {n: \"cast(v AS SIGNED)\"}, where: \"n IS NULL\"}");
	must_be_done(&steps);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = v"), ROWS - 3);
	char *sql = lk_format("SELECT group_concat(`key` ORDER BY `key`) FROM lockkeeper.reject"
			      " WHERE run = '%s'",
			      steps.name);
	char *rejected = lk_test_my_value(server, sql);
	assert_contains(rejected, "0x000007");
	assert_contains(rejected, "0x000B54");
	assert_contains(rejected, "0x000BB8");
	assert_contains(rejected, "yes");
	assert_contains(steps.run.note, "3 rows rejected");
	free(rejected);
	free(sql);
	lk_test_steps_close(&steps);
}

/* A function of JSON warns and yields NULL; the row would look as if it had been filled. */
static void a_warning_is_an_error(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k INT PRIMARY KEY, v VARCHAR(40), n VARCHAR(40) DEFAULT ''",
	     "SELECT n, if(n = 777, '{\"a\"', '{\"a\": 1}'), 'x'");
	open_plan(&steps, "{table: t, set: {n: \"json_extract(v, '$.a')\"}}");
	assert_int_equal(lk_test_step_forward(&steps, "fill"), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "`k` = 777");
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = '1'"), 776);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n IS NULL"), 0);
	lk_test_steps_close(&steps);
}

static void what_does_not_fit_fails_on_a_lax_server(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k INT PRIMARY KEY, v VARCHAR(40), n VARCHAR(4)",
	     "SELECT n, concat('v', n * 10), NULL");
	char *mode = lk_test_my_value(server, "SELECT @@global.sql_mode");
	lk_test_my_sql(server, "SET GLOBAL sql_mode = ''");
	open_plan(&steps, "{table: t, set: {n: v}}");
	assert_int_equal(lk_test_step_forward(&steps, "fill"), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "`k` = 100");
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = v"), 99);
	lk_test_steps_close(&steps);
	char *restore = lk_format("SET GLOBAL sql_mode = '%s'", mode);
	lk_test_my_sql(server, restore);
	free(restore);
	free(mode);
}

static void times_of_change_stay(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k INT PRIMARY KEY, v INT, n INT, a TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP,"
	     " b DATETIME(3) DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(3)",
	     "SELECT n, n, NULL, '2020-01-01', NULL");
	open_plan(&steps, "{table: t, set: {n: v}}");
	must_be_done(&steps);
	assert_int_equal(
		number("SELECT count(*) FROM t WHERE n = v AND a < '2020-01-02' AND b IS NULL"),
		ROWS);
	lk_test_steps_close(&steps);
}

/* Only the bytes say whether two texts are the same. */
static void case_and_trailing_spaces_count(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k INT PRIMARY KEY, v VARCHAR(20) COLLATE utf8mb4_unicode_ci,"
	     " n VARCHAR(20) COLLATE utf8mb4_unicode_ci",
	     "SELECT n, concat('Name ', n, if(n % 2, ' ', '')), concat('name ', n)");
	open_plan(&steps, "{table: t, set: {n: v}}");
	must_be_done(&steps);
	assert_int_equal(
		number("SELECT count(*) FROM t WHERE CAST(n AS BINARY) = CAST(v AS BINARY)"), ROWS);
	assert_int_equal(lk_test_steps_progress(&steps).rows_changed, ROWS);
	lk_test_steps_close(&steps);
}

/* InnoDB would end a deadlock at the application's cost, so we never wait for a row. */
static void a_chunk_waits_for_nobody(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k INT PRIMARY KEY, n INT", "SELECT n, NULL");
	struct lk_session *other = my_session(server, "other");
	my_must(other, "START TRANSACTION");
	my_must(other, "UPDATE t SET n = -1 WHERE k = 1800");
	open_plan(&steps, "{table: t, set: {n: k}, where: \"n IS NULL\"}");
	lk_test_step_begin(&steps, "fill", false);
	assert_true(lk_test_my_wait(server, "SELECT count(*) > 1700 FROM t WHERE n = k", 20));
	int64_t deadline = lk_clock_us() + 20000000;
	while (lk_test_steps_progress(&steps).retries < 3 && lk_clock_us() < deadline)
		lk_sleep_ms(5);
	assert_true(lk_test_steps_progress(&steps).retries >= 3);
	/* Whatever it has locked, it must let go between its tries: this would be the deadlock. */
	my_must(other, "UPDATE t SET n = -1 WHERE k = 1790");
	my_must(other, "COMMIT");
	assert_int_equal(lk_test_step_end(&steps), LK_OUTCOME_DONE);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = k"), ROWS - 2);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = -1"), 2);
	lk_session_close(other);
	lk_test_steps_close(&steps);
}

static void a_pause_leaves_nothing_open_and_goes_on(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k INT PRIMARY KEY, n INT", "SELECT n, 0");
	lk_test_my_sql(server,
		       "INSERT INTO t SELECT a.n * 3000 + b.n, 0 FROM numbers a JOIN numbers b"
		       " WHERE a.n <= 30");
	int64_t rows = number("SELECT count(*) FROM t");
	open_plan(&steps, "{table: t, set: {n: \"n + 1\"}}");
	for (int i = 0; i < 5; i++) {
		int64_t chunks = lk_test_steps_progress(&steps).chunks;
		int64_t deadline = lk_clock_us() + 20000000;
		lk_test_step_begin(&steps, "fill", false);
		while (lk_test_steps_progress(&steps).chunks < chunks + 2 &&
		       !lk_test_step_ended(&steps) && lk_clock_us() < deadline)
			lk_sleep_ms(1);
		lk_test_steps_stop(&steps);
		if (lk_test_step_end(&steps) == LK_OUTCOME_DONE)
			break;
		assert_int_equal(steps.outcome, LK_OUTCOME_STOPPED);
		assert_int_equal(number("SELECT count(*) FROM information_schema.innodb_trx"), 0);
	}
	must_be_done(&steps);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = 1"), rows);
	lk_test_steps_close(&steps);
}

/* KILL in the middle of a chunk: another session begins behind the last one that was committed. */
static void a_killed_session_loses_and_repeats_nothing(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k INT PRIMARY KEY, n INT", "SELECT n, 0");
	lk_test_my_sql(server,
		       "INSERT INTO t SELECT a.n * 3000 + b.n, 0 FROM numbers a JOIN numbers b"
		       " WHERE a.n <= 20");
	int64_t rows = number("SELECT count(*) FROM t");
	char *uri = lk_test_my_uri(server, "root", NULL);
	open_plan(&steps, "{table: t, set: {n: \"n + 1\"}}");
	for (int i = 0; i < 6; i++) {
		struct lk_error error;
		char *kill = lk_format("KILL CONNECTION %d", steps.session->id);
		int64_t chunks = lk_test_steps_progress(&steps).chunks;
		int64_t deadline = lk_clock_us() + 20000000;
		lk_test_step_begin(&steps, "fill", false);
		while (lk_test_steps_progress(&steps).chunks < chunks + 1 + i % 3 &&
		       !lk_test_step_ended(&steps) && lk_clock_us() < deadline)
			lk_sleep_ms(1);
		if (!lk_test_step_ended(&steps))
			lk_test_my_sql(server, kill);
		enum lk_outcome outcome = lk_test_step_end(&steps);
		free(kill);
		if (outcome == LK_OUTCOME_DONE)
			break;
		assert_int_equal(steps.error.class, LK_ERROR_LOST);
		lk_session_close(steps.session);
		steps.session = lk_session_open(uri, steps.name, "worker", &error);
		assert_non_null(steps.session);
		steps.run.session = steps.session;
	}
	free(uri);
	must_be_done(&steps);
	assert_int_equal(number("SELECT count(*) FROM t WHERE n = 1"), rows);
	lk_test_steps_close(&steps);
}

static void the_session_is_no_backfill_afterwards(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("k TIMESTAMP PRIMARY KEY, n INT", "SELECT '2022-01-01' + INTERVAL n MINUTE, 0");
	open_plan(&steps, "{table: t, set: {n: \"n + 1\"}}");
	must_be_done(&steps);
	my_expect(steps.session, "SELECT concat_ws(',', @lockkeeper_backfill, @@session.time_zone)",
		  "SYSTEM");
	lk_test_steps_close(&steps);
}

static void what_cannot_work_is_refused(void **state)
{
	(void)state;
	my_need(server);
	lk_test_my_sql(server,
		       "DROP TABLE IF EXISTS t; DROP VIEW IF EXISTS v;"
		       "DROP TABLE IF EXISTS heap, isam, gen, late;"
		       "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT);"
		       "CREATE TABLE heap (id INT, a INT);"
		       "CREATE TABLE isam (id INT PRIMARY KEY, a INT) ENGINE=MyISAM;"
		       "CREATE TABLE gen (id INT PRIMARY KEY, a INT, g INT AS (a + 1) STORED);"
		       "CREATE TABLE late (ts TIMESTAMP PRIMARY KEY, a DATETIME);"
		       "CREATE VIEW v AS SELECT * FROM t;"
		       "CREATE TRIGGER theirs BEFORE UPDATE ON t FOR EACH ROW SET NEW.b = 1");
	refused("{table: heap, set: {a: \"1\"}}", "has no usable key");
	refused("{table: isam, set: {a: \"1\"}}", "InnoDB first");
	refused("{table: gen, set: {g: \"1\"}}", "is generated");
	refused("{table: t, set: {id: \"1\"}}", "is part of the key");
	refused("{table: v, set: {a: \"1\"}}", "is a view");
	refused("{table: t, set: {a: b, b: a}}", "in a circle");
	refused("{table: t, triggers: skip, set: {a: \"1\"}}", "trigger theirs of t fires");
	refused("{table: t, set: {a: nothing}}", "nothing");
	refused("{table: late, set: {a: \"now()\"}}", "speaks of now");
	refused("{table: late, set: {a: ts}}", "speaks of ts");
	if (!my_is_mariadb())
		refused("{table: t, set: {a: \"(SELECT max(x.a) FROM t x)\"}}",
			"may not read its own table");
	lk_test_my_sql(server, "DROP TRIGGER theirs");
}

static const struct CMUnitTest all[] = {
	cmocka_unit_test(any_key_is_walked_once),
	cmocka_unit_test(an_assignment_reads_what_was_there_before),
	cmocka_unit_test(a_row_that_fails_is_named),
	cmocka_unit_test(a_row_that_fails_can_be_left_out),
	cmocka_unit_test(a_warning_is_an_error),
	cmocka_unit_test(what_does_not_fit_fails_on_a_lax_server),
	cmocka_unit_test(times_of_change_stay),
	cmocka_unit_test(case_and_trailing_spaces_count),
	cmocka_unit_test(a_chunk_waits_for_nobody),
	cmocka_unit_test(a_pause_leaves_nothing_open_and_goes_on),
	cmocka_unit_test(a_killed_session_loses_and_repeats_nothing),
	cmocka_unit_test(the_session_is_no_backfill_afterwards),
	cmocka_unit_test(what_cannot_work_is_refused),
};

int main(void)
{
	return my_run_tests(all, setup, teardown);
}
