/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The short form beyond rename_column: every operation forward, back to the last word, and forward again. */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "tests/server/steps.h"

static int start(void **state)
{
	*state = lk_test_server_start(NULL);
	lk_test_sql(*state, "CREATE ROLE clerk; CREATE ROLE reader");
	return 0;
}

static int stop(void **state)
{
	lk_test_server_stop(*state);
	return 0;
}

#define SHOP                                                                                            \
	"SET client_min_messages TO warning; DROP TABLE IF EXISTS o, p, t, u CASCADE;"                  \
	"CREATE TABLE u (id bigint PRIMARY KEY, tag text UNIQUE, f int);"                               \
	"INSERT INTO u SELECT i, 'u' || i, i FROM generate_series(1, 30) i;"                            \
	"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text,"                \
	" email text NOT NULL, amount bigint NOT NULL DEFAULT 0, u_id bigint, code int);"               \
	"INSERT INTO t (name, email, amount, u_id, code) SELECT CASE WHEN i % 7 > 0 THEN 'n' || i END," \
	" 'e' || i, i * 100 + 5, i % 30 + 1, i FROM generate_series(1, 300) i;"                         \
	"CREATE INDEX t_name_idx ON t (name DESC) WHERE id > 5;"                                        \
	"CREATE INDEX t_amount_idx ON t (amount);"                                                      \
	"ALTER TABLE t ADD CONSTRAINT t_code_key UNIQUE (code);"                                        \
	"ALTER TABLE t ADD CONSTRAINT t_code_check CHECK (code > 0);"                                   \
	"GRANT SELECT, UPDATE ON t TO clerk; GRANT SELECT (name) ON t TO reader"

struct operation {
	const char *yaml;     /* one operation */
	const char *expected; /* in the catalog at the end; several, divided by newlines */
	const char *gone;     /* not there at the end; NULL nothing */
	const char *check;    /* a query that must yield "0" at the end; NULL none */
};

static void expect_lines(const char *catalog, const char *lines, bool there)
{
	char *copy = lk_strdup(lines ? lines : ""), *at;
	for (char *line = strtok_r(copy, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
		if ((strstr(catalog, line) != NULL) != there)
			fail_msg("\"%s\" is %s\n%s", line, there ? "not in" : "in", catalog);
	free(copy);
}

/* What an irreversible step has done is not taken back: a run goes back from in front of the first. */
static const char *last_way_back(const struct lk_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (lk_step_irreversible(&plan->steps[i]))
			return plan->steps[i].name;
	return NULL;
}

static void there_and_back(const struct lk_test_server *server, const struct operation *o)
{
	struct lk_test_steps steps;
	char *yaml = lk_format("plan: p\noperations:\n  - %s\n", o->yaml);
	lk_test_sql(server, SHOP);
	char *before = lk_test_catalog(server, "t");

	lk_test_steps_open(&steps, server, yaml);
	const char *last = last_way_back(&steps.plan);
	lk_test_steps_until(&steps, last);
	lk_test_steps_back(&steps, last);
	char *back = lk_test_catalog(server, "t");
	if (strcmp(back, before) != 0)
		fail_msg("%s\nand back yields\n%s\nand not\n%s", o->yaml, back, before);
	lk_test_steps_close(&steps);

	lk_test_steps_open(&steps, server, yaml);
	lk_test_steps_until(&steps, NULL);
	lk_test_steps_close(&steps);
	bool renamed = strstr(o->yaml, "rename_table") != NULL;
	char *after = lk_test_catalog(server, renamed ? "renamed" : "t");
	expect_lines(after, o->expected, true);
	expect_lines(after, o->gone, false);
	if (o->check)
		assert_int_equal(lk_test_number(server, o->check), 0);
	lk_test_sql(server,
		    "SET client_min_messages TO warning; DROP TABLE IF EXISTS renamed CASCADE");
	free(after);
	free(back);
	free(before);
	free(yaml);
}

static void every_operation_goes_there_and_back_and_there(void **state)
{
	static const struct operation operations[] = {
		{"add_column: {table: t, column: c, type: text, default: \"'x'\", not_null: true}",
		 "column c ", NULL, "SELECT count(*) FROM t WHERE c IS DISTINCT FROM 'x'"},
		{"add_column: {table: t, column: c, type: uuid, default: \"gen_random_uuid()\", not_null: true}",
		 "column c ", "lk_not_null", "SELECT 300 - count(DISTINCT c) FROM t"},
		{"add_column: {table: t, column: c, type: \"numeric(9,2)\"}", "column c ", NULL,
		 NULL},
		{"drop_column: {table: t, column: name}", "column email", "column name\nt_name_idx",
		 NULL},
		{"drop_column: {table: t, column: email}", NULL, "column email", NULL},
		{"rename_column: {table: t, from: amount, to: total}", "column total\nt_total_idx",
		 "column amount", NULL},
		{"change_type: {table: t, column: amount, type: \"numeric(14,2)\", using: \"amount / 100.0\", "
		 "back: \"round(amount_new * 100)\"}",
		 "column amount\nnumeric(14,2)\nt_amount_idx", "amount_new\ntrigger",
		 "SELECT count(*) + (SELECT count(*) FROM pg_constraint WHERE conname LIKE '%amount_new%')"
		 " FROM t WHERE amount <> id + 0.05"},
		{"change_type: {table: t, column: u_id, type: text, to: user_name}",
		 "column user_name\ntext", "column u_id", NULL},
		{"set_not_null: {table: t, column: name, fill: \"'nobody'\"}", "column name",
		 "lk_not_null", "SELECT count(*) - 42 FROM t WHERE name = 'nobody'"},
		{"drop_not_null: {table: t, column: email}", "column email", "lk_not_null", NULL},
		{"set_default: {table: t, column: amount, default: \"7\"}", "7", NULL, NULL},
		{"set_default: {table: t, column: name, default: \"'it''s'\"}", "it''s", NULL,
		 NULL},
		{"add_index: {table: t, columns: [email, \"lower(name)\", \"amount DESC\"], where: \"id > 9\", "
		 "include: [code]}",
		 "t_email_lower_name_amount_DESC_idx", NULL, NULL},
		{"add_index: {table: t, columns: [email], unique: true, name: \"odd name\"}",
		 "odd name", NULL, NULL},
		{"drop_index: {index: t_name_idx}", NULL, "t_name_idx", NULL},
		{"add_check: {table: t, check: \"amount >= 0\"}", "CHECK ((amount >= 0))",
		 "NOT VALID", NULL},
		{"add_foreign_key: {table: t, columns: [u_id], references: u, on_delete: set null}",
		 "FOREIGN KEY (u_id) REFERENCES u(id) ON DELETE SET NULL", "NOT VALID", NULL},
		{"add_unique: {table: t, columns: [email]}", "t_email_key UNIQUE (email)", NULL,
		 NULL},
		{"drop_constraint: {table: t, constraint: t_code_key}", NULL, "t_code_key", NULL},
		{"drop_constraint: {table: t, constraint: t_code_check}", NULL, "t_code_check",
		 NULL},
		{"rename_table: {table: t, to: renamed}", "column email\nclerk\nreader", NULL,
		 "SELECT count(*) FROM pg_class WHERE relname = 't'"},
	};
	for (size_t i = 0; i < LK_COUNT(operations); i++)
		there_and_back(*state, &operations[i]);
}

static void refuses(void **state, const char *operation, const char *expected)
{
	char *yaml = lk_format("plan: p\noperations:\n  - %s\n", operation);
	char *said = lk_test_steps_refusal(*state, yaml);
	if (!strstr(said, expected))
		fail_msg("%s\nis refused with \"%s\",\nnot with \"%s\"", operation, said, expected);
	free(said);
	free(yaml);
}

static void what_cannot_be_done_is_refused_with_the_reason(void **state)
{
	static const char *const cases[][2] = {
		{"add_column: {table: t, column: c, type: text, not_null: true}",
		 "NOT NULL without a default"},
		{"add_column: {table: t, column: name, type: text}",
		 "already has a column \"name\""},
		{"add_column: {table: t, column: c, type: uuid, default: \"gen_random_uuid()\"}",
		 "say not_null: true"},
		{"add_column: {table: t, column: c, type: serial}", "makes a sequence"},
		{"add_column: {table: t, column: c, type: tekst}", "knows no type tekst"},
		{"drop_column: {table: t, column: nam}", "name"},
		{"drop_column: {table: t, column: id}", "primary key t_pkey"},
		{"drop_column: {table: v_base, column: a}", "view v_of_it"},
		{"change_type: {table: t, column: id, type: text}", "primary key"},
		{"change_type: {table: t, column: code, type: nonsense}", "knows no type"},
		{"set_not_null: {table: t, column: email}", "is NOT NULL already"},
		{"drop_not_null: {table: t, column: name}", "may hold NULL already"},
		{"drop_not_null: {table: t, column: id}", "is part of the key"},
		{"set_default: {table: t, column: id, default: \"1\"}", "is an identity"},
		{"add_index: {table: t, columns: [nam]}", "name"},
		{"add_index: {table: t, columns: [name], name: t_name_idx}", "is taken"},
		{"drop_index: {index: t_code_key}", "belongs to constraint t_code_key"},
		{"drop_index: {index: nothing}", "there is no index \"nothing\""},
		{"drop_index: {index: u_pkey}", "belongs to constraint"},
		{"add_foreign_key: {table: t, columns: [u_id], references: u, referenced: [f]}",
		 "have no unique index"},
		{"add_foreign_key: {table: t, columns: [u_id, code], references: u}",
		 "has 1 columns, not 2"},
		{"add_foreign_key: {table: t, columns: [u_id], references: v_of_it}", "is a view"},
		{"add_unique: {table: t, columns: [name], primary_key: true}",
		 "has a primary key already"},
		{"drop_constraint: {table: t, constraint: none}", "has no constraint \"none\""},
		{"drop_constraint: {table: u, constraint: u_tag_key}", "foreign keys need"},
		{"add_check: {table: t, check: \"amunt > 0\"}", "check does not fit table t"},
		{"add_check: {table: t, check: \"amount\"}", "check does not fit table t"},
		{"set_default: {table: t, column: code, default: \"now()\"}",
		 "default does not fit table t"},
		{"set_not_null: {table: t, column: name, fill: \"nme\"}",
		 "fill does not fit table t"},
		{"add_foreign_key: {table: t, columns: [name], references: u}",
		 "the foreign key does not fit table t"},
		{"add_index: {table: t, columns: [name], where: \"nme = 'x'\"}",
		 "where does not fit table t"},
		{"rename_table: {table: t, to: w}\n  - drop_column: {table: t, column: name}",
		 "drop_column of t in one plan with rename_table"},
		{"rename_table: {table: t, to: u}", "\"u\" is taken"},
		{"rename_table: {table: v_base, to: w}", "publication pub"},
		{"rename_table: {table: v_of_it, to: w}", "not a plain table"},
	};
	lk_test_sql(
		*state, SHOP
		";DROP TABLE IF EXISTS v_base CASCADE; CREATE TABLE v_base (id int PRIMARY KEY, a int);"
		"CREATE VIEW v_of_it AS SELECT a FROM v_base; CREATE PUBLICATION pub FOR TABLE v_base;"
		"CREATE TABLE o (tag text REFERENCES u (tag))");
	for (size_t i = 0; i < LK_COUNT(cases); i++)
		refuses(state, cases[i][0], cases[i][1]);
	lk_test_sql(*state, "DROP PUBLICATION pub; DROP TABLE v_base CASCADE");
}

static void a_check_that_rows_break_names_them(void **state)
{
	struct lk_test_steps steps;
	lk_test_sql(*state, SHOP ";UPDATE t SET amount = -1 WHERE id = 17");
	lk_test_steps_open(
		&steps, *state,
		"plan: p\noperations:\n  - add_check: {table: t, check: \"amount >= 0\"}\n");
	lk_test_steps_until(&steps, "verify-2");
	assert_int_equal(lk_test_step_forward(&steps, "verify-2"), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "17");
	lk_test_steps_close(&steps);
}

/* Operations of one plan come phase by phase, and one may use what an earlier one adds. */
static void several_operations_share_the_phases(void **state)
{
	struct lk_test_steps steps;
	lk_test_sql(*state, SHOP ";DROP INDEX t_name_idx");
	lk_test_steps_open(&steps, *state,
			   "plan: p\nreleases: {old: a, new: b}\noperations:\n"
			   "  - add_column: {table: t, column: c, type: int}\n"
			   "  - rename_column: {table: t, from: amount, to: total}\n"
			   "  - rename_column: {table: t, from: name, to: label}\n"
			   "  - add_index: {table: t, columns: [c]}\n");
	int phase = LK_EXPAND, gates = 0;
	for (size_t i = 0; i < steps.plan.step_count; i++) {
		assert_true((int)steps.plan.steps[i].phase >= phase);
		phase = (int)steps.plan.steps[i].phase;
		gates += strcmp(steps.plan.steps[i].name, "release-b") == 0;
	}
	assert_int_equal(gates, 1);
	lk_test_steps_until(&steps, NULL);
	char *after = lk_test_catalog(*state, "t");
	expect_lines(after, "column total\ncolumn label\nt_c_idx", true);
	expect_lines(after, "column amount\ncolumn name", false);
	free(after);
	lk_test_steps_close(&steps);
}

/* Answers are bound to names: one of phase migrate must not open a gate of phase contract. */
static void gates_of_different_phases_have_different_names(void **state)
{
	struct lk_test_steps steps;
	lk_test_sql(*state, SHOP ";DROP INDEX t_name_idx");
	lk_test_steps_open(&steps, *state,
			   "plan: p\nreleases: {old: a, new: b}\noperations:\n"
			   "  - set_not_null: {table: t, column: name, fill: \"'x'\"}\n"
			   "  - rename_column: {table: t, from: amount, to: total}\n"
			   "  - drop_column: {table: t, column: u_id}\n");
	int first = lk_plan_find_step(&steps.plan, "release-a-gone");
	int second = lk_plan_find_step(&steps.plan, "release-a-gone-2");
	assert_true(first >= 0 && second > first);
	assert_int_equal(steps.plan.steps[first].phase, LK_MIGRATE);
	assert_int_equal(steps.plan.steps[second].phase, LK_CONTRACT);
	assert_contains(steps.plan.steps[second].ask, "amount");
	assert_contains(steps.plan.steps[second].ask, "u_id");
	for (size_t i = 0; i < steps.plan.step_count; i++)
		assert_int_equal(lk_plan_find_step(&steps.plan, steps.plan.steps[i].name), (int)i);
	lk_test_steps_until(&steps, NULL);
	lk_test_steps_close(&steps);
}

/* A table that nothing identified gets its key, NOT NULL first. */
static void a_primary_key_is_made_from_an_index(void **state)
{
	static const char yaml[] =
		"plan: p\noperations:\n  - add_unique: {table: p, columns: [a, b], primary_key: true}\n";
	struct lk_test_steps steps;
	lk_test_sql(*state, "SET client_min_messages TO warning; DROP TABLE IF EXISTS p CASCADE;"
			    "CREATE TABLE p (a int, b text);"
			    "INSERT INTO p SELECT i, 'b' || i FROM generate_series(1, 100) i");
	char *before = lk_test_catalog(*state, "p");
	lk_test_steps_open(&steps, *state, yaml);
	lk_test_steps_until(&steps, NULL);
	char *after = lk_test_catalog(*state, "p");
	expect_lines(after, "p_pkey PRIMARY KEY (a, b)", true);
	expect_lines(after, "lk_not_null", false);
	lk_test_steps_back(&steps, NULL);
	char *back = lk_test_catalog(*state, "p");
	assert_string_equal(back, before);
	lk_test_steps_close(&steps);
	/* A row that stands in the way is named before anything is built. */
	lk_test_sql(*state, "INSERT INTO p VALUES (7, 'b7')");
	lk_test_steps_open(&steps, *state, yaml);
	lk_test_steps_until(&steps, "verify-2");
	assert_int_equal(lk_test_step_forward(&steps, "verify-2"), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "7, b7, 2");
	lk_test_steps_close(&steps);
	free(back);
	free(after);
	free(before);
}

static void a_partitioned_table_is_indexed_partition_by_partition(void **state)
{
	static const char yaml[] =
		"plan: p\noperations:\n  - add_index: {table: p, columns: [v]}\n";
	struct lk_test_steps steps;
	lk_test_sql(*state,
		    "SET client_min_messages TO warning; DROP TABLE IF EXISTS p CASCADE;"
		    "CREATE TABLE p (id int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id);"
		    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);"
		    "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);"
		    "INSERT INTO p SELECT i, i FROM generate_series(1, 199) i");
	for (int round = 0; round < 2; round++) {
		lk_test_steps_open(&steps, *state, yaml);
		lk_test_steps_until(&steps, NULL);
		assert_int_equal(
			lk_test_number(
				*state,
				"SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid IN"
				" ('p_v_idx'::regclass, 'p1_idx'::regclass, 'p2_idx'::regclass)"),
			3);
		if (round == 0)
			lk_test_steps_back(&steps, NULL);
		assert_int_equal(
			lk_test_number(*state,
				       "SELECT count(*) FROM pg_class WHERE relname ~ '_idx$'"
				       " AND relname ~ '^p'"),
			round == 0 ? 0 : 3);
		lk_test_steps_close(&steps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_goes_there_and_back_and_there),
		cmocka_unit_test(what_cannot_be_done_is_refused_with_the_reason),
		cmocka_unit_test(a_check_that_rows_break_names_them),
		cmocka_unit_test(several_operations_share_the_phases),
		cmocka_unit_test(gates_of_different_phases_have_different_names),
		cmocka_unit_test(a_primary_key_is_made_from_an_index),
		cmocka_unit_test(a_partitioned_table_is_indexed_partition_by_partition),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
