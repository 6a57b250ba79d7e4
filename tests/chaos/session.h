/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections of the test's own to the primary. */
#ifndef LK_TESTS_CHAOS_SESSION_H
#define LK_TESTS_CHAOS_SESSION_H

#include "sandbox/link.h"
#include "tests/chaos/world.h"

/* NULL when nobody answers, which the functions below take for a query that nobody answers. */
struct lk_link *lk_chaos_connect(const struct lk_chaos_world *world);
/* Whether it stands. */
bool lk_chaos_connected(const struct lk_link *link);
/* Another one instead of what does not stand any more. */
void lk_chaos_reconnect(const struct lk_chaos_world *world, struct lk_link **link);
/* The first value of a query; false when nobody answers or it is NULL. */
bool lk_chaos_first(struct lk_link *link, const char *sql, char *value, size_t size);
/* Waits until a query yields yes; false after so many seconds. */
bool lk_chaos_wait(const struct lk_chaos_world *world, const char *sql, int seconds);
/* The first value of a query on a new connection; false when nobody answers or it is NULL. */
bool lk_chaos_ask(const struct lk_chaos_world *world, const char *sql, char *value, size_t size);
/* The same as a text of any length, the caller's; NULL. */
char *lk_chaos_text(const struct lk_chaos_world *world, const char *sql);
/* Statements that must succeed. */
void lk_chaos_must(const struct lk_chaos_world *world, const char *sql);

#endif
