/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many rows the next chunk takes. */
#include "tests/unit/support.h"

#include "step/chunk.h"

static void learn(struct lk_chunk *chunk, int64_t rows, double took_ms, int waiters, double wish_ms)
{
	struct lk_chunk_past past = {.rows = rows, .took_ms = took_ms, .waiters = waiters};
	lk_chunk_learn(chunk, &past, wish_ms);
}

/* A server on which each row takes so long; yields how many chunks until the size stands still. */
static int settle(struct lk_chunk *chunk, double row_ms, double wish_ms, int most)
{
	for (int i = 0; i < most; i++) {
		int64_t before = chunk->rows;
		learn(chunk, chunk->rows, (double)chunk->rows * row_ms, 0, wish_ms);
		if (chunk->rows == before && chunk->allowed_ms == wish_ms)
			return i;
	}
	return most;
}

static void a_chunk_grows_to_the_wished_duration(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	assert_int_equal(chunk.rows, LK_CHUNK_FIRST_ROWS);
	assert_true(settle(&chunk, 0.02, 100, 60) < 60);
	assert_in_range(chunk.rows, 4990, 5010);
}

static void it_does_so_within_ten_chunks(void **state)
{
	static const double row_ms[] = {0.005, 0.02, 0.1, 1};
	(void)state;
	for (size_t i = 0; i < sizeof row_ms / sizeof *row_ms; i++) {
		struct lk_chunk chunk;
		lk_chunk_init(&chunk);
		for (int n = 0; n < 10; n++)
			learn(&chunk, chunk.rows, (double)chunk.rows * row_ms[i], 0, 100);
		assert_in_range((double)chunk.rows * row_ms[i], 80, 120);
	}
}

/* Times that go up and down by a third leave the size near its place. */
static void odd_chunks_do_not_throw_it_about(void **state)
{
	struct test_random random = {UINT64_C(5)};
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	for (int n = 0; n < 500; n++) {
		double noise = 0.67 + (double)test_random(&random, 660) / 1000;
		learn(&chunk, chunk.rows, (double)chunk.rows * 0.02 * noise, 0, 100);
		if (n >= 20)
			assert_in_range((double)chunk.rows * 0.02, 80, 120);
	}
}

/* A server that becomes ten times slower is believed at once, one that becomes faster soon. */
static void a_change_is_followed(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	settle(&chunk, 0.02, 100, 60);
	learn(&chunk, chunk.rows, (double)chunk.rows * 0.2, 0, 100);
	assert_in_range(chunk.rows, 490, 510);
	for (int n = 0; n < 6; n++)
		learn(&chunk, chunk.rows, (double)chunk.rows * 0.02, 0, 100);
	assert_in_range(chunk.rows, 4000, 5010);
}

static void a_chunk_at_most_doubles_and_shrinks_at_once(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	learn(&chunk, 500, 0.01, 0, 100);
	assert_int_equal(chunk.rows, 1000);
	chunk.rows = 10000;
	chunk.allowed_ms = 100;
	learn(&chunk, 10000, 2000, 0, 100);
	assert_int_equal(chunk.rows, 500);
}

static void waiting_sessions_halve_the_duration_down_to_a_floor(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	chunk.allowed_ms = 100;
	learn(&chunk, 5000, 100, 1, 100);
	assert_true(chunk.allowed_ms == 50);
	assert_int_equal(chunk.rows, 2500);
	for (int i = 0; i < 20; i++)
		learn(&chunk, chunk.rows, 10, 3, 100);
	assert_true(chunk.allowed_ms == LK_CHUNK_SHORTEST_MS);
	/* A wish below the floor is obeyed all the same. */
	learn(&chunk, 100, 10, 3, 2);
	assert_true(chunk.allowed_ms == 2);
}

static void the_size_stays_between_one_row_and_the_most(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	for (int i = 0; i < 40; i++)
		learn(&chunk, chunk.rows, 0, 0, 10000);
	assert_int_equal(chunk.rows, LK_CHUNK_MOST_ROWS);
	for (int i = 0; i < 40; i++)
		learn(&chunk, chunk.rows, 60000, 0, 100);
	assert_int_equal(chunk.rows, 1);
	for (int i = 0; i < 10; i++)
		lk_chunk_shrink(&chunk);
	assert_int_equal(chunk.rows, 1);
}

/* A chunk on a server that is so far away, or so slow to commit, that it takes longer than wished without any row. */
static void learn_far(struct lk_chunk *chunk, double stalled_ms)
{
	struct lk_chunk_past past = {.rows = chunk->rows,
				     .took_ms = 40 + (double)chunk->rows * 0.02 + stalled_ms,
				     .besides_ms = 25};
	lk_chunk_learn(chunk, &past, 10);
}

static void what_a_chunk_costs_without_rows_does_not_make_it_small(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	for (int n = 0; n < 40; n++)
		learn_far(&chunk, 0);
	assert_true(chunk.rows >= 500);
	/* And not much longer than it has to be. */
	assert_true((double)chunk.rows * 0.02 < 25);
}

static void after_a_stall_it_grows_back(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	for (int n = 0; n < 40; n++)
		learn_far(&chunk, 0);
	learn_far(&chunk, 20000);
	assert_true(chunk.rows < 10);
	for (int n = 0; n < 15; n++)
		learn_far(&chunk, 0);
	assert_true(chunk.rows >= 500);
}

static void a_failed_chunk_begins_smaller_and_careful(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	chunk.rows = 8000;
	chunk.allowed_ms = 100;
	lk_chunk_shrink(&chunk);
	assert_int_equal(chunk.rows, 4000);
	assert_true(chunk.allowed_ms == 10);
}

static void an_empty_range_teaches_nothing_about_rows(void **state)
{
	struct lk_chunk chunk;
	(void)state;
	lk_chunk_init(&chunk);
	learn(&chunk, 0, 5, 0, 100);
	assert_int_equal(chunk.rows, LK_CHUNK_FIRST_ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_grows_to_the_wished_duration),
		cmocka_unit_test(it_does_so_within_ten_chunks),
		cmocka_unit_test(odd_chunks_do_not_throw_it_about),
		cmocka_unit_test(a_change_is_followed),
		cmocka_unit_test(a_chunk_at_most_doubles_and_shrinks_at_once),
		cmocka_unit_test(waiting_sessions_halve_the_duration_down_to_a_floor),
		cmocka_unit_test(the_size_stays_between_one_row_and_the_most),
		cmocka_unit_test(what_a_chunk_costs_without_rows_does_not_make_it_small),
		cmocka_unit_test(after_a_stall_it_grows_back),
		cmocka_unit_test(a_failed_chunk_begins_smaller_and_careful),
		cmocka_unit_test(an_empty_range_teaches_nothing_about_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
