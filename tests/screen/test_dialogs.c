/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that stop, questions that stand before everything else, and a keeper that goes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "tests/screen/fixture.h"
#include "tests/screen/harness.h"

static const struct screen_options standard = {.rows = 24, .columns = 80};

struct session {
	struct keeper *keeper;
	struct screen *screen;
};

static struct session begin(void (*fill)(struct lk_snapshot *),
			    const struct screen_options *options)
{
	struct session s = {.keeper = keeper_start()};

	fill(&s.keeper->snapshot);
	s.screen = screen_start(s.keeper, options);
	assert_true(screen_wait(s.screen, "rename-username"));
	return s;
}

static void end(struct session *s)
{
	assert_false(screen_stop(s->screen));
	keeper_stop(s->keeper);
}

static void keys(struct session *s, const char *text)
{
	screen_keys(s->screen, text, strlen(text));
}

static void space_pauses_everywhere(void **state)
{
	/* each screen, help, menu, the question of a letter; the lone Esc closes what is open */
	static const char *const places[] = {"1", "2",	  "3", "4",    "5",
					     "?", "\033", "a", "\033", "r"};
	struct session s = begin(fixture_paused, &standard);
	int count = 0;

	(void)state;
	for (size_t i = 0; i < LK_COUNT(places); i++) {
		keys(&s, places[i]);
		screen_settle(s.screen);
		keys(&s, " ");
		assert_true(screen_wait_requests(s.screen, "pause", ++count));
	}
	assert_int_equal(keeper_count(s.keeper, ""), count);
	end(&s);
}

static void a_pause_is_shown_step_by_step(void **state)
{
	struct session s = begin(fixture_running, &standard);
	int64_t pressed;

	(void)state;
	screen_keys(s.screen, "2", 1);
	assert_true(screen_wait(s.screen, "LOCKS"));
	screen_settle(s.screen);
	s.keeper->hold = true; /* as if the keeper were stopped */
	pressed = lk_clock_us();
	keys(&s, " ");
	assert_true(screen_wait(s.screen, "PAUSE SENT"));
	print_message("PAUSE SENT %.1f ms after the key\n",
		      (double)(lk_clock_us() - pressed) / 1e3);
	s.keeper->hold = false;
	assert_true(screen_wait(s.screen, "PAUSE acknowledged"));
	assert_true(screen_wait(s.screen, "NOT CONFIRMED"));
	assert_true(screen_has(s.screen, "not known yet"));
	fixture_paused(&s.keeper->snapshot);
	keeper_send(s.keeper);
	assert_true(screen_wait(s.screen, "STOP CONFIRMED"));
	assert_true(screen_has(s.screen, "open transactions of ours: 0    locks held by us: 0"));
	assert_true(screen_has(s.screen, "*PAUSED*"));
	keys(&s, "     "); /* five more never resume */
	assert_true(screen_wait_requests(s.screen, "pause", 6));
	assert_int_equal(keeper_count(s.keeper, ""), 6);
	end(&s);
}

static void a_gate_opens_by_its_value(void **state)
{
	struct session s = begin(fixture_gate_expand, &standard);
	const json_t *request;

	(void)state;
	keys(&s, "g");
	assert_true(screen_wait(s.screen, "Type  expand 7c31  then Enter: _"));
	assert_true(screen_has(s.screen, "runs    add users.user_handle"));
	screen_type(s.screen, "expand 7c3");
	keys(&s, "\r");
	assert_true(screen_wait(s.screen, "That is not the value"));
	keys(&s, "1");
	assert_true(screen_wait(s.screen, "expand 7c31_"));
	assert_int_equal(keeper_count(s.keeper, ""), 0);
	keys(&s, "\r");
	assert_true(screen_wait_requests(s.screen, "confirm", 1));
	request = keeper_last(s.keeper);
	assert_string_equal(json_string_value(json_object_get(request, "gate")), "expand");
	assert_string_equal(json_string_value(json_object_get(request, "answer")), "yes");
	assert_string_equal(json_string_value(json_object_get(request, "who")), "alice");
	assert_true(screen_wait(s.screen, "confirm accepted: so be it"));
	end(&s);
}

static void contract_wants_the_plans_name(void **state)
{
	struct session s = begin(fixture_gate_contract, &standard);

	(void)state;
	keys(&s, "g");
	assert_true(screen_wait(s.screen, "CANNOT BE UNDONE"));
	assert_true(screen_wait(s.screen, "Type  rename-username  then Enter: _"));
	keys(&s, "\r");
	assert_true(screen_wait(s.screen, "Nothing was done"));
	keys(&s, "g");
	assert_true(screen_wait(s.screen, "then Enter: _"));
	screen_type(s.screen, "rename-username");
	keys(&s, "\r");
	assert_true(screen_wait_requests(s.screen, "confirm", 1));
	end(&s);
}

static void resume_and_rollback(void **state)
{
	struct session s = begin(fixture_paused, &standard);

	(void)state;
	keys(&s, "r");
	assert_true(screen_wait(s.screen, "Press R: resume. Any other key: no. _"));
	keys(&s, "x");
	assert_true(screen_wait(s.screen, "resume: no"));
	assert_int_equal(keeper_count(s.keeper, ""), 0);
	s.keeper->refuse = "the database does not answer";
	keys(&s, "r");
	assert_true(screen_wait(s.screen, "no. _"));
	keys(&s, "R");
	assert_true(screen_wait_requests(s.screen, "resume", 1));
	assert_true(screen_wait(s.screen, "resume REFUSED: the database does not answer"));
	s.keeper->refuse = NULL;
	keys(&s, ":");
	assert_true(screen_wait(s.screen, ":"));
	screen_settle(s.screen);
	keys(&s, "rollb\t"); /* Tab completes */
	screen_settle(s.screen);
	keys(&s, "\r");
	assert_true(screen_wait(s.screen, "Type  rollback 7c31  then Enter: _"));
	screen_type(s.screen, "rollback 7c31");
	keys(&s, "\r");
	assert_true(screen_wait_requests(s.screen, "rollback", 1));
	end(&s);
}

static void nothing_pasted_acts(void **state)
{
	static const char paste[] =
		"\033[200~r R a g expand 7c31\rrollback 7c31\r\x03 q d\033[201~";
	struct session s = begin(fixture_gate_expand, &standard);

	(void)state;
	screen_keys(s.screen, paste, sizeof paste - 1);
	assert_true(screen_wait(s.screen, "paste ignored"));
	keys(&s, "g");
	assert_true(screen_wait(s.screen, "then Enter: _"));
	screen_keys(s.screen, paste, sizeof paste - 1);
	assert_true(screen_wait(s.screen, "Pasted text is not accepted here"));
	/* the same without brackets, as an old terminal sends it */
	screen_keys(s.screen, "expand 7c31\r", 12);
	screen_settle(s.screen);
	assert_int_equal(keeper_count(s.keeper, ""), 0);
	end(&s);
}

static void a_paste_into_a_field_is_text(void **state)
{
	struct session s = begin(fixture_running, &standard);

	(void)state;
	keys(&s, "n");
	assert_true(screen_wait(s.screen, "note:"));
	keys(&s, "\033[200~two\nlines \033]0;x\007\033[201~");
	assert_true(screen_wait(s.screen, "note: two lines ^[]0;x^G"));
	assert_int_equal(keeper_count(s.keeper, ""), 0);
	keys(&s, " end\r"); /* a space in a field is text */
	assert_true(screen_wait_requests(s.screen, "note", 1));
	assert_string_equal(json_string_value(json_object_get(keeper_last(s.keeper), "text")),
			    "two lines ^[]0;x^G end");
	assert_int_equal(keeper_count(s.keeper, "pause"), 0);
	keys(&s, ":");
	screen_settle(s.screen);
	keys(&s, "abc\x03"); /* Ctrl-C pauses there too, and closes */
	assert_true(screen_wait_requests(s.screen, "pause", 1));
	assert_true(screen_wait(s.screen, "Space PAUSE"));
	end(&s);
}

static void history_keeps_commands_and_nothing_else(void **state)
{
	struct session s = begin(fixture_running, &standard);
	char *path = lk_format("%s/lockkeeper/console_history", s.keeper->folder), *text;
	struct lk_error error;
	struct stat info;

	(void)state;
	keys(&s, ":");
	screen_settle(s.screen);
	keys(&s, "help\r");
	assert_true(screen_wait(s.screen, "HELP"));
	keys(&s, "q:");
	screen_settle(s.screen);
	keys(&s, " live\r"); /* a leading blank: not to be kept */
	screen_settle(s.screen);
	keys(&s, "n");
	screen_settle(s.screen);
	keys(&s, "secret\r");
	assert_true(screen_wait_requests(s.screen, "note", 1));
	keys(&s, "q");
	assert_true(screen_wait(s.screen, "no. _"));
	keys(&s, "d");
	while (!s.screen->ended)
		screen_pump(s.screen, 10);
	text = lk_path_read(path, 10000, NULL, &error);
	assert_non_null(text);
	assert_string_equal(text, "help\n");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	free(text);
	free(path);
	end(&s);
}

static void ctrl_c_pauses_and_asks(void **state)
{
	struct session s = begin(fixture_running, &standard);

	(void)state;
	keys(&s, "\x03");
	assert_true(screen_wait_requests(s.screen, "pause", 1));
	assert_true(screen_wait(s.screen, "Leave this console?"));
	keys(&s, "\x03");
	assert_true(screen_wait_requests(s.screen, "pause", 2));
	assert_true(screen_wait_gone(s.screen, "Leave this console?"));
	assert_false(s.screen->ended);
	end(&s);
}

static void detaching_says_how_to_come_back(void **state)
{
	struct session s = begin(fixture_running, &standard);

	(void)state;
	keys(&s, "q");
	assert_true(screen_wait(s.screen, "Press d: detach"));
	assert_true(screen_wait(s.screen, "no. _"));
	keys(&s, "d");
	while (!s.screen->ended)
		screen_pump(s.screen, 10);
	assert_int_equal(s.screen->status, 0);
	assert_non_null(memmem(s.screen->raw, s.screen->raw_length,
			       "lockkeeper attach rename-username", 33));
	assert_int_equal(keeper_count(s.keeper, ""), 0);
	end(&s);
}

static void observers_look_and_may_pause(void **state)
{
	struct screen_options options = {.rows = 24, .columns = 80, .arguments = {"--user=bob"}};
	struct session s = begin(fixture_paused, &options);

	(void)state;
	assert_true(screen_wait(s.screen, "OBSERVE (oper alice)"));
	keys(&s, "r");
	assert_true(screen_wait(s.screen, "resume is off: alice holds the operator's lease"));
	keys(&s, " ");
	assert_true(screen_wait_requests(s.screen, "pause", 1));
	keys(&s, "t");
	assert_true(screen_wait(s.screen, "Press T: take the lease. Any other key: no. _"));
	keys(&s, "T");
	assert_true(screen_wait_requests(s.screen, "lease", 1));
	assert_true(json_is_true(json_object_get(keeper_last(s.keeper), "take")));
	end(&s);
}

static void a_keeper_that_vanishes_is_said_and_found_again(void **state)
{
	struct session s = begin(fixture_running, &standard);

	(void)state;
	assert_true(screen_wait(s.screen, "THROTTLED"));
	keeper_vanish(s.keeper);
	assert_true(screen_wait(s.screen, "*LOST*"));
	assert_true(screen_has(s.screen, "7,371,204")); /* the last figures stay */
	keys(&s, " ");
	assert_true(screen_wait(s.screen, "not delivered"));
	keeper_return(s.keeper);
	assert_true(screen_wait_requests(s.screen, "pause", 1));
	assert_true(screen_wait_gone(s.screen, "*LOST*"));
	assert_int_equal(s.keeper->attach_count, 2);
	end(&s);
}

static void lines_instead_of_a_screen(void **state)
{
	struct screen_options options = {
		.rows = 200, .columns = 200, .term = "dumb"}; /* linear without being asked */
	struct session s = begin(fixture_gate_release, &options);

	(void)state;
	assert_true(screen_wait(s.screen, "state HOLD, OPER alice"));
	keys(&s, "steps\n");
	assert_true(screen_wait(s.screen, "SQL: ALTER TABLE users ADD COLUMN user_handle text;"));
	keys(&s, "confirm release-42\n");
	assert_true(screen_wait(s.screen, "? Type \"release-42\" and Enter; anything else is no."));
	keys(&s, "yes\n");
	assert_true(screen_wait(s.screen, "Nothing was done"));
	assert_int_equal(keeper_count(s.keeper, ""), 0);
	keys(&s, "confirm release-42\n");
	screen_settle(s.screen);
	keys(&s, "release-42\n");
	assert_true(screen_wait_requests(s.screen, "confirm", 1));
	keys(&s, "pause\n");
	assert_true(screen_wait_requests(s.screen, "pause", 1));
	fixture_paused(&s.keeper->snapshot);
	assert_true(screen_wait(s.screen, "STOP CONFIRMED: open transactions of ours 0, locks 0"));
	keys(&s, "quit\n");
	while (!s.screen->ended)
		screen_pump(s.screen, 10);
	assert_int_equal(s.screen->status, 0);
	assert_null(memchr(s.screen->raw, '\033', s.screen->raw_length));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(space_pauses_everywhere),
		cmocka_unit_test(a_pause_is_shown_step_by_step),
		cmocka_unit_test(a_gate_opens_by_its_value),
		cmocka_unit_test(contract_wants_the_plans_name),
		cmocka_unit_test(resume_and_rollback),
		cmocka_unit_test(nothing_pasted_acts),
		cmocka_unit_test(a_paste_into_a_field_is_text),
		cmocka_unit_test(history_keeps_commands_and_nothing_else),
		cmocka_unit_test(ctrl_c_pauses_and_asks),
		cmocka_unit_test(detaching_says_how_to_come_back),
		cmocka_unit_test(observers_look_and_may_pause),
		cmocka_unit_test(a_keeper_that_vanishes_is_said_and_found_again),
		cmocka_unit_test(lines_instead_of_a_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
