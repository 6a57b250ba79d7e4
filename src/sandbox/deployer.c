/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that watches the migration and decides which release runs where. */
#include "sandbox/crew.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/dialect.h"

#define LOOK_EVERY_US 150000

static void publish(struct lk_crew *worker, struct lk_link *link)
{
	lk_crew_publish(worker, link, (struct lk_release_way){0, 0});
}

static struct lk_link *connect_watcher(struct lk_crew *worker, struct lk_error *error)
{
	struct lk_link *link =
		lk_link_open(worker->application->watcher_uri, "shop deployment", error);
	if (link && !lk_link_execute(link, link->dialect->release->watcher_sql, error)) {
		lk_link_close(link);
		link = NULL;
	}
	publish(worker, link);
	return link;
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
static bool mend(struct lk_application *application, struct lk_link *link, struct lk_error *error)
{
	pthread_mutex_lock(&application->mutex);
	unsigned features = lk_crew_to_mend(application);
	pthread_mutex_unlock(&application->mutex);
	if (!features)
		return true;
	if (!lk_release_mend(link, features, error))
		return false;
	pthread_mutex_lock(&application->mutex);
	application->mended |= features;
	pthread_mutex_unlock(&application->mutex);
	return true;
}

/* One look at the database, and what follows from it. */
static bool look(struct lk_application *application, struct lk_link *link, struct lk_error *error)
{
	struct lk_release_stage stage;
	int64_t looked_ms = lk_wall_ms();
	if (!lk_release_look(link, &stage, error))
		return false;
	take_over(application, &stage, looked_ms);
	return mend(application, link, error);
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
	struct lk_link *link = NULL;
	char last[sizeof(((struct lk_error *)0)->text)] = "";
	do {
		struct lk_error error = {0};
		if (!link)
			link = connect_watcher(worker, &error);
		if (!link || !look(worker->application, link, &error))
			complain(last, sizeof last, &error);
		if (link && !lk_link_is_up(link)) {
			publish(worker, NULL);
			lk_link_close(link);
			link = NULL;
		}
	} while (wait_for_next(worker->application, lk_clock_us() + LOOK_EVERY_US));
	publish(worker, NULL);
	lk_link_close(link);
	return NULL;
}
