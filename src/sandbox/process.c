/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox's own process from its first to its last moment. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "sandbox/host.h"
#include "sandbox/protocol.h"

struct option {
	const char *name;
	int64_t low, high;
};

enum { KIND, ROWS, WRITES, CONNECTIONS, MAX_TIME, IDLE, KEEP, OPTIONS };

static const struct option options[OPTIONS] = {
	/* A number of lk_servers_kinds, whose end is found when it is used. */
	[KIND] = {"--kind", 0, 1000},
	[ROWS] = {"--rows", 1, INT64_C(1000000000)},
	[WRITES] = {"--writes", 0, 100000},
	[CONNECTIONS] = {"--connections", 1, 500},
	[MAX_TIME] = {"--max-time-ms", 1, INT64_MAX / 1000000},
	[IDLE] = {"--idle-ms", 1, INT64_MAX / 1000000},
	[KEEP] = {"--keep", 0, 1},
};

static bool read_options(int argc, char **argv, int64_t values[OPTIONS])
{
	int first = argc > 1 && strcmp(argv[1], LK_SANDBOX_VERB) == 0 ? 2 : 1;
	if ((argc - first) % 2 != 0)
		return false;
	for (int i = first; i + 1 < argc; i += 2) {
		char *end = NULL;
		int number = 0;
		while (number < OPTIONS && strcmp(argv[i], options[number].name) != 0)
			number++;
		if (number == OPTIONS)
			return false;
		errno = 0;
		values[number] = strtoll(argv[i + 1], &end, 10);
		if (errno || *end || end == argv[i + 1] || values[number] < options[number].low ||
		    values[number] > options[number].high)
			return false;
	}
	return true;
}

static bool is_of_a_client(const char *name)
{
	static const char *const beginnings[] = {"PG", "MYSQL", "MARIADB"};
	for (size_t i = 0; i < LK_COUNT(beginnings); i++)
		if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* Settings of the caller's own databases must not reach ours. */
static void forget_environment(void)
{
	extern char **environ;
	for (size_t i = 0; environ[i];) {
		size_t length = strcspn(environ[i], "=");
		if (length == 0 || !is_of_a_client(environ[i])) {
			i++;
			continue;
		}
		char *name = lk_strndup(environ[i], length);
		unsetenv(name);
		free(name);
		i = 0;
	}
}

static int take_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void tell(void *context, const char *line)
{
	(void)context;
	lk_host_send(STDOUT_FILENO, json_pack("{s:s}", "progress", line));
}

/* From here on what goes wrong can be read in the folder. */
static bool open_log(const char *folder, struct lk_error *error)
{
	char *path = lk_path_join(folder, "sandbox.log");
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bool opened = fd >= 0 && dup2(fd, STDERR_FILENO) >= 0;
	if (!opened)
		lk_fail_errno(error, errno, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	free(path);
	setvbuf(stderr, NULL, _IOLBF, 0);
	return opened;
}

static bool mark_kept(const struct lk_host *host, struct lk_error *error)
{
	if (!host->options.keep)
		return true;
	char *path = lk_path_join(host->servers.folder.path, "keep");
	bool marked = lk_path_write(path, "", 0, error);
	free(path);
	return marked;
}

static bool make_folder(struct lk_host *host, struct lk_error *error)
{
	int leftovers = lk_folder_remove_leftovers(LK_SANDBOX_PREFIX);
	if (leftovers > 0) {
		char line[80];
		snprintf(line, sizeof line, "%d sandbox%s that had been killed removed", leftovers,
			 leftovers == 1 ? "" : "es");
		tell(NULL, line);
	}
	const struct lk_program_user *as = &host->servers.as;
	return lk_servers_find(&host->servers, host->kind, error) &&
	       lk_folder_make(LK_SANDBOX_PREFIX, as->user, as->group, &host->servers.folder,
			      error) &&
	       open_log(host->servers.folder.path, error) && mark_kept(host, error);
}

static bool start_application(struct lk_host *host, struct lk_error *error)
{
	char *file = lk_path_join(host->servers.folder.path, "application.json");
	char *uri = lk_servers_uri(&host->servers, LK_SERVERS_PRIMARY, true);
	char *watcher = lk_servers_uri(&host->servers, LK_SERVERS_PRIMARY, false);
	struct lk_application_options application = {.uri = uri,
						     .watcher_uri = watcher,
						     .users = host->options.rows,
						     .connections = host->options.connections,
						     .per_second = host->options.writes,
						     .file = file};
	host->application = lk_application_start(&application, error);
	free(watcher);
	free(uri);
	free(file);
	if (host->application && host->options.writes > 0) {
		char line[120];
		snprintf(line, sizeof line,
			 "an application runs %d transactions a second over %d connections",
			 host->options.writes, host->options.connections);
		tell(NULL, line);
	}
	return host->application != NULL;
}

static void announce(const struct lk_host *host)
{
	char *uri = lk_servers_uri(&host->servers, LK_SERVERS_PRIMARY, false);
	char *replica = lk_servers_uri(&host->servers, LK_SERVERS_REPLICA, false);
	char *file = lk_path_join(host->servers.folder.path, "application.json");
	lk_host_send(STDOUT_FILENO, json_pack("{s:{s:s, s:s, s:s, s:s}}", "ready", "folder",
					      host->servers.folder.path, "uri", uri, "replica_uri",
					      replica, "application_file", file));
	free(file);
	free(replica);
	free(uri);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDOUT_FILENO);
	close(null);
}

static bool start(struct lk_host *host, struct lk_error *error)
{
	struct lk_servers_start start = {.servers = &host->servers,
					 .rows = host->options.rows,
					 .connections = host->options.connections,
					 .progress = tell};
	return make_folder(host, error) && lk_servers_start(&start, error) &&
	       start_application(host, error) && lk_host_listen(host, error);
}

static void end(struct lk_host *host, bool keep)
{
	struct lk_error error;
	if (host->application)
		lk_application_abandon(host->application);
	if (host->servers.folder.path[0])
		lk_servers_stop(&host->servers, keep);
	lk_application_free(host->application);
	lk_servers_free(&host->servers);
	if (host->listener >= 0)
		close(host->listener);
	if (host->servers.folder.path[0] && !lk_folder_close(&host->servers.folder, keep, &error))
		fprintf(stderr, "%s\n", error.text);
}

int lk_sandbox_server_main(int argc, char **argv)
{
	int64_t values[OPTIONS] = {
		[KIND] = 0,	      [ROWS] = 1000000, [WRITES] = 300, [CONNECTIONS] = 8,
		[MAX_TIME] = 7200000, [IDLE] = 60000,	[KEEP] = 0};
	struct lk_error error;
	bool known = read_options(argc, argv, values);
	int64_t kinds = 0;
	while (lk_servers_kinds[kinds])
		kinds++;
	if (!known || values[KIND] >= kinds) {
		fprintf(stderr, "lockkeeper: %s is started by `lockkeeper sandbox`\n",
			LK_SANDBOX_VERB);
		return 2;
	}
	struct lk_host host = {.kind = lk_servers_kinds[values[KIND]],
			       .options = {.rows = values[ROWS],
					   .writes = (int)values[WRITES],
					   .connections = (int)values[CONNECTIONS],
					   .max_time_ms = values[MAX_TIME],
					   .idle_ms = values[IDLE],
					   .keep = values[KEEP] != 0},
			       .listener = -1};
	umask(077);
	forget_environment();
	host.signals = take_signals();
	if (!start(&host, &error)) {
		lk_host_send(STDOUT_FILENO, json_pack("{s:s}", "failed", error.text));
		end(&host, false);
		return 1;
	}
	announce(&host);
	/* Closed by the end of the process: the sign that everything is gone. */
	(void)lk_host_serve(&host);
	end(&host, host.options.keep);
	return 0;
}
