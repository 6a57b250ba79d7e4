/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs of private servers: run as an unprivileged user when we are root, with nothing of ours inherited, and
 * told to end when the thread that started them dies, however it dies: start servers from the main thread.
 */
#ifndef LK_SANDBOX_PROGRAM_H
#define LK_SANDBOX_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct lk_program_user {
	uid_t user;
	gid_t group;
};

/* Ourselves; as root the user `name` or, where there is none, "nobody". `title` is for the sentence. */
bool lk_program_find_user(const char *name, const char *title, struct lk_program_user *user,
			  struct lk_error *error);
/*
 * Starts arguments[0], a path, in a folder; output is added to the log; `signal` ends it when this thread dies.
 * Its process, or -1 with errno.
 */
pid_t lk_program_spawn(const struct lk_program_user *user, const char *const *arguments,
		       const char *folder, const char *log, int signal);
/* The same, and waits for it; on failure the error ends with the log's last line. */
bool lk_program_run(const struct lk_program_user *user, const char *const *arguments,
		    const char *folder, const char *log, struct lk_error *error);
/* An error that ends with the log's last line; always false. */
bool lk_program_failed(const char *what, const char *log, struct lk_error *error);
/* Sends a signal and waits until it is gone; what does not go within 30 s is killed. */
void lk_program_end(pid_t pid, int signal);
/* A program by its bare name: in PATH or where distributions put servers. The caller's, NULL when it is nowhere. */
char *lk_program_find(const char *name);

#endif
