/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console: the curses client of keepers. Everything it shows comes from a keeper's snapshots
 * and events; it holds no state that matters, so closing or killing it is a detach.
 */
#ifndef LK_UI_CONSOLE_H
#define LK_UI_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A row of the Plans screen: a plan file, a run with a live keeper, or both. */
struct lk_console_plan {
	char path[256]; /* the plan file; empty when only the run is known */
	char name[64];	/* the plan's name */
	char what[120]; /* one line: "rename users.username to user_handle", or why the file is
			   unreadable */
	char why[200];	/* the plan's own words; may be empty */
	char state[16]; /* of the run, when its keeper is alive: "waiting"; or empty */
	char run[120];	/* "add-index-3fa2 is waiting on postgres@db1/shop"; or empty */
	bool readable;
	char socket[128]; /* of the run's keeper; empty when none is alive */
};

struct lk_console_options {
	const char *socket; /* attach to this keeper at once; NULL: begin on the Plans screen */
	bool watch;	    /* never take the operator's lease */
	bool linear; /* lines of text instead of a screen (TERM=dumb, no terminal, screen readers)
		      */
	bool ascii;  /* no characters outside ASCII even in a UTF-8 locale */
	bool quiet;  /* never ring the bell */
	const char *theme;	 /* a name or a file; NULL: default */
	const char *user, *host; /* who sits here, for the lease and the log */
	const char *fence;	 /* word for the first and last row ("SANDBOX"); NULL none */
	const char *farewell;	 /* printed after leaving, a printf-free sentence; NULL none */

	/* The caller's world; called on the console's thread, must return within 100 ms. */
	void *context;
	size_t (*list_plans)(void *context, struct lk_console_plan *plans, size_t capacity);
	/* Starts, or finds, the keeper of a plan file and stores its socket path. */
	bool (*open_plan)(void *context, const char *path, char *socket, size_t size,
			  struct lk_error *error);
};

/* Runs until the person leaves. Yields the program's exit status; *error is filled when it is not
 * 0. */
int lk_console_run(const struct lk_console_options *options, struct lk_error *error);

#endif
