/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/pg_daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"

#define START_LIMIT_US 120000000

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

/* By its whole path: the programs look for each other beside themselves. */
static char *whole_path(const struct lk_postgres *postgres, const char *const *arguments,
			const char *whole[ARGUMENTS + 1])
{
	char *program = lk_path_join(postgres->bin, arguments[0]);
	whole[0] = program;
	for (size_t i = 1; i < ARGUMENTS && arguments[i]; i++)
		whole[i] = arguments[i];
	return program;
}

bool lk_postgres_run(const struct lk_postgres *postgres, const char *const *arguments,
		     const char *folder, const char *log, struct lk_error *error)
{
	const char *whole[ARGUMENTS + 1] = {NULL};
	char *program = whole_path(postgres, arguments, whole);
	bool done = lk_program_run(&postgres->as, whole, folder, log, error);
	free(program);
	return done;
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
	return lk_program_failed(alive ? "the server did not become ready"
				       : "the server ended while starting",
				 server->log, error);
}

bool lk_postgres_start(const struct lk_postgres *postgres, struct lk_postgres_server *server,
		       struct lk_error *error)
{
	const char *const arguments[] = {"postgres", "-D", server->data, NULL};
	const char *whole[ARGUMENTS + 1] = {NULL};
	char *program = whole_path(postgres, arguments, whole);
	server->pid = lk_program_spawn(&postgres->as, whole, server->sockets, server->log, SIGQUIT);
	free(program);
	if (server->pid < 0) {
		server->pid = 0;
		return lk_fail_errno(error, errno, "cannot start postgres");
	}
	return wait_until_ready(server, error);
}

void lk_postgres_stop(struct lk_postgres_server *server, int signal)
{
	if (server->pid > 0)
		lk_program_end(server->pid, signal);
	server->pid = 0;
}
