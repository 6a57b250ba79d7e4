/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/my_load.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/thread.h"

struct worker {
	struct lk_test_my_load *load;
	MYSQL *mysql;
	pthread_t thread;
};

struct lk_test_my_load {
	char *sql;
	int pause_us;
	pthread_mutex_t mutex; /* guards the members below */
	pthread_cond_t changed;
	bool stop;
	struct lk_test_my_load_result result;
	int connections;
	struct worker workers[];
};

static void note(struct lk_test_my_load *load, int64_t took_us, const char *failure)
{
	pthread_mutex_lock(&load->mutex);
	struct lk_test_my_load_result *result = &load->result;
	result->transactions += !failure;
	result->errors += failure != NULL;
	if (failure && !result->first_error[0])
		LK_COPY(result->first_error, failure);
	if ((double)took_us / 1000 > result->longest_ms)
		result->longest_ms = (double)took_us / 1000;
	pthread_cond_broadcast(&load->changed);
	pthread_mutex_unlock(&load->mutex);
}

/* False once the load is to stop. */
static bool pause_between(struct lk_test_my_load *load)
{
	int64_t until = lk_clock_us() + load->pause_us;
	pthread_mutex_lock(&load->mutex);
	while (!load->stop && lk_clock_us() < until)
		lk_condition_wait_until(&load->changed, &load->mutex, until);
	bool stop = load->stop;
	pthread_mutex_unlock(&load->mutex);
	return !stop;
}

static bool execute(MYSQL *mysql, const char *sql)
{
	int more = mysql_query(mysql, sql) == 0 ? 0 : 1;
	while (more == 0) {
		mysql_free_result(mysql_store_result(mysql));
		more = mysql_next_result(mysql);
	}
	return more < 0;
}

static void *run(void *argument)
{
	struct worker *worker = argument;
	struct lk_test_my_load *load = worker->load;
	do {
		int64_t begun = lk_clock_us();
		bool done = execute(worker->mysql, load->sql);
		note(load, lk_clock_us() - begun, done ? NULL : mysql_error(worker->mysql));
	} while (pause_between(load));
	mysql_thread_end();
	return NULL;
}

struct lk_test_my_load *lk_test_my_load_start(const struct lk_test_my *server, const char *sql,
					      int connections, int pause_us)
{
	struct lk_error error;
	struct lk_test_my_load *load =
		lk_alloc(sizeof *load + (size_t)connections * sizeof load->workers[0]);
	load->sql = lk_strdup(sql);
	load->pause_us = pause_us;
	load->connections = connections;
	pthread_mutex_init(&load->mutex, NULL);
	lk_condition_init(&load->changed);
	for (int i = 0; i < connections; i++) {
		load->workers[i].load = load;
		load->workers[i].mysql = lk_test_my_connect(server);
		if (!lk_thread_start(&load->workers[i].thread, run, &load->workers[i], &error))
			abort();
	}
	return load;
}

void lk_test_my_load_look(struct lk_test_my_load *load, struct lk_test_my_load_result *result)
{
	pthread_mutex_lock(&load->mutex);
	*result = load->result;
	pthread_mutex_unlock(&load->mutex);
}

void lk_test_my_load_wait(struct lk_test_my_load *load, int64_t more)
{
	pthread_mutex_lock(&load->mutex);
	int64_t until = load->result.transactions + more;
	while (load->result.transactions < until && load->result.errors == 0)
		pthread_cond_wait(&load->changed, &load->mutex);
	pthread_mutex_unlock(&load->mutex);
}

void lk_test_my_load_stop(struct lk_test_my_load *load, struct lk_test_my_load_result *result)
{
	pthread_mutex_lock(&load->mutex);
	load->stop = true;
	pthread_cond_broadcast(&load->changed);
	pthread_mutex_unlock(&load->mutex);
	for (int i = 0; i < load->connections; i++) {
		pthread_join(load->workers[i].thread, NULL);
		mysql_close(load->workers[i].mysql);
	}
	if (result)
		*result = load->result;
	pthread_mutex_destroy(&load->mutex);
	pthread_cond_destroy(&load->changed);
	free(load->sql);
	free(load);
}
