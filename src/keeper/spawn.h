/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Start-or-attach: finding the keeper of a plan, or starting it, without a race. */
#ifndef LK_KEEPER_SPAWN_H
#define LK_KEEPER_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct lk_spawn {
	const char *program;   /* lockkeeper; NULL: this program */
	const char *plan_file; /* one of the two */
	const char *resume_run;
	const char *replace_run; /* with plan_file: whose place the plan takes; NULL: nobody's */
	const char *plan_name;	 /* for the socket's name */
	const char *target;	 /* a name or a URI; NULL: the plan's own */
	const char *environment, *application_file; /* may be NULL */
};

/*
 * Stores the path of the socket on which the keeper of this plan and target answers. Connects, else takes
 * a lock file, connects again, and only then starts a process: two who come at once get the same keeper. A
 * keeper whose run is over or could not begin is asked to make room.
 * The process is detached (its own session, no terminal, no descriptor of ours); its log stands beside the
 * socket. Waits until it listens, at most 5 s. *started (may be NULL) says whether it was started.
 */
bool lk_keeper_spawn(const struct lk_spawn *spawn, char *socket_path, size_t size, bool *started,
		     struct lk_error *error);

/*
 * Has the keeper of a run on this host, if there is one, end so that another can take the run over with a
 * mended plan: *found says whether there was one. Class REFUSED, with its sentence, while the run moves.
 */
bool lk_keeper_make_room(const char *run, bool *found, struct lk_error *error);

/* Paths of all sockets in the sockets' folder on which a keeper answers; list and strings the caller's. */
bool lk_keeper_list(char ***paths, size_t *count, struct lk_error *error);

#endif
