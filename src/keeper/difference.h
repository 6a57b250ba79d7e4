/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How two plans of one run differ: pure, on completed plans. Returned strings are the caller's. */
#ifndef LK_KEEPER_DIFFERENCE_H
#define LK_KEEPER_DIFFERENCE_H

#include <stddef.h>

#include "plan/model.h"

/* The intent of the short form is the same: same operations, same releases. */
bool lk_difference_same_intent(const struct lk_plan *a, const struct lk_plan *b);
/* The step `number` of both does the same; false when one of them has no such step. */
bool lk_difference_same_step(const struct lk_plan *a, const struct lk_plan *b, size_t number);
/* What of step `number` differs first: `its sql was "…", now it is "…"`. */
char *lk_difference_of_step(const struct lk_plan *before, const struct lk_plan *after,
			    size_t number);
/* The whole in one line of at most `size` bytes: "backfill-3: set; without verify-4; with ddl-7". */
void lk_difference_of_plans(const struct lk_plan *before, const struct lk_plan *after, char *text,
			    size_t size);

#endif
