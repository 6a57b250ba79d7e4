/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a mended plan differs from the one whose place it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "keeper/difference.h"

static void fill(struct lk_plan *plan, const char *set, const char *last)
{
	memset(plan, 0, sizeof *plan);
	plan->file = lk_strdup("");
	plan->name = lk_strdup("p");
	plan->why = lk_strdup("");
	struct lk_step *ddl = lk_plan_add_step(plan, LK_EXPAND, LK_VERB_DDL);
	ddl->sql = lk_strdup("SELECT 1");
	struct lk_step *fill = lk_plan_add_step(plan, LK_MIGRATE, LK_VERB_BACKFILL);
	fill->table = lk_strdup("t");
	fill->set = lk_alloc(sizeof *fill->set);
	fill->set_count = 1;
	fill->set[0].column = lk_strdup("c");
	fill->set[0].expression = lk_strdup(set);
	if (last) {
		struct lk_step *verify = lk_plan_add_step(plan, LK_MIGRATE, LK_VERB_VERIFY);
		verify->sql = lk_strdup(last);
	}
	lk_plan_complete(plan);
}

static void expect(const struct lk_plan *a, const struct lk_plan *b, const char *words)
{
	char text[300];
	lk_difference_of_plans(a, b, text, sizeof text);
	assert_string_equal(text, words);
}

static void the_same_plan_differs_in_nothing(void **state)
{
	(void)state;
	struct lk_plan a, b;
	fill(&a, "1", NULL);
	fill(&b, "1", NULL);
	expect(&a, &b, "nothing differs");
	for (size_t i = 0; i < a.step_count; i++)
		assert_true(lk_difference_same_step(&a, &b, i));
	assert_false(lk_difference_same_step(&a, &b, a.step_count));
	lk_plan_free(&a);
	lk_plan_free(&b);
}

static void members_steps_and_limits_are_named(void **state)
{
	(void)state;
	struct lk_plan a, b;
	fill(&a, "1", NULL);
	fill(&b, "2", "SELECT 3");
	b.limits.lag_ms = 7;
	b.steps[3].where = lk_strdup("c > 0");
	expect(&a, &b, "backfill-2: set, where; with verify-3; limits");
	expect(&b, &a, "backfill-2: where, set; without verify-3; limits");
	lk_plan_free(&a);
	lk_plan_free(&b);
}

static void a_step_is_told_with_what_it_was_and_is(void **state)
{
	(void)state;
	struct lk_plan a, b;
	fill(&a, "1", NULL);
	fill(&b, "1", NULL);
	free(b.steps[1].sql);
	b.steps[1].sql = lk_strdup("SELECT 2");
	char *text = lk_difference_of_step(&a, &b, 1);
	assert_string_equal(text, "its sql was \"SELECT 1\", now it is \"SELECT 2\"");
	free(text);
	b.steps[1].undo = lk_strdup("SELECT 0");
	free(b.steps[1].sql);
	b.steps[1].sql = lk_strdup("SELECT 1");
	text = lk_difference_of_step(&a, &b, 1);
	assert_string_equal(text, "its undo was not given, now it is \"SELECT 0\"");
	free(text);
	b.steps[1].verb = LK_VERB_VERIFY;
	text = lk_difference_of_step(&a, &b, 1);
	assert_string_equal(text, "it was ddl, now it is verify");
	free(text);
	text = lk_difference_of_step(&a, &b, 99);
	assert_string_equal(text, "the mended plan ends before it");
	free(text);
	lk_plan_free(&a);
	lk_plan_free(&b);
}

static void an_order_is_a_difference_too(void **state)
{
	(void)state;
	struct lk_plan a, b;
	fill(&a, "1", "SELECT 1");
	fill(&b, "1", "SELECT 1");
	struct lk_step step = b.steps[3];
	b.steps[3] = b.steps[4];
	b.steps[4] = step;
	expect(&a, &b, "the order of the steps");
	lk_plan_free(&a);
	lk_plan_free(&b);
}

static void the_line_is_cut_where_it_must_end(void **state)
{
	(void)state;
	struct lk_plan a, b;
	char text[20];
	fill(&a, "1", NULL);
	fill(&b, "2", "SELECT 3");
	lk_difference_of_plans(&a, &b, text, sizeof text);
	assert_int_equal(strlen(text), sizeof text - 1);
	lk_plan_free(&a);
	lk_plan_free(&b);
}

static void the_intent_is_operations_and_releases(void **state)
{
	(void)state;
	struct lk_plan a, b;
	fill(&a, "1", NULL);
	fill(&b, "2", NULL);
	a.release_new = lk_strdup("42");
	assert_false(lk_difference_same_intent(&a, &b));
	b.release_new = lk_strdup("42");
	assert_true(lk_difference_same_intent(&a, &b));
	lk_plan_free(&a);
	lk_plan_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_plan_differs_in_nothing),
		cmocka_unit_test(members_steps_and_limits_are_named),
		cmocka_unit_test(a_step_is_told_with_what_it_was_and_is),
		cmocka_unit_test(an_order_is_a_difference_too),
		cmocka_unit_test(the_line_is_cut_where_it_must_end),
		cmocka_unit_test(the_intent_is_operations_and_releases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
