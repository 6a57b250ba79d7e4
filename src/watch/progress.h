/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What telling of a long statement's progress takes on every engine. */
#ifndef LK_WATCH_PROGRESS_H
#define LK_WATCH_PROGRESS_H

#include "watch/sample.h"

/* The worker's session when it has been in one statement for over a second, else NULL. */
const struct lk_sample_session *lk_busy_worker(const struct lk_sample *sample);
/* "90 s", "12 min", "5 h" */
void lk_show_elapsed(double ms, char *text, size_t size);

#endif
