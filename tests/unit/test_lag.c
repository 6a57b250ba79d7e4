/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lag as an age: a replica that stands still or has gone is never "0". */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/memory.h"
#include "watch/beats.h"
#include "watch/lag.h"

#define SECOND 1000000

static void see(struct lk_lag *lag, int64_t at_us, int64_t written, int64_t replayed,
		double silent_ms)
{
	struct lk_sample sample = {.taken_us = at_us, .position = written};
	if (silent_ms >= 0) {
		sample.replica_count = 1;
		LK_COPY(sample.replicas[0].name, "standby1");
		sample.replicas[0].position = replayed;
		sample.replicas[0].reply_age_ms = silent_ms;
	}
	lk_lag_learn(lag, &sample);
}

static struct lk_lag *fresh(void)
{
	return lk_alloc(sizeof(struct lk_lag));
}

static void a_replica_that_follows_has_no_lag(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	for (int i = 1; i < 50; i++)
		see(lag, (int64_t)i * SECOND / 4, i * 1000, i * 1000, 10);
	assert_int_equal(lag->replica_count, 1);
	assert_int_equal(lag->replicas[0].state, LK_LAG_OK);
	assert_true(lag->replicas[0].lag_ms == 0);
	free(lag);
}

static void a_replica_that_stands_still_grows_older(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	for (int i = 1; i <= 40; i++)
		see(lag, (int64_t)i * SECOND / 4, i * 1000, i < 8 ? i * 1000 : 8000, 100);
	/* Position 9000 was written at 2.25 s; now it is 10 s. */
	assert_true(lag->replicas[0].lag_ms > 7700 && lag->replicas[0].lag_ms < 7800);
	/* Though the primary writes nothing more. */
	see(lag, 20 * SECOND, 40000, 8000, 100);
	assert_true(lag->replicas[0].lag_ms > 17700);
	free(lag);
}

static void an_idle_primary_makes_no_lag(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	for (int i = 1; i <= 4000; i++)
		see(lag, (int64_t)i * SECOND / 4, 5000, 5000, 10);
	assert_true(lag->replicas[0].lag_ms == 0);
	free(lag);
}

static void a_silent_replica_is_stale(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	see(lag, SECOND, 1000, 1000, 10);
	see(lag, 2 * SECOND, 1000, 1000, 15000);
	assert_int_equal(lag->replicas[0].state, LK_LAG_STALE);
	see(lag, 3 * SECOND, 1000, 1000, 10);
	assert_int_equal(lag->replicas[0].state, LK_LAG_OK);
	/* Without samples everything grows older. */
	lk_lag_age(lag, 14 * SECOND);
	assert_int_equal(lag->replicas[0].state, LK_LAG_OK);
	lk_lag_age(lag, 16 * SECOND);
	assert_int_equal(lag->replicas[0].state, LK_LAG_STALE);
	assert_true(lag->replicas[0].silent_ms == 13000);
	free(lag);
}

static void a_gone_replica_is_remembered_until_it_is_forgotten(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	see(lag, SECOND, 1000, 1000, 10);
	see(lag, 5 * SECOND, 2000, 0, -1);
	assert_int_equal(lag->replica_count, 1);
	assert_int_equal(lag->replicas[0].state, LK_LAG_GONE);
	assert_true(lag->replicas[0].lag_ms < 0);
	assert_true(lag->replicas[0].silent_ms == 4000);
	lk_lag_forget_gone(lag, false);
	assert_int_equal(lag->replica_count, 1);
	see(lag, 6 * SECOND, 3000, 3000, 10);
	assert_int_equal(lag->replicas[0].state, LK_LAG_OK);
	lk_lag_forget_gone(lag, true);
	assert_int_equal(lag->replica_count, 1);
	see(lag, 7 * SECOND, 3000, 0, -1);
	lk_lag_forget_gone(lag, true);
	assert_int_equal(lag->replica_count, 0);
	see(lag, 8 * SECOND, 3000, 3000, 10);
	see(lag, 3700 * (int64_t)SECOND, 3000, 0, -1);
	assert_int_equal(lag->replica_count, 0);
	free(lag);
}

static void an_invisible_position_is_unknown_not_zero(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	see(lag, SECOND, 1000, -1, 0);
	assert_int_equal(lag->replicas[0].state, LK_LAG_UNKNOWN);
	assert_true(lag->replicas[0].lag_ms < 0);
	free(lag);
}

static void a_position_that_falls_begins_a_new_history(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	for (int i = 1; i < 10; i++)
		see(lag, i * SECOND, i * 1000, i * 1000, 10);
	see(lag, 10 * SECOND, 500, 500, 10);
	assert_int_equal(lag->count, 1);
	assert_true(lag->replicas[0].lag_ms == 0);
	see(lag, 11 * SECOND, 900, 500, 10);
	see(lag, 12 * SECOND, 900, 500, 10);
	assert_true(lag->replicas[0].lag_ms == 1000);
	free(lag);
}

static void marks_and_replicas_are_bounded(void **state)
{
	struct lk_lag *lag = fresh();
	struct lk_sample sample = {0};
	(void)state;
	for (int i = 1; i <= 3 * LK_LAG_MARKS; i++)
		see(lag, i * (int64_t)SECOND, i * 10, 5, 10);
	assert_int_equal(lag->count, LK_LAG_MARKS);
	assert_true(lag->replicas[0].lag_ms == (LK_LAG_MARKS - 1) * 1000.0);
	for (int round = 0; round < 3; round++) {
		sample.taken_us = (5000 + round) * (int64_t)SECOND;
		sample.position = 100000;
		sample.replica_count = LK_SAMPLE_REPLICAS;
		for (int i = 0; i < LK_SAMPLE_REPLICAS; i++)
			snprintf(sample.replicas[i].name, sizeof sample.replicas[i].name, "r%d-%d",
				 round, i);
		lk_lag_learn(lag, &sample);
		assert_true(lag->replica_count <= LK_SAMPLE_REPLICAS);
	}
	free(lag);
}

static void beats_tell_how_far_a_replica_is(void **state)
{
	struct lk_beats beats = {0};
	(void)state;
	assert_true(lk_beats_lag(&beats, 0, SECOND) < 0);
	for (int64_t at = 10 * SECOND; at <= 20 * SECOND; at += SECOND / 10)
		lk_beats_add(&beats, at);
	assert_true(lk_beats_lag(&beats, 20 * SECOND, 20 * SECOND + 50000) == 0);
	/* The first that is missing is the one of 17.1 s. */
	assert_true(lk_beats_lag(&beats, 17 * SECOND, 20 * SECOND) == 2900);
	/* Longer ago than beats are remembered. */
	assert_true(lk_beats_lag(&beats, 11 * SECOND, 20 * SECOND) == 8900);
	/* None has come through: since the first of all. */
	assert_true(lk_beats_lag(&beats, 0, 20 * SECOND) == 10000);
	/* One that was written and whose commit is not yet answered. */
	assert_true(lk_beats_lag(&beats, 21 * SECOND, 20 * SECOND) == 0);
}

static void a_pause_of_the_heart_is_no_lag(void **state)
{
	struct lk_beats beats = {0};
	(void)state;
	lk_beats_add(&beats, 10 * SECOND);
	assert_true(lk_beats_lag(&beats, 10 * SECOND, 60 * SECOND) == 0);
	lk_beats_add(&beats, 60 * SECOND);
	assert_true(lk_beats_lag(&beats, 10 * SECOND, 60 * SECOND + 30000) == 30);
}

static void ask(struct lk_lag *lag, int64_t at_us, const struct lk_sample_replica *replica)
{
	struct lk_sample sample = {.taken_us = at_us, .replica_count = 1};
	sample.replicas[0] = *replica;
	sample.replicas[0].asked = true;
	sample.replicas[0].position = -1;
	LK_COPY(sample.replicas[0].name, "db2:3306");
	lk_lag_learn(lag, &sample);
	assert_int_equal(lag->replica_count, 1);
}

static void a_replica_that_was_asked_says_it_itself(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	ask(lag, SECOND, &(struct lk_sample_replica){.lag_ms = -1, .note = "access denied"});
	assert_int_equal(lag->replicas[0].state, LK_LAG_UNREAD);
	assert_string_equal(lag->replicas[0].note, "access denied");
	ask(lag, 2 * SECOND, &(struct lk_sample_replica){.read = true, .lag_ms = 250});
	assert_int_equal(lag->replicas[0].state, LK_LAG_OK);
	assert_true(lag->replicas[0].lag_ms == 250);
	ask(lag, 3 * SECOND, &(struct lk_sample_replica){.read = true, .lag_ms = -1});
	assert_int_equal(lag->replicas[0].state, LK_LAG_STALE);
	ask(lag, 4 * SECOND,
	    &(struct lk_sample_replica){.read = true, .lag_ms = 10, .reply_age_ms = 4000});
	assert_int_equal(lag->replicas[0].state, LK_LAG_STALE);
	free(lag);
}

static void a_broken_replica_can_be_done_without_until_it_is_well(void **state)
{
	struct lk_lag *lag = fresh();
	(void)state;
	const struct lk_sample_replica broken = {.read = true, .broken = true, .lag_ms = 5000};
	ask(lag, SECOND, &broken);
	assert_int_equal(lag->replicas[0].state, LK_LAG_BROKEN);
	lk_lag_forget_gone(lag, true);
	ask(lag, 2 * SECOND, &broken);
	assert_true(lag->replicas[0].ignored);
	ask(lag, 3 * SECOND, &(struct lk_sample_replica){.read = true});
	assert_int_equal(lag->replicas[0].state, LK_LAG_OK);
	ask(lag, 4 * SECOND, &broken);
	assert_false(lag->replicas[0].ignored);
	free(lag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_that_follows_has_no_lag),
		cmocka_unit_test(a_replica_that_stands_still_grows_older),
		cmocka_unit_test(an_idle_primary_makes_no_lag),
		cmocka_unit_test(a_silent_replica_is_stale),
		cmocka_unit_test(a_gone_replica_is_remembered_until_it_is_forgotten),
		cmocka_unit_test(an_invisible_position_is_unknown_not_zero),
		cmocka_unit_test(a_position_that_falls_begins_a_new_history),
		cmocka_unit_test(marks_and_replicas_are_bounded),
		cmocka_unit_test(beats_tell_how_far_a_replica_is),
		cmocka_unit_test(a_pause_of_the_heart_is_no_lag),
		cmocka_unit_test(a_replica_that_was_asked_says_it_itself),
		cmocka_unit_test(a_broken_replica_can_be_done_without_until_it_is_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
