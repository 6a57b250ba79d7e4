/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gets in the way of a change on MariaDB and MySQL while it is under way. */
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_load.h"
#include "tests/server/my_sessions.h"
#include "tests/server/stepping.h"

#define PLAN "plan: p\nsteps:\n  expand:\n"
#define DDL "ddl-1"
#define NOT_NULL                                                                                   \
	PLAN "    - ddl: \"ALTER TABLE upserted MODIFY n int NOT NULL\"\n"                         \
	     "      undo: \"ALTER TABLE upserted MODIFY n int NULL\"\n"
#define ROWS 60000

static struct lk_test_my *server;

static int setup(void **state)
{
	static const char *const options[] = {
		"--performance-schema=1",
		"--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON", NULL};
	(void)state;
	server = lk_test_my_start(options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lk_test_my_stop(server);
	return 0;
}

static void open_steps(struct lk_test_steps *steps, const char *yaml)
{
	char *uri = lk_test_my_uri(server, "root", NULL);
	lk_test_steps_open_uri(steps, uri, yaml);
	free(uri);
}

static void must_be(struct lk_test_steps *steps, enum lk_outcome outcome, enum lk_outcome expected)
{
	if (outcome == expected)
		return;
	char *said = lk_test_steps_said(steps);
	fail_msg("outcome %d: %s\n%s", outcome, steps->error.text, said);
}

static void must_hear(struct lk_test_steps *steps, const char *text)
{
	if (lk_test_steps_hears(steps, text))
		return;
	char *said = lk_test_steps_said(steps);
	fail_msg("\"%s\" was not said, but:\n%s (%s)", text, said, steps->error.text);
}

#define UPSERT                                                                                      \
	"INSERT INTO upserted (u, n) VALUES (1 + FLOOR(RAND() * 100), 1) ON DUPLICATE KEY UPDATE n" \
	" = upserted.n + 1"
#define REPLACE "REPLACE INTO upserted (u, n) VALUES (1 + FLOOR(RAND() * 100), 1)"
#define IGNORE "INSERT IGNORE INTO upserted (u, n) VALUES (1 + FLOOR(RAND() * 100), 1)"

/* An application whose INSERTs meet rows under a secondary key. */
static struct lk_test_my_load *meet_rows(const char *sql)
{
	my_need(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS upserted; DROP TABLE IF EXISTS numbers;"
			       "CREATE TABLE upserted (id int AUTO_INCREMENT PRIMARY KEY, u int NOT"
			       " NULL, n int, filler char(100), UNIQUE one_u (u))");
	my_numbers(server, "numbers", ROWS);
	lk_test_my_sql(server, "INSERT INTO upserted (u, n, filler) SELECT n, 0, 'x' FROM numbers");
	return lk_test_my_load_start(server, sql, 1, 1000);
}

static void end_load(struct lk_test_my_load *load)
{
	struct lk_test_my_load_result result;
	lk_test_my_load_stop(load, &result);
	assert_string_equal(result.first_error, "");
}

static int64_t is_not_null(void)
{
	return lk_test_my_number(server, "SELECT COUNT(*) FROM information_schema.columns WHERE"
					 " table_schema = 'test' AND table_name = 'upserted' AND"
					 " column_name = 'n' AND is_nullable = 'NO'");
}

static void try_again_under(const char *sql)
{
	struct lk_test_steps steps;
	struct lk_test_my_load *load = meet_rows(sql);
	open_steps(&steps, NOT_NULL);
	lk_test_my_load_wait(load, 20);
	lk_test_step_begin(&steps, DDL, false);
	if (!my_is_mariadb()) {
		must_hear(&steps, "the server met a duplicate under one_u that is none");
		end_load(load);
		load = NULL;
	}
	must_be(&steps, lk_test_step_end(&steps), LK_OUTCOME_DONE);
	if (load)
		end_load(load);
	assert_int_equal(is_not_null(), 1);
	lk_test_steps_close(&steps);
}

static void a_duplicate_that_is_none_is_tried_again(void **state)
{
	(void)state;
	try_again_under(UPSERT);
	try_again_under(REPLACE);
	try_again_under(IGNORE);
}

static void a_duplicate_that_is_none_is_explained_in_the_end(void **state)
{
	struct lk_test_steps steps;
	(void)state;
	struct lk_test_my_load *load = meet_rows(UPSERT);
	open_steps(&steps, NOT_NULL);
	lk_test_my_load_wait(load, 20);
	enum lk_outcome outcome = lk_test_step_forward(&steps, DDL);
	end_load(load);
	must_be(&steps, outcome, my_is_mariadb() ? LK_OUTCOME_DONE : LK_OUTCOME_FAILED);
	if (!my_is_mariadb()) {
		assert_int_equal(steps.error.class, LK_ERROR_REFUSED);
		assert_contains(steps.error.text, "under one_u that is none");
		assert_contains(steps.error.text, "so in each of 4 tries, and nothing was changed");
		assert_int_equal(is_not_null(), 0);
		/* In a quieter time. */
		must_be(&steps, lk_test_step_forward(&steps, DDL), LK_OUTCOME_DONE);
	}
	assert_int_equal(is_not_null(), 1);
	must_be(&steps, lk_test_step_backward(&steps, DDL), LK_OUTCOME_DONE);
	assert_int_equal(is_not_null(), 0);
	lk_test_steps_close(&steps);
}

static void must_describe(struct lk_test_steps *steps, struct lk_step_text *text)
{
	struct lk_error error;
	size_t at = 0;
	while (strcmp(steps->plan.steps[at].name, DDL) != 0)
		at++;
	if (!lk_step_describe(steps->session, &steps->plan, at, text, &error))
		fail_msg("%s", error.text);
}

static void explain_warns_of_it(void **state)
{
	static const char warning[] = "a rebuild is lost (error 1062) when";
	struct lk_test_steps steps;
	struct lk_step_text text;
	(void)state;
	my_need(server);
	lk_test_my_sql(server,
		       "DROP TABLE IF EXISTS upserted; CREATE TABLE upserted (id int PRIMARY"
		       " KEY, n int, u int, UNIQUE one_u (u))");
	open_steps(&steps, NOT_NULL);
	must_describe(&steps, &text);
	assert_int_equal(strstr(text.cost, warning) != NULL, !my_is_mariadb());
	lk_test_my_sql(server, "DROP INDEX one_u ON upserted");
	must_describe(&steps, &text);
	assert_null(strstr(text.cost, warning));
	lk_test_steps_close(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duplicate_that_is_none_is_tried_again),
		cmocka_unit_test(a_duplicate_that_is_none_is_explained_in_the_end),
		cmocka_unit_test(explain_warns_of_it),
	};
	return my_run_tests(tests, setup, teardown);
}
