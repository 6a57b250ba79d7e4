/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The durable state of runs, in the target itself: schema `lockkeeper`, on MySQL and MariaDB a database. A person with nothing but the
 * server's own client can read it, pause a run (UPDATE lockkeeper.run SET wanted = 'paused') and find the
 * clean-up SQL (lockkeeper.cleanup).
 *
 * Fencing: each run has an epoch, in a row that only a takeover changes. Every transaction of a keeper
 * reads it FOR SHARE until its commit (lk_journal_fence), so a keeper that was replaced cannot commit
 * anything. A keeper also holds an advisory lock on its run for as long as its journal session lives
 * (lk_journal_hold); statements that cannot stand in a transaction take a second one around themselves
 * (lk_journal_guard). All calls block and run on the session's thread.
 */
#ifndef LK_JOURNAL_JOURNAL_H
#define LK_JOURNAL_JOURNAL_H

#include "db/session.h"
#include "plan/model.h"

/* What a person (or a keeper) wants of a run: running, paused, aborted, rollback; "stopped" is what a keeper
 * puts there after an error, so that somebody's "running" can be told from its own. */
struct lk_journal_run {
	char name[24], plan[64], digest[65];
	char state[16], reason[300], wanted[16];
	char host[64],
		holder[64]; /* of the keeper that wrote last: "alice@bastion-1, process 4410" */
	int pid;
	bool backward;	    /* it is being taken back, whatever is wanted at the moment */
	int64_t last_event; /* number of the last one, 0 none */
	int64_t epoch;
	int64_t created, changed; /* wall ms */
	double heartbeat_age_ms;  /* negative: none yet */
	int steps, steps_done;
};

struct lk_journal_step {
	char state[12]; /* pending, running, done, undone, failed */
	char note[300];
	int64_t started, ended; /* wall ms, 0 not yet */
	char phase[12], name[64], verb[20];
};

/* Where a backfill is; committed with each chunk. */
struct lk_journal_cursor {
	char **key; /* text of each key column of the last row done; NULL: at the beginning */
	size_t count;
	int64_t rows_done, rows_changed, chunks;
	bool finished;
	/* 0: key is in the table's own rows. Else the number of the partition or inheriting child that it is in;
	 * each of them has a key of its own, and the other members are of all together. */
	int64_t part;
	bool part_finished;
};

/* A row that a backfill left out because its statement failed on it. */
struct lk_journal_reject {
	const char *relation;		    /* the table or partition it stands in, for people */
	char *const *columns;		    /* of the key, exact */
	char *const *types, *const *values; /* what casts to what */
	size_t count;
	const char *sqlstate, *message;
};

/* The answer to what a gate asks on the way back is recorded under its name with this in front. */
#define LK_WAY_BACK_PREFIX "back:"

struct lk_journal_approval {
	char gate[64], who[64], origin[80];
	int64_t at;
};

/* An answer with the digest of the plan that it was given to: a plan that was replaced since has another. */
struct lk_journal_answer {
	struct lk_journal_approval approval;
	char digest[65];
};

struct lk_journal_event {
	int64_t number, at; /* wall ms */
	char kind[20], who[64], text[400];
};

/* Who acts, for the journal's records. */
struct lk_journal_holder {
	const char *who, *host;
	int pid;
};

bool lk_journal_installed(struct lk_session *session, bool *installed, struct lk_error *error);
/* Creates the schema (or database) and tables where they are missing; several keepers may do so at once. */
bool lk_journal_install(struct lk_session *session, struct lk_error *error);

/* Records a new run with its steps and their clean-up; epoch 1. Outside a transaction. */
bool lk_journal_create(struct lk_session *session, const char *run, const struct lk_plan *plan,
		       const struct lk_journal_holder *holder, struct lk_error *error);
/* The unfinished run of a plan (state other than done, undone), if any; *found says so. */
bool lk_journal_find(struct lk_session *session, const char *plan_name, bool *found,
		     struct lk_journal_run *run, struct lk_error *error);
/* One run by its name, or by its plan's name when exactly one unfinished run has it. Class USAGE when none. */
bool lk_journal_get(struct lk_session *session, const char *name, struct lk_journal_run *run,
		    struct lk_error *error);
/* All runs, newest first; *runs is the caller's. */
bool lk_journal_list(struct lk_session *session, struct lk_journal_run **runs, size_t *count,
		     struct lk_error *error);
/* The plan of a run, completed, and its steps' states (an array of plan->step_count, the caller's). */
bool lk_journal_load(struct lk_session *session, const char *run, struct lk_plan *plan,
		     struct lk_error *error);
/*
 * Puts another plan (completed) in the place of a run's own; steps, cursors and states from step `from` on
 * are those of the new one, which have not begun. What is wanted is "running" again. Inside a transaction.
 * Class REFUSED when the plan's name has another unfinished run.
 */
bool lk_journal_replace(struct lk_session *session, const char *run, const struct lk_plan *plan,
			size_t from, struct lk_error *error);
bool lk_journal_steps(struct lk_session *session, const char *run, size_t count,
		      struct lk_journal_step *steps, struct lk_error *error);

/* Takes the run's advisory lock for the session's life. When another session has it, class REFUSED with
 * the holder's name. */
bool lk_journal_hold(struct lk_session *session, const char *run, struct lk_error *error);
/* Ends every other session of the run, waits until the server shows none, and raises the epoch.
 * The run must be held. */
bool lk_journal_take_over(struct lk_session *session, const char *run,
			  const struct lk_journal_holder *holder, int64_t *epoch,
			  struct lk_error *error);
/* In a transaction: class FENCED when the epoch is not ours any more; else it stays ours until the end. */
bool lk_journal_fence(struct lk_session *session, const char *run, int64_t epoch,
		      struct lk_error *error);
/* For statements without a transaction: advisory lock, then epoch; released by lk_journal_unguard. */
bool lk_journal_guard(struct lk_session *session, const char *run, int64_t epoch,
		      struct lk_error *error);
void lk_journal_unguard(struct lk_session *session, const char *run);

bool lk_journal_set_step(struct lk_session *session, const char *run, int number, const char *state,
			 const char *note, struct lk_error *error);
/* Of a run that is over nothing changes any more: what a thread had still to write comes too late. */
bool lk_journal_set_state(struct lk_session *session, const char *run, const char *state,
			  const char *reason, struct lk_error *error);
bool lk_journal_set_wanted(struct lk_session *session, const char *run, const char *wanted,
			   struct lk_error *error);
/* The run is being taken back from now on: for whoever takes it over. */
bool lk_journal_set_backward(struct lk_session *session, const char *run, struct lk_error *error);
bool lk_journal_heartbeat(struct lk_session *session, const char *run, int64_t epoch,
			  struct lk_error *error);
/* `wanted` of the run, and its approvals under the digest (*approvals is the caller's). */
bool lk_journal_poll(struct lk_session *session, const char *run, const char *digest,
		     char wanted[16], struct lk_journal_approval **approvals, size_t *count,
		     struct lk_error *error);
bool lk_journal_approve(struct lk_session *session, const char *run, const char *digest,
			const struct lk_journal_approval *approval, struct lk_error *error);
bool lk_journal_event(struct lk_session *session, const char *run, int64_t number, int64_t at,
		      const char *const kind_who_text[3], struct lk_error *error);

bool lk_journal_cursor(struct lk_session *session, const char *run, int step, size_t count,
		       struct lk_journal_cursor *cursor, struct lk_error *error);
bool lk_journal_set_cursor(struct lk_session *session, const char *run, int step,
			   const struct lk_journal_cursor *cursor, struct lk_error *error);
/* Key and part_finished of cursor->part, which need not have begun; cursor->count keys are read. */
bool lk_journal_part(struct lk_session *session, const char *run, int step,
		     struct lk_journal_cursor *cursor, struct lk_error *error);
/* In the transaction in which the cursor passes the row. */
bool lk_journal_reject(struct lk_session *session, const char *run, int step,
		       const struct lk_journal_reject *reject, struct lk_error *error);
/* How many rows the step has left out so far. */
bool lk_journal_rejects(struct lk_session *session, const char *run, int step, int64_t *count,
			struct lk_error *error);
/* The step begins at the first row again; what it left out is forgotten too. */
bool lk_journal_forget_cursor(struct lk_session *session, const char *run, int step,
			      struct lk_error *error);
void lk_journal_cursor_free(struct lk_journal_cursor *cursor);

/* SQL that removes what a step left, for a person without our program; replaces the step's earlier one.
 * NULL: nothing is left; with step -1 of any step. */
bool lk_journal_cleanup(struct lk_session *session, const char *run, int step, const char *sql,
			struct lk_error *error);

/* All of a run's clean-up, the newest step first, statements separated by ";\n"; "" none; *sql the caller's. */
bool lk_journal_cleanup_sql(struct lk_session *session, const char *run, char **sql,
			    struct lk_error *error);

/* A run's log and its gates' answers, the oldest first; the lists are the caller's. */
bool lk_journal_events(struct lk_session *session, const char *run,
		       struct lk_journal_event **events, size_t *count, struct lk_error *error);
bool lk_journal_answers(struct lk_session *session, const char *run,
			struct lk_journal_answer **answers, size_t *count, struct lk_error *error);
/* Why the keeper last refused a wish, in its own words; "" when it never did. */
bool lk_journal_last_refusal(struct lk_session *session, const char *run, char text[400],
			     struct lk_error *error);
/* The account of the server that the session acts as: who a person is that answers from another host. */
bool lk_journal_account(struct lk_session *session, char account[64], struct lk_error *error);
/*
 * Deletes all the journal has of a run that is over. Class REFUSED, with the reason, when it is not over, a
 * keeper still holds it, or clean-up SQL or rejected rows of it are still there. With only_look it stays.
 */
bool lk_journal_forget(struct lk_session *session, const char *run, bool only_look,
		       struct lk_error *error);
/* Drops the journal's schema or database. Class REFUSED when it holds a run, or anything a trigger of ours still needs. */
bool lk_journal_drop(struct lk_session *session, struct lk_error *error);

/* The engines' side: the same calls, and queries where only their words differ (their columns as in rows.h). */
struct lk_journal_ops {
	__typeof__(lk_journal_installed) *installed;
	__typeof__(lk_journal_install) *install;
	__typeof__(lk_journal_create) *create;
	__typeof__(lk_journal_find) *find;
	__typeof__(lk_journal_get) *get;
	__typeof__(lk_journal_list) *list;
	__typeof__(lk_journal_replace) *replace;
	__typeof__(lk_journal_steps) *steps;
	__typeof__(lk_journal_hold) *hold;
	__typeof__(lk_journal_take_over) *take_over;
	__typeof__(lk_journal_fence) *fence;
	__typeof__(lk_journal_guard) *guard;
	__typeof__(lk_journal_unguard) *unguard;
	__typeof__(lk_journal_set_step) *set_step;
	__typeof__(lk_journal_set_state) *set_state;
	__typeof__(lk_journal_set_wanted) *set_wanted;
	__typeof__(lk_journal_set_backward) *set_backward;
	__typeof__(lk_journal_heartbeat) *heartbeat;
	__typeof__(lk_journal_poll) *poll;
	__typeof__(lk_journal_approve) *approve;
	__typeof__(lk_journal_event) *event;
	__typeof__(lk_journal_cursor) *cursor;
	__typeof__(lk_journal_set_cursor) *set_cursor;
	__typeof__(lk_journal_forget_cursor) *forget_cursor;
	__typeof__(lk_journal_part) *part;
	__typeof__(lk_journal_reject) *reject;
	__typeof__(lk_journal_rejects) *rejects;
	__typeof__(lk_journal_cleanup) *cleanup;
	const char *events_sql, *answers_sql, *cleanup_rows_sql, *account_sql;
	__typeof__(lk_journal_forget) *forget;
	__typeof__(lk_journal_drop) *drop;
};
extern const struct lk_journal_ops lk_pg_journal, lk_my_journal;

#endif
