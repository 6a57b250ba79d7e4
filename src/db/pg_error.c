/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "db/pg_error.h"

#include <string.h>

#include "base/memory.h"

static const struct {
	const char *prefix;
	enum lk_error_class class;
} classes[] = {
	{"55P03", LK_ERROR_RETRY},     /* lock_not_available */
	{"40001", LK_ERROR_RETRY},     /* serialization_failure */
	{"40P01", LK_ERROR_RETRY},     /* deadlock_detected */
	{"57014", LK_ERROR_CANCELLED}, /* query_canceled */
	{"57P01", LK_ERROR_LOST},      /* admin_shutdown: our session was ended */
	{"57P02", LK_ERROR_LOST},      /* crash_shutdown */
	{"57P03", LK_ERROR_LOST},      /* cannot_connect_now: starting up */
	{"57P05", LK_ERROR_LOST},      /* idle_session_timeout */
	{"25P03", LK_ERROR_LOST},      /* idle_in_transaction_session_timeout */
	{"53300", LK_ERROR_LOST},      /* too_many_connections */
	{"53", LK_ERROR_SYSTEM},       /* insufficient resources: the disk is full, no memory */
	{"58", LK_ERROR_SYSTEM},       /* the server's system: an input or output error */
	{"08", LK_ERROR_LOST},	       /* connection exceptions */
	{"42501", LK_ERROR_PRIVILEGE}, /* insufficient_privilege */
	{"25006", LK_ERROR_REFUSED},   /* read_only_sql_transaction */
	{"28", LK_ERROR_PRIVILEGE},    /* invalid authorization */
};

enum lk_error_class lk_pg_error_class(const char *state)
{
	for (size_t i = 0; i < LK_COUNT(classes); i++)
		if (strncmp(state, classes[i].prefix, strlen(classes[i].prefix)) == 0)
			return classes[i].class;
	return LK_ERROR_STATEMENT;
}
