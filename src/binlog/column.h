/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A column's type in a TABLE_MAP event: how wide its values are, and whether it is what the catalog says. */
#ifndef LK_BINLOG_COLUMN_H
#define LK_BINLOG_COLUMN_H

#include "binlog/table_map.h"

struct lk_logged_column {
	uint8_t type, real; /* as logged; of a STRING the type that its metadata hides there */
	uint16_t
		metadata; /* as two bytes in the event's order, the first above; of one byte that alone */
	uint8_t sign; /* LK_SIGN_… */
};

enum { LK_SIGN_UNKNOWN, LK_SIGN_SIGNED, LK_SIGN_UNSIGNED };

/* How many bytes of metadata the type has. */
size_t lk_column_metadata_size(uint8_t type);
/* Fills ->real and ->metadata from these bytes. */
void lk_column_describe(struct lk_logged_column *column, uint8_t type, const uint8_t *metadata);
/* False: the type's values cannot be skipped. */
bool lk_column_width(const struct lk_logged_column *column, struct lk_width *width);
bool lk_column_is_json(const struct lk_logged_column *column);
/* Whether the event says of a column of this type if it is unsigned. */
bool lk_column_has_sign(const struct lk_logged_column *column);
/* Whether the log's column is what the catalog's is. */
bool lk_column_agrees(const struct lk_logged_column *logged, const struct lk_binlog_column *column);

#endif
