/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `lockkeeper sandbox --headless`: plans walked one after another in a sandbox, each gate answered
 * once the application runs the release that it asks for.
 */
#ifndef LK_CLI_WALK_H
#define LK_CLI_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/sandbox.h"

struct lk_walk {
	struct lk_sandbox *sandbox;
	char **plans; /* paths */
	size_t plan_count;
	bool load;	     /* an application runs */
	bool json;	     /* events and results as JSON */
	bool there_and_back; /* each plan up to the gate in front of contract, back, and to the end */
};

/* Yields the exit status of the first plan that did not end well, or LK_EXIT_DONE. */
int lk_walk(const struct lk_walk *walk);

#endif
