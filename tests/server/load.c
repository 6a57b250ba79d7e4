/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements that threads repeat while a test does something else. */
#include "tests/server/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "sandbox/pg_daemon.h"

struct lk_test_load {
	char *conninfo, *sql;
	int pause_us;
	pthread_mutex_t mutex; /* guards the members below */
	pthread_cond_t changed;
	bool stop;
	struct lk_test_load_result result;
	int connections;
	pthread_t threads[];
};

static void note(struct lk_test_load *load, int64_t took_us, const struct lk_error *error)
{
	pthread_mutex_lock(&load->mutex);
	struct lk_test_load_result *result = &load->result;
	result->transactions += !error;
	result->errors += error != NULL;
	if (error && !result->first_error[0])
		LK_COPY(result->first_error, error->text);
	if ((double)took_us / 1000 > result->longest_ms)
		result->longest_ms = (double)took_us / 1000;
	pthread_mutex_unlock(&load->mutex);
}

/* False once the load is to stop. */
static bool pause_between(struct lk_test_load *load, int pause_us)
{
	int64_t until = lk_clock_us() + pause_us;
	pthread_mutex_lock(&load->mutex);
	while (!load->stop && lk_clock_us() < until)
		lk_condition_wait_until(&load->changed, &load->mutex, until);
	bool stop = load->stop;
	pthread_mutex_unlock(&load->mutex);
	return !stop;
}

static void *run(void *argument)
{
	struct lk_test_load *load = argument;
	PGconn *connection = PQconnectdb(load->conninfo);
	do {
		struct lk_error error;
		int64_t begun = lk_clock_us();
		bool done = lk_postgres_execute(connection, load->sql, &error);
		note(load, lk_clock_us() - begun, done ? NULL : &error);
		if (PQstatus(connection) != CONNECTION_OK) {
			pause_between(load, 20000);
			PQreset(connection);
		}
	} while (pause_between(load, load->pause_us));
	PQfinish(connection);
	return NULL;
}

struct lk_test_load *lk_test_load_start(const struct lk_test_server *server, const char *sql,
					int connections, int pause_us)
{
	struct lk_test_load *load =
		lk_alloc(sizeof *load + (size_t)connections * sizeof load->threads[0]);
	load->conninfo = lk_test_server_conninfo(server, LK_TEST_PRIMARY, LK_POSTGRES_USER, "test");
	load->sql = lk_strdup(sql);
	load->pause_us = pause_us;
	load->connections = connections;
	pthread_mutex_init(&load->mutex, NULL);
	lk_condition_init(&load->changed);
	for (int i = 0; i < connections; i++) {
		if (pthread_create(&load->threads[i], NULL, run, load) == 0)
			continue;
		fputs("test load: no thread\n", stderr);
		exit(1);
	}
	return load;
}

void lk_test_load_look(struct lk_test_load *load, struct lk_test_load_result *result)
{
	pthread_mutex_lock(&load->mutex);
	*result = load->result;
	pthread_mutex_unlock(&load->mutex);
}

void lk_test_load_stop(struct lk_test_load *load, struct lk_test_load_result *result)
{
	pthread_mutex_lock(&load->mutex);
	load->stop = true;
	pthread_cond_broadcast(&load->changed);
	pthread_mutex_unlock(&load->mutex);
	for (int i = 0; i < load->connections; i++)
		pthread_join(load->threads[i], NULL);
	if (result)
		*result = load->result;
	pthread_cond_destroy(&load->changed);
	pthread_mutex_destroy(&load->mutex);
	free(load->conninfo);
	free(load->sql);
	free(load);
}
