/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last statements that the keeper sent, for "show the SQL we send". Any thread adds; the main reads. */
#ifndef LK_KEEPER_STATEMENTS_H
#define LK_KEEPER_STATEMENTS_H

#include <pthread.h>

#include "control/snapshot.h"
#include "db/session.h"

struct lk_statements {
	pthread_mutex_t mutex; /* guards everything below */
	struct lk_snapshot_statement list[LK_SNAPSHOT_STATEMENTS];
	size_t next, count;
};

void lk_statements_init(struct lk_statements *statements);
void lk_statements_destroy(struct lk_statements *statements);
/* An lk_session_sent; the context is a struct lk_statements. */
void lk_statements_add(void *context, const char *role, const char *sql, double took_ms,
		       int64_t rows, const struct lk_error *error);
/* Copies the list, newest first; yields how many. */
int lk_statements_read(struct lk_statements *statements,
		       struct lk_snapshot_statement list[LK_SNAPSHOT_STATEMENTS]);

#endif
