/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A dual write whose columns hold the same in different forms: a change of type, with expressions both ways. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/memory.h"
#include "tests/server/one_table.h"

#define DUAL_WRITE "dual_write-1"
#define BACKFILL "backfill-2"
#define PLAN(members, filled)                                                                      \
	"plan: p\nsteps:\n  expand:\n    - dual_write:\n        table: t\n" members                \
	"  migrate:\n    - backfill: {table: t, set: {" filled "}}\n"
/* Cents and whole euros: back and forth is not the identity. */
#define EUROS                                                                                       \
	PLAN("        from: cents\n        to: euros\n        like: cents\n        type: integer\n" \
	     "        using: 'round(cents / 100.0)'\n        back: 'euros::bigint * 100'\n",        \
	     "euros: 'round(cents / 100.0)'")
#define CODE                                                                                       \
	PLAN("        from: code\n        to: number\n        like: code\n        type: integer\n" \
	     "        using: 'code::integer'\n        back: 'number::text'\n",                     \
	     "number: 'code::integer'")
#define T_CODE                                                                                     \
	"CREATE TABLE t (id int PRIMARY KEY, code text, other int);"                               \
	"INSERT INTO t VALUES (1, '1'), (2, 'two'), (3, NULL)"

static void begin(struct pair *pair, const struct lk_test_server *server, const char *sql,
		  const char *plan)
{
	open_pair(pair, server, sql, plan, BACKFILL);
}

/* The statement fails with this state, and with a sentence that holds `text`. */
static void fails_with(struct pair *pair, const char *sql, const char *expected, const char *text)
{
	char state[6];
	lk_test_state(pair->app, sql, state);
	if (strcmp(state, expected) != 0)
		fail_msg("%s ends with \"%s\", not with \"%s\": %s", sql, state, expected,
			 PQerrorMessage(pair->app));
	assert_contains(PQerrorMessage(pair->app), text);
}

#define T_CENTS                                                                                    \
	"CREATE TABLE t (id int PRIMARY KEY, cents bigint, other int);"                            \
	"INSERT INTO t VALUES (1, 149), (2, 151), (3, NULL), (4, 1000)"

static void rounding_is_no_contradiction(void **state)
{
	struct pair p;
	begin(&p, *state, T_CENTS, EUROS);
	lk_test_do(p.app, "INSERT INTO t (id, cents) VALUES (10, 149)");
	lk_test_do(p.app, "INSERT INTO t (id, euros) VALUES (11, 7)");
	lk_test_do(p.app, "INSERT INTO t (id, cents, euros) VALUES (12, 151, 2), (13, 300, 3)");
	fails_with(&p, "INSERT INTO t (id, cents, euros) VALUES (14, 500, 4)", "23000",
		   "columns cents and euros of t");
	lk_test_do(p.app, "UPDATE t SET cents = 251 WHERE id = 1");
	lk_test_do(p.app, "UPDATE t SET cents = 260, euros = 3 WHERE id = 2");
	/* Written again with the value it has: what was lost in rounding does not come back to hurt. */
	lk_test_do(p.app, "UPDATE t SET euros = 3 WHERE id = 1");
	lk_test_do(p.app, "UPDATE t SET cents = 251, euros = 3, other = 1 WHERE id = 1");
	lk_test_do(p.app, "UPDATE t SET euros = 5 WHERE id = 4");
	fails_with(&p, "UPDATE t SET cents = 100, euros = 9 WHERE id = 1", "23000", "do not agree");
	assert_rows(
		p.app, "SELECT id, cents, euros FROM t ORDER BY id",
		"1|251|3\n2|260|3\n3|NULL|NULL\n4|500|5\n10|149|1\n11|700|7\n12|151|2\n13|300|3");
	end(&p);
}

static void what_is_written_again_counts_where_a_row_is_not_filled(void **state)
{
	struct pair p;
	begin(&p, *state, T_CENTS, EUROS);
	lk_test_do(p.app, "UPDATE t SET cents = 149 WHERE id = 1");
	lk_test_do(p.app, "UPDATE t SET euros = NULL WHERE id = 2");
	lk_test_do(p.app, "UPDATE t SET cents = 1000, euros = NULL, other = 1 WHERE id = 4");
	lk_test_do(p.app, "UPDATE t SET other = 2 WHERE id = 3");
	assert_rows(p.app, "SELECT id, cents, euros FROM t ORDER BY id",
		    "1|149|1\n2|NULL|NULL\n3|NULL|NULL\n4|1000|10");
	lk_test_steps_until(&p.steps, NULL);
	assert_rows(p.app, "SELECT id, cents, euros FROM t ORDER BY id",
		    "1|149|1\n2|NULL|NULL\n3|NULL|NULL\n4|1000|10");
	end(&p);
}

static void a_value_that_cannot_be_carried_over_is_refused_with_a_sentence(void **state)
{
	struct pair p;
	begin(&p, *state, T_CODE, CODE);
	fails_with(
		&p, "INSERT INTO t (id, code) VALUES (10, 'ten')", "22000",
		"lockkeeper: what this statement writes to column code of t cannot be carried over to "
		"column number, which a migration keeps in step: invalid input syntax for type "
		"integer: \"ten\"");
	fails_with(&p, "UPDATE t SET code = 'one' WHERE id = 1", "22000", "column code of t");
	lk_test_do(p.app, "UPDATE t SET number = 5 WHERE id = 1");
	assert_rows(p.app, "SELECT id, code, number FROM t ORDER BY id",
		    "1|5|5\n2|two|NULL\n3|NULL|NULL");
	end(&p);
}

/* Whoever does not change it need not suffer from a row that cannot be converted. */
static void a_row_that_was_so_before_is_let_alone(void **state)
{
	struct pair p;
	begin(&p, *state, T_CODE, CODE);
	lk_test_do(p.app, "UPDATE t SET other = 1 WHERE id = 2");
	lk_test_do(p.app, "UPDATE t SET code = 'two', other = 2 WHERE id = 2");
	lk_test_do(p.app, "UPDATE t SET code = 'two', number = NULL, other = 3 WHERE id = 2");
	assert_rows(p.app, "SELECT code, number, other FROM t WHERE id = 2", "two|NULL|3");
	/* And both releases can mend it. */
	lk_test_do(p.app, "UPDATE t SET number = 2 WHERE id = 2");
	assert_rows(p.app, "SELECT code, number FROM t WHERE id = 2", "2|2");
	lk_test_steps_until(&p.steps, NULL);
	end(&p);
}

static void what_back_cannot_carry_is_refused_as_well(void **state)
{
	struct pair p;
	begin(&p, *state, "CREATE TABLE t (id int PRIMARY KEY, small smallint DEFAULT 3)",
	      PLAN("        from: small\n        to: big\n        like: small\n        type: bigint\n"
		   "        using: small\n        back: 'big::smallint'\n",
		   "big: small"));
	lk_test_do(p.app, "INSERT INTO t (id) VALUES (1); INSERT INTO t VALUES (2, 7);"
			  "INSERT INTO t (id, big) VALUES (4, 3)");
	fails_with(&p, "INSERT INTO t (id, big) VALUES (3, 70000)", "22000",
		   "writes to column big of t cannot be carried over to column small");
	fails_with(&p, "UPDATE t SET big = 70000", "22000", "smallint out of range");
	assert_rows(p.app, "SELECT id, small, big FROM t ORDER BY id", "1|3|3\n2|7|7\n4|3|3");
	end(&p);
}

static void other_columns_that_are_read_count_too(void **state)
{
	struct pair p;
	begin(&p, *state,
	      "CREATE TABLE t (id int PRIMARY KEY, \"Net\" numeric, rate numeric, note json);"
	      "INSERT INTO t VALUES (1, 100, 0.2, '{}'), (2, 50, 0, NULL)",
	      PLAN("        from: \"Net\"\n        to: gross\n        like: \"Net\"\n        type: "
		   "numeric\n        using: \"t.\\\"Net\\\" * (1 + rate)\"\n        back: \"gross / (1 + "
		   "t.rate)\"\n",
		   "gross: \"\\\"Net\\\" * (1 + rate)\""));
	lk_test_do(p.app, "UPDATE t SET \"Net\" = 200 WHERE id = 1");
	assert_rows(p.app, "SELECT gross FROM t WHERE id = 1", "240.0");
	lk_test_do(p.app, "UPDATE t SET rate = 0.5 WHERE id = 1");
	assert_rows(p.app, "SELECT gross FROM t WHERE id = 1", "300.0");
	lk_test_do(p.app, "UPDATE t SET gross = 60 WHERE id = 1");
	lk_test_do(p.app, "UPDATE t SET gross = 75 WHERE id = 2");
	lk_test_do(p.app, "UPDATE t SET note = '[]'");
	assert_rows(p.app, "SELECT round(\"Net\"), gross FROM t ORDER BY id", "40|60\n75|75");
	/* Changed, but not its value: nothing is written over. */
	lk_test_do(p.app,
		   "UPDATE t SET \"Net\" = NULL WHERE id = 2; UPDATE t SET rate = 1 WHERE id "
		   "= 2");
	assert_rows(p.app, "SELECT \"Net\", gross FROM t WHERE id = 2", "NULL|NULL");
	end(&p);
}

/* Names that the function has for itself, or that its language has. */
static void no_name_is_taken_for_a_variable(void **state)
{
	struct pair p;
	begin(&p, *state,
	      "CREATE TABLE t (id int PRIMARY KEY, \"new\" text, \"old\" int, tg_op int, found int,"
	      " lockkeeper_new int, lockkeeper_wrong text, \"a {f} $lockkeeper$ '\" int)",
	      PLAN("        from: new\n        to: tg_argv\n        like: new\n        type: bigint\n"
		   "        using: \"new::bigint + coalesce(old + tg_op + found + lockkeeper_new + "
		   "length(lockkeeper_wrong) + \\\"a {f} $lockkeeper$ '\\\", 0)\"\n"
		   "        back: \"(tg_argv - coalesce(old + tg_op + found + lockkeeper_new + "
		   "length(lockkeeper_wrong) + \\\"a {f} $lockkeeper$ '\\\", 0))::text\"\n",
		   "tg_argv: \"new::bigint\""));
	lk_test_do(p.app, "INSERT INTO t VALUES (1, '5', 1, 10, 100, 1000, 'xx', 20)");
	lk_test_do(p.app, "INSERT INTO t VALUES (2, NULL, 1, 10, 100, 1000, 'xx', 20, 1138)");
	assert_rows(p.app, "SELECT new, tg_argv FROM t ORDER BY id", "5|1138\n5|1138");
	end(&p);
}

/* The application's search path is its own affair. */
static void expressions_mean_what_they_meant_when_it_began(void **state)
{
	struct pair p;
	lk_test_sql(
		*state,
		"CREATE SCHEMA lib; CREATE SCHEMA shadow;"
		"CREATE FUNCTION lib.half(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 / 2';"
		"CREATE FUNCTION shadow.half(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT -1';"
		"CREATE FUNCTION shadow.twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT -1';"
		"CREATE FUNCTION lib.twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';"
		"ALTER ROLE postgres SET search_path = \"$user\", public, lib");
	begin(&p, *state, "CREATE TABLE public.t (id int PRIMARY KEY, whole int)",
	      PLAN("        from: whole\n        to: part\n        like: whole\n        type: integer\n"
		   "        using: 'half(whole)'\n        back: 'twice(part)'\n",
		   "part: 'half(whole)'"));
	lk_test_do(p.app,
		   "SET search_path = shadow; INSERT INTO public.t (id, whole) VALUES (1, 8);"
		   "INSERT INTO public.t (id, part) VALUES (2, 8)");
	assert_rows(p.app, "SELECT whole, part FROM public.t ORDER BY id", "8|4\n16|8");
	lk_test_sql(*state, "ALTER ROLE postgres RESET search_path");
	end(&p);
}

static void the_default_is_converted(void **state)
{
	struct pair p;
	begin(&p, *state, "CREATE TABLE t (id int PRIMARY KEY, cents bigint NOT NULL DEFAULT 250)",
	      EUROS);
	lk_test_do(p.app, "INSERT INTO t (id) VALUES (1); INSERT INTO t (id, euros) VALUES (2, 9);"
			  "INSERT INTO t (id, cents) VALUES (3, 90)");
	assert_rows(p.app, "SELECT id, cents, euros FROM t ORDER BY id",
		    "1|250|3\n2|900|9\n3|90|1");
	assert_rows(
		p.app,
		"SELECT pg_get_expr(adbin, adrelid)::text IN ('3', '''3''::integer', 'CAST(''3'' AS integer)')"
		" FROM pg_attrdef WHERE adrelid = 't'::regclass AND adnum = 3",
		"t");
	end(&p);
}

static void a_default_that_moves_is_cast(void **state)
{
	struct pair p;
	begin(&p, *state,
	      "SET timezone TO 'UTC'; CREATE TABLE t (id int PRIMARY KEY, at timestamp DEFAULT now())",
	      PLAN("        from: at\n        to: at_tz\n        like: at\n        type: timestamptz\n"
		   "        using: \"at AT TIME ZONE 'UTC'\"\n        back: \"at_tz AT TIME ZONE 'UTC'\"\n",
		   "at_tz: \"at AT TIME ZONE 'UTC'\""));
	lk_test_do(p.app, "INSERT INTO t (id) VALUES (1)");
	lk_test_do(p.app, "INSERT INTO t (id, at) VALUES (2, '2001-02-03 04:05')");
	lk_test_do(p.app, "INSERT INTO t (id, at_tz) VALUES (3, '2001-02-03 04:05+01')");
	assert_rows(p.app, "SELECT id, at, at_tz FROM t WHERE id > 1 ORDER BY id",
		    "2|2001-02-03 04:05:00|2001-02-03 04:05:00+00\n"
		    "3|2001-02-03 03:05:00|2001-02-03 03:05:00+00");
	assert_rows(p.app, "SELECT at = at_tz AT TIME ZONE 'UTC' FROM t WHERE id = 1", "t");
	end(&p);
}

/* The plan with its type and its two expressions, as JSON strings. */
static char *plan_of(const char *type, const char *forth, const char *back)
{
	return lk_format("plan: p\nsteps:\n  expand:\n    - dual_write:\n        table: t\n"
			 "        from: code\n        to: number\n        like: code\n"
			 "        type: \"%s\"\n        using: \"%s\"\n        back: \"%s\"\n",
			 type, forth, back);
}

static void what_cannot_be_kept_in_step_is_refused(void **state)
{
	static const struct {
		const char *type, *forth, *back, *sentence;
	} refused[] = {
		{"integer", "random()::int", "number::text", "gives another value at each call"},
		{"integer", "code::int", "(number + nextval('s'))::text",
		 "it calls nextval(), which acts"},
		{"timestamptz", "clock_timestamp()", "code", "gives another value at each call"},
		{"integer", "count(*)", "number::text", "gives another value at each call"},
		{"integer", "mine(code)", "number::text", "gives another value at each call"},
		{"integer", "(SELECT max(id) FROM t)", "number::text", "contains a subquery"},
		{"integer", "code::int", "(SELECT code FROM t LIMIT 1)", "contains a subquery"},
		{"integer", "cod::int", "number::text", "column \\\"cod\\\" does not exist"},
		{"integer", "code::int", "nmber::text", "column \\\"nmber\\\" does not exist"},
		{"integer", "length(g)", "number::text", "read column g, which is generated"},
		{"nothing", "code", "number::text", "type \\\"nothing\\\" does not exist"},
		{"json", "code::json", "number::text", "equality"},
		{"positive", "code::int", "number::text", "domain with constraints"},
		{"integer", "d::int", "number::text", NULL},
	};
	lk_test_sql(*state, "SET client_min_messages TO warning; DROP TABLE IF EXISTS t CASCADE;"
			    "CREATE TABLE t (id int PRIMARY KEY, code text, d text DEFAULT 'x',"
			    " g text GENERATED ALWAYS AS (code || 'g') STORED); CREATE SEQUENCE s;"
			    "CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
			    "CREATE FUNCTION mine(text) RETURNS int LANGUAGE sql AS 'SELECT 1'");
	for (size_t i = 0; i < LK_COUNT(refused); i++) {
		char *plan = plan_of(refused[i].type, refused[i].forth, refused[i].back);
		char *said = lk_test_steps_refusal(*state, plan);
		char *sentence = lk_strdup(refused[i].sentence ? refused[i].sentence : "");
		char *to = sentence;
		for (const char *p = sentence; *p; p++)
			if (*p != '\\')
				*to++ = *p;
		*to = '\0';
		if (!refused[i].sentence)
			assert_string_equal(said, "");
		else if (!strstr(said, sentence))
			fail_msg("%s: \"%s\" instead of \"%s\"", refused[i].forth, said, sentence);
		free(sentence);
		free(said);
		free(plan);
	}
}

static void a_default_that_cannot_be_converted_is_refused(void **state)
{
	char *plan = plan_of("integer", "code::int", "number::text");
	lk_test_sql(*state, "SET client_min_messages TO warning; DROP TABLE IF EXISTS t CASCADE;"
			    "CREATE TABLE t (id int PRIMARY KEY, code text DEFAULT 'none')");
	char *said = lk_test_steps_refusal(*state, plan);
	assert_contains(said,
			"the default of t.code ('none'::text) cannot be converted: invalid input");
	free(said);
	free(plan);
}

static void the_way_back_leaves_the_catalog_as_it_was(void **state)
{
	struct pair p;
	open_pair(&p, *state, T_CENTS, EUROS, DUAL_WRITE);
	char *before = lk_test_catalog(*state, "t");
	lk_test_steps_until(&p.steps, NULL);
	lk_test_steps_back(&p.steps, NULL);
	char *after = lk_test_catalog(*state, "t");
	assert_string_equal(after, before);
	free(after);
	free(before);
	end(&p);
}

/* Both releases write as fast as they can while it begins, is filled, ends, and the old column goes. */
static void nothing_is_lost_under_load(void **state)
{
	struct pair p;
	struct lk_test_load_result by_old, by_new;
	open_pair(
		&p, *state,
		"CREATE TABLE t (id int PRIMARY KEY, cents bigint NOT NULL DEFAULT 0, n int DEFAULT 0);"
		"INSERT INTO t SELECT i, i FROM generate_series(1, 20000) i",
		"plan: p\nsteps:\n  expand:\n"
		"    - dual_write: {table: t, from: cents, to: euros, like: cents, type: 'numeric(14,2)',"
		" using: 'cents / 100.0', back: '(euros * 100)::bigint'}\n"
		"  migrate:\n    - backfill: {table: t, set: {euros: 'cents / 100.0'}}\n"
		"    - verify: {none: 'SELECT id FROM t WHERE euros IS DISTINCT FROM cents / 100.0'}\n"
		"  contract:\n    - end_dual_write: {table: t, column: cents}\n"
		"    - ddl: 'ALTER TABLE t DROP COLUMN cents'\n      destroys: data\n",
		DUAL_WRITE);
	struct lk_test_load *old = lk_test_load_start(
		*state,
		"UPDATE t SET cents = cents + 1, n = n + 1 WHERE id = (SELECT (random() * 19999)::int + 1)",
		2, 4000);
	lk_test_steps_until(&p.steps, BACKFILL);
	struct lk_test_load *new = lk_test_load_start(
		*state,
		"UPDATE t SET euros = (cents + 1) / 100.0, n = n + 1 WHERE id = (SELECT (random() *"
		" 19999)::int + 1)",
		2, 4000);
	lk_test_steps_until(&p.steps, "contract");
	lk_test_load_stop(new, &by_new);
	lk_test_load_stop(old, &by_old);
	assert_string_equal(by_new.first_error, "");
	assert_string_equal(by_old.first_error, "");
	assert_true(by_new.transactions > 0 && by_old.transactions > 0);
	/* Each statement added one to the value, whichever column it knew. */
	assert_rows(
		p.app,
		"SELECT count(*) FILTER (WHERE cents <> id + n), count(*) FILTER (WHERE euros <> cents"
		" / 100.0), count(euros) FROM t",
		"0|0|20000");
	/* Hazard 10, with expressions: after the column has gone writes go on. */
	lk_test_steps_until(&p.steps, NULL);
	lk_test_do(p.app, "UPDATE t SET euros = 3.5 WHERE id = 1; INSERT INTO t (id, euros) VALUES "
			  "(0, 1)");
	assert_rows(
		p.app,
		"SELECT count(*) FROM pg_proc WHERE proname LIKE 'dual_write_' || 't'::regclass::oid || '%'",
		"0");
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounding_is_no_contradiction),
		cmocka_unit_test(what_is_written_again_counts_where_a_row_is_not_filled),
		cmocka_unit_test(a_value_that_cannot_be_carried_over_is_refused_with_a_sentence),
		cmocka_unit_test(a_row_that_was_so_before_is_let_alone),
		cmocka_unit_test(what_back_cannot_carry_is_refused_as_well),
		cmocka_unit_test(other_columns_that_are_read_count_too),
		cmocka_unit_test(no_name_is_taken_for_a_variable),
		cmocka_unit_test(expressions_mean_what_they_meant_when_it_began),
		cmocka_unit_test(the_default_is_converted),
		cmocka_unit_test(a_default_that_moves_is_cast),
		cmocka_unit_test(what_cannot_be_kept_in_step_is_refused),
		cmocka_unit_test(a_default_that_cannot_be_converted_is_refused),
		cmocka_unit_test(the_way_back_leaves_the_catalog_as_it_was),
		cmocka_unit_test(nothing_is_lost_under_load),
	};
	return cmocka_run_group_tests_name("dual write with expressions", tests, start, stop);
}
