/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the log goes on. Events know the lower 32 bits of the position behind them; a file can be longer, as it is never
 * cut within a transaction.
 */
#include <inttypes.h>

#include "binlog/reading.h"

enum { LOW_BITS = 32, HIGHEST_GAP = 1 << 30, NAME_FIELD = 1, PLACE_FIELD = 2 };

static bool went_back(const struct lk_reader *reader, const char *file, uint64_t offset,
		      struct lk_error *error)
{
	return lk_fail(error, LK_ERROR_REFUSED,
		       "the binary log went back, from %s:%" PRIu64 " to %s:%" PRIu64
		       ": it is not the log that the stream began in",
		       reader->position.file, reader->position.offset, file, offset);
}

/* The whole position for its lower half, at or behind the one before; by how much it may be, unless it just went back. */
static bool extend(const struct lk_reader *reader, uint32_t low, uint64_t gap, uint64_t *offset)
{
	uint64_t now = reader->position.offset, upper = now >> LOW_BITS << LOW_BITS;
	*offset = upper | low;
	if (*offset >= now)
		return true;
	*offset += UINT64_C(1) << LOW_BITS;
	return *offset - now <= gap;
}

bool lk_read_position(struct lk_reader *reader, const struct lk_event *read, struct lk_error *error)
{
	uint64_t offset;
	if (read->next == 0 || read->flags & LK_EVENT_ARTIFICIAL || !reader->placed)
		return true;
	/* Between two events there may be some that are not sent. */
	if (!extend(reader, read->next, (uint64_t)read->length + HIGHEST_GAP, &offset))
		return went_back(reader, reader->position.file, read->next, error);
	reader->position.offset = offset;
	return true;
}

static bool is_file_name(const struct lk_bytes *name)
{
	size_t length = lk_bytes_left(name);
	for (size_t i = 0; i < length; i++)
		if (name->at[i] <= ' ' || name->at[i] == 0x7f || name->at[i] == '/')
			return false;
	return length > 0 && length < LK_BINLOG_FILE_SIZE;
}

static bool move_to(struct lk_reader *reader, const struct lk_binlog_position *to,
		    struct lk_error *error)
{
	int order = 1;
	bool same_log =
		!reader->placed || lk_binlog_position_compare(to, &reader->position, &order);
	if (!same_log || order < 0)
		return went_back(reader, to->file, to->offset, error);
	reader->position = *to;
	reader->placed = true;
	return true;
}

bool lk_read_rotate(struct lk_reader *reader, const struct lk_event *read, struct lk_error *error)
{
	struct lk_bytes left = read->body;
	struct lk_binlog_position to = {.offset = lk_bytes_number(&left, 8)};
	if (left.lacking || !is_file_name(&left))
		return lk_event_fail(read, error, "it names no file");
	memcpy(to.file, left.at, lk_bytes_left(&left));
	return move_to(reader, &to, error);
}

/* The newer form: fields of a type, a length and a value. */
static bool read_fields(struct lk_bytes *left, struct lk_bytes *name, uint64_t *offset)
{
	while (lk_bytes_left(left) > 0) {
		uint64_t type = lk_bytes_packed(left);
		if (type == 0)
			break;
		uint64_t length = lk_bytes_packed(left);
		struct lk_bytes field = lk_bytes_part(left, length);
		if (type == NAME_FIELD)
			*name = field;
		if (type == PLACE_FIELD)
			*offset = lk_bytes_packed(&field);
	}
	return !left->lacking;
}

/* It tells of the position behind events that were not sent, but only the file that is known. */
bool lk_read_heartbeat(struct lk_reader *reader, const struct lk_event *read,
		       struct lk_error *error)
{
	struct lk_bytes left = read->body, name = read->body;
	uint64_t offset = 0;
	if (read->type == LK_EVENT_HEARTBEAT_V2 && !read_fields(&left, &name, &offset))
		return lk_event_fail(read, error, "it is damaged");
	if (!is_file_name(&name))
		return lk_event_fail(read, error, "it names no file");
	struct lk_binlog_position to = {0};
	memcpy(to.file, name.at, lk_bytes_left(&name));
	if (!reader->placed || strcmp(to.file, reader->position.file) != 0)
		return true;
	if (read->type == LK_EVENT_HEARTBEAT && !extend(reader, read->next, 0, &offset))
		return true;
	if (offset < reader->position.offset || reader->in_group || reader->in_transaction)
		return true;
	reader->position.offset = offset;
	reader->anchored = true;
	return true;
}
