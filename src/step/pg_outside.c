/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_outside.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "risk/risk.h"
#include "step/pg_index.h"
#include "step/pg_step.h"

enum kind { BUILD, DROP, REBUILD, OTHER };

struct outside {
	struct lk_step_run *run;
	const struct lk_pg_change *change;
	struct lk_risk risk;
	enum kind kind;
};

static enum kind kind_of(const struct lk_risk *risk)
{
	if (strcmp(risk->kind, "create index concurrently") == 0)
		return BUILD;
	if (strcmp(risk->kind, "drop index concurrently") == 0)
		return DROP;
	return strcmp(risk->kind, "reindex concurrently") == 0 ? REBUILD : OTHER;
}

/* After a build that was cancelled, refused or lost. */
static void clear_build(struct outside *o, const struct lk_error *error)
{
	const struct lk_risk *risk = &o->risk;
	struct lk_error leftover;
	if (!risk->index[0])
		return;
	/* A name that was taken is somebody else's index. */
	if (error->class != LK_ERROR_LOST && strcmp(error->state, "42P07") != 0 &&
	    !lk_pg_index_drop_invalid(o->run->session, risk->table, risk->index, &leftover))
		lk_step_say(o->run, "an invalid index \"%s\" is left behind: %s", risk->index,
			    leftover.text);
}

/* What an interrupted REINDEX CONCURRENTLY leaves, an index of nobody else, is dropped when it was ours, and
 * otherwise named: it costs every write its time. */
static bool clear_rebuild(struct outside *o, bool ours, struct lk_error *error)
{
	struct lk_result r;
	const char *what = o->risk.index_sql[0] ? o->risk.index_sql : o->risk.table;
	if (!lk_pg_index_leftovers(o->run->session, what, &r, error))
		return false;
	bool cleared = true;
	for (size_t i = 0; cleared && i < r.rows; i++) {
		const char *index = lk_cell_text(&r, i, 0);
		lk_step_say(
			o->run,
			ours ? "an invalid index %s was left by an interrupted REINDEX "
			       "CONCURRENTLY: dropped"
			     : "an invalid index %s stands on the table, left by somebody's "
			       "interrupted REINDEX CONCURRENTLY: DROP INDEX CONCURRENTLY removes it",
			index);
		if (!ours)
			continue;
		char *sql = lk_format("DROP INDEX CONCURRENTLY IF EXISTS %s", index);
		cleared = lk_execute(o->run->session, sql, error);
		free(sql);
	}
	lk_result_free(&r);
	return cleared;
}

static enum lk_outcome failed(struct outside *o, struct lk_error *error)
{
	struct lk_error leftover;
	if (atomic_load(&o->run->pace->stop)) {
		/* Dropping it could wait for old transactions, and a pause must be quiet at once. */
		if (o->kind == BUILD && o->risk.index[0])
			lk_step_say(o->run,
				    "the build of index \"%s\" was cancelled; its invalid rest is "
				    "dropped on resume or rollback",
				    o->risk.index);
		return lk_step_outcome(o->run, error);
	}
	if (o->kind == BUILD)
		clear_build(o, error);
	else if (o->kind == REBUILD && error->class != LK_ERROR_LOST &&
		 !clear_rebuild(o, true, &leftover))
		lk_step_say(o->run, "an invalid index is left behind: %s", leftover.text);
	return lk_step_outcome(o->run, error);
}

/*
 * True in *done when an earlier, interrupted attempt finished the build. Removes what it left half done. On a
 * first attempt a valid index of that name is somebody else's, and the server will say so, or, with IF NOT
 * EXISTS, we do; an invalid one on the same table is the rest of a build that nobody finished.
 */
static bool prepare_build(struct outside *o, bool *done, struct lk_error *error)
{
	const struct lk_risk *risk = &o->risk;
	enum lk_pg_index_state state;
	if (!risk->index[0])
		return true;
	if (!lk_pg_index_state(o->run->session, risk->table, risk->index, &state, error))
		return false;
	if (state == LK_PG_INDEX_INVALID) {
		lk_step_say(o->run,
			    "an invalid index \"%s\" was left by an interrupted build: dropped",
			    risk->index);
		return lk_pg_index_drop_invalid(o->run->session, risk->table, risk->index, error);
	}
	*done = o->change->begun && state == LK_PG_INDEX_VALID;
	if (!*done && state == LK_PG_INDEX_VALID && risk->if_not_exists)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"an index \"%s\" is already there, and IF NOT EXISTS would take it for the one wanted, "
			"whatever it is over: leave the step out, or give the new index a name of its own",
			risk->index);
	return true;
}

/* IF NOT EXISTS succeeds as well when any other relation has the name. */
static bool built(struct outside *o, struct lk_error *error)
{
	const struct lk_risk *risk = &o->risk;
	enum lk_pg_index_state state;
	if (o->kind != BUILD || !risk->index[0])
		return true;
	if (!lk_pg_index_state(o->run->session, risk->table, risk->index, &state, error))
		return false;
	return state == LK_PG_INDEX_VALID ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "index \"%s\" is not there after its build: something else has that name, which "
		       "IF NOT EXISTS passed over",
		       risk->index);
}

static bool carry_out(struct outside *o, struct lk_error *error)
{
	bool done = false;
	if (o->kind == BUILD && !prepare_build(o, &done, error))
		return false;
	if (o->kind == REBUILD && !clear_rebuild(o, o->change->begun, error))
		return false;
	if (done)
		return true;
	if (lk_execute(o->run->session, o->change->statements[0], error))
		return built(o, error);
	/* undefined_object: the attempt that nobody heard of had dropped it. */
	return o->kind == DROP && o->change->begun && strcmp(error->state, "42704") == 0;
}

static bool record(struct outside *o, struct lk_error *error)
{
	return !o->change->state ||
	       (lk_journal_cleanup(o->run->session, o->run->run, o->run->number, o->change->cleanup,
				   error) &&
		lk_step_record(o->run, o->change->state, error));
}

enum lk_outcome lk_pg_outside(struct lk_step_run *run, const struct lk_pg_change *change,
			      struct lk_error *error)
{
	struct outside o = {.run = run, .change = change};
	enum lk_outcome outcome = LK_OUTCOME_DONE;
	lk_risk_statement(LK_ENGINE_POSTGRES, change->statements[0], &o.risk);
	o.kind = kind_of(&o.risk);
	if (!lk_journal_guard(run->session, run->run, run->epoch, error))
		return lk_step_outcome(run, error);
	if (!carry_out(&o, error))
		outcome = failed(&o, error);
	else if (!record(&o, error))
		outcome = lk_step_outcome(run, error);
	lk_journal_unguard(run->session, run->run);
	return outcome;
}
