/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The longer statements of pg_engine.c. */
#ifndef LK_TESTS_CHAOS_PG_STATEMENTS_H
#define LK_TESTS_CHAOS_PG_STATEMENTS_H

#include "tests/chaos/engine.h"

extern const struct lk_chaos_sign lk_chaos_pg_signs[LK_CHAOS_MOMENTS + 1];
extern const char lk_chaos_pg_look[], lk_chaos_pg_behind[], lk_chaos_pg_schema[];
char *lk_chaos_pg_make_users(int rows);
char *lk_chaos_pg_write(bool new_release);

#endif
