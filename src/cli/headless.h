/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Following a run without a console: answers the gates it was told to, prints events, ends with a status. */
#ifndef LK_CLI_HEADLESS_H
#define LK_CLI_HEADLESS_H

#include <jansson.h>
#include <stdbool.h>

#include "control/snapshot.h"

struct lk_headless {
	const char *socket;
	const char *yes; /* comma-separated gates that are answered; "*" answers all; may be NULL */
	bool json;
	/* Asked before a gate is answered, on the way there or back; false: not yet, ask again. NULL: at
	 * once. */
	bool (*ready)(void *context, const struct lk_snapshot *snapshot,
		      const struct lk_snapshot_step *gate, bool back);
	/* A gate at which the run is taken back instead; the gates on the way back are answered like the
	 * others. NULL: none. */
	const char *turn;
	void *context;
};

/* Follows until the run is over, stands, or waits at a gate that may not be answered here. *snapshot is the
 * last one seen; *keeper_peak_mib the keeper's largest resident size. Yields an exit status of `run`. */
int lk_headless_follow(const struct lk_headless *headless, struct lk_snapshot *snapshot,
		       double *keeper_peak_mib, struct lk_error *error);

/* The members that `run` and `sandbox` both print in their last line. */
json_t *lk_headless_result(const struct lk_snapshot *snapshot, int status, double keeper_peak_mib,
			   double seconds);

#endif
