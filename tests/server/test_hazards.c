/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What went wrong with other tools and with earlier designs of this one, each by its name: the number of the
 * other project's issue, or of our own list of hazards. An application writes all the time; not one of its
 * statements may fail, and none may wait for long.
 */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/steps.h"

#define LONGEST_MS 1000

#define RENAME                                                                                     \
	"plan: p\noperations:\n  - rename_column: {table: t, from: username, to: user_handle}\n"

static int start(void **state)
{
	*state = lk_test_server_start(NULL);
	return 0;
}

static int stop(void **state)
{
	lk_test_server_stop(*state);
	return 0;
}

static void make(const struct lk_test_server *server)
{
	lk_test_sql(server, "SET client_min_messages TO warning; DROP TABLE IF EXISTS t, u CASCADE;"
			    "CREATE TABLE u (id int PRIMARY KEY, v int);"
			    "INSERT INTO u SELECT i, 0 FROM generate_series(1, 1000) i;"
			    "CREATE TABLE t (id int PRIMARY KEY, username text, u_id int);"
			    "INSERT INTO t SELECT i, 'n' || i, i FROM generate_series(1, 1000) i;"
			    "CREATE INDEX t_username_idx ON t (username)");
}

/* Some 400 statements a second, of a release that names no column it does not know. */
static struct lk_test_load *writes(const struct lk_test_server *server, const char *column)
{
	char *sql = lk_format("UPDATE t SET %s = 'w' || (random() * 1000000)::int WHERE id ="
			      " (SELECT (random() * 999)::int + 1)",
			      column);
	struct lk_test_load *load = lk_test_load_start(server, sql, 4, 8000);
	free(sql);
	return load;
}

static void nobody_failed_or_waited(struct lk_test_load *load)
{
	struct lk_test_load_result result;
	int64_t before;
	lk_test_load_look(load, &result);
	before = result.transactions;
	do {
		lk_sleep_ms(5);
		lk_test_load_look(load, &result);
	} while (result.errors == 0 && result.transactions < before + 50);
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	if (result.longest_ms > LONGEST_MS)
		fail_msg("a statement of the application took %.0f ms", result.longest_ms);
}

/* Between a column and its triggers every write of the application failed, or was lost. */
static void pgroll_905_column_and_triggers_come_at_once(void **state)
{
	make(*state);
	struct lk_test_load *load = writes(*state, "username");
	for (int round = 0; round < 5; round++) {
		struct lk_test_steps steps;
		lk_test_steps_open(&steps, *state, RENAME);
		lk_test_steps_until(&steps, "migrate");
		lk_test_steps_back(&steps, "migrate");
		lk_test_steps_close(&steps);
	}
	nobody_failed_or_waited(load);
	assert_int_equal(
		lk_test_number(*state,
			       "SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass"
			       " AND attname = 'user_handle'"),
		0);
}

/* A trigger whose column is gone fails every write ('record "new" has no field'). */
static void hazard_10_pgroll_906_drop_and_triggers_go_at_once(void **state)
{
	make(*state);
	struct lk_test_steps steps;
	lk_test_steps_open(&steps, *state, RENAME);
	lk_test_steps_until(&steps, "contract");
	struct lk_test_load *load = writes(*state, "user_handle");
	lk_test_steps_until(&steps, NULL);
	nobody_failed_or_waited(load);
	assert_int_equal(
		lk_test_number(*state,
			       "SELECT count(*) FROM pg_trigger WHERE tgrelid = 't'::regclass"),
		0);
	lk_test_steps_close(&steps);
}

/* A begin that fails leaves the schema as it was. */
static void pgroll_966_a_begin_that_fails_leaves_nothing(void **state)
{
	struct lk_test_steps steps;
	make(*state);
	char *before = lk_test_catalog(*state, "t");
	lk_test_steps_open(&steps, *state, RENAME);
	size_t at = 0;
	while (steps.plan.steps[at].verb != LK_VERB_DUAL_WRITE)
		at++;
	const char *dual_write = steps.plan.steps[at].name;
	/* The column is there and the function, and then the first trigger fails. */
	lk_test_sql(
		*state,
		"CREATE FUNCTION lockkeeper.in_the_way() RETURNS event_trigger LANGUAGE plpgsql AS"
		" $$ BEGIN RAISE 'not this trigger'; END $$;"
		"CREATE EVENT TRIGGER in_the_way ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER')"
		" EXECUTE FUNCTION lockkeeper.in_the_way()");
	assert_int_equal(lk_test_step_forward(&steps, dual_write), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "not this trigger");
	lk_test_sql(*state, "DROP EVENT TRIGGER in_the_way; DROP FUNCTION lockkeeper.in_the_way()");
	char *after = lk_test_catalog(*state, "t");
	assert_string_equal(after, before);
	/* And it can be begun again. */
	assert_int_equal(lk_test_step_forward(&steps, dual_write), LK_OUTCOME_DONE);
	lk_test_steps_back(&steps, "migrate");
	lk_test_steps_close(&steps);
	free(after);
	free(before);
}

/* A public incident: 15 s without writes, because ADD FOREIGN KEY stood in the queue behind a long read of the
 * table that is referred to. */
static void a_foreign_key_behind_a_long_read_stops_nobody(void **state)
{
	struct lk_test_steps steps;
	char name[120];
	make(*state);
	PGconn *reader = lk_test_connect(*state);
	lk_test_do(reader,
		   "SET application_name TO 'report'; BEGIN; LOCK TABLE u IN ROW EXCLUSIVE MODE");
	snprintf(
		name, sizeof name,
		"SELECT xact_start < clock_timestamp() - interval '300 ms' FROM pg_stat_activity WHERE pid"
		" = %d",
		PQbackendPID(reader));
	assert_true(lk_test_wait(*state, name, 10));
	lk_test_steps_open(
		&steps, *state,
		"plan: p\noperations:\n"
		"  - add_foreign_key: {table: t, columns: [u_id], references: u, name: fk}\n");
	size_t add = 0;
	while (!steps.plan.steps[add].sql || !strstr(steps.plan.steps[add].sql, "NOT VALID"))
		add++;
	lk_test_steps_until(&steps, steps.plan.steps[add].name);
	struct lk_test_load *load = writes(*state, "username");
	struct lk_test_load *others = lk_test_load_start(
		*state, "UPDATE u SET v = v + 1 WHERE id = (SELECT (random() * 999)::int + 1)", 4,
		8000);
	lk_test_step_begin(&steps, steps.plan.steps[add].name, false);
	snprintf(name, sizeof name, "process %d", PQbackendPID(reader));
	assert_true(lk_test_steps_hears(&steps, name));
	struct lk_test_load_result result;
	do {
		lk_sleep_ms(5);
		lk_test_load_look(others, &result);
	} while (result.errors == 0 && result.transactions < 600);
	assert_false(lk_test_step_ended(&steps));
	PQfinish(reader);
	assert_int_equal(lk_test_step_end(&steps), LK_OUTCOME_DONE);
	nobody_failed_or_waited(load);
	nobody_failed_or_waited(others);
	lk_test_steps_until(&steps, NULL);
	assert_int_equal(
		lk_test_number(
			*state,
			"SELECT count(*) FROM pg_constraint WHERE conname = 'fk' AND convalidated"),
		1);
	lk_test_steps_close(&steps);
}

/* SET NOT NULL reads the whole table under the strongest lock, unless a valid CHECK says the same. */
static void set_not_null_reads_nothing_under_its_lock(void **state)
{
	struct lk_test_steps steps;
	make(*state);
	lk_test_steps_open(
		&steps, *state,
		"plan: p\noperations:\n  - set_not_null: {table: t, column: username}\n");
	size_t set = 0;
	while (!steps.plan.steps[set].sql || !strstr(steps.plan.steps[set].sql, "SET NOT NULL"))
		set++;
	lk_test_steps_until(&steps, steps.plan.steps[set].name);
	PGconn *own = lk_test_connect(*state);
	lk_test_do(own, "BEGIN");
	lk_test_do(own, steps.plan.steps[set].sql);
	assert_rows(own, "SELECT pg_stat_get_xact_numscans('t'::regclass)", "0");
	lk_test_do(own, "ROLLBACK");
	PQfinish(own);
	lk_test_steps_until(&steps, NULL);
	lk_test_steps_close(&steps);
}

/* Whatever disables triggers in bulk disables ours: the old column must not go then. */
static void a_disabled_trigger_keeps_the_old_column(void **state)
{
	static const char *const changes[][2] = {
		{"ALTER TABLE t DISABLE TRIGGER ALL", "disabled a trigger"},
		{"DROP TRIGGER zz_lockkeeper_2_u1 ON t", "dropped triggers"},
	};
	for (size_t i = 0; i < LK_COUNT(changes); i++) {
		struct lk_test_steps steps;
		make(*state);
		lk_test_steps_open(&steps, *state, RENAME);
		size_t drop = steps.plan.step_count - 1;
		lk_test_steps_until(&steps, steps.plan.steps[drop].name);
		lk_test_sql(*state, changes[i][0]);
		lk_test_sql(*state, "UPDATE t SET username = 'late' WHERE id = 5");
		assert_int_equal(lk_test_step_forward(&steps, steps.plan.steps[drop].name),
				 LK_OUTCOME_FAILED);
		assert_contains(steps.error.text, changes[i][1]);
		assert_int_equal(
			lk_test_number(*state, "SELECT count(*) FROM t WHERE username = 'late'"),
			1);
		lk_test_steps_close(&steps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pgroll_905_column_and_triggers_come_at_once),
		cmocka_unit_test(hazard_10_pgroll_906_drop_and_triggers_go_at_once),
		cmocka_unit_test(pgroll_966_a_begin_that_fails_leaves_nothing),
		cmocka_unit_test(a_foreign_key_behind_a_long_read_stops_nobody),
		cmocka_unit_test(a_disabled_trigger_keeps_the_old_column),
		cmocka_unit_test(set_not_null_reads_nothing_under_its_lock),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
