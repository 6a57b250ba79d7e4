/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forms of values are those of the row image: MySQL's "Replication Event" pages, MariaDB's "Rows Event". */
#include "binlog/key.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "binlog/bytes.h"
#include "binlog/decimal.h"

struct kind {
	const char *name; /* as in information_schema.columns.data_type */
	enum lk_binlog_type type;
	unsigned size;
};

static const struct kind kinds[] = {
	{"tinyint", LK_BINLOG_INTEGER, 1},
	{"smallint", LK_BINLOG_INTEGER, 2},
	{"mediumint", LK_BINLOG_INTEGER, 3},
	{"int", LK_BINLOG_INTEGER, 4},
	{"bigint", LK_BINLOG_INTEGER, 8},
	{"decimal", LK_BINLOG_DECIMAL, 10},
	{"char", LK_BINLOG_CHAR, 0},
	{"varchar", LK_BINLOG_VARCHAR, 0},
	{"binary", LK_BINLOG_BINARY, 1},
	{"varbinary", LK_BINLOG_VARBINARY, 0},
	{"date", LK_BINLOG_DATE, 0},
	{"time", LK_BINLOG_TIME, 0},
	{"datetime", LK_BINLOG_DATETIME, 0},
	{"timestamp", LK_BINLOG_TIMESTAMP, 0},
	{"year", LK_BINLOG_YEAR, 0},
	{"enum", LK_BINLOG_ENUM, 0},
	{"set", LK_BINLOG_SET, 0},
	{"bit", LK_BINLOG_BIT, 1},
	/* MariaDB's, which are logged, and compared, as the bytes that people write. */
	{"uuid", LK_BINLOG_BINARY, 16},
	{"inet6", LK_BINLOG_BINARY, 16},
	{"inet4", LK_BINLOG_BINARY, 4},
};

static const struct kind *kind_of(const char *column_type)
{
	size_t length = strcspn(column_type, "( ");
	for (size_t i = 0; i < LK_COUNT(kinds); i++)
		if (strlen(kinds[i].name) == length &&
		    strncasecmp(kinds[i].name, column_type, length) == 0)
			return &kinds[i];
	return NULL;
}

/* What stands in parentheses behind the type: its size, or the digits behind the point. */
static void read_numbers(const char *column_type, struct lk_binlog_column *column)
{
	const char *p = strchr(column_type, '(');
	bool sized = column->type == LK_BINLOG_DECIMAL || column->type == LK_BINLOG_BINARY ||
		     column->type == LK_BINLOG_BIT;
	bool timed = column->type == LK_BINLOG_TIME || column->type == LK_BINLOG_DATETIME ||
		     column->type == LK_BINLOG_TIMESTAMP;
	char *end = NULL;
	if (!p || (!sized && !timed))
		return;
	unsigned number = (unsigned)strtoul(p + 1, &end, 10);
	*(sized ? &column->size : &column->scale) = number;
	if (column->type == LK_BINLOG_DECIMAL && *end == ',')
		column->scale = (unsigned)strtoul(end + 1, NULL, 10);
}

static bool charset_is_name(const char *charset)
{
	size_t length = strlen(charset);
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)charset[i]) && charset[i] != '_')
			return false;
	return length > 0 && length < sizeof((struct lk_binlog_column *)0)->charset;
}

bool lk_binlog_column_read(const char *column_type, const char *charset,
			   struct lk_binlog_column *column, struct lk_error *error)
{
	const struct kind *kind = kind_of(column_type);
	if (!kind)
		return lk_fail(error, LK_ERROR_REFUSED,
			       "%.*s: rows cannot be looked up exactly by a key of this type",
			       (int)strcspn(column_type, "( "), column_type);
	column->type = kind->type;
	column->size = kind->size;
	column->scale = 0;
	column->charset[0] = '\0';
	column->is_unsigned = kind->type != LK_BINLOG_ENUM && kind->type != LK_BINLOG_SET &&
			      strstr(column_type, " unsigned") != NULL;
	read_numbers(column_type, column);
	if (kind->type != LK_BINLOG_CHAR && kind->type != LK_BINLOG_VARCHAR)
		return true;
	if (!charset || !charset_is_name(charset))
		return lk_fail(error, LK_ERROR_REFUSED, "%.60s: its character set is not known",
			       column_type);
	LK_COPY(column->charset, charset);
	return true;
}

/* A value and where it goes; each returns false when the value has not the length that its type gives it. */
struct value {
	const struct lk_binlog_column *column;
	const uint8_t *bytes;
	size_t length;
	struct lk_buffer *out;
};

static bool add_integer(const struct value *v)
{
	unsigned bits = v->column->size * 8;
	if (v->length != v->column->size || v->length > 8)
		return false;
	uint64_t number = lk_little_endian(v->bytes, v->length);
	bool negative = !v->column->is_unsigned && number >> (bits - 1) & 1;
	if (negative && bits < 64)
		number |= UINT64_MAX << bits;
	if (negative)
		lk_buffer_addf(v->out, "-%" PRIu64, UINT64_C(0) - number);
	else
		lk_buffer_addf(v->out, "%" PRIu64, number);
	return true;
}

static bool add_decimal(const struct value *v)
{
	return lk_decimal_text(v->bytes, v->length, v->column->size, v->column->scale, v->out);
}

static void add_hex(const struct value *v, size_t length)
{
	lk_buffer_add(v->out, "X'");
	for (size_t i = 0; i < length; i++)
		lk_buffer_addf(v->out, "%02x", i < v->length ? v->bytes[i] : 0);
	lk_buffer_add(v->out, "'");
}

static bool add_text(const struct value *v)
{
	lk_buffer_addf(v->out, "_%s ", v->column->charset);
	add_hex(v, v->length);
	return true;
}

/* Zeros at the end are not in the row image; to a comparison they belong to the value. */
static bool add_binary(const struct value *v)
{
	if (v->length > v->column->size)
		return false;
	add_hex(v, v->column->size);
	return true;
}

static bool add_varbinary(const struct value *v)
{
	add_hex(v, v->length);
	return true;
}

static bool add_date(const struct value *v)
{
	if (v->length != 3)
		return false;
	unsigned date = (unsigned)lk_little_endian(v->bytes, 3);
	lk_buffer_addf(v->out, "'%04u-%02u-%02u'", date >> 9, date >> 5 & 15, date & 31);
	return true;
}

/* The digits behind the point, of which two share a byte; `digits` of six. */
static unsigned microseconds(const uint8_t *bytes, unsigned scale)
{
	static const unsigned units[] = {0, 10000, 100, 1};
	size_t count = (scale + 1) / 2;
	return (unsigned)lk_big_endian(bytes, count) * units[count];
}

static void add_fraction(struct lk_buffer *out, unsigned us, unsigned scale)
{
	char digits[8];
	for (int i = 5; i >= 0; i--, us /= 10)
		digits[i] = (char)('0' + us % 10);
	digits[scale] = '\0';
	lk_buffer_addf(out, "%s%s'", scale ? "." : "", digits);
}

/* Stored with an offset, so that the bytes sort; a negative one, with its fraction, as a number below it. */
static bool add_time(const struct value *v)
{
	unsigned scale = v->column->scale;
	size_t fraction = (scale + 1) / 2;
	if (scale > 6 || v->length != 3 + fraction)
		return false;
	int64_t packed =
		(int64_t)lk_big_endian(v->bytes, v->length) - (INT64_C(1) << (8 * v->length - 1));
	uint64_t whole = (uint64_t)(packed < 0 ? -packed : packed);
	uint64_t us = whole & ((UINT64_C(1) << (8 * fraction)) - 1);
	unsigned time = (unsigned)(whole >> 8 * fraction);
	static const unsigned units[] = {0, 10000, 100, 1};
	lk_buffer_addf(v->out, "'%s%02u:%02u:%02u", packed < 0 ? "-" : "", time >> 12 & 1023,
		       time >> 6 & 63, time & 63);
	add_fraction(v->out, (unsigned)us * units[fraction], scale);
	return true;
}

static bool add_datetime(const struct value *v)
{
	unsigned scale = v->column->scale;
	if (scale > 6 || v->length != 5 + (scale + 1) / 2)
		return false;
	uint64_t packed = lk_big_endian(v->bytes, 5) & ((UINT64_C(1) << 39) - 1);
	unsigned months = (unsigned)(packed >> 22), time = (unsigned)(packed & 0x1ffff);
	lk_buffer_addf(v->out, "'%04u-%02u-%02u %02u:%02u:%02u", months / 13, months % 13,
		       (unsigned)(packed >> 17 & 31), time >> 12, time >> 6 & 63, time & 63);
	add_fraction(v->out, microseconds(v->bytes + 5, scale), scale);
	return true;
}

/* Days since 1970 to a date of the Gregorian calendar; Howard Hinnant's "civil from days". */
static void add_day(struct lk_buffer *out, uint32_t days)
{
	uint32_t z = days + 719468, era = z / 146097, of_era = z % 146097;
	uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint32_t shifted = (5 * of_year + 2) / 153,
		 month = shifted < 10 ? shifted + 3 : shifted - 9;
	lk_buffer_addf(out, "%04" PRIu32 "-%02" PRIu32 "-%02" PRIu32,
		       year + era * 400 + (month <= 2), month,
		       of_year - (153 * shifted + 2) / 5 + 1);
}

static bool add_timestamp(const struct value *v)
{
	unsigned scale = v->column->scale;
	if (scale > 6 || v->length != 4 + (scale + 1) / 2)
		return false;
	uint32_t seconds = (uint32_t)lk_big_endian(v->bytes, 4), day = seconds % 86400;
	unsigned us = microseconds(v->bytes + 4, scale);
	lk_buffer_add(v->out, "'");
	/* No second but a mark: the zero date. */
	if (seconds == 0 && us == 0)
		lk_buffer_add(v->out, "0000-00-00");
	else
		add_day(v->out, seconds / 86400);
	lk_buffer_addf(v->out, " %02" PRIu32 ":%02" PRIu32 ":%02" PRIu32, day / 3600, day / 60 % 60,
		       day % 60);
	add_fraction(v->out, us, scale);
	return true;
}

static bool add_year(const struct value *v)
{
	if (v->length != 1)
		return false;
	lk_buffer_addf(v->out, "%u", v->bytes[0] ? 1900u + v->bytes[0] : 0u);
	return true;
}

static bool add_enum(const struct value *v)
{
	if (v->length < 1 || v->length > 2)
		return false;
	lk_buffer_addf(v->out, "%" PRIu64, lk_little_endian(v->bytes, v->length));
	return true;
}

/* Both servers take a SET with its 64th member for a negative number. */
static bool add_set(const struct value *v)
{
	if (v->length < 1 || v->length > 8)
		return false;
	lk_buffer_addf(v->out, "%" PRId64, (int64_t)lk_little_endian(v->bytes, v->length));
	return true;
}

static bool add_bit(const struct value *v)
{
	if (v->length != (v->column->size + 7) / 8 || v->length > 8)
		return false;
	lk_buffer_addf(v->out, "%" PRIu64, lk_big_endian(v->bytes, v->length));
	return true;
}

static bool (*const adds[])(const struct value *) = {
	[LK_BINLOG_INTEGER] = add_integer,   [LK_BINLOG_DECIMAL] = add_decimal,
	[LK_BINLOG_CHAR] = add_text,	     [LK_BINLOG_VARCHAR] = add_text,
	[LK_BINLOG_BINARY] = add_binary,     [LK_BINLOG_VARBINARY] = add_varbinary,
	[LK_BINLOG_DATE] = add_date,	     [LK_BINLOG_TIME] = add_time,
	[LK_BINLOG_DATETIME] = add_datetime, [LK_BINLOG_TIMESTAMP] = add_timestamp,
	[LK_BINLOG_YEAR] = add_year,	     [LK_BINLOG_ENUM] = add_enum,
	[LK_BINLOG_SET] = add_set,	     [LK_BINLOG_BIT] = add_bit,
};

static bool no_key(struct lk_error *error)
{
	return lk_fail(error, LK_ERROR_STATEMENT,
		       "a key from the binary log is not one of the table's columns");
}

static bool add_next(const struct lk_binlog_column *column, struct lk_bytes *key,
		     struct lk_buffer *out)
{
	size_t length = (size_t)lk_bytes_number(key, 2);
	const uint8_t *bytes = lk_bytes_take(key, length);
	struct value value = {column, bytes, length, out};
	return bytes && (!out || adds[column->type](&value));
}

bool lk_binlog_key_part_sql(const struct lk_binlog_column *columns, size_t count, size_t i,
			    const uint8_t *key, size_t length, struct lk_buffer *out,
			    struct lk_error *error)
{
	struct lk_bytes left = lk_bytes(key, length);
	for (size_t c = 0; c < i && i < count; c++)
		if (!add_next(&columns[c], &left, NULL))
			return no_key(error);
	return (i < count && add_next(&columns[i], &left, out)) || no_key(error);
}

bool lk_binlog_key_sql(const struct lk_binlog_column *columns, size_t count, const uint8_t *key,
		       size_t length, struct lk_buffer *out, struct lk_error *error)
{
	struct lk_bytes left = lk_bytes(key, length);
	lk_buffer_add(out, count > 1 ? "(" : "");
	for (size_t i = 0; i < count; i++) {
		lk_buffer_add(out, i ? ", " : "");
		if (!add_next(&columns[i], &left, out))
			return no_key(error);
	}
	lk_buffer_add(out, count > 1 ? ")" : "");
	return lk_bytes_left(&left) == 0 || no_key(error);
}
