/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/my_text.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

/* Adds a text with `mark` around it; characters of `doubled` are doubled. */
static void add_quoted(struct lk_buffer *out, const char *text, char mark, const char *doubled)
{
	lk_buffer_add_bytes(out, &mark, 1);
	while (*text) {
		size_t plain = strcspn(text, doubled);
		lk_buffer_add_bytes(out, text, plain);
		text += plain;
		if (!*text)
			break;
		lk_buffer_add_bytes(out, text, 1);
		lk_buffer_add_bytes(out, text, 1);
		text++;
	}
	lk_buffer_add_bytes(out, &mark, 1);
}

void lk_my_add_literal(struct lk_buffer *out, const char *text, bool backslash_escapes)
{
	if (text)
		add_quoted(out, text, '\'', backslash_escapes ? "'\\" : "'");
	else
		lk_buffer_add(out, "NULL");
}

/* The length of what stands in quotes at `sql`, its marks included; up to the end when it is not closed. */
static size_t quoted_length(const char *sql, bool backslash_escapes)
{
	char mark = sql[0];
	bool escapes = backslash_escapes && mark != '`';
	size_t i = 1;
	/* A doubled mark ends one quoted piece and begins the next, which comes to the same. */
	while (sql[i] && sql[i] != mark)
		i += escapes && sql[i] == '\\' && sql[i + 1] ? 2 : 1;
	return i + (sql[i] == mark);
}

/* The length of a comment at `sql`, 0 when none begins there. What stands in an executable comment is code. */
static size_t comment_length(const char *sql)
{
	if (sql[0] == '#' ||
	    (sql[0] == '-' && sql[1] == '-' && (!sql[2] || isspace((unsigned char)sql[2]))))
		return strcspn(sql, "\n");
	if (sql[0] != '/' || sql[1] != '*' || sql[2] == '!' || (sql[2] == 'M' && sql[3] == '!'))
		return 0;
	const char *end = strstr(sql + 2, "*/");
	return end ? (size_t)(end + 2 - sql) : strlen(sql);
}

static bool in_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

/* The length of "$12" at `sql` and its number, 0 when none stands there. */
static size_t placeholder_length(const char *sql, size_t *number)
{
	size_t i = 1;
	*number = 0;
	if (sql[0] != '$')
		return 0;
	for (; isdigit((unsigned char)sql[i]) && i < 6; i++)
		*number = *number * 10 + (size_t)(sql[i] - '0');
	return i > 1 && !in_name(sql[i]) ? i : 0;
}

bool lk_my_add_statement(struct lk_buffer *out, const char *sql, size_t count,
			 const char *const *parameters, bool backslash_escapes,
			 struct lk_error *error)
{
	for (const char *p = sql; *p;) {
		size_t number, length;
		bool name_goes_on = p > sql && in_name(p[-1]);
		if (*p == '\'' || *p == '"' || *p == '`') {
			length = quoted_length(p, backslash_escapes);
		} else if ((length = comment_length(p)) > 0) {
			/* taken over as it is */
		} else if (!name_goes_on && (length = placeholder_length(p, &number)) > 0) {
			if (number == 0 || number > count)
				return lk_fail(error, LK_ERROR_STATEMENT,
					       "the statement wants parameter $%zu of %zu", number,
					       count);
			lk_my_add_literal(out, parameters[number - 1], backslash_escapes);
			p += length;
			continue;
		} else {
			length = 1;
		}
		lk_buffer_add_bytes(out, p, length);
		p += length;
	}
	return true;
}

char *lk_my_limits(int statement_ms, int lock_ms)
{
	int seconds = (lock_ms + 999) / 1000;
	return lk_format(
		"SET SESSION lock_wait_timeout = %d, innodb_lock_wait_timeout = %d"
		" /*M!100103 , max_statement_time = %d.%03d */ /*!80000 , max_execution_time = %d */",
		seconds, seconds, statement_ms / 1000, statement_ms % 1000, statement_ms);
}

char *lk_my_quote_name(const char *name)
{
	struct lk_buffer out = {0};
	add_quoted(&out, name, '`', "`");
	return lk_buffer_take(&out);
}

char *lk_my_quote_text(const char *text)
{
	struct lk_buffer out = {0};
	if (!strchr(text, '\\')) {
		add_quoted(&out, text, '\'', "'");
		return lk_buffer_take(&out);
	}
	lk_buffer_add(&out, "_utf8mb4 x'");
	for (const char *p = text; *p; p++)
		lk_buffer_addf(&out, "%02x", (unsigned char)*p);
	lk_buffer_add(&out, "'");
	return lk_buffer_take(&out);
}
