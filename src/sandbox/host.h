/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox's own process: what it holds, shared by its setting up and its serving. */
#ifndef LK_SANDBOX_HOST_H
#define LK_SANDBOX_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/application.h"
#include "sandbox/sandbox.h"
#include "sandbox/servers.h"

struct lk_host {
	struct lk_sandbox_options options;
	const struct lk_servers_kind *kind;
	struct lk_servers servers;
	struct lk_application *application;
	int listener; /* -1 none */
	int signals;  /* a signalfd of SIGTERM and SIGINT */
};

/* Listens on FOLDER/sandbox.sock. */
bool lk_host_listen(struct lk_host *host, struct lk_error *error);
/* Serves until nobody uses the sandbox any more, its time is over, or it is told to stop. Yields
 * the connection that asked for the stop, open, or -1. */
int lk_host_serve(struct lk_host *host);
/* Compares, after it has stopped the application if it is to; a new object {"result": …} or
 * {"failed": …}. */
json_t *lk_host_result(struct lk_host *host, bool stop);
/* Sends one object as a line; what cannot be sent is dropped. */
void lk_host_send(int fd, json_t *object);

#endif
