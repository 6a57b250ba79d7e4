/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bad lines and rough handling: resizes, hang-ups, a terminal that stops reading, storms of keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/screen/fixture.h"
#include "tests/screen/harness.h"

static const struct screen_options standard = {.rows = 24, .columns = 80};

static void storm_of_sizes(struct screen *screen, const char *there)
{
	static const int sizes[][2] = {{24, 80}, {23, 79},  {12, 60}, {8, 40}, {3, 20},
				       {1, 1},	 {90, 300}, {1, 200}, {50, 1}, {24, 80},
				       {2, 2},	 {50, 200}, {24, 80}};

	for (int turn = 0; turn < 3; turn++)
		for (size_t i = 0; i < LK_COUNT(sizes); i++) {
			screen_resize(screen, sizes[i][0], sizes[i][1]);
			/* sometimes the console has drawn, sometimes it has not */
			if (turn != 1)
				screen_settle(screen);
			else
				screen_pump(screen, (int)i % 3);
			assert_false(screen->ended);
		}
	assert_true(screen_wait(screen, there));
}

static void resizing_never_hurts(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen *screen;

	(void)state;
	fixture_gate_release(&keeper->snapshot);
	screen = screen_start(keeper, &standard);
	screen_keys(screen, "4", 1);
	assert_true(screen_wait(screen, "STEPS"));
	storm_of_sizes(screen, "STEPS");
	screen_keys(screen, "g", 1);
	assert_true(screen_wait(screen, "then Enter: _"));
	storm_of_sizes(screen, "then Enter: _");
	screen_keys(screen, "\033", 1);
	assert_true(screen_wait_gone(screen, "then Enter"));
	screen_keys(screen, ":", 1);
	screen_settle(screen);
	screen_keys(screen, "note abc", 8);
	storm_of_sizes(screen, ":note abc");
	screen_keys(screen, "\r", 1);
	assert_true(screen_wait_requests(screen, "note", 1));
	assert_int_equal(keeper_count(keeper, ""), 1);
	assert_false(screen_stop(screen));
	keeper_stop(keeper);
}

static void pause_works_at_one_cell(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen_options options = {.rows = 1, .columns = 1};
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = screen_start(keeper, &options);
	while (keeper->attach_count == 0)
		screen_pump(screen, 10);
	screen_keys(screen, " ", 1);
	assert_true(screen_wait_requests(screen, "pause", 1));
	assert_false(screen_stop(screen));
	keeper_stop(keeper);
}

/* screen_stop takes the terminal away and forces the console only after two seconds. */
static void a_hang_up_ends_the_console_alone(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	for (int overlay = 0; overlay < 3; overlay++) {
		screen = screen_start(keeper, &standard);
		assert_true(screen_wait(screen, "THROTTLED"));
		screen_keys(screen, overlay == 0 ? "2" : overlay == 1 ? "q" : ":", 1);
		screen_settle(screen);
		assert_false(screen_stop(screen));
	}
	assert_int_equal(keeper_count(keeper, ""), 0);
	keeper_stop(keeper);
}

/* Reads nothing for a while: the console must go on serving its keeper and its keys. */
static void a_terminal_that_stops_reading(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen *screen;
	int64_t deadline;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = screen_start(keeper, &standard);
	assert_true(screen_wait(screen, "THROTTLED"));
	/* full repaints until the terminal's buffer is full; they are not read */
	for (int i = 0; i < 200; i++) {
		int fd = screen->fd;

		if (write(fd, "\f", 1) != 1)
			break;
		screen->fd = -1;
		screen_pump(screen, 2);
		screen->fd = fd;
	}
	deadline = lk_clock_us() + 3 * 1000 * 1000;
	assert_int_equal(write(screen->fd, " ", 1), 1);
	while (keeper_count(keeper, "pause") == 0 && lk_clock_us() < deadline) {
		int fd = screen->fd;

		screen->fd = -1;
		screen_pump(screen, 5);
		screen->fd = fd;
	}
	assert_int_equal(keeper_count(keeper, "pause"), 1);
	/* and the terminal, when it reads again, gets a whole picture */
	assert_true(screen_wait(screen, "PAUSE acknowledged"));
	screen_keys(screen, "4", 1);
	assert_true(screen_wait(screen, "STEPS"));
	assert_false(screen_stop(screen));
	keeper_stop(keeper);
}

/* Random keys, as fast as the terminal takes them. Left out: Ctrl-Z, Esc sequences that paste, and
 * d, T, R, S, A and G, which rightly answer a question that has been open long enough. */
static void a_storm_of_keys_acts_on_nothing(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen *screen;
	unsigned seed = 1234;
	char keys[1000];
	int64_t deadline;

	(void)state;
	fixture_gate_contract(&keeper->snapshot);
	screen = screen_start(keeper, &standard);
	assert_true(screen_wait(screen, "HOLD"));
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < sizeof keys; i++) {
			do {
				seed = seed * 1103515245u + 12345;
				keys[i] = (char)(seed >> 16 & 0x7f);
			} while (strchr("\x1a"
					"dTRSAG \x03n:",
					keys[i]));
		}
		screen_keys(screen, keys, sizeof keys);
		screen_pump(screen, 1);
		if (round % 10 == 0)
			keeper_send(keeper);
	}
	/* The console has read them all when it answers the last one. When it is late to read, it takes Esc and the
	 * key behind it for one, so both are given until it has. */
	for (deadline = lk_clock_us() + 60000000;
	     keeper_count(keeper, "pause") == 0 && lk_clock_us() < deadline;) {
		screen_keys(screen, "\033", 1);
		screen_settle(screen);
		screen_keys(screen, "\033", 1);
		screen_settle(screen);
		screen_keys(screen, "\x03", 1);
		screen_settle(screen);
	}
	assert_true(screen_wait_requests(screen, "pause", 1));
	assert_int_equal(keeper_count(keeper, ""), keeper_count(keeper, "pause"));
	assert_false(screen->ended);
	assert_false(screen_stop(screen));
	keeper_stop(keeper);
}

static void a_crash_gives_the_terminal_back(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = screen_start(keeper, &standard);
	assert_true(screen_wait(screen, "THROTTLED"));
	kill(screen->pid, SIGABRT);
	while (!screen->ended)
		screen_pump(screen, 10);
	screen_pump(screen, 50);
	assert_non_null(memmem(screen->raw, screen->raw_length, "\033[?2004l", 8));
	assert_non_null(memmem(screen->raw, screen->raw_length, "\033[?1049l", 8));
	assert_false(screen_stop(screen));
	keeper_stop(keeper);
}

static void signals_pause_or_leave(void **state)
{
	struct keeper *keeper = keeper_start();
	struct screen *screen;

	(void)state;
	fixture_running(&keeper->snapshot);
	screen = screen_start(keeper, &standard);
	assert_true(screen_wait(screen, "THROTTLED"));
	kill(screen->pid, SIGUSR1);
	assert_true(screen_wait_requests(screen, "pause", 1));
	/* stopped and continued from outside: the picture comes back whole */
	screen_settle(screen);
	kill(screen->pid, SIGSTOP);
	kill(screen->pid, SIGCONT);
	screen_keys(screen, "4", 1);
	assert_true(screen_wait(screen, "STEPS"));
	kill(screen->pid, SIGTERM);
	while (!screen->ended)
		screen_pump(screen, 10);
	assert_int_equal(screen->status, 0);
	assert_false(screen_stop(screen));
	keeper_stop(keeper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resizing_never_hurts),
		cmocka_unit_test(pause_works_at_one_cell),
		cmocka_unit_test(a_hang_up_ends_the_console_alone),
		cmocka_unit_test(a_terminal_that_stops_reading),
		cmocka_unit_test(a_storm_of_keys_acts_on_nothing),
		cmocka_unit_test(a_crash_gives_the_terminal_back),
		cmocka_unit_test(signals_pause_or_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
