/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In place of my_link.c when lockkeeper is built without a client library of MySQL and MariaDB. */
#include "sandbox/my_parts.h"

static void *absent_open(const char *uri, const char *name, struct lk_error *error)
{
	(void)uri;
	(void)name;
	lk_fail(error, LK_ERROR_USAGE,
		"this lockkeeper was built without a client library of MySQL and MariaDB");
	return NULL;
}

/* Without a connection nothing else is ever called. */
const struct lk_link_ops lk_my_link = {.open = absent_open};
