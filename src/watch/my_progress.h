/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far a long statement of the run's worker is, as pg_progress.h. */
#ifndef LK_WATCH_MY_PROGRESS_H
#define LK_WATCH_MY_PROGRESS_H

#include "watch/my_view.h"

/* Fills sample->work and sample->work_phase when the sample shows the worker in a statement that has run for
 * over a second; costs nothing otherwise. */
bool lk_my_progress(struct lk_session *session, const struct lk_my_view *view,
		    struct lk_sample *sample, struct lk_error *error);

#endif
