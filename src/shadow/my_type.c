/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_type.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum lk_my_class lk_my_class_of(const char *type)
{
	static const struct {
		const char *word;
		enum lk_my_class class;
	} classes[] = {
		{"tinyint", LK_MY_INTEGER},
		{"smallint", LK_MY_INTEGER},
		{"mediumint", LK_MY_INTEGER},
		{"int", LK_MY_INTEGER},
		{"bigint", LK_MY_INTEGER},
		{"decimal", LK_MY_DECIMAL},
		{"float", LK_MY_FLOATING},
		{"double", LK_MY_DOUBLE},
		{"char", LK_MY_CHAR},
		{"varchar", LK_MY_VARCHAR},
		{"tinytext", LK_MY_LONG_TEXT},
		{"text", LK_MY_LONG_TEXT},
		{"mediumtext", LK_MY_LONG_TEXT},
		{"longtext", LK_MY_LONG_TEXT},
		{"binary", LK_MY_BINARY},
		{"varbinary", LK_MY_VARBINARY},
		{"tinyblob", LK_MY_LONG_BYTES},
		{"blob", LK_MY_LONG_BYTES},
		{"mediumblob", LK_MY_LONG_BYTES},
		{"longblob", LK_MY_LONG_BYTES},
		{"date", LK_MY_DATE},
		{"time", LK_MY_TIME},
		{"datetime", LK_MY_DATETIME},
		{"timestamp", LK_MY_TIMESTAMP},
		{"year", LK_MY_YEAR},
		{"enum", LK_MY_ENUM_TYPE},
		{"set", LK_MY_SET_TYPE},
		{"bit", LK_MY_BIT_TYPE},
		{"json", LK_MY_JSON},
	};
	size_t length = strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	for (size_t i = 0; i < LK_COUNT(classes); i++)
		if (strlen(classes[i].word) == length &&
		    strncasecmp(type, classes[i].word, length) == 0)
			return classes[i].class;
	return LK_MY_OTHER_TYPE;
}

const char *lk_my_implicit_value(const char *type)
{
	switch (lk_my_class_of(type)) {
	case LK_MY_INTEGER:
	case LK_MY_DECIMAL:
	case LK_MY_FLOATING:
	case LK_MY_DOUBLE:
	case LK_MY_YEAR:
	case LK_MY_BIT_TYPE:
		return "0";
	case LK_MY_ENUM_TYPE:
		return "1";
	case LK_MY_TIME:
		return "'00:00:00'";
	case LK_MY_CHAR:
	case LK_MY_VARCHAR:
	case LK_MY_LONG_TEXT:
	case LK_MY_BINARY:
	case LK_MY_VARBINARY:
	case LK_MY_LONG_BYTES:
	case LK_MY_SET_TYPE:
		return "''";
	default:
		return NULL;
	}
}

/* The numbers behind the type's word: "decimal(10,2)", "time(6)"; 0 for those that are not there. */
static void read_numbers(const char *type, long *first, long *second)
{
	const char *p = strchr(type, '(');
	char *end;
	*first = *second = 0;
	if (!p)
		return;
	*first = strtol(p + 1, &end, 10);
	if (*end == ',')
		*second = strtol(end + 1, NULL, 10);
}

static bool same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcasecmp(a, b) == 0);
}

bool lk_my_same_column(const struct lk_my_relation_column *from,
		       const struct lk_my_relation_column *to)
{
	return strcmp(from->type, to->type) == 0 && same_text(from->collation, to->collation);
}

/* Whether `longer` has the members of `shorter` at its beginning, so that all numbers stay what they are. */
static bool only_appends(const char *shorter, const char *longer)
{
	size_t length = strlen(shorter);
	return length > 0 && strncmp(shorter, longer, length - 1) == 0 &&
	       (longer[length - 1] == ')' || longer[length - 1] == ',');
}

/* Trailing spaces count in these, and CHAR loses them. */
static bool pads_not(const char *collation)
{
	return collation && (strstr(collation, "_0900_") || strcasestr(collation, "nopad"));
}

static enum lk_my_key_change text_change(const struct lk_my_relation_column *from,
					 const struct lk_my_relation_column *to,
					 enum lk_my_class is, enum lk_my_class was)
{
	if (is == LK_MY_CHAR && was == LK_MY_VARCHAR &&
	    (pads_not(from->collation) || pads_not(to->collation)))
		return LK_MY_KEY_LOST;
	return same_text(from->collation, to->collation) ? LK_MY_KEY_ORDERED : LK_MY_KEY_REORDERED;
}

enum lk_my_key_change lk_my_key_change_of(const struct lk_my_relation_column *from,
					  const struct lk_my_relation_column *to)
{
	enum lk_my_class was = lk_my_class_of(from->type), is = lk_my_class_of(to->type);
	long before, scale_before, after, scale_after;
	if (lk_my_same_column(from, to))
		return LK_MY_KEY_ORDERED;
	read_numbers(from->type, &before, &scale_before);
	read_numbers(to->type, &after, &scale_after);
	bool kept = false;
	if ((is == LK_MY_CHAR || is == LK_MY_VARCHAR) &&
	    (was == LK_MY_CHAR || was == LK_MY_VARCHAR))
		return text_change(from, to, is, was);
	if (is == LK_MY_INTEGER || is == LK_MY_VARBINARY)
		kept = was == is || (is == LK_MY_VARBINARY && was == LK_MY_BINARY);
	else if (is == LK_MY_DECIMAL)
		kept = was == LK_MY_INTEGER || (was == is && scale_after >= scale_before);
	else if (is == LK_MY_DATETIME || is == LK_MY_TIMESTAMP || is == LK_MY_TIME)
		kept = (was == is && after >= before) ||
		       (is == LK_MY_DATETIME && was == LK_MY_DATE);
	else if (is == LK_MY_ENUM_TYPE && was == is)
		kept = only_appends(from->type, to->type) &&
		       same_text(from->collation, to->collation);
	else if (is == LK_MY_BIT_TYPE)
		kept = was == is && after >= before;
	return kept ? LK_MY_KEY_ORDERED : LK_MY_KEY_LOST;
}

static bool is_text(enum lk_my_class class)
{
	return class == LK_MY_CHAR || class == LK_MY_VARCHAR || class == LK_MY_LONG_TEXT;
}

/* INSERT writes a FLOAT's digits as a DOUBLE's, and forgets the zeros of ZEROFILL. */
char *lk_my_as_sent(const struct lk_my_relation_column *from,
		    const struct lk_my_relation_column *to, const char *column)
{
	bool figures =
		lk_my_class_of(from->type) == LK_MY_FLOATING || strstr(from->type, "zerofill");
	return figures && is_text(lk_my_class_of(to->type)) ? lk_format("CONCAT(%s)", column)
							    : lk_strdup(column);
}

/* To a text: numbers and moments are written as they are read. */
static char *held_as_text(const struct lk_my_relation_column *from, enum lk_my_class was,
			  const struct lk_my_relation_column *to, const char *column)
{
	bool words = is_text(was) || was == LK_MY_ENUM_TYPE || was == LK_MY_SET_TYPE;
	bool figures = was == LK_MY_INTEGER || was == LK_MY_DECIMAL || was == LK_MY_DATE ||
		       was == LK_MY_TIME || was == LK_MY_DATETIME || was == LK_MY_TIMESTAMP ||
		       was == LK_MY_JSON;
	/* See lk_my_as_sent. */
	if (!to->charset || (!words && !figures) || strstr(from->type, "zerofill"))
		return NULL;
	bool converts = !same_text(from->charset, to->charset);
	const char *head = converts ? "CONVERT(" : "", *middle = converts ? " USING " : "";
	const char *charset = converts ? to->charset : "", *tail = converts ? ")" : "";
	if (lk_my_class_of(to->type) == LK_MY_CHAR)
		return lk_format("TRIM(TRAILING ' ' FROM %s%s%s%s%s)", head, column, middle,
				 charset, tail);
	return lk_format("%s%s%s%s%s", head, column, middle, charset, tail);
}

static char *held_as_bytes(enum lk_my_class was, const struct lk_my_relation_column *to,
			   const char *column)
{
	long length, unused;
	bool bytes = was == LK_MY_BINARY || was == LK_MY_VARBINARY || was == LK_MY_LONG_BYTES;
	read_numbers(to->type, &length, &unused);
	if (!bytes && !is_text(was))
		return NULL;
	if (lk_my_class_of(to->type) == LK_MY_BINARY)
		return lk_format("RPAD(CAST(%s AS BINARY), %ld, x'00')", column, length);
	return lk_format("CAST(%s AS BINARY)", column);
}

static char *held_as_number(enum lk_my_class was, const struct lk_my_relation_column *to,
			    const char *column)
{
	long digits, scale;
	read_numbers(to->type, &digits, &scale);
	switch (lk_my_class_of(to->type)) {
	case LK_MY_INTEGER:
		return was == LK_MY_INTEGER   ? lk_strdup(column)
		       : was == LK_MY_DECIMAL ? lk_format("ROUND(%s)", column)
					      : NULL;
	case LK_MY_DECIMAL:
		return was == LK_MY_INTEGER || was == LK_MY_DECIMAL
			       ? lk_format("CAST(%s AS DECIMAL(%ld,%ld))", column, digits, scale)
			       : NULL;
	default:
		return digits == 0 && (was == LK_MY_INTEGER || was == LK_MY_FLOATING)
			       ? lk_format("(%s + 0e0)", column)
			       : NULL;
	}
}

static char *held_as_moment(enum lk_my_class was, const struct lk_my_relation_column *to,
			    const char *column)
{
	enum lk_my_class is = lk_my_class_of(to->type);
	long digits, unused;
	read_numbers(to->type, &digits, &unused);
	if (is == LK_MY_TIME)
		return was == LK_MY_TIME ? lk_format("CAST(%s AS TIME(%ld))", column, digits)
					 : NULL;
	return was == LK_MY_DATE || was == LK_MY_DATETIME || was == LK_MY_TIMESTAMP
		       ? lk_format("CAST(%s AS DATETIME(%ld))", column, digits)
		       : NULL;
}

char *lk_my_as_held(const struct lk_my_relation_column *from,
		    const struct lk_my_relation_column *to, const char *column)
{
	enum lk_my_class was = lk_my_class_of(from->type);
	if (lk_my_same_column(from, to))
		return lk_strdup(column);
	switch (lk_my_class_of(to->type)) {
	case LK_MY_INTEGER:
	case LK_MY_DECIMAL:
	case LK_MY_DOUBLE:
		return held_as_number(was, to, column);
	case LK_MY_CHAR:
	case LK_MY_VARCHAR:
	case LK_MY_LONG_TEXT:
		return held_as_text(from, was, to, column);
	case LK_MY_BINARY:
	case LK_MY_VARBINARY:
	case LK_MY_LONG_BYTES:
		return held_as_bytes(was, to, column);
	case LK_MY_TIME:
	case LK_MY_DATETIME:
	case LK_MY_TIMESTAMP:
		return held_as_moment(was, to, column);
	case LK_MY_ENUM_TYPE:
		return was == LK_MY_ENUM_TYPE ? held_as_text(from, was, to, column) : NULL;
	case LK_MY_SET_TYPE:
		return was == LK_MY_SET_TYPE && same_text(from->charset, to->charset) &&
				       only_appends(from->type, to->type)
			       ? lk_strdup(column)
			       : NULL;
	case LK_MY_BIT_TYPE:
		return was == LK_MY_BIT_TYPE ? lk_strdup(column) : NULL;
	default:
		return NULL;
	}
}

/* Numbers and moments have neither '~' nor ',' in them; the length in front of others says where they end. */
void lk_my_add_print(struct lk_buffer *out, const struct lk_my_relation_column *column,
		     const char *value)
{
	switch (lk_my_class_of(column->type)) {
	case LK_MY_DATE:
	case LK_MY_TIME:
	case LK_MY_DATETIME:
	case LK_MY_TIMESTAMP:
		lk_buffer_addf(out, "IFNULL(CONCAT(%s, ','), '~')", value);
		break;
	/* Without the zeros of ZEROFILL. */
	case LK_MY_INTEGER:
	case LK_MY_DECIMAL:
	case LK_MY_YEAR:
	case LK_MY_BIT_TYPE:
		lk_buffer_addf(out, "IFNULL(CONCAT(%s + 0, ','), '~')", value);
		break;
	/* As the doubles that they are: a FLOAT's own text is rounded. */
	case LK_MY_FLOATING:
	case LK_MY_DOUBLE:
		lk_buffer_addf(out, "IFNULL(CONCAT(%s + 0e0, ','), '~')", value);
		break;
	case LK_MY_LONG_TEXT:
	case LK_MY_LONG_BYTES:
		lk_buffer_addf(out, "IFNULL(CONCAT(LENGTH(%s), ':', CRC32(%s), ','), '~')", value,
			       value);
		break;
	case LK_MY_JSON:
		lk_buffer_addf(
			out,
			"IFNULL(CONCAT(LENGTH(CAST(%s AS CHAR)), ':', CRC32(CAST(%s AS CHAR)), ','), '~')",
			value, value);
		break;
	case LK_MY_OTHER_TYPE:
		lk_buffer_addf(
			out,
			"IFNULL(CONCAT(LENGTH(CAST(%s AS BINARY)), ':', CRC32(CAST(%s AS BINARY)), ','), '~')",
			value, value);
		break;
	default:
		lk_buffer_addf(out, "IFNULL(CONCAT(LENGTH(%s), ':', %s), '~')", value, value);
	}
}
