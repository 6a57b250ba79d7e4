/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_change.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "risk/risk.h"
#include "step/pg_gentle.h"
#include "step/pg_index.h"
#include "step/pg_outside.h"
#include "step/pg_step.h"

static bool run_statements(struct lk_step_run *run, const struct lk_pg_change *change,
			   struct lk_error *error)
{
	for (size_t i = 0; i < change->count; i++) {
		if (lk_execute(run->session, change->statements[i], error))
			continue;
		if (change->count > 1)
			lk_fail_context(error, "statement %zu of %zu", i + 1, change->count);
		return false;
	}
	return true;
}

static bool work(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	const struct lk_pg_change *change = argument;
	if ((change->before && !lk_execute(run->session, change->before, error)) ||
	    !run_statements(run, change, error))
		return false;
	if (!change->state)
		return true;
	if (!lk_journal_cleanup(run->session, run->run,
				change->before || lk_step_of(run)->destroys ? -1 : run->number,
				change->cleanup, error))
		return false;
	if (change->before &&
	    !lk_journal_set_step(run->session, run->run, run->number - 1, change->state,
				 "carried out in the next step's transaction", error))
		return false;
	return lk_step_record(run, change->state, error);
}

enum lk_outcome lk_pg_change_together(struct lk_step_run *run, const struct lk_pg_change *change,
				      struct lk_error *error)
{
	struct lk_pg_locks locks;
	if (!lk_pg_locks_find(run->session, change->statements, change->count,
			      change->before ? change->before_table : NULL, &locks, error))
		return lk_step_outcome(run, error);
	/* The work only reads it. */
	enum lk_outcome outcome = lk_pg_gently(run, &locks, work, (void *)(size_t)change, error);
	lk_pg_locks_free(&locks);
	return outcome;
}

enum lk_outcome lk_pg_change_carry_out(struct lk_step_run *run, const struct lk_pg_change *change,
				       struct lk_error *error)
{
	struct lk_risk risk;
	lk_risk_statement(LK_ENGINE_POSTGRES, change->statements[0], &risk);
	if (risk.parsed && !risk.transactional)
		return lk_pg_outside(run, change, error);
	return lk_pg_change_together(run, change, error);
}

bool lk_pg_change_begun(struct lk_step_run *run, bool *begun, struct lk_error *error)
{
	struct lk_journal_step step;
	if (!lk_step_look_up(run, &step, error))
		return false;
	*begun = strcmp(step.state, "pending") != 0;
	return true;
}

/*
 * The clean-up stands in the journal exactly while there is something, since both are written in one
 * transaction; only what is done outside transactions may be there without it. A DROP INDEX CONCURRENTLY
 * that got half way leaves the index invalid.
 */
static bool stands_now(struct lk_step_run *run, bool *stands, struct lk_error *error)
{
	struct lk_risk risk;
	enum lk_pg_index_state state;
	if (!lk_step_has_cleanup(run, stands, error))
		return false;
	lk_risk_statement(LK_ENGINE_POSTGRES, lk_step_of(run)->sql, &risk);
	if (*stands || !risk.parsed || risk.transactional || !risk.index[0])
		return true;
	if (risk.index_sql[0]
		    ? !lk_pg_index_state_of(run->session, risk.index_sql, &state, error)
		    : !lk_pg_index_state(run->session, risk.table, risk.index, &state, error))
		return false;
	*stands = state != (risk.index_sql[0] ? LK_PG_INDEX_VALID : LK_PG_INDEX_ABSENT);
	return true;
}

bool lk_pg_change_is_undone(struct lk_step_run *run, enum lk_outcome *outcome,
			    struct lk_error *error)
{
	bool stands = false;
	if (lk_step_of(run)->undo && !stands_now(run, &stands, error)) {
		*outcome = lk_step_outcome(run, error);
		return true;
	}
	if (stands)
		return false;
	LK_COPY(run->note, lk_step_of(run)->undo ? "nothing was there to take back"
						 : "nothing to take back by itself");
	*outcome = lk_step_only_record(run, "undone", error);
	return true;
}
