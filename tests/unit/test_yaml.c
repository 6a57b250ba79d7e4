/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "base/nearest.h"
#include "base/yaml.h"

static struct lk_yaml_node *parse(const char *text, struct lk_problems *problems)
{
	*problems = (struct lk_problems){0};
	return lk_yaml_parse("f", text, strlen(text), problems);
}

/* The only complaint about a text, as one line. */
static void complains(const char *text, size_t length, const char *expected)
{
	struct lk_problems problems = {0};
	struct lk_yaml_node *root = lk_yaml_parse("f", text, length, &problems);
	char *lines = lk_problems_text(&problems);
	assert_null(root);
	assert_int_equal(problems.count, 1);
	assert_contains(lines, expected);
	free(lines);
	lk_problems_free(&problems);
}

static void keeps_places_styles_and_comments(void **state)
{
	struct lk_problems problems;
	struct lk_yaml_node *root = parse("# note\nä: b # c\nlist:\n  - 'q'\n  - |\n    block\n"
					  "  - {k: v, e: }\n",
					  &problems);
	(void)state;
	assert_non_null(root);
	assert_int_equal(root->kind, LK_YAML_MAPPING);
	assert_int_equal(root->count, 4);
	const struct lk_yaml_node *value = root->members[1], *list = root->members[3];
	assert_string_equal(root->members[0]->text, "ä");
	assert_int_equal(value->line, 2);
	assert_int_equal(value->column, 4); /* characters, not bytes */
	assert_true(value->comment);
	assert_int_equal(list->kind, LK_YAML_SEQUENCE);
	assert_int_equal(list->members[0]->style, LK_YAML_QUOTED);
	assert_false(list->members[0]->comment);
	assert_int_equal(list->members[1]->style, LK_YAML_BLOCK);
	assert_string_equal(list->members[1]->text, "block\n");
	const struct lk_yaml_node *flow = list->members[2];
	assert_true(flow->flow && flow->members[0]->flow);
	assert_false(list->flow);
	assert_int_equal(flow->column, 5);
	assert_true(lk_yaml_is_null(flow->members[3]));
	assert_int_equal(flow->members[3]->line, 7);
	lk_yaml_free(root);
	lk_problems_free(&problems);
}

static void refuses_what_is_no_text(void **state)
{
	(void)state;
	complains("", 0, "f: the file is empty");
	complains("# only a comment\n", 17, "f: the file is empty");
	complains("a: b\0c", 6, "f:1:5: a NUL byte");
	complains("a: \"\\0\"", 7, "f:1:4: this text holds a NUL");
	complains("a: \xff", 4, "f:1:4: this is not UTF-8");
	complains("ok: 1\na: \xc3", 10, "f:2:4: this is not UTF-8");
	complains("a: \x1b[0m", 7, "f:1:4: a control character");
	complains("a: \xc2\x85", 5, "f:1:4: a control character");
	complains("a:\n \tb: c", 9, "f:2:2: a tab in the indentation");
	complains("\x7f\x45LF\x02\x01\x01\0\0\0", 10, "f:1:1: a control character");
}

static void refuses_what_nobody_needs(void **state)
{
	(void)state;
	complains("a: &x 1", 7, "anchors and aliases");
	complains("a: *x", 5, "anchors and aliases");
	complains("a: !t 1", 7, "tags");
	complains("a: 1\n---\nb: 2\n", 14, "f:2:1: a second document");
	complains("%YAML 9.9\n---\na: 1\n", 19, "f:1:1: a line that begins with %");
	complains("{a: b}: 1", 9, "a key must be a word");
	complains("a: b: c", 7, "f:1:5: not YAML");
	complains("a: \"b", 5, "not YAML");
}

static void aliases_cannot_multiply(void **state)
{
	static const char bomb[] =
		"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n"
		"c: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n";
	(void)state;
	complains(bomb, sizeof bomb - 1, "f:1:5: anchors and aliases");
}

/* Shapes that make parsers deep, or slow with the square of the size: then this would not end. */
static void ends_on_every_shape(void **state)
{
	static const char *const shapes[] = {"[",   "{",      "- ", "? ",  "a: ",  "\n",
					     " \n", "\"",     "'",  "|\n", "#",	   "}",
					     "&a ", "a: b\n", "\t", ",",   "- a\n"};
	enum { BYTES = 1024 * 1024 };
	char *text = lk_alloc(BYTES + 8);
	(void)state;
	for (size_t i = 0; i < LK_COUNT(shapes); i++) {
		struct lk_problems problems = {0};
		size_t width = strlen(shapes[i]), length = 0;
		for (; length + width < BYTES; length += width)
			memcpy(text + length, shapes[i], width);
		lk_yaml_free(lk_yaml_parse("f", text, length, &problems));
		lk_problems_free(&problems);
	}
	free(text);
}

/* The parser's time over blank lines of a block grows with their square. */
static void long_files_are_refused(void **state)
{
	enum { LINES = 10000 };
	char *text = lk_alloc(LINES * 2 + 8);
	size_t length = 5;
	(void)state;
	memcpy(text, "a: |\n", 5);
	for (int i = 0; i < LINES - 2; i++, length += 2)
		memcpy(text + length, " \n", 2);
	struct lk_problems problems = {0};
	struct lk_yaml_node *root = lk_yaml_parse("f", text, length, &problems);
	assert_non_null(root);
	lk_yaml_free(root);
	memcpy(text + length, " \n", 2);
	complains(text, length + 2, "the file has more than 10,000 lines");
	free(text);
}

static void takes_a_mapping_apart(void **state)
{
	static const struct lk_yaml_key keys[] = {
		{"name", true, NULL}, {"size", false, NULL}, {"later", false, "not yet"}, {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	struct lk_problems problems;
	struct lk_yaml_reader reader = {"f", &problems};
	struct lk_yaml_node *root = parse("nam: a\nsize: 3\nsize: 4\nlater: x\n", &problems);
	(void)state;
	assert_false(lk_yaml_mapping(&reader, root, "a thing", keys, values));
	assert_null(values[0]);
	assert_string_equal(values[1]->text, "3");
	lk_problems_sort(&problems);
	char *text = lk_problems_text(&problems);
	assert_string_equal(
		text, "f:1:1: unknown key \"nam\" in a thing; did you mean name?\n"
		      "f:1:1: the key \"name\" is missing in a thing\n"
		      "f:3:1: the key \"size\" is there twice in a thing; the first is in line 2\n"
		      "f:4:1: \"later\" in a thing: not yet\n");
	free(text);
	lk_yaml_free(root);
	lk_problems_free(&problems);
}

static void reads_values(void **state)
{
	static const int64_t range[2] = {1, 10};
	static const char *const words[] = {"red", "green", NULL};
	struct lk_problems problems;
	struct lk_yaml_reader reader = {"f", &problems};
	struct lk_yaml_node *root =
		parse("[7, 11, 7x, 2s, 2, yes, maybe, gren, ~, [1]]", &problems);
	struct lk_yaml_node **item = root->members;
	int64_t number = 0;
	bool yes = false;
	(void)state;
	assert_true(lk_yaml_integer(&reader, item[0], "n", range, &number));
	assert_int_equal(number, 7);
	assert_false(lk_yaml_integer(&reader, item[1], "n", range, &number));
	assert_false(lk_yaml_integer(&reader, item[2], "n", range, &number));
	assert_int_equal(number, 7);
	assert_true(lk_yaml_duration(&reader, item[3], "t", &number));
	assert_int_equal(number, 2000);
	assert_false(lk_yaml_duration(&reader, item[4], "t", &number));
	assert_true(lk_yaml_boolean(&reader, item[5], "b", &yes));
	assert_true(yes);
	assert_false(lk_yaml_boolean(&reader, item[6], "b", &yes));
	assert_int_equal(lk_yaml_word(&reader, item[7], "w", words), -1);
	assert_null(lk_yaml_text(&reader, item[8], "x"));
	assert_null(lk_yaml_text(&reader, item[9], "x"));
	char *text = lk_problems_text(&problems);
	assert_contains(text, "f:1:5: n is a whole number from 1 to 10, not \"11\"");
	assert_contains(text, "not \"7x\"");
	assert_contains(text, "the unit is missing");
	assert_contains(text, "w cannot be \"gren\"; did you mean green?");
	assert_contains(text, "x is empty");
	assert_contains(text, "x is text, not a list");
	free(text);
	lk_yaml_free(root);
	lk_problems_free(&problems);
}

static void finds_the_nearest_word(void **state)
{
	static const char *const words[] = {"backfill", "verify",     "gate",
					    "ddl",	"dual_write", NULL};
	(void)state;
	assert_string_equal(lk_nearest_word("backfil", words), "backfill");
	assert_string_equal(lk_nearest_word("verfiy", words), "verify");
	assert_string_equal(lk_nearest_word("dual-write", words), "dual_write");
	assert_string_equal(lk_nearest_word("DDL", words), "ddl");
	assert_null(lk_nearest_word("rename", words));
	assert_null(lk_nearest_word("", words));
	assert_int_equal(lk_word_distance("ab", "ba"), 1);
	assert_int_equal(lk_word_distance("", "abc"), 3);
	char *huge = lk_alloc(100001);
	memset(huge, 'a', 100000);
	assert_null(lk_nearest_word(huge, words));
	free(huge);
}

static void lists_no_more_than_a_person_reads(void **state)
{
	struct lk_problems problems = {0};
	(void)state;
	for (int i = 0; i < 1000; i++)
		lk_problems_add(&problems, "f", 1000 - i, 1, "number %d", i % 500);
	lk_problems_add(&problems, "f", 1000, 1, "number 0");
	assert_int_equal(problems.count, LK_PROBLEMS_LIMIT);
	lk_problems_sort(&problems);
	for (size_t i = 1; i < problems.count; i++)
		assert_true(problems.list[i - 1].line < problems.list[i].line);
	char *text = lk_problems_text(&problems);
	assert_contains(text, "more than these were found");
	free(text);
	lk_problems_free(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_places_styles_and_comments),
		cmocka_unit_test(refuses_what_is_no_text),
		cmocka_unit_test(refuses_what_nobody_needs),
		cmocka_unit_test(aliases_cannot_multiply),
		cmocka_unit_test(ends_on_every_shape),
		cmocka_unit_test(long_files_are_refused),
		cmocka_unit_test(takes_a_mapping_apart),
		cmocka_unit_test(reads_values),
		cmocka_unit_test(finds_the_nearest_word),
		cmocka_unit_test(lists_no_more_than_a_person_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
