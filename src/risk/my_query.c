/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Queries, expressions and types, as far as words can tell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "risk/my_risk.h"

/* Functions that act although they stand in a SELECT; verify and gate run in READ ONLY transactions, which do not
 * stop these, or they are certainly a mistake. */
static const char *const acting[] = {"GET_LOCK",
				     "RELEASE_LOCK",
				     "RELEASE_ALL_LOCKS",
				     "SLEEP",
				     "BENCHMARK",
				     "NEXTVAL",
				     "SETVAL",
				     "MASTER_POS_WAIT",
				     "SOURCE_POS_WAIT",
				     "MASTER_GTID_WAIT",
				     "WAIT_FOR_EXECUTED_GTID_SET",
				     "LOAD_FILE",
				     "KILL",
				     "SYS_EXEC",
				     NULL};

static bool is_called(const struct lk_words *words, size_t at)
{
	return lk_word_is_sign(lk_word_at(words, at + 1), '(');
}

static const char *reason_at(const struct lk_words *words, size_t i)
{
	static const char *const changing[] = {"UPDATE", "DELETE", "INSERT", "REPLACE", NULL};
	const struct lk_word *word = &words->list[i], *after = lk_word_at(words, i + 1);
	if (word->kind == LK_WORD_SIGN && word->length == 2)
		return "it assigns to a variable (:=)";
	if (lk_word_is(word, "INTO"))
		return "it writes what it finds (INTO)";
	if (lk_word_is(word, "FOR") && (lk_word_is(after, "UPDATE") || lk_word_is(after, "SHARE")))
		return "it locks rows (FOR UPDATE, FOR SHARE)";
	if (lk_word_is(word, "LOCK") && lk_word_is(after, "IN"))
		return "it locks rows (LOCK IN SHARE MODE)";
	if (lk_word_is(word, "NEXT") && lk_word_is(after, "VALUE"))
		return "it takes a number from a sequence";
	if (lk_word_is_any(word, changing) && word->depth == 0 && !is_called(words, i))
		return "a part of it changes rows";
	return NULL;
}

/* Whether something in it acts; the reason then. */
static bool acts(const struct lk_words *words, char *reason, size_t size)
{
	for (size_t i = 0; i < words->count; i++) {
		/* A column may have any name, qualified or in backticks. */
		if (i > 0 && lk_word_is_sign(&words->list[i - 1], '.'))
			continue;
		const char *why = reason_at(words, i);
		if (why) {
			snprintf(reason, size, "%s", why);
			return true;
		}
		if (lk_word_is_any(&words->list[i], acting) && is_called(words, i)) {
			char name[60];
			lk_word_name(&words->list[i], name, sizeof name);
			snprintf(reason, size, "it calls %s(), which acts", name);
			return true;
		}
	}
	return false;
}

static bool read_words(const char *sql, struct lk_words *words, bool *parsed, char *reason,
		       size_t size)
{
	reason[0] = '\0';
	lk_words_read(sql, words);
	if (parsed)
		*parsed = !words->unread;
	if (!words->unread)
		return true;
	snprintf(reason, size, "not checked: %s", words->unread);
	lk_words_free(words);
	return false;
}

bool lk_my_risk_is_read_only(const char *sql, bool *parsed, char *reason, size_t size)
{
	static const char *const queries[] = {"SELECT", "VALUES", "TABLE", "WITH", NULL};
	struct lk_words words;
	size_t at = 0, from, first = 0;
	int statements = 0;
	if (!read_words(sql, &words, parsed, reason, size))
		return false;
	while (lk_my_next_statement(&words, &at, &from))
		statements++;
	while (lk_word_is_sign(lk_word_at(&words, first), '('))
		first++;
	bool reads = false;
	if (statements != 1)
		snprintf(reason, size, "it holds %d statements, not one", statements);
	else if (!lk_word_is_any(lk_word_at(&words, first), queries))
		snprintf(reason, size, "it is not a SELECT or VALUES");
	else
		reads = !acts(&words, reason, size);
	lk_words_free(&words);
	return reads;
}

bool lk_my_risk_is_expression(const char *sql, bool *parsed, char *reason, size_t size)
{
	/* None of these can stand in an expression outside of parentheses. */
	static const char *const ending[] = {"SELECT", "FROM",	"WHERE", "GROUP", "HAVING", "ORDER",
					     "LIMIT",  "UNION", "AS",	 "SET",	  NULL};
	struct lk_words words;
	if (!read_words(sql, &words, parsed, reason, size))
		return false;
	bool one = words.count > 0;
	for (size_t i = 0; one && i < words.count; i++) {
		const struct lk_word *word = &words.list[i];
		bool qualified = i > 0 && lk_word_is_sign(&words.list[i - 1], '.');
		one = !lk_word_is_sign(word, ';') &&
		      (word->depth > 0 || (!lk_word_is_sign(word, ',') &&
					   (qualified || !lk_word_is_any(word, ending))));
	}
	if (!one)
		snprintf(reason, size, "it is %s",
			 words.count ? "more than one expression" : "empty");
	bool good = one && !acts(&words, reason, size);
	lk_words_free(&words);
	return good;
}

bool lk_my_risk_is_type(const char *type, bool *parsed, char *reason, size_t size)
{
	/* They belong to the column and not to its type. */
	static const char *const others[] = {
		"NOT",	 "NULL",      "DEFAULT", "PRIMARY", "UNIQUE",	      "REFERENCES",
		"CHECK", "GENERATED", "AS",	 "COMMENT", "AUTO_INCREMENT", "FIRST",
		"AFTER", "ON",	      NULL};
	struct lk_words words;
	if (!read_words(type, &words, parsed, reason, size))
		return false;
	bool good = lk_word_names(lk_word_at(&words, 0));
	if (!good)
		snprintf(reason, size, "it does not begin with a name");
	for (size_t i = 0; good && i < words.count; i++) {
		const struct lk_word *word = &words.list[i];
		if (word->depth > 0)
			continue;
		good = word->kind == LK_WORD_BARE
			       ? !lk_word_is_any(word, others)
			       : lk_word_is_sign(word, '(') || lk_word_is_sign(word, ')');
		if (!good)
			snprintf(reason, size, "%.*s is no part of a type", (int)word->length,
				 word->start);
	}
	lk_words_free(&words);
	return good;
}

/* Bare words that are no names in an expression. A column of such a name must stand in backticks there. */
static const char *const keywords[] = {
	"AND",	 "OR",	   "XOR",    "NOT",	"IS",	    "NULL",   "TRUE",	"FALSE",    "LIKE",
	"RLIKE", "REGEXP", "IN",     "BETWEEN", "CASE",	    "WHEN",   "THEN",	"ELSE",	    "END",
	"DIV",	 "MOD",	   "BINARY", "COLLATE", "INTERVAL", "ESCAPE", "EXISTS", "DISTINCT", NULL};

bool lk_my_risk_columns(const char *expression, char ***names, size_t *count)
{
	char reason[200], name[132];
	struct lk_words words;
	*names = NULL;
	*count = 0;
	if (!read_words(expression, &words, NULL, reason, sizeof reason))
		return false;
	bool all = true;
	for (size_t i = 0; i < words.count; i++) {
		const struct lk_word *word = &words.list[i];
		/* A query of its own has columns of its own. */
		all = all && !lk_word_is(word, "SELECT");
		bool variable = i > 0 && lk_word_is_sign(&words.list[i - 1], '@');
		bool qualifier = lk_word_is_sign(lk_word_at(&words, i + 1), '.');
		if (!lk_word_names(word) || variable || qualifier || is_called(&words, i) ||
		    lk_word_is_any(word, keywords))
			continue;
		lk_word_name(word, name, sizeof name);
		bool known = false;
		for (size_t k = 0; k < *count; k++)
			known = known || strcmp((*names)[k], name) == 0;
		if (!known)
			*LK_PUSH(*names, *count) = lk_strdup(name);
	}
	lk_words_free(&words);
	return all;
}

char **lk_my_risk_split(const char *sql, size_t *count)
{
	struct lk_words words;
	char **pieces = NULL;
	size_t at = 0, from;
	*count = 0;
	lk_words_read(sql, &words);
	while (!words.unread && lk_my_next_statement(&words, &at, &from)) {
		const struct lk_word *first = &words.list[from], *last = &words.list[at - 1];
		*LK_PUSH(pieces, *count) = lk_strndup(
			first->start, (size_t)(last->start + last->length - first->start));
	}
	if (words.unread)
		*LK_PUSH(pieces, *count) = lk_sql_trim(sql);
	lk_words_free(&words);
	return pieces;
}

/* A table as a plan writes it: "users", "shop.users", parts in backticks or double quotes. */
static bool same_table(const struct lk_my_table *table, const char *written)
{
	char plain[300];
	snprintf(plain, sizeof plain, "%s%s%s", table->database, table->database[0] ? "." : "",
		 table->name);
	return strcmp(plain, written) == 0 || strcmp(table->sql, written) == 0;
}

static bool drops_column(const char *sql, const char *table, const char *column)
{
	struct lk_words words;
	struct lk_my_table altered;
	struct lk_my_clause clause;
	size_t at = 0, from, end;
	bool found = false;
	lk_words_read(sql, &words);
	while (!words.unread && !found && lk_my_next_statement(&words, &at, &from)) {
		end = at;
		size_t place;
		if (!lk_my_is_alter(&words, from, &place, &altered) || !same_table(&altered, table))
			continue;
		while (!found && lk_my_next_clause(&words, &place, end, &clause))
			found = strcasecmp(clause.column, column) == 0;
	}
	lk_words_free(&words);
	return found;
}

static const char *const mysql[] = {"mysql", NULL}, *const mariadb[] = {"mariadb", "mysql", NULL};
static const char *const *const servers[] = {mysql, mariadb, NULL};

const struct lk_risk_ops lk_my_risk = {
	.servers = servers,
	.dialect = &lk_sql_mysql,
	.outlasts = "a session's setting would outlast the transaction: leave it out",
	.statement = lk_my_risk_statement,
	.locks_text = lk_my_risk_locks_text,
	.split = lk_my_risk_split,
	.is_read_only = lk_my_risk_is_read_only,
	.is_expression = lk_my_risk_is_expression,
	.is_type = lk_my_risk_is_type,
	.columns = lk_my_risk_columns,
	.drops_column = drops_column,
};
