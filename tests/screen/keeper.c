/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A keeper as the console sees it: speaks the control protocol, remembers what it was asked. */
#include "tests/screen/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/path.h"

enum { EVERY_US = 300 * 1000 }; /* between snapshots */

static void send_object(const struct keeper *keeper, int at, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT), *line = lk_format("%s\n", text);
	size_t left = strlen(line), sent = 0;

	while (left > 0 && keeper->clients[at] >= 0) {
		struct pollfd fd = {keeper->clients[at], POLLOUT, 0};
		ssize_t count;

		poll(&fd, 1, 1000);
		count = send(keeper->clients[at], line + sent, left, MSG_NOSIGNAL);
		if (count <= 0)
			break;
		sent += (size_t)count;
		left -= (size_t)count;
	}
	free(text);
	free(line);
	json_decref(object);
}

static void send_snapshot(struct keeper *keeper, int at)
{
	send_object(keeper, at,
		    json_pack("{s:o}", "snapshot", lk_snapshot_encode(&keeper->snapshot)));
}

void keeper_send(struct keeper *keeper)
{
	keeper->sent_us = lk_clock_us();
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (keeper->clients[i] >= 0)
			send_snapshot(keeper, i);
}

void keeper_event(struct keeper *keeper, const struct lk_event *event)
{
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (keeper->clients[i] >= 0)
			send_object(keeper, i, json_pack("{s:o}", "event", lk_event_encode(event)));
}

void keeper_return(struct keeper *keeper)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	LK_COPY(address.sun_path, keeper->path);
	keeper->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(keeper->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(keeper->listener, 8) != 0) {
		perror(keeper->path);
		abort();
	}
}

struct keeper *keeper_start(void)
{
	struct keeper *keeper = lk_alloc(sizeof *keeper);

	LK_COPY(keeper->folder, "/tmp/lk-screen-XXXXXX");
	if (!mkdtemp(keeper->folder))
		abort();
	snprintf(keeper->path, sizeof keeper->path, "%s/keeper", keeper->folder);
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		keeper->clients[i] = -1;
	keeper_return(keeper);
	return keeper;
}

static void drop_client(struct keeper *keeper, int at)
{
	if (keeper->clients[at] >= 0)
		close(keeper->clients[at]);
	keeper->clients[at] = -1;
	free(keeper->input[at]);
	keeper->input[at] = NULL;
}

void keeper_vanish(struct keeper *keeper)
{
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		drop_client(keeper, i);
	if (keeper->listener >= 0)
		close(keeper->listener);
	keeper->listener = -1;
	unlink(keeper->path);
}

void keeper_stop(struct keeper *keeper)
{
	struct lk_error error;

	keeper_vanish(keeper);
	for (int i = 0; i < keeper->request_count; i++)
		json_decref(keeper->requests[i]);
	lk_path_remove_tree(keeper->folder, &error);
	free(keeper);
}

int keeper_count(const struct keeper *keeper, const char *verb)
{
	int count = 0;

	for (int i = 0; i < keeper->request_count; i++) {
		const char *name = json_string_value(json_object_get(keeper->requests[i], "verb"));

		count += !*verb || strcmp(name, verb) == 0;
	}
	return count;
}

const json_t *keeper_last(const struct keeper *keeper)
{
	return keeper->request_count ? keeper->requests[keeper->request_count - 1] : NULL;
}

void keeper_poll(const struct keeper *keeper, struct pollfd *fds)
{
	fds[0] = (struct pollfd){keeper->listener, POLLIN, 0};
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		fds[1 + i] = (struct pollfd){keeper->clients[i], POLLIN, 0};
}

static void send_reply(const struct keeper *keeper, int at, json_int_t id)
{
	send_object(keeper, at,
		    json_pack("{s:{s:I,s:b,s:s}}", "reply", "id", id, "ok", keeper->refuse == NULL,
			      "text", keeper->refuse ? keeper->refuse : "so be it"));
}

static void take_request(struct keeper *keeper, int at, json_t *request)
{
	const char *verb = json_string_value(json_object_get(request, "verb"));
	json_int_t id = json_integer_value(json_object_get(request, "id"));

	if (keeper->hold && keeper->held_count < KEEPER_REQUESTS)
		keeper->held[keeper->held_count++] = id;
	else
		send_reply(keeper, at, id);
	if (verb && strcmp(verb, "attach") == 0) {
		keeper->attach_count++;
		send_snapshot(keeper, at);
		json_decref(request);
	} else if (keeper->request_count < KEEPER_REQUESTS) {
		keeper->requests[keeper->request_count++] = request;
	} else {
		json_decref(request);
	}
}

static void read_client(struct keeper *keeper, int at)
{
	char bytes[4096], *old = keeper->input[at], *line, *end;
	ssize_t count = recv(keeper->clients[at], bytes, sizeof bytes - 1, 0);

	if (count <= 0) {
		if (count == 0 || (errno != EAGAIN && errno != EINTR))
			drop_client(keeper, at);
		return;
	}
	bytes[count] = '\0';
	line = lk_format("%s%s", old ? old : "", bytes);
	free(old);
	keeper->input[at] = line;
	while ((end = strchr(line, '\n')) != NULL) {
		json_t *request = json_loadb(line, (size_t)(end - line), 0, NULL);

		line = end + 1;
		if (request)
			take_request(keeper, at, request);
	}
	line = lk_strdup(line);
	free(keeper->input[at]);
	keeper->input[at] = line;
}

void keeper_work(struct keeper *keeper)
{
	int fd = keeper->listener >= 0 ? accept(keeper->listener, NULL, NULL) : -1;

	for (int i = 0; fd >= 0 && i < KEEPER_CLIENTS; i++)
		if (keeper->clients[i] < 0) {
			fcntl(fd, F_SETFL, O_NONBLOCK);
			keeper->clients[i] = fd;
			fd = -1;
			send_object(keeper, i,
				    json_pack("{s:{s:s,s:s,s:i}}", "hello", "version", "0.1.0",
					      "run", "rename-username", "protocol", 1));
		}
	if (fd >= 0)
		close(fd);
	if (lk_clock_us() - keeper->sent_us > EVERY_US)
		keeper_send(keeper);
	while (!keeper->hold && keeper->held_count > 0)
		send_reply(keeper, 0, keeper->held[--keeper->held_count]);
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (keeper->clients[i] >= 0)
			read_client(keeper, i);
}
