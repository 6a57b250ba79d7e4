/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of mistakes in a file. */
#include "base/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

static bool known(const struct lk_problems *problems, const struct lk_problem *problem)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct lk_problem *other = &problems->list[i];
		if (other->line == problem->line && other->column == problem->column &&
		    strcmp(other->text, problem->text) == 0 &&
		    strcmp(other->file, problem->file) == 0)
			return true;
	}
	return false;
}

void lk_problems_add(struct lk_problems *problems, const char *file, int line, int column,
		     const char *format, ...)
{
	char *text = NULL;
	va_list args;
	if (problems->count >= LK_PROBLEMS_LIMIT)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = lk_strdup(format);
	va_end(args);
	struct lk_problem problem = {lk_strdup(file), line, column, text};
	if (known(problems, &problem)) {
		free(problem.file);
		free(problem.text);
		return;
	}
	*LK_PUSH(problems->list, problems->count) = problem;
}

static int compare(const struct lk_problem *a, const struct lk_problem *b)
{
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

/* Insertion keeps the order of problems at one place; the list is short. */
void lk_problems_sort(struct lk_problems *problems)
{
	for (size_t i = 1; i < problems->count; i++) {
		struct lk_problem moved = problems->list[i];
		size_t j = i;
		for (; j > 0 && compare(&moved, &problems->list[j - 1]) < 0; j--)
			problems->list[j] = problems->list[j - 1];
		problems->list[j] = moved;
	}
}

void lk_problems_free(struct lk_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->list[i].file);
		free(problems->list[i].text);
	}
	free(problems->list);
	*problems = (struct lk_problems){0};
}

char *lk_problems_text(const struct lk_problems *problems)
{
	struct lk_buffer text = {0};
	for (size_t i = 0; i < problems->count; i++) {
		const struct lk_problem *problem = &problems->list[i];
		if (problem->line > 0)
			lk_buffer_addf(&text, "%s:%d:%d: %s\n", problem->file, problem->line,
				       problem->column, problem->text);
		else
			lk_buffer_addf(&text, "%s: %s\n", problem->file, problem->text);
	}
	if (problems->count >= LK_PROBLEMS_LIMIT)
		lk_buffer_add(&text, "more than these were found; mend them first\n");
	return lk_buffer_take(&text);
}
