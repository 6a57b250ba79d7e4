/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The longer statements of my_engine.c. */
#ifndef LK_TESTS_CHAOS_MY_STATEMENTS_H
#define LK_TESTS_CHAOS_MY_STATEMENTS_H

#include "tests/chaos/engine.h"

extern const struct lk_chaos_sign lk_chaos_my_signs[LK_CHAOS_MOMENTS + 1];
extern const char lk_chaos_my_look[], lk_chaos_my_behind[], lk_chaos_my_schema[];
char *lk_chaos_my_make_users(int rows);

#endif
