/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "plan/limits.h"
#include "plan/parts.h"
#include "plan/alternative.h"
#include "plan/sql_text.h"

static void free_step(struct lk_step *step)
{
	for (const struct lk_step_field *field = lk_step_fields; field->name; field++)
		free(*lk_step_text(step, field));
	for (size_t i = 0; i < step->set_count; i++) {
		free(step->set[i].column);
		free(step->set[i].expression);
	}
	free(step->set);
}

static void free_operation(struct lk_operation *operation)
{
	lk_operation_free_alternatives(operation);
	for (const struct lk_operation_field *field = lk_operation_fields; field->name; field++) {
		void *at = lk_operation_at(operation, field);
		if (!lk_operation_has(operation->kind, field))
			continue;
		if (lk_member_is_text(field->member))
			free(*(char **)at);
		if (!lk_member_is_list(field->member))
			continue;
		lk_names_free(at);
	}
}

void lk_names_free(struct lk_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
	*names = (struct lk_names){0};
}

struct lk_names lk_names_copy(const struct lk_names *names)
{
	struct lk_names copy = {0};
	for (size_t i = 0; i < names->count; i++)
		*LK_PUSH(copy.list, copy.count) = lk_strdup(names->list[i]);
	return copy;
}

void lk_plan_free(struct lk_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		free_step(&plan->steps[i]);
	for (size_t i = 0; i < plan->operation_count; i++)
		free_operation(&plan->operations[i]);
	free(plan->steps);
	free(plan->operations);
	free(plan->file);
	free(plan->name);
	free(plan->why);
	free(plan->target);
	free(plan->release_old);
	free(plan->release_new);
	lk_limits_free(&plan->limits);
	lk_names_free(&plan->replicas);
	*plan = (struct lk_plan){0};
}

struct lk_step *lk_plan_add_step(struct lk_plan *plan, enum lk_phase phase, enum lk_verb verb)
{
	struct lk_step *step = LK_PUSH(plan->steps, plan->step_count);
	step->phase = phase;
	step->verb = verb;
	if (verb == LK_VERB_GATE)
		step->needed = 1;
	return step;
}

static void add_entry_gate(struct lk_plan *plan, size_t at)
{
	static const char *const questions[] = {
		[LK_EXPAND] = "begin expand: the new is added beside the old",
		[LK_MIGRATE] = "begin migrate: the rows that exist are brought over",
		[LK_CONTRACT] =
			"begin contract: the old goes away; what is dropped does not come back",
	};
	enum lk_phase phase = plan->steps[at].phase;
	lk_plan_add_step(plan, phase, LK_VERB_GATE);
	struct lk_step gate = plan->steps[plan->step_count - 1];
	memmove(&plan->steps[at + 1], &plan->steps[at], (plan->step_count - 1 - at) * sizeof gate);
	gate.phase_entry = true;
	gate.name = lk_strdup(lk_phase_name(phase));
	gate.gate = LK_GATE_ASK;
	gate.ask = lk_strdup(questions[phase]);
	plan->steps[at] = gate;
}

void lk_plan_complete(struct lk_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (!plan->steps[i].name)
			plan->steps[i].name = lk_step_default_name(plan, i);
	for (size_t i = 0; i < plan->step_count; i++) {
		bool begins = i == 0 || plan->steps[i].phase != plan->steps[i - 1].phase;
		if (begins && !plan->steps[i].phase_entry)
			add_entry_gate(plan, i);
	}
}

char *lk_step_default_name(const struct lk_plan *plan, size_t index)
{
	int number = 1;
	for (size_t i = 0; i < index; i++)
		number += !plan->steps[i].phase_entry;
	return lk_format("%s-%d", lk_verb_name(plan->steps[index].verb), number);
}

int lk_plan_find_step(const struct lk_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].name && strcmp(plan->steps[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool lk_plan_dual_write(const struct lk_plan *plan, size_t dual, size_t at, const char *columns[2])
{
	const struct lk_step *begin = &plan->steps[dual];
	columns[0] = begin->from;
	columns[1] = begin->to;
	if (begin->verb != LK_VERB_DUAL_WRITE || !begin->table || !begin->from || !begin->to)
		return false;
	for (size_t i = dual + 1; i < at; i++) {
		const struct lk_step *step = &plan->steps[i];
		bool same = step->table && step->from && strcmp(step->table, begin->table) == 0;
		if (same && step->verb == LK_VERB_END_DUAL_WRITE &&
		    strcmp(step->from, columns[0]) == 0)
			return false;
		if (!same || step->verb != LK_VERB_SWAP_COLUMNS || !step->to)
			continue;
		if ((strcmp(step->from, columns[0]) == 0 && strcmp(step->to, columns[1]) == 0) ||
		    (strcmp(step->from, columns[1]) == 0 && strcmp(step->to, columns[0]) == 0)) {
			const char *old = columns[0];
			columns[0] = columns[1];
			columns[1] = old;
		}
	}
	return true;
}

const struct lk_step *lk_plan_ended_dual_write(const struct lk_plan *plan, size_t end)
{
	const struct lk_step *step = &plan->steps[end];
	const char *columns[2];
	for (size_t i = 0; i < end; i++)
		if (lk_plan_dual_write(plan, i, end, columns) &&
		    strcmp(plan->steps[i].table, step->table) == 0 &&
		    strcmp(columns[0], step->from) == 0)
			return &plan->steps[i];
	return NULL;
}

const char *const lk_phase_words[] = {"expand", "migrate", "contract", NULL};
const char *const lk_verb_words[] = {"gate",	       "ddl", "dual_write",   "backfill", "verify",
				     "end_dual_write", "sql", "swap_columns", NULL};

const char *lk_phase_name(enum lk_phase phase)
{
	return phase < LK_PHASES ? lk_phase_words[phase] : "";
}

const char *lk_verb_name(enum lk_verb verb)
{
	return verb < LK_VERBS ? lk_verb_words[verb] : "";
}
