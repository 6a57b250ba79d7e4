/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dual write: what two releases of an application write into one column, both see. */
#include "tests/unit/support.h"

#include "base/memory.h"
#include "tests/server/steps.h"

/* A table t whose column "old" is dual-written to "new", and the application's connection. */
struct pair {
	struct lk_test_steps steps;
	PGconn *app;
};

#define PLAN_OLD_NEW                                                                               \
	"plan: p\nsteps:\n  expand:\n"                                                             \
	"    - dual_write: {table: t, from: old, to: new, like: old}\n"                            \
	"  migrate:\n    - backfill: {table: t, set: {new: old}}\n"                                \
	"  contract:\n    - end_dual_write: {table: t, column: old}\n"                             \
	"    - ddl: \"ALTER TABLE t DROP COLUMN old\"\n      destroys: data\n"
#define DUAL_WRITE "dual_write-1"
#define BACKFILL "backfill-2"
#define T_TEXT                                                                                     \
	"CREATE TABLE t (id int PRIMARY KEY, old text, other int);"                                \
	"INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, 'four')"

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

static void make(struct pair *pair, const struct lk_test_server *server, const char *sql)
{
	pair->app = lk_test_connect(server);
	lk_test_do(pair->app, "SET client_min_messages TO warning; DROP TABLE IF EXISTS t CASCADE");
	lk_test_do(pair->app, sql);
	lk_test_steps_open(&pair->steps, server, PLAN_OLD_NEW);
	lk_test_steps_until(&pair->steps, DUAL_WRITE);
}

static void begin(struct pair *pair, const struct lk_test_server *server, const char *sql)
{
	make(pair, server, sql);
	lk_test_steps_until(&pair->steps, BACKFILL);
}

static void end(struct pair *pair)
{
	PQfinish(pair->app);
	lk_test_steps_close(&pair->steps);
}

static void fill(struct pair *pair)
{
	lk_test_steps_until(&pair->steps, "contract");
	assert_rows(pair->app, "SELECT count(*) FROM t WHERE old IS DISTINCT FROM new", "0");
}

static void fails_with(struct pair *pair, const char *sql, const char *expected)
{
	char state[6];
	lk_test_state(pair->app, sql, state);
	if (strcmp(state, expected) != 0)
		fail_msg("%s ends with \"%s\", not with \"%s\"", sql, state, expected);
}

static void inserts_by_either_release_fill_both(void **state)
{
	struct pair p;
	begin(&p, *state, T_TEXT);
	lk_test_do(p.app, "INSERT INTO t (id, old) VALUES (10, 'by old')");
	lk_test_do(p.app, "INSERT INTO t (id, new) VALUES (11, 'by new')");
	lk_test_do(p.app, "INSERT INTO t (id, old, new) VALUES (12, 'same', 'same')");
	lk_test_do(p.app, "INSERT INTO t (id, old) VALUES (13, NULL)");
	lk_test_do(p.app, "INSERT INTO t (id, new) VALUES (14, NULL)");
	lk_test_do(p.app, "INSERT INTO t (id) VALUES (15)");
	fails_with(&p, "INSERT INTO t (id, old, new) VALUES (16, 'a', 'b')", "23000");
	assert_rows(p.app, "SELECT id, old, new FROM t WHERE id >= 10 ORDER BY id",
		    "10|by old|by old\n11|by new|by new\n12|same|same\n13|NULL|NULL\n14|NULL|NULL\n"
		    "15|NULL|NULL");
	end(&p);
}

/* The row with an explicit NULL is what was lost when progress was judged by "new IS NULL". */
static void an_explicit_null_counts_over_a_row_that_is_not_filled(void **state)
{
	struct pair p;
	begin(&p, *state, T_TEXT);
	assert_rows(p.app, "SELECT old, new FROM t WHERE id IN (1, 2)", "one|NULL\ntwo|NULL");
	lk_test_do(p.app, "UPDATE t SET new = NULL WHERE id = 1");
	lk_test_do(p.app, "UPDATE t SET old = NULL WHERE id = 2");
	lk_test_do(p.app, "UPDATE t SET new = NULL WHERE id = 3");
	fill(&p);
	assert_rows(p.app, "SELECT id, old, new FROM t ORDER BY id",
		    "1|NULL|NULL\n2|NULL|NULL\n3|NULL|NULL\n4|four|four");
	lk_test_do(p.app, "UPDATE t SET new = NULL WHERE id = 4");
	assert_rows(p.app, "SELECT old, new FROM t WHERE id = 4", "NULL|NULL");
	end(&p);
}

static void updates_by_either_release_reach_both(void **state)
{
	struct pair p;
	begin(&p, *state, T_TEXT);
	lk_test_do(p.app, "UPDATE t SET old = 'O' WHERE id = 1");
	lk_test_do(p.app, "UPDATE t SET new = 'N' WHERE id = 2");
	lk_test_do(p.app, "UPDATE t SET old = 'B', new = 'B' WHERE id = 3");
	lk_test_do(p.app, "UPDATE t SET other = 7 WHERE id = 4");
	assert_rows(p.app, "SELECT id, old, new FROM t ORDER BY id",
		    "1|O|O\n2|N|N\n3|B|B\n4|four|four");
	fails_with(&p, "UPDATE t SET old = 'x', new = 'y' WHERE id = 1", "23000");
	assert_rows(p.app, "SELECT old, new FROM t WHERE id = 1", "O|O");
	end(&p);
}

/* Object mappers write every column back, also those that they did not change. */
static void full_row_updates_keep_the_one_that_changed(void **state)
{
	struct pair p;
	begin(&p, *state, T_TEXT);
	lk_test_do(p.app, "UPDATE t SET old = 'one', new = NULL, other = 5 WHERE id = 1");
	lk_test_do(p.app, "UPDATE t SET old = 'zwei', new = NULL, other = 5 WHERE id = 2");
	lk_test_do(p.app, "UPDATE t SET old = NULL, new = 'drei', other = 5 WHERE id = 3");
	lk_test_do(p.app, "UPDATE t SET old = 'four', new = 'vier', other = 5 WHERE id = 4");
	assert_rows(p.app, "SELECT id, old, new FROM t ORDER BY id",
		    "1|one|one\n2|zwei|zwei\n3|drei|drei\n4|vier|vier");
	lk_test_do(p.app, "UPDATE t SET old = NULL, new = 'vier' WHERE id = 4");
	lk_test_do(p.app, "UPDATE t SET old = 'drei', new = NULL WHERE id = 3");
	assert_rows(p.app, "SELECT old, new FROM t WHERE id IN (3, 4)", "NULL|NULL\nNULL|NULL");
	end(&p);
}

static void an_application_trigger_changes_the_old_column(void **state)
{
	struct pair p;
	begin(&p, *state,
	      T_TEXT ";UPDATE t SET old = 'LOUD' WHERE id < 3;"
		     "CREATE OR REPLACE FUNCTION lower_old() RETURNS trigger LANGUAGE plpgsql AS"
		     " $$BEGIN NEW.old := lower(NEW.old); RETURN NEW; END$$;"
		     "CREATE TRIGGER app BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION"
		     " lower_old()");
	lk_test_do(p.app, "INSERT INTO t (id, old) VALUES (10, 'ABC')");
	lk_test_do(p.app, "UPDATE t SET old = 'DEF' WHERE id = 4");
	lk_test_do(p.app, "UPDATE t SET other = 1 WHERE id = 1");
	assert_rows(p.app, "SELECT old, new FROM t WHERE id IN (1, 4, 10) ORDER BY id",
		    "loud|loud\ndef|def\nabc|abc");
	/* The backfill's own update makes that trigger fire as well. */
	fill(&p);
	assert_rows(p.app, "SELECT old, new FROM t WHERE id = 2", "loud|loud");
	end(&p);
}

static void upsert_copy_and_merge_are_writes_like_others(void **state)
{
	struct pair p;
	begin(&p, *state, T_TEXT);
	lk_test_do(p.app, "INSERT INTO t (id, old) VALUES (1, 'up'), (10, 'ins') ON CONFLICT (id)"
			  " DO UPDATE SET old = excluded.old");
	lk_test_do(p.app, "INSERT INTO t (id, new) VALUES (2, 'up'), (11, 'ins') ON CONFLICT (id)"
			  " DO UPDATE SET new = excluded.new");
	lk_test_do(p.app, "INSERT INTO t (id, new) VALUES (4, 'x') ON CONFLICT (id)"
			  " DO UPDATE SET new = NULL");
	/* MERGE came with version 15. */
	if (PQserverVersion(p.app) >= 150000)
		lk_test_do(p.app,
			   "MERGE INTO t USING (VALUES (3, 'm'), (12, 'm')) s (id, v) ON t.id ="
			   " s.id WHEN MATCHED THEN UPDATE SET new = v"
			   " WHEN NOT MATCHED THEN INSERT (id, new) VALUES (s.id, v)");
	else
		lk_test_do(p.app,
			   "INSERT INTO t (id, new) VALUES (3, 'm'), (12, 'm') ON CONFLICT (id) DO"
			   " UPDATE SET new = excluded.new");
	PQclear(PQexec(p.app, "COPY t (id, old) FROM STDIN"));
	assert_int_equal(PQputCopyData(p.app, "20\tcopied\n21\t\\N\n", 16), 1);
	assert_int_equal(PQputCopyEnd(p.app, NULL), 1);
	PGresult *result = PQgetResult(p.app);
	assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
	PQclear(result);
	assert_null(PQgetResult(p.app));
	assert_rows(p.app, "SELECT id, old, new FROM t ORDER BY id",
		    "1|up|up\n2|up|up\n3|m|m\n4|NULL|NULL\n10|ins|ins\n11|ins|ins\n12|m|m\n"
		    "20|copied|copied\n21|NULL|NULL");
	end(&p);
}

static void a_required_old_column_is_filled_by_the_new_release(void **state)
{
	struct pair p;
	begin(&p, *state, "CREATE TABLE t (id int PRIMARY KEY, old text NOT NULL UNIQUE)");
	lk_test_do(p.app, "INSERT INTO t (id, new) VALUES (1, 'n')");
	lk_test_do(p.app, "UPDATE t SET new = 'm' WHERE id = 1");
	fails_with(&p, "UPDATE t SET new = NULL WHERE id = 1", "23502");
	fails_with(&p, "INSERT INTO t (id) VALUES (2)", "23502");
	lk_test_do(p.app, "INSERT INTO t (id, new) VALUES (9, 'm') ON CONFLICT (old) DO UPDATE SET"
			  " new = 'o'");
	assert_rows(p.app, "SELECT * FROM t", "1|o|o");
	end(&p);
}

static void a_replica_role_still_writes_both(void **state)
{
	struct pair p;
	begin(&p, *state, T_TEXT);
	lk_test_do(p.app, "SET session_replication_role = replica");
	lk_test_do(p.app, "UPDATE t SET old = 'r' WHERE id = 1");
	lk_test_do(p.app, "INSERT INTO t (id, new) VALUES (10, 'r')");
	assert_rows(p.app, "SELECT old, new FROM t WHERE id IN (1, 10)", "r|r\nr|r");
	end(&p);
}

static void the_backfill_session_writes_the_new_column_as_it_likes(void **state)
{
	struct pair p;
	begin(&p, *state, T_TEXT);
	lk_test_do(p.app, "SET lockkeeper.backfill = 'on'");
	lk_test_do(p.app, "UPDATE t SET new = 'made of ' || old WHERE id = 1");
	assert_rows(p.app, "SELECT old, new FROM t WHERE id < 3 ORDER BY id",
		    "one|made of one\ntwo|NULL");
	lk_test_do(p.app, "SET lockkeeper.backfill = 'off'");
	lk_test_do(p.app, "UPDATE t SET new = 'seen' WHERE id = 1");
	assert_rows(p.app, "SELECT old, new FROM t WHERE id = 1", "seen|seen");
	end(&p);
}

/* Triggers fire in order of name; a later one could undo what ours copied. */
static void our_triggers_fire_last(void **state)
{
	static const char *const names[] = {"aaa", "zzz", "zz_lockkeepers", "\"~late\"", "\"~~a\""};
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		struct pair p;
		char *sql = lk_format(
			T_TEXT
			";CREATE OR REPLACE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql"
			" AS $$BEGIN NEW.old := upper(NEW.old); RETURN NEW; END$$;"
			"CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE"
			" FUNCTION shout()",
			names[i]);
		begin(&p, *state, sql);
		lk_test_do(p.app, "INSERT INTO t (id, old) VALUES (10, 'x')");
		assert_rows(p.app, "SELECT old, new FROM t WHERE id = 10", "X|X");
		end(&p);
		free(sql);
	}
	lk_test_sql(*state, "ALTER TRIGGER \"~~a\" ON t RENAME TO \"~~~\"");
	char *refusal = lk_test_steps_refusal(*state, "plan: p\nsteps:\n  expand:\n"
						      "    - dual_write: {table: t, from: other,"
						      " to: another, like: other}\n");
	assert_contains(refusal, "trigger \"~~~\" of table t fires after ours would");
	free(refusal);
}

/* Column and triggers come in one transaction: no write falls between them. */
static void writes_while_it_begins_are_kept(void **state)
{
	struct pair p;
	struct lk_test_load_result result;
	make(&p, *state,
	     "CREATE TABLE t (id int PRIMARY KEY, old int);"
	     "INSERT INTO t SELECT i, 0 FROM generate_series(1, 50) i");
	struct lk_test_load *load = lk_test_load_start(
		*state, "UPDATE t SET old = old + 1 WHERE id = (SELECT 1 + (random() * 49)::int)",
		4, 0);
	lk_test_steps_until(&p.steps, "contract");
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	assert_rows(p.app, "SELECT count(*) FROM t WHERE new IS DISTINCT FROM old", "0");
	assert_int_equal(lk_test_number(*state, "SELECT sum(new) FROM t"), result.transactions);
	end(&p);
}

/* Hazard 10: dropping the column with its triggers still there would break every write. */
static void ending_leaves_writes_working(void **state)
{
	struct pair p;
	struct lk_test_load_result result, look;
	begin(&p, *state,
	      "CREATE TABLE t (id int PRIMARY KEY, old text, other int DEFAULT 0);"
	      "INSERT INTO t SELECT i, 'x' FROM generate_series(1, 100) i");
	struct lk_test_load *load = lk_test_load_start(
		*state, "UPDATE t SET other = other + 1 WHERE id = 1 + (random() * 99)::int", 3,
		500);
	lk_test_steps_until(&p.steps, NULL);
	lk_test_load_look(load, &look);
	do
		lk_test_load_look(load, &result);
	while (result.transactions < look.transactions + 50 && !result.errors);
	lk_test_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
	assert_rows(p.app, "SELECT count(*) FROM t WHERE new = 'x'", "100");
	assert_rows(p.app, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 't'::regclass", "0");
	end(&p);
}

static void the_way_back_leaves_the_catalog_as_it_was(void **state)
{
	struct pair p;
	make(&p, *state,
	     T_TEXT ";CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
		    " $$BEGIN RETURN NEW; END$$;"
		    "CREATE TRIGGER zz_lockkeeper_theirs BEFORE UPDATE ON t FOR EACH ROW"
		    " EXECUTE FUNCTION keep(); CREATE INDEX ON t (old)");
	char *before = lk_test_catalog(*state, "t");
	lk_test_steps_until(&p.steps, "contract");
	char *between = lk_test_catalog(*state, "t");
	assert_contains(between, "function dual_write_");
	assert_contains(between, "column new text");
	lk_test_steps_back(&p.steps, "contract");
	char *after = lk_test_catalog(*state, "t");
	assert_string_equal(after, before);
	/* And once more, as after a crash before the answer arrived. */
	assert_int_equal(lk_test_step_backward(&p.steps, DUAL_WRITE), LK_OUTCOME_DONE);
	assert_contains(p.steps.run.note, "nothing was there");
	end(&p);
	free(after);
	free(between);
	free(before);
}

static void a_column_that_is_not_ours_is_never_dropped(void **state)
{
	struct pair p;
	make(&p, *state, T_TEXT);
	lk_test_do(p.app, "ALTER TABLE t ADD COLUMN new text DEFAULT 'theirs'");
	assert_int_equal(lk_test_step_forward(&p.steps, DUAL_WRITE), LK_OUTCOME_FAILED);
	assert_contains(p.steps.error.text, "table t already has a column \"new\"");
	assert_int_equal(lk_test_step_backward(&p.steps, DUAL_WRITE), LK_OUTCOME_DONE);
	assert_rows(p.app, "SELECT DISTINCT new FROM t", "theirs");
	char *refusal = lk_test_steps_refusal(*state, PLAN_OLD_NEW);
	assert_contains(refusal, "table t already has a column \"new\"");
	free(refusal);
	end(&p);
}

/* Triggers that an earlier attempt left are not taken for ours, nor silently doubled. */
static void what_an_earlier_attempt_left_is_named(void **state)
{
	struct pair p;
	begin(&p, *state, T_TEXT);
	assert_int_equal(lk_test_step_forward(&p.steps, DUAL_WRITE), LK_OUTCOME_FAILED);
	assert_contains(p.steps.error.text, "earlier");
	assert_int_equal(lk_test_step_backward(&p.steps, DUAL_WRITE), LK_OUTCOME_DONE);
	assert_rows(p.app, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 't'::regclass", "0");
	assert_int_equal(lk_test_step_forward(&p.steps, DUAL_WRITE), LK_OUTCOME_DONE);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inserts_by_either_release_fill_both),
		cmocka_unit_test(an_explicit_null_counts_over_a_row_that_is_not_filled),
		cmocka_unit_test(updates_by_either_release_reach_both),
		cmocka_unit_test(full_row_updates_keep_the_one_that_changed),
		cmocka_unit_test(an_application_trigger_changes_the_old_column),
		cmocka_unit_test(upsert_copy_and_merge_are_writes_like_others),
		cmocka_unit_test(a_required_old_column_is_filled_by_the_new_release),
		cmocka_unit_test(a_replica_role_still_writes_both),
		cmocka_unit_test(the_backfill_session_writes_the_new_column_as_it_likes),
		cmocka_unit_test(our_triggers_fire_last),
		cmocka_unit_test(writes_while_it_begins_are_kept),
		cmocka_unit_test(ending_leaves_writes_working),
		cmocka_unit_test(the_way_back_leaves_the_catalog_as_it_was),
		cmocka_unit_test(a_column_that_is_not_ours_is_never_dropped),
		cmocka_unit_test(what_an_earlier_attempt_left_is_named),
	};
	return cmocka_run_group_tests_name("dual write", tests, start, stop);
}
