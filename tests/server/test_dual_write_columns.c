/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which columns a dual write keeps equal: types, defaults, names; by whom; and which it refuses. */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "tests/server/steps.h"

struct pair {
	struct lk_test_steps steps;
	PGconn *app;
};

#define PLAN_OLD_NEW                                                                               \
	"plan: p\nsteps:\n  expand:\n"                                                             \
	"    - dual_write: {table: t, from: old, to: new, like: old}\n"                            \
	"  migrate:\n    - backfill: {table: t, set: {new: old}}\n"
#define BACKFILL "backfill-2"

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

static PGconn *connect_as(const struct lk_test_server *server, const char *role)
{
	char *conninfo = lk_test_server_conninfo(server, LK_TEST_PRIMARY, role, "test");
	PGconn *connection = PQconnectdb(conninfo);
	free(conninfo);
	assert_int_equal(PQstatus(connection), CONNECTION_OK);
	return connection;
}

static void begin(struct pair *pair, const struct lk_test_server *server, const char *sql)
{
	pair->app = lk_test_connect(server);
	lk_test_do(pair->app, "SET client_min_messages TO warning; DROP TABLE IF EXISTS t CASCADE");
	lk_test_do(pair->app, sql);
	lk_test_steps_open(&pair->steps, server, PLAN_OLD_NEW);
	lk_test_steps_until(&pair->steps, BACKFILL);
}

static void end(struct pair *pair)
{
	PQfinish(pair->app);
	lk_test_steps_close(&pair->steps);
}

static void fill(struct pair *pair)
{
	lk_test_steps_until(&pair->steps, NULL);
	assert_rows(pair->app, "SELECT count(*) FROM t WHERE old IS DISTINCT FROM new", "0");
}

static void a_constant_default_is_no_value_of_its_own(void **state)
{
	struct pair p;
	begin(&p, *state,
	      "CREATE TABLE t (id int PRIMARY KEY, old text DEFAULT 'it''s');"
	      "INSERT INTO t VALUES (1, DEFAULT), (2, 'x')");
	assert_rows(p.app, "SELECT old, new FROM t", "it's|NULL\nx|NULL");
	lk_test_do(p.app, "INSERT INTO t (id, old) VALUES (10, 'a'), (11, NULL), (12, 'it''s')");
	lk_test_do(p.app, "INSERT INTO t (id, new) VALUES (20, 'a'), (21, NULL), (22, DEFAULT)");
	lk_test_do(p.app, "INSERT INTO t (id) VALUES (30)");
	assert_rows(p.app, "SELECT id, old, new FROM t WHERE id >= 10 ORDER BY id",
		    "10|a|a\n11|NULL|NULL\n12|it's|it's\n20|a|a\n21|NULL|NULL\n22|it's|it's\n"
		    "30|it's|it's");
	fill(&p);
	end(&p);
}

/* now() is not what a date, or a time of whole seconds, stores of it. */
static void a_default_is_compared_as_the_column_stores_it(void **state)
{
	static const struct {
		const char *column, *value;
	} cases[] = {
		{"timestamptz DEFAULT now()", "2001-02-03 04:05:06+00"},
		{"timestamptz(0) DEFAULT now()", "2001-02-03 04:05:06+00"},
		{"date DEFAULT now()", "2001-02-03"},
		{"time(0) DEFAULT localtime", "04:05:06"},
		{"numeric(6,2) DEFAULT 1.0 / 3", "5.25"},
		{"int DEFAULT 2.6", "7"},
		{"varchar(4) DEFAULT 'abc'", "x"},
		{"char(6) DEFAULT 'abc'", "x     "},
		{"text DEFAULT current_user", "somebody"},
		{"text[] DEFAULT '{a,NULL}'", "{b}"},
		{"jsonb DEFAULT '{\"a\": 1}'", "[]"},
		{"dom DEFAULT 'own'", "x"},
		{"dom", "x"},
	};
	lk_test_sql(*state, "CREATE DOMAIN dom AS varchar(10) DEFAULT 'domain'");
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct pair p;
		const char *v = cases[i].value;
		char *sql =
			lk_format("CREATE TABLE t (id int PRIMARY KEY, old %s)", cases[i].column);
		char *writes = lk_format("INSERT INTO t (id, old) VALUES (1, '%s');"
					 "INSERT INTO t (id, new) VALUES (2, '%s');"
					 "INSERT INTO t (id) VALUES (3)",
					 v, v);
		char *expected = lk_format("1|%s|%s\n2|%s|%s", v, v, v, v);
		begin(&p, *state, sql);
		lk_test_do(p.app, "SET TimeZone TO 'UTC'");
		lk_test_do(p.app, writes);
		assert_rows(p.app, "SELECT * FROM t WHERE id < 3 ORDER BY id", expected);
		assert_rows(p.app, "SELECT old = new FROM t WHERE id = 3", "t");
		end(&p);
		free(expected);
		free(writes);
		free(sql);
	}
}

/* Whoever writes needs no right on our schema, nor on that of a type, nor a certain search path. */
static void people_without_any_right_of_ours_can_write(void **state)
{
	static const char *const types[][2] = {{"text", "x"},
					       {"types.mood DEFAULT 'sad'", "glad"},
					       {"types.name DEFAULT 'X'", "abc"},
					       {"int DEFAULT 4", "77"}};
	static const char *const paths[] = {"''", "pg_temp", "types, public", "odd, pg_catalog"};
	lk_test_sql(
		*state,
		"CREATE ROLE clerk LOGIN; CREATE SCHEMA types; CREATE TYPE types.mood AS ENUM"
		" ('sad', 'glad'); CREATE DOMAIN types.name AS text COLLATE \"C\";"
		"CREATE SCHEMA odd; CREATE FUNCTION odd.eq(int, int) RETURNS boolean LANGUAGE sql"
		" AS 'SELECT true'; CREATE OPERATOR odd.= (LEFTARG = int, RIGHTARG = int,"
		" FUNCTION = odd.eq); GRANT USAGE ON SCHEMA odd TO clerk");
	for (size_t i = 0; i < LK_COUNT(types) * LK_COUNT(paths); i++) {
		struct pair p;
		const char *const *type = types[i % LK_COUNT(types)];
		char *sql = lk_format("CREATE TABLE t (id int PRIMARY KEY, old %s);"
				      "GRANT SELECT, INSERT, UPDATE (old) ON t TO clerk",
				      type[0]);
		char *write = lk_format("SET search_path TO %s;"
					"INSERT INTO public.t (id, old) VALUES (1, '%s');"
					"INSERT INTO public.t (id, new) VALUES (2, '%s');"
					"UPDATE public.t SET old = '%s' WHERE id = 2",
					paths[i / LK_COUNT(types)], type[1], type[1], type[1]);
		char *expected = lk_format("1|%s|%s\n2|%s|%s", type[1], type[1], type[1], type[1]);
		begin(&p, *state, sql);
		PGconn *clerk = connect_as(*state, "clerk");
		lk_test_do(clerk, write);
		assert_rows(p.app, "SELECT * FROM t ORDER BY id", expected);
		PQfinish(clerk);
		end(&p);
		free(expected);
		free(write);
		free(sql);
	}
}

static void values_of_many_types_arrive_exactly(void **state)
{
	static const char *const cases[][3] = {
		{"varchar(40)", "'a%s\\ ''q'", "'b'"},
		{"text COLLATE \"C\"", "'Zoë'", "''"},
		{"plain_text", "'same'", "'other'"},
		{"numeric", "12345678901234567890.12345678901234567890", "'NaN'"},
		{"numeric(12,3)", "1.5", "-1.125"},
		{"double precision", "0.1::float8 + 0.2", "'-Infinity'"},
		{"uuid", "'6f1d0f3e-0d0d-4a11-8b6f-2a9a3d4c5e6f'", "gen_random_uuid()"},
		{"timestamptz", "'2024-02-29 23:59:59.999999+13'", "'infinity'"},
		{"interval", "'1 mon 3 days'", "'33 days'"},
		{"jsonb", "'{\"a\": [1, null]}'", "'null'"},
		{"bytea", "'\\x00ff'", "''"},
		{"feeling", "'good'", "'bad'"},
		{"text[]", "'{\"a,b\",NULL}'", "'{}'"},
		{"feeling[]", "'{good,bad}'", "'{}'"},
		{"int4range", "'[1,5)'", "'empty'"},
		{"inet", "'10.0.0.1/8'", "'::1'"},
		{"boolean", "true", "false"},
		{"place", "ROW(1, 'x')", "ROW(2, NULL)"},
	};
	lk_test_sql(*state, "CREATE DOMAIN plain_text AS text COLLATE \"C\";"
			    "CREATE TYPE feeling AS ENUM ('good', 'bad');"
			    "CREATE TYPE place AS (n int, s text)");
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct pair p;
		const char *a = cases[i][1], *b = cases[i][2];
		char *sql = lk_format("CREATE TABLE t (id int PRIMARY KEY, old %s);"
				      "INSERT INTO t VALUES (1, %s), (2, %s), (3, NULL)",
				      cases[i][0], a, b);
		char *write = lk_format(
			"INSERT INTO t (id, old) VALUES (4, %s);"
			"INSERT INTO t (id, new) VALUES (5, %s);"
			"UPDATE t SET new = %s WHERE id = 1; UPDATE t SET old = NULL WHERE"
			" id = 2; INSERT INTO t (id, old) VALUES (6, %s)",
			a, a, b, b);
		begin(&p, *state, sql);
		lk_test_do(p.app, write);
		fill(&p);
		assert_rows(
			p.app,
			"SELECT string_agg((old IS NULL)::int::text || (new IS NULL)::int ||"
			" (old::text IS NOT DISTINCT FROM new::text)::int, ' ' ORDER BY id) FROM t",
			"001 111 111 001 001 001");
		end(&p);
		free(write);
		free(sql);
	}
}

#define ODD_TABLE "\"Sch. ema\".\"My \"\"Tä ble\""

static void names_are_taken_exactly(void **state)
{
	static const char plan[] =
		"plan: p\nsteps:\n  expand:\n    - dual_write: {table: '" ODD_TABLE "',"
		" from: 'Us er\"Ñame', to: '%s', like: 'Us er\"Ñame'}\n"
		"  migrate:\n    - backfill: {table: '" ODD_TABLE
		"', set: {'%s': '\"Us er\"\"Ñame\"'}}\n";
	static const char *const names[] = {"Hand''le; -- 💥", "$lockkeeper$", "$1%s{o}"};
	PGconn *app = lk_test_connect(*state);
	lk_test_do(app, "CREATE SCHEMA \"Sch. ema\"");
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		struct lk_test_steps steps;
		lk_test_do(app,
			   "CREATE TABLE " ODD_TABLE
			   " (\"Id\" int PRIMARY KEY, \"Us er\"\"Ñame\" text"
			   " DEFAULT '$lockkeeper$'); INSERT INTO " ODD_TABLE " VALUES (1, 'a')");
		char *yaml = lk_format(plan, names[i], names[i]);
		lk_test_steps_open(&steps, *state, yaml);
		lk_test_steps_until(&steps, BACKFILL);
		lk_test_do(app, "INSERT INTO " ODD_TABLE " VALUES (2, 'b'), (3, DEFAULT)");
		lk_test_steps_until(&steps, NULL);
		assert_rows(app, "TABLE " ODD_TABLE " ORDER BY 1",
			    "1|a|a\n2|b|b\n3|$lockkeeper$|$lockkeeper$");
		lk_test_steps_back(&steps, NULL);
		assert_rows(app, "TABLE " ODD_TABLE " ORDER BY 1", "1|a\n2|b\n3|$lockkeeper$");
		lk_test_do(app, "DROP TABLE " ODD_TABLE);
		lk_test_steps_close(&steps);
		free(yaml);
	}
	PQfinish(app);
}

static void what_cannot_be_kept_equal_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{"old json", "type json of t.old has no equality"},
		{"old point", "type point of t.old has no equality"},
		{"old int GENERATED ALWAYS AS (id + 1) STORED", "t.old is generated"},
		{"old int GENERATED BY DEFAULT AS IDENTITY", "t.old is an identity"},
		{"old uuid DEFAULT gen_random_uuid()", "another value at each call"},
		{"old serial", "another value at each call"},
		{"old random_text", "another value at each call"},
		{"old positive", "rewrites the whole table"},
		{"old more_positive", "rewrites the whole table"},
		{"older int", "table t has no column \"old\""},
	};
	lk_test_sql(*state, "CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
			    "CREATE DOMAIN more_positive AS positive;"
			    "CREATE DOMAIN random_text AS text DEFAULT random()::text");
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		char *sql = lk_format(
			"SET client_min_messages TO warning; DROP TABLE IF EXISTS t CASCADE;"
			"CREATE TABLE t (id int PRIMARY KEY, %s)",
			cases[i][0]);
		lk_test_sql(*state, sql);
		char *refusal = lk_test_steps_refusal(*state, PLAN_OLD_NEW);
		assert_contains(refusal, cases[i][1]);
		free(refusal);
		free(sql);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_constant_default_is_no_value_of_its_own),
		cmocka_unit_test(a_default_is_compared_as_the_column_stores_it),
		cmocka_unit_test(people_without_any_right_of_ours_can_write),
		cmocka_unit_test(values_of_many_types_arrive_exactly),
		cmocka_unit_test(names_are_taken_exactly),
		cmocka_unit_test(what_cannot_be_kept_equal_is_refused),
	};
	return cmocka_run_group_tests_name("columns of a dual write", tests, start, stop);
}
