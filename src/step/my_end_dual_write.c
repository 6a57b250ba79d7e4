/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb end_dual_write on MySQL and MariaDB. There is no transaction in which it could go together with the DROP
 * COLUMN behind it, and for a while the old column stands there without triggers. Whoever then writes the new column
 * alone leaves the old one to its default, which dual_write has seen to; what would not take the same default in
 * every row, a unique index or a CHECK over the old column, is dropped first, as the column itself is about to be.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "catalog/my_definition.h"
#include "risk/risk.h"
#include "step/my_dual_write.h"
#include "step/my_dual_write_sql.h"
#include "step/my_gentle.h"
#include "step/my_renew.h"
#include "step/my_step.h"

/* "DROP INDEX `a`, DROP CONSTRAINT `b`": what goes with the column and would stand in the way before; "" nothing. */
static bool find_hindrances(struct lk_session *session, const struct lk_table *table,
			    const struct lk_column *column, struct lk_buffer *out,
			    struct lk_error *error)
{
	struct lk_my_definition definition;
	lk_buffer_add(out, "");
	if (!column->not_null && !column->default_sql)
		return true;
	if (!lk_my_definition(session, table->sql, &definition, error))
		return false;
	for (size_t i = 0; i < definition.count; i++) {
		const struct lk_my_item *item = &definition.items[i];
		bool unique = item->kind == LK_MY_UNIQUE_KEY;
		if ((!unique && item->kind != LK_MY_CHECK) ||
		    !lk_my_mentions(item->rest, column->name))
			continue;
		char *name = session->driver->quote_name(item->name);
		lk_buffer_addf(out, "%sDROP %s %s", lk_buffer_text(out)[0] ? ", " : "",
			       unique ? "INDEX" : "CONSTRAINT", name);
		free(name);
	}
	lk_my_definition_free(&definition);
	return true;
}

/* Whether the column is about to be dropped: only then may its indexes go. The next step may name the table in any way. */
static bool goes_away(const struct lk_plan *plan, size_t number, const struct lk_table *table)
{
	const struct lk_step *step = &plan->steps[number];
	const char *const names[] = {step->table, table->shown, table->sql};
	bool goes = false;
	for (size_t i = 0; !goes && i < LK_COUNT(names) && lk_step_joins_next(plan, number); i++)
		goes = lk_risk_drops_column(LK_ENGINE_MYSQL, plan->steps[number + 1].sql, names[i],
					    step->from);
	return goes;
}

static bool relax(struct lk_step_run *run, const struct lk_my_pair *pair, struct lk_error *error)
{
	struct lk_buffer changes = {0};
	const struct lk_column *column = lk_table_column(&pair->table, lk_step_of(run)->from);
	if (!column || !goes_away(run->plan, (size_t)run->number, &pair->table))
		return true;
	bool done =
		find_hindrances(run->session, &pair->table, column, &changes, error) &&
		(!lk_buffer_text(&changes)[0] ||
		 lk_my_dual_write_alter(run, &pair->table, lk_buffer_text(&changes), false, error));
	lk_buffer_free(&changes);
	return done;
}

struct ending {
	const struct lk_step *dual_write;
	bool interrupted; /* an earlier attempt of it was */
};

static bool end_work(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	const struct ending *ending = argument;
	struct lk_my_pair pair;
	bool done = lk_my_pair_read(run->session, ending->dual_write, &pair, error) &&
		    lk_my_renew_triggers(run, &pair, ending->interrupted, error) &&
		    relax(run, &pair, error) &&
		    lk_my_dual_write_drop_triggers(run, &pair, false, error) &&
		    lk_my_dual_write_record(run, "done", true, error);
	lk_my_pair_free(&pair);
	return done;
}

/* What was written while a trigger was missing may be in one of the two columns only, and the drop of the other would
 * lose it. */
static bool is_intact(const struct lk_my_pair *pair, struct lk_error *error)
{
	const char *what = NULL;
	if (pair->insert != LK_MY_TRIGGER_FITS || pair->update != LK_MY_TRIGGER_FITS)
		what = "dropped or changed a trigger";
	else if (!pair->last)
		what = "added a trigger that fires behind those";
	return !what ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "somebody has %s of the dual write of %s.%s: what was written since then may be in one "
		       "of the two columns only, and nothing is dropped while that is so; make the columns equal "
		       "by hand, or roll back",
		       what, pair->table.shown, pair->step->from);
}

static enum lk_outcome end_pair(struct lk_step_run *run, const struct lk_my_pair *pair,
				struct lk_error *error)
{
	bool begun;
	if (!lk_step_has_cleanup(run, &begun, error))
		return lk_step_outcome(run, error);
	if (!begun && !is_intact(pair, error))
		return LK_OUTCOME_FAILED;
	char *insert = lk_my_dual_write_drop(run->session, pair, true);
	char *update = lk_my_dual_write_drop(run->session, pair, false);
	char *cleanup = lk_format("%s;\n%s", insert, update);
	LK_COPY(run->note, "the triggers are gone");
	struct ending ending = {.dual_write = pair->step, .interrupted = begun};
	enum lk_outcome outcome =
		lk_my_dual_write_intend(run, cleanup, error)
			? lk_my_gently(run, &pair->table, end_work, &ending, error)
			: lk_step_outcome(run, error);
	free(cleanup);
	free(update);
	free(insert);
	return outcome;
}

static enum lk_outcome end_forward(struct lk_step_run *run, struct lk_error *error)
{
	struct lk_my_pair pair;
	const struct lk_step *dual_write = lk_plan_ended_dual_write(run->plan, (size_t)run->number);
	if (!dual_write) {
		lk_fail(error, LK_ERROR_PLAN, "no dual_write of the plan has this column");
		return LK_OUTCOME_FAILED;
	}
	enum lk_outcome outcome = lk_my_pair_read(run->session, dual_write, &pair, error)
					  ? end_pair(run, &pair, error)
					  : lk_step_outcome(run, error);
	lk_my_pair_free(&pair);
	return outcome;
}

/* The step is irreversible once it was begun: an index may be gone, or one of the triggers. */
static enum lk_outcome end_backward(struct lk_step_run *run, struct lk_error *error)
{
	bool begun;
	if (!lk_step_has_cleanup(run, &begun, error))
		return lk_step_outcome(run, error);
	if (begun) {
		lk_fail(error, LK_ERROR_REFUSED,
			"%s was begun and cannot be taken back: what was written since may be in the new column"
			" only. Resume, and it is finished",
			lk_step_of(run)->name);
		return LK_OUTCOME_FAILED;
	}
	LK_COPY(run->note, "the triggers are still there");
	return lk_step_only_record(run, "undone", error);
}

static bool end_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			 struct lk_step_text *text, struct lk_error *error)
{
	struct lk_my_pair pair;
	struct lk_buffer all = {0}, changes = {0};
	const struct lk_step *dual_write = lk_plan_ended_dual_write(plan, number);
	if (!dual_write)
		return lk_fail(error, LK_ERROR_PLAN, "no dual_write of the plan has column %s",
			       plan->steps[number].from);
	bool described = lk_my_pair_read(session, dual_write, &pair, error);
	const struct lk_column *column =
		described ? lk_table_column(&pair.table, plan->steps[number].from) : NULL;
	if (column && goes_away(plan, number, &pair.table))
		described = find_hindrances(session, &pair.table, column, &changes, error);
	if (described) {
		char *insert = lk_my_dual_write_drop(session, &pair, true);
		char *update = lk_my_dual_write_drop(session, &pair, false);
		if (lk_buffer_text(&changes)[0])
			lk_buffer_addf(&all, "ALTER TABLE %s %s;\n", pair.table.sql,
				       lk_buffer_text(&changes));
		lk_buffer_addf(&all, "%s;\n%s", insert, update);
		LK_COPY(text->statement, lk_buffer_text(&all));
		snprintf(
			text->lock, sizeof text->lock,
			"metadata lock on %s, exclusive, for milliseconds, once for each statement",
			pair.table.shown);
		LK_COPY(text->cost, "no rewrite, no scan");
		LK_COPY(text->undo, "none: without the triggers the columns drift apart");
		free(update);
		free(insert);
	}
	lk_buffer_free(&changes);
	lk_buffer_free(&all);
	lk_my_pair_free(&pair);
	return described;
}

const struct lk_verb_ops lk_my_verb_end_dual_write = {
	.forward = end_forward,
	.backward = end_backward,
	.describe = end_describe,
};
