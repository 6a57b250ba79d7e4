/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb swap_columns: the two columns of a running dual write exchange their names, so that the new one
 * is found under the old name. The triggers follow the columns by their numbers; the function's body, which goes by
 * names, is replaced in the same transaction. Taking it back is the same exchange.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "step/pg_conversion.h"
#include "step/pg_dual_write_sql.h"
#include "step/pg_gentle.h"
#include "step/pg_step.h"
#include "step/swap.h"

struct swap {
	const struct lk_step *step, *dual_write;
	struct lk_table table;
	/* By what they were when the dual write began, whatever they are called now. */
	const struct lk_column *old_side, *new_side;
	bool swapped_before; /* the plan has exchanged them before this step */
	bool there;	     /* the dual write */
	bool swapped;	     /* the names are exchanged now */
	char *sql;	     /* the exchange */
	bool backward;
};

/* A name for the moment in between. */
static char *free_name(const struct lk_table *table)
{
	char name[40] = "lockkeeper_swap";
	for (int n = 2; lk_table_column(table, name); n++)
		snprintf(name, sizeof name, "lockkeeper_swap_%d", n);
	return lk_strdup(name);
}

static char *exchange(struct lk_session *session, const struct swap *s, struct lk_error *error)
{
	const struct lk_pg_pair pair = {&s->table, s->dual_write, s->old_side, s->new_side};
	char *function = lk_pg_dual_write_function_sql(session, &pair, !s->swapped, error);
	if (!function)
		return NULL;
	char *free_for_now = free_name(&s->table);
	const char *t = s->table.sql, *a = s->old_side->sql, *b = s->new_side->sql;
	char *sql = lk_format("ALTER TABLE %s RENAME COLUMN %s TO %s;\n"
			      "ALTER TABLE %s RENAME COLUMN %s TO %s;\n"
			      "ALTER TABLE %s RENAME COLUMN %s TO %s;\n%s",
			      t, a, free_for_now, t, b, a, t, free_for_now, b, function);
	free(free_for_now);
	free(function);
	return sql;
}

/* The function is named after the old side's number, and so tells which of the two that is. */
static bool find_sides(struct lk_session *session, struct swap *s, struct lk_error *error)
{
	const struct lk_column *a = lk_table_need_column(&s->table, s->dual_write->from, error);
	const struct lk_column *b =
		a ? lk_table_need_column(&s->table, s->dual_write->to, error) : NULL;
	bool straight = false, crossed = false;
	if (!b || !lk_pg_dual_write_exists(session, &s->table, a, &straight, error) ||
	    !lk_pg_dual_write_exists(session, &s->table, b, &crossed, error))
		return false;
	s->there = straight || crossed;
	s->swapped = crossed;
	s->old_side = crossed ? b : a;
	s->new_side = crossed ? a : b;
	return true;
}

static bool carry_out(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	const struct swap *s = argument;
	return lk_execute(run->session, s->sql, error) &&
	       lk_journal_cleanup(run->session, run->run, run->number, NULL, error) &&
	       lk_step_record(run, s->backward ? "undone" : "done", error);
}

static enum lk_outcome gently(struct lk_step_run *run, struct swap *s, struct lk_error *error)
{
	struct lk_pg_locks locks;
	s->sql = exchange(run->session, s, error);
	if (!s->sql ||
	    !lk_pg_locks_table(run->session, s->table.sql, "ACCESS EXCLUSIVE", &locks, error))
		return lk_step_outcome(run, error);
	snprintf(run->note, sizeof run->note, "%s and %s have exchanged their names",
		 s->old_side->name, s->new_side->name);
	enum lk_outcome outcome = lk_pg_gently(run, &locks, carry_out, s, error);
	lk_pg_locks_free(&locks);
	return outcome;
}

static enum lk_outcome swap_to(struct lk_step_run *run, struct swap *s, struct lk_error *error)
{
	bool wanted = s->swapped_before == s->backward;
	if (!find_sides(run->session, s, error))
		return lk_step_outcome(run, error);
	if (!s->there && !s->backward) {
		lk_fail(error, LK_ERROR_REFUSED,
			"the dual write of %s.%s and %s is not there any more, without which the columns "
			"differ",
			s->table.shown, s->dual_write->from, s->dual_write->to);
		return LK_OUTCOME_FAILED;
	}
	if (!s->there || s->swapped == wanted) {
		LK_COPY(run->note, s->backward ? "nothing was there to take back"
					       : "they had exchanged their names before");
		return lk_step_only_record(run, s->backward ? "undone" : "done", error);
	}
	return gently(run, s, error);
}

static enum lk_outcome swap(struct lk_step_run *run, bool backward, struct lk_error *error)
{
	struct swap s = {.step = lk_step_of(run), .backward = backward};
	s.dual_write = lk_swap_dual_write(run->plan, (size_t)run->number, &s.swapped_before);
	if (!s.dual_write) {
		lk_fail(error, LK_ERROR_PLAN, "no dual_write of the plan has these columns");
		return LK_OUTCOME_FAILED;
	}
	if (!lk_catalog_table(run->session, s.step->table, &s.table, error))
		return lk_step_outcome(run, error);
	enum lk_outcome outcome = swap_to(run, &s, error);
	free(s.sql);
	lk_table_free(&s.table);
	return outcome;
}

static enum lk_outcome swap_forward(struct lk_step_run *run, struct lk_error *error)
{
	if (!lk_step_intend(run, error))
		return lk_step_outcome(run, error);
	return swap(run, false, error);
}

static enum lk_outcome swap_backward(struct lk_step_run *run, struct lk_error *error)
{
	return swap(run, true, error);
}

static void describe_renames(struct lk_session *session, const struct lk_table *table,
			     const struct lk_step *step, struct lk_step_text *text)
{
	char *from = session->driver->quote_name(step->from),
	     *to = session->driver->quote_name(step->to), *between = free_name(table);
	snprintf(
		text->statement, sizeof text->statement,
		"ALTER TABLE %s RENAME COLUMN %s TO %s;\nALTER TABLE %s RENAME COLUMN %s TO %s;\n"
		"ALTER TABLE %s RENAME COLUMN %s TO %s;\n-- and the dual write's function with the "
		"names exchanged",
		table->sql, from, between, table->sql, to, from, table->sql, between, to);
	free(between);
	free(to);
	free(from);
}

static bool swap_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			  struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	bool swapped;
	const struct lk_step *dual_write = lk_swap_dual_write(plan, number, &swapped);
	struct lk_table table;
	if (!dual_write)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"step %s: swap_columns exchanges the names of the two columns of a dual "
			"write, and no dual_write before it has %s and %s of %s",
			step->name, step->from, step->to, step->table);
	if (!lk_catalog_table(session, step->table, &table, error))
		return false;
	describe_renames(session, &table, step, text);
	snprintf(text->lock, sizeof text->lock, "ACCESS EXCLUSIVE on %s, for milliseconds",
		 table.shown);
	LK_COPY(text->cost,
		lk_pg_converts(dual_write)
			? "no rewrite, no scan; prepared statements that return the column fail until "
			  "prepared anew (0A000)"
			: "no rewrite, no scan");
	snprintf(text->undo, sizeof text->undo, "the same exchange of %s and %s", step->from,
		 step->to);
	lk_table_free(&table);
	return true;
}

const struct lk_verb_ops lk_pg_verb_swap_columns = {
	.forward = swap_forward,
	.backward = swap_backward,
	.describe = swap_describe,
};
