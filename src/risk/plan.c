/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "risk/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "db/session.h"
#include "plan/alternative.h"
#include "plan/file.h"
#include "risk/risk.h"

struct check {
	const struct lk_plan *plan;
	enum lk_engine engine;
	struct lk_problems *problems, *notes;
};

static void problem(const struct check *check, const struct lk_step *step, const char *text)
{
	lk_problems_add(check->problems, check->plan->file, step->line, step->column, "%s", text);
}

static void note(const struct check *check, const struct lk_step *step, const char *text)
{
	if (check->notes)
		lk_problems_add(check->notes, check->plan->file, step->line, step->column, "%s",
				text);
}

/* A reason into a problem, or into a note when the grammar could not read the text. */
static void report(const struct check *check, const struct lk_step *step, bool parsed,
		   const char *text)
{
	if (parsed)
		problem(check, step, text);
	else
		note(check, step, text);
}

static void check_query(const struct check *check, const struct lk_step *step, const char *what,
			const char *sql)
{
	char reason[200], text[300];
	bool parsed;
	if (lk_risk_is_read_only(check->engine, sql, &parsed, reason, sizeof reason))
		return;
	snprintf(text, sizeof text,
		 parsed ? "%s must be one query that changes nothing: %s" : "%s: %s", what, reason);
	report(check, step, parsed, text);
}

static void check_expression(const struct check *check, const struct lk_step *step,
			     const char *what, const char *sql)
{
	char reason[200], text[300];
	struct lk_sql_shape shape;
	bool parsed;
	/* The plan's reader takes what could be one for any engine. */
	lk_sql_shape(sql, lk_risk_dialect(check->engine), &shape);
	if (shape.unclosed || shape.comment || shape.comma || shape.statements != 1) {
		snprintf(text, sizeof text,
			 "%s must be one SQL expression: this has a comment, a second one, or a"
			 " quote or parenthesis without its other end",
			 what);
		problem(check, step, text);
		return;
	}
	if (lk_risk_is_expression(check->engine, sql, &parsed, reason, sizeof reason))
		return;
	snprintf(text, sizeof text, parsed ? "%s must be one SQL expression: %s" : "%s: %s", what,
		 reason);
	report(check, step, parsed, text);
}

/* A column may go only after its triggers: otherwise every write fails from then on. */
static void check_open_writes(const struct check *check, size_t index)
{
	const struct lk_step *ddl = &check->plan->steps[index];
	char text[300];
	for (size_t i = 0; i < index; i++) {
		const struct lk_step *dual = &check->plan->steps[i];
		const char *columns[2];
		if (!lk_plan_dual_write(check->plan, i, index, columns) ||
		    (!lk_risk_drops_column(check->engine, ddl->sql, dual->table, columns[0]) &&
		     !lk_risk_drops_column(check->engine, ddl->sql, dual->table, columns[1])))
			continue;
		snprintf(text, sizeof text,
			 "this drops a column that the dual write of %.60s.%.60s still uses, so "
			 "that "
			 "every write would fail: put end_dual_write before it",
			 dual->table, columns[0]);
		problem(check, ddl, text);
	}
}

static void check_destruction(const struct check *check, const struct lk_step *step,
			      const struct lk_risk *risk)
{
	char text[300];
	if (risk->destroys_data && !step->destroys) {
		snprintf(text, sizeof text, "%s destroys data: say so with \"destroys: data\"%s",
			 risk->kind, step->phase == LK_CONTRACT ? "" : ", and do it in contract");
		problem(check, step, text);
	}
	if (!risk->destroys_data && step->destroys)
		note(check, step, "it says \"destroys: data\", but the statement destroys none");
	if (!step->undo && !risk->destroys_data && step->phase != LK_CONTRACT)
		note(check, step, "it has no undo, so the run cannot be rolled back past it");
}

static void check_ddl(const struct check *check, size_t index)
{
	const struct lk_step *step = &check->plan->steps[index];
	struct lk_risk risk;
	char text[300];
	size_t count;
	char **pieces = lk_risk_split(check->engine, step->sql, &count);
	lk_risk_split_free(pieces, count);
	lk_risk_statement(check->engine, step->sql, &risk);
	if (!risk.parsed) {
		note(check, step, risk.note);
		return;
	}
	if (count != 1) {
		snprintf(text, sizeof text, "ddl takes one statement; this holds %zu", count);
		problem(check, step, text);
	}
	if (strstr(risk.kind, "transaction control"))
		problem(check, step,
			"the keeper begins and commits itself: leave BEGIN and COMMIT out");
	check_destruction(check, step, &risk);
	check_open_writes(check, index);
}

/* Each statement of a transaction, and of the one that takes it back. */
static void check_together(const struct check *check, const struct lk_step *step, const char *sql)
{
	size_t count;
	char text[300];
	char **pieces = lk_risk_split(check->engine, sql, &count);
	for (size_t i = 0; i < count; i++) {
		struct lk_risk risk;
		lk_risk_statement(check->engine, pieces[i], &risk);
		const char *reason = lk_risk_not_together(check->engine, &risk);
		if (!risk.parsed)
			note(check, step, risk.note);
		if (!reason)
			continue;
		snprintf(text, sizeof text, "statement %zu (%.80s): %s", i + 1, pieces[i], reason);
		problem(check, step, text);
	}
	lk_risk_split_free(pieces, count);
}

static void check_sql(const struct check *check, size_t index)
{
	const struct lk_step *step = &check->plan->steps[index];
	struct lk_risk risk;
	check_together(check, step, step->sql);
	if (step->undo)
		check_together(check, step, step->undo);
	lk_risk_statement(check->engine, step->sql, &risk);
	if (!risk.parsed)
		return;
	check_destruction(check, step, &risk);
	check_open_writes(check, index);
}

/* Expressions and types of the short form. */
static void check_operation(const struct check *check, const struct lk_operation *o)
{
	const struct lk_step place = {.line = o->line, .column = o->column_number};
	const struct {
		const char *what, *sql;
	} expressions[] = {{"default", o->default_sql}, {"using", o->forth}, {"back", o->back},
			   {"fill", o->fill},		{"where", o->where}, {"check", o->check}};
	for (size_t i = 0; i < LK_COUNT(expressions); i++)
		if (expressions[i].sql)
			check_expression(check, &place, expressions[i].what, expressions[i].sql);
	if (!o->type)
		return;
	char reason[200], text[300];
	bool parsed;
	if (!lk_risk_is_type(check->engine, o->type, &parsed, reason, sizeof reason)) {
		snprintf(text, sizeof text, "type \"%.60s\" is not a type: %s", o->type, reason);
		report(check, &place, parsed, text);
	}
}

/* As it is for each kind of server that the engine has; one of them at least must be meant. */
static void check_alternatives(const struct check *check, const struct lk_operation *o)
{
	const struct lk_alternative *missing = NULL;
	struct lk_operation as;
	bool any = false;
	for (const char *const *const *names = lk_risk_servers(check->engine); *names; names++) {
		missing = lk_operation_for(o, *names, &as);
		if (!missing)
			check_operation(check, &as);
		any = any || !missing;
	}
	if (!any) {
		char text[200];
		lk_alternative_missing(missing, *lk_risk_servers(check->engine), text, sizeof text);
		lk_problems_add(check->problems, check->plan->file, missing->line, missing->column,
				"%s", text);
	}
}

static void check_replicas(const struct check *check)
{
	for (size_t i = 0; i < check->plan->replicas.count; i++) {
		struct lk_error error;
		const struct lk_driver *driver =
			lk_driver_for(check->plan->replicas.list[i], &error);
		if (driver && driver->engine != check->engine)
			lk_problems_add(check->problems, check->plan->file, 0, 0,
					"replicas: they are of %s, and the plan's target is not",
					driver->title);
	}
}

bool lk_risk_check_plan(const struct lk_plan *plan, enum lk_engine engine,
			struct lk_problems *problems, struct lk_problems *notes)
{
	struct check check = {plan, engine, problems, notes};
	struct lk_step whole_file = {0};
	size_t before = problems->count;
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct lk_step *step = &plan->steps[i];
		if (step->verb == LK_VERB_DDL)
			check_ddl(&check, i);
		else if (step->verb == LK_VERB_SQL)
			check_sql(&check, i);
		else if (step->verb == LK_VERB_VERIFY)
			check_query(&check, step, "verify's none", step->sql);
		else if (step->verb == LK_VERB_GATE && step->gate == LK_GATE_NONE)
			check_query(&check, step, "the gate's none", step->sql);
		for (size_t j = 0; j < step->set_count; j++)
			check_expression(&check, step, "set", step->set[j].expression);
		if (step->where)
			check_expression(&check, step, "where", step->where);
		if (step->forth)
			check_expression(&check, step, "using", step->forth);
		if (step->back)
			check_expression(&check, step, "back", step->back);
		if (step->undo && step->verb == LK_VERB_DDL) {
			struct lk_risk risk;
			lk_risk_statement(engine, step->undo, &risk);
			if (!risk.parsed)
				note(&check, step, risk.note);
		}
	}
	for (size_t i = 0; i < plan->operation_count; i++)
		check_alternatives(&check, &plan->operations[i]);
	check_replicas(&check);
	if (plan->limits.probe)
		check_query(&check, &whole_file, "the probe", plan->limits.probe);
	lk_problems_sort(problems);
	return problems->count == before;
}

bool lk_risk_read_plan(const char *path, enum lk_engine engine, struct lk_plan *plan,
		       struct lk_problems *problems, struct lk_problems *notes)
{
	if (!lk_plan_read(path, plan, problems))
		return false;
	if (lk_risk_check_plan(plan, engine, problems, notes))
		return true;
	lk_plan_free(plan);
	return false;
}

bool lk_risk_load_plan(const char *path, enum lk_engine engine, struct lk_plan *plan,
		       struct lk_error *error)
{
	struct lk_problems problems = {0};
	bool read = lk_risk_read_plan(path, engine, plan, &problems, NULL);
	if (!read) {
		char *text = lk_problems_text(&problems);
		lk_fail(error, LK_ERROR_PLAN, "%s", text);
		free(text);
	}
	lk_problems_free(&problems);
	return read;
}
