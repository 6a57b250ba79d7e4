/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

int64_t lk_clock_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t lk_wall_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void lk_sleep_ms(int64_t milliseconds)
{
	struct timespec t = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

void lk_wall_format(int64_t wall_ms, char *text, size_t size)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;
	char date[32];
	gmtime_r(&seconds, &parts);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text, size, "%s.%03dZ", date, (int)(wall_ms % 1000));
}

void lk_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

int lk_condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_us)
{
	struct timespec t = {deadline_us / 1000000, (deadline_us % 1000000) * 1000};
	return pthread_cond_timedwait(condition, mutex, &t);
}
