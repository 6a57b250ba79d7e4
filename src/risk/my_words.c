/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "risk/my_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "plan/sql_block.h"

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* What stands in quotes at p, its marks included; 0 when it does not end. A doubled mark is part of it. */
static size_t quoted_length(const char *p)
{
	char mark = *p;
	for (size_t i = 1; p[i]; i++) {
		if (mark != '`' && p[i] == '\\' && p[i + 1])
			i++;
		else if (p[i] == mark && p[i + 1] == mark)
			i++;
		else if (p[i] == mark)
			return i + 1;
	}
	return 0;
}

/* White space and comments at p; sets *unread when one does not end, or is executed by some servers. */
static size_t skipped_length(const char *p, const char **unread)
{
	if (isspace((unsigned char)*p))
		return 1;
	if (*p == '#' || (p[0] == '-' && p[1] == '-' && (!p[2] || isspace((unsigned char)p[2]))))
		return strcspn(p, "\n");
	if (p[0] != '/' || p[1] != '*')
		return 0;
	if (p[2] == '!' || (p[2] == 'M' && p[3] == '!'))
		*unread = "an executable comment is code on some servers and none on others";
	const char *end = strstr(p + 2, "*/");
	if (!end)
		*unread = "a comment does not end";
	return end ? (size_t)(end - p) + 2 : strlen(p);
}

static size_t number_length(const char *p)
{
	size_t i = 0;
	while (is_name_byte(p[i]) || p[i] == '.' ||
	       ((p[i] == '+' || p[i] == '-') && i > 0 && (p[i - 1] == 'e' || p[i - 1] == 'E') &&
		isdigit((unsigned char)p[i + 1]) && p[0] != '0'))
		i++;
	return i;
}

static bool begins_number(const char *p, const struct lk_words *words)
{
	if (isdigit((unsigned char)*p))
		return true;
	/* t.5 is no number, and neither is what follows a name. */
	return *p == '.' && isdigit((unsigned char)p[1]) &&
	       (words->count == 0 || !lk_word_names(&words->list[words->count - 1]));
}

static struct lk_word next(const char *p, struct lk_words *words)
{
	struct lk_word word = {LK_WORD_SIGN, p, 1, 0};
	if (*p == '\'' || *p == '"' || *p == '`') {
		word.kind = *p == '`' ? LK_WORD_NAME : LK_WORD_TEXT;
		word.length = quoted_length(p);
		if (word.length == 0) {
			words->unread = "a quote does not end";
			word.length = strlen(p);
		}
	} else if (begins_number(p, words)) {
		word.kind = LK_WORD_NUMBER;
		word.length = number_length(p);
	} else if (is_name_byte(*p)) {
		word.kind = LK_WORD_BARE;
		while (is_name_byte(p[word.length]))
			word.length++;
	} else if (p[0] == ':' && p[1] == '=') {
		word.length = 2;
	}
	return word;
}

void lk_words_read(const char *sql, struct lk_words *words)
{
	int depth = 0;
	memset(words, 0, sizeof *words);
	for (const char *p = sql; *p;) {
		size_t skipped = skipped_length(p, &words->unread);
		if (skipped > 0) {
			p += skipped;
			continue;
		}
		struct lk_word word = next(p, words);
		if (lk_word_is_sign(&word, ')'))
			depth--;
		word.depth = depth;
		if (lk_word_is_sign(&word, '('))
			depth++;
		if (depth < 0)
			words->unread = "a parenthesis ends that does not begin";
		*LK_PUSH(words->list, words->count) = word;
		p += word.length;
	}
	if (depth > 0)
		words->unread = "a parenthesis does not end";
	*LK_PUSH(words->list, words->count) = (struct lk_word){.kind = LK_WORD_END, .start = ""};
	words->count--;
}

void lk_words_free(struct lk_words *words)
{
	free(words->list);
	memset(words, 0, sizeof *words);
}

size_t lk_words_statement_end(const struct lk_words *words, size_t from)
{
	struct lk_sql_block block = {0};
	size_t i = from;
	for (; i < words->count; i++) {
		const struct lk_word *word = &words->list[i];
		bool plain = word->kind != LK_WORD_TEXT && word->kind != LK_WORD_NAME;
		if (word->depth == 0 && lk_word_is_sign(word, ';') && !lk_sql_block_is_open(&block))
			break;
		lk_sql_block_word(&block, word->start, plain ? word->length : 0);
	}
	return i;
}

const struct lk_word *lk_word_at(const struct lk_words *words, size_t index)
{
	return &words->list[index < words->count ? index : words->count];
}

bool lk_word_is(const struct lk_word *word, const char *keyword)
{
	return word->kind == LK_WORD_BARE && strlen(keyword) == word->length &&
	       strncasecmp(word->start, keyword, word->length) == 0;
}

bool lk_word_is_sign(const struct lk_word *word, char sign)
{
	return word->kind == LK_WORD_SIGN && word->length == 1 && *word->start == sign;
}

bool lk_word_is_any(const struct lk_word *word, const char *const *keywords)
{
	for (; *keywords; keywords++)
		if (lk_word_is(word, *keywords))
			return true;
	return false;
}

bool lk_word_names(const struct lk_word *word)
{
	return word->kind == LK_WORD_BARE || word->kind == LK_WORD_NAME;
}

void lk_word_name(const struct lk_word *word, char *name, size_t size)
{
	size_t n = 0;
	bool quoted = word->kind == LK_WORD_NAME;
	for (size_t i = quoted; i + quoted < word->length && n + 1 < size; i++) {
		name[n++] = word->start[i];
		if (quoted && word->start[i] == '`')
			i++;
	}
	name[n] = '\0';
}
