/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In place of my_driver.c where configure found, or was told to take, no client library of MySQL. */
#include <stdlib.h>

#include "db/binlog_link.h"
#include "db/driver.h"
#include "db/my_text.h"

static void *absent_open(const char *uri, const char *name, struct lk_error *error)
{
	(void)uri;
	(void)name;
	lk_fail(error, LK_ERROR_REFUSED,
		"this lockkeeper was built without MySQL and MariaDB (configure --with-mysql)");
	return NULL;
}

static const char *const absent_schemes[] = {"mysql://", "mariadb://", NULL};

/* Without a connection nothing else of it is ever called, but for the quoting. */
const struct lk_driver lk_my_driver = {
	.engine = LK_ENGINE_MYSQL,
	.name = "mysql",
	.title = "MySQL and MariaDB",
	.schemes = absent_schemes,
	.open = absent_open,
	.quote_name = lk_my_quote_name,
	.quote_text = lk_my_quote_text,
};

struct lk_binlog_link *lk_binlog_link_open(const char *uri, const char *name, int heartbeat_ms,
					   struct lk_error *error)
{
	(void)heartbeat_ms;
	return absent_open(uri, name, error);
}

/* No link, so nothing below is ever called. */
bool lk_binlog_link_maria(const struct lk_binlog_link *link)
{
	(void)link;
	abort();
}

bool lk_binlog_link_checksum(const struct lk_binlog_link *link)
{
	(void)link;
	abort();
}

bool lk_binlog_link_start(struct lk_binlog_link *link, const struct lk_binlog_start *start,
			  struct lk_error *error)
{
	(void)link;
	(void)start;
	(void)error;
	abort();
}

bool lk_binlog_link_fetch(struct lk_binlog_link *link, const uint8_t **event, size_t *length,
			  struct lk_error *error)
{
	(void)link;
	(void)event;
	(void)length;
	(void)error;
	abort();
}

void lk_binlog_link_interrupt(struct lk_binlog_link *link)
{
	(void)link;
	abort();
}

void lk_binlog_link_close(struct lk_binlog_link *link)
{
	(void)link;
}
