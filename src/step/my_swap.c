/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb swap_columns on MySQL and MariaDB: the two columns of a running dual write exchange their names in one
 * ALTER, and the triggers, whose expressions go one way or the other, are made anew. All of it happens under LOCK TABLES,
 * so that no write comes in between. When the connection breaks there, the server lets the table go: then the columns'
 * order tells whether the names are exchanged, the triggers are made whole, and rows that were written meanwhile, into the
 * one column that the application knows, are brought in line by a walk over the table.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "db/my_text.h"
#include "step/backfill.h"
#include "step/my_backfill_sql.h"
#include "step/my_dual_write.h"
#include "step/my_dual_write_sql.h"
#include "step/my_expression.h"
#include "step/my_gentle.h"
#include "step/my_moment.h"
#include "step/my_renew.h"
#include "step/my_step.h"
#include "step/swap.h"

struct swap {
	const struct lk_step *dual_write;
	bool backward;
	bool wanted;	  /* the names exchanged, or as they were when the dual write began */
	bool again;	  /* the triggers are not whole: that comes first */
	bool interrupted; /* an earlier attempt was, and the triggers are not renewed since */
};

static bool is_whole(const struct lk_my_pair *pair)
{
	return pair->insert == LK_MY_TRIGGER_FITS && pair->update == LK_MY_TRIGGER_FITS;
}

static bool both_there(const struct lk_my_pair *pair, struct lk_error *error)
{
	return (pair->old_side && pair->new_side) ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "a column of the dual write of %s.%s and %s has gone", pair->table.shown,
		       pair->step->from, pair->step->to);
}

/* The statements under LOCK TABLES, made before it. */
struct work {
	struct lk_my_pair pair;
	char *rename; /* "" when they are as wanted */
	char *insert, *update;
};

static bool prepare(struct lk_step_run *run, const struct swap *s, struct work *w,
		    struct lk_error *error)
{
	memset(w, 0, sizeof *w);
	if (!lk_my_pair_read(run->session, s->dual_write, &w->pair, error))
		return false;
	if (!both_there(&w->pair, error))
		return false;
	const char *a = w->pair.old_side->sql, *b = w->pair.new_side->sql;
	w->rename =
		w->pair.swapped == s->wanted
			? lk_strdup("")
			: lk_format("RENAME COLUMN %s TO %s, RENAME COLUMN %s TO %s", a, b, b, a);
	w->pair.swapped = s->wanted;
	w->insert = lk_my_dual_write_trigger(run->session, &w->pair, true, error);
	w->update =
		w->insert ? lk_my_dual_write_trigger(run->session, &w->pair, false, error) : NULL;
	return w->update != NULL;
}

static void release(struct work *w)
{
	lk_my_pair_free(&w->pair);
	free(w->rename);
	free(w->insert);
	free(w->update);
}

static bool under_lock(struct lk_step_run *run, const struct work *w, struct lk_error *error)
{
	struct lk_session *session = run->session;
	return lk_my_dual_write_drop_triggers(run, &w->pair, true, error) &&
	       (!w->rename[0] ||
		lk_my_dual_write_alter(run, &w->pair.table, w->rename, true, error)) &&
	       lk_execute(session, w->insert, error) && lk_execute(session, w->update, error);
}

/* After a failure, while the table is still ours: triggers that fit the names as they are. */
static void mend(struct lk_step_run *run, const struct lk_step *dual_write)
{
	struct lk_my_pair pair;
	struct lk_error ignored;
	if (lk_my_pair_read(run->session, dual_write, &pair, &ignored) && pair.old_side &&
	    pair.new_side && lk_my_dual_write_make(run, &pair, true, true, &ignored))
		lk_my_dual_write_make(run, &pair, false, true, &ignored);
	lk_my_pair_free(&pair);
}

/* A stop does not come in between: it is a matter of milliseconds once the table is locked. */
static bool exchange(struct lk_step_run *run, const struct lk_step *dual_write,
		     const struct work *w, struct lk_error *error)
{
	char *lock = lk_format("LOCK TABLES %s WRITE", w->pair.table.sql);
	bool locked = lk_my_locking(run, &w->pair.table, lock, false, error);
	free(lock);
	if (!locked)
		return false;
	lk_session_insist(run->session, true);
	bool done = under_lock(run, w, error);
	if (!done && error->class != LK_ERROR_LOST)
		mend(run, dual_write);
	done = done && lk_execute(run->session, "UNLOCK TABLES", error);
	lk_session_insist(run->session, false);
	return done;
}

/* A cursor of this step stands for rows that must be brought in line. */
static bool mark_repair(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_journal_cursor none = {0};
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_set_cursor(run->session, run->run, run->number, &none, error) &&
	    lk_commit(run->session, error))
		return true;
	lk_rollback(run->session);
	return false;
}

/* An earlier attempt has left the table without its triggers for a while: they come back as the names are now. */
static bool make_whole(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	struct swap *s = argument;
	struct lk_my_pair pair;
	bool done = lk_my_pair_read(run->session, s->dual_write, &pair, error) &&
		    lk_my_renew_triggers(run, &pair, s->interrupted, error);
	if (done)
		s->interrupted = false;
	if (done && !is_whole(&pair))
		done = both_there(&pair, error) && mark_repair(run, error) &&
		       lk_my_dual_write_make(run, &pair, true, false, error) &&
		       lk_my_dual_write_make(run, &pair, false, false, error);
	lk_my_pair_free(&pair);
	return done;
}

static bool swap_work(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	struct swap *s = argument;
	struct lk_my_pair now;
	struct work w;
	bool read = lk_my_pair_read(run->session, s->dual_write, &now, error);
	bool there = read && is_whole(&now) && now.swapped == s->wanted;
	s->again = read && !is_whole(&now);
	lk_my_pair_free(&now);
	if (!read || there || s->again)
		return read;
	bool done = prepare(run, s, &w, error) && exchange(run, s->dual_write, &w, error);
	release(&w);
	return done;
}

static bool needs_repair(struct lk_step_run *run, bool *needs, struct lk_error *error)
{
	struct lk_result r;
	char number[16];
	snprintf(number, sizeof number, "%d", run->number);
	if (!LK_QUERY(run->session, &r, error,
		      "SELECT 1 FROM lockkeeper.cursor WHERE run = $1 AND step = $2", run->run,
		      number))
		return false;
	*needs = r.rows > 0;
	lk_result_free(&r);
	return true;
}

/*
 * The backfill that brings rows in line: the column by the name that the application does not use is set from the
 * other, where neither direction says that the two agree.
 */
static void fill_repair(const struct lk_step *d, bool swapped, struct lk_step *step,
			struct lk_assignment *set)
{
	char *from = lk_my_quote_name(d->from), *to = lk_my_quote_name(d->to);
	char *forth = lk_strdup(d->forth ? d->forth : from),
	     *back = lk_strdup(d->back ? d->back : to);
	if (swapped) {
		char *turned = lk_my_exchanged(forth, d->from, d->to);
		free(forth);
		forth = turned;
		turned = lk_my_exchanged(back, d->from, d->to);
		free(back);
		back = turned;
	}
	/* `from` is the old side, or the new one when the names are exchanged. */
	char *agree = swapped ? forth : back;
	*set = (struct lk_assignment){.column = d->to,
				      .expression = lk_strdup(swapped ? back : forth)};
	*step = (struct lk_step){.verb = LK_VERB_BACKFILL,
				 .name = d->name,
				 .table = d->table,
				 .set = set,
				 .set_count = 1,
				 .triggers = (char *)LK_MY_BOTH_SIDES};
	step->where = lk_my_converts(d) ? lk_format("NOT (%s <=> (%s))", from, agree) : NULL;
	free(back);
	free(forth);
	free(to);
	free(from);
}

static enum lk_outcome walk(struct lk_step_run *run, const struct swap *s, bool swapped,
			    struct lk_error *error)
{
	struct lk_assignment set;
	struct lk_plan plan = *run->plan;
	struct lk_step_run beside = *run;
	plan.steps = lk_alloc(plan.step_count * sizeof *plan.steps);
	memcpy(plan.steps, run->plan->steps, plan.step_count * sizeof *plan.steps);
	fill_repair(s->dual_write, swapped, &plan.steps[run->number], &set);
	beside.plan = &plan;
	lk_step_say(
		run,
		"the exchange was interrupted: rows that were written meanwhile are brought in line");
	enum lk_outcome outcome = lk_backfill_forward(&lk_my_backfill, &beside, error);
	free(set.expression);
	free(plan.steps[run->number].where);
	free(plan.steps);
	return outcome;
}

static bool forget_repair(struct lk_step_run *run, struct lk_error *error)
{
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_forget_cursor(run->session, run->run, run->number, error) &&
	    lk_commit(run->session, error))
		return true;
	lk_rollback(run->session);
	return false;
}

/* While the names stay as the application had them when the triggers were missing. */
static enum lk_outcome repair(struct lk_step_run *run, const struct swap *s, struct lk_error *error)
{
	struct lk_my_pair pair;
	bool needs = false;
	if (!needs_repair(run, &needs, error))
		return lk_step_outcome(run, error);
	if (!needs)
		return LK_OUTCOME_DONE;
	bool read = lk_my_pair_read(run->session, s->dual_write, &pair, error);
	bool swapped = pair.swapped;
	lk_my_pair_free(&pair);
	if (!read)
		return lk_step_outcome(run, error);
	enum lk_outcome outcome = walk(run, s, swapped, error);
	if (outcome == LK_OUTCOME_DONE && !forget_repair(run, error))
		return lk_step_outcome(run, error);
	return outcome;
}

static bool record(struct lk_step_run *run, const struct swap *s, struct lk_error *error)
{
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    (!s->backward ||
	     lk_journal_cleanup(run->session, run->run, run->number, NULL, error)) &&
	    lk_step_record(run, s->backward ? "undone" : "done", error) &&
	    lk_commit(run->session, error))
		return true;
	lk_rollback(run->session);
	return false;
}

static enum lk_outcome carry_out(struct lk_step_run *run, struct swap *s,
				 const struct lk_my_pair *pair, struct lk_error *error)
{
	do {
		s->again = false;
		enum lk_outcome outcome = lk_my_gently(run, &pair->table, make_whole, s, error);
		if (outcome == LK_OUTCOME_DONE)
			outcome = repair(run, s, error);
		if (outcome == LK_OUTCOME_DONE)
			outcome = lk_my_gently(run, &pair->table, swap_work, s, error);
		if (outcome != LK_OUTCOME_DONE)
			return outcome;
	} while (s->again);
	snprintf(run->note, sizeof run->note, "%s and %s have exchanged their names",
		 s->dual_write->from, s->dual_write->to);
	return record(run, s, error) ? LK_OUTCOME_DONE : lk_step_outcome(run, error);
}

/* What exchanges them back, for a person. */
static char *cleanup_of(struct lk_session *session, const struct lk_my_pair *pair)
{
	char *insert = lk_my_dual_write_drop(session, pair, true);
	char *update = lk_my_dual_write_drop(session, pair, false);
	char *a = session->driver->quote_name(pair->step->from);
	char *b = session->driver->quote_name(pair->step->to);
	char *sql =
		lk_format("%s;\n%s;\nALTER TABLE %s RENAME COLUMN %s TO %s, RENAME COLUMN %s TO %s",
			  insert, update, pair->table.sql, a, b, b, a);
	free(b);
	free(a);
	free(update);
	free(insert);
	return sql;
}

static enum lk_outcome swap_pair(struct lk_step_run *run, struct swap *s,
				 const struct lk_my_pair *pair, struct lk_error *error)
{
	bool begun;
	if (!lk_step_has_cleanup(run, &begun, error))
		return lk_step_outcome(run, error);
	if (!begun && s->backward) {
		LK_COPY(run->note, "nothing was there to take back");
		return lk_step_only_record(run, "undone", error);
	}
	if (!begun && !is_whole(pair)) {
		lk_fail(error, LK_ERROR_REFUSED,
			"the dual write of %s.%s and %s is not there any more, without which the columns "
			"differ",
			pair->table.shown, s->dual_write->from, s->dual_write->to);
		return LK_OUTCOME_FAILED;
	}
	s->interrupted = begun && !s->backward;
	char *cleanup = cleanup_of(run->session, pair);
	bool intended = lk_my_dual_write_intend(run, cleanup, error);
	free(cleanup);
	return intended ? carry_out(run, s, pair, error) : lk_step_outcome(run, error);
}

static enum lk_outcome swap(struct lk_step_run *run, bool backward, struct lk_error *error)
{
	struct swap s = {.backward = backward};
	struct lk_my_pair pair;
	bool swapped_before = false;
	s.dual_write = lk_swap_dual_write(run->plan, (size_t)run->number, &swapped_before);
	if (!s.dual_write) {
		lk_fail(error, LK_ERROR_PLAN, "no dual_write of the plan has these columns");
		return LK_OUTCOME_FAILED;
	}
	s.wanted = swapped_before == backward;
	enum lk_outcome outcome = lk_my_pair_read(run->session, s.dual_write, &pair, error)
					  ? swap_pair(run, &s, &pair, error)
					  : lk_step_outcome(run, error);
	lk_my_pair_free(&pair);
	return outcome;
}

static enum lk_outcome swap_forward(struct lk_step_run *run, struct lk_error *error)
{
	return swap(run, false, error);
}

static enum lk_outcome swap_backward(struct lk_step_run *run, struct lk_error *error)
{
	return swap(run, true, error);
}

static bool swap_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			  struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	struct lk_my_pair pair;
	bool swapped;
	const struct lk_step *dual_write = lk_swap_dual_write(plan, number, &swapped);
	if (!dual_write)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"step %s: swap_columns exchanges the names of the two columns of a dual "
			"write, and no dual_write before it has %s and %s of %s",
			step->name, step->from, step->to, step->table);
	if (!lk_my_pair_read(session, dual_write, &pair, error)) {
		lk_my_pair_free(&pair);
		return false;
	}
	char *from = session->driver->quote_name(step->from),
	     *to = session->driver->quote_name(step->to);
	snprintf(
		text->statement, sizeof text->statement,
		"LOCK TABLES %s WRITE;\n-- both triggers of the dual write dropped\n"
		"ALTER TABLE %s RENAME COLUMN %s TO %s, RENAME COLUMN %s TO %s, ALGORITHM=INSTANT;\n"
		"-- both triggers made anew for the names as they are then\nUNLOCK TABLES",
		pair.table.sql, pair.table.sql, from, to, to, from);
	snprintf(text->lock, sizeof text->lock, "LOCK TABLES %s WRITE, for milliseconds",
		 pair.table.shown);
	LK_COPY(text->cost, "no rewrite, no scan");
	snprintf(text->undo, sizeof text->undo, "the same exchange of %s and %s", step->from,
		 step->to);
	free(to);
	free(from);
	lk_my_pair_free(&pair);
	return true;
}

const struct lk_verb_ops lk_my_verb_swap_columns = {
	.forward = swap_forward,
	.backward = swap_backward,
	.describe = swap_describe,
};
