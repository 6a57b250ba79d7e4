/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Steps: each verb forwards, backwards, and in words. A step runs on the worker's thread with the worker's
 * session; it records what it did in the same transaction in which it did it, wherever the engine lets it.
 * It can be started again after any interruption: it first asks the catalog what is already there.
 */
#ifndef LK_STEP_STEP_H
#define LK_STEP_STEP_H

#include "db/session.h"
#include "journal/journal.h"
#include "plan/model.h"
#include "step/pace.h"

enum lk_outcome {
	LK_OUTCOME_DONE,
	LK_OUTCOME_STOPPED, /* pause or abort: nothing of ours is open; it can go on later */
	LK_OUTCOME_WAITING, /* a check that does not hold yet */
	LK_OUTCOME_FAILED,  /* *error says why; its leftovers are removed */
};

/* Figures of a backfill after each chunk. */
struct lk_progress {
	int64_t rows_done, rows_changed, rows_total; /* total: an estimate, negative unknown */
	int64_t chunks, next_rows, retries;
	int64_t rejected; /* rows left out and put into the journal */
	double took_ms, target_ms;
	int waiters;
	const char *what; /* "committed" or "cancelled" */
};

/* Everything a step needs; borrowed for the call. */
struct lk_step_run {
	struct lk_session *session;
	const char *run;
	int64_t epoch;
	int number;
	const struct lk_plan *plan;
	struct lk_pace *pace;
	void *context;
	/* What a person should read: "waiting for process 4711 (report, idle in transaction 12 s)". */
	void (*say)(void *context, const char *text);
	void (*progress)(void *context, const struct lk_progress *progress);
	char note[300]; /* out: what happened, for the journal and the screen */
};

/* A step in words, for explain and the Steps screen. */
struct lk_step_text {
	char statement[8192], lock[120], cost[300], undo[300];
};

/* The step `number` of the plan. On FAILED *error is filled, on WAITING run->note says what is missing. */
enum lk_outcome lk_step_forward(struct lk_step_run *run, struct lk_error *error);
/* Takes it back, also when it was only begun. Gates are the caller's business. */
enum lk_outcome lk_step_backward(struct lk_step_run *run, struct lk_error *error);
/* Needs only reads. Also finds what would make the step fail (class PLAN or REFUSED). */
bool lk_step_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
		      struct lk_step_text *text, struct lk_error *error);
/* True when this step is carried out within the next one's transaction (end_dual_write before its DROP). */
bool lk_step_joins_next(const struct lk_plan *plan, size_t number);
/* True when nothing takes the step back. */
bool lk_step_irreversible(const struct lk_step *step);

/* The outcome that an error stands for: STOPPED when the worker was told to stop, else FAILED. */
enum lk_outcome lk_step_outcome(const struct lk_step_run *run, const struct lk_error *error);
static inline const struct lk_step *lk_step_of(const struct lk_step_run *run)
{
	return &run->plan->steps[run->number];
}

/* The engines' side; `describe` fills what differs from the defaults. */
struct lk_verb_ops {
	enum lk_outcome (*forward)(struct lk_step_run *run, struct lk_error *error);
	enum lk_outcome (*backward)(struct lk_step_run *run, struct lk_error *error);
	bool (*describe)(struct lk_session *session, const struct lk_plan *plan, size_t number,
			 struct lk_step_text *text, struct lk_error *error);
};
struct lk_verify_ops;
struct lk_step_ops {
	const struct lk_verb_ops *verbs[LK_VERBS];
	const struct lk_verify_ops *verify; /* verify.h */
};
/* Of the session's engine. */
const struct lk_step_ops *lk_step_ops_of(const struct lk_session *session);
extern const struct lk_step_ops lk_pg_steps, lk_my_steps;

#endif
