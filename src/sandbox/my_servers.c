/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The servers of a sandbox of MariaDB or MySQL. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "sandbox/link.h"
#include "sandbox/my_daemon.h"
#include "sandbox/servers.h"
#include "sandbox/shop.h"

#define FOLLOWING_LIMIT_US 60000000

enum { ARGUMENTS = 64 };

struct own {
	const struct lk_my_flavour *flavour;
	char *daemon, *install; /* the programs */
	struct lk_my_daemon primary, replica;
	char password[33], follower_password[33];
	char *options; /* the file with the password, for clients */
};

/* What a server is started with besides what its kind always has. */
struct phase {
	bool serving; /* it writes its binary log, and the instruments are on */
	const char *init_file;
	const char *memory;
	int connections;
};

static bool make_password(char password[33], struct lk_error *error)
{
	unsigned char bytes[16];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return lk_fail_errno(error, errno, "cannot make a password");
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(password + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

/* The password stays out of URIs, so whoever is given one finds it in a file that only we can read. */
static bool write_options(const struct lk_servers *servers, struct lk_error *error)
{
	struct own *own = servers->own;
	char *text = lk_format("[client]\npassword=%s\n", own->password);
	own->options = lk_path_join(servers->folder.path, "client.cnf");
	bool written = lk_path_write(own->options, text, strlen(text), error);
	free(text);
	return written;
}

/* A text of the flavour with its words filled in; the caller's. */
static char *filled_in(const struct own *own, const char *text)
{
	char port[16];
	snprintf(port, sizeof port, "%d", own->primary.port);
	const struct {
		const char *name, *value;
	} words[] = {{"{password}", own->password},
		     {"{secret}", own->follower_password},
		     {"{port}", port}};
	struct lk_buffer out = {0};
	while (*text) {
		size_t plain = strcspn(text, "{"), i = 0;
		lk_buffer_add_bytes(&out, text, plain);
		text += plain;
		while (i < LK_COUNT(words) &&
		       strncmp(text, words[i].name, strlen(words[i].name)) != 0)
			i++;
		if (i < LK_COUNT(words)) {
			lk_buffer_add(&out, words[i].value);
			text += strlen(words[i].name);
		} else if (*text) {
			lk_buffer_add_bytes(&out, text++, 1);
		}
	}
	return lk_buffer_take(&out);
}

/* Read by the server before it lets anybody in. */
static char *write_init_file(const struct lk_servers *servers, struct lk_error *error)
{
	const struct own *own = servers->own;
	char *path = lk_path_join(servers->folder.servers, "init.sql");
	char *text = filled_in(own, own->flavour->init_sql);
	bool written = lk_path_write(path, text, strlen(text), error) &&
		       (chown(path, servers->as.user, servers->as.group) == 0 ||
			lk_fail_errno(error, errno, "cannot give %s to the servers' user", path));
	free(text);
	if (written)
		return path;
	free(path);
	return NULL;
}

static bool make_data(const struct lk_servers *servers, struct lk_error *error)
{
	const struct own *own = servers->own;
	const char *arguments[ARGUMENTS] = {own->install};
	char *data = lk_format("--datadir=%s", own->primary.data);
	size_t count = 1;
	for (const char *const *a = own->flavour->make; *a; a++)
		arguments[count++] = *a;
	arguments[count] = data;
	bool made = lk_program_run(&servers->as, arguments, servers->folder.servers,
				   own->primary.log, error);
	free(data);
	return made;
}

static bool start_daemon(const struct lk_servers *servers, struct lk_my_daemon *daemon,
			 const struct phase *phase, struct lk_error *error)
{
	const struct own *own = servers->own;
	struct lk_buffer list = {0};
	const char *arguments[ARGUMENTS] = {own->daemon, "--no-defaults"};
	size_t count = 2;
	/* Each argument ended by a line break, and cut apart below. */
	lk_buffer_addf(&list,
		       "--datadir=%s\n--tmpdir=%s\n--socket=%s\n--pid-file=%s.pid\n--port=%d\n"
		       "--bind-address=127.0.0.1\n--report-host=127.0.0.1\n--report-port=%d\n"
		       "--server-id=%d\n--max-connections=%d\n--innodb-buffer-pool-size=%s\n",
		       daemon->data, daemon->folder, daemon->socket, daemon->data, daemon->port,
		       daemon->port, daemon->id, phase->connections, phase->memory);
	lk_buffer_add(&list, "--skip-name-resolve\n--character-set-server=utf8mb4\n"
			     "--innodb-flush-log-at-trx-commit=2\n--sync-binlog=0\n"
			     "--innodb-use-native-aio=0\n--max-allowed-packet=64M\n"
			     "--innodb-buffer-pool-dump-at-shutdown=0\n"
			     "--innodb-buffer-pool-load-at-startup=0\n");
	if (phase->serving)
		lk_buffer_addf(&list,
			       "--log-bin=%s/binlog\n--binlog-format=ROW\n--binlog-row-image=FULL\n"
			       "--relay-log=%s/relay\n--innodb-print-all-deadlocks=ON\n"
			       "--performance-schema=ON\n"
			       "--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON\n"
			       "--performance-schema-instrument=stage/innodb/%%=ON\n"
			       "--performance-schema-consumer-events-stages-current=ON\n",
			       daemon->data, daemon->data);
	else
		lk_buffer_addf(&list, "--skip-log-bin\n--performance-schema=OFF\n--init-file=%s\n",
			       phase->init_file);
	for (char *rest = NULL, *a = strtok_r(list.text, "\n", &rest); a;
	     a = strtok_r(NULL, "\n", &rest))
		arguments[count++] = a;
	for (const char *const *a = own->flavour->always; *a; a++)
		arguments[count++] = *a;
	for (const char *const *a = own->flavour->primary; phase->serving && *a; a++)
		arguments[count++] = *a;
	bool started = lk_my_daemon_start(daemon, &servers->as, arguments, error);
	lk_buffer_free(&list);
	return started;
}

static char *uri_of(const struct own *own, const struct lk_my_daemon *daemon, const char *user,
		    const char *database)
{
	return lk_format("mysql://%s@/%s?socket=%s&defaults-file=%s", user, database,
			 daemon->socket, own->options);
}

static bool wait_for(struct own *own, struct lk_my_daemon *daemon, struct lk_error *error)
{
	char *uri = uri_of(own, daemon, "root", "");
	bool ready = lk_my_daemon_wait(daemon, uri, error);
	free(uri);
	return ready;
}

static struct lk_link *connect_to(const struct own *own, const struct lk_my_daemon *daemon,
				  const char *database, struct lk_error *error)
{
	char *uri = uri_of(own, daemon, "root", database);
	struct lk_link *link = lk_link_open(uri, "sandbox", error);
	free(uri);
	return link;
}

/* "10.11.19" of "10.11.19-MariaDB-1-log" */
static char *version_of(struct lk_link *link)
{
	struct lk_error ignored;
	struct lk_result result;
	bool read = lk_link_query(link, "SELECT VERSION()", &result, &ignored);
	char *version = lk_strdup(read ? lk_cell_text(&result, 0, 0) : "");
	version[strcspn(version, "-")] = '\0';
	lk_result_free(&result);
	return version;
}

static bool create_shop(struct lk_servers_start *start, struct lk_error *error)
{
	const struct own *own = start->servers->own;
	struct lk_link *link = connect_to(own, &own->primary, "", error);
	if (!link)
		return false;
	bool made = lk_shop_create_database(link, error);
	char *version = version_of(link);
	lk_link_close(link);
	link = made ? connect_to(own, &own->primary, LK_SHOP_DATABASE, error) : NULL;
	if (link)
		lk_servers_stage_done(start, "%s %s made in %s", own->flavour->title, version,
				      start->servers->folder.path);
	free(version);
	made = link && lk_shop_create_tables(link, start->rows, error);
	lk_link_close(link);
	if (made)
		lk_servers_stage_done(start, "%" PRId64 " users", start->rows);
	return made;
}

/* The primary's data folder, which is at rest, becomes the replica's. */
static bool copy_data(const struct lk_servers *servers, struct lk_error *error)
{
	const struct own *own = servers->own;
	const char *const arguments[] = {
		"/bin/cp", "-a", "--reflink=auto", own->primary.data, own->replica.data, NULL};
	if (!lk_program_run(&servers->as, arguments, servers->folder.servers, own->replica.log,
			    error))
		return false;
	/* MySQL's number of a server, which no other may have; it is made anew. */
	char *number = lk_path_join(own->replica.data, "auto.cnf");
	unlink(number);
	free(number);
	return true;
}

static bool is_following(struct lk_link *link, const char *sql)
{
	struct lk_error ignored;
	struct lk_result result;
	bool follows = lk_link_query(link, sql, &result, &ignored) && result.rows > 0;
	lk_result_free(&result);
	return follows;
}

static bool follow(const struct own *own, struct lk_error *error)
{
	struct lk_link *link = connect_to(own, &own->replica, "", error);
	if (!link)
		return false;
	char *sql = filled_in(own, own->flavour->follow_sql);
	bool follows = lk_link_execute(link, sql, error);
	free(sql);
	int64_t deadline = lk_clock_us() + FOLLOWING_LIMIT_US;
	while (follows && !is_following(link, own->flavour->follows_sql)) {
		if (lk_clock_us() > deadline)
			follows = lk_fail(error, LK_ERROR_SYSTEM,
					  "the replica does not follow the primary; its log is %s",
					  own->replica.log);
		lk_sleep_ms(10);
	}
	lk_link_close(link);
	return follows;
}

/* Without a binary log at first: rows that are loaded then belong to the beginning of both servers. */
static bool load(struct lk_servers_start *start, struct lk_error *error)
{
	struct lk_servers *servers = start->servers;
	struct own *own = servers->own;
	char *init_file = write_init_file(servers, error);
	const struct phase phase = {.init_file = init_file, .memory = "512M", .connections = 20};
	bool loaded = init_file && lk_my_daemon_take_port(&own->primary, error) &&
		      make_data(servers, error) &&
		      start_daemon(servers, &own->primary, &phase, error) &&
		      wait_for(own, &own->primary, error) && create_shop(start, error);
	if (init_file)
		unlink(init_file);
	free(init_file);
	if (loaded)
		lk_my_daemon_stop(&own->primary, SIGTERM);
	return loaded;
}

static bool my_start(struct lk_servers_start *start, struct lk_error *error)
{
	struct lk_servers *servers = start->servers;
	struct own *own = servers->own;
	int connections = start->connections > 8 ? 92 + start->connections : 100;
	const struct phase primary = {
		.serving = true, .memory = "512M", .connections = connections};
	const struct phase replica = {.serving = true, .memory = "128M", .connections = 60};
	lk_my_daemon_name(&own->primary, servers->folder.servers, "primary", 1);
	lk_my_daemon_name(&own->replica, servers->folder.servers, "replica", 2);
	if (!make_password(own->password, error) || !make_password(own->follower_password, error) ||
	    !write_options(servers, error) || !load(start, error) || !copy_data(servers, error) ||
	    !lk_my_daemon_take_port(&own->replica, error))
		return false;
	if (!start_daemon(servers, &own->primary, &primary, error) ||
	    !start_daemon(servers, &own->replica, &replica, error) ||
	    !wait_for(own, &own->primary, error) || !wait_for(own, &own->replica, error) ||
	    !follow(own, error))
		return false;
	lk_servers_stage_done(start, "a replica follows");
	return true;
}

/* Both are told before either is waited for, unless they are to end in order. */
static void my_stop(struct lk_servers *servers, bool clean)
{
	struct own *own = servers->own;
	int signal = clean ? SIGTERM : SIGKILL;
	if (own->primary.pid > 0 && !clean)
		kill(own->primary.pid, signal);
	lk_my_daemon_stop(&own->replica, signal);
	lk_my_daemon_stop(&own->primary, signal);
}

static char *my_uri(const struct lk_servers *servers, enum lk_servers_role role, bool application)
{
	const struct own *own = servers->own;
	return uri_of(own, role == LK_SERVERS_PRIMARY ? &own->primary : &own->replica,
		      application ? LK_SHOP_ROLE : "root", LK_SHOP_DATABASE);
}

static void my_free(struct lk_servers *servers)
{
	struct own *own = servers->own;
	lk_my_daemon_release(&own->primary);
	lk_my_daemon_release(&own->replica);
	free(own->daemon);
	free(own->install);
	free(own->options);
	free(own);
}

static bool find(struct lk_servers *servers, const struct lk_my_flavour *flavour,
		 struct lk_error *error)
{
	struct own *own = lk_alloc(sizeof *own);
	servers->own = own;
	own->flavour = flavour;
	own->primary.port_held = own->replica.port_held = -1;
	return flavour->find(&own->daemon, &own->install, error) &&
	       lk_program_find_user("mysql", flavour->title, &servers->as, error);
}

static bool find_mariadb(struct lk_servers *servers, struct lk_error *error)
{
	return find(servers, &lk_my_flavour_mariadb, error);
}

static bool find_mysql(struct lk_servers *servers, struct lk_error *error)
{
	return find(servers, &lk_my_flavour_mysql, error);
}

const struct lk_servers_kind lk_servers_mariadb = {
	.word = "mariadb",
	.title = "MariaDB",
	.find = find_mariadb,
	.start = my_start,
	.stop = my_stop,
	.uri = my_uri,
	.free = my_free,
};

const struct lk_servers_kind lk_servers_mysql = {
	.word = "mysql",
	.title = "MySQL",
	.find = find_mysql,
	.start = my_start,
	.stop = my_stop,
	.uri = my_uri,
	.free = my_free,
};
