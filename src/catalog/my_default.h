/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Defaults of columns on MySQL and MariaDB: when they are the same for all rows, and how they are written. */
#ifndef LK_CATALOG_MY_DEFAULT_H
#define LK_CATALOG_MY_DEFAULT_H

#include "catalog/catalog.h"

/*
 * Whether an expression is one that stands behind DEFAULT without parentheses: a number, a text, NULL, or the
 * moment of the statement. MySQL adds a column with such a default in an instant, and with no other.
 */
bool lk_my_is_literal(const char *expression);
/* "DEFAULT 'x'", "DEFAULT (uuid())"; the caller's. */
char *lk_my_default_clause(const char *expression);
/* Whether an expression calls a function that gives another value at each call within one statement. */
bool lk_my_is_volatile(const char *expression);
/* Whether a type's columns hold characters, so that `=` compares them by a collation. */
bool lk_my_collates(const char *type);

/*
 * The default of a second column of type `type` that takes `forth` of column `from`: what forth makes of that
 * one's default, *preset, the caller's, NULL when it has none. Both sides of a dual write and the NOT NULL that
 * comes after it must have the same, so all ask here. Class REFUSED when it cannot be worked out.
 */
bool lk_my_converted_default(struct lk_session *session, const struct lk_column *from,
			     const char *forth, char **preset, struct lk_error *error);

#endif
