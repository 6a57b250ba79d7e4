/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of the tables beside the original. */
#include <string.h>

#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "shadow/my_shape.h"

static const char shadow_suffix[] = "lk_new", old_suffix[] = "lk_old";

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xC0) != 0x80;
}

static size_t characters(const char *text, size_t bytes)
{
	size_t count = 0;
	for (size_t i = 0; i < bytes; i++)
		count += begins_character(text[i]);
	return count;
}

/*
 * How many bytes of the name remain in front of the suffix: all of it if that is short enough. Else the longest
 * beginning behind which the suffix's '~' is greater than what stands there, which is no letter beyond ASCII.
 */
static size_t kept(const char *table, size_t suffix)
{
	size_t length = strlen(table);
	if (characters(table, length) + suffix <= LK_MY_NAME_LIMIT)
		return length;
	while (length > 0)
		if (begins_character(table[--length]) && (unsigned char)table[length] < '~' &&
		    characters(table, length) + suffix <= LK_MY_NAME_LIMIT)
			return length;
	return 0;
}

bool lk_my_names_make(const char *table, struct lk_my_names *names, struct lk_error *error)
{
	size_t bytes = kept(table, sizeof shadow_suffix);
	if (bytes == 0)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the name of table %s is too long for a shadow: a name of at most %d characters that"
			" sorts after it cannot be made of it; rename the table to one of at most %zu"
			" characters",
			table, LK_MY_NAME_LIMIT, LK_MY_NAME_LIMIT - sizeof shadow_suffix);
	const char *sign = table[bytes] ? "~" : "_";
	names->shadow = lk_format("%.*s%s%s", (int)bytes, table, sign, shadow_suffix);
	names->old = lk_format("%.*s%s%s", (int)bytes, table, sign, old_suffix);
	return true;
}

void lk_my_names_free(struct lk_my_names *names)
{
	free(names->shadow);
	free(names->old);
	memset(names, 0, sizeof *names);
}
