/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/control/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"

#define PREFIX "lk-control-"

enum { MOST_ARGUMENTS = 30, MOST_HOMES = 4, PATIENCE_S = 300, LEFT_FOR_S = 30 };

static void make_folder(const char *parent, const char *name)
{
	char *path = lk_path_join(parent, name);
	if (mkdir(path, 0700) != 0)
		fail_msg("mkdir %s: %s", path, strerror(errno));
	free(path);
}

/* Locked by the test program for as long as it lives; -1 when another has it, or there is none to open. */
static int lock_folder(const char *folder, int flags)
{
	char *path = lk_path_join(folder, "lock");
	int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
	free(path);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void lk_home_make(struct lk_stage *stage, struct lk_home *home)
{
	assert_true(stage->homes < MOST_HOMES);
	home->stage = stage;
	snprintf(home->path, sizeof home->path, "%s/%d", stage->folder, stage->homes++);
	make_folder(home->path, "");
	make_folder(home->path, "plans");
	make_folder(home->path, "config");
	make_folder(home->path, "state");
}

/* The process that listens on a socket, also when it does not answer. */
static pid_t listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred credentials = {0};
	socklen_t size = sizeof credentials;
	LK_COPY(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
	if (fd >= 0)
		close(fd);
	return credentials.pid;
}

/* Calls `act` for each socket of a home; stops when it yields true. */
static bool each_socket(const struct lk_home *home, bool (*act)(const char *path, void *context),
			void *context)
{
	char *folder = lk_format("%s/state/lockkeeper/run", home->path);
	DIR *listing = opendir(folder);
	bool stopped = false;
	for (struct dirent *entry; listing && !stopped && (entry = readdir(listing));) {
		size_t length = strlen(entry->d_name);
		if (length < 6 || strcmp(entry->d_name + length - 5, ".sock") != 0)
			continue;
		char *path = lk_path_join(folder, entry->d_name);
		stopped = act(path, context);
		free(path);
	}
	if (listing)
		closedir(listing);
	free(folder);
	return stopped;
}

/* A zombie of somebody else's is gone as well. */
static bool is_gone(pid_t pid, int *status)
{
	char path[40], line[200] = "";
	waitpid(pid, status, WNOHANG);
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return true;
	bool read = fgets(line, sizeof line, file) != NULL;
	fclose(file);
	const char *end = strrchr(line, ')');
	return !read || (end && end[1] == ' ' && end[2] == 'Z');
}

/* Yields how it ended, as far as anybody can tell. */
static int await_gone(pid_t pid, int seconds)
{
	int64_t until = lk_clock_us() + LK_BUSY * seconds * 1000000LL;
	int status = 0;
	while (!is_gone(pid, &status)) {
		if (lk_clock_us() > until)
			fail_msg("process %d does not end", (int)pid);
		lk_sleep_ms(5);
	}
	return status;
}

void lk_keeper_await_gone(pid_t pid, int seconds)
{
	await_gone(pid, seconds);
}

/* What a keeper wrote into its log, when it did not end as it should. */
static void show_log(const char *socket_path, int status)
{
	struct lk_error error;
	char *path = lk_format("%s.log", socket_path);
	char *log = lk_path_read(path, 4 * 1024 * 1024, NULL, &error);
	size_t length = log ? strlen(log) : 0;
	print_error("a keeper ended with status %d:\n%s\n", status,
		    log ? log + (length > 6000 ? length - 6000 : 0) : error.text);
	free(log);
	free(path);
}

/* Asked to end, a keeper ends in order: that is tested with each of them. */
static bool end_keeper(const char *path, void *context)
{
	pid_t pid = listener(path);
	if (pid <= 0 || pid == getpid())
		return false;
	kill(pid, SIGTERM);
	int status = await_gone(pid, 30);
	if (status != 0) {
		show_log(path, status);
		*(bool *)context = true;
	}
	return false;
}

static bool kill_keeper(const char *path, void *context)
{
	(void)context;
	pid_t pid = listener(path);
	if (pid > 0 && pid != getpid())
		kill(pid, SIGKILL);
	return false;
}

/* A test program that was killed leaves keepers behind, which would wait for its server for ever. */
static void remove_leftovers(void)
{
	struct lk_error ignored;
	DIR *listing = opendir("/tmp");
	for (struct dirent *entry; listing && (entry = readdir(listing));) {
		struct stat info;
		char folder[40];
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
		    strlen(entry->d_name) != strlen(PREFIX) + 6)
			continue;
		snprintf(folder, sizeof folder, "/tmp/%.30s", entry->d_name);
		/* One that was made just now may not be locked yet. */
		bool old = lstat(folder, &info) == 0 && S_ISDIR(info.st_mode) &&
			   info.st_uid == geteuid() && time(NULL) - info.st_mtime > LEFT_FOR_S;
		int lock = old ? lock_folder(folder, 0) : -1;
		if (lock < 0)
			continue;
		for (int i = 0; i < MOST_HOMES; i++) {
			struct lk_home home = {.stage = NULL};
			snprintf(home.path, sizeof home.path, "%s/%d", folder, i);
			each_socket(&home, kill_keeper, NULL);
		}
		lk_path_remove_tree(folder, &ignored);
		close(lock);
	}
	if (listing)
		closedir(listing);
}

void lk_stage_open_at(struct lk_stage *stage, const char *uri)
{
	const char *program = getenv("LOCKKEEPER");
	memset(stage, 0, sizeof *stage);
	stage->program = realpath(program && program[0] ? program : "./lockkeeper", NULL);
	if (!stage->program)
		fail_msg("there is no program %s", program ? program : "./lockkeeper");
	remove_leftovers();
	/* Keepers that lose their parent become our children, so that their end can be waited for.
	 */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	LK_COPY(stage->folder, "/tmp/" PREFIX "XXXXXX");
	if (!mkdtemp(stage->folder))
		fail_msg("mkdtemp: %s", strerror(errno));
	stage->lock = lock_folder(stage->folder, O_CREAT);
	stage->uri = lk_strdup(uri);
}

void lk_stage_open(struct lk_stage *stage, const struct lk_test_server_options *options)
{
	struct lk_test_server *server = lk_test_server_start(options);
	char *uri = lk_test_server_uri(server, LK_TEST_PRIMARY);
	lk_stage_open_at(stage, uri);
	stage->server = server;
	free(uri);
}

void lk_stage_close(struct lk_stage *stage)
{
	struct lk_error error;
	bool disorder = false;
	for (int i = 0; i < stage->homes; i++) {
		struct lk_home home = {.stage = stage};
		snprintf(home.path, sizeof home.path, "%s/%d", stage->folder, i);
		each_socket(&home, end_keeper, &disorder);
	}
	if (stage->server)
		lk_test_server_stop(stage->server);
	if (!lk_path_remove_tree(stage->folder, &error))
		fprintf(stderr, "%s\n", error.text);
	close(stage->lock);
	free(stage->uri);
	free(stage->program);
	if (disorder)
		fail_msg("a keeper did not end in order");
}

char *lk_plan_path(const struct lk_home *home, const char *name)
{
	return lk_format("%s/plans/%s.yaml", home->path, name);
}

void lk_plan_write(const struct lk_home *home, const char *name, const char *body)
{
	struct lk_error error;
	char *path = lk_plan_path(home, name), *text = lk_format("plan: %s\n%s", name, body);
	if (!lk_path_write(path, text, strlen(text), &error))
		fail_msg("%s", error.text);
	free(text);
	free(path);
}

void lk_plan_rename(const struct lk_home *home, const char *name, const char *table,
		    const char *limits)
{
	char *body =
		lk_format("releases: {old: \"41\", new: \"42\"}\noperations:\n"
			  "  - rename_column: {table: %s, from: username, to: user_handle}\n%s",
			  table, limits);
	lk_plan_write(home, name, body);
	free(body);
}

/* The arguments as the program gets them; strings of ours in `made`. */
struct call {
	const char *arguments[MOST_ARGUMENTS];
	int count;
	char *made;
	char **environment; /* ends with NULL */
};

static void collect(const struct lk_home *home, struct call *call, va_list list)
{
	bool targeted = false, wants_target = false;
	const char *word;
	memset(call, 0, sizeof *call);
	call->arguments[call->count++] = "lockkeeper";
	while ((word = va_arg(list, const char *))) {
		bool first = call->count == 1;
		bool plan = call->count == 2 && wants_target && !strchr(word, '/');
		assert_true(call->count < MOST_ARGUMENTS - 4);
		targeted = targeted || strcmp(word, "--target") == 0;
		wants_target =
			wants_target ||
			(first && (strcmp(word, "run") == 0 || strcmp(word, "explain") == 0));
		if (plan)
			word = call->made = lk_plan_path(home, word);
		call->arguments[call->count++] = word;
	}
	if (wants_target && !targeted) {
		call->arguments[call->count++] = "--target";
		call->arguments[call->count++] = home->stage->uri;
	}
}

/* Ours without what a person may have set, and with the home's folders. */
static char **environment_of(const struct lk_home *home)
{
	static const char *const replaced[] = {
		"HOME=", "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "PGPASSWORD="};
	static const char *const below[] = {"", "/state", "/config"};
	char **list = NULL;
	size_t count = 0;
	for (char **variable = environ; *variable; variable++) {
		bool ours = false;
		for (size_t i = 0; i < LK_COUNT(replaced); i++)
			ours = ours || strncmp(*variable, replaced[i], strlen(replaced[i])) == 0;
		if (!ours)
			*LK_PUSH(list, count) = lk_strdup(*variable);
	}
	for (size_t i = 0; i < LK_COUNT(below); i++)
		*LK_PUSH(list, count) = lk_format("%s%s%s", replaced[i], home->path, below[i]);
	*LK_PUSH(list, count) = NULL;
	return list;
}

static void free_call(struct call *call)
{
	for (char **variable = call->environment; *variable; variable++)
		free(*variable);
	free(call->environment);
	free(call->made);
}

/* In the child of a program whose threads go on: nothing may be allocated, another thread may have held the lock. */
static void become_program(const struct lk_home *home, const struct call *call)
{
	static const char *const outputs[] = {"out", "err"};
	for (int i = 0; i < 2; i++) {
		char path[100];
		snprintf(path, sizeof path, "%s/%s-%d", home->path, outputs[i], (int)getpid());
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, i + 1);
		close(fd);
	}
	int null = open("/dev/null", O_RDONLY);
	dup2(null, 0);
	if (chdir(home->path) == 0)
		execve(home->stage->program, (char *const *)call->arguments, call->environment);
	_exit(126);
}

static pid_t start(const struct lk_home *home, va_list list)
{
	struct call call;
	collect(home, &call, list);
	call.environment = environment_of(home);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		become_program(home, &call);
	free_call(&call);
	if (pid < 0)
		fail_msg("fork: %s", strerror(errno));
	return pid;
}

pid_t lk_do_begin(const struct lk_home *home, ...)
{
	va_list list;
	va_start(list, home);
	pid_t pid = start(home, list);
	va_end(list);
	return pid;
}

static char *read_output(const struct lk_home *home, const char *name, pid_t pid)
{
	struct lk_error error;
	char path[100];
	snprintf(path, sizeof path, "%s/%s-%d", home->path, name, (int)pid);
	char *text = lk_path_read(path, 16 * 1024 * 1024, NULL, &error);
	unlink(path);
	return text ? text : lk_strdup("");
}

struct lk_said lk_do_finish(const struct lk_home *home, pid_t pid)
{
	int64_t until = lk_clock_us() + PATIENCE_S * 1000000LL;
	int status = 0;
	pid_t ended;
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && lk_clock_us() < until)
		lk_sleep_ms(5);
	if (ended == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	struct lk_said said = {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
			       read_output(home, "out", pid), read_output(home, "err", pid)};
	return said;
}

void lk_said_free(struct lk_said *said)
{
	free(said->out);
	free(said->err);
}

struct lk_said lk_do(const struct lk_home *home, ...)
{
	va_list list;
	va_start(list, home);
	pid_t pid = start(home, list);
	va_end(list);
	return lk_do_finish(home, pid);
}

static void expect(const struct lk_home *home, int status, const char *words, va_list list)
{
	struct lk_said said = lk_do_finish(home, start(home, list));
	size_t length = strlen(said.out);
	const char *tail = said.out + (length > 1500 ? length - 1500 : 0);
	if (said.status != status)
		fail_msg("ended with %d instead of %d\n%s\n%s", said.status, status, tail,
			 said.err);
	if (words && !strstr(said.out, words) && !strstr(said.err, words))
		fail_msg("did not say \"%s\"\n%s\n%s", words, tail, said.err);
	lk_said_free(&said);
}

void lk_expect(const struct lk_home *home, int status, ...)
{
	va_list list;
	va_start(list, status);
	expect(home, status, NULL, list);
	va_end(list);
}

void lk_expect_says(const struct lk_home *home, int status, const char *words, ...)
{
	va_list list;
	va_start(list, words);
	expect(home, status, words, list);
	va_end(list);
}

/* A socket is named after its plan, and the target's hash of eight characters. */
struct search {
	const char *plan;
	char *path;
};

static bool is_of_plan(const char *path, void *context)
{
	struct search *search = context;
	const char *name = strrchr(path, '/') + 1;
	size_t length = strlen(search->plan);
	if (strlen(name) != length + 14 || strncmp(name, search->plan, length) != 0)
		return false;
	search->path = lk_strdup(path);
	return true;
}

char *lk_socket_path(const struct lk_home *home, const char *plan)
{
	struct search search = {plan, NULL};
	each_socket(home, is_of_plan, &search);
	return search.path;
}

struct lk_client *lk_connect(const struct lk_home *home, const char *plan)
{
	struct lk_error ignored;
	char *path = lk_socket_path(home, plan);
	struct lk_client *client = path ? lk_client_open(path, &ignored) : NULL;
	free(path);
	return client;
}

bool lk_look(const struct lk_home *home, const char *plan, struct lk_snapshot *snapshot)
{
	struct lk_error ignored;
	struct lk_client *client = lk_connect(home, plan);
	bool seen =
		client && lk_client_call(client, "status", NULL, 5000, snapshot, NULL, 0, &ignored);
	lk_client_close(client);
	return seen;
}

bool lk_ask(const struct lk_home *home, const char *plan, const char *verb, json_t *members,
	    char *text)
{
	struct lk_error error;
	struct lk_client *client = lk_connect(home, plan);
	if (!client)
		fail_msg("no keeper of %s answers", plan);
	bool accepted = lk_client_call(client, verb, members, 10000, NULL, NULL, 0, &error);
	if (text)
		lk_copy_text(text, 600, accepted ? "" : error.text);
	lk_client_close(client);
	return accepted;
}

void lk_must(const struct lk_home *home, const char *plan, const char *verb, json_t *members)
{
	char text[600];
	if (!lk_ask(home, plan, verb, members, text))
		fail_msg("%s of %s was refused: %s", verb, plan, text);
}

void lk_confirm(const struct lk_home *home, const char *plan, const char *gate)
{
	lk_must(home, plan, "confirm", json_pack("{s:s, s:s}", "gate", gate, "answer", "yes"));
}

pid_t lk_keeper_pid(const struct lk_home *home, const char *plan)
{
	char *path = lk_socket_path(home, plan);
	pid_t pid = path ? listener(path) : 0;
	free(path);
	return pid;
}

void lk_keeper_signal(const struct lk_home *home, const char *plan, int signal)
{
	pid_t pid = lk_keeper_pid(home, plan);
	if (pid <= 0)
		fail_msg("there is no keeper of %s", plan);
	kill(pid, signal);
	if (signal != SIGKILL && signal != SIGTERM)
		return;
	int status = await_gone(pid, 20);
	if (signal == SIGTERM)
		assert_int_equal(status, 0);
}

char *lk_run_of(const struct lk_stage *stage, const char *plan)
{
	char *sql = lk_format("SELECT name FROM lockkeeper.run WHERE plan = '%s'"
			      " ORDER BY created_at DESC LIMIT 1",
			      plan);
	char *run = lk_test_value(stage->server, sql);
	free(sql);
	assert_true(run[0] != '\0');
	return run;
}
