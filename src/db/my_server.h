/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of the two a server is, and how new. What it can do follows from that, and is decided where it is used. */
#ifndef LK_DB_MY_SERVER_H
#define LK_DB_MY_SERVER_H

#include "db/session.h"

struct lk_my_server {
	bool maria;
	int version;	/* 101119 is MariaDB 10.11.19, 90704 MySQL 9.7.4 */
	char shown[64]; /* "MariaDB 10.11.19", "MySQL 9.7.4" */
};

/* Asks the server. Class REFUSED when its version cannot be understood. */
bool lk_my_server(struct lk_session *session, struct lk_my_server *server, struct lk_error *error);

#endif
