/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plan files: each one in tests/data/plans against what is said about it, word for word. */
#include "tests/unit/support.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "plan/file.h"

#define FOLDER "tests/data/plans"

static struct dirent **list_plans(int *count)
{
	struct dirent **names;
	char *folder = test_source(FOLDER);
	*count = scandir(folder, &names, NULL, alphasort);
	if (*count < 0)
		fail_msg("%s cannot be read", folder);
	free(folder);
	return names;
}

static bool is_plan(const char *name)
{
	size_t length = strlen(name);
	return length > 5 && strcmp(name + length - 5, ".yaml") == 0;
}

/* What the reader makes of a file: its complaints, or the plan written again. */
static char *said_about(const char *name, const char *text, size_t length)
{
	struct lk_plan plan;
	struct lk_problems problems = {0};
	char *said = lk_plan_parse(name, text, length, &plan, &problems)
			     ? lk_plan_to_yaml(&plan)
			     : lk_problems_text(&problems);
	lk_plan_free(&plan);
	lk_problems_free(&problems);
	return said;
}

static void says_what_is_expected(void **state)
{
	int count, checked = 0;
	struct dirent **names = list_plans(&count);
	(void)state;
	for (int i = 0; i < count; i++) {
		if (is_plan(names[i]->d_name)) {
			size_t length;
			char *path = lk_format(FOLDER "/%s", names[i]->d_name);
			char *text = test_read(path, &length);

			char *expected_path =
				lk_format("%.*sexpected", (int)strlen(path) - 4, path);
			char *expected = test_read(expected_path, NULL);
			char *said = said_about(names[i]->d_name, text, length);
			assert_string_equal(said, expected);
			free(said);
			free(expected);
			free(expected_path);
			free(text);
			free(path);
			checked++;
		}
		free(names[i]);
	}
	free(names);
	assert_true(checked >= 40);
}

static void the_examples_are_right(void **state)
{
	static const char *const examples[] = {"plans/rename-username.yaml",
					       "plans/rename-username-long.yaml"};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(examples); i++) {
		struct lk_plan plan;
		struct lk_problems problems = {0};
		char *path = test_source(examples[i]);
		if (!lk_plan_read(path, &plan, &problems))
			fail_msg("%s", lk_problems_text(&problems));
		assert_int_equal(strncmp(plan.name, "rename-username", 15), 0);
		assert_string_equal(plan.file, path);
		assert_string_equal(plan.release_new, "42");
		assert_int_equal(plan.limits.lag_ms, 2000);
		assert_int_equal(plan.operation_count, i == 0 ? 1 : 0);
		assert_int_equal(plan.step_count, i == 0 ? 0 : 8);
		lk_plan_free(&plan);
		free(path);
	}
}

static void refuses_a_file(const char *path, const char *expected)
{
	struct lk_plan plan;
	struct lk_problems problems = {0};
	assert_false(lk_plan_read(path, &plan, &problems));
	assert_int_equal(plan.step_count + plan.operation_count, 0);
	char *text = lk_problems_text(&problems);
	assert_contains(text, expected);
	free(text);
	lk_problems_free(&problems);
}

static void refuses_files_that_are_none(void **state)
{
	enum { HUGE = 10 * 1000 * 1000 };
	struct lk_error error;
	char folder[] = "/tmp/lockkeeper-test-XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(folder));
	char *path = lk_path_join(folder, "plan.yaml");
	refuses_a_file(path, "plan.yaml: No such file or directory");
	refuses_a_file(folder, "is a folder");
	assert_true(lk_path_write(path, "", 0, &error));
	refuses_a_file(path, "the file is empty");
	assert_true(lk_path_write(path,
				  "\x7f"
				  "ELF\x02\x01\x01\0\0",
				  9, &error));
	refuses_a_file(path, "plan.yaml:1:1: a control character");
	char *huge = lk_alloc(HUGE);
	memset(huge, '#', HUGE);
	assert_true(lk_path_write(path, huge, HUGE, &error));
	int64_t before = lk_clock_us();
	refuses_a_file(path, "plan.yaml");
	assert_true(lk_clock_us() - before < 1000000);
	free(huge);
	free(path);
	assert_true(lk_path_remove_tree(folder, &error));
}

static void refuses_a_large_text(void **state)
{
	struct lk_plan plan;
	struct lk_problems problems = {0};
	char *text = lk_alloc(LK_PLAN_FILE_LIMIT + 2);
	(void)state;
	memset(text, '#', LK_PLAN_FILE_LIMIT + 1);
	assert_false(lk_plan_parse("p", text, LK_PLAN_FILE_LIMIT + 1, &plan, &problems));
	assert_contains(problems.list[0].text, "larger than a plan may be");
	lk_problems_free(&problems);
	free(text);
}

/* Whatever is read without complaint must come back the same from its written form. */
static void check_round_trip(const char *text, size_t length)
{
	struct lk_plan plan, again;
	struct lk_problems problems = {0};
	if (lk_plan_parse("p", text, length, &plan, &problems)) {
		char first[65], second[65];
		char *yaml = lk_plan_to_yaml(&plan);
		if (!lk_plan_parse("again", yaml, strlen(yaml), &again, &problems))
			fail_msg("%s\nfrom\n%s", lk_problems_text(&problems), yaml);
		lk_plan_digest(&plan, first);
		lk_plan_digest(&again, second);
		assert_string_equal(first, second);
		lk_plan_free(&again);
		free(yaml);
	} else {
		assert_true(problems.count > 0);
	}
	lk_plan_free(&plan);
	lk_problems_free(&problems);
}

static void survives_mutations(void **state)
{
	enum { ROUNDS = 150 };
	int count;
	struct dirent **names = list_plans(&count);
	char *long_form = test_read("plans/rename-username-long.yaml", NULL);
	struct test_random random = {4242};
	(void)state;
	for (int i = 0; i < count; i++) {
		char *path = lk_format(FOLDER "/%s", names[i]->d_name);
		char *seed = is_plan(path) ? test_read(path, NULL) : lk_strdup(long_form);
		for (int round = 0; round < (is_plan(path) ? ROUNDS : ROUNDS / 2); round++) {
			size_t length;
			char *text = test_mutate(&random, seed, long_form, &length);
			check_round_trip(text, length);
			free(text);
		}
		free(seed);
		free(path);
		free(names[i]);
	}
	free(names);
	free(long_form);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_expected),
		cmocka_unit_test(the_examples_are_right),
		cmocka_unit_test(refuses_files_that_are_none),
		cmocka_unit_test(refuses_a_large_text),
		cmocka_unit_test(survives_mutations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
