/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/my_expression.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "db/my_text.h"

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

/* Behind what stands in quotes at p. */
static const char *skip_quoted(const char *p)
{
	char mark = *p++;
	for (; *p && *p != mark; p++)
		if (*p == '\\' && mark != '`' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* Behind the comment at p; p itself when none begins there. */
static const char *skip_comment(const char *p)
{
	if (*p == '#' || (p[0] == '-' && p[1] == '-' && (!p[2] || isspace((unsigned char)p[2]))))
		return p + strcspn(p, "\n");
	if (p[0] != '/' || p[1] != '*' || p[2] == '!' || (p[2] == 'M' && p[3] == '!'))
		return p;
	const char *end = strstr(p + 2, "*/");
	return end ? end + 2 : p + strlen(p);
}

static void add(struct lk_my_word *word, size_t *length, char c)
{
	if (*length + 1 < sizeof word->name)
		word->name[(*length)++] = c;
	word->name[*length] = '\0';
}

static const char *take_quoted(const char *p, struct lk_my_word *word)
{
	char mark = *p++;
	size_t length = 0;
	word->name[0] = '\0';
	for (; *p; p++) {
		if (*p == mark && p[1] != mark)
			return p + 1;
		if (*p == mark)
			p++;
		add(word, &length, *p);
	}
	return p;
}

static const char *take_bare(const char *p, struct lk_my_word *word)
{
	size_t length = 0;
	word->name[0] = '\0';
	for (; in_word(*p); p++)
		add(word, &length, *p);
	return p;
}

bool lk_my_next_word(const char **at, struct lk_my_word *word)
{
	const char *p = *at;
	for (;;) {
		const char *behind = skip_comment(p);
		if (behind != p) {
			p = behind;
		} else if (*p == '\'') {
			p = skip_quoted(p);
		} else if (*p == '`' || *p == '"' || in_word(*p)) {
			break;
		} else if (*p) {
			p++;
		} else {
			*at = p;
			return false;
		}
	}
	word->start = p;
	word->quoted = *p == '`' || *p == '"';
	p = word->quoted ? take_quoted(p, word) : take_bare(p, word);
	word->end = *at = p;
	p += strspn(p, " \t\r\n");
	word->called = !word->quoted && *p == '(';
	return true;
}

bool lk_my_reads(const char *expression, const char *column)
{
	struct lk_my_word word;
	while (lk_my_next_word(&expression, &word))
		if (!word.called && strcasecmp(word.name, column) == 0)
			return true;
	return false;
}

const char *lk_my_speaks_of(const char *expression, const char *const *names)
{
	struct lk_my_word word;
	while (lk_my_next_word(&expression, &word))
		for (size_t i = 0; !word.quoted && names[i]; i++)
			if (strcasecmp(word.name, names[i]) == 0)
				return names[i];
	return NULL;
}

char *lk_my_exchanged(const char *expression, const char *a, const char *b)
{
	struct lk_my_word word;
	struct lk_buffer out = {0};
	const char *done = expression, *at = expression;
	while (lk_my_next_word(&at, &word)) {
		bool is_a = strcasecmp(word.name, a) == 0, is_b = strcasecmp(word.name, b) == 0;
		if (word.called || (!is_a && !is_b))
			continue;
		char *name = lk_my_quote_name(is_a ? b : a);
		lk_buffer_add_bytes(&out, done, (size_t)(word.start - done));
		lk_buffer_add(&out, name);
		done = word.end;
		free(name);
	}
	lk_buffer_add(&out, done);
	return lk_buffer_take(&out);
}
