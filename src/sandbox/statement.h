/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements of the application, as the release and its features have them. They are prepared
 * when a connection is made, as most applications' are, and none of them yields a column whose type a
 * plan may change.
 *
 * All that belong to one table have the same parameters:
 * users    $1 id, $2 handle, $3 seed (text that makes values unique), $4 dice, $5 release
 * orders   $1 id, $2 user's id, $3 amount in cents, $4 unused, $5 release
 * reviews  $1 id, $2 order's id, $3 seed, $4 stars, $5 release
 * Those of others are at their statement; three ids may end with NULL.
 */
#ifndef LK_SANDBOX_STATEMENT_H
#define LK_SANDBOX_STATEMENT_H

#include <stdbool.h>

#include "sandbox/link.h"
#include "sandbox/release.h"

enum lk_statement {
	LK_READ_USERS,	/* $1 to $3 ids: id, handle, the handle that was written last */
	LK_READ_PAGE,	/* $1 first id: 20 users */
	LK_READ_ORDERS, /* $1 user's id: its newest orders: id, cents, status */
	LK_READ_NEWEST, /* the newest orders of all */
	LK_HOLD_USER,	/* $1 id, which it yields: no other may change the row */
	LK_PAY,		/* $1 id, $2 cents */
	LK_LOG_PAID,	/* $1 to $3 ids, $4 cents, $5 release */
	LK_CHANGE_USER,
	LK_ADD_USER,	     /* yields the id */
	LK_ADD_UNNAMED_USER, /* the same, the handle left out */
	LK_LOG_USER,
	LK_DROP_USER,
	LK_LOG_NO_USER,
	LK_ADD_ORDER, /* yields the id */
	LK_LOG_ORDER,
	LK_CHANGE_ORDER,
	LK_LOG_ORDER_CHANGE,
	LK_DROP_ORDER,
	LK_LOG_NO_ORDER,
	LK_ADD_REVIEW, /* yields the id */
	LK_LOG_REVIEW,
	LK_DROP_REVIEW,
	LK_LOG_NO_REVIEW,
	LK_STATEMENTS
};

enum { LK_STATEMENT_VALUES = 5 };

/* A word between braces that differs between the old way of a feature and its new one. */
struct lk_statement_word {
	const char *name;
	enum lk_feature feature;
	const char *text[2];
};

/* What is written into a column: nothing where it is NULL. */
struct lk_statement_attribute {
	const char *key; /* in the ledger; NULL ends a list */
	enum lk_feature feature;
	const char *column[2], *value[2];
	const char *expected; /* for the ledger, when it is not the value; NULL: the value */
};

/*
 * The application's statements in the words of an engine. Between braces stand words and, from the attributes of
 * the statement's table, {columns}, {values}, {sets} ("column = value, …") and {keys} ("'key', value, …").
 */
struct lk_statements {
	const struct lk_statement_word *words; /* ended by a name that is NULL */
	struct lk_statement_text {
		const struct lk_statement_attribute *attributes; /* NULL none */
		const char *types; /* of the parameters, as in link.h */
		const char *sql;
	} list[LK_STATEMENTS];
};

/* For sentences. */
const char *lk_statement_name(enum lk_statement statement);
/* Prepares all on a connection, for what it is to run; each has its own number there. */
bool lk_statement_prepare(struct lk_link *link, struct lk_release_way way, struct lk_error *error);

#endif
