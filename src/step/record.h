/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What steps of every engine share: their state in the journal, and what they tell the operator. */
#ifndef LK_STEP_RECORD_H
#define LK_STEP_RECORD_H

#include "step/step.h"

/* Records the intent: the step is "running" from now on. In a transaction of its own. */
bool lk_step_intend(struct lk_step_run *run, struct lk_error *error);
/* Inside the step's own transaction: it is done (or undone), with run->note. */
bool lk_step_record(struct lk_step_run *run, const char *state, struct lk_error *error);
/* A transaction that does nothing but record the state; for steps with nothing to do in the database. */
enum lk_outcome lk_step_only_record(struct lk_step_run *run, const char *state,
				    struct lk_error *error);
/* What the journal has of the step at the moment. */
bool lk_step_look_up(struct lk_step_run *run, struct lk_journal_step *step, struct lk_error *error);
/* Whether the journal has clean-up SQL of the step. */
bool lk_step_has_cleanup(struct lk_step_run *run, bool *has, struct lk_error *error);

/* Tells the operator something. */
void lk_step_say(struct lk_step_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The lock wait of the plan, in ms. */
int64_t lk_step_lock_wait_ms(const struct lk_step_run *run);
/* "45 s", "12 min", "30 h": an age for people. */
void lk_step_age_text(int64_t seconds, char *text, size_t size);
/* What takes a ddl or sql step back, in words. */
void lk_step_describe_undo(const struct lk_step *step, struct lk_step_text *text);

#endif
