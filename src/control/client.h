/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console's and the verbs' end of the control socket. One JSON object a line, both ways:
 *
 *   keeper → client   {"hello": {"version", "run", "protocol"}}      first, always
 *                     {"snapshot": {…}}                              several times a second
 *                     {"event": {…}}                                 numbered; after `since` of the attach
 *                     {"reply": {"id", "ok", "text"}}                one for each request
 *   client → keeper   {"verb": V, "id": N, …}                        with the members of the table below
 *
 *   attach    role ("watch", "operate"), since (event number), who, host    snapshots and events follow
 *   status                                        one snapshot
 *   pause     who                                 never refused
 *   resume | abort | rollback   who
 *   confirm   gate, answer, who                   answer: "yes"; approvals are bound to the digest
 *   throttle  chunk_time_ms, rest                 0 leaves a member as it is
 *   lease     take (true, false), who, host       the operator's lease
 *   note      text, who
 *   retire    [replace]                           a keeper whose run is over, with no viewer, ends; with
 *                                                 "replace": true also one whose run rests
 *
 * `pause`, `status` and `hello` never change their form, so a newer console can stop an older keeper.
 *
 * Threads: a client belongs to one thread. Nothing here blocks but lk_client_open (at most 2 s) and
 * lk_client_call (at most its timeout).
 */
#ifndef LK_CONTROL_CLIENT_H
#define LK_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "control/snapshot.h"

struct lk_client;

struct lk_client_handler {
	void (*snapshot)(void *context, const json_t *object); /* decode with lk_snapshot_decode */
	void (*event)(void *context, const struct lk_event *event);
	void (*reply)(void *context, int id, bool ok, const char *text);
};

/* Connects and reads the hello. NULL and *error when no keeper answers on that socket. */
struct lk_client *lk_client_open(const char *socket_path, struct lk_error *error);
void lk_client_close(struct lk_client *client);
/* To poll for reading (and for writing while lk_client_wants_write). */
int lk_client_fd(const struct lk_client *client);
bool lk_client_wants_write(const struct lk_client *client);
/* The run's name and the keeper's version, from the hello. */
const char *lk_client_run(const struct lk_client *client);
const char *lk_client_version(const struct lk_client *client);

/* Queues a request built from `members` (a reference is taken over; may be NULL) and yields its id. */
int lk_client_send(struct lk_client *client, const char *verb, json_t *members);
/* Reads what has arrived and calls the handler for each message; writes what is queued.
 * False and *error once the keeper has gone. */
bool lk_client_pump(struct lk_client *client, const struct lk_client_handler *handler,
		    void *context, struct lk_error *error);
/* Sends one request and waits for its reply: ok, with the sentence in text (size bytes). With
 * snapshot not NULL, a snapshot that comes before the reply is decoded into it.
 * False and *error when refused (class REFUSED, the keeper's sentence) or when nothing came in time. */
bool lk_client_call(struct lk_client *client, const char *verb, json_t *members, int timeout_ms,
		    struct lk_snapshot *snapshot, char *text, size_t size, struct lk_error *error);

#endif
