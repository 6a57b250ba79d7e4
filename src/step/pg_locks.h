/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which tables statements lock, and how strongly: what their text says, and what only the catalog knows (a
 * foreign key locks both of its tables; DROP CONSTRAINT names just one of them). In one fixed order, by
 * name, so that two of ours that take several can never wait for each other.
 */
#ifndef LK_STEP_PG_LOCKS_H
#define LK_STEP_PG_LOCKS_H

#include "db/session.h"

struct lk_pg_lock {
	int64_t id;  /* the server's number of the table */
	char *sql;   /* "public"."users" */
	char *shown; /* as a person writes it */
	char *mode;  /* as LOCK TABLE names it: "ACCESS EXCLUSIVE" */
	bool take;   /* LOCK TABLE may be used: a table, and one that we have the right to lock */
};

struct lk_pg_locks {
	struct lk_pg_lock *list;
	size_t count;
};

/*
 * Of all the statements together, as if they were one transaction, and, with extra not NULL, ACCESS EXCLUSIVE on that
 * table (quoted). Tables that do not exist yet are left out; so is whatever the grammar cannot read.
 */
bool lk_pg_locks_find(struct lk_session *session, const char *const *statements, size_t count,
		      const char *extra, struct lk_pg_locks *locks, struct lk_error *error);
/* One table, quoted, with one mode. */
bool lk_pg_locks_table(struct lk_session *session, const char *table_sql, const char *mode,
		       struct lk_pg_locks *locks, struct lk_error *error);
void lk_pg_locks_free(struct lk_pg_locks *locks);

/* "ACCESS EXCLUSIVE on orders, users; SHARE ROW EXCLUSIVE on items", "none" when there are none. */
void lk_pg_locks_text(const struct lk_pg_locks *locks, char *text, size_t size);
/* "orders, users"; "the table" when none is known. */
void lk_pg_locks_names(const struct lk_pg_locks *locks, char *text, size_t size);

#endif
