/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan's file read for a target: its SQL is checked as the target's engine reads it. */
#ifndef LK_CLI_READ_PLAN_H
#define LK_CLI_READ_PLAN_H

#include "db/driver.h"
#include "risk/plan.h"

/*
 * As lk_risk_read_plan, for the engine of `target` (a URI or a name from the settings; NULL: of the target that
 * the plan names, or of the replicas that it lists). Where nothing says which engine it is, the plan is taken for one
 * of PostgreSQL's. No server is asked.
 */
bool lk_cli_read_plan(const char *path, const char *target, struct lk_plan *plan,
		      struct lk_problems *problems, struct lk_problems *notes);

/* The engine of a URI that lk_driver_for takes. */
enum lk_engine lk_cli_engine(const char *uri);

#endif
