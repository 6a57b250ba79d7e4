/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is read of MySQL's and MariaDB's SQL without a server: definitions, expressions, statements, and the conditions
 * that a key is written into. */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "catalog/my_definition.h"
#include "step/my_expression.h"
#include "step/my_key.h"
#include "step/my_statement.h"

/* As MariaDB 10.11 and MySQL 9.7 write them, and what is hard to read in either. */
static const char create[] =
	"CREATE TABLE `shop``s` (\n"
	"  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,\n"
	"  `a,b` varchar(40) CHARACTER SET latin1 COLLATE latin1_german1_ci DEFAULT 'it''s, (so)' COMMENT 'KEY `x`',\n"
	"  `ti``ck` enum('a','b)') NOT NULL DEFAULT 'a',\n"
	"  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`j`)),\n"
	"  `t` timestamp NULL DEFAULT NULL ON UPDATE current_timestamp(),\n"
	"  `n` decimal(10,2) GENERATED ALWAYS AS ((`id` / 2)) VIRTUAL,\n"
	"  PRIMARY KEY (`id`),\n"
	"  UNIQUE KEY `one of``them` (`a,b`(10),`ti``ck` DESC),\n"
	"  KEY `by_n` (`n`) COMMENT 'x, y' /*!80000 INVISIBLE */,\n"
	"  FULLTEXT KEY `words` (`a,b`),\n"
	"  CONSTRAINT `to_them` FOREIGN KEY (`id`) REFERENCES `them` (`id`, `x`) ON DELETE CASCADE,\n"
	"  CONSTRAINT `CHECK` CHECK (((`id` > 1) and (`n` <> _utf8mb4'a)'))),\n"
	"  PERIOD FOR SYSTEM_TIME (`f`, `u`)\n"
	") ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='(`'\n"
	" PARTITION BY HASH (`id`)";

static void a_definition_is_cut_into_its_items(void **state)
{
	static const struct {
		enum lk_my_item_kind kind;
		const char *name, *rest;
	} expected[] = {
		{LK_MY_COLUMN, "id", "bigint(20) unsigned NOT NULL AUTO_INCREMENT"},
		{LK_MY_COLUMN, "a,b",
		 "varchar(40) CHARACTER SET latin1 COLLATE latin1_german1_ci DEFAULT 'it''s, (so)'"
		 " COMMENT 'KEY `x`'"},
		{LK_MY_COLUMN, "ti`ck", "enum('a','b)') NOT NULL DEFAULT 'a'"},
		{LK_MY_COLUMN, "j",
		 "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK"
		 " (json_valid(`j`))"},
		{LK_MY_COLUMN, "t", "timestamp NULL DEFAULT NULL ON UPDATE current_timestamp()"},
		{LK_MY_COLUMN, "n", "decimal(10,2) GENERATED ALWAYS AS ((`id` / 2)) VIRTUAL"},
		{LK_MY_PRIMARY_KEY, "PRIMARY", "(`id`)"},
		{LK_MY_UNIQUE_KEY, "one of`them", "(`a,b`(10),`ti``ck` DESC)"},
		{LK_MY_KEY, "by_n", "(`n`) COMMENT 'x, y' /*!80000 INVISIBLE */"},
		{LK_MY_OTHER_KEY, "words", "(`a,b`)"},
		{LK_MY_FOREIGN_KEY, "to_them",
		 "FOREIGN KEY (`id`) REFERENCES `them` (`id`, `x`) ON DELETE CASCADE"},
		{LK_MY_CHECK, "CHECK", "CHECK (((`id` > 1) and (`n` <> _utf8mb4'a)')))"},
		{LK_MY_OTHER, "", "(`f`, `u`)"},
	};
	struct lk_my_definition d;
	(void)state;
	lk_my_definition_read(create, &d);
	assert_int_equal(d.count, LK_COUNT(expected));
	for (size_t i = 0; i < d.count; i++) {
		assert_int_equal(d.items[i].kind, expected[i].kind);
		assert_string_equal(d.items[i].name, expected[i].name);
		assert_string_equal(d.items[i].rest, expected[i].rest);
	}
	assert_contains(d.options, "PARTITION BY HASH");
	assert_non_null(lk_my_item(&d, LK_MY_KEY, "BY_N"));
	assert_null(lk_my_item(&d, LK_MY_COLUMN, "by_n"));
	lk_my_definition_free(&d);
}

static void the_parts_of_a_key_are_told(void **state)
{
	struct lk_my_part *parts;
	(void)state;
	assert_int_equal(
		lk_my_parts("(`a,b`(10),`ti``ck` DESC,(lower(`c`)) DESC) USING BTREE", &parts), 3);
	assert_string_equal(parts[0].column, "a,b");
	assert_true(parts[0].prefix && !parts[0].descending);
	assert_string_equal(parts[1].column, "ti`ck");
	assert_true(!parts[1].prefix && parts[1].descending);
	assert_null(parts[2].column);
	assert_string_equal(parts[2].text, "(lower(`c`)) DESC");
	lk_my_parts_free(parts, 3);
	assert_int_equal(lk_my_parts("FOREIGN KEY (`a`) REFERENCES `t` (`b`, `c`)", &parts), 1);
	assert_string_equal(parts[0].column, "a");
	lk_my_parts_free(parts, 1);
	assert_int_equal(lk_my_parts("", &parts), 0);
}

static void expect(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void properties_of_a_column_are_exchanged(void **state)
{
	bool null_too;
	char *check;
	(void)state;
	expect(lk_my_default("varchar(9) NOT NULL DEFAULT 'a, DEFAULT ''b''' COMMENT 'x'", NULL),
	       "'a, DEFAULT ''b'''");
	expect(lk_my_default("int DEFAULT (`a` + (2 * 3)) COMMENT 'x'", NULL), "(`a` + (2 * 3))");
	expect(lk_my_default("datetime DEFAULT current_timestamp() ON UPDATE current_timestamp()",
			     NULL),
	       "current_timestamp()");
	assert_null(lk_my_default("int COMMENT 'DEFAULT 5'", NULL));
	assert_null(lk_my_default("int DEFAULT NULL COMMENT 'x'", &null_too));
	assert_true(null_too);
	assert_null(lk_my_default("int", &null_too));
	assert_false(null_too);

	expect(lk_my_with_not_null("int DEFAULT NULL COMMENT 'NOT NULL'", true),
	       "int NOT NULL COMMENT 'NOT NULL'");
	expect(lk_my_with_not_null("int NOT NULL DEFAULT 5", false), "int NULL DEFAULT 5");
	expect(lk_my_with_not_null("timestamp NULL DEFAULT NULL ON UPDATE current_timestamp()",
				   true),
	       "timestamp NOT NULL ON UPDATE current_timestamp()");
	expect(lk_my_with_not_null("varchar(3) CHARACTER SET latin1 NOT NULL", false),
	       "varchar(3) CHARACTER SET latin1 NULL");

	expect(lk_my_with_default("int NOT NULL DEFAULT 5 COMMENT 'x'", "DEFAULT 7"),
	       "int DEFAULT 7 NOT NULL COMMENT 'x'");
	expect(lk_my_with_default("int NOT NULL DEFAULT 5 /*!80023 INVISIBLE */", ""),
	       "int NOT NULL /*!80023 INVISIBLE */");

	expect(lk_my_without_collation("varchar(3) COLLATE utf8mb4_bin NOT NULL"),
	       "varchar(3) NOT NULL");
	expect(lk_my_without_collation("varchar(3) CHARACTER SET latin1 COLLATE latin1_bin"),
	       "varchar(3) CHARACTER SET latin1 COLLATE latin1_bin");

	expect(lk_my_without_check("longtext DEFAULT NULL CHECK (json_valid(`j`)) COMMENT 'x'",
				   &check),
	       "longtext DEFAULT NULL COMMENT 'x'");
	expect(check, "json_valid(`j`)");
	expect(lk_my_without_check("int COMMENT 'CHECK (1)'", &check), "int COMMENT 'CHECK (1)'");
	assert_null(check);
}

static void names_are_found_where_they_are_names(void **state)
{
	(void)state;
	assert_true(lk_my_mentions("(`a` > 1)", "A"));
	assert_false(lk_my_mentions("(`ab` > '`a`')", "a"));
	assert_true(lk_my_mentions("(`a``b` > 1)", "a`b"));
	expect(lk_my_replaced("(`a` > '`a`' and `ab` < `A`)", "a", "b`c"),
	       "(`b``c` > '`a`' and `ab` < `b``c`)");
	assert_true(lk_my_row_mentions("BEGIN SET NEW . `a` = 1; END", "a"));
	assert_true(lk_my_row_mentions("SET @x = old.a", "A"));
	assert_false(lk_my_row_mentions("SET @x = 'NEW.a', NEW.b = a", "a"));
	assert_true(lk_my_view_uses("select `u`.`a` AS `x` from `shop`.`users` `u`", "shop",
				    "users", "a"));
	assert_true(
		lk_my_view_uses("select `users`.`a` from `shop`.`users`", "shop", "users", "a"));
	assert_false(lk_my_view_uses("select `o`.`a` AS `b` from (`shop`.`users` `u` join"
				     " `shop`.`orders` `o`)",
				     "shop", "users", "a"));
}

static void words_of_an_expression_are_names_or_calls(void **state)
{
	static const char *const moments[] = {"now", "curdate", NULL};
	(void)state;
	assert_true(lk_my_reads("concat(a, 'b')", "A"));
	assert_false(lk_my_reads("concat(a, 'b')", "b"));
	assert_false(lk_my_reads("left (a, 1)", "left"));
	assert_true(lk_my_reads("`left` + 1", "left"));
	assert_true(lk_my_reads("t.`a``b`", "a`b"));
	assert_false(lk_my_reads("x /* a */ + 1 -- a\n + 'a' # a", "a"));
	assert_false(lk_my_reads("'it''s \\' a'", "a"));
	/* What an executable comment holds is code. */
	assert_true(lk_my_reads("x /*! + a */", "a"));
	assert_string_equal(lk_my_speaks_of("ifnull(x, NOW())", moments), "now");
	assert_null(lk_my_speaks_of("`now` + 'curdate'", moments));
	expect(lk_my_exchanged("a + `b` * t.a - 'a' + ab", "a", "b"),
	       "`b` + `a` * t.`b` - 'a' + ab");
	expect(lk_my_exchanged("a(b)", "a", "b"), "a(`a`)");
}

static void a_statement_tells_what_it_does_to_what(void **state)
{
	static const struct {
		const char *sql;
		enum lk_my_statement_kind kind;
		int action; /* the first; -1 none */
		const char *object, *name;
	} expected[] = {
		{"ALTER TABLE `d`.`t` ADD COLUMN IF NOT EXISTS c int AFTER b", LK_MY_ALTER_TABLE,
		 LK_MY_ADD_PLACED_COLUMN, "t", "c"},
		{"alter table t add (c int)", LK_MY_ALTER_TABLE, LK_MY_ADD_COLUMN, "t", ""},
		{"ALTER TABLE t ADD UNIQUE `u` (a, b)", LK_MY_ALTER_TABLE, LK_MY_ADD_INDEX, "t",
		 "u"},
		{"ALTER TABLE t DROP FOREIGN KEY f", LK_MY_ALTER_TABLE, LK_MY_DROP_FOREIGN, "t",
		 "f"},
		{"ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES x (y)",
		 LK_MY_ALTER_TABLE, LK_MY_ADD_FOREIGN, "t", "f"},
		{"ALTER TABLE t MODIFY c varchar(10) NOT NULL", LK_MY_ALTER_TABLE,
		 LK_MY_CHANGE_COLUMN, "t", "c"},
		{"CREATE UNIQUE INDEX i ON t (a)", LK_MY_CREATE_INDEX, LK_MY_ADD_INDEX, "t", "i"},
		{"DROP INDEX i ON t", LK_MY_DROP_INDEX, LK_MY_DROP_INDEX_OF, "t", "i"},
		{"RENAME TABLE t TO u, v TO t", LK_MY_RENAME_TABLE, -1, "t", NULL},
		{"CREATE OR REPLACE SQL SECURITY INVOKER VIEW v AS SELECT 1", LK_MY_CREATE_OBJECT,
		 -1, "v", NULL},
		{"/* x */ WITH a AS (SELECT 1) SELECT * FROM a", LK_MY_DML, -1, NULL, NULL},
		/* Rows, in a transaction: it must not be repeated after a crash as DDL may be. */
		{"LOAD DATA INFILE 'x' INTO TABLE t", LK_MY_DML, -1, NULL, NULL},
		{"LOAD INDEX INTO CACHE t", LK_MY_OTHER_DDL, -1, NULL, NULL},
		{"SET @x = 1", LK_MY_SESSION, -1, NULL, NULL},
		{"GRANT SELECT ON t TO u", LK_MY_GRANT, -1, NULL, NULL},
		{"ALTER TABLE t ADD c varchar(3 DEFAULT 'x", LK_MY_UNKNOWN, -1, NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(expected); i++) {
		struct lk_my_statement s;
		lk_my_statement_read(expected[i].sql, &s);
		if (s.kind != expected[i].kind)
			fail_msg("%s is of kind %d", expected[i].sql, (int)s.kind);
		assert_int_equal(s.action_count > 0 ? (int)s.actions[0].kind : -1,
				 expected[i].action);
		if (expected[i].object)
			assert_string_equal(s.objects[0].name, expected[i].object);
		if (expected[i].name)
			assert_string_equal(s.actions[0].name, expected[i].name);
		lk_my_statement_free(&s);
	}
}

static void clauses_and_further_statements_are_seen(void **state)
{
	struct lk_my_statement s;
	(void)state;
	lk_my_statement_read("ALTER TABLE t DROP a, algorithm = inplace, LOCK none;; SELECT ';'",
			     &s);
	assert_string_equal(s.algorithm, "INPLACE");
	assert_string_equal(s.lock, "NONE");
	assert_int_equal(s.action_count, 1);
	assert_int_equal(s.statements, 2);
	assert_string_equal(s.text, "ALTER TABLE t DROP a, algorithm = inplace, LOCK none");
	lk_my_statement_free(&s);
}

/* A key (a bigint unsigned, e enum, t varchar) as it is when the server has been asked. */
static void with_key(void (*use)(struct lk_my_key *))
{
	static const char *const names[] = {"`a`", "`e`", "`t`"}, *const words[] = {"''", "'x'",
										    "'it''s'",
										    "'z'"};
	char *sql[LK_COUNT(names)], *members[LK_COUNT(words)], latin1[] = "latin1";
	for (size_t i = 0; i < LK_COUNT(names); i++)
		sql[i] = lk_strdup(names[i]);
	for (size_t i = 0; i < LK_COUNT(words); i++)
		members[i] = lk_strdup(words[i]);
	struct lk_table table = {.key = {.sql = sql, .count = LK_COUNT(sql)}};
	struct lk_my_key_part parts[] = {
		{.form = LK_MY_NUMBER},
		{.form = LK_MY_ENUM, .members = members, .member_count = LK_COUNT(members)},
		{.form = LK_MY_TEXT, .charset = latin1}};
	struct lk_my_key key = {.table = &table, .parts = parts};
	use(&key);
	for (size_t i = 0; i < LK_COUNT(sql); i++)
		free(sql[i]);
	for (size_t i = 0; i < LK_COUNT(members); i++)
		free(members[i]);
}

static char *range(struct lk_my_key *key, char *const *low, char *const *high)
{
	struct lk_buffer out = {0};
	lk_my_key_add_range(key, low, high, &out);
	return lk_buffer_take(&out);
}

static void check_ranges(struct lk_my_key *key)
{
	char near_end[] = "18446744073709551614", end[] = "18446744073709551615", one[] = "1",
	     three[] = "3", letter[] = "41", nothing[] = "";
	char *low[] = {near_end, one, letter}, *high[] = {end, three, nothing};
	struct lk_buffer columns = {0}, order = {0}, equal = {0};
	lk_my_key_add_columns(key, &columns);
	expect(lk_buffer_take(&columns), "`a`, `e` + 0, HEX(`t`)");
	expect(range(key, low, NULL),
	       "(`a` > 18446744073709551614 OR (`a` = 18446744073709551614 AND"
	       " (`e` IN ('it''s','z') OR (`e` IN ('x') AND `t` > _latin1 x'41'))))");
	expect(range(key, NULL, high),
	       "(`a` < 18446744073709551615 OR (`a` = 18446744073709551615 AND"
	       " (`e` IN ('','x','it''s') OR (`e` IN ('z') AND (`t` < _latin1 x'' OR `t` ="
	       " _latin1 x'')))))");
	/* What somebody wrote into the journal is no SQL. */
	char condition[] = "1 OR 1=1", many[] = "99", quote[] = "4' OR '";
	char *wild[] = {condition, many, quote};
	lk_my_key_add_equal(key, wild, &equal);
	expect(lk_buffer_take(&equal), "`a` = '1 OR 1=1' AND `e` IN ('z') AND `t` = '4'' OR '''");
	lk_my_key_add_order(key, " DESC", NULL, NULL, &order);
	expect(lk_buffer_take(&order), "`a` DESC, `e` DESC, `t` DESC");
	expect(lk_my_key_shown(key, 0, "18446744073709551615"), "18446744073709551615");
	expect(lk_my_key_shown(key, 1, "3"), "z");
	expect(lk_my_key_shown(key, 2, "4142"), "AB");
	expect(lk_my_key_shown(key, 2, "E4"), "0xE4");
}

static void a_key_becomes_a_condition(void **state)
{
	(void)state;
	with_key(check_ranges);
}

/* Whatever stands there, it is read to its end and no further. */
static void wild_texts_are_read(void **state)
{
	struct test_random random = {.state = 7};
	(void)state;
	for (int i = 0; i < 3000; i++) {
		size_t length;
		char *text = test_mutate(&random, create,
					 "ALTER TABLE `t` ADD CONSTRAINT c CHECK ('''\\') /*! ( */",
					 &length);
		struct lk_my_definition d;
		struct lk_my_statement s;
		struct lk_my_part *parts;
		char *check;
		lk_my_definition_read(text, &d);
		for (size_t k = 0; k < d.count; k++) {
			free(lk_my_with_not_null(d.items[k].rest, true));
			free(lk_my_without_check(d.items[k].rest, &check));
			free(check);
			size_t count = lk_my_parts(d.items[k].rest, &parts);
			lk_my_parts_free(parts, count);
		}
		lk_my_definition_free(&d);
		lk_my_statement_read(text, &s);
		lk_my_statement_free(&s);
		free(lk_my_exchanged(text, "id", "n"));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_definition_is_cut_into_its_items),
		cmocka_unit_test(the_parts_of_a_key_are_told),
		cmocka_unit_test(properties_of_a_column_are_exchanged),
		cmocka_unit_test(names_are_found_where_they_are_names),
		cmocka_unit_test(words_of_an_expression_are_names_or_calls),
		cmocka_unit_test(a_statement_tells_what_it_does_to_what),
		cmocka_unit_test(clauses_and_further_statements_are_seen),
		cmocka_unit_test(a_key_becomes_a_condition),
		cmocka_unit_test(wild_texts_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
