/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Single steps of a plan (tests/server/stepping.h) against a real PostgreSQL, and what tests ask it.
 *
 *	struct lk_test_steps steps;
 *	lk_test_steps_open(&steps, server, "plan: p\noperations: …");
 */
#ifndef LK_TESTS_STEPS_H
#define LK_TESTS_STEPS_H

#include "tests/server/server.h"
#include "tests/server/stepping.h"

void lk_test_steps_open(struct lk_test_steps *steps, const struct lk_test_server *server,
			const char *yaml);
/* The same as another role. */
void lk_test_steps_open_as(struct lk_test_steps *steps, const struct lk_test_server *server,
			   const char *role, const char *yaml);
/* The sentence with which the plan is refused, or "" when it is not; the caller's. */
char *lk_test_steps_refusal(const struct lk_test_server *server, const char *yaml);

/*
 * Everything the catalog says of a table, in a text that is the same for tables that are the same: columns in
 * their order, constraints, indexes, triggers, privileges, comments, and functions in schema lockkeeper. The
 * caller's.
 */
char *lk_test_catalog(const struct lk_test_server *server, const char *table_sql);

/* The cells of a query on a connection: columns divided by "|", rows by newlines, NULL as "NULL". The
 * caller's. */
char *lk_test_rows(PGconn *connection, const char *sql);
/* Asserts that lk_test_rows yields exactly that. */
#define assert_rows(connection, sql, expected)                                                     \
	do {                                                                                       \
		char *got_ = lk_test_rows((connection), (sql));                                    \
		if (strcmp(got_, (expected)) != 0)                                                 \
			fail_msg("%s\nyields   %s\nand not  %s", (sql), got_, (expected));         \
		free(got_);                                                                        \
	} while (0)

/* The SQLSTATE of statements on a connection, "" when they succeed. */
const char *lk_test_state(PGconn *connection, const char *sql, char state[6]);
/* They must succeed. */
void lk_test_do(PGconn *connection, const char *sql);

#endif
