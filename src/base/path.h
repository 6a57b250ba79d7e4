/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where our files live (XDG base directories) and small file helpers. Returned strings are the caller's. */
#ifndef LK_BASE_PATH_H
#define LK_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* $XDG_CONFIG_HOME/lockkeeper, or ~/.config/lockkeeper. */
char *lk_path_config(void);
/* $XDG_STATE_HOME/lockkeeper, or ~/.local/state/lockkeeper. */
char *lk_path_state(void);
/*
 * The folder of the keepers' sockets, created 0700: STATE/run, or, when a socket path in it would
 * not fit struct sockaddr_un, a private folder under /tmp named after the user. Refused when the
 * folder belongs to someone else or others can enter it.
 */
char *lk_path_sockets(struct lk_error *error);
char *lk_path_join(const char *folder, const char *name);
/* mkdir -p with the given mode for the folders made; true when it exists at the end. */
bool lk_path_make(const char *folder, unsigned mode, struct lk_error *error);
/* A whole file, terminated; *length without the terminator. NULL and *error on failure or above limit bytes. */
char *lk_path_read(const char *path, size_t limit, size_t *length, struct lk_error *error);
/* Replaces a file in one step (a temporary file beside it, then rename). */
bool lk_path_write(const char *path, const char *bytes, size_t length, struct lk_error *error);
/* Removes a folder and all that is in it, never following a symbolic link. */
bool lk_path_remove_tree(const char *folder, struct lk_error *error);

#endif
