/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A wire of the test's own between the keeper and the primary, for systems that permit no network namespace:
 * a port of the loopback whose bytes go to the primary's unix socket, unless it is silent. A thread of its own.
 */
#ifndef LK_TESTS_CHAOS_PROXY_H
#define LK_TESTS_CHAOS_PROXY_H

#include <stdbool.h>

#include "base/error.h"

struct lk_chaos_proxy;

/* Listens on a free port of 127.0.0.1; NULL and *error when it cannot. */
struct lk_chaos_proxy *lk_chaos_proxy_start(const char *socket_path, struct lk_error *error);
void lk_chaos_proxy_stop(struct lk_chaos_proxy *proxy);
int lk_chaos_proxy_port(const struct lk_chaos_proxy *proxy);
/* Silent: nothing passes and nobody is told (half-open). When that ends, `reset` breaks what was connected. */
void lk_chaos_proxy_silence(struct lk_chaos_proxy *proxy, bool silent, bool reset);

#endif
