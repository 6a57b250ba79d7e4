/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables' names as plans write them, and names that we make. */
#include "tests/unit/support.h"

#include "base/utf8.h"
#include "catalog/identifier.h"

static void names_are_split_at_the_dot_outside_quotes(void **state)
{
	static const struct {
		const char *written, *schema, *name;
	} cases[] = {
		{"users", NULL, "users"},
		{"app.users", "app", "users"},
		{"App.Users", "App", "Users"},
		{"\"app.v2\".users", "app.v2", "users"},
		{"app.\"my.users\"", "app", "my.users"},
		{"\"a\"\"b\".\"c\"\"\"", "a\"b", "c\""},
		{"`app.v2`.`my.users`", "app.v2", "my.users"},
		{"`a``b`.\"c`\"", "a`b", "c`"},
		{"my users", NULL, "my users"},
		{"größe.имя", "größe", "имя"},
		{"\"\xe6\xbc\xa2.\xe5\xad\x97\"", NULL, "\xe6\xbc\xa2.\xe5\xad\x97"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lk_error error;
		char *schema, *name;
		assert_true(lk_identifier_split(cases[i].written, &schema, &name, &error));
		assert_string_equal(name, cases[i].name);
		if (cases[i].schema)
			assert_string_equal(schema, cases[i].schema);
		else
			assert_null(schema);
		free(schema);
		free(name);
	}
}

static void what_is_no_name_is_refused_with_a_sentence(void **state)
{
	static const char *const cases[] = {
		"",	".",	  "a.",	    ".a",	 "a.b.c",   "\"a",  "\"\"",	 "a.\"\"",
		"a\"b", "a.b\"c", "\"a\"b", "a.\"b\".c", "\"a\"\"", "a..b", "\"a\".\"b",
		"`a",	"``",	  "a`b",    "`a\"",
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lk_error error = {0};
		char *schema, *name;
		if (lk_identifier_split(cases[i], &schema, &name, &error))
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(error.class, LK_ERROR_PLAN);
		assert_contains(error.text, "not a table's name");
	}
}

static void made_names_fit_and_never_cut_a_character(void **state)
{
	(void)state;
	char *name = lk_identifier_make("users_handle", "_idx", 63);
	assert_string_equal(name, "users_handle_idx");
	free(name);
	for (unsigned limit = 8; limit <= 63; limit++) {
		char *cut = lk_identifier_make(
			"a\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80z\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80"
			"z"
			"\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80z\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80z"
			"\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80z\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x98\x80"
			"z",
			"_idx", limit);
		assert_true(strlen(cut) <= limit);
		assert_true(strlen(cut) + 4 > limit);
		assert_true(lk_utf8_valid(cut, strlen(cut)));
		assert_string_equal(cut + strlen(cut) - 4, "_idx");
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_split_at_the_dot_outside_quotes),
		cmocka_unit_test(what_is_no_name_is_refused_with_a_sentence),
		cmocka_unit_test(made_names_fit_and_never_cut_a_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
