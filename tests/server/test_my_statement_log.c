/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A primary that logs statements, and a replica that repeats them: triggers fire there as well, and what a session
 * knows of itself has to come along.
 */
#include <stdio.h>

#include "base/memory.h"
#include "tests/server/my_load.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

#define ROWS 4000

static struct lk_test_my *primary, *replica;

static int start_servers(void **state)
{
	static const char *const options[] = {"--binlog-format=STATEMENT", NULL};
	(void)state;
	primary = lk_test_my_start_primary(options);
	replica = primary ? lk_test_my_start_replica(primary, options) : NULL;
	if (primary)
		my_numbers(primary, "numbers", ROWS);
	return 0;
}

static int stop_servers(void **state)
{
	(void)state;
	lk_test_my_stop(replica);
	lk_test_my_stop(primary);
	return 0;
}

static void open_plan(struct lk_test_steps *steps, const char *yaml)
{
	char *uri = lk_test_my_uri(primary, "root", NULL);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(uri);
}

static void must_be_alike(const char *sql)
{
	lk_test_my_catch_up(primary, replica);
	char *here = lk_test_my_value(primary, sql), *there = lk_test_my_value(replica, sql);
	assert_string_equal(there, here);
	free(here);
	free(there);
}

static void a_backfill_arrives_whole(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	my_need(primary);
	lk_test_my_sql(primary,
		       "DROP TABLE IF EXISTS t; CREATE TABLE t (k timestamp(3) PRIMARY KEY,"
		       " n int, u varchar(40), touched timestamp DEFAULT '2001-02-03"
		       " 04:05:06' ON UPDATE CURRENT_TIMESTAMP); INSERT INTO t (k, n)"
		       " SELECT '2022-03-27 00:30:00' + INTERVAL n MINUTE, n FROM numbers");
	open_plan(&steps,
		  "plan: p\nsteps:\n  migrate:\n    - name: fill\n      backfill: {table: t,"
		  " set: {u: \"concat('no ', n)\"}}\n");
	assert_int_equal(lk_test_step_forward(&steps, "fill"), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_my_number(primary, "SELECT COUNT(*) FROM t WHERE u = CONCAT('no ',"
						    " n) AND touched = '2001-02-03 04:05:06'"),
			 ROWS);
	must_be_alike("SELECT CONCAT_WS(' ', COUNT(*), SUM(u = CONCAT('no ', n)), SUM(touched ="
		      " '2001-02-03 04:05:06'), SUM(CRC32(CONCAT_WS(',', k, n, u)))) FROM t");
	lk_test_steps_close(&steps);
}

/* Dual write, backfill, verify and contract, while an application writes the old column. */
static void a_whole_plan_arrives_whole(void **state)
{
	static const char plan[] =
		"plan: p\noperations:\n  - rename_column: {table: users, from: name, to: handle}\n";
	struct lk_test_steps steps;
	struct lk_test_my_load_result result;
	(void)state;
	my_need(primary);
	lk_test_my_sql(primary, "DROP TABLE IF EXISTS users; CREATE TABLE users (id int"
				" AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL);"
				"INSERT INTO users SELECT n, CONCAT('Name ', n) FROM numbers");
	open_plan(&steps, plan);
	struct lk_test_my_load *load = lk_test_my_load_start(
		primary,
		"UPDATE users SET name = CONCAT(name, '.') WHERE id = 7 AND LENGTH(name) < 38", 2,
		3000);
	lk_test_steps_until(&steps, "new-release");
	lk_test_my_load_wait(load, 20);
	lk_test_my_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	assert_int_equal(
		lk_test_my_number(primary, "SELECT COUNT(*) FROM users WHERE handle = name"), ROWS);
	must_be_alike("SELECT CONCAT_WS(' ', COUNT(*), SUM(handle = name), SUM(CRC32(CONCAT_WS(',',"
		      " id, name, handle)))) FROM users");
	lk_test_steps_until(&steps, NULL);
	must_be_alike("SELECT CONCAT_WS(' ', COUNT(*), SUM(CRC32(CONCAT_WS(',', id, handle)))) FROM"
		      " users");
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backfill_arrives_whole),
		cmocka_unit_test(a_whole_plan_arrives_whole),
	};
	return my_run_tests(tests, start_servers, stop_servers);
}
