/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How threads are started. */
#ifndef LK_BASE_THREAD_H
#define LK_BASE_THREAD_H

#include <pthread.h>

#include "base/error.h"

/* Starts a thread with every signal blocked. */
bool lk_thread_start(pthread_t *thread, void *(*function)(void *), void *argument,
		     struct lk_error *error);

#endif
