/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker: one thread, one session, one job at a time out of a one-slot mailbox. It does everything that
 * changes the target. The main thread gives a job only after the one before has ended.
 */
#ifndef LK_KEEPER_WORKER_THREAD_H
#define LK_KEEPER_WORKER_THREAD_H

#include "keeper/thread.h"

enum lk_job_kind {
	LK_JOB_PREPARE, /* connect, read the plan, look for an unfinished run, derive and describe the steps */
	LK_JOB_ADOPT, /* connect (until it succeeds) and load plan and states of the run from the journal */
	LK_JOB_ACTION,
};

struct lk_job {
	enum lk_job_kind kind;
	struct lk_action action;
	struct lk_journal_approval approvals[4]; /* of the gate, recorded with it */
	size_t approval_count;
};

struct lk_worker {
	struct lk_shared *shared;
	const struct lk_plan *plan; /* completed, the main thread's; set with the first ACTION */
	pthread_t thread;
	int lost_id; /* the worker's own: the server's number of its lost session, until that is gone; 0 none */
	pthread_mutex_t mutex; /* guards everything below */
	pthread_cond_t changed;
	bool has_job;
	struct lk_job job;
};

bool lk_worker_start(struct lk_worker *worker, struct lk_shared *shared, struct lk_error *error);
/* Main thread only, and only when no job is under way. The job is copied. */
void lk_worker_give(struct lk_worker *worker, const struct lk_job *job, const struct lk_plan *plan);
/* Ends the thread: shared->closing is set and the session interrupted before. */
void lk_worker_join(struct lk_worker *worker);

#endif
