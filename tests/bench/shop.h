/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables of the sandbox on a server of the tests, and fresh copies of them. A copy is a
 * database of its own, made from the same files, so that each round of a measurement begins with
 * the same pages.
 */
#ifndef LK_TESTS_BENCH_SHOP_H
#define LK_TESTS_BENCH_SHOP_H

#include <libpq-fe.h>
#include <stdint.h>

#include "sandbox/link.h"
#include "tests/server/server.h"

/* A server set up as the sandbox's primary is, with the tables filled with so many users. */
struct lk_test_server *lk_bench_shop_start(int64_t users);
/* A fresh copy under this name (a plain word), after a checkpoint. */
void lk_bench_shop_copy(const struct lk_test_server *server, const char *name);
/* Ends what is connected to a copy, and removes it. */
void lk_bench_shop_drop(const struct lk_test_server *server, const char *name);
/* For the program; the caller's. */
char *lk_bench_shop_uri(const struct lk_test_server *server, const char *name);
/* A connection to it as libpq's, or as the sandbox's own functions want it. */
PGconn *lk_bench_shop_connect(const struct lk_test_server *server, const char *name);
struct lk_link *lk_bench_shop_link(const struct lk_test_server *server, const char *name);
/* Runs statements that must succeed; how long they took. */
double lk_bench_shop_sql(PGconn *connection, const char *sql);
/* The first value as a number. */
double lk_bench_shop_number(PGconn *connection, const char *sql);

#endif
