/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase machine: which step comes next, in which direction, and whether anything may move at all. Pure:
 * it is told what happened and asked what to do; it knows no thread, no socket and no SQL.
 *
 *   pending → running ⇄ paused | waiting → done
 *   running → stopped (error, abort) → running again | undoing → undone
 */
#ifndef LK_RUN_MACHINE_H
#define LK_RUN_MACHINE_H

#include "journal/journal.h"
#include "plan/model.h"

enum lk_run_state {
	LK_RUN_STARTING, /* not prepared yet */
	LK_RUN_PENDING,	 /* nothing was changed yet */
	LK_RUN_RUNNING,
	LK_RUN_PAUSED,
	LK_RUN_WAITING, /* at a gate */
	LK_RUN_STOPPED,
	LK_RUN_UNDOING,
	LK_RUN_UNDONE,
	LK_RUN_DONE,
	LK_RUN_UNREACHABLE,
};

enum lk_step_state {
	LK_STEP_PENDING,
	LK_STEP_RUNNING,
	LK_STEP_DONE,
	LK_STEP_UNDONE,
	LK_STEP_FAILED
};

struct lk_machine_step {
	enum lk_step_state state;
	bool waiting;	    /* a gate that waits */
	bool way_back_open; /* its question on the way back was answered */
	char note[300];
	int64_t started, ended;
};

enum lk_brake { LK_BRAKE_OFF, LK_BRAKE_PAUSED, LK_BRAKE_STOPPED };

enum { LK_MACHINE_APPROVALS = 64 };

struct lk_machine {
	const struct lk_plan *plan; /* completed; NULL until prepared */
	struct lk_machine_step *steps;
	bool recorded; /* the journal knows the run */
	bool backward; /* rolling back */
	bool finished; /* its end is recorded */
	bool unreachable;
	enum lk_brake brake;
	char reason[300];
	char by[64];	    /* who paused or stopped it */
	int64_t since;	    /* wall ms of that */
	bool busy;	    /* the worker has an action */
	int64_t look_again; /* lk_clock_us; a check that did not hold is not asked before */
	struct lk_journal_approval approvals[LK_MACHINE_APPROVALS];
	size_t approval_count;
};

enum lk_action_kind {
	LK_ACTION_NONE,
	LK_ACTION_RECORD, /* make the run known to the journal */
	LK_ACTION_FORWARD,
	LK_ACTION_BACKWARD,
	LK_ACTION_FINISH, /* record that the run is done or undone */
};

struct lk_action {
	enum lk_action_kind kind;
	int step;
};

/* Takes the plan (borrowed) and, for a run that the journal knows, its steps' states; NULL for a new run. */
void lk_machine_prepare(struct lk_machine *machine, const struct lk_plan *plan,
			const struct lk_journal_step *steps);
void lk_machine_free(struct lk_machine *machine);

enum lk_run_state lk_machine_state(const struct lk_machine *machine);
const char *lk_run_state_name(enum lk_run_state state);
const char *lk_step_state_name(const struct lk_machine_step *step);
/* The step the run is at (the one that waits, runs or failed), or -1 when it is over. */
int lk_machine_current(const struct lk_machine *machine);

/* What to give the worker now, which is then busy until lk_machine_ended. */
struct lk_action lk_machine_next(struct lk_machine *machine, int64_t now_us);

/* How an action ended. `outcome` as of the step; error NULL unless it failed. */
enum lk_ending {
	LK_ENDED_DONE,
	LK_ENDED_STOPPED,
	LK_ENDED_WAITING,
	LK_ENDED_FAILED,
	LK_ENDED_LOST
};
void lk_machine_ended(struct lk_machine *machine, struct lk_action action, enum lk_ending ending,
		      const char *note);

/* What people ask for. Each yields whether it was accepted, with a sentence in text (size bytes). */
bool lk_machine_pause(struct lk_machine *machine, const char *who, char *text, size_t size);
bool lk_machine_resume(struct lk_machine *machine, const char *who, char *text, size_t size);
bool lk_machine_abort(struct lk_machine *machine, const char *who, char *text, size_t size);
bool lk_machine_rollback(struct lk_machine *machine, const char *who, char *text, size_t size);
/* One person's answer to the gate that waits. */
bool lk_machine_confirm(struct lk_machine *machine, const struct lk_journal_approval *approval,
			char *text, size_t size);

/* Whether the run can be taken back, and why not. */
bool lk_machine_can_rollback(const struct lk_machine *machine, char *text, size_t size);
/* How many different people have approved a step's gate, with their names in text. */
int lk_machine_approvals(const struct lk_machine *machine, int step, char *text, size_t size);
/* The server does not answer, or answers again. */
void lk_machine_unreachable(struct lk_machine *machine, bool unreachable, const char *why);

#endif
