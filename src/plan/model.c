/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "plan/limits.h"
#include "plan/parts.h"
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

void lk_plan_free(struct lk_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		free_step(&plan->steps[i]);
	for (size_t i = 0; i < plan->operation_count; i++) {
		free(plan->operations[i].table);
		free(plan->operations[i].from);
		free(plan->operations[i].to);
	}
	free(plan->steps);
	free(plan->operations);
	free(plan->file);
	free(plan->name);
	free(plan->why);
	free(plan->target);
	free(plan->release_old);
	free(plan->release_new);
	lk_limits_free(&plan->limits);
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

const char *const lk_phase_words[] = {"expand", "migrate", "contract", NULL};
const char *const lk_verb_words[] = {"gate",	       "ddl", "dual_write", "backfill", "verify",
				     "end_dual_write", NULL};

const char *lk_phase_name(enum lk_phase phase)
{
	return phase < LK_PHASES ? lk_phase_words[phase] : "";
}

const char *lk_verb_name(enum lk_verb verb)
{
	return verb < LK_VERBS ? lk_verb_words[verb] : "";
}

/* SQL on one line, cut where a line of the console ends anyway. */
static void add_squeezed(struct lk_buffer *text, const char *sql)
{
	enum { WIDEST = 120 };
	char line[WIDEST + 1];
	char *squeezed = lk_sql_line(sql);
	LK_COPY(line, squeezed);
	lk_buffer_addf(text, "%s%s", line, strlen(line) < strlen(squeezed) ? "…" : "");
	free(squeezed);
}

static void summarize_gate(struct lk_buffer *text, const struct lk_step *step)
{
	if (step->phase_entry) {
		lk_buffer_addf(text, "enter %s", lk_phase_name(step->phase));
	} else if (step->gate == LK_GATE_NONE) {
		lk_buffer_add(text, "wait until nothing is found: ");
		add_squeezed(text, step->sql);
	} else {
		lk_buffer_addf(text, "ask %s: %s", step->needed > 1 ? "two people" : "a person",
			       step->ask);
	}
}

static void summarize_backfill(struct lk_buffer *text, const struct lk_step *step)
{
	lk_buffer_add(text, "backfill ");
	for (size_t i = 0; i < step->set_count; i++) {
		lk_buffer_addf(text, "%s%s.%s from ", i ? ", " : "", step->table,
			       step->set[i].column);
		add_squeezed(text, step->set[i].expression);
	}
	if (step->where) {
		lk_buffer_add(text, " where ");
		add_squeezed(text, step->where);
	}
}

char *lk_step_summary(const struct lk_step *step)
{
	struct lk_buffer text = {0};
	switch (step->verb) {
	case LK_VERB_GATE:
		summarize_gate(&text, step);
		break;
	case LK_VERB_DDL:
		add_squeezed(&text, step->sql);
		break;
	case LK_VERB_DUAL_WRITE:
		lk_buffer_addf(&text, "add %s.%s and keep it equal to %s", step->table, step->to,
			       step->from);
		break;
	case LK_VERB_BACKFILL:
		summarize_backfill(&text, step);
		break;
	case LK_VERB_VERIFY:
		lk_buffer_add(&text, "verify that nothing is found: ");
		add_squeezed(&text, step->sql);
		break;
	case LK_VERB_END_DUAL_WRITE:
		lk_buffer_addf(&text, "end the dual write of %s.%s", step->table, step->from);
		break;
	case LK_VERBS:
		break;
	}
	return lk_buffer_take(&text);
}
