/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scene of most tests of whole runs: one server, and Alice and Bob with homes of their own. To be
 * included once, by the test's own file; open_stage and close_stage are its group's set-up and tear-down.
 */
#ifndef LK_TESTS_TWO_PEOPLE_H
#define LK_TESTS_TWO_PEOPLE_H

#include "tests/control/stage.h"

static struct lk_stage stage;
static struct lk_home alice, bob;

static int open_stage(void **state)
{
	(void)state;
	lk_stage_open(&stage, NULL);
	lk_home_make(&stage, &alice);
	lk_home_make(&stage, &bob);
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	lk_stage_close(&stage);
	return 0;
}

#endif
