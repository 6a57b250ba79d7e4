/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scene of tests of one step on a table t, with the application's connection beside it. To be included
 * once, by the test's own file; start and stop are its group's set-up and tear-down.
 */
#ifndef LK_TESTS_ONE_TABLE_H
#define LK_TESTS_ONE_TABLE_H

#include "tests/server/steps.h"

struct pair {
	struct lk_test_steps steps;
	PGconn *app;
};

static int start(void **state)
{
	*state = lk_test_server_start(NULL);
	return 0;
}

static int stop(void **state)
{
	lk_test_server_stop(*state);
	return 0;
}

/* t is made anew by `sql`, and all steps of the plan before `step` are done. */
static void open_pair(struct pair *pair, const struct lk_test_server *server, const char *sql,
		      const char *plan, const char *step)
{
	pair->app = lk_test_connect(server);
	lk_test_do(pair->app, "SET client_min_messages TO warning; DROP TABLE IF EXISTS t CASCADE");
	lk_test_do(pair->app, sql);
	lk_test_steps_open(&pair->steps, server, plan);
	lk_test_steps_until(&pair->steps, step);
}

static void end(struct pair *pair)
{
	PQfinish(pair->app);
	lk_test_steps_close(&pair->steps);
}

#endif
