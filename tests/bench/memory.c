/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What keeper and console need: the keeper's largest resident size over a run of a million rows,
 * the console's resident size, and how long it takes from exec to the first complete frame of a
 * console that attaches. Pages of shared libraries count as resident.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/bench/bench.h"
#include "tests/bench/follow.h"
#include "tests/bench/shop.h"

#define USERS 1000000
#define KEEPER_MIB 20.0
#define CONSOLE_MIB 8.0
#define PAINT_MS 50.0
/* A frame is complete when nothing follows for this long. */
#define SILENCE_MS 20
#define LOOK_MS 2000
#define LIMIT_MS 5000

enum { ROWS = 24, COLUMNS = 80, ATTACHES = 15 };

static const char plan_text[] =
	"plan: bench-memory\n"
	"steps:\n"
	"  expand:\n"
	"    - dual_write: {table: users, from: username, to: user_handle, like: username}\n"
	"  migrate:\n"
	"    - backfill: {table: users, set: {user_handle: username}}\n"
	"    - verify:\n"
	"        none: \"SELECT id FROM users WHERE user_handle IS DISTINCT FROM username\"\n";

struct console {
	pid_t pid;
	int terminal;
	char written[65536]; /* terminated; what does not fit is not needed */
	size_t length;
};

static void open_console(const struct lk_bench *bench, struct console *console)
{
	struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};
	struct lk_error error;
	memset(console, 0, sizeof *console);
	console->pid = forkpty(&console->terminal, NULL, NULL, &size);
	if (console->pid < 0)
		lk_bench_must(lk_fail(&error, LK_ERROR_SYSTEM, "no pseudo-terminal"), &error);
	if (console->pid > 0)
		return;
	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	execl(bench->program, "lockkeeper", "attach", "--watch", (char *)NULL);
	_exit(127);
}

static bool read_some(struct console *console, int milliseconds)
{
	char bytes[8192];
	struct pollfd fd = {console->terminal, POLLIN, 0};
	if (poll(&fd, 1, milliseconds) <= 0)
		return false;
	ssize_t n = read(console->terminal, bytes, sizeof bytes);
	size_t room = sizeof console->written - 1 - console->length;
	if (n <= 0)
		return false;
	if ((size_t)n > room)
		n = (ssize_t)room;
	memcpy(console->written + console->length, bytes, (size_t)n);
	console->length += (size_t)n;
	return true;
}

/* Until the run's own words have been painted and then nothing follows; when its last byte came. */
static double first_paint(struct console *console, int64_t from_us)
{
	struct lk_error error;
	int64_t last_us = from_us;
	for (;;) {
		bool painted = strstr(console->written, "bench-memory") != NULL;
		if (read_some(console, painted ? SILENCE_MS : 5))
			last_us = lk_clock_us();
		else if (painted)
			return (double)(last_us - from_us) / 1000;
		if (lk_clock_us() - from_us > LIMIT_MS * 1000)
			lk_bench_must(lk_fail(&error, LK_ERROR_SYSTEM,
					      "the console painted no run in %d ms: %.300s",
					      LIMIT_MS, console->written),
				      &error);
	}
}

static void close_console(struct console *console)
{
	kill(console->pid, SIGHUP);
	close(console->terminal);
	waitpid(console->pid, NULL, 0);
}

/* The largest of what it was in a while with frames. */
static double console_mib(struct console *console)
{
	int64_t until = lk_clock_us() + LOOK_MS * 1000;
	while (lk_clock_us() < until)
		read_some(console, 50);
	return lk_bench_memory(console->pid, "VmHWM");
}

static void measure_console(const struct lk_bench *bench)
{
	double paint_ms[ATTACHES], mib = 0;
	for (int i = 0; i < ATTACHES; i++) {
		struct console *console = lk_alloc(sizeof *console);
		int64_t from_us = lk_clock_us();
		open_console(bench, console);
		paint_ms[i] = first_paint(console, from_us);
		if (i == ATTACHES - 1)
			mib = console_mib(console);
		close_console(console);
		free(console);
	}
	double paint = lk_bench_quantile(paint_ms, ATTACHES, 0.5);
	lk_bench_print(bench,
		       &(struct lk_bench_figure){"console_resident", mib, "MiB", 0, NULL,
						 "at most 8", lk_bench_judge(mib <= CONSOLE_MIB)});
	lk_bench_print(bench, &(struct lk_bench_figure){"console_first_paint", paint, "ms", 0,
							"the median of 15", "at most 50",
							lk_bench_judge(paint <= PAINT_MS)});
}

int main(int argc, char **argv)
{
	struct lk_bench bench;
	struct lk_bench_run run;
	lk_bench_open(&bench, argc, argv);
	struct lk_test_server *server = lk_bench_shop_start(USERS);
	lk_bench_shop_copy(server, "round");
	char *uri = lk_bench_shop_uri(server, "round");
	char *plan = lk_bench_plan(&bench, "bench-memory", plan_text);
	lk_bench_run_begin(&bench, plan, uri, &run);
	lk_bench_run_until_done(&run);
	double mib = lk_bench_memory(run.snapshot->pid, "VmHWM");
	lk_bench_print(&bench, &(struct lk_bench_figure){"keeper_peak", mib, "MiB", 0,
							 "a run of 1,000,000 rows", "at most 20",
							 lk_bench_judge(mib <= KEEPER_MIB)});
	measure_console(&bench);
	lk_bench_run_end(&run);
	lk_test_server_stop(server);
	lk_bench_close(&bench);
	free(plan);
	free(uri);
	return 0;
}
