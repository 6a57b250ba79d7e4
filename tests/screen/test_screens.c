/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console in a terminal: what its screens show, at which size, with which characters, at what
 * cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/screen/fixture.h"
#include "tests/screen/harness.h"

static struct screen *start(struct keeper *keeper, int rows, int columns)
{
	struct screen_options options = {.rows = rows, .columns = columns};

	return screen_start(keeper, &options);
}

static void end(struct screen *screen, struct keeper *keeper)
{
	assert_false(screen_stop(screen));
	keeper_stop(keeper);
}

static void each_screen_at_each_size(void **state)
{
	static const struct {
		const char *key, *word, *narrow;
	} screens[] = {
		{"1", "PLANS", "PLANS"},    {"2", "LOCKS", "r/s"},
		{"3", "SESSIONS", "LOCKS"}, {"4", "backfill-2", "STEPS"},
		{"5", "LOG", "LOG"},	    {"?", "PAUSE the work", "Space"},
		{"\033", "LOG", "LOG"},	    {"a", "roll back", "answer gate"},
	};
	static const int sizes[][2] = {{24, 80}, {8, 40}, {50, 200}};

	(void)state;
	for (size_t i = 0; i < LK_COUNT(sizes); i++) {
		struct keeper *keeper = keeper_start();
		struct screen *screen;

		fixture_running(&keeper->snapshot);
		screen = start(keeper, sizes[i][0], sizes[i][1]);
		assert_true(screen_wait(screen, "THROTTLED"));
		for (size_t k = 0; k < LK_COUNT(screens); k++) {
			screen_keys(screen, screens[k].key, 1);
			screen_settle(screen); /* an Esc and a letter together would be Alt */
			assert_true(screen_wait(screen, sizes[i][0] < 24 ? screens[k].narrow
									 : screens[k].word));
			assert_true(screen_has(screen, "THROTTLED"));
		}
		assert_int_equal(keeper_count(keeper, ""), 0);
		end(screen, keeper);
	}
}

static void a_paint_is_quick_and_small(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen *screen;
	int64_t attached;
	long first, frames = 0, worst = 0;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = start(keeper, 24, 80);
	while (keeper->attach_count == 0)
		screen_pump(screen, 1);
	attached = lk_clock_us();
	assert_true(screen_wait(screen, "THROTTLED"));
	/* the bound is for a machine that does other things too; it is far under it when it does
	 * not */
	print_message("first paint %.1f ms after the attach\n",
		      (double)(lk_clock_us() - attached) / 1e3);
	assert_true(lk_clock_us() - attached < 500 * 1000);
	screen_settle(screen);
	assert_true(screen->bytes <= 4000);
	first = screen->bytes;
	for (int second = 0; second < 6; second++) {
		long before = screen->bytes;
		int64_t until = lk_clock_us() + 1000 * 1000;

		/* a keeper's ordinary second: figures change, the sparkline moves */
		keeper->snapshot.taken += 1000;
		keeper->snapshot.backfill.rows_done += 4812 + second * 7;
		keeper->snapshot.backfill.rows_per_s += second % 2 ? 113 : -91;
		keeper->snapshot.replicas[1].lag_ms += 100;
		keeper->snapshot.server_load.active += second % 3 - 1;
		keeper->snapshot.application.transactions += 301;
		for (int i = 0; i + 1 < LK_HISTORY; i++)
			keeper->snapshot.backfill.history[i] =
				keeper->snapshot.backfill.history[i + 1];
		keeper_send(keeper);
		while (lk_clock_us() < until)
			screen_pump(screen, 10);
		frames++;
		worst = screen->bytes - before > worst ? screen->bytes - before : worst;
	}
	print_message("%ld bytes a frame, at most %ld\n", (screen->bytes - first) / frames, worst);
	assert_true((screen->bytes - first) / frames <= 600);
	assert_true(worst <= 1000);
	end(screen, keeper);
}

static void a_repaint_changes_nothing(void **state)
{
	static const char *const scripts[] = {"2",    "3jjj", "4jj\r", "\033", "5", "?jj",
					      "\033", "a",    "\033",  "1",    "2"};
	struct keeper *keeper = keeper_start();
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = start(keeper, 24, 80);
	assert_true(screen_wait(screen, "THROTTLED"));
	for (size_t i = 0; i < LK_COUNT(scripts); i++) {
		char *before, *after;
		int tries = 0;

		screen_keys(screen, scripts[i], strlen(scripts[i]));
		do {
			/* a clock may tick between the two pictures; then both are taken again */
			screen_settle(screen);
			before = screen_text(screen);
			screen_keys(screen, "\f", 1);
			screen_settle(screen);
			after = screen_text(screen);
			if (strcmp(before, after) == 0)
				break;
			free(before);
			free(after);
			before = after = NULL;
		} while (++tries < 5);
		if (!before)
			fail_msg("after \"%s\" a repaint differs", scripts[i]);
		free(before);
		free(after);
	}
	end(screen, keeper);
}

/* What the screen says must not depend on colour: the rows without ages and clocks are the same. */
static char *fixed_rows(struct keeper *keeper, const struct screen_options *options)
{
	struct screen *screen = screen_start(keeper, options);
	char *text;

	assert_true(screen_wait(screen, "MIGRATE 5/8"));
	screen_keys(screen, "4", 1);
	assert_true(screen_wait(screen, "STEPS"));
	screen_settle(screen);
	text = lk_strdup("");
	for (int row = 3; row < options->rows - 2; row++) {
		char *more = lk_format("%s%s\n", text, screen_row(screen, row));

		free(text);
		text = more;
	}
	assert_false(screen_stop(screen));
	return text;
}

static void colour_says_nothing_alone(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen_options options = {.rows = 24, .columns = 80};
	char *colour, *other;

	(void)state;
	fixture_running(&keeper->snapshot);
	colour = fixed_rows(keeper, &options);
	options.no_color = "1";
	other = fixed_rows(keeper, &options);
	assert_string_equal(colour, other);
	free(other);
	options.no_color = NULL;
	options.term = "vt100";
	other = fixed_rows(keeper, &options);
	assert_string_equal(colour, other);
	free(other);
	options.term = "xterm-kitty-unheard-of"; /* drawn by the ladder of descriptions */
	other = fixed_rows(keeper, &options);
	assert_string_equal(colour, other);
	free(other);
	free(colour);
	keeper_stop(keeper);
}

static void no_color_sends_no_colour(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen_options options = {.rows = 24, .columns = 80, .no_color = "1"};
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = screen_start(keeper, &options);
	assert_true(screen_wait(screen, "THROTTLED"));
	screen_settle(screen);
	assert_null(memmem(screen->raw, screen->raw_length, "\033[31m", 5));
	assert_null(memmem(screen->raw, screen->raw_length, "\033[36m", 5));
	end(screen, keeper);
}

static void outside_utf8_all_is_ascii(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen_options options = {.rows = 24, .columns = 80, .locale = "C"};
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	LK_COPY(keeper->snapshot.alerts[0].text, "caf\303\251 \346\227\245");
	screen = screen_start(keeper, &options);
	assert_true(screen_wait(screen, "caf? ??"));
	screen_settle(screen);
	for (size_t i = 0; i < screen->raw_length; i++)
		assert_true((unsigned char)screen->raw[i] < 0x80);
	end(screen, keeper);
	keeper = keeper_start();
	fixture_running(&keeper->snapshot);
	LK_COPY(keeper->snapshot.alerts[0].text, "caf\303\251 \346\227\245");
	options.locale = "C.UTF-8";
	screen = screen_start(keeper, &options);
	assert_true(screen_wait(screen, "caf\303\251 \346\227\245"));
	end(screen, keeper);
}

static void hostile_text_does_not_draw(void **state)
{
	static const char *const payloads[] = {"\033]0;owned\007x",
					       "\033[2J\033[H*FAKE*",
					       "\033]52;c;b3duZWQ=\007",
					       "\r\n\b\b\tx",
					       "\302\2332J",
					       "\342\200\256x\342\200\213",
					       "\033P$qm\033\\",
					       "\377\376",
					       "\033[6n\033[c\033[>q"};
	struct keeper *keeper = keeper_start();
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = start(keeper, 24, 80);
	assert_true(screen_wait(screen, "THROTTLED"));
	for (size_t i = 0; i < LK_COUNT(payloads); i++) {
		char tag[16];

		fixture_hostile(&keeper->snapshot, payloads[i]);
		/* the server's name shows that this very snapshot has been drawn */
		snprintf(tag, sizeof tag, "alarm-%zu", i);
		LK_COPY(keeper->snapshot.alerts[1].text, tag);
		LK_COPY(keeper->snapshot.alerts[1].level, "WARN");
		keeper->snapshot.alerts_count = 1;
		keeper->snapshot.alerts[0] = keeper->snapshot.alerts[1];
		keeper_send(keeper);
		for (const char *key = "12345"; *key; key++) {
			screen_keys(screen, key, 1);
			screen_settle(screen);
			assert_true(strncmp(screen_row(screen, 0), "PROD rename-username", 20) ==
				    0);
			assert_non_null(strstr(screen_row(screen, 23), "Space PAUSE"));
		}
		screen_keys(screen, "2", 1);
		assert_true(screen_wait(screen, tag));
	}
	assert_false(screen->title_set);
	assert_null(memmem(screen->raw, screen->raw_length, "\033]", 2));
	assert_null(memmem(screen->raw, screen->raw_length, "\033[6n", 4));
	assert_null(memmem(screen->raw, screen->raw_length, "\033[2J\033[H*", 8));
	end(screen, keeper);
}

static void plans_open_and_attach(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen_options options = {.rows = 24, .columns = 80, .arguments = {"--plans"}};
	struct screen *screen;

	(void)state;
	fixture_gate_expand(&keeper->snapshot);
	screen = screen_start(keeper, &options);
	assert_true(screen_wait(screen, "PLANS  3"));
	screen_keys(screen, "\r", 1); /* the unreadable one says why */
	assert_true(screen_wait(screen, "plans/broken.yaml: line 3"));
	screen_keys(screen, "jj\r", 3);
	assert_true(screen_wait(screen, "refused by the test"));
	screen_keys(screen, "k\r", 2);
	assert_true(screen_wait(screen, "EXPAND *gate:expand*"));
	/* nothing was changed yet: the steps are what one wants to read */
	assert_true(screen_wait(screen, "STEPS  0 of 8 done"));
	assert_int_equal(keeper_count(keeper, ""), 0);
	end(screen, keeper);
}

static void the_log_scrolls_and_filters(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = start(keeper, 24, 80);
	assert_true(screen_wait(screen, "THROTTLED"));
	for (int i = 1; i <= 60; i++) {
		char text[40];
		struct lk_event event;

		snprintf(text, sizeof text, "%s line %d.", i % 10 ? "plain" : "TENTH", i);
		event = fixture_event(i, "note", text);
		keeper_event(keeper, &event);
	}
	screen_keys(screen, "5", 1);
	assert_true(screen_wait(screen, "line 60."));
	screen_keys(screen, "\033[H", 3); /* Home */
	assert_true(screen_wait(screen, "line 1."));
	screen_keys(screen, "/", 1);
	screen_settle(screen);
	screen_keys(screen, "tenth\r", 6);
	assert_true(screen_wait_gone(screen, "plain line"));
	assert_true(screen_wait(screen, "filtered"));
	screen_keys(screen, "\033", 1);
	assert_true(screen_wait(screen, "plain line"));
	end(screen, keeper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_screen_at_each_size),
		cmocka_unit_test(a_paint_is_quick_and_small),
		cmocka_unit_test(a_repaint_changes_nothing),
		cmocka_unit_test(colour_says_nothing_alone),
		cmocka_unit_test(no_color_sends_no_colour),
		cmocka_unit_test(outside_utf8_all_is_ascii),
		cmocka_unit_test(hostile_text_does_not_draw),
		cmocka_unit_test(plans_open_and_attach),
		cmocka_unit_test(the_log_scrolls_and_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
