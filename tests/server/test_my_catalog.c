/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables, keys, the server and privileges as the catalog of MySQL and MariaDB tells them. */
#include "tests/server/my_sessions.h"

#include <stdio.h>

#include "base/memory.h"
#include "catalog/catalog.h"
#include "db/my_server.h"

static struct lk_test_my *server;

static int start_server(void **state)
{
	(void)state;
	server = lk_test_my_start(NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

/* The table, made anew by `sql`; it must be found. */
static struct lk_table made(struct lk_session *session, const char *name, const char *sql)
{
	struct lk_table table;
	struct lk_error error = {0};
	char *drop = lk_format("DROP TABLE IF EXISTS %s", name);
	my_must(session, drop);
	my_must(session, sql);
	if (!lk_catalog_table(session, name, &table, &error))
		fail_msg("%s", error.text);
	free(drop);
	return table;
}

static struct lk_session *session_on(const struct lk_test_my *on)
{
	my_need(on);
	return my_session(on, "worker");
}

static void expect_column(const struct lk_table *table, const char *name, const char *type,
			  const char *default_sql)
{
	const struct lk_column *column = lk_table_column(table, name);
	assert_non_null(column);
	assert_string_equal(column->type, type);
	assert_string_equal(column->default_sql ? column->default_sql : "(none)",
			    default_sql ? default_sql : "(none)");
}

static void a_table_is_found_with_all_its_columns(void **state)
{
	(void)state;
	struct lk_session *session = session_on(server);
	struct lk_my_server kind;
	struct lk_error error;
	assert_true(lk_my_server(session, &kind, &error));
	struct lk_table t = made(
		session, "t",
		"CREATE TABLE t (id bigint unsigned AUTO_INCREMENT PRIMARY KEY,"
		" name varchar(50) COLLATE utf8mb4_bin NOT NULL DEFAULT 'o''x, (\\\\' COMMENT 'it''s',"
		" n int, d decimal(10,2) DEFAULT 1.5, e enum('a,b','c)') DEFAULT 'c)',"
		" ts timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),"
		" u char(36) DEFAULT (uuid()), g int AS (n + 1) VIRTUAL, j json,"
		" hidden int INVISIBLE DEFAULT 5) COMMENT 'a table, really'");
	assert_string_equal(t.schema, "test");
	assert_string_equal(t.sql, "`test`.`t`");
	assert_string_equal(t.shown, "t");
	assert_string_equal(t.kind, "table");
	assert_int_equal(t.column_count, 10);
	expect_column(&t, "id", kind.maria ? "bigint(20) unsigned" : "bigint unsigned", NULL);
	expect_column(&t, "name", "varchar(50)", "'o''x, (\\\\'");
	expect_column(&t, "n", kind.maria ? "int(11)" : "int", NULL);
	expect_column(&t, "d", "decimal(10,2)", kind.maria ? "1.50" : "'1.50'");
	expect_column(&t, "e", "enum('a,b','c)')", "'c)'");
	expect_column(&t, "ts", "timestamp(3)",
		      kind.maria ? "current_timestamp(3)" : "CURRENT_TIMESTAMP(3)");
	expect_column(&t, "u", "char(36)", kind.maria ? "uuid()" : "(uuid())");
	expect_column(&t, "g", kind.maria ? "int(11)" : "int", NULL);
	expect_column(&t, "j", "json", NULL);
	expect_column(&t, "hidden", kind.maria ? "int(11)" : "int", kind.maria ? "5" : "'5'");
	assert_true(lk_table_column(&t, "id")->identity);
	assert_true(lk_table_column(&t, "id")->not_null);
	assert_true(lk_table_column(&t, "name")->not_null);
	assert_false(lk_table_column(&t, "n")->not_null);
	assert_true(lk_table_column(&t, "u")->volatile_default);
	assert_false(lk_table_column(&t, "ts")->volatile_default);
	assert_true(lk_table_column(&t, "g")->generated);
	assert_false(lk_table_column(&t, "u")->generated);
	assert_string_equal(lk_table_column(&t, "name")->collation, "utf8mb4_bin");
	assert_null(lk_table_column(&t, "e")->collation);
	assert_string_equal(lk_table_column(&t, "name")->comment, "it's");
	assert_contains(lk_table_column(&t, "hidden")->definition, "INVISIBLE");
	assert_contains(lk_table_column(&t, "ts")->definition, "ON UPDATE");
	assert_int_equal(t.key.count, 1);
	assert_string_equal(t.key.index, "`PRIMARY`");
	assert_string_equal(t.key.sql[0], "`id`");
	lk_table_free(&t);
	lk_session_close(session);
}

/* Each definition stands behind the column's name in an ALTER of its own, and nothing changes. */
static void a_columns_definition_can_be_written_back(void **state)
{
	(void)state;
	struct lk_session *session = session_on(server);
	struct lk_table t = made(
		session, "t",
		"CREATE TABLE t (id bigint unsigned AUTO_INCREMENT PRIMARY KEY,"
		" name varchar(50) COLLATE utf8mb4_bin NOT NULL DEFAULT 'o''x, (\\\\' COMMENT 'it''s',"
		" n int, ts timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),"
		" u char(36) DEFAULT (uuid()), g int AS (n + 1) VIRTUAL COMMENT 'sum', j json,"
		" b bit(3) DEFAULT b'101', y binary(4) DEFAULT 0x61000000)");
	char *before = NULL, *after = NULL;
	struct lk_result r;
	struct lk_error error;
	assert_true(LK_QUERY(session, &r, &error, "SHOW CREATE TABLE t"));
	before = lk_strdup(lk_cell_text(&r, 0, 1));
	lk_result_free(&r);
	for (size_t i = 0; i < t.column_count; i++) {
		char *sql = lk_format("ALTER TABLE t MODIFY %s %s", t.columns[i].sql,
				      t.columns[i].definition);
		my_must(session, sql);
		free(sql);
	}
	assert_true(LK_QUERY(session, &r, &error, "SHOW CREATE TABLE t"));
	after = lk_strdup(lk_cell_text(&r, 0, 1));
	lk_result_free(&r);
	assert_string_equal(after, before);
	free(after);
	free(before);
	lk_table_free(&t);
	lk_session_close(session);
}

static void expect_kind(struct lk_session *session, const char *name, const char *kind)
{
	struct lk_table table;
	struct lk_error error = {0};
	if (!lk_catalog_table(session, name, &table, &error))
		fail_msg("%s", error.text);
	assert_contains(table.kind, kind);
	lk_table_free(&table);
}

static void what_is_no_table_of_innodb_says_what_it_is(void **state)
{
	(void)state;
	struct lk_session *session = session_on(server);
	struct lk_my_server kind;
	struct lk_error error;
	assert_true(lk_my_server(session, &kind, &error));
	my_must(session, "CREATE TABLE old (a int PRIMARY KEY) ENGINE=MyISAM");
	my_must(session, "CREATE VIEW seen AS SELECT a FROM old");
	my_must(session,
		"CREATE TABLE parts (a int PRIMARY KEY) PARTITION BY HASH (a) PARTITIONS 3");
	expect_kind(session, "old", "table of engine MyISAM");
	expect_kind(session, "seen", "view");
	expect_kind(session, "parts", "table");
	if (kind.maria) {
		my_must(session, "CREATE SEQUENCE numbers");
		my_must(session, "CREATE TABLE kept (a int PRIMARY KEY) WITH SYSTEM VERSIONING");
		expect_kind(session, "numbers", "sequence");
		expect_kind(session, "kept", "system-versioned table");
		my_must(session, "DROP SEQUENCE numbers");
		my_must(session, "DROP TABLE kept");
	}
	struct lk_table parts = {0};
	struct lk_leaf *leaves;
	size_t count;
	bool is = false;
	assert_true(lk_catalog_table(session, "parts", &parts, &error));
	assert_true(lk_catalog_leaves(session, &parts, &leaves, &count, &error));
	assert_int_equal(count, 1);
	assert_string_equal(leaves[0].sql, "`test`.`parts`");
	assert_true(lk_catalog_is_leaf(session, &parts, leaves[0].id, &is, &error));
	assert_true(is);
	lk_leaves_free(leaves, count);
	lk_table_free(&parts);
	my_must(session, "DROP TABLE parts");
	my_must(session, "DROP VIEW seen");
	my_must(session, "DROP TABLE old");
	lk_session_close(session);
}

static void tables_of_other_databases_and_odd_names_are_found(void **state)
{
	(void)state;
	struct lk_session *session = session_on(server);
	struct lk_table table;
	struct lk_error error = {0};
	my_must(session, "CREATE DATABASE `odd.one`");
	my_must(session, "CREATE TABLE `odd.one`.`my ``tab-le` (`a ``key` int PRIMARY KEY)");
	assert_true(lk_catalog_table(session, "\"odd.one\".\"my `tab-le\"", &table, &error));
	assert_string_equal(table.shown, "odd.one.my `tab-le");
	assert_string_equal(table.key.sql[0], "`a ``key`");
	/* A quoted form is a name as well. */
	struct lk_table again;
	assert_true(lk_catalog_table(session, table.sql, &again, &error));
	assert_true(again.id == table.id);
	lk_table_free(&again);
	lk_table_free(&table);
	my_must(session, "DROP DATABASE `odd.one`");
	my_must(session, "CREATE TABLE Users (id int PRIMARY KEY)");
	assert_false(lk_catalog_table(session, "Userz", &table, &error));
	assert_int_equal(error.class, LK_ERROR_PLAN);
	assert_contains(error.text, "did you mean \"Users\"?");
	/* Names of tables are told apart by case here, those of columns never. */
	assert_false(lk_catalog_table(session, "users", &table, &error));
	my_must(session, "CREATE TABLE users (id int PRIMARY KEY, Other int)");
	assert_true(lk_catalog_table(session, "users", &table, &error));
	assert_int_equal(table.column_count, 2);
	lk_table_free(&table);
	my_must(session, "DROP TABLE users, Users");
	lk_session_close(session);
}

static void the_number_changes_with_the_table_and_not_with_an_instant_change(void **state)
{
	(void)state;
	struct lk_session *session = session_on(server);
	struct lk_error error;
	struct lk_table first = made(session, "`t-2`", "CREATE TABLE `t-2` (a int PRIMARY KEY)");
	struct lk_table next;
	my_must(session, "ALTER TABLE `t-2` ADD COLUMN b int, ALGORITHM=INSTANT");
	assert_true(lk_catalog_table(session, "t-2", &next, &error));
	assert_true(next.id == first.id);
	lk_table_free(&next);
	my_must(session, "CREATE TABLE t3 LIKE `t-2`");
	my_must(session, "RENAME TABLE `t-2` TO gone, t3 TO `t-2`");
	assert_true(lk_catalog_table(session, "t-2", &next, &error));
	assert_true(next.id != first.id);
	lk_table_free(&next);
	lk_table_free(&first);
	my_must(session, "DROP TABLE gone, `t-2`");
	lk_session_close(session);
}

static void the_key_is_one_that_every_row_has_and_that_sorts_as_it_compares(void **state)
{
	static const struct {
		const char *keys, *index, *columns;
	} cases[] = {
		{"PRIMARY KEY (b, a), UNIQUE KEY u (a)", "`PRIMARY`", "b a"},
		{"UNIQUE KEY u (n), KEY k (a)", "", ""},
		{"UNIQUE KEY p (c(5)), UNIQUE KEY u (c)", "`u`", "c"},
		{"UNIQUE KEY u (f), UNIQUE KEY w (a, b)", "`w`", "a b"},
		{"UNIQUE KEY e (e), UNIQUE KEY z (a, b)", "`z`", "a b"},
		{"UNIQUE KEY mixed (a DESC, b), UNIQUE KEY three (a, b, c)", "`three`", "a b c"},
		{"UNIQUE KEY three (a, b, c), UNIQUE KEY two (b, c)", "`two`", "b c"},
		{"KEY k (a)", "", ""},
	};
	(void)state;
	struct lk_session *session = session_on(server);
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		char *sql = lk_format("CREATE TABLE t (a int NOT NULL, b int NOT NULL, n int,"
				      " c varchar(20) NOT NULL, f double NOT NULL,"
				      " e enum('x','y') NOT NULL, %s)",
				      cases[i].keys);
		struct lk_table t = made(session, "t", sql);
		char joined[64] = "";
		for (size_t k = 0; k < t.key.count; k++)
			snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s",
				 k ? " " : "", t.key.columns[k]);
		assert_string_equal(t.key.index, cases[i].index);
		assert_string_equal(joined, cases[i].columns);
		lk_table_free(&t);
		free(sql);
	}
	/* An index that is switched off is none to walk by. */
	struct lk_my_server kind;
	struct lk_error error;
	assert_true(lk_my_server(session, &kind, &error));
	char *off = lk_format("CREATE TABLE t (a int NOT NULL, b int NOT NULL, UNIQUE KEY v (a, b),"
			      " UNIQUE KEY u (b) %s)",
			      kind.maria ? "IGNORED" : "INVISIBLE");
	struct lk_table t = made(session, "t", off);
	assert_string_equal(t.key.index, "`v`");
	lk_table_free(&t);
	free(off);
	lk_session_close(session);
}

static void the_sessions_sql_mode_is_no_matter_and_stays(void **state)
{
	(void)state;
	struct lk_session *session = session_on(server);
	my_must(session,
		"SET sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES', sql_quote_show_create = 0");
	struct lk_table t =
		made(session, "t", "CREATE TABLE t (id int PRIMARY KEY, \"order\" int DEFAULT 3)");
	assert_contains(lk_table_column(&t, "order")->definition, "DEFAULT");
	lk_table_free(&t);
	my_expect(session, "SELECT concat(@@sql_mode, @@sql_quote_show_create + 0)",
		  "ANSI_QUOTES,STRICT_ALL_TABLES0");
	lk_session_close(session);
}

static void refused_as_target(struct lk_session *session, const char *expected)
{
	struct lk_server found;
	struct lk_error error = {0};
	assert_false(lk_catalog_server(session, &found, &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_contains(error.text, expected);
}

static void a_server_that_takes_no_writes_is_refused(void **state)
{
	(void)state;
	struct lk_session *session = session_on(server);
	struct lk_server found;
	struct lk_error error = {0};
	if (!lk_catalog_server(session, &found, &error))
		fail_msg("%s", error.text);
	assert_string_equal(found.role, "root");
	assert_true(found.max_connections > 0);
	assert_true(found.version_number >= 80000);
	my_must(session, "SET GLOBAL read_only = 1");
	refused_as_target(session, "the target is read_only");
	struct lk_my_server kind;
	assert_true(lk_my_server(session, &kind, &error));
	if (!kind.maria) {
		my_must(session, "SET GLOBAL super_read_only = 1");
		refused_as_target(session, "the target is super_read_only");
	}
	my_must(session, "SET GLOBAL read_only = 0");
	lk_session_close(session);
}

static void expect_privilege(struct lk_session *clerk, const struct lk_table *table,
			     const char *missing)
{
	struct lk_error error = {0};
	bool may = lk_catalog_privileges(clerk, table, &error);
	if (!missing) {
		if (!may)
			fail_msg("%s", error.text);
		return;
	}
	assert_false(may);
	assert_int_equal(error.class, LK_ERROR_PRIVILEGE);
	assert_contains(error.text, missing);
}

static void the_missing_privilege_is_said_with_its_grant(void **state)
{
	(void)state;
	struct lk_session *session = session_on(server);
	struct lk_table t = made(session, "my_table", "CREATE TABLE my_table (id int PRIMARY KEY)");
	my_must(session, "CREATE USER clerk@localhost");
	my_must(session, "GRANT SELECT, INSERT ON test.* TO clerk@localhost");
	my_must(session,
		"GRANT UPDATE (id), DELETE, CREATE, DROP, ALTER, INDEX, TRIGGER ON test.my_table"
		" TO clerk@localhost");
	char *uri = lk_test_my_uri(server, "clerk", NULL);
	struct lk_session *clerk = my_session_of(uri, "worker");
	expect_privilege(clerk, &t,
			 "user 'clerk'@'localhost' cannot change table my_table: GRANT UPDATE ON "
			 "`test`.`my_table` TO 'clerk'@'localhost'");
	my_must(session, "GRANT UPDATE ON test.my_table TO clerk@localhost");
	expect_privilege(
		clerk, &t,
		"cannot keep the journal: GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, "
		"ALTER, INDEX ON `lockkeeper`.* TO");
	my_must(session, "GRANT ALL PRIVILEGES ON `lock%`.* TO clerk@localhost");
	expect_privilege(clerk, &t, "GRANT PROCESS ON *.* TO 'clerk'@'localhost'");
	my_must(session, "CREATE ROLE looker");
	my_must(session, "GRANT PROCESS ON *.* TO looker");
	my_must(session, "GRANT looker TO clerk@localhost");
	expect_privilege(clerk, &t, "PROCESS");
	my_must(clerk, "SET ROLE looker");
	my_expect(session, "SELECT @@log_bin_trust_function_creators", "0");
	struct lk_error error = {0};
	struct lk_result r;
	assert_true(LK_QUERY(session, &r, &error, "SELECT @@log_bin"));
	bool binlog = lk_cell_int(&r, 0, 0) != 0;
	lk_result_free(&r);
	expect_privilege(clerk, &t,
			 binlog ? "SET GLOBAL log_bin_trust_function_creators = 1" : NULL);
	my_must(session, "SET GLOBAL log_bin_trust_function_creators = 1");
	expect_privilege(clerk, &t, NULL);
	my_must(session, "SET GLOBAL log_bin_trust_function_creators = 0");
	lk_session_close(clerk);
	free(uri);
	my_must(session, "DROP USER clerk@localhost");
	my_must(session, "DROP ROLE looker");
	lk_table_free(&t);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_found_with_all_its_columns),
		cmocka_unit_test(a_columns_definition_can_be_written_back),
		cmocka_unit_test(what_is_no_table_of_innodb_says_what_it_is),
		cmocka_unit_test(tables_of_other_databases_and_odd_names_are_found),
		cmocka_unit_test(the_number_changes_with_the_table_and_not_with_an_instant_change),
		cmocka_unit_test(the_key_is_one_that_every_row_has_and_that_sorts_as_it_compares),
		cmocka_unit_test(the_sessions_sql_mode_is_no_matter_and_stays),
		cmocka_unit_test(a_server_that_takes_no_writes_is_refused),
		cmocka_unit_test(the_missing_privilege_is_said_with_its_grant),
	};
	return my_run_tests(tests, start_server, stop_server);
}
