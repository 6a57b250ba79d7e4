/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/step.h"

#include <string.h>

static const struct lk_step_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_steps,
};

static const struct lk_verb_ops *verb(const struct lk_session *session, const struct lk_step *step)
{
	return engines[session->driver->engine]->verbs[step->verb];
}

enum lk_outcome lk_step_forward(struct lk_step_run *run, struct lk_error *error)
{
	lk_error_clear(error);
	run->note[0] = '\0';
	return verb(run->session, lk_step_of(run))->forward(run, error);
}

enum lk_outcome lk_step_backward(struct lk_step_run *run, struct lk_error *error)
{
	lk_error_clear(error);
	run->note[0] = '\0';
	return verb(run->session, lk_step_of(run))->backward(run, error);
}

bool lk_step_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
		      struct lk_step_text *text, struct lk_error *error)
{
	memset(text, 0, sizeof *text);
	return verb(session, &plan->steps[number])->describe(session, plan, number, text, error);
}

bool lk_step_joins_next(const struct lk_plan *plan, size_t number)
{
	return plan->steps[number].verb == LK_VERB_END_DUAL_WRITE && number + 1 < plan->step_count &&
	       plan->steps[number + 1].verb == LK_VERB_DDL &&
	       plan->steps[number + 1].phase == plan->steps[number].phase;
}

bool lk_step_irreversible(const struct lk_step *step)
{
	/* Without its triggers the two columns drift apart, and no undo can say which is right. */
	return step->destroys != NULL || step->verb == LK_VERB_END_DUAL_WRITE;
}

enum lk_outcome lk_step_outcome(const struct lk_step_run *run, const struct lk_error *error)
{
	return atomic_load(&run->pace->stop) && error->class != LK_ERROR_FENCED ? LK_OUTCOME_STOPPED : LK_OUTCOME_FAILED;
}
