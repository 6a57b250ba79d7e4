/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "operation/operation.h"

#include <string.h>

#include "base/memory.h"
#include "catalog/catalog.h"
#include "plan/alternative.h"

static const struct lk_operation_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_operations,
	[LK_ENGINE_MYSQL] = &lk_my_operations,
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

/* Answers are bound to names: two gates of one name would be opened by one answer. */
static bool names_are_unique(const struct lk_plan *plan, struct lk_error *error)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const char *name = plan->steps[i].name;
		if (name && lk_plan_find_step(plan, name) != (int)i)
			return lk_fail(error, LK_ERROR_PLAN,
				       "two of the derived steps are named %s", name);
	}
	return true;
}

/* After it everything else of the plan would speak of the view. */
static bool renames_alone(const struct lk_plan *plan, struct lk_error *error)
{
	for (size_t i = 0; i < plan->operation_count; i++) {
		const struct lk_operation *rename = &plan->operations[i];
		for (size_t j = 0;
		     rename->kind == LK_OPERATION_RENAME_TABLE && j < plan->operation_count; j++) {
			const struct lk_operation *other = &plan->operations[j];
			if (i != j &&
			    ((other->table && strcmp(other->table, rename->table) == 0) ||
			     (other->references && strcmp(other->references, rename->table) == 0)))
				return lk_fail(
					error, LK_ERROR_PLAN,
					"%s:%d:%d: %s of %s in one plan with rename_table: give it a plan of its "
					"own, before or after",
					plan->file, other->line, other->column_number,
					lk_operation_name(other->kind), rename->table);
		}
	}
	return true;
}

/* Which engine's texts are meant can be said only now. */
static bool choose(struct lk_session *session, struct lk_plan *plan, struct lk_error *error)
{
	struct lk_server server;
	return !lk_plan_has_alternatives(plan) || (lk_catalog_server(session, &server, error) &&
						   lk_plan_choose(plan, server.engines, error));
}

bool lk_operation_derive(struct lk_session *session, struct lk_plan *plan, struct lk_error *error)
{
	const struct lk_operation_ops *ops = engines[session->driver->engine];
	if (!lk_session_served(session, ops, error))
		return false;
	if (plan->step_count > 0)
		return true;
	if (!choose(session, plan, error) || !renames_alone(plan, error))
		return false;
	for (size_t i = 0; i < plan->operation_count; i++) {
		const struct lk_operation *operation = &plan->operations[i];
		if (!ops->derive(session, operation, plan, error))
			return lk_fail_context(error, "%s:%d:%d", plan->file, operation->line,
					       operation->column_number);
	}
	sort_by_phase(plan);
	return names_are_unique(plan, error);
}
