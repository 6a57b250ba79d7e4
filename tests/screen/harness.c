/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/screen/harness.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/screen/keeper.h"

enum { WAIT_US = 30 * 1000 * 1000, QUIET_MS = 60 };

static int on_property(VTermProp property, VTermValue *value, void *user)
{
	struct screen *screen = user;

	if (property == VTERM_PROP_TITLE) {
		LK_COPY(screen->title, value->string);
		screen->title_set = true;
	}
	return 1;
}

static const VTermScreenCallbacks callbacks = {.settermprop = on_property};

static void child(const struct keeper *keeper, const struct screen_options *options)
{
	const char *driver = getenv("CONSOLE_DRIVER");
	const char *argv[16] = {driver ? driver : "tests/screen/console_driver"};
	int count = 1;

	setenv("TERM", options->term ? options->term : "xterm-256color", 1);
	setenv("LC_ALL", options->locale ? options->locale : "C.UTF-8", 1);
	setenv("XDG_STATE_HOME", keeper->folder, 1);
	unsetenv("NO_COLOR");
	if (options->no_color)
		setenv("NO_COLOR", options->no_color, 1);
	if (options->program)
		argv[0] = options->program;
	else
		argv[count++] = keeper->path;
	for (size_t i = 0; i < LK_COUNT(options->arguments) && options->arguments[i]; i++)
		argv[count++] = options->arguments[i];
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

struct screen *screen_start(struct keeper *keeper, const struct screen_options *options)
{
	struct screen *screen = lk_alloc(sizeof *screen);
	struct winsize size = {.ws_row = (unsigned short)options->rows,
			       .ws_col = (unsigned short)options->columns};

	screen->keeper = keeper;
	screen->rows = options->rows;
	screen->columns = options->columns;
	screen->vt = vterm_new(options->rows, options->columns);
	vterm_set_utf8(screen->vt, 1);
	screen->vts = vterm_obtain_screen(screen->vt);
	vterm_screen_set_callbacks(screen->vts, &callbacks, screen);
	vterm_screen_enable_altscreen(screen->vts, 1);
	vterm_screen_reset(screen->vts, 1);
	screen->pid = forkpty(&screen->fd, NULL, NULL, &size);
	if (screen->pid == 0)
		child(keeper, options);
	return screen;
}

static void keep_raw(struct screen *screen, const char *bytes, size_t count)
{
	if (screen->raw_length + count > screen->raw_capacity) {
		screen->raw_capacity = (screen->raw_length + count) * 2;
		screen->raw = lk_realloc(screen->raw, screen->raw_capacity, 1);
	}
	memcpy(screen->raw + screen->raw_length, bytes, count);
	screen->raw_length += count;
}

void screen_pump(struct screen *screen, int milliseconds)
{
	struct pollfd fds[2 + KEEPER_CLIENTS];
	char bytes[65536];
	ssize_t count;

	fds[0] = (struct pollfd){screen->fd, POLLIN, 0};
	keeper_poll(screen->keeper, fds + 1);
	poll(fds, LK_COUNT(fds), milliseconds);
	keeper_work(screen->keeper);
	if (fds[0].revents && screen->fd >= 0) {
		count = read(screen->fd, bytes, sizeof bytes);
		if (count > 0) {
			screen->bytes += count;
			keep_raw(screen, bytes, (size_t)count);
			vterm_input_write(screen->vt, bytes, (size_t)count);
		} else if (!(count < 0 && (errno == EAGAIN || errno == EINTR))) {
			close(screen->fd);
			screen->fd = -1;
		}
	}
	if (!screen->ended && waitpid(screen->pid, &screen->status, WNOHANG) == screen->pid)
		screen->ended = true;
}

bool screen_stop(struct screen *screen)
{
	int64_t deadline = lk_clock_us() + 2 * 1000 * 1000;
	bool forced = false;

	if (screen->fd >= 0)
		close(screen->fd);
	screen->fd = -1;
	while (!screen->ended && lk_clock_us() < deadline)
		screen_pump(screen, 10);
	if (!screen->ended) {
		forced = true;
		kill(screen->pid, SIGKILL);
		waitpid(screen->pid, &screen->status, 0);
	}
	vterm_free(screen->vt);
	free(screen->raw);
	free(screen);
	return forced;
}

void screen_keys(struct screen *screen, const char *bytes, size_t count)
{
	while (count > 0 && screen->fd >= 0 && !screen->ended) {
		struct pollfd fd = {screen->fd, POLLOUT, 0};
		ssize_t done;

		if (poll(&fd, 1, 10) > 0 && (fd.revents & POLLOUT)) {
			done = write(screen->fd, bytes, count < 512 ? count : 512);
			if (done <= 0)
				return;
			bytes += done;
			count -= (size_t)done;
		}
		screen_pump(screen, 0);
	}
}

const char *screen_row(struct screen *screen, int row)
{
	static char line[8192]; /* read by the test at once */
	VTermRect rect = {row, row + 1, 0, screen->columns};
	size_t length = vterm_screen_get_text(screen->vts, line, sizeof line - 1, rect);

	/* cells that were erased come as NUL */
	for (size_t i = 0; i < length; i++)
		if (line[i] == '\0')
			line[i] = ' ';
	while (length > 0 && line[length - 1] == ' ')
		length--;
	line[length] = '\0';
	return line;
}

bool screen_has(struct screen *screen, const char *text)
{
	for (int row = 0; row < screen->rows; row++)
		if (strstr(screen_row(screen, row), text))
			return true;
	return false;
}

static bool wait_has(struct screen *screen, const char *text, bool wanted)
{
	int64_t deadline = lk_clock_us() + WAIT_US;

	while (screen_has(screen, text) != wanted) {
		if (lk_clock_us() > deadline) {
			fprintf(stderr, "waited in vain for%s \"%s\"\n",
				wanted ? "" : " the end of", text);
			screen_dump(screen);
			return false;
		}
		screen_pump(screen, 10);
	}
	return true;
}

bool screen_wait(struct screen *screen, const char *text)
{
	return wait_has(screen, text, true);
}

bool screen_wait_gone(struct screen *screen, const char *text)
{
	return wait_has(screen, text, false);
}

bool screen_wait_requests(struct screen *screen, const char *verb, int count)
{
	int64_t deadline = lk_clock_us() + WAIT_US;

	while (keeper_count(screen->keeper, verb) < count) {
		if (lk_clock_us() > deadline) {
			fprintf(stderr, "waited in vain for %d x %s\n", count, verb);
			screen_dump(screen);
			return false;
		}
		screen_pump(screen, 10);
	}
	return true;
}

void screen_settle(struct screen *screen)
{
	int64_t quiet_since = lk_clock_us();
	long bytes = screen->bytes;

	while (lk_clock_us() - quiet_since < QUIET_MS * 1000) {
		screen_pump(screen, 5);
		if (screen->bytes != bytes) {
			bytes = screen->bytes;
			quiet_since = lk_clock_us();
		}
	}
}

void screen_type(struct screen *screen, const char *text)
{
	char shown[128] = "";

	for (size_t i = 0; text[i]; i++) {
		/* a person's fingers: the same key is not down again within 80 ms */
		int64_t until = lk_clock_us() + (i > 0 && text[i] == text[i - 1] ? 100000 : 2000);

		while (lk_clock_us() < until)
			screen_pump(screen, 2);
		screen_keys(screen, text + i, 1);
		snprintf(shown, sizeof shown, "%.*s_", (int)i + 1, text);
		screen_wait(screen, shown);
	}
}

void screen_resize(struct screen *screen, int rows, int columns)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

	screen->rows = rows;
	screen->columns = columns;
	vterm_set_size(screen->vt, rows, columns);
	ioctl(screen->fd, TIOCSWINSZ, &size);
}

char *screen_text(struct screen *screen)
{
	char *text = lk_strdup("");

	for (int row = 0; row < screen->rows; row++) {
		char *more = lk_format("%s%s\n", text, screen_row(screen, row));

		free(text);
		text = more;
	}
	return text;
}

void screen_dump(struct screen *screen)
{
	char *text = screen_text(screen);

	fprintf(stderr, "%s----\n", text);
	free(text);
}
