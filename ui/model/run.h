/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a snapshot means for the person: the state in words, the phases, the one next key. Pure. */
#ifndef LK_UI_RUN_H
#define LK_UI_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "plan/model.h"
#include "ui/model/model.h"

/* How far a pause has come. */
enum lk_stop {
	LK_STOP_NONE,
	LK_STOP_SENT,	       /* the key was pressed here */
	LK_STOP_ACCEPTED,      /* the keeper has answered, or says paused */
	LK_STOP_CONFIRMED,     /* the database shows no transaction and no lock of ours */
	LK_STOP_NOT_CONFIRMED, /* a second has passed without that proof */
};
enum lk_stop lk_run_stop(const struct lk_model *model);

/* The state of row 1: "RUN", "THROTTLED", "*PAUSED*", "HOLD" … and how it should look. */
const char *lk_run_state(const struct lk_model *model, enum lk_role *role);
/* True when the run's state is one of the words, separated by "|". */
bool lk_run_is(const struct lk_snapshot *snapshot, const char *states);

/* The keeper is silent: the socket is closed, or nothing came for three seconds. */
bool lk_run_lost(const struct lk_model *model);
/* "OPER alice", "OBSERVE (alice operates)" … */
void lk_run_role(const struct lk_model *model, char *text, size_t size);
/* Whether this console holds the operator's lease. */
bool lk_run_operates(const struct lk_model *model);

/* The step that waits at a gate, or NULL. */
const struct lk_snapshot_step *lk_run_gate(const struct lk_snapshot *snapshot);
/* Whether a gate is what the run waits for: also the first one, before anything has begun. */
bool lk_run_at_gate(const struct lk_snapshot *snapshot);
/* Whether the run takes its steps back, also while it rests on that way. */
bool lk_run_backward(const struct lk_snapshot *snapshot);
/* Whether a step of the plan copies values, so that at the end there are rows to compare. */
bool lk_run_copies(const struct lk_snapshot *snapshot);
/* Whether a pause loses what the step has done so far: only a backfill goes on where it was. */
bool lk_step_begins_anew(const struct lk_snapshot_step *step);
bool lk_gate_enters_phase(const struct lk_snapshot_step *gate);
/* Whether opening this gate leads to something that cannot be undone. */
bool lk_gate_destroys(const struct lk_snapshot *snapshot, const struct lk_snapshot_step *gate);
/* The step that runs now, or NULL. */
const struct lk_snapshot_step *lk_run_step(const struct lk_snapshot *snapshot);

/* "done", "61%", "*PAUSED*", "gate", "locked" for the rail; `current` tells whether the run is in
 * it. */
void lk_run_phase(const struct lk_snapshot *snapshot, enum lk_phase phase, char *text, size_t size);
bool lk_run_phase_current(const struct lk_snapshot *snapshot, enum lk_phase phase);
/* Share of the rows of the current backfill, 0 to 1; negative unknown. */
double lk_run_progress(const struct lk_snapshot *snapshot);

/* The one next key, in a sentence. */
void lk_run_next(const struct lk_model *model, char *text, size_t size);
/* The value to type for this run: changes with the plan. */
void lk_run_code(const struct lk_snapshot *snapshot, char code[8]);
/* Every row right, and no release saw an error: only when the figures say so. */
bool lk_run_clean(const struct lk_snapshot *snapshot);

#endif
