/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a target (a URI or a name from the settings) to a session, for verbs that look at a database. */
#ifndef LK_CLI_TARGET_H
#define LK_CLI_TARGET_H

#include "db/session.h"
#include "plan/model.h"

/*
 * Opens a session with the role `role`. NULL for target means the only one of the settings. Yields 0, or the
 * exit status after printing why not: usage, or unreachable. *replicas, when not NULL, are those that the settings
 * list for it, the caller's.
 */
int lk_cli_open_target(const char *target, const char *role, struct lk_session **session,
		       struct lk_names *replicas);

/* The same in silence, of a target that is named: NULL when it cannot be opened. */
struct lk_session *lk_cli_try_target(const char *target, const char *role);

#endif
