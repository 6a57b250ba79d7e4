/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb sql: several statements, and those that take them back, each in one gentle transaction. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "risk/risk.h"
#include "step/pg_change.h"
#include "step/pg_locks.h"
#include "step/pg_step.h"

/* For a person with psql: it happens as a whole, as it does with us. */
static char *cleanup_of(const char *undo)
{
	struct lk_buffer out = {0};
	size_t count;
	char **statements = lk_risk_split(LK_ENGINE_POSTGRES, undo, &count);
	lk_buffer_add(&out, "BEGIN");
	for (size_t i = 0; i < count; i++)
		lk_buffer_addf(&out, ";\n%s", statements[i]);
	lk_buffer_add(&out, ";\nCOMMIT");
	lk_risk_split_free(statements, count);
	return lk_buffer_take(&out);
}

static enum lk_outcome together(struct lk_step_run *run, const char *sql, const char *state,
				const char *cleanup, struct lk_error *error)
{
	size_t count;
	char **statements = lk_risk_split(LK_ENGINE_POSTGRES, sql, &count);
	const struct lk_pg_change change = {.statements = (const char *const *)statements,
					    .count = count,
					    .state = state,
					    .cleanup = cleanup};
	snprintf(run->note, sizeof run->note, "%zu statement%s in one transaction", count,
		 count == 1 ? "" : "s");
	enum lk_outcome outcome = lk_pg_change_together(run, &change, error);
	lk_risk_split_free(statements, count);
	return outcome;
}

static enum lk_outcome sql_forward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	if (!lk_step_intend(run, error))
		return lk_step_outcome(run, error);
	char *cleanup = step->undo ? cleanup_of(step->undo) : NULL;
	enum lk_outcome outcome = together(run, step->sql, "done", cleanup, error);
	free(cleanup);
	return outcome;
}

static enum lk_outcome sql_backward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	enum lk_outcome outcome;
	if (lk_pg_change_is_undone(run, &outcome, error))
		return outcome;
	return together(run, step->undo, "undone", NULL, error);
}

static bool may_stand(const struct lk_step *step, const char *what, const char *sql,
		      struct lk_error *error)
{
	size_t count;
	bool may = true;
	char **statements = lk_risk_split(LK_ENGINE_POSTGRES, sql, &count);
	for (size_t i = 0; may && i < count; i++) {
		struct lk_risk risk;
		lk_risk_statement(LK_ENGINE_POSTGRES, statements[i], &risk);
		const char *reason = lk_risk_not_together(LK_ENGINE_POSTGRES, &risk);
		if (reason)
			may = lk_fail(error, LK_ERROR_PLAN,
				      "step %s: statement %zu of %s (%.80s): %s", step->name, i + 1,
				      what, statements[i], reason);
	}
	if (may && count == 0)
		may = lk_fail(error, LK_ERROR_PLAN, "step %s: there is no statement in %s",
			      step->name, what);
	lk_risk_split_free(statements, count);
	return may;
}

static bool describe_locks(struct lk_session *session, const struct lk_step *step,
			   struct lk_step_text *text, struct lk_error *error)
{
	size_t count;
	struct lk_pg_locks locks;
	char **statements = lk_risk_split(LK_ENGINE_POSTGRES, step->sql, &count);
	bool found = lk_pg_locks_find(session, (const char *const *)statements, count, NULL, &locks,
				      error);
	if (found) {
		lk_pg_locks_text(&locks, text->lock, sizeof text->lock);
		lk_pg_locks_free(&locks);
	}
	lk_risk_split_free(statements, count);
	return found;
}

static bool sql_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			 struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	struct lk_risk risk;
	if (!may_stand(step, "its SQL", step->sql, error) ||
	    (step->undo && !may_stand(step, "its undo", step->undo, error)) ||
	    !describe_locks(session, step, text, error))
		return false;
	lk_risk_statement(LK_ENGINE_POSTGRES, step->sql, &risk);
	LK_COPY(text->statement, step->sql);
	if (!risk.parsed)
		LK_COPY(text->lock, risk.note);
	LK_COPY(text->cost, risk.cost);
	lk_step_describe_undo(step, text);
	return true;
}

const struct lk_verb_ops lk_pg_verb_sql = {
	.forward = sql_forward,
	.backward = sql_backward,
	.describe = sql_describe,
};
