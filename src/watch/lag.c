/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/lag.h"

#include <string.h>

#include "base/memory.h"

/* Marks closer together than this add nothing. */
#define MARK_GAP_US 90000
/* wal_receiver_status_interval is 10 s by default; an answer older than that is overdue. */
#define STALE_MS 12000
#define ASKED_STALE_MS 3000
#define FORGET_US 3600000000LL

static void add_mark(struct lk_lag *lag, int64_t at_us, int64_t position)
{
	if (lag->count > 0) {
		size_t newest = (lag->first + lag->count - 1) % LK_LAG_MARKS;
		if (position < lag->marks[newest].position)
			lag->count = 0; /* another timeline: what was known is worth nothing */
		else if (position == lag->marks[newest].position ||
			 at_us - lag->marks[newest].at_us < MARK_GAP_US)
			return;
	}
	if (lag->count == LK_LAG_MARKS) {
		lag->first = (lag->first + 1) % LK_LAG_MARKS;
		lag->count--;
	}
	size_t next = (lag->first + lag->count++) % LK_LAG_MARKS;
	lag->marks[next].at_us = at_us;
	lag->marks[next].position = position;
}

/* The age of the first mark that lies beyond the position: what was written then is not replayed yet. */
static double lag_of(const struct lk_lag *lag, int64_t position, int64_t now_us)
{
	for (size_t i = 0; i < lag->count; i++) {
		size_t at = (lag->first + i) % LK_LAG_MARKS;
		if (lag->marks[at].position > position)
			return (double)(now_us - lag->marks[at].at_us) / 1000.0;
	}
	return 0;
}

static struct lk_lag_replica *find(struct lk_lag *lag, const char *name)
{
	for (size_t i = 0; i < lag->replica_count; i++)
		if (strcmp(lag->replicas[i].name, name) == 0)
			return &lag->replicas[i];
	if (lag->replica_count == LK_SAMPLE_REPLICAS)
		return NULL;
	struct lk_lag_replica *replica = &lag->replicas[lag->replica_count++];
	memset(replica, 0, sizeof *replica);
	LK_COPY(replica->name, name);
	return replica;
}

/* One that was asked itself. It is asked ten times a second, so that a short silence says something. */
static void learn_asked(struct lk_lag_replica *replica, const struct lk_sample_replica *seen)
{
	replica->lag_ms = seen->lag_ms;
	LK_COPY(replica->note, seen->note);
	replica->state = seen->broken			       ? LK_LAG_BROKEN
			 : !seen->read			       ? LK_LAG_UNREAD
			 : seen->reply_age_ms > ASKED_STALE_MS ? LK_LAG_STALE
			 : seen->lag_ms >= 0		       ? LK_LAG_OK
			 : replica->measured		       ? LK_LAG_STALE
							       : LK_LAG_UNREAD;
	replica->measured = replica->measured || seen->lag_ms >= 0;
	if (replica->state == LK_LAG_OK)
		replica->ignored = false;
}

/* One that was never measured has held nothing back, and does not by going. */
static void drop_unread(struct lk_lag *lag, int64_t taken_us)
{
	size_t kept = 0;
	for (size_t i = 0; i < lag->replica_count; i++) {
		struct lk_lag_replica *replica = &lag->replicas[i];
		if (replica->seen_us == taken_us || replica->state != LK_LAG_UNREAD ||
		    replica->measured)
			lag->replicas[kept++] = *replica;
	}
	lag->replica_count = kept;
}

void lk_lag_learn(struct lk_lag *lag, const struct lk_sample *sample)
{
	add_mark(lag, sample->taken_us, sample->position);
	for (size_t i = 0; i < sample->replica_count; i++) {
		const struct lk_sample_replica *seen = &sample->replicas[i];
		struct lk_lag_replica *replica = find(lag, seen->name);
		if (!replica)
			continue;
		replica->seen_us = sample->taken_us;
		replica->silent_ms = seen->reply_age_ms;
		if (seen->asked) {
			learn_asked(replica, seen);
			continue;
		}
		replica->lag_ms =
			seen->position < 0 ? -1 : lag_of(lag, seen->position, sample->taken_us);
		replica->state = seen->position < 0		 ? LK_LAG_UNKNOWN
				 : seen->reply_age_ms > STALE_MS ? LK_LAG_STALE
								 : LK_LAG_OK;
	}
	drop_unread(lag, sample->taken_us);
	for (size_t i = 0; i < lag->replica_count; i++)
		if (lag->replicas[i].seen_us != sample->taken_us) {
			lag->replicas[i].state = LK_LAG_GONE;
			lag->replicas[i].lag_ms = -1;
			lag->replicas[i].silent_ms =
				(double)(sample->taken_us - lag->replicas[i].seen_us) / 1000.0;
		}
	lk_lag_forget_gone(lag, false);
}

void lk_lag_age(struct lk_lag *lag, int64_t now_us)
{
	for (size_t i = 0; i < lag->replica_count; i++) {
		struct lk_lag_replica *replica = &lag->replicas[i];
		replica->silent_ms = (double)(now_us - replica->seen_us) / 1000.0;
		if (replica->state == LK_LAG_OK && replica->silent_ms > STALE_MS)
			replica->state = LK_LAG_STALE;
	}
}

void lk_lag_forget_gone(struct lk_lag *lag, bool all)
{
	size_t kept = 0;
	for (size_t i = 0; i < lag->replica_count; i++) {
		struct lk_lag_replica *replica = &lag->replicas[i];
		replica->ignored = replica->ignored || (all && replica->state == LK_LAG_BROKEN);
		bool forget = replica->state == LK_LAG_GONE &&
			      (all || replica->silent_ms * 1000.0 > (double)FORGET_US);
		if (!forget)
			lag->replicas[kept++] = *replica;
	}
	lag->replica_count = kept;
}
