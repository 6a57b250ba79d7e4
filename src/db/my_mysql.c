/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libmysqlclient (Oracle's MySQL C API, 8.0 and newer). It never reconnects unless an option says so. */
#include "db/my_library.h"

static unsigned ssl_mode(const struct lk_my_uri *uri)
{
	static const unsigned modes[] = {
		[LK_MY_TLS_DISABLED] = SSL_MODE_DISABLED,
		[LK_MY_TLS_PREFERRED] = SSL_MODE_PREFERRED,
		[LK_MY_TLS_REQUIRED] = SSL_MODE_REQUIRED,
		[LK_MY_TLS_VERIFY_CA] = SSL_MODE_VERIFY_CA,
		[LK_MY_TLS_VERIFY_IDENTITY] = SSL_MODE_VERIFY_IDENTITY,
	};
	return modes[uri->tls];
}

bool lk_my_library_prepare(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error)
{
	const bool on = true;
	unsigned mode = ssl_mode(uri);
	if (uri->login_path && uri->defaults_group)
		return lk_fail(error, LK_ERROR_USAGE,
			       "the library reads one group besides [client]: give login-path or "
			       "defaults-group, not both");
	/* A login path is a group of ~/.mylogin.cnf, which is read like the other option files. */
	if (uri->login_path)
		mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP, uri->login_path);
	mysql_options(mysql, MYSQL_OPT_SSL_MODE, &mode);
	/* Without encryption caching_sha2_password sends the password under the server's RSA key, which this
	 * library asks for only when told to; libmariadb always does. */
	if (uri->tls == LK_MY_TLS_DISABLED)
		mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &on);
	if (uri->ssl_ca)
		mysql_options(mysql, MYSQL_OPT_SSL_CA, uri->ssl_ca);
	if (uri->ssl_cert)
		mysql_options(mysql, MYSQL_OPT_SSL_CERT, uri->ssl_cert);
	if (uri->ssl_key)
		mysql_options(mysql, MYSQL_OPT_SSL_KEY, uri->ssl_key);
	return true;
}

bool lk_my_library_check(MYSQL *mysql, const struct lk_my_uri *uri, struct lk_error *error)
{
	if (uri->tls >= LK_MY_TLS_REQUIRED && !mysql_get_ssl_cipher(mysql))
		return lk_fail(error, LK_ERROR_REFUSED,
			       "ssl-mode asks for encryption, and the server does not offer it");
	return true;
}

int lk_my_library_socket(MYSQL *mysql)
{
	return (int)mysql->net.fd;
}
