/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the application measures about itself. Latency counts from the moment a transaction was due,
 * not from when a connection got round to it, so time in which everything stood still counts for
 * every transaction that should have run (no coordinated omission).
 *
 * Threads: all functions may be called from any thread.
 */
#ifndef LK_SANDBOX_FIGURES_H
#define LK_SANDBOX_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

struct lk_figures;

/* Milliseconds; -1 where nothing has been measured. */
struct lk_figures_summary {
	int64_t transactions, errors;
	double per_s;							   /* over the last 10 s */
	double p50_ms, p95_ms, p99_ms, max_ms;				   /* since the start */
	double recent_p50_ms, recent_p95_ms, recent_p99_ms, recent_max_ms; /* the last 10 s */
	double p99_alone_ms; /* the last 10 s before the journal's first step, without the warm-up;
			      * until then the last 10 s so far, once there are 6 of them */
	double p99_run_ms;   /* since the journal's first step */
	double longest_stall_ms; /* in which nothing finished although something was due */
	char first_error[300], last_error[300];
};

struct lk_figures *lk_figures_new(int connections);
void lk_figures_free(struct lk_figures *figures);
/* The clock starts: the first transaction of each connection is due from now on. */
void lk_figures_begin(struct lk_figures *figures, int64_t now_us);
/* The transaction of a connection that was due has ended; its next one is due at next_due_us. */
void lk_figures_finished(struct lk_figures *figures, int connection, int64_t next_due_us);
/* The same for one that failed, with a sentence. */
void lk_figures_failed(struct lk_figures *figures, int connection, int64_t next_due_us,
		       const char *sentence);
void lk_figures_set_due(struct lk_figures *figures, int connection, int64_t due_us);
/* An error outside of a transaction (a connection that could not be made). */
void lk_figures_error(struct lk_figures *figures, const char *sentence);
/* The journal's first step has begun: the quiet time is over. Later calls change nothing. */
void lk_figures_run_begins(struct lk_figures *figures);
/* No transaction is due any more: nothing that follows is a stall. */
void lk_figures_end(struct lk_figures *figures);
void lk_figures_summarise(struct lk_figures *figures, struct lk_figures_summary *summary);

#endif
