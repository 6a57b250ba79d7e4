/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who waits for whom, drawn as a forest. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "watch/lock_tree.h"

/* A session and those it waits for; a negative process number is one of ours. */
struct who {
	int pid;
	int blockers[3];
	double wait_ms;
	bool holds_table;
};

static void build(const struct who *who, size_t count, struct lk_sample *sample,
		  struct lk_sample_session *sessions, struct lk_lock_tree *tree)
{
	*sample = (struct lk_sample){.sessions = sessions, .session_count = count};
	for (size_t i = 0; i < count; i++) {
		struct lk_sample_session *s = &sessions[i];
		memset(s, 0, sizeof *s);
		s->ours = who[i].pid < 0;
		s->pid = abs(who[i].pid);
		s->wait_ms = who[i].wait_ms;
		s->holds_table = who[i].holds_table;
		for (int b = 0; b < 3 && who[i].blockers[b]; b++)
			s->blockers[s->blocker_count++] = abs(who[i].blockers[b]);
	}
	lk_lock_tree_build(sample, tree);
}

/* "10 (20 (30) 40)": the forest in words. */
static void expect(const struct lk_lock_tree *tree, const char *wanted)
{
	char text[400] = "";
	size_t length = 0;
	int depth = 0;
	for (size_t i = 0; i < tree->count; i++) {
		const struct lk_lock_node *n = &tree->nodes[i];
		assert_true(n->depth <= depth + 1);
		for (; depth > n->depth; depth--)
			length += (size_t)snprintf(text + length, sizeof text - length, ")");
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s%d",
					   i ? " " : "", n->depth > depth ? "(" : "",
					   n->session->pid);
		depth = n->depth;
	}
	for (; depth > 0; depth--)
		length += (size_t)snprintf(text + length, sizeof text - length, ")");
	assert_string_equal(text, wanted);
}

static void nobody_waits_so_there_is_nothing_to_draw(void **state)
{
	const struct who who[] = {{.pid = 10}, {.pid = -11}};
	struct lk_sample sample;
	struct lk_sample_session sessions[2];
	struct lk_lock_tree tree;
	(void)state;
	build(who, 2, &sample, sessions, &tree);
	assert_int_equal(tree.count, 0);
	lk_lock_tree_free(&tree);
	build(who, 0, &sample, sessions, &tree);
	assert_int_equal(tree.count, 0);
	lk_lock_tree_free(&tree);
}

static void our_ddl_behind_a_reader_with_victims_behind_it(void **state)
{
	const struct who who[] = {
		{.pid = 40, .blockers = {20}, .wait_ms = 80},
		{.pid = -20, .blockers = {10}, .wait_ms = 90},
		{.pid = 10},
		{.pid = 30, .blockers = {20}, .wait_ms = 130},
		{.pid = 50, .blockers = {30}, .wait_ms = 20},
	};
	struct lk_sample sample;
	struct lk_sample_session sessions[5];
	struct lk_lock_tree tree;
	(void)state;
	build(who, 5, &sample, sessions, &tree);
	expect(&tree, "10 (20 (40 30 (50)))");
	assert_int_equal(tree.nodes[0].waiting_below, 4);
	assert_int_equal(tree.nodes[1].waiting_below, 3);
	assert_int_equal(tree.we_block, 3);
	assert_int_equal(tree.we_wait, 1);
	assert_true(tree.longest_victim_ms == 130);
	lk_lock_tree_free(&tree);
}

static void those_who_wait_for_strangers_are_not_our_victims(void **state)
{
	const struct who who[] = {
		{.pid = 20, .blockers = {10}, .wait_ms = 5000}, {.pid = 10}, {.pid = -5}};
	struct lk_sample sample;
	struct lk_sample_session sessions[3];
	struct lk_lock_tree tree;
	(void)state;
	build(who, 3, &sample, sessions, &tree);
	expect(&tree, "10 (20)");
	assert_int_equal(tree.we_block, 0);
	assert_int_equal(tree.we_wait, 0);
	assert_true(tree.longest_victim_ms == 0);
	lk_lock_tree_free(&tree);
}

static void an_old_transaction_on_our_table_appears_before_anyone_waits(void **state)
{
	const struct who who[] = {{.pid = 10, .holds_table = true}, {.pid = 11}};
	struct lk_sample sample;
	struct lk_sample_session sessions[2];
	struct lk_lock_tree tree;
	(void)state;
	build(who, 2, &sample, sessions, &tree);
	expect(&tree, "10");
	lk_lock_tree_free(&tree);
}

static void a_deadlock_is_cut_and_everyone_drawn_once(void **state)
{
	const struct who who[] = {
		{.pid = 30, .blockers = {10}},
		{.pid = 20, .blockers = {30}},
		{.pid = 10, .blockers = {20}},
		{.pid = 40, .blockers = {20}},
	};
	struct lk_sample sample;
	struct lk_sample_session sessions[4];
	struct lk_lock_tree tree;
	(void)state;
	build(who, 4, &sample, sessions, &tree);
	expect(&tree, "10 (30 (20 (40)))");
	lk_lock_tree_free(&tree);
}

static void blockers_that_nobody_can_see_leave_a_root(void **state)
{
	/* 999 has ended between two readings; 20 waits for itself, as a parallel group may seem to.
	 */
	const struct who who[] = {{.pid = 10, .blockers = {999}},
				  {.pid = 20, .blockers = {20}},
				  {.pid = 30, .blockers = {999, 10}}};
	struct lk_sample sample;
	struct lk_sample_session sessions[3];
	struct lk_lock_tree tree;
	(void)state;
	build(who, 3, &sample, sessions, &tree);
	expect(&tree, "10 (30) 20");
	lk_lock_tree_free(&tree);
}

/* Any graph: everyone who waits or blocks appears exactly once, and the depths are a forest's. */
static void any_graph_becomes_a_forest(void **state)
{
	enum { MOST = 12 };
	struct test_random random = {7};
	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct who who[MOST] = {{0}};
		struct lk_sample sample;
		struct lk_sample_session sessions[MOST];
		struct lk_lock_tree tree;
		size_t count = 1 + test_random(&random, MOST);
		bool appears[MOST] = {false};
		size_t expected = 0;
		for (size_t i = 0; i < count; i++) {
			who[i].pid = (int)i + 1;
			if (test_random(&random, 3) == 0)
				continue;
			int blocker = 1 + (int)test_random(&random, (uint32_t)count);
			who[i].blockers[0] = blocker;
			appears[i] = true;
			appears[blocker - 1] = true;
		}
		for (size_t i = 0; i < count; i++)
			expected += appears[i];
		build(who, count, &sample, sessions, &tree);
		assert_int_equal(tree.count, expected);
		for (size_t i = 0; i < tree.count; i++) {
			size_t at = (size_t)(tree.nodes[i].session - sessions);
			assert_true(appears[at]);
			appears[at] = false;
			assert_true(tree.nodes[i].depth == 0 ||
				    (i > 0 && tree.nodes[i].depth <= tree.nodes[i - 1].depth + 1));
		}
		lk_lock_tree_free(&tree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_waits_so_there_is_nothing_to_draw),
		cmocka_unit_test(our_ddl_behind_a_reader_with_victims_behind_it),
		cmocka_unit_test(those_who_wait_for_strangers_are_not_our_victims),
		cmocka_unit_test(an_old_transaction_on_our_table_appears_before_anyone_waits),
		cmocka_unit_test(a_deadlock_is_cut_and_everyone_drawn_once),
		cmocka_unit_test(blockers_that_nobody_can_see_leave_a_root),
		cmocka_unit_test(any_graph_becomes_a_forest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
