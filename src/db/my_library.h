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
#include "db/binlog_link.h"
#include "db/my_uri.h"

/* Before connecting: encryption, login paths, and no reconnecting behind our back (it would lose locks). */
bool lk_my_library_prepare(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error);
/* The same once more after connecting, for what option files may have changed; and whether the connection is
 * as safe as the URI wants it. */
bool lk_my_library_check(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error);
/* The descriptor of the connection's socket. */
int lk_my_library_socket(MYSQL *mysql);

/*
 * The binary log's events. A dump, or NULL and *error; what the server refuses only the first fetch may tell. A fetch waits
 * for one event, whose bytes are valid until the next; class LOST when the server has ended the dump.
 */
struct lk_my_dump;
/* A number that no replica has: a server ends the dump of another who comes with the same. */
uint32_t lk_my_replica_number(void);
struct lk_my_dump *lk_my_library_dump(MYSQL *mysql, const struct lk_binlog_start *start,
				      struct lk_error *error);
bool lk_my_library_fetch(struct lk_my_dump *dump, const uint8_t **event, size_t *length,
			 struct lk_error *error);
void lk_my_library_end_dump(struct lk_my_dump *dump);

#endif
