/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replicas that have to be asked themselves how far they are (watch/follow.h): a thread writes ten beats a second
 * to the primary, and one for each replica reads them there. Where the primary knows, none is started.
 */
#ifndef LK_KEEPER_FOLLOW_THREAD_H
#define LK_KEEPER_FOLLOW_THREAD_H

#include "keeper/thread.h"
#include "watch/beats.h"
#include "watch/follow.h"

struct lk_followers;

/* One replica; its slot is its own for good. */
struct lk_follower {
	struct lk_followers *all;
	struct lk_sample_replica replica; /* who and where; constant */
	pthread_t thread;
	/* guarded by all->mutex */
	struct lk_session *session;
	struct lk_replica_reading reading;
	int64_t read_us; /* when it was read; 0 never */
	double lag_ms;	 /* then */
	bool reached;	 /* the last try to reach it went well */
	char problem[200];
};

struct lk_followers {
	struct lk_shared *shared;
	const struct lk_follow_ops *ops; /* NULL: nobody is asked */
	char *keeper;			 /* marks our beats */
	struct lk_follower list[LK_SAMPLE_REPLICAS];
	size_t count;
	pthread_t heart;
	bool beating; /* the heart's thread was started */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* guarded by the mutex */
	struct lk_session *heart_session;
	bool heart_ended;
	struct lk_beats beats;
	char heart_problem[200]; /* "" while beats are written */
};

void lk_followers_init(struct lk_followers *followers, struct lk_shared *shared);
/* Starts threads for replicas of the sample that are new, and completes the sample's replicas with what was read.
 * Those that are followed, can be reached and are listed no more are added. On the watcher's thread. */
void lk_followers_fill(struct lk_followers *followers, struct lk_sample *sample);
/* Ends the threads; shared->closing is set. On the watcher's thread. */
void lk_followers_join(struct lk_followers *followers);

#endif
