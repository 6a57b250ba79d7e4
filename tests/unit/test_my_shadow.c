/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a shadow on MySQL and MariaDB without a server: names, the clauses of its ALTER, types. */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "shadow/my_alter.h"
#include "shadow/my_shape.h"
#include "shadow/my_type.h"

#define TEN "abcdefghij"
#define FIFTY TEN TEN TEN TEN TEN

static size_t characters(const char *text)
{
	size_t count = 0;
	for (; *text; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

static void names_sort_behind_the_originals(void **state)
{
	static const struct {
		const char *table, *shadow; /* NULL: refused */
	} names[] = {
		{"t", "t_lk_new"},
		{"a b`c", "a b`c_lk_new"},
		{"\303\251t\303\251", "\303\251t\303\251_lk_new"},
		{FIFTY "1234567", FIFTY "1234567_lk_new"},
		{FIFTY "12345678", FIFTY "1234567~lk_new"},
		{FIFTY "12345678901234", FIFTY "1234567~lk_new"},
		{FIFTY "1234567\303\251", FIFTY "123456~lk_new"},
		{FIFTY "1234567~~", FIFTY "123456~lk_new"},
		{"a"
		 "\351\226\211\351\226\211\351\226\211\351\226\211\351\226\211" TEN TEN TEN TEN TEN
		 "xyz",
		 "a"
		 "\351\226\211\351\226\211\351\226\211\351\226\211\351\226\211" TEN TEN TEN TEN TEN
		 "x~lk_new"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		struct lk_my_names made;
		struct lk_error error;
		if (!lk_my_names_make(names[i].table, &made, &error))
			fail_msg("%s: %s", names[i].table, error.text);
		assert_string_equal(made.shadow, names[i].shadow);
		assert_true(strcmp(made.shadow, names[i].table) > 0);
		assert_true(strcmp(made.old, names[i].table) > 0);
		assert_true(strcmp(made.old, made.shadow) != 0);
		assert_true(characters(made.shadow) <= 64 && characters(made.old) <= 64);
		lk_my_names_free(&made);
	}
}

static void a_name_that_nothing_can_come_after_is_refused(void **state)
{
	struct lk_my_names made;
	struct lk_error error;
	struct lk_buffer name = {0};
	(void)state;
	for (int i = 0; i < 60; i++)
		lk_buffer_add(&name, "\351\226\211");
	assert_false(lk_my_names_make(lk_buffer_text(&name), &made, &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_contains(error.text, "rename the table to one of at most 57 characters");
	lk_buffer_free(&name);
}

static char name_a[] = "a", name_b[] = "b", name_c[] = "c", type_int[] = "int";
static struct lk_my_relation_column columns[] = {{.name = name_a, .type = type_int},
						 {.name = name_b, .type = type_int},
						 {.name = name_c, .type = type_int}};
static const struct lk_my_relation original = {.columns = columns, .column_count = 3};

static void where_a_column_comes_from(void **state)
{
	static const struct {
		const char *alter, *column, *source;
	} cases[] = {
		{"ADD d int", "a", "a"},
		{"ADD d int", "d", NULL},
		{"ADD d int", "A", "a"},
		{"DROP a", "a", NULL},
		{"DROP COLUMN a, ADD a int", "a", NULL},
		{"DROP COLUMN IF EXISTS a, ADD (a int, d int)", "a", NULL},
		{"RENAME COLUMN a TO d", "d", "a"},
		{"RENAME COLUMN a TO d, ADD a int", "a", NULL},
		{"RENAME COLUMN a TO b, RENAME COLUMN b TO a", "a", "b"},
		{"RENAME COLUMN a TO b, RENAME COLUMN b TO a", "b", "a"},
		{"CHANGE a `d e` int", "d e", "a"},
		{"CHANGE COLUMN a a bigint", "a", "a"},
		{"CHANGE a A bigint", "A", "a"},
		{"CHANGE IF EXISTS x b int", "b", "b"},
		{"DROP b, CHANGE a b int", "b", "a"},
		{"MODIFY a bigint COMMENT 'DROP b, RENAME COLUMN c TO b'", "b", "b"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct lk_my_alter alter;
		struct lk_error error;
		if (!lk_my_alter_read(cases[i].alter, false, &alter, &error))
			fail_msg("%s: %s", cases[i].alter, error.text);
		const char *source = lk_my_alter_source(&alter, &original, cases[i].column);
		if ((source == NULL) != (cases[i].source == NULL) ||
		    (source && strcmp(source, cases[i].source) != 0))
			fail_msg("%s: %s comes from %s", cases[i].alter, cases[i].column,
				 source ? source : "nowhere");
		lk_my_alter_free(&alter);
	}
}

static void clauses_are_read_for_what_a_shadow_cannot_do(void **state)
{
	static const char *const right[] = {
		"ADD engine int",
		"ADD `rename` int",
		"COMMENT = 'ENGINE=MyISAM, RENAME TO x; LOCK=NONE'",
		"RENAME KEY a TO b",
		"ROW_FORMAT=DYNAMIC ENGINE=innodb",
		"PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB)",
		"ADD lock_until int, ADD algorithm_name int",
		"DROP INDEX x, DROP CHECK y",
	};
	static const char *const wrong[] = {
		"RENAME TO x",
		"RENAME AS x",
		"ADD a int, RENAME x",
		"ADD KEY (a), LOCK NONE",
		"ADD a int REFERENCES x (id)",
		"ADD (a int, FOREIGN KEY (a) REFERENCES x (id))",
		"DROP FOREIGN KEY x",
		"engine = `MyISAM`",
		"ADD a int, ENGINE=Aria",
		"IMPORT TABLESPACE",
		"TRUNCATE PARTITION p0",
		"CONVERT TABLE x TO PARTITION p",
		"ADD PERIOD FOR SYSTEM_TIME (a, b)",
		"MODIFY a int; DROP TABLE t",
		"MODIFY a varchar(20",
		"/* nothing */",
		"MODIFY a int /*!80000 UNIQUE */",
	};
	struct lk_my_alter alter;
	struct lk_error error;
	(void)state;
	for (size_t i = 0; i < LK_COUNT(right); i++) {
		if (!lk_my_alter_read(right[i], false, &alter, &error))
			fail_msg("%s: %s", right[i], error.text);
		assert_string_equal(alter.clauses, right[i]);
		lk_my_alter_free(&alter);
	}
	for (size_t i = 0; i < LK_COUNT(wrong); i++)
		if (lk_my_alter_read(wrong[i], false, &alter, &error))
			fail_msg("%s is not refused", wrong[i]);
	assert_true(lk_my_alter_read("ADD a varchar(9) DEFAULT \"x\"", false, &alter, &error));
	lk_my_alter_free(&alter);
	assert_false(lk_my_alter_read("DROP \"a\", ADD \"a\" int", true, &alter, &error));
	assert_contains(error.text, "backticks");
}

static void what_a_change_of_type_does_to_a_key(void **state)
{
	static const struct {
		const char *from, *from_collation, *to, *to_collation;
		enum lk_my_key_change change;
	} cases[] = {
		{"int", NULL, "bigint", NULL, LK_MY_KEY_ORDERED},
		{"bigint", NULL, "int unsigned", NULL, LK_MY_KEY_ORDERED},
		{"int", NULL, "decimal(20,2)", NULL, LK_MY_KEY_ORDERED},
		{"decimal(10,2)", NULL, "decimal(10,4)", NULL, LK_MY_KEY_ORDERED},
		{"decimal(10,2)", NULL, "decimal(10,1)", NULL, LK_MY_KEY_LOST},
		{"decimal(10,2)", NULL, "int", NULL, LK_MY_KEY_LOST},
		{"int", NULL, "double", NULL, LK_MY_KEY_LOST},
		{"int", NULL, "varchar(20)", "utf8mb4_bin", LK_MY_KEY_LOST},
		{"varchar(20)", "utf8mb4_bin", "int", NULL, LK_MY_KEY_LOST},
		{"varchar(20)", "latin1_bin", "varchar(40)", "latin1_bin", LK_MY_KEY_ORDERED},
		{"varchar(20)", "latin1_bin", "varchar(20)", "utf8mb4_bin", LK_MY_KEY_REORDERED},
		{"varchar(20)", "latin1_bin", "char(20)", "latin1_bin", LK_MY_KEY_ORDERED},
		{"varchar(20)", "utf8mb4_0900_ai_ci", "char(20)", "utf8mb4_0900_ai_ci",
		 LK_MY_KEY_LOST},
		{"varchar(20)", "utf8mb4_nopad_bin", "char(20)", "utf8mb4_bin", LK_MY_KEY_LOST},
		{"binary(4)", NULL, "varbinary(8)", NULL, LK_MY_KEY_ORDERED},
		{"varbinary(4)", NULL, "binary(8)", NULL, LK_MY_KEY_LOST},
		{"binary(4)", NULL, "binary(8)", NULL, LK_MY_KEY_LOST},
		{"date", NULL, "datetime(6)", NULL, LK_MY_KEY_ORDERED},
		{"datetime(6)", NULL, "datetime", NULL, LK_MY_KEY_LOST},
		{"datetime", NULL, "timestamp", NULL, LK_MY_KEY_LOST},
		{"timestamp", NULL, "timestamp(3)", NULL, LK_MY_KEY_ORDERED},
		{"enum('a','b')", "utf8mb4_bin", "enum('a','b','c')", "utf8mb4_bin",
		 LK_MY_KEY_ORDERED},
		{"enum('a','b')", "utf8mb4_bin", "enum('b','a')", "utf8mb4_bin", LK_MY_KEY_LOST},
		{"bit(4)", NULL, "bit(8)", NULL, LK_MY_KEY_ORDERED},
		{"uuid", NULL, "char(36)", "latin1_bin", LK_MY_KEY_LOST},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		const struct lk_my_relation_column from = {.type = (char *)cases[i].from,
							   .collation =
								   (char *)cases[i].from_collation};
		const struct lk_my_relation_column to = {
			.type = (char *)cases[i].to, .collation = (char *)cases[i].to_collation};
		if (lk_my_key_change_of(&from, &to) != cases[i].change)
			fail_msg("%s to %s: %d", cases[i].from, cases[i].to,
				 lk_my_key_change_of(&from, &to));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_sort_behind_the_originals),
		cmocka_unit_test(a_name_that_nothing_can_come_after_is_refused),
		cmocka_unit_test(where_a_column_comes_from),
		cmocka_unit_test(clauses_are_read_for_what_a_shadow_cannot_do),
		cmocka_unit_test(what_a_change_of_type_does_to_a_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
