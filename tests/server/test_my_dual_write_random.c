/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statements of two releases at random on MariaDB and MySQL, beside a model of what must stand in the rows: the old
 * release alone before and during the backfill, both afterwards. At the end both columns are the model's, byte by byte.
 */
#include <stdio.h>

#include "base/memory.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

enum { IDS = 6000, STATEMENTS = 600, SEEDS = 2 };

static struct lk_test_my *server;

static const char *const values[] = {
	"", "a", "A", "a ", "ä", "b", "B", "c", "O''Brien", "back\\\\slash", "longer value", "Z "};

struct world {
	struct test_random random;
	MYSQL *mysql;
	const char *model[IDS + 1]; /* as literals; NULL: no row */
};

static int setup(void **state)
{
	(void)state;
	server = lk_test_my_start(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

static void run(struct world *w, char *sql)
{
	if (mysql_query(w->mysql, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(w->mysql));
	free(sql);
}

/* A row that is there is updated, one that is not is inserted, or both in one statement. */
static void change_row(struct world *w, const char *column, int id, const char *value)
{
	const char *other = strcmp(column, "o") == 0 ? "n" : "o";
	switch (test_random(&w->random, 6)) {
	case 0:
		run(w, lk_format("REPLACE INTO t (id, %s) VALUES (%d, '%s')", column, id, value));
		break;
	case 1:
		run(w,
		    lk_format(
			    "INSERT INTO t (id, %s) VALUES (%d, '%s') ON DUPLICATE KEY UPDATE %s ="
			    " VALUES(%s)",
			    column, id, value, column, column));
		break;
	case 2:
		run(w, lk_format("REPLACE INTO t (id, %s) SELECT %d, '%s'", column, id, value));
		break;
	case 3:
		run(w, lk_format(w->model[id] ? "UPDATE t SET %s = '%s' WHERE id = %d"
					      : "INSERT INTO t (%s, id) SELECT '%s', %d",
				 column, value, id));
		break;
	case 4:
		run(w, lk_format("REPLACE INTO t (id, %s, %s) VALUES (%d, '%s', '%s')", column,
				 other, id, value, value));
		break;
	default:
		run(w,
		    lk_format(w->model[id]
				      ? "UPDATE t JOIN (SELECT 1) x SET t.%s = '%s' WHERE id = %d"
				      : "INSERT INTO t SET %s = '%s', id = %d",
			      column, value, id));
	}
	w->model[id] = value;
}

static void change_several(struct world *w, const char *column, const char *value)
{
	int from = 1 + (int)test_random(&w->random, IDS),
	    to = from + (int)test_random(&w->random, 20);
	run(w, lk_format("UPDATE t SET %s = '%s' WHERE id BETWEEN %d AND %d", column, value, from,
			 to));
	for (int id = from; id <= to && id <= IDS; id++)
		if (w->model[id])
			w->model[id] = value;
}

static void act(struct world *w, bool both_releases)
{
	const char *column = both_releases && test_random(&w->random, 2) ? "n" : "o";
	const char *value = values[test_random(&w->random, LK_COUNT(values))];
	int id = 1 + (int)test_random(&w->random, IDS);
	uint32_t kind = test_random(&w->random, 10);
	if (kind == 0) {
		run(w, lk_format("DELETE FROM t WHERE id = %d", id));
		w->model[id] = NULL;
	} else if (kind == 1) {
		change_several(w, column, value);
	} else {
		change_row(w, column, id, value);
	}
}

static void compare(struct world *w, uint64_t seed)
{
	struct lk_buffer rows = {0};
	lk_buffer_add(&rows,
		      "DROP TABLE IF EXISTS model; CREATE TABLE model (id INT PRIMARY KEY,"
		      " v VARCHAR(20) CHARACTER SET utf8mb4); INSERT INTO model VALUES (0, NULL)");
	for (int id = 1; id <= IDS; id++)
		if (w->model[id])
			lk_buffer_addf(&rows, ", (%d, '%s')", id, w->model[id]);
	lk_buffer_add(&rows, "; DELETE FROM model WHERE id = 0");
	lk_test_my_sql(server, lk_buffer_text(&rows));
	int64_t wrong = lk_test_my_number(
		server, "SELECT (SELECT count(*) FROM t) - count(*) + 10000 * sum(t.id IS NULL"
			" OR NOT (CAST(t.o AS BINARY) <=> CAST(m.v AS BINARY))"
			" OR NOT (CAST(t.n AS BINARY) <=> CAST(m.v AS BINARY)))"
			" FROM model m LEFT JOIN t USING (id)");
	if (wrong != 0)
		fail_msg("seed %llu: %lld", (unsigned long long)seed, (long long)wrong);
	lk_buffer_free(&rows);
}

static void one_seed(uint64_t seed)
{
	struct lk_test_steps steps;
	struct world w = {.random = {seed}};
	lk_test_my_sql(server, "DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY,"
			       " o VARCHAR(20) COLLATE utf8mb4_unicode_ci NOT NULL)");
	w.mysql = lk_test_my_connect(server);
	struct lk_buffer rows = {0};
	for (int id = 1; id <= IDS; id += 2) {
		w.model[id] = values[test_random(&w.random, LK_COUNT(values))];
		lk_buffer_addf(&rows, "%s(%d, '%s')", id > 1 ? ", " : "INSERT INTO t VALUES ", id,
			       w.model[id]);
	}
	run(&w, lk_buffer_take(&rows));
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_test_steps_open_uri(&steps, uri,
			       "plan: p\nsteps:\n  expand:\n    - name: both\n"
			       "      dual_write: {table: t, from: o, to: n, like: o}\n"
			       "  migrate:\n    - name: fill\n"
			       "      backfill: {table: t, set: {n: o}}\n");
	lk_test_steps_until(&steps, "fill");
	/* Small chunks, with statements between them. */
	lk_pace_set(&steps.pace, false, 8, 1);
	for (int i = 0; i < STATEMENTS / 3; i++)
		act(&w, false);
	lk_test_step_begin(&steps, "fill", false);
	for (int i = 0; i < STATEMENTS / 3 || !lk_test_step_ended(&steps); i++)
		act(&w, false);
	if (lk_test_step_end(&steps) != LK_OUTCOME_DONE)
		fail_msg("seed %llu: %s", (unsigned long long)seed, steps.error.text);
	assert_true(lk_test_steps_progress(&steps).chunks > 2);
	compare(&w, seed);
	for (int i = 0; i < STATEMENTS / 3; i++)
		act(&w, true);
	compare(&w, seed);
	mysql_close(w.mysql);
	lk_test_steps_close(&steps);
	free(uri);
}

static void both_columns_are_the_models(void **state)
{
	(void)state;
	my_need(server);
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		one_seed(seed);
}

static const struct CMUnitTest all[] = {
	cmocka_unit_test(both_columns_are_the_models),
};

int main(void)
{
	return my_run_tests(all, setup, teardown);
}
