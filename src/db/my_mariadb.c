/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libmariadb (MariaDB Connector/C, 3.1 and newer). */
#include "db/my_library.h"

static const my_bool on = 1, off = 0;

/*
 * This library has no mode between "encrypted" and "encrypted, chain and name verified": verify_ca is the
 * stricter one of both. Since 3.4 it verifies unless told not to.
 */
bool lk_my_library_prepare(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error)
{
	bool verify = uri->tls >= LK_MY_TLS_VERIFY_CA;
	/* A socket is as private as its folder; encryption would only cost time. */
	bool encrypt = uri->tls >= LK_MY_TLS_REQUIRED ||
		       (uri->tls == LK_MY_TLS_PREFERRED && uri->host && !uri->socket);
	if (uri->login_path)
		return lk_fail(
			error, LK_ERROR_USAGE,
			"login-path: this lockkeeper was built with libmariadb, which does not "
			"read login paths; put the secret into a group of an option file and "
			"name it with defaults-group");
	mysql_options(mysql, MYSQL_OPT_RECONNECT, &off);
	mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, verify ? &on : &off);
	if (encrypt)
		mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &on);
	if (uri->ssl_ca)
		mysql_options(mysql, MYSQL_OPT_SSL_CA, uri->ssl_ca);
	if (uri->ssl_cert)
		mysql_options(mysql, MYSQL_OPT_SSL_CERT, uri->ssl_cert);
	if (uri->ssl_key)
		mysql_options(mysql, MYSQL_OPT_SSL_KEY, uri->ssl_key);
	return true;
}

/* Without verification the library goes on in clear text with a server that offers nothing else. */
bool lk_my_library_check(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error)
{
	mysql_options(mysql, MYSQL_OPT_RECONNECT, &off);
	if (uri->tls >= LK_MY_TLS_REQUIRED && !mysql_get_ssl_cipher(mysql))
		return lk_fail(error, LK_ERROR_REFUSED,
			       "ssl-mode asks for encryption, and the server does not offer it");
	return true;
}

int lk_my_library_socket(MYSQL *mysql)
{
	return (int)mysql_get_socket(mysql);
}
