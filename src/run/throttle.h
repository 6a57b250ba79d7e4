/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The throttle: one controller, named inputs, each with its value and its limit. It holds the next chunk
 * back while any input is over its limit or too old to be trusted; and while others use the server it makes
 * the backfill rest between chunks, so that it takes what is left over. Pure.
 */
#ifndef LK_RUN_THROTTLE_H
#define LK_RUN_THROTTLE_H

#include "plan/model.h"
#include "watch/lag.h"
#include "watch/lock_tree.h"

enum { LK_THROTTLE_INPUTS = 16 };

/* UNKNOWN is shown and does not hold: what could never be seen cannot be waited for. */
enum lk_throttle_state { LK_THROTTLE_OK, LK_THROTTLE_OVER, LK_THROTTLE_STALE, LK_THROTTLE_UNKNOWN };

struct lk_throttle_input {
	char name[48], value[32], limit[32];
	enum lk_throttle_state state;
};

struct lk_throttle {
	struct lk_throttle_input inputs[LK_THROTTLE_INPUTS];
	size_t input_count;
	bool hold;	  /* no new chunk */
	char reason[160]; /* the inputs that hold, or "" */
	double chunk_target_ms;
	double rest_ratio; /* rest after a chunk, as a part of its duration */
	/* set by the operator, 0: not */
	double wished_chunk_ms, wished_rest;
	bool was_over
		[LK_THROTTLE_INPUTS]; /* hysteresis: released below three quarters of the limit */
};

/* What is looked at. `age_ms` is how old the sample is. */
struct lk_throttle_view {
	const struct lk_sample *sample; /* NULL: none yet */
	double age_ms;
	const struct lk_lag *lag;
	const struct lk_lock_tree *tree;
	double transactions_per_s;     /* of the whole server */
	double our_transactions_per_s; /* of it, ours */
};

/* `limits` has every member set (lk_settings_limits). */
void lk_throttle_decide(struct lk_throttle *throttle, const struct lk_limits *limits,
			const struct lk_throttle_view *view);

#endif
