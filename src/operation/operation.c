/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/operation.h"

#include <string.h>

#include "base/memory.h"

static const struct lk_operation_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_operations,
};

/* Each operation has added its own phases behind the last one's: stably into the order of the phases. */
static void sort_by_phase(struct lk_plan *plan)
{
	struct lk_step *sorted = NULL;
	size_t count = 0;
	for (int phase = 0; phase < LK_PHASES; phase++)
		for (size_t i = 0; i < plan->step_count; i++)
			if ((int)plan->steps[i].phase == phase)
				*LK_PUSH(sorted, count) = plan->steps[i];
	free(plan->steps);
	plan->steps = sorted;
}

bool lk_operation_derive(struct lk_session *session, struct lk_plan *plan, struct lk_error *error)
{
	const struct lk_operation_ops *ops = engines[session->driver->engine];
	if (plan->step_count > 0)
		return true;
	for (size_t i = 0; i < plan->operation_count; i++) {
		const struct lk_operation *operation = &plan->operations[i];
		if (!ops->derive(session, operation, plan, error))
			return lk_fail_context(error, "%s:%d:%d", plan->file, operation->line,
					       operation->column_number);
	}
	sort_by_phase(plan);
	return true;
}
