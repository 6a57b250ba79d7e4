/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole runs for tests: a real server, people with homes of their own (state, settings, plans), and
 *the real program, found in $LOCKKEEPER or as ./lockkeeper. Every keeper that is left over is ended
 *with the stage. What does not happen in time fails the test, with the last snapshot in words.
 *
 *	struct lk_stage stage;
 *	struct lk_home alice;
 *	lk_stage_open(&stage, NULL);
 *	lk_home_make(&stage, &alice);
 *	lk_users_make(&stage, "users_a", 5000);
 *	lk_plan_write(&alice, "plan-a", "operations:\n  - rename_column: …");
 *	lk_expect(&alice, 3, "run", "plan-a", "--headless", "--yes", "expand", NULL);
 *	lk_await(&alice, "plan-a", "waiting", 20);
 *	…
 *	lk_stage_close(&stage);
 *
 * One thread. Names of plans have at most 20 small letters, digits and dashes.
 */
#ifndef LK_TESTS_CONTROL_STAGE_H
#define LK_TESTS_CONTROL_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/memory.h"
#include "control/client.h"
#include "tests/server/server.h"

struct lk_stage {
	struct lk_test_server *server;
	char *uri; /* of the primary's database "test" */
	char folder[40];
	char *program;
	int homes, lock;
};

struct lk_home {
	struct lk_stage *stage;
	char path[64];
};

void lk_stage_open(struct lk_stage *stage, const struct lk_test_server_options *options);
/* The same on a server that is there already: what asks stage->server cannot be used then. */
void lk_stage_open_at(struct lk_stage *stage, const char *uri);
void lk_stage_close(struct lk_stage *stage);
void lk_home_make(struct lk_stage *stage, struct lk_home *home);

/* Writes the plan's file: "plan: NAME" and the body. */
void lk_plan_write(const struct lk_home *home, const char *name, const char *body);
/* The usual one: rename_column of table.username to user_handle, releases 41 and 42; `limits` may
 * be "". */
void lk_plan_rename(const struct lk_home *home, const char *name, const char *table,
		    const char *limits);
/* Where lk_plan_write puts a plan; the caller's. */
char *lk_plan_path(const struct lk_home *home, const char *name);

/* The program, run to its end in the person's home. */
struct lk_said {
	int status; /* exit status, or 128 + signal */
	char *out, *err;
};
/*
 * Arguments end with NULL. The word after "run" is a plan's name and becomes its path; "run" and
 * "explain" get --target unless one is among the arguments.
 */
struct lk_said lk_do(const struct lk_home *home, ...) __attribute__((sentinel));
void lk_said_free(struct lk_said *said);
/* lk_do that must end with this status. */
void lk_expect(const struct lk_home *home, int status, ...) __attribute__((sentinel));
/* lk_do that must end with this status and say this somewhere. */
void lk_expect_says(const struct lk_home *home, int status, const char *words, ...)
	__attribute__((sentinel));
/* The same without waiting; lk_do_finish waits and yields what it said. */
pid_t lk_do_begin(const struct lk_home *home, ...) __attribute__((sentinel));
struct lk_said lk_do_finish(const struct lk_home *home, pid_t pid);

/* Asks the keeper of a plan for its state; false when none answers. */
bool lk_look(const struct lk_home *home, const char *plan, struct lk_snapshot *snapshot);
/* A connection to it; NULL when none answers. */
struct lk_client *lk_connect(const struct lk_home *home, const char *plan);
/* Path of its socket, the caller's; NULL when there is none. */
char *lk_socket_path(const struct lk_home *home, const char *plan);
/* Sends one request; yields whether it was accepted, the sentence in text (600 bytes, may be NULL).
 */
bool lk_ask(const struct lk_home *home, const char *plan, const char *verb, json_t *members,
	    char *text);
/* lk_ask that must be accepted. */
void lk_must(const struct lk_home *home, const char *plan, const char *verb, json_t *members);
void lk_confirm(const struct lk_home *home, const char *plan, const char *gate);

/* Waits for a state of the run, for a step (by name) to have a state, or for anything. So many `seconds` are plenty on
 * a machine that does nothing else; LK_BUSY times as long is waited, for it may have other tests to run. */
#define LK_BUSY 6
void lk_await(const struct lk_home *home, const char *plan, const char *state, int seconds);
void lk_await_gate(const struct lk_home *home, const char *plan, const char *gate, int seconds);
void lk_await_that(const struct lk_home *home, const char *plan,
		   bool (*holds)(const struct lk_snapshot *snapshot, const void *context),
		   const void *context, const char *what, int seconds);
/* Waits until an event with these words is in the journal. */
void lk_await_event(const struct lk_stage *stage, const char *plan, const char *words, int seconds);
/* lk_test_wait that must hold; the SQL is a format. */
void lk_await_sql(const struct lk_stage *stage, int seconds, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Statements and numbers with a format. */
void lk_sql(const struct lk_stage *stage, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int64_t lk_number(const struct lk_stage *stage, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The name of a plan's newest run, by the journal; the caller's. */
char *lk_run_of(const struct lk_stage *stage, const char *plan);

/* Signals the keeper of a plan; with SIGKILL or SIGTERM waits until it is gone. */
void lk_keeper_signal(const struct lk_home *home, const char *plan, int signal);
pid_t lk_keeper_pid(const struct lk_home *home, const char *plan);
void lk_keeper_await_gone(pid_t pid, int seconds);
/* Until the server shows no session of the plan's run any more. */
void lk_sessions_await_gone(const struct lk_stage *stage, const char *plan);

/*
 * TABLE (id bigint primary key, username varchar(40) NOT NULL DEFAULT 'nobody', note text) with an
 * index on username, and TABLE_ledger (id, value): what was written last into each row, by
 * lk_users_*.
 */
void lk_users_make(const struct lk_stage *stage, const char *table, int rows);
/* Writes of the old release (username) or the new one (user_handle): updates, inserts, deletes. */
struct lk_test_load *lk_users_load(const struct lk_stage *stage, const char *table,
				   bool new_release);
/* Every row has what was written last, in `column`; none is missing, none is left. */
void lk_users_compare(const struct lk_stage *stage, const char *table, const char *column);
/* No errors so far, and it did something. */
void lk_load_end(struct lk_test_load *load);

/* Columns, indexes, constraints, triggers of a table and our functions, as text; the caller's. */
char *lk_schema_of(const struct lk_stage *stage, const char *table);
/* All gates of lk_plan_rename, for --yes. */
#define LK_ALL_GATES "expand,migrate,release-42,contract,release-41-gone"

#endif
