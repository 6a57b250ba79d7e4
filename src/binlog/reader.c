/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/reader.h"

#include <stdlib.h>

#include "base/memory.h"
#include "binlog/reading.h"

struct lk_reader *lk_reader_new(const struct lk_reader_options *options, struct lk_error *error)
{
	struct lk_reader *reader = lk_alloc(sizeof *reader);
	reader->maria = options->maria;
	reader->checksum = options->checksum;
	reader->position = reader->resume = options->position;
	reader->placed = reader->anchored = options->position.file[0] != '\0';
	reader->payload = lk_payload_new();
	reader->gtids = lk_gtids_new(options->maria);
	reader->gtids_known = options->gtid != NULL;
	if (!options->gtid || lk_gtids_parse(reader->gtids, options->gtid, error))
		return reader;
	lk_reader_free(reader);
	return NULL;
}

static void forget_tables(struct lk_reader *reader)
{
	for (size_t i = 0; i < reader->table_count; i++) {
		free((char *)reader->tables[i].schema);
		free((char *)reader->tables[i].name);
		free((struct lk_binlog_column *)reader->tables[i].key);
	}
	free(reader->tables);
	reader->tables = NULL;
	reader->table_count = 0;
}

void lk_reader_free(struct lk_reader *reader)
{
	if (!reader)
		return;
	forget_tables(reader);
	for (size_t i = 0; i < reader->map_room; i++)
		lk_table_map_free(&reader->maps[i]);
	free(reader->maps);
	lk_payload_free(reader->payload);
	lk_room_free(&reader->room);
	lk_gtids_free(reader->gtids);
	lk_buffer_free(&reader->xid);
	lk_buffer_free(&reader->database);
	lk_buffer_free(&reader->text);
	free(reader);
}

static void copy_table(struct lk_stream_table *to, const struct lk_stream_table *from)
{
	struct lk_binlog_column *key = lk_alloc(from->key_count * sizeof *key + 1);
	memcpy(key, from->key, from->key_count * sizeof *key);
	*to = (struct lk_stream_table){.schema = lk_strdup(from->schema),
				       .name = lk_strdup(from->name),
				       .id = from->id,
				       .key = key,
				       .key_count = from->key_count};
}

void lk_reader_watch(struct lk_reader *reader, const struct lk_stream_table *tables, size_t count)
{
	forget_tables(reader);
	for (size_t i = 0; i < count; i++)
		copy_table(LK_PUSH(reader->tables, reader->table_count), &tables[i]);
	reader->stale = reader->map_count > 0;
}

void lk_reader_feed(struct lk_reader *reader, const uint8_t *bytes, size_t length)
{
	reader->bytes = bytes;
	reader->length = length;
}

const struct lk_binlog_position *lk_reader_resume(const struct lk_reader *reader)
{
	return &reader->resume;
}

char *lk_reader_gtid(const struct lk_reader *reader)
{
	return reader->gtids_known ? lk_gtids_format(reader->gtids) : NULL;
}

static struct lk_table_map *map_of(struct lk_reader *reader, uint64_t id)
{
	for (size_t i = reader->map_count; i-- > 0;)
		if (reader->maps[i].id == id)
			return &reader->maps[i];
	return NULL;
}

/*
 * Their tables have changed. In the middle of rows these are read on with their map, which then is of a new table, or of
 * none: what it had is kept for no longer.
 */
static bool look_again(struct lk_reader *reader, struct lk_error *error)
{
	for (size_t i = 0; i < reader->map_count; i++)
		if (!lk_table_map_resolve(&reader->maps[i], reader->tables, reader->table_count,
					  error))
			return false;
	reader->stale = false;
	return true;
}

static bool read_table_map(struct lk_reader *reader, const struct lk_event *read,
			   struct lk_error *error)
{
	struct lk_bytes body = read->body;
	struct lk_table_map *map = map_of(reader, lk_bytes_number(&body, 6));
	if (!map && reader->map_count == LK_READER_MAPS)
		return lk_event_fail(read, error, "a statement has too many of them");
	if (!map && reader->map_count == reader->map_room)
		LK_PUSH(reader->maps, reader->map_room);
	if (!map)
		map = &reader->maps[reader->map_count++];
	return lk_table_map_read(map, read, reader->tables, reader->table_count, error);
}

/* An event of rows that only says that the statement has ended. */
static bool is_dummy(const struct lk_rows_head *head)
{
	enum { NO_TABLE = 0xffffff };
	return head->id == NO_TABLE && head->last;
}

static bool begin_rows(struct lk_reader *reader, const struct lk_event *read,
		       struct lk_error *error)
{
	struct lk_rows_head head;
	if (!lk_rows_head(read, &head, error))
		return false;
	const struct lk_table_map *map = map_of(reader, head.id);
	if (!map && !is_dummy(&head))
		return lk_event_fail(read, error, "no table was named for its rows");
	if (map && map->table) {
		if (!lk_rows_begin(&reader->rows, &head, map, error))
			return false;
		if (head.compressed && !lk_inflate(&head.left, &reader->room, &reader->rows.left))
			return lk_event_fail(read, error, "what it has compressed is damaged");
		reader->in_rows = true;
		reader->last_rows = head.last;
		reader->rows_time = read->time;
	} else if (head.last) {
		reader->map_count = 0;
	}
	return true;
}

static bool read_format(struct lk_reader *reader, const struct lk_event *read,
			struct lk_error *error)
{
	enum { VERSION_SIZE = 50, TAIL = 1 + LK_EVENT_CHECKSUM_SIZE, CRC32 = 1 };
	struct lk_bytes left = read->body;
	uint64_t version = lk_bytes_number(&left, 2);
	lk_bytes_take(&left, VERSION_SIZE + 4);
	uint64_t header = lk_bytes_number(&left, 1);
	if (left.lacking || lk_bytes_left(&left) < TAIL)
		return lk_event_fail(read, error, "it is too short");
	if (version != 4 || header != LK_EVENT_HEADER_SIZE)
		return lk_event_fail(read, error, "the log has another version than 4");
	uint8_t method = left.end[-TAIL];
	if (method > CRC32)
		return lk_event_fail(read, error, "its checksums are of an unknown method");
	if (method == CRC32 && !lk_event_format_holds(read))
		return lk_event_fail(read, error, "its checksum is wrong");
	reader->checksum = method == CRC32;
	return true;
}

void lk_reader_end(struct lk_reader *reader, enum lk_stream_kind kind, uint32_t time,
		   struct lk_stream_event *event)
{
	event->kind = kind;
	event->time = time;
	lk_gtid_format(&reader->gtid, reader->gtid_text);
	lk_gtids_add(reader->gtids, &reader->gtid);
	event->gtid = reader->gtid_text;
	event->xid = lk_buffer_text(&reader->xid);
	reader->gtid = (struct lk_gtid){0};
	reader->in_transaction = reader->in_group = reader->owes_commit = false;
	reader->map_count = 0;
	reader->anchored = reader->placed;
	reader->resume = reader->anchored ? reader->position : reader->resume;
}

static void end_plainly(struct lk_reader *reader, enum lk_stream_kind kind, uint32_t time,
			struct lk_stream_event *event)
{
	lk_buffer_reset(&reader->xid);
	lk_reader_end(reader, kind, time, event);
}

static bool read_unknown(const struct lk_event *read, struct lk_error *error)
{
	return read->flags & LK_EVENT_MAY_BE_IGNORED ||
	       lk_event_fail(read, error, "this lockkeeper does not know its type");
}

bool lk_read_event(struct lk_reader *reader, const struct lk_event *read,
		   struct lk_stream_event *event, struct lk_error *error)
{
	if (lk_event_is_rows(read->type))
		return begin_rows(reader, read, error);
	switch (read->type) {
	case LK_EVENT_TABLE_MAP:
		return read_table_map(reader, read, error);
	case LK_EVENT_XID:
		end_plainly(reader, LK_STREAM_COMMIT, read->time, event);
		return true;
	case LK_EVENT_QUERY:
	case LK_EVENT_QUERY_COMPRESSED:
	case LK_EVENT_EXECUTE_LOAD_QUERY:
		return lk_read_query(reader, read, event, error);
	case LK_EVENT_XA_PREPARE:
		return lk_read_xa_prepare(reader, read, event, error);
	case LK_EVENT_GTID:
	case LK_EVENT_GTID_LOG:
	case LK_EVENT_GTID_TAGGED:
	case LK_EVENT_ANONYMOUS_GTID:
		return lk_read_gtid(reader, read, error);
	case LK_EVENT_PREVIOUS_GTIDS:
	case LK_EVENT_GTID_LIST:
		return lk_read_gtids(reader, read, error);
	case LK_EVENT_TRANSACTION_PAYLOAD:
		reader->in_payload = true;
		return lk_payload_begin(reader->payload, read, error);
	case LK_EVENT_FORMAT_DESCRIPTION:
		return read_format(reader, read, error);
	case LK_EVENT_ROTATE:
		return lk_read_rotate(reader, read, error);
	case LK_EVENT_HEARTBEAT:
	case LK_EVENT_HEARTBEAT_V2:
		event->kind = LK_STREAM_IDLE;
		return lk_read_heartbeat(reader, read, error);
	case LK_EVENT_INCIDENT:
		return lk_fail(error, LK_ERROR_REFUSED,
			       "the server recorded an incident: events may be missing in its "
			       "binary log");
	case LK_EVENT_STOP:
	case LK_EVENT_INTVAR:
	case LK_EVENT_RAND:
	case LK_EVENT_USER_VAR:
	case LK_EVENT_APPEND_BLOCK:
	case LK_EVENT_DELETE_FILE:
	case LK_EVENT_BEGIN_LOAD_QUERY:
	case LK_EVENT_IGNORABLE:
	case LK_EVENT_ROWS_QUERY:
	case LK_EVENT_TRANSACTION_CONTEXT:
	case LK_EVENT_VIEW_CHANGE:
	case LK_EVENT_ANNOTATE_ROWS:
	case LK_EVENT_BINLOG_CHECKPOINT:
	case LK_EVENT_START_ENCRYPTION:
		return true;
	default:
		return read_unknown(read, error);
	}
}

/* A server that went down in the middle of a transaction has left it without an end, and has undone it itself. */
static bool cuts_transaction(const struct lk_reader *reader, const struct lk_event *read)
{
	bool begins = read->type == LK_EVENT_GTID || read->type == LK_EVENT_GTID_LOG ||
		      read->type == LK_EVENT_GTID_TAGGED || read->type == LK_EVENT_ANONYMOUS_GTID ||
		      read->type == LK_EVENT_FORMAT_DESCRIPTION;
	return begins && reader->in_transaction;
}

static bool read_fed(struct lk_reader *reader, struct lk_stream_event *event,
		     struct lk_error *error)
{
	struct lk_event read;
	uint8_t type = reader->length > 4 ? reader->bytes[4] : 0;
	/* What the sender makes itself may have a checksum where the file's events have none, and the other way round. A
	 * file's first event says of itself whether it has one. */
	bool made = type == LK_EVENT_ROTATE || type == LK_EVENT_HEARTBEAT ||
		    type == LK_EVENT_HEARTBEAT_V2;
	bool checksum = reader->checksum && type != LK_EVENT_FORMAT_DESCRIPTION;
	if (!(made ? lk_event_read_artificial(reader->bytes, reader->length, &read, error)
		   : lk_event_read(reader->bytes, reader->length, checksum, &read, error)))
		return false;
	if (cuts_transaction(reader, &read)) {
		reader->gtid = (struct lk_gtid){0};
		end_plainly(reader, LK_STREAM_ROLLBACK, read.time, event);
		return true;
	}
	reader->length = 0;
	return lk_read_position(reader, &read, error) && lk_read_event(reader, &read, event, error);
}

static bool read_nested(struct lk_reader *reader, struct lk_stream_event *event,
			struct lk_error *error)
{
	const uint8_t *bytes;
	size_t length;
	struct lk_event read;
	if (!lk_payload_next(reader->payload, &bytes, &length, error))
		return false;
	reader->in_payload = length > 0;
	if (length == 0)
		return true;
	return lk_event_read(bytes, length, false, &read, error) &&
	       (read.type != LK_EVENT_TRANSACTION_PAYLOAD ||
		lk_event_fail(&read, error, "it stands in another one")) &&
	       lk_read_event(reader, &read, event, error);
}

static void tell_row(struct lk_reader *reader, struct lk_stream_event *event)
{
	const struct lk_rows *rows = &reader->rows;
	event->kind = LK_STREAM_ROW;
	event->table = rows->map->table->id;
	event->change = rows->change;
	event->time = reader->rows_time;
	if (rows->change != LK_STREAM_INSERT) {
		event->before = rows->keys[0];
		event->before_length = rows->lengths[0];
	}
	if (rows->change != LK_STREAM_DELETE) {
		event->after = rows->keys[1];
		event->after_length = rows->lengths[1];
	}
}

static bool read_row(struct lk_reader *reader, struct lk_stream_event *event,
		     struct lk_error *error)
{
	lk_error_clear(error);
	reader->in_rows = reader->rows.map->table && lk_rows_next(&reader->rows, error);
	if (reader->in_rows)
		tell_row(reader, event);
	else if (reader->last_rows)
		reader->map_count = 0;
	return error->class == LK_NO_ERROR;
}

static bool step(struct lk_reader *reader, struct lk_stream_event *event, struct lk_error *error)
{
	if (reader->in_rows)
		return read_row(reader, event, error);
	if (reader->owes_commit) {
		end_plainly(reader, LK_STREAM_COMMIT, reader->owed_time, event);
		return true;
	}
	return reader->in_payload ? read_nested(reader, event, error)
				  : read_fed(reader, event, error);
}

bool lk_reader_next(struct lk_reader *reader, struct lk_stream_event *event, struct lk_error *error)
{
	memset(event, 0, sizeof *event);
	if (reader->stale && !look_again(reader, error))
		return false;
	while (event->kind == LK_STREAM_NOTHING &&
	       (reader->in_rows || reader->owes_commit || reader->in_payload || reader->length > 0))
		if (!step(reader, event, error))
			return false;
	event->position = reader->position;
	if (!reader->in_group && !reader->in_transaction && !reader->owes_commit &&
	    !reader->in_payload && !reader->in_rows && reader->anchored)
		reader->resume = reader->position;
	return true;
}
