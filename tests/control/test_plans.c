/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every example in plans/, walked by the real program in a sandbox under load: forward to the gate in front
 * of contract, back, and forward to the end. The application sees no error, every row holds what was
 * written, and on the way back the tables become what they were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "tests/control/examples.h"

/* The same change once more cannot follow in a sandbox that has it. */
static bool is_again(const char *name)
{
	size_t length = strlen(name), n = strlen("-long.yaml");
	return length >= n && strcmp(name + length - n, "-long.yaml") == 0;
}

/* The SQL of other engines (test_my_plans). */
static bool is_foreign(const char *name)
{
	return strcmp(name, "rename-username-long-mysql.yaml") == 0;
}

static bool is_first(const char *name)
{
	return !is_again(name) && !is_foreign(name);
}

static void walk_all(bool (*wanted)(const char *name))
{
	struct lk_examples plans = {0};
	lk_examples_list(&plans, wanted);
	struct lk_walked *walked =
		lk_examples_walk(&plans, "--there-and-back --rows 20000 --writes 200");
	for (size_t i = 0; i < walked->count; i++)
		lk_examples_assert_good(&walked->verdicts[i]);
	assert_int_equal(walked->status, 0);
	assert_int_equal(walked->count, plans.count);
	free(walked);
	lk_examples_free(&plans);
}

static void every_example_goes_there_and_back_and_to_its_end(void **state)
{
	(void)state;
	walk_all(is_first);
}

static void so_do_examples_of_a_change_that_was_made_already(void **state)
{
	(void)state;
	walk_all(is_again);
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
	struct lk_examples plans = {.count = 1};
	struct lk_error error;
	plans.paths[0] = lk_path_join(folder, "bad.yaml");
	assert_true(lk_path_write(plans.paths[0], bad_plan, strlen(bad_plan), &error));
	struct lk_walked *walked =
		lk_examples_walk(&plans, "--there-and-back --rows 1000 --writes 200");
	assert_int_equal(walked->status, 5);
	assert_int_equal(walked->count, 1);
	assert_true(walked->verdicts[0].back);
	assert_false(walked->verdicts[0].as_before);
	assert_true(walked->verdicts[0].errors > 0);
	assert_non_null(strstr(walked->verdicts[0].sentence, "default 4"));
	assert_int_equal(walked->verdicts[0].different, 0);
	free(walked);
	unlink(plans.paths[0]);
	lk_examples_free(&plans);
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
