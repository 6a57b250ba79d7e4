/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who holds a table, or the whole server, so that a statement of ours would have to wait: metadata locks where
 * the server shows them (performance_schema with its instrument, MariaDB's plugin metadata_lock_info), else the
 * oldest open transaction, as a guess.
 */
#ifndef LK_STEP_MY_HOLDER_H
#define LK_STEP_MY_HOLDER_H

#include "catalog/catalog.h"

/* Where this server shows metadata locks. */
enum lk_my_lock_view { LK_MY_LOCKS_UNSEEN, LK_MY_LOCKS_SCHEMA, LK_MY_LOCKS_PLUGIN };

struct lk_my_holder {
	bool found;
	bool guessed;	/* an old transaction, of which nobody says what it holds */
	int64_t id;	/* the session; 0: a prepared XA transaction, which has none */
	char began[32]; /* together with id the same as long as it is the same transaction */
	char text[340]; /* "process 12 (report, sleeping) has held shop.users for 12 s" */
};

/* Asks once; what may not be asked counts as unseen. */
bool lk_my_lock_view(struct lk_session *session, enum lk_my_lock_view *view,
		     struct lk_error *error);
/*
 * Somebody who has held the table (NULL: none is asked after) in any way for over a second, or holds a lock on
 * the whole server that keeps definitions from changing.
 */
bool lk_my_holder_find(struct lk_session *session, enum lk_my_lock_view view,
		       const struct lk_table *table, struct lk_my_holder *holder,
		       struct lk_error *error);
/* What would make the view better than a guess; "" when it is. */
const char *lk_my_lock_view_advice(enum lk_my_lock_view view);

#endif
