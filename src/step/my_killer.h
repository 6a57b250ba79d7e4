/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ends a statement of ours that waits too long for a lock. MySQL counts lock_wait_timeout in seconds, and MariaDB's
 * max_statement_time ends the statement's work as well as its waiting; so a second session of ours, role "guard", on
 * a thread of its own, looks what state the server shows the statement in, and sends KILL QUERY only while that is
 * one of waiting. A KILL that comes too early for its statement is lost: it is sent until the waiting has ended.
 */
#ifndef LK_STEP_MY_KILLER_H
#define LK_STEP_MY_KILLER_H

#include <pthread.h>

#include "step/my_holder.h"
#include "step/step.h"

/* What became of the statements since they were watched. */
struct lk_my_kill {
	bool killed;
	bool lost_work; /* they had worked for a while before they waited: their work is undone */
	int victims;	/* sessions that waited for a table as well when the statement was ended */
	int64_t worked_ms;	    /* how long */
	char waited_for[64];	    /* "table metadata lock", "backup lock", "global read lock" */
	struct lk_my_holder holder; /* who held it, as far as the server shows */
};

struct lk_my_killer;

/* Opens the guard's session and starts its thread. *killer is the caller's; the run must outlive it. `table` may be
 * NULL. */
bool lk_my_killer_open(struct lk_step_run *run, const struct lk_table *table,
		       struct lk_my_killer **killer, struct lk_error *error);
void lk_my_killer_close(struct lk_my_killer *killer);
/* From now on the run's session is watched. */
void lk_my_killer_watch(struct lk_my_killer *killer);
/* Not any more; no later statement is hit, though a KILL may still be on its way (db/flight.h). */
void lk_my_killer_rest(struct lk_my_killer *killer, struct lk_my_kill *kill);
enum lk_my_lock_view lk_my_killer_view(const struct lk_my_killer *killer);

#endif
