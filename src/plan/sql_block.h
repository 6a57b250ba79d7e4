/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The body of a trigger, procedure, function or event of MySQL and MariaDB holds statements of its own (BEGIN … END,
 * IF, CASE, LOOP, WHILE, REPEAT, FOR; MySQL manual, Compound Statements). This follows a statement word by word and
 * tells whether a semicolon ends it or stands within. What it does not know ends at its first semicolon.
 *
 *	struct lk_sql_block block = {0};	at the beginning of each statement
 *	lk_sql_block_word(&block, p, length);	each word and sign, the semicolons inside too; not comments
 *	lk_sql_block_is_open(&block)		in front of a semicolon outside parentheses, and at the end
 */
#ifndef LK_PLAN_SQL_BLOCK_H
#define LK_PLAN_SQL_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

enum { LK_SQL_BLOCKS = 64 };

/* All of it is the reader's own. */
struct lk_sql_block {
	int words, parentheses, depth;
	enum { LK_SQL_NO_BODY, LK_SQL_TRIGGER, LK_SQL_ROUTINE, LK_SQL_EVENT } body;
	bool creates; /* the first word was CREATE, and what is not known yet */
	bool header;  /* before the body, or between HANDLER and what it does */
	bool start;   /* a statement begins here */
	bool name;    /* what stands here is a name, whatever it is called */
	bool placed;  /* FOLLOWS or PRECEDES: a name, and then the body */
	bool label;   /* a label may just have been read */
	bool ended;   /* END was read: IF, CASE, LOOP, … may belong to it */
	unsigned char kinds[LK_SQL_BLOCKS];
};

/* A word or number, or one sign; texts and quoted names with length 0. */
void lk_sql_block_word(struct lk_sql_block *block, const char *word, size_t length);
bool lk_sql_block_is_open(const struct lk_sql_block *block);

#endif
