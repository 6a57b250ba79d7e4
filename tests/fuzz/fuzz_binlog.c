/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes of any kind as a binary log. As a fuzzer's target, with clang's -fsanitize=fuzzer and -DLK_WITHOUT_MAIN; or as a
 * program of its own:
 *
 *	fuzz_binlog             the recorded logs (tests/data/binlog), each changed in many ways, the same ones each time
 *	fuzz_binlog SEED COUNT  the same with other changes, and as many
 *	fuzz_binlog FILE…       inputs as they are, such as a fuzzer has found
 *
 * An input is a byte that says which server's it is, and events. It fails by crashing: run it with a sanitizer.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "binlog/event.h"
#include "binlog/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct lk_binlog_column kinds[] = {
	{.ordinal = 0, .type = LK_BINLOG_YEAR},
	{.ordinal = 1, .type = LK_BINLOG_BIT, .size = 1},
	{.ordinal = 2, .type = LK_BINLOG_INTEGER, .size = 1},
	{.ordinal = 7, .type = LK_BINLOG_INTEGER, .size = 3, .is_unsigned = true},
	{.ordinal = 10, .type = LK_BINLOG_INTEGER, .size = 8},
	{.ordinal = 13, .type = LK_BINLOG_DECIMAL, .size = 65, .scale = 30},
	{.ordinal = 18, .type = LK_BINLOG_CHAR, .charset = "utf8mb4"},
	{.ordinal = 20, .type = LK_BINLOG_VARCHAR, .charset = "utf8mb4"},
	{.ordinal = 22, .type = LK_BINLOG_BINARY, .size = 4},
	{.ordinal = 23, .type = LK_BINLOG_VARBINARY},
	{.ordinal = 24, .type = LK_BINLOG_DATE},
	{.ordinal = 28, .type = LK_BINLOG_TIME, .scale = 6},
	{.ordinal = 31, .type = LK_BINLOG_DATETIME, .scale = 6},
	{.ordinal = 33, .type = LK_BINLOG_TIMESTAMP, .scale = 4},
	{.ordinal = 35, .type = LK_BINLOG_ENUM},
	{.ordinal = 36, .type = LK_BINLOG_SET},
};
static const struct lk_binlog_column pair[] = {
	{.ordinal = 3, .type = LK_BINLOG_INTEGER, .size = 4, .is_unsigned = true},
	{.ordinal = 0, .type = LK_BINLOG_VARCHAR, .charset = "utf8mb4"},
};
static const struct lk_stream_table tables[] = {
	{"test", "kinds", 0, kinds, LK_COUNT(kinds)},
	{"test", "pair", 1, pair, LK_COUNT(pair)},
};

static void write_key(const struct lk_stream_event *event, const uint8_t *key, size_t length)
{
	const struct lk_stream_table *table = &tables[event->table];
	struct lk_buffer out = {0};
	struct lk_error error;
	if (key)
		lk_binlog_key_sql(table->key, table->key_count, key, length, &out, &error);
	lk_buffer_free(&out);
}

/* False after an error. */
static bool take_all(struct lk_reader *reader)
{
	struct lk_stream_event event;
	struct lk_error error;
	do {
		if (!lk_reader_next(reader, &event, &error))
			return false;
		if (event.kind != LK_STREAM_ROW)
			continue;
		write_key(&event, event.before, event.before_length);
		write_key(&event, event.after, event.after_length);
	} while (event.kind != LK_STREAM_NOTHING);
	return true;
}

static struct lk_reader *open_reader(bool maria)
{
	struct lk_error error;
	struct lk_reader_options options = {.maria = maria,
					    .position = {.file = "binlog.000001", .offset = 4}};
	struct lk_reader *reader = lk_reader_new(&options, &error);
	lk_reader_watch(reader, tables, LK_COUNT(tables));
	return reader;
}

/* An error ends a reader; a new one goes on with the event behind, so that all of them are tried. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lk_reader *reader = open_reader(size > 0 && data[0] & 1);
	for (size_t at = 1; at < size;) {
		size_t left = size - at, length = lk_event_length(data + at, left);
		length = length == 0 || length > left ? left : length;
		/* A copy that ends where the event does: what reads on is seen. */
		uint8_t *bytes = lk_alloc(length);
		memcpy(bytes, data + at, length);
		at += length;
		lk_reader_feed(reader, bytes, length);
		if (!take_all(reader)) {
			lk_reader_free(reader);
			reader = open_reader(data[0] & 1);
		}
		free(bytes);
	}
	free(lk_reader_gtid(reader));
	lk_reader_free(reader);
	return 0;
}

#ifndef LK_WITHOUT_MAIN
struct input {
	uint8_t *bytes;
	size_t length;
};

static struct input load(const char *path)
{
	struct input input = {0};
	FILE *file = fopen(path, "rb");
	uint8_t bytes[4096];
	size_t count;
	while (file && (count = fread(bytes, 1, sizeof bytes, file)) > 0) {
		input.bytes = lk_realloc(input.bytes, input.length + count, 1);
		memcpy(input.bytes + input.length, bytes, count);
		input.length += count;
	}
	if (!file || input.length == 0) {
		fprintf(stderr, "%s cannot be read\n", path);
		exit(1);
	}
	fclose(file);
	return input;
}

static void put_length(uint8_t *event, size_t length)
{
	for (size_t i = 0; i < 4; i++)
		event[9 + i] = (uint8_t)(length >> 8 * i);
}

/*
 * A file of the log as an input: without its mark, and without checksums, at which every change would be noticed. The
 * first event says that there are none and keeps the bytes of its own.
 */
static struct input without_checksums(const struct input *log, uint8_t server)
{
	struct input out = {.bytes = lk_alloc(log->length), .length = 1};
	out.bytes[0] = server;
	for (size_t at = 4; at < log->length;) {
		size_t length = lk_event_length(log->bytes + at, log->length - at);
		uint8_t *to = out.bytes + out.length;
		if (length < LK_EVENT_HEADER_SIZE + 4 || length > log->length - at)
			break;
		memcpy(to, log->bytes + at, length);
		at += length;
		if (to[4] == LK_EVENT_FORMAT_DESCRIPTION)
			to[length - 5] = 0;
		else
			length -= LK_EVENT_CHECKSUM_SIZE;
		put_length(to, length);
		out.length += length;
	}
	return out;
}

/* xorshift64* */
static uint32_t draw(uint64_t *state, size_t below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % (uint32_t)below;
}

static void change(struct input *input, uint64_t *random)
{
	static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
	size_t at = draw(random, input->length), other = draw(random, input->length);
	size_t piece = draw(random, 16) + 1;
	/* A byte that goes moves all that follows, and little of it is reached then. */
	switch (draw(random, 100) % 40 / 13) {
	case 0:
		input->bytes[at] = (uint8_t)draw(random, 256);
		return;
	case 1:
		input->bytes[at] = draw(random, 2)
					   ? edges[draw(random, sizeof edges)]
					   : input->bytes[at] ^ (uint8_t)(1 << draw(random, 8));
		return;
	case 2:
		if (at + piece <= input->length && other + piece <= input->length)
			memmove(input->bytes + at, input->bytes + other, piece);
		return;
	default:
		if (at + piece < input->length) {
			memmove(input->bytes + at, input->bytes + at + piece,
				input->length - at - piece);
			input->length -= piece;
		}
	}
}

static void run_changed(const struct input *input, uint64_t seed, long count)
{
	uint64_t random = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
	struct input changed = {.bytes = lk_alloc(input->length)};
	for (long i = 0; i < count; i++) {
		memcpy(changed.bytes, input->bytes, input->length);
		changed.length = input->length;
		for (uint32_t n = draw(&random, 40) + 1; n > 0; n--)
			change(&changed, &random);
		LLVMFuzzerTestOneInput(changed.bytes, changed.length);
	}
	free(changed.bytes);
}

static void run_recorded(const char *name, uint8_t server, uint64_t seed, long count)
{
	const char *source = getenv("srcdir");
	char *path = lk_format("%s/tests/data/binlog/%s", source ? source : ".", name);
	struct input log = load(path), input = without_checksums(&log, server);
	LLVMFuzzerTestOneInput(input.bytes, input.length);
	run_changed(&input, seed, count);
	free(input.bytes);
	free(log.bytes);
	free(path);
}

int main(int argc, char **argv)
{
	char *end = NULL;
	uint64_t seed = argc > 1 ? strtoull(argv[1], &end, 10) : 1;
	bool numbers = argc == 3 && end > argv[1] && !*end;
	if (argc == 1 || numbers) {
		long count = numbers ? atol(argv[2]) : 5000;
		run_recorded("mariadb.binlog", 1, seed, count);
		run_recorded("mysql.binlog", 0, seed, count);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		struct input input = load(argv[i]);
		LLVMFuzzerTestOneInput(input.bytes, input.length);
		free(input.bytes);
	}
	return 0;
}
#endif
