/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a statement locks, rewrites and breaks, from PostgreSQL's own grammar (libpg_query, version
 * 15). The locks were measured on PostgreSQL 15, statement by statement, in pg_locks. A newer
 * server knows more than this grammar: what cannot be parsed is "not checked", said aloud, and
 * never an error here.
 *
 * Threads: everything here may be called from any thread.
 */
#ifndef LK_RISK_RISK_H
#define LK_RISK_RISK_H

#include <stdbool.h>
#include <stddef.h>

struct lk_risk {
	char kind[40];	/* "add column", "create index concurrently"; several are joined by ", " */
	char lock[120]; /* "ACCESS EXCLUSIVE on users, for milliseconds"; "none" */
	char cost[120]; /* "no rewrite, no scan", "reads the whole table", … */
	bool transactional; /* may run inside a transaction */
	bool destroys_data; /* rows or values are gone and no statement brings them back */
	bool parsed;	    /* false: nothing below is known, and note says why */
	char object[160];   /* the table (or index …) that is locked: "users", "shop.users" */
	char mode[28];	 /* the lock alone, as LOCK TABLE names it: "ACCESS EXCLUSIVE"; "" none */
	char table[160]; /* the locked table, quoted, as SQL; "" when it is something else */
	char index[160]; /* the index that is created or dropped, its bare name; "" none */
	int statements;	 /* how many the text holds */
	char note[200];	 /* what a person should know besides; may be empty */
};

/* Fills *risk for one statement, or for several as if they were one transaction. */
void lk_risk_statement(const char *sql, struct lk_risk *risk) __attribute__((nonnull));

/* The statements of a script, each trimmed, without the semicolon; the list and its texts are the
 * caller's. A script that cannot be parsed is split by PostgreSQL's scanner; one that cannot even
 * be scanned comes back whole, as one. */
char **lk_risk_split(const char *sql, size_t *count) __attribute__((nonnull));
void lk_risk_split_free(char **statements, size_t count);

/*
 * Whether the SQL of a verify, gate or probe is exactly one query that changes and locks nothing:
 * SELECT, VALUES, TABLE or WITH of these, without a changing WITH part, FOR UPDATE or INTO, and
 * without the functions that are known to act (nextval, pg_terminate_backend, …). False with the
 * reason otherwise. *parsed, when not NULL, becomes false when the grammar could not read it, so
 * that nothing is known.
 */
bool lk_risk_is_read_only(const char *sql, bool *parsed, char *reason, size_t size)
	__attribute__((nonnull(1, 3)));

/* Whether the text is one SQL expression (of a backfill); *parsed as above. */
bool lk_risk_is_expression(const char *sql, bool *parsed, char *reason, size_t size)
	__attribute__((nonnull(1, 3)));

#endif
