/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a keeper tells its consoles: the whole state of one run at one moment. The keeper fills one,
 * consoles and `--json` read it. All text is UTF-8 as the server sent it, NOT made safe: whoever shows
 * it runs it through lk_safe_text first. Ages are milliseconds at the time the snapshot was taken; a
 * negative number means unknown. Times of day are milliseconds since 1970 UTC, 0 when not yet.
 *
 * Threads: plain data, copied by value; a struct is owned by whoever declared it.
 */
#ifndef LK_CONTROL_SNAPSHOT_H
#define LK_CONTROL_SNAPSHOT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
	LK_SNAPSHOT_STEPS = 48,
	LK_SNAPSHOT_REPLICAS = 12,
	LK_SNAPSHOT_LOCKS = 40,
	LK_SNAPSHOT_SESSIONS = 40,
	LK_SNAPSHOT_LIMITS = 16,
	LK_SNAPSHOT_ALERTS = 8,
	LK_SNAPSHOT_STATEMENTS = 12,
	LK_HISTORY = 60, /* samples in a sparkline, one a second, the oldest first */
};

/*
 * States of a run: "starting" (connecting, deriving), "pending" (nothing was changed yet), "running",
 * "paused", "waiting" (at a gate), "stopped" (an error or abort; a person mends and resumes), "undoing",
 * "undone", "done", "unreachable" (the database does not answer).
 *
 * States of a step: "pending", "running", "waiting" (a gate that waits), "done", "failed", "undoing", "undone".
 */
struct lk_snapshot_step {
	int number;	/* from 0, in the order of execution */
	char phase[12]; /* expand, migrate, contract */
	char name[64];	/* unique in the plan; a gate is confirmed by it */
	char verb[20];	/* ddl, dual_write, backfill, verify, gate, end_dual_write */
	char state[12];
	char summary[160];    /* one line: "backfill users.user_handle from username" */
	char statement[8192]; /* the SQL, statements separated by ";\n" */
	char lock[120];	      /* "ACCESS EXCLUSIVE on users, for milliseconds" */
	char cost[300];	      /* rewrite or scan: "no rewrite, no scan" */
	char undo[300];	      /* what takes it back, or why nothing does */
	char destroys[24];    /* "" or "data": nothing brings it back */
	char note[300]; /* what happened: an error, rows changed, tries of a lock, who answered */
	int64_t started, ended; /* wall ms */
	/* gates only */
	char ask[300]; /* the question; for a check, its SQL */
	char by[16];   /* person, two_people, sql */
	int approvals, approvals_needed;
	char approved_by[160]; /* "alice, bob" */
};

struct lk_snapshot_replica {
	char name[64]; /* application_name of the standby, with its address when it has one */
	/* "ok", "over" (above the limit), "stale" (no answer), "gone", "broken" (it replicates no more),
	 * "unread" (it could not be asked), "unknown" (hidden from the role) */
	char state[12];
	double lag_ms; /* how old the newest transaction is that it has replayed; negative unknown */
	double age_ms;		    /* since it last answered */
	char note[200];		    /* what it says of itself; why it is broken or unread */
	double history[LK_HISTORY]; /* lag_ms each second, negative where unknown */
};

/* One node of the tree of waits, in drawing order: a node's children follow it with depth + 1. */
struct lk_snapshot_lock {
	int depth;
	int pid;
	bool ours;    /* a session of this run */
	bool granted; /* false: it waits for its parent */
	char user[48], application[48], state[24];
	char mode[28], object[96]; /* the lock: "AccessShare", "users" */
	double wait_ms, transaction_ms;
	char statement[240];
	char remark[80]; /* "will block the next step", or "" */
};

struct lk_snapshot_session {
	int pid;
	bool ours;
	char user[48], application[48], client[48], state[24];
	char wait[40]; /* "Lock:tuple", "" when not waiting */
	double transaction_ms, query_ms;
	char statement[240];
};

/* One input of the throttle. */
struct lk_snapshot_limit {
	char name[48]; /* "lag standby1", "lock waits we cause", "active sessions", "probe" */
	char value[32], limit[32]; /* ready to show, with unit: "2.6 s", "2 s" */
	char state[12];		   /* "ok", "over", "stale"; "unknown" does not hold */
	bool holds;		   /* this input holds the work back now */
};

struct lk_snapshot_alert {
	char level[8];	/* CRIT, WARN, INFO */
	char text[240]; /* symptom, what the keeper did, the one next key */
	int64_t since;
};

/* A statement that the keeper sent, newest first. */
struct lk_snapshot_statement {
	int64_t at;
	char role[16]; /* worker, watch, journal, control */
	char statement[240];
	double took_ms;
	int64_t rows;
	char outcome[24]; /* "committed", "cancelled", "failed", "running" */
};

struct lk_snapshot {
	char version[16]; /* of the keeper */
	char run[24];	  /* the run's name, as in `lockkeeper pause RUN` */
	char plan[64], why[200], digest[65];
	char plan_file[256];
	char target[160];     /* without any password */
	char environment[16]; /* word shown first: PROD, STAGE, SANDBOX … upper case */
	char server[64];      /* "PostgreSQL 15.18", "MariaDB 10.11.19" */
	char engine[16];      /* of the driver: "postgresql", "mysql" */
	char host[64];	      /* the keeper's host */
	int pid;	      /* the keeper's process */
	int64_t epoch;
	int64_t taken;	 /* wall ms of this snapshot */
	int64_t started; /* of the run */

	char state[16];
	char reason[300]; /* why it is in that state, or what it waits for; may be empty */
	char failure[12]; /* class of the error because of which the run could not begin, or "" */
	char phase[12];
	int step; /* the current step's number, -1 before the first */
	char paused_by[64];
	int64_t paused_at;
	bool can_rollback;
	char rollback_note[200]; /* why not, or what it would do */

	char operator_name[64], operator_host[64]; /* holds the lease; empty: nobody */
	int64_t operator_since;
	int viewers;

	/* the current (or last) backfill */
	struct {
		bool active;
		char table[96];
		int64_t rows_done, rows_changed, rejected;
		int64_t rows_total;	    /* an estimate, negative unknown */
		double rows_per_s;	    /* over the last seconds */
		int64_t chunks, chunk_rows; /* so many committed; rows in the next one */
		double chunk_target_ms, p50_ms, p95_ms, max_ms;
		int64_t retries, cancelled;
		int64_t eta_low, eta_high;  /* wall ms; 0 unknown */
		char last[200];		    /* "chunk 1475 committed 14:07:31.204Z" */
		double history[LK_HISTORY]; /* rows a second */
	} backfill;

	struct {
		double age_ms; /* of everything the watcher reads; grows when the database is silent */
		int active, idle, idle_in_transaction, waiting, max_connections;
		double transactions_per_s;
		int we_block, we_wait; /* sessions waiting for ours; ours waiting for others */
		int hidden_idle;       /* idle sessions not in the list */
		double oldest_transaction_ms;
		int64_t history; /* old row versions that wait for purge; negative unknown */
		char unseen
			[400]; /* what the server does not show, with the statement that turns it on */
	} server_load;

	/* the proof after a pause: what the database itself shows of our sessions */
	struct {
		int64_t requested;  /* wall ms; 0: never paused */
		double accepted_ms; /* request → flag set */
		double quiet_ms;    /* request → no transaction and no lock of ours */
		bool confirmed;
		int open_transactions, locks_held;
		double checked_age_ms;
		char last_chunk
			[160]; /* "chunk 1476 committed" or "cancelled, undone: nothing lost" */
		char still_running[160]; /* what goes on: triggers, watching */
	} proof;

	/* the application's own figures, when the target's settings name a file of them */
	struct {
		bool known;
		double age_ms;
		int64_t transactions, errors;
		double per_s, p50_ms, p95_ms, p99_ms, max_ms, p99_alone_ms, longest_stall_ms;
		char releases[120]; /* "41: 4 connections, 42: 4 connections" */
		char last_error[200];
	} application;

	/* what the run has shown to be true at its end */
	struct {
		bool known;
		int64_t rows_compared, rows_different;
		char text[200];
	} result;

	int steps_count, replicas_count, locks_count, sessions_count, limits_count, alerts_count,
		statements_count;
	struct lk_snapshot_step steps[LK_SNAPSHOT_STEPS];
	struct lk_snapshot_replica replicas[LK_SNAPSHOT_REPLICAS];
	struct lk_snapshot_lock locks[LK_SNAPSHOT_LOCKS];
	struct lk_snapshot_session sessions[LK_SNAPSHOT_SESSIONS];
	struct lk_snapshot_limit limits[LK_SNAPSHOT_LIMITS];
	struct lk_snapshot_alert alerts[LK_SNAPSHOT_ALERTS];
	struct lk_snapshot_statement statements[LK_SNAPSHOT_STATEMENTS];
};

/* A line of the run's log; numbers rise by one, so a console knows what it missed. */
struct lk_event {
	int64_t number;
	int64_t at;    /* wall ms */
	char kind[20]; /* state, step, gate, throttle, pause, lock, operator, note, error */
	char who[64];  /* a person, or "keeper" */
	char text[400];
};

/* The JSON object of a snapshot or an event; the caller owns the reference. Invalid UTF-8 in the
 * server's text becomes U+FFFD, so encoding cannot fail. */
json_t *lk_snapshot_encode(const struct lk_snapshot *snapshot);
json_t *lk_event_encode(const struct lk_event *event);
/* Reads one back; members that are missing stay zero, unknown ones are ignored (a newer keeper). */
void lk_snapshot_decode(const json_t *object, struct lk_snapshot *snapshot);
void lk_event_decode(const json_t *object, struct lk_event *event);

#endif
