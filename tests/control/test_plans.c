/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every example in plans/, walked by the real program in a sandbox under load: forward to the gate in front
 * of contract, back, and forward to the end. The application sees no error, every row holds what was
 * written, and on the way back the tables become what they were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/path.h"

enum { PLANS = 64 };

struct plans {
	char *paths[PLANS];
	size_t count;
};

/* What the program said in the end about one plan. */
struct verdict {
	char plan[64];
	bool back, as_before, done;
	json_int_t compared, different, errors; /* the largest, or of `compared` the smallest */
	char sentence[600];
};

struct walked {
	int status; /* of the program */
	struct verdict verdicts[PLANS];
	size_t count;
};

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

/* The same change once more cannot follow in a sandbox that has it. */
static bool is_again(const char *name)
{
	return ends_with(name, "-long.yaml");
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

static void list_plans(struct plans *plans, bool again)
{
	struct dirent **names;
	char *folder = plans_folder();
	int count = scandir(folder, &names, is_plan, in_order);
	assert_true(count > 0 && count <= PLANS);
	for (int i = 0; i < count; i++) {
		if (is_again(names[i]->d_name) == again)
			plans->paths[plans->count++] = lk_path_join(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	free(folder);
}

static void free_plans(struct plans *plans)
{
	for (size_t i = 0; i < plans->count; i++)
		free(plans->paths[i]);
}

static struct verdict *verdict_of(struct walked *walked, const char *plan)
{
	for (size_t i = 0; i < walked->count; i++)
		if (strcmp(walked->verdicts[i].plan, plan) == 0)
			return &walked->verdicts[i];
	assert_true(walked->count < PLANS);
	struct verdict *verdict = &walked->verdicts[walked->count++];
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

static void take_line(struct walked *walked, const json_t *line)
{
	const char *event = text(line, "event");
	bool back = strcmp(event, "back") == 0;
	if (!back && strcmp(event, "result") != 0) {
		if (strcmp(event, "error") == 0)
			print_error("%s\n", text(line, "text"));
		return;
	}
	struct verdict *verdict = verdict_of(walked, text(line, "plan"));
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
static struct walked *walk(const struct plans *plans, const char *options)
{
	struct walked *walked = lk_alloc(sizeof *walked);
	struct lk_buffer command = {0};
	char *program = program_path(), *line = NULL;
	size_t size = 0;
	lk_buffer_addf(&command, "exec '%s' sandbox --headless --json --there-and-back %s", program,
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

static void assert_good(const struct verdict *v)
{
	if (!v->back || !v->done || !v->as_before || v->different || v->errors)
		fail_msg("%s: %s, %s, the tables are %s, %d rows different, %d errors; %s", v->plan,
			 v->back ? "rolled back" : "NOT rolled back", v->done ? "done" : "NOT done",
			 v->as_before ? "as before" : "NOT as before", (int)v->different,
			 (int)v->errors, v->sentence);
	assert_true(v->compared > 20000);
}

static void walk_all(bool again)
{
	struct plans plans = {0};
	list_plans(&plans, again);
	struct walked *walked = walk(&plans, "--rows 20000 --writes 200");
	for (size_t i = 0; i < walked->count; i++)
		assert_good(&walked->verdicts[i]);
	assert_int_equal(walked->status, 0);
	assert_int_equal(walked->count, plans.count);
	free(walked);
	free_plans(&plans);
}

static void every_example_goes_there_and_back_and_to_its_end(void **state)
{
	(void)state;
	walk_all(false);
}

static void so_do_examples_of_a_change_that_was_made_already(void **state)
{
	(void)state;
	walk_all(true);
}

/* An undo that is none, and a change that the application cannot bear. */
static const char bad_plan[] =
	"plan: bad\n"
	"steps:\n"
	"  expand:\n"
	"    - ddl: \"ALTER TABLE reviews ALTER COLUMN stars SET DEFAULT 5\"\n"
	"      undo: \"ALTER TABLE reviews ALTER COLUMN stars SET DEFAULT 4\"\n"
	"    - ddl: \"ALTER TABLE users RENAME COLUMN display_name TO called\"\n"
	"      undo: \"ALTER TABLE users RENAME COLUMN called TO display_name\"\n"
	"    - gate: {name: look, ask: \"is everything well\", by: person}\n";

static void what_a_plan_breaks_is_told(void **state)
{
	const char *folder = *state;
	struct plans plans = {.count = 1};
	struct lk_error error;
	plans.paths[0] = lk_path_join(folder, "bad.yaml");
	assert_true(lk_path_write(plans.paths[0], bad_plan, strlen(bad_plan), &error));
	struct walked *walked = walk(&plans, "--rows 1000 --writes 200");
	assert_int_equal(walked->status, 5);
	assert_int_equal(walked->count, 1);
	assert_true(walked->verdicts[0].back);
	assert_false(walked->verdicts[0].as_before);
	assert_true(walked->verdicts[0].errors > 0);
	assert_non_null(strstr(walked->verdicts[0].sentence, "default 4"));
	assert_int_equal(walked->verdicts[0].different, 0);
	free(walked);
	unlink(plans.paths[0]);
	free_plans(&plans);
}

int main(void)
{
	char folder[] = "/tmp/lk-plans-XXXXXX";
	struct lk_error error;
	if (!mkdtemp(folder) || chmod(folder, 01777) != 0)
		return 1;
	setenv("XDG_STATE_HOME", folder, 1);
	setenv("TMPDIR", folder, 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_goes_there_and_back_and_to_its_end),
		cmocka_unit_test(so_do_examples_of_a_change_that_was_made_already),
		cmocka_unit_test_prestate(what_a_plan_breaks_is_told, folder),
	};
	int failed = cmocka_run_group_tests_name("plans", tests, NULL, NULL);
	if (!lk_path_remove_tree(folder, &error))
		print_error("%s\n", error.text);
	return failed != 0;
}
