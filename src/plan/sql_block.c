/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/sql_block.h"

#include <string.h>
#include <strings.h>

enum { BLOCK, CASE_STATEMENT, CASE_VALUE, CONDITION, LOOP, REPEAT, UNTIL, NOTHING };
/* Between CREATE and what is created: OR REPLACE, DEFINER and the like. */
#define MOST_BEFORE_OBJECT 24

struct word {
	const char *start;
	size_t length;
};

static bool is(const struct word *word, const char *keyword)
{
	return strlen(keyword) == word->length &&
	       strncasecmp(word->start, keyword, word->length) == 0;
}

static bool is_any(const struct word *word, const char *const *keywords)
{
	for (; *keywords; keywords++)
		if (is(word, *keywords))
			return true;
	return false;
}

/* The first words of a statement. */
static void find_object(struct lk_sql_block *b, const struct word *w)
{
	static const char *const others[] = {"TABLE",  "INDEX",	     "VIEW",	"DATABASE",
					     "SCHEMA", "SEQUENCE",   "USER",	"ROLE",
					     "SERVER", "TABLESPACE", "PACKAGE", NULL};
	if (b->words++ == 0) {
		b->creates = is(w, "CREATE");
		return;
	}
	if (is_any(w, others) || b->words > MOST_BEFORE_OBJECT)
		b->creates = false;
	else if (is(w, "TRIGGER"))
		b->body = LK_SQL_TRIGGER;
	else if (is(w, "EVENT"))
		b->body = LK_SQL_EVENT;
	else if (is(w, "PROCEDURE") || is(w, "FUNCTION"))
		b->body = LK_SQL_ROUTINE;
	b->header = b->name = b->body != LK_SQL_NO_BODY;
}

static int innermost(const struct lk_sql_block *b)
{
	return b->depth > 0 && b->depth <= LK_SQL_BLOCKS ? b->kinds[b->depth - 1] : NOTHING;
}

static void open(struct lk_sql_block *b, int kind, bool start)
{
	if (b->depth < LK_SQL_BLOCKS)
		b->kinds[b->depth] = (unsigned char)kind;
	b->depth++;
	b->start = start;
	if (kind != CASE_VALUE)
		b->header = false;
}

/* A column may be called so: only where it can be one is it an END. */
static void end(struct lk_sql_block *b, bool start)
{
	int kind = innermost(b);
	if (b->depth == 0 || !(start || kind == CASE_VALUE || kind == UNTIL))
		return;
	b->depth--;
	b->ended = true;
}

/* Words that open or continue what holds statements, where a statement may begin. */
static bool read_opener(struct lk_sql_block *b, const struct word *w, bool start)
{
	if (is(w, "BEGIN"))
		open(b, BLOCK, true);
	else if (is(w, "CASE"))
		open(b, CASE_STATEMENT, false);
	else if (is(w, "IF"))
		open(b, CONDITION, false);
	else if (is(w, "LOOP"))
		open(b, LOOP, true);
	else if (is(w, "REPEAT"))
		open(b, REPEAT, true);
	else if (is(w, "WHILE") || (start && is(w, "FOR")))
		open(b, LOOP, false);
	else
		return false;
	return true;
}

/* Words within a statement behind which the next one begins. */
static void read_inner(struct lk_sql_block *b, const struct word *w, bool start)
{
	/* With these a body without a block, or what a handler does, has begun. */
	static const char *const simple[] = {"SET",	"SELECT",  "INSERT",   "UPDATE", "DELETE",
					     "REPLACE", "CALL",	   "RETURN",   "SIGNAL", "RESIGNAL",
					     "LEAVE",	"ITERATE", "ROLLBACK", "COMMIT", "CLOSE",
					     "OPEN",	"FETCH",   "GET",      "WITH",	 NULL};
	int kind = innermost(b);
	if (is(w, "CASE"))
		open(b, CASE_VALUE, false);
	else if (is(w, "THEN") || is(w, "ELSE"))
		b->start = kind != CASE_VALUE && b->depth > 0;
	else if (is(w, "DO"))
		b->start = !start && (kind == LOOP || (b->body == LK_SQL_EVENT && b->header));
	else if (is(w, "UNTIL") && start && kind == REPEAT && b->depth <= LK_SQL_BLOCKS)
		b->kinds[b->depth - 1] = UNTIL;
	else if (is(w, "ROW") && b->body == LK_SQL_TRIGGER && b->header)
		b->start = true;
	else if (start && b->depth == 0 && (is(w, "FOLLOWS") || is(w, "PRECEDES")))
		b->placed = true;
	else if (is(w, "HANDLER") && b->depth > 0)
		b->header = true;
	else if (b->body == LK_SQL_ROUTINE || b->depth > 0)
		b->header = b->header && !is_any(w, simple);
	if (b->start)
		b->header = false;
}

static void read_keyword(struct lk_sql_block *b, const struct word *w, bool start)
{
	bool routine = b->body == LK_SQL_ROUTINE && b->depth == 0;
	bool may_open = start || (b->header && (routine || b->depth > 0));
	if (is(w, "END"))
		end(b, start);
	else if (b->parentheses == 0 && (may_open || (routine && is(w, "BEGIN"))) &&
		 read_opener(b, w, start))
		return;
	else
		read_inner(b, w, start);
	if (b->parentheses > 0)
		b->start = false;
}

static void read_sign(struct lk_sql_block *b, char sign, bool label)
{
	if (sign == ';' && b->parentheses == 0) {
		b->start = true;
		b->header = false;
	} else if (sign == ':') {
		b->start = label && b->parentheses == 0;
	} else if (sign == '.') {
		b->name = true;
	} else if (sign == '(') {
		b->parentheses++;
	} else if (sign == ')') {
		b->parentheses--;
	}
}

static bool belongs_to_end(const struct word *w)
{
	static const char *const kinds[] = {"IF", "CASE", "LOOP", "REPEAT", "WHILE", "FOR", NULL};
	return is_any(w, kinds);
}

void lk_sql_block_word(struct lk_sql_block *b, const char *start_of, size_t length)
{
	const struct word w = {start_of, length};
	if (b->body == LK_SQL_NO_BODY) {
		if (b->words == 0 || b->creates)
			find_object(b, &w);
		return;
	}
	bool start = b->start, name = b->name, placed = b->placed, label = b->label;
	bool ended = b->ended;
	b->start = b->name = b->placed = b->ended = false;
	b->label = start;
	if (placed) /* its name is no word of ours */
		b->start = true;
	else if (length == 1 && strchr(";:.()", *start_of))
		read_sign(b, *start_of, label);
	else if (length > 0 && !name && !(ended && belongs_to_end(&w)))
		read_keyword(b, &w, start);
}

bool lk_sql_block_is_open(const struct lk_sql_block *b)
{
	return b->depth > 0;
}
