/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb ddl on MariaDB and MySQL: the cheapest way, and what is there after every interruption. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "step/my_algorithm.h"
#include "tests/server/my_load.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

#define DDL "ddl-1"
#define PLAN "plan: p\nsteps:\n  expand:\n"
#define ADD_COLUMN                                                                                 \
	PLAN "    - ddl: \"ALTER TABLE g ADD COLUMN c int\"\n"                                     \
	     "      undo: \"ALTER TABLE g DROP COLUMN c\"\n"

static struct lk_test_my *server;

static int setup(void **state)
{
	static const char *const options[] = {
		"--performance-schema=1",
		"--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON", NULL};
	(void)state;
	server = lk_test_my_start(options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

static void make(void)
{
	my_need(server);
	lk_test_my_sql(server,
		       "DROP TABLE IF EXISTS g; CREATE TABLE g (id int PRIMARY KEY, n int, d"
		       " decimal(10,2), s varchar(40) NOT NULL DEFAULT '', KEY by_n (n));"
		       "INSERT INTO g VALUES (1, 0, 1.5, 'a'), (2, 7, 2.5, 'b'), (3, 7, 3.5, 'c')");
}

static void open_steps(struct lk_test_steps *steps, const char *yaml)
{
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(uri);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome == expected)
		return;
	char *said = lk_test_steps_said(steps);
	fail_msg("outcome %d: %s\n%s", outcome, steps->error.text, said);
}

static void must_be_done(struct lk_test_steps *steps, enum lk_outcome outcome)
{
	must_be(steps, outcome, LK_OUTCOME_DONE);
}

static char *definition(void)
{
	MYSQL *mysql = lk_test_my_connect(server);
	if (mysql_query(mysql, "SHOW CREATE TABLE g") != 0)
		fail_msg("%s", mysql_error(mysql));
	MYSQL_RES *rows = mysql_store_result(mysql);
	char *text = lk_strdup(mysql_fetch_row(rows)[1]);
	mysql_free_result(rows);
	mysql_close(mysql);
	return text;
}

static void must_be_defined(const char *expected)
{
	char *now = definition();
	if (strcmp(now, expected) != 0)
		fail_msg("the table is\n%s\nand was\n%s", now, expected);
	free(now);
}

static bool has_column(const char *name)
{
	char *now = definition(), *quoted = lk_format("`%s`", name);
	bool has = strstr(now, quoted) != NULL;
	free(quoted);
	free(now);
	return has;
}

static int64_t journal_has(const struct lk_test_steps *steps, const char *table)
{
	char *sql = lk_format("SELECT COUNT(*) FROM lockkeeper.%s WHERE run = '%s'", table,
			      steps->name);
	int64_t count = lk_test_my_number(server, sql);
	free(sql);
	return count;
}

/* Kinds of change that plans use; `table` is made anew for each. */
static const char *const changes[] = {
	"ALTER TABLE m ADD COLUMN z int",
	"ALTER TABLE m ADD COLUMN z int FIRST",
	"ALTER TABLE m ADD COLUMN z int AFTER a",
	"ALTER TABLE m ADD COLUMN z int NOT NULL DEFAULT 5",
	"ALTER TABLE m ADD COLUMN z datetime DEFAULT CURRENT_TIMESTAMP",
	"ALTER TABLE m ADD COLUMN z int AS (a * 2) VIRTUAL",
	"ALTER TABLE m ADD COLUMN z int AS (a * 2) STORED",
	"ALTER TABLE m ADD COLUMN z int UNIQUE",
	"ALTER TABLE m ADD COLUMN z int, ADD KEY zk (z)",
	"ALTER TABLE m ADD COLUMN z int, ADD COLUMN y int",
	"ALTER TABLE m DROP COLUMN d",
	"ALTER TABLE m DROP COLUMN b",
	"ALTER TABLE m RENAME COLUMN c TO cc",
	"ALTER TABLE m CHANGE c cc varchar(50)",
	"ALTER TABLE m ALTER COLUMN a SET DEFAULT 3",
	"ALTER TABLE m ALTER COLUMN b DROP DEFAULT",
	"ALTER TABLE m MODIFY a int NOT NULL",
	"ALTER TABLE m MODIFY b int NULL",
	"ALTER TABLE m MODIFY a bigint",
	"ALTER TABLE m MODIFY a int unsigned",
	"ALTER TABLE m MODIFY a smallint",
	"ALTER TABLE m MODIFY c varchar(60)",
	"ALTER TABLE m MODIFY c varchar(100)",
	"ALTER TABLE m MODIFY c varchar(400)",
	"ALTER TABLE m MODIFY c varchar(20)",
	"ALTER TABLE m MODIFY c text",
	"ALTER TABLE m MODIFY d mediumtext",
	"ALTER TABLE m MODIFY e enum('x','y','z')",
	"ALTER TABLE m MODIFY e enum('a','x','y')",
	"ALTER TABLE m MODIFY f double",
	"ALTER TABLE m MODIFY n decimal(12,2)",
	"ALTER TABLE m MODIFY dt datetime(6)",
	"ALTER TABLE m MODIFY dt date",
	"ALTER TABLE m MODIFY a int COMMENT 'x'",
	"ALTER TABLE m ADD INDEX i1 (dt)",
	"CREATE INDEX i1 ON m (dt)",
	"CREATE UNIQUE INDEX i1 ON m (id, dt)",
	"ALTER TABLE m ADD UNIQUE INDEX i1 (a)",
	"ALTER TABLE m ADD FULLTEXT INDEX i1 (d)",
	"ALTER TABLE m DROP INDEX by_b",
	"DROP INDEX by_b ON m",
	"ALTER TABLE m RENAME INDEX by_b TO by_b2",
	"ALTER TABLE m DROP PRIMARY KEY",
	"ALTER TABLE m DROP PRIMARY KEY, ADD PRIMARY KEY (id, b)",
	"ALTER TABLE m ADD CONSTRAINT f1 FOREIGN KEY (a) REFERENCES o (id)",
	"ALTER TABLE m ADD CONSTRAINT c1 CHECK (b >= 0)",
	"ALTER TABLE m DROP CONSTRAINT c0",
	"ALTER TABLE m ENGINE=InnoDB",
	"ALTER TABLE m FORCE",
	"ALTER TABLE m AUTO_INCREMENT=100000",
	"ALTER TABLE m COMMENT='x'",
	"ALTER TABLE m CONVERT TO CHARACTER SET latin1",
	"ALTER TABLE m DEFAULT CHARACTER SET latin1",
	"ALTER TABLE m RENAME TO m2",
};

static void make_m(struct lk_session *session)
{
	my_must(session,
		"DROP TABLE IF EXISTS m, m2; CREATE TABLE m (id int PRIMARY KEY, a int, b int NOT NULL"
		" DEFAULT 0, c varchar(50), d text, e enum('x','y'), f float, n decimal(10,2), dt"
		" datetime, KEY by_b (b), CONSTRAINT c0 CHECK (b > -5)) ENGINE=InnoDB; INSERT INTO m"
		" (id, a) VALUES (1, 1), (2, 2)");
}

/* The way that the server takes, by trying; COPY when it takes none. */
static enum lk_my_way real_way(struct lk_session *session, const struct lk_my_server *which,
			       const struct lk_my_statement *statement)
{
	struct lk_error error;
	for (int n = 0;; n++) {
		bool building;
		char *sql = lk_my_way_try(which, statement, n, &building);
		if (!sql)
			return LK_MY_WAY_COPY;
		bool done = lk_execute(session, sql, &error);
		if (!done && !lk_my_not_this_way(&error))
			fail_msg("%s: %d %s", sql, error.number, error.text);
		bool instant = strstr(sql, "INSTANT") != NULL;
		bool inplace = strstr(sql, "NOCOPY") != NULL;
		free(sql);
		if (done)
			return instant	 ? LK_MY_WAY_INSTANT
			       : inplace ? LK_MY_WAY_INPLACE
					 : LK_MY_WAY_REBUILD;
	}
}

/* MySQL has one word, INPLACE, for both. */
static bool agrees(enum lk_my_way expected, enum lk_my_way real, bool maria)
{
	if (expected == LK_MY_WAY_UNKNOWN)
		return true;
	if (expected == LK_MY_WAY_LOCKS || expected == LK_MY_WAY_COPY)
		return real == LK_MY_WAY_COPY;
	if (expected == LK_MY_WAY_INPLACE && !maria)
		return real == LK_MY_WAY_REBUILD;
	if (expected == LK_MY_WAY_INPLACE)
		return real == LK_MY_WAY_INPLACE || real == LK_MY_WAY_INSTANT;
	return expected == real;
}

static void what_is_expected_is_what_the_server_takes(void **state)
{
	struct lk_my_server which;
	struct lk_error error;
	int unknown = 0, wrong = 0;
	(void)state;
	my_need(server);
	struct lk_session *session = my_session(server, "worker");
	assert_true(lk_my_server(session, &which, &error));
	my_must(session, "DROP TABLE IF EXISTS o; CREATE TABLE o (id int PRIMARY KEY);"
			 "SET foreign_key_checks = 0");
	for (size_t i = 0; i < LK_COUNT(changes); i++) {
		struct lk_my_statement statement;
		struct lk_table table;
		make_m(session);
		lk_my_statement_read(changes[i], &statement);
		if (!lk_catalog_table(session, "m", &table, &error))
			fail_msg("%s", error.text);
		enum lk_my_way expected = lk_my_expected_way(&which, &statement, &table);
		enum lk_my_way real = real_way(session, &which, &statement);
		unknown += expected == LK_MY_WAY_UNKNOWN;
		if (!agrees(expected, real, which.maria)) {
			wrong++;
			print_message("%s: expected %d, is %d\n", changes[i], expected, real);
		}
		lk_table_free(&table);
		lk_my_statement_free(&statement);
	}
	print_message("%d of %zu are left to the server\n", unknown, LK_COUNT(changes));
	assert_int_equal(wrong, 0);
	assert_true(unknown < 14);
	lk_session_close(session);
}

static void forward_back_and_forward_again(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	char *before = definition();
	open_steps(&steps, ADD_COLUMN);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	assert_contains(steps.run.note, "ALGORITHM=INSTANT, LOCK=");
	assert_true(has_column("c"));
	assert_int_equal(journal_has(&steps, "cleanup"), 1);
	assert_int_equal(journal_has(&steps, "`cursor`"), 0);
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	must_be_defined(before);
	assert_int_equal(journal_has(&steps, "cleanup"), 0);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	assert_true(has_column("c"));
	free(before);
	lk_test_steps_close(&steps);
}

/* A transaction that holds the table, so that the step waits with its intent recorded. */
static MYSQL *hold_table(void)
{
	MYSQL *mysql = lk_test_my_connect(server);
	if (mysql_query(mysql, "LOCK TABLES g READ") != 0)
		fail_msg("%s", mysql_error(mysql));
	return mysql;
}

static void begin_and_stop(struct lk_test_steps *steps, const char *name, bool backwards)
{
	MYSQL *mysql = hold_table();
	lk_test_step_begin(steps, name, backwards);
	if (!lk_test_steps_hears(steps, "has held g") && !lk_test_steps_hears(steps, "gave up"))
		fail_msg("it did not wait: %s", steps->error.text);
	lk_test_steps_stop(steps);
	must_be(steps, lk_test_step_end(steps), LK_OUTCOME_STOPPED);
	mysql_close(mysql);
}

static void after_an_interruption_the_catalog_says_whether_it_happened(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	open_steps(&steps, ADD_COLUMN);
	begin_and_stop(&steps, DDL, false);
	assert_false(has_column("c"));
	assert_int_equal(journal_has(&steps, "`cursor`"), 1);
	/* As if our statement had gone through and nobody had heard of it. */
	lk_test_my_sql(server, "ALTER TABLE g ADD COLUMN c int");
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	assert_contains(steps.run.note, "had happened before the interruption");
	assert_int_equal(journal_has(&steps, "`cursor`"), 0);
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	assert_false(has_column("c"));
	lk_test_steps_close(&steps);
}

/* Between the statement and its record somebody may lock the journal; a backup does, when it has waited for the
 * statement to end. */
static void a_record_that_has_to_wait_is_made_later(void **state)
{
	(void)state;
	struct lk_test_steps steps;
	make();
	open_steps(&steps, ADD_COLUMN);
	MYSQL *reader = lk_test_my_connect(server), *locker = lk_test_my_connect(server);
	assert_int_equal(mysql_query(reader, "START TRANSACTION"), 0);
	assert_int_equal(mysql_query(reader, "DELETE FROM g WHERE id = 0"), 0);
	my_grow_old(server, reader, 3);
	lk_test_step_begin(&steps, DDL, false);
	assert_true(lk_test_steps_hears(&steps, "waiting outside the lock queue"));
	assert_int_equal(mysql_query(locker, "START TRANSACTION"), 0);
	assert_int_equal(mysql_query(locker, "UPDATE lockkeeper.step SET note = 'mine'"), 0);
	mysql_close(reader);
	if (!lk_test_steps_hears(&steps, "Lock wait timeout"))
		must_be(&steps, lk_test_step_end(&steps), -1);
	assert_true(has_column("c"));
	mysql_close(locker);
	must_be_done(&steps, lk_test_step_end(&steps));
	assert_int_equal(journal_has(&steps, "cleanup"), 1);
	assert_int_equal(journal_has(&steps, "cursor"), 0);
	lk_test_steps_back(&steps, NULL);
	assert_false(has_column("c"));
	lk_test_steps_close(&steps);
}

static void somebody_elses_change_in_between_is_not_taken_for_ours(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	open_steps(&steps, ADD_COLUMN);
	begin_and_stop(&steps, DDL, false);
	lk_test_my_sql(server, "ALTER TABLE g ADD COLUMN theirs int");
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	assert_true(has_column("c"));
	lk_test_steps_close(&steps);
}

static void what_never_happened_is_not_taken_back(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	char *before = definition();
	open_steps(&steps, ADD_COLUMN);
	begin_and_stop(&steps, DDL, false);
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	assert_contains(steps.run.note, "nothing was there to take back");
	must_be_defined(before);
	assert_int_equal(journal_has(&steps, "cleanup"), 0);
	free(before);
	lk_test_steps_close(&steps);
}

static void an_undo_of_several_statements_goes_on_where_it_was(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	char *before = definition();
	open_steps(&steps, PLAN
		   "    - ddl: \"ALTER TABLE g ADD COLUMN c int, ADD INDEX by_c (c)\"\n"
		   "      undo: \"ALTER TABLE g DROP INDEX by_c; ALTER TABLE g DROP COLUMN c\"\n");
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	/* The first is carried out, and the journal does not know it. */
	lk_test_my_sql(server, "ALTER TABLE g DROP INDEX by_c");
	begin_and_stop(&steps, DDL, true);
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	must_be_defined(before);
	free(before);
	lk_test_steps_close(&steps);
}

static void a_copy_is_refused_and_nothing_has_changed(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	char *before = definition(), *uri = lk_test_my_uri(server, "root", NULL);
	char *refusal = lk_test_steps_refusal_at(uri, PLAN
						 "    - ddl: \"ALTER TABLE g MODIFY n bigint\"\n");
	assert_contains(refusal, "needs a copy of the table");
	/* Known to the server alone. */
	open_steps(&steps, PLAN "    - ddl: \"ALTER TABLE g MODIFY d decimal(12,4)\"\n"
				"      undo: \"ALTER TABLE g MODIFY d decimal(10,2)\"\n");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
	assert_contains(steps.error.text, "it needs a copy of the table");
	must_be_defined(before);
	assert_int_equal(journal_has(&steps, "cleanup"), 0);
	assert_int_equal(journal_has(&steps, "`cursor`"), 0);
	free(refusal);
	free(uri);
	free(before);
	lk_test_steps_close(&steps);
}

static void what_would_hold_others_up_is_refused(void **state)
{
	static const struct {
		const char *sql, *expected;
	} cases[] = {
		{"ALTER TABLE g ADD COLUMN c int, ALGORITHM=COPY", "ALGORITHM=COPY could copy"},
		{"ALTER TABLE g ADD COLUMN c int, ALGORITHM = DEFAULT", "ALGORITHM=DEFAULT could"},
		{"ALTER TABLE g ADD COLUMN c int, LOCK=EXCLUSIVE", "LOCK=EXCLUSIVE lets others"},
		{"CREATE INDEX i ON g (n) LOCK=SHARED", "LOCK=SHARED lets others wait"},
		{"ALTER TABLE g ADD FULLTEXT INDEX f (s)", "would hold up every write"},
		{"UPDATE g SET n = 1", "changes rows"},
		{"LOCK TABLES g WRITE", "would outlast the step"},
		{"SET SESSION sql_mode = ''", "would outlast the step"},
		{"ALTER TABLE g ADD COLUMN", "syntax"},
		{"ALTER TABLE g PARTITION BY HASH (id) PARTITIONS 2", "changes partitions"},
	};
	(void)state;
	make();
	char *uri = lk_test_my_uri(server, "root", NULL);
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		char *yaml = lk_format(PLAN "    - ddl: \"%s\"\n", cases[i].sql);
		char *refusal = lk_test_steps_refusal_at(uri, yaml);
		if (!strstr(refusal, cases[i].expected))
			fail_msg("%s: \"%s\"", cases[i].sql, refusal);
		free(refusal);
		free(yaml);
	}
	free(uri);
}

static void duplicates_under_a_unique_index_are_explained(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	char *before = definition();
	open_steps(&steps, PLAN "    - ddl: \"CREATE UNIQUE INDEX one_n ON g (n)\"\n"
				"      undo: \"DROP INDEX one_n ON g\"\n");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "rows have the same value");
	assert_contains(steps.error.text, "Duplicate entry '7'");
	must_be_defined(before);
	lk_test_my_sql(server, "UPDATE g SET n = id");
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	assert_contains(steps.run.note, "LOCK=NONE");
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	must_be_defined(before);
	free(before);
	lk_test_steps_close(&steps);
}

static void a_foreign_key_is_added_without_a_copy(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	lk_test_my_sql(server,
		       "DROP TABLE IF EXISTS child; CREATE TABLE child (id int PRIMARY KEY, g"
		       " int, KEY (g)); INSERT INTO child VALUES (1, 99)");
	open_steps(&steps, PLAN "    - ddl: \"ALTER TABLE child ADD CONSTRAINT to_g FOREIGN KEY (g)"
				" REFERENCES g (id)\"\n"
				"      undo: \"ALTER TABLE child DROP FOREIGN KEY to_g\"\n");
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	my_expect(steps.session, "SELECT @@foreign_key_checks", "1");
	my_expect(steps.session, "SELECT @@lock_wait_timeout", "2");
	/* From now on writes are checked. */
	MYSQL *mysql = lk_test_my_connect(server);
	assert_int_not_equal(mysql_query(mysql, "INSERT INTO child VALUES (2, 98)"), 0);
	mysql_close(mysql);
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	lk_test_my_sql(server, "DROP TABLE child");
	lk_test_steps_close(&steps);
}

static void a_server_that_became_read_only_says_so(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	lk_test_my_sql(server,
		       my_is_mariadb()
			       ? "CREATE OR REPLACE USER writer@localhost; GRANT ALL ON *.* TO"
				 " writer@localhost; REVOKE SUPER, READ ONLY ADMIN ON *.* FROM"
				 " writer@localhost"
			       : "DROP USER IF EXISTS writer@localhost; CREATE USER"
				 " writer@localhost; GRANT ALL ON *.* TO writer@localhost;"
				 " REVOKE SUPER, CONNECTION_ADMIN ON *.* FROM writer@localhost");
	char *uri = lk_test_my_uri(server, "writer", NULL);
	lk_test_steps_open_uri(&steps, uri, ADD_COLUMN);
	lk_test_my_sql(server, "SET GLOBAL read_only = 1");
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	lk_test_my_sql(server, "SET GLOBAL read_only = 0");
	assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
	assert_contains(steps.error.text, "read");
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	lk_test_steps_close(&steps);
	free(uri);
}

/* Our connection is ended in the middle of a build: its statement is undone by the server, and begun again. */
static void a_killed_connection_leaves_nothing_half_done(void **state)
{
	struct lk_test_steps steps;
	struct lk_error error;
	(void)state;
	make();
	lk_test_my_sql(server, "DROP TABLE IF EXISTS big");
	my_numbers(server, "big", 400000);
	lk_test_my_sql(server, "ALTER TABLE big ADD COLUMN t varchar(100); UPDATE big SET t ="
			       " CONCAT(REVERSE(n), 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')");
	open_steps(&steps, PLAN "    - ddl: \"CREATE INDEX by_t ON big (t)\"\n"
				"      undo: \"DROP INDEX by_t ON big\"\n");
	lk_test_step_begin(&steps, DDL, false);
	my_await_statement(server, steps.session->id, "CREATE INDEX by_t");
	char *kill = lk_format("KILL CONNECTION %d", steps.session->id);
	lk_test_my_sql(server, kill);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_LOST);
	int lost = steps.session->id;
	struct lk_session *again = lk_session_beside(steps.session, "worker", &error);
	assert_non_null(again);
	assert_true(lk_session_end_lost(again, lost, &error));
	lk_session_close(steps.session);
	steps.session = steps.run.session = again;
	again->stop = &steps.pace.stop;
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	assert_int_equal(
		lk_test_my_number(server, "SELECT COUNT(*) FROM information_schema.statistics WHERE"
					  " table_name = 'big' AND index_name = 'by_t'"),
		1);
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	free(kill);
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_expected_is_what_the_server_takes),
		cmocka_unit_test(forward_back_and_forward_again),
		cmocka_unit_test(after_an_interruption_the_catalog_says_whether_it_happened),
		cmocka_unit_test(a_record_that_has_to_wait_is_made_later),
		cmocka_unit_test(somebody_elses_change_in_between_is_not_taken_for_ours),
		cmocka_unit_test(what_never_happened_is_not_taken_back),
		cmocka_unit_test(an_undo_of_several_statements_goes_on_where_it_was),
		cmocka_unit_test(a_copy_is_refused_and_nothing_has_changed),
		cmocka_unit_test(what_would_hold_others_up_is_refused),
		cmocka_unit_test(duplicates_under_a_unique_index_are_explained),
		cmocka_unit_test(a_foreign_key_is_added_without_a_copy),
		cmocka_unit_test(a_server_that_became_read_only_says_so),
		cmocka_unit_test(a_killed_connection_leaves_nothing_half_done),
	};
	return my_run_tests(tests, setup, teardown);
}
