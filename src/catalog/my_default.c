/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog/my_default.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

static const char word_letters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";

static bool is_word(const char *at, size_t length, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == length && strncasecmp(at, *words, length) == 0)
			return true;
	return false;
}

/* Behind a text in quotes; NULL when it does not end. */
static const char *behind_text(const char *p)
{
	char quote = *p++;
	for (; *p && (*p != quote || p[1] == quote); p++)
		if ((*p == '\\' && quote != '`' && p[1]) || *p == quote)
			p++;
	return *p ? p + 1 : NULL;
}

/* Behind "()" or "(3)", or where it is when there is none. */
static const char *behind_precision(const char *p)
{
	if (*p != '(')
		return p;
	const char *end = p + 1 + strspn(p + 1, "0123456789 ");
	return *end == ')' ? end + 1 : p;
}

bool lk_my_is_literal(const char *expression)
{
	static const char *const constants[] = {"NULL", "TRUE", "FALSE", NULL};
	static const char *const moments[] = {"CURRENT_TIMESTAMP", "NOW", "LOCALTIME",
					      "LOCALTIMESTAMP", NULL};
	const char *p = expression + strspn(expression, " \t\n");
	size_t length = strspn(p, word_letters);
	const char *end = NULL;
	if (*p == '\'' || *p == '"') {
		end = behind_text(p);
	} else if (length > 0 && p[length] == '\'' &&
		   (*p == '_' || (length == 1 && strchr("nNxXbB", *p)))) {
		end = behind_text(p + length);
	} else if (length > 0 && is_word(p, length, constants)) {
		end = p + length;
	} else if (length > 0 && is_word(p, length, moments)) {
		end = behind_precision(p + length);
	} else {
		const char *number = p + (*p == '-' || *p == '+');
		end = number + strspn(number, "0123456789.");
		if (end == number || !strpbrk(number, "0123456789"))
			return false;
		if (*end == 'e' || *end == 'E')
			end += 1 + strspn(end + 1, "+-0123456789");
		else if (end == number + 1 && *number == '0' && *end == 'x')
			end += 1 + strspn(end + 1, "0123456789abcdefABCDEF");
	}
	return end && end[strspn(end, " \t\n")] == '\0';
}

char *lk_my_default_clause(const char *expression)
{
	return lk_format(lk_my_is_literal(expression) ? "DEFAULT %s" : "DEFAULT (%s)", expression);
}

bool lk_my_is_volatile(const char *expression)
{
	static const char *const functions[] = {
		"uuid",		"uuid_short", "uuid_v4",      "uuid_v7",	"sys_guid",
		"rand",		"sysdate",    "random_bytes", "get_lock",	"sleep",
		"release_lock", "benchmark",  "nextval",      "lastval",	"setval",
		"load_file",	"found_rows", "row_count",    "last_insert_id", NULL,
	};
	static const char *const sequences[] = {"next", "previous", NULL};
	for (const char *p = expression; p && *p;) {
		size_t length = strspn(p, word_letters);
		const char *after = p + length + strspn(p + length, " \t\n");
		if (*p == '\'' || *p == '"' || *p == '`') {
			p = behind_text(p);
			continue;
		}
		if ((length > 0 && *after == '(' && is_word(p, length, functions)) ||
		    (length > 0 && strncasecmp(after, "value", 5) == 0 &&
		     is_word(p, length, sequences)))
			return true;
		p += length ? length : 1;
	}
	return false;
}

bool lk_my_collates(const char *type)
{
	static const char *const types[] = {"char",	"varchar",    "text",	   "tinytext",
					    "longtext", "mediumtext", "enum",	   "set",
					    "nchar",	"nvarchar",   "character", NULL};
	return is_word(type, strspn(type, word_letters), types);
}

bool lk_my_converted_default(struct lk_session *session, const struct lk_column *from,
			     const char *forth, char **preset, struct lk_error *error)
{
	struct lk_result r;
	*preset = NULL;
	if (!from->default_sql)
		return true;
	if (!lk_my_is_literal(from->default_sql) || isalpha((unsigned char)from->default_sql[0])) {
		/* A moment or an expression: only as it is. */
		if (strcmp(forth, from->sql) == 0) {
			*preset = lk_strdup(from->default_sql);
			return true;
		}
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the default of %s (%s) is not a constant, so what %s would make of it "
			"cannot be the new column's",
			from->name, from->default_sql, forth);
	}
	char *sql = lk_format("SELECT %s FROM (SELECT %s AS %s) lk_default", forth,
			      from->default_sql, from->sql);
	bool read = lk_query(session, &r, error, sql, 0, NULL);
	free(sql);
	if (!read) {
		if (error->class == LK_ERROR_STATEMENT)
			error->class = LK_ERROR_REFUSED;
		return lk_fail_context(error, "the default of %s (%s) cannot be converted",
				       from->name, from->default_sql);
	}
	if (lk_cell(&r, 0, 0))
		*preset = session->driver->quote_text(lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}
