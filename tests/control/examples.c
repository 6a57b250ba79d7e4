/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/control/examples.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/path.h"

static char *program_path(void)
{
	const char *program = getenv("LOCKKEEPER");
	char *path = realpath(program ? program : "./lockkeeper", NULL);
	assert_non_null(path);
	return path;
}

static char *plans_folder(void)
{
	const char *source = getenv("srcdir");
	return lk_format("%s/plans", source ? source : ".");
}

static bool ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), n = strlen(ending);
	return length >= n && strcmp(text + length - n, ending) == 0;
}

/* Renamings come last: the others know the old names. */
static int in_order(const struct dirent **a, const struct dirent **b)
{
	bool late_a = strncmp((*a)->d_name, "rename-", 7) == 0;
	bool late_b = strncmp((*b)->d_name, "rename-", 7) == 0;
	return late_a != late_b ? late_a - late_b : strcmp((*a)->d_name, (*b)->d_name);
}

static int is_plan(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".yaml");
}

void lk_examples_list(struct lk_examples *examples, bool (*wanted)(const char *name))
{
	struct dirent **names;
	char *folder = plans_folder();
	int count = scandir(folder, &names, is_plan, in_order);
	assert_true(count > 0 && count <= LK_EXAMPLES);
	for (int i = 0; i < count; i++) {
		if (wanted(names[i]->d_name))
			examples->paths[examples->count++] = lk_path_join(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	free(folder);
}

void lk_examples_free(struct lk_examples *examples)
{
	for (size_t i = 0; i < examples->count; i++)
		free(examples->paths[i]);
}

static struct lk_verdict *verdict_of(struct lk_walked *walked, const char *plan)
{
	for (size_t i = 0; i < walked->count; i++)
		if (strcmp(walked->verdicts[i].plan, plan) == 0)
			return &walked->verdicts[i];
	assert_true(walked->count < LK_EXAMPLES);
	struct lk_verdict *verdict = &walked->verdicts[walked->count++];
	LK_COPY(verdict->plan, plan);
	verdict->compared = INT64_MAX;
	return verdict;
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);
	assert_true(json_is_integer(member));
	return json_integer_value(member);
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static void take_line(struct lk_walked *walked, const json_t *line)
{
	const char *event = text(line, "event");
	bool back = strcmp(event, "back") == 0;
	if (!back && strcmp(event, "result") != 0) {
		if (strcmp(event, "error") == 0)
			print_error("%s\n", text(line, "text"));
		return;
	}
	struct lk_verdict *verdict = verdict_of(walked, text(line, "plan"));
	const json_t *application = back ? line : json_object_get(line, "application");
	json_int_t compared = number(line, "rows_compared"), errors = number(application, "errors");
	json_int_t different = number(line, "rows_different");
	verdict->compared = compared < verdict->compared ? compared : verdict->compared;
	verdict->different = different > verdict->different ? different : verdict->different;
	verdict->errors = errors > verdict->errors ? errors : verdict->errors;
	if (back) {
		verdict->back = true;
		verdict->as_before = json_is_true(json_object_get(line, "as_before"));
		LK_COPY(verdict->sentence, text(line, "difference"));
		return;
	}
	verdict->done = strcmp(text(line, "outcome"), "done") == 0;
	if (!verdict->sentence[0])
		snprintf(verdict->sentence, sizeof verdict->sentence, "%s %s", text(line, "reason"),
			 text(application, "first_error"));
}

/* The walk; every line is JSON. */
struct lk_walked *lk_examples_walk(const struct lk_examples *plans, const char *options)
{
	struct lk_walked *walked = lk_alloc(sizeof *walked);
	struct lk_buffer command = {0};
	char *program = program_path(), *line = NULL;
	size_t size = 0;
	lk_buffer_addf(&command, "exec '%s' sandbox --headless --json %s", program,
		       options);
	for (size_t i = 0; i < plans->count; i++)
		lk_buffer_addf(&command, " --plan '%s'", plans->paths[i]);
	FILE *output = popen(lk_buffer_text(&command), "r");
	assert_non_null(output);
	while (getline(&line, &size, output) > 0) {
		json_t *object = json_loads(line, 0, NULL);
		if (!json_is_object(object))
			fail_msg("no JSON: %s", line);
		take_line(walked, object);
		json_decref(object);
	}
	int status = pclose(output);
	walked->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	free(line);
	free(program);
	lk_buffer_free(&command);
	return walked;
}

void lk_examples_assert_good(const struct lk_verdict *v)
{
	if (!v->back || !v->done || !v->as_before || v->different || v->errors)
		fail_msg("%s: %s, %s, the tables are %s, %d rows different, %d errors; %s", v->plan,
			 v->back ? "rolled back" : "NOT rolled back", v->done ? "done" : "NOT done",
			 v->as_before ? "as before" : "NOT as before", (int)v->different,
			 (int)v->errors, v->sentence);
	assert_true(v->compared > 20000);
}
