/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/alternative.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

const char *const lk_alternative_words[LK_ALTERNATIVES + 1] = {"postgresql", "mysql", "mariadb",
							       NULL};

static char **member_of(struct lk_operation *operation, const struct lk_alternative *alternative)
{
	return (char **)((char *)operation + alternative->offset);
}

/* The index of the text for the first of the names that has one, -1 when none has. */
static int choose(const struct lk_alternative *alternative, const char *const *names)
{
	for (; *names; names++)
		for (int i = 0; i < LK_ALTERNATIVES; i++)
			if (alternative->texts[i] && strcmp(lk_alternative_words[i], *names) == 0)
				return i;
	return -1;
}

const struct lk_alternative *lk_operation_for(const struct lk_operation *operation,
					      const char *const *names, struct lk_operation *as)
{
	*as = *operation;
	for (size_t i = 0; i < operation->alternative_count; i++) {
		const struct lk_alternative *alternative = &operation->alternatives[i];
		int chosen = choose(alternative, names);
		if (chosen < 0)
			return alternative;
		*member_of(as, alternative) = alternative->texts[chosen];
	}
	return NULL;
}

void lk_alternative_missing(const struct lk_alternative *alternative, const char *const *names,
			    char *text, size_t size)
{
	struct lk_buffer named = {0};
	for (int i = 0; i < LK_ALTERNATIVES; i++)
		if (alternative->texts[i])
			lk_buffer_addf(&named, "%s%s", named.length ? ", " : "",
				       lk_alternative_words[i]);
	snprintf(text, size, "%s has no text for %s%s%s; it names %s", alternative->member,
		 names[0], names[1] ? " or " : "", names[1] ? names[1] : "",
		 lk_buffer_text(&named));
	lk_buffer_free(&named);
}

static bool choose_operation(struct lk_operation *operation, const char *const *names,
			     const char *file, struct lk_error *error)
{
	struct lk_operation as;
	const struct lk_alternative *missing = lk_operation_for(operation, names, &as);
	if (missing) {
		char text[200];
		lk_alternative_missing(missing, names, text, sizeof text);
		return lk_fail(error, LK_ERROR_PLAN, "%s:%d:%d: %s", file, missing->line,
			       missing->column, text);
	}
	for (size_t i = 0; i < operation->alternative_count; i++) {
		const struct lk_alternative *alternative = &operation->alternatives[i];
		char **member = member_of(operation, alternative);
		free(*member);
		*member = lk_strdup(*member_of(&as, alternative));
	}
	lk_operation_free_alternatives(operation);
	return true;
}

bool lk_plan_choose(struct lk_plan *plan, const char *const *names, struct lk_error *error)
{
	for (size_t i = 0; i < plan->operation_count; i++)
		if (!choose_operation(&plan->operations[i], names, plan->file, error))
			return false;
	return true;
}

bool lk_plan_has_alternatives(const struct lk_plan *plan)
{
	for (size_t i = 0; i < plan->operation_count; i++)
		if (plan->operations[i].alternative_count > 0)
			return true;
	return false;
}

void lk_operation_free_alternatives(struct lk_operation *operation)
{
	for (size_t i = 0; i < operation->alternative_count; i++)
		for (int k = 0; k < LK_ALTERNATIVES; k++)
			free(operation->alternatives[i].texts[k]);
	free(operation->alternatives);
	operation->alternatives = NULL;
	operation->alternative_count = 0;
}
