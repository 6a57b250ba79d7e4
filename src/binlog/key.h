/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys of changed rows, as they stand in the binary log, and as SQL.
 *
 * A key is encoded as its columns' values one after the other, each with its length in front (2 bytes, little endian):
 * the value's bytes in the row image without the length that stands there. Two keys are the same bytes exactly if their
 * values are in the binary log; what a collation calls equal may be different bytes.
 */
#ifndef LK_BINLOG_KEY_H
#define LK_BINLOG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* InnoDB's keys are of at most 3,072 bytes; what does not fit is refused and not cut. */
#define LK_BINLOG_KEY_MAX 4096
/* Columns of a key: 32 on MariaDB, 16 on MySQL. */
#define LK_BINLOG_KEY_COLUMNS 32

enum lk_binlog_type {
	LK_BINLOG_INTEGER, /* TINYINT to BIGINT, by `size` */
	LK_BINLOG_DECIMAL,
	LK_BINLOG_CHAR,
	LK_BINLOG_VARCHAR,
	LK_BINLOG_BINARY, /* MariaDB's UUID, INET4 and INET6 too */
	LK_BINLOG_VARBINARY,
	LK_BINLOG_DATE,
	LK_BINLOG_TIME,
	LK_BINLOG_DATETIME,
	LK_BINLOG_TIMESTAMP,
	LK_BINLOG_YEAR,
	LK_BINLOG_ENUM,
	LK_BINLOG_SET,
	LK_BINLOG_BIT,
};

/* A column of a key, as the catalog knows it. */
struct lk_binlog_column {
	size_t ordinal; /* in the table, from 0 (information_schema's ordinal_position - 1) */
	enum lk_binlog_type type;
	bool is_unsigned;
	unsigned size;	  /* INTEGER, BINARY: bytes; BIT: bits; DECIMAL: digits in all */
	unsigned scale;	  /* DECIMAL, TIME, DATETIME, TIMESTAMP: digits behind the point */
	char charset[33]; /* CHAR, VARCHAR: as information_schema names it */
};

/*
 * Fills all but `ordinal` from information_schema.columns: column_type ("decimal(20,6) unsigned") and
 * character_set_name (NULL or "" where there is none). Class REFUSED, with a sentence that begins with the type, for what
 * cannot be looked up exactly: FLOAT and DOUBLE, BLOB and TEXT, JSON, geometry, VECTOR.
 */
bool lk_binlog_column_read(const char *column_type, const char *charset,
			   struct lk_binlog_column *column, struct lk_error *error);

/*
 * Adds column `i` of an encoded key as a literal that equals that value alone (by the column's own collation, if it has
 * one). The session that looks it up must have
 *	time_zone = '+00:00', as a TIMESTAMP is written in UTC,
 *	and, as to read and write such dates takes, neither NO_ZERO_DATE nor NO_ZERO_IN_DATE in its sql_mode, but
 *	ALLOW_INVALID_DATES: else MySQL finds no 0000-00-00, 2024-00-00 and 2024-02-31.
 * False with class STATEMENT when the bytes are no key of these columns.
 */
bool lk_binlog_key_part_sql(const struct lk_binlog_column *columns, size_t count, size_t i,
			    const uint8_t *key, size_t length, struct lk_buffer *out,
			    struct lk_error *error);
/* The whole key for `(a, b) IN (…)`: "(1, 'x')", of a single column without parentheses. */
bool lk_binlog_key_sql(const struct lk_binlog_column *columns, size_t count, const uint8_t *key,
		       size_t length, struct lk_buffer *out, struct lk_error *error);

#endif
