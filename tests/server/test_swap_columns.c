/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The columns of a running dual write exchange their names. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/one_table.h"

#define SWAP "swap_columns-2"
#define PLAN(members)                                                                              \
	"plan: p\nsteps:\n  expand:\n"                                                             \
	"    - dual_write: {table: t, from: n, to: wide, like: n" members "}\n"                    \
	"  migrate:\n    - swap_columns: {table: t, from: n, to: wide}\n"                          \
	"    - backfill: {table: t, set: {n: wide}}\n"                                             \
	"  contract:\n    - end_dual_write: {table: t, column: wide}\n"                            \
	"    - ddl: 'ALTER TABLE t DROP COLUMN wide'\n      destroys: data\n"
#define WIDER PLAN(", type: bigint, using: 'n::bigint', back: 'wide::integer'")
#define EQUAL PLAN("")
#define T_ONE                                                                                       \
	"CREATE TABLE t (id int PRIMARY KEY, n int, other int DEFAULT 0, \"lockkeeper_swap\" int);" \
	"INSERT INTO t VALUES (1, 10), (2, 20), (3, NULL)"

static void must_be_done(struct pair *pair, enum lk_outcome outcome)
{
	if (outcome != LK_OUTCOME_DONE)
		fail_msg("outcome %d: %s", outcome, pair->steps.error.text);
}

static void begin(struct pair *pair, const struct lk_test_server *server, const char *sql,
		  const char *plan)
{
	open_pair(pair, server, sql, plan, SWAP);
}

#define TYPE_OF_N                                                                                  \
	"SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass" \
	" AND attname = 'n'"

/* Both releases write n; before the exchange that is the old column, after it the new one. */
static void writes_go_on_under_either_name(void **state)
{
	static const char *const plans[] = {WIDER, EQUAL};
	for (size_t i = 0; i < LK_COUNT(plans); i++) {
		struct pair p;
		begin(&p, *state, T_ONE, plans[i]);
		lk_test_do(p.app, "UPDATE t SET n = 11 WHERE id = 1");
		must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
		assert_rows(p.app, TYPE_OF_N, i ? "integer" : "bigint");
		assert_rows(p.app, "SELECT id, n, wide FROM t ORDER BY id",
			    "1|11|11\n2|NULL|20\n3|NULL|NULL");
		lk_test_do(p.app, "UPDATE t SET n = 12 WHERE id = 1");
		lk_test_do(p.app, "UPDATE t SET wide = 21 WHERE id = 2");
		lk_test_do(p.app, "INSERT INTO t (id, n) VALUES (4, 40)");
		lk_test_do(p.app, "INSERT INTO t (id, wide) VALUES (5, 50)");
		/* An explicit assignment of what is there, over a row that is not filled. */
		lk_test_do(p.app, "UPDATE t SET n = NULL WHERE id = 3");
		assert_rows(p.app, "SELECT id, n, wide FROM t ORDER BY id",
			    "1|12|12\n2|21|21\n3|NULL|NULL\n4|40|40\n5|50|50");
		lk_test_steps_until(&p.steps, NULL);
		lk_test_do(p.app, "UPDATE t SET n = n + 1; INSERT INTO t (id, n) VALUES (6, 60)");
		assert_rows(p.app, "SELECT id, n FROM t ORDER BY id",
			    "1|13\n2|22\n3|NULL\n4|41\n5|51\n6|60");
		end(&p);
	}
}

static void expressions_follow_the_columns(void **state)
{
	struct pair p;
	char state_[6];
	begin(&p, *state,
	      "CREATE TABLE t (id int PRIMARY KEY, n bigint DEFAULT 100, wide_rate int DEFAULT 1);"
	      "INSERT INTO t VALUES (1, 150)",
	      PLAN(", type: 'numeric(14,2)', using: 'n / 100.0 * wide_rate',"
		   " back: '(t.wide * 100 / wide_rate)::bigint'"));
	lk_test_do(p.app, "UPDATE t SET n = 250 WHERE id = 1");
	must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
	lk_test_do(p.app, "INSERT INTO t (id) VALUES (2); INSERT INTO t (id, n) VALUES (3, 4.5);"
			  "INSERT INTO t (id, wide) VALUES (4, 700)");
	lk_test_do(p.app, "UPDATE t SET wide_rate = 2 WHERE id = 4");
	assert_rows(p.app, "SELECT id, n, wide FROM t ORDER BY id",
		    "1|2.50|250\n2|1.00|100\n3|4.50|450\n4|14.00|700");
	assert_string_equal(
		lk_test_state(p.app, "INSERT INTO t (id, n, wide) VALUES (5, 3, 4)", state_),
		"23000");
	/* The sentence knows the names of now. */
	assert_string_equal(lk_test_state(p.app, "UPDATE t SET wide = 900000000000000", state_),
			    "22000");
	assert_contains(PQerrorMessage(p.app),
			"writes to column wide of t cannot be carried over to column n");
	end(&p);
}

static void the_way_back_is_the_same_exchange(void **state)
{
	static const char *const plans[] = {WIDER, EQUAL};
	for (size_t i = 0; i < LK_COUNT(plans); i++) {
		struct pair p;
		begin(&p, *state, T_ONE, plans[i]);
		char *before = lk_test_catalog(*state, "t");
		char *body = lk_test_value(
			*state, "SELECT prosrc FROM pg_proc WHERE proname LIKE 'dual_write_' ||"
				" 't'::regclass::oid || '%'");
		must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
		/* As after a crash whose commit nobody heard of: once is enough. */
		must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
		assert_rows(p.app, TYPE_OF_N, i ? "integer" : "bigint");
		must_be_done(&p, lk_test_step_backward(&p.steps, SWAP));
		must_be_done(&p, lk_test_step_backward(&p.steps, SWAP));
		char *after = lk_test_catalog(*state, "t");
		assert_string_equal(after, before);
		char *again = lk_test_value(
			*state, "SELECT prosrc FROM pg_proc WHERE proname LIKE 'dual_write_' ||"
				" 't'::regclass::oid || '%'");
		assert_string_equal(again, body);
		lk_test_do(p.app, "UPDATE t SET n = 5 WHERE id = 1");
		assert_rows(p.app, "SELECT n, wide FROM t WHERE id = 1", "5|5");
		must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
		lk_test_steps_back(&p.steps, NULL);
		assert_rows(p.app, "SELECT * FROM t ORDER BY id",
			    "1|5|0|NULL\n2|20|0|NULL\n3|NULL|0|NULL");
		free(again);
		free(body);
		free(after);
		free(before);
		end(&p);
	}
}

/* The exchange and its record are one transaction: a session that dies in it has done neither. */
static void a_session_that_dies_leaves_all_or_nothing(void **state)
{
	struct pair p;
	begin(&p, *state, T_ONE, WIDER);
	PGconn *reader = lk_test_connect(*state);
	lk_test_do(reader, "BEGIN; SELECT count(*) FROM t");
	lk_test_step_begin(&p.steps, SWAP, false);
	assert_true(lk_test_steps_hears(&p.steps, "gave up after"));
	char *end_it = lk_format("SELECT pg_terminate_backend(%d)", p.steps.session->id);
	lk_test_sql(*state, end_it);
	assert_int_equal(lk_test_step_end(&p.steps), LK_OUTCOME_FAILED);
	assert_int_equal(p.steps.error.class, LK_ERROR_LOST);
	PQfinish(reader);
	assert_rows(p.app, TYPE_OF_N, "integer");
	char *uri = lk_test_server_uri(*state, LK_TEST_PRIMARY);
	lk_session_close(p.steps.session);
	p.steps.session = p.steps.run.session =
		lk_session_open(uri, p.steps.name, "worker", &p.steps.error);
	must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
	assert_rows(p.app, TYPE_OF_N, "bigint");
	assert_rows(
		p.app,
		"SELECT count(*) FROM lockkeeper.step WHERE verb = 'swap_columns' AND state = 'done'"
		" AND run = (SELECT run FROM lockkeeper.step WHERE verb = 'swap_columns' ORDER BY"
		" started_at DESC LIMIT 1)",
		"1");
	free(uri);
	free(end_it);
	end(&p);
}

/* What describe warns of: the server refuses a prepared statement whose result has another type. */
static void prepared_statements_fail_when_the_type_differs(void **state)
{
	struct pair p;
	char state_[6];
	struct lk_step_text text;
	begin(&p, *state, T_ONE, WIDER);
	assert_true(lk_step_describe(p.steps.session, &p.steps.plan,
				     (size_t)lk_plan_find_step(&p.steps.plan, SWAP), &text,
				     &p.steps.error));
	assert_contains(text.cost, "0A000");
	lk_test_do(p.app, "PREPARE q AS SELECT n FROM t WHERE id = 1");
	lk_test_do(p.app, "EXECUTE q");
	must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
	assert_string_equal(lk_test_state(p.app, "EXECUTE q", state_), "0A000");
	lk_test_do(p.app, "DEALLOCATE q; PREPARE q AS SELECT n FROM t WHERE id = 1; EXECUTE q");
	end(&p);
}

static void nothing_is_lost_under_load(void **state)
{
	struct pair p;
	struct lk_test_load_result result;
	begin(&p, *state,
	      "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, other int DEFAULT 0);"
	      "INSERT INTO t SELECT i, i FROM generate_series(1, 5000) i",
	      WIDER);
	struct lk_test_load *load = lk_test_load_start(
		*state,
		"UPDATE t SET n = coalesce(n, wide) + 1, other = other + 1 WHERE id = (SELECT (random() *"
		" 4999)::int + 1)",
		4, 4000);
	for (int i = 0; i < 3; i++) {
		must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
		must_be_done(&p, lk_test_step_backward(&p.steps, SWAP));
	}
	must_be_done(&p, lk_test_step_forward(&p.steps, SWAP));
	lk_test_steps_until(&p.steps, "contract");
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	assert_true(result.transactions > 0);
	assert_rows(
		p.app,
		"SELECT count(*) FILTER (WHERE n IS DISTINCT FROM id + other), count(*) FILTER (WHERE"
		" wide IS DISTINCT FROM n) FROM t",
		"0|0");
	lk_test_steps_until(&p.steps, NULL);
	end(&p);
}

static void without_a_dual_write_it_is_refused(void **state)
{
	struct pair p;
	struct lk_step_text text;
	begin(&p, *state, T_ONE, WIDER);
	int number = lk_plan_find_step(&p.steps.plan, SWAP);
	struct lk_step *step = &p.steps.plan.steps[number];
	char *to = step->to;
	step->to = lk_strdup("other");
	assert_false(lk_step_describe(p.steps.session, &p.steps.plan, (size_t)number, &text,
				      &p.steps.error));
	assert_contains(p.steps.error.text, "no dual_write before it has n and other of t");
	free(step->to);
	step->to = to;
	lk_test_sql(
		*state,
		"DO $$BEGIN EXECUTE (SELECT format('DROP FUNCTION %s CASCADE', oid::regprocedure) FROM"
		" pg_proc WHERE proname LIKE 'dual_write_' || 't'::regclass::oid || '%'); END$$");
	assert_int_equal(lk_test_step_forward(&p.steps, SWAP), LK_OUTCOME_FAILED);
	assert_contains(p.steps.error.text, "is not there any more");
	assert_rows(p.app, TYPE_OF_N, "integer");
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_go_on_under_either_name),
		cmocka_unit_test(expressions_follow_the_columns),
		cmocka_unit_test(the_way_back_is_the_same_exchange),
		cmocka_unit_test(a_session_that_dies_leaves_all_or_nothing),
		cmocka_unit_test(prepared_statements_fail_when_the_type_differs),
		cmocka_unit_test(nothing_is_lost_under_load),
		cmocka_unit_test(without_a_dual_write_it_is_refused),
	};
	return cmocka_run_group_tests_name("swap columns", tests, start, stop);
}
