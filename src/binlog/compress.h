/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What servers compress: on MariaDB the rows or the text of one event (zlib), on MySQL a whole transaction's events in one
 * (zstd). Memory grows with what really comes out, and for one event never beyond LK_INFLATED_MAX.
 */
#ifndef LK_BINLOG_COMPRESS_H
#define LK_BINLOG_COMPRESS_H

#include "binlog/event.h"

/* max_allowed_packet's own limit, and room for a header. */
#define LK_INFLATED_MAX ((size_t)1024 * 1024 * 1024 + 65536)

struct lk_room {
	uint8_t *bytes;
	size_t size;
};
/* Makes it at least so large, keeping what is there. */
void lk_room_grow(struct lk_room *room, size_t size);
void lk_room_free(struct lk_room *room);

/* MariaDB: how long it will be, and zlib's bytes. False when they are damaged. *inflated lies in *room. */
bool lk_inflate(const struct lk_bytes *packed, struct lk_room *room, struct lk_bytes *inflated);

/* A TRANSACTION_PAYLOAD event while its events are taken out one by one. */
struct lk_payload;

struct lk_payload *lk_payload_new(void);
void lk_payload_free(struct lk_payload *payload);
/* The event's bytes must stay where they are until its end. */
bool lk_payload_begin(struct lk_payload *payload, const struct lk_event *event,
		      struct lk_error *error);
/* The next event in it, in *bytes until the next call; none (length 0) at the end. */
bool lk_payload_next(struct lk_payload *payload, const uint8_t **bytes, size_t *length,
		     struct lk_error *error);

#endif
