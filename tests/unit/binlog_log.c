/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/binlog_log.h"

#include <stdlib.h>

#include "binlog/event.h"

static const struct lk_stream_table *table_of(const struct test_log *log, int id)
{
	size_t i = 0;
	while (log->tables[i].id != id)
		i++;
	return &log->tables[i];
}

static bool add_key(struct test_log *log, int id, const uint8_t *key, size_t length,
		    struct lk_error *error)
{
	const struct lk_stream_table *table = table_of(log, id);
	lk_buffer_add(&log->text, " ");
	return lk_binlog_key_sql(table->key, table->key_count, key, length, &log->text, error);
}

static bool add_row(struct test_log *log, const struct lk_stream_event *event,
		    struct lk_error *error)
{
	static const char *const names[] = {"insert", "update", "delete"};
	log->rows++;
	lk_buffer_addf(&log->text, "%s %s", names[event->change],
		       table_of(log, event->table)->name);
	if (event->before &&
	    !add_key(log, event->table, event->before, event->before_length, error))
		return false;
	if (event->before && event->after)
		lk_buffer_add(&log->text, " ->");
	return !event->after ||
	       add_key(log, event->table, event->after, event->after_length, error);
}

static bool add_event(struct test_log *log, const struct lk_stream_event *event,
		      struct lk_error *error)
{
	static const char *const names[] = {[LK_STREAM_COMMIT] = "commit",
					    [LK_STREAM_ROLLBACK] = "rollback",
					    [LK_STREAM_PREPARE] = "prepare"};
	bool good = true;
	if (event->kind == LK_STREAM_ROW)
		good = add_row(log, event, error);
	else if (event->kind == LK_STREAM_STATEMENT)
		lk_buffer_addf(&log->text, "statement in %s: %.30s", event->database, event->text);
	else if (event->kind != LK_STREAM_IDLE)
		lk_buffer_addf(&log->text, "%s%s%s", names[event->kind], event->xid[0] ? " " : "",
			       event->xid);
	lk_buffer_add(&log->text, "\n");
	return good;
}

static bool read_all(struct lk_reader *reader, struct test_log *log, struct lk_error *error)
{
	struct lk_stream_event event;
	for (size_t at = 4; at < log->length;) {
		size_t left = log->length - at;
		size_t length = lk_event_length(log->bytes + at, left);
		length = length == 0 || length > left ? left : length;
		lk_reader_feed(reader, log->bytes + at, length);
		at += length;
		do {
			if (!lk_reader_next(reader, &event, error) ||
			    (event.kind != LK_STREAM_NOTHING && !add_event(log, &event, error)))
				return false;
		} while (event.kind != LK_STREAM_NOTHING);
	}
	return true;
}

bool test_log_read(struct test_log *log, struct lk_error *error)
{
	struct lk_reader_options options = {.maria = log->maria,
					    .position = {.file = "binlog.000001", .offset = 4}};
	struct lk_reader *reader = lk_reader_new(&options, error);
	lk_reader_watch(reader, log->tables, log->table_count);
	bool read = read_all(reader, log, error);
	log->resume = *lk_reader_resume(reader);
	log->gtid = lk_reader_gtid(reader);
	lk_reader_free(reader);
	return read;
}

void test_log_free(struct test_log *log)
{
	lk_buffer_free(&log->text);
	free(log->gtid);
	log->gtid = NULL;
	log->rows = 0;
}
