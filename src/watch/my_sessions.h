/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sessions of a server of MySQL or MariaDB, and how many of each kind there are. */
#ifndef LK_WATCH_MY_SESSIONS_H
#define LK_WATCH_MY_SESSIONS_H

#include "watch/my_view.h"

/* Those that do something, have a transaction open, or are of the run; the others are counted. Fills the
 * sample's list and its counts. */
bool lk_my_read_sessions(struct lk_session *session, const struct lk_my_view *view,
			 const struct lk_watch_scope *scope, struct lk_sample *sample,
			 struct lk_error *error);

/* Adds those that stand in the way of a listed one and are not listed: they do nothing, and have no transaction
 * that InnoDB knows of (LOCK TABLES, FLUSH TABLES WITH READ LOCK). */
bool lk_my_read_blockers(struct lk_session *session, const struct lk_my_view *view,
			 const struct lk_watch_scope *scope, struct lk_sample *sample,
			 struct lk_error *error);

/* SQL that holds for the session `id` (an expression) when it is one of the run $1 with the role `role` (a
 * literal): it holds the user lock that the driver has given it. */
#define LK_MY_IS_OURS(id, role)                                                                    \
	"IS_USED_LOCK(CONCAT('lockkeeper:', $1, ':" role ":', " id ")) = " id

#endif
