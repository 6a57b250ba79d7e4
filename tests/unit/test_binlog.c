/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of binary logs, on logs that both servers wrote (tests/data/binlog/record.sql) and on broken ones. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/memory.h"
#include "binlog/event.h"
#include "binlog/gtid.h"
#include "tests/unit/binlog_log.h"

static const struct {
	const char *path;
	bool maria;
	const char
		*gtid; /* what was executed at its end, by itself and by what it says of before */
} logs[] = {
	{"tests/data/binlog/mariadb.binlog", true, "0-1-35"},
	{"tests/data/binlog/mysql.binlog", false,
	 "6cef4426-e76b-11f1-a325-02fc00000001:1-35:some_tag:1"},
};

/* The columns of table kinds, and what each of its four rows has there. */
static const struct {
	const char *type, *charset;
	const char *values[4];
} kinds[] = {
	{"year", "", {"0", "2155", "1901", "2000"}},
	{"bit(1)", "", {"0", "1", "0", "0"}},
	{"tinyint(4)", "", {"-128", "127", "-1", "0"}},
	{"tinyint(3) unsigned", "", {"0", "255", "1", "0"}},
	{"smallint", "", {"-32768", "32767", "-1", "0"}},
	{"smallint unsigned", "", {"0", "65535", "1", "0"}},
	{"mediumint", "", {"-8388608", "8388607", "-1", "0"}},
	{"mediumint(8) unsigned zerofill", "", {"0", "16777215", "1", "0"}},
	{"int", "", {"-2147483648", "2147483647", "-1", "0"}},
	{"int(10) unsigned", "", {"0", "4294967295", "1", "0"}},
	{"bigint(20)", "", {"-9223372036854775808", "9223372036854775807", "-1", "0"}},
	{"bigint unsigned", "", {"0", "18446744073709551615", "1", "0"}},
	{"decimal(20,6)",
	 "",
	 {"-99999999999999.999999", "99999999999999.999999", "-0.000001", "0.000000"}},
	{"decimal(65,30)",
	 "",
	 {"-99999999999999999999999999999999999.999999999999999999999999999999",
	  "99999999999999999999999999999999999.999999999999999999999999999999",
	  "0.000000000000000000000000000001", "0.000000000000000000000000000000"}},
	{"decimal(9,9)", "", {"-0.999999999", "0.999999999", "0.000000000", "0.000000000"}},
	{"decimal(10,0) unsigned", "", {"0", "9999999999", "1", "0"}},
	{"char(10)", "utf8mb4", {"X''", "X'c3bc6ec3af'", "X'61'", "X''"}},
	{"char(5)", "latin1", {"X''", "X'f6'", "X'61'", "X'2061'"}},
	{"char(255)", "utf8mb4", {"X''", NULL, "X'61'", "X''"}},
	{"varchar(20)", "utf8mb4", {"X''", "X'6127625c63'", "X'61'", "X'20'"}},
	{"varchar(300)", "utf8mb4", {"X''", NULL, "X'61'", "X'20'"}},
	{"varchar(9)", "utf16", {"X''", "X'03a9'", "X'0061'", "X'0020'"}},
	{"binary(4)", "", {"X'00000000'", "X'61620000'", "X'00000000'", "X'61006200'"}},
	{"varbinary(16)", "", {"X''", "X'63640000'", "X'00'", "X'000061'"}},
	{"date", "", {"'0000-00-00'", "'9999-12-31'", "'2024-02-31'", "'2024-00-00'"}},
	{"time", "", {"'-838:59:59'", "'838:59:59'", "'-00:00:01'", "'00:00:00'"}},
	{"time(2)", "", {"'-838:59:58.99'", "'838:59:58.99'", "'-00:00:00.01'", "'00:00:00.00'"}},
	{"time(3)",
	 "",
	 {"'-00:00:00.001'", "'838:59:58.999'", "'-01:00:00.001'", "'00:00:00.000'"}},
	{"time(6)",
	 "",
	 {"'-838:59:58.999999'", "'838:59:58.999999'", "'-00:00:00.000001'", "'00:00:00.000000'"}},
	{"datetime",
	 "",
	 {"'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'", "'2024-02-29 12:34:56'",
	  "'2024-00-00 00:00:00'"}},
	{"datetime(1)",
	 "",
	 {"'0000-00-00 00:00:00.0'", "'9999-12-31 23:59:59.9'", "'1000-01-01 00:00:00.1'",
	  "'2024-00-00 00:00:00.0'"}},
	{"datetime(6)",
	 "",
	 {"'0000-00-00 00:00:00.000000'", "'9999-12-31 23:59:59.999999'",
	  "'2024-02-29 12:34:56.123456'", "'2024-00-00 01:02:03.000004'"}},
	{"timestamp",
	 "",
	 {"'0000-00-00 00:00:00'", "'2038-01-19 03:14:07'", "'1970-01-01 00:00:01'",
	  "'2024-03-01 00:00:00'"}},
	{"timestamp(4)",
	 "",
	 {"'0000-00-00 00:00:00.0000'", "'2038-01-19 03:14:07.9999'", "'2000-02-29 23:59:59.0001'",
	  "'2010-03-01 00:00:00.0000'"}},
	{"timestamp(6)",
	 "",
	 {"'0000-00-00 00:00:00.000000'", "'2038-01-19 03:14:07.999999'",
	  "'1999-12-31 23:59:59.000001'", "'2000-03-01 00:00:00.000000'"}},
	{"enum('a','b','it''s')", "utf8mb4", {"1", "3", "2", "0"}},
	{"set('x','y','z')", "utf8mb4", {"0", "7", "2", "0"}},
	{"bit(9)", "", {"0", "511", "256", "0"}},
	{"bit(64)", "", {"0", "18446744073709551615", "1", "9223372036854775808"}},
};

static struct test_log open_log(size_t i, char **bytes)
{
	struct test_log log = {.maria = logs[i].maria};
	*bytes = test_read(logs[i].path, &log.length);
	log.bytes = (const uint8_t *)*bytes;
	return log;
}

/* Line `n` of what was told about kinds, without "insert kinds ". */
static char *value_of(const struct test_log *log, int n)
{
	const char *p = lk_buffer_text(&log->text);
	while (n-- >= 0) {
		p = strstr(p, "insert kinds ");
		assert_non_null(p);
		p += strlen("insert kinds ");
	}
	return lk_strndup(p, strcspn(p, "\n"));
}

static void every_type_of_a_key_is_written_as_a_literal_that_is_exact(void **state)
{
	(void)state;
	for (size_t l = 0; l < LK_COUNT(logs); l++)
		for (size_t k = 0; k < LK_COUNT(kinds); k++) {
			struct lk_binlog_column column = {.ordinal = k};
			struct lk_stream_table table = {"test", "kinds", 1, &column, 1};
			struct lk_error error = {0};
			char *bytes;
			struct test_log log = open_log(l, &bytes);
			log.tables = &table;
			log.table_count = 1;
			if (!lk_binlog_column_read(kinds[k].type, kinds[k].charset, &column,
						   &error) ||
			    !test_log_read(&log, &error))
				fail_msg("%s, %s: %s", logs[l].path, kinds[k].type, error.text);
			assert_int_equal(log.rows, 4);
			for (int r = 0; r < 4; r++) {
				bool text = column.charset[0] != '\0';
				if (!kinds[k].values[r])
					continue;
				char *expected =
					lk_format("%s%s%s%s", text ? "_" : "", column.charset,
						  text ? " " : "", kinds[k].values[r]);
				char *value = value_of(&log, r);
				if (strcmp(value, expected) != 0)
					fail_msg("%s, %s, row %d: %s instead of %s", logs[l].path,
						 kinds[k].type, r, value, expected);
				free(value);
				free(expected);
			}
			test_log_free(&log);
			free(bytes);
		}
}

static void long_texts_are_whole(void **state)
{
	(void)state;
	for (size_t l = 0; l < LK_COUNT(logs); l++) {
		struct lk_binlog_column columns[] = {{.ordinal = 18}, {.ordinal = 20}};
		struct lk_stream_table table = {"test", "kinds", 1, columns, 2};
		struct lk_error error = {0};
		char *bytes;
		struct test_log log = open_log(l, &bytes);
		log.tables = &table;
		log.table_count = 1;
		assert_true(lk_binlog_column_read("char(255)", "utf8mb4", &columns[0], &error));
		assert_true(lk_binlog_column_read("varchar(300)", "utf8mb4", &columns[1], &error));
		assert_true(test_log_read(&log, &error));
		char *value = value_of(&log, 1);
		struct lk_buffer expected = {0};
		lk_buffer_add(&expected, "(_utf8mb4 X'");
		for (int i = 0; i < 255; i++)
			lk_buffer_add(&expected, "c39f");
		lk_buffer_add(&expected, "', _utf8mb4 X'");
		for (int i = 0; i < 300; i++)
			lk_buffer_add(&expected, "78");
		lk_buffer_add(&expected, "')");
		assert_string_equal(value, expected.text);
		free(value);
		lk_buffer_free(&expected);
		test_log_free(&log);
		free(bytes);
	}
}

/* Rows of pair by its key (a, b), and all else; the same on both servers up to their last DROP. */
static const char told[] =
	"statement in test: CREATE TABLE kinds (\n"
	"	ye year,\n"
	"commit\n"
	"commit\n"
	"statement in test: CREATE TABLE pair (b varchar(2\n"
	"commit\n"
	"insert pair (1, _latin1 X'6f6e65')\n"
	"insert pair (2, _latin1 X'74776f')\n"
	"insert pair (3, _latin1 X'7468726565')\n"
	"commit\n"
	"update pair (1, _latin1 X'6f6e65') -> (1, _latin1 X'6f6e65')\n"
	"update pair (2, _latin1 X'74776f') -> (2, _latin1 X'74776f')\n"
	"update pair (3, _latin1 X'7468726565') -> (3, _latin1 X'7468726565')\n"
	"commit\n"
	"update pair (2, _latin1 X'74776f') -> (2, _latin1 X'54574f')\n"
	"commit\n"
	"update pair (3, _latin1 X'7468726565') -> (4000000000, _latin1 X'7468726565')\n"
	"commit\n"
	"delete pair (1, _latin1 X'6f6e65')\n"
	"commit\n"
	"insert pair (5, _latin1 X'66697665')\n"
	"commit\n"
	"update pair (5, _latin1 X'66697665') -> (5, _latin1 X'66697665')\n"
	"commit\n"
	"update pair (5, _latin1 X'66697665') -> (5, _latin1 X'46495645')\n"
	"commit\n"
	"delete pair (5, _latin1 X'46495645')\n"
	"commit\n"
	"insert pair (6, _latin1 X'736978')\n"
	"commit\n"
	"update pair (6, _latin1 X'736978') -> (6, _latin1 X'736978')\n"
	"commit\n"
	"delete pair (6, _latin1 X'736978')\n"
	"commit\n"
	"insert pair (10, _latin1 X'74656e')\n"
	"insert pair (12, _latin1 X'7477656c7665')\n"
	"commit\n"
	"insert pair (20, _latin1 X'7861')\n"
	"prepare X'78',X'62',5\n"
	"commit X'78',X'62',5\n"
	"insert pair (21, _latin1 X'7861')\n"
	"prepare X'79',X'',1\n"
	"rollback X'79',X'',1\n"
	"insert pair (22, _latin1 X'7861')\n"
	"commit\n"
	"statement in test: UPDATE pair SET v = 77 WHERE a\n"
	"commit\n"
	"statement in test: CREATE TABLE plain (n int PRIM\n"
	"commit\n"
	"commit\n"
	"insert pair (30, _latin1 X'7061636b6564')\n"
	"insert pair (31, _latin1 X'7061636b656420746f6f')\n"
	"commit\n"
	"update pair (30, _latin1 X'7061636b6564') -> (30, _latin1 X'7061636b6564')\n"
	"commit\n"
	"update pair (31, _latin1 X'7061636b656420746f6f') -> (31, _latin1 X'7061636b656420746f6f')\n"
	"commit\n"
	"delete pair (30, _latin1 X'7061636b6564')\n"
	"delete pair (31, _latin1 X'7061636b656420746f6f')\n"
	"commit\n"
	"statement in test: CREATE TABLE later (n int PRIM\n"
	"commit\n"
	"insert pair (40, _latin1 X'70617274')\n"
	"commit\n"
	"update pair (40, _latin1 X'70617274') -> (40, _latin1 X'70617274')\n"
	"commit\n"
	"delete pair (40, _latin1 X'70617274')\n"
	"commit\n"
	"statement in test: CREATE TABLE `copied` (\n"
	"  `a` \n"
	"commit\n"
	"statement in test: TRUNCATE TABLE pair\n"
	"commit\n";

static void what_happened_is_told_in_order(void **state)
{
	(void)state;
	for (size_t l = 0; l < LK_COUNT(logs); l++) {
		struct lk_binlog_column columns[] = {{.ordinal = 3}, {.ordinal = 0}};
		struct lk_stream_table table = {"test", "pair", 1, columns, 2};
		struct lk_error error = {0};
		char *bytes;
		struct test_log log = open_log(l, &bytes);
		log.tables = &table;
		log.table_count = 1;
		assert_true(lk_binlog_column_read("int unsigned", "", &columns[0], &error));
		assert_true(lk_binlog_column_read("varchar(20)", "latin1", &columns[1], &error));
		if (!test_log_read(&log, &error))
			fail_msg("%s: %s", logs[l].path, error.text);
		assert_memory_equal(lk_buffer_text(&log.text), told, strlen(told));
		assert_contains(log.text.text + strlen(told), "statement in test: DROP TABLE");
		assert_string_equal(log.gtid, logs[l].gtid);
		assert_string_equal(log.resume.file, "binlog.000003");
		test_log_free(&log);
		free(bytes);
	}
}

static void a_table_is_only_followed_as_the_catalog_shows_it(void **state)
{
	/* Column 3 of pair is an int unsigned, column 0 a varchar; there is no column 6. */
	static const struct {
		size_t ordinal;
		const char *type;
	} others[] = {{3, "int"},	   {3, "bigint unsigned"}, {0, "char(20)"}, {0, "date"},
		      {6, "int unsigned"}, {1, "decimal(10,0)"},   {3, "timestamp"}};
	(void)state;
	for (size_t l = 0; l < LK_COUNT(logs); l++)
		for (size_t i = 0; i < LK_COUNT(others); i++) {
			struct lk_binlog_column column;
			struct lk_stream_table table = {"test", "pair", 1, &column, 1};
			struct lk_error error = {0};
			char *bytes;
			struct test_log log = open_log(l, &bytes);
			log.tables = &table;
			log.table_count = 1;
			assert_true(
				lk_binlog_column_read(others[i].type, "utf8mb4", &column, &error));
			column.ordinal = others[i].ordinal;
			assert_false(test_log_read(&log, &error));
			assert_int_equal(error.class, LK_ERROR_REFUSED);
			assert_contains(error.text, "not the table that the catalog shows");
			test_log_free(&log);
			free(bytes);
		}
}

static void a_cut_log_is_an_error_and_not_a_shorter_one(void **state)
{
	(void)state;
	for (size_t l = 0; l < LK_COUNT(logs); l++) {
		char *bytes;
		struct test_log log = open_log(l, &bytes);
		size_t whole = log.length, ends = 0;
		for (log.length = whole; log.length > 4; log.length -= log.length > 900 ? 37 : 1) {
			struct lk_error error = {0};
			/* A copy of its own, so that a reading behind its end is seen. */
			uint8_t *cut = lk_alloc(log.length);
			memcpy(cut, bytes, log.length);
			log.bytes = cut;
			if (test_log_read(&log, &error))
				ends++;
			else
				assert_int_equal(error.class, LK_ERROR_REFUSED);
			test_log_free(&log);
			free(cut);
		}
		/* But for where an event ends. */
		assert_in_range(ends, 1, 30);
		free(bytes);
	}
}

static void a_changed_byte_is_a_wrong_checksum(void **state)
{
	(void)state;
	for (size_t l = 0; l < LK_COUNT(logs); l++) {
		char *bytes;
		struct test_log log = open_log(l, &bytes);
		for (size_t at = 4; at < log.length; at += 101) {
			struct lk_error error = {0};
			bytes[at] ^= 0x10;
			if (test_log_read(&log, &error))
				fail_msg("%s: byte %zu may be another", logs[l].path, at);
			bytes[at] ^= 0x10;
			test_log_free(&log);
		}
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_of_a_key_is_written_as_a_literal_that_is_exact),
		cmocka_unit_test(long_texts_are_whole),
		cmocka_unit_test(what_happened_is_told_in_order),
		cmocka_unit_test(a_table_is_only_followed_as_the_catalog_shows_it),
		cmocka_unit_test(a_cut_log_is_an_error_and_not_a_shorter_one),
		cmocka_unit_test(a_changed_byte_is_a_wrong_checksum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
