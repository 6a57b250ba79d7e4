/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal's JSON back into a plan. Strict: a member that we do not know may change what a step
 * means, so a plan written by a newer version is refused and not half understood. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plan/alternative.h"
#include "plan/model.h"
#include "plan/parts.h"

static bool take_text(const json_t *value, const char *what, char **text, struct lk_error *error)
{
	if (!json_is_string(value))
		return lk_fail(error, LK_ERROR_PLAN, "%s is not text", what);
	if (*text)
		return lk_fail(error, LK_ERROR_PLAN, "%s is there twice", what);
	*text = lk_strdup(json_string_value(value));
	return true;
}

static bool take_number(const json_t *value, const char *what, int64_t *number,
			struct lk_error *error)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return lk_fail(error, LK_ERROR_PLAN, "%s is not a whole number", what);
	*number = json_integer_value(value);
	return true;
}

static int word_index(const json_t *value, const char *const *words)
{
	const char *text = json_string_value(value);
	for (int i = 0; text && words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

static bool take_set(const json_t *value, struct lk_step *step, struct lk_error *error)
{
	size_t index;
	json_t *item;
	if (!json_is_array(value) || json_array_size(value) == 0)
		return lk_fail(error, LK_ERROR_PLAN, "set is not a list of assignments");
	json_array_foreach (value, index, item) {
		struct lk_assignment *assignment = LK_PUSH(step->set, step->set_count);
		if (!take_text(json_object_get(item, "column"), "set's column", &assignment->column,
			       error))
			assignment->column = lk_strdup("");
		if (!take_text(json_object_get(item, "expression"), "set's expression",
			       &assignment->expression, error))
			assignment->expression = lk_strdup("");
		if (!*assignment->column || !*assignment->expression || json_object_size(item) != 2)
			return lk_fail(error, LK_ERROR_PLAN, "set has a broken assignment");
	}
	return true;
}

static const struct lk_step_field *find_field(const char *name)
{
	for (const struct lk_step_field *field = lk_step_fields; field->name; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

static bool take_gate_member(const char *key, const json_t *value, struct lk_step *step,
			     struct lk_error *error)
{
	static const char *const kinds[] = {"ask", "none", NULL};
	int64_t needed = 0;
	if (strcmp(key, "phase_entry") == 0 && json_is_true(value)) {
		step->phase_entry = true;
		return true;
	}
	if (strcmp(key, "needed") == 0 && take_number(value, "needed", &needed, error)) {
		step->needed = (int)needed;
		return needed == 1 || needed == 2 ||
		       lk_fail(error, LK_ERROR_PLAN, "a gate needs one or two people");
	}
	if (strcmp(key, "gate") == 0 && word_index(value, kinds) >= 0) {
		step->gate = word_index(value, kinds) == 0 ? LK_GATE_ASK : LK_GATE_NONE;
		return true;
	}
	return lk_fail(error, LK_ERROR_PLAN, "a gate cannot have the member %s", key);
}

static bool take_step_member(const char *key, const json_t *value, struct lk_step *step,
			     struct lk_error *error)
{
	const struct lk_step_field *field = find_field(key);
	if (strcmp(key, "phase") == 0 || strcmp(key, "verb") == 0)
		return true;
	if (field && (field->allowed & LK_VERB_BIT(step->verb)))
		return take_text(value, key, lk_step_text(step, field), error);
	if (strcmp(key, "set") == 0 && step->verb == LK_VERB_BACKFILL)
		return take_set(value, step, error);
	if (step->verb == LK_VERB_GATE)
		return take_gate_member(key, value, step, error);
	return lk_fail(error, LK_ERROR_PLAN, "a %s cannot have the member %s",
		       lk_verb_name(step->verb), key);
}

static bool step_is_whole(const struct lk_step *step, struct lk_error *error)
{
	const char *verb = lk_verb_name(step->verb);
	for (const struct lk_step_field *field = lk_step_fields; field->name; field++)
		if ((field->required & LK_VERB_BIT(step->verb)) && !*lk_step_text(step, field))
			return lk_fail(error, LK_ERROR_PLAN, "a %s has no %s", verb, field->name);
	if (step->verb == LK_VERB_BACKFILL && step->set_count == 0)
		return lk_fail(error, LK_ERROR_PLAN, "a backfill sets nothing");
	if (step->verb == LK_VERB_GATE && !(step->gate == LK_GATE_ASK ? step->ask : step->sql))
		return lk_fail(error, LK_ERROR_PLAN, "a gate asks nothing");
	return true;
}

static bool take_step(json_t *object, struct lk_plan *plan, struct lk_error *error)
{
	int phase = word_index(json_object_get(object, "phase"), lk_phase_words);
	int verb = word_index(json_object_get(object, "verb"), lk_verb_words);
	const char *key;
	json_t *value;
	if (phase < 0 || verb < 0)
		return lk_fail(error, LK_ERROR_PLAN, "it has an unknown phase or verb");
	if (plan->step_count > 0 && (int)plan->steps[plan->step_count - 1].phase > phase)
		return lk_fail(error, LK_ERROR_PLAN, "it is out of the order of the phases");
	struct lk_step *step = lk_plan_add_step(plan, (enum lk_phase)phase, (enum lk_verb)verb);
	json_object_foreach (object, key, value) {
		if (!take_step_member(key, value, step, error))
			return false;
	}
	return step_is_whole(step, error);
}

static bool take_steps(const json_t *list, struct lk_plan *plan, struct lk_error *error)
{
	size_t index;
	json_t *item;
	if (!json_is_array(list))
		return lk_fail(error, LK_ERROR_PLAN, "steps is not a list");
	if (json_array_size(list) > LK_MOST_STEPS + LK_PHASES)
		return lk_fail(error, LK_ERROR_PLAN, "it has more than %d steps", LK_MOST_STEPS);
	json_array_foreach (list, index, item) {
		if (!take_step(item, plan, error))
			return lk_fail_context(error, "step %zu", index + 1);
		const char *name = plan->steps[index].name;
		if (name && lk_plan_find_step(plan, name) != (int)index)
			return lk_fail(error, LK_ERROR_PLAN, "two steps are named %s", name);
	}
	return true;
}

static bool take_names(const json_t *value, const char *what, struct lk_names *names,
		       struct lk_error *error)
{
	size_t index;
	json_t *item;
	if (!json_is_array(value) || json_array_size(value) > LK_MOST_COLUMNS)
		return lk_fail(error, LK_ERROR_PLAN, "%s is not a short list", what);
	json_array_foreach (value, index, item) {
		if (!json_is_string(item))
			return lk_fail(error, LK_ERROR_PLAN, "%s holds something else than text",
				       what);
		*LK_PUSH(names->list, names->count) = lk_strdup(json_string_value(item));
	}
	return true;
}

/* Of a plan whose target was not known when it was written. */
static bool take_alternatives(const json_t *value, const struct lk_operation_field *field,
			      struct lk_operation *operation, struct lk_error *error)
{
	char **at = lk_operation_at(operation, field);
	const char *key;
	json_t *text;
	struct lk_alternative *alternative =
		LK_PUSH(operation->alternatives, operation->alternative_count);
	*alternative = (struct lk_alternative){.member = field->name, .offset = field->offset};
	json_object_foreach ((json_t *)(size_t)value, key, text) {
		const json_t *word = json_string(key);
		int i = word_index(word, lk_alternative_words);
		json_decref((json_t *)(size_t)word);
		if (i < 0)
			return lk_fail(error, LK_ERROR_PLAN, "%s has no engine %s", field->name,
				       key);
		if (!take_text(text, field->name, &alternative->texts[i], error))
			return false;
		if (!*at)
			*at = lk_strdup(alternative->texts[i]);
	}
	return true;
}

static bool take_operation_member(const char *key, const json_t *value,
				  struct lk_operation *operation, struct lk_error *error)
{
	for (const struct lk_operation_field *field = lk_operation_fields; field->name; field++) {
		void *at = lk_operation_at(operation, field);
		if (strcmp(field->name, key) != 0 || !lk_operation_has(operation->kind, field))
			continue;
		if (lk_member_is_text(field->member) && json_is_object(value))
			return take_alternatives(value, field, operation, error);
		if (lk_member_is_text(field->member))
			return take_text(value, key, at, error);
		if (lk_member_is_list(field->member))
			return take_names(value, key, at, error);
		*(bool *)at = json_is_true(value);
		return true;
	}
	return lk_fail(error, LK_ERROR_PLAN, "%s cannot have the member %s",
		       lk_operation_name(operation->kind), key);
}

static bool operation_is_whole(const struct lk_operation *operation, struct lk_error *error)
{
	for (const struct lk_operation_field *field = lk_operation_fields; field->name; field++) {
		void *at = lk_operation_at(operation, field);
		if (!(field->required & (1u << operation->kind)))
			continue;
		if (lk_member_is_list(field->member) ? ((struct lk_names *)at)->count == 0
						     : !*(char **)at)
			return lk_fail(error, LK_ERROR_PLAN, "it has no %s", field->name);
	}
	return true;
}

static bool take_operation(json_t *object, struct lk_plan *plan, struct lk_error *error)
{
	int kind = word_index(json_object_get(object, "kind"), lk_operation_words);
	const char *key;
	json_t *value;
	if (kind < 0)
		return lk_fail(error, LK_ERROR_PLAN, "it is of no known kind");
	struct lk_operation *operation = LK_PUSH(plan->operations, plan->operation_count);
	operation->kind = (enum lk_operation_kind)kind;
	json_object_foreach (object, key, value) {
		if (strcmp(key, "kind") != 0 &&
		    !take_operation_member(key, value, operation, error))
			return false;
	}
	return operation_is_whole(operation, error);
}

static bool take_operations(const json_t *list, struct lk_plan *plan, struct lk_error *error)
{
	size_t index;
	json_t *item;
	if (!json_is_array(list) || json_array_size(list) > LK_MOST_OPERATIONS)
		return lk_fail(error, LK_ERROR_PLAN, "operations is not a short list");
	json_array_foreach (list, index, item) {
		if (!take_operation(item, plan, error))
			return lk_fail_context(error, "operation %zu", index + 1);
	}
	return true;
}

static bool take_limits(json_t *object, struct lk_limits *limits, struct lk_error *error)
{
	const char *key;
	json_t *value;
	if (!json_is_object(object))
		return lk_fail(error, LK_ERROR_PLAN, "limits is not an object");
	json_object_foreach (object, key, value) {
		int64_t number = 0;
		int64_t *to = strcmp(key, "lag_ms") == 0	  ? &limits->lag_ms
			      : strcmp(key, "lock_wait_ms") == 0  ? &limits->lock_wait_ms
			      : strcmp(key, "chunk_time_ms") == 0 ? &limits->chunk_time_ms
			      : strcmp(key, "probe_ms") == 0	  ? &limits->probe_ms
			      : strcmp(key, "history") == 0	  ? &limits->history
			      : strcmp(key, "running") == 0	  ? &number
								  : NULL;
		if (strcmp(key, "probe") == 0) {
			if (!take_text(value, key, &limits->probe, error))
				return false;
		} else if (!to) {
			return lk_fail(error, LK_ERROR_PLAN, "unknown limit %s", key);
		} else if (!take_number(value, key, to, error)) {
			return false;
		}
		if (to == &number)
			limits->running = number < INT32_MAX ? (int)number : INT32_MAX;
	}
	return true;
}

static bool take_plan_member(const char *key, json_t *value, struct lk_plan *plan,
			     struct lk_error *error)
{
	const struct {
		const char *name;
		char **text;
	} texts[] = {{"file", &plan->file},
		     {"plan", &plan->name},
		     {"why", &plan->why},
		     {"target", &plan->target},
		     {"release_old", &plan->release_old},
		     {"release_new", &plan->release_new}};
	for (size_t i = 0; i < LK_COUNT(texts); i++)
		if (strcmp(key, texts[i].name) == 0)
			return take_text(value, key, texts[i].text, error);
	if (strcmp(key, "operations") == 0)
		return take_operations(value, plan, error);
	if (strcmp(key, "steps") == 0)
		return take_steps(value, plan, error);
	if (strcmp(key, "limits") == 0)
		return take_limits(value, &plan->limits, error);
	if (strcmp(key, "replicas") == 0)
		return take_names(value, key, &plan->replicas, error);
	return lk_fail(error, LK_ERROR_PLAN, "unknown member %s: a newer version wrote it", key);
}

bool lk_plan_from_json(const json_t *object, struct lk_plan *plan, struct lk_error *error)
{
	const char *key;
	json_t *value;
	bool good = json_is_object(object) || lk_fail(error, LK_ERROR_PLAN, "it is no object");
	*plan = (struct lk_plan){0};
	json_object_foreach ((json_t *)(size_t)object, key, value) {
		good = good && take_plan_member(key, value, plan, error);
	}
	if (good && !plan->name)
		good = lk_fail(error, LK_ERROR_PLAN, "it has no name");
	if (good && plan->step_count == 0 && plan->operation_count == 0)
		good = lk_fail(error, LK_ERROR_PLAN, "it has neither operations nor steps");
	if (!good) {
		lk_plan_free(plan);
		return lk_fail_context(error, "the journal's plan cannot be read");
	}
	if (!plan->file)
		plan->file = lk_strdup("");
	if (!plan->why)
		plan->why = lk_strdup("");
	return true;
}
