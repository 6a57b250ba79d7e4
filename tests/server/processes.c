/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/processes.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"

/* State and parent out of /proc/PID/stat, whose second field may hold spaces and brackets. */
static bool process_stat(pid_t pid, char *state, pid_t *parent)
{
	struct lk_error ignored;
	int number = 0;
	char *path = lk_format("/proc/%d/stat", (int)pid);
	char *text = lk_path_read(path, 8192, NULL, &ignored);
	const char *after = text ? strrchr(text, ')') : NULL;
	bool known = after && sscanf(after, ") %c %d", state, &number) == 2;
	*parent = (pid_t)number;
	free(text);
	free(path);
	return known;
}

struct lk_processes lk_processes_below(pid_t parent)
{
	struct lk_processes found = {NULL, 0};
	DIR *entries = opendir("/proc");
	if (!entries)
		return found;
	for (struct dirent *entry; (entry = readdir(entries));) {
		char state;
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10), above = 0;
		if (pid > 0 && process_stat(pid, &state, &above) && above == parent)
			*LK_PUSH(found.pids, found.count) = pid;
	}
	closedir(entries);
	return found;
}

void lk_processes_wait_gone(struct lk_processes *processes)
{
	int64_t deadline = lk_clock_us() + 30000000;
	for (size_t i = 0; i < processes->count; i++) {
		char state = 0;
		pid_t above;
		/* One that nobody collects stays as a zombie; it holds nothing any more. */
		while (process_stat(processes->pids[i], &state, &above) && state != 'Z' &&
		       lk_clock_us() < deadline)
			lk_sleep_ms(5);
	}
	free(processes->pids);
	processes->pids = NULL;
	processes->count = 0;
}

void lk_processes_signal(pid_t parent, int signal)
{
	if (parent <= 0)
		return;
	kill(parent, signal);
	struct lk_processes children = lk_processes_below(parent);
	for (size_t i = 0; i < children.count; i++)
		kill(children.pids[i], signal);
	free(children.pids);
}
