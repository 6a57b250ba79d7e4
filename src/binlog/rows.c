/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/rows.h"

#include "base/memory.h"

enum { BEFORE, AFTER, ID_SIZE = 6, STATEMENT_ENDS = 1, HAS_PARTIAL_JSON = 1 };

struct form {
	uint8_t type;
	enum lk_stream_change change;
	bool v2, compressed, partial;
};

static const struct form forms[] = {
	{LK_EVENT_WRITE_ROWS_V1, LK_STREAM_INSERT, false, false, false},
	{LK_EVENT_UPDATE_ROWS_V1, LK_STREAM_UPDATE, false, false, false},
	{LK_EVENT_DELETE_ROWS_V1, LK_STREAM_DELETE, false, false, false},
	{LK_EVENT_WRITE_ROWS, LK_STREAM_INSERT, true, false, false},
	{LK_EVENT_UPDATE_ROWS, LK_STREAM_UPDATE, true, false, false},
	{LK_EVENT_DELETE_ROWS, LK_STREAM_DELETE, true, false, false},
	{LK_EVENT_PARTIAL_UPDATE_ROWS, LK_STREAM_UPDATE, true, false, true},
	{LK_EVENT_WRITE_ROWS_COMPRESSED_V1, LK_STREAM_INSERT, false, true, false},
	{LK_EVENT_UPDATE_ROWS_COMPRESSED_V1, LK_STREAM_UPDATE, false, true, false},
	{LK_EVENT_DELETE_ROWS_COMPRESSED_V1, LK_STREAM_DELETE, false, true, false},
	{LK_EVENT_WRITE_ROWS_COMPRESSED, LK_STREAM_INSERT, true, true, false},
	{LK_EVENT_UPDATE_ROWS_COMPRESSED, LK_STREAM_UPDATE, true, true, false},
	{LK_EVENT_DELETE_ROWS_COMPRESSED, LK_STREAM_DELETE, true, true, false},
};

static const struct form *form_of(uint8_t type)
{
	for (size_t i = 0; i < LK_COUNT(forms); i++)
		if (forms[i].type == type)
			return &forms[i];
	return NULL;
}

bool lk_event_is_rows(uint8_t type)
{
	return form_of(type) != NULL;
}

bool lk_rows_head(const struct lk_event *event, struct lk_rows_head *head, struct lk_error *error)
{
	const struct form *form = form_of(event->type);
	struct lk_bytes left = event->body;
	head->id = lk_bytes_number(&left, ID_SIZE);
	head->last = lk_bytes_number(&left, 2) & STATEMENT_ENDS;
	/* What the second version has in front of its rows counts its own length. */
	uint64_t extra = form->v2 ? lk_bytes_number(&left, 2) : 2;
	if (extra >= 2)
		lk_bytes_part(&left, extra - 2);
	head->change = form->change;
	head->partial = form->partial;
	head->compressed = form->compressed;
	head->left = left;
	return (extra >= 2 && !left.lacking) ||
	       lk_event_fail(event, error, "it ends before its rows");
}

static bool row_fail(const struct lk_rows *rows, struct lk_error *error, const char *what)
{
	const struct lk_stream_table *table = rows->map->table;
	return lk_fail(error, LK_ERROR_REFUSED, "a row of %s.%s in the binary log %s",
		       table->schema, table->name, what);
}

bool lk_rows_begin(struct lk_rows *rows, struct lk_rows_head *head, const struct lk_table_map *map,
		   struct lk_error *error)
{
	size_t bitmap = (map->columns + 7) / 8;
	rows->map = map;
	rows->change = head->change;
	rows->partial = head->partial;
	uint64_t columns = lk_bytes_packed(&head->left);
	rows->present[BEFORE] = rows->present[AFTER] = lk_bytes_take(&head->left, bitmap);
	if (head->change == LK_STREAM_UPDATE)
		rows->present[AFTER] = lk_bytes_take(&head->left, bitmap);
	if (head->left.lacking || columns != map->columns)
		return row_fail(rows, error, "has not the columns that its table has there");
	rows->left = head->left;
	return true;
}

static bool bit(const uint8_t *bits, size_t i)
{
	return bits[i / 8] >> i % 8 & 1;
}

static size_t count_present(const uint8_t *bits, size_t columns)
{
	size_t count = 0;
	for (size_t i = 0; i < columns / 8; i++)
		count += (size_t)__builtin_popcount(bits[i]);
	for (size_t i = columns / 8 * 8; i < columns; i++)
		count += bit(bits, i);
	return count;
}

/* The values of a key in one image; those that it lacks stay as they were. */
struct parts {
	const uint8_t *bytes[LK_BINLOG_KEY_COLUMNS];
	size_t lengths[LK_BINLOG_KEY_COLUMNS];
	bool known[LK_BINLOG_KEY_COLUMNS];
};

static const uint8_t *take_value(struct lk_bytes *left, struct lk_width width, size_t *length)
{
	*length = width.fixed;
	if (width.prefix > 0)
		*length = (size_t)lk_bytes_number(left, width.prefix);
	return lk_bytes_take(left, *length);
}

/* The values' lengths and the bits that are set for NULL; `nulls` counts the columns that are there. */
static bool read_values(struct lk_rows *rows, const uint8_t *present, struct parts *parts,
			struct lk_error *error)
{
	const struct lk_table_map *map = rows->map;
	size_t bytes = (count_present(present, map->columns) + 7) / 8, n = 0;
	const uint8_t *nulls = lk_bytes_take(&rows->left, bytes);
	for (size_t i = 0; nulls && i < map->columns; i++) {
		int part = map->part[i];
		if (!bit(present, i))
			continue;
		bool null = bit(nulls, n++);
		if (null && part >= 0)
			return row_fail(rows, error, "has NULL in its key");
		if (null)
			continue;
		size_t length;
		const uint8_t *value = take_value(&rows->left, map->widths[i], &length);
		if (part < 0)
			continue;
		parts->bytes[part] = value;
		parts->lengths[part] = length;
		parts->known[part] = true;
	}
	return !rows->left.lacking || row_fail(rows, error, "is longer than its event");
}

/* In front of an image with differences stands which columns' these are. */
static bool skip_partial(struct lk_rows *rows)
{
	uint64_t options = lk_bytes_packed(&rows->left);
	if (options & HAS_PARTIAL_JSON)
		lk_bytes_take(&rows->left, (rows->map->json_columns + 7) / 8);
	return !rows->left.lacking;
}

static bool encode(struct lk_rows *rows, const struct parts *parts, int image,
		   struct lk_error *error)
{
	uint8_t *to = rows->keys[image];
	size_t length = 0;
	for (size_t k = 0; k < rows->map->table->key_count; k++) {
		size_t part = parts->lengths[k];
		if (!parts->known[k])
			return row_fail(
				rows, error,
				"lacks a column of its key: the session that wrote it has not "
				"binlog_row_image = FULL, or the key is not the primary one");
		if (length + 2 + part > LK_BINLOG_KEY_MAX)
			return row_fail(rows, error, "has a key that is too long");
		to[length] = (uint8_t)part;
		to[length + 1] = (uint8_t)(part >> 8);
		memcpy(to + length + 2, parts->bytes[k], part);
		length += 2 + part;
	}
	rows->lengths[image] = length;
	return true;
}

bool lk_rows_next(struct lk_rows *rows, struct lk_error *error)
{
	struct parts parts = {0};
	const uint8_t *from = rows->left.at;
	if (lk_bytes_left(&rows->left) == 0)
		return false;
	if (rows->change != LK_STREAM_INSERT &&
	    (!read_values(rows, rows->present[BEFORE], &parts, error) ||
	     !encode(rows, &parts, BEFORE, error)))
		return false;
	if (rows->change != LK_STREAM_DELETE) {
		if (rows->partial && !skip_partial(rows))
			return row_fail(rows, error, "is longer than its event");
		if (!read_values(rows, rows->present[AFTER], &parts, error) ||
		    !encode(rows, &parts, AFTER, error))
			return false;
	}
	/* Rows without any bytes would never end. */
	return rows->left.at > from || row_fail(rows, error, "is empty");
}
