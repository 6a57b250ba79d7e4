/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the two client libraries, libmariadb and Oracle's libmysqlclient, do differently. configure chooses the
 * file behind it: my_mariadb.c or my_mysql.c.
 */
#ifndef LK_DB_MY_LIBRARY_H
#define LK_DB_MY_LIBRARY_H

#include <mysql.h>
#include <stdbool.h>

#include "base/error.h"
#include "db/my_uri.h"

/* Before connecting: encryption, login paths, and no reconnecting behind our back (it would lose locks). */
bool lk_my_library_prepare(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error);
/* The same once more after connecting, for what option files may have changed; and whether the connection is
 * as safe as the URI wants it. */
bool lk_my_library_check(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error);
/* The descriptor of the connection's socket. */
int lk_my_library_socket(MYSQL *mysql);

#endif
