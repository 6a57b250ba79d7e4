/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Single steps of a plan against a real server of any engine, without a keeper: a run in the journal, a session,
 * a pace, and what the steps said. What goes wrong in the preparation fails the test.
 *
 *	struct lk_test_steps steps;
 *	lk_test_steps_open_uri(&steps, uri, "plan: p\noperations: …");
 *	lk_test_steps_until(&steps, "backfill-3");
 *	assert_int_equal(lk_test_step_forward(&steps, "backfill-3"), LK_OUTCOME_DONE);
 *	lk_test_steps_close(&steps);
 */
#ifndef LK_TESTS_STEPPING_H
#define LK_TESTS_STEPPING_H

#include <pthread.h>

#include "base/buffer.h"
#include "step/step.h"

struct lk_test_server;

struct lk_test_steps {
	const struct lk_test_server *server;  /* where steps.h opened it */
	struct lk_session *session, *control; /* control: what cancels */
	struct lk_plan plan;
	struct lk_pace pace;
	struct lk_step_run run;
	struct lk_error error; /* of the last step */
	char name[24];
	size_t next; /* the step after the last one that was done forward */

	pthread_mutex_t mutex; /* guards what a step in the background tells */
	struct lk_buffer said; /* a line each */
	struct lk_progress progress;
	bool ended;

	pthread_t thread;
	bool backwards;
	enum lk_outcome outcome;
};

/* Derives, completes and describes the plan (YAML) and records a run of it. */
void lk_test_steps_open_uri(struct lk_test_steps *steps, const char *uri, const char *yaml);
void lk_test_steps_close(struct lk_test_steps *steps);

/* The sentence with which the plan is refused, or "" when it is not; the caller's. */
char *lk_test_steps_refusal_at(const char *uri, const char *yaml);

/* One step, by name. */
enum lk_outcome lk_test_step_forward(struct lk_test_steps *steps, const char *name);
enum lk_outcome lk_test_step_backward(struct lk_test_steps *steps, const char *name);
/* One step, by name, in a thread of its own; _end waits for it. */
void lk_test_step_begin(struct lk_test_steps *steps, const char *name, bool backwards);
bool lk_test_step_ended(struct lk_test_steps *steps);
enum lk_outcome lk_test_step_end(struct lk_test_steps *steps);
/* All steps before `name` (NULL: all) that were not done yet, forward; each must be done. */
void lk_test_steps_until(struct lk_test_steps *steps, const char *name);
/* All steps before `name` (NULL: all), backward; each must be done. */
void lk_test_steps_back(struct lk_test_steps *steps, const char *name);

/* What pause does: the flag, and a cancel of what runs. From any thread but the step's. */
void lk_test_steps_stop(struct lk_test_steps *steps);
/* What the watch does when others wait for our statement. False when nothing ran. */
bool lk_test_steps_give_way(struct lk_test_steps *steps);
/* Waits until the step has said `text`; false when it ends before or 30 s have passed. */
bool lk_test_steps_hears(struct lk_test_steps *steps, const char *text);
/* A copy of all that was said; the caller's. */
char *lk_test_steps_said(struct lk_test_steps *steps);
/* The last figures. */
struct lk_progress lk_test_steps_progress(struct lk_test_steps *steps);

#endif
