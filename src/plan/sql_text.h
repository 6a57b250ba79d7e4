/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL as a person's text in a plan: where its quotes, comments and parentheses are. This knows no
 * grammar (that is risk/'s), only enough that a piece of SQL cannot swallow what we write
 * behind it.
 */
#ifndef LK_PLAN_SQL_TEXT_H
#define LK_PLAN_SQL_TEXT_H

#include <stdbool.h>

struct lk_sql_shape {
	int statements; /* pieces between semicolons that hold anything */
	bool comment;	/* a comment of either kind */
	bool comma;	/* a comma outside all parentheses */
	bool unclosed; /* a quote, comment or parenthesis that does not end, or ends too often; a BEGIN without END */
};

/* Where engines differ in that. */
struct lk_sql_dialect {
	bool nested_comments;	 /* a block comment may hold another */
	bool dollar_quotes;	 /* $tag$ … $tag$ */
	bool backslashes;	 /* escape in every quoted text, not in E'…' alone */
	bool backticks;		 /* quote a name */
	bool hash_comments;	 /* # begins one */
	bool blank_after_dashes; /* -- begins one only with a blank behind it */
	bool bodies;		 /* of triggers and routines hold statements (sql_block.h) */
};
extern const struct lk_sql_dialect lk_sql_postgres, lk_sql_mysql;

void lk_sql_shape(const char *sql, const struct lk_sql_dialect *dialect, struct lk_sql_shape *shape)
	__attribute__((nonnull));
/* For a plan whose engine is not known yet: as the one reads it that finds less wrong with it. Once the engine
 * is known, lk_risk_check_plan looks again. */
void lk_sql_any_shape(const char *sql, struct lk_sql_shape *shape) __attribute__((nonnull));

/* The text without white space and semicolons at its ends, the caller's: so a plan's digest does
 * not depend on how the YAML was laid out. */
char *lk_sql_trim(const char *sql) __attribute__((nonnull, returns_nonnull));

/* Text for people on one line: white space of any length becomes one blank. The caller's. */
char *lk_sql_line(const char *text) __attribute__((nonnull, returns_nonnull));

/* A column's name that needs no quotes in YAML or SQL: letters, digits, _ and $, beginning with a
 * letter. */
bool lk_sql_is_plain_name(const char *text) __attribute__((nonnull));

#endif
