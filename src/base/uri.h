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

#endif
