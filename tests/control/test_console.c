/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper and those who look at it: leases, missed events, slow readers, garbage, modes, hang-ups. */
#include "tests/control/stage.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/support.h"

static struct lk_stage stage;
static struct lk_home alice;

/* What one attached console has been told. */
struct viewer {
	struct lk_client *client;
	struct lk_snapshot *snapshot;
	int snapshots, events;
	int64_t first_event, last_event;
	bool in_order, over;
	int reply_id;
	bool reply_ok;
	char reply[600];
};

static int open_stage(void **state)
{
	(void)state;
	lk_stage_open(&stage, NULL);
	lk_home_make(&stage, &alice);
	lk_users_make(&stage, "seen", 4000);
	lk_plan_rename(&alice, "seen", "seen", "limits: {chunk_time: 2ms}\n");
	lk_expect(&alice, 3, "run", "seen", "--headless", "--yes", "expand,migrate", NULL);
	lk_must(&alice, "seen", "throttle",
		json_pack("{s:f, s:i}", "rest", 500.0, "chunk_time_ms", 1));
	lk_confirm(&alice, "seen", "release-42");
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	lk_stage_close(&stage);
	return 0;
}

static void take_snapshot(void *context, const json_t *object)
{
	struct viewer *v = context;
	lk_snapshot_decode(object, v->snapshot);
	v->snapshots++;
}

static void take_event(void *context, const struct lk_event *event)
{
	struct viewer *v = context;
	if (v->events++ == 0)
		v->first_event = event->number;
	else
		v->in_order = v->in_order && event->number == v->last_event + 1;
	v->last_event = event->number;
}

static void take_reply(void *context, int id, bool ok, const char *text)
{
	struct viewer *v = context;
	v->reply_id = id;
	v->reply_ok = ok;
	LK_COPY(v->reply, text);
}

static const struct lk_client_handler handler = {take_snapshot, take_event, take_reply};

static void pump(struct viewer *v)
{
	struct lk_error error;
	struct pollfd p = {lk_client_fd(v->client), POLLIN, 0};
	poll(&p, 1, 50);
	v->over = !lk_client_pump(v->client, &handler, v, &error);
}

static bool ask(struct viewer *v, const char *verb, json_t *members)
{
	int64_t until = lk_clock_us() + LK_BUSY * 10000000LL;
	int id = lk_client_send(v->client, verb, members);
	while (v->reply_id != id && !v->over && lk_clock_us() < until)
		pump(v);
	assert_int_equal(v->reply_id, id);
	return v->reply_ok;
}

static void attach(struct viewer *v, const char *role, const char *host, int64_t since)
{
	memset(v, 0, sizeof *v);
	v->in_order = true;
	v->snapshot = lk_alloc(sizeof *v->snapshot);
	v->client = lk_connect(&alice, "seen");
	assert_non_null(v->client);
	assert_true(ask(v, "attach",
			json_pack("{s:s, s:s, s:I}", "role", role, "host", host, "since",
				  (json_int_t)since)));
}

static void leave(struct viewer *v)
{
	lk_client_close(v->client);
	free(v->snapshot);
}

static void await_snapshots(struct viewer *v, int more)
{
	int64_t until = lk_clock_us() + LK_BUSY * 10000000LL;
	int wanted = v->snapshots + more;
	while (v->snapshots < wanted && !v->over && lk_clock_us() < until)
		pump(v);
	assert_true(v->snapshots >= wanted);
}

/* Snapshots from before may still be on their way to a viewer who has not read for a while. */
static void await_operator(struct viewer *v, const char *host)
{
	int64_t until = lk_clock_us() + LK_BUSY * 10000000LL;
	do
		await_snapshots(v, 1);
	while (strcmp(v->snapshot->operator_host, host) != 0 && lk_clock_us() < until);
	assert_string_equal(v->snapshot->operator_host, host);
}

/* A bare connection, for what no client of ours would do. */
static int raw(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *path = lk_socket_path(&alice, "seen");
	assert_non_null(path);
	LK_COPY(address.sun_path, path);
	free(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static bool is_closed(int fd)
{
	char bytes[65536];
	int64_t until = lk_clock_us() + LK_BUSY * 10000000LL;
	while (lk_clock_us() < until) {
		struct pollfd p = {fd, POLLIN, 0};
		if (poll(&p, 1, 100) == 1) {
			ssize_t n = recv(fd, bytes, sizeof bytes, 0);
			if (n == 0 || (n < 0 && errno == ECONNRESET))
				return true;
		}
	}
	return false;
}

static void only_its_owner_can_come_near_the_socket(void **state)
{
	(void)state;
	struct stat info;
	char *path = lk_socket_path(&alice, "seen");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	free(path);
}

static void one_operates_others_watch_and_anyone_may_pause(void **state)
{
	(void)state;
	struct viewer first, second, watcher;
	attach(&first, "operate", "bastion-1", 0);
	assert_true(ask(&first, "lease", json_pack("{s:b}", "take", 1)));
	attach(&second, "operate", "bastion-2", 0);
	attach(&watcher, "watch", "bastion-3", 0);
	await_operator(&watcher, "bastion-1");
	await_snapshots(&watcher, 2);
	assert_int_equal(watcher.snapshot->viewers, 3);
	assert_true(ask(&watcher, "pause", NULL));
	lk_await(&alice, "seen", "paused", 2);
	assert_false(ask(&watcher, "resume", NULL));
	assert_contains(watcher.reply, "you watch this run");
	assert_false(ask(&second, "resume", NULL));
	assert_contains(second.reply, "bastion-1 operates this run");
	assert_false(ask(&second, "rollback", NULL));
	assert_false(ask(&second, "throttle", json_pack("{s:i}", "chunk_time_ms", 50)));
	assert_false(ask(&watcher, "confirm",
			 json_pack("{s:s, s:s}", "gate", "contract", "answer", "yes")));
	assert_contains(watcher.reply, "you watch this run");
	/* Taken over, the first is the one who is refused. */
	assert_true(ask(&second, "lease", json_pack("{s:b}", "take", 1)));
	assert_false(ask(&first, "resume", NULL));
	assert_contains(first.reply, "bastion-2 operates this run");
	await_operator(&watcher, "bastion-2");
	lk_await_sql(&stage, 5,
		     "SELECT count(*) = 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE"
		     " a.application_name LIKE 'lockkeeper:seen%%:worker'");
	int64_t until = lk_clock_us() + LK_BUSY * 5000000LL;
	while (!ask(&second, "resume", NULL))
		assert_true(lk_clock_us() < until);
	/* Given back, it is free for the first who does something. */
	assert_true(ask(&second, "lease", json_pack("{s:b}", "take", 0)));
	assert_true(ask(&first, "throttle",
			json_pack("{s:i, s:f}", "chunk_time_ms", 1, "rest", 500.0)));
	await_operator(&watcher, "bastion-1");
	assert_false(ask(&first, "nonsense", NULL));
	assert_contains(first.reply, "does not know the verb");
	leave(&first);
	leave(&second);
	leave(&watcher);
}

static void missed_events_are_sent_after_coming_back(void **state)
{
	(void)state;
	struct viewer v;
	attach(&v, "operate", "bastion-1", 0);
	assert_true(v.events > 5);
	assert_int_equal(v.first_event, 1);
	assert_true(v.in_order);
	int64_t seen = v.last_event;
	leave(&v);
	for (int i = 0; i < 7; i++)
		lk_must(&alice, "seen", "note", json_pack("{s:s}", "text", "while you were away"));
	attach(&v, "operate", "bastion-1", seen);
	assert_int_equal(v.first_event, seen + 1);
	assert_true(v.in_order);
	/* "left", seven notes, and perhaps the lease. */
	assert_true(v.last_event >= seen + 8);
	leave(&v);
}

static void without_any_console_the_run_goes_on(void **state)
{
	(void)state;
	int64_t before = lk_number(
		&stage, "SELECT rows_done FROM lockkeeper.cursor c JOIN lockkeeper.run r ON"
			" r.name = c.run WHERE r.plan = 'seen'");
	lk_await_sql(
		&stage, 20,
		"SELECT rows_done > %lld FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name = c.run WHERE"
		" r.plan = 'seen'",
		(long long)before);
}

static void a_hang_up_is_ignored(void **state)
{
	(void)state;
	struct viewer v;
	pid_t pid = lk_keeper_pid(&alice, "seen");
	lk_keeper_signal(&alice, "seen", SIGHUP);
	lk_keeper_signal(&alice, "seen", SIGPIPE);
	attach(&v, "watch", "bastion-1", 0);
	await_snapshots(&v, 3);
	assert_int_equal(v.snapshot->pid, pid);
	leave(&v);
}

static void the_keeper_has_no_terminal_and_no_descriptor_of_its_parent(void **state)
{
	(void)state;
	char path[60], target[200], line[300] = "";
	pid_t pid = lk_keeper_pid(&alice, "seen");
	snprintf(path, sizeof path, "/proc/%d/fd/0", (int)pid);
	ssize_t n = readlink(path, target, sizeof target - 1);
	assert_true(n > 0);
	target[n] = '\0';
	assert_string_equal(target, "/dev/null");
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof line, file));
	fclose(file);
	int parent, group, session, terminal;
	assert_int_equal(
		sscanf(strrchr(line, ')') + 4, "%d %d %d %d", &parent, &group, &session, &terminal),
		4);
	assert_int_equal(session, pid);
	assert_int_equal(terminal, 0);
}

static void a_viewer_that_does_not_read_holds_up_nobody(void **state)
{
	(void)state;
	struct viewer v;
	static const char hello[] =
		"{\"verb\":\"attach\",\"id\":1,\"role\":\"watch\",\"since\":0}\n";
	int deaf = raw(), small = 4096;
	setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	assert_int_equal(send(deaf, hello, sizeof hello - 1, MSG_NOSIGNAL),
			 (ssize_t)sizeof hello - 1);
	attach(&v, "watch", "bastion-1", 0);
	/* More than its backlog of events: it is dropped in the end, the other sees all of it. */
	char *text = lk_alloc(400);
	memset(text, 'x', 390);
	for (int i = 0; i < 6000; i++) {
		lk_client_send(v.client, "note", json_pack("{s:s}", "text", text));
		/* It keeps up, unlike the other. */
		while (i - v.reply_id > 100 && !v.over)
			pump(&v);
	}
	free(text);
	int64_t until = lk_clock_us() + LK_BUSY * 20000000LL;
	while (v.reply_id < 6000 && lk_clock_us() < until && !v.over)
		pump(&v);
	assert_false(v.over);
	assert_true(v.in_order);
	assert_true(v.events > 6000);
	await_snapshots(&v, 3);
	assert_true(is_closed(deaf));
	close(deaf);
	leave(&v);
}

static void garbage_ends_its_own_connection_only(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n\r\n", "{\"verb\": 7}\n", "{}\n", "[]\n", "\xff\xfe\n",
		"{\"verb\":\"pause\"\n",
	};
	struct viewer v;
	attach(&v, "watch", "bastion-1", 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int fd = raw();
		send(fd, bad[i], strlen(bad[i]), MSG_NOSIGNAL);
		if (!is_closed(fd))
			fail_msg("still open after: %s", bad[i]);
		close(fd);
	}
	/* A line without an end. */
	int fd = raw();
	char *block = lk_alloc(65536);
	memset(block, ' ', 65536);
	ssize_t sent = 1;
	for (int i = 0; i < 100 && sent > 0; i++)
		sent = send(fd, block, 65536, MSG_NOSIGNAL);
	assert_true(is_closed(fd) || sent < 0);
	close(fd);
	free(block);
	/* Wrong types in a well-formed request are answered or ignored. */
	assert_false(ask(&v, "confirm", json_pack("{s:[], s:{}}", "gate", "answer")));
	ask(&v, "throttle", json_pack("{s:s, s:b}", "chunk_time_ms", "x", "rest", 1));
	ask(&v, "attach", json_pack("{s:s, s:i}", "since", "x", "role", 5));
	await_snapshots(&v, 2);
	assert_string_equal(v.snapshot->state, "running");
	leave(&v);
}

static bool nobody_looks(const struct lk_snapshot *s, const void *context)
{
	(void)context;
	return s->viewers == 0;
}

static void many_viewers_come_and_go(void **state)
{
	(void)state;
	struct viewer viewers[20];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20; i++)
			attach(&viewers[i], i ? "watch" : "operate", "bastion-1", 0);
		await_snapshots(&viewers[19], 1);
		for (int i = 0; i < 20; i++)
			leave(&viewers[i]);
	}
	lk_await_that(&alice, "seen", nobody_looks, NULL, "unobserved", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_its_owner_can_come_near_the_socket),
		cmocka_unit_test(one_operates_others_watch_and_anyone_may_pause),
		cmocka_unit_test(missed_events_are_sent_after_coming_back),
		cmocka_unit_test(without_any_console_the_run_goes_on),
		cmocka_unit_test(a_hang_up_is_ignored),
		cmocka_unit_test(the_keeper_has_no_terminal_and_no_descriptor_of_its_parent),
		cmocka_unit_test(a_viewer_that_does_not_read_holds_up_nobody),
		cmocka_unit_test(garbage_ends_its_own_connection_only),
		cmocka_unit_test(many_viewers_come_and_go),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
