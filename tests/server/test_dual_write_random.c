/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random statements by both releases against a model that knows nothing of triggers; then the backfill,
 * then every row is compared.
 */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/memory.h"
#include "tests/server/steps.h"

enum { ROWS = 50, STATEMENTS = 2000, VALUES = 5, NONE = -1 };

/* How the two columns hold the model's values: as they are, or each in a form of its own. */
struct form {
	const char *old_type, *new_type;
	const char *old_text, *new_text; /* literals, with # for the value */
	const char *converts;		 /* members of dual_write */
	const char *filled;		 /* the backfill's expression */
};

struct row {
	bool there;
	int old, new; /* NONE is NULL; they differ only while the row is not filled */
};

struct world {
	struct lk_test_steps steps;
	PGconn *app;
	struct test_random random;
	const struct form *form;
	int preset; /* the columns' default */
	struct row rows[ROWS];
};

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

static int any_value(struct world *w)
{
	return (int)test_random(&w->random, VALUES + 1) - 1;
}

/* "'#'" and 7: "'7'". */
static const char *shown_as(const char *form, int value, char text[40])
{
	const char *mark = strchr(form, '#');
	if (value == NONE)
		lk_copy_text(text, 40, "NULL");
	else
		snprintf(text, 40, "%.*s%d%s", (int)(mark - form), form, value, mark + 1);
	return text;
}

static const char *as_old(const struct world *w, int value, char text[40])
{
	return shown_as(w->form->old_text, value, text);
}

static const char *as_new(const struct world *w, int value, char text[40])
{
	return shown_as(w->form->new_text, value, text);
}

static void set_both(struct row *row, int value)
{
	*row = (struct row){true, value, value};
}

/* What the application means by an INSERT that gives both columns. */
static bool model_insert(struct world *w, struct row *row, int old, int new)
{
	if (row->there)
		return false;
	if (old != new &&old != w->preset &&new != w->preset)
		return false;
	set_both(row, new == w->preset ? old : new);
	return true;
}

/* What it means by an UPDATE that gives both: whoever writes every column changed at most one. */
static bool model_update_both(struct row *row, int old, int new)
{
	if (!row->there)
		return true;
	if (new == row->new)
		set_both(row, old);
	else if (old == row->old || old == new)
		set_both(row, new);
	else
		return false;
	return true;
}

/* Runs it and compares success with what the model says. */
static void run(struct world *w, const char *sql, bool succeeds)
{
	char state[6];
	lk_test_state(w->app, sql, state);
	if (succeeds != (state[0] == '\0'))
		fail_msg("%s ends with \"%s\"", sql, state);
}

static void write_both(struct world *w, int id)
{
	char sql[200], a[40], b[40];
	struct row *row = &w->rows[id];
	int old = any_value(w), new = any_value(w);
	bool insert = test_random(&w->random, 2);
	bool succeeds = insert ? model_insert(w, row, old, new) : model_update_both(row, old, new);
	if (insert)
		snprintf(sql, sizeof sql, "INSERT INTO t (id, old, new) VALUES (%d, %s, %s)", id,
			 as_old(w, old, a), as_new(w, new, b));
	else
		snprintf(sql, sizeof sql, "UPDATE t SET old = %s, new = %s WHERE id = %d",
			 as_old(w, old, a), as_new(w, new, b), id);
	run(w, sql, succeeds);
}

/* A statement of one release, which knows one column only. */
static void write_one(struct world *w, int id)
{
	char sql[200], v[40];
	struct row *row = &w->rows[id];
	bool old = test_random(&w->random, 2);
	const char *column = old ? "old" : "new";
	int value = any_value(w);
	if (old)
		as_old(w, value, v);
	else
		as_new(w, value, v);
	switch (test_random(&w->random, 4)) {
	case 0:
		snprintf(sql, sizeof sql, "INSERT INTO t (id, %s) VALUES (%d, %s)", column, id, v);
		run(w, sql, !row->there);
		if (!row->there)
			set_both(row, value);
		return;
	case 1:
		snprintf(
			sql, sizeof sql,
			"INSERT INTO t (id, %s) VALUES (%d, %s) ON CONFLICT (id) DO UPDATE SET %s ="
			" excluded.%s",
			column, id, v, column, column);
		run(w, sql, true);
		set_both(row, value);
		return;
	default:
		snprintf(sql, sizeof sql, "UPDATE t SET %s = %s WHERE id = %d", column, v, id);
		run(w, sql, true);
		if (row->there)
			set_both(row, value);
	}
}

/* Several rows at once; the other column that nobody migrates; rows that go. */
static void write_others(struct world *w, int id)
{
	char sql[200], v[40];
	int value = any_value(w);
	switch (test_random(&w->random, 4)) {
	case 0:
		snprintf(sql, sizeof sql, "DELETE FROM t WHERE id = %d", id);
		run(w, sql, true);
		w->rows[id].there = false;
		return;
	case 1:
		snprintf(sql, sizeof sql, "UPDATE t SET other = other + 1 WHERE id = %d", id);
		run(w, sql, true);
		/* Where it costs a conversion, a statement about something else fills nothing. */
		if (w->rows[id].there && !*w->form->converts)
			set_both(&w->rows[id], w->rows[id].old);
		return;
	case 2:
		snprintf(sql, sizeof sql, "INSERT INTO t (id) VALUES (%d) ON CONFLICT DO NOTHING",
			 id);
		run(w, sql, true);
		if (!w->rows[id].there)
			set_both(&w->rows[id], w->preset);
		return;
	default:
		snprintf(sql, sizeof sql, "UPDATE t SET %s = %s WHERE id BETWEEN %d AND %d",
			 value % 2 ? "old" : "new",
			 value % 2 ? as_old(w, value, v) : as_new(w, value, v), id, id + 2);
		run(w, sql, true);
		for (int i = id; i <= id + 2 && i < ROWS; i++)
			if (w->rows[i].there)
				set_both(&w->rows[i], value);
	}
}

static void compare(struct world *w)
{
	struct lk_buffer expected = {0};
	char o[40], n[40];
	lk_buffer_add(&expected, "SELECT count(*) FROM (VALUES (-1");
	lk_buffer_addf(&expected, ", CAST(NULL AS %s), CAST(NULL AS %s))", w->form->old_type,
		       w->form->new_type);
	for (int i = 0; i < ROWS; i++)
		if (w->rows[i].there)
			lk_buffer_addf(&expected, ", (%d, %s, %s)", i, as_old(w, w->rows[i].old, o),
				       as_new(w, w->rows[i].new, n));
	lk_buffer_add(
		&expected,
		") m(id, old, new) FULL JOIN t ON t.id = m.id AND t.old IS NOT DISTINCT FROM m.old"
		" AND t.new IS NOT DISTINCT FROM m.new WHERE t.id IS NULL OR m.id IS NULL");
	/* The one line of the model that no row has. */
	assert_rows(w->app, lk_buffer_text(&expected), "1");
	lk_buffer_free(&expected);
}

static void prepare(struct world *w, const struct lk_test_server *server, int preset)
{
	char v[40];
	w->preset = preset;
	w->app = lk_test_connect(server);
	char *sql = lk_format(
		"SET client_min_messages TO warning; DROP TABLE IF EXISTS t CASCADE; CREATE TABLE t"
		" (id int PRIMARY KEY, old %s DEFAULT %s, other int DEFAULT 0); INSERT INTO t SELECT i,"
		" nullif(i %% %d, 0) FROM generate_series(0, %d) i",
		w->form->old_type, as_old(w, preset, v), VALUES, ROWS / 2 - 1);
	lk_test_do(w->app, sql);
	free(sql);
	for (int i = 0; i < ROWS / 2; i++)
		w->rows[i] = (struct row){true, i % VALUES ? i % VALUES : NONE, NONE};
	char *plan = lk_format("plan: p\nsteps:\n  expand:\n"
			       "    - dual_write: {table: t, from: old, to: new, like: old%s}\n"
			       "  migrate:\n    - backfill: {table: t, set: {new: \"%s\"}}\n",
			       w->form->converts, w->form->filled);
	lk_test_steps_open(&w->steps, server, plan);
	free(plan);
	lk_test_steps_until(&w->steps, "backfill-2");
}

static void write_at_random(struct world *w, int statements)
{
	for (int i = 0; i < statements; i++) {
		int id = (int)test_random(&w->random, ROWS);
		uint32_t kind = test_random(&w->random, 10);
		if (kind < 4)
			write_one(w, id);
		else if (kind < 7)
			write_both(w, id);
		else
			write_others(w, id);
		/* Not after each: the rows that nobody touched for long are the interesting ones. */
		if (i % 20 == 0)
			compare(w);
	}
}

static void round_of(const struct lk_test_server *server, const struct form *form, uint64_t seed,
		     int preset)
{
	struct world w = {.random = {seed}, .form = form};
	prepare(&w, server, preset);
	compare(&w);
	write_at_random(&w, STATEMENTS);
	assert_int_equal(lk_test_step_forward(&w.steps, "backfill-2"), LK_OUTCOME_DONE);
	for (int i = 0; i < ROWS; i++)
		w.rows[i].new = w.rows[i].old;
	compare(&w);
	write_at_random(&w, STATEMENTS / 4);
	compare(&w);
	PQfinish(w.app);
	lk_test_steps_close(&w.steps);
}

static const struct form equal = {"int", "int", "#", "#", "", "old"};
static const struct form money = {
	"bigint",
	"numeric(14,2)",
	"#",
	"#/100.0",
	", type: 'numeric(14,2)', using: 'old / 100.0', back: '(new * 100)::bigint'",
	"old / 100.0"};
static const struct form digits = {"text",
				   "integer",
				   "'#'",
				   "#",
				   ", type: integer, using: 't.old::integer', back: 't.new::text'",
				   "old::integer"};

static void both_releases_write_at_random(void **state)
{
	round_of(*state, &equal, UINT64_C(20261122), NONE);
}

static void both_releases_write_at_random_over_a_default(void **state)
{
	round_of(*state, &equal, UINT64_C(42), 3);
}

static void cents_and_euros_are_written_at_random(void **state)
{
	round_of(*state, &money, UINT64_C(7), NONE);
	round_of(*state, &money, UINT64_C(8), 2);
}

static void texts_and_numbers_are_written_at_random(void **state)
{
	round_of(*state, &digits, UINT64_C(9), NONE);
	round_of(*state, &digits, UINT64_C(10), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_releases_write_at_random),
		cmocka_unit_test(both_releases_write_at_random_over_a_default),
		cmocka_unit_test(cents_and_euros_are_written_at_random),
		cmocka_unit_test(texts_and_numbers_are_written_at_random),
	};
	return cmocka_run_group_tests_name("dual write, at random", tests, start, stop);
}
