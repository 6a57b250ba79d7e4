/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/step.h"

#include <stdio.h>
#include <string.h>

#define MOST_TRIES 5
#define TRY_GAP_MS 1000
#define SAY_EACH 60 /* tries */

static const struct lk_step_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_steps,
	[LK_ENGINE_MYSQL] = &lk_my_steps,
};

const struct lk_step_ops *lk_step_ops_of(const struct lk_session *session)
{
	return engines[session->driver->engine];
}

static const struct lk_verb_ops *verb(const struct lk_session *session, const struct lk_step *step)
{
	const struct lk_step_ops *ops = lk_step_ops_of(session);
	return ops ? ops->verbs[step->verb] : NULL;
}

/* A statement that kept others waiting was cancelled for their sake: the step begins again, a few times. */
static bool given_way(struct lk_step_run *run, int tries, struct lk_error *error)
{
	if (error->class != LK_ERROR_CANCELLED || !atomic_exchange(&run->pace->give_way, false))
		return false;
	if (tries >= MOST_TRIES)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"the statement kept other sessions waiting in each of %d tries: it needs a "
			"quieter time or another strategy",
			tries);
	if (run->say)
		run->say(run->context,
			 "gave way: our statement kept other sessions waiting; it begins again");
	return lk_pace_sleep(run->pace, TRY_GAP_MS);
}

/* What the step has no patience of its own for is the journal, which nobody but a backup of the whole server, or a
 * person, keeps locked: nothing is half done, so it is waited for as long as it takes. */
static bool waited_for(struct lk_step_run *run, int waits, const struct lk_error *error)
{
	char text[400];
	if (error->class != LK_ERROR_RETRY || atomic_load(&run->pace->stop))
		return false;
	snprintf(text, sizeof text, "not now (%.250s): the step begins again as soon as it may",
		 error->text);
	if (run->say && waits % SAY_EACH == 0)
		run->say(run->context, text);
	lk_pace_sleep(run->pace, TRY_GAP_MS);
	return true;
}

static enum lk_outcome carry_out(struct lk_step_run *run,
				 enum lk_outcome (*act)(struct lk_step_run *, struct lk_error *),
				 struct lk_error *error)
{
	int tries = 1, waits = 0;
	for (;;) {
		lk_error_clear(error);
		run->note[0] = '\0';
		enum lk_outcome outcome = act(run, error);
		if (outcome != LK_OUTCOME_FAILED)
			return outcome;
		if (waited_for(run, waits, error))
			waits++;
		else if (given_way(run, tries, error))
			tries++;
		else
			return lk_step_outcome(run, error);
	}
}

enum lk_outcome lk_step_forward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_verb_ops *ops = verb(run->session, lk_step_of(run));
	return lk_session_served(run->session, ops, error) ? carry_out(run, ops->forward, error)
							   : LK_OUTCOME_FAILED;
}

enum lk_outcome lk_step_backward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_verb_ops *ops = verb(run->session, lk_step_of(run));
	return lk_session_served(run->session, ops, error) ? carry_out(run, ops->backward, error)
							   : LK_OUTCOME_FAILED;
}

bool lk_step_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
		      struct lk_step_text *text, struct lk_error *error)
{
	memset(text, 0, sizeof *text);
	const struct lk_verb_ops *ops = verb(session, &plan->steps[number]);
	return lk_session_served(session, ops, error) &&
	       ops->describe(session, plan, number, text, error);
}

bool lk_step_joins_next(const struct lk_plan *plan, size_t number)
{
	return plan->steps[number].verb == LK_VERB_END_DUAL_WRITE &&
	       number + 1 < plan->step_count && plan->steps[number + 1].verb == LK_VERB_DDL &&
	       plan->steps[number + 1].phase == plan->steps[number].phase;
}

bool lk_step_irreversible(const struct lk_step *step)
{
	/* Without its triggers the two columns drift apart, and no undo can say which is right. */
	return step->destroys != NULL || step->verb == LK_VERB_END_DUAL_WRITE;
}

enum lk_outcome lk_step_outcome(const struct lk_step_run *run, const struct lk_error *error)
{
	return atomic_load(&run->pace->stop) && error->class != LK_ERROR_FENCED ? LK_OUTCOME_STOPPED
										: LK_OUTCOME_FAILED;
}
