/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules between the steps of a plan. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/parts.h"

static void complain(const struct lk_yaml_reader *reader, const struct lk_step *step,
		     const char *format, ...) __attribute__((format(printf, 3, 4)));

static void complain(const struct lk_yaml_reader *reader, const struct lk_step *step,
		     const char *format, ...)
{
	struct lk_yaml_node place = {.line = step->line, .column = step->column};
	char text[400];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	lk_yaml_problem(reader, &place, "%s", text);
}

static bool is_phase_word(const char *name)
{
	for (int phase = 0; phase < LK_PHASES; phase++)
		if (strcmp(name, lk_phase_words[phase]) == 0)
			return true;
	return false;
}

static void check_name(const struct lk_yaml_reader *reader, const struct lk_plan *plan,
		       size_t index)
{
	const struct lk_step *step = &plan->steps[index];
	if (!lk_name_is_good(step->name)) {
		complain(reader, step,
			 "the name \"%.60s\" is not made of up to %d letters, digits, '-', '_' and "
			 "'.'",
			 step->name, LK_NAME_LENGTH);
		return;
	}
	if (is_phase_word(step->name))
		complain(reader, step,
			 "\"%s\" is the name of the gate in front of that phase: choose another",
			 step->name);
	int first = lk_plan_find_step(plan, step->name);
	if (first != (int)index)
		complain(reader, step, "the name \"%s\" is taken by the step in line %d",
			 step->name, plan->steps[first].line);
	for (size_t i = 0; i < plan->step_count; i++) {
		if (i == index || plan->steps[i].name)
			continue;
		char *other = lk_step_default_name(plan, i);
		if (strcmp(other, step->name) == 0)
			complain(reader, step,
				 "\"%s\" is what the unnamed step in line %d is called: choose "
				 "another name",
				 step->name, plan->steps[i].line);
		free(other);
	}
}

static bool is_dual_write_of(const struct lk_step *step, const struct lk_step *end)
{
	return step->verb == LK_VERB_DUAL_WRITE && step->table && step->from &&
	       strcmp(step->table, end->table) == 0 && strcmp(step->from, end->from) == 0;
}

static void check_end(const struct lk_yaml_reader *reader, const struct lk_plan *plan, size_t index)
{
	const struct lk_step *end = &plan->steps[index];
	int open = 0;
	for (size_t i = 0; i < index; i++) {
		const struct lk_step *step = &plan->steps[i];
		if (is_dual_write_of(step, end))
			open++;
		else if (step->verb == LK_VERB_END_DUAL_WRITE && step->table && step->from &&
			 strcmp(step->table, end->table) == 0 && strcmp(step->from, end->from) == 0)
			open--;
	}
	if (open <= 0)
		complain(reader, end,
			 "no dual_write from %.80s.%.80s comes before this end_dual_write",
			 end->table, end->from);
}

void lk_plan_check_order(const struct lk_yaml_reader *reader, const struct lk_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct lk_step *step = &plan->steps[i];
		if (step->name)
			check_name(reader, plan, i);
		if (step->verb == LK_VERB_END_DUAL_WRITE && step->table && step->from)
			check_end(reader, plan, i);
	}
}
