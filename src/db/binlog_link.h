/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection over which a server sends its binary log: raw events, one at a time. binlog/stream.h makes sense of them. */
#ifndef LK_DB_BINLOG_LINK_H
#define LK_DB_BINLOG_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Where the server begins. */
struct lk_binlog_start {
	const char *file; /* with `offset`, which the protocol has 32 bits for; NULL: by GTID */
	uint64_t offset;
	/* By GTID: behind this list of MariaDB's, or what this set of MySQL's, in its binary form, does not hold. */
	const char *list;
	const uint8_t *set;
	size_t set_length;
};

struct lk_binlog_link;

/*
 * Connects, and asks for a heartbeat whenever nothing was sent for so long; a server that is silent for five of them, but
 * at least 5 s, is lost. Class REFUSED when it keeps no binary log.
 */
struct lk_binlog_link *lk_binlog_link_open(const char *uri, const char *name, int heartbeat_ms,
					   struct lk_error *error);
bool lk_binlog_link_maria(const struct lk_binlog_link *link);
/* Whether the server's events have a checksum now. */
bool lk_binlog_link_checksum(const struct lk_binlog_link *link);
bool lk_binlog_link_start(struct lk_binlog_link *link, const struct lk_binlog_start *start,
			  struct lk_error *error);
/* The next event, heartbeats too, without what the protocol puts in front; valid until the next call. */
bool lk_binlog_link_fetch(struct lk_binlog_link *link, const uint8_t **event, size_t *length,
			  struct lk_error *error);
/* Makes a fetch under way, and all later ones, fail soon; from any thread while the link is open. */
void lk_binlog_link_interrupt(struct lk_binlog_link *link);
void lk_binlog_link_close(struct lk_binlog_link *link);

#endif
