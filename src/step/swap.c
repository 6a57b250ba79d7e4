/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/swap.h"

#include <string.h>

const struct lk_step *lk_swap_dual_write(const struct lk_plan *plan, size_t number, bool *swapped)
{
	const struct lk_step *swap = &plan->steps[number];
	for (size_t i = 0; i < number; i++) {
		const struct lk_step *step = &plan->steps[i];
		const char *columns[2];
		if (!lk_plan_dual_write(plan, i, number, columns) ||
		    strcmp(step->table, swap->table) != 0)
			continue;
		*swapped = strcmp(columns[0], step->from) != 0;
		if ((strcmp(columns[0], swap->from) == 0 && strcmp(columns[1], swap->to) == 0) ||
		    (strcmp(columns[1], swap->from) == 0 && strcmp(columns[0], swap->to) == 0))
			return step;
	}
	return NULL;
}
