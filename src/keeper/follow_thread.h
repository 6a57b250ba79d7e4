/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replicas that have to be asked themselves how far they are (watch/follow.h): a thread writes ten beats a second
 * to the primary, and one for each replica reads them there. Where the primary knows, none is started.
 */
#ifndef LK_KEEPER_FOLLOW_THREAD_H
#define LK_KEEPER_FOLLOW_THREAD_H

#include "keeper/thread.h"
#include "plan/model.h"
#include "watch/beats.h"
#include "watch/follow.h"

struct lk_followers;

/* One replica; its slot is its own for good. */
struct lk_follower {
	struct lk_followers *all;
	struct lk_sample_replica replica; /* who and where; constant */
	char *uri;	/* by which the plan or the target gives it; NULL: the server tells of it */
	bool stands_in; /* its entry in the sample has its name; the watcher's */
	pthread_t thread;
	/* guarded by all->mutex */
	bool tried;	 /* to reach it */
	char server[24]; /* what a given one has called itself; "" not yet */
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
	struct lk_names given; /* until they are started */
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

/* `given` are URIs of replicas that are followed whether the server tells of them or not; not kept. */
void lk_followers_init(struct lk_followers *followers, struct lk_shared *shared,
		       const struct lk_names *given);
/* Starts threads for replicas of the sample that are new, and completes the sample's replicas with what was read.
 * Those that are given, and those that are followed, can be reached and are listed no more, are added. A given one
 * that the sample lists is there once. On the watcher's thread. */
void lk_followers_fill(struct lk_followers *followers, struct lk_sample *sample);
/* Ends the threads; shared->closing is set. On the watcher's thread. */
void lk_followers_join(struct lk_followers *followers);

#endif
