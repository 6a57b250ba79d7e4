/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text members of a step, in one table: freeing, JSON and its checks read it. */
#include <stddef.h>
#include <string.h>

#include "plan/parts.h"

#define GATE LK_VERB_BIT(LK_VERB_GATE)
#define DDL LK_VERB_BIT(LK_VERB_DDL)
#define DUAL LK_VERB_BIT(LK_VERB_DUAL_WRITE)
#define FILL LK_VERB_BIT(LK_VERB_BACKFILL)
#define VERIFY LK_VERB_BIT(LK_VERB_VERIFY)
#define END LK_VERB_BIT(LK_VERB_END_DUAL_WRITE)
#define SQL LK_VERB_BIT(LK_VERB_SQL)
#define SWAP LK_VERB_BIT(LK_VERB_SWAP_COLUMNS)
#define ALL (GATE | DDL | DUAL | FILL | VERIFY | END | SQL | SWAP)
#define AT(member) offsetof(struct lk_step, member)

const struct lk_step_field lk_step_fields[] = {
	{"name", AT(name), ALL, 0},
	{"undo", AT(undo), DDL | GATE | SQL, 0},
	{"destroys", AT(destroys), DDL | SQL, 0},
	{"sql", AT(sql), DDL | VERIFY | GATE | SQL, DDL | VERIFY | SQL},
	{"table", AT(table), DUAL | FILL | END | SWAP, DUAL | FILL | END | SWAP},
	{"from", AT(from), DUAL | END | SWAP, DUAL | END | SWAP},
	{"to", AT(to), DUAL | SWAP, DUAL | SWAP},
	{"like", AT(like), DUAL, DUAL},
	{"type", AT(type), DUAL, 0},
	{"using", AT(forth), DUAL, 0},
	{"back", AT(back), DUAL, 0},
	{"on_error", AT(on_error), FILL, 0},
	{"triggers", AT(triggers), FILL, 0},
	{"where", AT(where), FILL, 0},
	{"ask", AT(ask), GATE, 0},
	{NULL, 0, 0, 0},
};

/* Behind one part of a name at p, or NULL. Quoted parts may hold anything but control characters.
 */
static const char *skip_part(const char *p)
{
	const char *start = p;
	size_t bytes = 0;
	if (*p != '"') {
		while (*p && *p != '.' && *p != '"' && (unsigned char)*p >= 0x20 && *p != 0x7f)
			p++;
		bytes = (size_t)(p - start);
		return bytes > 0 && bytes <= 63 ? p : NULL;
	}
	for (p++; *p; p++, bytes++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
		if (*p == '"' && *++p != '"')
			return bytes > 0 && bytes <= 63 ? p : NULL;
	}
	return NULL;
}

bool lk_table_is_good(const char *table)
{
	const char *p = skip_part(table);
	if (p && *p == '.')
		p = skip_part(p + 1);
	return p && *p == '\0';
}

bool lk_column_is_good(const char *column)
{
	size_t length = strlen(column);
	for (const char *p = column; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return length > 0 && length <= 63;
}

bool lk_name_is_good(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t length = strlen(name);
	if (length == 0 || length > LK_NAME_LENGTH || !strchr(letters, name[0]))
		return false;
	for (; *name; name++)
		if (!strchr(letters, *name) && !strchr("-_.", *name))
			return false;
	return true;
}
