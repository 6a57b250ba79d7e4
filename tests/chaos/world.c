/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "tests/chaos/leftovers.h"
#include "tests/chaos/network.h"
#include "tests/server/processes.h"

static const char plan_text[] =
	"plan: " LK_CHAOS_PLAN "\n"
	"releases: {old: \"41\", new: \"42\"}\n"
	"operations:\n"
	"  - rename_column: {table: users, from: username, to: user_handle}\n"
	"limits: {chunk_time: 50ms, lag: 10s}\n";

static void must(bool done, const struct lk_error *error)
{
	if (done)
		return;
	fprintf(stderr, "chaos: %s\n", error->text);
	exit(1);
}

static void miss(struct lk_chaos_world *world, const struct lk_error *error)
{
	size_t length = strlen(world->missing);
	snprintf(world->missing + length, sizeof world->missing - length, "%s%.70s",
		 length ? "; " : "", error->text);
}

static char *folder_of(const struct lk_chaos_world *world, const char *name)
{
	struct lk_error error;
	char *path = lk_path_join(world->folder, name);
	must(lk_path_make(path, 0755, &error), &error);
	return path;
}

void lk_chaos_home_name(const char *folder, enum lk_chaos_person person, char *home, size_t size)
{
	static const char *const names[] = {"alice", "bob"};
	snprintf(home, size, "%s/%s", folder, names[person]);
}

static void open_homes(struct lk_chaos_world *world, bool small_state)
{
	struct lk_error error;
	for (int i = 0; i < LK_CHAOS_PEOPLE; i++) {
		char *home = world->homes[i];
		lk_chaos_home_name(world->folder, i, home, sizeof world->homes[i]);
		must(lk_path_make(home, 0755, &error), &error);
		char *state = lk_path_join(home, "state"), *plan = lk_path_join(home, "plan.yaml");
		must(lk_path_make(state, 0700, &error), &error);
		must(lk_path_write(plan, plan_text, strlen(plan_text), &error), &error);
		if (small_state && i == LK_CHAOS_ALICE)
			must(lk_chaos_small_disk(state, LK_CHAOS_STATE_KIB, &error), &error);
		free(plan);
		free(state);
	}
}

static void open_clock(struct lk_chaos_world *world)
{
	struct lk_error error;
	const char *shim = getenv("CHAOS_CLOCK_SHIM");
	world->clock_shim = realpath(shim ? shim : "tests/chaos/clock_shim.so", NULL);
	if (!world->clock_shim) {
		lk_fail_errno(&error, errno, "no clock to shift: tests/chaos/clock_shim.so");
		miss(world, &error);
		return;
	}
	char *path = lk_path_join(world->folder, "clock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	void *map = MAP_FAILED;
	if (fd >= 0 && ftruncate(fd, sizeof(int64_t)) == 0)
		map = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(map != MAP_FAILED || lk_fail_errno(&error, errno, "%s", path), &error);
	close(fd);
	free(path);
	world->clock_offset = map;
	world->has.clock = true;
}

static void open_servers(struct lk_chaos_world *world)
{
	const struct lk_chaos_engine *engine = world->engine;
	bool cable = world->has.network;
	world->servers = engine->start(cable ? LK_CHAOS_ADDRESS : NULL, LK_CHAOS_NETWORK);
	world->uri = cable ? engine->uri_at(world->servers, LK_CHAOS_ADDRESS)
			   : engine->uri(world->servers);
}

/* Where no namespace can be had: the same silence, made by the test itself. */
static void open_proxy(struct lk_chaos_world *world)
{
	struct lk_error error;
	char *path = world->engine->socket(world->servers);
	world->proxy = lk_chaos_proxy_start(path, &error);
	must(world->proxy != NULL, &error);
	free(path);
	free(world->uri);
	world->uri = world->engine->uri_by_port(lk_chaos_proxy_port(world->proxy));
	world->has.network = true;
}

void lk_chaos_world_open(struct lk_chaos_world *world, const struct lk_chaos_engine *engine,
			 const struct lk_chaos_needs *needs)
{
	struct lk_error error;
	const char *program = getenv("LOCKKEEPER");
	memset(world, 0, sizeof *world);
	world->engine = engine;
	world->program = realpath(program && program[0] ? program : "./lockkeeper", NULL);
	must(world->program || lk_fail_errno(&error, errno, "the program lockkeeper"), &error);
	/* Keepers that lose their parent become our children, and can be ended with us. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	bool wants_proxy = false;
	bool disks = needs->small_server_disk || needs->small_state_disk;
	if (disks && !lk_chaos_own_mounts(&error)) {
		miss(world, &error);
		disks = false;
	}
	world->has.small_server_disk = disks && needs->small_server_disk;
	world->has.small_state_disk = disks && needs->small_state_disk;
	if (needs->network) {
		world->has.network = lk_chaos_network_open(&world->behind, &error);
		if (!world->has.network)
			miss(world, &error);
		wants_proxy = !world->has.network;
	}
	lk_chaos_leftovers_remove();
	LK_COPY(world->folder, LK_CHAOS_PREFIX "XXXXXX");
	must((mkdtemp(world->folder) && chmod(world->folder, 0755) == 0) ||
		     lk_fail_errno(&error, errno, "%s", world->folder),
	     &error);
	world->lock = lk_chaos_lock(world->folder);
	if (needs->clock)
		open_clock(world);
	open_homes(world, world->has.small_state_disk);
	if (world->has.small_server_disk) {
		char *disk = folder_of(world, "disk");
		must(lk_chaos_small_disk(disk, LK_CHAOS_SERVER_MIB * 1024, &error), &error);
		setenv("TMPDIR", disk, 1);
		free(disk);
	}
	open_servers(world);
	if (wants_proxy)
		open_proxy(world);
}

/* The program's environment: the person's, with the shifted clock. */
static char **environment_of(const struct lk_chaos_world *world, enum lk_chaos_person person)
{
	extern char **environ;
	const char *ours[] = {
		"HOME=", "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "PGPASSWORD=", "TMPDIR=", NULL,
		NULL};
	const char *home = world->homes[person];
	char **made = NULL;
	size_t count = 0;
	if (world->clock_offset)
		ours[LK_COUNT(ours) - 2] = "ASAN_OPTIONS=";
	for (char **e = environ; *e; e++) {
		bool replaced = false;
		for (int i = 0; ours[i]; i++)
			replaced = replaced || strncmp(*e, ours[i], strlen(ours[i])) == 0;
		if (!replaced)
			*LK_PUSH(made, count) = lk_strdup(*e);
	}
	*LK_PUSH(made, count) = lk_format("HOME=%s", home);
	*LK_PUSH(made, count) = lk_format("XDG_STATE_HOME=%s/state", home);
	*LK_PUSH(made, count) = lk_format("XDG_CONFIG_HOME=%s/config", home);
	if (world->clock_offset) {
		*LK_PUSH(made, count) = lk_format("LD_PRELOAD=%s", world->clock_shim);
		*LK_PUSH(made, count) = lk_format("CHAOS_CLOCK=%s/clock", world->folder);
		/* A sanitizer wants to be loaded first. */
		const char *options = getenv("ASAN_OPTIONS");
		*LK_PUSH(made, count) = lk_format("ASAN_OPTIONS=%s%sverify_asan_link_order=0",
						  options ? options : "", options ? ":" : "");
	}
	*LK_PUSH(made, count) = NULL;
	return made;
}

static void free_list(char **list)
{
	for (size_t i = 0; list[i]; i++)
		free(list[i]);
	free(list);
}

static pid_t start(const struct lk_chaos_world *world, enum lk_chaos_person person,
		   const char *const *arguments, const char *output)
{
	char **environment = environment_of(world, person);
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		int out = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if ((world->behind && !lk_chaos_network_enter(world->behind)) || null < 0 ||
		    out < 0 || chdir(world->homes[person]) != 0)
			_exit(126);
		dup2(null, 0);
		dup2(null, 1);
		dup2(out, 2);
		close_range(3, ~0U, 0);
		execve(world->program, (char *const *)arguments, environment);
		_exit(127);
	}
	free_list(environment);
	return pid;
}

static void read_last_words(const char *path, struct lk_chaos_said *said)
{
	struct lk_error ignored;
	char *text = lk_path_read(path, 1024 * 1024, NULL, &ignored);
	for (char *p = text; p && *p; p++)
		if (*p == '\n')
			*p = ' ';
	if (text)
		LK_COPY(said->text, text);
	free(text);
	unlink(path);
}

struct lk_chaos_said lk_chaos_do(struct lk_chaos_world *world, enum lk_chaos_person person,
				 int limit_ms, const char *const *arguments)
{
	struct lk_chaos_said said = {.status = 127};
	int64_t until = lk_clock_us() + limit_ms * 1000LL;
	/* Outside of the home's state, which may be full. */
	char *output = lk_format("%s/said-%d-%lld", world->folder, (int)person, (long long)until);
	pid_t pid = start(world, person, arguments, output);
	int status = 0;
	if (person == LK_CHAOS_ALICE)
		world->console = pid;
	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
		if (lk_clock_us() > until) {
			said.hung = true;
			kill(pid, SIGKILL);
		}
		lk_sleep_ms(3);
	}
	if (person == LK_CHAOS_ALICE)
		world->console = 0;
	if (pid > 0)
		said.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	read_last_words(output, &said);
	free(output);
	return said;
}

struct lk_chaos_said lk_chaos_run(struct lk_chaos_world *world, enum lk_chaos_person person,
				  int limit_ms, const char *gates)
{
	const char *const arguments[] = {"lockkeeper", "run",	"plan.yaml", "--target", world->uri,
					 "--headless", "--yes", gates,	     NULL};
	return lk_chaos_do(world, person, limit_ms, arguments);
}

/* The socket's folder may hold the sockets of dead keepers as well. */
pid_t lk_chaos_keeper(const struct lk_chaos_world *world, enum lk_chaos_person person)
{
	pid_t found = 0;
	char *folder = lk_format("%s/state/lockkeeper/run", world->homes[person]);
	DIR *listing = opendir(folder);
	for (struct dirent *entry; listing && !found && (entry = readdir(listing));) {
		size_t length = strlen(entry->d_name);
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		struct ucred credentials = {0};
		socklen_t size = sizeof credentials;
		if (length < 6 || strcmp(entry->d_name + length - 5, ".sock") != 0)
			continue;
		char *path = lk_path_join(folder, entry->d_name);
		LK_COPY(address.sun_path, path);
		free(path);
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
			found = credentials.pid;
		close(fd);
	}
	if (listing)
		closedir(listing);
	free(folder);
	return found;
}

bool lk_chaos_process_gone(pid_t pid)
{
	char path[40], line[200] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return true;
	bool read = fgets(line, sizeof line, file) != NULL;
	fclose(file);
	const char *end = strrchr(line, ')');
	return !read || (end && end[1] == ' ' && end[2] == 'Z');
}

/* Whatever is left of the programs: our children, now or since their parents ended. */
static void end_children(void)
{
	for (int round = 0; round < 200; round++) {
		struct lk_processes children = lk_processes_below(getpid());
		for (size_t i = 0; i < children.count; i++)
			kill(children.pids[i], SIGKILL);
		free(children.pids);
		pid_t ended;
		while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (ended < 0 && errno == ECHILD)
			return;
		lk_sleep_ms(5);
	}
}

static void unmount(const struct lk_chaos_world *world, const char *name)
{
	char *path = lk_path_join(world->folder, name);
	umount2(path, MNT_DETACH);
	free(path);
}

/* The logs of servers and keepers, which lie where nothing stays. */
static void keep_logs(const struct lk_chaos_world *world)
{
	char *sources[] = {world->engine->log(world->servers, LK_CHAOS_PRIMARY),
			   world->engine->log(world->servers, LK_CHAOS_REPLICA),
			   lk_path_join(world->homes[LK_CHAOS_ALICE], "state"),
			   lk_path_join(world->homes[LK_CHAOS_BOB], "state")};
	static const char *const names[] = {"primary.log", "replica.log", "alice-state",
					    "bob-state"};
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		char *to = lk_path_join(world->folder, names[i]);
		pid_t pid = fork();
		if (pid == 0) {
			execlp("cp", "cp", "-r", sources[i], to, (char *)NULL);
			_exit(127);
		}
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		free(to);
		free(sources[i]);
	}
	struct lk_error ignored;
	char *mark = lk_path_join(world->folder, LK_CHAOS_KEPT);
	lk_path_write(mark, "", 0, &ignored);
	free(mark);
	printf("# kept: %s\n", world->folder);
}

void lk_chaos_world_close(struct lk_chaos_world *world)
{
	struct lk_error error;
	if (world->keep)
		keep_logs(world);
	for (int i = 0; i < LK_CHAOS_PEOPLE; i++) {
		pid_t keeper = lk_chaos_keeper(world, i);
		if (keeper > 0 && keeper != getpid())
			kill(keeper, SIGKILL);
	}
	lk_chaos_proxy_stop(world->proxy);
	world->engine->stop(world->servers);
	end_children();
	if (!world->keep) {
		unmount(world, "disk");
		unmount(world, "alice/state");
	}
	if (!world->keep && !lk_path_remove_tree(world->folder, &error))
		fprintf(stderr, "chaos: %s\n", error.text);
	close(world->lock);
	free(world->program);
	free(world->clock_shim);
	free(world->uri);
}
