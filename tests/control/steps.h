/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan's steps carried out one by one on a real server, without keeper and program: the test is the worker.
 *
 *	struct lk_steps steps;
 *	lk_steps_open(&steps, server, "one", "steps:\n  expand:\n    - dual_write: …");
 *	lk_steps_done(&steps, LK_VERB_DUAL_WRITE);
 *	…
 *	lk_steps_close(&steps);
 */
#ifndef LK_TESTS_CONTROL_STEPS_H
#define LK_TESTS_CONTROL_STEPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "operation/operation.h"
#include "step/step.h"
#include "tests/server/server.h"

struct lk_steps {
	struct lk_test_server *server;
	struct lk_session *session;
	struct lk_plan plan;
	char run[24];
	struct lk_pace pace;
	struct lk_error error; /* of the last step */
	char note[300];
	struct lk_progress progress; /* the last told */
	pthread_mutex_t mutex;	     /* guards `said` */
	char said[8000];	     /* all that the steps told, a line each */
};

/* A session on the test database, as `user` (NULL: the superuser). */
struct lk_session *lk_steps_session(const struct lk_test_server *server, const char *user);
/* Reads a plan's body into *plan and, when it has operations, derives its steps. */
bool lk_steps_plan(struct lk_session *session, const char *name, const char *body,
		   struct lk_plan *plan, struct lk_error *error);
/* The same, recorded in the journal as the run "NAME-run"; as a role, or the superuser. */
void lk_steps_open_as(struct lk_steps *steps, struct lk_test_server *server, const char *user,
		      const char *name, const char *body);
void lk_steps_open(struct lk_steps *steps, struct lk_test_server *server, const char *name,
		   const char *body);
void lk_steps_close(struct lk_steps *steps);
/* The step with that number, forwards or back. */
enum lk_outcome lk_steps_forward(struct lk_steps *steps, int number);
enum lk_outcome lk_steps_backward(struct lk_steps *steps, int number);
/* The number of the first step with that verb. */
int lk_steps_find(const struct lk_steps *steps, enum lk_verb verb);
/* Forwards; must be done. */
void lk_steps_done(struct lk_steps *steps, enum lk_verb verb);
/* The rest of the plan from a step on, but for gates that ask people. */
void lk_steps_all(struct lk_steps *steps);
/* Waits until a step has told something with these words. */
void lk_steps_await_said(struct lk_steps *steps, const char *words, int seconds);

/* A step on a thread of its own, so that the test can do something meanwhile. */
struct lk_steps_thread {
	struct lk_steps *steps;
	int number;
	enum lk_outcome outcome;
	pthread_t thread;
};
void lk_steps_start(struct lk_steps_thread *thread, struct lk_steps *steps, enum lk_verb verb);
enum lk_outcome lk_steps_join(struct lk_steps_thread *thread);

#endif
