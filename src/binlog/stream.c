/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/stream.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "binlog/gtid.h"
#include "binlog/reader.h"
#include "db/binlog_link.h"

enum {
	WAIT_MS = 1000,
	UNKNOWN_PLACE = 1236, /* ER_MASTER_FATAL_ERROR_READING_BINLOG */
	/* Between two looks at the clock. */
	EVENTS_UNLOOKED = 64,
};

struct lk_stream {
	struct lk_binlog_link *link;
	struct lk_reader *reader;
	int wait_ms;
};

/* Errors of the server, other than those of the link, end a stream for good. */
static bool explain(struct lk_error *error)
{
	if (error->class == LK_ERROR_PRIVILEGE)
		return lk_fail_context(
			error, "the user may not read the binary log (GRANT REPLICATION SLAVE "
			       "ON *.* TO it)");
	if (error->class == LK_ERROR_STATEMENT)
		error->class = LK_ERROR_REFUSED;
	if (lk_stream_gone(error))
		return lk_fail_context(error, "the server cannot send its binary log from there");
	return false;
}

static bool start_by_gtid(struct lk_stream *stream, const char *gtid, struct lk_error *error)
{
	bool maria = lk_binlog_link_maria(stream->link);
	struct lk_gtids *gtids = lk_gtids_new(maria);
	struct lk_buffer set = {0};
	bool good = lk_gtids_parse(gtids, gtid, error);
	if (!maria)
		lk_gtids_encode(gtids, &set);
	char *list = lk_gtids_format(gtids);
	struct lk_binlog_start start = {.list = maria ? list : NULL,
					.set = (const uint8_t *)set.text,
					.set_length = set.length};
	good = good && lk_binlog_link_start(stream->link, &start, error);
	free(list);
	lk_buffer_free(&set);
	lk_gtids_free(gtids);
	return good;
}

static bool fetch(struct lk_stream *stream, struct lk_error *error)
{
	const uint8_t *bytes;
	size_t length;
	if (!lk_binlog_link_fetch(stream->link, &bytes, &length, error))
		return explain(error);
	lk_reader_feed(stream->reader, bytes, length);
	return true;
}

/* The server answers at once, with an event that names the file, or with what it does not like. */
static bool start(struct lk_stream *stream, const struct lk_stream_options *options,
		  struct lk_error *error)
{
	const struct lk_binlog_position *from = &options->position;
	struct lk_binlog_start at = {.file = from->file, .offset = from->offset};
	struct lk_reader_options reading = {.maria = lk_binlog_link_maria(stream->link),
					    .checksum = lk_binlog_link_checksum(stream->link),
					    .position = *from,
					    .gtid = options->gtid};
	stream->reader = lk_reader_new(&reading, error);
	if (!stream->reader)
		return false;
	if (!from->file[0] && !options->gtid)
		return lk_fail(error, LK_ERROR_USAGE,
			       "a change stream begins at a position or behind a GTID");
	bool started = from->file[0] ? lk_binlog_link_start(stream->link, &at, error)
				     : start_by_gtid(stream, options->gtid, error);
	return started ? fetch(stream, error) : explain(error);
}

struct lk_stream *lk_stream_open(const struct lk_stream_options *options, struct lk_error *error)
{
	int wait_ms = options->wait_ms > 0 ? options->wait_ms : WAIT_MS;
	char *name = lk_format("lockkeeper:%s:stream", options->run);
	struct lk_binlog_link *link = lk_binlog_link_open(options->uri, name, wait_ms, error);
	free(name);
	if (!link)
		return NULL;
	struct lk_stream *stream = lk_alloc(sizeof *stream);
	stream->link = link;
	stream->wait_ms = wait_ms;
	if (start(stream, options, error))
		return stream;
	lk_stream_close(stream);
	return NULL;
}

void lk_stream_close(struct lk_stream *stream)
{
	if (!stream)
		return;
	lk_binlog_link_close(stream->link);
	lk_reader_free(stream->reader);
	free(stream);
}

void lk_stream_watch(struct lk_stream *stream, const struct lk_stream_table *tables, size_t count)
{
	lk_reader_watch(stream->reader, tables, count);
}

bool lk_stream_next(struct lk_stream *stream, struct lk_stream_event *event, struct lk_error *error)
{
	int64_t until_us = lk_clock_us() + (int64_t)stream->wait_ms * 1000;
	for (unsigned n = 1;; n++) {
		if (!lk_reader_next(stream->reader, event, error))
			return false;
		if (event->kind != LK_STREAM_NOTHING)
			return true;
		/* Much may come that is not told. */
		if (n % EVENTS_UNLOOKED == 0 && lk_clock_us() >= until_us) {
			event->kind = LK_STREAM_IDLE;
			return true;
		}
		if (!fetch(stream, error))
			return false;
	}
}

bool lk_stream_gone(const struct lk_error *error)
{
	return error->number == UNKNOWN_PLACE;
}

void lk_stream_interrupt(struct lk_stream *stream)
{
	lk_binlog_link_interrupt(stream->link);
}

struct lk_binlog_position lk_stream_resume(const struct lk_stream *stream)
{
	return *lk_reader_resume(stream->reader);
}

char *lk_stream_gtid(const struct lk_stream *stream)
{
	return lk_reader_gtid(stream->reader);
}
