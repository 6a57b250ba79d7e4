/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox as its users see it, whatever its servers are: it starts, its application keeps its pace, its
 * comparison finds what is wrong, and nothing of it stays behind. A test program names the servers by a
 * struct lk_one_sandbox, which is the *state of each test.
 */
#ifndef LK_TESTS_SERVER_ONE_SANDBOX_H
#define LK_TESTS_SERVER_ONE_SANDBOX_H

#include "tests/server/practice.h"

struct lk_one_sandbox {
	const char *kind;
	/* Locks the table users against everybody, and ends that. */
	const char *lock, *unlock;
	bool share;		  /* one sandbox, of 300 transactions a second, for all tests */
	struct lk_sandbox shared; /* that one, once the tests begin */
};

/* What a group's setup and teardown do. */
int lk_one_sandbox_begin(void **state, struct lk_one_sandbox one);
int lk_one_sandbox_end(void **state);

/* Tests that share a sandbox, in this order. */
void lk_one_sandbox_keeps_its_pace(void **state);
void lk_one_sandbox_measures_a_stall(void **state);
void lk_one_sandbox_finds_each_wrong_row(void **state);
void lk_one_sandbox_looks_at_each_column(void **state);

/* Tests with sandboxes of their own. */
void lk_one_sandbox_killed_takes_its_servers_along(void **state);
void lk_one_sandbox_ends_at_its_time(void **state);
void lk_one_sandbox_ends_when_nobody_uses_it(void **state);
void lk_one_sandbox_is_kept(void **state);

#endif
