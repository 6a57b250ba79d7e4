/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the cut-over share (my_cut_over.h). */
#ifndef LK_SHADOW_MY_CUT_OVER_TRY_H
#define LK_SHADOW_MY_CUT_OVER_TRY_H

#include "catalog/catalog.h"
#include "shadow/my_cut_over.h"
#include "step/my_killer.h"

struct lk_my_cut {
	struct lk_step_run *run;
	const struct lk_my_cut_over *order;
	struct lk_my_cut_over_report *report;
	bool maria;
	struct lk_table table,
		shadow;	     /* what finds their holders: schema, name, sql and shown alone */
	char *lock, *rename; /* the statements */
	struct lk_my_killer *killer;
	struct lk_session *look;     /* MariaDB: lock_wait_timeout = 0 */
	struct lk_session *renamer;  /* MariaDB */
	int64_t locked_us, until_us; /* of the try; locked_us 0: the tables are not ours */
	bool sent;		     /* the RENAME may have been carried out */
	bool broken_off;	     /* MariaDB: it was ended after the holder had let go */
};

void lk_my_cut_at(const struct lk_my_cut *cut, enum lk_my_cut_over_point point);

/* The tables are ours and all is drained. On failure they may still be ours. */
bool lk_my_cut_hold(struct lk_my_cut *cut, struct lk_error *error);
/* Under LOCK TABLES: that the session holds tables still, without a gap since they were taken. */
bool lk_my_cut_still_held(struct lk_my_cut *cut, struct lk_error *error);
/* ROLLBACK and UNLOCK TABLES, whatever was asked for. False when the session is lost. */
bool lk_my_cut_let_go(struct lk_my_cut *cut);

/* The exchange itself, between lk_my_cut_hold and lk_my_cut_let_go. */
bool lk_my_cut_exchange_mysql(struct lk_my_cut *cut, struct lk_error *error);
bool lk_my_cut_exchange_mariadb(struct lk_my_cut *cut, struct lk_error *error);

/* Transactions that would read a part of the shadow, or were prepared; why "" when there are none. */
bool lk_my_cut_transactions(struct lk_session *session, const struct lk_my_cut_over *order,
			    char *why, size_t size, struct lk_error *error);
/* MariaDB, on the look session: whether a backup, a global read lock or a change of the database is there or waits. */
bool lk_my_cut_backup(struct lk_my_cut *cut, bool *there, struct lk_error *error);
/* All that speaks against a try. Opens the look session where there is none. */
bool lk_my_cut_examine(struct lk_my_cut *cut, char *why, size_t size, struct lk_error *error);

/* The user lock that arms the run's fence; the caller's. */
char *lk_my_cut_fence_lock(const struct lk_step_run *run);
/* Makes the fence where it is not complete. Waits gently for the table. */
bool lk_my_cut_fence(struct lk_my_cut *cut, struct lk_error *error);
/* After a RENAME that was ended when it could have had the tables: no broken copy of the table with its triggers stays
 * in the server's cache (step/my_renew.h). As far as the table can be had. */
void lk_my_cut_mend(struct lk_my_cut *cut);

#endif
