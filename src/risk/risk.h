/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a statement locks, rewrites and breaks, by the engine it is for.
 *
 * PostgreSQL: by its own grammar (libpg_query, version 15). The locks were measured on PostgreSQL 15, statement
 * by statement, in pg_locks. A newer server knows more than this grammar: what cannot be parsed is "not
 * checked", said aloud, and never an error here.
 *
 * MySQL and MariaDB: by a reader of our own (my_words.h), which knows words, quotes and comments but no grammar:
 * of which kind a statement is, what it names, whether it destroys data. What an ALTER costs depends on the
 * server and the table and is decided there, when the step is described. A kind that it does not know is "not
 * checked".
 *
 * Threads: everything here may be called from any thread.
 */
#ifndef LK_RISK_RISK_H
#define LK_RISK_RISK_H

#include <stdbool.h>
#include <stddef.h>

#include "db/driver.h"
#include "plan/sql_text.h"

enum { LK_RISK_TABLES = 16, LK_RISK_LOOKUPS = 8 };

/* A table that is locked, as the statement names it. */
struct lk_risk_table {
	char name[132]; /* for people: "shop.users" */
	char sql[160];	/* quoted */
	char mode[28];	/* as LOCK TABLE names it */
};

/*
 * Tables that are locked as well, which only the catalog can name: with an index, the one it is of; else
 * those at the other end of foreign keys: of one constraint, over one column, or, with neither, of the
 * whole table. Names are exact, "" when they do not apply.
 */
struct lk_risk_lookup {
	char table[160], index[160]; /* quoted */
	char constraint[64], column[64];
	char mode[28];
};

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
	char index_sql[160];  /* the index that is dropped or rebuilt, quoted, as it was written */
	bool if_not_exists;   /* what is there already under that name would be taken for it */
	bool session_setting; /* SET without LOCAL: it would outlast the transaction */
	struct lk_risk_table tables[LK_RISK_TABLES]; /* all of them, in the order of the text */
	size_t table_count;
	struct lk_risk_lookup lookups[LK_RISK_LOOKUPS];
	size_t lookup_count;
	int statements; /* how many the text holds */
	char note[200]; /* what a person should know besides; may be empty */
};

/* Fills *risk for one statement, or for several as if they were one transaction. */
void lk_risk_statement(enum lk_engine engine, const char *sql, struct lk_risk *risk)
	__attribute__((nonnull));

/* The locks of all its tables in words: "ACCESS EXCLUSIVE on users; SHARE ROW EXCLUSIVE on orders". */
void lk_risk_locks_text(enum lk_engine engine, const struct lk_risk *risk, char *text, size_t size)
	__attribute__((nonnull));

/* Why a statement cannot stand in one transaction with others, NULL when it can or is not known. */
const char *lk_risk_not_together(enum lk_engine engine, const struct lk_risk *risk)
	__attribute__((nonnull));

/* The statements of a script, each trimmed, without the semicolon; the list and its texts are the
 * caller's. A script that cannot be parsed is split by the engine's scanner; one that cannot even
 * be scanned comes back whole, as one. */
char **lk_risk_split(enum lk_engine engine, const char *sql, size_t *count)
	__attribute__((nonnull));
void lk_risk_split_free(char **statements, size_t count);

/*
 * Whether the SQL of a verify, gate or probe is exactly one query that changes and locks nothing:
 * SELECT, VALUES, TABLE or WITH of these, without a changing WITH part, FOR UPDATE or INTO, and
 * without the functions that are known to act (nextval, pg_terminate_backend, …). False with the
 * reason otherwise. *parsed, when not NULL, becomes false when the grammar could not read it, so
 * that nothing is known.
 */
bool lk_risk_is_read_only(enum lk_engine engine, const char *sql, bool *parsed, char *reason,
			  size_t size) __attribute__((nonnull(2, 4)));

/* Whether the text is one SQL expression (of a backfill); *parsed as above. */
bool lk_risk_is_expression(enum lk_engine engine, const char *sql, bool *parsed, char *reason,
			   size_t size) __attribute__((nonnull(2, 4)));

/* Whether the text is a type as DDL writes it, nothing more and nothing less; *parsed as above. */
bool lk_risk_is_type(enum lk_engine engine, const char *type, bool *parsed, char *reason,
		     size_t size) __attribute__((nonnull(2, 4)));

/*
 * The last parts of all names that an expression takes from its row: "price", "users.price", and "*" for
 * the whole row. The list and its texts are the caller's (lk_risk_split_free). False when the grammar could
 * not read it, so that nothing is known.
 */
bool lk_risk_columns(enum lk_engine engine, const char *expression, char ***names, size_t *count)
	__attribute__((nonnull));

/* True when one of the statements drops that column of that table, both as the plan writes them. */
bool lk_risk_drops_column(enum lk_engine engine, const char *sql, const char *table,
			  const char *column) __attribute__((nonnull));

/* The names under which each kind of an engine's servers finds its texts in a plan (lk_operation_for), NULL at
 * the end. */
const char *const *const *lk_risk_servers(enum lk_engine engine);

/* Where an engine's quotes and comments are, for lk_sql_shape. */
const struct lk_sql_dialect *lk_risk_dialect(enum lk_engine engine);

/* The engines' side: the same calls, without the engine. */
struct lk_risk_ops {
	const char *const *const *servers;
	const struct lk_sql_dialect *dialect;
	const char *outlasts; /* why a setting cannot stand in a transaction */
	void (*statement)(const char *sql, struct lk_risk *risk);
	void (*locks_text)(const struct lk_risk *risk, char *text, size_t size);
	char **(*split)(const char *sql, size_t *count);
	bool (*is_read_only)(const char *sql, bool *parsed, char *reason, size_t size);
	bool (*is_expression)(const char *sql, bool *parsed, char *reason, size_t size);
	bool (*is_type)(const char *type, bool *parsed, char *reason, size_t size);
	bool (*columns)(const char *expression, char ***names, size_t *count);
	bool (*drops_column)(const char *sql, const char *table, const char *column);
};
extern const struct lk_risk_ops lk_pg_risk, lk_my_risk;

#endif
