/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/table_map.h"

#include <stdlib.h>

#include "base/memory.h"
#include "binlog/column.h"

enum {
	ID_SIZE = 6,
	FLAGS_SIZE = 2,
	COLUMNS_MAX = 4096, /* of both servers */
	SIGNEDNESS = 1,	    /* of the optional metadata: a bit a number column */
};

struct reading {
	struct lk_bytes left;
	struct lk_bytes schema, name;
	const uint8_t *types;
	struct lk_bytes metadata;
	struct lk_logged_column *columns;
	size_t count;
};

/* A length, so many bytes, and a zero. */
static struct lk_bytes read_name(struct lk_bytes *left)
{
	uint64_t length = lk_bytes_packed(left);
	struct lk_bytes name = lk_bytes_part(left, length);
	lk_bytes_take(left, 1);
	return name;
}

static bool is_name(const struct lk_bytes *bytes, const char *name)
{
	return strlen(name) == lk_bytes_left(bytes) &&
	       memcmp(name, bytes->at, lk_bytes_left(bytes)) == 0;
}

static const struct lk_stream_table *find_table(const struct reading *reading,
						const struct lk_stream_table *tables, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_name(&reading->name, tables[i].name) &&
		    is_name(&reading->schema, tables[i].schema))
			return &tables[i];
	return NULL;
}

static bool damaged(struct lk_error *error)
{
	return lk_fail(error, LK_ERROR_REFUSED,
		       "an event of the binary log (TABLE_MAP, type 19) is damaged");
}

static bool read_columns(struct reading *reading, struct lk_table_map *map, struct lk_error *error)
{
	struct lk_bytes metadata = reading->metadata;
	for (size_t i = 0; i < reading->count; i++) {
		struct lk_logged_column *column = &reading->columns[i];
		uint8_t type = reading->types[i];
		const uint8_t *bytes = lk_bytes_take(&metadata, lk_column_metadata_size(type));
		if (!bytes)
			return damaged(error);
		lk_column_describe(column, type, bytes);
		map->is_json[i] = lk_column_is_json(column);
		map->json_columns += map->is_json[i];
		if (!lk_column_width(column, &map->widths[i]))
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"column %zu of %s.%s has a type that cannot be read from the "
				"binary log (%u): dates and times of before MySQL 5.6 and "
				"MariaDB 10.1 must be rebuilt by ALTER TABLE … FORCE",
				i + 1, map->table->schema, map->table->name, type);
	}
	return true;
}

/* The signs are a bit for each column of a number, the first bit the highest. */
static void read_signs(struct reading *reading, struct lk_bytes *bits)
{
	size_t n = 0;
	for (size_t i = 0; i < reading->count; i++) {
		if (!lk_column_has_sign(&reading->columns[i]))
			continue;
		if (n / 8 >= lk_bytes_left(bits))
			return;
		reading->columns[i].sign =
			bits->at[n / 8] & (0x80 >> n % 8) ? LK_SIGN_UNSIGNED : LK_SIGN_SIGNED;
		n++;
	}
}

static bool read_optional(struct reading *reading, struct lk_error *error)
{
	while (lk_bytes_left(&reading->left) > 0) {
		uint64_t type = lk_bytes_number(&reading->left, 1);
		uint64_t length = lk_bytes_packed(&reading->left);
		struct lk_bytes value = lk_bytes_part(&reading->left, length);
		if (reading->left.lacking)
			return damaged(error);
		if (type == SIGNEDNESS)
			read_signs(reading, &value);
	}
	return true;
}

static bool find_key(const struct reading *reading, struct lk_table_map *map,
		     struct lk_error *error)
{
	const struct lk_stream_table *table = map->table;
	if (table->key_count > LK_BINLOG_KEY_COLUMNS)
		return lk_fail(error, LK_ERROR_REFUSED, "the key of %s.%s has too many columns",
			       table->schema, table->name);
	memset(map->part, -1, reading->count);
	for (size_t k = 0; k < table->key_count; k++) {
		size_t i = table->key[k].ordinal;
		if (i >= reading->count || !lk_column_agrees(&reading->columns[i], &table->key[k]))
			return lk_fail(error, LK_ERROR_REFUSED,
				       "%s.%s in the binary log is not the table that the catalog "
				       "shows: column %zu of its key has another type",
				       table->schema, table->name, k + 1);
		map->part[i] = (int8_t)k;
	}
	return true;
}

static bool read_watched(struct reading *reading, struct lk_table_map *map, struct lk_error *error)
{
	struct lk_bytes *left = &reading->left;
	uint64_t columns = lk_bytes_packed(left);
	if (columns < 1 || columns > COLUMNS_MAX)
		return damaged(error);
	reading->count = (size_t)columns;
	reading->types = lk_bytes_take(left, reading->count);
	uint64_t length = lk_bytes_packed(left);
	reading->metadata = lk_bytes_part(left, length);
	lk_bytes_take(left, (reading->count + 7) / 8);
	if (left->lacking)
		return damaged(error);
	map->columns = reading->count;
	map->widths = lk_alloc(map->columns * sizeof *map->widths);
	map->is_json = lk_alloc(map->columns * sizeof *map->is_json);
	map->part = lk_alloc(map->columns * sizeof *map->part);
	reading->columns = lk_alloc(map->columns * sizeof *reading->columns);
	bool read = read_columns(reading, map, error) && read_optional(reading, error) &&
		    find_key(reading, map, error);
	free(reading->columns);
	return read;
}

static void forget_columns(struct lk_table_map *map)
{
	free(map->widths);
	free(map->is_json);
	free(map->part);
	map->widths = NULL;
	map->is_json = NULL;
	map->part = NULL;
	map->columns = map->json_columns = 0;
	map->table = NULL;
}

bool lk_table_map_resolve(struct lk_table_map *map, const struct lk_stream_table *tables,
			  size_t count, struct lk_error *error)
{
	struct reading reading = {.left = lk_bytes(map->body, map->length)};
	forget_columns(map);
	map->id = lk_bytes_number(&reading.left, ID_SIZE);
	lk_bytes_take(&reading.left, FLAGS_SIZE);
	reading.schema = read_name(&reading.left);
	reading.name = read_name(&reading.left);
	if (reading.left.lacking)
		return damaged(error);
	map->table = find_table(&reading, tables, count);
	if (!map->table || read_watched(&reading, map, error))
		return true;
	forget_columns(map);
	return false;
}

bool lk_table_map_read(struct lk_table_map *map, const struct lk_event *event,
		       const struct lk_stream_table *tables, size_t count, struct lk_error *error)
{
	size_t length = lk_bytes_left(&event->body);
	map->body = lk_realloc(map->body, length + 1, 1);
	memcpy(map->body, event->body.at, length);
	map->length = length;
	return lk_table_map_resolve(map, tables, count, error);
}

void lk_table_map_free(struct lk_table_map *map)
{
	forget_columns(map);
	free(map->body);
	*map = (struct lk_table_map){0};
}
