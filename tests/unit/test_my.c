/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the driver for MySQL and MariaDB that need no server: URIs, parameters, error classes. */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "db/driver.h"
#include "db/my_error.h"
#include "db/my_text.h"
#include "db/my_uri.h"
#include "watch/my_metadata.h"
#include "watch/my_quiet.h"

static void a_uri_names_every_part_of_a_target(void **state)
{
	struct lk_my_uri uri;
	struct lk_error error;
	(void)state;
	assert_true(lk_my_uri_parse(
		"mysql://d%62a@db1:3307/sh%2Fop?ssl-mode=VERIFY_IDENTITY&ssl-ca=%2Fetc%2Fca.pem&"
		"defaults-file=/etc/lk.cnf&defaults-group=prod&ssl-cert=c&ssl-key=k",
		&uri, &error));
	assert_string_equal(uri.user, "dba");
	assert_string_equal(uri.host, "db1");
	assert_int_equal(uri.port, 3307);
	assert_string_equal(uri.database, "sh/op");
	assert_string_equal(uri.ssl_ca, "/etc/ca.pem");
	assert_string_equal(uri.defaults_file, "/etc/lk.cnf");
	assert_string_equal(uri.defaults_group, "prod");
	assert_string_equal(uri.ssl_cert, "c");
	assert_string_equal(uri.ssl_key, "k");
	assert_int_equal(uri.tls, LK_MY_TLS_VERIFY_IDENTITY);
	assert_null(uri.socket);
	lk_my_uri_free(&uri);

	assert_true(lk_my_uri_parse("mariadb://a@[fe80::1]:3306", &uri, &error));
	assert_string_equal(uri.host, "fe80::1");
	assert_int_equal(uri.port, 3306);
	assert_null(uri.database);
	assert_int_equal(uri.tls, LK_MY_TLS_PREFERRED);
	lk_my_uri_free(&uri);

	assert_true(lk_my_uri_parse("mysql:///shop?socket=/run/my.sock&ssl-ca=x", &uri, &error));
	assert_null(uri.user);
	assert_null(uri.host);
	assert_int_equal(uri.port, 0);
	assert_string_equal(uri.socket, "/run/my.sock");
	assert_int_equal(uri.tls, LK_MY_TLS_VERIFY_CA);
	lk_my_uri_free(&uri);

	assert_true(lk_my_uri_parse("mysql://", &uri, &error));
	lk_my_uri_free(&uri);
}

static void a_malformed_uri_is_refused_with_what_is_wrong(void **state)
{
	static const struct {
		const char *uri, *expected;
	} bad[] = {
		{"mysql://a@h:0/d", "a port is a number up to 65535, not 0"},
		{"mysql://a@h:65536/d", "65536"},
		{"mysql://a@h:33x/d", "33x"},
		{"mysql://a@h:-1/d", "-1"},
		{"mysql://a@[::1/d", "brackets"},
		{"mysql://a@[::1]3306/d", "brackets"},
		{"mysql://a@h/d%", "two hexadecimal digits"},
		{"mysql://a@h/d%4", "two hexadecimal digits"},
		{"mysql://a@h/d%zz", "two hexadecimal digits"},
		{"mysql://a@h/d%00", "two hexadecimal digits"},
		{"mysql://a@h/d?sl-mode=required", "did you mean ssl-mode?"},
		{"mysql://a@h/d?whatever=1", "unknown parameter \"whatever\""},
		{"mysql://a@h/d?ssl-ca=", "ssl-ca of the URI has no value"},
		{"mysql://a@h/d?ssl-ca", "ssl-ca of the URI has no value"},
		{"mysql://a@h/d?ssl-ca=a&ssl-ca=b", "there twice"},
		{"mysql://a@h/d?ssl-mode=yes", "ssl-mode cannot be \"yes\""},
		{"mysql://a@h/d?ssl-mode=required&ssl-ca=x", "nothing is verified"},
		{"mysql://a@h/d?socket=/s", "both a host and a socket"},
		{"mysql://a:hunter2@h/d", "~/.my.cnf"},
		{"mysql://a@h/d?password=hunter2", "~/.my.cnf"},
		{"postgresql://a:hunter2@h/d", "~/.pgpass"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		struct lk_my_uri uri;
		struct lk_error error = {0};
		assert_false(lk_my_uri_parse(bad[i].uri, &uri, &error));
		assert_int_equal(error.class, LK_ERROR_USAGE);
		assert_contains(error.text, bad[i].expected);
		assert_null(strstr(error.text, "hunter2"));
	}
}

static void expect_statement(const char *sql, bool escapes, const char *expected)
{
	static const char *const parameters[] = {"it's", "a\\b", NULL};
	struct lk_buffer out = {0};
	struct lk_error error;
	assert_true(lk_my_add_statement(&out, sql, 3, parameters, escapes, &error));
	assert_string_equal(lk_buffer_text(&out), expected);
	lk_buffer_free(&out);
}

static void parameters_are_filled_in_where_code_is(void **state)
{
	(void)state;
	expect_statement("SELECT $1, $2,$3+$1", true, "SELECT 'it''s', 'a\\\\b',NULL+'it''s'");
	expect_statement("$2", false, "'a\\b'");
	expect_statement("'$1' \"$1\" `$1` $1", true, "'$1' \"$1\" `$1` 'it''s'");
	expect_statement("'it''s $1' `a``$1`", true, "'it''s $1' `a``$1`");
	expect_statement("'\\' $1' $3", true, "'\\' $1' NULL");
	expect_statement("'\\' $1", false, "'\\' 'it''s'");
	expect_statement("`\\` $3", true, "`\\` NULL");
	expect_statement("-- $1\n$3 # $1\n$3 /* $1 ' */$3", true,
			 "-- $1\nNULL # $1\nNULL /* $1 ' */NULL");
	expect_statement("4--$3", true, "4--NULL");
	expect_statement("/*!50000 $3 */ /*M!100000 $3 */", true,
			 "/*!50000 NULL */ /*M!100000 NULL */");
	expect_statement("a$1 $1a _$1 é$1 $ $x", true, "a$1 $1a _$1 é$1 $ $x");
	expect_statement("/* open $1", true, "/* open $1");
	expect_statement("'open $1", true, "'open $1");
	expect_statement("'open \\", true, "'open \\");
}

static void a_parameter_that_was_not_given_is_an_error(void **state)
{
	static const char *const wrong[] = {"$2", "$0", "$99999", "'x' $2"};
	static const char *const parameters[] = {"a"};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(wrong); i++) {
		struct lk_buffer out = {0};
		struct lk_error error;
		assert_false(lk_my_add_statement(&out, wrong[i], 1, parameters, true, &error));
		assert_int_equal(error.class, LK_ERROR_STATEMENT);
		lk_buffer_free(&out);
	}
}

static void quoting_holds_for_any_sql_mode(void **state)
{
	static const struct {
		const char *text, *name, *literal;
	} cases[] = {
		{"plain", "`plain`", "'plain'"},  {"", "``", "''"},
		{"it's", "`it's`", "'it''s'"},	  {"a`b", "`a``b`", "'a`b'"},
		{"\\", "`\\`", "_utf8mb4 x'5c'"}, {"\\'", "`\\'`", "_utf8mb4 x'5c27'"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		char *name = lk_my_driver.quote_name(cases[i].text);
		char *literal = lk_my_driver.quote_text(cases[i].text);
		assert_string_equal(name, cases[i].name);
		assert_string_equal(literal, cases[i].literal);
		free(name);
		free(literal);
	}
}

static void error_numbers_have_classes(void **state)
{
	static const struct {
		unsigned number;
		enum lk_error_class class;
	} cases[] = {
		{1205, LK_ERROR_RETRY},	    {1213, LK_ERROR_RETRY},	{3572, LK_ERROR_RETRY},
		{1317, LK_ERROR_CANCELLED}, {1969, LK_ERROR_CANCELLED}, {3024, LK_ERROR_CANCELLED},
		{2002, LK_ERROR_LOST},	    {2006, LK_ERROR_LOST},	{2013, LK_ERROR_LOST},
		{1053, LK_ERROR_LOST},	    {1927, LK_ERROR_LOST},	{1040, LK_ERROR_LOST},
		{1044, LK_ERROR_PRIVILEGE}, {1045, LK_ERROR_PRIVILEGE}, {1142, LK_ERROR_PRIVILEGE},
		{1227, LK_ERROR_PRIVILEGE}, {1419, LK_ERROR_PRIVILEGE}, {2059, LK_ERROR_PRIVILEGE},
		{1290, LK_ERROR_REFUSED},   {1792, LK_ERROR_REFUSED},	{2026, LK_ERROR_LOST},
		{1114, LK_ERROR_SYSTEM},    {1021, LK_ERROR_SYSTEM},	{1146, LK_ERROR_STATEMENT},
		{1054, LK_ERROR_STATEMENT}, {1064, LK_ERROR_STATEMENT}, {1062, LK_ERROR_STATEMENT},
		{1153, LK_ERROR_STATEMENT}, {1845, LK_ERROR_STATEMENT}, {3819, LK_ERROR_STATEMENT},
		{4031, LK_ERROR_STATEMENT},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(cases); i++)
		if (lk_my_error_class(cases[i].number) != cases[i].class)
			fail_msg("%u is of class %s", cases[i].number,
				 lk_error_class_name(lk_my_error_class(cases[i].number)));
}

/* Any bytes at all: the statement stays one piece of memory and ends. */
static void no_text_breaks_the_filling_in(void **state)
{
	static const char seed[] =
		"SELECT '\\'$1' \"$2\" `a``$1` -- $1\n/* ' */ $1 #'\n$2 /*!1 $1*/ \\";
	static const char *const parameters[] = {"it's \\", "b"};
	struct test_random random = {4711};
	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t length;
		struct lk_error error;
		struct lk_buffer out = {0};
		char *text = test_mutate(&random, seed, "$1'\"`*/\\", &length);
		if (strlen(text) == length &&
		    lk_my_add_statement(&out, text, 2, parameters, round % 2, &error))
			assert_true(out.length + 2 >= length || strchr(text, '$'));
		lk_buffer_free(&out);
		free(text);
	}
}

static bool blocks(const char *kind, const char *wanted, const char *other, bool granted)
{
	struct lk_my_metadata_lock a = {.pid = 1}, b = {.pid = 2, .granted = granted};
	LK_COPY(a.kind, kind);
	LK_COPY(b.kind, kind);
	LK_COPY(a.object, "shop.users");
	LK_COPY(b.object, "shop.users");
	LK_COPY(a.type, wanted);
	LK_COPY(b.type, other);
	return lk_my_metadata_blocks(&a, &b);
}

static void metadata_locks_stand_in_the_way_by_the_servers_rules(void **state)
{
	(void)state;
	assert_true(blocks("TABLE", "EXCLUSIVE", "SHARED_READ", true));
	assert_true(blocks("TABLE", "EXCLUSIVE", "SHARED_UPGRADABLE", true));
	assert_true(blocks("TABLE", "SHARED_READ", "EXCLUSIVE", false));
	assert_true(blocks("TABLE", "SHARED_WRITE", "SHARED_NO_WRITE", true));
	assert_false(blocks("TABLE", "SHARED_READ", "SHARED_NO_WRITE", true));
	assert_false(blocks("TABLE", "SHARED_READ", "SHARED_WRITE", true));
	assert_false(blocks("TABLE", "SHARED_WRITE", "SHARED_UPGRADABLE", true));
	assert_false(blocks("TABLE", "EXCLUSIVE", "SHARED_READ", false));
	/* A lock that this program does not know yet is taken for one in the way, when it is held. */
	assert_true(blocks("TABLE", "SHARED_READ", "SOMETHING_NEW", true));
	assert_true(blocks("GLOBAL", "INTENTION_EXCLUSIVE", "SHARED", true));
	assert_true(blocks("GLOBAL", "INTENTION_EXCLUSIVE", "SHARED", false));
	assert_true(blocks("GLOBAL", "SHARED", "INTENTION_EXCLUSIVE", true));
	assert_false(blocks("GLOBAL", "SHARED", "SHARED", true));
	assert_false(blocks("GLOBAL", "INTENTION_EXCLUSIVE", "INTENTION_EXCLUSIVE", true));
	assert_true(blocks("BACKUP", "BACKUP_DML", "BACKUP_FTWRL1", true));
	assert_false(blocks("BACKUP", "BACKUP_DML", "BACKUP_DDL", true));
	struct lk_my_metadata_lock other = {.pid = 2, .granted = true}, wanted = {.pid = 1};
	LK_COPY(other.type, "EXCLUSIVE");
	LK_COPY(wanted.type, "EXCLUSIVE");
	LK_COPY(other.object, "shop.orders");
	LK_COPY(wanted.object, "shop.users");
	assert_false(lk_my_metadata_blocks(&wanted, &other));
}

static void innodb_tells_who_has_a_transaction_open(void **state)
{
	static const char text[] =
		"LIST OF TRANSACTIONS FOR EACH SESSION:\n"
		"---TRANSACTION 37, ACTIVE 1 sec starting index read\n"
		"mysql tables in use 1, locked 1\n"
		"LOCK WAIT 12 lock struct(s), heap size 1128, 1 row lock(s)\n"
		"MariaDB thread id 6, OS thread handle 1404, query id 5 localhost root Updating\n"
		"update t set v = 'not started'\n"
		"---TRANSACTION 421, not started\n"
		"0 lock struct(s), heap size 1128, 0 row lock(s)\n"
		"MySQL thread id 16, OS thread handle 1404, query id 4 localhost root\n"
		"---TRANSACTION (0x7fc3077db180), ACTIVE 0 sec\n"
		"0 lock struct(s), heap size 1128, 0 row lock(s)\n"
		"MariaDB thread id 26, OS thread handle 14, query id 112 localhost root User sleep\n";
	int locks;
	(void)state;
	assert_int_equal(lk_my_innodb_transaction(text, 6, &locks), 1);
	assert_int_equal(locks, 12);
	assert_int_equal(lk_my_innodb_transaction(text, 16, &locks), 0);
	assert_int_equal(lk_my_innodb_transaction(text, 26, &locks), 1);
	assert_int_equal(locks, 0);
	assert_int_equal(lk_my_innodb_transaction(text, 2, &locks), 0);
	assert_int_equal(
		lk_my_innodb_transaction("---TRANSACTION 1\n... truncated...\n", 2, &locks), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uri_names_every_part_of_a_target),
		cmocka_unit_test(a_malformed_uri_is_refused_with_what_is_wrong),
		cmocka_unit_test(parameters_are_filled_in_where_code_is),
		cmocka_unit_test(a_parameter_that_was_not_given_is_an_error),
		cmocka_unit_test(quoting_holds_for_any_sql_mode),
		cmocka_unit_test(error_numbers_have_classes),
		cmocka_unit_test(no_text_breaks_the_filling_in),
		cmocka_unit_test(metadata_locks_stand_in_the_way_by_the_servers_rules),
		cmocka_unit_test(innodb_tells_who_has_a_transaction_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
