/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/operation.h"

static const struct lk_operation_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_operations,
};

bool lk_operation_derive(struct lk_session *session, struct lk_plan *plan, struct lk_error *error)
{
	const struct lk_operation_ops *ops = engines[session->driver->engine];
	if (plan->step_count > 0)
		return true;
	for (size_t i = 0; i < plan->operation_count; i++) {
		const struct lk_operation *operation = &plan->operations[i];
		bool derived = false;
		switch (operation->kind) {
		case LK_OPERATION_RENAME_COLUMN:
			derived = ops->rename_column(session, operation, plan, error);
			break;
		}
		if (!derived)
			return lk_fail_context(error, "%s:%d:%d", plan->file, operation->line,
					       operation->column);
	}
	return true;
}
