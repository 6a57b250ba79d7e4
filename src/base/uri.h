/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Targets are named by URI: postgresql://user@host:port/database?parameters, as libpq reads them, or
 * mysql://user@host:port/database?parameters, as db/my_uri.h says. */
#ifndef LK_BASE_URI_H
#define LK_BASE_URI_H

#include <stdbool.h>

#include "base/error.h"

/* True when a target is a URI and not a name from the settings. */
bool lk_uri_is_uri(const char *target) __attribute__((nonnull));

/*
 * Whether a URI may be used: its scheme is one we can serve, and no password is in it. A password
 * on a command line or in a file is seen by others (ps, shell history, backups), so it is refused
 * with the reason (class USAGE). The sentence never repeats the URI, which may hold the password.
 */
bool lk_uri_check(const char *uri, struct lk_error *error) __attribute__((nonnull));

/* The names by which plans call the kinds of server that a URI may be of, NULL at the end; NULL when its scheme is
 * not known. */
const char *const *lk_uri_servers(const char *uri) __attribute__((nonnull));

/*
 * Whether a URI may stand in a list of replicas that are asked how far they are: lk_uri_check, it is of the
 * target's kind of server (target may be NULL: not known), and it names a host or a socket. Replicas of PostgreSQL
 * are refused: their primary knows how far they are. Class USAGE.
 */
bool lk_uri_check_replica(const char *uri, const char *target, struct lk_error *error)
	__attribute__((nonnull(1, 3)));

#endif
