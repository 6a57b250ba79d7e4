/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What fills a shadow table and keeps it current: a crew of workers, each a thread with a session of its own, and a feed
 * (shadow/my_feed.h). The step's own thread tells the crew what to do and looks at how far it is.
 *
 * What makes it right, whatever comes in which order:
 *  - a chunk reads its rows without locks, as they are committed at one moment; changes after that are in the stream, and
 *    changes before it are in the chunk;
 *  - rows are copied again by key only while no chunk is in flight, so no chunk can bring back what was just deleted; the
 *    copy takes a shared lock on each row, because the stream can tell of a change before it is committed;
 *  - a key leaves the set only when its row is copied again and committed, and the place at which the stream begins after
 *    an interruption lies before the first key that has not.
 */
#ifndef LK_SHADOW_MY_ENGINE_H
#define LK_SHADOW_MY_ENGINE_H

#include <pthread.h>

#include "shadow/my_feed.h"
#include "shadow/my_shadow_sql.h"
#include "shadow/ranges.h"
#include "step/chunk.h"
#include "step/step.h"

enum { LK_MY_CREW = 2 };

enum lk_my_wish {
	LK_MY_REST,
	LK_MY_COPY,    /* chunks, and keys between them when many wait */
	LK_MY_APPLY,   /* keys alone */
	LK_MY_COMPARE, /* ranges of both tables, and keys beside them */
	LK_MY_END,
};

/* Counted since the engine was opened. */
struct lk_my_figures {
	int64_t copied, chunks;	  /* rows that chunks have written */
	int64_t applied, sets;	  /* keys whose rows were copied again */
	int64_t compared, ranges; /* rows of the original */
	int64_t repaired; /* rows that differed for no reason that the stream knew, and were copied again */
	int64_t retries;
	double chunk_ms;
};

struct lk_my_engine;

struct lk_my_hand {
	struct lk_my_engine *engine;
	struct lk_session *session;
	pthread_t thread;
	bool started, staged; /* staged: what comparing needs is there (lk_my_compare_begin) */
	struct lk_chunk copy, compare;
	struct lk_change_set set;
	size_t most; /* keys of the next set */
};

/* A range whose rows are looked at again until what differs has a reason. */
struct lk_my_doubt {
	char **low, **high;
	char **keys; /* of the rows that differed each time so far, key by key; NULL: not looked at yet */
	size_t key_count;
	int looks;
	bool taken;
	struct lk_my_doubt *next;
};

struct lk_my_engine {
	struct lk_step_run *run;
	struct lk_my_shape shape;
	struct lk_binlog_column key[LK_BINLOG_KEY_COLUMNS];
	struct lk_changes *changes;
	struct lk_my_feed *feed;
	struct lk_my_hand crew[LK_MY_CREW];
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t changed;
	enum lk_my_wish wish;
	bool draining;			     /* many keys wait: no chunk until there are few */
	size_t copying, applying, comparing; /* jobs in flight */
	struct lk_ranges copy, compare;
	struct lk_my_doubt *doubts;
	size_t doubt_count;
	struct lk_my_figures figures;
	bool failed; /* the crew's first error that ends all */
	struct lk_error error;
};

void lk_my_doubt_free(struct lk_my_doubt *doubt, size_t columns);

/* One job after the other until the wish is to end. */
bool lk_my_crew_start(struct lk_my_engine *engine, struct lk_error *error);
/* Cancels what its members are at, and waits for them. */
void lk_my_crew_end(struct lk_my_engine *engine);
/* They rest when this returns, with nothing open; cancels are sent on `control`. */
void lk_my_crew_rest(struct lk_my_engine *engine, struct lk_session *control);
void lk_my_engine_wish(struct lk_my_engine *engine, enum lk_my_wish wish);
void lk_my_engine_fail(struct lk_my_engine *engine, const struct lk_error *error);

/* The jobs, on a hand's thread with its session. Errors of class RETRY leave everything as it was. */
bool lk_my_copy_range(struct lk_my_hand *hand, const struct lk_range *range,
		      struct lk_error *error);
/* Finds the range's upper key; *high is the caller's, NULL at the end of the table. */
bool lk_my_find_high(struct lk_my_hand *hand, char *const *low, int64_t rows, char ***high,
		     struct lk_error *error);
/* Copies the rows of the hand's set again, in `session`, under LOCK TABLES when `held`. */
bool lk_my_apply_set(struct lk_my_engine *engine, struct lk_session *session,
		     const struct lk_change_set *set, bool held, struct lk_error *error);
/* Compares a range; one that differs becomes a doubt. */
bool lk_my_compare_range(struct lk_my_hand *hand, const struct lk_range *range,
			 struct lk_error *error);
/* Looks at a doubt again, after everything the stream knew was applied; *settled: nothing differs any more. */
bool lk_my_look_again(struct lk_my_hand *hand, struct lk_my_doubt *doubt, bool *settled,
		      struct lk_error *error);

#endif
