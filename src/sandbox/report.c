/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of figures, rewritten several times a second by a thread that never touches the database. */
#include "sandbox/crew.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/utf8.h"

#define WRITE_EVERY_US 200000

/* Releases that run nowhere are left out. */
static void add_releases(struct lk_application *application, json_t *object)
{
	static const int releases[] = {LK_RELEASE_OLD, LK_RELEASE_NEW};
	char text[120] = "";
	size_t length = 0, size = sizeof text;
	pthread_mutex_lock(&application->mutex);
	for (size_t r = 0; r < LK_COUNT(releases); r++) {
		int count = 0;
		for (int i = 0; i < application->connections; i++)
			count += application->workers[i].way.release == releases[r];
		if (count > 0)
			length += (size_t)snprintf(text + length, size - length,
						   "%s%d: %d connections", length > 0 ? ", " : "",
						   releases[r], count);
	}
	json_object_set_new(object, "settled", json_boolean(lk_crew_settled(application)));
	json_object_set_new(object, "looked_ms", json_integer(application->looked_ms));
	pthread_mutex_unlock(&application->mutex);
	json_object_set_new(object, "releases", json_string(text));
}

static void add_number(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_real(value));
}

/* A server's message may be cut in the middle of a character or be in another encoding. */
static void add_text(json_t *object, const char *key, const char *text)
{
	char *repaired = lk_utf8_repair(text);
	json_object_set_new(object, key, json_string(repaired));
	free(repaired);
}

static json_t *figures_object(struct lk_application *application)
{
	struct lk_figures_summary s;
	json_t *object = json_object();
	lk_figures_summarise(application->figures, &s);
	json_object_set_new(object, "transactions", json_integer(s.transactions));
	json_object_set_new(object, "errors", json_integer(s.errors));
	add_number(object, "per_s", s.per_s);
	add_number(object, "p50_ms", s.p50_ms);
	add_number(object, "p95_ms", s.p95_ms);
	add_number(object, "p99_ms", s.p99_ms);
	add_number(object, "max_ms", s.max_ms);
	add_number(object, "recent_p50_ms", s.recent_p50_ms);
	add_number(object, "recent_p95_ms", s.recent_p95_ms);
	add_number(object, "recent_p99_ms", s.recent_p99_ms);
	add_number(object, "recent_max_ms", s.recent_max_ms);
	add_number(object, "p99_alone_ms", s.p99_alone_ms);
	add_number(object, "p99_run_ms", s.p99_run_ms);
	add_number(object, "longest_stall_ms", s.longest_stall_ms);
	add_releases(application, object);
	add_text(object, "first_error", s.first_error);
	add_text(object, "last_error", s.last_error);
	json_object_set_new(object, "written_ms", json_integer(lk_wall_ms()));
	return object;
}

void lk_crew_report(struct lk_application *application)
{
	struct lk_error error;
	json_t *object = figures_object(application);
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
	if (text && !lk_path_write(application->file, text, strlen(text), &error))
		fprintf(stderr, "%s\n", error.text);
	free(text);
	json_decref(object);
}

void *lk_reporter_main(void *argument)
{
	struct lk_application *application = argument;
	bool stop = false;
	while (!stop) {
		lk_crew_report(application);
		int64_t until_us = lk_clock_us() + WRITE_EVERY_US;
		pthread_mutex_lock(&application->mutex);
		while (!application->stop && lk_clock_us() < until_us)
			lk_condition_wait_until(&application->changed, &application->mutex,
						until_us);
		stop = application->stop;
		pthread_mutex_unlock(&application->mutex);
	}
	return NULL;
}
