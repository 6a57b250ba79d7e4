/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/flight.h"

#include "base/clock.h"

void lk_flight_init(struct lk_flight *flight)
{
	*flight = (struct lk_flight){0};
	pthread_mutex_init(&flight->mutex, NULL);
	lk_condition_init(&flight->changed);
}

void lk_flight_destroy(struct lk_flight *flight)
{
	pthread_mutex_destroy(&flight->mutex);
	pthread_cond_destroy(&flight->changed);
}

bool lk_flight_begin(struct lk_flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	while (flight->cancelling)
		pthread_cond_wait(&flight->changed, &flight->mutex);
	bool stray = flight->stray;
	flight->stray = false;
	flight->statement++;
	flight->flying = true;
	pthread_mutex_unlock(&flight->mutex);
	return stray;
}

void lk_flight_end(struct lk_flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	flight->flying = false;
	pthread_mutex_unlock(&flight->mutex);
}

void lk_flight_shield(struct lk_flight *flight, bool on)
{
	pthread_mutex_lock(&flight->mutex);
	flight->shielded = on;
	pthread_mutex_unlock(&flight->mutex);
}

uint64_t lk_flight_cancel_begin(struct lk_flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	uint64_t number = flight->flying && !flight->shielded ? flight->statement : 0;
	flight->cancelling += number != 0;
	flight->stray = flight->stray || number != 0;
	pthread_mutex_unlock(&flight->mutex);
	return number;
}

void lk_flight_cancel_end(struct lk_flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	flight->cancelling--;
	pthread_cond_broadcast(&flight->changed);
	pthread_mutex_unlock(&flight->mutex);
}
