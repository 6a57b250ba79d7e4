/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/application.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/crew.h"

/* Until the threads are up. */
#define HEAD_START_US 100000

static struct lk_application *new_application(const struct lk_application_options *options)
{
	int connections = options->per_second > 0 ? options->connections : 0;
	struct lk_application *application = lk_alloc(
		sizeof *application + (size_t)connections * sizeof application->workers[0]);
	application->uri = lk_strdup(options->uri);
	application->watcher_uri = lk_strdup(options->watcher_uri);
	application->file = lk_strdup(options->file);
	application->connections = connections;
	application->per_second = options->per_second;
	application->figures = lk_figures_new(connections);
	for (int i = 0; i < 2; i++)
		application->stage.ways[i].release = LK_RELEASE_OLD;
	pthread_mutex_init(&application->mutex, NULL);
	lk_condition_init(&application->changed);
	for (int i = 0; i < connections; i++) {
		application->workers[i].application = application;
		application->workers[i].socket = -1;
		lk_buyer_init(&application->workers[i].buyer, i, options->users);
	}
	application->deployer.application = application;
	application->deployer.socket = -1;
	return application;
}

static bool connect_all(struct lk_application *application, struct lk_error *error)
{
	for (int i = 0; i < application->connections; i++) {
		struct lk_crew *worker = &application->workers[i];
		if (!lk_buyer_connect(&worker->buyer, application->uri, lk_crew_way(worker), error))
			return false;
		lk_crew_publish(worker, worker->buyer.link, worker->buyer.way);
	}
	return true;
}

static bool start_threads(struct lk_application *application, struct lk_error *error)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	application->begun_us = lk_clock_us() + HEAD_START_US;
	lk_figures_begin(application->figures, application->begun_us);
	int number = 0;
	for (int i = 0; i < application->connections && number == 0; i++) {
		struct lk_crew *worker = &application->workers[i];
		number = pthread_create(&worker->thread, NULL, lk_crew_main, worker);
		worker->started = number == 0;
	}
	if (number == 0) {
		number = pthread_create(&application->deployer.thread, NULL, lk_deployer_main,
					&application->deployer);
		application->deployer.started = number == 0;
	}
	if (number == 0) {
		number =
			pthread_create(&application->reporter, NULL, lk_reporter_main, application);
		application->reporting = number == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return number == 0 ||
	       lk_fail_errno(error, number, "cannot start the application's threads");
}

struct lk_application *lk_application_start(const struct lk_application_options *options,
					    struct lk_error *error)
{
	struct lk_application *application = new_application(options);
	if (connect_all(application, error)) {
		/* So that the file is there as soon as somebody can look for it. */
		lk_crew_report(application);
		if (start_threads(application, error))
			return application;
	}
	lk_application_free(application);
	return NULL;
}

/* Under the mutex. */
static int still_running(const struct lk_application *application)
{
	int count = 0;
	for (int i = 0; i < application->connections; i++)
		count += application->workers[i].started && !application->workers[i].ended;
	return count;
}

/* Under the mutex: a thread that waits for the server's answer gets an end of file instead. */
static void break_off(struct lk_application *application)
{
	application->abandoned = true;
	for (int i = 0; i < application->connections; i++)
		if (application->workers[i].socket >= 0)
			shutdown(application->workers[i].socket, SHUT_RDWR);
	if (application->deployer.socket >= 0)
		shutdown(application->deployer.socket, SHUT_RDWR);
}

void lk_application_abandon(struct lk_application *application)
{
	pthread_mutex_lock(&application->mutex);
	application->stop = true;
	break_off(application);
	pthread_cond_broadcast(&application->changed);
	pthread_mutex_unlock(&application->mutex);
}

bool lk_application_sees_keeper(struct lk_application *application)
{
	pthread_mutex_lock(&application->mutex);
	bool sees = !application->stop && application->stage.keeper;
	pthread_mutex_unlock(&application->mutex);
	return sees;
}

static void let_end(struct lk_application *application, int grace_ms)
{
	int64_t deadline = lk_clock_us() + (int64_t)grace_ms * 1000;
	pthread_mutex_lock(&application->mutex);
	application->stop = true;
	pthread_cond_broadcast(&application->changed);
	while (still_running(application) > 0 && lk_clock_us() < deadline)
		lk_condition_wait_until(&application->changed, &application->mutex, deadline);
	int left = still_running(application);
	break_off(application);
	pthread_mutex_unlock(&application->mutex);
	lk_figures_end(application->figures);
	if (left > 0 && grace_ms > 0) {
		char sentence[120];
		snprintf(sentence, sizeof sentence, "%d transactions did not end within %d s", left,
			 grace_ms / 1000);
		lk_figures_error(application->figures, sentence);
	}
}

void lk_application_stop(struct lk_application *application, int grace_ms)
{
	let_end(application, grace_ms);
	for (int i = 0; i < application->connections; i++) {
		struct lk_crew *worker = &application->workers[i];
		if (worker->started)
			pthread_join(worker->thread, NULL);
		worker->started = false;
	}
	if (application->deployer.started)
		pthread_join(application->deployer.thread, NULL);
	if (application->reporting) {
		pthread_join(application->reporter, NULL);
		lk_crew_report(application);
	}
	application->deployer.started = application->reporting = false;
}

void lk_application_figures(struct lk_application *application, struct lk_figures_summary *summary)
{
	lk_figures_summarise(application->figures, summary);
}

void lk_application_free(struct lk_application *application)
{
	if (!application)
		return;
	lk_application_stop(application, 0);
	for (int i = 0; i < application->connections; i++)
		lk_buyer_disconnect(&application->workers[i].buyer);
	pthread_cond_destroy(&application->changed);
	pthread_mutex_destroy(&application->mutex);
	lk_figures_free(application->figures);
	free(application->uri);
	free(application->watcher_uri);
	free(application->file);
	free(application);
}
