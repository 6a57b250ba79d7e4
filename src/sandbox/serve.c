/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop of the sandbox's process: connections of consoles, requests, and the reasons to end. */
#include "sandbox/host.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "control/line.h"
#include "sandbox/protocol.h"
#include "sandbox/shop.h"

enum { CLIENTS = 64, FIRST_CLIENT = 2 };

#define TICK_MS 250
#define APPLICATION_GRACE_MS 30000

struct client {
	struct lk_lines lines;
	struct loop *loop;
	int fd; /* -1: the slot is free */
};

struct loop {
	struct lk_host *host;
	struct client clients[CLIENTS];
	struct client *stopper; /* asked for the stop */
	bool stop;
};

void lk_host_send(int fd, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	char *line = text ? lk_format("%s\n", text) : NULL;
	size_t length = line ? strlen(line) : 0;
	for (size_t sent = 0; sent < length;) {
		ssize_t n = write(fd, line + sent, length - sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	free(line);
	free(text);
	json_decref(object);
}

bool lk_host_listen(struct lk_host *host, struct lk_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/" LK_SANDBOX_SOCKET,
			 host->servers.folder.path);
	if (n < 0 || (size_t)n >= sizeof address.sun_path)
		return lk_fail(error, LK_ERROR_SYSTEM, "%s is too long for a socket's path",
			       host->servers.folder.path);
	host->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (host->listener < 0 ||
	    bind(host->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(host->listener, 16) != 0)
		return lk_fail_errno(error, errno, "cannot listen on %s", address.sun_path);
	return true;
}

static json_t *result_object(const struct lk_figures_summary *s, const struct lk_shop_sums *sums)
{
	json_t *members = json_pack(
		"{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I}", "transactions",
		(json_int_t)s->transactions, "errors", (json_int_t)s->errors, "p50_ms", s->p50_ms,
		"p95_ms", s->p95_ms, "p99_ms", s->p99_ms, "max_ms", s->max_ms, "p99_alone_ms",
		s->p99_alone_ms, "longest_stall_ms", s->longest_stall_ms, "rows",
		(json_int_t)sums->present, "rows_compared", (json_int_t)sums->compared,
		"rows_different", (json_int_t)sums->different);
	/* Invalid UTF-8 in a server's message: better without the sentence than without the
	 * figures. */
	json_t *sentence = json_string(s->first_error);
	json_object_set_new(members, "first_error", sentence ? sentence : json_string(""));
	return json_pack("{s:o}", "result", members);
}

json_t *lk_host_result(struct lk_host *host, bool stop)
{
	struct lk_error error;
	struct lk_figures_summary summary;
	struct lk_shop_sums sums;
	if (stop)
		lk_application_stop(host->application, APPLICATION_GRACE_MS);
	char *uri = lk_servers_uri(&host->servers, LK_SERVERS_PRIMARY, false);
	struct lk_link *link = lk_link_open(uri, "sandbox", &error);
	free(uri);
	bool compared = link && lk_shop_compare(link, host->options.rows, &sums, &error);
	lk_link_close(link);
	if (!compared)
		return json_pack("{s:s}", "failed", error.text);
	lk_application_figures(host->application, &summary);
	return result_object(&summary, &sums);
}

static bool take_request(void *context, json_t *object)
{
	struct client *client = context;
	struct loop *loop = client->loop;
	const char *verb = json_string_value(json_object_get(object, "verb"));
	if (verb && strcmp(verb, "result") == 0) {
		lk_host_send(client->fd, lk_host_result(loop->host, true));
	} else if (verb && strcmp(verb, "compare") == 0) {
		lk_host_send(client->fd, lk_host_result(loop->host, false));
	} else if (verb && strcmp(verb, "stop") == 0) {
		loop->stop = true;
		loop->stopper = client;
	} else {
		lk_host_send(client->fd, json_pack("{s:s}", "failed", "unknown request"));
	}
	return true;
}

static void drop_client(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	lk_lines_free(&client->lines);
	memset(&client->lines, 0, sizeof client->lines);
}

static void read_client(struct client *client)
{
	char bytes[4096];
	struct lk_error error;
	ssize_t n = read(client->fd, bytes, sizeof bytes);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0 ||
	    !lk_lines_feed(&client->lines, bytes, (size_t)n, take_request, client, &error))
		drop_client(client);
}

static void accept_client(struct loop *loop)
{
	int fd = accept4(loop->host->listener, NULL, NULL, SOCK_CLOEXEC);
	for (int i = 0; i < CLIENTS && fd >= 0; i++) {
		if (loop->clients[i].fd >= 0)
			continue;
		loop->clients[i].fd = fd;
		return;
	}
	if (fd >= 0)
		close(fd);
}

static bool has_clients(const struct loop *loop)
{
	for (int i = 0; i < CLIENTS; i++)
		if (loop->clients[i].fd >= 0)
			return true;
	return false;
}

static void wait_and_read(struct loop *loop)
{
	struct pollfd fds[FIRST_CLIENT + CLIENTS];
	fds[0] = (struct pollfd){.fd = loop->host->signals, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = loop->host->listener, .events = POLLIN};
	for (int i = 0; i < CLIENTS; i++)
		fds[FIRST_CLIENT + i] =
			(struct pollfd){.fd = loop->clients[i].fd, .events = POLLIN};
	if (poll(fds, LK_COUNT(fds), TICK_MS) <= 0)
		return;
	if (fds[0].revents)
		loop->stop = true;
	for (int i = 0; i < CLIENTS && !loop->stop; i++)
		if (fds[FIRST_CLIENT + i].revents)
			read_client(&loop->clients[i]);
	if (fds[1].revents)
		accept_client(loop);
}

int lk_host_serve(struct lk_host *host)
{
	struct loop *loop = lk_alloc(sizeof *loop);
	loop->host = host;
	for (int i = 0; i < CLIENTS; i++) {
		loop->clients[i].fd = -1;
		loop->clients[i].loop = loop;
	}
	int64_t end_us = lk_clock_us() + host->options.max_time_ms * 1000;
	int64_t used_us = lk_clock_us();
	while (!loop->stop) {
		wait_and_read(loop);
		int64_t now_us = lk_clock_us();
		if (has_clients(loop) || lk_application_sees_keeper(host->application))
			used_us = now_us;
		if (now_us > end_us || now_us - used_us > host->options.idle_ms * 1000)
			break;
	}
	int stopper = -1;
	for (int i = 0; i < CLIENTS; i++) {
		struct client *client = &loop->clients[i];
		if (client->fd >= 0 && client == loop->stopper) {
			stopper = client->fd;
			lk_lines_free(&client->lines);
		} else if (client->fd >= 0) {
			drop_client(client);
		}
	}
	free(loop);
	return stopper;
}
