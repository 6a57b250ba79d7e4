/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console without a terminal: which keys do what, which questions stand in front of acts, what
 * is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/screen/fixture.h"
#include "ui/key/key.h"
#include "ui/model/actions.h"
#include "ui/model/format.h"
#include "ui/model/input.h"
#include "ui/model/layout.h"
#include "ui/model/run.h"

enum { MS = 1000 };

static const struct lk_console_options alice = {
	.socket = "somewhere", .user = "alice", .host = "bastion-1"};
static const struct lk_console_options bob = {
	.socket = "somewhere", .user = "bob", .host = "bastion-2"};

struct world {
	struct lk_model *model;
	struct lk_snapshot snapshot;
	int64_t now_us;
};

static void tick(struct world *w, int64_t us)
{
	w->now_us += us;
	lk_model_time(w->model, w->now_us, w->snapshot.taken + w->now_us / 1000);
}

static struct world *world_new(const struct lk_console_options *options,
			       void (*fill)(struct lk_snapshot *))
{
	struct world *w = lk_alloc(sizeof *w);

	w->model = lk_model_new(options);
	w->now_us = 1000 * 1000 * 1000;
	fill(&w->snapshot);
	tick(w, 0);
	lk_model_attached(w->model);
	lk_model_snapshot(w->model, &w->snapshot);
	return w;
}

static void world_free(struct world *w)
{
	lk_model_free(w->model);
	free(w);
}

static void press(struct world *w, uint32_t key)
{
	struct lk_input input = {.kind = LK_INPUT_KEY, .key = key, .at_us = w->now_us};

	lk_input_take(w->model, &input);
}

/* As a person: a fifth of a second between keys. */
static void type(struct world *w, const char *text)
{
	for (; *text; text++) {
		tick(w, 200 * MS);
		press(w, (unsigned char)*text);
	}
}

static int sent(const struct world *w, const char *verb)
{
	int count = 0;

	for (int i = 0; i < w->model->outbox_count; i++)
		count += !*verb || strcmp(w->model->outbox[i].verb, verb) == 0;
	return count;
}

static void keep_alive(struct world *w)
{
	lk_model_snapshot(w->model, &w->snapshot);
}

/* The keys that must never destroy: on every screen, in every state, they send nothing but pause.
 */
static void never_destructive_keys(void **state)
{
	static const uint32_t keys[] = {LK_KEY_ENTER,
					LK_KEY_ESC,
					LK_KEY_SPACE,
					'q',
					LK_KEY_TAB,
					LK_KEY_BACKTAB,
					LK_KEY_UP,
					LK_KEY_DOWN,
					LK_KEY_LEFT,
					LK_KEY_RIGHT,
					'h',
					'j',
					'k',
					'l',
					'g',
					'G',
					LK_KEY_PAGE_UP,
					LK_KEY_PAGE_DOWN,
					LK_KEY_HOME,
					LK_KEY_END,
					LK_KEY_BACKSPACE,
					LK_KEY_DELETE,
					'0',
					'1',
					'2',
					'3',
					'4',
					'5',
					'6',
					'7',
					'8',
					'9',
					'/',
					'n',
					'N',
					':',
					'?',
					'y',
					'r',
					's',
					'i',
					'f',
					'+',
					'-',
					'c',
					'C',
					'x',
					'd',
					'D',
					'K',
					'p',
					'P',
					LK_KEY_INSERT};
	static void (*const fills[])(struct lk_snapshot *) = {
		fixture_running, fixture_gate_contract, fixture_gate_release, fixture_paused,
		fixture_done};

	(void)state;
	for (size_t f = 0; f < LK_COUNT(fills); f++)
		for (uint32_t key = 1; key < 32 + LK_COUNT(keys) + 12; key++)
			for (int screen = 0; screen < LK_SCREENS; screen++) {
				struct world *w = world_new(&alice, fills[f]);
				uint32_t k = key < 32 ? key
					     : key < 32 + LK_COUNT(keys)
						     ? keys[key - 32]
						     : LK_KEY_F1 + (key - 32 - LK_COUNT(keys));

				lk_model_show(w->model, (enum lk_screen)screen);
				press(w, k);
				assert_int_equal(sent(w, ""), sent(w, "pause"));
				assert_int_equal(sent(w, "pause"),
						 k == LK_KEY_SPACE || k == LK_KEY_CTRL_C);
				world_free(w);
			}
}

/* No key's action may act on the database but toward safety. */
static void no_action_acts(void **state)
{
	(void)state;
	for (int action = 0; action < LK_ACTION_COUNT; action++) {
		enum lk_effect effect = lk_action_effect((enum lk_action)action);

		if (effect == LK_EFFECT_STOP)
			assert_true(action == LK_ACTION_PAUSE || action == LK_ACTION_PAUSE_CLOSE);
		if (action != LK_ACTION_NONE)
			assert_true(strlen(lk_action_help((enum lk_action)action)) > 3);
	}
}

static void pause_is_idempotent_and_open_to_observers(void **state)
{
	struct world *w = world_new(&bob, fixture_running);
	enum lk_role role;

	(void)state;
	press(w, LK_KEY_SPACE);
	assert_string_equal(lk_run_state(w->model, &role), "PAUSE SENT");
	press(w, LK_KEY_SPACE);
	press(w, LK_KEY_SPACE);
	assert_int_equal(sent(w, "pause"), 3);
	assert_int_equal(sent(w, ""), 3);
	press(w, 'r'); /* an observer cannot resume */
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	assert_non_null(strstr(w->model->message, "alice holds the operator's lease"));
	world_free(w);
}

static void pause_comes_in_steps(void **state)
{
	struct world *w = world_new(&alice, fixture_running);

	(void)state;
	press(w, LK_KEY_SPACE);
	assert_int_equal(lk_run_stop(w->model), LK_STOP_SENT);
	tick(w, 40 * MS);
	lk_model_reply(w->model, "pause", true, "");
	assert_int_equal(lk_run_stop(w->model), LK_STOP_ACCEPTED);
	assert_non_null(strstr(w->model->message, "40 ms"));
	tick(w, 1000 * MS);
	assert_int_equal(lk_run_stop(w->model), LK_STOP_NOT_CONFIRMED);
	assert_true(w->model->wants & LK_WANT_BELL);
	fixture_paused(&w->snapshot);
	lk_model_snapshot(w->model, &w->snapshot);
	assert_int_equal(lk_run_stop(w->model), LK_STOP_CONFIRMED);
	world_free(w);
}

static void a_lost_keeper_gets_the_pause_when_it_is_back(void **state)
{
	struct world *w = world_new(&alice, fixture_running);
	enum lk_role role;

	(void)state;
	lk_model_lost(w->model);
	assert_string_equal(lk_run_state(w->model, &role), "*LOST*");
	press(w, LK_KEY_SPACE);
	assert_int_equal(sent(w, "pause"), 0);
	assert_non_null(strstr(w->model->message, "not delivered"));
	lk_model_attached(w->model);
	assert_int_equal(sent(w, "pause"), 1);
	world_free(w);
}

static void resume_needs_its_letter(void **state)
{
	struct world *w = world_new(&alice, fixture_paused);

	(void)state;
	press(w, 'r');
	assert_int_equal(w->model->overlay, LK_OVERLAY_QUESTION);
	press(w, 'R'); /* in the first 400 ms: nothing */
	assert_int_equal(w->model->overlay, LK_OVERLAY_QUESTION);
	tick(w, 500 * MS);
	press(w, LK_KEY_SPACE); /* pauses, answers nothing */
	assert_int_equal(w->model->overlay, LK_OVERLAY_QUESTION);
	tick(w, 100 * MS);
	press(w, 'y');
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	assert_int_equal(sent(w, "resume"), 0);
	press(w, 'r');
	tick(w, 500 * MS);
	press(w, 'R');
	assert_int_equal(sent(w, "resume"), 1);
	world_free(w);
}

static void gates_ask_for_values_that_were_read(void **state)
{
	static const struct {
		void (*fill)(struct lk_snapshot *);
		const char *value, *gate;
		enum lk_tier tier;
	} cases[] = {
		{fixture_gate_expand, "expand 7c31", "expand", LK_TIER_VALUE},
		{fixture_gate_release, "release-42", "release-42", LK_TIER_VALUE},
		{fixture_gate_contract, "rename-username", "contract", LK_TIER_NAME},
	};

	(void)state;
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct world *w = world_new(&alice, cases[i].fill);

		press(w, 'g');
		assert_int_equal(w->model->overlay, LK_OVERLAY_QUESTION);
		assert_int_equal(w->model->question.tier, cases[i].tier);
		tick(w, 500 * MS);
		type(w, "yes");
		press(w, LK_KEY_ENTER);
		assert_int_equal(w->model->question.wrong, 1);
		assert_int_equal(sent(w, ""), 0);
		tick(w, 200 * MS);
		press(w, LK_KEY_CTRL_U);
		type(w, cases[i].value);
		assert_int_equal(sent(w, ""), 0);
		press(w, LK_KEY_ENTER);
		assert_int_equal(sent(w, "confirm"), 1);
		assert_string_equal(w->model->outbox[0].gate, cases[i].gate);
		world_free(w);
	}
}

static void questions_end_in_no(void **state)
{
	struct world *w = world_new(&alice, fixture_gate_release);

	(void)state;
	press(w, 'g');
	tick(w, 500 * MS);
	press(w, LK_KEY_ENTER); /* empty */
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	press(w, 'g');
	press(w, LK_KEY_ESC);
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	press(w, 'g');
	tick(w, 59 * 1000 * MS);
	keep_alive(w);
	assert_int_equal(w->model->overlay, LK_OVERLAY_QUESTION);
	tick(w, 2 * 1000 * MS);
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	assert_int_equal(sent(w, ""), 0);
	world_free(w);
}

static void pasted_and_repeated_keys_do_nothing(void **state)
{
	struct world *w = world_new(&alice, fixture_gate_release);
	struct lk_input paste = {
		.kind = LK_INPUT_PASTE, .bytes = "release-42\r", .length = 11, .pasted = 11};

	(void)state;
	lk_input_take(w->model, &paste);
	assert_non_null(strstr(w->model->message, "paste ignored (11 bytes)"));
	press(w, 'g');
	tick(w, 500 * MS);
	paste.at_us = w->now_us;
	lk_input_take(w->model, &paste);
	assert_int_equal(w->model->question.pasted, 1);
	assert_string_equal(w->model->question.typed, "");
	for (const char *c = "release-42\r"; *c; c++)
		press(w, (unsigned char)*c); /* all at one instant: a paste without brackets */
	assert_int_equal(sent(w, ""), 0);
	tick(w, 200 * MS);
	press(w, LK_KEY_CTRL_U);
	tick(w, 200 * MS);
	press(w, 'x');
	tick(w, 40 * MS);
	press(w, 'x');
	assert_int_equal(w->model->question.repeated, 1);
	assert_string_equal(w->model->question.typed, "x");
	tick(w, 200 * MS);
	press(w, LK_KEY_CTRL_U);
	tick(w, 200 * MS);
	press(w, LK_KEY_ENTER);
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	assert_non_null(strstr(w->model->message,
			       "no, for pasted text is no answer: type it. Nothing was done"));
	world_free(w);
}

static void a_question_loses_its_ground(void **state)
{
	struct world *w = world_new(&alice, fixture_gate_release);

	(void)state;
	press(w, 'g');
	fixture_gate_contract(&w->snapshot);
	lk_model_snapshot(w->model, &w->snapshot);
	tick(w, 100 * MS);
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	assert_non_null(strstr(w->model->message, "another gate waits"));
	world_free(w);
}

/*
 * A hundred thousand random keys with random gaps. The oracle: whatever was sent, but pause, must
 * come with the whole script of its tier typed into a question that was open long enough. The
 * letters of tier 1 are few, so some get through rightly; each is checked.
 */
static void a_storm_of_keys(void **state)
{
	static void (*const fills[])(struct lk_snapshot *) = {
		fixture_running, fixture_gate_contract, fixture_gate_release, fixture_paused};
	unsigned seed = 42;
	int letters = 0;

	(void)state;
	for (size_t f = 0; f < LK_COUNT(fills); f++) {
		struct world *w = world_new(&alice, fills[f]);

		for (int i = 0; i < 25000; i++) {
			bool open;
			int64_t opened, tier;
			uint32_t key;

			seed = seed * 1103515245u + 12345;
			key = seed >> 16 & 0x7f;
			tick(w, (seed >> 8) % 200 * MS);
			keep_alive(w);
			open = w->model->overlay == LK_OVERLAY_QUESTION;
			opened = w->model->question.opened_us;
			tier = w->model->question.tier;
			press(w, key);
			if (sent(w, "") > sent(w, "pause")) {
				assert_true(open);
				assert_int_equal(tier, LK_TIER_LETTER);
				assert_true(w->now_us - opened >= 400 * MS);
				assert_true(key == 'R' || key == 'S' || key == 'A' || key == 'G');
				letters++;
			}
			w->model->outbox_count = 0;
			w->model->wants = 0;
		}
		world_free(w);
	}
	/* the storm must have come as far as that, else it proves nothing */
	assert_true(letters > 0);
}

static void leases_decide_who_acts(void **state)
{
	struct lk_console_options watch = alice;
	struct world *w;
	char reason[256];

	(void)state;
	watch.watch = true;
	w = world_new(&watch, fixture_paused);
	assert_false(lk_act_allowed(w->model, LK_ACT_RESUME, reason, sizeof reason));
	assert_false(lk_act_allowed(w->model, LK_ACT_TAKE, reason, sizeof reason));
	world_free(w);
	w = world_new(&bob, fixture_paused);
	assert_false(lk_act_allowed(w->model, LK_ACT_ROLLBACK, reason, sizeof reason));
	press(w, 't');
	tick(w, 500 * MS);
	press(w, 'T');
	assert_int_equal(sent(w, "lease"), 1);
	assert_true(w->model->outbox[0].take);
	world_free(w);
	/* the second of two people need not hold the lease */
	w = world_new(&bob, fixture_gate_contract);
	assert_true(lk_act_allowed(w->model, LK_ACT_GATE, reason, sizeof reason));
	world_free(w);
}

static void acts_without_sense_are_off_and_say_why(void **state)
{
	static const struct {
		void (*fill)(struct lk_snapshot *);
		const char *allowed; /* g gate, r resume, s slow, b roll back, a abort */
	} cases[] = {
		{fixture_running, "sba"},      {fixture_paused, "rsba"},
		{fixture_done, "b"},	       {fixture_gate_expand, "ga"},
		{fixture_gate_release, "gba"}, {fixture_gate_contract, "gba"},
	};
	static const char letters[] = "grsba";

	(void)state;
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct world *w = world_new(&alice, cases[i].fill);

		for (int act = 0; letters[act]; act++) {
			char reason[256];
			bool allowed =
				lk_act_allowed(w->model, (enum lk_act)act, reason, sizeof reason);

			assert_int_equal(allowed, strchr(cases[i].allowed, letters[act]) != NULL);
			assert_int_equal(allowed, reason[0] == '\0');
		}
		world_free(w);
	}
}

static void rollback_wants_the_code(void **state)
{
	struct world *w = world_new(&alice, fixture_paused);

	(void)state;
	lk_act_open(w->model, LK_ACT_ROLLBACK);
	tick(w, 500 * MS);
	type(w, "rollback");
	press(w, LK_KEY_ENTER);
	assert_int_equal(sent(w, ""), 0);
	type(w, " 7c31");
	press(w, LK_KEY_ENTER);
	assert_int_equal(sent(w, "rollback"), 1);
	world_free(w);
}

static void the_end_is_clean_only_by_the_figures(void **state)
{
	struct lk_snapshot s;

	(void)state;
	fixture_done(&s);
	assert_true(lk_run_clean(&s));
	s.result.rows_different = 1;
	assert_false(lk_run_clean(&s));
	fixture_done(&s);
	s.application.errors = 1;
	assert_false(lk_run_clean(&s));
	fixture_done(&s);
	s.application.known = false;
	assert_false(lk_run_clean(&s));
	fixture_done(&s);
	s.result.known = false;
	assert_false(lk_run_clean(&s));
}

static void selections_stay_on_their_rows(void **state)
{
	struct lk_list list = {0};
	const int64_t before[] = {10, 20, 30, 40}, after[] = {5, 10, 40, 30}, gone[] = {5, 10};

	(void)state;
	lk_list_sync(&list, before, 4);
	lk_list_move(&list, 2, before, 4);
	assert_int_equal(list.key, 30);
	lk_list_sync(&list, after, 4);
	assert_int_equal(list.index, 3);
	lk_list_sync(&list, gone, 2);
	assert_int_equal(list.index, 1);
	assert_int_equal(list.key, 10);
	lk_list_sync(&list, NULL, 0);
	assert_int_equal(lk_list_window(&list, 5), 0);
	list = (struct lk_list){.index = 50, .count = 100};
	assert_int_equal(lk_list_window(&list, 10), 41);
}

static void rows_are_shared_by_rank(void **state)
{
	struct lk_slot slots[] = {{1, 0, 1, 1, 0, 0}, {4, 1, 8, 2, 0, 0}, {3, 0, 100, 3, 0, 0}};

	(void)state;
	lk_layout_solve(slots, 3, 20);
	assert_int_equal(slots[0].rows + slots[1].rows + slots[2].rows, 20);
	assert_int_equal(slots[1].rows, 8);
	lk_layout_solve(slots, 3, 3);
	assert_int_equal(slots[1].rows, 2); /* folded, then grown by the row that was left */
	assert_int_equal(slots[2].rows, 0);
	for (int rows = 0; rows < 60; rows++) {
		lk_layout_solve(slots, 3, rows);
		assert_true(slots[0].rows + slots[1].rows + slots[2].rows <= rows);
	}
}

static void numbers_read_the_same_everywhere(void **state)
{
	char text[LK_SHORT];

	(void)state;
	assert_string_equal(lk_show_number(0, text), "0");
	assert_string_equal(lk_show_number(12004118, text), "12,004,118");
	assert_string_equal(lk_show_number(INT64_MIN, text), "-9,223,372,036,854,775,808");
	assert_string_equal(lk_show_age(-1, text), "----");
	assert_string_equal(lk_show_age(999, text), "<1s");
	assert_string_equal(lk_show_age(2690, text), "2.6s");
	assert_string_equal(lk_show_age(59999, text), "59s");
	assert_string_equal(lk_show_age(842000, text), "14m02s");
	assert_string_equal(lk_show_age(1e300, text), "11574074d01h");
	assert_string_equal(lk_show_time(0.43, text), "0.4 ms");
	assert_string_equal(lk_show_time(12345, text), "12.3 s");
	assert_string_equal(lk_show_clock(1795356451204, text), "14:07:31Z");
	assert_string_equal(lk_show_span(192000, text), "00:03:12");
}

static void events_are_shown_once(void **state)
{
	struct world *w = world_new(&alice, fixture_running);

	(void)state;
	for (int i = 1; i <= 1000; i++) {
		struct lk_event event = fixture_event(i, "note", "x");

		lk_model_event(w->model, &event);
		lk_model_event(w->model, &event); /* again, as after attaching anew */
	}
	assert_int_equal(w->model->log_count, LK_LOG_LINES);
	assert_int_equal(lk_model_last_event(w->model), 1000);
	assert_int_equal(lk_model_log(w->model, 0)->number, 1000 - LK_LOG_LINES + 1);
	world_free(w);
}

static void commands_obey_the_tiers(void **state)
{
	struct world *w = world_new(&alice, fixture_gate_release);

	(void)state;
	lk_input_command(w->model, "  pause");
	assert_int_equal(sent(w, "pause"), 1);
	lk_input_command(w->model, "confirm release-41");
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	lk_input_command(w->model, "confirm release-42");
	assert_int_equal(w->model->overlay, LK_OVERLAY_QUESTION);
	lk_act_line(w->model, "yes");
	assert_int_equal(w->model->overlay, LK_OVERLAY_NONE);
	lk_input_command(w->model, "note all quiet");
	assert_int_equal(sent(w, "note"), 1);
	lk_input_command(w->model, "frobnicate");
	assert_non_null(strstr(w->model->message, "no command"));
	assert_int_equal(sent(w, ""), 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_destructive_keys),
		cmocka_unit_test(no_action_acts),
		cmocka_unit_test(pause_is_idempotent_and_open_to_observers),
		cmocka_unit_test(pause_comes_in_steps),
		cmocka_unit_test(a_lost_keeper_gets_the_pause_when_it_is_back),
		cmocka_unit_test(resume_needs_its_letter),
		cmocka_unit_test(gates_ask_for_values_that_were_read),
		cmocka_unit_test(questions_end_in_no),
		cmocka_unit_test(pasted_and_repeated_keys_do_nothing),
		cmocka_unit_test(a_question_loses_its_ground),
		cmocka_unit_test(a_storm_of_keys),
		cmocka_unit_test(leases_decide_who_acts),
		cmocka_unit_test(acts_without_sense_are_off_and_say_why),
		cmocka_unit_test(rollback_wants_the_code),
		cmocka_unit_test(the_end_is_clean_only_by_the_figures),
		cmocka_unit_test(selections_stay_on_their_rows),
		cmocka_unit_test(rows_are_shared_by_rank),
		cmocka_unit_test(numbers_read_the_same_everywhere),
		cmocka_unit_test(events_are_shown_once),
		cmocka_unit_test(commands_obey_the_tiers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
