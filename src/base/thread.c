/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/thread.h"

#include <signal.h>

bool lk_thread_start(pthread_t *thread, void *(*function)(void *), void *argument,
		     struct lk_error *error)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(thread, NULL, function, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result == 0 || lk_fail_errno(error, result, "cannot start a thread");
}
