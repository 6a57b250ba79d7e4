/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb ddl: one statement forward, in a transaction with its record where PostgreSQL allows that. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/catalog.h"
#include "risk/risk.h"
#include "step/pg_change.h"
#include "step/pg_dual_write_sql.h"
#include "step/pg_index.h"
#include "step/pg_locks.h"
#include "step/pg_step.h"

/* What the step before, which ends a dual write, has left to this one's transaction. */
static bool end_statements(struct lk_step_run *run, char **sql, char **table_sql,
			   struct lk_error *error)
{
	const struct lk_step *end = &run->plan->steps[run->number - 1];
	struct lk_table table;
	if (!lk_catalog_table(run->session, end->table, &table, error))
		return false;
	const struct lk_column *from = lk_table_need_column(&table, end->from, error);
	bool intact = from &&
		      lk_pg_dual_write_intact(
			      run->session, &table, from,
			      lk_plan_ended_dual_write(run->plan, (size_t)run->number - 1), error);
	if (intact) {
		*sql = lk_pg_end_dual_write_sql(run->session, &table, from, NULL);
		*table_sql = lk_strdup(table.sql);
	}
	lk_table_free(&table);
	return intact;
}

static enum lk_outcome ddl_forward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	char *before = NULL, *before_table = NULL;
	bool joined = run->number > 0 && lk_step_joins_next(run->plan, (size_t)run->number - 1);
	bool begun = false;
	if (!lk_pg_change_begun(run, &begun, error) || !lk_step_intend(run, error) ||
	    (joined && !end_statements(run, &before, &before_table, error)))
		return lk_step_outcome(run, error);
	const char *const statements[] = {step->sql};
	const struct lk_pg_change change = {.statements = statements,
					    .count = 1,
					    .before = before,
					    .before_table = before_table,
					    .state = "done",
					    .cleanup = step->undo,
					    .begun = begun};
	enum lk_outcome outcome = lk_pg_change_carry_out(run, &change, error);
	free(before_table);
	free(before);
	return outcome;
}

/*
 * One after another, each by itself, and only the last with the record: after a crash in between the first
 * comes again, which is why each must be fit to be carried out twice.
 */
static enum lk_outcome undo_statements(struct lk_step_run *run, char **statements, size_t count,
				       struct lk_error *error)
{
	for (size_t i = 0; i < count; i++) {
		const struct lk_pg_change change = {.statements =
							    (const char *const *)&statements[i],
						    .count = 1,
						    .state = i + 1 < count ? NULL : "undone",
						    .begun = true};
		enum lk_outcome outcome = lk_pg_change_carry_out(run, &change, error);
		if (outcome == LK_OUTCOME_FAILED && count > 1)
			lk_fail_context(error, "statement %zu of %zu of the undo", i + 1, count);
		if (outcome != LK_OUTCOME_DONE)
			return outcome;
	}
	return LK_OUTCOME_DONE;
}

static enum lk_outcome ddl_backward(struct lk_step_run *run, struct lk_error *error)
{
	const struct lk_step *step = lk_step_of(run);
	size_t count;
	enum lk_outcome outcome;
	if (lk_pg_change_is_undone(run, &outcome, error))
		return outcome;
	char **statements = lk_risk_split(LK_ENGINE_POSTGRES, step->undo, &count);
	outcome = undo_statements(run, statements, count, error);
	lk_risk_split_free(statements, count);
	return outcome;
}

/* What would surely go wrong, said before anything is done. */
static bool may_run(struct lk_session *session, const struct lk_step *step,
		    const struct lk_risk *risk, struct lk_error *error)
{
	struct lk_server server;
	if (risk->parsed && risk->statements != 1)
		return lk_fail(
			error, LK_ERROR_PLAN,
			"step %s holds %d statements: give each a ddl step of its own, or use "
			"the verb sql for several in one transaction",
			step->name, risk->statements);
	if (!risk->parsed || (strcmp(risk->kind, "create index concurrently") != 0 &&
			      strcmp(risk->kind, "reindex concurrently") != 0))
		return true;
	return lk_catalog_server(session, &server, error) &&
	       lk_pg_index_build_is_safe(server.version_number, error);
}

/* The lock in words: of one table as the statement's text tells it, of several as the catalog does. */
static bool describe_lock(struct lk_session *session, const struct lk_step *step,
			  const struct lk_risk *risk, char *text, size_t size,
			  struct lk_error *error)
{
	struct lk_pg_locks locks;
	const char *const statements[] = {step->sql};
	lk_copy_text(text, size, risk->parsed ? risk->lock : risk->note);
	if (!lk_pg_locks_find(session, statements, 1, NULL, &locks, error))
		return false;
	if (risk->parsed && locks.count > 1)
		lk_pg_locks_text(&locks, text, size);
	lk_pg_locks_free(&locks);
	return true;
}

/* Whoever confirms the drop of an index wants to know whether anything uses it. */
static bool add_index_use(struct lk_session *session, const struct lk_risk *risk, char *cost,
			  size_t size, struct lk_error *error)
{
	struct lk_result r;
	if (!risk->parsed || strncmp(risk->kind, "drop index", 10) != 0 || !risk->index_sql[0])
		return true;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT pg_stat_get_numscans(c.oid), pg_size_pretty(pg_relation_size(c.oid)) FROM pg_class c"
		    " WHERE c.oid = to_regclass($1)",
		    risk->index_sql))
		return false;
	if (r.rows > 0)
		snprintf(cost, size, "%s, used %lld times since the statistics began",
			 lk_cell_text(&r, 0, 1), (long long)lk_cell_int(&r, 0, 0));
	lk_result_free(&r);
	return true;
}

/* A CHECK that an earlier step of the plan makes valid spares SET NOT NULL its scan (PostgreSQL 12). */
static bool has_check_before(const struct lk_plan *plan, size_t number)
{
	const char *sql = plan->steps[number].sql;
	const char *column = strstr(sql, " ALTER COLUMN "), *end = strstr(sql, " SET NOT NULL");
	bool found = false;
	if (!column || !end || end < column)
		return false;
	column += strlen(" ALTER COLUMN ");
	char *check = lk_format("CHECK (%.*s IS NOT NULL) NOT VALID", (int)(end - column), column);
	for (size_t i = 0; i < number; i++)
		found = found || (plan->steps[i].verb == LK_VERB_DDL && plan->steps[i].sql &&
				  strstr(plan->steps[i].sql, check));
	free(check);
	return found;
}

static bool ddl_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			 struct lk_step_text *text, struct lk_error *error)
{
	const struct lk_step *step = &plan->steps[number];
	struct lk_risk risk;
	lk_risk_statement(LK_ENGINE_POSTGRES, step->sql, &risk);
	if (!may_run(session, step, &risk, error) ||
	    !describe_lock(session, step, &risk, text->lock, sizeof text->lock, error))
		return false;
	LK_COPY(text->statement, step->sql);
	LK_COPY(text->cost, risk.cost);
	if (risk.parsed && strcmp(risk.kind, "set not null") == 0 &&
	    has_check_before(plan, number)) {
		snprintf(text->lock, sizeof text->lock,
			 "ACCESS EXCLUSIVE on %.60s, for milliseconds", risk.object);
		LK_COPY(text->cost, "no scan: the valid CHECK says the same");
	}
	if (!add_index_use(session, &risk, text->cost, sizeof text->cost, error))
		return false;
	lk_step_describe_undo(step, text);
	return true;
}

const struct lk_verb_ops lk_pg_verb_ddl = {
	.forward = ddl_forward,
	.backward = ddl_backward,
	.describe = ddl_describe,
};
