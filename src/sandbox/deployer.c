/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that watches the migration and decides which release runs where. */
#include "sandbox/crew.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/shop.h"

#define LOOK_EVERY_US 150000

static void publish(struct lk_crew *worker, PGconn *connection)
{
	lk_crew_publish(worker, connection, (struct lk_release_way){0, 0});
}

static PGconn *connect_watcher(struct lk_crew *worker, struct lk_error *error)
{
	PGconn *connection = lk_postgres_connect(worker->application->server, LK_POSTGRES_USER,
						 LK_SHOP_DATABASE, "shop deployment", error);
	if (connection && !lk_postgres_execute(connection, "SET statement_timeout = '2s'", error)) {
		PQfinish(connection);
		connection = NULL;
	}
	publish(worker, connection);
	return connection;
}

static void take_over(struct lk_application *application, const struct lk_release_stage *stage,
		      int64_t looked_ms)
{
	pthread_mutex_lock(&application->mutex);
	application->looked_ms = looked_ms;
	application->mended &= stage->back;
	if (memcmp(&application->stage, stage, sizeof *stage) != 0) {
		application->stage = *stage;
		pthread_cond_broadcast(&application->changed);
	}
	pthread_mutex_unlock(&application->mutex);
	if (stage->begun)
		lk_figures_run_begins(application->figures);
}

/* A withdrawn release leaves nothing behind that the way back cannot bear. */
static bool mend(struct lk_application *application, PGconn *connection, struct lk_error *error)
{
	pthread_mutex_lock(&application->mutex);
	unsigned features = lk_crew_to_mend(application);
	pthread_mutex_unlock(&application->mutex);
	if (!features)
		return true;
	if (!lk_release_mend(connection, features, error))
		return false;
	pthread_mutex_lock(&application->mutex);
	application->mended |= features;
	pthread_mutex_unlock(&application->mutex);
	return true;
}

/* One look at the database, and what follows from it. */
static bool look(struct lk_application *application, PGconn *connection, struct lk_error *error)
{
	struct lk_release_stage stage;
	int64_t looked_ms = lk_wall_ms();
	if (!lk_release_look(connection, &stage, error))
		return false;
	take_over(application, &stage, looked_ms);
	return mend(application, connection, error);
}

/* Once for each different sentence: the log would fill with the same line five times a second. */
static void complain(char *last, size_t size, const struct lk_error *error)
{
	if (strcmp(last, error->text) == 0)
		return;
	lk_copy_text(last, size, error->text);
	fprintf(stderr, "the deployment cannot see the migration: %s\n", error->text);
}

static bool wait_for_next(struct lk_application *application, int64_t until_us)
{
	pthread_mutex_lock(&application->mutex);
	while (!application->stop && lk_clock_us() < until_us)
		lk_condition_wait_until(&application->changed, &application->mutex, until_us);
	bool stop = application->stop;
	pthread_mutex_unlock(&application->mutex);
	return !stop;
}

void *lk_deployer_main(void *argument)
{
	struct lk_crew *worker = argument;
	PGconn *connection = NULL;
	char last[sizeof(((struct lk_error *)0)->text)] = "";
	do {
		struct lk_error error = {0};
		if (!connection)
			connection = connect_watcher(worker, &error);
		if (!connection || !look(worker->application, connection, &error))
			complain(last, sizeof last, &error);
		if (connection && PQstatus(connection) != CONNECTION_OK) {
			publish(worker, NULL);
			PQfinish(connection);
			connection = NULL;
		}
	} while (wait_for_next(worker->application, lk_clock_us() + LOOK_EVERY_US));
	publish(worker, NULL);
	if (connection)
		PQfinish(connection);
	return NULL;
}
