/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One statement, in the cheapest way that the server takes, and what its errors mean. */
#ifndef LK_STEP_MY_CARRY_H
#define LK_STEP_MY_CARRY_H

#include "catalog/catalog.h"
#include "db/my_server.h"
#include "step/my_statement.h"
#include "step/step.h"

struct lk_my_carry {
	struct lk_my_server server;
	struct lk_my_statement statement;
	const struct lk_table *table; /* the one it changes; NULL: it is not there */
	/* out: the index under which the server saw a duplicate that is none, so that the same again may work; else "" */
	char passing[200];
};

/*
 * Under the journal's guard and the killer's eye (step/my_gentle.h). run->note says how it was done. With `again`
 * what is already as the statement would leave it is no error: it was carried out before.
 */
bool lk_my_carry_out(struct lk_step_run *run, struct lk_my_carry *carry, bool again,
		     struct lk_error *error);

#endif
