/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb ddl: one statement, in a transaction with its record where PostgreSQL allows that. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "risk/risk.h"
#include "step/pg_dual_write_sql.h"
#include "step/pg_gentle.h"
#include "step/pg_index.h"
#include "step/pg_step.h"

struct change {
	const char *sql;    /* NULL: nothing to do but the record */
	const char *before; /* end_dual_write's statements, or NULL */
	const char *state;
	const char *cleanup;
	bool begun; /* an earlier attempt was interrupted or failed: what is there may be ours */
};

static bool work(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	const struct change *change = argument;
	if (change->before && !lk_execute(run->session, change->before, error))
		return false;
	if (!lk_execute(run->session, change->sql, error) ||
	    !lk_journal_cleanup(run->session, run->run,
				change->before || lk_step_of(run)->destroys ? -1 : run->number,
				change->cleanup, error))
		return false;
	if (change->before &&
	    !lk_journal_set_step(run->session, run->run, run->number - 1, change->state,
				 "carried out in the next step's transaction", error))
		return false;
	return lk_pg_step_record(run, change->state, error);
}

/* The table the statement locks, looked at before each try; NULL when the parser does not know it. */
static enum lk_outcome in_transaction(struct lk_step_run *run, struct change *change,
				      struct lk_error *error)
{
	struct lk_risk risk;
	lk_risk_statement(change->sql, &risk);
	const struct lk_pg_lock lock = {
		risk.parsed && risk.table[0] && risk.mode[0] ? risk.table : NULL, risk.mode};
	return lk_pg_gently(run, &lock, work, change, error);
}

/* After a build that was cancelled, refused or lost: never trust what IF NOT EXISTS would. */
static enum lk_outcome build_failed(struct lk_step_run *run, const struct lk_risk *risk,
				    struct lk_error *error)
{
	struct lk_error leftover;
	if (atomic_load(&run->pace->stop)) {
		/* Dropping it could wait for old transactions, and a pause must be quiet at once. */
		lk_pg_say(
			run,
			"the build of index \"%s\" was cancelled; its invalid rest is dropped on resume "
			"or rollback",
			risk->index);
		return lk_step_outcome(run, error);
	}
	/* A name that was taken is somebody else's index. */
	if (risk->index[0] && error->class != LK_ERROR_LOST && strcmp(error->state, "42P07") != 0 &&
	    !lk_pg_index_drop_invalid(run->session, risk->table, risk->index, &leftover))
		lk_pg_say(run, "an invalid index \"%s\" is left behind: %s", risk->index,
			  leftover.text);
	return lk_step_outcome(run, error);
}

/*
 * True in *done when an earlier, interrupted attempt finished the build. Removes what it left half done. On a
 * first attempt a valid index of that name is somebody else's, and the server will say so; an invalid one on the
 * same table is the rest of a build that nobody finished.
 */
static bool already_there(struct lk_step_run *run, const struct lk_risk *risk, bool begun,
			  bool *done, struct lk_error *error)
{
	enum lk_pg_index_state state;
	*done = false;
	if (!risk->index[0])
		return true;
	if (!lk_pg_index_state(run->session, risk->table, risk->index, &state, error))
		return false;
	if (state == LK_PG_INDEX_INVALID) {
		lk_pg_say(run, "an invalid index \"%s\" was left by an interrupted build: dropped",
			  risk->index);
		return lk_pg_index_drop_invalid(run->session, risk->table, risk->index, error);
	}
	*done = begun && state == LK_PG_INDEX_VALID;
	return true;
}

/*
 * Statements that refuse a transaction block: guarded by an advisory lock, the intent recorded before and
 * the outcome after. They wait for old transactions without making anybody wait, so no time-out.
 */
static enum lk_outcome without_transaction(struct lk_step_run *run, const struct change *change,
					   const struct lk_risk *risk, struct lk_error *error)
{
	bool building = strstr(risk->kind, "create") != NULL, done = false;
	if (!lk_journal_guard(run->session, run->run, run->epoch, error))
		return lk_step_outcome(run, error);
	enum lk_outcome outcome = LK_OUTCOME_DONE;
	bool carried_out = !building || already_there(run, risk, change->begun, &done, error);
	if (carried_out && !done) {
		carried_out = lk_execute(run->session, change->sql, error);
		/* undefined_object: the attempt that nobody heard of had dropped it. */
		if (!carried_out && !building && change->begun &&
		    strcmp(error->state, "42704") == 0)
			carried_out = true;
	}
	if (!carried_out)
		outcome = build_failed(run, risk, error);
	else if (!lk_journal_cleanup(run->session, run->run, run->number, change->cleanup, error) ||
		 !lk_pg_step_record(run, change->state, error))
		outcome = lk_step_outcome(run, error);
	lk_journal_unguard(run->session, run->run);
	return outcome;
}

static enum lk_outcome carry_out(struct lk_step_run *run, struct change *change,
				 struct lk_error *error)
{
	struct lk_risk risk;
	lk_risk_statement(change->sql, &risk);
	if (risk.parsed && !risk.transactional)
		return without_transaction(run, change, &risk, error);
	return in_transaction(run, change, error);
}

static bool end_statements(struct lk_step_run *run, char **sql, struct lk_error *error)
{
	const struct lk_step *end = &run->plan->steps[run->number - 1];
	struct lk_table table;
	if (!lk_catalog_table(run->session, end->table, &table, error))
		return false;
	const struct lk_column *from = lk_table_need_column(&table, end->from, error);
	if (from)
		*sql = lk_pg_end_dual_write_sql(run->session, &table, from, NULL);
	lk_table_free(&table);
	return from != NULL;
}

/* True when the query, which gets the run and the step's number, returns a row. */
static bool journal_says(struct lk_step_run *run, const char *sql, bool *yes,
			 struct lk_error *error)
{
	struct lk_result r;
	char number[16];
	snprintf(number, sizeof number, "%d", run->number);
	if (!LK_QUERY(run->session, &r, error, sql, run->run, number))
		return false;
	*yes = r.rows > 0;
	lk_result_free(&r);
	return true;
}

static enum lk_outcome ddl_forward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	char *before = NULL;
	bool joined = run->number > 0 && lk_step_joins_next(run->plan, (size_t)run->number - 1);
	bool begun = false;
	if (!journal_says(
		    run,
		    "SELECT 1 FROM lockkeeper.step WHERE run = $1 AND number = $2::int AND state <> 'pending'",
		    &begun, error) ||
	    !lk_pg_step_intend(run, error) || (joined && !end_statements(run, &before, error)))
		return lk_step_outcome(run, error);
	struct change change = {step->sql, before, "done", step->undo, begun};
	enum lk_outcome outcome = carry_out(run, &change, error);
	free(before);
	return outcome;
}

/*
 * Whether the step has done anything that its undo could take back. The clean-up stands in the journal exactly
 * while it has, since both are written in one transaction; only a build outside transactions may be there
 * without it.
 */
static bool has_done_something(struct lk_step_run *run, bool *yes, struct lk_error *error)
{
	struct lk_risk risk;
	enum lk_pg_index_state state = LK_PG_INDEX_ABSENT;
	if (!journal_says(run, "SELECT 1 FROM lockkeeper.cleanup WHERE run = $1 AND step = $2::int",
			  yes, error))
		return false;
	lk_risk_statement(lk_step_of(run)->sql, &risk);
	if (*yes || !risk.parsed || risk.transactional || !risk.index[0])
		return true;
	if (!lk_pg_index_state(run->session, risk.table, risk.index, &state, error))
		return false;
	*yes = state != LK_PG_INDEX_ABSENT;
	return true;
}

static enum lk_outcome ddl_backward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	struct change change = {step->undo, NULL, "undone", NULL, true};
	bool done = false;
	if (!step->undo) {
		LK_COPY(run->note, "nothing to take back by itself");
		return lk_pg_step_only_record(run, "undone", error);
	}
	if (!has_done_something(run, &done, error))
		return lk_step_outcome(run, error);
	if (!done) {
		LK_COPY(run->note, "nothing was there to take back");
		return lk_pg_step_only_record(run, "undone", error);
	}
	return carry_out(run, &change, error);
}

static bool ddl_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			 struct lk_step_text *text, struct lk_error *error)
{
	(void)session;
	const struct lk_step *step = &plan->steps[number];
	struct lk_risk risk;
	lk_risk_statement(step->sql, &risk);
	if (risk.parsed && risk.statements != 1)
		return lk_fail(error, LK_ERROR_PLAN,
			       "step %s holds %d statements: give each a ddl step of its own",
			       step->name, risk.statements);
	LK_COPY(text->statement, step->sql);
	LK_COPY(text->lock, risk.parsed ? risk.lock : risk.note);
	LK_COPY(text->cost, risk.cost);
	if (step->undo)
		LK_COPY(text->undo, step->undo);
	else
		LK_COPY(text->undo, lk_step_irreversible(step)
					    ? "none: what it destroys cannot be brought back"
					    : "none of its own");
	return true;
}

const struct lk_verb_ops lk_pg_verb_ddl = {
	.forward = ddl_forward,
	.backward = ddl_backward,
	.describe = ddl_describe,
};
