/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/sql_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plan/sql_block.h"

const struct lk_sql_dialect lk_sql_postgres = {.nested_comments = true, .dollar_quotes = true};
const struct lk_sql_dialect lk_sql_mysql = {.backslashes = true,
					    .backticks = true,
					    .hash_comments = true,
					    .blank_after_dashes = true,
					    .bodies = true};

struct scan {
	const struct lk_sql_dialect *dialect;
	struct lk_sql_shape *shape;
	bool escapes; /* the name before was E */
};

/* Behind the closing quote, or NULL when there is none. Doubled quotes are part of the text. */
static const char *skip_quoted(const char *p, bool escapes)
{
	char quote = *p++;
	for (; *p; p++) {
		if (escapes && *p == '\\' && p[1])
			p++;
		else if (*p == quote && p[1] == quote)
			p++;
		else if (*p == quote)
			return p + 1;
	}
	return NULL;
}

static const char *skip_comment(const char *p, bool nested)
{
	int depth = 1;
	for (p += 2; *p; p++) {
		if (nested && p[0] == '/' && p[1] == '*') {
			depth++;
			p++;
		} else if (p[0] == '*' && p[1] == '/') {
			p++;
			if (--depth == 0)
				return p + 1;
		}
	}
	return NULL;
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* $tag$ … $tag$; yields p itself when this is no dollar quote. */
static const char *skip_dollar(const char *p)
{
	const char *tag_end = p + 1;
	while (*tag_end && *tag_end != '$' && is_name_byte(*tag_end))
		tag_end++;
	if (*tag_end != '$' || isdigit((unsigned char)p[1]))
		return p;
	size_t length = (size_t)(tag_end - p) + 1;
	for (const char *q = p + length; (q = strchr(q, '$')); q++)
		if (strncmp(q, p, length) == 0)
			return q + length;
	return NULL;
}

/* Behind the name at p. E'…' has backslash escapes, so the name in front of a quote matters. */
static const char *skip_name(const char *p, bool *escapes)
{
	const char *start = p;
	while (is_name_byte(*p))
		p++;
	*escapes = p - start == 1 && (*start == 'E' || *start == 'e') && *p == '\'';
	return p;
}

static bool begins_line_comment(const char *p, const struct lk_sql_dialect *dialect)
{
	if (*p == '#')
		return dialect->hash_comments;
	return p[0] == '-' && p[1] == '-' &&
	       (!dialect->blank_after_dashes || !p[2] || isspace((unsigned char)p[2]));
}

static bool begins_comment(const char *p, const struct lk_sql_dialect *dialect)
{
	return begins_line_comment(p, dialect) || (p[0] == '/' && p[1] == '*');
}

static const char *skip_token(const char *p, struct scan *scan)
{
	const struct lk_sql_dialect *dialect = scan->dialect;
	bool escapes = scan->escapes || dialect->backslashes;
	scan->escapes = false;
	if (*p == '\'' || *p == '"')
		return skip_quoted(p, escapes);
	if (*p == '`' && dialect->backticks)
		return skip_quoted(p, false);
	if (begins_comment(p, dialect)) {
		scan->shape->comment = true;
		return *p == '/' ? skip_comment(p, dialect->nested_comments) : p + strcspn(p, "\n");
	}
	if (*p == '$' && dialect->dollar_quotes) {
		const char *end = skip_dollar(p);
		return end == p ? p + 1 : end;
	}
	return is_name_byte(*p) ? skip_name(p, &scan->escapes) : p + 1;
}

/* White space and comments are no words; quoted texts and names are words without a meaning. */
static void follow(struct lk_sql_block *block, const char *p, const char *end,
		   const struct lk_sql_dialect *dialect)
{
	if (!end || isspace((unsigned char)*p) || begins_comment(p, dialect))
		return;
	bool quoted = *p == '\'' || *p == '"' || *p == '`';
	lk_sql_block_word(block, p, quoted ? 0 : (size_t)(end - p));
}

void lk_sql_shape(const char *sql, const struct lk_sql_dialect *dialect, struct lk_sql_shape *shape)
{
	struct scan scan = {.dialect = dialect, .shape = shape};
	struct lk_sql_block block = {0};
	int depth = 0;
	bool content = false;
	*shape = (struct lk_sql_shape){0};
	for (const char *p = sql; p && *p;) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && --depth < 0)
			shape->unclosed = true;
		else if (*p == ',' && depth <= 0)
			shape->comma = true;
		if (*p == ';' && depth <= 0 && !lk_sql_block_is_open(&block)) {
			content = false;
			block = (struct lk_sql_block){0};
		} else if (!isspace((unsigned char)*p) && !begins_comment(p, dialect) && !content) {
			content = true;
			shape->statements++;
		}
		const char *end = skip_token(p, &scan);
		if (dialect->bodies && content)
			follow(&block, p, end, dialect);
		p = end;
		if (!p)
			shape->unclosed = true;
	}
	if (depth != 0 || lk_sql_block_is_open(&block))
		shape->unclosed = true;
}

/* More statements than one are the worse the more they are: a body that was not understood falls into many. */
static int wrong(const struct lk_sql_shape *shape)
{
	int far = abs(shape->statements - 1);
	return shape->unclosed * 16 + shape->comment + shape->comma + (far < 10 ? far : 10);
}

void lk_sql_any_shape(const char *sql, struct lk_sql_shape *shape)
{
	struct lk_sql_shape other;
	lk_sql_shape(sql, &lk_sql_postgres, shape);
	lk_sql_shape(sql, &lk_sql_mysql, &other);
	if (wrong(&other) < wrong(shape))
		*shape = other;
}

char *lk_sql_trim(const char *sql)
{
	size_t length = strlen(sql);
	while (length > 0 && (isspace((unsigned char)sql[length - 1]) || sql[length - 1] == ';'))
		length--;
	size_t start = 0;
	while (start < length && isspace((unsigned char)sql[start]))
		start++;
	return lk_strndup(sql + start, length - start);
}

char *lk_sql_line(const char *text)
{
	char *line = lk_strdup(text);
	size_t n = 0;
	for (const char *p = text; *p; p++) {
		if (!isspace((unsigned char)*p))
			line[n++] = *p;
		else if (n > 0 && line[n - 1] != ' ')
			line[n++] = ' ';
	}
	if (n > 0 && line[n - 1] == ' ')
		n--;
	line[n] = '\0';
	return line;
}

bool lk_sql_is_plain_name(const char *text)
{
	if (isdigit((unsigned char)*text) || *text == '$' || !*text)
		return false;
	while (is_name_byte(*text))
		text++;
	return *text == '\0';
}
