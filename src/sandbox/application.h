/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The application of the sandbox: buyers on threads of their own, at an even pace that does not
 * wait for slow answers, and a deployment that moves them between release 41 and 42 as the
 * migration proceeds.
 *
 * It rewrites a file of figures several times a second, in one step, readable by the user who started it:
 * one JSON object. Milliseconds are numbers, -1 where nothing has been measured yet.
 *
 * - transactions, errors: since the start
 * - per_s: over the last 10 s
 * - p50_ms, p95_ms, p99_ms, max_ms: since the start, from when a transaction was due
 * - recent_p50_ms, recent_p95_ms, recent_p99_ms, recent_max_ms: over the last 10 s
 * - p99_alone_ms: the last 10 s before the journal's first step; -1 until 6 s were measured (the
 *   first 2 s are left out)
 * - p99_run_ms: since the journal's first step
 * - longest_stall_ms: in which nothing finished although something was due
 * - releases: "41: 4 connections, 42: 4 connections"; one that runs nowhere is left out
 * - settled: every connection runs what the deployment wants, and nothing is left to mend
 * - looked_ms: when the deployment began its newest look at the database, since 1970 UTC
 * - first_error, last_error: sentences, "" when there was none
 * - written_ms: when, since 1970 UTC
 */
#ifndef LK_SANDBOX_APPLICATION_H
#define LK_SANDBOX_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/figures.h"

struct lk_application;

struct lk_application_options {
	const char *uri;	 /* of the shop, as its own user */
	const char *watcher_uri; /* of the shop, as somebody who may see sessions and the journal */
	int64_t users;		 /* ids 1 to users are never deleted */
	int connections;
	int per_second;	  /* transactions, over all connections; 0: none, and no connections */
	const char *file; /* of the figures */
};

/* Connects everything as release 41 and starts. NULL and *error when it cannot. */
struct lk_application *lk_application_start(const struct lk_application_options *options,
					    struct lk_error *error);
/*
 * Lets every transaction end and stops, once; the figures stay. What has not ended after grace_ms
 * is broken off, which counts as an error unless grace_ms is 0 (the servers are about to go).
 */
void lk_application_stop(struct lk_application *application, int grace_ms);
/* Before the servers are ended: nothing that fails from now on is an error of the application.
 * Returns at once; threads that wait for an answer are freed. */
void lk_application_abandon(struct lk_application *application);
/* Whether a keeper was connected to the database when it was last seen; false once stopped. */
bool lk_application_sees_keeper(struct lk_application *application);
void lk_application_figures(struct lk_application *application, struct lk_figures_summary *summary);
/* Stops (without grace, if it runs) and releases. */
void lk_application_free(struct lk_application *application);

#endif
