/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targets of MySQL and MariaDB:
 *
 *	mysql://user@host:port/database?parameter=value&…     (mariadb:// is the same)
 *
 * Every part may be missing: option files and the client library's own defaults fill it in. With a port, even
 * of localhost, the connection is by TCP; without one localhost is the library's default socket. Characters
 * that mean something in a URI are written %XX. The parameters:
 *
 *	socket          path of a unix socket
 *	defaults-file   an option file instead of the usual ones (~/.my.cnf, …)
 *	defaults-group  a group of the option files, read besides [client]; [lockkeeper] if not given
 *	login-path      a group of ~/.mylogin.cnf (Oracle's library alone reads that file)
 *	ssl-mode        disabled, preferred (encrypted if the server offers it; the default), required,
 *	                verify_ca, verify_identity
 *	ssl-ca ssl-cert ssl-key     paths; with ssl-ca, ssl-mode is verify_ca at least
 *
 * Passwords come from option files (mode 0600) or from the server's authentication by socket, never from the URI.
 */
#ifndef LK_DB_MY_URI_H
#define LK_DB_MY_URI_H

#include <stdbool.h>

#include "base/error.h"

enum lk_my_tls {
	LK_MY_TLS_DISABLED,
	LK_MY_TLS_PREFERRED,
	LK_MY_TLS_REQUIRED,
	LK_MY_TLS_VERIFY_CA,
	LK_MY_TLS_VERIFY_IDENTITY,
};

struct lk_my_uri {
	/* NULL when not given */
	char *user, *host, *database, *socket;
	char *defaults_file, *defaults_group, *login_path;
	char *ssl_mode, *ssl_ca, *ssl_cert, *ssl_key;
	unsigned port; /* 0 when not given */
	enum lk_my_tls tls;
};

/* False with class USAGE, and nothing to free, when it is malformed. */
bool lk_my_uri_parse(const char *text, struct lk_my_uri *uri, struct lk_error *error);
void lk_my_uri_free(struct lk_my_uri *uri);

/* The URI by which the same user reaches another server in the same way, with no database; the caller's. NULL and
 * *error when `text` is malformed. */
char *lk_my_uri_elsewhere(const char *text, const char *host, int port, struct lk_error *error);

#endif
