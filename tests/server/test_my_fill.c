/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A shadow table is filled while an application writes, on MariaDB and MySQL; at the end every row of it is what the
 * native ALTER makes of a copy of the original.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "shadow/my_checkpoint.h"
#include "shadow/my_fill.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

static struct lk_test_my *server;

static int setup(void **state)
{
	static const char *const options[] = {"--log-bin=binlog",	 "--server-id=1",
					      "--binlog-format=ROW",	 "--sync-binlog=0",
					      "--binlog-row-image=FULL", NULL};
	(void)state;
	server = lk_test_my_start(options);
	if (server)
		my_numbers(server, "numbers", 10000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

/* A run of which only the records are wanted. */
#define PLAN                                                                                       \
	"plan: p\nsteps:\n  migrate:\n    - name: fill\n      verify: {none: \"SELECT 1 FROM t LIMIT 0\"}\n"

enum { WRITERS = 4 };

struct scene {
	struct lk_test_steps steps;
	struct lk_my_fill fill;
	struct lk_my_fill_order order;
	pthread_t threads[WRITERS];
	int writers;
	atomic_bool stop;
	atomic_long writes;
	atomic_int numbers;
	void (*write)(MYSQL *, struct test_random *, int);
};

/* Errors of the application are failures, but for a duplicate that it makes itself. */
static void say(MYSQL *mysql, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(MYSQL *mysql, const char *format, ...)
{
	enum { DUPLICATE = 1062 };
	char sql[500];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sql, sizeof sql, format, arguments);
	va_end(arguments);
	if (mysql_query(mysql, sql) != 0 && mysql_errno(mysql) != DUPLICATE)
		fail_msg("%s: %s", sql, mysql_error(mysql));
}

static void open_scene(struct scene *s, const char *table, const char *alter)
{
	my_need(server);
	memset(s, 0, sizeof *s);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS t, t_lk_new, native");
	lk_test_my_sql(server, table);
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_test_steps_open_uri(&s->steps, uri, PLAN);
	free(uri);
	s->steps.run.number = lk_plan_find_step(&s->steps.plan, "fill");
	s->order = (struct lk_my_fill_order){.table = "t", .alter = alter};
	s->steps.session->stop = &s->steps.pace.stop;
}

static void must(const struct scene *s, bool done, const struct lk_error *error)
{
	(void)s;
	if (!done)
		fail_msg("%s", error->text);
}

static void open_fill(struct scene *s)
{
	struct lk_error error;
	must(s, lk_my_fill_open(&s->steps.run, &s->order, &s->fill, &error), &error);
	s->order.begun = true;
}

static void *write_rows(void *argument)
{
	struct scene *s = argument;
	int number = atomic_fetch_add(&s->numbers, 1) % WRITERS;
	struct test_random random = {(uint64_t)number * 7 + 3};
	MYSQL *mysql = lk_test_my_connect(server);
	while (!atomic_load(&s->stop)) {
		s->write(mysql, &random, number);
		atomic_fetch_add(&s->writes, 1);
	}
	mysql_close(mysql);
	return NULL;
}

static void begin_writing(struct scene *s, void (*write)(MYSQL *, struct test_random *, int))
{
	s->write = write;
	atomic_store(&s->stop, false);
	for (s->writers = 0; s->writers < WRITERS; s->writers++)
		if (pthread_create(&s->threads[s->writers], NULL, write_rows, s) != 0)
			fail_msg("no thread");
	while (atomic_load(&s->writes) < 10)
		lk_sleep_ms(1);
}

static void end_writing(struct scene *s)
{
	atomic_store(&s->stop, true);
	for (int i = 0; i < s->writers; i++)
		pthread_join(s->threads[i], NULL);
	s->writers = 0;
}

static void copy_and_compare(struct scene *s)
{
	struct lk_error error;
	must(s, lk_my_fill_copy(&s->fill, &error), &error);
	must(s, lk_my_fill_compare(&s->fill, &error), &error);
}

/* Nobody writes any more. */
static void finish(struct scene *s)
{
	struct lk_error error;
	end_writing(s);
	must(s, lk_my_fill_catch_up(&s->fill, &error), &error);
	while (lk_changes_count(s->fill.engine.changes).waiting +
		       lk_changes_count(s->fill.engine.changes).taken >
	       0)
		lk_sleep_ms(5);
	assert_int_equal(s->fill.engine.figures.repaired, 0);
	lk_my_fill_close(&s->fill);
}

/* As the server itself does it, row by row. */
static void compare_with_native(const struct scene *s)
{
	char *sql = lk_format("CREATE TABLE native LIKE t; INSERT INTO native SELECT * FROM t;"
			      "ALTER TABLE native %s",
			      s->order.alter);
	lk_test_my_sql(server, sql);
	free(sql);
	int64_t different = lk_test_my_number(
		server, "SELECT (SELECT COUNT(*) FROM (SELECT * FROM native EXCEPT SELECT * FROM"
			" t_lk_new) AS a) + (SELECT COUNT(*) FROM (SELECT * FROM t_lk_new EXCEPT"
			" SELECT * FROM native) AS b)");
	int64_t rows = lk_test_my_number(server, "SELECT COUNT(*) FROM t");
	if (different != 0 || rows == 0 ||
	    rows != lk_test_my_number(server, "SELECT COUNT(*) FROM t_lk_new"))
		fail_msg("%lld rows differ of %lld (%lld in the shadow)", (long long)different,
			 (long long)rows,
			 (long long)lk_test_my_number(server, "SELECT COUNT(*) FROM t_lk_new"));
}

static void close_scene(struct scene *s)
{
	s->steps.session->stop = NULL;
	lk_test_steps_close(&s->steps);
}

#define ORDERS                                                                                        \
	"CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT NOT NULL, b VARCHAR(40), KEY (a));" \
	"INSERT INTO t (a, b) SELECT n.n, CONCAT('row ', n.n) FROM numbers AS n, (SELECT 1 AS k UNION SELECT 2 UNION SELECT 3) AS m"

/* All there is: rows come, change, go, come back under the same key, and move to another key. */
static void write_orders(MYSQL *mysql, struct test_random *random, int number)
{
	(void)number;
	int id = (int)test_random(random, 31000) + 1;
	switch (test_random(random, 6)) {
	case 0:
		say(mysql, "INSERT INTO t (a, b) VALUES (%d, 'new')", id);
		break;
	case 1:
		say(mysql, "DELETE FROM t WHERE id = %d", id);
		break;
	case 2:
		say(mysql, "REPLACE INTO t VALUES (%d, %d, 'again')", id, id);
		break;
	case 3:
		say(mysql, "UPDATE t SET id = id + 40000 WHERE id = %d", id);
		break;
	case 4:
		say(mysql, "UPDATE t SET id = id - 40000 WHERE id = %d", id + 40000);
		break;
	default:
		say(mysql, "UPDATE t SET a = a + 1, b = CONCAT('changed ', a) WHERE id = %d", id);
	}
}

static void rows_change_while_they_are_copied(void **state)
{
	struct scene s;
	(void)state;
	open_scene(&s, ORDERS, "MODIFY id BIGINT NOT NULL AUTO_INCREMENT, ADD KEY (b)");
	begin_writing(&s, write_orders);
	open_fill(&s);
	copy_and_compare(&s);
	finish(&s);
	assert_true(s.fill.engine.figures.applied > 0);
	compare_with_native(&s);
	close_scene(&s);
}

/* As a keeper that is killed leaves it: whatever was done since the last second is done again. */
static void a_fill_goes_on_where_another_was(void **state)
{
	struct scene s;
	struct lk_error error;
	(void)state;
	open_scene(&s, ORDERS, "MODIFY id BIGINT NOT NULL AUTO_INCREMENT");
	begin_writing(&s, write_orders);
	for (int i = 0; i < 4; i++) {
		open_fill(&s);
		lk_my_engine_wish(&s.fill.engine, LK_MY_COPY);
		long until = atomic_load(&s.writes) + 300;
		while (atomic_load(&s.writes) < until)
			lk_sleep_ms(1);
		/* The second time nothing is saved of what was done. */
		if (i != 1)
			must(&s, lk_my_fill_catch_up(&s.fill, &error), &error);
		lk_my_fill_close(&s.fill);
	}
	open_fill(&s);
	copy_and_compare(&s);
	finish(&s);
	compare_with_native(&s);
	close_scene(&s);
}

/* A value under a UNIQUE index goes from row to row, within one statement and within a transaction. */
static void write_swaps(MYSQL *mysql, struct test_random *random, int number)
{
	int a = (int)test_random(random, 400) + 1, b = a + 1;
	/* Two of them would make deadlocks between each other. */
	if (number == 0) {
		say(mysql, "BEGIN");
		say(mysql, "SELECT * FROM t WHERE id IN (%d, %d) FOR UPDATE", a, b);
		mysql_free_result(mysql_store_result(mysql));
		say(mysql,
		    "SET @a = (SELECT u FROM t WHERE id = %d), @b = (SELECT u FROM t WHERE id = %d)",
		    a, b);
		say(mysql, "UPDATE t SET u = NULL WHERE id = %d", a);
		say(mysql, "UPDATE t SET u = @a WHERE id = %d", b);
		say(mysql, "UPDATE t SET u = @b WHERE id = %d", a);
		say(mysql, "COMMIT");
	} else {
		say(mysql, "UPDATE t SET v = v + 1 WHERE id = %d", a);
	}
}

static void unique_values_go_from_row_to_row(void **state)
{
	struct scene s;
	(void)state;
	open_scene(
		&s,
		"CREATE TABLE t (id INT PRIMARY KEY, u INT, v INT NOT NULL DEFAULT 0, UNIQUE (u));"
		"INSERT INTO t (id, u) SELECT n, n FROM numbers",
		"MODIFY id BIGINT NOT NULL");
	begin_writing(&s, write_swaps);
	open_fill(&s);
	copy_and_compare(&s);
	finish(&s);
	compare_with_native(&s);
	close_scene(&s);
}

/* 'a' and 'A' are one key, and different bytes in the log. */
static void write_collated(MYSQL *mysql, struct test_random *random, int number)
{
	(void)number;
	static const char *const forms[] = {"key", "KEY", "Key", "kEY"};
	char key[30], other[30];
	int n = (int)test_random(random, 3000);
	snprintf(key, sizeof key, "%s %d%s", forms[test_random(random, 4)], n, n % 5 ? "" : " ");
	snprintf(other, sizeof other, "%s %d", forms[test_random(random, 4)], n);
	switch (test_random(random, 4)) {
	case 0:
		say(mysql, "INSERT INTO t VALUES ('%s', 7, %d)", key, n);
		break;
	case 1:
		say(mysql, "DELETE FROM t WHERE k = '%s' AND part = 7", key);
		break;
	case 2:
		say(mysql, "UPDATE t SET k = '%s' WHERE k = '%s' AND part = 7", other, key);
		break;
	default:
		say(mysql, "UPDATE t SET v = v + 1 WHERE k = '%s'", key);
	}
}

static void keys_of_several_columns_that_a_collation_compares(void **state)
{
	struct scene s;
	(void)state;
	open_scene(
		&s,
		"CREATE TABLE t (k VARCHAR(30) NOT NULL, part TINYINT NOT NULL, v INT, PRIMARY KEY (k, part))"
		" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;"
		"INSERT INTO t SELECT CONCAT('key ', n), n % 3 + 6, n FROM numbers",
		"MODIFY v BIGINT, ADD w INT NOT NULL DEFAULT 5");
	begin_writing(&s, write_collated);
	open_fill(&s);
	copy_and_compare(&s);
	finish(&s);
	compare_with_native(&s);
	close_scene(&s);
}

/* Rows that a transaction holds are waited for, and nobody behind them. */
static void rows_that_are_held_are_copied_once_they_are_free(void **state)
{
	struct scene s;
	struct lk_error error;
	(void)state;
	open_scene(&s, ORDERS, "MODIFY id BIGINT NOT NULL AUTO_INCREMENT");
	open_fill(&s);
	must(&s, lk_my_fill_copy(&s.fill, &error), &error);
	MYSQL *holder = lk_test_my_connect(server);
	lk_test_my_sql(server, "UPDATE t SET a = -1 WHERE id <= 3000");
	/* By default it would hold the row behind those as well. */
	say(holder, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
	say(holder, "BEGIN");
	say(holder, "UPDATE t SET a = 2 WHERE id BETWEEN 100 AND 110");
	lk_my_engine_wish(&s.fill.engine, LK_MY_APPLY);
	struct lk_my_figures figures;
	int64_t until = lk_clock_us() + 20000000;
	do {
		lk_sleep_ms(5);
		pthread_mutex_lock(&s.fill.engine.mutex);
		figures = s.fill.engine.figures;
		pthread_mutex_unlock(&s.fill.engine.mutex);
	} while (figures.applied < 2989 && lk_clock_us() < until);
	assert_true(figures.applied >= 2989);
	assert_true(figures.retries > 0);
	/* Eleven of them, and no others, wait. */
	assert_true(lk_changes_count(s.fill.engine.changes).waiting +
			    lk_changes_count(s.fill.engine.changes).taken ==
		    11);
	say(holder, "COMMIT");
	mysql_close(holder);
	must(&s, lk_my_fill_compare(&s.fill, &error), &error);
	finish(&s);
	compare_with_native(&s);
	close_scene(&s);
}

static void must_fail(struct scene *s, const char *sql, const char *expected)
{
	struct lk_error error;
	open_fill(s);
	must(s, lk_my_fill_copy(&s->fill, &error), &error);
	lk_test_my_sql(server, sql);
	int64_t until = lk_clock_us() + 20000000;
	while (lk_my_fill_catch_up(&s->fill, &error) && lk_clock_us() < until)
		lk_sleep_ms(5);
	assert_contains(error.text, expected);
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	lk_my_fill_close(&s->fill);
	s->order.begun = false;
	lk_test_my_sql(server, "DROP TABLE t_lk_new");
	struct lk_error ignored;
	lk_my_checkpoint_forget(&s->steps.run, &ignored);
}

static void what_cannot_be_followed_stops_it(void **state)
{
	struct scene s;
	(void)state;
	open_scene(&s, ORDERS, "MODIFY id BIGINT NOT NULL AUTO_INCREMENT");
	must_fail(&s, "ALTER TABLE t ADD c INT", "somebody has changed test.t");
	must_fail(&s, "CREATE INDEX later ON t (b)", "somebody has changed test.t");
	must_fail(&s, "ALTER TABLE t_lk_new ADD d INT", "somebody has changed test.t");
	must_fail(&s,
		  "SET SESSION binlog_format = 'STATEMENT'; UPDATE t SET a = a + 1 WHERE id = 5",
		  "as text, not as rows");
	must_fail(&s, "TRUNCATE TABLE t", "somebody has changed test.t");
	close_scene(&s);
}

int main(void)
{
	static const struct CMUnitTest all[] = {
		cmocka_unit_test(rows_change_while_they_are_copied),
		cmocka_unit_test(a_fill_goes_on_where_another_was),
		cmocka_unit_test(unique_values_go_from_row_to_row),
		cmocka_unit_test(keys_of_several_columns_that_a_collation_compares),
		cmocka_unit_test(rows_that_are_held_are_copied_once_they_are_free),
		cmocka_unit_test(what_cannot_be_followed_stops_it),
	};
	return my_run_tests(all, setup, teardown);
}
