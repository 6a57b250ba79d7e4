/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "control/client.h"

#define START_MS 5000
#define RETIRE_MS 2000
/* A keeper that ends writes what is in line into the journal first. */
#define MAKE_ROOM_MS 15000

/* FNV-1a: only to tell sockets of one plan on several targets apart. */
static unsigned hash(const char *text)
{
	uint32_t h = 2166136261u;
	for (const char *p = text; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h;
}

/* At most 20 characters of the plan's name that are safe in a file's name, and the target's hash. */
static char *socket_name(const struct lk_spawn *spawn)
{
	char plain[21];
	size_t length = 0;
	for (const char *p = spawn->plan_name; *p && length < sizeof plain - 1; p++)
		plain[length++] = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ? *p : '-';
	plain[length] = '\0';
	return lk_format("%s-%08x", plain, hash(spawn->target ? spawn->target : spawn->plan_name));
}

static bool answers(const char *path)
{
	struct lk_error ignored;
	struct lk_client *client = lk_client_open(path, &ignored);
	lk_client_close(client);
	return client != NULL;
}

/*
 * True when a keeper is there to attach to. One whose run is over, or has not begun, and that nobody looks at
 * any more makes room, so that what was mended can be tried at once.
 */
static bool keeps_a_run(const char *path)
{
	struct lk_error ignored;
	struct lk_client *client = lk_client_open(path, &ignored);
	if (!client)
		return false;
	struct lk_snapshot *s = lk_alloc(sizeof *s);
	bool over = lk_client_call(client, "status", NULL, RETIRE_MS, s, NULL, 0, &ignored) &&
		    (s->failure[0] || strcmp(s->state, "done") == 0 ||
		     strcmp(s->state, "undone") == 0 || strcmp(s->state, "pending") == 0);
	bool retired =
		over && lk_client_call(client, "retire", NULL, RETIRE_MS, NULL, NULL, 0, &ignored);
	lk_client_close(client);
	free(s);
	int64_t until = lk_clock_us() + RETIRE_MS * 1000;
	while (retired && access(path, F_OK) == 0 && lk_clock_us() < until)
		lk_sleep_ms(5);
	return !retired;
}

static void add_argument(const char **arguments, int *count, const char *option, const char *value)
{
	if (!value)
		return;
	arguments[(*count)++] = option;
	arguments[(*count)++] = value;
}

/* In the child: nothing of ours goes along but the environment. */
static void become_keeper(const struct lk_spawn *spawn, const char *socket_path, int log)
{
	const char *arguments[20] = {"lockkeeper", "keeper"};
	int count = 2;
	sigset_t none;
	add_argument(arguments, &count, "--plan", spawn->plan_file);
	add_argument(arguments, &count, "--run", spawn->resume_run);
	add_argument(arguments, &count, "--replace", spawn->replace_run);
	add_argument(arguments, &count, "--target", spawn->target);
	add_argument(arguments, &count, "--environment", spawn->environment);
	add_argument(arguments, &count, "--application", spawn->application_file);
	add_argument(arguments, &count, "--socket", socket_path);
	setsid();
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	close_range(3, ~0U, 0);
	execv(spawn->program ? spawn->program : "/proc/self/exe", (char *const *)arguments);
	_exit(127);
}

/* What the process wrote last before it ended. */
static void last_line(const char *log_path, char *text, size_t size)
{
	struct lk_error ignored;
	size_t length = 0;
	char *log = lk_path_read(log_path, 1024 * 1024, &length, &ignored);
	while (log && length > 0 && log[length - 1] == '\n')
		log[--length] = '\0';
	const char *line = log ? strrchr(log, '\n') : NULL;
	line = line ? line + 1 : log ? log : "";
	if (strncmp(line, "lockkeeper: ", 12) == 0)
		line += 12;
	lk_copy_text(text, size, line);
	free(log);
}

static bool wait_until_listening(pid_t pid, const char *socket_path, const char *log_path,
				 struct lk_error *error)
{
	int64_t until = lk_clock_us() + START_MS * 1000;
	char line[600];
	int status;
	while (lk_clock_us() < until) {
		if (answers(socket_path))
			return true;
		if (waitpid(pid, &status, WNOHANG) == pid) {
			last_line(log_path, line, sizeof line);
			return lk_fail(error,
				       WIFEXITED(status) && WEXITSTATUS(status) == 2
					       ? LK_ERROR_USAGE
					       : LK_ERROR_REFUSED,
				       "%s", line[0] ? line : "the keeper ended at once");
		}
		lk_sleep_ms(5);
	}
	return lk_fail(error, LK_ERROR_SYSTEM, "the keeper does not answer; its log is %s",
		       log_path);
}

static bool start(const struct lk_spawn *spawn, const char *socket_path, struct lk_error *error)
{
	char *log_path = lk_format("%s.log", socket_path);
	int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool listening = log >= 0 || lk_fail_errno(error, errno, "%s", log_path);
	pid_t pid = listening ? fork() : -1;
	if (pid == 0)
		become_keeper(spawn, socket_path, log);
	if (listening && pid < 0)
		listening = lk_fail_errno(error, errno, "cannot start the keeper");
	listening = listening && wait_until_listening(pid, socket_path, log_path, error);
	if (log >= 0)
		close(log);
	free(log_path);
	return listening;
}

static bool start_locked(const struct lk_spawn *spawn, const char *socket_path, bool *started,
			 struct lk_error *error)
{
	char *lock_path = lk_format("%s.lock", socket_path);
	int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool there = lock >= 0 && flock(lock, LOCK_EX) == 0;
	if (!there)
		lk_fail_errno(error, errno, "%s", lock_path);
	else if (!keeps_a_run(socket_path)) {
		there = start(spawn, socket_path, error);
		*started = there;
	}
	if (lock >= 0)
		close(lock);
	free(lock_path);
	return there;
}

bool lk_keeper_spawn(const struct lk_spawn *spawn, char *socket_path, size_t size, bool *started,
		     struct lk_error *error)
{
	bool ignored;
	char *folder = lk_path_sockets(error);
	if (!folder)
		return false;
	char *name = socket_name(spawn);
	snprintf(socket_path, size, "%s/%s.sock", folder, name);
	free(name);
	free(folder);
	started = started ? started : &ignored;
	*started = false;
	return keeps_a_run(socket_path) || start_locked(spawn, socket_path, started, error);
}

bool lk_keeper_list(char ***paths, size_t *count, struct lk_error *error)
{
	char *folder = lk_path_sockets(error);
	*paths = NULL;
	*count = 0;
	if (!folder)
		return false;
	DIR *listing = opendir(folder);
	for (struct dirent *entry; listing && (entry = readdir(listing));) {
		size_t length = strlen(entry->d_name);
		if (length < 6 || strcmp(entry->d_name + length - 5, ".sock") != 0)
			continue;
		char *path = lk_path_join(folder, entry->d_name);
		if (answers(path))
			*LK_PUSH(*paths, *count) = path;
		else
			free(path);
	}
	if (listing)
		closedir(listing);
	free(folder);
	return true;
}

static bool wait_until_gone(const char *path, const char *run, struct lk_error *error)
{
	int64_t until = lk_clock_us() + MAKE_ROOM_MS * 1000LL;
	while (access(path, F_OK) == 0 && answers(path)) {
		if (lk_clock_us() > until)
			return lk_fail(error, LK_ERROR_REFUSED,
				       "the keeper of run %s does not end: try again in a moment",
				       run);
		lk_sleep_ms(20);
	}
	return true;
}

/* One keeper: *found when it has the run, and then it ends, or the error says why not. */
static bool ask_for_room(const char *path, const char *run, bool *found, struct lk_error *error)
{
	struct lk_error ignored;
	struct lk_client *client = lk_client_open(path, &ignored);
	if (!client)
		return true;
	struct lk_snapshot *s = lk_alloc(sizeof *s);
	*found = lk_client_call(client, "status", NULL, RETIRE_MS, s, NULL, 0, &ignored) &&
		 strcmp(s->run, run) == 0;
	bool ends = !*found || lk_client_call(client, "retire", json_pack("{s:b}", "replace", 1),
					      RETIRE_MS, NULL, NULL, 0, error);
	lk_client_close(client);
	free(s);
	return ends && (!*found || wait_until_gone(path, run, error));
}

bool lk_keeper_make_room(const char *run, bool *found, struct lk_error *error)
{
	char **paths;
	size_t count;
	bool room = true;
	*found = false;
	if (!lk_keeper_list(&paths, &count, error))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (room && !*found)
			room = ask_for_room(paths[i], run, found, error);
		free(paths[i]);
	}
	free(paths);
	return room;
}
