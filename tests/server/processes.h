/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes of a server, as the system lists them. */
#ifndef LK_TESTS_PROCESSES_H
#define LK_TESTS_PROCESSES_H

#include <stddef.h>
#include <sys/types.h>

struct lk_processes {
	pid_t *pids;
	size_t count;
};

/* The children of a process. */
struct lk_processes lk_processes_below(pid_t parent);
/* Waits until none of them runs, and releases the list. */
void lk_processes_wait_gone(struct lk_processes *processes);
/* A signal to a process and then to its children. */
void lk_processes_signal(pid_t parent, int signal);

#endif
