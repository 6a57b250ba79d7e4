/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Synchronous replication (manual, 27.2.8). */
#ifndef LK_STEP_PG_STANDBY_H
#define LK_STEP_PG_STANDBY_H

#include "step/step.h"

/*
 * Without the synchronous standbys that the server waits for, a commit hangs and keeps its locks meanwhile. To
 * be called before a transaction, with none open: looks at most once a second (*looked_us, at first 0), and
 * waits, saying so, until they are back. False when the worker must stop (class CANCELLED) and on errors.
 */
bool lk_pg_standby_wait(struct lk_step_run *run, int64_t *looked_us, struct lk_error *error);

#endif
