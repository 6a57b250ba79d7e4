/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The set of changed keys: against a simple model, at its bounds, and between threads. */
#include "tests/unit/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "shadow/changes.h"

static bool add(struct lk_changes *c, const char *key, uint64_t mark)
{
	return lk_changes_add(
		c, &(struct lk_changed){.key = key, .bytes = strlen(key), .mark = mark}, 0);
}

/* The keys of a set, "a b c". */
static char *shown(const struct lk_change_set *set)
{
	static char text[600];
	text[0] = 0;
	for (size_t i = 0; i < set->count; i++) {
		size_t length = strlen(text);
		snprintf(text + length, sizeof text - length, "%s%.*s", i ? " " : "",
			 (int)set->keys[i].bytes, (const char *)set->keys[i].key);
	}
	return text;
}

static void a_key_waits_once_and_goes_to_one(void **state)
{
	struct lk_changes *c = lk_changes_new(0);
	struct lk_change_set one = {0}, other = {0};
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(add(c, "a", 1));
		assert_true(add(c, "b", 2));
		assert_true(add(c, "", 3));
	}
	assert_int_equal(lk_changes_take(c, &one, 2), 2);
	assert_string_equal(shown(&one), "a b");
	assert_int_equal(lk_changes_take(c, &other, 9), 1);
	assert_int_equal(other.keys[0].bytes, 0);
	assert_int_equal(lk_changes_take(c, &other, 9), 0);
	struct lk_changes_counts counts = lk_changes_count(c);
	assert_int_equal(counts.waiting, 0);
	assert_int_equal(counts.taken, 3);
	assert_int_equal(counts.added, 9);
	assert_int_equal(counts.coalesced, 6);
	lk_changes_done(c, &one);
	lk_changes_done(c, &other);
	counts = lk_changes_count(c);
	assert_int_equal(counts.taken, 0);
	assert_int_equal(counts.bytes_used, 0);
	lk_change_set_free(&one);
	lk_change_set_free(&other);
	lk_changes_free(c);
}

static void what_changes_while_it_is_taken_comes_again(void **state)
{
	struct lk_changes *c = lk_changes_new(0);
	struct lk_change_set set = {0};
	(void)state;
	add(c, "a", 1);
	add(c, "b", 1);
	lk_changes_take(c, &set, 9);
	add(c, "b", 5);
	add(c, "b", 6);
	assert_int_equal(lk_changes_oldest(c), 1);
	lk_changes_done(c, &set);
	assert_int_equal(lk_changes_oldest(c), 5);
	assert_int_equal(lk_changes_take(c, &set, 9), 1);
	assert_string_equal(shown(&set), "b");
	lk_changes_done(c, &set);
	assert_int_equal(lk_changes_oldest(c), LK_CHANGES_NONE);
	lk_change_set_free(&set);
	lk_changes_free(c);
}

static bool take_away(struct lk_changes *c, const char *key)
{
	return lk_changes_add(
		c, &(struct lk_changed){.key = key, .bytes = strlen(key), .gone = true}, 0);
}

/* Once its row was copied again a deletion is over; one that came meanwhile is not, nor one whose copy failed. */
static void that_a_row_was_gone_is_remembered(void **state)
{
	struct lk_changes *c = lk_changes_new(0);
	struct lk_change_set set = {0};
	(void)state;
	add(c, "a", 1);
	take_away(c, "a");
	add(c, "a", 1);
	lk_changes_take(c, &set, 9);
	assert_true(set.keys[0].gone);
	add(c, "a", 1);
	lk_changes_done(c, &set);
	lk_changes_take(c, &set, 9);
	assert_false(set.keys[0].gone);
	take_away(c, "a");
	lk_changes_done(c, &set);
	lk_changes_take(c, &set, 9);
	assert_true(set.keys[0].gone);
	lk_changes_give_back(c, &set);
	lk_changes_take(c, &set, 9);
	assert_true(set.keys[0].gone);
	lk_changes_done(c, &set);
	lk_change_set_free(&set);
	lk_changes_free(c);
}

/* The older change has not been copied, so its mark stays. */
static void what_is_given_back_waits_where_it_was(void **state)
{
	struct lk_changes *c = lk_changes_new(0);
	struct lk_change_set set = {0}, rest = {0};
	(void)state;
	add(c, "a", 1);
	add(c, "b", 2);
	add(c, "c", 3);
	lk_changes_take(c, &set, 2);
	add(c, "a", 7);
	lk_changes_take(c, &rest, 1);
	lk_changes_give_back(c, &set);
	assert_int_equal(lk_changes_oldest(c), 1);
	lk_changes_take(c, &set, 9);
	assert_string_equal(shown(&set), "a b");
	lk_changes_done(c, &set);
	assert_int_equal(lk_changes_oldest(c), 3);
	lk_changes_done(c, &rest);
	assert_int_equal(lk_changes_oldest(c), LK_CHANGES_NONE);
	lk_change_set_free(&set);
	lk_change_set_free(&rest);
	lk_changes_free(c);
}

/* A model as simple as can be: by the key's number, what is known of it. */
#define KEYS 30000
struct model {
	bool waiting[KEYS], taken[KEYS], again[KEYS];
	uint64_t mark[KEYS], again_mark[KEYS];
	size_t lengths[KEYS];
};

static size_t key_of(int number, char *key, size_t length)
{
	memset(key, 'x', length);
	memcpy(key, &number, sizeof number);
	return length;
}

static int number_of(const struct lk_change *change)
{
	int number;
	memcpy(&number, change->key, sizeof number);
	return number;
}

static void model_add(struct model *m, int k, uint64_t mark)
{
	if (m->taken[k] && !m->again[k]) {
		m->again[k] = true;
		m->again_mark[k] = mark;
	} else if (!m->taken[k] && !m->waiting[k]) {
		m->waiting[k] = true;
		m->mark[k] = mark;
	}
}

static void model_take(struct model *m, const struct lk_change_set *set, size_t from)
{
	for (size_t i = from; i < set->count; i++) {
		int k = number_of(&set->keys[i]);
		assert_true(m->waiting[k] && !m->taken[k]);
		assert_int_equal(set->keys[i].bytes, m->lengths[k]);
		m->waiting[k] = false;
		m->taken[k] = true;
	}
}

static void model_give(struct model *m, const struct lk_change_set *set, bool done)
{
	for (size_t i = 0; i < set->count; i++) {
		int k = number_of(&set->keys[i]);
		m->taken[k] = false;
		m->waiting[k] = !done || m->again[k];
		if (done && m->again[k])
			m->mark[k] = m->again_mark[k];
		m->again[k] = false;
	}
}

static void model_compare(const struct model *m, struct lk_changes *c)
{
	uint64_t oldest = LK_CHANGES_NONE;
	int64_t waiting = 0, taken = 0;
	for (int k = 0; k < KEYS; k++) {
		waiting += m->waiting[k];
		taken += m->taken[k];
		if ((m->waiting[k] || m->taken[k]) && m->mark[k] < oldest)
			oldest = m->mark[k];
	}
	struct lk_changes_counts counts = lk_changes_count(c);
	assert_int_equal(counts.waiting, waiting);
	assert_int_equal(counts.taken, taken);
	assert_int_equal(lk_changes_oldest(c), oldest);
}

/* Keys of 4 to 203 bytes, more than the ring holds at once, taken by three and given back in any order. */
static void it_does_what_a_simple_model_does(void **state)
{
	struct model *m = lk_alloc(sizeof *m);
	struct lk_changes *c = lk_changes_new(0);
	struct lk_change_set sets[3] = {0};
	struct test_random random = {11};
	int64_t full = 0;
	(void)state;
	for (int k = 0; k < KEYS; k++)
		m->lengths[k] = 4 + (size_t)test_random(&random, 200);
	for (uint64_t turn = 1; turn <= 300000; turn++) {
		char key[256];
		int k = (int)test_random(&random, KEYS);
		struct lk_change_set *set = &sets[test_random(&random, 3)];
		if (test_random(&random, 10) < 8) {
			if (lk_changes_add(
				    c,
				    &(struct lk_changed){.key = key,
							 .bytes = key_of(k, key, m->lengths[k]),
							 .mark = turn},
				    0))
				model_add(m, k, turn);
			else
				full++;
		} else if (set->count == 0 || test_random(&random, 4) == 0) {
			size_t from = set->count;
			lk_changes_take(c, set, 1 + (size_t)test_random(&random, 8));
			model_take(m, set, from);
		} else {
			bool done = test_random(&random, 5) != 0;
			model_give(m, set, done);
			(done ? lk_changes_done : lk_changes_give_back)(c, set);
		}
		if (turn % 10000 == 0)
			model_compare(m, c);
	}
	assert_true(full > 0);
	for (int i = 0; i < 3; i++) {
		model_give(m, &sets[i], true);
		lk_changes_done(c, &sets[i]);
	}
	while (lk_changes_take(c, &sets[0], 100)) {
		model_take(m, &sets[0], 0);
		model_give(m, &sets[0], true);
		lk_changes_done(c, &sets[0]);
	}
	model_compare(m, c);
	assert_int_equal(lk_changes_count(c).bytes_used, 0);
	for (int i = 0; i < 3; i++)
		lk_change_set_free(&sets[i]);
	lk_changes_free(c);
	free(m);
}

static size_t fill(struct lk_changes *c, size_t length)
{
	char key[LK_CHANGES_KEY_MAX] = {0};
	int k = 0;
	while (lk_changes_add(
		c, &(struct lk_changed){.key = key, .bytes = key_of(k, key, length), .mark = 1}, 0))
		k++;
	return (size_t)k;
}

static void nothing_beyond_the_room_that_there_is(void **state)
{
	(void)state;
	for (size_t length = 4; length <= LK_CHANGES_KEY_MAX; length = length * 3 + 1) {
		struct lk_changes *c = lk_changes_new(1 << 20);
		size_t keys = fill(c, length);
		struct lk_changes_counts counts = lk_changes_count(c);
		assert_true(counts.bytes_used <= counts.bytes);
		/* The table may be full before the ring is, where keys are short. */
		assert_true(keys >= (1 << 20) / (length + 48) - 2);
		lk_changes_free(c);
	}
	struct lk_changes *c = lk_changes_new(1 << 20);
	char key[LK_CHANGES_KEY_MAX + 1] = {0};
	assert_false(lk_changes_add(c, &(struct lk_changed){.key = key, .bytes = sizeof key},
				    INT64_MAX / 2));
	lk_changes_free(c);
}

struct adder {
	struct lk_changes *changes;
	pthread_t thread;
	atomic_bool added, returned;
};

static void *add_one(void *argument)
{
	struct adder *a = argument;
	atomic_store(&a->added,
		     lk_changes_add(a->changes,
				    &(struct lk_changed){.key = "one more", .bytes = 8, .mark = 2},
				    lk_clock_us() + 60000000));
	atomic_store(&a->returned, true);
	return NULL;
}

static void who_finds_no_room_waits_for_it(void **state)
{
	(void)state;
	for (int closed = 0; closed < 2; closed++) {
		struct lk_changes *c = lk_changes_new(0);
		struct lk_change_set set = {0};
		struct adder a = {.changes = c};
		fill(c, 8);
		assert_int_equal(pthread_create(&a.thread, NULL, add_one, &a), 0);
		lk_sleep_ms(20);
		assert_false(atomic_load(&a.returned));
		lk_changes_take(c, &set, 5);
		if (closed)
			lk_changes_close(c);
		else
			lk_changes_done(c, &set);
		pthread_join(a.thread, NULL);
		assert_int_equal(atomic_load(&a.added), !closed);
		lk_change_set_free(&set);
		lk_changes_free(c);
	}
}

/* Each key counts up in `written`; whoever takes it copies that into `copied`. At the end nothing may be missing. */
struct shop {
	struct lk_changes *changes;
	atomic_int written[500], copied[500];
	atomic_bool ended;
};

static void *write_keys(void *argument)
{
	struct shop *s = argument;
	struct test_random random = {5};
	for (int i = 0; i < 200000; i++) {
		int k = (int)test_random(&random, 500);
		atomic_fetch_add(&s->written[k], 1);
		lk_changes_add(
			s->changes,
			&(struct lk_changed){.key = &k, .bytes = sizeof k, .mark = (uint64_t)i},
			lk_clock_us() + 60000000);
	}
	atomic_store(&s->ended, true);
	return NULL;
}

static void *copy_keys(void *argument)
{
	struct shop *s = argument;
	struct lk_change_set set = {0};
	struct test_random random = {9};
	for (bool ended = false; !ended;) {
		ended = atomic_load(&s->ended);
		while (lk_changes_take(s->changes, &set, 20)) {
			bool fails = test_random(&random, 10) == 0;
			for (size_t i = 0; !fails && i < set.count; i++) {
				int k = number_of(&set.keys[i]);
				atomic_store(&s->copied[k], atomic_load(&s->written[k]));
			}
			(fails ? lk_changes_give_back : lk_changes_done)(s->changes, &set);
		}
	}
	lk_change_set_free(&set);
	return NULL;
}

static void threads_lose_no_change(void **state)
{
	struct shop *s = lk_alloc(sizeof *s);
	pthread_t threads[4];
	(void)state;
	s->changes = lk_changes_new(0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i ? copy_keys : write_keys, s),
				 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	copy_keys(s); /* what was given back when the others had looked for the last time */
	for (int k = 0; k < 500; k++)
		assert_int_equal(atomic_load(&s->copied[k]), atomic_load(&s->written[k]));
	lk_changes_free(s->changes);
	free(s);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(a_key_waits_once_and_goes_to_one),
		cmocka_unit_test(what_changes_while_it_is_taken_comes_again),
		cmocka_unit_test(that_a_row_was_gone_is_remembered),
		cmocka_unit_test(what_is_given_back_waits_where_it_was),
		cmocka_unit_test(it_does_what_a_simple_model_does),
		cmocka_unit_test(nothing_beyond_the_room_that_there_is),
		cmocka_unit_test(who_finds_no_room_waits_for_it),
		cmocka_unit_test(threads_lose_no_change),
	};
	return cmocka_run_group_tests(all, NULL, NULL);
}
