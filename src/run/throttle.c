/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/throttle.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Older than this we work blind. */
#define SAMPLE_STALE_MS 3000
/* Others count as using the server from this many transactions a second. A session tells the server
 * of its commits about once a second, so our own chunks arrive in bursts that look like somebody
 * else's: a lower bound made a backfill rest that was alone. */
#define BUSY_TRANSACTIONS 50
#define BUSY_REST 2.0
/* Then chunks are short, whatever the limit allows: who wants one of a chunk's rows waits until it
 * commits. */
#define BUSY_CHUNK_MS 10.0

static void show_ms(char text[32], double ms)
{
	if (ms < 0)
		snprintf(text, 32, "unknown");
	else if (ms < 1000)
		snprintf(text, 32, "%.0f ms", ms);
	else
		snprintf(text, 32, "%.1f s", ms / 1000);
}

static struct lk_throttle_input *add(struct lk_throttle *t, const char *name)
{
	if (t->input_count == LK_THROTTLE_INPUTS)
		return NULL;
	struct lk_throttle_input *input = &t->inputs[t->input_count++];
	memset(input, 0, sizeof *input);
	LK_COPY(input->name, name);
	return input;
}

/* Once over, an input is over until it is well below, so that the work does not flutter at the limit. */
static void judge(struct lk_throttle *t, const struct lk_throttle_input *input, double value,
		  double limit)
{
	size_t at = (size_t)(input - t->inputs);
	bool over = value > (t->was_over[at] ? limit * 0.75 : limit);
	t->was_over[at] = over;
	t->inputs[at].state = over ? LK_THROTTLE_OVER : LK_THROTTLE_OK;
}

static void add_ms(struct lk_throttle *t, const char *name, double value, double limit)
{
	struct lk_throttle_input *input = add(t, name);
	if (!input)
		return;
	show_ms(input->value, value);
	show_ms(input->limit, limit);
	judge(t, input, value, limit);
}

static void add_count(struct lk_throttle *t, const char *name, int64_t value, int64_t limit)
{
	struct lk_throttle_input *input = add(t, name);
	if (!input)
		return;
	snprintf(input->value, sizeof input->value, "%lld", (long long)value);
	snprintf(input->limit, sizeof input->limit, "%lld", (long long)limit);
	judge(t, input, (double)value, (double)limit);
}

static void add_replica(struct lk_throttle *t, const struct lk_lag_replica *replica, double limit)
{
	char name[48];
	snprintf(name, sizeof name, "lag %.40s", replica->name);
	if (replica->state == LK_LAG_OK) {
		add_ms(t, name, replica->lag_ms, limit);
		return;
	}
	struct lk_throttle_input *input = add(t, name);
	if (!input)
		return;
	bool unknown = replica->state == LK_LAG_UNREAD || replica->ignored;
	input->state = unknown ? LK_THROTTLE_UNKNOWN : LK_THROTTLE_STALE;
	show_ms(input->limit, limit);
	if (replica->state == LK_LAG_BROKEN)
		snprintf(input->value, sizeof input->value, "broken%s",
			 replica->ignored ? ", ignored" : "");
	else if (replica->state == LK_LAG_UNREAD)
		snprintf(input->value, sizeof input->value, "not known");
	else if (replica->state == LK_LAG_UNKNOWN)
		snprintf(input->value, sizeof input->value, "not visible: see doctor");
	else
		snprintf(input->value, sizeof input->value, "no answer %.0f s",
			 replica->silent_ms / 1000);
}

/* A probe that failed, or that was given up for its slowness, says nothing good about the server. */
static void add_probe(struct lk_throttle *t, double value, double limit)
{
	if (value >= 0) {
		add_ms(t, "probe", value, limit);
		return;
	}
	struct lk_throttle_input *input = add(t, "probe");
	if (!input)
		return;
	input->state = LK_THROTTLE_STALE;
	LK_COPY(input->value, "failed");
	show_ms(input->limit, limit);
}

static void add_inputs(struct lk_throttle *t, const struct lk_limits *l,
		       const struct lk_throttle_view *view)
{
	add_ms(t, "age of what we see", view->sample ? view->age_ms : SAMPLE_STALE_MS + 1,
	       SAMPLE_STALE_MS);
	if (!view->sample)
		return;
	add_ms(t, "sessions waiting for us", view->tree->longest_victim_ms,
	       (double)l->lock_wait_ms);
	add_count(t, "active sessions", view->sample->active, l->running);
	/* What a long reader keeps from being purged, and every reader has to walk through. */
	if (view->sample->history >= 0 && l->history > 0)
		add_count(t, "history list length", view->sample->history, l->history);
	if (l->probe)
		add_probe(t, view->sample->probe_ms, (double)l->probe_ms);
	for (size_t i = 0; i < view->lag->replica_count; i++)
		add_replica(t, &view->lag->replicas[i], (double)l->lag_ms);
}

void lk_throttle_decide(struct lk_throttle *t, const struct lk_limits *limits,
			const struct lk_throttle_view *view)
{
	size_t length = 0;
	t->input_count = 0;
	t->hold = false;
	t->reason[0] = '\0';
	add_inputs(t, limits, view);
	for (size_t i = 0; i < t->input_count; i++) {
		const struct lk_throttle_input *input = &t->inputs[i];
		if (input->state == LK_THROTTLE_OK || input->state == LK_THROTTLE_UNKNOWN)
			continue;
		t->hold = true;
		if (length < sizeof t->reason)
			length += (size_t)snprintf(t->reason + length, sizeof t->reason - length,
						   "%s%s %s", length ? ", " : "", input->name,
						   input->value);
	}
	bool busy = view->transactions_per_s - view->our_transactions_per_s > BUSY_TRANSACTIONS;
	double chunk_ms = (double)limits->chunk_time_ms;
	if (busy && chunk_ms > BUSY_CHUNK_MS)
		chunk_ms = BUSY_CHUNK_MS;
	t->chunk_target_ms = t->wished_chunk_ms > 0 ? t->wished_chunk_ms : chunk_ms;
	t->rest_ratio = t->wished_rest > 0 ? t->wished_rest : busy ? BUSY_REST : 0;
}
