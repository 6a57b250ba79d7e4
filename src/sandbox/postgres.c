/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"

#define START_LIMIT_US 120000000
#define STOP_LIMIT_US 30000000

/* The most that one of the programs is called with. */
enum { ARGUMENTS = 24 };

/*
 * What every private server has in common. fsync is off because nothing here outlives the machine,
 * while synchronous_commit stays on, so a commit costs what it does elsewhere. Shared memory lies
 * in files of the data folder, so a killed server leaves nothing behind outside of it.
 */
static const char common_settings[] = "listen_addresses = ''\n"
				      "fsync = off\n"
				      "full_page_writes = off\n"
				      "synchronous_commit = on\n"
				      "dynamic_shared_memory_type = mmap\n"
				      "log_line_prefix = '%m [%p] %a '\n"
				      "timezone = 'UTC'\n"
				      "log_timezone = 'UTC'\n";

void lk_postgres_name(struct lk_postgres_server *server, const char *servers, const char *name,
		      int port)
{
	memset(server, 0, sizeof *server);
	snprintf(server->data, sizeof server->data, "%s/%s", servers, name);
	snprintf(server->log, sizeof server->log, "%s/%s.log", servers, name);
	LK_COPY(server->sockets, servers);
	server->port = port;
}

/* Between fork and exec: only calls that are safe there. */
static void become(const struct lk_postgres *postgres, const char *folder, const char *log)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (geteuid() == 0 && postgres->user != 0 &&
	    (setgroups(1, &postgres->group) != 0 || setgid(postgres->group) != 0 ||
	     setuid(postgres->user) != 0))
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

static pid_t spawn(const struct lk_postgres *postgres, const char *const *arguments,
		   const char *folder, const char *log)
{
	/* By its whole path: the programs look for each other beside themselves. */
	char *program = lk_path_join(postgres->bin, arguments[0]);
	const char *with_path[ARGUMENTS + 1] = {program};
	for (size_t i = 1; i < ARGUMENTS && arguments[i]; i++)
		with_path[i] = arguments[i];
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		become(postgres, folder, log);
		/* A change of user clears it, so this comes last; the parent may be dead by now. */
		prctl(PR_SET_PDEATHSIG, SIGQUIT);
		if (getppid() != parent)
			_exit(126);
		execv(program, (char *const *)with_path);
		_exit(127);
	}
	free(program);
	return pid;
}

/* Adds the last line of a log to the error. */
static bool fail_with_log(struct lk_error *error, const char *what, const char *log)
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

bool lk_postgres_run(const struct lk_postgres *postgres, const char *const *arguments,
		     const char *folder, const char *log, struct lk_error *error)
{
	int status = 0;
	pid_t pid = spawn(postgres, arguments, folder, log);
	if (pid < 0)
		return lk_fail_errno(error, errno, "cannot start %s", arguments[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	char *what = lk_format("%s failed", arguments[0]);
	fail_with_log(error, what, log);
	free(what);
	return false;
}

bool lk_postgres_initdb(const struct lk_postgres *postgres, const struct lk_postgres_server *server,
			struct lk_error *error)
{
	const char *const arguments[] = {"initdb",
					 "-D",
					 server->data,
					 "--no-sync",
					 "--auth=trust",
					 "--username=" LK_POSTGRES_USER,
					 "--encoding=UTF8",
					 "--locale=C.UTF-8",
					 "--no-instructions",
					 NULL};
	char *sockets = lk_format("unix_socket_directories = '%s'\nport = %d\n", server->sockets,
				  server->port);
	bool made = lk_postgres_run(postgres, arguments, server->sockets, server->log, error) &&
		    lk_postgres_configure(server, common_settings, error) &&
		    lk_postgres_configure(server, sockets, error);
	free(sockets);
	return made;
}

bool lk_postgres_configure(const struct lk_postgres_server *server, const char *lines,
			   struct lk_error *error)
{
	char *path = lk_path_join(server->data, "postgresql.conf");
	FILE *file = fopen(path, "ae");
	bool written = file && fputs(lines, file) >= 0;
	int number = errno;
	if (file && fclose(file) != 0)
		written = false;
	if (!written)
		lk_fail_errno(error, number, "cannot write %s", path);
	free(path);
	return written;
}

bool lk_postgres_copy(const struct lk_postgres *postgres, const struct lk_postgres_server *from,
		      const struct lk_postgres_server *to, const char *slot, struct lk_error *error)
{
	char *source = lk_format("host=%s port=%d user=%s application_name=%s", from->sockets,
				 from->port, LK_POSTGRES_USER, slot);
	const char *const arguments[] = {"pg_basebackup",
					 "-d",
					 source,
					 "-D",
					 to->data,
					 "-X",
					 "stream",
					 "--checkpoint=fast",
					 "--no-sync",
					 "-R",
					 "-C",
					 "-S",
					 slot,
					 "--no-manifest",
					 NULL};
	/* The name under which the primary lists the standby. */
	char *lines = lk_format("port = %d\ncluster_name = '%s'\nhot_standby_feedback = on\n",
				to->port, slot);
	bool copied = lk_postgres_run(postgres, arguments, to->sockets, to->log, error) &&
		      lk_postgres_configure(to, lines, error);
	free(lines);
	free(source);
	return copied;
}

static bool wait_until_ready(struct lk_postgres_server *server, struct lk_error *error)
{
	char *conninfo = lk_postgres_conninfo(server, LK_POSTGRES_USER, "postgres", "lk_start");
	int64_t deadline = lk_clock_us() + START_LIMIT_US;
	bool ready = false, alive = true;
	while (!ready && alive && lk_clock_us() < deadline) {
		alive = waitpid(server->pid, NULL, WNOHANG) == 0;
		ready = alive && PQping(conninfo) == PQPING_OK;
		if (alive && !ready)
			lk_sleep_ms(10);
	}
	free(conninfo);
	if (ready)
		return true;
	if (alive)
		lk_postgres_stop(server, SIGQUIT);
	server->pid = 0;
	return fail_with_log(error,
			     alive ? "the server did not become ready"
				   : "the server ended while starting",
			     server->log);
}

bool lk_postgres_start(const struct lk_postgres *postgres, struct lk_postgres_server *server,
		       struct lk_error *error)
{
	const char *const arguments[] = {"postgres", "-D", server->data, NULL};
	server->pid = spawn(postgres, arguments, server->sockets, server->log);
	if (server->pid < 0) {
		server->pid = 0;
		return lk_fail_errno(error, errno, "cannot start postgres");
	}
	return wait_until_ready(server, error);
}

void lk_postgres_stop(struct lk_postgres_server *server, int signal)
{
	if (server->pid <= 0)
		return;
	int64_t deadline = lk_clock_us() + STOP_LIMIT_US;
	kill(server->pid, signal);
	kill(server->pid, SIGCONT);
	while (waitpid(server->pid, NULL, WNOHANG) == 0) {
		if (lk_clock_us() > deadline)
			kill(server->pid, SIGKILL);
		lk_sleep_ms(5);
	}
	server->pid = 0;
}
