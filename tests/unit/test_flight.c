/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A cancel hits the statement it was meant for, or none. */
#include "tests/unit/support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "db/flight.h"

static void without_a_statement_there_is_nothing_to_cancel(void **state)
{
	struct lk_flight flight;
	(void)state;
	lk_flight_init(&flight);
	assert_int_equal(lk_flight_cancel_begin(&flight), 0);
	assert_false(lk_flight_begin(&flight));
	lk_flight_end(&flight);
	assert_int_equal(lk_flight_cancel_begin(&flight), 0);
	lk_flight_destroy(&flight);
}

static void after_a_cancel_one_empty_statement_goes_first(void **state)
{
	struct lk_flight flight;
	(void)state;
	lk_flight_init(&flight);
	assert_false(lk_flight_begin(&flight));
	assert_int_not_equal(lk_flight_cancel_begin(&flight), 0);
	lk_flight_cancel_end(&flight);
	lk_flight_end(&flight);
	assert_true(lk_flight_begin(&flight));
	lk_flight_end(&flight);
	assert_false(lk_flight_begin(&flight));
	lk_flight_end(&flight);
	lk_flight_destroy(&flight);
}

static void each_statement_has_a_number_of_its_own(void **state)
{
	struct lk_flight flight;
	uint64_t last = 0;
	(void)state;
	lk_flight_init(&flight);
	for (int i = 0; i < 5; i++) {
		lk_flight_begin(&flight);
		uint64_t number = lk_flight_cancel_begin(&flight);
		assert_true(number > last);
		last = number;
		lk_flight_cancel_end(&flight);
		lk_flight_end(&flight);
	}
	lk_flight_destroy(&flight);
}

static void a_shielded_statement_is_not_cancelled(void **state)
{
	struct lk_flight flight;
	(void)state;
	lk_flight_init(&flight);
	lk_flight_shield(&flight, true);
	lk_flight_begin(&flight);
	assert_int_equal(lk_flight_cancel_begin(&flight), 0);
	lk_flight_end(&flight);
	lk_flight_shield(&flight, false);
	assert_false(lk_flight_begin(&flight));
	assert_int_not_equal(lk_flight_cancel_begin(&flight), 0);
	lk_flight_cancel_end(&flight);
	lk_flight_end(&flight);
	lk_flight_destroy(&flight);
}

struct next {
	struct lk_flight *flight;
	atomic_bool called, begun, stray;
	pthread_t thread;
};

static void *begin_next(void *argument)
{
	struct next *next = argument;
	atomic_store(&next->called, true);
	atomic_store(&next->stray, lk_flight_begin(next->flight));
	atomic_store(&next->begun, true);
	return NULL;
}

static void the_next_statement_waits_for_a_cancel_on_its_way(void **state)
{
	struct lk_flight flight;
	struct next next = {.flight = &flight};
	(void)state;
	lk_flight_init(&flight);
	lk_flight_begin(&flight);
	/* Two threads may have sent one each; the first that has ended is not the last. */
	assert_int_not_equal(lk_flight_cancel_begin(&flight), 0);
	assert_int_not_equal(lk_flight_cancel_begin(&flight), 0);
	lk_flight_end(&flight);
	lk_flight_cancel_end(&flight);
	assert_int_equal(pthread_create(&next.thread, NULL, begin_next, &next), 0);
	while (!atomic_load(&next.called))
		lk_sleep_ms(1);
	/* Long enough for a begin that does not wait to be through. */
	for (int i = 0; i < 20; i++) {
		lk_sleep_ms(1);
		assert_false(atomic_load(&next.begun));
	}
	lk_flight_cancel_end(&flight);
	pthread_join(next.thread, NULL);
	assert_true(atomic_load(&next.stray));
	lk_flight_end(&flight);
	lk_flight_destroy(&flight);
}

/* Many statements and many cancels: every number that a cancel got was flying when it got it. */
struct storm {
	struct lk_flight *flight;
	_Atomic uint64_t flying; /* the statement under way, as its own thread knows it */
	atomic_bool over;
	uint64_t statements;
	_Atomic uint64_t cancelled; /* statements that had to send an empty one first */
	pthread_t thread;
};

static void *fly(void *argument)
{
	struct storm *s = argument;
	while (!atomic_load(&s->over)) {
		if (lk_flight_begin(s->flight))
			atomic_fetch_add(&s->cancelled, 1);
		s->statements++;
		atomic_store(&s->flying, s->statements);
		atomic_store(&s->flying, 0);
		lk_flight_end(s->flight);
	}
	return NULL;
}

static void no_cancel_is_sent_to_a_statement_that_has_ended(void **state)
{
	struct lk_flight flight;
	struct storm s = {.flight = &flight};
	uint64_t sent = 0;
	(void)state;
	lk_flight_init(&flight);
	assert_int_equal(pthread_create(&s.thread, NULL, fly, &s), 0);
	while (atomic_load(&s.cancelled) < 200) {
		uint64_t number = lk_flight_cancel_begin(&flight);
		uint64_t now = atomic_load(&s.flying);
		/* While the cancel is on its way no later statement can have begun. */
		assert_true(number == 0 || now == 0 || now == number);
		sent += number != 0;
		if (number != 0)
			lk_flight_cancel_end(&flight);
		sched_yield();
	}
	atomic_store(&s.over, true);
	pthread_join(s.thread, NULL);
	assert_true(atomic_load(&s.cancelled) <= sent);
	lk_flight_destroy(&flight);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_statement_there_is_nothing_to_cancel),
		cmocka_unit_test(after_a_cancel_one_empty_statement_goes_first),
		cmocka_unit_test(each_statement_has_a_number_of_its_own),
		cmocka_unit_test(a_shielded_statement_is_not_cancelled),
		cmocka_unit_test(the_next_statement_waits_for_a_cancel_on_its_way),
		cmocka_unit_test(no_cancel_is_sent_to_a_statement_that_has_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
