/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The replicas that a primary of MySQL or MariaDB knows of, and where they say that they can be reached. */
#ifndef LK_WATCH_MY_REPLICAS_H
#define LK_WATCH_MY_REPLICAS_H

#include "watch/my_view.h"

/* Fills the sample's replicas; how far they are is for whoever follows them (follow.h). */
bool lk_my_read_replicas(struct lk_session *session, const struct lk_my_view *view,
			 struct lk_sample *sample, struct lk_error *error);

#endif
