/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole runs on MariaDB and MySQL: the stage of stage.h with one of their servers, a table that an application
 * writes, and a ledger of what it wrote. One thread, but for the writers'.
 */
#ifndef LK_TESTS_CONTROL_MY_STAGE_H
#define LK_TESTS_CONTROL_MY_STAGE_H

#include "tests/control/stage.h"
#include "tests/server/my_sessions.h"

struct my_stage {
	struct lk_stage stage;
	struct lk_test_my *server; /* NULL: none is installed */
};

void my_stage_open(struct my_stage *stage, const char *const *options);
/* On a server that was started already, and now belongs to the stage; NULL is allowed. */
void my_stage_open_on(struct my_stage *stage, struct lk_test_my *server);
void my_stage_close(struct my_stage *stage);

/* As their namesakes of stage.h. */
void my_await_sql(const struct my_stage *stage, int seconds, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void my_sql(const struct my_stage *stage, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int64_t my_number(const struct my_stage *stage, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* TABLE (id, username NOT NULL DEFAULT 'nobody', note) with an index on username, and TABLE_ledger (id, value). */
void my_users_make(const struct my_stage *stage, const char *table, int rows);
/* Every row has what was written last, in `column`; none is missing, none is left. */
void my_users_compare(const struct my_stage *stage, const char *table, const char *column);
/* Columns, indexes and triggers of a table, as text; the caller's. */
char *my_schema_of(const struct my_stage *stage, const char *table);

/* Two writers of a release, which writes `column`; updates, inserts and deletes, each with the ledger in one
 * transaction. */
struct my_load;
struct my_load *my_load_start(const struct my_stage *stage, const char *table, const char *column);
/* Without a single error, and it did something. */
void my_load_end(struct my_load *load);

/* The keeper's hold on the plan's run is gone. */
void my_await_let_go(const struct my_stage *stage, const char *plan);
/* A step of the plan's run, the first with that verb, has got to this state. */
void my_await_step(const struct my_stage *stage, const char *plan, const char *verb,
		   const char *state);

#endif
