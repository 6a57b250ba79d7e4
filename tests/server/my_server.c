/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_server.h"

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
#include "base/port.h"
#include "sandbox/folder.h"

#define PREFIX "lk-my"
#define START_LIMIT_S 120
enum { ARGUMENTS = 64 };

struct lk_test_my {
	const struct lk_test_flavour *flavour;
	struct lk_test_programs programs;
	struct lk_folder folder;
	uid_t user;
	gid_t group;
	char *data, *socket, *log;
	const char *const *options;
	int port;      /* of a primary or a replica, 0 for others */
	int port_held; /* keeps it (base/port.h), or -1 */
	unsigned id;   /* server_id */
	pid_t pid;     /* 0 while it does not run */
	pid_t owner;   /* a forked child that calls exit must not end its parent's servers */
	struct lk_test_my *next;
};

/* Functions registered with atexit take no argument. */
static struct lk_test_my *running;

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

static const struct lk_test_flavour *used;

void lk_test_my_use(const struct lk_test_flavour *flavour)
{
	used = flavour;
}

const struct lk_test_flavour *lk_test_my_used(void)
{
	return used ? used : lk_test_flavours[0];
}

static bool find(struct lk_test_my *server)
{
	server->user = geteuid();
	server->group = getegid();
	if (!server->flavour->find(&server->programs))
		return false;
	if (server->user != 0)
		return true;
	const struct passwd *entry = getpwnam("mysql");
	if (!entry)
		entry = getpwnam("nobody");
	if (!entry)
		die("%s does not run as root, and there is no user \"mysql\" or \"nobody\"",
		    server->flavour->label);
	server->user = entry->pw_uid;
	server->group = entry->pw_gid;
	return true;
}

/* Between fork and exec: only calls that are safe there. */
static void become(const struct lk_test_my *server, pid_t parent)
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

static pid_t spawn(const struct lk_test_my *server, const char *const *arguments)
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

__attribute__((noreturn)) static void die_with_log(const struct lk_test_my *server,
						   const char *what)
{
	struct lk_error ignored;
	char *text = lk_path_read(server->log, 1024 * 1024, NULL, &ignored);
	size_t length = text ? strlen(text) : 0;
	die("%s\n%s", what, length > 2000 ? text + length - 2000 : (text ? text : ""));
}

static void run_program(const struct lk_test_my *server, const char *const *arguments)
{
	if (wait_for(spawn(server, arguments)) != 0)
		die_with_log(server, arguments[0]);
}

/* Arguments for exec: the program's, then the lists'. */
static void add(const char **arguments, size_t *count, const char *const *more)
{
	for (; more && *more; more++) {
		if (*count + 1 >= ARGUMENTS)
			die("more than %d arguments for a server", ARGUMENTS);
		arguments[(*count)++] = *more;
	}
	arguments[*count] = NULL;
}

/* The option that MySQL wants to hear when a data folder is made and each time it is used, or NULL. */
static const char *lower_case(const struct lk_test_my *server)
{
	for (const char *const *option = server->options; option && *option; option++)
		if (strncmp(*option, "--lower-case-table-names=", 25) == 0)
			return *option;
	return NULL;
}

/* The server_uuid of MySQL: it makes a new one. */
static void forget_identity(const char *data)
{
	char *identity = lk_path_join(data, "auto.cnf");
	unlink(identity);
	free(identity);
}

static void install(const struct lk_test_my *server, const char *data)
{
	const char *const names[] = {lower_case(server), NULL};
	char *to = lk_format("--datadir=%s", data);
	const char *const first[] = {server->programs.install, "--no-defaults", to, NULL};
	const char *arguments[ARGUMENTS];
	size_t count = 0;
	add(arguments, &count, first);
	add(arguments, &count, server->flavour->install);
	add(arguments, &count, names);
	run_program(server, arguments);
	forget_identity(data);
	free(to);
}

/* Two test programs may come here at once: the second waits for the first and uses what it made. The folder is
 * named after the program, which another version of it made for may not read. */
static void copy_template(const struct lk_test_my *server)
{
	struct lk_error error;
	struct stat info, program;
	if (stat(server->programs.daemon, &program) != 0)
		die("%s: %m", server->programs.daemon);
	const char *names = lower_case(server);
	char *folder =
		lk_format("/tmp/%s-template-%u-%s-%lld%s", PREFIX, (unsigned)geteuid(),
			  server->flavour->name, (long long)program.st_ctime, names ? names : "");
	char *lock = lk_path_join(folder, "lock"), *ready = lk_path_join(folder, "ready");
	char *data = lk_path_join(folder, "data");
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
		install(server, data);
		if (!lk_path_write(ready, "", 0, &error))
			die("%s", error.text);
	}
	run_program(server, copy);
	close(fd);
	free(data);
	free(ready);
	free(lock);
	free(folder);
}

static MYSQL *try_connect(const struct lk_test_my *server, const char *database)
{
	MYSQL *mysql = mysql_init(NULL);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(mysql, MYSQL_INIT_COMMAND, "SET autocommit = 1");
	if (mysql_real_connect(mysql, NULL, "root", NULL, database, 0, server->socket,
			       CLIENT_MULTI_STATEMENTS))
		return mysql;
	mysql_close(mysql);
	return NULL;
}

static void wait_until_ready(struct lk_test_my *server)
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

/* What makes a server one that others can follow; the strings are in `text`, the list in `list`. */
static void add_network(const struct lk_test_my *server, char text[2][40], const char *list[5])
{
	snprintf(text[0], sizeof text[0], "--port=%d", server->port);
	snprintf(text[1], sizeof text[1], "--server-id=%u", server->id);
	list[0] = text[0];
	list[1] = text[1];
	list[2] = "--skip-networking=0";
	list[3] = "--bind-address=127.0.0.1";
	list[4] = NULL;
}

void lk_test_my_up(struct lk_test_my *server)
{
	char *data = lk_format("--datadir=%s", server->data);
	char *tmp = lk_format("--tmpdir=%s", server->folder.servers);
	char *sock = lk_format("--socket=%s", server->socket);
	char *pid = lk_format("--pid-file=%s.pid", server->data);
	static const char *const alone[] = {"--skip-networking", "--skip-log-bin", NULL};
	const char *const first[] = {
		server->programs.daemon,
		"--no-defaults",
		data,
		tmp,
		sock,
		pid,
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_unicode_ci",
		"--innodb-buffer-pool-size=64M",
		"--innodb-flush-log-at-trx-commit=2",
		"--performance-schema=0",
		"--max-allowed-packet=64M",
		NULL,
	};
	const char *arguments[ARGUMENTS], *network[5];
	char text[2][40];
	size_t count = 0;
	add(arguments, &count, first);
	add(arguments, &count, server->flavour->always);
	add_network(server, text, network);
	add(arguments, &count, server->port ? server->flavour->primary : alone);
	add(arguments, &count, server->port ? network : NULL);
	add(arguments, &count, server->options);
	server->pid = spawn(server, arguments);
	wait_until_ready(server);
	free(data);
	free(tmp);
	free(sock);
	free(pid);
}

static void end_with(struct lk_test_my *server, int signal)
{
	if (server->pid > 0) {
		kill(server->pid, signal);
		wait_for(server->pid);
	}
	server->pid = 0;
}

void lk_test_my_kill(struct lk_test_my *server)
{
	end_with(server, SIGKILL);
}

void lk_test_my_down(struct lk_test_my *server)
{
	end_with(server, SIGTERM);
}

void lk_test_my_freeze(struct lk_test_my *server)
{
	kill(server->pid, SIGSTOP);
}

void lk_test_my_thaw(struct lk_test_my *server)
{
	kill(server->pid, SIGCONT);
}

static void release(struct lk_test_my *server)
{
	if (server->port_held >= 0)
		close(server->port_held);
	free(server->programs.daemon);
	free(server->programs.install);
	free(server->data);
	free(server->socket);
	free(server->log);
	free(server);
}

static void end_quickly(struct lk_test_my *server)
{
	struct lk_error error;
	lk_test_my_kill(server);
	if (!lk_folder_close(&server->folder, false, &error))
		fprintf(stderr, "test server: %s\n", error.text);
}

static void end_all(void)
{
	while (running) {
		struct lk_test_my *server = running;
		running = server->next;
		if (server->owner == getpid())
			end_quickly(server);
		release(server);
	}
}

/* A port that nobody else is given while this server lives. */
static void take_port(struct lk_test_my *server)
{
	struct lk_error error;
	server->port_held = lk_port_reserve(&server->port, &error);
	if (server->port_held < 0)
		die("%s", error.text);
}

/* Not in the binlog: a replica makes the same for itself. */
static void prepare(const struct lk_test_my *server)
{
	static const char *const statements[] = {
		"SET sql_log_bin = 0", "CREATE DATABASE test",
		"CREATE USER replicator@'127.0.0.1' IDENTIFIED BY 'copy'",
		"GRANT REPLICATION SLAVE ON *.* TO replicator@'127.0.0.1'"};
	MYSQL *mysql = try_connect(server, NULL);
	if (!mysql)
		die("cannot connect to %s", server->socket);
	for (size_t i = 0; i < (server->port ? LK_COUNT(statements) : 2); i++)
		if (mysql_query(mysql, statements[i]) != 0)
			die("%s: %s", statements[i], mysql_error(mysql));
	mysql_close(mysql);
}

static struct lk_test_my *start(const char *const *options, bool network)
{
	static unsigned ids;
	struct lk_error error;
	struct lk_test_my *server = lk_alloc(sizeof *server);
	server->flavour = lk_test_my_used();
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
	server->id = ++ids;
	server->port_held = -1;
	if (network)
		take_port(server);
	server->owner = getpid();
	server->next = running;
	running = server;
	copy_template(server);
	lk_test_my_up(server);
	prepare(server);
	return server;
}

struct lk_test_my *lk_test_my_start(const char *const *options)
{
	return start(options, false);
}

struct lk_test_my *lk_test_my_start_primary(const char *const *options)
{
	return start(options, true);
}

void lk_test_my_stop(struct lk_test_my *server)
{
	if (!server)
		return;
	for (struct lk_test_my **link = &running; *link; link = &(*link)->next) {
		if (*link != server)
			continue;
		*link = server->next;
		break;
	}
	end_quickly(server);
	release(server);
}

char *lk_test_my_uri(const struct lk_test_my *server, const char *user, const char *more)
{
	return lk_format("mysql://%s@/test?socket=%s%s%s", user, server->socket, more ? "&" : "",
			 more ? more : "");
}

const char *lk_test_my_folder(const struct lk_test_my *server)
{
	return server->folder.servers;
}

const char *lk_test_my_data(const struct lk_test_my *server)
{
	return server->data;
}

const char *lk_test_my_log(const struct lk_test_my *server)
{
	return server->log;
}

void lk_test_my_forget_identity(const struct lk_test_my *server)
{
	forget_identity(server->data);
}

int lk_test_my_port(const struct lk_test_my *server)
{
	return server->port;
}

MYSQL *lk_test_my_connect(const struct lk_test_my *server)
{
	MYSQL *mysql = try_connect(server, "test");
	if (!mysql)
		die("cannot connect to %s", server->socket);
	/* A lock that a failed test has left must not keep the next one for ever. */
	if (mysql_query(mysql, "SET SESSION lock_wait_timeout = 120") != 0)
		die("%s", mysql_error(mysql));
	return mysql;
}

void lk_test_my_sql(const struct lk_test_my *server, const char *sql)
{
	MYSQL *mysql = lk_test_my_connect(server);
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

char *lk_test_my_value(const struct lk_test_my *server, const char *sql)
{
	MYSQL *mysql = lk_test_my_connect(server);
	char *value = first_value(mysql, sql);
	if (!value)
		die("%.200s: %s", sql, mysql_error(mysql));
	mysql_close(mysql);
	return value;
}

int64_t lk_test_my_number(const struct lk_test_my *server, const char *sql)
{
	char *value = lk_test_my_value(server, sql);
	int64_t number = strtoll(value, NULL, 10);
	free(value);
	return number;
}

bool lk_test_my_wait(const struct lk_test_my *server, const char *sql, int seconds)
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
