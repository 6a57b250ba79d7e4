/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many row events a second the reader of binary logs makes keys of, from a file in memory: an UPDATE of a million
 * rows with both images, checksums included, of a table that is watched and of one that is not.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "binlog/event.h"
#include "binlog/reader.h"
#include "tests/bench/bench.h"

#define TARGET 500000.0

enum {
	ROWS = 1000000,
	ROWS_OF_AN_EVENT = 20, /* which then has 8 kB, where the servers begin another */
	EVENTS_OF_A_TRANSACTION = 50,
	TEXT = 119,
	PAD = 59,
	ROUNDS = 5,
};

struct log {
	uint8_t *bytes;
	size_t length, room, begun; /* where the event under way begins */
};

static void put(struct log *log, uint64_t number, size_t count)
{
	if (log->length + count > log->room) {
		log->room = (log->room + count) * 2;
		log->bytes = lk_realloc(log->bytes, log->room, 1);
	}
	for (; count > 0; count--, number >>= 8)
		log->bytes[log->length++] = (uint8_t)number;
}

static void begin(struct log *log, uint8_t type)
{
	log->begun = log->length;
	put(log, 1700000000, 4);
	put(log, type, 1);
	put(log, 1, 4);
	put(log, 0, 4 + 4 + 2);
}

static void put_back(struct log *log, size_t at, uint64_t number)
{
	for (size_t i = 0; i < 4; i++)
		log->bytes[log->begun + at + i] = (uint8_t)(number >> 8 * i);
}

/* Length, position and checksum. */
static void end(struct log *log)
{
	put_back(log, 9, log->length + LK_EVENT_CHECKSUM_SIZE - log->begun);
	put_back(log, 13, log->length + LK_EVENT_CHECKSUM_SIZE);
	put(log, crc32_z(0, log->bytes + log->begun, log->length - log->begun),
	    LK_EVENT_CHECKSUM_SIZE);
}

static void put_table(struct log *log)
{
	begin(log, LK_EVENT_TABLE_MAP);
	put(log, 7, 6);
	put(log, 0, 2);
	/* "sb" and "t", each with its length in front and a zero behind. */
	put(log, 0x00627302, 4);
	put(log, 0x007401, 3);
	put(log, 4, 1);
	/* int, int, char(120), char(60) */
	put(log, 0xfefe0303, 4);
	put(log, 0x3cfe78fe04, 5);
	put(log, 0, 1);
	end(log);
}

static void put_row(struct log *log, uint32_t id, uint32_t k)
{
	put(log, 0, 1);
	put(log, id, 4);
	put(log, k, 4);
	put(log, TEXT, 1);
	for (int i = 0; i < TEXT; i++)
		put(log, (uint64_t)('0' + i % 10), 1);
	put(log, PAD, 1);
	for (int i = 0; i < PAD; i++)
		put(log, (uint64_t)('0' + i % 10), 1);
}

static void put_rows(struct log *log, uint32_t from, bool last)
{
	begin(log, LK_EVENT_UPDATE_ROWS);
	put(log, 7, 6);
	put(log, last, 2);
	put(log, 2, 2);
	put(log, 0x0f0f04, 3);
	for (uint32_t i = from; i < from + ROWS_OF_AN_EVENT; i++) {
		put_row(log, i, i);
		put_row(log, i, i + 1);
	}
	end(log);
}

static void make_log(struct log *log)
{
	uint32_t row = 0;
	put(log, 0x6e6962fe, 4);
	while (row < ROWS) {
		put_table(log);
		for (int i = 0; i < EVENTS_OF_A_TRANSACTION; i++, row += ROWS_OF_AN_EVENT)
			put_rows(log, row, i == EVENTS_OF_A_TRANSACTION - 1);
		begin(log, LK_EVENT_XID);
		put(log, row, 8);
		end(log);
	}
}

/* Rows a second; how many were told is in *told. */
static double read_log(const struct log *log, const char *table, size_t *told)
{
	static const struct lk_binlog_column key = {.type = LK_BINLOG_INTEGER, .size = 4};
	struct lk_stream_table watched = {"sb", table, 1, &key, 1};
	struct lk_reader_options options = {.checksum = true,
					    .position = {.file = "binlog.000001", .offset = 4}};
	struct lk_stream_event event;
	struct lk_error error;
	struct lk_reader *reader = lk_reader_new(&options, &error);
	lk_reader_watch(reader, &watched, 1);
	int64_t from_us = lk_clock_us();
	*told = 0;
	for (size_t at = 4; at < log->length;) {
		size_t length = lk_event_length(log->bytes + at, log->length - at);
		lk_reader_feed(reader, log->bytes + at, length);
		at += length;
		do {
			lk_bench_must(lk_reader_next(reader, &event, &error), &error);
			*told += event.kind == LK_STREAM_ROW;
		} while (event.kind != LK_STREAM_NOTHING);
	}
	double seconds = (double)(lk_clock_us() - from_us) / 1e6;
	lk_reader_free(reader);
	return ROWS / seconds;
}

static void measure(const struct lk_bench *bench, const struct log *log, const char *name,
		    const char *table, size_t expected)
{
	double rates[ROUNDS];
	size_t told;
	struct lk_error error;
	for (int i = 0; i < ROUNDS; i++) {
		rates[i] = read_log(log, table, &told);
		lk_bench_must(told == expected ||
				      lk_fail(&error, LK_ERROR_SYSTEM,
					      "%zu rows were told instead of %zu", told, expected),
			      &error);
	}
	double rate = lk_bench_quantile(rates, ROUNDS, 0.5);
	lk_bench_print(bench, &(struct lk_bench_figure){
				      name, rate, "row events/s", 0, "from memory, the median of 5",
				      "at least 500,000", lk_bench_judge(rate >= TARGET)});
}

int main(int argc, char **argv)
{
	struct lk_bench bench;
	struct log log = {0};
	lk_bench_open(&bench, argc, argv);
	make_log(&log);
	measure(&bench, &log, "binlog_decoder", "t", ROWS);
	measure(&bench, &log, "binlog_decoder_unwatched", "other", 0);
	free(log.bytes);
	lk_bench_close(&bench);
	return 0;
}
