/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "control/line.h"

struct lk_peer {
	uv_pipe_t pipe;
	struct lk_server *server;
	struct lk_peer *next;
	struct lk_lines input;
	bool follows, closing;
	uid_t uid;
	void *data;
};

struct lk_server {
	uv_pipe_t pipe;
	struct lk_peer *peers;
	char *path, *hello;
	const struct lk_server_handler *handler;
	void *context;
};

struct write_request {
	uv_write_t request;
	char *text;
};

static void free_peer(uv_handle_t *handle)
{
	struct lk_peer *peer = handle->data;
	lk_lines_free(&peer->input);
	free(peer);
}

static void close_peer(struct lk_peer *peer)
{
	struct lk_server *server = peer->server;
	if (peer->closing)
		return;
	peer->closing = true;
	for (struct lk_peer **p = &server->peers; *p; p = &(*p)->next)
		if (*p == peer) {
			*p = peer->next;
			break;
		}
	if (server->handler->gone)
		server->handler->gone(server->context, peer);
	uv_close((uv_handle_t *)&peer->pipe, free_peer);
}

static void after_write(uv_write_t *request, int status)
{
	struct write_request *write = (struct write_request *)request;
	struct lk_peer *peer = request->handle->data;
	free(write->text);
	free(write);
	if (status < 0 && status != UV_ECANCELED)
		close_peer(peer);
}

/* Takes over the text. */
static void send_text(struct lk_peer *peer, char *text)
{
	size_t queued = uv_stream_get_write_queue_size((uv_stream_t *)&peer->pipe);
	if (peer->closing || queued > 4 * LK_SERVER_BACKLOG) {
		free(text);
		close_peer(peer);
		return;
	}
	struct write_request *write = lk_alloc(sizeof *write);
	uv_buf_t bytes = uv_buf_init(text, (unsigned)strlen(text));
	write->text = text;
	if (uv_write(&write->request, (uv_stream_t *)&peer->pipe, &bytes, 1, after_write) != 0) {
		free(text);
		free(write);
		close_peer(peer);
	}
}

void lk_peer_send(struct lk_peer *peer, const char *key, json_t *value)
{
	send_text(peer, lk_line_of(key, value));
}

void lk_peer_reply(struct lk_peer *peer, int id, bool ok, const char *text)
{
	json_t *value = json_object();
	json_object_set_new(value, "id", json_integer(id));
	json_object_set_new(value, "ok", json_boolean(ok));
	json_t *sentence = json_string(text);
	json_object_set_new(value, "text", sentence ? sentence : json_string("(unreadable text)"));
	lk_peer_send(peer, "reply", value);
}

static bool take_request(void *context, json_t *object)
{
	struct lk_peer *peer = context;
	const char *verb = json_string_value(json_object_get(object, "verb"));
	if (peer->closing)
		return true;
	if (!verb)
		return false;
	peer->server->handler->request(peer->server->context, peer, verb,
				       (int)json_integer_value(json_object_get(object, "id")),
				       object);
	return true;
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	(void)handle;
	*buffer = uv_buf_init(lk_alloc(suggested), (unsigned)suggested);
}

static void after_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct lk_peer *peer = stream->data;
	struct lk_error error;
	if (count < 0 || (count > 0 && !lk_lines_feed(&peer->input, buffer->base, (size_t)count,
						      take_request, peer, &error)))
		close_peer(peer);
	free(buffer->base);
}

static void read_credentials(struct lk_peer *peer)
{
	struct ucred credentials;
	socklen_t size = sizeof credentials;
	int fd;
	peer->uid = (uid_t)-1;
	if (uv_fileno((uv_handle_t *)&peer->pipe, &fd) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
		peer->uid = credentials.uid;
}

static void accept_peer(uv_stream_t *stream, int status)
{
	struct lk_server *server = stream->data;
	if (status < 0)
		return;
	struct lk_peer *peer = lk_alloc(sizeof *peer);
	peer->server = server;
	uv_pipe_init(stream->loop, &peer->pipe, 0);
	peer->pipe.data = peer;
	peer->next = server->peers;
	server->peers = peer;
	if (uv_accept(stream, (uv_stream_t *)&peer->pipe) != 0) {
		close_peer(peer);
		return;
	}
	read_credentials(peer);
	/* The folder is 0700 and the socket 0600; root may come in too, nobody else. */
	if (peer->uid != geteuid() && peer->uid != 0) {
		close_peer(peer);
		return;
	}
	uv_read_start((uv_stream_t *)&peer->pipe, give_buffer, after_read);
	send_text(peer, lk_strdup(server->hello));
}

/* A socket that refuses connections belongs to a process that is gone. One that takes them is alive, also
 * when it does not greet: a stopped keeper must not lose its socket. */
static bool remove_stale(const char *path, struct lk_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path)
		return lk_fail(error, LK_ERROR_SYSTEM, "the socket path %s is too long", path);
	LK_COPY(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
	if (fd >= 0)
		close(fd);
	if (alive)
		return lk_fail(error, LK_ERROR_REFUSED, "a keeper already listens on %s", path);
	unlink(path);
	return true;
}

static void free_server(uv_handle_t *handle)
{
	struct lk_server *server = handle->data;
	free(server->path);
	free(server->hello);
	free(server);
}

struct lk_server *lk_server_open(uv_loop_t *loop, const char *path, json_t *hello,
				 const struct lk_server_handler *handler, void *context,
				 struct lk_error *error)
{
	if (!remove_stale(path, error)) {
		json_decref(hello);
		return NULL;
	}
	struct lk_server *server = lk_alloc(sizeof *server);
	server->path = lk_strdup(path);
	server->hello = lk_line_of("hello", hello);
	server->handler = handler;
	server->context = context;
	uv_pipe_init(loop, &server->pipe, 0);
	server->pipe.data = server;
	mode_t before = umask(0177);
	int result = uv_pipe_bind(&server->pipe, path);
	umask(before);
	if (result == 0)
		result = uv_listen((uv_stream_t *)&server->pipe, 16, accept_peer);
	if (result != 0) {
		lk_fail(error, LK_ERROR_SYSTEM, "cannot listen on %s: %s", path,
			uv_strerror(result));
		uv_close((uv_handle_t *)&server->pipe, free_server);
		return NULL;
	}
	return server;
}

void lk_server_close(struct lk_server *server)
{
	if (!server)
		return;
	while (server->peers)
		close_peer(server->peers);
	unlink(server->path);
	uv_close((uv_handle_t *)&server->pipe, free_server);
}

void lk_server_broadcast(struct lk_server *server, const char *line, bool droppable)
{
	for (struct lk_peer *peer = server->peers, *next; peer; peer = next) {
		next = peer->next;
		size_t queued = uv_stream_get_write_queue_size((uv_stream_t *)&peer->pipe);
		if (peer->follows && !(droppable && queued > LK_SERVER_BACKLOG))
			send_text(peer, lk_strdup(line));
	}
}

void lk_peer_follow(struct lk_peer *peer)
{
	peer->follows = true;
}

bool lk_peer_follows(const struct lk_peer *peer)
{
	return peer->follows;
}

int lk_server_followers(const struct lk_server *server)
{
	int count = 0;
	for (const struct lk_peer *peer = server->peers; peer; peer = peer->next)
		count += peer->follows;
	return count;
}

uid_t lk_peer_uid(const struct lk_peer *peer)
{
	return peer->uid;
}

void lk_peer_set_data(struct lk_peer *peer, void *data)
{
	peer->data = data;
}

void *lk_peer_data(const struct lk_peer *peer)
{
	return peer->data;
}
