/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keeper: the process that owns a run and its connections. Its main thread runs an event loop with the
 * control socket, the phase machine and the throttle, and never blocks on SQL; threads of their own do the
 * work (worker), keep the journal, watch, and cancel.
 */
#ifndef LK_KEEPER_KEEPER_H
#define LK_KEEPER_KEEPER_H

#include <uv.h>

#include "control/server.h"
#include "control/snapshot.h"
#include "keeper/control_thread.h"
#include "keeper/journal_thread.h"
#include "keeper/thread.h"
#include "keeper/watch_thread.h"
#include "keeper/worker_thread.h"
#include "run/machine.h"
#include "run/throttle.h"
#include "settings/settings.h"

enum { LK_KEEPER_EVENTS = 500, LK_KEEPER_TIMES = 256 };

struct lk_keeper_options {
	const char *plan_file;	 /* or NULL with resume_run */
	const char *resume_run;	 /* a run of the journal, whatever file it came from */
	const char *replace_run; /* with plan_file: whose place the plan takes, else NULL */
	const char *target;	 /* a name from the settings or a URI; NULL: the plan's own */
	const char *environment, *application_file; /* NULL: the target's settings */
	const char *socket_path;
};

struct lk_keeper {
	struct lk_keeper_options options;
	struct lk_settings settings;
	const struct lk_settings_target *target; /* NULL: a URI that the settings do not know */
	char *user, *host, *uri;
	uv_loop_t loop;
	uv_async_t wake;
	uv_timer_t tick, second;
	uv_signal_t term, interrupt;
	struct lk_server *server;

	struct lk_shared shared;
	struct lk_worker worker;
	struct lk_watcher watcher;
	struct lk_journalist journalist;
	struct lk_controller controller;

	struct lk_prepared *prepared; /* the plan and its steps in words */
	struct lk_prepared *replaced; /* an older one that the worker may still look at */
	struct lk_machine machine;
	bool job_under_way, adopting;
	bool failed_to_start, lost_run; /* over before it began; taken by another keeper */
	char failure[400];
	enum lk_error_class failure_class;

	struct lk_sample *sample;
	int64_t sampled_us;
	char work_said[260]; /* the phase of a long statement that the log tells already */
	struct lk_lag lag;
	struct lk_lock_tree tree;
	struct lk_throttle throttle;
	double transactions_per_s, our_transactions_per_s;
	int64_t chunks_in_second;

	struct lk_snapshot snapshot; /* refilled for each broadcast */
	struct lk_event events[LK_KEEPER_EVENTS];
	int64_t first_event; /* events up to this number are another keeper's */
	int64_t event_count; /* ever; the last LK_KEEPER_EVENTS are kept */
	char recorded_state[16], recorded_reason[300];
	char last_hold[160];

	double chunk_ms[LK_KEEPER_TIMES]; /* the last chunks' durations, a ring */
	int64_t chunk_count;
	int64_t second_rows; /* rows done when the second began */
	struct lk_progress progress;
	char backfill_table[96];

	char operator_name[64], operator_host[64];
	int64_t operator_since, operator_seen_us;
	int64_t stop_number, stop_asked_us, proof_seen_us;
	int64_t idle_since_us; /* since no console follows; 0 while one does */
	bool was_watched;      /* a console has followed once */
	int exit_status;
};

/* `lockkeeper keeper …`: the detached process. Yields its exit status. */
int lk_keeper_main(int argc, char **argv);

/* keeper.c */
void lk_keeper_log(struct lk_keeper *keeper, const char *kind, const char *who, const char *format,
		   ...) __attribute__((format(printf, 4, 5)));
void lk_keeper_close(struct lk_keeper *keeper, int exit_status);

/* run.c: the run itself, on the main thread */
void lk_keeper_take_message(struct lk_keeper *keeper, struct lk_message *message);
/* Gives the worker what comes next, records a changed state, tells the consoles. */
void lk_keeper_advance(struct lk_keeper *keeper);
/* Sets the brake at once and has the control thread cancel and prove it. */
void lk_keeper_brake(struct lk_keeper *keeper);
/* pause, resume, abort, rollback: accepted or not, with a sentence. */
bool lk_keeper_wish(struct lk_keeper *keeper, const char *verb, const char *who, char *text,
		    size_t size);

#endif
