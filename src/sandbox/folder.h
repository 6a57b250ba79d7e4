/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The private folder of one sandbox: named so that leftovers can be found, locked while its process
 * lives so that leftovers can be told from others' work.
 *
 *   PREFIX-XXXXXX/        0700, or 0711 when the servers run as another user
 *     lock                held with flock(2) by the process that owns the folder
 *     keep                when it exists the folder is never removed as a leftover
 *     db/                 0700, of the user the servers run as: data folders, logs and sockets
 */
#ifndef LK_SANDBOX_FOLDER_H
#define LK_SANDBOX_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct lk_folder {
	char path[160];
	char servers[180]; /* path/db */
	int lock;	   /* descriptor, -1 when there is none */
};

/*
 * Creates and locks a folder in $TMPDIR, or in /tmp when $TMPDIR is not absolute or too long for
 * the socket names under it. The servers' part is given to owner and group when we are root.
 */
bool lk_folder_make(const char *prefix, uid_t owner, gid_t group, struct lk_folder *folder,
		    struct lk_error *error);
/* Unlocks, and removes the folder unless keep; the servers in it must have ended. */
bool lk_folder_close(struct lk_folder *folder, bool keep, struct lk_error *error);
/*
 * Ends the servers in, and removes, every folder of ours with this prefix whose owner is dead.
 * Yields how many there were. What cannot be removed is left for the next time.
 */
int lk_folder_remove_leftovers(const char *prefix);
/*
 * The process of the server that runs in a data folder, out of its file postmaster.pid or DATA.pid; 0 when
 * there is none or when the process with that number is not a server of exactly this folder.
 */
pid_t lk_folder_server(const char *data);
/* Ends every server whose data folder lies directly in this folder. */
void lk_folder_end_servers(const char *servers);
/* Ends a server by process number: SIGQUIT (PostgreSQL's immediate shutdown), SIGKILL after 5 s. Waits until it
 * is gone. */
void lk_folder_end_server(pid_t pid);

#endif
