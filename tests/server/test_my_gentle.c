/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metadata locks of MariaDB and MySQL taken without anybody queueing behind them. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_load.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

#define ADD_COLUMN                                                                                 \
	"plan: p\nsteps:\n  expand:\n    - ddl: \"ALTER TABLE g ADD COLUMN c int\"\n"              \
	"      undo: \"ALTER TABLE g DROP COLUMN c\"\n"
#define DDL "ddl-1"

/* One that shows its metadata locks, and one that shows nothing. */
static struct lk_test_my *server, *blind;

static int setup(void **state)
{
	static const char *const options[] = {
		"--performance-schema=1",
		"--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON", NULL};
	(void)state;
	server = lk_test_my_start(options);
	blind = server ? lk_test_my_start(NULL) : NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	lk_test_my_stop(blind);
	return 0;
}

static void make(const struct lk_test_my *on)
{
	my_need(on);
	lk_test_my_sql(on, "DROP TABLE IF EXISTS g; CREATE TABLE g (id int PRIMARY KEY, n int);"
			   "INSERT INTO g VALUES (1, 0), (2, 0), (3, 0), (4, 0)");
}

static void open_steps(struct lk_test_steps *steps, const struct lk_test_my *on, const char *yaml)
{
	char *uri = lk_test_my_uri(on, "root", NULL);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(uri);
}

static void must_be_done(struct lk_test_steps *steps, enum lk_outcome outcome)
{
	if (outcome == LK_OUTCOME_DONE)
		return;
	char *said = lk_test_steps_said(steps);
	fail_msg("outcome %d: %s\n%s", outcome, steps->error.text, said);
}

static void must_hear(struct lk_test_steps *steps, const char *text)
{
	if (lk_test_steps_hears(steps, text))
		return;
	char *said = lk_test_steps_said(steps);
	fail_msg("\"%s\" was not said, but:\n%s (%s)", text, said, steps->error.text);
}

static void must_not_have_heard(struct lk_test_steps *steps, const char *text)
{
	char *said = lk_test_steps_said(steps);
	if (strstr(said, text))
		fail_msg("\"%s\" was said:\n%s", text, said);
	free(said);
}

static void execute(MYSQL *mysql, const char *sql)
{
	if (mysql_query(mysql, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(mysql));
	mysql_free_result(mysql_store_result(mysql));
}

/* A transaction that read the table and does nothing now. */
static MYSQL *reader(const struct lk_test_my *on)
{
	MYSQL *mysql = lk_test_my_connect(on);
	execute(mysql, "BEGIN");
	execute(mysql, "SELECT COUNT(*) FROM g");
	return mysql;
}

static MYSQL *old_reader(const struct lk_test_my *on)
{
	MYSQL *mysql = reader(on);
	my_grow_old(on, mysql, 3);
	return mysql;
}

static struct lk_test_my_load *busy(const struct lk_test_my *on)
{
	return lk_test_my_load_start(on, "UPDATE g SET n = n + 1 WHERE id = 1 + FLOOR(RAND() * 4)",
				     4, 8000);
}

static void end_load(struct lk_test_my_load *load)
{
	struct lk_test_my_load_result result;
	lk_test_my_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	if (result.longest_ms >= 500)
		fail_msg("the application waited for %.0f ms", result.longest_ms);
}

static void a_reader_is_waited_for_outside_the_queue(void **state)
{
	struct lk_test_steps steps;
	char name[100];
	(void)state;
	make(server);
	MYSQL *mysql = old_reader(server);
	open_steps(&steps, server, ADD_COLUMN);
	struct lk_test_my_load *load = busy(server);
	lk_test_step_begin(&steps, DDL, false);
	snprintf(name, sizeof name, "process %lu (root, idle in a transaction) has held g for",
		 mysql_thread_id(mysql));
	must_hear(&steps, name);
	lk_test_my_load_wait(load, 400);
	assert_false(lk_test_step_ended(&steps));
	mysql_close(mysql);
	must_be_done(&steps, lk_test_step_end(&steps));
	lk_test_my_load_wait(load, 50);
	end_load(load);
	/* Not once was the lock asked for while it could not be had. */
	must_not_have_heard(&steps, "gave up");
	lk_test_steps_close(&steps);
}

static void a_transaction_that_comes_in_between_delays_nobody_for_long(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make(server);
	open_steps(&steps, server, ADD_COLUMN);
	struct lk_test_my_load *load = busy(server);
	lk_test_my_load_wait(load, 20);
	/* Too young to be looked for: the lock is tried, and given up, with nobody behind it. */
	MYSQL *mysql = reader(server);
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "try 1 for the metadata lock on g gave up (");
	must_hear(&steps, "with nobody waiting behind it; next in 1000 ms");
	must_hear(&steps, "has held g for");
	mysql_close(mysql);
	must_be_done(&steps, lk_test_step_end(&steps));
	end_load(load);
	lk_test_steps_close(&steps);
}

static void a_stop_ends_the_wait_at_once(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make(server);
	MYSQL *mysql = old_reader(server);
	open_steps(&steps, server, ADD_COLUMN);
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "waiting outside the lock queue");
	int64_t from = lk_clock_us();
	lk_test_steps_stop(&steps);
	assert_int_equal(lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	assert_true(lk_clock_us() - from < 1000000);
	mysql_close(mysql);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	lk_test_steps_close(&steps);
}

/* Where nobody says who holds what, tries are few: the oldest transaction is waited for after the first. */
static void without_an_instrument_the_oldest_transaction_is_suspected(void **state)
{
	struct lk_test_steps steps;
	char name[100];
	(void)state;
	make(blind);
	MYSQL *mysql = old_reader(blind);
	open_steps(&steps, blind, ADD_COLUMN);
	struct lk_test_my_load *load = busy(blind);
	lk_test_my_load_wait(load, 20);
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "gave up");
	snprintf(name, sizeof name, "perhaps process %lu (root, idle in a transaction)",
		 mysql_thread_id(mysql));
	must_hear(&steps, name);
	must_hear(&steps, "the server shows metadata locks after UPDATE");
	/* A try that waits is not made again while the suspect is there; one that does not costs nothing. */
	if (!my_is_mariadb())
		must_hear(&steps, "waiting outside the lock queue: perhaps");
	lk_test_my_load_wait(load, 400);
	if (!my_is_mariadb())
		must_not_have_heard(&steps, "try 2");
	mysql_close(mysql);
	must_be_done(&steps, lk_test_step_end(&steps));
	end_load(load);
	lk_test_steps_close(&steps);
}

/* An old transaction that has nothing to do with the table must not keep us out. */
static void somebody_elses_transaction_is_not_waited_for(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS other; CREATE TABLE other AS SELECT 1 AS a");
	MYSQL *mysql = lk_test_my_connect(server);
	execute(mysql, "BEGIN");
	execute(mysql, "SELECT * FROM other");
	my_grow_old(server, mysql, 3);
	open_steps(&steps, server, ADD_COLUMN);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	must_not_have_heard(&steps, "waiting");
	mysql_close(mysql);
	lk_test_steps_close(&steps);
}

static void tables_that_somebody_locked_are_waited_for(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make(server);
	MYSQL *mysql = lk_test_my_connect(server);
	execute(mysql, "LOCK TABLES g READ");
	open_steps(&steps, server, ADD_COLUMN);
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, "(root, idle) has held g for");
	execute(mysql, "UNLOCK TABLES");
	must_be_done(&steps, lk_test_step_end(&steps));
	mysql_close(mysql);
	lk_test_steps_close(&steps);
}

static void wait_out_a_lock_on_the_server(const struct lk_test_my *on, const char *const *locks,
					  const char *release, const char *expected)
{
	struct lk_test_steps steps;
	make(on);
	open_steps(&steps, on, ADD_COLUMN);
	MYSQL *mysql = lk_test_my_connect(on);
	for (; *locks; locks++)
		execute(mysql, *locks);
	/* The journal cannot be written while everything is locked, so only what comes before it is tried here. */
	lk_test_step_begin(&steps, DDL, false);
	must_hear(&steps, expected);
	execute(mysql, release);
	must_be_done(&steps, lk_test_step_end(&steps));
	mysql_close(mysql);
	lk_test_steps_close(&steps);
}

static void a_backup_in_the_middle_is_waited_for_and_named(void **state)
{
	static const char *const maria[] = {"BACKUP STAGE START", "BACKUP STAGE FLUSH",
					    "BACKUP STAGE BLOCK_DDL", NULL};
	static const char *const mysql[] = {"LOCK INSTANCE FOR BACKUP", NULL};
	(void)state;
	my_need(server);
	wait_out_a_lock_on_the_server(server, my_is_mariadb() ? maria : mysql,
				      my_is_mariadb() ? "BACKUP STAGE END" : "UNLOCK INSTANCE",
				      "holds a backup or read lock on the whole server");
	wait_out_a_lock_on_the_server(blind, my_is_mariadb() ? maria : mysql,
				      my_is_mariadb() ? "BACKUP STAGE END" : "UNLOCK INSTANCE",
				      "for the backup lock on g gave up after 100 ms");
}

/*
 * A transaction that read the table and then writes it is ended by the server, at once, when our request waits in
 * between. On MariaDB ours never waits. On MySQL it begins in a moment in which nobody is within one, and between look
 * and request there is still a little time, so there they are told and not judged.
 */
static void change_among_readers_that_write(const char *yaml)
{
	struct lk_test_steps steps;
	struct lk_test_my_load_result result;
	open_steps(&steps, server, yaml);
	struct lk_test_my_load *load = lk_test_my_load_start(
		server,
		"BEGIN; SELECT n FROM g WHERE id = 1; DO SLEEP(0.002); UPDATE g SET n = n + 1 WHERE"
		" id = 5 + CONNECTION_ID() % 1000; COMMIT",
		3, 10000);
	lk_test_my_load_wait(load, 50);
	for (int i = 0; i < 5; i++) {
		must_be_done(&steps, lk_test_step_forward(&steps, DDL));
		must_be_done(&steps, lk_test_step_backward(&steps, DDL));
	}
	lk_test_my_load_wait(load, 20);
	lk_test_my_load_stop(load, &result);
	print_message("%lld of %lld transactions were ended\n", (long long)result.errors,
		      (long long)(result.transactions + result.errors));
	if (my_is_mariadb())
		assert_string_equal(result.first_error, "");
	lk_test_steps_close(&steps);
}

static void transactions_that_read_before_they_write_go_on(void **state)
{
	(void)state;
	make(server);
	change_among_readers_that_write(ADD_COLUMN);
}

#define EXCHANGE                                                                                   \
	"plan: p\nsteps:\n  expand:\n    - ddl: \"RENAME TABLE g TO h, v TO g\"\n"                 \
	"      undo: \"RENAME TABLE g TO v, h TO g\"\n"

/* A view that takes the place of g while g is h. */
static void make_with_view(void)
{
	make(server);
	lk_test_my_sql(server, "DROP VIEW IF EXISTS v; DROP TABLE IF EXISTS h; CREATE TABLE h LIKE"
			       " g; CREATE VIEW v AS SELECT id, n FROM h; DROP TABLE h");
}

static void so_they_do_when_a_view_takes_the_tables_place(void **state)
{
	(void)state;
	make_with_view();
	change_among_readers_that_write(EXCHANGE);
	lk_test_my_sql(server, "DROP VIEW v");
}

/* On the way back the table that is in use is not the one that the statement names first. */
static void a_renaming_waits_for_all_that_it_names(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make_with_view();
	open_steps(&steps, server, EXCHANGE);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	MYSQL *mysql = lk_test_my_connect(server);
	execute(mysql, "BEGIN");
	execute(mysql, "SELECT COUNT(*) FROM h");
	lk_test_step_begin(&steps, DDL, true);
	lk_sleep_ms(600);
	assert_false(lk_test_step_ended(&steps));
	/* It would be with a request that waits behind the reader. */
	must_not_have_heard(&steps, "gave up");
	mysql_close(mysql);
	must_be_done(&steps, lk_test_step_end(&steps));
	lk_test_steps_close(&steps);
	lk_test_my_sql(server, "DROP VIEW v");
}

/* Short transactions that overlap leave no moment in which nobody holds the table; among them we wait. */
static void a_table_that_is_never_free_is_changed(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	make(server);
	open_steps(&steps, server, ADD_COLUMN);
	struct lk_test_my_load *load = lk_test_my_load_start(
		server, "BEGIN; SELECT n FROM g WHERE id = 1; DO SLEEP(0.03); COMMIT", 12, 0);
	lk_test_my_load_wait(load, 24);
	must_be_done(&steps, lk_test_step_forward(&steps, DDL));
	end_load(load);
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_is_waited_for_outside_the_queue),
		cmocka_unit_test(a_transaction_that_comes_in_between_delays_nobody_for_long),
		cmocka_unit_test(transactions_that_read_before_they_write_go_on),
		cmocka_unit_test(so_they_do_when_a_view_takes_the_tables_place),
		cmocka_unit_test(a_renaming_waits_for_all_that_it_names),
		cmocka_unit_test(a_table_that_is_never_free_is_changed),
		cmocka_unit_test(a_stop_ends_the_wait_at_once),
		cmocka_unit_test(without_an_instrument_the_oldest_transaction_is_suspected),
		cmocka_unit_test(somebody_elses_transaction_is_not_waited_for),
		cmocka_unit_test(tables_that_somebody_locked_are_waited_for),
		cmocka_unit_test(a_backup_in_the_middle_is_waited_for_and_named),
	};
	return my_run_tests(tests, setup, teardown);
}
