/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/term/restore.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

/* A signal handler has no argument of ours: this is the one state that must be static. */
static struct {
	volatile sig_atomic_t armed;
	int fd;
	struct termios modes;
	char bytes[256];
	size_t length;
	struct sigaction before[6];
} state;

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};

static void on_fatal(int number)
{
	if (state.armed) {
		state.armed = 0;
		(void)!write(state.fd, state.bytes, state.length);
		tcsetattr(state.fd, TCSANOW, &state.modes);
	}
	for (size_t i = 0; i < LK_COUNT(fatal); i++)
		if (fatal[i] == number)
			sigaction(number, &state.before[i], NULL);
	raise(number);
}

void lk_restore_arm(int fd, const struct termios *modes, const char *bytes, size_t length)
{
	struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_NODEFER};

	state.fd = fd;
	state.modes = *modes;
	state.length = length < sizeof state.bytes ? length : sizeof state.bytes;
	memcpy(state.bytes, bytes, state.length);
	for (size_t i = 0; i < LK_COUNT(fatal); i++)
		sigaction(fatal[i], &action, &state.before[i]);
	state.armed = 1;
}

void lk_restore_disarm(void)
{
	if (!state.armed)
		return;
	state.armed = 0;
	for (size_t i = 0; i < LK_COUNT(fatal); i++)
		sigaction(fatal[i], &state.before[i], NULL);
}
