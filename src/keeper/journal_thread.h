/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's thread: holds the run (its advisory lock lives as long as this session), takes it over when
 * it was somebody else's, writes the heartbeat, and writes down what the main thread hands it, in order.
 * What could not be written stays first in line until the server is back.
 */
#ifndef LK_KEEPER_JOURNAL_THREAD_H
#define LK_KEEPER_JOURNAL_THREAD_H

#include "control/snapshot.h"
#include "keeper/thread.h"

struct lk_journalist {
	struct lk_shared *shared;
	struct lk_queue *notes;
	atomic_int wanted_pending; /* writes of `wanted` that are not done yet */
	atomic_int wishes;	   /* all of them, ever */
	pthread_t thread;
	bool started;
	int lost_id; /* the thread's own: the server's number of the session that last held the run; 0 none */
	pthread_mutex_t mutex; /* guards session and over */
	pthread_cond_t ended;  /* over has become true */
	struct lk_session *session;
	bool over; /* the thread writes nothing any more */
};

/* shared->epoch 0: the run must be taken over; else it is ours with that epoch. */
bool lk_journalist_start(struct lk_journalist *journalist, struct lk_shared *shared,
			 struct lk_error *error);
void lk_journalist_join(struct lk_journalist *journalist);

void lk_journalist_state(struct lk_journalist *journalist, const char *state, const char *reason);
void lk_journalist_wanted(struct lk_journalist *journalist, const char *wanted);
void lk_journalist_event(struct lk_journalist *journalist, const struct lk_event *event);

#endif
