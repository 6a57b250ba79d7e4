/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast the worker may go, and whether it may go at all. Set by the keeper's main thread (throttle,
 * pause), read by the worker between statements and while it waits. Nothing here touches a database.
 */
#ifndef LK_STEP_PACE_H
#define LK_STEP_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lk_pace {
	atomic_bool stop; /* no statement may be sent (a session's `stop` points here) */
	atomic_bool
		give_way; /* the statement that was cancelled kept others waiting: try again later */
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t changed;
	bool hold;		/* a limit is exceeded: no new chunk */
	double chunk_target_ms; /* wished duration of a chunk */
	double rest_ratio;	/* rest after a chunk, as a part of its duration */
};

void lk_pace_init(struct lk_pace *pace, double chunk_target_ms);
void lk_pace_destroy(struct lk_pace *pace);
void lk_pace_stop(struct lk_pace *pace);
void lk_pace_go(struct lk_pace *pace);
void lk_pace_set(struct lk_pace *pace, bool hold, double chunk_target_ms, double rest_ratio);
/* Waits while a limit holds. False when the worker must stop. Yields the wished chunk duration. */
bool lk_pace_wait(struct lk_pace *pace, double *chunk_target_ms, double *rest_ratio);
/* Sleeps; false as soon as the worker must stop. */
bool lk_pace_sleep(struct lk_pace *pace, int64_t milliseconds);

#endif
