/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan in memory: completing, naming, JSON, digest. */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "cli/plans.h"
#include "plan/alternative.h"
#include "plan/file.h"
#include "plan/limits.h"
#include "plan/sql_text.h"

static void read_plan(const char *path, struct lk_plan *plan)
{
	struct lk_problems problems = {0};
	char *file = test_source(path);
	if (!lk_plan_read(file, plan, &problems))
		fail_msg("%s", lk_problems_text(&problems));
	free(file);
}

static void entry_gates_stand_in_front_of_phases(void **state)
{
	static const char *const names[] = {
		"expand",	   "dual_write-1",     "migrate",  "release-42",
		"backfill-3",	   "verify-4",	       "contract", "release-41-sessions",
		"release-41-gone", "end_dual_write-7", "ddl-8"};
	struct lk_plan plan;
	(void)state;
	read_plan("plans/rename-username-long.yaml", &plan);
	lk_plan_complete(&plan);
	assert_int_equal(plan.step_count, LK_COUNT(names));
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		assert_string_equal(plan.steps[i].name, names[i]);
		assert_int_equal(lk_plan_find_step(&plan, names[i]), i);
		assert_int_equal(plan.steps[i].phase_entry, i == 0 || i == 2 || i == 6);
	}
	assert_int_equal(plan.steps[6].phase, LK_CONTRACT);
	assert_int_equal(plan.steps[6].needed, 1);
	assert_int_equal(lk_plan_find_step(&plan, "none"), -1);
	lk_plan_complete(&plan); /* again changes nothing */
	assert_int_equal(plan.step_count, LK_COUNT(names));
	lk_plan_free(&plan);
}

static void reads_every_member(void **state)
{
	struct lk_plan plan;
	(void)state;
	read_plan("tests/data/plans/good_everything.yaml", &plan);
	const struct lk_step *step = plan.steps;
	assert_string_equal(plan.target, "production");
	assert_string_equal(step[0].name, "add-seen");
	assert_string_equal(step[0].undo, "ALTER TABLE users DROP COLUMN seen");
	assert_int_equal(step[0].line, 7);
	assert_string_equal(step[1].like, "username");
	assert_int_equal(step[2].needed, 2);
	assert_string_equal(step[2].undo, "release 42 is gone");
	assert_int_equal(step[3].set_count, 2);
	assert_string_equal(step[3].set[0].expression, "username");
	assert_string_equal(step[3].where, "username <> ''");
	assert_int_equal(step[5].gate, LK_GATE_NONE);
	assert_null(step[5].ask);
	assert_string_equal(step[6].from, "username");
	assert_string_equal(step[7].destroys, "data");
	assert_int_equal(step[7].phase, LK_CONTRACT);
	assert_int_equal(plan.limits.lag_ms, 1500);
	assert_int_equal(plan.limits.chunk_time_ms, 200);
	assert_int_equal(plan.limits.running, 30);
	assert_int_equal(plan.limits.probe_ms, 20);
	assert_string_equal(plan.limits.probe, "SELECT count(*) FROM shop.users WHERE id < 100");
	lk_plan_free(&plan);
}

static void summaries_fit_a_line(void **state)
{
	static const char *const lines[] = {
		"ALTER TABLE users ADD COLUMN seen timestamptz",
		"add shop.users.user_handle and keep it equal to username",
		"ask two people: release 42 is running",
		"backfill shop.users.user_handle from username, shop.users.seen from "
		"coalesce(seen, "
		"now()) where username <> ''",
		"verify that nothing is found: SELECT id FROM shop.users WHERE user_handle IS "
		"DISTINCT "
		"FROM username",
		"wait until nothing is found: SELECT 1 FROM pg_stat_activity WHERE "
		"application_name = "
		"'shop \"41\"'",
		"end the dual write of shop.users.username",
		"-- the point of no return ALTER TABLE shop.users DROP COLUMN username"};
	struct lk_plan plan;
	(void)state;
	read_plan("tests/data/plans/good_everything.yaml", &plan);
	assert_int_equal(plan.step_count, LK_COUNT(lines));
	for (size_t i = 0; i < LK_COUNT(lines); i++) {
		char *summary = lk_step_summary(&plan.steps[i]);
		assert_string_equal(summary, lines[i]);
		free(summary);
	}
	lk_plan_free(&plan);
}

static void json_keeps_everything(void **state)
{
	static const char *const files[] = {
		"tests/data/plans/good_everything.yaml", "tests/data/plans/good_names.yaml",
		"tests/data/plans/good_replicas.yaml", "plans/rename-username.yaml",
		"plans/rename-username-long.yaml"};
	(void)state;
	for (size_t i = 0; i < 2 * LK_COUNT(files); i++) {
		struct lk_plan plan, back;
		struct lk_error error;
		char before[65], after[65];
		read_plan(files[i / 2], &plan);
		if (i % 2)
			lk_plan_complete(&plan);
		json_t *object = lk_plan_to_json(&plan);
		char *text = json_dumps(object, 0);
		json_t *parsed = json_loads(text, 0, NULL);
		if (!lk_plan_from_json(parsed, &back, &error))
			fail_msg("%s", error.text);
		json_t *again = lk_plan_to_json(&back);
		assert_true(json_equal(object, again));
		lk_plan_digest(&plan, before);
		lk_plan_digest(&back, after);
		assert_string_equal(before, after);
		char *yaml = lk_plan_to_yaml(&plan), *yaml_again = lk_plan_to_yaml(&back);
		assert_string_equal(yaml, yaml_again);
		free(yaml);
		free(yaml_again);
		json_decref(again);
		json_decref(parsed);
		json_decref(object);
		free(text);
		lk_plan_free(&back);
		lk_plan_free(&plan);
	}
}

static void json_is_strict(void **state)
{
	static const struct {
		const char *json, *expected;
	} bad[] = {
		{"[]", "it is no object"},
		{"{}", "it has no name"},
		{"{\"plan\":\"p\"}", "neither operations nor steps"},
		{"{\"plan\":7}", "plan is not text"},
		{"{\"plan\":\"p\",\"novelty\":1}", "unknown member novelty"},
		{"{\"plan\":\"p\",\"steps\":{}}", "steps is not a list"},
		{"{\"plan\":\"p\",\"steps\":[{}]}", "step 1: it has an unknown phase or verb"},
		{"{\"plan\":\"p\",\"steps\":[{\"phase\":\"expand\",\"verb\":\"leap\"}]}",
		 "unknown phase"},
		{"{\"plan\":\"p\",\"steps\":[{\"phase\":\"expand\",\"verb\":\"ddl\"}]}",
		 "a ddl has no sql"},
		{"{\"plan\":\"p\",\"steps\":[{\"phase\":\"expand\",\"verb\":\"ddl\",\"sql\":\"S\","
		 "\"where\":\"x\"}]}",
		 "a ddl cannot have the member where"},
		{"{\"plan\":\"p\",\"steps\":[{\"phase\":\"migrate\",\"verb\":\"ddl\",\"sql\":\"S\"}"
		 ","
		 "{\"phase\":\"expand\",\"verb\":\"ddl\",\"sql\":\"S\"}]}",
		 "step 2: it is out of the order"},
		{"{\"plan\":\"p\",\"steps\":[{\"phase\":\"migrate\",\"verb\":\"gate\",\"gate\":"
		 "\"ask\"}]}",
		 "a gate asks nothing"},
		{"{\"plan\":\"p\",\"steps\":[{\"phase\":\"migrate\",\"verb\":\"gate\",\"gate\":"
		 "\"ask\","
		 "\"ask\":\"x\",\"needed\":3}]}",
		 "one or two people"},
		{"{\"plan\":\"p\",\"steps\":[{\"phase\":\"migrate\",\"verb\":\"backfill\","
		 "\"table\":\"t\",\"set\":[{\"column\":\"a\"}]}]}",
		 "set has a broken assignment"},
		{"{\"plan\":\"p\",\"steps\":[{\"phase\":\"migrate\",\"verb\":\"ddl\",\"sql\":\"S\","
		 "\"name\":\"n\"},{\"phase\":\"migrate\",\"verb\":\"ddl\",\"sql\":\"S\",\"name\":"
		 "\"n\"}]}",
		 "two steps are named n"},
		{"{\"plan\":\"p\",\"operations\":[{\"kind\":\"drop_all\"}]}",
		 "operation 1: it is of no known kind"},
		{"{\"plan\":\"p\",\"limits\":{\"lag_ms\":-1}}", "lag_ms is not a whole number"},
		{"{\"plan\":\"p\",\"limits\":{\"speed\":1}}", "unknown limit speed"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		struct lk_plan plan;
		struct lk_error error = {0};
		json_t *object = json_loads(bad[i].json, 0, NULL);
		assert_non_null(object);
		assert_false(lk_plan_from_json(object, &plan, &error));
		assert_int_equal(error.class, LK_ERROR_PLAN);
		assert_contains(error.text, bad[i].expected);
		assert_int_equal(plan.step_count, 0);
		json_decref(object);
	}
}

static void json_holds_no_more_steps_than_a_file(void **state)
{
	struct lk_plan plan = {.name = lk_strdup("p")}, back;
	struct lk_error error;
	(void)state;
	for (int i = 0; i < 44; i++)
		lk_plan_add_step(&plan, LK_EXPAND, LK_VERB_DDL)->sql = lk_strdup("SELECT 1");
	json_t *object = lk_plan_to_json(&plan);
	assert_false(lk_plan_from_json(object, &back, &error));
	assert_contains(error.text, "more than 40 steps");
	json_decref(object);
	lk_plan_free(&plan);
}

static void digest_of(const char *text, char digest[65])
{
	struct lk_plan plan;
	struct lk_problems problems = {0};
	if (!lk_plan_parse("p", text, strlen(text), &plan, &problems))
		fail_msg("%s", lk_problems_text(&problems));
	lk_plan_digest(&plan, digest);
	lk_plan_complete(&plan);
	char completed[65];
	lk_plan_digest(&plan, completed);
	assert_string_equal(digest, completed);
	lk_plan_free(&plan);
}

#define STEPS(sql) "steps:\n  expand:\n    - ddl: " sql "\n"

static void digest_covers_what_is_done(void **state)
{
	static const char *const same[] = {
		"plan: p\n" STEPS("\"SELECT 1\""),
		"plan: p\nwhy: other\ntarget: stage\nlimits: {lag: 9s}\n" STEPS("\"SELECT 1\""),
		"# comment\n\nplan: \"p\"\n" STEPS("|\n        SELECT 1;"),
		"plan: p\n" STEPS("'SELECT 1'\n      name: ddl-1"),
	};
	static const char *const other[] = {
		"plan: q\n" STEPS("\"SELECT 1\""),
		"plan: p\n" STEPS("\"SELECT 2\""),
		"plan: p\n" STEPS("\"SELECT 1\"\n      name: x"),
		"plan: p\n" STEPS("\"SELECT 1\"\n      undo: \"SELECT 0\""),
		"plan: p\nreleases: {old: a, new: b}\n" STEPS("\"SELECT 1\""),
		"plan: p\nsteps:\n  migrate:\n    - ddl: \"SELECT 1\"\n",
		"plan: p\n" STEPS("\"SELECT 1\"\n    - ddl: \"SELECT 1\""),
	};
	char first[65], digest[65];
	(void)state;
	digest_of(same[0], first);
	assert_int_equal(strlen(first), 64);
	for (size_t i = 1; i < LK_COUNT(same); i++) {
		digest_of(same[i], digest);
		assert_string_equal(first, digest);
	}
	for (size_t i = 0; i < LK_COUNT(other); i++) {
		digest_of(other[i], digest);
		assert_string_not_equal(first, digest);
	}
}

/* The journal compares digests across versions of the program: this one may never change. */
static void digest_stays_what_it_was(void **state)
{
	struct lk_plan plan;
	char digest[65];
	(void)state;
	read_plan("plans/rename-username-long.yaml", &plan);
	lk_plan_digest(&plan, digest);
	assert_string_equal(digest,
			    "d492a800de3dabef17e3eaa1b631def26d12aa2d200735111700b1806ac101f5");
	lk_plan_free(&plan);
}

static void shapes_of_sql(void **state)
{
	static const struct {
		const char *sql;
		int statements;
		bool comment, comma, unclosed;
	} shapes[] = {
		{"SELECT 1", 1, false, false, false},
		{"SELECT 1;", 1, false, false, false},
		{"SELECT 1; ; -- x\n;", 1, true, false, false},
		{"SELECT 1; SELECT 2", 2, false, false, false},
		{"SELECT ';' || \";\" || $$;$$ || $x$;$$;$x$", 1, false, false, false},
		{"SELECT E'\\';' || 'it''s;'", 1, false, false, false},
		{"SELECT 'back\\'; SELECT 2", 2, false, false, false},
		{"/* ; /* nested */ ; */ SELECT 1", 1, true, false, false},
		{"/* a /* b */ c; d */ SELECT 1", 1, true, false, false},
		{"SELECT E'it''s \\'; x'", 1, false, false, false},
		{"f(a, b)", 1, false, false, false},
		{"a, b", 1, false, true, false},
		{"a) + (b", 1, false, false, true},
		{"'open", 1, false, false, true},
		{"$q$ open $Q$", 1, false, false, true},
		{"/* open", 0, true, false, true},
		{"((a)", 1, false, false, true},
		{"a$b$c", 1, false, false, false},
		{"$1 + 2", 1, false, false, false},
		{"", 0, false, false, false},
		{" ;; ", 0, false, false, false},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(shapes); i++) {
		struct lk_sql_shape shape;
		lk_sql_shape(shapes[i].sql, &lk_sql_postgres, &shape);
		if (shape.statements != shapes[i].statements ||
		    shape.comment != shapes[i].comment || shape.comma != shapes[i].comma ||
		    shape.unclosed != shapes[i].unclosed)
			fail_msg("%s: %d statements, comment %d, comma %d, unclosed %d",
				 shapes[i].sql, shape.statements, shape.comment, shape.comma,
				 shape.unclosed);
	}
}

static void nearer_limits_win(void **state)
{
	struct lk_limits plan = {.lag_ms = 1}, settings = {.lag_ms = 5, .running = 7}, none = {0};
	struct lk_limits builtin = lk_limits_default();
	(void)state;
	settings.probe = lk_strdup("SELECT 1");
	lk_limits_merge(&plan, &none);
	lk_limits_merge(&plan, &settings);
	lk_limits_merge(&plan, &builtin);
	assert_int_equal(plan.lag_ms, 1);
	assert_int_equal(plan.running, 7);
	assert_int_equal(plan.chunk_time_ms, 100);
	assert_string_equal(plan.probe, "SELECT 1");
	assert_ptr_not_equal(plan.probe, settings.probe);
	lk_limits_free(&plan);
	lk_limits_free(&settings);
}

static void of_alternatives_the_target_chooses(void **state)
{
	static const char *const postgresql[] = {"postgresql", NULL},
				 *const mysql[] = {"mysql", NULL},
				 *const mariadb[] = {"mariadb", "mysql", NULL};
	static const struct {
		const char *const *names;
		const char *type, *default_sql;
	} expected[] = {{postgresql, "uuid", "gen_random_uuid()"},
			{mysql, "char(36)", "uuid()"},
			{mariadb, "uuid", "uuid()"}};
	static const char plain[] =
		"plan: p\noperations:\n  - add_column: {table: users, column: i,"
		" type: uuid, default: \"uuid()\"}\n";
	static const char yaml[] =
		"plan: p\noperations:\n  - add_column: {table: users, column: i,\n"
		"      type: {postgresql: uuid, mysql: char(36), mariadb: uuid},\n"
		"      default: {postgresql: \"gen_random_uuid()\", mysql: \"uuid()\"}}\n";
	(void)state;
	struct lk_error error;
	struct lk_problems problems = {0};
	char plain_digest[65], digest[65];
	struct lk_plan plan;
	assert_true(lk_plan_parse("p", plain, strlen(plain), &plan, &problems));
	lk_plan_digest(&plan, plain_digest);
	lk_plan_free(&plan);
	for (size_t i = 0; i < LK_COUNT(expected); i++) {
		struct lk_plan back = {0};
		assert_true(lk_plan_parse("p", yaml, strlen(yaml), &plan, &problems));
		assert_true(lk_plan_has_alternatives(&plan));
		json_t *json = lk_plan_to_json(&plan);
		assert_true(lk_plan_from_json(json, &back, &error));
		json_decref(json);
		/* Before and after the journal they are the same. */
		assert_true(lk_plan_choose(&plan, expected[i].names, &error));
		assert_true(lk_plan_choose(&back, expected[i].names, &error));
		assert_string_equal(plan.operations[0].type, expected[i].type);
		assert_string_equal(back.operations[0].type, expected[i].type);
		assert_string_equal(plan.operations[0].default_sql, expected[i].default_sql);
		assert_false(lk_plan_has_alternatives(&plan));
		/* What was not chosen leaves no trace. */
		lk_plan_digest(&plan, digest);
		assert_int_equal(strcmp(digest, plain_digest) == 0, expected[i].names == mariadb);
		lk_plan_free(&plan);
		lk_plan_free(&back);
	}
	lk_problems_free(&problems);
}

static void an_engine_without_an_alternative_is_told_where(void **state)
{
	static const char *const mariadb[] = {"mariadb", "mysql", NULL};
	static const char yaml[] =
		"plan: p\noperations:\n  - add_column: {table: users, column: i,\n"
		"      type: {postgresql: uuid}}\n";
	(void)state;
	struct lk_error error;
	struct lk_problems problems = {0};
	struct lk_plan plan;
	assert_true(lk_plan_parse("p.yaml", yaml, strlen(yaml), &plan, &problems));
	assert_false(lk_plan_choose(&plan, mariadb, &error));
	assert_int_equal(error.class, LK_ERROR_PLAN);
	assert_string_equal(error.text,
			    "p.yaml:4:13: type has no text for mariadb or mysql; it names"
			    " postgresql");
	lk_plan_free(&plan);
	lk_problems_free(&problems);
}

/* What the list of plans says of add-column's type for a target of this URI; NULL: none is known. */
static void assert_listed(const char *target, const char *text)
{
	struct lk_cli_plans plans = {.folders = {test_source("plans")}, .target = target};
	struct lk_cli_plan *list = lk_alloc(30 * sizeof *list);
	size_t count = lk_cli_plans_list(&plans, list, 30), at = 0;
	while (at < count && strcmp(list[at].name, "add-column") != 0)
		at++;
	assert_true(at < count);
	assert_non_null(strstr(list[at].what, text));
	free(list);
	lk_cli_plans_free(&plans);
}

static void the_list_of_plans_shows_what_the_target_would_choose(void **state)
{
	(void)state;
	assert_listed("postgresql://root@here/shop", "public_id uuid not null");
	assert_listed("mysql://root@here/shop", "public_id char(36) or uuid not null");
	assert_listed(NULL, "public_id uuid or char(36) not null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_gates_stand_in_front_of_phases),
		cmocka_unit_test(reads_every_member),
		cmocka_unit_test(summaries_fit_a_line),
		cmocka_unit_test(json_keeps_everything),
		cmocka_unit_test(json_is_strict),
		cmocka_unit_test(json_holds_no_more_steps_than_a_file),
		cmocka_unit_test(digest_covers_what_is_done),
		cmocka_unit_test(digest_stays_what_it_was),
		cmocka_unit_test(shapes_of_sql),
		cmocka_unit_test(nearer_limits_win),
		cmocka_unit_test(of_alternatives_the_target_chooses),
		cmocka_unit_test(the_list_of_plans_shows_what_the_target_would_choose),
		cmocka_unit_test(an_engine_without_an_alternative_is_told_where),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
