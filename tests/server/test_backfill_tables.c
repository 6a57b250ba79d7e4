/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The backfill on tables of every kind: in parts, with policies, triggers, publications, other owners. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "plan/file.h"
#include "tests/server/stopping.h"

#define BACKFILL "backfill-1"
#define PLAN(more)                                                                                 \
	"plan: p\nsteps:\n  migrate:\n    - backfill: {table: b, set: {n: 'n + 1'}" more "}\n"
#define FILL PLAN("")

static int start(void **state)
{
	*state = lk_test_server_start(&(struct lk_test_server_options){
		.settings = "wal_level = logical\nmax_prepared_transactions = 5\n"});
	/* Roles of a server, for all tests. */
	lk_test_sql(*state,
		    "CREATE ROLE worker LOGIN; CREATE ROLE boss; CREATE ROLE seer LOGIN BYPASSRLS;"
		    "GRANT CREATE ON DATABASE test TO worker, seer;"
		    "GRANT CREATE ON SCHEMA public TO worker, boss");
	return 0;
}

static int stop(void **state)
{
	lk_test_server_stop(*state);
	return 0;
}

static void make(const struct lk_test_server *server, const char *sql)
{
	lk_test_sql(server, "SET client_min_messages TO warning;"
			    "DROP TABLE IF EXISTS b, b_old, b_new, c, lookup CASCADE;"
			    "DROP SCHEMA IF EXISTS lockkeeper CASCADE");
	lk_test_sql(server, sql);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome != expected)
		fail_msg("outcome %d, not %d: %s", outcome, expected, steps->error.text);
}

static int64_t rows_with(const struct lk_test_server *server, int n)
{
	char *sql = lk_format("SELECT count(*) FROM b WHERE n = %d", n);
	int64_t count = lk_test_number(server, sql);
	free(sql);
	return count;
}

/* The whole step as a role; every row gets its "n + 1" once. */
static void fill_as(const struct lk_test_server *server, const char *role, const char *plan,
		    int64_t rows)
{
	struct lk_test_steps steps;
	char walked[40];
	lk_test_steps_open_as(&steps, server, role, plan);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	snprintf(walked, sizeof walked, "%lld rows walked", (long long)rows);
	assert_contains(steps.run.note, walked);
	/* Begun again, it has nothing to do. */
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	lk_test_steps_close(&steps);
	assert_int_equal(rows_with(server, 1), rows);
	assert_int_equal(rows_with(server, 0), 0);
}

/* The sentence with which describing the plan as a role is refused. */
static void refused_as(const struct lk_test_server *server, const char *role, const char *yaml,
		       const char *expected)
{
	struct lk_plan plan = {0};
	struct lk_problems problems = {0};
	struct lk_error error = {0};
	struct lk_step_text text;
	char *uri = lk_format("postgresql:///test?host=%s&port=5432&user=%s",
			      lk_test_server_folder(server), role);
	struct lk_session *session = lk_session_open(uri, "refusal", "worker", &error);
	if (!session || !lk_plan_parse("test.yaml", yaml, strlen(yaml), &plan, &problems))
		fail_msg("%s%s", error.text, lk_problems_text(&problems));
	lk_plan_complete(&plan);
	if (lk_step_describe(session, &plan, (size_t)lk_plan_find_step(&plan, BACKFILL), &text,
			     &error))
		fail_msg("not refused: %s", expected);
	assert_contains(error.text, expected);
	lk_plan_free(&plan);
	lk_problems_free(&problems);
	lk_session_close(session);
	free(uri);
}

#define PARTED                                                                                     \
	"CREATE TABLE b (k int, at date, n int DEFAULT 0, PRIMARY KEY (k, at)) PARTITION BY RANGE" \
	" (at);"                                                                                   \
	"CREATE TABLE b_1 PARTITION OF b FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');"        \
	"CREATE TABLE \"b 2\" PARTITION OF b FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')"     \
	" PARTITION BY HASH (k);"                                                                  \
	"CREATE TABLE b_2a PARTITION OF \"b 2\" FOR VALUES WITH (MODULUS 2, REMAINDER 0);"         \
	"CREATE TABLE \"B_2\"\"b\" PARTITION OF \"b 2\" FOR VALUES WITH (MODULUS 2, REMAINDER 1);" \
	"CREATE TABLE b_empty PARTITION OF b FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');"    \
	"CREATE TABLE b_rest PARTITION OF b DEFAULT;"                                              \
	"INSERT INTO b SELECT i, '2024-01-01'::date + i % 90 FROM generate_series(1, 9000) i;"

static void partitions_are_walked_one_by_one(void **state)
{
	struct lk_test_steps steps;
	make(*state, PARTED);
	fill_as(*state, "postgres", FILL, 9000);
	/* An expression speaks of the table by its name, whatever the partition is called. */
	make(*state, PARTED "CREATE TABLE lookup (k int PRIMARY KEY, v int);"
			    "INSERT INTO lookup SELECT i, 1 FROM generate_series(1, 9000) i");
	fill_as(*state, "postgres",
		"plan: p\nsteps:\n  migrate:\n    - backfill: {table: b, set: {n: '(SELECT v FROM lookup l"
		" WHERE l.k = b.k) + n'}, where: 'b.n = 0'}\n",
		9000);
	/* Progress counts them all. */
	make(*state, PARTED "ANALYZE b");
	lk_test_steps_open(&steps, *state, FILL);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_steps_progress(&steps).rows_total, 9000);
	assert_int_equal(lk_test_steps_progress(&steps).rows_done, 9000);
	lk_test_steps_close(&steps);
}

static void stopped_anywhere_in_any_partition_it_goes_on_exactly_behind(void **state)
{
	struct lk_test_steps steps;
	struct lk_test_stops stops = {.count = 30, .chunks = 4, .seed = 3};
	make(*state, PARTED);
	lk_test_steps_open(&steps, *state, FILL);
	lk_pace_set(&steps.pace, false, 4, 2.0);
	enum lk_outcome outcome = lk_test_step_stopped_anywhere(&steps, BACKFILL, &stops);
	assert_true(stops.stopped >= 5);
	must_be(&steps, outcome, LK_OUTCOME_DONE);
	assert_int_equal(rows_with(*state, 1), 9000);
	assert_int_equal(lk_test_steps_progress(&steps).rows_done, 9000);
	lk_test_steps_close(&steps);
}

static void partitions_that_come_and_go_meanwhile_are_noticed(void **state)
{
	struct lk_test_steps steps;
	make(*state, PARTED
	     "ALTER TABLE b DETACH PARTITION b_rest;"
	     "DROP TABLE b_rest;"
	     "CREATE TABLE b_3 PARTITION OF b FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');"
	     "CREATE TABLE b_4 PARTITION OF b FOR VALUES FROM ('2024-04-01') TO ('2024-05-01');"
	     "INSERT INTO b SELECT i, '2024-03-05' FROM generate_series(1, 500) i;"
	     "INSERT INTO b SELECT i, '2024-04-05' FROM generate_series(1, 500) i;"
	     /* Older than the others, by its number. */
	     "CREATE TABLE b_old (LIKE b INCLUDING ALL);"
	     "INSERT INTO b_old SELECT i, '2025-01-01' FROM generate_series(1, 500) i");
	lk_test_steps_open(&steps, *state, FILL);
	lk_pace_set(&steps.pace, false, 8, 2.0);
	lk_test_step_begin(&steps, BACKFILL, false);
	while (lk_test_steps_progress(&steps).rows_done < 500)
		assert_false(lk_test_step_ended(&steps));
	lk_test_sql(*state, "ALTER TABLE b DETACH PARTITION b_3; DROP TABLE b_4;"
			    "ALTER TABLE b ATTACH PARTITION b_old FOR VALUES FROM ('2025-01-01') TO"
			    " ('2026-01-01')");
	lk_pace_set(&steps.pace, false, 100, 0);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	assert_int_equal(rows_with(*state, 1), lk_test_number(*state, "SELECT count(*) FROM b"));
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b_old WHERE n = 1"), 500);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b_3 WHERE n = 0"), 500);
	char *said = lk_test_steps_said(&steps);
	assert_contains(said, "b_old has become a part of b: it is walked as well");
	assert_contains(said, "b_3 is no part of b any more: it is left as it is");
	assert_contains(said, "b_4 is no part of b any more: it is left as it is");
	free(said);
	lk_test_steps_close(&steps);
	lk_test_sql(*state, "DROP TABLE b_3");
}

/* Back again, its rows are still done once. */
static void a_partition_detached_in_the_middle_is_let_go_and_goes_on_later(void **state)
{
	static const char half[] = "SELECT count(*) FROM b_2a WHERE n = 1";
	struct lk_test_steps steps;
	make(*state, PARTED);
	PGconn *other = lk_test_connect(*state);
	lk_test_steps_open(&steps, *state, FILL);
	/* Its last row is locked: the worker comes close to it, and no further. */
	lk_test_do(other, "BEGIN; UPDATE b_2a SET k = k WHERE k = (SELECT max(k) FROM b_2a)");
	lk_test_step_begin(&steps, BACKFILL, false);
	while (lk_test_steps_progress(&steps).retries < 3)
		assert_false(lk_test_step_ended(&steps));
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	int64_t done = lk_test_number(*state, half);
	assert_true(done > 0 && done < lk_test_number(*state, "SELECT count(*) FROM b_2a"));
	lk_test_do(other, "ROLLBACK");
	/* Now all of it is, and the worker stands before it when it is detached. */
	lk_test_do(other, "BEGIN; LOCK TABLE b_2a IN ACCESS EXCLUSIVE MODE");
	lk_test_step_begin(&steps, BACKFILL, false);
	assert_true(lk_test_steps_hears(&steps, "b or a part of it is locked by somebody else"));
	lk_test_do(other, "ALTER TABLE \"b 2\" DETACH PARTITION b_2a; COMMIT");
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, half), done);
	assert_int_equal(rows_with(*state, 0), 0);
	lk_test_sql(*state, "ALTER TABLE \"b 2\" ATTACH PARTITION b_2a FOR VALUES WITH (MODULUS 2,"
			    " REMAINDER 0)");
	assert_true(rows_with(*state, 0) > 0);
	/* By hand, as nobody does: the step is over, but its places are kept. */
	lk_test_sql(*state, "UPDATE lockkeeper.cursor SET finished = false");
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(rows_with(*state, 1), 9000);
	PQfinish(other);
	lk_test_steps_close(&steps);
}

static void children_are_walked_too_each_by_itself(void **state)
{
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0);"
		     "CREATE TABLE c (PRIMARY KEY (k)) INHERITS (b);"
		     "CREATE TABLE b_new (x text, PRIMARY KEY (k)) INHERITS (c);"
		     "INSERT INTO b SELECT generate_series(1, 1200);"
		     "INSERT INTO c SELECT generate_series(1, 1300);"
		     "INSERT INTO b_new SELECT generate_series(1000, 2000)");
	fill_as(*state, "postgres", FILL, 1200 + 1300 + 1001);
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, n int); CREATE TABLE c () INHERITS (b)");
	refused_as(*state, "postgres", FILL, "table c has no usable key");
}

static void foreign_partitions_are_refused(void **state)
{
	make(*state, "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w;"
		     "CREATE TABLE b (k int, n int) PARTITION BY LIST (k);"
		     "CREATE TABLE b_1 PARTITION OF b (PRIMARY KEY (k)) FOR VALUES IN (1);"
		     "CREATE FOREIGN TABLE b_far PARTITION OF b DEFAULT SERVER far");
	refused_as(*state, "postgres", FILL, "b_far, a part of b, is a foreign table");
	lk_test_sql(*state, "DROP FOREIGN DATA WRAPPER w CASCADE");
}

static void other_columns_may_be_generated_and_tables_unlogged(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE UNLOGGED TABLE b (k int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
		     " n int DEFAULT 0, twice int GENERATED ALWAYS AS (n * 2) STORED);"
		     "INSERT INTO b (n) SELECT 0 FROM generate_series(1, 1500)");
	fill_as(*state, "postgres", FILL, 1500);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE twice = 2"), 1500);
	lk_test_steps_open(&steps, *state, FILL);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	char *said = lk_test_steps_said(&steps);
	assert_contains(said, "table b is unlogged: a crash of the server empties it");
	free(said);
	lk_test_steps_close(&steps);
}

#define POLICY                                                                                     \
	"ALTER TABLE b ENABLE ROW LEVEL SECURITY;"                                                 \
	"CREATE POLICY odd ON b USING (k % 2 = 1);"                                                \
	"GRANT ALL ON b TO worker, seer"

static void row_security_never_hides_a_row(void **state)
{
	static const char table[] = "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0);"
				    "INSERT INTO b SELECT generate_series(1, 1000);" POLICY;
	make(*state, table);
	refused_as(*state, "worker", FILL, "row level security");
	fill_as(*state, "postgres", FILL, 1000);
	make(*state, table);
	fill_as(*state, "seer", FILL, 1000);
	make(*state, table);
	lk_test_sql(*state, "ALTER TABLE b OWNER TO worker");
	fill_as(*state, "worker", FILL, 1000);
	make(*state, table);
	lk_test_sql(*state,
		    "ALTER TABLE b OWNER TO worker; ALTER TABLE b FORCE ROW LEVEL SECURITY");
	refused_as(*state, "worker", FILL, "row level security");
}

/* Rows of a table that an expression reads would be missing: an error, not another value. */
static void row_security_of_a_table_that_is_read_is_an_error(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0);"
		     "INSERT INTO b SELECT generate_series(1, 1000); ALTER TABLE b OWNER TO worker;"
		     "CREATE TABLE lookup (k int PRIMARY KEY);"
		     "INSERT INTO lookup SELECT generate_series(1, 1000);"
		     "GRANT ALL ON lookup TO worker");
	lk_test_steps_open_as(
		&steps, *state, "worker",
		"plan: p\nsteps:\n  migrate:\n    - backfill: {table: b, set: {n: '(SELECT 1"
		" FROM lookup l WHERE l.k = b.k)'}}\n");
	lk_test_sql(*state, "ALTER TABLE lookup ENABLE ROW LEVEL SECURITY;"
			    "CREATE POLICY odd ON lookup USING (k % 2 = 1)");
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_PRIVILEGE);
	assert_contains(steps.error.text, "row-level security policy for table \"lookup\"");
	assert_int_equal(rows_with(*state, 0), 1000);
	lk_test_steps_close(&steps);
}

static void a_missing_privilege_is_named_with_its_grant(void **state)
{
	make(*state, "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0);"
		     "INSERT INTO b SELECT generate_series(1, 700);"
		     "ALTER TABLE b OWNER TO boss; GRANT SELECT ON b TO worker");
	refused_as(*state, "worker", FILL, "GRANT SELECT, UPDATE ON \"public\".\"b\" TO worker");
	lk_test_sql(*state, "GRANT UPDATE (n) ON b TO worker");
	fill_as(*state, "worker", FILL, 700);
	/* Also of a partition alone. */
	make(*state,
	     PARTED "GRANT SELECT, UPDATE ON b, b_1, \"b 2\", \"B_2\"\"b\", b_empty, b_rest TO"
		    " worker");
	refused_as(*state, "worker", FILL, "GRANT SELECT, UPDATE ON \"public\".\"b_2a\" TO worker");
}

#define TRIGGERED                                                                                  \
	"CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0, fired int DEFAULT 0);"                \
	"INSERT INTO b SELECT generate_series(1, 1000);"                                           \
	"CREATE OR REPLACE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS"                   \
	" 'BEGIN NEW.fired := NEW.fired + 1; RETURN NEW; END';"                                    \
	"CREATE TRIGGER fired BEFORE UPDATE ON b FOR EACH ROW EXECUTE FUNCTION fired();"           \
	"ALTER TABLE b OWNER TO worker;"

static void triggers_of_the_application_fire_unless_the_plan_says_no(void **state)
{
	static const char fired[] = "SELECT sum(fired) FROM b";
	make(*state, TRIGGERED);
	fill_as(*state, "worker", FILL, 1000);
	assert_int_equal(lk_test_number(*state, fired), 1000);
	make(*state, TRIGGERED);
	fill_as(*state, "worker", PLAN(", triggers: fire"), 1000);
	assert_int_equal(lk_test_number(*state, fired), 1000);
	/* Also for a role whose sessions are set to skip them. */
	make(*state, TRIGGERED "ALTER ROLE postgres SET session_replication_role = replica");
	fill_as(*state, "postgres", FILL, 1000);
	lk_test_sql(*state, "ALTER ROLE postgres RESET session_replication_role");
	assert_int_equal(lk_test_number(*state, fired), 1000);
	make(*state, TRIGGERED);
	fill_as(*state, "postgres", PLAN(", triggers: skip"), 1000);
	assert_int_equal(lk_test_number(*state, fired), 0);
	/* Only for the backfill's own updates. */
	lk_test_sql(*state, "UPDATE b SET n = 5 WHERE k = 1");
	assert_int_equal(lk_test_number(*state, fired), 1);
}

static void skipping_triggers_needs_a_right(void **state)
{
	make(*state, TRIGGERED);
	refused_as(*state, "worker", PLAN(", triggers: skip"),
		   "GRANT SET ON PARAMETER session_replication_role TO worker");
	if (lk_test_number(*state, "SHOW server_version_num") < 150000)
		return;
	lk_test_sql(*state, "GRANT SET ON PARAMETER session_replication_role TO worker");
	fill_as(*state, "worker", PLAN(", triggers: skip"), 1000);
	assert_int_equal(lk_test_number(*state, "SELECT sum(fired) FROM b"), 0);
	lk_test_sql(*state, "REVOKE SET ON PARAMETER session_replication_role FROM worker");
}

static void constraints_that_are_triggers_are_not_skipped(void **state)
{
	static const char *const cases[] = {
		"CREATE TABLE c (id int PRIMARY KEY);"
		"CREATE TABLE b (k int PRIMARY KEY, n int CONSTRAINT it REFERENCES c)",
		"CREATE TABLE b (k int PRIMARY KEY, n int UNIQUE);"
		"CREATE TABLE c (id int CONSTRAINT it REFERENCES b (n))",
		"CREATE TABLE b (k int PRIMARY KEY, n int CONSTRAINT it UNIQUE DEFERRABLE)",
		"CREATE TABLE b (k int PRIMARY KEY, n int);"
		"CREATE TABLE c (PRIMARY KEY (k), CONSTRAINT it UNIQUE (n) DEFERRABLE) INHERITS (b)",
	};
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		make(*state, cases[i]);
		refused_as(*state, "postgres", PLAN(", triggers: skip"),
			   "constraint it covers a column that the backfill of b sets");
	}
	make(*state, "CREATE TABLE c (id int PRIMARY KEY);"
		     "CREATE TABLE b (k int PRIMARY KEY, other int REFERENCES c, n int DEFAULT 0);"
		     "INSERT INTO b SELECT generate_series(1, 600)");
	fill_as(*state, "postgres", PLAN(", triggers: skip"), 600);
}

static void a_publication_that_cannot_tell_rows_apart_is_found_before(void **state)
{
	static const char table[] = "CREATE TABLE b (k int NOT NULL, n int DEFAULT 0);"
				    "CREATE UNIQUE INDEX \"b Key\" ON b (k);"
				    "INSERT INTO b SELECT generate_series(1, 600)";
	static const char *const publications[] = {
		"CREATE PUBLICATION p FOR TABLE b",
		"CREATE PUBLICATION p FOR ALL TABLES WITH (publish = 'insert, update')",
	};
	for (size_t i = 0; i < LK_COUNT(publications); i++) {
		make(*state, table);
		lk_test_sql(*state, publications[i]);
		refused_as(*state, "postgres", FILL,
			   "ALTER TABLE \"public\".\"b\" REPLICA IDENTITY USING INDEX \"b Key\"");
		lk_test_sql(*state, "ALTER TABLE b REPLICA IDENTITY USING INDEX \"b Key\"");
		fill_as(*state, "postgres", FILL, 600);
		lk_test_sql(*state, "DROP PUBLICATION p");
	}
	/* One of inserts alone does not mind; a partition is published with its table. */
	make(*state, table);
	lk_test_sql(*state, "CREATE PUBLICATION p FOR TABLE b WITH (publish = 'insert')");
	fill_as(*state, "postgres", FILL, 600);
	lk_test_sql(*state, "DROP PUBLICATION p");
	make(*state,
	     PARTED "ALTER TABLE b_2a REPLICA IDENTITY NOTHING; CREATE PUBLICATION p FOR TABLE b");
	refused_as(*state, "postgres", FILL, "a publication sends the updates of b_2a");
	lk_test_sql(*state, "DROP PUBLICATION p");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_are_walked_one_by_one),
		cmocka_unit_test(stopped_anywhere_in_any_partition_it_goes_on_exactly_behind),
		cmocka_unit_test(partitions_that_come_and_go_meanwhile_are_noticed),
		cmocka_unit_test(a_partition_detached_in_the_middle_is_let_go_and_goes_on_later),
		cmocka_unit_test(children_are_walked_too_each_by_itself),
		cmocka_unit_test(foreign_partitions_are_refused),
		cmocka_unit_test(other_columns_may_be_generated_and_tables_unlogged),
		cmocka_unit_test(row_security_never_hides_a_row),
		cmocka_unit_test(row_security_of_a_table_that_is_read_is_an_error),
		cmocka_unit_test(a_missing_privilege_is_named_with_its_grant),
		cmocka_unit_test(triggers_of_the_application_fire_unless_the_plan_says_no),
		cmocka_unit_test(skipping_triggers_needs_a_right),
		cmocka_unit_test(constraints_that_are_triggers_are_not_skipped),
		cmocka_unit_test(a_publication_that_cannot_tell_rows_apart_is_found_before),
	};
	return cmocka_run_group_tests_name("backfill tables", tests, start, stop);
}
