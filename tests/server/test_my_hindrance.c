/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gets in the way of a change on MariaDB and MySQL while it is under way. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_load.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

#define PLAN "plan: p\nsteps:\n  expand:\n"
#define DDL "ddl-1"
#define BACKFILL "backfill-1"
#define ADD_COLUMN(table)                                                                          \
	PLAN "    - ddl: \"ALTER TABLE " table " ADD COLUMN c int\"\n"                             \
	     "      undo: \"ALTER TABLE " table " DROP COLUMN c\"\n"
#define FILL "plan: p\nsteps:\n  migrate:\n    - backfill: {table: numbers, set: {a: \"n + 1\"}}\n"
#define NOT_NULL                                                                                   \
	PLAN "    - ddl: \"ALTER TABLE upserted MODIFY n int NOT NULL\"\n"                         \
	     "      undo: \"ALTER TABLE upserted MODIFY n int NULL\"\n"
#define ROWS 60000
#define FEW 20000
#define LONG_S 60

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

static void open_steps_as(struct lk_test_steps *steps, const char *user, const char *yaml)
{
	char *uri = lk_test_my_uri(server, user, NULL);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(uri);
}

static void open_steps(struct lk_test_steps *steps, const char *yaml)
{
	open_steps_as(steps, "root", yaml);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome == expected)
		return;
	char *said = lk_test_steps_said(steps);
	fail_msg("outcome %d: %s\n%s", outcome, steps->error.text, said);
}

/* The end of a step that must come by itself; if it does not, what the server says of it. */
static enum lk_outcome must_end(struct lk_test_steps *steps)
{
	int64_t until = lk_clock_us() + (int64_t)LONG_S * 1000000;
	while (!lk_test_step_ended(steps) && lk_clock_us() < until)
		lk_sleep_ms(5);
	if (!lk_test_step_ended(steps)) {
		char *sessions = lk_test_my_value(
			server, "SELECT GROUP_CONCAT(CONCAT_WS(' ', id, user, command, time, state,"
				" LEFT(info, 200)) SEPARATOR '; ') FROM"
				" information_schema.processlist");
		struct lk_progress p = lk_test_steps_progress(steps);
		fail_msg("the step does not end: %lld chunks, %lld retries; %s",
			 (long long)p.chunks, (long long)p.retries, sessions);
	}
	return lk_test_step_end(steps);
}

static void must_hear(struct lk_test_steps *steps, const char *text)
{
	if (lk_test_steps_hears(steps, text))
		return;
	char *said = lk_test_steps_said(steps);
	fail_msg("\"%s\" was not said, but:\n%s (%s)", text, said, steps->error.text);
}

#define UPSERT                                                                                      \
	"INSERT INTO upserted (u, n) VALUES (1 + FLOOR(RAND() * 100), 1) ON DUPLICATE KEY UPDATE n" \
	" = upserted.n + 1"
#define REPLACE "REPLACE INTO upserted (u, n) VALUES (1 + FLOOR(RAND() * 100), 1)"
#define IGNORE "INSERT IGNORE INTO upserted (u, n) VALUES (1 + FLOOR(RAND() * 100), 1)"

/* An application whose INSERTs meet rows under a secondary key. */
static struct lk_test_my_load *meet_rows(const char *sql)
{
	my_need(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS upserted; DROP TABLE IF EXISTS numbers;"
			       "CREATE TABLE upserted (id int AUTO_INCREMENT PRIMARY KEY, u int NOT"
			       " NULL, n int, filler char(100), UNIQUE one_u (u))");
	my_numbers(server, "numbers", ROWS);
	lk_test_my_sql(server, "INSERT INTO upserted (u, n, filler) SELECT n, 0, 'x' FROM numbers");
	return lk_test_my_load_start(server, sql, 1, 1000);
}

static void end_load(struct lk_test_my_load *load)
{
	struct lk_test_my_load_result result;
	lk_test_my_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
}

static int64_t is_not_null(void)
{
	return lk_test_my_number(server, "SELECT COUNT(*) FROM information_schema.columns WHERE"
					 " table_schema = 'test' AND table_name = 'upserted' AND"
					 " column_name = 'n' AND is_nullable = 'NO'");
}

static void try_again_under(const char *sql)
{
	struct lk_test_steps steps;
	struct lk_test_my_load *load = meet_rows(sql);
	open_steps(&steps, NOT_NULL);
	lk_test_my_load_wait(load, 20);
	lk_test_step_begin(&steps, DDL, false);
	if (!my_is_mariadb()) {
		must_hear(&steps, "the server met a duplicate under one_u that is none");
		end_load(load);
		load = NULL;
	}
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	if (load)
		end_load(load);
	assert_int_equal(is_not_null(), 1);
	lk_test_steps_close(&steps);
}

static void a_duplicate_that_is_none_is_tried_again(void **state)
{
	(void)state;
	try_again_under(UPSERT);
	try_again_under(REPLACE);
	try_again_under(IGNORE);
}

static void a_duplicate_that_is_none_is_explained_in_the_end(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	struct lk_test_my_load *load = meet_rows(UPSERT);
	open_steps(&steps, NOT_NULL);
	lk_test_my_load_wait(load, 20);
	enum lk_outcome outcome = lk_test_step_forward(&steps, DDL);
	end_load(load);
	must_be(&steps, outcome, my_is_mariadb() ? LK_OUTCOME_DONE : LK_OUTCOME_FAILED);
	if (!my_is_mariadb()) {
		assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
		assert_contains(steps.error.text, "under one_u that is none");
		assert_contains(steps.error.text, "so in each of 4 tries, and nothing was changed");
		assert_int_equal(is_not_null(), 0);
		/* In a quieter time. */
		must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	}
	assert_int_equal(is_not_null(), 1);
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_int_equal(is_not_null(), 0);
	lk_test_steps_close(&steps);
}

static void must_describe(struct lk_test_steps *steps, struct lk_step_text *text)
{
	struct lk_error error;
	size_t at = 0;
	while (strcmp(steps->plan.steps[at].name, DDL) != 0)
		at++;
	if (!lk_step_describe(steps->session, &steps->plan, at, text, &error))
		fail_msg("%s", error.text);
}

static void explain_warns_of_it(void **state)
{
	static const char warning[] = "a rebuild is lost (error 1062) when";
	struct lk_test_steps steps;
	struct lk_step_text text;
	(void)state;
	my_need(server);
	lk_test_my_sql(server,
		       "DROP TABLE IF EXISTS upserted; CREATE TABLE upserted (id int PRIMARY"
		       " KEY, n int, u int, UNIQUE one_u (u))");
	open_steps(&steps, NOT_NULL);
	must_describe(&steps, &text);
	assert_int_equal(strstr(text.cost, warning) != NULL, !my_is_mariadb());
	lk_test_my_sql(server, "DROP INDEX one_u ON upserted");
	must_describe(&steps, &text);
	assert_null(strstr(text.cost, warning));
	lk_test_steps_close(&steps);
}

static void execute(MYSQL *mysql, const char *sql)
{
	if (mysql_query(mysql, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(mysql));
	mysql_free_result(mysql_store_result(mysql));
}

static void make(void)
{
	my_need(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS g; CREATE TABLE g (id int PRIMARY KEY, n int);"
			       "INSERT INTO g VALUES (1, 0), (2, 0)");
}

static int64_t has_column(const char *table)
{
	char *sql = lk_format("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema ="
			      " 'test' AND table_name = '%s' AND column_name = 'c'",
			      table);
	int64_t count = lk_test_my_number(server, sql);
	free(sql);
	return count;
}

static void execute_all(MYSQL *mysql, const char *const *statements)
{
	for (; *statements; statements++)
		execute(mysql, *statements);
}

static const char *const everything[] = {"FLUSH TABLES WITH READ LOCK", NULL};
static const char *const maria_backup[] = {"BACKUP STAGE START", "BACKUP STAGE FLUSH",
					   "BACKUP STAGE BLOCK_DDL", NULL};
static const char *const mysql_backup[] = {"LOCK INSTANCE FOR BACKUP", NULL};

/* The intent is recorded and the step waits for the table: then the server is locked. */
static MYSQL *lock_in_the_middle(struct lk_test_steps *steps, const char *const *locks)
{
	MYSQL *holder = lk_test_my_connect(server), *backup = lk_test_my_connect(server);
	/* Not LOCK TABLES, which MySQL's FLUSH TABLES would wait for. */
	execute(holder, "BEGIN");
	execute(holder, "SELECT COUNT(*) FROM g");
	lk_test_step_begin(steps, DDL, false);
	must_hear(steps, "has held g for");
	execute_all(backup, locks);
	mysql_close(holder);
	must_hear(steps, "holds a backup or read lock on the whole server");
	assert_false(lk_test_step_ended(steps));
	return backup;
}

static void wait_out(const char *const *locks)
{
	struct lk_test_steps steps;
	make();
	open_steps(&steps, ADD_COLUMN("g"));
	MYSQL *backup = lock_in_the_middle(&steps, locks);
	assert_int_equal(has_column("g"), 0);
	mysql_close(backup);
	must_be(&steps, must_end(&steps), LK_OUTCOME_DONE);
	assert_int_equal(has_column("g"), 1);
	lk_test_steps_close(&steps);
}

static void a_read_lock_on_everything_is_waited_for(void **state)
{
	(void)state;
	wait_out(everything);
}

static void a_backup_that_begins_in_the_middle_is_waited_for(void **state)
{
	(void)state;
	wait_out(my_is_mariadb() ? maria_backup : mysql_backup);
}

/*
 * Ten minutes are long against what a server lets pass: how long sessions may be idle, and wait for a lock. Here a
 * table is held for several times as long as that, and nothing of ours has gone meanwhile.
 */
static void a_table_held_beyond_the_servers_patience_is_waited_for(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	char *before =
		lk_test_my_value(server, "SELECT CONCAT('SET GLOBAL wait_timeout = ',"
					 " @@global.wait_timeout, ', GLOBAL"
					 " interactive_timeout = ', @@global.interactive_timeout,"
					 " ', GLOBAL lock_wait_timeout = ',"
					 " @@global.lock_wait_timeout)");
	lk_test_my_sql(server, "SET GLOBAL wait_timeout = 1, GLOBAL interactive_timeout = 1, GLOBAL"
			       " lock_wait_timeout = 1");
	open_steps(&steps, ADD_COLUMN("g"));
	MYSQL *holder = lk_test_my_connect(server);
	execute(holder, "SET wait_timeout = 3600");
	execute(holder, "BEGIN");
	execute(holder, "SELECT COUNT(*) FROM g");
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "has held g for");
	/* Nobody queues behind us. */
	my_grow_old(server, holder, 8);
	assert_false(lk_test_step_ended(&steps));
	lk_test_my_sql(server, "UPDATE g SET n = n + 1");
	mysql_close(holder);
	must_be(&steps, must_end(&steps), LK_OUTCOME_DONE);
	assert_int_equal(has_column("g"), 1);
	lk_test_steps_close(&steps);
	lk_test_my_sql(server, before);
	free(before);
}

static void a_pause_works_under_a_read_lock_on_everything(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	open_steps(&steps, ADD_COLUMN("g"));
	MYSQL *backup = lock_in_the_middle(&steps, everything);
	int64_t from = lk_clock_us();
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	assert_true(lk_clock_us() - from < 3000000);
	mysql_close(backup);
	assert_int_equal(has_column("g"), 0);
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	assert_int_equal(has_column("g"), 1);
	lk_test_steps_close(&steps);
}

static void make_rows(void)
{
	my_need(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS numbers");
	my_numbers(server, "numbers", FEW);
	lk_test_my_sql(server, "ALTER TABLE numbers ADD COLUMN a int");
}

static void begin_backfill(struct lk_test_steps *steps, const char *user)
{
	int64_t until = lk_clock_us() + 30000000;
	open_steps_as(steps, user, FILL);
	/* Small chunks with rests between, so that it is not over before anything gets in its way. */
	lk_pace_set(&steps->pace, false, 5, 10);
	lk_test_step_begin(steps, BACKFILL, false);
	while (lk_test_steps_progress(steps).chunks < 2 && lk_clock_us() < until)
		lk_sleep_ms(1);
}

static void must_be_filled(void)
{
	assert_int_equal(lk_test_my_number(server, "SELECT COUNT(*) FROM numbers WHERE a = n + 1"),
			 FEW);
}

static void must_finish_backfill(struct lk_test_steps *steps)
{
	lk_pace_set(&steps->pace, false, 100, 0);
	must_be(steps, lk_test_step_forward(steps, BACKFILL), LK_OUTCOME_DONE);
	must_be_filled();
}

static bool await_retries(struct lk_test_steps *steps, int64_t count)
{
	int64_t until = lk_clock_us() + (int64_t)LONG_S * 1000000;
	while (lk_test_steps_progress(steps).retries < count && !lk_test_step_ended(steps) &&
	       lk_clock_us() < until)
		lk_sleep_ms(5);
	return lk_test_steps_progress(steps).retries >= count;
}

/* It can be paused meanwhile, and goes on by itself behind it. */
static void stand_still_under(const char *const *locks)
{
	struct lk_test_steps steps;
	make_rows();
	begin_backfill(&steps, "root");
	MYSQL *backup = lk_test_my_connect(server);
	execute_all(backup, locks);
	bool tried = await_retries(&steps, 2);
	int64_t from = lk_clock_us();
	lk_test_steps_stop(&steps);
	enum lk_outcome outcome = must_end(&steps);
	int64_t took_us = lk_clock_us() - from;
	lk_test_step_begin(&steps, BACKFILL, false);
	/* Now not even the journal can be written. */
	bool waited = lk_test_steps_hears(&steps, "not now (");
	mysql_close(backup);
	must_be(&steps, outcome, LK_OUTCOME_STOPPED);
	assert_true(tried);
	assert_true(took_us < 3000000);
	assert_true(waited);
	lk_pace_set(&steps.pace, false, 100, 0);
	must_be(&steps, must_end(&steps), LK_OUTCOME_DONE);
	must_be_filled();
	lk_test_steps_close(&steps);
}

/* The last stage of a backup on MariaDB, in which nothing commits, has no like on MySQL but the read lock. */
static void a_backfill_stands_still_while_nothing_may_be_written(void **state)
{
	static const char *const last_stage[] = {"BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT",
						 NULL};
	(void)state;
	stand_still_under(everything);
	if (my_is_mariadb())
		stand_still_under(last_stage);
}

/* A backup of files keeps definitions from changing, and lets rows change. */
static void a_backfill_goes_on_under_a_backup(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make_rows();
	begin_backfill(&steps, "root");
	MYSQL *backup = lk_test_my_connect(server);
	execute_all(backup, my_is_mariadb() ? maria_backup : mysql_backup);
	lk_pace_set(&steps.pace, false, 100, 0);
	must_be(&steps, must_end(&steps), LK_OUTCOME_DONE);
	mysql_close(backup);
	must_be_filled();
	lk_test_steps_close(&steps);
}

/* Computed from what is filled, stored or not, with an index. */
static void generated_columns_follow_a_backfill(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make_rows();
	lk_test_my_sql(server, "DROP TABLE IF EXISTS made; CREATE TABLE made (id int PRIMARY KEY, n"
			       " int, a int, s int AS (a * 2) STORED, v int AS (a * 3) VIRTUAL,"
			       " KEY by_v (v)); INSERT INTO made (id, n) SELECT n, n FROM numbers;"
			       " DROP TABLE numbers; RENAME TABLE made TO numbers");
	open_steps(&steps, FILL);
	must_finish_backfill(&steps);
	assert_int_equal(lk_test_my_number(server, "SELECT COUNT(*) FROM numbers WHERE s = 2 * n +"
						   " 2 AND v = 3 * n + 3"),
			 FEW);
	assert_int_equal(lk_test_my_number(server, "SELECT COUNT(*) FROM numbers FORCE INDEX (by_v)"
						   " WHERE v = 303 AND n = 100"),
			 1);
	lk_test_steps_close(&steps);
}

/* As after a failover: what is committed stays, and the rest is done when writes are let in again. */
static void a_backfill_ends_when_writes_are_forbidden_and_goes_on_later(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make_rows();
	/* MariaDB's read_only does not bind root. */
	lk_test_my_sql(server,
		       my_is_mariadb()
			       ? "CREATE OR REPLACE USER writer@localhost; GRANT ALL ON *.* TO"
				 " writer@localhost; REVOKE SUPER, READ ONLY ADMIN ON *.* FROM"
				 " writer@localhost"
			       : "DROP USER IF EXISTS writer@localhost; CREATE USER"
				 " writer@localhost; GRANT ALL ON *.* TO writer@localhost");
	begin_backfill(&steps, "writer");
	lk_test_my_sql(server, my_is_mariadb() ? "SET GLOBAL read_only = 1"
					       : "SET GLOBAL super_read_only = 1");
	enum lk_outcome outcome = must_end(&steps);
	int64_t done = lk_test_my_number(server, "SELECT COUNT(*) FROM numbers WHERE a = n + 1");
	lk_test_my_sql(server, "SET GLOBAL read_only = 0");
	must_be(&steps, outcome, LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
	assert_contains(steps.error.text, "read-only");
	assert_true(done > 0 && done < FEW);
	must_finish_backfill(&steps);
	lk_test_steps_close(&steps);
}

static void a_table_without_a_key_is_changed_all_the_same(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	my_need(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS heap; CREATE TABLE heap (a int);"
			       "INSERT INTO heap VALUES (1), (1)");
	open_steps(&steps, ADD_COLUMN("heap"));
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	assert_int_equal(has_column("heap"), 1);
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_int_equal(has_column("heap"), 0);
	lk_test_steps_close(&steps);
}

/* MyISAM changes by a copy only. */
static void a_table_of_another_engine_is_not_copied(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	my_need(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS isam; CREATE TABLE isam (a int) ENGINE=MyISAM;"
			       "INSERT INTO isam VALUES (1)");
	open_steps(&steps, ADD_COLUMN("isam"));
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
	assert_contains(steps.error.text, "it needs a copy of the table");
	assert_int_equal(has_column("isam"), 0);
	lk_test_steps_close(&steps);
}

static void a_view_where_a_table_is_meant_stays(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make();
	lk_test_my_sql(server, "CREATE OR REPLACE VIEW seen AS SELECT * FROM g");
	open_steps(&steps, ADD_COLUMN("seen"));
	must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "'test.seen' is not");
	assert_int_equal(has_column("seen"), 0);
	lk_test_my_sql(server, "DROP VIEW seen");
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duplicate_that_is_none_is_tried_again),
		cmocka_unit_test(a_duplicate_that_is_none_is_explained_in_the_end),
		cmocka_unit_test(explain_warns_of_it),
		cmocka_unit_test(a_read_lock_on_everything_is_waited_for),
		cmocka_unit_test(a_backup_that_begins_in_the_middle_is_waited_for),
		cmocka_unit_test(a_table_held_beyond_the_servers_patience_is_waited_for),
		cmocka_unit_test(a_pause_works_under_a_read_lock_on_everything),
		cmocka_unit_test(a_backfill_stands_still_while_nothing_may_be_written),
		cmocka_unit_test(a_backfill_goes_on_under_a_backup),
		cmocka_unit_test(generated_columns_follow_a_backfill),
		cmocka_unit_test(a_backfill_ends_when_writes_are_forbidden_and_goes_on_later),
		cmocka_unit_test(a_table_without_a_key_is_changed_all_the_same),
		cmocka_unit_test(a_table_of_another_engine_is_not_copied),
		cmocka_unit_test(a_view_where_a_table_is_meant_stays),
	};
	return my_run_tests(tests, setup, teardown);
}
