/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the worker finds out before anything is changed: server, plan, an unfinished run, each step in words. */
#ifndef LK_KEEPER_WORKER_PREPARE_H
#define LK_KEEPER_WORKER_PREPARE_H

#include "keeper/thread.h"

/* On the session of a run that is new, or, when prepared->found, must be adopted first. */
bool lk_prepare(struct lk_shared *shared, struct lk_session *session, struct lk_prepared *prepared,
		struct lk_error *error);
/* Loads an adopted run from the journal. */
bool lk_prepare_adopted(struct lk_shared *shared, struct lk_session *session,
			struct lk_prepared *prepared, struct lk_error *error);

/* Whether the short form still means the same steps as when the plan was prepared and approved: somebody may
 * have changed the tables since. Class REFUSED when it does not. */
bool lk_prepare_unchanged(struct lk_session *session, const struct lk_plan *plan,
			  struct lk_error *error);

#endif
