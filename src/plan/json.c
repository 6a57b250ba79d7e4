/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan as JSON, for the journal and the digest. Texts that are not given are left out. */
#include <string.h>

#include "plan/alternative.h"
#include "plan/model.h"
#include "plan/parts.h"

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text)
		json_object_set_new(object, name, json_string(text));
}

static void set_number(json_t *object, const char *name, int64_t number)
{
	if (number != 0)
		json_object_set_new(object, name, json_integer(number));
}

json_t *lk_step_to_json(const struct lk_step *step)
{
	json_t *object = json_object();
	set_text(object, "phase", lk_phase_name(step->phase));
	set_text(object, "verb", lk_verb_name(step->verb));
	for (const struct lk_step_field *field = lk_step_fields; field->name; field++)
		set_text(object, field->name, *lk_step_text(step, field));
	if (step->verb == LK_VERB_BACKFILL) {
		json_t *set = json_array();
		for (size_t i = 0; i < step->set_count; i++)
			json_array_append_new(set,
					      json_pack("{s:s, s:s}", "column", step->set[i].column,
							"expression", step->set[i].expression));
		json_object_set_new(object, "set", set);
	}
	if (step->verb == LK_VERB_GATE) {
		set_text(object, "gate", step->gate == LK_GATE_ASK ? "ask" : "none");
		if (step->gate == LK_GATE_ASK)
			set_number(object, "needed", step->needed);
		if (step->phase_entry)
			json_object_set_new(object, "phase_entry", json_true());
	}
	return object;
}

static void set_list(json_t *object, const char *name, const struct lk_names *names)
{
	json_t *list = json_array();
	for (size_t i = 0; i < names->count; i++)
		json_array_append_new(list, json_string(names->list[i]));
	if (names->count > 0)
		json_object_set(object, name, list);
	json_decref(list);
}

static void set_alternatives(json_t *object, const struct lk_operation *operation)
{
	for (size_t i = 0; i < operation->alternative_count; i++) {
		const struct lk_alternative *alternative = &operation->alternatives[i];
		json_t *texts = json_object();
		for (int k = 0; k < LK_ALTERNATIVES; k++)
			set_text(texts, lk_alternative_words[k], alternative->texts[k]);
		json_object_set_new(object, alternative->member, texts);
	}
}

json_t *lk_operation_to_json(const struct lk_operation *operation)
{
	json_t *object = json_object();
	set_text(object, "kind", lk_operation_name(operation->kind));
	for (const struct lk_operation_field *field = lk_operation_fields; field->name; field++) {
		void *at = lk_operation_at(operation, field);
		if (!lk_operation_has(operation->kind, field))
			continue;
		if (lk_member_is_text(field->member))
			set_text(object, field->name, *(char **)at);
		else if (lk_member_is_list(field->member))
			set_list(object, field->name, at);
		else if (*(bool *)at)
			json_object_set_new(object, field->name, json_true());
	}
	set_alternatives(object, operation);
	return object;
}

static json_t *limits_to_json(const struct lk_limits *limits)
{
	json_t *object = json_object();
	set_number(object, "lag_ms", limits->lag_ms);
	set_number(object, "lock_wait_ms", limits->lock_wait_ms);
	set_number(object, "chunk_time_ms", limits->chunk_time_ms);
	set_number(object, "running", limits->running);
	set_number(object, "history", limits->history);
	set_text(object, "probe", limits->probe);
	set_number(object, "probe_ms", limits->probe_ms);
	return object;
}

json_t *lk_plan_to_json(const struct lk_plan *plan)
{
	json_t *object = json_object(), *operations = json_array(), *steps = json_array();
	set_text(object, "file", plan->file);
	set_text(object, "plan", plan->name);
	set_text(object, "why", plan->why);
	set_text(object, "target", plan->target);
	set_text(object, "release_old", plan->release_old);
	set_text(object, "release_new", plan->release_new);
	for (size_t i = 0; i < plan->operation_count; i++)
		json_array_append_new(operations, lk_operation_to_json(&plan->operations[i]));
	for (size_t i = 0; i < plan->step_count; i++)
		json_array_append_new(steps, lk_step_to_json(&plan->steps[i]));
	json_object_set_new(object, "operations", operations);
	json_object_set_new(object, "steps", steps);
	json_object_set_new(object, "limits", limits_to_json(&plan->limits));
	set_list(object, "replicas", &plan->replicas);
	return object;
}
