/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verb sql: several statements. Those that change rows stand in one transaction with the journal's record. Those
 * that change definitions commit by themselves, so they are carried out one by one, each remembered before and after,
 * and a step that was interrupted goes on where it was. Both in one step could not be taken back as a whole by anybody,
 * and are refused.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "risk/risk.h"
#include "step/my_change.h"
#include "step/my_ddl.h"
#include "step/my_step.h"

#define GAP_MS 1000

struct script {
	char **statements;
	size_t count;
	bool definitions; /* of its first statement; they are all alike */
};

static enum lk_my_statement_kind kind_of(const char *sql)
{
	struct lk_my_statement statement;
	lk_my_statement_read(sql, &statement);
	enum lk_my_statement_kind kind = statement.kind;
	lk_my_statement_free(&statement);
	return kind;
}

static struct script read_script(const char *sql)
{
	struct script script = {0};
	script.statements = lk_risk_split(LK_ENGINE_MYSQL, sql, &script.count);
	script.definitions = script.count > 0 && kind_of(script.statements[0]) != LK_MY_DML;
	return script;
}

static void free_script(struct script *script)
{
	lk_risk_split_free(script->statements, script->count);
}

/* For a person with the server's own client: it happens as a whole, as it does with us. */
static char *cleanup_of(const char *undo)
{
	struct script script = read_script(undo);
	struct lk_buffer out = {0};
	if (!script.definitions)
		lk_buffer_add(&out, "START TRANSACTION");
	for (size_t i = 0; i < script.count; i++)
		lk_buffer_addf(&out, "%s%s", out.length ? ";\n" : "", script.statements[i]);
	if (!script.definitions)
		lk_buffer_add(&out, ";\nCOMMIT");
	free_script(&script);
	return lk_buffer_take(&out);
}

static bool run_statements(struct lk_step_run *run, const struct script *script,
			   struct lk_error *error)
{
	for (size_t i = 0; i < script->count; i++) {
		if (lk_execute(run->session, script->statements[i], error))
			continue;
		if (script->count > 1)
			lk_fail_context(error, "statement %zu of %zu", i + 1, script->count);
		return false;
	}
	return true;
}

static bool one_transaction(struct lk_step_run *run, const struct script *script, const char *state,
			    const char *cleanup, struct lk_error *error)
{
	bool destroys = lk_step_of(run)->destroys != NULL;
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    run_statements(run, script, error) &&
	    lk_journal_cleanup(run->session, run->run, destroys ? -1 : run->number, cleanup,
			       error) &&
	    lk_step_record(run, state, error) && lk_commit(run->session, error))
		return true;
	if (error->class != LK_ERROR_LOST)
		lk_rollback(run->session);
	return false;
}

/* A deadlock or a lock that somebody keeps is tried again, as long as it takes. */
static enum lk_outcome together(struct lk_step_run *run, const struct script *script,
				const char *state, const char *cleanup, struct lk_error *error)
{
	snprintf(run->note, sizeof run->note, "%zu statement%s in one transaction", script->count,
		 script->count == 1 ? "" : "s");
	while (!one_transaction(run, script, state, cleanup, error)) {
		if (atomic_load(&run->pace->stop) || error->class != LK_ERROR_RETRY)
			return lk_step_outcome(run, error);
		lk_step_say(run, "gave up (%.250s); next try in %d ms", error->text, GAP_MS);
		if (!lk_pace_sleep(run->pace, GAP_MS))
			return LK_OUTCOME_STOPPED;
	}
	return LK_OUTCOME_DONE;
}

static enum lk_outcome sql_forward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	enum lk_outcome outcome;
	struct script script = read_script(step->sql);
	char *cleanup = step->undo ? cleanup_of(step->undo) : NULL;
	const struct lk_my_change change = {
		.statements = script.statements, .count = script.count, .cleanup = cleanup};
	if (script.definitions)
		outcome = lk_my_change_carry_out(run, &change, error);
	else if (!lk_step_intend(run, error))
		outcome = lk_step_outcome(run, error);
	else
		outcome = together(run, &script, "done", cleanup, error);
	free(cleanup);
	free_script(&script);
	return outcome;
}

static enum lk_outcome sql_backward(struct lk_step_run *run, struct lk_error *error)
{
	enum lk_outcome outcome;
	if (lk_my_change_is_undone(run, &outcome, error))
		return outcome;
	struct script script = read_script(lk_step_of(run)->undo);
	const struct lk_my_change change = {
		.statements = script.statements, .count = script.count, .backward = true};
	outcome = script.definitions ? lk_my_change_carry_out(run, &change, error)
				     : together(run, &script, "undone", NULL, error);
	free_script(&script);
	return outcome;
}

/* Whether a statement may stand in the script, and as what. */
static bool may_stand(struct lk_session *session, const struct lk_step *step,
		      const struct script *script, size_t i, struct lk_error *error)
{
	struct lk_my_statement statement;
	struct lk_step_text text;
	lk_my_statement_read(script->statements[i], &statement);
	bool may = true;
	if (statement.kind == LK_MY_UNKNOWN)
		may = lk_fail(error, LK_ERROR_PLAN,
			      "it is not known whether \"%.60s\" commits by itself",
			      statement.text);
	else if ((statement.kind != LK_MY_DML) != script->definitions)
		may = lk_fail(
			error, LK_ERROR_PLAN,
			"\"%.60s\" and the first one cannot stand in one step: what changes definitions commits "
			"by itself, what changes rows belongs into a transaction; give each kind a step of its "
			"own",
			statement.text);
	else if (script->definitions)
		may = lk_my_ddl_describe_statement(session, step, &statement, &text, error);
	else
		may = lk_my_ddl_parses(session, step, statement.text, error);
	lk_my_statement_free(&statement);
	return may;
}

static bool check_script(struct lk_session *session, const struct lk_step *step, const char *what,
			 const char *sql, struct lk_error *error)
{
	bool may = true;
	struct script script = read_script(sql);
	for (size_t i = 0; may && i < script.count; i++) {
		may = may_stand(session, step, &script, i, error);
		if (!may)
			lk_fail_context(error, "step %s: statement %zu of %s", step->name, i + 1,
					what);
	}
	if (may && script.count == 0)
		may = lk_fail(error, LK_ERROR_PLAN, "step %s: there is no statement in %s",
			      step->name, what);
	free_script(&script);
	return may;
}

static bool describe_script(struct lk_session *session, const struct lk_step *step,
			    struct lk_step_text *text, struct lk_error *error)
{
	struct script script = read_script(step->sql);
	struct lk_my_statement statement;
	bool described = true;
	if (script.definitions) {
		lk_my_statement_read(script.statements[0], &statement);
		described = lk_my_ddl_describe_statement(session, step, &statement, text, error);
		lk_my_statement_free(&statement);
		if (script.count > 1)
			LK_COPY(text->cost,
				"each statement by itself; an interrupted step goes on where it was");
	} else {
		LK_COPY(text->lock, "the rows that it changes, until its end");
		LK_COPY(text->cost, "one transaction: all of it, or nothing");
	}
	free_script(&script);
	return described;
}

static bool sql_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			 struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	if (!check_script(session, step, "its SQL", step->sql, error) ||
	    (step->undo && !check_script(session, step, "its undo", step->undo, error)) ||
	    !describe_script(session, step, text, error))
		return false;
	LK_COPY(text->statement, step->sql);
	lk_step_describe_undo(step, text);
	return true;
}

const struct lk_verb_ops lk_my_verb_sql = {
	.forward = sql_forward,
	.backward = sql_backward,
	.describe = sql_describe,
};
