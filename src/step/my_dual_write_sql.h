/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements of a dual write on MySQL and MariaDB: a second column, defaults, two triggers.
 *
 * On INSERT the side that differs from its default wins. On UPDATE the side that changed is carried to the other; a
 * trigger here does not see an assignment that changes nothing (an explicit NULL over a NULL that was not filled
 * yet), which is why the new release comes only after backfill and verify. Both sides changed to different values
 * is an error (SQLSTATE 45000). A session whose @lockkeeper_backfill is 1 writes the new column as it likes, and one
 * whose is 2 either. Where
 * the new column holds the same in another form see my_conversion.h.
 *
 * While a dual write lasts, an old column that is NOT NULL without a default has one: the server asks for a value
 * before it runs triggers in INSERT … SELECT (MariaDB), and whoever writes the new column alone gives none.
 */
#ifndef LK_STEP_MY_DUAL_WRITE_SQL_H
#define LK_STEP_MY_DUAL_WRITE_SQL_H

#include "step/my_pair.h"

/* All texts are the caller's. */

/* Refuses columns that cannot be kept equal, and what stands in the way. Only reads. `from` and `like` are
 * columns of pair->table, whose new side is not there yet. In my_dual_write_check.c. */
bool lk_my_dual_write_check(struct lk_session *session, const struct lk_my_pair *pair,
			    const struct lk_column *from, const struct lk_column *like,
			    struct lk_error *error);

/* "ADD COLUMN `to` …", without the default if the server could not add it in an instant. NULL and *error. */
char *lk_my_dual_write_add(struct lk_session *session, const struct lk_my_pair *pair,
			   const struct lk_column *from, const struct lk_column *like,
			   struct lk_error *error);
/* "ALTER COLUMN … SET DEFAULT …, …": the rest of them, and the old side's for the time. "" when there is none. */
char *lk_my_dual_write_defaults(struct lk_session *session, const struct lk_my_pair *pair,
				const struct lk_column *from, const struct lk_column *like,
				struct lk_error *error);
/* What puts the old side's default back, "" nothing: ", ALTER COLUMN … DROP DEFAULT". */
char *lk_my_dual_write_restore(const struct lk_my_pair *pair);
/* "CREATE TRIGGER …" for the names as they are (pair->swapped); `insert` or else the one for UPDATE. NULL and *error. */
char *lk_my_dual_write_trigger(struct lk_session *session, const struct lk_my_pair *pair,
			       bool insert, struct lk_error *error);
/* "DROP TRIGGER IF EXISTS …" of one. */
char *lk_my_dual_write_drop(struct lk_session *session, const struct lk_my_pair *pair, bool insert);
/* Whether the old side gets a default for the time. */
bool lk_my_dual_write_lends(const struct lk_column *from);
/* What a person runs to take all of it back: triggers, column and, where it was lent, the old side's default. */
char *lk_my_dual_write_cleanup(struct lk_session *session, const struct lk_my_pair *pair,
			       bool lent);

/* The value, as SQL, that a NOT NULL column without a default gets; NULL: its type has none. */
char *lk_my_zero_of(const struct lk_column *column);

#endif
