/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The watcher: a thread with a session of its own that takes a sample several times a second. */
#ifndef LK_KEEPER_WATCH_THREAD_H
#define LK_KEEPER_WATCH_THREAD_H

#include "keeper/follow_thread.h"
#include "keeper/thread.h"

struct lk_watcher {
	struct lk_shared *shared;
	char **tables; /* quoted names, NULL at the end; owned */
	char *probe;   /* owned, or NULL */
	struct lk_followers followers;
	pthread_t thread;
	bool started;
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t changed;
	struct lk_session *session; /* to interrupt it at the end */
};

/* The plan's tables and its probe are copied. */
bool lk_watcher_start(struct lk_watcher *watcher, struct lk_shared *shared,
		      const struct lk_plan *plan, struct lk_error *error);
void lk_watcher_join(struct lk_watcher *watcher);

#endif
