/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From events as they stand in the binary log to what a stream tells. No socket and no file: bytes in, facts out.
 *
 *	lk_reader_feed(reader, bytes, length);               one whole event; the bytes must stay where they are
 *	while (lk_reader_next(reader, &event, &error) && event.kind != LK_STREAM_NOTHING)
 *		…
 *
 * Whatever the bytes are, nothing is read or written beyond them, and memory is bounded: by LK_INFLATED_MAX for an event
 * that is compressed (and zstd's own window, 128 MiB), by LK_READER_MAPS copies of TABLE_MAP events in one statement.
 */
#ifndef LK_BINLOG_READER_H
#define LK_BINLOG_READER_H

#include "binlog/stream.h"

/* Tables of one statement. */
#define LK_READER_MAPS 4096

struct lk_reader_options {
	bool maria;
	bool checksum; /* of events before the first FORMAT_DESCRIPTION, which says it itself */
	struct lk_binlog_position position; /* as in lk_stream_options */
	const char *gtid;
};

struct lk_reader;

/* NULL with class USAGE when the gtid is malformed. */
struct lk_reader *lk_reader_new(const struct lk_reader_options *options, struct lk_error *error);
void lk_reader_free(struct lk_reader *reader);
void lk_reader_watch(struct lk_reader *reader, const struct lk_stream_table *tables, size_t count);
/* Only after lk_reader_next has said NOTHING. */
void lk_reader_feed(struct lk_reader *reader, const uint8_t *bytes, size_t length);
/* As lk_stream_next; kind NOTHING when it wants to be fed. After an error it cannot be used any more. */
bool lk_reader_next(struct lk_reader *reader, struct lk_stream_event *event,
		    struct lk_error *error);
const struct lk_binlog_position *lk_reader_resume(const struct lk_reader *reader);
char *lk_reader_gtid(const struct lk_reader *reader);

#endif
