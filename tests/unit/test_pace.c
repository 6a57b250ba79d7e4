/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stops and slows the worker, from another thread. */
#include "tests/unit/support.h"

#include <pthread.h>

#include "base/clock.h"
#include "step/pace.h"

/* A worker in one of its waits. */
struct waiter {
	struct lk_pace *pace;
	bool sleeps, went_on;
	double target_ms, rest;
	int64_t took_us;
	atomic_bool inside;
	pthread_t thread;
};

static void *wait_in(void *argument)
{
	struct waiter *w = argument;
	int64_t from = lk_clock_us();
	atomic_store(&w->inside, true);
	w->went_on = w->sleeps ? lk_pace_sleep(w->pace, 20000)
			       : lk_pace_wait(w->pace, &w->target_ms, &w->rest);
	w->took_us = lk_clock_us() - from;
	return NULL;
}

static void start(struct waiter *w, struct lk_pace *pace, bool sleeps)
{
	w->pace = pace;
	w->sleeps = sleeps;
	atomic_init(&w->inside, false);
	assert_int_equal(pthread_create(&w->thread, NULL, wait_in, w), 0);
	while (!atomic_load(&w->inside))
		lk_sleep_ms(1);
}

static void without_a_limit_nobody_waits(void **state)
{
	struct lk_pace pace;
	double target = 0, rest = 0;
	(void)state;
	lk_pace_init(&pace, 70);
	assert_true(lk_pace_wait(&pace, &target, &rest));
	assert_true(target == 70 && rest == 0);
	lk_pace_set(&pace, false, 30, 1.5);
	assert_true(lk_pace_wait(&pace, &target, &rest));
	assert_true(target == 30 && rest == 1.5);
	assert_true(lk_pace_sleep(&pace, 0));
	lk_pace_destroy(&pace);
}

static void a_limit_holds_until_it_is_lifted(void **state)
{
	struct lk_pace pace;
	struct waiter w = {0};
	(void)state;
	lk_pace_init(&pace, 70);
	lk_pace_set(&pace, true, 70, 0);
	start(&w, &pace, false);
	lk_pace_set(&pace, true, 60, 0);
	lk_pace_set(&pace, false, 50, 2);
	pthread_join(w.thread, NULL);
	assert_true(w.went_on);
	assert_true(w.target_ms == 50 && w.rest == 2);
	lk_pace_destroy(&pace);
}

static void a_stop_ends_both_waits_at_once(void **state)
{
	struct lk_pace pace;
	struct waiter held = {0}, asleep = {0};
	(void)state;
	lk_pace_init(&pace, 70);
	lk_pace_set(&pace, true, 70, 0);
	start(&held, &pace, false);
	start(&asleep, &pace, true);
	lk_pace_stop(&pace);
	pthread_join(held.thread, NULL);
	pthread_join(asleep.thread, NULL);
	assert_false(held.went_on);
	assert_false(asleep.went_on);
	assert_true(asleep.took_us < 10000000);
	assert_false(lk_pace_sleep(&pace, 20000));
	lk_pace_destroy(&pace);
}

static void going_on_forgets_an_old_giving_way(void **state)
{
	struct lk_pace pace;
	(void)state;
	lk_pace_init(&pace, 70);
	atomic_store(&pace.give_way, true);
	lk_pace_stop(&pace);
	assert_true(atomic_load(&pace.stop));
	lk_pace_go(&pace);
	assert_false(atomic_load(&pace.stop));
	assert_false(atomic_load(&pace.give_way));
	lk_pace_destroy(&pace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_limit_nobody_waits),
		cmocka_unit_test(a_limit_holds_until_it_is_lifted),
		cmocka_unit_test(a_stop_ends_both_waits_at_once),
		cmocka_unit_test(going_on_forgets_an_old_giving_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
