/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rename_column: what it carries over to the new column, and what it refuses by name. */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "tests/server/steps.h"

#define RENAME                                                                                     \
	"plan: p\noperations:\n  - rename_column: {table: t, from: username, to: user_handle}\n"

static int start(void **state)
{
	*state = lk_test_server_start(NULL);
	lk_test_sql(*state, "CREATE ROLE clerk; CREATE ROLE reader;"
			    "CREATE TABLE names (name text COLLATE \"C\" PRIMARY KEY);"
			    "INSERT INTO names SELECT 'n' || i FROM generate_series(1, 50) i");
	return 0;
}

static int stop(void **state)
{
	lk_test_server_stop(*state);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The text with each "username" replaced by `name`. */
static char *renamed(const char *text, const char *name)
{
	struct lk_buffer out = {0};
	size_t length = strlen("username");
	for (const char *p = text; *p;) {
		bool here = strncmp(p, "username", length) == 0;
		lk_buffer_add_bytes(&out, here ? name : p, here ? strlen(name) : 1);
		p += here ? length : 1;
	}
	return lk_buffer_take(&out);
}

/* The lines of lk_test_catalog in order of text, without the place of columns in the row, which a second
 * column cannot have; takes `catalog`. */
static char *sorted(char *catalog)
{
	struct lk_buffer out = {0};
	char **lines = NULL, *at;
	size_t count = 0;
	for (char *line = strtok_r(catalog, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		if (strncmp(line, "column ", 7) == 0)
			*strrchr(line, '|') = '\0';
		/* Functions of other runs that a test left half-way. */
		if (strncmp(line, "function ", 9) != 0)
			*LK_PUSH(lines, count) = line;
	}
	qsort(lines, count, sizeof *lines, by_text);
	for (size_t i = 0; i < count; i++)
		lk_buffer_addf(&out, "%s\n", lines[i]);
	free(lines);
	free(catalog);
	return lk_buffer_take(&out);
}

static void make(const struct lk_test_server *server, const char *sql)
{
	lk_test_sql(server,
		    "SET client_min_messages TO warning; DROP TABLE IF EXISTS t, u CASCADE;"
		    "DROP PUBLICATION IF EXISTS pub; DROP FUNCTION IF EXISTS app() CASCADE");
	lk_test_sql(server, sql);
}

/* Half-way and back the catalog is what it was, to the last word; at the end it is what it was with another
 * name in it. */
static void carries(const struct lk_test_server *server, const char *sql)
{
	struct lk_test_steps steps;
	make(server, sql);
	char *before = lk_test_catalog(server, "t");
	char *expected = sorted(renamed(before, "user_handle"));

	lk_test_steps_open(&steps, server, RENAME);
	lk_test_steps_until(&steps, "contract");
	lk_test_steps_back(&steps, "contract");
	char *back = lk_test_catalog(server, "t");
	assert_string_equal(back, before);
	lk_test_steps_close(&steps);

	lk_test_steps_open(&steps, server, RENAME);
	lk_test_steps_until(&steps, NULL);
	char *got = sorted(lk_test_catalog(server, "t"));
	assert_string_equal(got, expected);
	char *left =
		lk_format("SELECT count(*) FROM lockkeeper.cleanup WHERE run = '%s'", steps.name);
	assert_int_equal(lk_test_number(server, left), 0);
	lk_test_steps_close(&steps);
	free(left);
	free(got);
	free(back);
	free(expected);
	free(before);
}

#define ROWS ";INSERT INTO t (id, username) SELECT i, 'n' || i FROM generate_series(1, 40) i"

static void type_default_comment_and_grants_are_carried(void **state)
{
	carries(*state, "CREATE TABLE t (id int PRIMARY KEY, username varchar(40) COLLATE \"C\""
			" DEFAULT 'n' || 1);"
			"COMMENT ON COLUMN t.username IS 'it''s the \"login\"; -- name';"
			"GRANT SELECT ON t TO reader;"
			"GRANT INSERT (username) ON t TO clerk;"
			"GRANT REFERENCES (username) ON t TO reader WITH GRANT OPTION;"
			"GRANT SELECT (username) ON t TO PUBLIC;"
			"GRANT UPDATE (username, id) ON t TO clerk WITH GRANT OPTION" ROWS);
	carries(*state, "CREATE TABLE t (id int PRIMARY KEY, username numeric(9,2) DEFAULT 1.5)");
	carries(*state,
		"CREATE TABLE t (id int PRIMARY KEY, username timestamptz(3) DEFAULT now())");
	carries(*state, "CREATE TABLE t (id int PRIMARY KEY, username text[] DEFAULT '{a}')");
}

/* By way of a CHECK that is valid beforehand, which is gone at the end. */
static void not_null_is_carried(void **state)
{
	struct lk_test_steps steps;
	carries(*state, "CREATE TABLE t (id int PRIMARY KEY, username text NOT NULL)" ROWS);
	make(*state, "CREATE TABLE t (id int PRIMARY KEY, username text NOT NULL)" ROWS);
	lk_test_steps_open(&steps, *state, RENAME);
	size_t set = 0;
	while (!steps.plan.steps[set].sql || !strstr(steps.plan.steps[set].sql, "SET NOT NULL"))
		set++;
	lk_test_steps_until(&steps, steps.plan.steps[set].name);
	char *between = lk_test_catalog(*state, "t");
	assert_contains(between, "constraint user_handle_lk_not_null CHECK ((user_handle IS NOT"
				 " NULL)) t");
	free(between);
	lk_test_steps_close(&steps);
}

static void indexes_are_carried(void **state)
{
	carries(*state,
		"CREATE TABLE t (id int PRIMARY KEY, username text, a int, b int);"
		"CREATE INDEX t_username_plain ON t (username);"
		"CREATE UNIQUE INDEX t_username_unique ON t (username) INCLUDE (a, b);"
		"CREATE INDEX t_username_desc ON t (username DESC);"
		"CREATE INDEX t_username_nf ON t (username NULLS FIRST);"
		"CREATE INDEX t_username_dnl ON t (username DESC NULLS LAST);"
		"CREATE INDEX t_username_multi ON t (a DESC, username COLLATE \"C\", b);"
		"CREATE INDEX t_username_included ON t (b) INCLUDE (username);"
		"CREATE INDEX t_username_hash ON t USING hash (username) WITH (fillfactor = 70);"
		"CREATE INDEX \"t_username_Odd \"\"name\" ON t (username)" ROWS);
	carries(*state, "CREATE TABLE t (id int PRIMARY KEY, username int[]);"
			"CREATE INDEX t_username_gin ON t USING gin (username)");
}

static void unique_constraints_are_carried(void **state)
{
	carries(*state,
		"CREATE TABLE t (id int PRIMARY KEY, username text UNIQUE, a int,"
		" CONSTRAINT t_username_d UNIQUE (username, a) DEFERRABLE,"
		" CONSTRAINT t_username_i UNIQUE (username, id) DEFERRABLE INITIALLY DEFERRED,"
		" CONSTRAINT t_username_n UNIQUE (a, username, id) INCLUDE (a)"
		"  WITH (fillfactor = 80))" ROWS);
}

static void foreign_keys_are_carried(void **state)
{
	carries(*state,
		"CREATE TABLE t (id int PRIMARY KEY, username text COLLATE \"C\" REFERENCES names"
		" ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE,"
		" CONSTRAINT t_username_free FOREIGN KEY (username) REFERENCES names (name)"
		" INITIALLY DEFERRED);"
		"ALTER TABLE t ADD CONSTRAINT t_username_late FOREIGN KEY (username) REFERENCES names"
		" NOT VALID" ROWS);
	carries(*state, "CREATE TABLE t (id int PRIMARY KEY, username int REFERENCES t)");
}

/* What came with PostgreSQL 15. */
static void newer_clauses_are_carried(void **state)
{
	if (lk_test_number(*state, "SELECT current_setting('server_version_num')::int") < 150000)
		skip();
	carries(*state,
		"CREATE TABLE t (id int PRIMARY KEY, username text COLLATE \"C\" REFERENCES names"
		" ON DELETE SET NULL (username) ON UPDATE CASCADE, a int,"
		" CONSTRAINT t_username_n UNIQUE NULLS NOT DISTINCT (a, username) INCLUDE (id));"
		"CREATE UNIQUE INDEX t_username_nnd ON t (username, a) NULLS NOT DISTINCT" ROWS);
}

/* What cascades to the old column reaches the new one as well. */
static void both_columns_follow_their_foreign_key(void **state)
{
	struct lk_test_steps steps;
	make(*state,
	     "CREATE TABLE u (name text PRIMARY KEY); INSERT INTO u VALUES ('a'), ('b');"
	     "CREATE TABLE t (id int PRIMARY KEY, username text REFERENCES u ON DELETE SET NULL"
	     " ON UPDATE CASCADE); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
	lk_test_steps_open(&steps, *state, RENAME);
	lk_test_steps_until(&steps, "contract");
	PGconn *app = lk_test_connect(*state);
	lk_test_do(app, "UPDATE u SET name = 'c' WHERE name = 'a'; DELETE FROM u WHERE name = 'b'");
	assert_rows(app, "SELECT * FROM t ORDER BY id", "1|c|c\n2|NULL|NULL");
	PQfinish(app);
	lk_test_steps_close(&steps);
}

/* Names without the column's name in them, and names at the limit, are still told apart. */
static void carried_names_fit_and_stay_different(void **state)
{
	struct lk_test_steps steps;
	make(*state,
	     "CREATE TABLE t (id int PRIMARY KEY, username text);"
	     "CREATE INDEX by_name ON t (username);"
	     "CREATE INDEX \"ünïcödé_ünïcödé_ünïcödé_ünïcödé_abcdefghijk\" ON t (username);"
	     "CREATE INDEX an_index_with_a_name_that_is_as_long_as_a_name_can_be_a_12345 ON t (username);"
	     "CREATE INDEX an_index_with_a_name_that_is_as_long_as_a_name_can_be_b_12345 ON t (username)");
	lk_test_steps_open(&steps, *state, RENAME);
	lk_test_steps_until(&steps, "contract");
	assert_int_equal(lk_test_number(*state,
					"SELECT count(*) FROM pg_indexes WHERE tablename = 't'"
					" AND indexdef LIKE '%(user_handle)'"),
			 4);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM pg_indexes WHERE indexname ="
						" 'by_name_user_handle'"),
			 1);
	lk_test_steps_close(&steps);
}

#define ODD_TABLE "\"Shop; x\".\"Our \"\"T\""

static void names_of_every_kind_are_renamed(void **state)
{
	struct lk_test_steps steps;
	PGconn *app = lk_test_connect(*state);
	lk_test_do(app,
		   "CREATE SCHEMA \"Shop; x\"; CREATE TABLE " ODD_TABLE " (\"I d\" int PRIMARY KEY,"
		   " \"Näme, \"\"it\" text NOT NULL DEFAULT '' UNIQUE); INSERT INTO " ODD_TABLE
		   " VALUES (1, 'a'), (2, 'b')");
	lk_test_steps_open(&steps, *state,
			   "plan: p\noperations:\n  - rename_column: {table: '" ODD_TABLE
			   "', from: 'Näme, \"it', to: \"Na'me\\\\ $1\"}\n");
	lk_test_steps_until(&steps, NULL);
	assert_rows(app, "TABLE " ODD_TABLE " ORDER BY 1", "1|a\n2|b");
	assert_rows(app,
		    "SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = '" ODD_TABLE
		    "'::regclass AND attnum = 3",
		    "Na'me\\ $1|t");
	PQfinish(app);
	lk_test_steps_close(&steps);
}

#define TABLE "CREATE TABLE t (id int PRIMARY KEY, username text, other text);"
#define FUNCTION                                                                                   \
	"CREATE FUNCTION app() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"

/* What is made, the words of the refusal, and the version that knows it. */
static const struct {
	const char *sql, *words;
	int since;
} refusals[] = {
	{TABLE "CREATE VIEW v AS SELECT username FROM t", "view v", 0},
	{TABLE "CREATE VIEW v AS SELECT id FROM t ORDER BY username", "view v", 0},
	{TABLE "CREATE MATERIALIZED VIEW mv AS SELECT username FROM t", "materialized view mv", 0},
	{TABLE "ALTER TABLE t ADD COLUMN g text GENERATED ALWAYS AS (username || 'x') STORED",
	 "generated column g", 0},
	{TABLE "ALTER TABLE t ADD CONSTRAINT long_enough CHECK (username > 'a')",
	 "check constraint long_enough", 0},
	{"CREATE TABLE t (username text PRIMARY KEY)", "primary key t_pkey", 0},
	{"CREATE TABLE t (id int, username text, PRIMARY KEY (id, username))", "primary key t_pkey",
	 0},
	{"CREATE TABLE t (id int PRIMARY KEY, username text UNIQUE);"
	 "CREATE TABLE u (id int, name text CONSTRAINT inbound REFERENCES t (username))",
	 "foreign key inbound of table u, which refers to it", 0},
	{"CREATE TABLE u (a int, b text, PRIMARY KEY (a, b)); CREATE TABLE t (id int PRIMARY KEY, username"
	 " text, CONSTRAINT wide FOREIGN KEY (id, username) REFERENCES u)",
	 "foreign key of several columns wide", 0},
	{TABLE FUNCTION "CREATE TRIGGER on_it AFTER UPDATE OF username ON t EXECUTE FUNCTION app()",
	 "trigger on_it", 0},
	{TABLE FUNCTION
	 "CREATE TRIGGER when_it BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.username = 'x')"
	 " EXECUTE FUNCTION app()",
	 "trigger when_it", 0},
	{TABLE "CREATE POLICY own ON t USING (username = current_user)", "row security policy own",
	 0},
	{TABLE "CREATE INDEX low ON t (lower(username))", "index low (it has an expression", 0},
	{TABLE "CREATE INDEX part ON t (id) WHERE username > 'a'",
	 "index part (it has an expression", 0},
	{TABLE "CREATE INDEX pattern ON t (username text_pattern_ops)",
	 "index pattern (it has an expression, a condition or an operator class", 0},
	{TABLE "CREATE PUBLICATION pub FOR TABLE t (id, username)", "publication pub, which lists",
	 150000},
	{TABLE "CREATE PUBLICATION pub FOR TABLE t (id, other)", "publication pub, which lists",
	 150000},
	{TABLE
	 "ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION pub FOR TABLE t WHERE (username > 'a')",
	 "publication pub", 150000},
	{"CREATE TABLE t (id int PRIMARY KEY, username int GENERATED ALWAYS AS IDENTITY)",
	 "the column is an identity", 0},
	{"CREATE TABLE t (id int PRIMARY KEY, username int GENERATED ALWAYS AS (id + 1) STORED)",
	 "the column is generated", 0},
	{"CREATE TABLE t (id int PRIMARY KEY, username text) PARTITION BY RANGE (id)",
	 "t is a partitioned table, not a plain table", 0},
	{TABLE "CREATE TABLE u () INHERITS (t)", "table t has inheritance parents or children", 0},
	{"CREATE TABLE u (id int); CREATE TABLE t (username text, PRIMARY KEY (id)) INHERITS (u)",
	 "table t has inheritance parents or children", 0},
	{"CREATE TABLE t (id int UNIQUE, username text)", "table t has no usable key", 0},
	{"CREATE TABLE t (id int NOT NULL, username text); CREATE UNIQUE INDEX ON t (id) WHERE id > 0",
	 "table t has no usable key", 0},
	{"CREATE TABLE t (id int NOT NULL UNIQUE DEFERRABLE, username text)",
	 "table t has no usable key", 0},
	{"CREATE TABLE t (id int PRIMARY KEY, username json)", "type json has no equality", 0},
	{"CREATE TABLE t (id int PRIMARY KEY, username text DEFAULT random()::text)",
	 "its default ((random())::text) gives another value at each call", 0},
	{"CREATE TABLE t (id int PRIMARY KEY, username serial)", "gives another value at each call",
	 0},
	{"CREATE TABLE t (id int PRIMARY KEY, username int); CREATE SEQUENCE own OWNED BY t.username",
	 "sequence own", 0},
	{TABLE "CREATE STATISTICS both_of ON username, other FROM t", "statistics object both_of",
	 0},
	{TABLE "CREATE STATISTICS expr_of ON (username || 'x') FROM t", "statistics object expr_of",
	 140000},
	{"CREATE TABLE t (id int PRIMARY KEY, username int4range, CONSTRAINT apart EXCLUDE USING gist"
	 " (username WITH &&))",
	 "exclusion constraint apart", 0},
	{TABLE
	 "CREATE FUNCTION app() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT username FROM t; END",
	 "function app()", 140000},
	{TABLE "CREATE RULE also AS ON UPDATE TO t DO ALSO NOTIFY x", "rule also", 0},
	{"CREATE TABLE t (id int PRIMARY KEY, username text NOT NULL, CONSTRAINT ident UNIQUE (username));"
	 "ALTER TABLE t REPLICA IDENTITY USING INDEX ident",
	 "replica identity of the table, by index ident", 0},
	{TABLE "ALTER TABLE t ADD COLUMN user_handle int", "already has a column \"user_handle\"",
	 0},
	{"CREATE TABLE t (id int PRIMARY KEY, user_name text)",
	 "table t has no column \"username\"; did you mean \"user_name\"?", 0},
	{"CREATE TABLE t (id int PRIMARY KEY, \"userName\" text)", "but it has \"userName\"", 0},
};

static void what_it_does_not_carry_it_refuses_by_name(void **state)
{
	int64_t version = lk_test_number(*state, "SHOW server_version_num");
	for (size_t i = 0; i < LK_COUNT(refusals); i++) {
		if (version < refusals[i].since)
			continue;
		make(*state, refusals[i].sql);
		char *refusal = lk_test_steps_refusal(*state, RENAME);
		if (!strstr(refusal, refusals[i].words))
			fail_msg("%s\nis refused with \"%s\",\nnot with \"%s\"", refusals[i].sql,
				 refusal, refusals[i].words);
		free(refusal);
	}
	/* Refused, and nothing was begun. */
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM pg_attribute WHERE attname ="
						" 'user_handle' AND attrelid = 't'::regclass"),
			 0);
}

static void other_relations_are_refused(void **state)
{
	make(*state, "CREATE VIEW a_view AS SELECT 1 AS id, 'x' AS username");
	char *refusal =
		lk_test_steps_refusal(*state, "plan: p\noperations:\n  - rename_column: {table:"
					      " a_view, from: username, to: b}\n");
	assert_contains(refusal, "a_view is a view, not a plain table");
	free(refusal);
}

static void all_hindrances_come_at_once(void **state)
{
	make(*state,
	     TABLE "CREATE VIEW v AS SELECT username FROM t; CREATE VIEW w AS SELECT username FROM"
		   " t; ALTER TABLE t ADD CHECK (username > ''); CREATE INDEX low ON t"
		   " (lower(username))");
	char *refusal = lk_test_steps_refusal(*state, RENAME);
	assert_contains(refusal, "test.yaml:3:");
	assert_contains(refusal, "view v");
	assert_contains(refusal, "view w");
	assert_contains(refusal, "check constraint t_username_check");
	assert_contains(refusal, "index low");
	free(refusal);
}

static void a_missing_table_is_named_with_its_neighbour(void **state)
{
	make(*state, "CREATE TABLE t (id int PRIMARY KEY)");
	char *refusal =
		lk_test_steps_refusal(*state, "plan: p\noperations:\n  - rename_column: {table:"
					      " nams, from: a, to: b}\n");
	assert_contains(refusal, "there is no table \"nams\"");
	assert_contains(refusal, "did you mean \"names\"?");
	free(refusal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(type_default_comment_and_grants_are_carried),
		cmocka_unit_test(not_null_is_carried),
		cmocka_unit_test(indexes_are_carried),
		cmocka_unit_test(unique_constraints_are_carried),
		cmocka_unit_test(foreign_keys_are_carried),
		cmocka_unit_test(newer_clauses_are_carried),
		cmocka_unit_test(both_columns_follow_their_foreign_key),
		cmocka_unit_test(carried_names_fit_and_stay_different),
		cmocka_unit_test(names_of_every_kind_are_renamed),
		cmocka_unit_test(what_it_does_not_carry_it_refuses_by_name),
		cmocka_unit_test(other_relations_are_refused),
		cmocka_unit_test(all_hindrances_come_at_once),
		cmocka_unit_test(a_missing_table_is_named_with_its_neighbour),
	};
	return cmocka_run_group_tests_name("operation", tests, start, stop);
}
