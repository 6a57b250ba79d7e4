/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection of the sandbox's own, of its application or its comparison, to a server of either engine. What it
 * calls itself is not "lockkeeper:…": to a keeper it is a client like any other.
 *
 * Threads: a link belongs to one thread at a time; its socket may be shut down by another.
 */
#ifndef LK_SANDBOX_LINK_H
#define LK_SANDBOX_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "db/result.h"

struct lk_dialect;

struct lk_link {
	const struct lk_dialect *dialect;
	void *connection; /* the dialect's */
};

/* The most parameters that a prepared statement has. */
enum { LK_LINK_VALUES = 6 };

/* Connects to a target's URI as the client `name`; NULL and *error when it cannot. */
struct lk_link *lk_link_open(const char *uri, const char *name, struct lk_error *error);
/* NULL is no link. */
void lk_link_close(struct lk_link *link);
/* The descriptor of its socket; shutdown(2) frees a thread that waits for an answer. */
int lk_link_socket(const struct lk_link *link);
/* Whether the connection stood after its last answer. */
bool lk_link_is_up(const struct lk_link *link);
bool lk_link_in_transaction(const struct lk_link *link);

/* Statements without parameters, as many as stand in the text; rows are thrown away. */
bool lk_link_execute(struct lk_link *link, const char *sql, struct lk_error *error);
/* One statement; *result is the caller's, empty on failure. */
bool lk_link_query(struct lk_link *link, const char *sql, struct lk_result *result,
		   struct lk_error *error);
/*
 * Prepares a statement on the server under a number from 0. Its parameters are $1, $2, …; `types` has a letter
 * for each: i a number, t a text.
 */
bool lk_link_prepare(struct lk_link *link, int number, const char *sql, const char *types,
		     struct lk_error *error);
/* Runs it; values are texts, NULL for SQL NULL. `affected` counts the rows that an UPDATE found. */
bool lk_link_run(struct lk_link *link, int number, const char *const *values,
		 struct lk_result *result, struct lk_error *error);
/* The id of the row that the INSERT with this result added or found; 0 none. */
int64_t lk_link_added(struct lk_link *link, int number, const struct lk_result *result);

#endif
