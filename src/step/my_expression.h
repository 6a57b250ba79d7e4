/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names in an expression of a plan, for MySQL and MariaDB. It is read word by word, without a grammar: what may
 * be a column's name counts as one, so that the answers err on the side of "yes".
 */
#ifndef LK_STEP_MY_EXPRESSION_H
#define LK_STEP_MY_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>

/* The next word at or behind *at: a bare word, or a name in backticks or double quotes, without these and with
 * doubled ones undone. False at the end. Texts in single quotes and comments are passed over. */
struct lk_my_word {
	const char *start, *end; /* in the text, quotes included */
	char name[200];		 /* cut when longer */
	bool quoted;
	bool called; /* an opening parenthesis stands behind it */
};
bool lk_my_next_word(const char **at, struct lk_my_word *word);

/* Whether the expression may read the column. Names of columns do not depend on case. */
bool lk_my_reads(const char *expression, const char *column);
/* Whether the expression calls, or has as a bare word, one of the names (NULL at the end); the first of them. */
const char *lk_my_speaks_of(const char *expression, const char *const *names);

/* The expression with columns a and b called by each other's name, in backticks; the caller's. */
char *lk_my_exchanged(const char *expression, const char *a, const char *b);

#endif
