/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every verb says in the same way. */
#include <jansson.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/safe_text.h"
#include "cli/cli.h"

int lk_cli_fail(int status, const char *format, ...)
{
	char text[1200];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	char *safe = lk_safe_copy(text, 0);
	fprintf(stderr, "lockkeeper: %s\n", safe);
	free(safe);
	return status;
}

int lk_cli_error(const struct lk_error *error)
{
	int status = error->class == LK_ERROR_USAGE || error->class == LK_ERROR_PLAN ? LK_EXIT_USAGE
		     : error->class == LK_ERROR_LOST || error->class == LK_ERROR_PRIVILEGE
			     ? LK_EXIT_UNREACHABLE
			     : LK_EXIT_FAILED;
	return lk_cli_fail(status, "%s", error->text);
}

char *lk_cli_user(void)
{
	const struct passwd *user = getpwuid(geteuid());
	return user ? lk_strdup(user->pw_name) : lk_format("user %u", (unsigned)geteuid());
}

char *lk_cli_host(void)
{
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	return lk_strdup(host);
}

void lk_cli_print_json(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
	puts(text ? text : "{}");
	fflush(stdout);
	free(text);
}
