/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/maria.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "sandbox/folder.h"

#define PREFIX "lk-maria"
#define START_LIMIT_S 120
enum { ARGUMENTS = 48 };

struct lk_maria {
	struct lk_folder folder;
	char *daemon, *install; /* the programs */
	uid_t user;
	gid_t group;
	char *data, *socket, *log;
	const char *const *options;
	pid_t pid;   /* 0 while it does not run */
	pid_t owner; /* a forked child that calls exit must not end its parent's servers */
	struct lk_maria *next;
};

/* Functions registered with atexit take no argument. */
static struct lk_maria *running;

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "test server: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

/* A program's path, the caller's; servers are often in folders that are in no ordinary user's PATH. */
static char *find_program(const char *name)
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

static bool find(struct lk_maria *server)
{
	server->daemon = find_program("mariadbd");
	server->install = find_program("mariadb-install-db");
	server->user = geteuid();
	server->group = getegid();
	if (!server->daemon || !server->install)
		return false;
	if (server->user != 0)
		return true;
	const struct passwd *entry = getpwnam("mysql");
	if (!entry)
		entry = getpwnam("nobody");
	if (!entry)
		die("MariaDB does not run as root, and there is no user \"mysql\" or \"nobody\"");
	server->user = entry->pw_uid;
	server->group = entry->pw_gid;
	return true;
}

/* Between fork and exec: only calls that are safe there. */
static void become(const struct lk_maria *server, pid_t parent)
{
	if (geteuid() == 0 && (setgroups(1, &server->group) != 0 || setgid(server->group) != 0 ||
			       setuid(server->user) != 0))
		_exit(126);
	umask(077);
	int null = open("/dev/null", O_RDONLY);
	int out = open(server->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (null < 0 || out < 0 || chdir(server->folder.servers) != 0)
		_exit(126);
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	close_range(3, ~0U, 0);
	/* A change of user clears it, so this comes last; the parent may be dead by now. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
}

static pid_t spawn(const struct lk_maria *server, const char *const *arguments)
{
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (pid == 0) {
		become(server, parent);
		execv(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	return pid;
}

static int wait_for(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

__attribute__((noreturn)) static void die_with_log(const struct lk_maria *server, const char *what)
{
	struct lk_error ignored;
	char *text = lk_path_read(server->log, 1024 * 1024, NULL, &ignored);
	size_t length = text ? strlen(text) : 0;
	die("%s\n%s", what, length > 2000 ? text + length - 2000 : (text ? text : ""));
}

static void run_program(const struct lk_maria *server, const char *const *arguments)
{
	if (wait_for(spawn(server, arguments)) != 0)
		die_with_log(server, arguments[0]);
}

/* Two test programs may come here at once: the second waits for the first and uses what it made. */
static void copy_template(const struct lk_maria *server)
{
	struct lk_error error;
	struct stat info;
	char *folder = lk_format("/tmp/%s-template-%u", PREFIX, (unsigned)geteuid());
	char *lock = lk_path_join(folder, "lock"), *ready = lk_path_join(folder, "ready");
	char *data = lk_path_join(folder, "data");
	char *to = lk_format("--datadir=%s", data);
	const char *const make[] = {server->install,
				    "--no-defaults",
				    to,
				    "--auth-root-authentication-method=normal",
				    "--skip-test-db",
				    "--skip-name-resolve",
				    "--innodb-log-file-size=24M",
				    "--innodb-flush-log-at-trx-commit=0",
				    NULL};
	const char *const copy[] = {"/bin/cp", "-a", "--reflink=auto", data, server->data, NULL};
	mkdir(folder, 0755);
	if (lstat(folder, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
		die("%s is not a folder of ours", folder);
	int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		die("%s: %m", lock);
	if (access(ready, F_OK) != 0) {
		if (!lk_path_remove_tree(data, &error))
			die("%s", error.text);
		if (mkdir(data, 0700) != 0 || chown(data, server->user, server->group) != 0)
			die("%s: %m", data);
		run_program(server, make);
		if (!lk_path_write(ready, "", 0, &error))
			die("%s", error.text);
	}
	run_program(server, copy);
	close(fd);
	free(to);
	free(data);
	free(ready);
	free(lock);
	free(folder);
}

static MYSQL *try_connect(const struct lk_maria *server, const char *database)
{
	MYSQL *mysql = mysql_init(NULL);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	if (mysql_real_connect(mysql, NULL, "root", NULL, database, 0, server->socket,
			       CLIENT_MULTI_STATEMENTS))
		return mysql;
	mysql_close(mysql);
	return NULL;
}

static void wait_until_ready(struct lk_maria *server)
{
	int64_t deadline = lk_clock_us() + (int64_t)START_LIMIT_S * 1000000;
	MYSQL *mysql;
	while (!(mysql = try_connect(server, NULL))) {
		if (waitpid(server->pid, NULL, WNOHANG) != 0) {
			server->pid = 0;
			die_with_log(server, "the server ended");
		}
		if (lk_clock_us() > deadline)
			die_with_log(server, "the server does not answer");
		lk_sleep_ms(10);
	}
	mysql_close(mysql);
}

void lk_maria_up(struct lk_maria *server)
{
	char *data = lk_format("--datadir=%s", server->data);
	char *tmp = lk_format("--tmpdir=%s", server->folder.servers);
	char *sock = lk_format("--socket=%s", server->socket);
	char *pid = lk_format("--pid-file=%s.pid", server->data);
	const char *arguments[ARGUMENTS] = {
		server->daemon,
		"--no-defaults",
		data,
		tmp,
		sock,
		pid,
		"--skip-networking",
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_unicode_ci",
		"--innodb-buffer-pool-size=64M",
		"--innodb-log-file-size=24M",
		"--innodb-flush-log-at-trx-commit=2",
		"--innodb-use-native-aio=0",
		"--performance-schema=0",
		"--max-allowed-packet=64M",
	};
	size_t count = 0;
	while (arguments[count])
		count++;
	for (size_t i = 0; server->options && server->options[i] && count + 1 < ARGUMENTS; i++)
		arguments[count++] = server->options[i];
	server->pid = spawn(server, arguments);
	wait_until_ready(server);
	free(data);
	free(tmp);
	free(sock);
	free(pid);
}

void lk_maria_kill(struct lk_maria *server)
{
	if (server->pid > 0) {
		kill(server->pid, SIGKILL);
		wait_for(server->pid);
	}
	server->pid = 0;
}

void lk_maria_freeze(struct lk_maria *server)
{
	kill(server->pid, SIGSTOP);
}

void lk_maria_thaw(struct lk_maria *server)
{
	kill(server->pid, SIGCONT);
}

static void release(struct lk_maria *server)
{
	free(server->daemon);
	free(server->install);
	free(server->data);
	free(server->socket);
	free(server->log);
	free(server);
}

static void end_quickly(struct lk_maria *server)
{
	struct lk_error error;
	lk_maria_kill(server);
	if (!lk_folder_close(&server->folder, false, &error))
		fprintf(stderr, "test server: %s\n", error.text);
}

static void end_all(void)
{
	while (running) {
		struct lk_maria *server = running;
		running = server->next;
		if (server->owner == getpid())
			end_quickly(server);
		release(server);
	}
}

struct lk_maria *lk_maria_start(const char *const *options)
{
	struct lk_error error;
	struct lk_maria *server = lk_alloc(sizeof *server);
	if (!find(server)) {
		release(server);
		return NULL;
	}
	if (!running) {
		atexit(end_all);
		lk_folder_remove_leftovers(PREFIX);
	}
	if (!lk_folder_make(PREFIX, server->user, server->group, &server->folder, &error))
		die("%s", error.text);
	server->data = lk_path_join(server->folder.servers, "data");
	server->socket = lk_path_join(server->folder.servers, "s.sock");
	server->log = lk_path_join(server->folder.servers, "log");
	server->options = options;
	server->owner = getpid();
	server->next = running;
	running = server;
	copy_template(server);
	lk_maria_up(server);
	MYSQL *mysql = try_connect(server, NULL);
	if (!mysql || mysql_query(mysql, "CREATE DATABASE test") != 0)
		die("CREATE DATABASE: %s", mysql ? mysql_error(mysql) : "no connection");
	mysql_close(mysql);
	return server;
}

void lk_maria_stop(struct lk_maria *server)
{
	if (!server)
		return;
	for (struct lk_maria **link = &running; *link; link = &(*link)->next) {
		if (*link != server)
			continue;
		*link = server->next;
		break;
	}
	end_quickly(server);
	release(server);
}

char *lk_maria_uri(const struct lk_maria *server, const char *user, const char *more)
{
	return lk_format("mysql://%s@/test?socket=%s%s%s", user, server->socket, more ? "&" : "",
			 more ? more : "");
}

const char *lk_maria_folder(const struct lk_maria *server)
{
	return server->folder.servers;
}

MYSQL *lk_maria_connect(const struct lk_maria *server)
{
	MYSQL *mysql = try_connect(server, "test");
	if (!mysql)
		die("cannot connect to %s", server->socket);
	return mysql;
}

void lk_maria_sql(const struct lk_maria *server, const char *sql)
{
	MYSQL *mysql = lk_maria_connect(server);
	int more = mysql_query(mysql, sql) == 0 ? 0 : 1;
	while (more == 0) {
		mysql_free_result(mysql_store_result(mysql));
		more = mysql_next_result(mysql);
	}
	if (more > 0)
		die("%.200s: %s", sql, mysql_error(mysql));
	mysql_close(mysql);
}

/* NULL when the query fails. */
static char *first_value(MYSQL *mysql, const char *sql)
{
	MYSQL_RES *rows = mysql_query(mysql, sql) == 0 ? mysql_store_result(mysql) : NULL;
	MYSQL_ROW row = rows ? mysql_fetch_row(rows) : NULL;
	char *value = rows ? lk_strdup(row && row[0] ? row[0] : "") : NULL;
	mysql_free_result(rows);
	return value;
}

char *lk_maria_value(const struct lk_maria *server, const char *sql)
{
	MYSQL *mysql = lk_maria_connect(server);
	char *value = first_value(mysql, sql);
	if (!value)
		die("%.200s: %s", sql, mysql_error(mysql));
	mysql_close(mysql);
	return value;
}

int64_t lk_maria_number(const struct lk_maria *server, const char *sql)
{
	char *value = lk_maria_value(server, sql);
	int64_t number = strtoll(value, NULL, 10);
	free(value);
	return number;
}

bool lk_maria_wait(const struct lk_maria *server, const char *sql, int seconds)
{
	int64_t deadline = lk_clock_us() + (int64_t)seconds * 1000000;
	bool yes = false;
	while (!yes && lk_clock_us() < deadline) {
		MYSQL *mysql = try_connect(server, "test");
		char *value = mysql ? first_value(mysql, sql) : NULL;
		yes = value && strtoll(value, NULL, 10) != 0;
		free(value);
		if (mysql)
			mysql_close(mysql);
		if (!yes)
			lk_sleep_ms(10);
	}
	return yes;
}
