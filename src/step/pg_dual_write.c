/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs dual_write and end_dual_write. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "step/pg_conversion.h"
#include "step/pg_dual_write_sql.h"
#include "step/pg_gentle.h"
#include "step/pg_step.h"

struct statements {
	const char *sql, *cleanup;
	const char *state; /* what the journal says afterwards */
	bool forget_all;   /* from here on no step can be taken back */
};

static bool run_statements(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	const struct statements *s = argument;
	return lk_execute(run->session, s->sql, error) &&
	       lk_journal_cleanup(run->session, run->run, s->forget_all ? -1 : run->number,
				  s->cleanup, error) &&
	       lk_step_record(run, s->state, error);
}

static enum lk_outcome gently(struct lk_step_run *run, const struct lk_table *table,
			      struct statements *statements, struct lk_error *error)
{
	struct lk_pg_locks locks;
	if (!lk_pg_locks_table(run->session, table->sql, "ACCESS EXCLUSIVE", &locks, error))
		return lk_step_outcome(run, error);
	enum lk_outcome outcome = lk_pg_gently(run, &locks, run_statements, statements, error);
	lk_pg_locks_free(&locks);
	return outcome;
}

static enum lk_outcome begin_dual_write(struct lk_step_run *run, const struct lk_table *table,
					struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	char *sql = lk_pg_dual_write_sql(run->session, table, step, error);
	if (!sql)
		return lk_step_outcome(run, error);
	char *cleanup = lk_pg_end_dual_write_sql(run->session, table,
						 lk_table_column(table, step->from), step->to);
	snprintf(run->note, sizeof run->note, "column %s and its triggers are there", step->to);
	enum lk_outcome outcome =
		gently(run, table, &(struct statements){sql, cleanup, "done", false}, error);
	free(sql);
	free(cleanup);
	return outcome;
}

static enum lk_outcome dual_write_forward(struct lk_step_run *run, struct lk_error *error)
{
	struct lk_table table;
	if (!lk_step_intend(run, error) ||
	    !lk_catalog_table(run->session, lk_step_of(run)->table, &table, error))
		return lk_step_outcome(run, error);
	enum lk_outcome outcome = begin_dual_write(run, &table, error);
	lk_table_free(&table);
	return outcome;
}

/* Only what the function proves to be ours is dropped: without it the step never happened. */
static enum lk_outcome undo_dual_write(struct lk_step_run *run, const struct lk_table *table,
				       struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	const struct lk_column *from = lk_table_column(table, step->from);
	bool exists = false;
	if (from && !lk_pg_dual_write_exists(run->session, table, from, &exists, error))
		return lk_step_outcome(run, error);
	if (!exists) {
		LK_COPY(run->note, "nothing was there to take back");
		return lk_step_only_record(run, "undone", error);
	}
	char *sql = lk_pg_end_dual_write_sql(run->session, table, from, step->to);
	snprintf(run->note, sizeof run->note, "column %s and its triggers are gone", step->to);
	enum lk_outcome outcome =
		gently(run, table, &(struct statements){sql, NULL, "undone", false}, error);
	free(sql);
	return outcome;
}

static enum lk_outcome dual_write_backward(struct lk_step_run *run, struct lk_error *error)
{
	struct lk_table table;
	if (!lk_catalog_table(run->session, lk_step_of(run)->table, &table, error))
		return lk_step_outcome(run, error);
	enum lk_outcome outcome = undo_dual_write(run, &table, error);
	lk_table_free(&table);
	return outcome;
}

static bool dual_write_describe(struct lk_session *session, const struct lk_plan *plan,
				size_t number, struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	struct lk_table table;
	if (!lk_catalog_table(session, step->table, &table, error))
		return false;
	char *sql = lk_pg_dual_write_sql(session, &table, step, error);
	if (sql) {
		char *undo = lk_pg_end_dual_write_sql(
			session, &table, lk_table_column(&table, step->from), step->to);
		LK_COPY(text->statement, sql);
		LK_COPY(text->undo, undo);
		snprintf(text->lock, sizeof text->lock, "ACCESS EXCLUSIVE on %s, for milliseconds",
			 table.shown);
		LK_COPY(text->cost,
			lk_pg_converts(step)
				? "no rewrite, no scan; a write to either column runs a trigger, and "
				  "fails when its value cannot be converted"
				: "no rewrite, no scan; each write to either column runs a trigger");
		free(undo);
	}
	free(sql);
	lk_table_free(&table);
	return sql != NULL;
}

const struct lk_verb_ops lk_pg_verb_dual_write = {
	.forward = dual_write_forward,
	.backward = dual_write_backward,
	.describe = dual_write_describe,
};

/* end_dual_write: with a DROP right behind it both happen in one transaction, which the ddl step runs. */

static enum lk_outcome end_forward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	struct lk_table table;
	if (lk_step_joins_next(run->plan, (size_t)run->number)) {
		LK_COPY(run->note, "carried out in the next step's transaction");
		return lk_step_only_record(run, "running", error);
	}
	if (!lk_step_intend(run, error) ||
	    !lk_catalog_table(run->session, step->table, &table, error))
		return lk_step_outcome(run, error);
	const struct lk_column *from = lk_table_need_column(&table, step->from, error);
	enum lk_outcome outcome = LK_OUTCOME_FAILED;
	if (from && lk_pg_dual_write_intact(
			    run->session, &table, from,
			    lk_plan_ended_dual_write(run->plan, (size_t)run->number), error)) {
		char *sql = lk_pg_end_dual_write_sql(run->session, &table, from, NULL);
		LK_COPY(run->note, "the triggers are gone");
		outcome = gently(run, &table, &(struct statements){sql, NULL, "done", true}, error);
		free(sql);
	}
	lk_table_free(&table);
	return outcome;
}

/* Reached only while the triggers are still there: the step is irreversible once done. */
static enum lk_outcome end_backward(struct lk_step_run *run, struct lk_error *error)
{
	LK_COPY(run->note, "the triggers are still there");
	return lk_step_only_record(run, "undone", error);
}

/*
 * The old side of the dual write that a step ends, as the catalog calls it now: before the run there is no
 * second column, and a later swap_columns will have given this one the name that the step knows. The function
 * tells when it is there. NULL and *error when there is none.
 */
static const struct lk_column *old_side(struct lk_session *session, const struct lk_plan *plan,
					size_t number, const struct lk_table *table,
					struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	const struct lk_column *column = lk_table_column(table, step->from);
	bool exists = false;
	if (column && !lk_pg_dual_write_exists(session, table, column, &exists, error))
		return NULL;
	const struct lk_step *dual_write = lk_plan_ended_dual_write(plan, number);
	if (!exists && dual_write)
		return lk_table_need_column(table, dual_write->from, error);
	return column ? column : lk_table_need_column(table, step->from, error);
}

static bool end_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			 struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	struct lk_table table;
	if (!lk_catalog_table(session, step->table, &table, error))
		return false;
	const struct lk_column *from = old_side(session, plan, number, &table, error);
	if (from) {
		char *sql = lk_pg_end_dual_write_sql(session, &table, from, NULL);
		LK_COPY(text->statement, sql);
		snprintf(text->lock, sizeof text->lock, "ACCESS EXCLUSIVE on %s, for milliseconds",
			 table.shown);
		LK_COPY(text->cost, lk_step_joins_next(plan, number)
					    ? "in one transaction with the next step"
					    : "no rewrite, no scan");
		LK_COPY(text->undo, "none: without the triggers the columns drift apart");
		free(sql);
	}
	lk_table_free(&table);
	return from != NULL;
}

const struct lk_verb_ops lk_pg_verb_end_dual_write = {
	.forward = end_forward,
	.backward = end_backward,
	.describe = end_describe,
};
