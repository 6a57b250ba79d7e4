/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL of MySQL and MariaDB as words: no grammar, only where a word, a name, a text, a number and a sign begin and
 * end (MySQL manual, Language Structure). Comments are left out. For this folder.
 *
 * A backslash escapes inside texts, as it does unless sql_mode says otherwise; "…" is a text likewise.
 */
#ifndef LK_RISK_MY_WORDS_H
#define LK_RISK_MY_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum lk_word_kind {
	LK_WORD_END,	/* behind the last one */
	LK_WORD_BARE,	/* a keyword or a name */
	LK_WORD_NAME,	/* `a name` */
	LK_WORD_TEXT,	/* 'a text' or "a text" */
	LK_WORD_NUMBER, /* 12, 1.5e3, 0x1F */
	LK_WORD_SIGN,	/* one character, or := */
};

struct lk_word {
	enum lk_word_kind kind;
	const char *start; /* in the SQL, quotes included */
	size_t length;
	int depth; /* parentheses around it; those of a pair are outside of it */
};

struct lk_words {
	struct lk_word *list; /* ends with one of kind END */
	size_t count;	      /* without that */
	/* Why nothing can be said: a quote, comment or parenthesis without its end, or an executable comment,
	 * which is code on some servers and none on others. NULL: it was read. */
	const char *unread;
};

void lk_words_read(const char *sql, struct lk_words *words);
void lk_words_free(struct lk_words *words);

/* The index behind the last word of the statement that begins at word `from`: its semicolon's, or the count. The
 * semicolons in the body of a trigger, procedure, function or event end nothing. */
size_t lk_words_statement_end(const struct lk_words *words, size_t from);

/* The word at index, the last one's END beyond. */
const struct lk_word *lk_word_at(const struct lk_words *words, size_t index);
/* Whether it is this keyword (capital letters), in any case; a name in backticks is none. */
bool lk_word_is(const struct lk_word *word, const char *keyword);
bool lk_word_is_sign(const struct lk_word *word, char sign);
/* Whether one of them is, NULL at the end. */
bool lk_word_is_any(const struct lk_word *word, const char *const *keywords);
/* Whether it may be a name. */
bool lk_word_names(const struct lk_word *word);
/* A name without its backticks. */
void lk_word_name(const struct lk_word *word, char *name, size_t size);

#endif
