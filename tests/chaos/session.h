/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LK_TESTS_CHAOS_SESSION_H
#define LK_TESTS_CHAOS_SESSION_H

#include "tests/server/server.h"

/* A new connection to the primary that keeps the server's warnings to itself; its status may be bad. */
PGconn *lk_chaos_connect(const struct lk_test_server *server);
/* The first value of a query; false when nobody answers or it is NULL. */
bool lk_chaos_first(PGconn *connection, const char *sql, char *value, size_t size);
/* Waits until a query yields true; false after so many seconds. */
bool lk_chaos_wait(const struct lk_test_server *server, const char *sql, int seconds);

#endif
