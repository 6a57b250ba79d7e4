/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keepers of this user on this host. */
#ifndef LK_CLI_FIND_H
#define LK_CLI_FIND_H

#include <stddef.h>

#include "control/client.h"

struct lk_found {
	char *path;
	struct lk_client *client;
	struct lk_snapshot *snapshot;
};

/* Those whose run or plan is `name`, or all with NULL; each connected, with its snapshot. */
bool lk_find_runs(const char *name, struct lk_found **found, size_t *count, struct lk_error *error);
void lk_find_free(struct lk_found *found, size_t count);
/* "rename-a (run x), rename-b (run y)", the caller's. */
char *lk_find_names(const struct lk_found *found, size_t count);

#endif
