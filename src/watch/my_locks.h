/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who waits for whom: rows of InnoDB, metadata locks; and, where these are not shown, a guess that says so. */
#ifndef LK_WATCH_MY_LOCKS_H
#define LK_WATCH_MY_LOCKS_H

#include "watch/my_view.h"

/* Completes the sample's sessions. */
bool lk_my_read_locks(struct lk_session *session, const struct lk_my_view *view,
		      const struct lk_watch_scope *scope, struct lk_sample *sample,
		      struct lk_error *error);

#endif
