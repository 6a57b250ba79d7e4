/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server of MySQL or MariaDB lets us see as it is set up and as our user may look. */
#ifndef LK_WATCH_MY_VIEW_H
#define LK_WATCH_MY_VIEW_H

#include "db/my_server.h"
#include "watch/sample.h"

struct lk_my_view {
	struct lk_my_server server;
	bool schema;	   /* the performance schema is on and may be read */
	bool metadata;	   /* it shows metadata locks, those that are waited for too */
	bool statements;   /* it times the statements that run */
	bool stages;	   /* and their stages */
	bool transactions; /* and which session has a transaction open */
	bool plugin;	   /* MariaDB's METADATA_LOCK_INFO: metadata locks that are held */
	bool denied;	   /* the performance schema is on and may not be read */
	char user[160];	   /* by whom, as GRANT names him; "" when it may be read */
};

/* Asks the server; in two or three short statements. */
bool lk_my_view_learn(struct lk_session *session, struct lk_my_view *view, struct lk_error *error);

/* What is not seen, and the statement that turns it on; "" when everything is. */
void lk_my_view_unseen(const struct lk_my_view *view, char *text, size_t size);

/* MariaDB and MySQL name their system tables and some commands differently; a missing privilege for them. */
bool lk_my_denied(const struct lk_error *error);

/* Now in the server's own time zone, in which InnoDB gives its times whatever the session's zone is. */
#define LK_MY_SYSTEM_NOW "CONVERT_TZ(UTC_TIMESTAMP(6), '+00:00', 'SYSTEM')"

#endif
