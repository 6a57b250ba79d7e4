/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control connection: open all the time, so that a cancel needs no new connection, and used for nothing
 * slow. It cancels the worker's statement, proves from the server's own view that nothing of ours is left,
 * and reads a few times a second what the journal says is wanted.
 */
#ifndef LK_KEEPER_CONTROL_THREAD_H
#define LK_KEEPER_CONTROL_THREAD_H

#include "keeper/journal_thread.h"
#include "keeper/thread.h"

struct lk_controller {
	struct lk_shared *shared;
	atomic_bool polling;		  /* the journal knows the run */
	struct lk_journalist *journalist; /* whose pending writes make a poll worthless */
	pthread_t thread;
	bool started;
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t changed;
	int64_t stop_number; /* rises with each stop; 0 none yet */
	int64_t stop_asked_us;
	bool stopping;
	bool cancel_once;
	struct lk_session *session;
};

bool lk_controller_start(struct lk_controller *controller, struct lk_shared *shared,
			 struct lk_journalist *journalist, struct lk_error *error);
/* Cancels until the server shows no transaction of the worker; answered by a QUIET message with the number. */
int64_t lk_controller_stop(struct lk_controller *controller, int64_t asked_us);
/* No more cancelling: the run goes on. */
void lk_controller_release(struct lk_controller *controller);
/* One cancel of the statement under way, if any. */
void lk_controller_cancel(struct lk_controller *controller);
void lk_controller_join(struct lk_controller *controller);

#endif
