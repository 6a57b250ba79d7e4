/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calls of the program that asked for a sandbox: start it, ask for the result, end it. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "control/line.h"
#include "sandbox/folder.h"
#include "sandbox/protocol.h"
#include "sandbox/servers.h"
#include "sandbox/shop.h"

#define START_LIMIT_US 180000000
#define RESULT_LIMIT_US 300000000
#define STOP_LIMIT_US 90000000
/* A start takes longer with more rows: at the least this many are loaded a second. */
#define ROWS_PER_SECOND 20000

enum { ARGUMENTS = 16 };

struct conversation {
	void (*progress)(void *context, const char *line);
	void *context;
	json_t *answer; /* of the member "ready" or "result" */
	char failed[sizeof(((struct lk_error *)0)->text)];
};

static bool take_line(void *context, json_t *object)
{
	struct conversation *talk = context;
	const char *line = json_string_value(json_object_get(object, "progress"));
	const char *failed = json_string_value(json_object_get(object, "failed"));
	json_t *answer = json_object_get(object, "ready");
	if (!answer)
		answer = json_object_get(object, "result");
	if (line && talk->progress)
		talk->progress(talk->context, line);
	if (failed)
		LK_COPY(talk->failed, failed);
	if (answer && !talk->answer)
		talk->answer = json_incref(answer);
	return true;
}

/* Reads lines until an answer, a failure or the deadline; false also at the end of the stream. */
static bool converse(int fd, struct conversation *talk, int64_t deadline_us, struct lk_error *error)
{
	struct lk_lines lines = {0};
	bool open = true;
	while (open && !talk->answer && !talk->failed[0]) {
		char bytes[4096];
		int64_t left_ms = (deadline_us - lk_clock_us()) / 1000;
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		int ready = left_ms > 0 ? poll(&poller, 1, (int)left_ms) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		ssize_t n = ready > 0 ? read(fd, bytes, sizeof bytes) : 0;
		open = n > 0 && lk_lines_feed(&lines, bytes, (size_t)n, take_line, talk, error);
	}
	lk_lines_free(&lines);
	if (talk->answer)
		return true;
	if (talk->failed[0])
		return lk_fail(error, LK_ERROR_SYSTEM, "%s", talk->failed);
	return lk_fail(error, LK_ERROR_LOST, "the sandbox's process %s",
		       lk_clock_us() >= deadline_us ? "does not answer" : "has ended");
}

static int64_t kind_number(const char *word)
{
	int64_t number = 0;
	while (word && lk_servers_kinds[number] &&
	       lk_servers_kinds[number] != lk_servers_kind(word))
		number++;
	return number;
}

/* The child's arguments; strings are the caller's. */
static void make_arguments(const struct lk_sandbox_options *options, char *arguments[ARGUMENTS + 1])
{
	const struct {
		const char *name;
		int64_t value;
	} pairs[] = {
		{"--kind", kind_number(options->kind)},
		{"--rows", options->rows ? options->rows : 1000000},
		{"--writes", options->writes < 0 ? 300 : options->writes},
		{"--connections", options->connections ? options->connections : 8},
		{"--max-time-ms", options->max_time_ms ? options->max_time_ms : 7200000},
		{"--idle-ms", options->idle_ms ? options->idle_ms : 60000},
		{"--keep", options->keep},
	};
	size_t count = 0;
	arguments[count++] = lk_strdup("lockkeeper");
	arguments[count++] = lk_strdup(LK_SANDBOX_VERB);
	for (size_t i = 0; i < LK_COUNT(pairs); i++) {
		arguments[count++] = lk_strdup(pairs[i].name);
		arguments[count++] = lk_format("%" PRId64, pairs[i].value);
	}
	arguments[count] = NULL;
}

/* The child inherits nothing but the pipe: no terminal, no descriptors, no blocked signals. */
static void become_server(int pipe_end, char **arguments)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	int null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(pipe_end, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close_range(3, ~0U, 0);
	execv("/proc/self/exe", arguments);
	_exit(127);
}

static pid_t spawn_server(const struct lk_sandbox_options *options, int *output,
			  struct lk_error *error)
{
	char *arguments[ARGUMENTS + 1];
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0) {
		lk_fail_errno(error, errno, "cannot start the sandbox");
		return -1;
	}
	make_arguments(options, arguments);
	pid_t pid = fork();
	if (pid == 0)
		become_server(ends[1], arguments);
	if (pid < 0)
		lk_fail_errno(error, errno, "cannot start the sandbox");
	for (size_t i = 0; arguments[i]; i++)
		free(arguments[i]);
	close(ends[1]);
	*output = ends[0];
	if (pid < 0)
		close(ends[0]);
	return pid;
}

static bool connect_to(struct lk_sandbox *sandbox, struct lk_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t room = sizeof address.sun_path;
	int n = snprintf(address.sun_path, room, "%s/" LK_SANDBOX_SOCKET, sandbox->folder);
	sandbox->connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (n > 0 && (size_t)n < room && sandbox->connection >= 0 &&
	    connect(sandbox->connection, (struct sockaddr *)&address, sizeof address) == 0)
		return true;
	lk_fail_errno(error, errno, "cannot connect to the sandbox in %s", sandbox->folder);
	if (sandbox->connection >= 0)
		close(sandbox->connection);
	sandbox->connection = -1;
	return false;
}

static bool take_ready(const json_t *ready, struct lk_sandbox *sandbox, struct lk_error *error)
{
	const char *folder, *uri, *replica, *file;
	if (json_unpack((json_t *)ready, "{s:s, s:s, s:s, s:s}", "folder", &folder, "uri", &uri,
			"replica_uri", &replica, "application_file", &file) != 0)
		return lk_fail(error, LK_ERROR_SYSTEM, "the sandbox's process answered nonsense");
	LK_COPY(sandbox->folder, folder);
	LK_COPY(sandbox->uri, uri);
	LK_COPY(sandbox->replica_uri, replica);
	LK_COPY(sandbox->application_file, file);
	return connect_to(sandbox, error);
}

bool lk_sandbox_start(const struct lk_sandbox_options *options,
		      void (*progress)(void *context, const char *line), void *context,
		      struct lk_sandbox *sandbox, struct lk_error *error)
{
	struct conversation talk = {.progress = progress, .context = context};
	int output = -1;
	memset(sandbox, 0, sizeof *sandbox);
	sandbox->connection = -1;
	sandbox->pid = (int)spawn_server(options, &output, error);
	if (sandbox->pid < 0)
		return false;
	int64_t limit_us = START_LIMIT_US + options->rows / ROWS_PER_SECOND * 1000000;
	bool started = converse(output, &talk, lk_clock_us() + limit_us, error) &&
		       take_ready(talk.answer, sandbox, error);
	json_decref(talk.answer);
	close(output);
	if (started)
		return true;
	/* It cleans up after itself and ends. */
	kill(sandbox->pid, SIGTERM);
	waitpid(sandbox->pid, NULL, 0);
	return false;
}

static bool request(const struct lk_sandbox *sandbox, const char *verb, struct lk_error *error)
{
	char *line = lk_format("{\"verb\": \"%s\"}\n", verb);
	size_t length = strlen(line);
	ssize_t n = send(sandbox->connection, line, length, MSG_NOSIGNAL);
	free(line);
	if (n == (ssize_t)length)
		return true;
	return lk_fail(error, LK_ERROR_LOST, "the sandbox's process has ended");
}

static void take_result(json_t *object, struct lk_sandbox_result *result)
{
	const struct {
		const char *name;
		int64_t *value;
	} counts[] = {{"transactions", &result->transactions},
		      {"errors", &result->errors},
		      {"rows", &result->rows},
		      {"rows_compared", &result->rows_compared},
		      {"rows_different", &result->rows_different}};
	const struct {
		const char *name;
		double *value;
	} times[] = {{"p50_ms", &result->p50_ms},
		     {"p95_ms", &result->p95_ms},
		     {"p99_ms", &result->p99_ms},
		     {"max_ms", &result->max_ms},
		     {"p99_alone_ms", &result->p99_alone_ms},
		     {"longest_stall_ms", &result->longest_stall_ms}};
	memset(result, 0, sizeof *result);
	for (size_t i = 0; i < LK_COUNT(counts); i++)
		*counts[i].value = json_integer_value(json_object_get(object, counts[i].name));
	for (size_t i = 0; i < LK_COUNT(times); i++)
		*times[i].value = json_number_value(json_object_get(object, times[i].name));
	LK_COPY(result->first_error, json_string_value(json_object_get(object, "first_error")));
}

static bool ask_for_result(struct lk_sandbox *sandbox, const char *verb,
			   struct lk_sandbox_result *result, struct lk_error *error)
{
	struct conversation talk = {0};
	if (!request(sandbox, verb, error) ||
	    !converse(sandbox->connection, &talk, lk_clock_us() + RESULT_LIMIT_US, error))
		return lk_fail_context(error, "no comparison of the sandbox's rows");
	take_result(talk.answer, result);
	json_decref(talk.answer);
	return true;
}

bool lk_sandbox_result(struct lk_sandbox *sandbox, struct lk_sandbox_result *result,
		       struct lk_error *error)
{
	return ask_for_result(sandbox, "result", result, error);
}

bool lk_sandbox_compare(struct lk_sandbox *sandbox, struct lk_sandbox_result *result,
			struct lk_error *error)
{
	return ask_for_result(sandbox, "compare", result, error);
}

char *lk_sandbox_shape(const struct lk_sandbox *sandbox, struct lk_error *error)
{
	struct lk_link *link = lk_link_open(sandbox->uri, "sandbox", error);
	char *shape = link ? lk_shop_shape(link, error) : NULL;
	lk_link_close(link);
	return shape;
}

/* The end of the stream is the end of the process, and that comes after everything else. */
bool lk_sandbox_stop(struct lk_sandbox *sandbox, struct lk_error *error)
{
	struct lk_error ignored;
	struct conversation talk = {0};
	int64_t deadline_us = lk_clock_us() + STOP_LIMIT_US;
	if (request(sandbox, "stop", &ignored))
		converse(sandbox->connection, &talk, deadline_us, &ignored);
	json_decref(talk.answer);
	close(sandbox->connection);
	sandbox->connection = -1;
	if (lk_clock_us() >= deadline_us)
		return lk_fail(error, LK_ERROR_SYSTEM,
			       "the sandbox in %s does not end; its process is %d", sandbox->folder,
			       sandbox->pid);
	int status = 0;
	bool failed = waitpid(sandbox->pid, &status, 0) == sandbox->pid && status != 0;
	/* Had it been killed, it could not clean up. */
	lk_folder_remove_leftovers(LK_SANDBOX_PREFIX);
	if (failed)
		return lk_fail(error, LK_ERROR_SYSTEM, "the sandbox's process ended with %s %d",
			       WIFSIGNALED(status) ? "signal" : "status",
			       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return true;
}
