/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog/identifier.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* Reads one part at *at and moves *at behind it; NULL when it is malformed or empty. */
static char *read_part(const char **at)
{
	struct lk_buffer part = {0};
	const char *p = *at;
	if (*p == '"' || *p == '`') {
		char quote = *p;
		for (p++; *p; p++) {
			if (*p == quote && p[1] != quote)
				break;
			p += *p == quote;
			lk_buffer_add_bytes(&part, p, 1);
		}
		if (*p++ != quote)
			part.length = 0;
	} else {
		for (; *p && !strchr(".\"`", *p); p++)
			lk_buffer_add_bytes(&part, p, 1);
	}
	*at = p;
	if (part.length > 0)
		return lk_buffer_take(&part);
	lk_buffer_free(&part);
	return NULL;
}

bool lk_identifier_split(const char *written, char **schema, char **name, struct lk_error *error)
{
	const char *at = written;
	char *first = read_part(&at), *second = NULL;
	if (first && *at == '.') {
		at++;
		second = read_part(&at);
		if (!second) {
			free(first);
			first = NULL;
		}
	}
	if (!first || *at) {
		free(first);
		free(second);
		return lk_fail(
			error, LK_ERROR_PLAN,
			"\"%s\" is not a table's name: write table or schema.table, with double quotes "
			"(or backticks) around a part that holds a dot",
			written);
	}
	*schema = second ? first : NULL;
	*name = second ? second : first;
	return true;
}

char *lk_identifier_make(const char *stem, const char *suffix, unsigned limit)
{
	size_t room = limit - strlen(suffix), length = strlen(stem);
	if (length > room) {
		length = room;
		while (length > 0 && ((unsigned char)stem[length] & 0xC0) == 0x80)
			length--;
	}
	return lk_format("%.*s%s", (int)length, stem, suffix);
}
