/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names, texts and parameters in statements for MySQL and MariaDB, which are sent as one text: the answers then
 * are the server's own text forms of values, and every statement may have parameters. Texts are utf8mb4.
 */
#ifndef LK_DB_MY_TEXT_H
#define LK_DB_MY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

/* Adds a text as a literal in quotes, or NULL. What a backslash means depends on the session's sql_mode. */
void lk_my_add_literal(struct lk_buffer *out, const char *text, bool backslash_escapes);

/*
 * Adds a statement with $1, $2, … replaced by the parameters' literals, except in quotes and comments and in
 * names such as a$1. Fails (class STATEMENT) when it names a parameter that was not given.
 */
bool lk_my_add_statement(struct lk_buffer *out, const char *sql, size_t count,
			 const char *const *parameters, bool backslash_escapes,
			 struct lk_error *error);

/* See `limits` of db/driver.h; what only one of the two servers knows stands in comments that it alone reads. */
char *lk_my_limits(int statement_ms, int lock_ms);

/* A name in backticks; the caller's. */
char *lk_my_quote_name(const char *name);

/*
 * A text as an expression that means the same in any sql_mode, the caller's. One with a backslash becomes
 * hexadecimal, which a few places of the grammar do not take (COMMENT, DEFAULT of ENUM): use a parameter there.
 */
char *lk_my_quote_text(const char *text);

#endif
