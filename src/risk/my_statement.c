/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row a kind of statement. Locks are named as performance_schema.metadata_locks does; how long an ALTER
 * holds what it takes depends on the server and the table, and is said where the step is described.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "risk/my_risk.h"

#define EXCLUSIVE "EXCLUSIVE"
#define WRITE "SHARED_WRITE"
#define READ "SHARED_READ"

#define BY_ALGORITHM "by the server and the table: instant or in place, never a copy"
#define NO_COST "no rewrite, no scan"
#define BY_ROWS "as many rows as it reads or changes"

/* Where the tables stand in a statement. */
enum place {
	NOWHERE,
	BEHIND, /* behind the kind's words: a, b, c */
	PAIRS,	/* a TO b, c TO d */
	ON,	/* behind the word ON */
	FROM,	/* behind the word FROM, or UPDATE's own words */
};

struct kind {
	const char *verb, *object; /* its first word, and the first of object_words behind it */
	const char *kind, *mode, *cost;
	enum place place;
	bool commits, destroys;
};

static const struct kind kinds[] = {
	{"CREATE", "INDEX", "create index", EXCLUSIVE, BY_ALGORITHM, ON, true, false},
	{"CREATE", "TABLE", "create table", "", NO_COST, BEHIND, true, false},
	{"CREATE", "VIEW", "create view", EXCLUSIVE, NO_COST, BEHIND, true, false},
	{"CREATE", "TRIGGER", "create trigger", EXCLUSIVE, NO_COST, ON, true, false},
	{"CREATE", NULL, "create", "", NO_COST, NOWHERE, true, false},
	{"ALTER", "TABLE", "", EXCLUSIVE, BY_ALGORITHM, NOWHERE, true, false},
	{"ALTER", "VIEW", "alter view", EXCLUSIVE, NO_COST, BEHIND, true, false},
	{"ALTER", NULL, "alter", "", NO_COST, NOWHERE, true, false},
	{"DROP", "INDEX", "drop index", EXCLUSIVE, NO_COST, ON, true, false},
	{"DROP", "TABLE", "drop table", EXCLUSIVE, NO_COST, BEHIND, true, true},
	{"DROP", "VIEW", "drop view", EXCLUSIVE, NO_COST, BEHIND, true, false},
	{"DROP", "TRIGGER", "drop trigger", EXCLUSIVE, NO_COST, NOWHERE, true, false},
	{"DROP", "DATABASE", "drop database", EXCLUSIVE, NO_COST, NOWHERE, true, true},
	{"DROP", "SCHEMA", "drop database", EXCLUSIVE, NO_COST, NOWHERE, true, true},
	{"DROP", "SEQUENCE", "drop sequence", EXCLUSIVE, NO_COST, BEHIND, true, true},
	{"DROP", NULL, "drop", "", NO_COST, NOWHERE, true, false},
	{"RENAME", "TABLE", "rename table", EXCLUSIVE, NO_COST, PAIRS, true, false},
	{"RENAME", NULL, "rename", "", NO_COST, NOWHERE, true, false},
	{"TRUNCATE", NULL, "truncate", EXCLUSIVE, NO_COST, BEHIND, true, true},
	{"OPTIMIZE", NULL, "optimize", EXCLUSIVE, "rewrites the whole table and its indexes",
	 BEHIND, true, false},
	{"ANALYZE", "TABLE", "analyze", READ, "reads a sample of the table", BEHIND, true, false},
	{"UPDATE", NULL, "update", WRITE, BY_ROWS, FROM, false, false},
	{"DELETE", NULL, "delete", WRITE, BY_ROWS, FROM, false, true},
	{"INSERT", NULL, "insert", WRITE, BY_ROWS, FROM, false, false},
	{"REPLACE", NULL, "replace", WRITE, BY_ROWS, FROM, false, true},
	{"SELECT", NULL, "select", READ, BY_ROWS, FROM, false, false},
	{"VALUES", NULL, "select", "", BY_ROWS, NOWHERE, false, false},
	{"WITH", NULL, "select", "", BY_ROWS, NOWHERE, false, false},
	{"SET", NULL, "set", "", NO_COST, NOWHERE, false, false},
	{"DO", NULL, "do", "", NO_COST, NOWHERE, false, false},
	{"GRANT", NULL, "grant or revoke", "", NO_COST, NOWHERE, true, false},
	{"REVOKE", NULL, "grant or revoke", "", NO_COST, NOWHERE, true, false},
	{"START", "TRANSACTION", "transaction control", "", NO_COST, NOWHERE, true, false},
	{"BEGIN", NULL, "transaction control", "", NO_COST, NOWHERE, true, false},
	{"COMMIT", NULL, "transaction control", "", NO_COST, NOWHERE, true, false},
	{"ROLLBACK", NULL, "transaction control", "", NO_COST, NOWHERE, true, false},
	{"SAVEPOINT", NULL, "transaction control", "", NO_COST, NOWHERE, true, false},
	{"RELEASE", NULL, "transaction control", "", NO_COST, NOWHERE, true, false},
	{"XA", NULL, "transaction control", "", NO_COST, NOWHERE, true, false},
	{"LOCK", NULL, "transaction control", "", NO_COST, NOWHERE, true, false},
	{"UNLOCK", NULL, "transaction control", "", NO_COST, NOWHERE, true, false},
};

/* Words that name what CREATE, ALTER, DROP and others are about; others in between are modifiers. */
static const char *const object_words[] = {"TABLE",    "INDEX",	     "VIEW",	    "TRIGGER",
					   "DATABASE", "SCHEMA",     "SEQUENCE",    "PROCEDURE",
					   "FUNCTION", "EVENT",	     "USER",	    "ROLE",
					   "SERVER",   "TABLESPACE", "TRANSACTION", NULL};

/* The index of the first object word behind the verb, `end` when there is none. */
static size_t find_object(const struct lk_words *words, size_t from, size_t end)
{
	for (size_t i = from + 1; i < end && i < from + 24; i++)
		if (lk_word_is_any(&words->list[i], object_words))
			return i;
	return end;
}

static const struct kind *find_kind(const struct lk_words *words, size_t from, size_t object)
{
	for (size_t i = 0; i < LK_COUNT(kinds); i++)
		if (lk_word_is(&words->list[from], kinds[i].verb) &&
		    (!kinds[i].object || lk_word_is(lk_word_at(words, object), kinds[i].object)))
			return &kinds[i];
	return NULL;
}

static void append(char *to, size_t size, const char *separator, const char *text)
{
	size_t used = strlen(to);
	if (used > 0) {
		lk_copy_text(to + used, size - used, separator);
		used = strlen(to);
	}
	lk_copy_text(to + used, size - used, text);
}

static void add_kind(struct lk_risk *risk, const char *kind)
{
	if (*kind && !strstr(risk->kind, kind))
		append(risk->kind, sizeof risk->kind, ", ", kind);
}

static void add_table(struct lk_risk *risk, const struct lk_my_table *table, const char *mode)
{
	if (!risk->object[0]) {
		LK_COPY(risk->object, table->shown);
		LK_COPY(risk->table, table->sql);
	}
	if (!*mode || !table->sql[0] || risk->table_count == LK_RISK_TABLES)
		return;
	for (size_t i = 0; i < risk->table_count; i++)
		if (strcmp(risk->tables[i].sql, table->sql) == 0)
			return;
	struct lk_risk_table *added = &risk->tables[risk->table_count++];
	LK_COPY(added->name, table->shown);
	LK_COPY(added->sql, table->sql);
	LK_COPY(added->mode, mode);
}

static void find_tables(const struct lk_words *words, const struct kind *kind, size_t at,
			size_t end, struct lk_risk *risk)
{
	static const char *const filling[] = {"TABLE",
					      "IF",
					      "NOT",
					      "EXISTS",
					      "INTO",
					      "IGNORE",
					      "LOW_PRIORITY",
					      "QUICK",
					      "DELAYED",
					      "LOCAL",
					      "HIGH_PRIORITY",
					      "TEMPORARY",
					      "NO_WRITE_TO_BINLOG",
					      NULL};
	struct lk_my_table table;
	bool named = lk_word_is(&words->list[at], "UPDATE") ||
		     lk_word_is(&words->list[at], "INSERT") ||
		     lk_word_is(&words->list[at], "REPLACE");
	const char *behind = kind->place == ON		     ? "ON"
			     : kind->place == FROM && !named ? "FROM"
							     : NULL;
	if (kind->place == NOWHERE)
		return;
	for (at++; behind && at < end && !lk_word_is(&words->list[at], behind); at++)
		;
	at += behind != NULL;
	for (bool more = true; more && at < end;) {
		while (at < end && lk_word_is_any(&words->list[at], filling))
			at++;
		more = at < end && lk_my_read_table(words, &at, &table);
		if (!more)
			break;
		add_table(risk, &table, kind->mode);
		bool pair = kind->place == PAIRS && lk_word_is(lk_word_at(words, at), "TO");
		more = pair || ((kind->place == BEHIND || kind->place == PAIRS) &&
				lk_word_is_sign(lk_word_at(words, at), ','));
		at++;
	}
}

static void judge_alter(const struct lk_words *words, size_t from, size_t end, struct lk_risk *risk)
{
	struct lk_my_table table;
	struct lk_my_clause clause;
	size_t at;
	if (!lk_my_is_alter(words, from, &at, &table))
		return;
	add_table(risk, &table, EXCLUSIVE);
	while (lk_my_next_clause(words, &at, end, &clause)) {
		add_kind(risk, clause.kind);
		risk->destroys_data = risk->destroys_data || clause.destroys;
	}
}

/* SET of anything but variables of one's own. */
static bool sets_session(const struct lk_words *words, size_t from)
{
	return !lk_word_is_sign(lk_word_at(words, from + 1), '@') ||
	       lk_word_is_sign(lk_word_at(words, from + 2), '@');
}

static bool judge(const struct lk_words *words, size_t from, size_t end, struct lk_risk *risk)
{
	size_t object = find_object(words, from, end);
	const struct kind *kind = find_kind(words, from, object);
	if (!kind)
		return false;
	add_kind(risk, kind->kind);
	find_tables(words, kind, object < end && kind->object ? object : from, end, risk);
	judge_alter(words, from, end, risk);
	if (strcmp(kind->verb, "CREATE") == 0 && kind->place == ON && kind->object &&
	    strcmp(kind->object, "INDEX") == 0 && lk_word_names(lk_word_at(words, object + 1)))
		lk_word_name(lk_word_at(words, object + 1), risk->index, sizeof risk->index);
	if (kind->commits)
		risk->transactional = false;
	if (kind->destroys)
		risk->destroys_data = true;
	if (strcmp(kind->verb, "SET") == 0 && sets_session(words, from))
		risk->session_setting = true;
	if (*kind->mode && strcmp(risk->mode, EXCLUSIVE) != 0)
		LK_COPY(risk->mode, kind->mode);
	if (!risk->cost[0] || strcmp(risk->cost, NO_COST) == 0)
		LK_COPY(risk->cost, kind->cost);
	return true;
}

/* First words for people, of a statement that is not known. */
static void not_known(const struct lk_words *words, size_t from, size_t end, struct lk_risk *risk)
{
	char first[40], second[40] = "";
	lk_word_name(lk_word_at(words, from), first, sizeof first);
	if (from + 1 < end && lk_word_names(lk_word_at(words, from + 1)))
		lk_word_name(lk_word_at(words, from + 1), second, sizeof second);
	snprintf(risk->note, sizeof risk->note, "not checked: what %s%s%s does is not known here",
		 first, *second ? " " : "", second);
}

static void say_nothing(struct lk_risk *risk)
{
	LK_COPY(risk->kind, "not checked");
	LK_COPY(risk->lock, "not checked");
	LK_COPY(risk->cost, "not checked");
}

bool lk_my_next_statement(const struct lk_words *words, size_t *at, size_t *from)
{
	while (lk_word_is_sign(lk_word_at(words, *at), ';'))
		(*at)++;
	*from = *at;
	if (*at >= words->count)
		return false;
	*at = lk_words_statement_end(words, *from);
	return true;
}

void lk_my_risk_locks_text(const struct lk_risk *risk, char *text, size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; i < risk->table_count; i++) {
		const struct lk_risk_table *table = &risk->tables[i];
		bool same = i > 0 && strcmp(table->mode, risk->tables[i - 1].mode) == 0;
		if (!same)
			append(text, size, "; ", table->mode);
		append(text, size, same ? ", " : " on ", table->name);
	}
	if (!text[0])
		lk_copy_text(text, size, risk->parsed ? "none" : "not checked");
}

static void say_lock(struct lk_risk *risk)
{
	if (!risk->mode[0])
		LK_COPY(risk->lock, "none");
	else
		snprintf(risk->lock, sizeof risk->lock, "%s metadata lock%s%.60s", risk->mode,
			 risk->object[0] ? " on " : "", risk->object);
}

void lk_my_risk_statement(const char *sql, struct lk_risk *risk)
{
	struct lk_words words;
	size_t at = 0, from;
	*risk = (struct lk_risk){.transactional = true};
	lk_words_read(sql, &words);
	risk->parsed = !words.unread;
	if (words.unread)
		snprintf(risk->note, sizeof risk->note, "not checked: %s", words.unread);
	while (risk->parsed && lk_my_next_statement(&words, &at, &from)) {
		risk->statements++;
		risk->parsed = judge(&words, from, at, risk);
		if (!risk->parsed)
			not_known(&words, from, at, risk);
	}
	if (!risk->parsed)
		say_nothing(risk);
	else
		say_lock(risk);
	if (risk->parsed && risk->statements == 0)
		LK_COPY(risk->note, "there is no statement in it");
	else if (risk->parsed && risk->statements > 1)
		snprintf(risk->note, sizeof risk->note, "%d statements, judged together",
			 risk->statements);
	lk_words_free(&words);
}
