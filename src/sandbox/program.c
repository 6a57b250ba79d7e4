/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"

#define STOP_LIMIT_US 30000000

bool lk_program_find_user(const char *name, const char *title, struct lk_program_user *user,
			  struct lk_error *error)
{
	user->user = geteuid();
	user->group = getegid();
	if (user->user != 0)
		return true;
	const struct passwd *entry = getpwnam(name);
	if (!entry || entry->pw_uid == 0)
		entry = getpwnam("nobody");
	if (!entry || entry->pw_uid == 0)
		return lk_fail(
			error, LK_ERROR_SYSTEM,
			"%s does not run as root, and there is no user \"%s\" or \"nobody\" to run it as",
			title, name);
	user->user = entry->pw_uid;
	user->group = entry->pw_gid;
	return true;
}

/* Between fork and exec: only calls that are safe there. */
static void become(const struct lk_program_user *user, const char *folder, const char *log)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (geteuid() == 0 && user->user != 0 &&
	    (setgroups(1, &user->group) != 0 || setgid(user->group) != 0 ||
	     setuid(user->user) != 0))
		_exit(126);
	umask(077);
	int null = open("/dev/null", O_RDONLY);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (null < 0 || out < 0 || chdir(folder) != 0)
		_exit(126);
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	close_range(3, ~0U, 0);
}

pid_t lk_program_spawn(const struct lk_program_user *user, const char *const *arguments,
		       const char *folder, const char *log, int signal)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		become(user, folder, log);
		/* A change of user clears it, so this comes last; the parent may be dead by now. */
		prctl(PR_SET_PDEATHSIG, signal);
		if (getppid() != parent)
			_exit(126);
		execv(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	return pid;
}

bool lk_program_failed(const char *what, const char *log, struct lk_error *error)
{
	struct lk_error ignored;
	char *text = lk_path_read(log, 16 * 1024 * 1024, NULL, &ignored);
	char *end = text ? text + strlen(text) : NULL;
	while (end && end > text && end[-1] == '\n')
		*--end = '\0';
	const char *line = text ? strrchr(text, '\n') : NULL;
	line = line ? line + 1 : text;
	if (line && line[0])
		lk_fail(error, LK_ERROR_SYSTEM, "%s: %s", what, line);
	else
		lk_fail(error, LK_ERROR_SYSTEM, "%s; its log %s is empty", what, log);
	free(text);
	return false;
}

bool lk_program_run(const struct lk_program_user *user, const char *const *arguments,
		    const char *folder, const char *log, struct lk_error *error)
{
	int status = 0;
	const char *slash = strrchr(arguments[0], '/'), *name = slash ? slash + 1 : arguments[0];
	pid_t pid = lk_program_spawn(user, arguments, folder, log, SIGKILL);
	if (pid < 0)
		return lk_fail_errno(error, errno, "cannot start %s", name);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	char *what = lk_format("%s failed", name);
	lk_program_failed(what, log, error);
	free(what);
	return false;
}

void lk_program_end(pid_t pid, int signal)
{
	int64_t deadline = lk_clock_us() + STOP_LIMIT_US;
	kill(pid, signal);
	kill(pid, SIGCONT);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (lk_clock_us() > deadline)
			kill(pid, SIGKILL);
		lk_sleep_ms(5);
	}
}

char *lk_program_find(const char *name)
{
	const char *path = getenv("PATH");
	char *places = lk_format("%s:/usr/sbin:/usr/libexec:/usr/local/sbin", path ? path : "");
	char *rest = NULL, *found = NULL;
	for (char *p = strtok_r(places, ":", &rest); p && !found; p = strtok_r(NULL, ":", &rest)) {
		found = lk_path_join(p, name);
		if (access(found, X_OK) == 0)
			continue;
		free(found);
		found = NULL;
	}
	free(places);
	return found;
}
