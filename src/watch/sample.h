/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server shows at one moment: sessions, who waits for whom, replicas, load. Taken by the watch
 * thread with a session of its own. Text is as the server sent it.
 */
#ifndef LK_WATCH_SAMPLE_H
#define LK_WATCH_SAMPLE_H

#include "db/session.h"

enum { LK_SAMPLE_SESSIONS = 300, LK_SAMPLE_BLOCKERS = 8, LK_SAMPLE_REPLICAS = 12 };

struct lk_sample_session {
	int pid;
	bool ours;   /* of this run */
	bool worker; /* its worker */
	char user[48], application[48], client[48], state[24], wait[40];
	char mode[28], object[96]; /* the lock it waits for, or that a blocker holds */
	double transaction_ms, query_ms, wait_ms; /* negative: none */
	char statement[240];
	bool holds_table; /* a lock on one of the plan's tables, in a transaction older than 1 s */
	bool guessed;	  /* its blockers, where the server does not say who holds a lock */
	int blockers[LK_SAMPLE_BLOCKERS], blocker_count;
};

/* Either the primary knows what the replica has replayed (position), or the replica itself was asked. */
struct lk_sample_replica {
	char name[64], state[16];
	int64_t position;    /* replayed, in bytes; negative unknown (a privilege is missing) */
	double reply_age_ms; /* negative unknown */
	bool asked;	     /* the rest holds, and position says nothing */
	char host[128];	     /* where it says that it can be reached, "" unknown */
	int port;
	char server[24]; /* what it calls itself there */
	bool read;	 /* it has answered at least once */
	bool broken;	 /* it replicates no more, for the reason in `note` */
	double lag_ms;	 /* measured; negative unknown, for the reason in `note` */
	char note[200];	 /* what it or the server says of itself: "Seconds_Behind_Source 3" */
};

struct lk_sample {
	int64_t taken_us; /* lk_clock_us at the end of the reading */
	int64_t position; /* of the primary's log, in bytes */
	int active, idle, idle_in_transaction, waiting, max_connections;
	int64_t transactions; /* committed and rolled back since the server started */
	double oldest_transaction_ms;
	double probe_ms; /* negative: no probe, or it failed */
	int64_t history; /* old row versions that wait for purge; negative: there is no such thing, or unknown */
	struct lk_sample_session *sessions;
	size_t session_count;
	size_t hidden; /* idle sessions that were only counted */
	struct lk_sample_replica replicas[LK_SAMPLE_REPLICAS];
	size_t replica_count;
	/* What a long statement of the worker is at, "" when there is none: with its figures, and without (what
	 * is the same for as long as it does the same). */
	char work[320], work_phase[260];
	/* What the server does not show as it is set up, with the statement that turns it on; "" nothing. */
	char unseen[400];
};

/* What to look at beyond the server itself. */
struct lk_watch_scope {
	const char *run;
	const char *const *tables; /* quoted names; NULL at the end */
	const char *probe;	   /* SQL, or NULL */
};

bool lk_watch_sample(struct lk_session *session, const struct lk_watch_scope *scope,
		     struct lk_sample *sample, struct lk_error *error);
void lk_sample_free(struct lk_sample *sample);

/* The proof after a pause, asked on any session: what the server shows of the run's worker. */
struct lk_quiet {
	int sessions, open_transactions, locks;
};
bool lk_watch_quiet(struct lk_session *session, const char *run, struct lk_quiet *quiet,
		    struct lk_error *error);

struct lk_watch_ops {
	bool (*sample)(struct lk_session *, const struct lk_watch_scope *, struct lk_sample *,
		       struct lk_error *);
	bool (*quiet)(struct lk_session *, const char *run, struct lk_quiet *, struct lk_error *);
};
extern const struct lk_watch_ops lk_pg_watch, lk_my_watch;

#endif
