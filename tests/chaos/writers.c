/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/writers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/chaos/session.h"

enum { WRITERS = 2, PAUSE_MS = 6, RECONNECT_MS = 20 };

struct lk_chaos_writers {
	const struct lk_chaos_world *world;
	char *sql;
	uint64_t seed;
	atomic_bool stop;
	pthread_mutex_t mutex; /* guards written */
	struct lk_chaos_written written;
	atomic_int numbers;
	pthread_t threads[WRITERS];
};

void lk_chaos_users_make(const struct lk_chaos_world *world, int rows)
{
	char *sql = world->engine->make_users(rows);
	lk_chaos_must(world, sql);
	free(sql);
}

static enum lk_chaos_told classify(const struct lk_error *error)
{
	if (strncmp(error->state, "57P0", 4) == 0)
		return LK_CHAOS_TOLD_SHUTDOWN;
	if (error->class == LK_ERROR_LOST)
		return LK_CHAOS_TOLD_LOST;
	return error->class == LK_ERROR_SYSTEM ? LK_CHAOS_TOLD_DISK : LK_CHAOS_TOLD_OTHER;
}

/* The error is NULL when all went well. */
static void note(struct lk_chaos_writers *w, int64_t took_us, const struct lk_error *error)
{
	pthread_mutex_lock(&w->mutex);
	if (!error)
		w->written.transactions++;
	else
		w->written.told[classify(error)]++;
	if (error && classify(error) == LK_CHAOS_TOLD_OTHER && !w->written.first_other[0])
		snprintf(w->written.first_other, sizeof w->written.first_other, "%.5s %d: %.250s",
			 error->state, error->number, error->text);
	if ((double)took_us / 1000 > w->written.longest_ms)
		w->written.longest_ms = (double)took_us / 1000;
	pthread_mutex_unlock(&w->mutex);
}

/* Each connection draws numbers of its own, the same for the same seed. */
static struct lk_link *connect_writer(struct lk_chaos_writers *w)
{
	struct lk_error ignored;
	int number = atomic_fetch_add(&w->numbers, 1);
	struct lk_link *link = lk_chaos_connect(w->world);
	char *sql = w->world->engine->seed(
		1 + (int)((w->seed * 31 + (uint64_t)number * 7919) % 999983));
	if (link)
		lk_link_execute(link, sql, &ignored);
	free(sql);
	return link;
}

/* A server of MySQL that goes down says of a statement that it was interrupted, as of one that somebody has cancelled;
 * then it takes no other. */
static void find_lost(struct lk_link *link, struct lk_error *error)
{
	struct lk_error next;
	if (strcmp(error->state, "70100") == 0 && !lk_link_execute(link, "SELECT 1", &next))
		*error = next;
}

static void *write_rows(void *argument)
{
	static const struct lk_error nobody = {.class = LK_ERROR_LOST};
	struct lk_chaos_writers *w = argument;
	struct lk_link *link = connect_writer(w);
	while (!atomic_load(&w->stop)) {
		int64_t begun = lk_clock_us();
		struct lk_error error = nobody;
		bool done = link && lk_link_execute(link, w->sql, &error);
		int64_t took_us = lk_clock_us() - begun;
		if (link && !done)
			find_lost(link, &error);
		note(w, took_us, done ? NULL : &error);
		lk_sleep_ms(PAUSE_MS);
		if (lk_chaos_connected(link))
			continue;
		lk_link_close(link);
		lk_sleep_ms(RECONNECT_MS);
		link = connect_writer(w);
	}
	lk_link_close(link);
	return NULL;
}

struct lk_chaos_writers *lk_chaos_writers_start(const struct lk_chaos_world *world,
						bool new_release, uint64_t seed)
{
	struct lk_chaos_writers *w = lk_alloc(sizeof *w);
	w->world = world;
	w->sql = world->engine->write(new_release);
	w->seed = seed * 2 + new_release;
	pthread_mutex_init(&w->mutex, NULL);
	for (int i = 0; i < WRITERS; i++)
		if (pthread_create(&w->threads[i], NULL, write_rows, w) != 0)
			abort();
	return w;
}

static void add(struct lk_chaos_written *sum, const struct lk_chaos_written *one)
{
	sum->transactions += one->transactions;
	for (int i = 0; i < LK_CHAOS_TOLD_KINDS; i++)
		sum->told[i] += one->told[i];
	if (one->longest_ms > sum->longest_ms)
		sum->longest_ms = one->longest_ms;
	if (!sum->first_other[0])
		LK_COPY(sum->first_other, one->first_other);
}

void lk_chaos_writers_stop(struct lk_chaos_writers *w, struct lk_chaos_written *written)
{
	if (!w)
		return;
	atomic_store(&w->stop, true);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(w->threads[i], NULL);
	add(written, &w->written);
	pthread_mutex_destroy(&w->mutex);
	free(w->sql);
	free(w);
}
