/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The servers that other tests stand on: they come back, and replicas follow, lag, stop and break as asked. */
#include "tests/server/my_sessions.h"

#include "base/clock.h"
#include "base/memory.h"

static struct lk_test_my *primary, *replica;

static int start_servers(void **state)
{
	(void)state;
	primary = lk_test_my_start_primary(NULL);
	replica = primary ? lk_test_my_start_replica(primary, NULL) : NULL;
	return 0;
}

static int stop_servers(void **state)
{
	(void)state;
	lk_test_my_stop(replica);
	lk_test_my_stop(primary);
	return 0;
}

/* The server is what the test's name says. */
static void it_is_the_one_that_was_asked_for(void **state)
{
	(void)state;
	my_need(primary);
	char *version = lk_test_my_value(primary, "SELECT VERSION()");
	assert_int_equal(strstr(version, "MariaDB") != NULL, my_is_mariadb());
	free(version);
}

static void a_killed_server_comes_back_with_its_rows(void **state)
{
	(void)state;
	my_need(primary);
	lk_test_my_sql(primary, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)");
	lk_test_my_kill(primary);
	lk_test_my_up(primary);
	assert_int_equal(lk_test_my_number(primary, "SELECT n FROM kept"), 7);
	lk_test_my_down(primary);
	lk_test_my_up(primary);
	assert_int_equal(lk_test_my_number(primary, "SELECT n FROM kept"), 7);
	lk_test_my_catch_up(primary, replica);
	assert_int_equal(lk_test_my_number(replica, "SELECT n FROM kept"), 7);
}

static void a_replica_is_as_late_as_it_is_told(void **state)
{
	(void)state;
	my_need(primary);
	lk_test_my_sql(primary, "CREATE TABLE late (n int); INSERT INTO late VALUES (1)");
	lk_test_my_catch_up(primary, replica);
	lk_test_my_delay(replica, 3);
	/* The first second counts whole ones: what is written now may be applied after two. */
	int64_t from = lk_clock_us();
	lk_test_my_sql(primary, "UPDATE late SET n = 2");
	assert_true(lk_test_my_wait(replica, "SELECT n = 2 FROM late", 30));
	int64_t took = lk_clock_us() - from;
	lk_test_my_delay(replica, 0);
	assert_true(took > 1900000);
	lk_test_my_sql(primary, "UPDATE late SET n = 3");
	lk_test_my_catch_up(primary, replica);
	assert_int_equal(lk_test_my_number(replica, "SELECT n FROM late"), 3);
}

static void a_halted_replica_stays_where_it_is(void **state)
{
	(void)state;
	my_need(primary);
	lk_test_my_sql(primary, "CREATE TABLE halted (n int); INSERT INTO halted VALUES (1)");
	lk_test_my_catch_up(primary, replica);
	lk_test_my_halt(replica);
	lk_test_my_sql(primary, "UPDATE halted SET n = 2");
	assert_int_equal(lk_test_my_number(replica, "SELECT n FROM halted"), 1);
	lk_test_my_resume(replica);
	lk_test_my_catch_up(primary, replica);
	assert_int_equal(lk_test_my_number(replica, "SELECT n FROM halted"), 2);
}

static void a_broken_replica_goes_on_when_mended(void **state)
{
	(void)state;
	my_need(primary);
	lk_test_my_break(primary, replica);
	lk_test_my_sql(primary, "CREATE TABLE after (n int)");
	assert_int_equal(
		lk_test_my_number(
			replica,
			"SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'after'"),
		0);
	lk_test_my_mend(replica);
	lk_test_my_catch_up(primary, replica);
	assert_int_equal(lk_test_my_number(replica, "SELECT COUNT(*) FROM after"), 0);
}

static void a_replica_takes_no_writes_of_ordinary_users(void **state)
{
	(void)state;
	my_need(primary);
	assert_int_equal(lk_test_my_number(replica, "SELECT @@read_only"), 1);
	assert_int_equal(lk_test_my_number(primary, "SELECT @@read_only"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_one_that_was_asked_for),
		cmocka_unit_test(a_killed_server_comes_back_with_its_rows),
		cmocka_unit_test(a_replica_is_as_late_as_it_is_told),
		cmocka_unit_test(a_halted_replica_stays_where_it_is),
		cmocka_unit_test(a_broken_replica_goes_on_when_mended),
		cmocka_unit_test(a_replica_takes_no_writes_of_ordinary_users),
	};
	return my_run_tests(tests, start_servers, stop_servers);
}
