/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bounded queue between the keeper's threads: who waits for whom, and how it ends. */
#include "tests/unit/support.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/queue.h"

static const int items[4] = {1, 2, 3, 4};

struct producer {
	struct lk_queue *queue;
	atomic_bool called, returned;
	bool taken;
	pthread_t thread;
};

static void *push_one(void *argument)
{
	struct producer *p = argument;
	atomic_store(&p->called, true);
	p->taken = lk_queue_push(p->queue, (void *)&items[3]);
	atomic_store(&p->returned, true);
	return NULL;
}

static void start(struct producer *p, struct lk_queue *queue)
{
	p->queue = queue;
	assert_int_equal(pthread_create(&p->thread, NULL, push_one, p), 0);
	while (!atomic_load(&p->called))
		lk_sleep_ms(1);
}

static void count_wakes(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

static void items_come_out_in_order_and_each_push_wakes(void **state)
{
	atomic_int wakes = 0;
	struct lk_queue *queue = lk_queue_new(3, count_wakes, &wakes);
	(void)state;
	assert_null(lk_queue_try_pop(queue));
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3; i++)
			assert_true(lk_queue_push(queue, (void *)&items[i]));
		for (int i = 0; i < 3; i++)
			assert_ptr_equal(lk_queue_try_pop(queue), &items[i]);
	}
	assert_int_equal(atomic_load(&wakes), 15);
	lk_queue_free(queue);
}

static void a_full_queue_makes_its_producer_wait(void **state)
{
	struct lk_queue *queue = lk_queue_new(1, NULL, NULL);
	struct producer p = {0};
	(void)state;
	lk_queue_push(queue, (void *)&items[0]);
	start(&p, queue);
	for (int i = 0; i < 20; i++) {
		lk_sleep_ms(1);
		assert_false(atomic_load(&p.returned));
	}
	assert_ptr_equal(lk_queue_try_pop(queue), &items[0]);
	pthread_join(p.thread, NULL);
	assert_true(p.taken);
	assert_ptr_equal(lk_queue_try_pop(queue), &items[3]);
	lk_queue_free(queue);
}

static void closing_frees_a_waiting_producer_and_drains(void **state)
{
	struct lk_queue *queue = lk_queue_new(1, NULL, NULL);
	struct producer p = {0};
	(void)state;
	lk_queue_push(queue, (void *)&items[0]);
	start(&p, queue);
	lk_queue_close(queue);
	pthread_join(p.thread, NULL);
	assert_false(p.taken);
	assert_ptr_equal(lk_queue_pop(queue, lk_clock_us() + 5000000), &items[0]);
	assert_null(lk_queue_pop(queue, lk_clock_us() + 5000000));
	assert_true(lk_queue_closed(queue));
	lk_queue_free(queue);
}

static void *pop_one(void *argument)
{
	return lk_queue_pop(argument, lk_clock_us() + 20000000);
}

static void a_waiting_consumer_gets_the_next_item_and_learns_of_the_end(void **state)
{
	struct lk_queue *queue = lk_queue_new(4, NULL, NULL);
	pthread_t thread;
	void *got = NULL;
	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, pop_one, queue), 0);
	lk_queue_push(queue, (void *)&items[1]);
	pthread_join(thread, &got);
	assert_ptr_equal(got, &items[1]);
	int64_t from = lk_clock_us();
	assert_int_equal(pthread_create(&thread, NULL, pop_one, queue), 0);
	lk_queue_close(queue);
	pthread_join(thread, &got);
	assert_null(got);
	assert_true(lk_clock_us() - from < 10000000);
	lk_queue_free(queue);
}

static void a_pop_ends_at_its_deadline(void **state)
{
	struct lk_queue *queue = lk_queue_new(4, NULL, NULL);
	(void)state;
	int64_t from = lk_clock_us();
	assert_null(lk_queue_pop(queue, from + 30000));
	assert_true(lk_clock_us() - from >= 29000);
	lk_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_out_in_order_and_each_push_wakes),
		cmocka_unit_test(a_full_queue_makes_its_producer_wait),
		cmocka_unit_test(closing_frees_a_waiting_producer_and_drains),
		cmocka_unit_test(a_waiting_consumer_gets_the_next_item_and_learns_of_the_end),
		cmocka_unit_test(a_pop_ends_at_its_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
