/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/my_daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/port.h"
#include "sandbox/link.h"

#define START_LIMIT_US 120000000

void lk_my_daemon_name(struct lk_my_daemon *daemon, const char *servers, const char *name, int id)
{
	memset(daemon, 0, sizeof *daemon);
	LK_COPY(daemon->folder, servers);
	snprintf(daemon->data, sizeof daemon->data, "%s/%s", servers, name);
	snprintf(daemon->socket, sizeof daemon->socket, "%s/%s.sock", servers, name);
	snprintf(daemon->log, sizeof daemon->log, "%s/%s.log", servers, name);
	daemon->id = id;
	daemon->port_held = -1;
}

bool lk_my_daemon_take_port(struct lk_my_daemon *daemon, struct lk_error *error)
{
	daemon->port_held = lk_port_reserve(&daemon->port, error);
	return daemon->port_held >= 0;
}

void lk_my_daemon_release(struct lk_my_daemon *daemon)
{
	if (daemon->port_held >= 0)
		close(daemon->port_held);
	daemon->port_held = -1;
}

bool lk_my_daemon_start(struct lk_my_daemon *daemon, const struct lk_program_user *as,
			const char *const *arguments, struct lk_error *error)
{
	daemon->pid = lk_program_spawn(as, arguments, daemon->folder, daemon->log, SIGKILL);
	if (daemon->pid > 0)
		return true;
	daemon->pid = 0;
	return lk_fail_errno(error, errno, "cannot start %s", arguments[0]);
}

bool lk_my_daemon_wait(struct lk_my_daemon *daemon, const char *uri, struct lk_error *error)
{
	int64_t deadline = lk_clock_us() + START_LIMIT_US;
	struct lk_link *link = NULL;
	bool alive = true;
	while (!link && alive && lk_clock_us() < deadline) {
		alive = waitpid(daemon->pid, NULL, WNOHANG) == 0;
		link = alive ? lk_link_open(uri, "sandbox", error) : NULL;
		if (alive && !link)
			lk_sleep_ms(10);
	}
	lk_link_close(link);
	if (link)
		return true;
	if (!alive)
		daemon->pid = 0;
	return lk_program_failed(alive ? "the server did not become ready"
				       : "the server ended while starting",
				 daemon->log, error);
}

void lk_my_daemon_stop(struct lk_my_daemon *daemon, int signal)
{
	if (daemon->pid > 0)
		lk_program_end(daemon->pid, signal);
	daemon->pid = 0;
}
