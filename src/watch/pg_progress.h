/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far a long statement of the run's worker is: its own session is busy with it and cannot say. */
#ifndef LK_WATCH_PG_PROGRESS_H
#define LK_WATCH_PG_PROGRESS_H

#include "watch/sample.h"

/* Fills sample->work and sample->work_phase when the sample shows the worker in a statement that has run for
 * over a second; costs nothing otherwise. */
bool lk_pg_progress(struct lk_session *session, struct lk_sample *sample, struct lk_error *error);

#endif
