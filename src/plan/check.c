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

/* Both need a dual write that is there, and its columns by the names they have at that moment. */
static void check_use(const struct lk_yaml_reader *reader, const struct lk_plan *plan, size_t index)
{
	const struct lk_step *use = &plan->steps[index];
	const char *columns[2];
	for (size_t i = 0; i < index; i++) {
		if (!plan->steps[i].table || strcmp(plan->steps[i].table, use->table) != 0 ||
		    !lk_plan_dual_write(plan, i, index, columns))
			continue;
		bool old = strcmp(columns[0], use->from) == 0;
		bool other = use->to && strcmp(columns[old ? 1 : 0], use->to) == 0 &&
			     (old || strcmp(columns[1], use->from) == 0);
		if (use->verb == LK_VERB_END_DUAL_WRITE ? old : other)
			return;
	}
	complain(reader, use, "no dual_write from %.80s.%.80s comes before this %s", use->table,
		 use->from, lk_verb_name(use->verb));
}

void lk_plan_check_order(const struct lk_yaml_reader *reader, const struct lk_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct lk_step *step = &plan->steps[i];
		if (step->name)
			check_name(reader, plan, i);
		if (!step->table || !step->from)
			continue;
		if (step->verb == LK_VERB_END_DUAL_WRITE ||
		    (step->verb == LK_VERB_SWAP_COLUMNS && step->to))
			check_use(reader, plan, i);
	}
}
