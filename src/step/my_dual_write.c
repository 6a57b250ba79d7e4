/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb dual_write on MySQL and MariaDB, where column and triggers come one after another.
 *
 * Before the first of them the clean-up is recorded with the intent, after it was seen that none is there: what
 * is found later, in whatever part, is therefore ours, and is completed or taken back. Between column and triggers
 * writes reach the old column only, which is why the backfill begins only behind this step.
 *
 * CREATE TRIGGER waits for every transaction that has used the table, so no transaction writes half with and half
 * without it.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "step/my_dual_write.h"
#include "step/my_dual_write_sql.h"
#include "step/my_gentle.h"
#include "step/my_moment.h"
#include "step/my_renew.h"
#include "step/my_step.h"

bool lk_my_dual_write_intend(struct lk_step_run *run, const char *cleanup, struct lk_error *error)
{
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_set_step(run->session, run->run, run->number, "running", NULL, error) &&
	    lk_journal_cleanup(run->session, run->run, run->number, cleanup, error) &&
	    lk_commit(run->session, error))
		return true;
	lk_rollback(run->session);
	return false;
}

bool lk_my_dual_write_record(struct lk_step_run *run, const char *state, bool all,
			     struct lk_error *error)
{
	return lk_begin(run->session, error) &&
	       lk_journal_fence(run->session, run->run, run->epoch, error) &&
	       lk_journal_cleanup(run->session, run->run, all ? -1 : run->number, NULL, error) &&
	       lk_step_record(run, state, error) && lk_commit(run->session, error);
}

/* Finds the columns that the step speaks of. */
static const struct lk_column *find_source(const struct lk_my_pair *pair,
					   const struct lk_column **like, struct lk_error *error)
{
	const struct lk_step *step = pair->step;
	const struct lk_column *from = lk_table_need_column(&pair->table, step->from, error);
	*like = from ? lk_table_need_column(&pair->table, step->like ? step->like : step->from,
					    error)
		     : NULL;
	return *like ? from : NULL;
}

/* The column, or what it lacks of defaults. That the old one has one of ours was the last thing to be done. */
static bool add_column(struct lk_step_run *run, struct lk_my_pair *pair, struct lk_error *error)
{
	const struct lk_column *like, *from = find_source(pair, &like, error);
	if (!from)
		return false;
	char *restore = lk_my_dual_write_restore(pair);
	bool complete = restore[0] != '\0';
	free(restore);
	if (complete)
		return true;
	char *add = pair->new_side ? lk_strdup("")
				   : lk_my_dual_write_add(run->session, pair, from, like, error);
	char *defaults =
		add ? lk_my_dual_write_defaults(run->session, pair, from, like, error) : NULL;
	bool done =
		defaults &&
		(!add[0] || lk_my_dual_write_alter(run, &pair->table, add, false, error)) &&
		(!defaults[0] || lk_my_dual_write_alter(run, &pair->table, defaults, false, error));
	free(defaults);
	free(add);
	const struct lk_step *step = pair->step;
	lk_my_pair_free(pair);
	return done && lk_my_pair_read(run->session, step, pair, error);
}

bool lk_my_dual_write_run(struct lk_step_run *run, const struct lk_table *table, const char *sql,
			  bool held, struct lk_error *error)
{
	return held ? lk_execute(run->session, sql, error)
		    : lk_my_locking(run, table, sql, false, error);
}

bool lk_my_dual_write_alter(struct lk_step_run *run, const struct lk_table *table,
			    const char *changes, bool held, struct lk_error *error)
{
	/* ER_ALTER_OPERATION_NOT_SUPPORTED and its REASON; ER_INNODB_MAX_ROW_VERSION. */
	enum { NOT_SUPPORTED = 1845, NOT_SUPPORTED_REASON = 1846, ROW_VERSIONS = 4092 };
	char *sql = lk_format("ALTER TABLE %s %s, ALGORITHM=INSTANT", table->sql, changes);
	bool done = lk_my_dual_write_run(run, table, sql, held, error);
	free(sql);
	if (done || (error->number != NOT_SUPPORTED && error->number != NOT_SUPPORTED_REASON &&
		     error->number != ROW_VERSIONS))
		return done;
	sql = lk_format("ALTER TABLE %s %s, ALGORITHM=INPLACE, LOCK=NONE", table->sql, changes);
	done = held ? lk_execute(run->session, sql, error)
		    : lk_my_locking(run, table, sql, true, error);
	free(sql);
	return done;
}

bool lk_my_dual_write_make(struct lk_step_run *run, const struct lk_my_pair *pair, bool insert,
			   bool held, struct lk_error *error)
{
	enum lk_my_trigger_state state = insert ? pair->insert : pair->update;
	if (state == LK_MY_TRIGGER_FITS)
		return true;
	char *drop = lk_my_dual_write_drop(run->session, pair, insert);
	char *sql = lk_my_dual_write_trigger(run->session, pair, insert, error);
	bool made = sql &&
		    (state == LK_MY_TRIGGER_NONE ||
		     lk_my_dual_write_run(run, &pair->table, drop, held, error)) &&
		    lk_my_dual_write_run(run, &pair->table, sql, held, error);
	free(sql);
	free(drop);
	return made;
}

/* Once the triggers are there the column is filled by others too, so defaults come before them. */
static bool begin_work(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	struct lk_my_pair pair;
	const bool *interrupted = argument;
	bool done = lk_my_pair_read(run->session, lk_step_of(run), &pair, error) &&
		    lk_my_renew_triggers(run, &pair, *interrupted, error);
	if (done && (pair.insert == LK_MY_TRIGGER_NONE || !pair.new_side))
		done = add_column(run, &pair, error);
	done = done && lk_my_dual_write_make(run, &pair, true, false, error) &&
	       lk_my_dual_write_make(run, &pair, false, false, error) &&
	       (lk_step_only_record(run, "done", error) == LK_OUTCOME_DONE);
	lk_my_pair_free(&pair);
	return done;
}

/* Before anything is there: what would fail later fails now. */
static bool check_first(struct lk_step_run *run, const struct lk_my_pair *pair,
			struct lk_error *error)
{
	const struct lk_column *like, *from = find_source(pair, &like, error);
	return from && lk_my_dual_write_check(run->session, pair, from, like, error);
}

static enum lk_outcome begin_dual_write(struct lk_step_run *run, struct lk_my_pair *pair,
					struct lk_error *error)
{
	bool begun, intended = false;
	if (!lk_step_has_cleanup(run, &begun, error))
		return lk_step_outcome(run, error);
	/* Of an attempt that was begun, what was recorded knows what the defaults were. */
	if (begun) {
		intended = lk_step_intend(run, error);
	} else if (check_first(run, pair, error)) {
		const struct lk_column *from = lk_table_column(&pair->table, pair->step->from);
		char *cleanup =
			lk_my_dual_write_cleanup(run->session, pair, lk_my_dual_write_lends(from));
		intended = lk_my_dual_write_intend(run, cleanup, error);
		free(cleanup);
	}
	if (!intended)
		return lk_step_outcome(run, error);
	snprintf(run->note, sizeof run->note, "column %s and its triggers are there",
		 pair->step->to);
	return lk_my_gently(run, &pair->table, begin_work, &begun, error);
}

static enum lk_outcome dual_write_forward(struct lk_step_run *run, struct lk_error *error)
{
	struct lk_my_pair pair;
	enum lk_outcome outcome = lk_my_pair_read(run->session, lk_step_of(run), &pair, error)
					  ? begin_dual_write(run, &pair, error)
					  : lk_step_outcome(run, error);
	lk_my_pair_free(&pair);
	return outcome;
}

bool lk_my_dual_write_drop_triggers(struct lk_step_run *run, const struct lk_my_pair *pair,
				    bool held, struct lk_error *error)
{
	bool dropped = true;
	for (int insert = 1; dropped && insert >= 0; insert--) {
		if ((insert ? pair->insert : pair->update) == LK_MY_TRIGGER_NONE)
			continue;
		char *sql = lk_my_dual_write_drop(run->session, pair, insert);
		dropped = lk_my_dual_write_run(run, &pair->table, sql, held, error);
		free(sql);
	}
	return dropped;
}

/* The old column's default goes with the new column, which tells that it is ours. */
static bool undo_work(struct lk_step_run *run, void *argument, struct lk_error *error)
{
	struct lk_my_pair pair;
	(void)argument;
	bool done = lk_my_pair_read(run->session, lk_step_of(run), &pair, error) &&
		    lk_my_renew_triggers(run, &pair, false, error) &&
		    lk_my_dual_write_drop_triggers(run, &pair, false, error);
	if (done && pair.new_side) {
		char *restore = lk_my_dual_write_restore(&pair);
		char *changes = lk_format("DROP COLUMN %s%s", pair.new_side->sql, restore);
		done = lk_my_dual_write_alter(run, &pair.table, changes, false, error);
		free(changes);
		free(restore);
	}
	done = done && lk_my_dual_write_record(run, "undone", false, error);
	lk_my_pair_free(&pair);
	return done;
}

/* Only what a recorded intent proves to be ours is taken away. */
static enum lk_outcome dual_write_backward(struct lk_step_run *run, struct lk_error *error)
{
	struct lk_table table;
	bool begun;
	if (!lk_step_has_cleanup(run, &begun, error))
		return lk_step_outcome(run, error);
	if (!begun) {
		LK_COPY(run->note, "nothing was there to take back");
		return lk_step_only_record(run, "undone", error);
	}
	if (!lk_catalog_table(run->session, lk_step_of(run)->table, &table, error))
		return lk_step_outcome(run, error);
	snprintf(run->note, sizeof run->note, "column %s and its triggers are gone",
		 lk_step_of(run)->to);
	enum lk_outcome outcome = lk_my_gently(run, &table, undo_work, NULL, error);
	lk_table_free(&table);
	return outcome;
}

/* The statements as they will be; what they are about need not be there yet. */
static bool describe_statements(struct lk_session *session, struct lk_my_pair *pair,
				struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_column *like, *from = find_source(pair, &like, error);
	if (!from || !lk_my_dual_write_check(session, pair, from, like, error))
		return false;
	char *add = lk_my_dual_write_add(session, pair, from, like, error);
	char *defaults = add ? lk_my_dual_write_defaults(session, pair, from, like, error) : NULL;
	char *insert = defaults ? lk_my_dual_write_trigger(session, pair, true, error) : NULL;
	char *update = insert ? lk_my_dual_write_trigger(session, pair, false, error) : NULL;
	if (update) {
		struct lk_buffer all = {0};
		lk_buffer_addf(&all, "ALTER TABLE %s %s, ALGORITHM=INSTANT;\n", pair->table.sql,
			       add);
		if (defaults[0])
			lk_buffer_addf(&all, "ALTER TABLE %s %s, ALGORITHM=INSTANT;\n",
				       pair->table.sql, defaults);
		lk_buffer_addf(&all, "%s;\n%s", insert, update);
		char *undo = lk_my_dual_write_cleanup(session, pair, lk_my_dual_write_lends(from));
		LK_COPY(text->statement, lk_buffer_text(&all));
		LK_COPY(text->undo, undo);
		free(undo);
		lk_buffer_free(&all);
	}
	bool described = update != NULL;
	free(update);
	free(insert);
	free(defaults);
	free(add);
	return described;
}

static bool dual_write_describe(struct lk_session *session, const struct lk_plan *plan,
				size_t number, struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	struct lk_my_pair pair;
	bool described = lk_my_pair_read(session, step, &pair, error) &&
			 describe_statements(session, &pair, text, error);
	if (described) {
		snprintf(
			text->lock, sizeof text->lock,
			"metadata lock on %s, exclusive, for milliseconds, once for each statement",
			pair.table.shown);
		LK_COPY(text->cost,
			lk_my_converts(step)
				? "no rewrite, no scan; each write runs a trigger, and fails when its "
				  "value cannot be converted"
				: "no rewrite, no scan; each write runs a trigger");
	}
	lk_my_pair_free(&pair);
	return described;
}

const struct lk_verb_ops lk_my_verb_dual_write = {
	.forward = dual_write_forward,
	.backward = dual_write_backward,
	.describe = dual_write_describe,
};
