/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/replace.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "control/snapshot.h"
#include "keeper/difference.h"
#include "operation/operation.h"
#include "risk/plan.h"

static bool read_journal(struct lk_session *session, const char *name, struct lk_replacement *r,
			 struct lk_error *error)
{
	bool installed = false;
	if (!lk_journal_installed(session, &installed, error))
		return false;
	if (!installed)
		return lk_fail(error, LK_ERROR_USAGE, "the target has no journal, so no run %s",
			       name);
	if (!lk_journal_get(session, name, &r->run, error) ||
	    !lk_journal_load(session, r->run.name, &r->before, error))
		return false;
	r->steps = lk_alloc((r->before.step_count + 1) * sizeof *r->steps);
	return lk_journal_steps(session, r->run.name, r->before.step_count, r->steps, error);
}

static bool is_open(const struct lk_journal_run *run, struct lk_error *error)
{
	if (strcmp(run->state, "done") == 0 || strcmp(run->state, "undone") == 0)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"run %s is %s: there is nothing to take over, so run the plan without --replace",
			run->name, run->state);
	return !run->backward ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "run %s is on its way back: let the rollback end (lockkeeper rollback %s), then run the "
		       "plan anew",
		       run->name, run->name);
}

static void take_text(char **to, char **from)
{
	char *old = *to;
	*to = *from;
	*from = old;
}

/* The same intent has the same steps: those that were derived before anything was changed. */
static bool keep_steps(struct lk_replacement *r, struct lk_error *error)
{
	struct lk_plan file = r->after;
	json_t *copy = lk_plan_to_json(&r->before);
	memset(&r->after, 0, sizeof r->after);
	bool copied = lk_plan_from_json(copy, &r->after, error);
	json_decref(copy);
	if (copied) {
		struct lk_limits limits = r->after.limits;
		r->after.limits = file.limits;
		file.limits = limits;
		struct lk_names replicas = r->after.replicas;
		r->after.replicas = file.replicas;
		file.replicas = replicas;
		take_text(&r->after.why, &file.why);
		take_text(&r->after.target, &file.target);
		take_text(&r->after.file, &file.file);
		take_text(&r->after.name, &file.name);
	}
	lk_plan_free(&file);
	return copied;
}

static bool derive(struct lk_session *session, struct lk_replacement *r, struct lk_error *error)
{
	if (r->after.operation_count == 0) {
		lk_plan_complete(&r->after);
	} else if (lk_difference_same_intent(&r->before, &r->after)) {
		return keep_steps(r, error);
	} else if (lk_operation_derive(session, &r->after, error)) {
		lk_plan_complete(&r->after);
	} else {
		if (r->finished > 0)
			lk_fail_context(
				error,
				"the operations cannot be worked out again in the middle of run %s, so mend its "
				"long form (lockkeeper history %s --plan)",
				r->run.name, r->run.name);
		return false;
	}
	return r->after.step_count <= LK_SNAPSHOT_STEPS ||
	       lk_fail(error, LK_ERROR_PLAN, "the plan has %zu steps; %d is the most",
		       r->after.step_count, LK_SNAPSHOT_STEPS);
}

static bool is_done(const struct lk_replacement *r, size_t number)
{
	return strcmp(r->steps[number].state, "done") == 0;
}

static bool count_finished(struct lk_replacement *r, struct lk_error *error)
{
	while (r->finished < r->before.step_count && is_done(r, r->finished))
		r->finished++;
	for (size_t i = r->finished; i < r->before.step_count; i++)
		if (is_done(r, i))
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"step %s of run %s is done, but one before it is not: it needs a person",
				r->before.steps[i].name, r->run.name);
	return true;
}

static bool same_finished(const struct lk_replacement *r, struct lk_error *error)
{
	for (size_t i = 0; i < r->finished; i++) {
		if (lk_difference_same_step(&r->before, &r->after, i))
			continue;
		char *text = lk_difference_of_step(&r->before, &r->after, i);
		lk_fail(error, LK_ERROR_REFUSED,
			"step %zu (%s) of run %s is finished and must stay as it is: %s", i + 1,
			r->before.steps[i].name, r->run.name, text);
		free(text);
		return false;
	}
	/* Else the next step would believe that it has to end the dual write once more. */
	if (r->finished > 0 && lk_step_joins_next(&r->after, r->finished - 1))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"step %s is finished by itself: no ddl can stand right behind it any more",
			r->before.steps[r->finished - 1].name);
	return true;
}

/* What a person has mended must fit what is there; the rest was looked at when the run began. */
static bool describe_changed(struct lk_session *session, const struct lk_replacement *r,
			     struct lk_error *error)
{
	for (size_t i = r->finished; i < r->after.step_count; i++) {
		struct lk_step_text *text = lk_alloc(sizeof *text);
		bool fits = lk_difference_same_step(&r->before, &r->after, i) ||
			    lk_step_describe(session, &r->after, i, text, error) ||
			    lk_fail_context(error, "step %s", r->after.steps[i].name);
		free(text);
		if (!fits)
			return false;
	}
	return true;
}

bool lk_replacement_find(struct lk_session *session, const char *run, const char *plan_file,
			 struct lk_replacement *r, struct lk_error *error)
{
	memset(r, 0, sizeof *r);
	if (!lk_risk_load_plan(plan_file, session->driver->engine, &r->after, error) ||
	    !read_journal(session, run, r, error) || !is_open(&r->run, error) ||
	    !count_finished(r, error) || !derive(session, r, error) || !same_finished(r, error) ||
	    !describe_changed(session, r, error))
		return false;
	r->resumes = lk_difference_same_step(&r->before, &r->after, r->finished);
	lk_difference_of_plans(&r->before, &r->after, r->difference, sizeof r->difference);
	return true;
}

static bool take_back_leftovers(const struct lk_replacement *r, const struct lk_step_run *run,
				struct lk_error *error)
{
	struct lk_step_run back = *run;
	if (r->resumes || r->finished == r->before.step_count ||
	    strcmp(r->steps[r->finished].state, "pending") == 0)
		return true;
	/* Should we die in between, the run stands until a person has looked at it. */
	if (!lk_journal_set_wanted(run->session, run->run, "paused", error))
		return false;
	back.plan = &r->before;
	back.number = (int)r->finished;
	back.session->stop = &back.pace->stop;
	enum lk_outcome outcome = lk_step_backward(&back, error);
	back.session->stop = NULL;
	if (outcome == LK_OUTCOME_DONE)
		return true;
	if (outcome != LK_OUTCOME_FAILED)
		return lk_fail(
			error, LK_ERROR_CANCELLED,
			"stopped before the plan was replaced: step %s is still being taken back",
			r->before.steps[r->finished].name);
	return lk_fail_context(error,
			       "the plan was not replaced, because step %s could not be taken back",
			       r->before.steps[r->finished].name);
}

static bool record_event(const struct lk_replacement *r, struct lk_session *session,
			 const char *who, struct lk_error *error)
{
	char before[65], after[65];
	struct lk_journal_run now;
	lk_plan_digest(&r->before, before);
	lk_plan_digest(&r->after, after);
	char *text = lk_format("plan %.12s replaced by %.12s of %.80s: %s", before, after,
			       r->after.file, r->difference);
	bool recorded = lk_journal_get(session, r->run.name, &now, error) &&
			lk_journal_event(session, r->run.name, now.last_event + 1, lk_wall_ms(),
					 (const char *[]){"replace", who, text}, error);
	free(text);
	return recorded;
}

bool lk_replacement_carry_out(const struct lk_replacement *r, const struct lk_step_run *run,
			      const char *who, struct lk_error *error)
{
	struct lk_session *session = run->session;
	size_t from = r->finished + (r->resumes ? 1 : 0);
	if (!take_back_leftovers(r, run, error))
		return false;
	if (lk_begin(session, error) && lk_journal_fence(session, run->run, run->epoch, error) &&
	    lk_journal_replace(session, run->run, &r->after, from, error) &&
	    record_event(r, session, who, error) && lk_commit(session, error))
		return true;
	lk_rollback(session);
	return false;
}

void lk_replacement_free(struct lk_replacement *r)
{
	lk_plan_free(&r->before);
	lk_plan_free(&r->after);
	free(r->steps);
	memset(r, 0, sizeof *r);
}
