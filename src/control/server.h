/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keeper's end of the control socket: a unix socket, mode 0600, on the keeper's event loop. It knows
 * connections and messages, nothing of runs. All calls and callbacks happen on the loop's thread.
 *
 * A viewer that does not read is never waited for: while more than LK_SERVER_BACKLOG bytes are queued for
 * it snapshots are dropped for it (the next one carries everything), and beyond four times that it is
 * disconnected and comes back with the number of the last event it saw.
 */
#ifndef LK_CONTROL_SERVER_H
#define LK_CONTROL_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

#define LK_SERVER_BACKLOG ((size_t)512 * 1024)

struct lk_server;
struct lk_peer; /* one connected client */

struct lk_server_handler {
	/* A request. Answer with lk_peer_reply, now or later while the peer is connected. */
	void (*request)(void *context, struct lk_peer *peer, const char *verb, int id,
			json_t *members);
	/* The peer has gone; its pointer is dead after this. */
	void (*gone)(void *context, struct lk_peer *peer);
};

/* Listens on path (an existing stale socket is replaced; a live one is an error of class REFUSED).
 * `hello` is sent to each client first; the reference is taken over. */
struct lk_server *lk_server_open(uv_loop_t *loop, const char *path, json_t *hello,
				 const struct lk_server_handler *handler, void *context,
				 struct lk_error *error);
/* Closes the socket and all peers, and removes the path. The loop must run once more after it. */
void lk_server_close(struct lk_server *server);

void lk_peer_reply(struct lk_peer *peer, int id, bool ok, const char *text);
/* Sends {"key": value}; takes over the reference. */
void lk_peer_send(struct lk_peer *peer, const char *key, json_t *value);
/* A prepared line to every peer that asked to follow; `droppable` lines skip slow ones. */
void lk_server_broadcast(struct lk_server *server, const char *line, bool droppable);
/* The peer gets broadcasts from now on. */
void lk_peer_follow(struct lk_peer *peer);
bool lk_peer_follows(const struct lk_peer *peer);
int lk_server_followers(const struct lk_server *server);
/* The user id at the other end of the socket. */
uid_t lk_peer_uid(const struct lk_peer *peer);
/* One pointer of the handler's per peer. */
void lk_peer_set_data(struct lk_peer *peer, void *data);
void *lk_peer_data(const struct lk_peer *peer);

#endif
