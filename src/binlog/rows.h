/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WRITE_ROWS, UPDATE_ROWS, DELETE_ROWS and PARTIAL_UPDATE_ROWS events: the keys of their rows, one after the other. */
#ifndef LK_BINLOG_ROWS_H
#define LK_BINLOG_ROWS_H

#include "binlog/table_map.h"

struct lk_rows {
	const struct lk_table_map *map;
	enum lk_stream_change change;
	bool partial;		   /* the image behind may hold differences of JSON values */
	const uint8_t *present[2]; /* a bit a column, of the image before and that after */
	struct lk_bytes left;
	/* The last row's keys. */
	uint8_t keys[2][LK_BINLOG_KEY_MAX];
	size_t lengths[2];
};

/* What stands in front of the rows: the same of every kind. */
struct lk_rows_head {
	uint64_t id;
	bool last; /* of a statement: its tables' ids end here */
	enum lk_stream_change change;
	bool partial, compressed;
	struct lk_bytes left;
};

bool lk_event_is_rows(uint8_t type);
bool lk_rows_head(const struct lk_event *event, struct lk_rows_head *head, struct lk_error *error);
/*
 * Reads up to the first row; `head->left` then begins with the rows, or with what compresses them. The map must be of a
 * watched table and live as long as *rows, as must the bytes.
 */
bool lk_rows_begin(struct lk_rows *rows, struct lk_rows_head *head, const struct lk_table_map *map,
		   struct lk_error *error);
/* The next row. False at the end, and, with class REFUSED in *error (which must be clear), when it cannot be read. */
bool lk_rows_next(struct lk_rows *rows, struct lk_error *error);

#endif
