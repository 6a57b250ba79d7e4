/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/figures.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/latency.h"

/* One histogram a second: ten full ones, the one being filled, and a spare for what is seen late.
 */
#define SECONDS 14
#define RECENT 10
#define WARM_UP_S 2
/* So many seconds of quiet have to be measured before there is a figure to compare with. */
#define QUIET_S 6
#define NEVER INT64_MAX

struct second {
	int64_t number; /* since the start; -1 empty */
	struct lk_latency latency;
};

struct lk_figures {
	pthread_mutex_t mutex; /* guards all below */
	int64_t begun_us;
	int64_t last_finish_us;
	int64_t longest_stall_us;
	int64_t transactions, errors;
	bool run_begun, ended;
	struct second seconds[SECONDS];
	struct lk_latency all, alone, run;
	char first_error[300], last_error[300];
	int connections;
	int64_t due_us[]; /* of each connection's transaction that has not finished */
};

struct lk_figures *lk_figures_new(int connections)
{
	struct lk_figures *figures =
		lk_alloc(sizeof *figures + (size_t)connections * sizeof figures->due_us[0]);
	pthread_mutex_init(&figures->mutex, NULL);
	figures->connections = connections;
	for (int i = 0; i < connections; i++)
		figures->due_us[i] = NEVER;
	for (int i = 0; i < SECONDS; i++)
		figures->seconds[i].number = -1;
	return figures;
}

void lk_figures_free(struct lk_figures *figures)
{
	if (!figures)
		return;
	pthread_mutex_destroy(&figures->mutex);
	free(figures);
}

static int64_t second_at(const struct lk_figures *figures, int64_t now_us)
{
	return (now_us - figures->begun_us) / 1000000;
}

static void note_latency(struct lk_figures *figures, int64_t now_us, int64_t latency_us)
{
	int64_t number = second_at(figures, now_us);
	struct second *second = &figures->seconds[number % SECONDS];
	if (second->number != number) {
		second->number = number;
		lk_latency_reset(&second->latency);
	}
	lk_latency_add(&second->latency, latency_us);
	lk_latency_add(&figures->all, latency_us);
	if (figures->run_begun)
		lk_latency_add(&figures->run, latency_us);
}

/* The seconds from first to last, both included. */
static void sum_seconds(const struct lk_figures *figures, int64_t first, int64_t last,
			struct lk_latency *sum)
{
	lk_latency_reset(sum);
	for (int i = 0; i < SECONDS; i++) {
		const struct second *second = &figures->seconds[i];
		if (second->number >= first && second->number <= last)
			lk_latency_merge(sum, &second->latency);
	}
}

/* How long nothing has finished although something was due. */
static int64_t stall_until(const struct lk_figures *figures, int64_t now_us)
{
	int64_t from = NEVER;
	for (int i = 0; i < figures->connections; i++)
		if (figures->due_us[i] < from)
			from = figures->due_us[i];
	if (from < figures->last_finish_us)
		from = figures->last_finish_us;
	return !figures->ended && from < now_us ? now_us - from : 0;
}

void lk_figures_begin(struct lk_figures *figures, int64_t now_us)
{
	pthread_mutex_lock(&figures->mutex);
	figures->begun_us = figures->last_finish_us = now_us;
	pthread_mutex_unlock(&figures->mutex);
}

void lk_figures_set_due(struct lk_figures *figures, int connection, int64_t due_us)
{
	pthread_mutex_lock(&figures->mutex);
	figures->due_us[connection] = due_us;
	pthread_mutex_unlock(&figures->mutex);
}

static void note_error(struct lk_figures *figures, const char *sentence)
{
	figures->errors++;
	LK_COPY(figures->last_error, sentence);
	if (!figures->first_error[0])
		LK_COPY(figures->first_error, sentence);
}

static void note_end(struct lk_figures *figures, int connection, int64_t next_due_us)
{
	int64_t now_us = lk_clock_us();
	int64_t stall_us = stall_until(figures, now_us);
	if (stall_us > figures->longest_stall_us)
		figures->longest_stall_us = stall_us;
	note_latency(figures, now_us, now_us - figures->due_us[connection]);
	figures->last_finish_us = now_us;
	figures->due_us[connection] = next_due_us;
}

void lk_figures_finished(struct lk_figures *figures, int connection, int64_t next_due_us)
{
	pthread_mutex_lock(&figures->mutex);
	note_end(figures, connection, next_due_us);
	figures->transactions++;
	pthread_mutex_unlock(&figures->mutex);
}

void lk_figures_failed(struct lk_figures *figures, int connection, int64_t next_due_us,
		       const char *sentence)
{
	pthread_mutex_lock(&figures->mutex);
	note_end(figures, connection, next_due_us);
	note_error(figures, sentence);
	pthread_mutex_unlock(&figures->mutex);
}

void lk_figures_error(struct lk_figures *figures, const char *sentence)
{
	pthread_mutex_lock(&figures->mutex);
	note_error(figures, sentence);
	pthread_mutex_unlock(&figures->mutex);
}

/*
 * The step was noticed a moment after it began, so the second that is being filled and the one
 * before it belong to the run; the quiet time is the ten before them.
 */
void lk_figures_run_begins(struct lk_figures *figures)
{
	pthread_mutex_lock(&figures->mutex);
	if (!figures->run_begun) {
		int64_t now = second_at(figures, lk_clock_us());
		int64_t last = now - 2, first = last - RECENT + 1;
		figures->run_begun = true;
		sum_seconds(figures, first < WARM_UP_S ? WARM_UP_S : first, last, &figures->alone);
		sum_seconds(figures, now - 1, now, &figures->run);
	}
	pthread_mutex_unlock(&figures->mutex);
}

void lk_figures_end(struct lk_figures *figures)
{
	pthread_mutex_lock(&figures->mutex);
	int64_t stall_us = stall_until(figures, lk_clock_us());
	if (stall_us > figures->longest_stall_us)
		figures->longest_stall_us = stall_us;
	figures->ended = true;
	pthread_mutex_unlock(&figures->mutex);
}

static double quantile(const struct lk_latency *latency, double share)
{
	return latency->count > 0 ? lk_latency_quantile_ms(latency, share) : -1;
}

static void summarise_recent(const struct lk_figures *figures, int64_t now_us,
			     struct lk_figures_summary *summary)
{
	struct lk_latency recent;
	int64_t now = second_at(figures, now_us), first = now - RECENT;
	sum_seconds(figures, first < 0 ? 0 : first, now - 1, &recent);
	int64_t seconds = now < RECENT ? now : RECENT;
	summary->per_s = seconds > 0 ? (double)recent.count / (double)seconds : 0;
	summary->recent_p50_ms = quantile(&recent, 0.5);
	summary->recent_p95_ms = quantile(&recent, 0.95);
	summary->recent_p99_ms = quantile(&recent, 0.99);
	summary->recent_max_ms = quantile(&recent, 1);
	if (figures->run_begun) {
		summary->p99_alone_ms = quantile(&figures->alone, 0.99);
		return;
	}
	sum_seconds(figures, first < WARM_UP_S ? WARM_UP_S : first, now - 1, &recent);
	summary->p99_alone_ms = now < WARM_UP_S + QUIET_S ? -1 : quantile(&recent, 0.99);
}

void lk_figures_summarise(struct lk_figures *figures, struct lk_figures_summary *summary)
{
	memset(summary, 0, sizeof *summary);
	pthread_mutex_lock(&figures->mutex);
	int64_t now_us = lk_clock_us();
	int64_t stall_us = stall_until(figures, now_us);
	summary->transactions = figures->transactions;
	summary->errors = figures->errors;
	summary->p50_ms = quantile(&figures->all, 0.5);
	summary->p95_ms = quantile(&figures->all, 0.95);
	summary->p99_ms = quantile(&figures->all, 0.99);
	summary->max_ms = quantile(&figures->all, 1);
	summary->p99_run_ms = quantile(&figures->run, 0.99);
	summary->longest_stall_ms =
		(double)(stall_us > figures->longest_stall_us ? stall_us
							      : figures->longest_stall_us) /
		1000;
	LK_COPY(summary->first_error, figures->first_error);
	LK_COPY(summary->last_error, figures->last_error);
	summarise_recent(figures, now_us, summary);
	pthread_mutex_unlock(&figures->mutex);
}
