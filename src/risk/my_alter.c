/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of tables, and the clauses of ALTER TABLE. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "risk/my_risk.h"

static size_t add_quoted(char *sql, size_t size, const char *name)
{
	size_t n = 0;
	if (strlen(name) * 2 + 3 > size)
		return 0;
	sql[n++] = '`';
	for (; *name; name++) {
		if (*name == '`')
			sql[n++] = '`';
		sql[n++] = *name;
	}
	sql[n++] = '`';
	sql[n] = '\0';
	return n;
}

/* A name that does not fit leaves "" rather than half of it. */
static void name_table(struct lk_my_table *table)
{
	size_t used = 0;
	bool two = table->database[0];
	snprintf(table->shown, sizeof table->shown, "%.60s%s%.64s", table->database, two ? "." : "",
		 table->name);
	if (two) {
		used = add_quoted(table->sql, sizeof table->sql - 1, table->database);
		if (used > 0)
			table->sql[used++] = '.';
	}
	if ((two && used == 0) ||
	    !add_quoted(table->sql + used, sizeof table->sql - used, table->name))
		table->sql[0] = '\0';
}

bool lk_my_read_table(const struct lk_words *words, size_t *at, struct lk_my_table *table)
{
	memset(table, 0, sizeof *table);
	if (!lk_word_names(lk_word_at(words, *at)))
		return false;
	lk_word_name(lk_word_at(words, (*at)++), table->name, sizeof table->name);
	if (lk_word_is_sign(lk_word_at(words, *at), '.') &&
	    lk_word_names(lk_word_at(words, *at + 1))) {
		LK_COPY(table->database, table->name);
		lk_word_name(lk_word_at(words, *at + 1), table->name, sizeof table->name);
		*at += 2;
	}
	name_table(table);
	return true;
}

static void skip(const struct lk_words *words, size_t *at, const char *const *keywords)
{
	while (lk_word_is_any(lk_word_at(words, *at), keywords))
		(*at)++;
}

bool lk_my_is_alter(const struct lk_words *words, size_t from, size_t *at,
		    struct lk_my_table *table)
{
	static const char *const modifiers[] = {"ONLINE", "OFFLINE", "IGNORE", NULL};
	static const char *const conditions[] = {"IF", "EXISTS", NULL};
	*at = from;
	if (!lk_word_is(lk_word_at(words, (*at)++), "ALTER"))
		return false;
	skip(words, at, modifiers);
	if (!lk_word_is(lk_word_at(words, (*at)++), "TABLE"))
		return false;
	skip(words, at, conditions);
	return lk_my_read_table(words, at, table);
}

/* What ALTER TABLE … DROP drops. */
static void judge_drop(const struct lk_words *words, size_t at, struct lk_my_clause *clause)
{
	static const struct {
		const char *word, *kind;
		bool destroys;
	} others[] = {
		{"INDEX", "drop index", false},
		{"KEY", "drop index", false},
		{"PRIMARY", "drop primary key", false},
		{"FOREIGN", "drop foreign key", false},
		{"CONSTRAINT", "drop constraint", false},
		{"CHECK", "drop constraint", false},
		{"PARTITION", "drop partition", true},
		{"SYSTEM", "drop system versioning", true},
		{"PERIOD", "drop period", false},
	};
	static const char *const filling[] = {"COLUMN", "IF", "EXISTS", NULL};
	for (size_t i = 0; i < LK_COUNT(others); i++) {
		if (!lk_word_is(lk_word_at(words, at), others[i].word))
			continue;
		clause->kind = others[i].kind;
		clause->destroys = others[i].destroys;
		return;
	}
	skip(words, &at, filling);
	clause->kind = "drop column";
	clause->destroys = true;
	lk_word_name(lk_word_at(words, at), clause->column, sizeof clause->column);
}

static const char *kind_of_add(const struct lk_words *words, size_t at)
{
	static const char *const indexes[] = {"INDEX",	  "KEY",     "UNIQUE", "PRIMARY",
					      "FULLTEXT", "SPATIAL", NULL};
	static const char *const constraints[] = {"CONSTRAINT", "CHECK", "FOREIGN", NULL};
	if (lk_word_is_any(lk_word_at(words, at), indexes))
		return "add index";
	if (lk_word_is_any(lk_word_at(words, at), constraints))
		return "add constraint";
	return lk_word_is(lk_word_at(words, at), "PARTITION") ? "add partition" : "add column";
}

static void judge_clause(const struct lk_words *words, size_t at, struct lk_my_clause *clause)
{
	static const struct {
		const char *word, *next, *kind;
		bool destroys;
	} clauses[] = {
		{"MODIFY", NULL, "modify column", false},
		{"CHANGE", NULL, "change column", false},
		{"RENAME", "COLUMN", "rename column", false},
		{"RENAME", "INDEX", "rename index", false},
		{"RENAME", "KEY", "rename index", false},
		{"RENAME", NULL, "rename table", false},
		{"ALTER", "INDEX", "alter index", false},
		{"ALTER", NULL, "alter column", false},
		{"CONVERT", NULL, "convert character set", false},
		{"TRUNCATE", NULL, "truncate partition", true},
		{"DISCARD", NULL, "discard tablespace", true},
		{"ENGINE", NULL, "rebuild", false},
		{"FORCE", NULL, "rebuild", false},
		{"ALGORITHM", NULL, "", false},
		{"LOCK", NULL, "", false},
	};
	*clause = (struct lk_my_clause){.kind = "alter table"};
	if (lk_word_is(lk_word_at(words, at), "DROP"))
		judge_drop(words, at + 1, clause);
	else if (lk_word_is(lk_word_at(words, at), "ADD"))
		clause->kind = kind_of_add(words, at + 1);
	for (size_t i = 0; i < LK_COUNT(clauses); i++) {
		if (!lk_word_is(lk_word_at(words, at), clauses[i].word) ||
		    (clauses[i].next && !lk_word_is(lk_word_at(words, at + 1), clauses[i].next)))
			continue;
		clause->kind = clauses[i].kind;
		clause->destroys = clauses[i].destroys;
		return;
	}
}

bool lk_my_next_clause(const struct lk_words *words, size_t *at, size_t end,
		       struct lk_my_clause *clause)
{
	if (*at >= end)
		return false;
	judge_clause(words, *at, clause);
	while (*at < end &&
	       !(words->list[*at].depth == 0 && lk_word_is_sign(&words->list[*at], ',')))
		(*at)++;
	(*at)++;
	return true;
}
