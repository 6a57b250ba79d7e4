/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shadow of a table on MariaDB and MySQL: what is refused, how columns and keys are mapped, and what it leaves. */
#include <stdio.h>

#include "base/memory.h"
#include "shadow/my_shadow_sql.h"
#include "tests/server/my_sessions.h"

static struct lk_test_my *server;
static struct lk_session *session;

static int setup(void **state)
{
	static const char *const options[] = {"--log-bin=binlog", "--binlog-format=ROW",
					      "--server-id=1", NULL};
	(void)state;
	server = lk_test_my_start(options);
	session = server ? my_session(server, "worker") : NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (session)
		lk_session_close(session);
	lk_test_my_stop(server);
	return 0;
}

static void make(const char *sql)
{
	my_need(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS c, t, t_lk_new, t_lk_old, p, r");
	lk_test_my_sql(server, sql);
}

static void must_refuse(const char *table, const char *alter, const char *expected)
{
	struct lk_my_shape shape;
	struct lk_error error = {0};
	if (lk_my_shape_examine(session, table, alter, &shape, &error))
		fail_msg("%s: \"%s\" was not refused", table, alter);
	if (error.class != LK_ERROR_REFUSED && error.class != LK_ERROR_PLAN)
		fail_msg("%s: \"%s\": class %s: %s", table, alter, lk_error_class_name(error.class),
			 error.text);
	assert_contains(error.text, expected);
}

static void must_examine(const char *alter, struct lk_my_shape *shape)
{
	struct lk_error error = {0};
	if (!lk_my_shape_examine(session, "t", alter, shape, &error))
		fail_msg("\"%s\": %s", alter, error.text);
}

static void tables_that_can_have_no_shadow(void **state)
{
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, n int)");
	must_refuse("nowhere", "ADD c int", "there is no table");
	lk_test_my_sql(server, "CREATE OR REPLACE VIEW v AS SELECT * FROM t");
	must_refuse("v", "ADD c int", "v is a view, and only a table can have a shadow");
	lk_test_my_sql(server, "DROP VIEW v");
	make("CREATE TABLE t (id int PRIMARY KEY) ENGINE=MyISAM");
	must_refuse("t", "ADD c int", "t is a table of engine MyISAM: only InnoDB's rows");
	make("CREATE TABLE t (id int, UNIQUE KEY u (id))");
	must_refuse("t", "ADD c int",
		    "t has no PRIMARY KEY, and no UNIQUE key over whole NOT NULL");
	make("CREATE TABLE t (id varchar(40) NOT NULL, UNIQUE KEY u (id(10)))");
	must_refuse("t", "ADD c int",
		    "t has no PRIMARY KEY, and no UNIQUE key over whole NOT NULL");
	make("CREATE TABLE t (id float PRIMARY KEY)");
	must_refuse("t", "ADD c int", "by its key PRIMARY: column id (float) is a floating-point");
	make("CREATE TABLE t (id double PRIMARY KEY)");
	must_refuse("t", "ADD c int", "is a floating-point number");
	make("CREATE TABLE t (id set('a','b') PRIMARY KEY)");
	must_refuse("t", "ADD c int", "is a SET");
	/* MariaDB's generated columns are never NOT NULL. */
	if (my_is_mariadb())
		return;
	make("CREATE TABLE t (id int NOT NULL, g int AS (id + 1) STORED NOT NULL, UNIQUE KEY u (g))");
	must_refuse("t", "ADD c int", "column g (int) is a generated column");
}

static void what_stands_around_a_table(void **state)
{
	(void)state;
	make("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, p int,"
	     " CONSTRAINT to_p FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)");
	must_refuse(
		"t", "ADD c int",
		"foreign key to_p of t changes its rows itself when those of p change (ON DELETE"
		" CASCADE");
	must_refuse("p", "ADD c int", "t refers to p by foreign key to_p");
	make("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, p int,"
	     " CONSTRAINT to_p FOREIGN KEY (p) REFERENCES p (id) ON UPDATE SET NULL)");
	must_refuse("t", "ADD c int", "foreign key to_p of t changes its rows itself");
	make("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, p int,"
	     " CONSTRAINT to_p FOREIGN KEY (p) REFERENCES p (id))");
	must_refuse("t", "ADD c int",
		    "t refers to p by foreign key to_p, which the new table would not");
	make("CREATE TABLE t (id int PRIMARY KEY)");
	lk_test_my_sql(server, "CREATE TRIGGER tick BEFORE UPDATE ON t FOR EACH ROW SET @a = 1");
	must_refuse("t", "ADD c int", "t has trigger tick (before update)");
	if (!my_is_mariadb())
		return;
	make("CREATE TABLE t (id int PRIMARY KEY) WITH SYSTEM VERSIONING");
	must_refuse("t", "ADD c int", "t is a system-versioned table");
}

static void clauses_that_are_refused(void **state)
{
	static const struct {
		const char *alter, *expected;
	} wrong[] = {
		{"", "alter is empty"},
		{"ADD c int; DROP TABLE t", "has a semicolon"},
		{"ALTER TABLE t ADD c int", "write only the clauses"},
		{"ADD c int, RENAME TO u", "cannot carry out \"RENAME TO u\": the shadow takes"},
		{"RENAME u", "cannot carry out \"RENAME u\""},
		{"DISCARD TABLESPACE", "the table's file"},
		{"EXCHANGE PARTITION p WITH TABLE q", "moves rows"},
		{"DROP PARTITION p", "removes rows"},
		{"ADD CONSTRAINT x FOREIGN KEY (n) REFERENCES q (id)",
		 "foreign keys are not carried"},
		{"ADD SYSTEM VERSIONING", "history"},
		{"ADD c int, ALGORITHM=INPLACE", "\"ALGORITHM=INPLACE\": how a shadow is altered"},
		{"LOCK = NONE, ADD c int", "\"LOCK = NONE\""},
		{"ENGINE=MyISAM", "other engines have none"},
		{"ENGINE MyISAM, ADD c int", "other engines have none"},
		{"COMMENT='x' ENGINE = MEMORY", "other engines have none"},
		{"ADD c nosuchtype", "t does not take the change"},
		{"DROP COLUMN nowhere", "t does not take the change"},
		{"MODIFY id int NOT NULL, DROP PRIMARY KEY",
		 "has no index that tells the rows of t by"},
		{"DROP COLUMN id", "column id of the key of t (`PRIMARY`) is not kept"},
		{"DROP COLUMN id, ADD id int AUTO_INCREMENT UNIQUE", "is not kept"},
		{"ADD d date NOT NULL", "new column d (date NOT NULL) has no default"},
		{"MODIFY id varchar(20)", "column id of the key of t changes from int"},
		{"MODIFY id float", "to float: rows could not be followed"},
	};
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, n int)");
	for (size_t i = 0; i < LK_COUNT(wrong); i++)
		must_refuse("t", wrong[i].alter, wrong[i].expected);
	struct lk_my_shape shape;
	must_examine("ADD engine varchar(20), ENGINE=InnoDB", &shape);
	lk_my_shape_free(&shape);
}

/* "id<-id n<-m": what is copied. */
static char *mapping_text(const struct lk_my_shape *shape)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < shape->mapping.count; i++)
		lk_buffer_addf(&out, "%s%s<-%s", i ? " " : "", shape->mapping.columns[i].to->name,
			       shape->mapping.columns[i].from->name);
	return lk_buffer_take(&out);
}

struct mapped {
	const char *alter, *columns, *key, *index;
	bool unique, ordered, replaces, direct;
	size_t uniques;
};

static void must_map(const struct mapped *expected)
{
	struct lk_my_shape shape;
	must_examine(expected->alter, &shape);
	assert_true(shape.mapped);
	char *columns = mapping_text(&shape);
	if (strcmp(columns, expected->columns) != 0)
		fail_msg("%s: %s, expected %s", expected->alter, columns, expected->columns);
	const struct lk_my_mapping *m = &shape.mapping;
	if (strcmp(shape.table.key.index, expected->key) != 0 ||
	    strcmp(m->index->name, expected->index) != 0)
		fail_msg("%s: key %s, index %s", expected->alter, shape.table.key.index,
			 m->index->name);
	if (m->unique != expected->unique || m->ordered != expected->ordered ||
	    m->replaces != expected->replaces || m->direct != expected->direct ||
	    m->unique_count != expected->uniques)
		fail_msg("%s: unique %d ordered %d replaces %d direct %d new uniques %zu",
			 expected->alter, m->unique, m->ordered, m->replaces, m->direct,
			 m->unique_count);
	free(columns);
	lk_my_shape_free(&shape);
}

#define ALL "id<-id a<-a b<-b c<-c d<-d"
#define KEPT "`PRIMARY`", "PRIMARY"

static void columns_and_keys_are_mapped(void **state)
{
	static const struct mapped maps[] = {
		{"MODIFY id bigint", ALL, KEPT, true, true, true, true, 0},
		{"MODIFY id bigint unsigned NOT NULL AUTO_INCREMENT", ALL, KEPT, true, true, true,
		 true, 0},
		{"ADD e int", ALL, KEPT, true, true, true, true, 0},
		{"ADD e int FIRST, ADD (f int, h int DEFAULT 5)", ALL, KEPT, true, true, true, true,
		 0},
		{"DROP COLUMN b", "id<-id a<-a c<-c d<-d", KEPT, true, true, true, true, 0},
		{"DROP b, ADD b int", "id<-id a<-a c<-c d<-d", KEPT, true, true, true, true, 0},
		{"DROP b, ADD (b int)", "id<-id a<-a c<-c d<-d", KEPT, true, true, true, true, 0},
		{"ADD b2 int, DROP b, RENAME COLUMN a TO b", "id<-id b<-a c<-c d<-d", KEPT, true,
		 true, true, true, 0},
		{"RENAME COLUMN a TO `e f`", "id<-id e f<-a b<-b c<-c d<-d", KEPT, true, true, true,
		 true, 0},
		{"CHANGE a e varchar(60)", "id<-id e<-a b<-b c<-c d<-d", KEPT, true, true, true,
		 true, 0},
		{"RENAME COLUMN a TO b, RENAME COLUMN b TO a", "id<-id b<-a a<-b c<-c d<-d", KEPT,
		 true, true, true, true, 0},
		{"CHANGE id number bigint NOT NULL", "number<-id a<-a b<-b c<-c d<-d", KEPT, true,
		 true, true, true, 0},
		{"MODIFY a varchar(10) AFTER d", "id<-id b<-b c<-c d<-d a<-a", KEPT, true, true,
		 true, true, 0},
		{"ADD UNIQUE (b)", ALL, KEPT, true, true, false, true, 1},
		{"ADD UNIQUE (id, b)", ALL, KEPT, true, true, true, true, 0},
		{"ADD UNIQUE (a(3))", ALL, KEPT, true, true, false, true, 1},
		{"MODIFY b varchar(20)", ALL, KEPT, true, true, true, true, 0},
		{"MODIFY a int", ALL, KEPT, true, true, true, false, 0},
		{"MODIFY d float", ALL, KEPT, true, true, true, false, 0},
		{"CONVERT TO CHARACTER SET utf8mb4", ALL, KEPT, true, true, true, true, 0},
		{"DROP PRIMARY KEY, ADD UNIQUE by_id (id)", ALL, "`PRIMARY`", "by_id", true, true,
		 true, true, 0},
		{"ADD no bigint AUTO_INCREMENT, DROP PRIMARY KEY, ADD PRIMARY KEY (no), ADD UNIQUE by_id (id)",
		 ALL, "`PRIMARY`", "by_id", true, true, true, true, 0},
		{"DROP PRIMARY KEY, ADD PRIMARY KEY (id, b)", ALL, KEPT, false, true, false, true,
		 0},
		{"DROP PRIMARY KEY, ADD PRIMARY KEY (b, id), ADD KEY by_id (id)", ALL, "`PRIMARY`",
		 "by_id", false, true, false, true, 0},
		{"FORCE", ALL, KEPT, true, true, true, true, 0},
	};
	(void)state;
	make("CREATE TABLE t (id int NOT NULL, a varchar(40), b int NOT NULL, c decimal(10,2),"
	     " d double, g double AS (d * 2) STORED, PRIMARY KEY (id)) DEFAULT CHARSET=latin1");
	for (size_t i = 0; i < LK_COUNT(maps); i++)
		must_map(&maps[i]);
	make("CREATE TABLE t (id int NOT NULL, a varchar(40) NOT NULL, b int NOT NULL, c int, d int,"
	     " PRIMARY KEY (a), UNIQUE KEY by_b (b)) DEFAULT CHARSET=latin1");
	must_map(&(struct mapped){"CONVERT TO CHARACTER SET utf8mb4", ALL, KEPT, true, false, false,
				  true, 1});
	must_map(&(struct mapped){"MODIFY b bigint NOT NULL", ALL, KEPT, true, true, false, true,
				  0});
	must_map(&(struct mapped){"DROP PRIMARY KEY, DROP COLUMN a, ADD PRIMARY KEY (id)",
				  "id<-id b<-b c<-c d<-d", "`by_b`", "by_b", true, true, false,
				  true, 1});
	must_refuse("t", "DROP PRIMARY KEY, DROP COLUMN a, DROP KEY by_b, ADD PRIMARY KEY (id)",
		    "column a of the key of t (`PRIMARY`) is not kept");
}

static int64_t tables(void)
{
	return lk_test_my_number(server, "SELECT COUNT(*) FROM information_schema.tables WHERE"
					 " table_schema = 'test'");
}

/* What is in the binary log, as events. */
static int64_t logged(void)
{
	MYSQL *mysql = lk_test_my_connect(server);
	if (mysql_query(mysql, "SHOW BINLOG EVENTS") != 0)
		fail_msg("%s", mysql_error(mysql));
	MYSQL_RES *rows = mysql_store_result(mysql);
	int64_t count = (int64_t)mysql_num_rows(rows);
	mysql_free_result(rows);
	mysql_close(mysql);
	return count;
}

static void an_examination_leaves_nothing(void **state)
{
	struct lk_my_shape shape;
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)");
	int64_t before = logged(), there = tables();
	must_examine("MODIFY id bigint, ADD x int", &shape);
	lk_my_shape_free(&shape);
	must_refuse("t", "ADD n int", "does not take the change");
	assert_int_equal(logged(), before);
	assert_int_equal(tables(), there);
	struct lk_error error;
	assert_false(lk_execute(session, "SELECT 1 FROM lockkeeper_trial", &error));
}

static void what_cannot_be_tried_is_a_note(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error = {0};
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY HASH (id) PARTITIONS 2;"
	     "INSERT INTO t VALUES (1, 1), (2, 2)");
	must_examine("MODIFY n bigint", &shape);
	assert_false(shape.mapped);
	assert_int_equal(shape.note_count, 1);
	assert_contains(shape.notes[0], "is known only when its shadow is made");
	assert_true(lk_my_shadow_session(session, &shape, &error));
	if (!lk_my_shadow_make(session, &shape, false, &error))
		fail_msg("%s", error.text);
	assert_true(shape.mapped);
	assert_int_equal(lk_test_my_number(server,
					   "SELECT COUNT(*) FROM information_schema.partitions"
					   " WHERE table_name = 't_lk_new'"),
			 2);
	lk_my_shape_free(&shape);
	make("CREATE TABLE t (id int PRIMARY KEY, x text)");
	must_examine("ADD FULLTEXT KEY w (x)", &shape);
	assert_false(shape.mapped);
	assert_contains(shape.notes[0], "FULLTEXT");
	lk_my_shape_free(&shape);
}

static void without_the_right_to_temporary_tables(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error = {0};
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, n int); CREATE USER reader;"
	     " GRANT SELECT, ALTER, CREATE ON test.* TO reader");
	char *uri = lk_test_my_uri(server, "reader", NULL);
	struct lk_session *reader = my_session_of(uri, "worker");
	if (!lk_my_shape_examine(reader, "t", "MODIFY id bigint", &shape, &error))
		fail_msg("%s", error.text);
	assert_false(shape.mapped);
	assert_contains(shape.notes[0], "cannot be tried on a temporary table (Access denied");
	assert_string_equal(shape.table.key.index, "`PRIMARY`");
	lk_my_shape_free(&shape);
	lk_session_close(reader);
	free(uri);
	lk_test_my_sql(server, "DROP USER reader");
}

static void a_shadow_is_made_and_none_is_left_when_it_fails(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error = {0};
	(void)state;
	make("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, n int) AUTO_INCREMENT = 4711;"
	     "CREATE TABLE t_lk_new (mine int)");
	must_examine("MODIFY id bigint AUTO_INCREMENT", &shape);
	assert_true(lk_my_shadow_session(session, &shape, &error));
	assert_false(lk_my_shadow_make(session, &shape, false, &error));
	assert_contains(error.text, "there is a table t_lk_new already");
	assert_int_equal(lk_test_my_number(
				 server, "SELECT COUNT(*) FROM information_schema.columns"
					 " WHERE table_name = 't_lk_new' AND column_name = 'mine'"),
			 1);
	error.class = LK_NO_ERROR;
	if (!lk_my_shadow_make(session, &shape, true, &error))
		fail_msg("%s", error.text);
	/* What a chunk then waits for is proven where chunks are copied. */
	assert_int_equal(shape.mapping.one_at_a_time, my_is_mariadb());
	lk_test_my_sql(server, "INSERT INTO t_lk_new (n) VALUES (1)");
	assert_int_equal(lk_test_my_number(server, "SELECT id FROM t_lk_new"), 4711);
	lk_test_my_sql(server, "ALTER TABLE t AUTO_INCREMENT = 5000");
	char *statement = NULL;
	assert_true(lk_my_carry_counter(session, &shape, &statement, &error));
	assert_string_equal(statement, "ALTER TABLE `test`.`t_lk_new` AUTO_INCREMENT = 5000");
	my_must(session, statement);
	free(statement);
	assert_true(lk_my_carry_counter(session, &shape, &statement, &error));
	assert_null(statement);
	lk_my_shape_free(&shape);

	make("CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY HASH (id)");
	must_examine("MODIFY n nosuchtype", &shape);
	assert_false(lk_my_shadow_make(session, &shape, false, &error));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_int_equal(tables(), 1);
	lk_my_shape_free(&shape);
}

static void modes_and_zones_of_our_sessions(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error = {0};
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, d date, s varchar(20), k timestamp NULL)");
	lk_test_my_sql(server, "SET GLOBAL sql_mode = 'NO_ZERO_DATE,NO_ZERO_IN_DATE,ANSI_QUOTES'");
	must_examine("MODIFY d datetime", &shape);
	assert_contains(shape.mode, "ANSI_QUOTES");
	assert_null(strstr(shape.mode, "NO_ZERO_DATE"));
	assert_contains(shape.mode, "STRICT_ALL_TABLES");
	assert_contains(shape.mode, "NO_AUTO_VALUE_ON_ZERO");
	assert_true(shape.utc);
	assert_contains(shape.notes[0], "those that d, k may hold are carried over all the same");
	assert_true(lk_my_shadow_session(session, &shape, &error));
	my_expect(session, "SELECT @@time_zone", "+00:00");
	my_expect(session,
		  my_is_mariadb() ? "SELECT @@tx_isolation" : "SELECT @@transaction_isolation",
		  "READ-COMMITTED");
	must_refuse("t", "ADD \"x\" int", "write it in backticks");
	lk_my_shape_free(&shape);
	must_examine("MODIFY s date", &shape);
	assert_contains(shape.mode, "NO_ZERO_DATE");
	assert_contains(shape.notes[0], "stop the copy");
	lk_my_shape_free(&shape);
	must_examine("MODIFY k datetime", &shape);
	assert_false(shape.utc);
	lk_my_shape_free(&shape);
	lk_test_my_sql(server, "SET GLOBAL sql_mode = DEFAULT");
	make("CREATE TABLE t (id timestamp(6) PRIMARY KEY, d datetime)");
	must_refuse("t", "MODIFY d timestamp", "is a TIMESTAMP, which is exact in UTC only");
}

static void space_is_estimated(void **state)
{
	struct lk_my_shape shape;
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, n int, KEY (n))");
	must_examine("ADD c int", &shape);
	assert_true(shape.space.binlog_on);
	assert_true(shape.space.table > 0 && shape.space.indexes > 0);
	assert_int_equal(shape.space.shadow, shape.space.table + shape.space.indexes);
	assert_int_equal(shape.space.binlog, shape.space.table);
	assert_int_equal(shape.space.free, -1);
	lk_my_shape_free(&shape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_that_can_have_no_shadow),
		cmocka_unit_test(what_stands_around_a_table),
		cmocka_unit_test(clauses_that_are_refused),
		cmocka_unit_test(columns_and_keys_are_mapped),
		cmocka_unit_test(an_examination_leaves_nothing),
		cmocka_unit_test(what_cannot_be_tried_is_a_note),
		cmocka_unit_test(without_the_right_to_temporary_tables),
		cmocka_unit_test(a_shadow_is_made_and_none_is_left_when_it_fails),
		cmocka_unit_test(modes_and_zones_of_our_sessions),
		cmocka_unit_test(space_is_estimated),
	};
	return my_run_tests(tests, setup, teardown);
}
