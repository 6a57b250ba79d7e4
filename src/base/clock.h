/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time. Intervals use the monotonic clock, so a step of the wall clock changes no timeout and no age. */
#ifndef LK_BASE_CLOCK_H
#define LK_BASE_CLOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds of the monotonic clock. */
int64_t lk_clock_us(void);
/* Milliseconds since 1970-01-01 UTC. */
int64_t lk_wall_ms(void);
void lk_sleep_ms(int64_t milliseconds);

/* "2026-11-22T14:07:31.204Z" of a wall time; size at least 25. */
void lk_wall_format(int64_t wall_ms, char *text, size_t size);

/* A condition variable on the monotonic clock, and a wait bounded by it.
 * Returns 0, or ETIMEDOUT once lk_clock_us() has passed deadline_us. */
void lk_condition_init(pthread_cond_t *condition);
int lk_condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_us);

#endif
