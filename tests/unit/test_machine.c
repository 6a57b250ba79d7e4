/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The phase machine: what comes next, in which direction, and who may say so. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "run/machine.h"

/*
 *  0 expand (entry)   1 dual_write   2 migrate (entry)   3 release-42 (asks on the way back)
 *  4 backfill         5 check (SQL)  6 contract (entry)  7 two-people   8 end_dual_write   9 ddl
 * DROP
 */
enum { EXPAND, DUAL_WRITE, MIGRATE, RELEASE, BACKFILL, CHECK, CONTRACT, TWO, END, DROP, STEPS };

struct scene {
	struct lk_plan plan;
	struct lk_machine machine;
	char text[400];
};

static void add_gate(struct lk_plan *plan, enum lk_phase phase, const char *name, int needed)
{
	struct lk_step *gate = lk_plan_add_step(plan, phase, LK_VERB_GATE);
	gate->gate = LK_GATE_ASK;
	gate->name = lk_strdup(name);
	gate->ask = lk_strdup("is it so?");
	gate->needed = needed;
}

static void make_plan(struct lk_plan *plan)
{
	memset(plan, 0, sizeof *plan);
	plan->name = lk_strdup("p");
	plan->why = lk_strdup("");
	plan->file = lk_strdup("");
	struct lk_step *step = lk_plan_add_step(plan, LK_EXPAND, LK_VERB_DUAL_WRITE);
	step->table = lk_strdup("users");
	step->from = lk_strdup("username");
	step->to = lk_strdup("handle");
	step->like = lk_strdup("username");
	add_gate(plan, LK_MIGRATE, "release-42", 1);
	plan->steps[plan->step_count - 1].undo = lk_strdup("is 42 withdrawn?");
	step = lk_plan_add_step(plan, LK_MIGRATE, LK_VERB_BACKFILL);
	step->table = lk_strdup("users");
	step = lk_plan_add_step(plan, LK_MIGRATE, LK_VERB_GATE);
	step->gate = LK_GATE_NONE;
	step->name = lk_strdup("check");
	step->sql = lk_strdup("SELECT 1 WHERE false");
	add_gate(plan, LK_CONTRACT, "two-people", 2);
	step = lk_plan_add_step(plan, LK_CONTRACT, LK_VERB_END_DUAL_WRITE);
	step->table = lk_strdup("users");
	step->from = lk_strdup("username");
	step = lk_plan_add_step(plan, LK_CONTRACT, LK_VERB_DDL);
	step->sql = lk_strdup("ALTER TABLE users DROP COLUMN username");
	step->destroys = lk_strdup("data");
	lk_plan_complete(plan);
}

static int set_up(void **state)
{
	struct scene *s = lk_alloc(sizeof *s);
	make_plan(&s->plan);
	assert_int_equal(s->plan.step_count, STEPS);
	lk_machine_prepare(&s->machine, &s->plan, NULL);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	lk_machine_free(&s->machine);
	lk_plan_free(&s->plan);
	free(s);
	return 0;
}

#define expect_state(s, word)                                                                      \
	assert_string_equal(lk_run_state_name(lk_machine_state(&(s)->machine)), (word))

static struct lk_action expect_next(struct scene *s, enum lk_action_kind kind, int step)
{
	struct lk_action action = lk_machine_next(&s->machine, lk_clock_us());
	assert_int_equal(action.kind, kind);
	if (kind != LK_ACTION_NONE && kind != LK_ACTION_FINISH)
		assert_int_equal(action.step, step);
	return action;
}

static void carry_out(struct scene *s, enum lk_action_kind kind, int step)
{
	struct lk_action action = expect_next(s, kind, step);
	assert_true(s->machine.busy);
	expect_next(s, LK_ACTION_NONE, -1);
	lk_machine_ended(&s->machine, action, LK_ENDED_DONE, "done so");
	assert_false(s->machine.busy);
}

static bool answer(struct scene *s, const char *gate, const char *who)
{
	struct lk_journal_approval approval = {.at = 1};
	LK_COPY(approval.gate, gate);
	LK_COPY(approval.who, who);
	return lk_machine_confirm(&s->machine, &approval, s->text, sizeof s->text);
}

/* Up to but not including a step. */
static void walk_to(struct scene *s, int step)
{
	for (int i = 0; i < step; i++) {
		const struct lk_step *at = &s->plan.steps[i];
		if (at->verb == LK_VERB_GATE && at->gate == LK_GATE_ASK) {
			expect_next(s, LK_ACTION_NONE, -1);
			for (int n = 0; n < at->needed; n++)
				assert_true(answer(s, at->name, n ? "bob" : "alice"));
		}
		if (i == EXPAND)
			carry_out(s, LK_ACTION_RECORD, EXPAND);
		carry_out(s, LK_ACTION_FORWARD, i);
	}
}

static void before_a_plan_it_is_starting(void **state)
{
	struct lk_machine machine = {0};
	char text[100];
	(void)state;
	assert_int_equal(lk_machine_state(&machine), LK_RUN_STARTING);
	assert_int_equal(lk_machine_current(&machine), -1);
	assert_int_equal(lk_machine_next(&machine, 0).kind, LK_ACTION_NONE);
	assert_false(lk_machine_rollback(&machine, "alice", text, sizeof text));
	assert_false(lk_machine_confirm(&machine, &(struct lk_journal_approval){.gate = "x"}, text,
					sizeof text));
}

static void nothing_moves_before_expand_is_confirmed(void **state)
{
	struct scene *s = *state;
	expect_state(s, "pending");
	expect_next(s, LK_ACTION_NONE, -1);
	assert_false(answer(s, "migrate", "alice"));
	assert_string_equal(s->text, "gate migrate does not wait for an answer now");
	assert_false(answer(s, "nonsense", "alice"));
	assert_false(answer(s, "dual_write-2", "alice"));
	assert_false(lk_machine_rollback(&s->machine, "alice", s->text, sizeof s->text));
	assert_string_equal(s->text, "nothing was changed yet");
	assert_true(answer(s, "expand", "alice"));
	carry_out(s, LK_ACTION_RECORD, EXPAND);
	carry_out(s, LK_ACTION_FORWARD, EXPAND);
	carry_out(s, LK_ACTION_FORWARD, DUAL_WRITE);
	expect_next(s, LK_ACTION_NONE, -1);
	expect_state(s, "waiting");
}

static void the_whole_plan_ends_done(void **state)
{
	struct scene *s = *state;
	walk_to(s, STEPS);
	struct lk_action finish = expect_next(s, LK_ACTION_FINISH, -1);
	lk_machine_ended(&s->machine, finish, LK_ENDED_DONE, "");
	expect_state(s, "done");
	expect_next(s, LK_ACTION_NONE, -1);
	assert_false(lk_machine_rollback(&s->machine, "alice", s->text, sizeof s->text));
	assert_false(lk_machine_abort(&s->machine, "alice", s->text, sizeof s->text));
	assert_false(lk_machine_resume(&s->machine, "alice", s->text, sizeof s->text));
	assert_true(lk_machine_pause(&s->machine, "alice", s->text, sizeof s->text));
	expect_state(s, "done");
}

static void a_gate_of_two_people_takes_two(void **state)
{
	struct scene *s = *state;
	char names[100];
	walk_to(s, TWO);
	expect_next(s, LK_ACTION_NONE, -1);
	assert_true(answer(s, "two-people", "alice"));
	assert_contains(s->text, "1 of 2");
	expect_next(s, LK_ACTION_NONE, -1);
	expect_state(s, "waiting");
	assert_false(answer(s, "two-people", "alice"));
	assert_contains(s->text, "alice has answered it already");
	assert_true(answer(s, "two-people", "bob"));
	assert_int_equal(lk_machine_approvals(&s->machine, TWO, names, sizeof names), 2);
	assert_string_equal(names, "alice, bob");
	carry_out(s, LK_ACTION_FORWARD, TWO);
}

static void a_check_opens_by_its_sql_alone(void **state)
{
	struct scene *s = *state;
	walk_to(s, CHECK);
	struct lk_action action = expect_next(s, LK_ACTION_FORWARD, CHECK);
	lk_machine_ended(&s->machine, action, LK_ENDED_WAITING, "a row is there");
	expect_state(s, "waiting");
	assert_string_equal(s->machine.steps[CHECK].note, "a row is there");
	assert_false(answer(s, "check", "alice"));
	assert_contains(s->text, "opens when its SQL returns nothing");
	/* Not asked again before a second has passed. */
	assert_int_equal(lk_machine_next(&s->machine, lk_clock_us()).kind, LK_ACTION_NONE);
	action = lk_machine_next(&s->machine, lk_clock_us() + 2000000);
	assert_int_equal(action.kind, LK_ACTION_FORWARD);
	lk_machine_ended(&s->machine, action, LK_ENDED_DONE, "");
	assert_int_equal(lk_machine_current(&s->machine), CONTRACT);
}

static void a_pause_stops_and_only_resume_goes_on(void **state)
{
	struct scene *s = *state;
	walk_to(s, BACKFILL);
	assert_false(lk_machine_resume(&s->machine, "alice", s->text, sizeof s->text));
	assert_contains(s->text, "it is not paused: the run is running");
	struct lk_action action = expect_next(s, LK_ACTION_FORWARD, BACKFILL);
	assert_true(lk_machine_pause(&s->machine, "alice", s->text, sizeof s->text));
	expect_state(s, "paused");
	/* Again: accepted, and it never resumes. */
	assert_true(lk_machine_pause(&s->machine, "bob", s->text, sizeof s->text));
	assert_contains(s->text, "it stands already: paused by alice");
	expect_state(s, "paused");
	assert_false(lk_machine_resume(&s->machine, "alice", s->text, sizeof s->text));
	assert_contains(s->text, "has not come to rest yet");
	lk_machine_ended(&s->machine, action, LK_ENDED_STOPPED, "");
	expect_next(s, LK_ACTION_NONE, -1);
	assert_true(lk_machine_resume(&s->machine, "alice", s->text, sizeof s->text));
	carry_out(s, LK_ACTION_FORWARD, BACKFILL);
}

static void a_gate_cannot_be_answered_while_paused(void **state)
{
	struct scene *s = *state;
	walk_to(s, RELEASE);
	expect_next(s, LK_ACTION_NONE, -1);
	lk_machine_pause(&s->machine, "alice", s->text, sizeof s->text);
	assert_false(answer(s, "release-42", "alice"));
	assert_contains(s->text, "resume it first");
}

static void an_error_stops_and_a_person_goes_on(void **state)
{
	struct scene *s = *state;
	walk_to(s, BACKFILL);
	struct lk_action action = expect_next(s, LK_ACTION_FORWARD, BACKFILL);
	lk_machine_ended(&s->machine, action, LK_ENDED_FAILED, "division by zero");
	expect_state(s, "stopped");
	assert_string_equal(s->machine.reason, "division by zero");
	assert_string_equal(lk_step_state_name(&s->machine.steps[BACKFILL]), "failed");
	expect_next(s, LK_ACTION_NONE, -1);
	assert_true(lk_machine_resume(&s->machine, "alice", s->text, sizeof s->text));
	assert_string_equal(s->machine.reason, "");
	carry_out(s, LK_ACTION_FORWARD, BACKFILL);
}

static void a_run_that_cannot_be_recorded_never_began(void **state)
{
	struct scene *s = *state;
	expect_next(s, LK_ACTION_NONE, -1);
	assert_true(answer(s, "expand", "alice"));
	struct lk_action action = expect_next(s, LK_ACTION_RECORD, EXPAND);
	lk_machine_ended(&s->machine, action, LK_ENDED_FAILED, "another keeper was first");
	expect_state(s, "pending");
	assert_string_equal(s->machine.reason, "another keeper was first");
	expect_next(s, LK_ACTION_NONE, -1);
}

static void rollback_takes_back_what_was_begun_in_reverse(void **state)
{
	struct scene *s = *state;
	walk_to(s, BACKFILL);
	struct lk_action action = expect_next(s, LK_ACTION_FORWARD, BACKFILL);
	assert_true(lk_machine_rollback(&s->machine, "alice", s->text, sizeof s->text));
	assert_false(lk_machine_rollback(&s->machine, "alice", s->text, sizeof s->text));
	assert_contains(s->text, "already");
	expect_next(s, LK_ACTION_NONE, -1);
	lk_machine_ended(&s->machine, action, LK_ENDED_STOPPED, "");
	carry_out(s, LK_ACTION_BACKWARD, BACKFILL);
	/* The gate's own question on the way back. */
	expect_next(s, LK_ACTION_NONE, -1);
	expect_state(s, "waiting");
	assert_true(answer(s, "release-42", "alice"));
	carry_out(s, LK_ACTION_BACKWARD, RELEASE);
	carry_out(s, LK_ACTION_BACKWARD, MIGRATE);
	expect_state(s, "undoing");
	carry_out(s, LK_ACTION_BACKWARD, DUAL_WRITE);
	carry_out(s, LK_ACTION_BACKWARD, EXPAND);
	struct lk_action finish = expect_next(s, LK_ACTION_FINISH, -1);
	lk_machine_ended(&s->machine, finish, LK_ENDED_DONE, "");
	expect_state(s, "undone");
}

/* The release may be there already, and the answer not yet. */
static void a_gate_that_the_run_stood_at_asks_on_the_way_back(void **state)
{
	struct scene *s = *state;
	walk_to(s, RELEASE);
	expect_next(s, LK_ACTION_NONE, -1);
	expect_state(s, "waiting");
	assert_true(lk_machine_rollback(&s->machine, "alice", s->text, sizeof s->text));
	expect_next(s, LK_ACTION_NONE, -1);
	expect_state(s, "waiting");
	assert_int_equal(lk_machine_current(&s->machine), RELEASE);
	assert_true(answer(s, "release-42", "alice"));
	carry_out(s, LK_ACTION_BACKWARD, RELEASE);
	carry_out(s, LK_ACTION_BACKWARD, MIGRATE);
	carry_out(s, LK_ACTION_BACKWARD, DUAL_WRITE);
}

static void a_pause_on_the_way_back_keeps_its_direction(void **state)
{
	struct scene *s = *state;
	walk_to(s, RELEASE);
	lk_machine_rollback(&s->machine, "alice", s->text, sizeof s->text);
	expect_next(s, LK_ACTION_NONE, -1);
	assert_true(answer(s, "release-42", "alice"));
	carry_out(s, LK_ACTION_BACKWARD, RELEASE);
	struct lk_action action = expect_next(s, LK_ACTION_BACKWARD, MIGRATE);
	lk_machine_pause(&s->machine, "alice", s->text, sizeof s->text);
	lk_machine_ended(&s->machine, action, LK_ENDED_STOPPED, "");
	assert_true(lk_machine_resume(&s->machine, "alice", s->text, sizeof s->text));
	assert_contains(s->text, "on the way back");
	carry_out(s, LK_ACTION_BACKWARD, MIGRATE);
}

static void what_destroyed_data_cannot_be_taken_back(void **state)
{
	struct scene *s = *state;
	walk_to(s, END);
	assert_true(lk_machine_can_rollback(&s->machine, s->text, sizeof s->text));
	struct lk_action action = expect_next(s, LK_ACTION_FORWARD, END);
	lk_machine_ended(&s->machine, action, LK_ENDED_DONE, "");
	assert_false(lk_machine_can_rollback(&s->machine, s->text, sizeof s->text));
	assert_contains(s->text, "nothing takes it back");
	carry_out(s, LK_ACTION_FORWARD, DROP);
	assert_false(lk_machine_rollback(&s->machine, "alice", s->text, sizeof s->text));
}

static void a_lost_connection_is_no_failure(void **state)
{
	struct scene *s = *state;
	walk_to(s, BACKFILL);
	struct lk_action action = expect_next(s, LK_ACTION_FORWARD, BACKFILL);
	lk_machine_ended(&s->machine, action, LK_ENDED_LOST, "the connection broke");
	expect_state(s, "unreachable");
	expect_next(s, LK_ACTION_NONE, -1);
	/* A pause is accepted and stays. */
	assert_true(lk_machine_pause(&s->machine, "alice", s->text, sizeof s->text));
	expect_state(s, "paused");
	lk_machine_unreachable(&s->machine, false, "");
	expect_state(s, "paused");
	lk_machine_resume(&s->machine, "alice", s->text, sizeof s->text);
	carry_out(s, LK_ACTION_FORWARD, BACKFILL);
}

static void a_run_out_of_the_journal_goes_on_where_it_was(void **state)
{
	struct scene *s = *state;
	struct lk_journal_step steps[STEPS];
	static const char *const states[STEPS] = {"done",    "done",	"done",	   "done",
						  "running", "pending", "pending", "pending",
						  "pending", "pending"};
	memset(steps, 0, sizeof steps);
	for (int i = 0; i < STEPS; i++)
		LK_COPY(steps[i].state, states[i]);
	lk_machine_prepare(&s->machine, &s->plan, steps);
	assert_true(s->machine.recorded);
	expect_state(s, "running");
	carry_out(s, LK_ACTION_FORWARD, BACKFILL);
	/* A DROP that committed without its keeper learning of it: both its steps are done. */
	for (int i = 0; i < STEPS; i++)
		LK_COPY(steps[i].state, "done");
	lk_machine_prepare(&s->machine, &s->plan, steps);
	expect_next(s, LK_ACTION_FINISH, -1);
}

static void an_abort_stops_and_can_be_resumed(void **state)
{
	struct scene *s = *state;
	walk_to(s, BACKFILL);
	struct lk_action action = expect_next(s, LK_ACTION_FORWARD, BACKFILL);
	assert_true(lk_machine_abort(&s->machine, "alice", s->text, sizeof s->text));
	expect_state(s, "stopped");
	assert_contains(s->machine.reason, "aborted by alice");
	lk_machine_ended(&s->machine, action, LK_ENDED_STOPPED, "");
	expect_next(s, LK_ACTION_NONE, -1);
	assert_true(lk_machine_resume(&s->machine, "alice", s->text, sizeof s->text));
	carry_out(s, LK_ACTION_FORWARD, BACKFILL);
}

/*
 * Any order of wishes and endings: never two actions at once, never a step of the wrong direction,
 * a braked run never moves, and what destroyed data is never taken back.
 */
static void any_order_of_wishes_keeps_the_rules(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct test_random random = {seed};
		struct scene *s;
		struct lk_action at = {LK_ACTION_NONE, -1};
		bool backward = false;
		set_up((void **)&s);
		for (int i = 0; i < 200; i++) {
			struct lk_machine *m = &s->machine;
			switch (test_random(&random, 10)) {
			case 0:
				assert_true(lk_machine_pause(m, "p", s->text, sizeof s->text));
				break;
			case 1:
			case 2:
				lk_machine_resume(m, "p", s->text, sizeof s->text);
				break;
			case 3:
				if (test_random(&random, 8) == 0)
					lk_machine_abort(m, "p", s->text, sizeof s->text);
				break;
			case 4:
				if (test_random(&random, 8) == 0)
					backward |= lk_machine_rollback(m, "p", s->text,
									sizeof s->text);
				break;
			default:
				if (lk_machine_current(m) >= 0)
					for (int n = 0; n < 2; n++)
						answer(s, s->plan.steps[lk_machine_current(m)].name,
						       n ? "bob" : "alice");
			}
			if (at.kind == LK_ACTION_NONE) {
				enum lk_brake brake = m->brake;
				at = lk_machine_next(m, INT64_MAX);
				assert_true(at.kind == LK_ACTION_NONE || brake == LK_BRAKE_OFF);
				assert_true(at.kind != LK_ACTION_FORWARD || !backward);
				assert_true(at.kind != LK_ACTION_BACKWARD || backward);
				assert_false(backward && m->steps[DROP].state == LK_STEP_DONE);
			} else {
				assert_int_equal(lk_machine_next(m, INT64_MAX).kind,
						 LK_ACTION_NONE);
				enum lk_ending ending = (enum lk_ending)test_random(&random, 5);
				if (ending == LK_ENDED_WAITING &&
				    (at.step < 0 || s->plan.steps[at.step].gate != LK_GATE_NONE))
					ending = LK_ENDED_DONE;
				lk_machine_ended(m, at, ending, "x");
				if (ending == LK_ENDED_LOST)
					lk_machine_unreachable(m, false, "");
				at.kind = LK_ACTION_NONE;
			}
		}
		tear_down((void **)&s);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_a_plan_it_is_starting),
		TEST(nothing_moves_before_expand_is_confirmed),
		TEST(the_whole_plan_ends_done),
		TEST(a_gate_of_two_people_takes_two),
		TEST(a_check_opens_by_its_sql_alone),
		TEST(a_pause_stops_and_only_resume_goes_on),
		TEST(a_gate_cannot_be_answered_while_paused),
		TEST(an_error_stops_and_a_person_goes_on),
		TEST(a_run_that_cannot_be_recorded_never_began),
		TEST(rollback_takes_back_what_was_begun_in_reverse),
		TEST(a_gate_that_the_run_stood_at_asks_on_the_way_back),
		TEST(a_pause_on_the_way_back_keeps_its_direction),
		TEST(what_destroyed_data_cannot_be_taken_back),
		TEST(a_lost_connection_is_no_failure),
		TEST(a_run_out_of_the_journal_goes_on_where_it_was),
		TEST(an_abort_stops_and_can_be_resumed),
		cmocka_unit_test(any_order_of_wishes_keeps_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
