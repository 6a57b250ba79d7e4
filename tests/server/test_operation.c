/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rename_column: what it brings along, and what it refuses by name. */
#include "tests/control/steps.c"

static struct lk_test_server *server;
static struct lk_session *session;

static int start_server(void **state)
{
	(void)state;
	const struct lk_test_server_options options = {.settings = "wal_level = logical"};
	server = lk_test_server_start(&options);
	session = lk_steps_session(server, NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	lk_session_close(session);
	lk_test_server_stop(server);
	return 0;
}

static int tables;

/* What stands of a column in the catalog, with its names replaced, so that two columns can be compared. */
static char *definition(const char *table, const char *column)
{
	char *sql = lk_format(
		"WITH x AS (SELECT a.attrelid AS rel, a.attnum AS att FROM pg_attribute a WHERE a.attrelid ="
		" '%s'::regclass AND a.attname = '%s') SELECT string_agg(replace(t, '%s', '#'), E'\\n' ORDER BY"
		" replace(t, '%s', '#')) FROM ("
		" SELECT format('type %%s null %%s default %%s collation %%s comment %%s grants %%s',"
		"  format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),"
		"  a.attcollation::regcollation, col_description(a.attrelid, a.attnum), (SELECT"
		"  array_agg(x ORDER BY x::text) FROM unnest(a.attacl) x)) AS t FROM x JOIN"
		"  pg_attribute a ON a.attrelid = rel AND a.attnum = att LEFT JOIN pg_attrdef d ON d.adrelid = rel AND"
		"  d.adnum = att"
		" UNION ALL SELECT format('index %%s valid %%s', pg_get_indexdef(i.indexrelid), i.indisvalid) FROM x"
		"  JOIN pg_index i ON i.indrelid = rel AND att = ANY (i.indkey)"
		" UNION ALL SELECT format('constraint %%s %%s %%s', c.conname, pg_get_constraintdef(c.oid),"
		"  c.convalidated) FROM x JOIN pg_constraint c ON c.conrelid = rel AND att = ANY (c.conkey)) s",
		table, column, column, column);
	char *text = lk_test_value(server, sql);
	free(sql);
	return text;
}

/* Makes table r (columns id, o, p, q), runs the whole plan but the drop, and compares o with n. */
static void carries(const char *o, const char *after)
{
	struct lk_steps steps;
	struct lk_error error;
	char name[20];
	char *sql = lk_format(
		"SET client_min_messages = error; DROP TABLE IF EXISTS r CASCADE; CREATE TABLE r (id int"
		" PRIMARY KEY, oldcol %s, p int, q text); INSERT INTO r (id, p) SELECT n, n FROM"
		" generate_series(1, 50) n; %s",
		o, after);
	lk_test_sql(server, sql);
	free(sql);
	snprintf(name, sizeof name, "carry-%d", tables++);
	lk_steps_open(&steps, server, name,
		      "operations:\n  - rename_column: {table: r, from: oldcol, to: newcol}\n");
	(void)error;
	char *before = definition("r", "oldcol");
	for (size_t i = 0; i < steps.plan.step_count; i++) {
		if (steps.plan.steps[i].verb == LK_VERB_END_DUAL_WRITE)
			break;
		if (lk_steps_forward(&steps, (int)i) != LK_OUTCOME_DONE)
			fail_msg("%s: %s", steps.plan.steps[i].name, steps.error.text);
	}
	char *made = definition("r", "newcol");
	if (strcmp(before, made) != 0)
		fail_msg("of oldcol:\n%s\nof newcol:\n%s", before, made);
	assert_int_equal(
		lk_test_number(server,
			       "SELECT count(*) FROM r WHERE oldcol IS DISTINCT FROM newcol"),
		0);
	free(before);
	free(made);
	lk_steps_close(&steps);
}

static void type_collation_default_comment_and_grants(void **state)
{
	(void)state;
	lk_test_sql(server, "CREATE ROLE reader; CREATE ROLE \"Writer x\"");
	carries("varchar(40)", "");
	carries("numeric(10,3) DEFAULT 1.5", "");
	carries("text COLLATE \"C\" NOT NULL DEFAULT 'x''y\\'",
		"COMMENT ON COLUMN r.oldcol IS 'what''s \\ it'");
	carries("timestamptz(3) DEFAULT '2020-01-01 00:00:00+00'", "");
	carries("int[] NOT NULL DEFAULT '{1,2}'", "");
	carries("bit varying(7)",
		"GRANT SELECT (oldcol), UPDATE (oldcol) ON r TO reader; GRANT INSERT (oldcol) ON r TO \"Writer x\""
		" WITH GRANT OPTION; GRANT SELECT (oldcol) ON r TO PUBLIC");
	carries("text NOT NULL DEFAULT ''", "");
}

static void a_default_that_is_stable_in_a_statement(void **state)
{
	(void)state;
	carries("timestamptz DEFAULT now()", "");
	carries("text DEFAULT CURRENT_USER", "");
}

static void indexes_of_every_plain_kind(void **state)
{
	(void)state;
	carries("int",
		"CREATE INDEX r_oldcol_idx ON r (oldcol); CREATE INDEX r_two_oldcol ON r (p, oldcol DESC NULLS LAST) INCLUDE (q)");
	carries("int DEFAULT 5",
		"CREATE INDEX r_inc_oldcol ON r (p) INCLUDE (oldcol); CREATE INDEX r_h_oldcol ON r USING hash (oldcol)");
	carries("text",
		"CREATE INDEX r_c_oldcol ON r (oldcol COLLATE \"C\" NULLS FIRST) WITH (fillfactor = 70)");
	carries("int",
		"UPDATE r SET oldcol = id; CREATE UNIQUE INDEX r_u_oldcol ON r (oldcol); CREATE UNIQUE INDEX r_nd_oldcol ON r (oldcol, p)"
		" NULLS NOT DISTINCT");
	carries("int[]", "CREATE INDEX r_g_oldcol ON r USING gin (oldcol)");
	carries("int",
		"CREATE INDEX r_b_oldcol ON r USING brin (oldcol) WITH (pages_per_range = 8)");
}

static void unique_constraints_and_foreign_keys(void **state)
{
	(void)state;
	lk_test_sql(
		server,
		"CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent SELECT generate_series(1, 50)");
	carries("int",
		"UPDATE r SET oldcol = id; ALTER TABLE r ADD CONSTRAINT r_oldcol_key UNIQUE (oldcol)");
	carries("int",
		"UPDATE r SET oldcol = id; ALTER TABLE r ADD CONSTRAINT r_oldcol_p UNIQUE (p, oldcol) INCLUDE (q)");
	carries("int",
		"ALTER TABLE r ADD CONSTRAINT r_oldcol_fkey FOREIGN KEY (oldcol) REFERENCES parent ON DELETE CASCADE ON UPDATE"
		" SET NULL");
	carries("int NOT NULL DEFAULT 7",
		"ALTER TABLE r ADD CONSTRAINT \"R oldcol!\" FOREIGN KEY (oldcol) REFERENCES parent"
		" DEFERRABLE INITIALLY DEFERRED");
	carries("int",
		"UPDATE r SET oldcol = id; ALTER TABLE r ADD CONSTRAINT r_oldcol_defer UNIQUE (oldcol) DEFERRABLE INITIALLY DEFERRED");
}

static void names_that_are_too_long_are_cut_and_stay_different(void **state)
{
	(void)state;
	struct lk_steps steps;
	lk_test_sql(
		server,
		"CREATE TABLE longnames (id int PRIMARY KEY, c text);"
		"CREATE INDEX an_index_with_a_name_that_is_as_long_as_a_name_can_be_a_c ON longnames (c);"
		"CREATE INDEX an_index_with_a_name_that_is_as_long_as_a_name_can_be_b_c ON longnames (c, id)");
	lk_steps_open(&steps, server, "long-names",
		      "operations:\n  - rename_column: {table: longnames, from: c, to:"
		      " a_column_with_a_long_name_as_well_so_that_it_does_not_fit}\n");
	lk_steps_all(&steps);
	assert_int_equal(
		lk_test_number(
			server,
			"SELECT count(*) FROM pg_index WHERE indrelid = 'longnames'::regclass AND"
			" indisvalid"),
		3);
	lk_steps_close(&steps);
}

/* Whatever stands in the way is named, and nothing is begun. */
static void refuses(const char *make, const char *table, const char *names)
{
	struct lk_error error = {0};
	struct lk_plan plan;
	char *body =
		lk_format("operations:\n  - rename_column: {table: %s, from: o, to: n}\n", table);
	char *sql = lk_format("SET client_min_messages = error; %s", make);
	lk_test_sql(server, sql);
	if (lk_steps_plan(session, "refused", body, &plan, &error))
		fail_msg("accepted: %s", make);
	if (!strstr(error.text, names))
		fail_msg("\"%s\" is not named: %s", names, error.text);
	assert_true(error.class == LK_ERROR_REFUSED || error.class == LK_ERROR_PLAN);
	lk_plan_free(&plan);
	free(sql);
	free(body);
}

#define TABLE(more)                                                                                \
	"DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o text, q int); " more

static void what_it_does_not_carry_it_refuses_by_name(void **state)
{
	(void)state;
	refuses(TABLE("CREATE VIEW \"a view\" AS SELECT o FROM f"), "f", "view \"a view\"");
	refuses(TABLE("CREATE MATERIALIZED VIEW mv AS SELECT upper(o) FROM f"), "f", "view mv");
	refuses(TABLE("ALTER TABLE f ADD g text GENERATED ALWAYS AS (o || 'x') STORED"), "f",
		"generated column g");
	refuses(TABLE("ALTER TABLE f ADD CONSTRAINT \"long enough\" CHECK (length(o) > 2)"), "f",
		"check constraint \"long enough\"");
	refuses(TABLE("CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER"
		      " on_o BEFORE UPDATE OF o ON f FOR EACH ROW EXECUTE FUNCTION tf()"),
		"f", "trigger on_o");
	refuses(TABLE("CREATE TRIGGER when_o BEFORE UPDATE ON f FOR EACH ROW WHEN (OLD.o IS DISTINCT FROM NEW.o) EXECUTE"
		      " FUNCTION tf()"),
		"f", "trigger when_o");
	refuses(TABLE("CREATE POLICY mine ON f USING (o = current_user)"), "f", "policy mine");
	refuses(TABLE("CREATE INDEX f_low ON f (lower(o))"), "f", "index f_low");
	refuses(TABLE("CREATE INDEX f_part ON f (id) WHERE o IS NULL"), "f", "index f_part");
	refuses(TABLE("CREATE INDEX f_ops ON f (o text_pattern_ops)"), "f", "index f_ops");
	refuses(TABLE("CREATE STATISTICS f_stat ON o, q FROM f"), "f", "f_stat");
	refuses(TABLE("CREATE PUBLICATION pub FOR TABLE f (id, o)"), "f", "publication pub");
	lk_test_sql(server, "DROP PUBLICATION pub");
	refuses(TABLE("ALTER TABLE f ADD UNIQUE (o); CREATE TABLE child (x text CONSTRAINT to_f REFERENCES f (o))"),
		"f", "to_f");
	refuses(TABLE("ALTER TABLE f ADD r int4range, ADD CONSTRAINT excl EXCLUDE USING btree (o WITH =)"),
		"f", "exclusion constraint excl");
}

static void keys_kinds_and_types_that_cannot_be(void **state)
{
	(void)state;
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (o text PRIMARY KEY)", "f",
		"primary key f_pkey");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int, o text)", "f",
		"no usable key");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o int GENERATED ALWAYS AS IDENTITY)",
		"f", "identity");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o int GENERATED ALWAYS AS (id) STORED)",
		"f", "generated");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o json)", "f",
		"no equality");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o point)", "f",
		"no equality");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o float8 DEFAULT random())",
		"f", "random()");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o serial)",
		"f", "nextval");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o uuid DEFAULT gen_random_uuid())",
		"f", "gen_random_uuid");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o text) PARTITION BY RANGE (id)",
		"f", "partitioned table");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o text) PARTITION BY RANGE (id);"
		"CREATE TABLE f1 PARTITION OF f DEFAULT",
		"f1", "inheritance");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE TABLE f (id int PRIMARY KEY, o text); CREATE TABLE f_child () INHERITS"
		" (f)",
		"f", "inheritance");
	refuses("DROP TABLE IF EXISTS f CASCADE; CREATE VIEW f AS SELECT 1 AS id, 'x' AS o", "f",
		"view");
	lk_test_sql(server, "DROP VIEW f");
}

static void names_that_do_not_exist(void **state)
{
	(void)state;
	refuses("CREATE TABLE n1 (id int PRIMARY KEY, \"O\" text)", "n1", "names are exact");
	refuses("CREATE TABLE n2 (id int PRIMARY KEY, p text)", "n2", "no column \"o\"");
	refuses("SELECT 1", "\"N2\"", "there is no table");
	refuses("CREATE TABLE n3 (id int PRIMARY KEY, o text, n text)", "n3",
		"already has a column \"n\"");
	refuses("SELECT 1", "pg_catalog.pg_class", "");
}

/* Everything at once, in one sentence. */
static void all_hindrances_are_named_together(void **state)
{
	(void)state;
	refuses(TABLE("CREATE VIEW v1 AS SELECT o FROM f; CREATE VIEW v2 AS SELECT o FROM f; CREATE INDEX f_low2 ON f"
		      " (lower(o)); ALTER TABLE f ADD CONSTRAINT chk CHECK (o <> '')"),
		"f", "check constraint chk; index f_low2");
	refuses("SELECT 1", "f", "view v1; view v2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(type_collation_default_comment_and_grants),
		cmocka_unit_test(a_default_that_is_stable_in_a_statement),
		cmocka_unit_test(indexes_of_every_plain_kind),
		cmocka_unit_test(unique_constraints_and_foreign_keys),
		cmocka_unit_test(names_that_are_too_long_are_cut_and_stay_different),
		cmocka_unit_test(what_it_does_not_carry_it_refuses_by_name),
		cmocka_unit_test(keys_kinds_and_types_that_cannot_be),
		cmocka_unit_test(names_that_do_not_exist),
		cmocka_unit_test(all_hindrances_are_named_together),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
