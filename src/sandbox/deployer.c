/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that watches the migration and decides which release runs where. */
#include "sandbox/crew.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/shop.h"

#define LOOK_EVERY_US 200000

static PGconn *connect_watcher(struct lk_crew *worker, struct lk_error *error)
{
	PGconn *connection = lk_postgres_connect(worker->application->server, LK_POSTGRES_USER,
						 LK_SHOP_DATABASE, "shop deployment", error);
	if (connection && !lk_postgres_execute(connection, "SET statement_timeout = '2s'", error)) {
		PQfinish(connection);
		connection = NULL;
	}
	lk_crew_publish(worker, connection, 0);
	return connection;
}

static void take_over(struct lk_application *application, const struct lk_release_stage *stage)
{
	pthread_mutex_lock(&application->mutex);
	if (memcmp(&application->stage, stage, sizeof *stage) != 0) {
		application->stage = *stage;
		pthread_cond_broadcast(&application->changed);
	}
	pthread_mutex_unlock(&application->mutex);
	if (stage->begun)
		lk_figures_run_begins(application->figures);
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
		struct lk_release_stage stage;
		struct lk_error error = {0};
		if (!connection)
			connection = connect_watcher(worker, &error);
		if (connection && lk_release_look(connection, &stage, &error))
			take_over(worker->application, &stage);
		else
			complain(last, sizeof last, &error);
		if (connection && PQstatus(connection) != CONNECTION_OK) {
			lk_crew_publish(worker, NULL, 0);
			PQfinish(connection);
			connection = NULL;
		}
	} while (wait_for_next(worker->application, lk_clock_us() + LOOK_EVERY_US));
	lk_crew_publish(worker, NULL, 0);
	if (connection)
		PQfinish(connection);
	return NULL;
}
