/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From intent to steps: what a short-form plan means on this server, with these tables. Reads the catalog
 * and changes nothing.
 */
#ifndef LK_OPERATION_OPERATION_H
#define LK_OPERATION_OPERATION_H

#include "db/session.h"
#include "plan/model.h"

/*
 * Fills plan->steps from plan->operations; a plan that has steps already is left as it is. Steps of several
 * operations come phase by phase, within a phase in the order of the operations. Class PLAN or
 * REFUSED, with everything that hinders in one sentence, when the change cannot be carried out whole:
 * what an operation does not carry over it refuses by name.
 */
bool lk_operation_derive(struct lk_session *session, struct lk_plan *plan, struct lk_error *error);

/* The engines' side: the steps of one operation. */
struct lk_operation_ops {
	bool (*derive)(struct lk_session *session, const struct lk_operation *operation,
		       struct lk_plan *plan, struct lk_error *error);
};
extern const struct lk_operation_ops lk_pg_operations;
extern const struct lk_operation_ops lk_my_operations;

#endif
