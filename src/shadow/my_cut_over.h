/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cut-over on MySQL and MariaDB: a table and its filled shadow exchange their names (table → old, shadow → table), so
 * that no statement of the application reaches the old table after the last one that was drained, and none fails. The way
 * back is the same with other names: table → shadow's name, old → table.
 *
 * MySQL (8.0.13 and later) renames in the session that holds the tables by LOCK TABLES. MariaDB refuses that (error 1192):
 * a second session's RENAME waits behind the first one's LOCK TABLES, and goes first when that lets go, since an exclusive
 * request goes before all others. It takes its locks in the order of names, so the table's must be the least of the
 * three, or it would not wait where it is seen to wait. Once it has the tables it only tries for the server's backup
 * lock, and when a backup is there lets go of the tables and waits: whoever comes then writes the old table. So before the
 * holder lets go it is looked whether there is one; and for what comes in the microseconds after that look there is the
 * fence: triggers that turn writes away (SQLSTATE 40001, error 1213) for as long as the renamer holds a user lock, which
 * is from the moment in which it is about to rename until it has, or has not. They are made beforehand, and dropped
 * afterwards. In the ordinary way nobody meets them. The shadow must have no triggers there.
 *
 * All calls block and run on the thread of the run's session. They want the privilege PROCESS as well as those for the
 * statements: who may not see old transactions cannot know that there are none.
 */
#ifndef LK_SHADOW_MY_CUT_OVER_H
#define LK_SHADOW_MY_CUT_OVER_H

#include "step/step.h"

/* Exact names, all in one database; borrowed. `shadow` and `old` must come after `table` byte by byte. */
struct lk_my_cut_over_tables {
	const char *schema, *table, *shadow, *old;
	/* InnoDB's numbers of the table and of the shadow, which go with them (lk_my_cut_over_identify); 0: not known, then
	 * which names there are tells alone. */
	int64_t table_id, shadow_id;
};

enum lk_my_cut_over_state {
	LK_MY_CUT_OVER_UNKNOWN, /* the server could not be asked */
	LK_MY_CUT_OVER_NOT_DONE,
	LK_MY_CUT_OVER_DONE,
	LK_MY_CUT_OVER_TORN, /* neither: somebody else has done something to the tables */
};

/* Where a try has come to. */
enum lk_my_cut_over_point {
	LK_MY_CUT_OVER_LOCKED,
	LK_MY_CUT_OVER_DRAINED,
	LK_MY_CUT_OVER_ARMED,	 /* MariaDB: the fence would turn writes away */
	LK_MY_CUT_OVER_QUEUED,	 /* MariaDB: the RENAME waits for the table */
	LK_MY_CUT_OVER_UNLOCKED, /* MariaDB: the holder has let go */
	LK_MY_CUT_OVER_RENAMED,
};

/* One try, in microseconds. */
struct lk_my_cut_over_try {
	int64_t waited_us; /* until the tables were ours; nobody had to wait behind us for most of it */
	int64_t held_us;    /* from then until the application could go on; 0: they never were */
	int64_t drained_us; /* of that, what the drain took */
	char why[400];	    /* why it failed, "" when it did not */
};

/* What the engine gives; borrowed for the call. */
struct lk_my_cut_over {
	struct lk_my_cut_over_tables tables;
	/* More for LOCK TABLES, all that `drain` names: "`lockkeeper`.`epoch` READ"; NULL none. Aliases too. */
	const char *locks;
	/*
	 * The server's time, by lk_my_cut_over_moment, from which on the shadow held all rows: a consistent snapshot that
	 * is older would read a part of them. NULL: there is none that could.
	 */
	const char *complete_from;
	int hold_ms;	     /* the longest drain; 0: 100 */
	int most_tries;	     /* 0: until stopped */
	int64_t patience_ms; /* for all that is waited for outside; 0: until stopped */
	int64_t gap_ms;	     /* between tries; 0: 1000 */
	void *context;
	/* Writes down, in `session`, where the stream is that must be drained; at most `size` bytes. */
	bool (*position)(void *context, struct lk_session *session, char *text, size_t size,
			 struct lk_error *error);
	/*
	 * Brings the shadow to that position, under LOCK TABLES, in `session`, since no other one can write it. Its statements
	 * must commit by themselves or by COMMIT: START TRANSACTION would let the tables go (which is noticed, and fails
	 * the try). False with class RETRY and a sentence when it is not there by `until_us` (lk_clock_us).
	 */
	bool (*drain)(void *context, struct lk_session *session, const char *position,
		      int64_t until_us, struct lk_error *error);
	/* May be NULL: each try that has failed, for the screen. */
	void (*tried)(void *context, const struct lk_my_cut_over_try *tried);
	/* May be NULL: called at each point, with the application held at most of them. */
	void (*at)(void *context, enum lk_my_cut_over_point point);
};

struct lk_my_cut_over_report {
	enum lk_my_cut_over_state state;
	/*
	 * What `position` gave under the lock of the last try. When the exchange is done, a row event of the old table
	 * behind it, other than of a later drain backwards, is a lost write.
	 */
	char position[512];
	int tries;
	struct lk_my_cut_over_try last;
	char why[400]; /* why not now; "" when it is done */
	int renamer;   /* MariaDB: the number of the renamer's session, 0: there is none */
	bool fence_left; /* the triggers could not be dropped: lk_my_cut_over_clean must, before anything else */
};

/*
 * Tries until it is done, the run is stopped, or the bounds are reached (WAITING, with run->note). Holds the journal's
 * guard during each try. On MariaDB `run->session` must be allowed to make triggers. On FAILED *error says why; with
 * report->state TORN or UNKNOWN nothing may be done to the tables until a person, or lk_my_cut_over_settle, has seen them.
 * Whatever the outcome, no lock, no waiting statement and no armed fence remains.
 */
enum lk_outcome lk_my_cut_over(struct lk_step_run *run, const struct lk_my_cut_over *order,
			       struct lk_my_cut_over_report *report, struct lk_error *error);

/* Why a cut-over would not begin now, "" when it would; a sentence that names who is in the way. */
bool lk_my_cut_over_hindrance(struct lk_step_run *run, const struct lk_my_cut_over *order,
			      char *why, size_t size, struct lk_error *error);

/* After an interruption: what has become of it, by the catalog. Who did it must have ended (lk_session_end_lost). */
bool lk_my_cut_over_settle(struct lk_session *session, const struct lk_my_cut_over_tables *tables,
			   enum lk_my_cut_over_state *state, struct lk_error *error);
/* Fills in the numbers, before the exchange; 0 where they cannot be read. */
bool lk_my_cut_over_identify(struct lk_session *session, struct lk_my_cut_over_tables *tables,
			     struct lk_error *error);
/*
 * After an interruption, and before an exchange the other way: drops the run's fence from whichever of the three tables it
 * is on, also one that a KILL has damaged. Takes the table's lock gently, for about five seconds at most (class RETRY);
 * goes on after a stop. Does nothing on MySQL.
 */
bool lk_my_cut_over_clean(struct lk_step_run *run, const struct lk_my_cut_over_tables *tables,
			  struct lk_error *error);
/* The server's time now, for complete_from. */
bool lk_my_cut_over_moment(struct lk_session *session, char text[32], struct lk_error *error);

#endif
