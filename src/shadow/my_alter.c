/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/my_alter.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "risk/my_words.h"

#define ANY(...) ((const char *const[]){__VA_ARGS__, NULL})

/* One clause among the words. */
struct clause {
	const struct lk_words *words;
	size_t from, end;
};

static const struct lk_word *at(const struct clause *c, size_t i)
{
	return lk_word_at(c->words, c->from + i < c->end ? c->from + i : c->words->count);
}

static bool has_word(const struct clause *c, const char *keyword)
{
	for (size_t i = 0; c->from + i < c->end; i++)
		if (lk_word_is(at(c, i), keyword))
			return true;
	return false;
}

/* Of "ENGINE x" or "… ENGINE = x" the x; NULL: it does not say. A column may be called so. */
static const struct lk_word *engine_of(const struct clause *c)
{
	for (size_t i = 0; c->from + i < c->end; i++)
		if (at(c, i)->depth == 0 && lk_word_is(at(c, i), "ENGINE") &&
		    (i == 0 || lk_word_is_sign(at(c, i + 1), '=')))
			return at(c, i + 1 + lk_word_is_sign(at(c, i + 1), '='));
	return NULL;
}

/* Why a clause cannot be carried out on a shadow and what to do instead; NULL: it can. */
static const char *wrong_with(const struct clause *c)
{
	const struct lk_word *first = at(c, 0), *second = at(c, 1);
	if (lk_word_is(first, "RENAME") && !lk_word_is_any(second, ANY("COLUMN", "INDEX", "KEY")))
		return "the shadow takes the table's own name in the end; rename the table in a step of its own";
	if (lk_word_is_any(first, ANY("DISCARD", "IMPORT")))
		return "it is about the table's file, which the shadow does not share";
	if (lk_word_is(first, "EXCHANGE") ||
	    (lk_word_is(first, "CONVERT") && lk_word_is_any(second, ANY("PARTITION", "TABLE"))))
		return "it moves rows that the shadow does not have yet; do it in a step of its own";
	if (lk_word_is_any(first, ANY("TRUNCATE", "DROP")) && lk_word_is(second, "PARTITION"))
		return "it removes rows, which copying would bring back; do it in a step of its own";
	if (lk_word_is_any(first, ANY("ADD", "DROP", "WITH")) &&
	    lk_word_is_any(second, ANY("SYSTEM", "PERIOD")))
		return "the history of a system-versioned table cannot be copied; there is no way to do this"
		       " online";
	if (has_word(c, "FOREIGN") || has_word(c, "REFERENCES"))
		return "foreign keys are not carried by a shadow; add or drop them in a step of their own";
	if (lk_word_is_any(first, ANY("ALGORITHM", "LOCK")))
		return "how a shadow is altered makes no difference, for it is empty; leave the clause out";
	const struct lk_word *engine = engine_of(c);
	char name[40];
	if (!engine)
		return NULL;
	lk_word_name(engine, name, sizeof name);
	if (strcasecmp(name, "InnoDB") == 0)
		return NULL;
	return "rows are copied and exchanged by InnoDB's transactions; other engines have none";
}

static bool refuse(const struct clause *c, const char *reason, struct lk_error *error)
{
	const struct lk_word *last = at(c, c->end - c->from - 1);
	size_t length = (size_t)(last->start + last->length - at(c, 0)->start);
	return lk_fail(error, LK_ERROR_REFUSED, "a shadow cannot carry out \"%.*s\": %s",
		       (int)(length < 200 ? length : 200), at(c, 0)->start, reason);
}

static bool check_clauses(const struct lk_words *words, bool ansi, struct lk_error *error)
{
	struct clause c = {.words = words};
	for (size_t i = 0; i < words->count; i++)
		if (ansi && words->list[i].kind == LK_WORD_TEXT && *words->list[i].start == '"')
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"sql_mode has ANSI_QUOTES, and the clauses have a name in double quotes:"
				" write it in backticks");
	for (c.from = 0; c.from < words->count; c.from = c.end + 1) {
		c.end = c.from;
		while (c.end < words->count && !(words->list[c.end].depth == 0 &&
						 lk_word_is_sign(&words->list[c.end], ',')))
			c.end++;
		const char *reason = c.end > c.from ? wrong_with(&c) : NULL;
		if (reason)
			return refuse(&c, reason, error);
	}
	return true;
}

static bool check_text(const char *clauses, bool ansi, struct lk_error *error)
{
	struct lk_words words;
	lk_words_read(clauses, &words);
	bool right;
	if (words.unread)
		right = lk_fail(error, LK_ERROR_PLAN, "the shadow's alter cannot be read: %s",
				words.unread);
	else if (words.count == 0)
		right = lk_fail(
			error, LK_ERROR_PLAN,
			"the shadow's alter is empty: write what stands behind ALTER TABLE name");
	else if (lk_words_statement_end(&words, 0) < words.count)
		right = lk_fail(
			error, LK_ERROR_PLAN,
			"the shadow's alter has a semicolon: write the clauses of one ALTER TABLE, without it");
	else if (lk_word_is(&words.list[0], "ALTER") &&
		 lk_word_is_any(lk_word_at(&words, 1), ANY("TABLE", "ONLINE", "IGNORE")))
		right = lk_fail(
			error, LK_ERROR_PLAN,
			"the shadow's alter begins with ALTER TABLE: write only the clauses behind"
			" the table's name");
	else
		right = check_clauses(&words, ansi, error);
	lk_words_free(&words);
	return right;
}

bool lk_my_alter_read(const char *clauses, bool ansi, struct lk_my_alter *alter,
		      struct lk_error *error)
{
	memset(alter, 0, sizeof *alter);
	if (!check_text(clauses, ansi, error))
		return false;
	char *sql = lk_format("ALTER TABLE t %s", clauses);
	lk_my_statement_read(sql, &alter->statement);
	free(sql);
	alter->clauses = lk_strdup(clauses);
	return true;
}

void lk_my_alter_free(struct lk_my_alter *alter)
{
	lk_my_statement_free(&alter->statement);
	free(alter->clauses);
	memset(alter, 0, sizeof *alter);
}

static bool renames(const struct lk_my_action *action)
{
	return (action->kind == LK_MY_CHANGE_COLUMN || action->kind == LK_MY_RENAME_COLUMN) &&
	       action->to[0] != '\0';
}

bool lk_my_alter_drops(const struct lk_my_alter *alter, const char *name)
{
	for (size_t i = 0; i < alter->statement.action_count; i++) {
		const struct lk_my_action *action = &alter->statement.actions[i];
		if (action->kind == LK_MY_DROP_COLUMN && strcasecmp(action->name, name) == 0)
			return true;
	}
	return false;
}

const char *lk_my_alter_new_name(const struct lk_my_alter *alter, const char *name)
{
	for (size_t i = 0; i < alter->statement.action_count; i++) {
		const struct lk_my_action *action = &alter->statement.actions[i];
		if (renames(action) && strcasecmp(action->name, name) == 0)
			return action->to;
	}
	return NULL;
}

const char *lk_my_alter_source(const struct lk_my_alter *alter,
			       const struct lk_my_relation *original, const char *name)
{
	for (size_t i = 0; i < alter->statement.action_count; i++) {
		const struct lk_my_action *action = &alter->statement.actions[i];
		/* IF EXISTS may name a column that is not there. */
		if (renames(action) && strcasecmp(action->to, name) == 0 &&
		    lk_my_relation_column(original, action->name))
			return lk_my_relation_column(original, action->name)->name;
	}
	const struct lk_my_relation_column *same = lk_my_relation_column(original, name);
	const char *elsewhere = same ? lk_my_alter_new_name(alter, name) : NULL;
	if (!same || lk_my_alter_drops(alter, name) ||
	    (elsewhere && strcasecmp(elsewhere, name) != 0))
		return NULL;
	return same->name;
}
