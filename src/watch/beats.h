/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lag by a heartbeat: what was written to the primary and when, by the keeper's own clock (lk_clock_us), so that
 * no server's clock and no time zone matters. Each beat carries its own time. Pure; whoever shares it locks it.
 */
#ifndef LK_WATCH_BEATS_H
#define LK_WATCH_BEATS_H

#include <stddef.h>
#include <stdint.h>

enum { LK_BEATS = 64, LK_BEAT_MS = 100 };

struct lk_beats {
	int64_t first;	      /* ever; 0 none */
	int64_t at[LK_BEATS]; /* the last ones, a ring */
	size_t next, count;
};

/* A beat that was begun at this time is committed. */
void lk_beats_add(struct lk_beats *beats, int64_t at_us);
/*
 * How far a replica is behind, in ms, that shows the beat `seen` (0: none yet) at `now_us`: the age of the first
 * beat that it does not show. Negative while nothing is known.
 */
double lk_beats_lag(const struct lk_beats *beats, int64_t seen, int64_t now_us);

#endif
