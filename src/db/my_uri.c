/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/my_uri.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/uri.h"

static const char *const parameter_names[] = {
	"socket", "defaults-file", "defaults-group", "login-path", "ssl-mode",
	"ssl-ca", "ssl-cert",	   "ssl-key",	     NULL,
};
static const size_t parameter_places[] = {
	offsetof(struct lk_my_uri, socket),	    offsetof(struct lk_my_uri, defaults_file),
	offsetof(struct lk_my_uri, defaults_group), offsetof(struct lk_my_uri, login_path),
	offsetof(struct lk_my_uri, ssl_mode),	    offsetof(struct lk_my_uri, ssl_ca),
	offsetof(struct lk_my_uri, ssl_cert),	    offsetof(struct lk_my_uri, ssl_key),
};
static const char *const tls_names[] = {"disabled",  "preferred",	"required",
					"verify_ca", "verify_identity", NULL};

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* The decoded text, or NULL and *error. A byte of 0 would cut it. */
static char *decode(const char *from, size_t length, struct lk_error *error)
{
	char *text = lk_alloc(length + 1);
	size_t n = 0;
	for (size_t i = 0; i < length; i++, n++) {
		text[n] = from[i];
		if (from[i] != '%')
			continue;
		int high = i + 2 < length ? hex(from[i + 1]) : -1;
		int low = i + 2 < length ? hex(from[i + 2]) : -1;
		if (high < 0 || low < 0 || high + low == 0) {
			lk_fail(error, LK_ERROR_USAGE,
				"\"%%\" in a URI begins a character written as two hexadecimal digits, as "
				"in %%40 for @; write %%25 for %% itself");
			free(text);
			return NULL;
		}
		text[n] = (char)(high * 16 + low);
		i += 2;
	}
	return text;
}

/* Takes a part that may be empty, which is the same as missing. */
static bool take(char **to, const char *from, size_t length, struct lk_error *error)
{
	if (length > 0)
		*to = decode(from, length, error);
	return length == 0 || *to;
}

static bool take_port(struct lk_my_uri *uri, const char *from, size_t length,
		      struct lk_error *error)
{
	char *end;
	unsigned long port = strtoul(from, &end, 10);
	if (length == 0)
		return true;
	if (!isdigit((unsigned char)from[0]) || end != from + length || port == 0 || port > 65535)
		return lk_fail(error, LK_ERROR_USAGE, "a port is a number up to 65535, not %.*s",
			       (int)length, from);
	uri->port = (unsigned)port;
	return true;
}

/* "user@host:port", "user@[::1]:port" */
static bool take_authority(struct lk_my_uri *uri, const char *from, size_t length,
			   struct lk_error *error)
{
	const char *at = memrchr(from, '@', length), *end = from + length;
	const char *host = at ? at + 1 : from, *host_end, *port = NULL;
	if (at && !take(&uri->user, from, (size_t)(at - from), error))
		return false;
	if (host < end && *host == '[') {
		host_end = memchr(host, ']', (size_t)(end - host));
		if (!host_end || (host_end + 1 < end && host_end[1] != ':'))
			return lk_fail(error, LK_ERROR_USAGE,
				       "an address of IPv6 stands in brackets: [::1]:3306");
		port = host_end + 1 < end ? host_end + 2 : NULL;
		host++;
	} else {
		const char *colon = memchr(host, ':', (size_t)(end - host));
		host_end = colon ? colon : end;
		port = colon ? colon + 1 : NULL;
	}
	return take(&uri->host, host, (size_t)(host_end - host), error) &&
	       (!port || take_port(uri, port, (size_t)(end - port), error));
}

static bool take_parameter(struct lk_my_uri *uri, const char *from, size_t length,
			   struct lk_error *error)
{
	const char *equals = memchr(from, '=', length);
	size_t name_length = equals ? (size_t)(equals - from) : length;
	char *name = decode(from, name_length, error);
	size_t i = 0;
	if (!name)
		return false;
	while (parameter_names[i] && strcmp(parameter_names[i], name) != 0)
		i++;
	char **to = parameter_names[i] ? (char **)((char *)uri + parameter_places[i]) : NULL;
	const char *near = to ? NULL : lk_nearest_word(name, (const char **)parameter_names);
	if (!to)
		lk_fail(error, LK_ERROR_USAGE, "unknown parameter \"%s\" in the URI%s%s%s", name,
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	else if (*to)
		lk_fail(error, LK_ERROR_USAGE, "the parameter %s is there twice in the URI", name);
	else if (!equals || name_length + 1 == length)
		lk_fail(error, LK_ERROR_USAGE, "the parameter %s of the URI has no value", name);
	bool good = to && !*to && equals && name_length + 1 < length;
	free(name);
	return good && take(to, equals + 1, length - name_length - 1, error);
}

static bool choose_tls(struct lk_my_uri *uri, struct lk_error *error)
{
	size_t mode = LK_MY_TLS_PREFERRED;
	if (uri->ssl_mode)
		for (mode = 0; tls_names[mode]; mode++)
			if (strcasecmp(tls_names[mode], uri->ssl_mode) == 0)
				break;
	if (!tls_names[mode])
		return lk_fail(error, LK_ERROR_USAGE,
			       "ssl-mode cannot be \"%s\"; legal: disabled, preferred, required, "
			       "verify_ca, verify_identity",
			       uri->ssl_mode);
	if (uri->ssl_mode && uri->ssl_ca && mode < LK_MY_TLS_VERIFY_CA)
		return lk_fail(
			error, LK_ERROR_USAGE,
			"ssl-ca says whom to trust, but with ssl-mode=%s nothing is verified: use "
			"verify_ca or verify_identity, or leave ssl-ca out",
			uri->ssl_mode);
	uri->tls = uri->ssl_ca && !uri->ssl_mode ? LK_MY_TLS_VERIFY_CA : (enum lk_my_tls)mode;
	return true;
}

static bool parse(const char *text, struct lk_my_uri *uri, struct lk_error *error)
{
	if (!lk_uri_check(text, error))
		return false;
	const char *p = strstr(text, "://") + 3;
	size_t length = strcspn(p, "/?");
	if (!take_authority(uri, p, length, error))
		return false;
	p += length;
	if (*p == '/') {
		length = strcspn(++p, "?");
		if (!take(&uri->database, p, length, error))
			return false;
		p += length;
	}
	while (*p) {
		length = strcspn(++p, "&");
		if (length > 0 && !take_parameter(uri, p, length, error))
			return false;
		p += length;
	}
	if (uri->socket && uri->host && strcmp(uri->host, "localhost") != 0)
		return lk_fail(error, LK_ERROR_USAGE,
			       "the URI names both a host and a socket: leave one out");
	return choose_tls(uri, error);
}

bool lk_my_uri_parse(const char *text, struct lk_my_uri *uri, struct lk_error *error)
{
	memset(uri, 0, sizeof *uri);
	bool good = parse(text, uri, error);
	if (!good)
		lk_my_uri_free(uri);
	return good;
}

void lk_my_uri_free(struct lk_my_uri *uri)
{
	free(uri->user);
	free(uri->host);
	free(uri->database);
	for (size_t i = 0; parameter_names[i]; i++)
		free(*(char **)((char *)uri + parameter_places[i]));
	memset(uri, 0, sizeof *uri);
}

/* What means nothing in a URI stays as it is. */
static void add_encoded(struct lk_buffer *out, const char *text)
{
	for (const char *p = text; *p; p++)
		if (isalnum((unsigned char)*p) || strchr("-._~/", *p))
			lk_buffer_addf(out, "%c", *p);
		else
			lk_buffer_addf(out, "%%%02x", (unsigned)(unsigned char)*p);
}

char *lk_my_uri_elsewhere(const char *text, const char *host, int port, struct lk_error *error)
{
	struct lk_my_uri uri;
	struct lk_buffer out = {0};
	if (!lk_my_uri_parse(text, &uri, error))
		return NULL;
	lk_buffer_add(&out, "mysql://");
	if (uri.user)
		add_encoded(&out, uri.user);
	lk_buffer_add(&out, uri.user ? "@" : "");
	lk_buffer_addf(&out, strchr(host, ':') ? "[%s]:%d/" : "%s:%d/", host, port);
	char separator = '?';
	for (size_t i = 0; parameter_names[i]; i++) {
		const char *value = *(char **)((char *)&uri + parameter_places[i]);
		if (!value || parameter_places[i] == offsetof(struct lk_my_uri, socket))
			continue;
		lk_buffer_addf(&out, "%c%s=", separator, parameter_names[i]);
		add_encoded(&out, value);
		separator = '&';
	}
	lk_my_uri_free(&uri);
	return lk_buffer_take(&out);
}
