/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of binary logs on events made by hand, and what it is made of: positions, GTIDs, columns. */
#include "tests/unit/support.h"

#include <stdio.h>
#include <zstd.h>

#include "base/memory.h"
#include "binlog/event.h"
#include "binlog/gtid.h"
#include "binlog/reader.h"

/* An event without a checksum, in bytes of its own. */
struct made {
	uint8_t bytes[70000];
	size_t length;
};

static void put(struct made *made, uint64_t number, size_t count)
{
	while (count-- > 0) {
		made->bytes[made->length++] = (uint8_t)number;
		number >>= 8;
	}
}

static void put_text(struct made *made, const char *text)
{
	memcpy(made->bytes + made->length, text, strlen(text));
	made->length += strlen(text);
}

static void make(struct made *made, uint8_t type, uint32_t next, uint16_t flags)
{
	made->length = 0;
	put(made, 1700000000, 4);
	put(made, type, 1);
	put(made, 1, 4);
	put(made, 0, 4);
	put(made, next, 4);
	put(made, flags, 2);
}

static void feed(struct lk_reader *reader, struct made *made)
{
	for (size_t i = 0; i < 4; i++)
		made->bytes[9 + i] = (uint8_t)(made->length >> 8 * i);
	lk_reader_feed(reader, made->bytes, made->length);
}

static void make_query(struct made *made, const char *text, uint32_t next)
{
	make(made, LK_EVENT_QUERY, next, 0);
	put(made, 0, 8);
	put(made, 4, 1);
	put(made, 0, 4);
	put_text(made, "shop");
	put(made, 0, 1);
	put_text(made, text);
}

static void make_rotate(struct made *made, const char *file, uint64_t offset, uint16_t flags)
{
	make(made, LK_EVENT_ROTATE, 0, flags);
	put(made, offset, 8);
	put_text(made, file);
}

static struct lk_reader *reader_at(const char *file, uint64_t offset)
{
	struct lk_error error;
	struct lk_reader_options options = {.position = {.offset = offset}};
	LK_COPY(options.position.file, file);
	struct lk_reader *reader = lk_reader_new(&options, &error);
	assert_non_null(reader);
	return reader;
}

/* The next event's kind, which must not be an error. */
static enum lk_stream_kind next_kind(struct lk_reader *reader)
{
	struct lk_stream_event event;
	struct lk_error error = {0};
	if (!lk_reader_next(reader, &event, &error))
		fail_msg("%s", error.text);
	return event.kind;
}

static void must_refuse(struct lk_reader *reader, const char *expected)
{
	struct lk_stream_event event;
	struct lk_error error = {0};
	assert_false(lk_reader_next(reader, &event, &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_contains(error.text, expected);
	lk_reader_free(reader);
}

static void an_unknown_event_is_an_error_with_its_type_unless_it_may_be_ignored(void **state)
{
	struct made made;
	struct lk_reader *reader = reader_at("b.000001", 4);
	(void)state;
	make(&made, 99, 0, LK_EVENT_MAY_BE_IGNORED);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	make(&made, 99, 0, 0);
	feed(reader, &made);
	must_refuse(reader, "(UNKNOWN, type 99)");

	reader = reader_at("b.000001", 4);
	make(&made, 172, 0, 0);
	feed(reader, &made);
	must_refuse(reader, "(PARTIAL_ROW_DATA, type 172)");

	reader = reader_at("b.000001", 4);
	make(&made, LK_EVENT_INCIDENT, 0, LK_EVENT_MAY_BE_IGNORED);
	feed(reader, &made);
	must_refuse(reader, "incident");
}

static void a_statement_alone_is_a_transaction(void **state)
{
	struct made made;
	struct lk_stream_event event;
	struct lk_error error = {0};
	struct lk_reader *reader = reader_at("b.000001", 4);
	(void)state;
	make_query(&made, "DROP TABLE t", 100);
	feed(reader, &made);
	assert_true(lk_reader_next(reader, &event, &error));
	assert_int_equal(event.kind, LK_STREAM_STATEMENT);
	assert_string_equal(event.database, "shop");
	assert_string_equal(event.text, "DROP TABLE t");
	assert_int_equal(event.time, 1700000000);
	assert_int_equal(lk_reader_resume(reader)->offset, 4);
	assert_int_equal(next_kind(reader), LK_STREAM_COMMIT);
	assert_int_equal(lk_reader_resume(reader)->offset, 100);

	make_query(&made, "BEGIN", 200);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	make_query(&made, "DELETE FROM t", 300);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_STATEMENT);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	make_query(&made, "ROLLBACK TO `a`", 400);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	assert_int_equal(lk_reader_resume(reader)->offset, 100);
	make_query(&made, "ROLLBACK", 500);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_ROLLBACK);
	assert_int_equal(lk_reader_resume(reader)->offset, 500);
	lk_reader_free(reader);
}

static void a_transaction_that_the_server_left_open_is_rolled_back(void **state)
{
	struct made made;
	struct lk_reader *reader = reader_at("b.000001", 4);
	(void)state;
	make_query(&made, "BEGIN", 100);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	make(&made, LK_EVENT_ANONYMOUS_GTID, 200, 0);
	put(&made, 0, 25);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_ROLLBACK);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	/* Behind a GTID no stream may begin. */
	assert_int_equal(lk_reader_resume(reader)->offset, 100);
	lk_reader_free(reader);
}

static void a_long_statement_is_cut(void **state)
{
	struct made made;
	struct lk_stream_event event;
	struct lk_error error = {0};
	struct lk_reader *reader = reader_at("b.000001", 4);
	char *text = lk_alloc(LK_STREAM_TEXT_MAX + 2);
	(void)state;
	memset(text, 'x', LK_STREAM_TEXT_MAX + 1);
	make_query(&made, text, 70100);
	feed(reader, &made);
	assert_true(lk_reader_next(reader, &event, &error));
	assert_true(event.cut);
	assert_int_equal(event.text_length, LK_STREAM_TEXT_MAX);
	assert_int_equal(strlen(event.text), LK_STREAM_TEXT_MAX);
	free(text);
	lk_reader_free(reader);
}

static void positions_go_on_beyond_4_gib_but_never_back(void **state)
{
	struct made made;
	struct lk_reader *reader = reader_at("b.000001", 0xfffffff0);
	(void)state;
	make_query(&made, "DROP TABLE t", 0x30);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_STATEMENT);
	assert_int_equal(next_kind(reader), LK_STREAM_COMMIT);
	assert_true(lk_reader_resume(reader)->offset == UINT64_C(0x100000030));
	make_query(&made, "DROP TABLE t", 0x20);
	feed(reader, &made);
	must_refuse(reader, "went back, from b.000001:4294967344 to b.000001:32");
}

static void files_follow_each_other_by_their_numbers(void **state)
{
	struct made made;
	struct lk_reader *reader = reader_at("b.999999", 4);
	(void)state;
	make_rotate(&made, "b.1000000", 4, 0);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	assert_string_equal(lk_reader_resume(reader)->file, "b.1000000");
	make_rotate(&made, "b.1000000", 4, LK_EVENT_ARTIFICIAL);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	make_rotate(&made, "b.999999", 400, 0);
	feed(reader, &made);
	must_refuse(reader, "went back");

	reader = reader_at("b.000001", 4);
	make_rotate(&made, "another.000002", 4, 0);
	feed(reader, &made);
	must_refuse(reader, "not the log that the stream began in");

	reader = reader_at("b.000001", 4);
	make_rotate(&made, "../b.000002", 4, 0);
	feed(reader, &made);
	must_refuse(reader, "names no file");
}

static void a_heartbeat_moves_the_position_between_transactions(void **state)
{
	struct made made;
	struct lk_reader *reader = reader_at("b.000001", 100);
	(void)state;
	make(&made, LK_EVENT_HEARTBEAT, 300, LK_EVENT_ARTIFICIAL);
	put_text(&made, "b.000001");
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_IDLE);
	assert_int_equal(lk_reader_resume(reader)->offset, 300);
	make(&made, LK_EVENT_HEARTBEAT_V2, 0, LK_EVENT_ARTIFICIAL);
	put(&made, 0x0801, 2);
	put_text(&made, "b.000001");
	put(&made, 0x0902, 2);
	put(&made, 254, 1);
	put(&made, UINT64_C(5000000000), 8);
	put(&made, 0, 1);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_IDLE);
	assert_true(lk_reader_resume(reader)->offset == UINT64_C(5000000000));
	lk_reader_free(reader);

	reader = reader_at("b.000001", 100);
	make_query(&made, "BEGIN", 200);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	make(&made, LK_EVENT_HEARTBEAT, 300, LK_EVENT_ARTIFICIAL);
	put_text(&made, "b.000001");
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_IDLE);
	assert_int_equal(lk_reader_resume(reader)->offset, 100);
	lk_reader_free(reader);
}

static void rows_of_no_table_and_rows_without_bytes_are_errors(void **state)
{
	static const struct lk_binlog_column key = {.type = LK_BINLOG_INTEGER, .size = 4};
	static const struct lk_stream_table table = {"s", "t", 1, &key, 1};
	struct made made;
	struct lk_reader *reader = reader_at("b.000001", 4);
	(void)state;
	make(&made, LK_EVENT_WRITE_ROWS, 0, 0);
	put(&made, 7, 6);
	put(&made, 0, 2);
	put(&made, 2, 2);
	feed(reader, &made);
	must_refuse(reader, "no table was named");

	reader = reader_at("b.000001", 4);
	lk_reader_watch(reader, &table, 1);
	make(&made, LK_EVENT_TABLE_MAP, 0, 0);
	put(&made, 7, 6);
	put(&made, 0, 2);
	put(&made, 0x7301, 3);
	put(&made, 0x7401, 3);
	put(&made, 0x030301, 3);
	feed(reader, &made);
	must_refuse(reader, "damaged");

	reader = reader_at("b.000001", 4);
	lk_reader_watch(reader, &table, 1);
	make(&made, LK_EVENT_TABLE_MAP, 0, 0);
	put(&made, 7, 6);
	put(&made, 0, 2);
	put(&made, 0x7301, 3);
	put(&made, 0x7401, 3);
	put(&made, 0x000301, 3);
	put(&made, 0, 1);
	feed(reader, &made);
	assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
	/* One column that is not there, and a byte for the nulls of none. */
	make(&made, LK_EVENT_WRITE_ROWS, 0, 0);
	put(&made, 7, 6);
	put(&made, 0, 2);
	put(&made, 2, 2);
	put(&made, 0x0001, 2);
	put(&made, 0, 1);
	feed(reader, &made);
	must_refuse(reader, "lacks a column of its key");
}

static void the_servers_own_words_end_xa_transactions(void **state)
{
	static const struct {
		const char *text, *xid;
		enum lk_stream_kind kind;
	} ends[] = {
		{"XA COMMIT X'61',X'',1", "X'61',X'',1", LK_STREAM_COMMIT},
		{"XA ROLLBACK X'61',X'62',-1", "X'61',X'62',-1", LK_STREAM_ROLLBACK},
		{"XA COMMIT X'61',X'',1 ONE PHASE", "", LK_STREAM_COMMIT},
		{"commit", "", LK_STREAM_COMMIT},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(ends); i++) {
		struct made made;
		struct lk_stream_event event;
		struct lk_error error = {0};
		struct lk_reader *reader = reader_at("b.000001", 4);
		make_query(&made, ends[i].text, 100);
		feed(reader, &made);
		assert_true(lk_reader_next(reader, &event, &error));
		assert_int_equal(event.kind, ends[i].kind);
		assert_string_equal(event.xid, ends[i].xid);
		lk_reader_free(reader);
	}
}

/* An event that holds these bytes, packed by that method, of which the last `missing` are not there. */
static void make_payload(struct made *made, const uint8_t *bytes, size_t length, uint8_t method,
			 size_t missing)
{
	enum { SIZE = 1, METHOD = 2 };
	make(made, LK_EVENT_TRANSACTION_PAYLOAD, 200, 0);
	put(made, METHOD, 1);
	put(made, method == 0 ? 1 : 3, 1);
	put(made, method == 0 ? 0 : 0x00fc | (uint64_t)method << 8, method == 0 ? 1 : 3);
	put(made, SIZE, 1);
	put(made, 3, 1);
	put(made, 0xfc | (length - missing) << 8, 3);
	put(made, 0, 1);
	memcpy(made->bytes + made->length, bytes, length - missing);
	made->length += length - missing;
}

/* Two events one behind the other. */
static size_t make_inside(uint8_t *bytes)
{
	struct made made;
	make_query(&made, "BEGIN", 0);
	made.bytes[9] = (uint8_t)made.length;
	size_t length = made.length;
	memcpy(bytes, made.bytes, length);
	make(&made, LK_EVENT_XID, 0, 0);
	put(&made, 7, 8);
	made.bytes[9] = (uint8_t)made.length;
	memcpy(bytes + length, made.bytes, made.length);
	return length + made.length;
}

static void a_payload_is_read_whole_or_not_at_all(void **state)
{
	enum { ZSTD, NONE = 255 };
	struct made made;
	uint8_t inside[200], packed[300];
	size_t length = make_inside(inside);
	size_t packed_length = ZSTD_compress(packed, sizeof packed, inside, length, 3);
	(void)state;
	assert_false(ZSTD_isError(packed_length));
	for (int method = ZSTD; method <= NONE; method += NONE) {
		struct lk_reader *reader = reader_at("b.000001", 4);
		make_payload(&made, method == ZSTD ? packed : inside,
			     method == ZSTD ? packed_length : length, (uint8_t)method, 0);
		feed(reader, &made);
		assert_int_equal(next_kind(reader), LK_STREAM_COMMIT);
		assert_int_equal(lk_reader_resume(reader)->offset, 200);
		assert_int_equal(next_kind(reader), LK_STREAM_NOTHING);
		lk_reader_free(reader);
	}
	for (size_t missing = 1; missing < packed_length; missing++) {
		struct lk_stream_event event;
		struct lk_error error = {0};
		struct lk_reader *reader = reader_at("b.000001", 4);
		make_payload(&made, packed, packed_length, ZSTD, missing);
		feed(reader, &made);
		/* All that was in it may have come out before it turns out to be cut. */
		bool more = lk_reader_next(reader, &event, &error);
		if (more)
			more = lk_reader_next(reader, &event, &error);
		assert_false(more);
		assert_int_equal(error.class, LK_ERROR_REFUSED);
		lk_reader_free(reader);
	}
	struct lk_reader *reader = reader_at("b.000001", 4);
	make_payload(&made, inside, length, 7, 0);
	feed(reader, &made);
	must_refuse(reader, "unknown method");
}

static void positions_are_written_and_compared(void **state)
{
	static const char *const bad[] = {
		"",	"binlog.000001", ":4",	 "binlog.000001:",	  "a:-1", "a:+1",
		"a: 1", "a/b.000001:4",	 "a:1x", "a:99999999999999999999"};
	static const char *const ordered[] = {"b.000001:4",  "b.000001:4294967300", "b.000002:4",
					      "b.999999:99", "b.1000000:4",	    "b.1000000:5"};
	struct lk_binlog_position a, b;
	struct lk_error error;
	int order;
	(void)state;
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		assert_false(lk_binlog_position_parse(bad[i], &a, &error));
		assert_int_equal(error.class, LK_ERROR_USAGE);
	}
	for (size_t i = 0; i < LK_COUNT(ordered); i++)
		for (size_t k = 0; k < LK_COUNT(ordered); k++) {
			assert_true(lk_binlog_position_parse(ordered[i], &a, &error));
			assert_true(lk_binlog_position_parse(ordered[k], &b, &error));
			assert_true(lk_binlog_position_compare(&a, &b, &order));
			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
			char *text = lk_binlog_position_format(&a);
			assert_string_equal(text, ordered[i]);
			free(text);
		}
	assert_true(lk_binlog_position_parse("other.000001:4", &b, &error));
	assert_false(lk_binlog_position_compare(&a, &b, &order));
}

#define U1 "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define U2 "4e11fa47-71ca-11e1-9e33-c80aa9429562"

static void expect_gtids(bool maria, const char *text, const char *expected)
{
	struct lk_error error;
	struct lk_gtids *gtids = lk_gtids_new(maria), *again = lk_gtids_new(maria);
	struct lk_buffer bytes = {0};
	if (!lk_gtids_parse(gtids, text, &error))
		fail_msg("%s", error.text);
	char *written = lk_gtids_format(gtids);
	assert_string_equal(written, expected);
	free(written);
	if (!maria) {
		lk_gtids_encode(gtids, &bytes);
		assert_true(lk_gtids_decode(again, (const uint8_t *)bytes.text, bytes.length));
		written = lk_gtids_format(again);
		assert_string_equal(written, expected);
		free(written);
		for (size_t i = 0; i < bytes.length; i++)
			lk_gtids_decode(again, (const uint8_t *)bytes.text, i);
	}
	lk_buffer_free(&bytes);
	lk_gtids_free(gtids);
	lk_gtids_free(again);
}

static void gtids_are_sets_on_mysql_and_last_ones_on_mariadb(void **state)
{
	static const char *const bad[] = {"x",	    "3e11fa47", U1 ":",	   U1 ":5-3", U1 ":0",
					  U1 "1:1", U1 ":1;",	U1 ":a-b", U1 ":1-"};
	struct lk_error error;
	(void)state;
	expect_gtids(false, "", "");
	expect_gtids(false, U1 ":1-5", U1 ":1-5");
	expect_gtids(false, U2 ":7,\n" U1 ":1-5:6:9-10 , " U1 ":8", U1 ":1-6:8-10," U2 ":7");
	expect_gtids(false, U1 ":9:7:5:3:1:2-8", U1 ":1-9");
	expect_gtids(false, U1 ":5:1-2:9:4-5", U1 ":1-2:4-5:9");
	expect_gtids(false, U1 ":1-3:Some_Tag:2:1:zz:4", U1 ":1-3:some_tag:1-2:zz:4");
	expect_gtids(false, U1 ":tag:1-9223372036854775806", U1 ":tag:1-9223372036854775806");
	expect_gtids(true, "1-2-3,0-1-18446744073709551615", "0-1-18446744073709551615,1-2-3");
	expect_gtids(true, "0-1-5,0-2-6", "0-2-6");
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		struct lk_gtids *gtids = lk_gtids_new(false);
		if (lk_gtids_parse(gtids, bad[i], &error))
			fail_msg("%s is taken", bad[i]);
		lk_gtids_free(gtids);
	}
}

static void columns_that_cannot_be_looked_up_are_refused(void **state)
{
	static const char *const refused[] = {
		"float",      "double unsigned", "text",       "longblob",  "json",  "geometry",
		"multipoint", "mediumblob",	 "linestring", "vector(3)", "point", "tinytext"};
	struct lk_binlog_column column = {0};
	struct lk_error error;
	(void)state;
	for (size_t i = 0; i < LK_COUNT(refused); i++) {
		assert_false(lk_binlog_column_read(refused[i], "utf8mb4", &column, &error));
		assert_int_equal(error.class, LK_ERROR_REFUSED);
		assert_memory_equal(error.text, refused[i], strcspn(refused[i], "( "));
	}
	assert_false(lk_binlog_column_read("char(3)", NULL, &column, &error));
	assert_false(lk_binlog_column_read("char(3)", "utf8' OR", &column, &error));
	assert_true(lk_binlog_column_read("enum(' unsigned','x')", "utf8mb4", &column, &error));
	assert_false(column.is_unsigned);
}

static void bytes_that_are_no_key_are_refused(void **state)
{
	static const uint8_t keys[][8] = {
		{3, 0, 1, 2, 3}, {4, 0, 1, 2}, {4}, {4, 0, 1, 2, 3, 4, 5}};
	static const size_t lengths[] = {5, 4, 1, 7};
	static const struct lk_binlog_column column = {.type = LK_BINLOG_INTEGER, .size = 4};
	struct lk_error error;
	(void)state;
	for (size_t i = 0; i < LK_COUNT(keys); i++) {
		struct lk_buffer out = {0};
		assert_false(lk_binlog_key_sql(&column, 1, keys[i], lengths[i], &out, &error));
		assert_int_equal(error.class, LK_ERROR_STATEMENT);
		lk_buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_unknown_event_is_an_error_with_its_type_unless_it_may_be_ignored),
		cmocka_unit_test(a_statement_alone_is_a_transaction),
		cmocka_unit_test(a_transaction_that_the_server_left_open_is_rolled_back),
		cmocka_unit_test(a_long_statement_is_cut),
		cmocka_unit_test(positions_go_on_beyond_4_gib_but_never_back),
		cmocka_unit_test(files_follow_each_other_by_their_numbers),
		cmocka_unit_test(a_heartbeat_moves_the_position_between_transactions),
		cmocka_unit_test(rows_of_no_table_and_rows_without_bytes_are_errors),
		cmocka_unit_test(the_servers_own_words_end_xa_transactions),
		cmocka_unit_test(a_payload_is_read_whole_or_not_at_all),
		cmocka_unit_test(positions_are_written_and_compared),
		cmocka_unit_test(gtids_are_sets_on_mysql_and_last_ones_on_mariadb),
		cmocka_unit_test(columns_that_cannot_be_looked_up_are_refused),
		cmocka_unit_test(bytes_that_are_no_key_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
