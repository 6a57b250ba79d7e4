/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/column.h"

#include "base/memory.h"
#include "binlog/decimal.h"

/* The servers' numbers of types (enum_field_types). */
enum {
	TINY = 1,
	SHORT = 2,
	LONG = 3,
	FLOAT = 4,
	DOUBLE = 5,
	NULL_TYPE = 6,
	LONGLONG = 8,
	INT24 = 9,
	DATE = 10,
	YEAR = 13,
	NEWDATE = 14,
	VARCHAR = 15,
	BIT = 16,
	TIMESTAMP2 = 17,
	DATETIME2 = 18,
	TIME2 = 19,
	BLOB_COMPRESSED = 140,	  /* MariaDB */
	VARCHAR_COMPRESSED = 141, /* MariaDB */
	VECTOR = 242,		  /* MySQL */
	JSON = 245,
	NEWDECIMAL = 246,
	ENUM = 247,
	SET = 248,
	TINY_BLOB = 249,
	MEDIUM_BLOB = 250,
	LONG_BLOB = 251,
	BLOB = 252,
	VAR_STRING = 253,
	STRING = 254,
	GEOMETRY = 255,
};

size_t lk_column_metadata_size(uint8_t type)
{
	switch (type) {
	case VARCHAR:
	case VARCHAR_COMPRESSED:
	case BIT:
	case NEWDECIMAL:
	case ENUM:
	case SET:
	case VAR_STRING:
	case STRING:
		return 2;
	case FLOAT:
	case DOUBLE:
	case TIMESTAMP2:
	case DATETIME2:
	case TIME2:
	case BLOB_COMPRESSED:
	case VECTOR:
	case JSON:
	case TINY_BLOB:
	case MEDIUM_BLOB:
	case LONG_BLOB:
	case BLOB:
	case GEOMETRY:
		return 1;
	default:
		return 0;
	}
}

/* A CHAR's length of up to 1,023 bytes has its two upper bits, turned over, in the byte of the type. */
static bool is_plain_string(uint16_t metadata)
{
	return (metadata >> 8 & 0x30) != 0x30;
}

static unsigned string_length(uint16_t metadata)
{
	unsigned upper = is_plain_string(metadata) ? ((metadata >> 8 & 0x30) ^ 0x30u) << 4 : 0;
	return upper | (metadata & 0xff);
}

void lk_column_describe(struct lk_logged_column *column, uint8_t type, const uint8_t *metadata)
{
	size_t size = lk_column_metadata_size(type);
	column->type = column->real = type;
	column->metadata = size == 2   ? (uint16_t)(metadata[0] << 8 | metadata[1])
			   : size == 1 ? metadata[0]
				       : 0;
	/* This one is a number, and begins with its lower byte. */
	if (type == VARCHAR || type == VAR_STRING || type == VARCHAR_COMPRESSED || type == BIT)
		column->metadata = (uint16_t)(metadata[1] << 8 | metadata[0]);
	if (type == STRING && (metadata[0] == ENUM || metadata[0] == SET))
		column->real = metadata[0];
}

static bool fixed(struct lk_width *width, size_t bytes)
{
	*width = (struct lk_width){0, (uint16_t)bytes};
	return bytes <= UINT16_MAX;
}

static bool prefixed(struct lk_width *width, size_t bytes)
{
	*width = (struct lk_width){(uint8_t)bytes, 0};
	return bytes >= 1 && bytes <= 4;
}

static size_t fraction_size(unsigned scale)
{
	return (scale + 1) / 2;
}

/* Types whose values all have the same width, which needs no metadata; 0: not one of them. */
static size_t plain_width(uint8_t type)
{
	static const uint8_t widths[] = {
		[TINY] = 1,	[SHORT] = 2,  [INT24] = 3, [LONG] = 4, [FLOAT] = 4,
		[LONGLONG] = 8, [DOUBLE] = 8, [YEAR] = 1,  [DATE] = 3, [NEWDATE] = 3};
	return type < LK_COUNT(widths) ? widths[type] : 0;
}

bool lk_column_width(const struct lk_logged_column *column, struct lk_width *width)
{
	unsigned metadata = column->metadata;
	size_t plain = plain_width(column->type);
	if (plain > 0)
		return fixed(width, plain);
	switch (column->real) {
	case NULL_TYPE:
		return fixed(width, 0);
	case TIMESTAMP2:
		return metadata <= 6 && fixed(width, 4 + fraction_size(metadata));
	case DATETIME2:
		return metadata <= 6 && fixed(width, 5 + fraction_size(metadata));
	case TIME2:
		return metadata <= 6 && fixed(width, 3 + fraction_size(metadata));
	case NEWDECIMAL:
		return fixed(width, lk_decimal_size(metadata >> 8, metadata & 0xff)) &&
		       width->fixed > 0;
	case BIT:
		return fixed(width, (metadata >> 8) + ((metadata & 0xff) > 0));
	case ENUM:
	case SET:
		return (metadata & 0xff) <= 8 && fixed(width, metadata & 0xff);
	case VARCHAR:
	case VAR_STRING:
	case VARCHAR_COMPRESSED:
		return prefixed(width, metadata > 255 ? 2 : 1);
	case STRING:
		return prefixed(width, string_length(column->metadata) > 255 ? 2 : 1);
	case BLOB_COMPRESSED:
	case VECTOR:
	case JSON:
	case TINY_BLOB:
	case MEDIUM_BLOB:
	case LONG_BLOB:
	case BLOB:
	case GEOMETRY:
		return prefixed(width, metadata);
	default:
		return false;
	}
}

bool lk_column_is_json(const struct lk_logged_column *column)
{
	return column->type == JSON;
}

bool lk_column_has_sign(const struct lk_logged_column *column)
{
	switch (column->type) {
	case TINY:
	case SHORT:
	case INT24:
	case LONG:
	case LONGLONG:
	case NEWDECIMAL:
	case FLOAT:
	case DOUBLE:
	case YEAR:
		return true;
	default:
		return false;
	}
}

static uint8_t integer_type(unsigned size)
{
	static const uint8_t types[] = {
		[1] = TINY, [2] = SHORT, [3] = INT24, [4] = LONG, [8] = LONGLONG};
	return size < LK_COUNT(types) ? types[size] : 0;
}

static bool integer_agrees(const struct lk_logged_column *logged,
			   const struct lk_binlog_column *column)
{
	return logged->type == integer_type(column->size) &&
	       (logged->sign == LK_SIGN_UNKNOWN ||
		(logged->sign == LK_SIGN_UNSIGNED) == column->is_unsigned);
}

bool lk_column_agrees(const struct lk_logged_column *logged, const struct lk_binlog_column *column)
{
	switch (column->type) {
	case LK_BINLOG_INTEGER:
		return integer_agrees(logged, column);
	case LK_BINLOG_DECIMAL:
		return logged->type == NEWDECIMAL &&
		       logged->metadata == (column->size << 8 | column->scale);
	case LK_BINLOG_CHAR:
	case LK_BINLOG_BINARY:
		return logged->type == STRING && logged->real == STRING;
	case LK_BINLOG_VARCHAR:
	case LK_BINLOG_VARBINARY:
		return logged->type == VARCHAR || logged->type == VAR_STRING;
	case LK_BINLOG_DATE:
		return logged->type == DATE || logged->type == NEWDATE;
	case LK_BINLOG_TIME:
		return logged->type == TIME2 && logged->metadata == column->scale;
	case LK_BINLOG_DATETIME:
		return logged->type == DATETIME2 && logged->metadata == column->scale;
	case LK_BINLOG_TIMESTAMP:
		return logged->type == TIMESTAMP2 && logged->metadata == column->scale;
	case LK_BINLOG_YEAR:
		return logged->type == YEAR;
	case LK_BINLOG_ENUM:
		return logged->real == ENUM;
	case LK_BINLOG_SET:
		return logged->real == SET;
	case LK_BINLOG_BIT:
		return logged->type == BIT &&
		       (logged->metadata >> 8) * 8u + (logged->metadata & 0xffu) == column->size;
	}
	return false;
}
