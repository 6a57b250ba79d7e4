/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is read out of SQL for MySQL and MariaDB, and what is said to be not known. */
#include "base/memory.h"
#include "plan/file.h"
#include "plan/sql_text.h"
#include "risk/my_words.h"
#include "risk/plan.h"
#include "risk/risk.h"
#include "tests/unit/my_bodies.h"
#include "tests/unit/support.h"

static void what_statements_are(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *kind, *object, *locks;
		bool transactional, destroys;
	} expected[] = {
		{"ALTER TABLE users ADD COLUMN a INT", "add column", "users", "EXCLUSIVE on users",
		 false, false},
		{"alter ignore table if exists `shop`.`us``ers` drop column a, algorithm=inplace",
		 "drop column", "shop.us`ers", "EXCLUSIVE on shop.us`ers", false, true},
		{"ALTER TABLE t DROP a", "drop column", "t", "EXCLUSIVE on t", false, true},
		{"ALTER TABLE t DROP IF EXISTS `index`", "drop column", "t", "EXCLUSIVE on t",
		 false, true},
		{"ALTER TABLE t DROP INDEX a, DROP FOREIGN KEY b", "drop index, drop foreign key",
		 "t", "EXCLUSIVE on t", false, false},
		{"ALTER TABLE t ADD KEY (a, b), MODIFY c INT", "add index, modify column", "t",
		 "EXCLUSIVE on t", false, false},
		{"ALTER TABLE t RENAME COLUMN a TO b", "rename column", "t", "EXCLUSIVE on t",
		 false, false},
		{"ALTER TABLE t DROP PARTITION p0", "drop partition", "t", "EXCLUSIVE on t", false,
		 true},
		{"CREATE UNIQUE INDEX i ON t (a)", "create index", "t", "EXCLUSIVE on t", false,
		 false},
		{"CREATE TABLE t (a INT, b VARCHAR(3) COMMENT 'it''s; \\' odd')", "create table",
		 "t", "none", false, false},
		{"CREATE DEFINER=`a`@`b` TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1;"
		 " SET NEW.b = 2; END",
		 "create trigger", "t", "EXCLUSIVE on t", false, false},
		{"DROP TABLE IF EXISTS a, shop.b", "drop table", "a", "EXCLUSIVE on a, shop.b",
		 false, true},
		{"RENAME TABLE a TO b, c TO d", "rename table", "a", "EXCLUSIVE on a, b, c, d",
		 false, false},
		{"TRUNCATE TABLE t", "truncate", "t", "EXCLUSIVE on t", false, true},
		{"TRUNCATE t", "truncate", "t", "EXCLUSIVE on t", false, true},
		{"DROP DATABASE shop", "drop database", "", "none", false, true},
		{"UPDATE LOW_PRIORITY t SET a = 1", "update", "t", "SHARED_WRITE on t", true,
		 false},
		{"DELETE FROM t WHERE a = 'x'", "delete", "t", "SHARED_WRITE on t", true, true},
		{"INSERT IGNORE INTO t VALUES (1)", "insert", "t", "SHARED_WRITE on t", true,
		 false},
		{"REPLACE INTO t VALUES (1)", "replace", "t", "SHARED_WRITE on t", true, true},
		{"SELECT a -- FROM x\n FROM t # FROM y", "select", "t", "SHARED_READ on t", true,
		 false},
		{"SET @a = 1", "set", "", "none", true, false},
		{"GRANT SELECT ON t TO u", "grant or revoke", "", "none", false, false},
		{"START TRANSACTION", "transaction control", "", "none", false, false},
		{"UPDATE a SET b = 1; DELETE FROM c", "update, delete", "a", "SHARED_WRITE on a, c",
		 true, true},
	};
	for (size_t i = 0; i < LK_COUNT(expected); i++) {
		struct lk_risk risk;
		char locks[200];
		lk_risk_statement(LK_ENGINE_MYSQL, expected[i].sql, &risk);
		lk_risk_locks_text(LK_ENGINE_MYSQL, &risk, locks, sizeof locks);
		print_message("%s\n", expected[i].sql);
		assert_true(risk.parsed);
		assert_string_equal(risk.kind, expected[i].kind);
		assert_string_equal(risk.object, expected[i].object);
		assert_string_equal(locks, expected[i].locks);
		assert_int_equal(risk.transactional, expected[i].transactional);
		assert_int_equal(risk.destroys_data, expected[i].destroys);
	}
}

static void what_is_not_known_is_said_aloud(void **state)
{
	(void)state;
	static const char *const unknown[][2] = {
		{"FLUSH TABLES WITH READ LOCK", "what FLUSH TABLES does"},
		{"UPDATE t SET a = 1; HANDLER t OPEN", "what HANDLER t does"},
		{"DROP /*!50000 TABLE */ t", "executable comment"},
		{"DROP /*M! TABLE */ t", "executable comment"},
		{"DELETE FROM t WHERE a = 'x", "a quote does not end"},
		{"DELETE FROM t WHERE a = 'x\\'", "a quote does not end"},
		{"DELETE FROM t /* WHERE", "a comment does not end"},
		{"SELECT (1", "a parenthesis does not end"},
		{"SELECT 1)", "a parenthesis ends"},
	};
	for (size_t i = 0; i < LK_COUNT(unknown); i++) {
		struct lk_risk risk;
		lk_risk_statement(LK_ENGINE_MYSQL, unknown[i][0], &risk);
		assert_false(risk.parsed);
		assert_string_equal(risk.kind, "not checked");
		assert_contains(risk.note, unknown[i][1]);
		assert_null(lk_risk_not_together(LK_ENGINE_MYSQL, &risk));
	}
}

static void what_may_stand_in_a_transaction(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *reason;
	} expected[] = {
		{"UPDATE t SET a = 1", NULL},
		{"SET @a = 1", NULL},
		{"ALTER TABLE t ADD a INT", "a ddl step of its own"},
		{"COMMIT", "leave BEGIN"},
		{"SET SESSION sql_mode = ''", "outlast the transaction"},
		{"SET @@sql_mode = ''", "outlast the transaction"},
	};
	for (size_t i = 0; i < LK_COUNT(expected); i++) {
		struct lk_risk risk;
		lk_risk_statement(LK_ENGINE_MYSQL, expected[i].sql, &risk);
		const char *reason = lk_risk_not_together(LK_ENGINE_MYSQL, &risk);
		if (!expected[i].reason)
			assert_null(reason);
		else
			assert_contains(reason ? reason : "may", expected[i].reason);
	}
}

static void scripts_are_split_at_semicolons_that_end_statements(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *pieces[4];
	} scripts[] = {
		{"  SELECT 1 ; # a; b\n UPDATE t SET a = ';' ;; ",
		 {"SELECT 1", "UPDATE t SET a = ';'"}},
		{"SELECT `;`; -- c;\nSELECT \"it\\\";s\"", {"SELECT `;`", "SELECT \"it\\\";s\""}},
		{"SELECT 5--3; SELECT 2", {"SELECT 5--3", "SELECT 2"}},
		{"DROP TABLE a; CREATE OR REPLACE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET"
		 " NEW.a = 1; END;",
		 {"DROP TABLE a",
		  "CREATE OR REPLACE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET"
		  " NEW.a = 1; END"}},
		{"SELECT 'x", {"SELECT 'x"}},
		{" ; ", {NULL}},
	};
	for (size_t i = 0; i < LK_COUNT(scripts); i++) {
		size_t count, wanted = 0;
		char **pieces = lk_risk_split(LK_ENGINE_MYSQL, scripts[i].sql, &count);
		while (scripts[i].pieces[wanted])
			wanted++;
		assert_int_equal(count, wanted);
		for (size_t k = 0; k < count; k++)
			assert_string_equal(pieces[k], scripts[i].pieces[k]);
		lk_risk_split_free(pieces, count);
	}
}

static void must_be_so_many(const char *sql, int expected)
{
	size_t count;
	struct lk_sql_shape shape;
	char **pieces = lk_risk_split(LK_ENGINE_MYSQL, sql, &count);
	lk_sql_shape(sql, &lk_sql_mysql, &shape);
	if ((int)count != expected || shape.statements != expected || shape.unclosed)
		fail_msg("%d and %d statements, unclosed %d: %s", (int)count, shape.statements,
			 shape.unclosed, sql);
	lk_risk_split_free(pieces, count);
}

static void a_body_is_one_statement_and_hides_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < LK_COUNT(my_bodies); i++) {
		char *two = lk_format("%s; %s;", my_bodies[i].sql, my_bodies[i].undo);
		char *three = lk_format("%s; %s", my_bodies[i].undo, two);
		must_be_so_many(my_bodies[i].sql, 1);
		must_be_so_many(two, 2);
		must_be_so_many(three, 3);
		free(three);
		free(two);
	}
	must_be_so_many("CREATE TABLE event (a int); SELECT 1", 2);
	must_be_so_many("BEGIN; SELECT 1; COMMIT", 3);
	must_be_so_many("CREATE VIEW b AS SELECT CASE a WHEN 1 THEN 2 END FROM t; SELECT 1", 2);
	struct lk_sql_shape shape;
	lk_sql_shape("CREATE TRIGGER b " MY_ROW "BEGIN SET NEW.a = 1; DROP TABLE bodied",
		     &lk_sql_mysql, &shape);
	assert_true(shape.unclosed);
}

static void queries_that_change_nothing(void **state)
{
	(void)state;
	static const char *const good[] = {
		"SELECT id FROM users WHERE a <=> b",
		"(SELECT 1) UNION (SELECT 2)",
		"WITH x AS (SELECT 1) SELECT * FROM x",
		"SELECT REPLACE(a, 'x', 'INTO'), `into` FROM t -- FOR UPDATE",
		"SELECT t.update FROM t",
		"VALUES (1), (2)",
	};
	static const char *const bad[][2] = {
		{"SELECT 1; SELECT 2", "2 statements"},
		{"UPDATE t SET a = 1", "not a SELECT"},
		{"SELECT * FROM t FOR UPDATE", "locks rows"},
		{"SELECT * FROM t LOCK IN SHARE MODE", "locks rows"},
		{"SELECT * FROM (SELECT 1 FROM t FOR SHARE) x", "locks rows"},
		{"SELECT 1 INTO OUTFILE '/tmp/x'", "INTO"},
		{"SELECT @a := 1", ":="},
		{"SELECT get_lock('a', 1)", "get_lock(), which acts"},
		{"SELECT NEXT VALUE FOR s", "sequence"},
		{"WITH x AS (SELECT 1) DELETE FROM t", "changes rows"},
	};
	char reason[200];
	bool parsed;
	for (size_t i = 0; i < LK_COUNT(good); i++)
		if (!lk_risk_is_read_only(LK_ENGINE_MYSQL, good[i], &parsed, reason, sizeof reason))
			fail_msg("%s: %s", good[i], reason);
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		if (lk_risk_is_read_only(LK_ENGINE_MYSQL, bad[i][0], &parsed, reason,
					 sizeof reason))
			fail_msg("%s was taken", bad[i][0]);
		assert_true(parsed);
		assert_contains(reason, bad[i][1]);
	}
	assert_false(lk_risk_is_read_only(LK_ENGINE_MYSQL, "SELECT /*! 1 */", &parsed, reason,
					  sizeof reason));
	assert_false(parsed);
}

static void expressions_types_and_columns(void **state)
{
	(void)state;
	static const char *const good[] = {"a + 1",
					   "CONCAT(a, ',', b)",
					   "(SELECT MAX(x) FROM t LIMIT 1)",
					   "CASE WHEN a THEN 'x;' ELSE `from` END",
					   "t.`order`",
					   "t.from",
					   "d + INTERVAL 1 DAY",
					   "a -- 1"};
	static const char *const bad[] = {"a, b",    "a; b",	 "",   "a FROM t", "a AS b",
					  "@a := 1", "SLEEP(1)", "a)", "'a"};
	static const char *const types[] = {"int",
					    "varchar(20)",
					    "decimal(14,2) unsigned",
					    "enum('a','b,c')",
					    "char(36) CHARACTER SET ascii",
					    "bigint unsigned"};
	static const char *const no_types[] = {"int NOT NULL",	"int, b int", "int; drop", "'x'",
					       "int DEFAULT 1", "int)",	      ""};
	char reason[200], **names;
	size_t count;
	for (size_t i = 0; i < LK_COUNT(good); i++)
		if (!lk_risk_is_expression(LK_ENGINE_MYSQL, good[i], NULL, reason, sizeof reason))
			fail_msg("%s: %s", good[i], reason);
	for (size_t i = 0; i < LK_COUNT(bad); i++)
		if (lk_risk_is_expression(LK_ENGINE_MYSQL, bad[i], NULL, reason, sizeof reason))
			fail_msg("%s was taken", bad[i]);
	for (size_t i = 0; i < LK_COUNT(types); i++)
		if (!lk_risk_is_type(LK_ENGINE_MYSQL, types[i], NULL, reason, sizeof reason))
			fail_msg("%s: %s", types[i], reason);
	for (size_t i = 0; i < LK_COUNT(no_types); i++)
		if (lk_risk_is_type(LK_ENGINE_MYSQL, no_types[i], NULL, reason, sizeof reason))
			fail_msg("%s was taken", no_types[i]);
	assert_true(lk_risk_columns(LK_ENGINE_MYSQL,
				    "LOWER(t.name) = 'x' AND `a b` IS NOT NULL"
				    " OR name > @v",
				    &names, &count));
	assert_int_equal(count, 2);
	assert_string_equal(names[0], "name");
	assert_string_equal(names[1], "a b");
	lk_risk_split_free(names, count);
	assert_false(lk_risk_columns(LK_ENGINE_MYSQL, "(SELECT MAX(a) FROM b)", &names, &count));
	lk_risk_split_free(names, count);
}

static void a_dropped_column_is_found_wherever_it_stands(void **state)
{
	(void)state;
	static const char *const drops[] = {
		"ALTER TABLE users DROP username",
		"SELECT 1; ALTER TABLE users ADD a DECIMAL(3,1), DROP COLUMN IF EXISTS `UserName`",
	};
	static const char *const others[] = {
		"ALTER TABLE users DROP INDEX username", "ALTER TABLE others DROP username",
		"ALTER TABLE users ADD a TEXT DEFAULT 'x, DROP username'", "DROP TABLE users"};
	for (size_t i = 0; i < LK_COUNT(drops); i++)
		assert_true(lk_risk_drops_column(LK_ENGINE_MYSQL, drops[i], "users", "username"));
	for (size_t i = 0; i < LK_COUNT(others); i++)
		assert_false(lk_risk_drops_column(LK_ENGINE_MYSQL, others[i], "users", "username"));
}

/* The plan's reader knows no engine and takes what one of them could; the check knows it. */
static void a_plan_is_checked_as_its_engine_reads_it(void **state)
{
	(void)state;
	static const char yaml[] =
		"plan: mine\nwhy: w\nsteps:\n  migrate:\n"
		"    - backfill: {table: users, set: {a: \"CONCAT(`b`, 'it\\\\'s')\"}}\n"
		"    - verify:\n        none: \"SELECT `a` FROM users WHERE a <=> 5--3\"\n"
		"  contract:\n    - ddl: \"ALTER TABLE `users` DROP COLUMN c\"\n";
	struct lk_plan plan;
	struct lk_problems problems = {0}, notes = {0};
	if (!lk_plan_parse("mine.yaml", yaml, strlen(yaml), &plan, &problems))
		fail_msg("%s", lk_problems_text(&problems));
	assert_false(lk_risk_check_plan(&plan, LK_ENGINE_MYSQL, &problems, &notes));
	assert_int_equal(problems.count, 1);
	assert_contains(problems.list[0].text, "drop column destroys data");
	lk_problems_free(&problems);
	lk_problems_free(&notes);
	/* For PostgreSQL the quote does not end. */
	assert_false(lk_risk_check_plan(&plan, LK_ENGINE_POSTGRES, &problems, &notes));
	char *text = lk_problems_text(&problems);
	assert_contains(text, "without its other end");
	free(text);
	lk_problems_free(&problems);
	lk_problems_free(&notes);
	lk_plan_free(&plan);
}

static void alternatives_are_checked_for_the_engine_that_is_meant(void **state)
{
	(void)state;
	static const char yaml[] =
		"plan: p\noperations:\n  - add_column: {table: users, column: i,\n"
		"      type: {postgresql: uuid, mysql: \"int NOT NULL\"}}\n"
		"  - add_column: {table: users, column: j, type: {mariadb: uuid}}\n";
	struct lk_plan plan;
	struct lk_problems problems = {0};
	assert_true(lk_plan_parse("p.yaml", yaml, strlen(yaml), &plan, &problems));
	/* MariaDB alone may be meant by a target of this engine. */
	assert_false(lk_risk_check_plan(&plan, LK_ENGINE_MYSQL, &problems, NULL));
	assert_int_equal(problems.count, 1);
	assert_contains(problems.list[0].text, "NOT is no part of a type");
	lk_problems_free(&problems);
	assert_false(lk_risk_check_plan(&plan, LK_ENGINE_POSTGRES, &problems, NULL));
	assert_int_equal(problems.count, 1);
	assert_int_equal(problems.list[0].line, 5);
	assert_string_equal(problems.list[0].text,
			    "type has no text for postgresql; it names mariadb");
	lk_problems_free(&problems);
	lk_plan_free(&plan);
}

/* Nothing of it may read beyond its text, whatever that is. */
static void broken_text_breaks_nothing(void **state)
{
	(void)state;
	static const char seed[] =
		"ALTER TABLE `a`.b ADD c DECIMAL(3,1) DEFAULT 'x\\'', DROP d; /* c */ SELECT @x := 1 # e\n"
		"; CREATE TRIGGER t BEFORE INSERT ON b FOR EACH ROW BEGIN SET NEW.a = \"y\"; END";
	struct test_random random = {4711};
	for (int round = 0; round < 3000; round++) {
		struct lk_risk risk;
		char reason[200], text[300], **list;
		size_t length = strlen(seed), count;
		char *sql = test_mutate(&random, seed, "DROP `x", &length);
		lk_risk_statement(LK_ENGINE_MYSQL, sql, &risk);
		lk_risk_locks_text(LK_ENGINE_MYSQL, &risk, text, sizeof text);
		lk_risk_is_read_only(LK_ENGINE_MYSQL, sql, NULL, reason, sizeof reason);
		lk_risk_is_expression(LK_ENGINE_MYSQL, sql, NULL, reason, sizeof reason);
		lk_risk_is_type(LK_ENGINE_MYSQL, sql, NULL, reason, sizeof reason);
		lk_risk_drops_column(LK_ENGINE_MYSQL, sql, "b", "d");
		list = lk_risk_split(LK_ENGINE_MYSQL, sql, &count);
		lk_risk_split_free(list, count);
		lk_risk_columns(LK_ENGINE_MYSQL, sql, &list, &count);
		lk_risk_split_free(list, count);
		free(sql);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_statements_are),
		cmocka_unit_test(what_is_not_known_is_said_aloud),
		cmocka_unit_test(what_may_stand_in_a_transaction),
		cmocka_unit_test(scripts_are_split_at_semicolons_that_end_statements),
		cmocka_unit_test(a_body_is_one_statement_and_hides_none),
		cmocka_unit_test(queries_that_change_nothing),
		cmocka_unit_test(expressions_types_and_columns),
		cmocka_unit_test(a_dropped_column_is_found_wherever_it_stands),
		cmocka_unit_test(a_plan_is_checked_as_its_engine_reads_it),
		cmocka_unit_test(alternatives_are_checked_for_the_engine_that_is_meant),
		cmocka_unit_test(broken_text_breaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
