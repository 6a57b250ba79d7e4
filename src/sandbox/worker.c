/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread of one connection of the application. */
#include "sandbox/crew.h"

#include <errno.h>

#include "base/clock.h"

#define RECONNECT_US 50000

enum turn { TURN_STOP, TURN_DEPLOY, TURN_DUE };

int64_t lk_crew_due_us(const struct lk_crew *worker, int64_t number)
{
	const struct lk_application *application = worker->application;
	int64_t slot = number * application->connections + worker->buyer.number;
	return application->begun_us + slot * 1000000 / application->per_second;
}

struct lk_release_way lk_crew_way(const struct lk_crew *worker)
{
	return lk_release_of(&worker->application->stage, worker->buyer.number);
}

static bool same_way(struct lk_release_way a, struct lk_release_way b)
{
	return a.release == b.release && a.features == b.features;
}

unsigned lk_crew_to_mend(const struct lk_application *application)
{
	unsigned left = application->stage.back & ~application->mended;
	for (int i = 0; i < application->connections; i++)
		left &= ~application->workers[i].way.features;
	return left;
}

bool lk_crew_settled(const struct lk_application *application)
{
	bool settled = (application->stage.back & ~application->mended) == 0;
	for (int i = 0; i < application->connections; i++)
		settled = settled && same_way(application->workers[i].way,
					      lk_crew_way(&application->workers[i]));
	return settled;
}

void lk_crew_publish(struct lk_crew *worker, const struct lk_link *link, struct lk_release_way way)
{
	static const struct lk_release_way none = {0, 0};
	pthread_mutex_lock(&worker->application->mutex);
	worker->socket = link ? lk_link_socket(link) : -1;
	worker->way = link ? way : none;
	pthread_cond_broadcast(&worker->application->changed);
	pthread_mutex_unlock(&worker->application->mutex);
}

/* The old handle is right at any time, the new one when it has been verified or stands alone. */
static bool may_trust(const struct lk_release_stage *stage, struct lk_release_way way)
{
	return !lk_release_has(way, LK_FEATURE_HANDLE) || !stage->untrusted;
}

/* Waits until a time, until something else is to run here, or until the end. */
static enum turn wait_turn(struct lk_crew *worker, int64_t until_us, struct lk_release_way *way)
{
	struct lk_application *application = worker->application;
	enum turn turn = TURN_DUE;
	pthread_mutex_lock(&application->mutex);
	for (;;) {
		*way = lk_crew_way(worker);
		worker->buyer.trusts = may_trust(&application->stage, worker->buyer.way);
		if (application->stop) {
			turn = TURN_STOP;
			break;
		}
		if (worker->buyer.link && !same_way(*way, worker->buyer.way)) {
			turn = TURN_DEPLOY;
			break;
		}
		if (lk_clock_us() >= until_us)
			break;
		lk_condition_wait_until(&application->changed, &application->mutex, until_us);
	}
	pthread_mutex_unlock(&application->mutex);
	return turn;
}

static bool abandoned(struct lk_application *application)
{
	pthread_mutex_lock(&application->mutex);
	bool yes = application->abandoned;
	pthread_mutex_unlock(&application->mutex);
	return yes;
}

static void withdraw(struct lk_crew *worker)
{
	lk_crew_publish(worker, NULL, (struct lk_release_way){0, 0});
}

/* The socket is withdrawn first: its number may be another's as soon as it is closed. */
static bool connect_as(struct lk_crew *worker, struct lk_release_way way, struct lk_error *error)
{
	struct lk_buyer *buyer = &worker->buyer;
	withdraw(worker);
	bool connected = lk_buyer_connect(buyer, worker->application->uri, way, error);
	lk_crew_publish(worker, buyer->link, buyer->way);
	return connected;
}

/* Tries until there is a connection; an outage is one error. False at the end. */
static bool reconnect(struct lk_crew *worker)
{
	struct lk_error error;
	struct lk_release_way way;
	bool counted = false;
	while (wait_turn(worker, lk_clock_us() + (counted ? RECONNECT_US : 0), &way) != TURN_STOP) {
		if (connect_as(worker, way, &error))
			return true;
		if (!counted && !abandoned(worker->application))
			lk_figures_error(worker->application->figures, error.text);
		counted = true;
	}
	return false;
}

/* Runs the transaction that is due; false when the thread has to end. */
static void run_due(struct lk_crew *worker, int64_t next_due_us)
{
	struct lk_figures *figures = worker->application->figures;
	struct lk_error error = {0};
	if (lk_buyer_transaction(&worker->buyer, &error)) {
		lk_figures_finished(figures, worker->buyer.number, next_due_us);
		return;
	}
	if (!abandoned(worker->application))
		lk_figures_failed(figures, worker->buyer.number, next_due_us, error.text);
	if (error.class == LK_ERROR_LOST) {
		withdraw(worker);
		lk_buyer_disconnect(&worker->buyer);
	}
}

void *lk_crew_main(void *argument)
{
	struct lk_crew *worker = argument;
	struct lk_application *application = worker->application;
	struct lk_error error;
	int64_t number = 0;
	lk_figures_set_due(application->figures, worker->buyer.number, lk_crew_due_us(worker, 0));
	for (;;) {
		struct lk_release_way way;
		enum turn turn = wait_turn(worker, lk_crew_due_us(worker, number), &way);
		if (turn == TURN_STOP || (!worker->buyer.link && !reconnect(worker)))
			break;
		if (turn == TURN_DEPLOY) {
			if (!connect_as(worker, way, &error)) {
				lk_figures_error(application->figures, error.text);
				withdraw(worker);
				lk_buyer_disconnect(&worker->buyer);
			}
			continue;
		}
		number++;
		run_due(worker, lk_crew_due_us(worker, number));
	}
	withdraw(worker);
	lk_buyer_disconnect(&worker->buyer);
	pthread_mutex_lock(&application->mutex);
	worker->ended = true;
	pthread_cond_broadcast(&application->changed);
	pthread_mutex_unlock(&application->mutex);
	return NULL;
}
