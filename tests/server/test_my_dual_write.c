/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs dual_write and end_dual_write on MariaDB and MySQL: who wins, what is refused, crashes in the middle. */
#include <stdio.h>

#include "base/memory.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

static struct lk_test_my *server;

static int setup(void **state)
{
	(void)state;
	server = lk_test_my_start(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

#define RENAME                                                                                     \
	"plan: p\n"                                                                                \
	"steps:\n"                                                                                 \
	"  expand:\n"                                                                              \
	"    - name: both\n"                                                                       \
	"      dual_write: {table: t, from: o, to: n, like: o}\n"                                  \
	"  migrate:\n"                                                                             \
	"    - name: fill\n"                                                                       \
	"      backfill: {table: t, set: {n: o}}\n"                                                \
	"  contract:\n"                                                                            \
	"    - name: end\n"                                                                        \
	"      end_dual_write: {table: t, column: o}\n"

static void make(const char *columns)
{
	my_need(server);
	char *sql = lk_format(
		"DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, %s)",
		columns);
	lk_test_my_sql(server, sql);
	free(sql);
}

static void open_plan(struct lk_test_steps *steps, const char *yaml)
{
	my_need(server);
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(uri);
}

static void forward(struct lk_test_steps *steps, const char *name)
{
	if (lk_test_step_forward(steps, name) != LK_OUTCOME_DONE)
		fail_msg("%s: %s", name, steps->error.text);
}

static void backward(struct lk_test_steps *steps, const char *name)
{
	if (lk_test_step_backward(steps, name) != LK_OUTCOME_DONE)
		fail_msg("%s: %s", name, steps->error.text);
}

static void refused(const char *yaml, const char *expected)
{
	my_need(server);
	char *uri = lk_test_my_uri(server, "root", NULL);
	char *refusal = lk_test_steps_refusal_at(uri, yaml);
	assert_contains(refusal, expected);
	free(refusal);
	free(uri);
}

/* The values of o and n of the row that the statement wrote last. */
static void expect(const char *sql, const char *expected)
{
	lk_test_my_sql(server, sql);
	char *got =
		lk_test_my_value(server, "SELECT concat(ifnull(o, 'NULL'), '|', ifnull(n, 'NULL'))"
					 " FROM t ORDER BY id DESC LIMIT 1");
	if (strcmp(got, expected) != 0)
		fail_msg("%s\nmakes %s, not %s", sql, got, expected);
	free(got);
}

/* The statement must fail with that number, and this in its sentence. */
static void fails(const char *sql, unsigned number, const char *part)
{
	MYSQL *mysql = lk_test_my_connect(server);
	if (mysql_query(mysql, sql) == 0)
		fail_msg("%s\nsucceeds", sql);
	if (mysql_errno(mysql) != number || !strstr(mysql_error(mysql), part))
		fail_msg("%s\nfails with %u %s", sql, mysql_errno(mysql), mysql_error(mysql));
	mysql_close(mysql);
}

static char *definition(void)
{
	MYSQL *mysql = lk_test_my_connect(server);
	if (mysql_query(mysql, "SHOW CREATE TABLE t") != 0)
		fail_msg("%s", mysql_error(mysql));
	MYSQL_RES *rows = mysql_store_result(mysql);
	char *text = lk_strdup(mysql_fetch_row(rows)[1]);
	mysql_free_result(rows);
	mysql_close(mysql);
	/* The counter moves with rows. */
	char *counter = strstr(text, " AUTO_INCREMENT=");
	if (counter) {
		char *end = strchr(counter + 1, ' ');
		memmove(counter, end, strlen(end) + 1);
	}
	return text;
}

static int64_t number(const char *sql)
{
	return lk_test_my_number(server, sql);
}

static void either_side_is_carried_to_the_other(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o VARCHAR(20) COLLATE utf8mb4_unicode_ci NOT NULL");
	open_plan(&steps, RENAME);
	forward(&steps, "both");
	expect("INSERT INTO t (o) VALUES ('a')", "a|a");
	expect("INSERT INTO t (n) VALUES ('b')", "b|b");
	expect("INSERT INTO t (o, n) VALUES ('c', 'c')", "c|c");
	expect("INSERT INTO t (n) SELECT 'selected'", "selected|selected");
	expect("INSERT INTO t (o, n) VALUES ('', 'given'), ('', 'given too')",
	       "given too|given too");
	expect("UPDATE t SET o = 'd'", "d|d");
	expect("UPDATE t SET n = 'e'", "e|e");
	expect("UPDATE t SET n = 'E'", "E|E");
	expect("UPDATE t SET o = 'E '", "E |E ");
	expect("UPDATE t SET o = 'f', n = 'f'", "f|f");
	expect("UPDATE t x JOIN (SELECT 1 AS one) y SET x.n = 'joined'", "joined|joined");
	expect("REPLACE INTO t (n) VALUES ('replaced')", "replaced|replaced");
	expect("INSERT INTO t (id, o) VALUES (900, 'x') ON DUPLICATE KEY UPDATE o = 'dup'", "x|x");
	expect("INSERT INTO t (id, o) VALUES (900, 'y') ON DUPLICATE KEY UPDATE o = VALUES(o)",
	       "y|y");
	expect("INSERT INTO t (id, n) VALUES (900, 'z') ON DUPLICATE KEY UPDATE n = VALUES(n)",
	       "z|z");
	expect("INSERT INTO t (id, n) VALUES (900, 'z') ON DUPLICATE KEY UPDATE o = 'dup'",
	       "dup|dup");
	fails("INSERT INTO t (o, n) VALUES ('g', 'h')", 1644,
	      "different values into two columns of t");
	fails("UPDATE t SET o = 'g', n = 'h' LIMIT 1", 1644,
	      "different values into two columns of t");
	fails("INSERT INTO t (o, n) VALUES ('G', 'g')", 1644, "different values");
	lk_test_steps_close(&steps);
}

static void a_file_is_loaded_into_either(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o VARCHAR(20) NOT NULL");
	open_plan(&steps, RENAME);
	forward(&steps, "both");
	lk_test_my_sql(server, "INSERT INTO t (o) VALUES ('one'), ('two')");
	char *file = lk_format("%s/loaded", lk_test_my_folder(server));
	char *out = lk_format("SELECT 'first' UNION SELECT 'second' INTO OUTFILE '%s'", file);
	char *in = lk_format("LOAD DATA INFILE '%s' INTO TABLE t (n)", file);
	lk_test_my_sql(server, out);
	expect(in, "second|second");
	assert_int_equal(number("SELECT count(*) FROM t WHERE o = n"), 4);
	free(in);
	free(out);
	free(file);
	lk_test_steps_close(&steps);
}

/* Which of the two a statement gave is told by the default; that of the time of the dual write is the server's. */
static void defaults_are_carried_and_put_back(void **state)
{
	static const struct {
		const char *column, *insert, *expected;
	} cases[] = {
		{"o INT NOT NULL DEFAULT 5", "INSERT INTO t (n) VALUES (7)", "7|7"},
		{"o INT DEFAULT 5", "INSERT INTO t (o) VALUES (NULL)", "NULL|NULL"},
		{"o INT UNSIGNED NOT NULL", "INSERT INTO t (n) VALUES (4000000000)",
		 "4000000000|4000000000"},
		{"o BIGINT", "INSERT INTO t () VALUES ()", "NULL|NULL"},
		{"o VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german1_ci NOT NULL DEFAULT 'ä'",
		 "INSERT INTO t (n) VALUES ('Ä')", "Ä|Ä"},
		{"o TEXT NOT NULL COMMENT 'it''s'", "INSERT INTO t (n) VALUES ('long')",
		 "long|long"},
		{"o ENUM('a','b') NOT NULL", "INSERT INTO t (n) VALUES ('b')", "b|b"},
		{"o SET('a','b') NOT NULL", "INSERT INTO t (n) VALUES ('b,a')", "a,b|a,b"},
		{"o DATE NOT NULL", "INSERT INTO t (n) VALUES ('2024-02-29')",
		 "2024-02-29|2024-02-29"},
		{"o DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3)",
		 "INSERT INTO t (n) VALUES ('2024-02-29 01:02:03.456')",
		 "2024-02-29 01:02:03.456|2024-02-29 01:02:03.456"},
		{"o TIMESTAMP NOT NULL DEFAULT '2001-01-01 00:00:00'",
		 "INSERT INTO t (o) VALUES ('2024-02-29 01:02:03')",
		 "2024-02-29 01:02:03|2024-02-29 01:02:03"},
		{"o DECIMAL(20,4) NOT NULL", "INSERT INTO t (o) VALUES (1.5)", "1.5000|1.5000"},
		{"o DOUBLE NOT NULL", "INSERT INTO t (n) VALUES (0.1)", "0.1|0.1"},
		{"o VARBINARY(9) NOT NULL", "INSERT INTO t (n) VALUES ('bytes')", "bytes|bytes"},
		{"o JSON NOT NULL", "INSERT INTO t (n) VALUES ('{\"a\": 1}')",
		 "{\"a\": 1}|{\"a\": 1}"},
		{"o TEXT DEFAULT (concat('x', 'y'))", "INSERT INTO t () VALUES ()", "xy|xy"},
		{"o YEAR NOT NULL", "INSERT INTO t (n) VALUES (1999)", "1999|1999"},
		{"o TIME NOT NULL", "INSERT INTO t (n) VALUES ('-10:00:00')",
		 "-10:00:00|-10:00:00"},
	};
	(void)state;
	my_need(server);
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct lk_test_steps steps;
		print_message("  %s\n", cases[i].column);
		make(cases[i].column);
		char *before = definition();
		open_plan(&steps, RENAME);
		forward(&steps, "both");
		expect(cases[i].insert, cases[i].expected);
		lk_test_my_sql(server, "UPDATE t SET n = n");
		backward(&steps, "both");
		char *after = definition();
		assert_string_equal(after, before);
		assert_int_equal(number("SELECT count(*) FROM information_schema.triggers"
					" WHERE event_object_schema = 'test'"),
				 0);
		lk_test_steps_close(&steps);
		free(after);
		free(before);
	}
}

/* Ours fire last, so they see what the application's made of a row. */
static void triggers_of_the_application_are_heard(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o VARCHAR(20), `we``ird name` INT");
	lk_test_my_sql(
		server,
		"CREATE TRIGGER zz BEFORE INSERT ON t FOR EACH ROW SET NEW.o = upper(NEW.o)");
	lk_test_my_sql(
		server,
		"CREATE TRIGGER zy BEFORE UPDATE ON t FOR EACH ROW SET NEW.`we``ird name` = 7");
	lk_test_my_sql(
		server,
		"CREATE TRIGGER zx BEFORE UPDATE ON t FOR EACH ROW SET NEW.o = upper(NEW.o)");
	open_plan(&steps, RENAME);
	lk_test_my_sql(server, "INSERT INTO t (o) VALUES ('before'); SET @x = 1;"
			       "UPDATE t SET o = 'lower' WHERE FALSE");
	forward(&steps, "both");
	expect("INSERT INTO t (o) VALUES ('a')", "A|A");
	expect("UPDATE t SET o = 'b' ORDER BY id DESC LIMIT 1", "B|B");
	/* The backfill's own update fires them too. */
	lk_test_my_sql(
		server,
		"DROP TRIGGER zx; CREATE TRIGGER zx BEFORE UPDATE ON t FOR EACH ROW FOLLOWS zy"
		" SET NEW.o = concat(NEW.o, '!')");
	lk_test_my_sql(server, "DELETE FROM t; SET @lockkeeper_backfill = 1;"
			       "INSERT INTO t (id, o) VALUES (1, 'row'); UPDATE t SET n = 'ROW'");
	lk_test_steps_close(&steps);
	assert_int_equal(number("SELECT count(*) FROM t WHERE o = n AND o = 'ROW!'"), 1);
	lk_test_my_sql(server, "DROP TRIGGER zx; DROP TRIGGER zy; DROP TRIGGER zz");
}

static void names_that_need_quotes(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	my_need(server);
	lk_test_my_sql(server,
		       "DROP TABLE IF EXISTS `a``b's */ \\table`;"
		       "CREATE TABLE `a``b's */ \\table` (id INT PRIMARY KEY AUTO_INCREMENT,"
		       " `sel``ect*/` VARCHAR(9) NOT NULL)");
	open_plan(&steps, "plan: p\n"
			  "steps:\n"
			  "  expand:\n"
			  "    - name: both\n"
			  "      dual_write:\n"
			  "        table: '\"a`b''s */ \\table\"'\n"
			  "        from: 'sel`ect*/'\n"
			  "        to: 'it''s'\n"
			  "        like: 'sel`ect*/'\n");
	forward(&steps, "both");
	lk_test_my_sql(server, "INSERT INTO `a``b's */ \\table` (`it's`) VALUES ('x')");
	assert_int_equal(
		number("SELECT count(*) FROM `a``b's */ \\table` WHERE `sel``ect*/` = 'x'"), 1);
	fails("INSERT INTO `a``b's */ \\table` (`it's`, `sel``ect*/`) VALUES ('x', 'y')", 1644,
	      "different values into two columns of a`b's */ table");
	backward(&steps, "both");
	lk_test_steps_close(&steps);
	lk_test_my_sql(server, "DROP TABLE `a``b's */ \\table`");
}

/* Whatever part of the step was carried out before a crash, doing it again completes it and taking it back removes it. */
static void a_crash_in_the_middle_is_completed_or_taken_back(void **state)
{
	/* What is missing after the crash: the trigger for UPDATE, both, the old column's default too, all. */
	static const char *const rest[] = {
		"",
		"",
		"ALTER TABLE t ALTER COLUMN o DROP DEFAULT",
		"ALTER TABLE t DROP COLUMN n, ALTER COLUMN o DROP DEFAULT",
	};
	(void)state;
	my_need(server);
	for (size_t i = 0; i < 2 * LK_COUNT(rest); i++) {
		struct lk_test_steps steps;
		make("o VARCHAR(20) NOT NULL, UNIQUE (o)");
		char *before = definition();
		open_plan(&steps, RENAME);
		forward(&steps, "both");
		char *whole = definition();
		char *insert = lk_test_my_value(
			server, "SELECT trigger_name FROM information_schema.triggers WHERE"
				" event_object_schema = 'test' AND event_manipulation = 'INSERT'");
		char *update = lk_test_my_value(
			server, "SELECT trigger_name FROM information_schema.triggers WHERE"
				" event_object_schema = 'test' AND event_manipulation = 'UPDATE'");
		char *crash = lk_format("DROP TRIGGER %s; %s%s; %s", update,
					i / 2 > 0 ? "DROP TRIGGER " : "DO 1",
					i / 2 > 0 ? insert : "", rest[i / 2]);
		lk_test_my_sql(server, crash);
		char *state_sql =
			lk_format("UPDATE lockkeeper.step SET state = 'running' WHERE run = '%s'"
				  " AND name = 'both'",
				  steps.name);
		lk_test_my_sql(server, state_sql);
		if (i % 2 == 0) {
			forward(&steps, "both");
			char *after = definition();
			assert_string_equal(after, whole);
			free(after);
			expect("INSERT INTO t (n) SELECT 'b'", "b|b");
			expect("UPDATE t SET n = 'c'", "c|c");
		}
		backward(&steps, "both");
		char *after = definition();
		assert_string_equal(after, before);
		free(after);
		lk_test_steps_close(&steps);
		free(state_sql);
		free(crash);
		free(update);
		free(insert);
		free(whole);
		free(before);
	}
}

/* A column that somebody else has is never taken for ours, forward or back. */
static void a_column_of_somebody_else_stays(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o INT");
	open_plan(&steps, RENAME);
	lk_test_my_sql(server, "ALTER TABLE t ADD COLUMN n INT");
	assert_int_equal(lk_test_step_forward(&steps, "both"), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "already has a column");
	backward(&steps, "both");
	assert_int_equal(
		number("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'test'"
		       " AND table_name = 't' AND column_name = 'n'"),
		1);
	lk_test_steps_close(&steps);
}

/* While the old column still stands there without triggers, whoever writes the new one alone must not notice. */
static void the_old_column_is_in_nobodys_way(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o VARCHAR(20) NOT NULL, CONSTRAINT long_enough CHECK (char_length(o) > 1), UNIQUE KEY u (o)");
	open_plan(&steps, RENAME "    - name: drop\n"
				 "      ddl: \"ALTER TABLE `test`.`t` DROP COLUMN o\"\n"
				 "      destroys: data\n");
	lk_test_my_sql(server, "INSERT INTO t (o) VALUES ('first'), ('second')");
	forward(&steps, "both");
	forward(&steps, "fill");
	forward(&steps, "end");
	lk_test_my_sql(
		server,
		"INSERT INTO t (n) VALUES ('third'), ('fourth');"
		"INSERT INTO t (n) SELECT 'fifth'; UPDATE t SET n = 'sixth' WHERE n = 'fifth'");
	assert_int_equal(number("SELECT count(DISTINCT n) FROM t"), 5);
	forward(&steps, "drop");
	lk_test_steps_close(&steps);
}

static void what_stays_keeps_its_indexes(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o VARCHAR(20) NOT NULL, foo INT, UNIQUE KEY u (o)");
	open_plan(&steps, RENAME "    - name: drop\n"
				 "      ddl: \"ALTER TABLE t DROP COLUMN foo\"\n"
				 "      destroys: data\n");
	forward(&steps, "both");
	forward(&steps, "end");
	assert_int_equal(number("SELECT count(*) FROM information_schema.statistics WHERE"
				" table_schema = 'test' AND table_name = 't' AND index_name = 'u'"),
			 1);
	lk_test_steps_close(&steps);
}

/* DROP TRIGGER IF EXISTS would say nothing and leave them, and with the column gone each INSERT would fail. */
static void triggers_whose_names_are_lost_are_dropped(void **state)
{
	(void)state;
	for (int ending = 0; ending < 2; ending++) {
		struct lk_test_steps steps;
		make("o INT");
		open_plan(&steps, RENAME);
		forward(&steps, "both");
		if (ending)
			forward(&steps, "fill");
		my_forget_triggers(server, "test");
		if (ending)
			forward(&steps, "end");
		else
			backward(&steps, "both");
		assert_int_equal(
			lk_test_my_number(server, "SELECT count(*) FROM information_schema.triggers"
						  " WHERE event_object_schema = 'test'"),
			0);
		lk_test_my_sql(server, "INSERT INTO t (o) VALUES (1)");
		lk_test_steps_close(&steps);
	}
}

static void nothing_ends_while_a_trigger_is_missing(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o VARCHAR(20) NOT NULL");
	open_plan(&steps, RENAME);
	forward(&steps, "both");
	char *update = lk_test_my_value(server,
					"SELECT trigger_name FROM information_schema.triggers WHERE"
					" event_object_schema = 'test' AND event_manipulation ="
					" 'UPDATE'");
	char *drop = lk_format("DROP TRIGGER %s", update);
	lk_test_my_sql(server, drop);
	assert_int_equal(lk_test_step_forward(&steps, "end"), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "dropped or changed a trigger");
	free(drop);
	free(update);
	lk_test_steps_close(&steps);
	make("o VARCHAR(20) NOT NULL");
	open_plan(&steps, RENAME);
	forward(&steps, "both");
	lk_test_my_sql(server,
		       "CREATE TRIGGER late BEFORE INSERT ON t FOR EACH ROW SET NEW.o = 'late'");
	assert_int_equal(lk_test_step_forward(&steps, "end"), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "fires behind those");
	lk_test_my_sql(server, "DROP TRIGGER late");
	forward(&steps, "end");
	assert_int_equal(number("SELECT count(*) FROM information_schema.triggers"
				" WHERE event_object_schema = 'test'"),
			 0);
	lk_test_steps_close(&steps);
}

#define CONVERT                                                                                              \
	"plan: p\n"                                                                                          \
	"steps:\n"                                                                                           \
	"  expand:\n"                                                                                        \
	"    - name: both\n"                                                                                 \
	"      dual_write: {table: t, from: o, to: n, like: o, type: \"%s\", using: \"%s\", back: \"%s\"}\n" \
	"  migrate:\n"                                                                                       \
	"    - name: fill\n"                                                                                 \
	"      backfill: {table: t, set: {n: \"%s\"}, where: \"NOT (n <=> (%s))\"}\n"

static void open_conversion(struct lk_test_steps *steps, const char *type, const char *forth,
			    const char *back)
{
	char *yaml = lk_format(CONVERT, type, forth, back, forth, forth);
	open_plan(steps, yaml);
	free(yaml);
}

static void two_forms_are_kept_in_step(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o INT NOT NULL, rate INT NOT NULL DEFAULT 1");
	lk_test_my_sql(server, "INSERT INTO t (o) VALUES (199)");
	open_conversion(&steps, "DECIMAL(10,2)", "o / 100 * rate", "round(n * 100 / rate)");
	forward(&steps, "both");
	expect("INSERT INTO t (o) VALUES (250)", "250|2.50");
	expect("INSERT INTO t (n) VALUES (3.75)", "375|3.75");
	expect("INSERT INTO t (n) SELECT 4.25", "425|4.25");
	expect("INSERT INTO t (o, n) VALUES (500, 5)", "500|5.00");
	fails("INSERT INTO t (o, n) VALUES (500, 6)", 1644, "do not agree");
	expect("UPDATE t SET o = 100 ORDER BY id DESC LIMIT 1", "100|1.00");
	expect("UPDATE t SET n = 2 ORDER BY id DESC LIMIT 1", "200|2.00");
	expect("UPDATE t SET rate = 3 ORDER BY id DESC LIMIT 1", "200|6.00");
	expect("UPDATE t SET n = 9 ORDER BY id DESC LIMIT 1", "300|9.00");
	fails("UPDATE t SET o = 1, n = 2", 1644, "do not agree");
	forward(&steps, "fill");
	assert_int_equal(number("SELECT count(*) FROM t WHERE NOT n <=> o / 100 * rate"), 0);
	backward(&steps, "both");
	lk_test_steps_close(&steps);
}

/* The new column has no default, as NULL is what the conversion makes of the old one's: that is no default of ours. */
static void a_default_that_was_there_stays(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o VARCHAR(20) NOT NULL DEFAULT ''");
	char *before = definition();
	open_conversion(&steps, "VARCHAR(20)", "NULLIF(o, '')", "COALESCE(n, '')");
	forward(&steps, "both");
	expect("INSERT INTO t () VALUES ()", "|NULL");
	expect("INSERT INTO t (o) VALUES ('')", "|NULL");
	expect("INSERT INTO t (n) VALUES ('x')", "x|x");
	backward(&steps, "both");
	char *after = definition();
	assert_string_equal(after, before);
	lk_test_steps_close(&steps);
	free(after);
	free(before);
}

static void what_cannot_be_converted_fails_in_the_statement(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make("o VARCHAR(20)");
	lk_test_my_sql(server, "INSERT INTO t (o) VALUES ('12'), ('none')");
	open_conversion(&steps, "INT", "cast(t.o AS SIGNED)", "concat(n, '')");
	forward(&steps, "both");
	expect("INSERT INTO t (o) VALUES ('7')", "7|7");
	expect("INSERT INTO t (n) VALUES (8)", "8|8");
	expect("INSERT INTO t (o) VALUES (NULL)", "NULL|NULL");
	fails("INSERT INTO t (o) VALUES ('x')", 1644,
	      "o of t cannot be carried over to n: Truncated");
	fails("UPDATE t SET o = 'x' WHERE id = 1", 1644, "o of t cannot be carried over to n");
	/* A row that was so before is let alone. */
	lk_test_my_sql(server, "ALTER TABLE t ADD COLUMN other INT; UPDATE t SET other = 1");
	assert_int_equal(number("SELECT count(*) FROM t WHERE o = 'none' AND n IS NULL"), 1);
	lk_test_steps_close(&steps);
}

static void what_cannot_be_kept_equal_is_refused(void **state)
{
	(void)state;
	make("o INT, z INT, g INT AS (z + 1) STORED, ts TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP,"
	     " u CHAR(36) DEFAULT (uuid()), p POINT NOT NULL");
#define DUAL "plan: p\nsteps:\n  expand:\n    - dual_write: "
	refused(DUAL "{table: t, from: id, to: n}\n", "is AUTO_INCREMENT");
	refused(DUAL "{table: t, from: g, to: n}\n", "is generated");
	refused(DUAL "{table: t, from: ts, to: n}\n", "time of each UPDATE");
	refused(DUAL "{table: t, from: u, to: n}\n", "another value at each call");
	refused(DUAL "{table: t, from: p, to: n}\n", "has no value that could stand");
	refused(DUAL "{table: t, from: o, to: g}\n", "already has a column");
	refused(DUAL "{table: t, from: nix, to: n}\n", "nix");
	refused(DUAL "{table: t, from: o, to: n, type: nothing, using: o, back: n}\n",
		"type (nothing)");
	refused(DUAL "{table: t, from: o, to: n, type: INT, using: \"o + nix\", back: n}\n", "nix");
	refused(DUAL "{table: t, from: o, to: n, type: INT, using: \"(SELECT 1)\", back: n}\n",
		"contains a subquery");
	refused(DUAL "{table: t, from: o, to: n, type: INT, using: \"o + rand()\", back: n}\n",
		"another value at each call");
	refused(DUAL "{table: t, from: o, to: n, type: INT, using: \"o + g\", back: n}\n",
		"is generated");
	lk_test_my_sql(server, "DROP TABLE IF EXISTS child; DROP TABLE IF EXISTS isam;"
			       "CREATE TABLE child (id INT PRIMARY KEY, o INT,"
			       " FOREIGN KEY (o) REFERENCES t (id) ON DELETE SET NULL);"
			       "CREATE TABLE isam (o INT) ENGINE=MyISAM");
	refused(DUAL "{table: child, from: o, to: n}\n", "fires no trigger");
	refused(DUAL "{table: isam, from: o, to: n}\n", "table of InnoDB");
	lk_test_my_sql(server, "DROP TABLE child; DROP TABLE isam");
}

static const struct CMUnitTest all[] = {
	cmocka_unit_test(either_side_is_carried_to_the_other),
	cmocka_unit_test(a_file_is_loaded_into_either),
	cmocka_unit_test(defaults_are_carried_and_put_back),
	cmocka_unit_test(triggers_of_the_application_are_heard),
	cmocka_unit_test(names_that_need_quotes),
	cmocka_unit_test(a_crash_in_the_middle_is_completed_or_taken_back),
	cmocka_unit_test(a_column_of_somebody_else_stays),
	cmocka_unit_test(the_old_column_is_in_nobodys_way),
	cmocka_unit_test(what_stays_keeps_its_indexes),
	cmocka_unit_test(triggers_whose_names_are_lost_are_dropped),
	cmocka_unit_test(nothing_ends_while_a_trigger_is_missing),
	cmocka_unit_test(two_forms_are_kept_in_step),
	cmocka_unit_test(a_default_that_was_there_stays),
	cmocka_unit_test(what_cannot_be_converted_fails_in_the_statement),
	cmocka_unit_test(what_cannot_be_kept_equal_is_refused),
};

int main(void)
{
	return my_run_tests(all, setup, teardown);
}
