/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests of the journal on MySQL and MariaDB share. The server's defaults are odd on purpose: the journal must
 * not depend on them.
 */
#ifndef LK_TESTS_MY_JOURNAL_H
#define LK_TESTS_MY_JOURNAL_H

#include "tests/server/journal_rows.h"
#include "tests/server/my_sessions.h"

/* Where sessions go; NULL: no server is installed. */
extern struct lk_test_my *my_journal_server;
extern const struct lk_journal_holder my_alice, my_bob;

/* Fixtures: a server with odd defaults; one whose binary log is of statements, which InnoDB does not write at
 * READ COMMITTED. */
int my_journal_odd(void **state);
int my_journal_statements(void **state);
int my_journal_stop(void **state);

/* A session that calls itself as a keeper's of this run. */
struct lk_session *my_keeper_session(const char *run, const char *role);
/* A session with the journal there and a run in it, which is my_alice's. */
struct lk_session *my_session_with(const char *run, const char *plan_name, struct lk_plan *plan);

#endif
