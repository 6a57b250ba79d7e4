/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds the backfill back, with value and limit. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/memory.h"
#include "run/throttle.h"

/* A view of a calm server; tests change what they are about. */
struct scene {
	struct lk_sample sample;
	struct lk_lag lag;
	struct lk_lock_tree tree;
	struct lk_limits limits;
	struct lk_throttle throttle;
	struct lk_throttle_view view;
};

static int set_up(void **state)
{
	struct scene *s = lk_alloc(sizeof *s);
	s->sample.active = 3;
	s->sample.probe_ms = -1;
	s->limits = (struct lk_limits){
		.lag_ms = 2000, .lock_wait_ms = 100, .chunk_time_ms = 80, .running = 50};
	s->view = (struct lk_throttle_view){
		.sample = &s->sample, .age_ms = 20, .lag = &s->lag, .tree = &s->tree};
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static const struct lk_throttle_input *decide(struct scene *s, const char *name)
{
	lk_throttle_decide(&s->throttle, &s->limits, &s->view);
	for (size_t i = 0; i < s->throttle.input_count; i++)
		if (strcmp(s->throttle.inputs[i].name, name) == 0)
			return &s->throttle.inputs[i];
	fail_msg("no input \"%s\"", name);
	return NULL;
}

static struct lk_lag_replica *replica(struct scene *s, const char *name, enum lk_lag_state is,
				      double lag_ms)
{
	struct lk_lag_replica *r = &s->lag.replicas[s->lag.replica_count++];
	LK_COPY(r->name, name);
	r->state = is;
	r->lag_ms = lag_ms;
	return r;
}

static void a_calm_server_holds_nothing(void **state)
{
	struct scene *s = *state;
	replica(s, "standby1", LK_LAG_OK, 12);
	decide(s, "active sessions");
	assert_false(s->throttle.hold);
	assert_string_equal(s->throttle.reason, "");
	assert_true(s->throttle.chunk_target_ms == 80);
	assert_true(s->throttle.rest_ratio == 0);
	assert_int_equal(s->throttle.input_count, 4);
}

static void lag_holds_and_is_named_with_value_and_limit(void **state)
{
	struct scene *s = *state;
	replica(s, "standby1", LK_LAG_OK, 2600);
	const struct lk_throttle_input *input = decide(s, "lag standby1");
	assert_int_equal(input->state, LK_THROTTLE_OVER);
	assert_string_equal(input->value, "2.6 s");
	assert_string_equal(input->limit, "2.0 s");
	assert_true(s->throttle.hold);
	assert_string_equal(s->throttle.reason, "lag standby1 2.6 s");
}

static void it_goes_on_only_well_below_the_limit(void **state)
{
	struct scene *s = *state;
	struct lk_lag_replica *r = replica(s, "standby1", LK_LAG_OK, 1900);
	assert_int_equal(decide(s, "lag standby1")->state, LK_THROTTLE_OK);
	r->lag_ms = 2100;
	assert_int_equal(decide(s, "lag standby1")->state, LK_THROTTLE_OVER);
	r->lag_ms = 1900;
	assert_int_equal(decide(s, "lag standby1")->state, LK_THROTTLE_OVER);
	r->lag_ms = 1400;
	assert_int_equal(decide(s, "lag standby1")->state, LK_THROTTLE_OK);
	assert_false(s->throttle.hold);
}

static void a_replica_that_does_not_answer_holds_whatever_its_lag(void **state)
{
	struct scene *s = *state;
	struct lk_lag_replica *r = replica(s, "standby1", LK_LAG_STALE, 0);
	r->silent_ms = 14000;
	const struct lk_throttle_input *input = decide(s, "lag standby1");
	assert_int_equal(input->state, LK_THROTTLE_STALE);
	assert_string_equal(input->value, "no answer 14 s");
	assert_true(s->throttle.hold);
	r->state = LK_LAG_GONE;
	assert_int_equal(decide(s, "lag standby1")->state, LK_THROTTLE_STALE);
	r->state = LK_LAG_UNKNOWN;
	assert_string_equal(decide(s, "lag standby1")->value, "not visible: see doctor");
	assert_true(s->throttle.hold);
	r->state = LK_LAG_BROKEN;
	assert_string_equal(decide(s, "lag standby1")->value, "broken");
	assert_true(s->throttle.hold);
	r->ignored = true;
	assert_int_equal(decide(s, "lag standby1")->state, LK_THROTTLE_UNKNOWN);
	assert_false(s->throttle.hold);
	s->lag.replica_count = 0;
	decide(s, "active sessions");
	assert_false(s->throttle.hold);
}

static void blindness_holds(void **state)
{
	struct scene *s = *state;
	s->view.age_ms = 3500;
	assert_int_equal(decide(s, "age of what we see")->state, LK_THROTTLE_OVER);
	assert_true(s->throttle.hold);
	s->view.sample = NULL;
	s->view.age_ms = -1;
	assert_int_equal(decide(s, "age of what we see")->state, LK_THROTTLE_OVER);
	assert_true(s->throttle.hold);
}

static void victims_sessions_and_probe_hold(void **state)
{
	struct scene *s = *state;
	s->tree.longest_victim_ms = 130;
	assert_int_equal(decide(s, "sessions waiting for us")->state, LK_THROTTLE_OVER);
	s->tree.longest_victim_ms = 0;
	s->sample.active = 51;
	const struct lk_throttle_input *input = decide(s, "active sessions");
	assert_int_equal(input->state, LK_THROTTLE_OVER);
	assert_string_equal(input->value, "51");
	assert_string_equal(input->limit, "50");
	s->sample.active = 3;
	s->limits.probe = (char *)"SELECT 1";
	s->limits.probe_ms = 50;
	s->sample.probe_ms = 51;
	assert_int_equal(decide(s, "probe")->state, LK_THROTTLE_OVER);
	s->sample.probe_ms = 2;
	assert_int_equal(decide(s, "probe")->state, LK_THROTTLE_OK);
	assert_false(s->throttle.hold);
}

static void a_probe_that_fails_is_not_a_good_answer(void **state)
{
	struct scene *s = *state;
	s->limits.probe = (char *)"SELECT 1";
	s->limits.probe_ms = 50;
	s->sample.probe_ms = -1;
	assert_int_not_equal(decide(s, "probe")->state, LK_THROTTLE_OK);
	assert_true(s->throttle.hold);
}

static void others_at_work_make_it_rest(void **state)
{
	struct scene *s = *state;
	s->view.transactions_per_s = 300;
	s->view.our_transactions_per_s = 30;
	decide(s, "active sessions");
	assert_true(s->throttle.rest_ratio > 0);
	s->view.transactions_per_s = 35;
	decide(s, "active sessions");
	assert_true(s->throttle.rest_ratio == 0);
}

static void the_operator_s_wish_goes_before(void **state)
{
	struct scene *s = *state;
	s->throttle.wished_chunk_ms = 7;
	s->throttle.wished_rest = 3;
	s->view.transactions_per_s = 300;
	decide(s, "active sessions");
	assert_true(s->throttle.chunk_target_ms == 7);
	assert_true(s->throttle.rest_ratio == 3);
}

static void more_reasons_than_room_are_cut_not_overrun(void **state)
{
	struct scene *s = *state;
	char name[64];
	for (int i = 0; i < LK_SAMPLE_REPLICAS; i++) {
		snprintf(name, sizeof name, "a-replica-with-a-rather-long-name-in-zone-%02d", i);
		replica(s, name, LK_LAG_OK, 9000 + i);
	}
	s->sample.active = 500;
	decide(s, "active sessions");
	assert_true(s->throttle.input_count <= LK_THROTTLE_INPUTS);
	assert_true(strlen(s->throttle.reason) < sizeof s->throttle.reason);
	assert_true(s->throttle.hold);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_calm_server_holds_nothing),
		TEST(lag_holds_and_is_named_with_value_and_limit),
		TEST(it_goes_on_only_well_below_the_limit),
		TEST(a_replica_that_does_not_answer_holds_whatever_its_lag),
		TEST(blindness_holds),
		TEST(victims_sessions_and_probe_hold),
		TEST(a_probe_that_fails_is_not_a_good_answer),
		TEST(others_at_work_make_it_rest),
		TEST(the_operator_s_wish_goes_before),
		TEST(more_reasons_than_room_are_cut_not_overrun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
