/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements of a plan that stop half-way: what is whose, and what there is to take back. */
#include "tests/control/steps.h"

static struct lk_test_server *server;

static int start_server(void **state)
{
	(void)state;
	const struct lk_test_server_options options = {.settings = "max_prepared_transactions = 5"};
	server = lk_test_server_start(&options);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	lk_test_server_stop(server);
	return 0;
}

static void make_table(const char *table)
{
	char *sql = lk_format(
		"CREATE TABLE %s (id int PRIMARY KEY, o text, n text); INSERT INTO %s SELECT n, 'x' || n FROM"
		" generate_series(1, 100) n",
		table, table);
	lk_test_sql(server, sql);
	free(sql);
}

static void open_ddl(struct lk_steps *steps, const char *name, const char *sql, const char *undo)
{
	char *body = lk_format("steps:\n  expand:\n    - ddl: \"%s\"\n%s%s%s", sql,
			       undo ? "      undo: \"" : "", undo ? undo : "", undo ? "\"\n" : "");
	lk_steps_open(steps, server, name, body);
	free(body);
}

static int64_t indexes(const char *table, const char *condition)
{
	char *sql = lk_format(
		"SELECT count(*) FROM pg_index i WHERE i.indrelid = '%s'::regclass AND NOT i.indisprimary AND"
		" %s",
		table, condition);
	int64_t number = lk_test_number(server, sql);
	free(sql);
	return number;
}

/* As if the keeper had died between the statement and its record. */
static void forget_the_record(const struct lk_steps *steps)
{
	char *sql = lk_format(
		"UPDATE lockkeeper.step SET state = 'running' WHERE run = '%s' AND verb = 'ddl'",
		steps->run);
	lk_test_sql(server, sql);
	free(sql);
}

static int64_t cleanups(const struct lk_steps *steps)
{
	char *sql =
		lk_format("SELECT count(*) FROM lockkeeper.cleanup WHERE run = '%s'", steps->run);
	int64_t number = lk_test_number(server, sql);
	free(sql);
	return number;
}

/* What failed in its transaction has done nothing, so its undo must not be tried. */
static void a_statement_that_failed_has_nothing_to_take_back(void **state)
{
	(void)state;
	struct lk_steps steps;
	make_table("d_fail");
	open_ddl(&steps, "d-fail", "ALTER TABLE d_fail ADD CONSTRAINT tiny CHECK (id < 50)",
		 "ALTER TABLE d_fail DROP CONSTRAINT tiny");
	assert_int_equal(lk_steps_forward(&steps, 1), LK_OUTCOME_FAILED);
	assert_int_equal(lk_steps_backward(&steps, 1), LK_OUTCOME_DONE);
	assert_string_equal(steps.note, "nothing was there to take back");
	lk_test_sql(server, "DELETE FROM d_fail WHERE id >= 50");
	lk_steps_done(&steps, LK_VERB_DDL);
	assert_int_equal(cleanups(&steps), 1);
	assert_int_equal(lk_steps_backward(&steps, 1), LK_OUTCOME_DONE);
	assert_int_equal(
		lk_test_number(server, "SELECT count(*) FROM pg_constraint WHERE conname = 'tiny'"),
		0);
	assert_int_equal(cleanups(&steps), 0);
	lk_steps_close(&steps);
}

/* An undo that failed is still to be done, though the journal calls the step failed. */
static void an_undo_that_failed_is_tried_again(void **state)
{
	(void)state;
	struct lk_steps steps;
	make_table("d_undo");
	open_ddl(&steps, "d-undo", "ALTER TABLE d_undo ADD COLUMN extra int",
		 "ALTER TABLE d_undo DROP COLUMN extra");
	lk_steps_done(&steps, LK_VERB_DDL);
	lk_test_sql(server, "CREATE VIEW hinders AS SELECT extra FROM d_undo");
	assert_int_equal(lk_steps_backward(&steps, 1), LK_OUTCOME_FAILED);
	assert_non_null(strstr(steps.error.text, "hinders"));
	lk_test_sql(
		server,
		"UPDATE lockkeeper.step SET state = 'failed' WHERE run = 'd-undo-run' AND verb = 'ddl'");
	lk_test_sql(server, "DROP VIEW hinders");
	assert_int_equal(lk_steps_backward(&steps, 1), LK_OUTCOME_DONE);
	assert_int_equal(
		lk_test_number(
			server,
			"SELECT count(*) FROM pg_attribute WHERE attrelid = 'd_undo'::regclass AND"
			" attname = 'extra'"),
		0);
	lk_steps_close(&steps);
}

static void a_build_that_finished_unseen_is_not_repeated(void **state)
{
	(void)state;
	struct lk_steps steps;
	make_table("i_twice");
	open_ddl(&steps, "i-twice", "CREATE INDEX CONCURRENTLY i_twice_o ON i_twice (o)", NULL);
	lk_steps_done(&steps, LK_VERB_DDL);
	int64_t id = lk_test_number(server, "SELECT 'i_twice_o'::regclass::oid::bigint");
	forget_the_record(&steps);
	lk_steps_done(&steps, LK_VERB_DDL);
	assert_int_equal(lk_test_number(server, "SELECT 'i_twice_o'::regclass::oid::bigint"), id);
	lk_steps_close(&steps);
}

static void a_drop_that_happened_unseen_is_no_error(void **state)
{
	(void)state;
	struct lk_steps steps;
	lk_test_sql(server, "CREATE SCHEMA elsewhere");
	make_table("elsewhere.i_drop");
	lk_test_sql(server, "CREATE INDEX i_drop_o ON elsewhere.i_drop (o)");
	open_ddl(&steps, "i-drop", "DROP INDEX CONCURRENTLY elsewhere.i_drop_o",
		 "CREATE INDEX CONCURRENTLY i_drop_o ON elsewhere.i_drop (o)");
	lk_steps_done(&steps, LK_VERB_DDL);
	assert_int_equal(indexes("elsewhere.i_drop", "true"), 0);
	forget_the_record(&steps);
	lk_steps_done(&steps, LK_VERB_DDL);
	assert_int_equal(lk_steps_backward(&steps, 1), LK_OUTCOME_DONE);
	assert_int_equal(indexes("elsewhere.i_drop", "i.indisvalid"), 1);
	lk_steps_close(&steps);
	/* One that never was there is an error all the same. */
	open_ddl(&steps, "i-never", "DROP INDEX CONCURRENTLY elsewhere.never", NULL);
	assert_int_equal(lk_steps_forward(&steps, 1), LK_OUTCOME_FAILED);
	assert_non_null(strstr(steps.error.text, "does not exist"));
	lk_steps_close(&steps);
}

/* An undo in another schema than the session's is carried out, not taken for done. */
static void the_undo_of_a_build_finds_its_schema(void **state)
{
	(void)state;
	struct lk_steps steps;
	make_table("elsewhere.i_undo");
	open_ddl(&steps, "i-undo", "CREATE INDEX CONCURRENTLY i_undo_o ON elsewhere.i_undo (o)",
		 "DROP INDEX CONCURRENTLY IF EXISTS elsewhere.i_undo_o");
	lk_steps_done(&steps, LK_VERB_DDL);
	assert_int_equal(lk_steps_backward(&steps, 1), LK_OUTCOME_DONE);
	assert_int_equal(indexes("elsewhere.i_undo", "true"), 0);
	lk_steps_close(&steps);
}

static void a_unique_violation_leaves_nothing_behind(void **state)
{
	(void)state;
	struct lk_steps steps;
	make_table("i_dup");
	lk_test_sql(server, "UPDATE i_dup SET o = 'same' WHERE id < 3");
	open_ddl(&steps, "i-dup", "CREATE UNIQUE INDEX CONCURRENTLY i_dup_o ON i_dup (o)",
		 "DROP INDEX CONCURRENTLY i_dup_o");
	assert_int_equal(lk_steps_forward(&steps, 1), LK_OUTCOME_FAILED);
	assert_non_null(strstr(steps.error.text, "same"));
	assert_int_equal(indexes("i_dup", "true"), 0);
	assert_int_equal(
		lk_test_number(server, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
		0);
	assert_int_equal(lk_steps_backward(&steps, 1), LK_OUTCOME_DONE);
	assert_string_equal(steps.note, "nothing was there to take back");
	lk_test_sql(server, "UPDATE i_dup SET o = 'other' WHERE id = 1");
	lk_steps_done(&steps, LK_VERB_DDL);
	assert_int_equal(indexes("i_dup", "i.indisvalid AND i.indisunique"), 1);
	lk_steps_close(&steps);
}

/* An index of that name which is not ours is neither taken for ours nor dropped. */
static void an_index_of_somebody_else_is_left_alone(void **state)
{
	(void)state;
	struct lk_steps steps;
	make_table("i_else");
	make_table("i_own");
	lk_test_sql(server, "CREATE INDEX taken ON i_else (id); UPDATE i_else SET o = 'same'");
	open_ddl(&steps, "i-taken", "CREATE INDEX CONCURRENTLY taken ON i_own (o)", NULL);
	assert_int_equal(lk_steps_forward(&steps, 1), LK_OUTCOME_FAILED);
	assert_non_null(strstr(steps.error.text, "already exists"));
	lk_steps_close(&steps);
	PGconn *other = lk_test_connect(server);
	PQclear(PQexec(other, "CREATE UNIQUE INDEX CONCURRENTLY rest ON i_else (o)"));
	PQfinish(other);
	open_ddl(&steps, "i-rest", "CREATE INDEX CONCURRENTLY rest ON i_own (o)", NULL);
	assert_int_equal(lk_steps_forward(&steps, 1), LK_OUTCOME_FAILED);
	assert_int_equal(indexes("i_else", "i.indisvalid"), 1);
	assert_int_equal(indexes("i_else", "NOT i.indisvalid"), 1);
	assert_int_equal(indexes("i_own", "true"), 0);
	lk_steps_close(&steps);
	/* On its own table it is the rest of a build, and replaced. */
	lk_test_sql(server, "UPDATE i_else SET o = id::text");
	open_ddl(&steps, "i-again",
		 "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS rest ON i_else (o)", NULL);
	lk_steps_done(&steps, LK_VERB_DDL);
	assert_int_equal(indexes("i_else", "NOT i.indisvalid"), 0);
	assert_int_equal(indexes("i_else", "i.indisvalid"), 2);
	lk_steps_close(&steps);
}

/* Two long names that are cut to the same length stay two. */
static void carried_indexes_with_long_names_stay_apart(void **state)
{
	(void)state;
	struct lk_steps steps;
	lk_test_sql(
		server,
		"CREATE TABLE longnames (id int PRIMARY KEY, c text);"
		"CREATE INDEX an_index_with_a_name_that_is_as_long_as_a_name_can_be_a_c ON longnames (c);"
		"CREATE INDEX an_index_with_a_name_that_is_as_long_as_a_name_can_be_b_c ON longnames (c, id);"
		"CREATE INDEX longnames_c_idx ON longnames (c DESC); CREATE TABLE another (d int);"
		"CREATE INDEX longnames_a_column_with_a_long_name_as_well_so_that_it_idx ON another (d)");
	lk_steps_open(&steps, server, "long-names",
		      "operations:\n  - rename_column: {table: longnames, from: c, to:"
		      " a_column_with_a_long_name_as_well_so_that_it}\n");
	lk_steps_all(&steps);
	assert_int_equal(indexes("longnames", "i.indisvalid"), 3);
	assert_int_equal(indexes("another", "i.indisvalid"), 1);
	lk_steps_close(&steps);
}

/* A session that ends its transaction while we look at it holds nothing. */
static void a_busy_table_is_not_taken_for_a_held_one(void **state)
{
	(void)state;
	struct lk_steps steps;
	make_table("g_busy");
	struct lk_test_load *load = lk_test_load_start(
		server, "UPDATE g_busy SET n = 'w' WHERE id = (SELECT 1 + (random() * 99)::int)", 8,
		0);
	for (int i = 0; i < 20; i++) {
		char name[20], sql[80];
		snprintf(name, sizeof name, "g-busy-%d", i);
		snprintf(sql, sizeof sql, "ALTER TABLE g_busy ALTER COLUMN n SET DEFAULT '%d'", i);
		open_ddl(&steps, name, sql, NULL);
		lk_steps_done(&steps, LK_VERB_DDL);
		if (strstr(steps.said, "has held"))
			fail_msg("%s", steps.said);
		lk_steps_close(&steps);
	}
	struct lk_test_load_result result;
	lk_test_load_stop(load, &result);
	assert_int_equal(result.errors, 0);
}

static void a_prepared_transaction_is_named(void **state)
{
	(void)state;
	struct lk_steps steps;
	struct lk_steps_thread thread;
	make_table("g_prep");
	lk_test_sql(
		server,
		"BEGIN; UPDATE g_prep SET n = 'p' WHERE id = 1; PREPARE TRANSACTION 'order 4711'");
	open_ddl(&steps, "g-prep", "ALTER TABLE g_prep ADD COLUMN p int", NULL);
	lk_steps_start(&thread, &steps, LK_VERB_DDL);
	lk_steps_await_said(&steps, "prepared transaction 'order 4711' holds", 10);
	lk_test_sql(server, "COMMIT PREPARED 'order 4711'");
	assert_int_equal(lk_steps_join(&thread), LK_OUTCOME_DONE);
	lk_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_that_failed_has_nothing_to_take_back),
		cmocka_unit_test(an_undo_that_failed_is_tried_again),
		cmocka_unit_test(a_build_that_finished_unseen_is_not_repeated),
		cmocka_unit_test(a_drop_that_happened_unseen_is_no_error),
		cmocka_unit_test(the_undo_of_a_build_finds_its_schema),
		cmocka_unit_test(a_unique_violation_leaves_nothing_behind),
		cmocka_unit_test(an_index_of_somebody_else_is_left_alone),
		cmocka_unit_test(carried_indexes_with_long_names_stay_apart),
		cmocka_unit_test(a_busy_table_is_not_taken_for_a_held_one),
		cmocka_unit_test(a_prepared_transaction_is_named),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
