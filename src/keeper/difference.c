/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/difference.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* A member of the plan's JSON form; the caller's reference. */
static json_t *part(const struct lk_plan *plan, const char *name)
{
	json_t *object = lk_plan_to_json(plan);
	json_t *member = json_incref(json_object_get(object, name));
	json_decref(object);
	return member;
}

static bool same_part(const struct lk_plan *a, const struct lk_plan *b, const char *name)
{
	json_t *x = part(a, name), *y = part(b, name);
	bool same = (!x && !y) || json_equal(x, y);
	json_decref(x);
	json_decref(y);
	return same;
}

bool lk_difference_same_intent(const struct lk_plan *a, const struct lk_plan *b)
{
	return same_part(a, b, "operations") && same_part(a, b, "release_old") &&
	       same_part(a, b, "release_new");
}

bool lk_difference_same_step(const struct lk_plan *a, const struct lk_plan *b, size_t number)
{
	json_t *x = part(a, "steps"), *y = part(b, "steps");
	json_t *p = json_array_get(x, number), *q = json_array_get(y, number);
	bool same = p && q && json_equal(p, q);
	json_decref(x);
	json_decref(y);
	return same;
}

static char *shown(const json_t *value)
{
	char *dump = json_is_string(value) ? lk_format("\"%s\"", json_string_value(value))
					   : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	return dump ? dump : lk_strdup("not given");
}

static char *describe_member(const char *name, const json_t *was, const json_t *is)
{
	char *old = shown(was), *new = shown(is);
	char *text = lk_format("its %s was %.300s, now it is %.300s", name, old, new);
	free(old);
	free(new);
	return text;
}

/* The first member that differs, in a fixed order; NULL when none does. */
static char *first_difference(json_t *was, json_t *is)
{
	const char *name;
	json_t *value;
	json_object_foreach (was, name, value) {
		if (!json_equal(value, json_object_get(is, name)))
			return describe_member(name, value, json_object_get(is, name));
	}
	json_object_foreach (is, name, value) {
		if (!json_object_get(was, name))
			return describe_member(name, NULL, value);
	}
	return NULL;
}

char *lk_difference_of_step(const struct lk_plan *before, const struct lk_plan *after,
			    size_t number)
{
	json_t *x = part(before, "steps"), *y = part(after, "steps");
	json_t *was = json_array_get(x, number), *is = json_array_get(y, number);
	char *text = NULL;
	if (!is)
		text = lk_strdup("the mended plan ends before it");
	else if (!was)
		text = lk_strdup("the run has no such step");
	else if (json_equal(json_object_get(was, "verb"), json_object_get(is, "verb")))
		text = first_difference(was, is);
	else
		text = lk_format("it was %s, now it is %s",
				 json_string_value(json_object_get(was, "verb")),
				 json_string_value(json_object_get(is, "verb")));
	json_decref(x);
	json_decref(y);
	return text ? text : lk_strdup("nothing");
}

static const json_t *named(const json_t *steps, const char *name)
{
	size_t i;
	const json_t *step;
	json_array_foreach (steps, i, step) {
		if (strcmp(json_string_value(json_object_get(step, "name")), name) == 0)
			return step;
	}
	return NULL;
}

static void add(struct lk_buffer *out, const char *format, const char *name)
{
	lk_buffer_add(out, out->length ? "; " : "");
	char *text = lk_format("%s%s", format, name);
	lk_buffer_add(out, text);
	free(text);
}

/* "backfill-3: set, where" */
static void add_members(struct lk_buffer *out, json_t *was, json_t *is)
{
	const char *key, *between = ": ";
	json_t *value;
	add(out, "", json_string_value(json_object_get(was, "name")));
	json_object_foreach (was, key, value) {
		if (json_equal(value, json_object_get(is, key)))
			continue;
		lk_buffer_addf(out, "%s%s", between, key);
		between = ", ";
	}
	json_object_foreach (is, key, value) {
		if (json_object_get(was, key))
			continue;
		lk_buffer_addf(out, "%s%s", between, key);
		between = ", ";
	}
}

static void compare_steps(struct lk_buffer *out, const json_t *before, const json_t *after)
{
	size_t i;
	json_t *step;
	json_array_foreach (before, i, step) {
		const char *name = json_string_value(json_object_get(step, "name"));
		json_t *other = (json_t *)(size_t)named(after, name);
		if (!other)
			add(out, "without ", name);
		else if (!json_equal(step, other))
			add_members(out, step, other);
	}
	json_array_foreach (after, i, step) {
		if (!named(before, json_string_value(json_object_get(step, "name"))))
			add(out, "with ", json_string_value(json_object_get(step, "name")));
	}
}

void lk_difference_of_plans(const struct lk_plan *before, const struct lk_plan *after, char *text,
			    size_t size)
{
	static const char *const others[] = {"plan",	    "why",    "release_old",
					     "release_new", "limits", "operations"};
	struct lk_buffer out = {0};
	json_t *x = part(before, "steps"), *y = part(after, "steps");
	compare_steps(&out, x, y);
	if (!out.length && !json_equal(x, y))
		lk_buffer_add(&out, "the order of the steps");
	for (size_t i = 0; i < LK_COUNT(others); i++)
		if (!same_part(before, after, others[i]))
			add(&out, "", others[i]);
	lk_copy_text(text, size, out.length ? lk_buffer_text(&out) : "nothing differs");
	json_decref(x);
	json_decref(y);
	lk_buffer_free(&out);
}
