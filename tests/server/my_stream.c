/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_stream.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"

enum { WAIT_MS = 100, LIMIT_S = 60 };

struct streaming *streaming_new(const char *const *options)
{
	struct streaming *streaming = lk_alloc(sizeof *streaming);
	streaming->server = lk_test_my_start_primary(options);
	if (!streaming->server)
		return streaming;
	streaming->uri = lk_test_my_uri(streaming->server, "root", NULL);
	streaming->session = my_session(streaming->server, "worker");
	my_must(streaming->session,
		"SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES'");
	return streaming;
}

void streaming_free(struct streaming *streaming)
{
	streaming_close(streaming);
	if (streaming->session)
		lk_session_close(streaming->session);
	lk_test_my_stop(streaming->server);
	lk_buffer_free(&streaming->told);
	streaming_forget(streaming);
	free(streaming->uri);
	free(streaming);
}

void streaming_sql(const struct streaming *streaming, const char *sql)
{
	lk_test_my_sql(streaming->server, sql);
}

/* One column of the key, by the catalog. */
static void add_column(struct streaming *streaming, const char *table, const char *name,
		       struct lk_binlog_column *column)
{
	struct lk_result r;
	struct lk_error error;
	if (!LK_QUERY(streaming->session, &r, &error,
		      "SELECT ordinal_position, column_type, character_set_name FROM"
		      " information_schema.columns WHERE table_schema = 'test' AND table_name = $1"
		      " AND column_name = $2",
		      table, name) ||
	    !lk_binlog_column_read(lk_cell_text(&r, 0, 1), lk_cell(&r, 0, 2), column, &error))
		fail_msg("%s", error.text);
	column->ordinal = (size_t)lk_cell_int(&r, 0, 0) - 1;
	lk_result_free(&r);
}

void streaming_watch(struct streaming *streaming, const char *table, const char *columns)
{
	size_t t = streaming->table_count++;
	char *names = lk_strdup(columns), *rest = NULL;
	streaming->tables[t] = (struct lk_stream_table){.schema = "test",
							.name = lk_strdup(table),
							.id = (int)t,
							.key = streaming->columns[t]};
	for (char *p = strtok_r(names, ", ", &rest); p; p = strtok_r(NULL, ", ", &rest))
		add_column(streaming, table, p,
			   &streaming->columns[t][streaming->tables[t].key_count++]);
	free(names);
	if (streaming->stream)
		lk_stream_watch(streaming->stream, streaming->tables, streaming->table_count);
}

void streaming_forget(struct streaming *streaming)
{
	for (size_t t = 0; t < streaming->table_count; t++)
		free((char *)streaming->tables[t].name);
	streaming->table_count = 0;
}

static bool open_stream(struct streaming *streaming, const struct lk_stream_options *from,
			struct lk_error *error)
{
	struct lk_stream_options options = *from;
	streaming_close(streaming);
	options.uri = streaming->uri;
	options.run = "test";
	options.wait_ms = WAIT_MS;
	streaming->stream = lk_stream_open(&options, error);
	if (streaming->stream)
		lk_stream_watch(streaming->stream, streaming->tables, streaming->table_count);
	return streaming->stream != NULL;
}

void streaming_open(struct streaming *streaming)
{
	struct lk_binlog_state state;
	struct lk_error error;
	if (!lk_binlog_state_read(streaming->session, &state, &error))
		fail_msg("%s", error.text);
	struct lk_stream_options options = {.position = state.end, .gtid = state.gtid};
	if (!open_stream(streaming, &options, &error))
		fail_msg("%s", error.text);
	lk_binlog_state_free(&state);
}

bool streaming_try(struct streaming *streaming, const char *where, struct lk_error *error)
{
	struct lk_stream_options options = {0};
	if (!strchr(where, '.') || !lk_binlog_position_parse(where, &options.position, error))
		options.gtid = where;
	return open_stream(streaming, &options, error);
}

void streaming_open_at(struct streaming *streaming, const char *where)
{
	struct lk_error error;
	if (!streaming_try(streaming, where, &error))
		fail_msg("%s: %s", where, error.text);
}

void streaming_close(struct streaming *streaming)
{
	lk_stream_close(streaming->stream);
	streaming->stream = NULL;
}

static void add_key(struct streaming *streaming, int table, const uint8_t *key, size_t length)
{
	struct lk_error error;
	lk_buffer_add(&streaming->told, " ");
	if (!lk_binlog_key_sql(streaming->tables[table].key, streaming->tables[table].key_count,
			       key, length, &streaming->told, &error))
		fail_msg("%s", error.text);
}

static void tell(struct streaming *streaming, const struct lk_stream_event *event)
{
	static const char *const changes[] = {"insert", "update", "delete"};
	static const char *const ends[] = {[LK_STREAM_COMMIT] = "commit",
					   [LK_STREAM_ROLLBACK] = "rollback",
					   [LK_STREAM_PREPARE] = "prepare"};
	struct lk_buffer *told = &streaming->told;
	if (event->kind == LK_STREAM_IDLE)
		return;
	if (event->kind == LK_STREAM_ROW) {
		lk_buffer_addf(told, "%s %s", changes[event->change],
			       streaming->tables[event->table].name);
		if (event->before)
			add_key(streaming, event->table, event->before, event->before_length);
		if (event->after)
			add_key(streaming, event->table, event->after, event->after_length);
	} else if (event->kind == LK_STREAM_STATEMENT) {
		lk_buffer_addf(told, "statement %s", event->text);
	} else {
		lk_buffer_addf(told, "%s%s%s", ends[event->kind], event->xid[0] ? " " : "",
			       event->xid);
	}
	lk_buffer_add(told, "\n");
}

static bool read_on(struct streaming *streaming, struct lk_error *error)
{
	struct lk_binlog_position end, now;
	struct lk_stream_event event;
	int order = -1;
	int64_t until_us = lk_clock_us() + (int64_t)LIMIT_S * 1000000;
	lk_buffer_reset(&streaming->told);
	if (!lk_binlog_end(streaming->session, &end, error))
		return false;
	while (order < 0) {
		if (lk_clock_us() > until_us)
			fail_msg("the stream did not come to the log's end in %d s", LIMIT_S);
		if (!lk_stream_next(streaming->stream, &event, error))
			return false;
		tell(streaming, &event);
		now = lk_stream_resume(streaming->stream);
		if (now.file[0] && !lk_binlog_position_compare(&now, &end, &order))
			fail_msg("%s is no file of this log", now.file);
	}
	return true;
}

const char *streaming_read(struct streaming *streaming)
{
	struct lk_error error;
	if (!read_on(streaming, &error))
		fail_msg("%s", error.text);
	return lk_buffer_text(&streaming->told);
}

void streaming_fails(struct streaming *streaming, enum lk_error_class class, struct lk_error *error)
{
	if (read_on(streaming, error))
		fail_msg("the stream has not failed, and told\n%s",
			 lk_buffer_text(&streaming->told));
	if (error->class != class)
		fail_msg("%s: %s", lk_error_class_name(error->class), error->text);
}
