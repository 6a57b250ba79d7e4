/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The proof after a pause, on MySQL and MariaDB. */
#ifndef LK_WATCH_MY_QUIET_H
#define LK_WATCH_MY_QUIET_H

#include "watch/sample.h"

/*
 * What a text of SHOW ENGINE INNODB STATUS says of one session: 1 it has a transaction open, 0 it has none,
 * -1 the text was cut (the server does at 1 MB) and does not tell. *locks: its lock structs. Pure.
 */
int lk_my_innodb_transaction(const char *text, unsigned id, int *locks);

bool lk_my_quiet(struct lk_session *session, const char *run, struct lk_quiet *quiet,
		 struct lk_error *error);

#endif
