/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/reach.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

#define LOOK_GAP_US 50000

/* Shared by two threads; the last one to leave it frees it. */
struct attempt {
	char *uri, *run, *role; /* constant */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* guarded by the mutex */
	bool ended, given_up;
	struct lk_session *session;
	struct lk_error error;
};

static void free_attempt(struct attempt *a)
{
	lk_session_close(a->session);
	pthread_mutex_destroy(&a->mutex);
	pthread_cond_destroy(&a->changed);
	free(a->uri);
	free(a->run);
	free(a->role);
	free(a);
}

static void *connect_main(void *argument)
{
	struct attempt *a = argument;
	struct lk_error error = {0};
	struct lk_session *session = lk_session_open(a->uri, a->run, a->role, &error);
	pthread_mutex_lock(&a->mutex);
	a->session = session;
	a->error = error;
	a->ended = true;
	bool last = a->given_up;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->mutex);
	if (last)
		free_attempt(a);
	return NULL;
}

static bool begin(struct attempt *a, struct lk_error *error)
{
	pthread_t thread;
	if (!lk_thread_start(&thread, connect_main, a, error))
		return false;
	pthread_detach(thread);
	return true;
}

struct lk_session *lk_reach(struct lk_shared *shared, const char *uri, const char *role,
			    struct lk_error *error)
{
	struct attempt *a = lk_alloc(sizeof *a);
	struct lk_session *session = NULL;
	a->uri = lk_strdup(uri);
	a->run = lk_strdup(shared->run);
	a->role = lk_strdup(role);
	pthread_mutex_init(&a->mutex, NULL);
	lk_condition_init(&a->changed);
	if (!begin(a, error)) {
		free_attempt(a);
		return NULL;
	}
	pthread_mutex_lock(&a->mutex);
	while (!a->ended && !atomic_load(&shared->closing))
		lk_condition_wait_until(&a->changed, &a->mutex, lk_clock_us() + LOOK_GAP_US);
	bool ended = a->ended;
	if (ended) {
		session = a->session;
		a->session = NULL;
		*error = a->error;
	} else {
		a->given_up = true;
		lk_fail(error, LK_ERROR_CANCELLED, "the keeper closes");
	}
	pthread_mutex_unlock(&a->mutex);
	if (ended)
		free_attempt(a);
	return session;
}
