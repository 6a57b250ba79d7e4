/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

static void set_text(struct lk_error *error, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void set_text(struct lk_error *error, const char *format, va_list args)
{
	vsnprintf(error->text, sizeof error->text, format, args);
	size_t n = strlen(error->text);
	while (n > 0 && (error->text[n - 1] == '\n' || error->text[n - 1] == ' '))
		error->text[--n] = '\0';
}

bool lk_fail(struct lk_error *error, enum lk_error_class class, const char *format, ...)
{
	va_list args;
	lk_error_clear(error);
	error->class = class;
	va_start(args, format);
	set_text(error, format, args);
	va_end(args);
	return false;
}

bool lk_fail_errno(struct lk_error *error, int number, const char *format, ...)
{
	char what[700];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return lk_fail(error, LK_ERROR_SYSTEM, "%s: %s", what, strerror(number));
}

bool lk_fail_context(struct lk_error *error, const char *format, ...)
{
	char text[sizeof error->text], what[400];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	memcpy(text, error->text, sizeof text);
	snprintf(error->text, sizeof error->text, "%s: %.*s", what,
		 (int)(sizeof error->text - strlen(what) - 3), text);
	return false;
}

void lk_error_clear(struct lk_error *error)
{
	error->class = LK_NO_ERROR;
	error->state[0] = '\0';
	error->number = 0;
	error->position = 0;
	error->text[0] = '\0';
}

const char *lk_error_class_name(enum lk_error_class class)
{
	static const char *const names[] = {
		[LK_NO_ERROR] = "none",	      [LK_ERROR_USAGE] = "usage",
		[LK_ERROR_PLAN] = "plan",     [LK_ERROR_REFUSED] = "refused",
		[LK_ERROR_RETRY] = "retry",   [LK_ERROR_CANCELLED] = "cancelled",
		[LK_ERROR_LOST] = "lost",     [LK_ERROR_PRIVILEGE] = "privilege",
		[LK_ERROR_FENCED] = "fenced", [LK_ERROR_STATEMENT] = "statement",
		[LK_ERROR_SYSTEM] = "system",
	};
	return names[class];
}
