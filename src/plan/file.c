/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/file.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/uri.h"
#include "plan/limits.h"
#include "plan/parts.h"
#include "plan/replicas.h"
#include "plan/sql_text.h"

enum { LONGEST_WHY = 400 };

static char *read_text(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		       const char *what)
{
	const char *text = node ? lk_yaml_text(reader, node, what) : NULL;
	return text ? lk_sql_line(text) : NULL;
}

static void read_name(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		      struct lk_plan *plan)
{
	const char *text = node ? lk_yaml_text(reader, node, "the plan's name") : NULL;
	if (text && !lk_name_is_good(text))
		lk_yaml_problem(
			reader, node,
			"the plan's name \"%.60s\" is not made of up to %d letters, digits, "
			"'-', '_' and '.'",
			text, LK_NAME_LENGTH);
	else if (text)
		plan->name = lk_strdup(text);
}

static void read_target(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			struct lk_plan *plan)
{
	const char *text = node ? lk_yaml_text(reader, node, "target") : NULL;
	struct lk_error error = {0};
	if (!text)
		return;
	if (lk_uri_is_uri(text) && !lk_uri_check(text, &error))
		lk_yaml_problem(reader, node, "target: %s", error.text);
	else if (!lk_uri_is_uri(text) && !lk_name_is_good(text))
		lk_yaml_problem(reader, node,
				"target \"%.60s\" is neither a name from the settings nor a URI",
				text);
	else
		plan->target = lk_strdup(text);
}

static void read_releases(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			  struct lk_plan *plan)
{
	static const struct lk_yaml_key keys[] = {{"old", true, NULL}, {"new", true, NULL}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	lk_yaml_mapping(reader, node, "releases", keys, values);
	plan->release_old = read_text(reader, values[0], "the old release");
	plan->release_new = read_text(reader, values[1], "the new release");
	if (plan->release_old && plan->release_new &&
	    strcmp(plan->release_old, plan->release_new) == 0)
		lk_yaml_problem(reader, values[1],
				"the old and the new release are the same: \"%.60s\"",
				plan->release_new);
}

static void read_what(const struct lk_yaml_reader *reader, const struct lk_yaml_node *root,
		      const struct lk_yaml_node *const *values, struct lk_plan *plan)
{
	const struct lk_yaml_node *operations = values[0], *steps = values[1];
	if (operations && steps)
		lk_yaml_problem(reader, steps,
				"a plan has operations (the short form) or steps (the long form), "
				"not both");
	else if (!operations && !steps)
		lk_yaml_problem(reader, root, "the plan has neither operations nor steps");
	if (operations)
		lk_plan_read_operations(reader, operations, plan);
	if (steps) {
		lk_plan_read_steps(reader, steps, plan);
		lk_plan_check_order(reader, plan);
	}
}

static void read_plan(const struct lk_yaml_reader *reader, const struct lk_yaml_node *root,
		      struct lk_plan *plan)
{
	static const struct lk_yaml_key keys[] = {
		{"plan", true, NULL},
		{"why", false, NULL},
		{"target", false, NULL},
		{"releases", false, NULL},
		{"limits", false, NULL},
		{"replicas", false, NULL},
		{"operations", false, NULL},
		{"steps", false, NULL},
		{"target_for", false, "this version runs a plan on one target"},
		{"on_error", false,
		 "a failed step always stops the run; there is nothing to choose"},
		{"version", false, "a plan has no version; leave the line out"},
		{0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	lk_yaml_mapping(reader, root, "a plan", keys, values);
	if (root->kind != LK_YAML_MAPPING)
		return;
	read_name(reader, values[0], plan);
	plan->why = read_text(reader, values[1], "why");
	if (plan->why && strlen(plan->why) > LONGEST_WHY)
		lk_yaml_problem(reader, values[1], "why is longer than %d bytes", LONGEST_WHY);
	read_target(reader, values[2], plan);
	if (values[3])
		read_releases(reader, values[3], plan);
	if (values[4])
		lk_limits_read(reader, values[4], &plan->limits);
	if (values[5])
		lk_replicas_read(reader, values[5],
				 plan->target && lk_uri_is_uri(plan->target) ? plan->target : NULL,
				 &plan->replicas);
	read_what(reader, root, values + 6, plan);
}

bool lk_plan_parse(const char *path, const char *text, size_t length, struct lk_plan *plan,
		   struct lk_problems *problems)
{
	struct lk_yaml_reader reader = {path, problems};
	size_t before = problems->count;
	*plan = (struct lk_plan){0};
	if (length > LK_PLAN_FILE_LIMIT)
		lk_problems_add(problems, path, 0, 0, "larger than a plan may be (%d bytes)",
				LK_PLAN_FILE_LIMIT);
	struct lk_yaml_node *root =
		problems->count == before ? lk_yaml_parse(path, text, length, problems) : NULL;
	if (root)
		read_plan(&reader, root, plan);
	lk_yaml_free(root);
	lk_problems_sort(problems);
	if (problems->count != before || !root) {
		lk_plan_free(plan);
		return false;
	}
	plan->file = lk_strdup(path);
	if (!plan->why)
		plan->why = lk_strdup("");
	return true;
}

bool lk_plan_read(const char *path, struct lk_plan *plan, struct lk_problems *problems)
{
	struct lk_error error = {0};
	size_t length;
	char *text = lk_path_read(path, LK_PLAN_FILE_LIMIT, &length, &error);
	*plan = (struct lk_plan){0};
	if (!text) {
		size_t named = strlen(path);
		const char *reason = error.text;
		if (strncmp(reason, path, named) == 0 && strncmp(reason + named, ": ", 2) == 0)
			reason += named + 2;
		lk_problems_add(problems, path, 0, 0, "%s", reason);
		return false;
	}
	bool read = lk_plan_parse(path, text, length, plan, problems);
	free(text);
	return read;
}
