/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/position.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Digits alone, without a sign, that fit. */
static bool read_number(const char *text, uint64_t *number)
{
	char *end;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return isdigit((unsigned char)text[0]) && !*end && errno == 0;
}

bool lk_binlog_position_parse(const char *text, struct lk_binlog_position *position,
			      struct lk_error *error)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	memset(position, 0, sizeof *position);
	if (length == 0 || length >= sizeof position->file || memchr(text, '/', length) ||
	    !read_number(colon + 1, &position->offset)) {
		memset(position, 0, sizeof *position);
		return lk_fail(
			error, LK_ERROR_USAGE,
			"\"%.300s\" is no position of a binary log, such as binlog.000012:4711",
			text);
	}
	memcpy(position->file, text, length);
	return true;
}

char *lk_binlog_position_format(const struct lk_binlog_position *position)
{
	return lk_format("%s:%" PRIu64, position->file, position->offset);
}

/* The length of what stands before the number; the number without zeros in front, and how many digits it has then. */
static size_t cut_number(const char *file, const char **number, size_t *digits)
{
	const char *dot = strrchr(file, '.');
	*number = dot ? dot + 1 : file + strlen(file);
	size_t base = (size_t)(*number - file);
	while (**number == '0')
		(*number)++;
	*digits = strspn(*number, "0123456789");
	return (*number)[*digits] ? strlen(file) : base;
}

static int compare_files(const char *a, const char *b, bool *same_log)
{
	const char *numbers[2];
	size_t digits[2];
	size_t bases[] = {cut_number(a, &numbers[0], &digits[0]),
			  cut_number(b, &numbers[1], &digits[1])};
	*same_log = bases[0] == bases[1] && memcmp(a, b, bases[0]) == 0;
	if (digits[0] != digits[1])
		return digits[0] < digits[1] ? -1 : 1;
	return memcmp(numbers[0], numbers[1], digits[0]);
}

bool lk_binlog_position_compare(const struct lk_binlog_position *a,
				const struct lk_binlog_position *b, int *order)
{
	bool same_log;
	*order = compare_files(a->file, b->file, &same_log);
	if (*order == 0)
		*order = (a->offset > b->offset) - (a->offset < b->offset);
	return same_log;
}
