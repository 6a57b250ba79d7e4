/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQL as a person's text in a plan: where its quotes, comments and parentheses are. This knows no
 * grammar (risk/ has PostgreSQL's), only enough that a piece of SQL cannot swallow what we write
 * behind it.
 */
#ifndef LK_PLAN_SQL_TEXT_H
#define LK_PLAN_SQL_TEXT_H

#include <stdbool.h>

struct lk_sql_shape {
	int statements; /* pieces between semicolons that hold anything */
	bool comment;	/* a comment of either kind */
	bool comma;	/* a comma outside all parentheses */
	bool unclosed;	/* a quote, comment or parenthesis that does not end, or ends too often */
};

void lk_sql_shape(const char *sql, struct lk_sql_shape *shape) __attribute__((nonnull));

/* The text without white space and semicolons at its ends, the caller's: so a plan's digest does
 * not depend on how the YAML was laid out. */
char *lk_sql_trim(const char *sql) __attribute__((nonnull, returns_nonnull));

/* Text for people on one line: white space of any length becomes one blank. The caller's. */
char *lk_sql_line(const char *text) __attribute__((nonnull, returns_nonnull));

/* A column's name that needs no quotes in YAML or SQL: letters, digits, _ and $, beginning with a
 * letter. */
bool lk_sql_is_plain_name(const char *text) __attribute__((nonnull));

#endif
