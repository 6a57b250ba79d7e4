/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper's threads share. */
#ifndef LK_KEEPER_THREAD_H
#define LK_KEEPER_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "base/thread.h"
#include "db/session.h"
#include "keeper/message.h"
#include "keeper/statements.h"
#include "step/pace.h"

/*
 * One per keeper, made before the threads and freed after they are joined. Strings that are set once are
 * constant from then on; the run's name is set under the mutex before the threads that need it start.
 */
struct lk_shared {
	const char *uri, *plan_file,
		*resume_run;	 /* resume_run: load this run from the journal; else NULL */
	const char *replace_run; /* the file's plan takes this run's place; else NULL */
	bool replaced;		 /* it has: the worker's */
	const char *who, *host;
	char run[24];
	char digest[65];
	_Atomic int64_t epoch;
	struct lk_pace pace;
	struct lk_queue *messages; /* to the main thread */
	struct lk_statements statements;
	atomic_bool closing;
	pthread_mutex_t mutex;	   /* guards `worker` */
	struct lk_session *worker; /* the worker's open session, NULL while it has none */
};

void lk_shared_init(struct lk_shared *shared, struct lk_queue *messages);
void lk_shared_destroy(struct lk_shared *shared);

/* Opens a session whose statements are listed for the consoles. */
struct lk_session *lk_shared_open(struct lk_shared *shared, const char *run, const char *role,
				  struct lk_error *error);
/* Sends a message to the main thread; frees it when the keeper is closing. */
void lk_shared_send(struct lk_shared *shared, struct lk_message *message);
void lk_shared_say(struct lk_shared *shared, const char *kind, const char *text);

#endif
