/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the rows on which a chunk fails. */
#include "tests/unit/support.h"

#include "step/narrow.h"

enum { ROWS = 1000 };

/* Walks a chunk of ROWS rows as the backfill does; yields how many tries it took. */
static int walk(const bool bad[ROWS], int *found)
{
	struct lk_narrow narrow = {0};
	int at = 0, tries = 0;
	*found = 0;
	while (at < ROWS) {
		int rows = (int)lk_narrow_rows(&narrow), failing = 0;
		if (rows == 0)
			rows = ROWS - at;
		assert_true(rows > 0 && rows <= ROWS - at);
		for (int i = at; i < at + rows; i++)
			failing += bad[i];
		tries++;
		if (failing > 0 && rows > 1) {
			lk_narrow_failed(&narrow, rows);
			continue;
		}
		*found += failing;
		at += rows;
		lk_narrow_passed(&narrow, rows);
	}
	assert_int_equal(lk_narrow_rows(&narrow), 0);
	return tries;
}

static void nothing_is_suspected_at_first(void **state)
{
	const struct lk_narrow narrow = {0};
	const bool bad[ROWS] = {false};
	int found;
	(void)state;
	assert_int_equal(lk_narrow_rows(&narrow), 0);
	assert_int_equal(walk(bad, &found), 1);
	assert_int_equal(found, 0);
}

static void one_row_is_found_in_a_few_tries_wherever_it_is(void **state)
{
	(void)state;
	for (int i = 0; i < ROWS; i++) {
		bool bad[ROWS] = {false};
		int found;
		bad[i] = true;
		/* One, ten halves, the row itself and what is behind it. */
		assert_true(walk(bad, &found) <= 1 + 10 * 2 + 2);
		assert_int_equal(found, 1);
	}
}

static void each_of_many_is_found(void **state)
{
	struct test_random random = {UINT64_C(9)};
	(void)state;
	for (int round = 0; round < 200; round++) {
		bool bad[ROWS];
		int there = 0, found;
		uint32_t of = 1 + test_random(&random, ROWS);
		for (int i = 0; i < ROWS; i++)
			there += bad[i] = test_random(&random, of) == 0;
		walk(bad, &found);
		assert_int_equal(found, there);
	}
}

/* Rows that others delete or insert meanwhile leave it with wrong counts, which it forgets. */
static void counts_that_are_wrong_do_no_harm(void **state)
{
	struct lk_narrow narrow = {0};
	(void)state;
	lk_narrow_failed(&narrow, 100);
	assert_int_equal(lk_narrow_rows(&narrow), 50);
	lk_narrow_passed(&narrow, 500);
	assert_int_equal(lk_narrow_rows(&narrow), 0);
	lk_narrow_failed(&narrow, 10);
	lk_narrow_failed(&narrow, 30);
	assert_int_equal(lk_narrow_rows(&narrow), 15);
	lk_narrow_failed(&narrow, 0);
	assert_int_equal(lk_narrow_rows(&narrow), 1);
	lk_narrow_passed(&narrow, 30);
	assert_int_equal(lk_narrow_rows(&narrow), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_suspected_at_first),
		cmocka_unit_test(one_row_is_found_in_a_few_tries_wherever_it_is),
		cmocka_unit_test(each_of_many_is_found),
		cmocka_unit_test(counts_that_are_wrong_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
