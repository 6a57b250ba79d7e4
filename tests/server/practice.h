/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sandboxes for tests: small ones, and waiting for what their application does. What does not come in time
 * fails the test. */
#ifndef LK_TESTS_SERVER_PRACTICE_H
#define LK_TESTS_SERVER_PRACTICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdbool.h>

#include "sandbox/sandbox.h"

#define LK_PRACTICE_ROWS 10000
#define LK_PRACTICE_PATIENCE_US 240000000

struct lk_sandbox lk_practice_start(const struct lk_sandbox_options *options);
/* Of a kind of servers (NULL: PostgreSQL), with LK_PRACTICE_ROWS users and so many transactions a second. */
struct lk_sandbox lk_practice_small_of(const char *kind, int writes);
struct lk_sandbox lk_practice_small(int writes);
/* Nothing of it may be left. */
void lk_practice_stop(struct lk_sandbox *sandbox);
struct lk_sandbox_result lk_practice_result(struct lk_sandbox *sandbox);
bool lk_practice_try(const struct lk_sandbox *sandbox, const char *sql, struct lk_error *error);
void lk_practice_sql(const struct lk_sandbox *sandbox, const char *sql);
/* The first column of the first row, "" for NULL or no row; the caller's. */
char *lk_practice_value(const char *uri, const char *sql);

/* The file of figures as it is now, and one number in it. */
json_t *lk_practice_figures(const struct lk_sandbox *sandbox);
double lk_practice_figure(const struct lk_sandbox *sandbox, const char *name);
void lk_practice_await_figure(const struct lk_sandbox *sandbox, const char *name, double at_least);
void lk_practice_await_releases(const struct lk_sandbox *sandbox, const char *expected);
/* So many more transactions. */
void lk_practice_await_more(const struct lk_sandbox *sandbox, int count);
/* Until the deployment has looked once more and every connection runs what it wants. */
void lk_practice_await_settled(const struct lk_sandbox *sandbox);
/*
 * What main of a program with sandboxes does: the sandbox's process is this very program again; and as leftovers are
 * counted and looked for, no other program's sandboxes may be among them. Tests yield how many failed.
 */
int lk_practice_main(int argc, char **argv, int (*tests)(void));
/* No error, and no row that differs, is missing or is too many. */
void lk_practice_clean(const struct lk_sandbox_result *result);

#endif
