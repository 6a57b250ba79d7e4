/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pace.h"

#include <errno.h>

#include "base/clock.h"

void lk_pace_init(struct lk_pace *pace, double chunk_target_ms)
{
	*pace = (struct lk_pace){.chunk_target_ms = chunk_target_ms};
	pthread_mutex_init(&pace->mutex, NULL);
	lk_condition_init(&pace->changed);
}

void lk_pace_destroy(struct lk_pace *pace)
{
	pthread_mutex_destroy(&pace->mutex);
	pthread_cond_destroy(&pace->changed);
}

/* The flag is stored before the lock is taken: a worker between two statements sees it at once. */
void lk_pace_stop(struct lk_pace *pace)
{
	atomic_store(&pace->stop, true);
	pthread_mutex_lock(&pace->mutex);
	pthread_cond_broadcast(&pace->changed);
	pthread_mutex_unlock(&pace->mutex);
}

void lk_pace_go(struct lk_pace *pace)
{
	atomic_store(&pace->give_way, false);
	atomic_store(&pace->stop, false);
}

void lk_pace_set(struct lk_pace *pace, bool hold, double chunk_target_ms, double rest_ratio)
{
	pthread_mutex_lock(&pace->mutex);
	pace->hold = hold;
	pace->chunk_target_ms = chunk_target_ms;
	pace->rest_ratio = rest_ratio;
	pthread_cond_broadcast(&pace->changed);
	pthread_mutex_unlock(&pace->mutex);
}

bool lk_pace_wait(struct lk_pace *pace, double *chunk_target_ms, double *rest_ratio)
{
	pthread_mutex_lock(&pace->mutex);
	while (pace->hold && !atomic_load(&pace->stop))
		pthread_cond_wait(&pace->changed, &pace->mutex);
	*chunk_target_ms = pace->chunk_target_ms;
	*rest_ratio = pace->rest_ratio;
	pthread_mutex_unlock(&pace->mutex);
	return !atomic_load(&pace->stop);
}

bool lk_pace_sleep(struct lk_pace *pace, int64_t milliseconds)
{
	int64_t until = lk_clock_us() + milliseconds * 1000;
	pthread_mutex_lock(&pace->mutex);
	while (!atomic_load(&pace->stop) &&
	       lk_condition_wait_until(&pace->changed, &pace->mutex, until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&pace->mutex);
	return !atomic_load(&pace->stop);
}
