/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TABLE_MAP events: which table the rows behind it are of, and how wide its columns are there. Of tables that nobody
 * watches the name alone is looked at.
 */
#ifndef LK_BINLOG_TABLE_MAP_H
#define LK_BINLOG_TABLE_MAP_H

#include "binlog/event.h"
#include "binlog/stream.h"

/* How a value is skipped: `fixed` bytes, or a length of `prefix` bytes and as many bytes as it says. */
struct lk_width {
	uint8_t prefix;
	uint16_t fixed;
};

struct lk_table_map {
	uint64_t id;
	const struct lk_stream_table *table; /* NULL: not watched, and nothing below is filled */
	size_t columns, json_columns;
	struct lk_width *widths; /* a column each */
	bool *is_json;		 /* likewise */
	int8_t *part;		 /* which of the key's columns it is, -1 none */
	uint8_t *body;		 /* the event's, a copy */
	size_t length;
};

/* Reads the event. Class REFUSED when it is damaged, or the table's key is not of the watched columns. */
bool lk_table_map_read(struct lk_table_map *map, const struct lk_event *event,
		       const struct lk_stream_table *tables, size_t count, struct lk_error *error);
/* Looks again which of these tables it is, after they have changed. */
bool lk_table_map_resolve(struct lk_table_map *map, const struct lk_stream_table *tables,
			  size_t count, struct lk_error *error);
void lk_table_map_free(struct lk_table_map *map);

#endif
