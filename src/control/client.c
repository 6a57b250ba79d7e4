/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "control/line.h"

#define HELLO_TIMEOUT_MS 2000

struct lk_client {
	int fd;
	int last_id;
	bool greeted;
	char run[64], version[32];
	struct lk_lines input;
	struct lk_buffer output;
};

static int connect_socket(const char *path, struct lk_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		lk_fail(error, LK_ERROR_SYSTEM, "the socket path %s is too long", path);
		return -1;
	}
	LK_COPY(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		lk_fail_errno(error, errno, "no keeper answers on %s", path);
		error->class = LK_ERROR_LOST;
		if (fd >= 0)
			close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* What lk_lines_feed hands to take_message. */
struct delivery {
	struct lk_client *client;
	const struct lk_client_handler *handler;
	void *context;
};

static bool take_message(void *context, json_t *object)
{
	struct delivery *to = context;
	json_t *part;
	if ((part = json_object_get(object, "hello"))) {
		const char *run = json_string_value(json_object_get(part, "run"));
		const char *version = json_string_value(json_object_get(part, "version"));
		LK_COPY(to->client->run, run);
		LK_COPY(to->client->version, version);
		to->client->greeted = true;
	} else if ((part = json_object_get(object, "snapshot"))) {
		if (to->handler && to->handler->snapshot)
			to->handler->snapshot(to->context, part);
	} else if ((part = json_object_get(object, "event"))) {
		struct lk_event event;
		lk_event_decode(part, &event);
		if (to->handler && to->handler->event)
			to->handler->event(to->context, &event);
	} else if ((part = json_object_get(object, "reply"))) {
		const char *text = json_string_value(json_object_get(part, "text"));
		if (to->handler && to->handler->reply)
			to->handler->reply(
				to->context, (int)json_integer_value(json_object_get(part, "id")),
				json_is_true(json_object_get(part, "ok")), text ? text : "");
	}
	return true;
}

static bool write_out(struct lk_client *client, struct lk_error *error)
{
	while (client->output.length > 0) {
		ssize_t n =
			send(client->fd, client->output.text, client->output.length, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n < 0) {
			lk_fail_errno(error, errno, "the keeper has gone");
			error->class = LK_ERROR_LOST;
			return false;
		}
		client->output.length -= (size_t)n;
		memmove(client->output.text, client->output.text + n, client->output.length + 1);
	}
	return true;
}

bool lk_client_pump(struct lk_client *client, const struct lk_client_handler *handler,
		    void *context, struct lk_error *error)
{
	struct delivery to = {client, handler, context};
	char bytes[65536];
	if (!write_out(client, error))
		return false;
	for (;;) {
		ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			lk_fail(error, LK_ERROR_LOST, "the keeper has gone");
			return false;
		}
		if (!lk_lines_feed(&client->input, bytes, (size_t)n, take_message, &to, error))
			return false;
	}
}

static bool wait_readable(struct lk_client *client, int64_t deadline_us)
{
	int64_t left = (deadline_us - lk_clock_us()) / 1000;
	struct pollfd p = {client->fd, POLLIN, 0};
	if (left <= 0)
		return false;
	if (lk_client_wants_write(client))
		p.events |= POLLOUT;
	return poll(&p, 1, (int)left) >= 0 || errno == EINTR;
}

struct lk_client *lk_client_open(const char *socket_path, struct lk_error *error)
{
	int fd = connect_socket(socket_path, error);
	if (fd < 0)
		return NULL;
	struct lk_client *client = lk_alloc(sizeof *client);
	client->fd = fd;
	int64_t deadline = lk_clock_us() + HELLO_TIMEOUT_MS * 1000;
	while (!client->greeted) {
		if (!wait_readable(client, deadline)) {
			lk_fail(error, LK_ERROR_LOST, "the keeper on %s does not answer",
				socket_path);
			break;
		}
		if (!lk_client_pump(client, NULL, NULL, error))
			break;
	}
	if (client->greeted)
		return client;
	lk_client_close(client);
	return NULL;
}

void lk_client_close(struct lk_client *client)
{
	if (!client)
		return;
	close(client->fd);
	lk_lines_free(&client->input);
	lk_buffer_free(&client->output);
	free(client);
}

int lk_client_fd(const struct lk_client *client)
{
	return client->fd;
}

bool lk_client_wants_write(const struct lk_client *client)
{
	return client->output.length > 0;
}

const char *lk_client_run(const struct lk_client *client)
{
	return client->run;
}

const char *lk_client_version(const struct lk_client *client)
{
	return client->version;
}

int lk_client_send(struct lk_client *client, const char *verb, json_t *members)
{
	struct lk_error ignored;
	json_t *object = members ? members : json_object();
	json_object_set_new(object, "verb", json_string(verb));
	json_object_set_new(object, "id", json_integer(++client->last_id));
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	lk_buffer_add(&client->output, text);
	lk_buffer_add(&client->output, "\n");
	free(text);
	/* A failed write shows up in the next pump. */
	write_out(client, &ignored);
	return client->last_id;
}

struct call {
	int id;
	bool answered, ok;
	char text[600];
	struct lk_snapshot *snapshot;
};

static void call_snapshot(void *context, const json_t *object)
{
	struct call *call = context;
	if (call->snapshot)
		lk_snapshot_decode(object, call->snapshot);
}

static void call_reply(void *context, int id, bool ok, const char *text)
{
	struct call *call = context;
	if (id != call->id)
		return;
	call->answered = true;
	call->ok = ok;
	LK_COPY(call->text, text);
}

bool lk_client_call(struct lk_client *client, const char *verb, json_t *members, int timeout_ms,
		    struct lk_snapshot *snapshot, char *text, size_t size, struct lk_error *error)
{
	static const struct lk_client_handler handler = {.snapshot = call_snapshot,
							 .reply = call_reply};
	struct call call = {.snapshot = snapshot};
	int64_t deadline = lk_clock_us() + (int64_t)timeout_ms * 1000;
	call.id = lk_client_send(client, verb, members);
	while (!call.answered) {
		if (!wait_readable(client, deadline))
			return lk_fail(error, LK_ERROR_LOST,
				       "the keeper did not answer within %d ms", timeout_ms);
		if (!lk_client_pump(client, &handler, &call, error) && !call.answered)
			return false;
	}
	if (text)
		lk_copy_text(text, size, call.text);
	return call.ok || lk_fail(error, LK_ERROR_REFUSED, "%s", call.text);
}
