/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/uri.h"

#include <ctype.h>
#include <string.h>

#include "base/memory.h"

/* Where the client library of a scheme looks for passwords, in the words of a person. */
#define PG_SECRETS "~/.pgpass or a service file"
#define MY_SECRETS "an option file such as ~/.my.cnf"

static const char *const pg_servers[] = {"postgresql", NULL};
static const char *const my_servers[] = {"mysql", "mariadb", NULL};

/* Whether replicas of a server of the scheme are asked themselves how far they are, and what it is called. */
static const struct scheme {
	const char *begins, *secrets, *server;
	bool asked;
	const char *const *servers;
} schemes[] = {
	{"postgresql://", PG_SECRETS, "PostgreSQL", false, pg_servers},
	{"postgres://", PG_SECRETS, "PostgreSQL", false, pg_servers},
	{"mysql://", MY_SECRETS, "MySQL or MariaDB", true, my_servers},
	{"mariadb://", MY_SECRETS, "MySQL or MariaDB", true, my_servers},
};

static const struct scheme *scheme_of(const char *uri)
{
	for (size_t i = 0; i < LK_COUNT(schemes); i++)
		if (strncmp(uri, schemes[i].begins, strlen(schemes[i].begins)) == 0)
			return &schemes[i];
	return NULL;
}

bool lk_uri_is_uri(const char *target)
{
	return strstr(target, "://") != NULL || strchr(target, '=') != NULL;
}

static int hex(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Parameter names may be percent-encoded: libpq decodes them, so we must too. */
static void decode(const char *from, size_t length, char *to, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < length && n + 1 < size; i++) {
		if (from[i] == '%' && i + 2 < length && hex(from[i + 1]) >= 0 &&
		    hex(from[i + 2]) >= 0) {
			to[n++] = (char)(hex(from[i + 1]) * 16 + hex(from[i + 2]));
			i += 2;
		} else {
			to[n++] = from[i];
		}
	}
	to[n] = '\0';
}

static bool is_secret(const char *name)
{
	static const char *const secrets[] = {"password", "sslpassword", "passwd", "pwd"};
	for (size_t i = 0; i < LK_COUNT(secrets); i++)
		if (strcasecmp(name, secrets[i]) == 0)
			return true;
	return false;
}

static bool parameters_hold_secret(const char *query)
{
	while (query && *query) {
		char name[40];
		size_t length = strcspn(query, "&");
		decode(query, strcspn(query, "=&"), name, sizeof name);
		if (is_secret(name))
			return true;
		query += length + (query[length] == '&');
	}
	return false;
}

/* "user:secret@" before the host. A '/' inside the secret, which a careful writer encodes, counts
 * too. */
static bool authority_holds_secret(const char *authority)
{
	size_t length = strcspn(authority, "?#");
	const char *at = memrchr(authority, '@', length);
	return at && memchr(authority, ':', (size_t)(at - authority)) != NULL;
}

static bool refuse_secret(const char *secrets, struct lk_error *error)
{
	return lk_fail(
		error, LK_ERROR_USAGE,
		"the URI holds a password, which other users can read from the process list and "
		"from files: put it into %s and leave it out",
		secrets);
}

bool lk_uri_check(const char *uri, struct lk_error *error)
{
	for (const char *p = uri; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return lk_fail(error, LK_ERROR_USAGE, "the URI holds a control character");
	if (!strstr(uri, "://")) {
		if (strcasestr(uri, "password"))
			return refuse_secret(PG_SECRETS, error);
		return lk_fail(
			error, LK_ERROR_USAGE,
			"a target is a URI such as postgresql://user@host:5432/database, or a name "
			"from the settings");
	}
	const char *authority = strstr(uri, "://") + 3;
	const char *query = strchr(authority, '?');
	const struct scheme *scheme = scheme_of(uri);
	if (authority_holds_secret(authority) || parameters_hold_secret(query ? query + 1 : NULL))
		return refuse_secret(scheme ? scheme->secrets : PG_SECRETS, error);
	return scheme || lk_fail(error, LK_ERROR_USAGE,
				 "a target's URI begins with postgresql:// or mysql://, not %.*s",
				 (int)strcspn(uri, ":"), uri);
}

const char *const *lk_uri_servers(const char *uri)
{
	const struct scheme *scheme = scheme_of(uri);
	return scheme ? scheme->servers : NULL;
}

/* A host, or a parameter "socket". */
static bool names_server(const char *uri)
{
	const char *authority = strstr(uri, "://") + 3;
	size_t length = strcspn(authority, "/?");
	const char *at = memrchr(authority, '@', length);
	const char *host = at ? at + 1 : authority;
	return (host < authority + length && *host != ':') || strstr(uri, "?socket=") ||
	       strstr(uri, "&socket=");
}

bool lk_uri_check_replica(const char *uri, const char *target, struct lk_error *error)
{
	if (!lk_uri_is_uri(uri))
		return lk_fail(error, LK_ERROR_USAGE,
			       "it is given by its URI, such as mysql://user@host:3306");
	if (!lk_uri_check(uri, error))
		return false;
	const struct scheme *own = scheme_of(uri), *its = target ? scheme_of(target) : NULL;
	if (!own->asked)
		return lk_fail(error, LK_ERROR_USAGE,
			       "%s's primary knows its replicas and how far they are: leave them "
			       "out; replicas are listed for MySQL and MariaDB",
			       own->server);
	if (its && strcmp(its->server, own->server) != 0)
		return lk_fail(error, LK_ERROR_USAGE, "it is of %s, and the target of %s",
			       own->server, its->server);
	return names_server(uri) ||
	       lk_fail(error, LK_ERROR_USAGE,
		       "it names no server: mysql://user@host:port, or with ?socket=PATH");
}
