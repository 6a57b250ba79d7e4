/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The servers of one sandbox: a primary with the shop's rows and a streaming replica, in its
 * folder. */
#ifndef LK_SANDBOX_SERVERS_H
#define LK_SANDBOX_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/folder.h"
#include "sandbox/postgres.h"

struct lk_servers {
	struct lk_postgres postgres;
	struct lk_folder folder;
	struct lk_postgres_server primary, replica;
};

/* One line for a person, whenever a stage of a start is over. */
typedef void lk_servers_progress(void *context, const char *line);

/*
 * Starts both servers in the folder (postgres and folder are filled by the caller) and creates the
 * database with `rows` users; `connections` of the application must fit beside those of keepers and
 * people. On failure nothing runs.
 */
bool lk_servers_start(struct lk_servers *servers, int64_t rows, int connections,
		      lk_servers_progress *progress, void *context, struct lk_error *error);
/* Ends both; `clean` when their data folders are to be used again. */
void lk_servers_stop(struct lk_servers *servers, bool clean);

#endif
