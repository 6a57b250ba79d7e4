/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

bool lk_chaos_own_mounts(struct lk_error *error)
{
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return true;
	return lk_fail_errno(error, errno, "no mounts of our own");
}

bool lk_chaos_small_disk(const char *folder, int kib, struct lk_error *error)
{
	char options[60];
	snprintf(options, sizeof options, "size=%dk,mode=0755", kib);
	if (mount("none", folder, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0)
		return true;
	return lk_fail_errno(error, errno, "no small file system on %s", folder);
}

bool lk_chaos_network_enter(pid_t behind)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)behind);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
	if (fd >= 0)
		close(fd);
	return entered;
}

/* ip(8) with these words, in the namespace of `behind` or, with 0, in ours. */
static bool ip(pid_t behind, const char *words, struct lk_error *error)
{
	char text[160], program[] = "ip", *rest = text;
	char *arguments[20] = {program};
	LK_COPY(text, words);
	for (int i = 1; i < 19 && (arguments[i] = strsep(&rest, " ")); i++)
		;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		dup2(null, 2);
		if (!behind || lk_chaos_network_enter(behind))
			execvp("ip", arguments);
		_exit(127);
	}
	int status = -1;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 || lk_fail(error, LK_ERROR_SYSTEM, "ip %s failed", words);
}

/* Without ip(8), so that a proxy has a loopback even where that program is missing. */
static void loopback_up(void)
{
	struct ifreq request = {.ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	LK_COPY(request.ifr_name, "lo");
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

/* A process in a namespace of its own, which says on the pipe that it has got there. */
static pid_t stand_behind(void)
{
	int ends[2];
	char there = 'n';
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		there = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
		if (write(ends[1], &there, 1) == 1 && there == 'y')
			for (;;)
				pause();
		_exit(1);
	}
	close(ends[1]);
	if (pid > 0 && (read(ends[0], &there, 1) != 1 || there != 'y')) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ends[0]);
	return pid;
}

bool lk_chaos_network_open(pid_t *behind, struct lk_error *error)
{
	char cable[120];
	*behind = 0;
	if (unshare(CLONE_NEWNET) != 0)
		return lk_fail_errno(error, errno, "no network namespace");
	loopback_up();
	pid_t pid = stand_behind();
	if (pid < 0)
		return lk_fail(error, LK_ERROR_SYSTEM, "no second network namespace");
	snprintf(cable, sizeof cable, "link add lkserver type veth peer name lkkeeper netns %d",
		 (int)pid);
	if (ip(0, cable, error) && ip(0, "addr add " LK_CHAOS_ADDRESS "/24 dev lkserver", error) &&
	    ip(0, "link set lkserver up", error) && ip(pid, "link set lo up", error) &&
	    ip(pid, "addr add 10.77.0.2/24 dev lkkeeper", error) &&
	    ip(pid, "link set lkkeeper up", error)) {
		*behind = pid;
		return true;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return false;
}

bool lk_chaos_pull_cable(bool pull, struct lk_error *error)
{
	return ip(0, pull ? "link set lkserver down" : "link set lkserver up", error);
}
