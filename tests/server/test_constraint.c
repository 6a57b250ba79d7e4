/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constraints on tables in use: what is locked, what is scanned under which lock, and who is waited for. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "step/pg_locks.h"
#include "tests/server/steps.h"

#define DDL(n) "ddl-" #n

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

static void make(const struct lk_test_server *server)
{
	lk_test_sql(server,
		    "SET client_min_messages TO warning; DROP TABLE IF EXISTS o, t, p CASCADE;"
		    "CREATE TABLE o (id int PRIMARY KEY, n int DEFAULT 0);"
		    "INSERT INTO o SELECT i, 0 FROM generate_series(1, 100) i;"
		    "CREATE TABLE t (id int PRIMARY KEY, o int, n int, b boolean DEFAULT true);"
		    "INSERT INTO t SELECT i, i % 100 + 1, i FROM generate_series(1, 2000) i");
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome != expected)
		fail_msg("outcome %d, not %d: %s", outcome, expected, steps->error.text);
}

/* A transaction of application "report" that did this, and then nothing for a while. */
static PGconn *idle_after(const struct lk_test_server *server, const char *sql)
{
	PGconn *reader = lk_test_connect(server);
	lk_test_do(reader, "SET application_name TO 'report'; BEGIN");
	lk_test_do(reader, sql);
	char *old = lk_format("SELECT xact_start < clock_timestamp() - interval '300 ms' FROM"
			      " pg_stat_activity WHERE pid = %d",
			      PQbackendPID(reader));
	assert_true(lk_test_wait(server, old, 10));
	free(old);
	return reader;
}

static void must_hear(struct lk_test_steps *steps, const char *text)
{
	if (lk_test_steps_hears(steps, text))
		return;
	fail_msg("\"%s\" was not said, but: %s", text, lk_test_steps_said(steps));
}

/* Writers of both tables, so that any queue behind us shows. */
static struct lk_test_load *busy(const struct lk_test_server *server)
{
	return lk_test_load_start(
		server,
		"BEGIN; UPDATE t SET n = n WHERE id = (SELECT (random() * 1999)::int + 1);"
		" INSERT INTO o SELECT (random() * 1e9)::int + 1000 ON CONFLICT DO NOTHING; COMMIT",
		4, 8000);
}

static void wait_for_load(struct lk_test_load *load, int64_t more)
{
	struct lk_test_load_result at, now;
	lk_test_load_look(load, &at);
	do {
		lk_sleep_ms(5);
		lk_test_load_look(load, &now);
	} while (now.transactions < at.transactions + more && now.errors == 0);
}

static void must_have_flowed(struct lk_test_load *load)
{
	struct lk_test_load_result result;
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	if (result.longest_ms > 700)
		fail_msg("the application stood for %.0f ms", result.longest_ms);
}

#define FOREIGN_KEY                                                                                \
	"plan: p\nsteps:\n  expand:\n"                                                             \
	"    - ddl: 'ALTER TABLE t ADD CONSTRAINT t_o FOREIGN KEY (o) REFERENCES o NOT VALID'\n"   \
	"      undo: 'ALTER TABLE t DROP CONSTRAINT IF EXISTS t_o'\n"                              \
	"    - ddl: 'ALTER TABLE t VALIDATE CONSTRAINT t_o'\n"

static void a_foreign_key_waits_for_a_writer_of_the_other_table(void **state)
{
	struct lk_test_steps steps;
	struct lk_step_text text;
	make(*state);
	lk_test_steps_open(&steps, *state, FOREIGN_KEY);
	lk_test_steps_until(&steps, DDL(1));
	assert_true(lk_step_describe(steps.session, &steps.plan, (size_t)steps.next, &text,
				     &steps.error));
	assert_string_equal(text.lock, "SHARE ROW EXCLUSIVE on o, t");
	PGconn *writer = idle_after(*state, "UPDATE o SET n = 1 WHERE id = 1");
	struct lk_test_load *load = busy(*state);
	lk_test_step_begin(&steps, DDL(1), false);
	must_hear(&steps, "(postgres report, idle in transaction) has held o for");
	wait_for_load(load, 300);
	assert_false(lk_test_step_ended(&steps));
	PQfinish(writer);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	wait_for_load(load, 20);
	must_have_flowed(load);
	char *said = lk_test_steps_said(&steps);
	assert_null(strstr(said, "gave way"));
	free(said);
	lk_test_steps_until(&steps, NULL);
	assert_int_equal(lk_test_number(*state, "SELECT convalidated::int FROM pg_constraint WHERE"
						" conname = 't_o'"),
			 1);
	lk_test_steps_close(&steps);
}

/* To read the other table for long does not hinder a new foreign key; but it does hinder the end of one, which
 * nothing in the statement says. */
static void a_foreign_key_behind_a_long_read(void **state)
{
	struct lk_test_steps steps;
	make(*state);
	lk_test_steps_open(&steps, *state, FOREIGN_KEY);
	lk_test_steps_until(&steps, DDL(1));
	PGconn *reader = idle_after(*state, "SELECT count(*) FROM o");
	lk_test_steps_until(&steps, NULL);
	struct lk_test_load *load = busy(*state);
	lk_test_step_begin(&steps, DDL(1), true);
	must_hear(&steps, "(postgres report, idle in transaction) has held o for");
	wait_for_load(load, 300);
	assert_false(lk_test_step_ended(&steps));
	PQfinish(reader);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	wait_for_load(load, 20);
	must_have_flowed(load);
	assert_int_equal(lk_test_number(*state, "SELECT count(*) FROM pg_constraint WHERE conname ="
						" 't_o'"),
			 0);
	lk_test_steps_close(&steps);
}

static void rows_without_their_counterpart_are_the_servers_sentence(void **state)
{
	struct lk_test_steps steps;
	make(*state);
	lk_test_sql(*state, "INSERT INTO t VALUES (9000, 777)");
	lk_test_steps_open(&steps, *state, FOREIGN_KEY);
	lk_test_steps_until(&steps, DDL(2));
	/* From here on nobody writes another one. */
	PGconn *app = lk_test_connect(*state);
	char state_[6];
	assert_string_equal(lk_test_state(app, "INSERT INTO t VALUES (9001, 777)", state_),
			    "23503");
	must_be(&steps, lk_test_step_forward(&steps, DDL(2)), LK_OUTCOME_FAILED);
	assert_string_equal(steps.error.state, "23503");
	assert_contains(steps.error.text, "(o)=(777)");
	lk_test_do(app, "DELETE FROM t WHERE id = 9000");
	lk_test_steps_until(&steps, NULL);
	PQfinish(app);
	lk_test_steps_close(&steps);
}

#define SLOW                                                                                       \
	"CREATE OR REPLACE FUNCTION slow(int, float) RETURNS boolean LANGUAGE plpgsql AS"          \
	" 'BEGIN IF $1 = 1999 THEN PERFORM pg_sleep($2); END IF; RETURN true; END'"
#define CHECK(seconds)                                                                             \
	"plan: p\nsteps:\n  expand:\n"                                                             \
	"    - ddl: 'ALTER TABLE t ADD CONSTRAINT c CHECK (slow(id, " seconds                      \
	")) NOT VALID'\n      undo: 'ALTER TABLE t DROP CONSTRAINT IF EXISTS c'\n"                 \
	"    - ddl: 'ALTER TABLE t VALIDATE CONSTRAINT c'\n"

/* Longer than the lock wait, with writers at work: nobody waits for it, so nobody makes it give way. */
static void a_long_validate_is_let_read(void **state)
{
	struct lk_test_steps steps;
	make(*state);
	lk_test_sql(*state, SLOW);
	lk_test_steps_open(&steps, *state, CHECK("1.5"));
	lk_test_steps_until(&steps, DDL(2));
	struct lk_test_load *load = lk_test_load_start(
		*state, "UPDATE t SET n = n + 1 WHERE id = (SELECT (random() * 1500)::int + 1)", 4,
		8000);
	int64_t from = lk_clock_us();
	must_be(&steps, lk_test_step_forward(&steps, DDL(2)), LK_OUTCOME_DONE);
	assert_true(lk_clock_us() - from > 1400000);
	must_have_flowed(load);
	char *said = lk_test_steps_said(&steps);
	assert_null(strstr(said, "gave"));
	free(said);
	assert_int_equal(lk_test_number(*state, "SELECT convalidated::int FROM pg_constraint WHERE"
						" conname = 'c'"),
			 1);
	lk_test_steps_close(&steps);
}

static void a_pause_ends_a_validate_at_once(void **state)
{
	struct lk_test_steps steps;
	make(*state);
	lk_test_sql(*state, SLOW);
	lk_test_steps_open(&steps, *state, CHECK("60"));
	lk_test_steps_until(&steps, DDL(2));
	char *asleep =
		lk_format("SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = %d",
			  steps.session->id);
	lk_test_step_begin(&steps, DDL(2), false);
	assert_true(lk_test_wait(*state, asleep, 20));
	int64_t from = lk_clock_us();
	lk_test_steps_stop(&steps);
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_STOPPED);
	assert_true(lk_clock_us() - from < 1000000);
	char *free_sql =
		lk_format("SELECT count(*) = 0 FROM pg_locks WHERE pid = %d", steps.session->id);
	assert_true(lk_test_wait(*state, free_sql, 10));
	lk_test_sql(*state,
		    "CREATE OR REPLACE FUNCTION slow(int, float) RETURNS boolean LANGUAGE sql AS"
		    " 'SELECT true'");
	must_be(&steps, lk_test_step_forward(&steps, DDL(2)), LK_OUTCOME_DONE);
	free(free_sql);
	free(asleep);
	lk_test_steps_close(&steps);
}

static void a_check_that_rows_break_is_the_servers_sentence(void **state)
{
	struct lk_test_steps steps;
	make(*state);
	lk_test_sql(*state, "UPDATE t SET n = -1 WHERE id = 500");
	lk_test_steps_open(&steps, *state,
			   "plan: p\nsteps:\n  expand:\n"
			   "    - ddl: 'ALTER TABLE t ADD CONSTRAINT c CHECK (n >= 0) NOT VALID'\n"
			   "      undo: 'ALTER TABLE t DROP CONSTRAINT IF EXISTS c'\n"
			   "    - ddl: 'ALTER TABLE t VALIDATE CONSTRAINT c'\n");
	lk_test_steps_until(&steps, DDL(2));
	must_be(&steps, lk_test_step_forward(&steps, DDL(2)), LK_OUTCOME_FAILED);
	assert_string_equal(steps.error.state, "23514");
	assert_contains(steps.error.text, "check constraint \"c\" of relation \"t\" is violated");
	lk_test_sql(*state, "UPDATE t SET n = 1 WHERE id = 500");
	lk_test_steps_until(&steps, NULL);
	lk_test_steps_back(&steps, NULL);
	lk_test_steps_close(&steps);
}

#define FROM_INDEX(kind, undo)                                                                     \
	"plan: p\nsteps:\n  expand:\n"                                                             \
	"    - ddl: 'CREATE UNIQUE INDEX CONCURRENTLY t_new ON t (n)'\n"                           \
	"      undo: 'DROP INDEX CONCURRENTLY IF EXISTS t_new'\n"                                  \
	"    - ddl: 'ALTER TABLE t ADD CONSTRAINT t_new " kind " USING INDEX t_new'\n"             \
	"      undo: '" undo "'\n"

static void keys_are_made_from_an_index(void **state)
{
	static const char *const plans[] = {
		FROM_INDEX("UNIQUE", "ALTER TABLE t DROP CONSTRAINT IF EXISTS t_new"),
		FROM_INDEX("PRIMARY KEY", "ALTER TABLE t DROP CONSTRAINT IF EXISTS t_new;"
					  " ALTER TABLE t ALTER COLUMN n DROP NOT NULL"),
	};
	for (size_t i = 0; i < LK_COUNT(plans); i++) {
		struct lk_test_steps steps;
		make(*state);
		lk_test_sql(*state, "ALTER TABLE t DROP CONSTRAINT t_pkey");
		lk_test_steps_open(&steps, *state, plans[i]);
		lk_test_steps_until(&steps, DDL(1));
		char *before = lk_test_catalog(*state, "t");
		struct lk_test_load *load = lk_test_load_start(
			*state,
			"UPDATE t SET b = NOT b WHERE id = (SELECT (random() * 1999)::int + 1)", 4,
			8000);
		lk_test_steps_until(&steps, NULL);
		lk_test_steps_back(&steps, NULL);
		must_have_flowed(load);
		char *after = lk_test_catalog(*state, "t");
		assert_string_equal(after, before);
		must_be(&steps, lk_test_step_forward(&steps, DDL(1)), LK_OUTCOME_DONE);
		must_be(&steps, lk_test_step_forward(&steps, DDL(2)), LK_OUTCOME_DONE);
		char *type =
			lk_test_value(*state, "SELECT contype FROM pg_constraint WHERE conname ="
					      " 't_new'");
		assert_string_equal(type, i ? "p" : "u");
		free(type);
		free(after);
		free(before);
		lk_test_steps_close(&steps);
	}
}

/* Scans of t by the step's session, once its figures have arrived. */
static int64_t scans(struct lk_test_steps *steps)
{
	struct lk_error error;
	assert_true(
		lk_execute(steps->session, "SELECT pg_stat_force_next_flush(); SELECT 1", &error));
	return lk_test_number(steps->server,
			      "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 't'");
}

/* A valid CHECK spares SET NOT NULL its scan, and that is the point: it would be under the exclusive lock. */
static void not_null_through_a_check_scans_nothing_under_the_lock(void **state)
{
	struct lk_test_steps steps;
	if (lk_test_number(*state, "SELECT current_setting('server_version_num')::int") < 150000)
		skip();
	make(*state);
	lk_test_steps_open(
		&steps, *state,
		"plan: p\nsteps:\n  expand:\n"
		"    - ddl: 'ALTER TABLE t ADD CONSTRAINT nn CHECK (n IS NOT NULL) NOT VALID'\n"
		"    - ddl: 'ALTER TABLE t VALIDATE CONSTRAINT nn'\n"
		"    - ddl: 'ALTER TABLE t ALTER COLUMN n SET NOT NULL'\n"
		"      undo: 'ALTER TABLE t ALTER COLUMN n DROP NOT NULL'\n"
		"    - ddl: 'ALTER TABLE t DROP CONSTRAINT nn'\n");
	lk_test_steps_until(&steps, DDL(2));
	int64_t begun = scans(&steps);
	lk_test_steps_until(&steps, DDL(3));
	int64_t validated = scans(&steps);
	assert_true(validated > begun);
	lk_test_steps_until(&steps, NULL);
	assert_int_equal(scans(&steps), validated);
	/* Without the CHECK it does scan, so the figure above means something. */
	must_be(&steps, lk_test_step_backward(&steps, DDL(3)), LK_OUTCOME_DONE);
	must_be(&steps, lk_test_step_forward(&steps, DDL(3)), LK_OUTCOME_DONE);
	assert_true(scans(&steps) > validated);
	assert_int_equal(lk_test_number(*state,
					"SELECT attnotnull::int FROM pg_attribute WHERE attrelid ="
					" 't'::regclass AND attname = 'n'"),
			 1);
	lk_test_steps_close(&steps);
}

static const char *const strengths[] = {
	"AccessShareLock", "RowShareLock",	    "RowExclusiveLock", "ShareUpdateExclusiveLock",
	"ShareLock",	   "ShareRowExclusiveLock", "ExclusiveLock",	"AccessExclusiveLock"};

static int strength(const char *text)
{
	/* "SHARE ROW EXCLUSIVE" or "ShareRowExclusiveLock" */
	char letters[40] = "";
	size_t n = 0;
	for (const char *p = text; *p && n < sizeof letters - 1; p++)
		if (*p != ' ' && *p != '_')
			letters[n++] = (char)(*p | 0x20);
	letters[n] = '\0';
	for (size_t i = 0; i < LK_COUNT(strengths); i++) {
		char known[40];
		size_t k = 0;
		for (const char *p = strengths[i]; *p; p++)
			known[k++] = (char)(*p | 0x20);
		known[k - strlen("lock")] = '\0';
		if (strncmp(letters, known, k - strlen("lock")) == 0 &&
		    (letters[k - strlen("lock")] == '\0' || letters[k - strlen("lock")] == 'l'))
			return (int)i;
	}
	fail_msg("%s is no lock", text);
	return -1;
}

/* Statements over t, o, p (a partitioned table with p1), v (a view of t), with foreign keys t_o and o_t. */
static const char *const statements[] = {
	"ALTER TABLE t ADD FOREIGN KEY (o) REFERENCES o",
	"ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES o NOT VALID",
	"ALTER TABLE t ADD COLUMN z int REFERENCES o",
	"ALTER TABLE t DROP CONSTRAINT t_o",
	"ALTER TABLE t DROP COLUMN o",
	"ALTER TABLE t DROP COLUMN b",
	"ALTER TABLE t ALTER COLUMN o TYPE bigint",
	"ALTER TABLE t VALIDATE CONSTRAINT t_o",
	"ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID",
	"ALTER TABLE t RENAME TO t2",
	"ALTER TABLE t RENAME COLUMN n TO m",
	"ALTER TABLE t SET (fillfactor = 70)",
	"ALTER TABLE t SET SCHEMA elsewhere",
	"ALTER TABLE t DISABLE TRIGGER ALL",
	"ALTER TABLE o DROP CONSTRAINT o_pkey CASCADE",
	"DROP TABLE t CASCADE",
	"DROP TABLE o CASCADE",
	"DROP INDEX t_n",
	"REINDEX INDEX t_n",
	"CREATE INDEX i ON t (n)",
	"CREATE OR REPLACE VIEW v AS SELECT id, n FROM t",
	"CREATE VIEW w AS SELECT t.id FROM t JOIN o ON o.id = t.o",
	"CREATE TABLE q (id int REFERENCES o)",
	"CREATE TABLE q () INHERITS (t)",
	"CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)",
	"ALTER TABLE p ATTACH PARTITION loose FOR VALUES IN (3)",
	"ALTER TABLE p DETACH PARTITION p1",
	"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
	"DROP TRIGGER tg ON t",
	"COMMENT ON COLUMN t.n IS 'x'",
	"TRUNCATE t, o CASCADE",
	"LOCK TABLE t, o IN SHARE MODE",
	"UPDATE t SET n = 1 FROM o WHERE o.id = t.o AND t.id = 1",
	"INSERT INTO t (id, o) SELECT id + 90000, id FROM o",
	"DELETE FROM t WHERE id = 5",
	"SELECT * FROM t JOIN o ON true LIMIT 1 FOR UPDATE",
	"CREATE POLICY y ON t USING (true)",
	"ANALYZE t",
};

/* What the server holds at the end of each statement is no more than what was foreseen. */
static void the_locks_foreseen_are_those_taken(void **state)
{
	struct lk_test_steps steps;
	make(*state);
	lk_test_sql(
		*state,
		"CREATE SCHEMA IF NOT EXISTS elsewhere; ALTER TABLE t ADD CONSTRAINT t_o FOREIGN KEY (o)"
		" REFERENCES o NOT VALID; CREATE INDEX t_n ON t (n); CREATE VIEW v AS SELECT id, n FROM t;"
		"CREATE TABLE p (k int) PARTITION BY LIST (k);"
		"CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE loose (k int);"
		"CREATE TRIGGER tg BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION"
		" suppress_redundant_updates_trigger()");
	lk_test_steps_open(&steps, *state, FOREIGN_KEY);
	for (size_t i = 0; i < LK_COUNT(statements); i++) {
		struct lk_pg_locks locks;
		struct lk_result r;
		struct lk_error error;
		if (!lk_pg_locks_find(steps.session, &statements[i], 1, NULL, &locks, &error))
			fail_msg("%s", error.text);
		if (!lk_begin(steps.session, &error) ||
		    !lk_execute(steps.session, statements[i], &error) ||
		    !LK_QUERY(
			    steps.session, &r, &error,
			    "SELECT c.oid, c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid ="
			    " l.relation WHERE pid = pg_backend_pid() AND c.relkind IN ('r', 'p', 'v')"
			    " AND c.relnamespace IN ('public'::regnamespace, 'elsewhere'::regnamespace)"
			    " AND c.oid NOT IN (SELECT inhrelid FROM pg_inherits)"
			    " AND c.xmin::text <> pg_current_xact_id_if_assigned()::xid::text"
			    " OR (pid = pg_backend_pid() AND c.relname IN ('t', 'o', 't2'))"))
			fail_msg("%s: %s", statements[i], error.text);
		for (size_t k = 0; k < r.rows; k++) {
			int held = strength(lk_cell_text(&r, k, 2)), foreseen = -1;
			for (size_t n = 0; n < locks.count; n++)
				if (locks.list[n].id == lk_cell_int(&r, k, 0))
					foreseen = strength(locks.list[n].mode);
			/* Reading goes on beside all but the strongest. */
			if (held > 0 && held > foreseen)
				fail_msg("%s takes %s on %s", statements[i], lk_cell_text(&r, k, 2),
					 lk_cell_text(&r, k, 1));
		}
		lk_result_free(&r);
		lk_rollback(steps.session);
		lk_pg_locks_free(&locks);
	}
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_foreign_key_waits_for_a_writer_of_the_other_table),
		cmocka_unit_test(a_foreign_key_behind_a_long_read),
		cmocka_unit_test(rows_without_their_counterpart_are_the_servers_sentence),
		cmocka_unit_test(a_long_validate_is_let_read),
		cmocka_unit_test(a_pause_ends_a_validate_at_once),
		cmocka_unit_test(a_check_that_rows_break_is_the_servers_sentence),
		cmocka_unit_test(keys_are_made_from_an_index),
		cmocka_unit_test(not_null_through_a_check_scans_nothing_under_the_lock),
		cmocka_unit_test(the_locks_foreseen_are_those_taken),
	};
	return cmocka_run_group_tests_name("constraints", tests, start, stop);
}
