/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows on which the backfill's statement fails: named, or left out and counted. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/stopping.h"

#define BACKFILL "backfill-1"
#define PLAN(more)                                                                                 \
	"plan: p\nsteps:\n  migrate:\n    - backfill: {table: b, set: {n: 'n + source::int'}" more \
	"}\n"
#define STOP PLAN("")
#define SKIP PLAN(", on_error: skip")
#define ROWS(count)                                                                                \
	"CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0, source text DEFAULT '1');"            \
	"INSERT INTO b SELECT generate_series(1, " #count ");"

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

static void make(const struct lk_test_server *server, const char *sql)
{
	lk_test_sql(server,
		    "SET client_min_messages TO warning; DROP TABLE IF EXISTS b, c CASCADE");
	lk_test_sql(server, sql);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome != expected)
		fail_msg("outcome %d, not %d: %s", outcome, expected, steps->error.text);
}

/* The journal's list of what this run left out. */
static void assert_rejects(struct lk_test_steps *steps, const char *columns, const char *expected)
{
	PGconn *connection = lk_test_connect(steps->server);
	char *sql = lk_format("SELECT %s FROM lockkeeper.reject WHERE run = '%s' ORDER BY 1",
			      columns, steps->name);
	assert_rows(connection, sql, expected);
	free(sql);
	PQfinish(connection);
}

static int64_t rejects(struct lk_test_steps *steps)
{
	char *sql =
		lk_format("SELECT count(*) FROM lockkeeper.reject WHERE run = '%s'", steps->name);
	int64_t count = lk_test_number(steps->server, sql);
	free(sql);
	return count;
}

static void pgroll_316_an_error_names_the_row_and_the_run_goes_on_when_it_is_mended(void **state)
{
	struct lk_test_steps steps;
	make(*state, ROWS(3000) "UPDATE b SET source = 'no number' WHERE k = 2222");
	lk_test_steps_open(&steps, *state, STOP);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_STATEMENT);
	assert_string_equal(steps.error.state, "22P02");
	assert_contains(steps.error.text,
			"backfill of b stopped at the row WHERE \"k\" = '2222': ");
	assert_contains(steps.error.text, "\"no number\"");
	assert_contains(steps.error.text, "on_error: skip");
	/* Everything before it is done, nothing behind it, and nothing is left open. */
	assert_int_equal(lk_test_number(*state, "SELECT max(k) FROM b WHERE n = 1"), 2221);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 2221);
	assert_int_equal(rejects(&steps), 0);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM pg_stat_activity WHERE"
						" state LIKE 'idle in transaction%'"),
			 0);
	/* It stops there again, at once, until somebody mends it. */
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_FAILED);
	assert_contains(steps.error.text, "'2222'");
	lk_test_sql(*state, "UPDATE b SET source = '1' WHERE k = 2222");
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 3000);
	lk_test_steps_close(&steps);
}

static void pgroll_786_after_an_error_there_is_a_way_back(void **state)
{
	struct lk_test_steps steps;
	make(*state, ROWS(3000) "UPDATE b SET source = 'no number' WHERE k = 2222");
	lk_test_steps_open(&steps, *state, STOP);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_FAILED);
	must_be(&steps, lk_test_step_backward(&steps, BACKFILL), LK_OUTCOME_DONE);
	lk_test_sql(*state, "UPDATE b SET source = '1', n = 0");
	/* Taken back, it begins at the first row again. */
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 3000);
	lk_test_steps_close(&steps);
}

/* Whatever is wrong with a row; the ninth is seen at the commit only. */
static void every_kind_of_error_in_a_row_leaves_that_row_out(void **state)
{
	struct lk_test_steps steps;
	make(*state,
	     "CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c SELECT generate_series(0, 5000);"
	     "CREATE TABLE b (k int PRIMARY KEY, n int NOT NULL DEFAULT 0 CHECK (n < 4000),"
	     " source text DEFAULT '1', UNIQUE (k, n) DEFERRABLE,"
	     " FOREIGN KEY (n) REFERENCES c DEFERRABLE INITIALLY DEFERRED);"
	     "CREATE UNIQUE INDEX only_one ON b (n) WHERE n > 90 AND n < 100;"
	     "CREATE FUNCTION c() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
	     " IF NEW.n = 8 THEN RAISE EXCEPTION 'eight is ours'; END IF;"
	     " IF NEW.n = 9 THEN RAISE EXCEPTION 'nine too' USING ERRCODE = 'ABC12'; END IF;"
	     " RETURN NEW; END$$;"
	     "CREATE TRIGGER c BEFORE UPDATE ON b FOR EACH ROW EXECUTE FUNCTION c();"
	     "INSERT INTO b SELECT generate_series(1, 2000);"
	     "UPDATE b SET source = CASE k WHEN 1 THEN 'x' WHEN 2 THEN NULL WHEN 3 THEN '9999'"
	     " WHEN 700 THEN '3000000000' WHEN 701 THEN '8' WHEN 702 THEN '9'"
	     " WHEN 1000 THEN '95' WHEN 1500 THEN '95' WHEN 1999 THEN '-7' WHEN 2000 THEN ''"
	     " ELSE source END");
	lk_test_steps_open(&steps, *state, SKIP);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_rejects(&steps, "(key->>'k')::int, sqlstate, relation, step",
		       "1|22P02|b|1\n2|23502|b|1\n3|23514|b|1\n700|22003|b|1\n701|P0001|b|1\n"
		       "702|ABC12|b|1\n1500|23505|b|1\n1999|23503|b|1\n2000|22P02|b|1");
	assert_rejects(
		&steps,
		"count(*) FILTER (WHERE message = 'eight is ours' AND key = '{\"k\": 701}' AND"
		" at BETWEEN now() - interval '1 min' AND now())",
		"1");
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n <> 0"), 1991);
	char *note = lk_format(
		"; 9 rows rejected: SELECT * FROM lockkeeper.reject WHERE run = '%s'", steps.name);
	assert_contains(steps.run.note, note);
	assert_contains(steps.run.note, "2000 rows walked, 1991 changed, ");
	assert_int_equal(lk_test_steps_progress(&steps).rejected, 9);
	char *said = lk_test_steps_said(&steps);
	assert_contains(said, "1 row of b rejected, see lockkeeper.reject; the last: ");
	free(said);
	free(note);
	/* The way back forgets them. */
	must_be(&steps, lk_test_step_backward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(rejects(&steps), 0);
	lk_test_steps_close(&steps);
}

static void a_constraint_checked_at_the_commit_names_its_row_too(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (0), (1);"
		     "CREATE TABLE b (k int PRIMARY KEY, n int DEFAULT 0 REFERENCES c DEFERRABLE"
		     " INITIALLY DEFERRED, source text DEFAULT '1');"
		     "INSERT INTO b SELECT generate_series(1, 1000);"
		     "UPDATE b SET source = '2' WHERE k = 777");
	lk_test_steps_open(&steps, *state, STOP);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_FAILED);
	assert_string_equal(steps.error.state, "23503");
	assert_contains(steps.error.text, "stopped at the row WHERE \"k\" = '777': ");
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 776);
	lk_test_steps_close(&steps);
}

static void keys_are_kept_so_that_the_row_is_found(void **state)
{
	struct lk_test_steps steps;
	make(*state, "CREATE TABLE b (j timestamptz, \"K k\" text, n int DEFAULT 0,"
		     " source text DEFAULT '1', PRIMARY KEY (j, \"K k\"));"
		     "INSERT INTO b SELECT '2024-02-29 12:00+00', 'it''s \"' || i || E'\\\\' FROM"
		     " generate_series(1, 900) i;"
		     "UPDATE b SET source = 'x' WHERE \"K k\" LIKE '%\"77%'");
	lk_test_steps_open(&steps, *state, SKIP);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_DONE);
	assert_int_equal(rejects(&steps), 11);
	/* Exactly those, by what the journal keeps. */
	assert_int_equal(
		lk_test_number(*state,
			       "SELECT count(*) FROM b WHERE n = 0 AND EXISTS (SELECT FROM"
			       " lockkeeper.reject r WHERE (r.key->>'j')::timestamptz = j AND"
			       " r.key->>'K k' = \"K k\")"),
		11);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 889);
	lk_test_steps_close(&steps);
}

static void stopped_anywhere_a_row_is_rejected_once(void **state)
{
	struct lk_test_steps steps;
	struct lk_test_stops stops = {.count = 25, .chunks = 40, .seed = 11};
	make(*state, ROWS(20000) "UPDATE b SET source = 'x' WHERE k % 97 = 0");
	lk_test_steps_open(&steps, *state, SKIP);
	lk_pace_set(&steps.pace, false, 8, 0.5);
	enum lk_outcome outcome = lk_test_step_stopped_anywhere(&steps, BACKFILL, &stops);
	assert_true(stops.stopped >= stops.count / 2);
	must_be(&steps, outcome, LK_OUTCOME_DONE);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"),
			 20000 - 20000 / 97);
	assert_rejects(&steps, "count(*), count(DISTINCT key), min((key->>'k')::int % 97)",
		       "206|206|0");
	assert_int_equal(lk_test_steps_progress(&steps).rejected, 206);
	lk_test_steps_close(&steps);
}

static void too_many_rejects_stop_the_run(void **state)
{
	struct lk_test_steps steps;
	make(*state, ROWS(4000) "UPDATE b SET source = 'x' WHERE k > 100");
	lk_test_steps_open(&steps, *state, SKIP);
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_FAILED);
	assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
	assert_contains(steps.error.text, "1001 of 1101 rows walked were rejected");
	assert_contains(steps.error.text, "more than 1 %");
	assert_contains(steps.error.text, "SELECT * FROM lockkeeper.reject WHERE run = ");
	assert_int_equal(rejects(&steps), 1001);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 100);
	/* Resumed, it stops at the next one. */
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_FAILED);
	assert_int_equal(rejects(&steps), 1002);
	lk_test_steps_close(&steps);
}

/* A row that somebody has locked is no bad row, not even beside one. */
static void a_locked_row_is_never_rejected(void **state)
{
	struct lk_test_steps steps;
	make(*state, ROWS(2000) "UPDATE b SET source = 'x' WHERE k = 1201");
	PGconn *app = lk_test_connect(*state);
	lk_test_steps_open(&steps, *state, SKIP);
	lk_test_do(app, "BEGIN; UPDATE b SET k = k WHERE k IN (1200, 1202)");
	lk_test_step_begin(&steps, BACKFILL, false);
	while (lk_test_steps_progress(&steps).retries < 10)
		assert_false(lk_test_step_ended(&steps));
	/* A cancel is none either. */
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	assert_int_equal(rejects(&steps), 0);
	lk_test_step_begin(&steps, BACKFILL, false);
	while (lk_test_steps_progress(&steps).retries < 3)
		assert_false(lk_test_step_ended(&steps));
	lk_test_do(app, "COMMIT");
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	assert_rejects(&steps, "key->>'k'", "1201");
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM b WHERE n = 1"), 1999);
	PQfinish(app);
	lk_test_steps_close(&steps);
}

static void a_statement_that_no_row_can_mend_stops_at_once(void **state)
{
	struct lk_test_steps steps;
	make(*state, ROWS(2000));
	lk_test_steps_open(&steps, *state, SKIP);
	lk_test_sql(*state, "ALTER TABLE b RENAME source TO origin");
	must_be(&steps, lk_test_step_forward(&steps, BACKFILL), LK_OUTCOME_FAILED);
	assert_string_equal(steps.error.state, "42703");
	assert_contains(steps.error.text, "in the 500 rows behind key (beginning)");
	assert_int_equal(rejects(&steps), 0);
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			pgroll_316_an_error_names_the_row_and_the_run_goes_on_when_it_is_mended),
		cmocka_unit_test(pgroll_786_after_an_error_there_is_a_way_back),
		cmocka_unit_test(every_kind_of_error_in_a_row_leaves_that_row_out),
		cmocka_unit_test(a_constraint_checked_at_the_commit_names_its_row_too),
		cmocka_unit_test(keys_are_kept_so_that_the_row_is_found),
		cmocka_unit_test(stopped_anywhere_a_row_is_rejected_once),
		cmocka_unit_test(too_many_rejects_stop_the_run),
		cmocka_unit_test(a_locked_row_is_never_rejected),
		cmocka_unit_test(a_statement_that_no_row_can_mend_stops_at_once),
	};
	return cmocka_run_group_tests_name("backfill rejects", tests, start, stop);
}
