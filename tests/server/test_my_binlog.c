/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The change stream of real servers: what it tells of what was written, and that keys find their rows again. */
#include "tests/server/my_stream.h"

#include <stdio.h>

#include "base/memory.h"

static int start_server(void **state)
{
	*state = streaming_new(NULL);
	return 0;
}

static int stop_server(void **state)
{
	streaming_free(*state);
	return 0;
}

/* Each test has a server without tables, and no stream. */
static int clean(void **state)
{
	struct streaming *s = *state;
	streaming_close(s);
	streaming_forget(s);
	if (s->server)
		streaming_sql(s, "DROP DATABASE test; CREATE DATABASE test CHARACTER SET utf8mb4");
	return 0;
}

#define SET_OF_64                                                                                  \
	"set('a1','a2','a3','a4','a5','a6','a7','a8','b1','b2','b3','b4','b5','b6','b7','b8',"     \
	"'c1','c2','c3','c4','c5','c6','c7','c8','d1','d2','d3','d4','d5','d6','d7','d8',"         \
	"'e1','e2','e3','e4','e5','e6','e7','e8','f1','f2','f3','f4','f5','f6','f7','f8',"         \
	"'g1','g2','g3','g4','g5','g6','g7','g8','h1','h2','h3','h4','h5','h6','h7','h8')"

static const struct {
	const char *type, *values; /* a value a word, separated by semicolons */
} types[] = {
	{"tinyint", "-128;127;0;-1"},
	{"tinyint unsigned", "0;255;128"},
	{"smallint", "-32768;32767;0"},
	{"smallint unsigned", "0;65535"},
	{"mediumint", "-8388608;8388607;-1"},
	{"mediumint unsigned", "0;16777215"},
	{"int", "-2147483648;2147483647;0"},
	{"int unsigned", "0;4294967295;2147483648"},
	{"bigint",
	 "-9223372036854775808;-9223372036854775807;9223372036854775807;9223372036854775806"},
	{"bigint unsigned", "0;18446744073709551615;18446744073709551614;9223372036854775808"},
	{"decimal(65,30)", "-99999999999999999999999999999999999.999999999999999999999999999999;0;"
			   "99999999999999999999999999999999999.999999999999999999999999999999;"
			   "99999999999999999999999999999999999.999999999999999999999999999998"},
	{"decimal(4,4)", "-0.9999;0.0001;-0.0001"},
	{"char(10)", "'';'a';'b';'ü'"},
	{"char(10) CHARACTER SET latin1", "'ä';'ß';'x'"},
	{"char(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "'a';'A';'𝄞'"},
	{"varchar(20)", "'';'a';'b\\'c\\\\';'日本'"},
	{"varchar(300)", "REPEAT('x', 300);REPEAT('x', 299);'y'"},
	{"varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "'a';'A';'ä'"},
	{"varchar(20) CHARACTER SET utf16", "'a';'Ω';'𝄞'"},
	{"varchar(20) CHARACTER SET ucs2", "'a';'Ω'"},
	{"varchar(20) CHARACTER SET utf32", "'a';'Ω'"},
	{"varchar(20) CHARACTER SET sjis", "'ソ';'表';'a'"},
	{"varchar(20) CHARACTER SET cp1251", "'я';'a'"},
	{"binary(4)", "X'';X'61620000';X'00000001';X'61620020'"},
	{"varbinary(16)", "X'';X'00';X'0000';X'61';X'6100'"},
	{"date", "'0000-00-00';'2024-00-00';'2024-02-00';'2024-02-31';'1000-01-01';'9999-12-31'"},
	{"time", "'-838:59:59';'838:59:59';'00:00:00';'-00:00:01'"},
	{"time(6)", "'-838:59:58.999999';'-00:00:00.000001';'00:00:00.000001';'838:59:58.999999'"},
	{"time(3)", "'-00:00:00.001';'-01:00:00.001';'-00:00:01'"},
	{"datetime", "'0000-00-00';'2024-00-00 00:00:00';'1000-01-01';'9999-12-31 23:59:59'"},
	{"datetime(6)", "'0000-00-00';'2024-02-29 12:34:56.000001';'9999-12-31 23:59:59.999999'"},
	{"datetime(3)", "'2024-02-29 12:34:56.001';'2024-02-29 12:34:56.002'"},
	{"timestamp", "'0000-00-00';'1970-01-01 00:00:01';'2038-01-19 03:14:07'"},
	/* An hour that there is twice where clocks are turned back. */
	{"timestamp(6)", "'2024-10-27 00:30:00.000001';'2024-10-27 01:30:00.000001'"},
	{"year", "0;1901;1970;2000;2155"},
	{"enum('a','b','3','')", "'a';'b';'3';''"},
	{"set('a','b','c')", "'';'a';'a,c';'a,b,c'"},
	{SET_OF_64, "'';'a1';'h8';'a1,h8';'g8';'a1,g8'"},
	{"bit(1)", "0;1"},
	{"bit(33)", "0;4294967296;8589934591"},
	{"bit(64)", "0;9223372036854775808;9223372036854775809;18446744073709551615"},
};

/* MariaDB's alone. */
static const struct {
	const char *type, *values;
} maria_types[] = {
	{"uuid", "'00112233-4455-1677-8899-aabbccddeeff';'00112233-4455-4677-8899-aabbccddee00';"
		 "'00112233-4455-7677-8899-aabbccddeeff';'00000000-0000-0000-0000-000000000000';"
		 "'ffffffff-ffff-ffff-ffff-ffffffffffff'"},
	{"inet6", "'::';'::1';'2001:db8::';'::ffff:1.2.3.4'"},
	{"inet4", "'0.0.0.0';'1.2.3.4';'255.255.255.0'"},
};

/* Inserts the values with the numbers from 1 on; yields how many. */
static int insert_values(struct streaming *s, const char *values)
{
	int count = 0;
	char *copy = lk_strdup(values), *rest = NULL;
	for (char *p = strtok_r(copy, ";", &rest); p; p = strtok_r(NULL, ";", &rest)) {
		char *sql = lk_format("INSERT INTO k VALUES (1.5, %s, 'between', %d)", p, ++count);
		my_must(s->session, sql);
		free(sql);
	}
	free(copy);
	return count;
}

/* The row of number `n` was told as the next, and is the only one that its literal finds. */
static const char *expect_row(struct streaming *s, const char *type, const char *told, int n)
{
	static const char insert[] = "insert k ";
	told = strstr(told, insert);
	if (!told)
		fail_msg("%s: row %d was not told", type, n);
	told += strlen(insert);
	char *literal = lk_strndup(told, strcspn(told, "\n"));
	char *sql =
		lk_format("SELECT GROUP_CONCAT(n) FROM k WHERE k IN (%s, %s)", literal, literal);
	char *found = my_value(s->session, sql);
	if (atoi(found) != n || strchr(found, ','))
		fail_msg("%s: row %d has the key %s, which finds %s", type, n, literal, found);
	free(found);
	free(sql);
	free(literal);
	return told;
}

static void try_type(struct streaming *s, const char *type, const char *values)
{
	char *sql = lk_format("CREATE TABLE k (f double, k %s NOT NULL PRIMARY KEY, t text, n int)",
			      type);
	my_must(s->session, sql);
	free(sql);
	streaming_watch(s, "k", "k");
	streaming_open(s);
	int count = insert_values(s, values);
	const char *told = streaming_read(s);
	for (int n = 1; n <= count; n++)
		told = expect_row(s, type, told, n);
	assert_null(strstr(told, "insert"));
	streaming_forget(s);
	my_must(s->session, "DROP TABLE k");
}

static void a_key_of_any_type_finds_exactly_its_row(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	for (size_t i = 0; i < LK_COUNT(types); i++)
		try_type(s, types[i].type, types[i].values);
	for (size_t i = 0; my_is_mariadb() && i < LK_COUNT(maria_types); i++)
		try_type(s, maria_types[i].type, maria_types[i].values);
}

static void a_key_of_several_columns_is_a_row_of_literals(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE p (c datetime(6) NOT NULL, v int, a int unsigned NOT NULL,"
			 " b varchar(10) NOT NULL, PRIMARY KEY (a, b, c))");
	streaming_watch(s, "p", "a, b, c");
	streaming_open(s);
	streaming_sql(s, "INSERT INTO p VALUES ('2024-02-29 01:02:03.4', 1, 4000000000, 'x'),"
			 " ('2024-02-29 01:02:03.5', 2, 4000000000, 'x')");
	assert_string_equal(streaming_read(s),
			    "insert p (4000000000, _utf8mb4 X'78', '2024-02-29 01:02:03.400000')\n"
			    "insert p (4000000000, _utf8mb4 X'78', '2024-02-29 01:02:03.500000')\n"
			    "commit\n");
	my_expect(s->session,
		  "SELECT v FROM p WHERE (a, b, c) IN ((4000000000, _utf8mb4 X'78',"
		  " '2024-02-29 01:02:03.500000'))",
		  "2");
}

/* Columns that are computed, invisible or of types that no key has stand in front of the key's. */
static void the_key_is_found_behind_any_columns(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	char *sql = lk_format(
		"CREATE TABLE t (f float, d double, tt tinytext, mt mediumtext, bl blob,"
		" js json, g geometry, bi bit(17), ye year, se set('a','b'), en enum('x'), ti time(3),"
		" de decimal(30,10), virt int GENERATED ALWAYS AS (d + 1) VIRTUAL,"
		" kept int GENERATED ALWAYS AS (d + 2) STORED, inv int INVISIBLE DEFAULT 5, %s"
		" a int PRIMARY KEY, after_it int)",
		my_is_mariadb() ? "u uuid, i6 inet6, i4 inet4, co varchar(99) COMPRESSED,"
				  " cb blob COMPRESSED,"
				: "ve vector(4), na national varchar(9),");
	streaming_sql(s, sql);
	free(sql);
	if (!my_is_mariadb())
		streaming_sql(s, "CREATE INDEX computed ON t ((a + f))");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	streaming_sql(
		s,
		"INSERT INTO t (f, d, tt, mt, bl, js, g, bi, ye, se, en, ti, de, a) VALUES"
		" (1, 2, 't', 'm', 'b', '[1]', POINT(1, 2), 3, 2024, 'a,b', 'x', '1:2:3.4', 5.6, 77),"
		" (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 78)");
	if (my_is_mariadb())
		streaming_sql(
			s, "INSERT INTO t (u, i6, i4, co, cb, a) VALUES (UUID(), '::1', '1.2.3.4',"
			   " REPEAT('c', 90), REPEAT('d', 9000), 79)");
	else
		streaming_sql(s, "INSERT INTO t (ve, na, a) VALUES"
				 " (STRING_TO_VECTOR('[1,2,3,4]'), 'n', 79)");
	assert_string_equal(streaming_read(s),
			    "insert t 77\ninsert t 78\ncommit\ninsert t 79\ncommit\n");
	if (!my_is_mariadb())
		streaming_sql(s, "DROP INDEX computed ON t");
	streaming_sql(s, "ALTER TABLE t DROP COLUMN f, DROP COLUMN g, ADD COLUMN z int FIRST");
	streaming_read(s);
	streaming_forget(s);
	streaming_watch(s, "t", "a");
	streaming_sql(s, "UPDATE t SET a = a + 10 WHERE a = 79");
	assert_string_equal(streaming_read(s), "update t 79 89\ncommit\n");
}

static void transactions_are_told_whole_and_savepoints_do_not_show(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY, b int); CREATE TABLE other (a int)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	streaming_sql(s, "BEGIN; INSERT INTO t VALUES (1, 1), (2, 2); INSERT INTO other VALUES (1);"
			 " SAVEPOINT s; INSERT INTO t VALUES (3, 3); ROLLBACK TO s;"
			 " UPDATE t SET a = 4 WHERE a = 1; DELETE FROM t WHERE a = 2; COMMIT");
	streaming_sql(s, "BEGIN; INSERT INTO t VALUES (9, 9); ROLLBACK");
	streaming_sql(s, "INSERT INTO other VALUES (2)");
	streaming_sql(s, "INSERT INTO t VALUES (4, 5) ON DUPLICATE KEY UPDATE b = 6");
	streaming_sql(s, "REPLACE INTO t VALUES (4, 7)");
	assert_string_equal(streaming_read(s), "insert t 1\ninsert t 2\nupdate t 1 4\ndelete t 2\n"
					       "commit\ncommit\nupdate t 4 4\ncommit\n"
					       "update t 4 4\ncommit\n");
}

static void xa_transactions_stay_open_until_their_end(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	streaming_sql(s, "XA START 'one', 'two', 7; INSERT INTO t VALUES (1);"
			 " XA END 'one', 'two', 7; XA PREPARE 'one', 'two', 7");
	assert_string_equal(streaming_read(s), "insert t 1\nprepare X'6f6e65',X'74776f',7\n");
	streaming_sql(s, "XA COMMIT 'one', 'two', 7");
	assert_string_equal(streaming_read(s), "commit X'6f6e65',X'74776f',7\n");
	streaming_sql(s, "XA START 'a'; INSERT INTO t VALUES (2); XA END 'a'; XA PREPARE 'a';"
			 " XA ROLLBACK 'a'");
	assert_string_equal(streaming_read(s),
			    "insert t 2\nprepare X'61',X'',1\nrollback X'61',X'',1\n");
	streaming_sql(
		s, "XA START 'b'; INSERT INTO t VALUES (3); XA END 'b'; XA COMMIT 'b' ONE PHASE");
	assert_string_equal(streaming_read(s), "insert t 3\ncommit\n");
}

static void statements_are_told_as_text(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	streaming_sql(s, "INSERT INTO t VALUES (1); SET binlog_format = STATEMENT;"
			 " UPDATE t SET a = 2; INSERT INTO t VALUES (3)");
	streaming_sql(s, "TRUNCATE TABLE t");
	streaming_sql(s, "ALTER TABLE t ADD COLUMN b int");
	assert_string_equal(streaming_read(s),
			    "insert t 1\ncommit\nstatement UPDATE t SET a = 2\ncommit\n"
			    "statement INSERT INTO t VALUES (3)\ncommit\n"
			    "statement TRUNCATE TABLE t\ncommit\n"
			    "statement ALTER TABLE t ADD COLUMN b int\ncommit\n");
}

/* Whatever a session chooses for itself, keys are whole as long as they are the primary ones. */
static void row_images_of_any_session_have_the_primary_key(void **state)
{
	static const char *const images[] = {"FULL", "MINIMAL", "NOBLOB"};
	struct streaming *s = *state;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (x text, a int, v int, b varchar(9), u int NOT NULL,"
			 " y longblob, PRIMARY KEY (a, b), UNIQUE (u))");
	streaming_watch(s, "t", "a, b");
	streaming_open(s);
	for (size_t i = 0; i < LK_COUNT(images); i++) {
		char *sql = lk_format(
			"SET binlog_row_image = %s; INSERT INTO t VALUES ('x', 1, 1, 'k', 1, 'y');"
			" UPDATE t SET v = 2; UPDATE t SET b = 'l'; UPDATE t SET a = 2, x = 'z';"
			" DELETE FROM t",
			images[i]);
		streaming_sql(s, sql);
		assert_string_equal(streaming_read(s),
				    "insert t (1, _utf8mb4 X'6b')\ncommit\n"
				    "update t (1, _utf8mb4 X'6b') (1, _utf8mb4 X'6b')\ncommit\n"
				    "update t (1, _utf8mb4 X'6b') (1, _utf8mb4 X'6c')\ncommit\n"
				    "update t (1, _utf8mb4 X'6c') (2, _utf8mb4 X'6c')\ncommit\n"
				    "delete t (2, _utf8mb4 X'6c')\ncommit\n");
		free(sql);
	}
}

static void an_image_without_the_key_ends_the_stream(void **state)
{
	struct streaming *s = *state;
	struct lk_error error;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY, u int NOT NULL DEFAULT 1, v int,"
			 " UNIQUE (u)); INSERT INTO t VALUES (1, 1, 1)");
	streaming_watch(s, "t", "u");
	streaming_open(s);
	streaming_sql(s, "SET binlog_row_image = MINIMAL; UPDATE t SET v = 2");
	streaming_fails(s, LK_ERROR_REFUSED, &error);
	assert_contains(error.text, "test.t");
	assert_contains(error.text, "binlog_row_image = FULL");
}

static void a_table_that_was_changed_ends_the_stream(void **state)
{
	struct streaming *s = *state;
	struct lk_error error;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY, b int)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	streaming_sql(s, "ALTER TABLE t MODIFY a bigint NOT NULL; INSERT INTO t VALUES (1, 1)");
	streaming_fails(s, LK_ERROR_REFUSED, &error);
	assert_string_equal(lk_buffer_text(&s->told),
			    "statement ALTER TABLE t MODIFY a bigint NOT NULL\ncommit\n");
	assert_contains(error.text, "not the table that the catalog shows");
}

static void compressed_events_are_read(void **state)
{
	struct streaming *s = *state;
	const char *on = my_is_mariadb() ? "SET GLOBAL log_bin_compress = 1;"
					 : "SET binlog_transaction_compression = 1;";
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY, b longtext)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	char *sql = lk_format(
		"%s BEGIN; INSERT INTO t VALUES (1, REPEAT('x', 5000)), (2, 'y');"
		" UPDATE t SET b = CONCAT(b, 'z'), a = a + 10; DELETE FROM t WHERE a = 11;"
		" COMMIT",
		on);
	streaming_sql(s, sql);
	assert_string_equal(streaming_read(s), "insert t 1\ninsert t 2\nupdate t 1 11\n"
					       "update t 2 12\ndelete t 11\ncommit\n");
	free(sql);
	if (my_is_mariadb())
		streaming_sql(s, "SET GLOBAL log_bin_compress = 0");
}

static size_t count_lines(const char *text, const char *begin)
{
	size_t count = 0;
	for (const char *p = text; (p = strstr(p, begin)) != NULL; p += strlen(begin))
		count++;
	return count;
}

/* More than a packet of the protocol holds, in one event where the server can, and in many. */
static void a_big_transaction_is_read(void **state)
{
	enum { ROWS = 20000 };
	struct streaming *s = *state;
	my_need(s->server);
	my_numbers(s->server, "numbers", ROWS);
	streaming_sql(s, "CREATE TABLE t (a bigint PRIMARY KEY, b varbinary(1000), c longblob)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	for (int compressed = 0; compressed < 2; compressed++) {
		char *sql = lk_format(
			"%s INSERT INTO t SELECT n, RANDOM_BYTES(1000), NULL FROM numbers;"
			" UPDATE t SET c = REPEAT('x', 17000000) WHERE a = 1; DELETE FROM t",
			!compressed || my_is_mariadb() ? ""
						       : "SET binlog_transaction_compression = 1;");
		streaming_sql(s, sql);
		const char *told = streaming_read(s);
		assert_int_equal(count_lines(told, "insert t "), ROWS);
		assert_int_equal(count_lines(told, "update t 1 1\n"), 1);
		assert_int_equal(count_lines(told, "delete t "), ROWS);
		assert_int_equal(count_lines(told, "commit\n"), 3);
		free(sql);
	}
}

static void what_is_watched_may_change_while_the_stream_runs(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (a int PRIMARY KEY)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	streaming_sql(s, "INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)");
	assert_string_equal(streaming_read(s), "insert t 1\ncommit\ncommit\n");
	streaming_watch(s, "u", "a");
	streaming_sql(s, "INSERT INTO t VALUES (2); INSERT INTO u VALUES (2)");
	assert_string_equal(streaming_read(s), "insert t 2\ncommit\ninsert u 2\ncommit\n");
	lk_stream_watch(s->stream, s->tables + 1, 1);
	streaming_sql(s, "INSERT INTO t VALUES (3); INSERT INTO u VALUES (3)");
	assert_string_equal(streaming_read(s), "commit\ninsert u 3\ncommit\n");
}

/* A stream that begins where another has ended, by position and by GTID, misses nothing and repeats nothing. */
static void a_stream_goes_on_where_another_has_ended(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	for (int i = 0; i < 4; i++) {
		char *sql = lk_format("INSERT INTO t VALUES (%d)", i), *expected, *where;
		streaming_sql(s, sql);
		if (i == 2)
			streaming_sql(s, "FLUSH BINARY LOGS");
		expected = lk_format("insert t %d\ncommit\n", i);
		assert_string_equal(streaming_read(s), expected);
		struct lk_binlog_position resume = lk_stream_resume(s->stream);
		where = i % 2 ? lk_binlog_position_format(&resume) : lk_stream_gtid(s->stream);
		assert_non_null(where);
		streaming_open_at(s, where);
		free(where);
		free(expected);
		free(sql);
		/* Begun at a position it knows no GTIDs before the next file does. */
		if (i % 2)
			streaming_open(s);
	}
}

/* Begun behind a GTID in the middle of a file, nothing before is told, nor is a position before it given out. */
static void a_start_by_gtid_has_no_position_before_it(void **state)
{
	struct streaming *s = *state;
	struct lk_binlog_position end, resume;
	struct lk_error error;
	my_need(s->server);
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	char *gtid = lk_stream_gtid(s->stream);
	streaming_open_at(s, gtid);
	free(gtid);
	resume = lk_stream_resume(s->stream);
	assert_string_equal(resume.file, "");
	assert_string_equal(streaming_read(s), "");
	assert_true(lk_binlog_end(s->session, &end, &error));
	resume = lk_stream_resume(s->stream);
	assert_string_equal(resume.file, end.file);
	assert_true(resume.offset == end.offset);
	streaming_sql(s, "INSERT INTO t VALUES (2)");
	assert_string_equal(streaming_read(s), "insert t 2\ncommit\n");
}

static void gtids_with_a_tag_are_counted(void **state)
{
	struct streaming *s = *state;
	my_need(s->server);
	/* MariaDB's have none. */
	if (my_is_mariadb())
		return;
	streaming_sql(s, "CREATE TABLE t (a int PRIMARY KEY)");
	streaming_watch(s, "t", "a");
	streaming_open(s);
	streaming_sql(s, "SET gtid_next = 'AUTOMATIC:blue'; INSERT INTO t VALUES (1);"
			 " INSERT INTO t VALUES (2); SET gtid_next = 'AUTOMATIC:green';"
			 " INSERT INTO t VALUES (3)");
	assert_string_equal(streaming_read(s),
			    "insert t 1\ncommit\ninsert t 2\ncommit\ninsert t 3\ncommit\n");
	char *gtid = lk_stream_gtid(s->stream);
	assert_contains(gtid, ":blue:1-2:green:1");
	char *executed = lk_test_my_value(s->server, "SELECT @@global.gtid_executed");
	assert_string_equal(gtid, executed);
	streaming_open_at(s, gtid);
	streaming_sql(s, "INSERT INTO t VALUES (4)");
	assert_string_equal(streaming_read(s), "insert t 4\ncommit\n");
	free(gtid);
	free(executed);
}

static void the_servers_state_is_read(void **state)
{
	struct streaming *s = *state;
	struct lk_binlog_state was;
	struct lk_error error;
	my_need(s->server);
	assert_true(lk_binlog_state_read(s->session, &was, &error));
	assert_true(was.on && was.rows && was.full && was.gtids);
	assert_true(strlen(was.identity) > 2);
	assert_true(was.end.offset >= 4);
	assert_non_null(strstr(was.gtid, my_is_mariadb() ? "0-" : ":1"));
	lk_binlog_state_free(&was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_key_of_any_type_finds_exactly_its_row, clean),
		cmocka_unit_test_setup(a_key_of_several_columns_is_a_row_of_literals, clean),
		cmocka_unit_test_setup(the_key_is_found_behind_any_columns, clean),
		cmocka_unit_test_setup(transactions_are_told_whole_and_savepoints_do_not_show,
				       clean),
		cmocka_unit_test_setup(xa_transactions_stay_open_until_their_end, clean),
		cmocka_unit_test_setup(statements_are_told_as_text, clean),
		cmocka_unit_test_setup(row_images_of_any_session_have_the_primary_key, clean),
		cmocka_unit_test_setup(an_image_without_the_key_ends_the_stream, clean),
		cmocka_unit_test_setup(a_table_that_was_changed_ends_the_stream, clean),
		cmocka_unit_test_setup(compressed_events_are_read, clean),
		cmocka_unit_test_setup(a_big_transaction_is_read, clean),
		cmocka_unit_test_setup(what_is_watched_may_change_while_the_stream_runs, clean),
		cmocka_unit_test_setup(a_stream_goes_on_where_another_has_ended, clean),
		cmocka_unit_test_setup(a_start_by_gtid_has_no_position_before_it, clean),
		cmocka_unit_test_setup(gtids_with_a_tag_are_counted, clean),
		cmocka_unit_test_setup(the_servers_state_is_read, clean),
	};
	return my_run_tests(tests, start_server, stop_server);
}
