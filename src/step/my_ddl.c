/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb ddl: one statement forward, which is its own transaction; the journal tells before and after. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "risk/risk.h"
#include "step/my_algorithm.h"
#include "step/my_change.h"
#include "step/my_ddl.h"
#include "step/my_duplicate.h"
#include "step/my_step.h"

static enum lk_outcome ddl_forward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	char *const statements[] = {step->sql};
	const struct lk_my_change change = {
		.statements = statements, .count = 1, .cleanup = step->undo};
	return lk_my_change_carry_out(run, &change, error);
}

static enum lk_outcome ddl_backward(struct lk_step_run *run, struct lk_error *error)
{
	size_t count;
	enum lk_outcome outcome;
	if (lk_my_change_is_undone(run, &outcome, error))
		return outcome;
	char **statements = lk_risk_split(LK_ENGINE_MYSQL, lk_step_of(run)->undo, &count);
	const struct lk_my_change change = {
		.statements = statements, .count = count, .backward = true};
	outcome = lk_my_change_carry_out(run, &change, error);
	lk_risk_split_free(statements, count);
	return outcome;
}

static bool may_stand(const struct lk_step *step, const struct lk_my_statement *statement,
		      struct lk_error *error)
{
	if (statement->kind == LK_MY_SESSION)
		return lk_fail(error, LK_ERROR_PLAN,
			       "step %s: \"%.60s\" would outlast the step, or end its transaction: "
			       "leave it out",
			       step->name, statement->text);
	if (statement->kind == LK_MY_DML)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"step %s: \"%.60s\" changes rows: that is what the verbs backfill and sql are for",
			step->name, statement->text);
	if (!lk_my_takes_clauses(statement))
		return true;
	if (lk_my_statement_has(statement, LK_MY_PARTITION))
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"step %s changes partitions: that cannot be written with ALGORITHM and LOCK on every "
			"server, so what it would hold up is not known; it is left to a person",
			step->name);
	return lk_my_clauses_allowed(statement, error) ||
	       lk_fail_context(error, "step %s", step->name);
}

/* PREPARE reads the statement with the server's own grammar, and does nothing. */
bool lk_my_ddl_parses(struct lk_session *session, const struct lk_step *step, const char *sql,
		      struct lk_error *error)
{
	enum { SYNTAX = 1064, NOT_PREPARABLE = 1295 };
	struct lk_error ignored;
	char *text = session->driver->quote_text(sql);
	char *prepare = lk_format("PREPARE lockkeeper_check FROM %s", text);
	bool parsed = lk_execute(session, prepare, error);
	free(prepare);
	free(text);
	if (parsed) {
		lk_execute(session, "DEALLOCATE PREPARE lockkeeper_check", &ignored);
		return true;
	}
	if (error->number != SYNTAX) {
		bool lost = error->class == LK_ERROR_LOST;
		if (!lost)
			lk_error_clear(error);
		return !lost;
	}
	error->class = LK_ERROR_PLAN;
	return lk_fail_context(error, "step %s", step->name);
}

static bool refuse_way(const struct lk_step *step, enum lk_my_way way, struct lk_error *error)
{
	if (way == LK_MY_WAY_COPY)
		return lk_fail(
			error, LK_ERROR_REFUSED,
			"step %s needs a copy of the table, during which every write waits; a shadow table "
			"does that online, which this version cannot yet: %.300s",
			step->name, step->sql);
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"step %s would hold up every write for as long as it takes, since the server builds this "
		"in place only under LOCK=SHARED: %.300s",
		step->name, step->sql);
}

/* What may fail a rebuild is said before it is begun. */
static bool warn_of_duplicates(struct lk_session *session, const struct lk_my_server *server,
			       const struct lk_table *table, struct lk_step_text *text,
			       struct lk_error *error)
{
	bool possible;
	if (!lk_my_duplicate_possible(session, server, table, &possible, error))
		return false;
	size_t length = strlen(text->cost);
	if (possible)
		snprintf(
			text->cost + length, sizeof text->cost - length,
			"; a rebuild is lost (error 1062) when the application's INSERT meets a row under "
			"a UNIQUE index meanwhile (ON DUPLICATE KEY UPDATE, IGNORE, REPLACE)");
	return true;
}

bool lk_my_ddl_describe_statement(struct lk_session *session, const struct lk_step *step,
				  const struct lk_my_statement *statement,
				  struct lk_step_text *text, struct lk_error *error)
{
	struct lk_my_server server;
	struct lk_table table;
	bool found;
	if (!may_stand(step, statement, error) ||
	    !lk_my_ddl_parses(session, step, statement->text, error) ||
	    !lk_my_server(session, &server, error) ||
	    !lk_my_change_table(session, statement, &table, &found, error))
		return false;
	const char *shown = found			  ? table.shown
			    : statement->object_count > 0 ? statement->objects[0].name
							  : "";
	LK_COPY(text->lock, "none on a table");
	if (shown[0])
		snprintf(text->lock, sizeof text->lock,
			 "exclusive metadata lock on %.50s, for milliseconds", shown);
	LK_COPY(text->cost,
		statement->kind == LK_MY_DROP_OBJECT ? "removes its files" : "the definition only");
	bool allowed = true;
	if (lk_my_takes_clauses(statement)) {
		enum lk_my_way way = lk_my_expected_way(&server, statement, found ? &table : NULL);
		lk_my_way_text(way, statement, found ? &table : NULL, text->cost,
			       sizeof text->cost);
		if (way == LK_MY_WAY_COPY || way == LK_MY_WAY_LOCKS)
			allowed = refuse_way(step, way, error);
		else if (found && (way == LK_MY_WAY_REBUILD || way == LK_MY_WAY_UNKNOWN))
			allowed = warn_of_duplicates(session, &server, &table, text, error);
	}
	if (found)
		lk_table_free(&table);
	return allowed;
}

static bool ddl_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			 struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	struct lk_my_statement statement;
	lk_my_statement_read(step->sql, &statement);
	bool described =
		(statement.statements == 1 ||
		 lk_fail(error, LK_ERROR_PLAN,
			 "step %s holds %zu statements: give each a ddl step of its own, or use the "
			 "verb sql",
			 step->name, statement.statements)) &&
		lk_my_ddl_describe_statement(session, step, &statement, text, error);
	lk_my_statement_free(&statement);
	LK_COPY(text->statement, step->sql);
	lk_step_describe_undo(step, text);
	return described;
}

const struct lk_verb_ops lk_my_verb_ddl = {
	.forward = ddl_forward,
	.backward = ddl_backward,
	.describe = ddl_describe,
};
