/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SQL of a plan as its engine reads it. */
#ifndef LK_RISK_PLAN_H
#define LK_RISK_PLAN_H

#include "base/yaml.h"
#include "db/driver.h"
#include "plan/model.h"

/*
 * What the plan's reader, which knows no grammar, cannot see: a ddl that is several statements or
 * controls transactions, one that destroys data and does not say so, a verify, gate or probe that
 * is not a plain query, a set or where that is no expression, a column that is dropped while it is
 * still written by a dual write. False when *problems grew. *notes gets what could not be checked
 * because the engine's reader cannot read it, and warnings about a plan that is legal; it
 * may be NULL. Call it after lk_plan_read, before lk_plan_complete or after.
 */
bool lk_risk_check_plan(const struct lk_plan *plan, enum lk_engine engine,
			struct lk_problems *problems, struct lk_problems *notes);

/* lk_plan_read and lk_risk_check_plan in one: how a plan that will be run, explained or checked is
 * read. On false *plan is empty. */
bool lk_risk_read_plan(const char *path, enum lk_engine engine, struct lk_plan *plan,
		       struct lk_problems *problems, struct lk_problems *notes);
/* The same, with all problems in one error of class PLAN. */
bool lk_risk_load_plan(const char *path, enum lk_engine engine, struct lk_plan *plan,
		       struct lk_error *error);

#endif
