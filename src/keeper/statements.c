/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/statements.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

void lk_statements_init(struct lk_statements *statements)
{
	memset(statements, 0, sizeof *statements);
	pthread_mutex_init(&statements->mutex, NULL);
}

void lk_statements_destroy(struct lk_statements *statements)
{
	pthread_mutex_destroy(&statements->mutex);
}

/* The watcher's readings and the fence around each chunk would push everything else out of the list. */
static bool is_routine(const char *role, const char *sql, const struct lk_error *error)
{
	static const char *const beginnings[] = {"START TRANSACTION", "COMMIT", "ROLLBACK", "SELECT",
						 "INSERT INTO lockkeeper."};
	if (error)
		return false;
	if (strcmp(role, "worker") != 0)
		return true;
	for (size_t i = 0; i < LK_COUNT(beginnings); i++)
		if (strncmp(sql, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

void lk_statements_add(void *context, const char *role, const char *sql, double took_ms,
		       int64_t rows, const struct lk_error *error)
{
	struct lk_statements *statements = context;
	if (is_routine(role, sql, error))
		return;
	pthread_mutex_lock(&statements->mutex);
	struct lk_snapshot_statement *s = &statements->list[statements->next];
	statements->next = (statements->next + 1) % LK_SNAPSHOT_STATEMENTS;
	if (statements->count < LK_SNAPSHOT_STATEMENTS)
		statements->count++;
	s->at = lk_wall_ms();
	LK_COPY(s->role, role);
	LK_COPY(s->statement, sql);
	s->took_ms = took_ms;
	s->rows = rows;
	LK_COPY(s->outcome, !error				 ? "done"
			    : error->class == LK_ERROR_CANCELLED ? "cancelled"
								 : "failed");
	pthread_mutex_unlock(&statements->mutex);
}

int lk_statements_read(struct lk_statements *statements,
		       struct lk_snapshot_statement list[LK_SNAPSHOT_STATEMENTS])
{
	pthread_mutex_lock(&statements->mutex);
	size_t count = statements->count;
	for (size_t i = 0; i < count; i++)
		list[i] = statements->list[(statements->next + LK_SNAPSHOT_STATEMENTS - 1 - i) %
					   LK_SNAPSHOT_STATEMENTS];
	pthread_mutex_unlock(&statements->mutex);
	return (int)count;
}
