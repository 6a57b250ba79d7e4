/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which statement of a session is under way, so that a cancel meant for one statement never hits the
 * next (hazard 13). The session's thread brackets each statement; another thread cancels:
 *
 *   session's thread                         cancelling thread
 *   lk_flight_begin  waits for cancels       n = lk_flight_cancel_begin   0: nothing to cancel
 *   … statement …                            … cancel sent, answered …
 *   lk_flight_end                            lk_flight_cancel_end
 *
 * Several threads may cancel; where _cancel_begin yields 0 there is no _cancel_end.
 *
 * lk_flight_begin says whether a cancel was sent since the last statement; the session then runs one
 * empty statement first, which swallows a signal that came late.
 */
#ifndef LK_DB_FLIGHT_H
#define LK_DB_FLIGHT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct lk_flight {
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t changed;
	uint64_t statement; /* number of the last statement begun */
	bool flying;
	unsigned cancelling; /* cancels that are on their way; several threads may send one */
	bool stray;	     /* a cancel may still arrive */
	bool shielded;	     /* the statement must not be cancelled */
};

void lk_flight_init(struct lk_flight *flight);
void lk_flight_destroy(struct lk_flight *flight);
/* True when an empty statement must go first. */
bool lk_flight_begin(struct lk_flight *flight);
void lk_flight_end(struct lk_flight *flight);
/* Statements begun while shielded are not cancelled: for releasing what a cancel left behind. */
void lk_flight_shield(struct lk_flight *flight, bool on);
uint64_t lk_flight_cancel_begin(struct lk_flight *flight);
void lk_flight_cancel_end(struct lk_flight *flight);

#endif
