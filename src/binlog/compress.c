/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "binlog/compress.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"

/* zlib makes at most so many bytes of one. */
enum { ZLIB_MOST = 1032, FIRST_ROOM = 4096 };

void lk_room_grow(struct lk_room *room, size_t size)
{
	size_t wanted = room->size ? room->size : FIRST_ROOM;
	if (size <= room->size)
		return;
	while (wanted < size)
		wanted *= 2;
	room->bytes = lk_realloc(room->bytes, wanted, 1);
	room->size = wanted;
}

void lk_room_free(struct lk_room *room)
{
	free(room->bytes);
	*room = (struct lk_room){0};
}

/* The first byte: 0x80, the method in three bits (0 is zlib), and how many bytes the length has, which follow it. */
bool lk_inflate(const struct lk_bytes *packed, struct lk_room *room, struct lk_bytes *inflated)
{
	struct lk_bytes left = *packed;
	uint64_t head = lk_bytes_number(&left, 1);
	const uint8_t *number = lk_bytes_take(&left, head & 7);
	if (!number || (head & 0xf0) != 0x80 || (head & 7) < 1 || (head & 7) > 4)
		return false;
	size_t length = (size_t)lk_big_endian(number, head & 7);
	if (length > LK_INFLATED_MAX || length > (lk_bytes_left(&left) + 1) * ZLIB_MOST)
		return false;
	lk_room_grow(room, length + 1);
	uLongf came = length;
	if (uncompress(room->bytes, &came, left.at, lk_bytes_left(&left)) != Z_OK || came != length)
		return false;
	*inflated = lk_bytes(room->bytes, length);
	return true;
}

struct lk_payload {
	ZSTD_DStream *stream;
	bool zstd;
	struct lk_bytes left; /* of the event */
	struct lk_room room;
	size_t from, filled; /* of the room: what was taken out, what came */
	bool dry;	     /* nothing more comes out */
};

struct lk_payload *lk_payload_new(void)
{
	return lk_alloc(sizeof(struct lk_payload));
}

void lk_payload_free(struct lk_payload *payload)
{
	if (!payload)
		return;
	ZSTD_freeDStream(payload->stream);
	lk_room_free(&payload->room);
	free(payload);
}

/* Fields, each a type, a length and a number; the first of type 0 ends them. */
static bool read_head(struct lk_bytes *left, uint64_t *size, uint64_t *method)
{
	enum { END, SIZE, METHOD };
	for (;;) {
		uint64_t type = lk_bytes_packed(left);
		if (left->lacking || type == END)
			return !left->lacking;
		uint64_t length = lk_bytes_packed(left);
		struct lk_bytes field = lk_bytes_part(left, length);
		uint64_t number = lk_bytes_packed(&field);
		if (left->lacking || field.lacking)
			return false;
		if (type == SIZE)
			*size = number;
		if (type == METHOD)
			*method = number;
	}
}

bool lk_payload_begin(struct lk_payload *payload, const struct lk_event *event,
		      struct lk_error *error)
{
	enum { ZSTD = 0, NONE = 255 };
	struct lk_bytes left = event->body;
	uint64_t size = 0, method = NONE;
	if (!read_head(&left, &size, &method))
		return lk_event_fail(event, error, "its head is damaged");
	if (method != ZSTD && method != NONE)
		return lk_event_fail(event, error, "it is compressed by an unknown method");
	payload->left = lk_bytes_part(&left, size);
	if (payload->left.lacking)
		return lk_event_fail(event, error, "it is shorter than it says");
	payload->zstd = method == ZSTD;
	payload->from = payload->filled = 0;
	payload->dry = false;
	if (!payload->stream)
		payload->stream = ZSTD_createDStream();
	return (payload->stream && !ZSTD_isError(ZSTD_initDStream(payload->stream))) ||
	       lk_fail(error, LK_ERROR_SYSTEM, "no memory for zstd");
}

static bool damaged(struct lk_error *error)
{
	return lk_fail(error, LK_ERROR_REFUSED,
		       "an event of the binary log (TRANSACTION_PAYLOAD, type 40) is damaged");
}

/* Some more bytes, of those there is room for. */
static bool decompress(struct lk_payload *payload, struct lk_error *error)
{
	ZSTD_inBuffer in = {payload->left.at, lk_bytes_left(&payload->left), 0};
	ZSTD_outBuffer out = {payload->room.bytes, payload->room.size, payload->filled};
	size_t hint = ZSTD_decompressStream(payload->stream, &out, &in);
	if (ZSTD_isError(hint))
		return damaged(error);
	/* The bytes end before what they compress does. */
	if (hint != 0 && in.pos == 0 && out.pos == payload->filled)
		return damaged(error);
	payload->left.at += in.pos;
	payload->filled = out.pos;
	payload->dry = hint == 0 && lk_bytes_left(&payload->left) == 0;
	return true;
}

static void copy(struct lk_payload *payload)
{
	size_t room = payload->room.size - payload->filled, left = lk_bytes_left(&payload->left);
	size_t count = left < room ? left : room;
	memcpy(payload->room.bytes + payload->filled, payload->left.at, count);
	payload->left.at += count;
	payload->filled += count;
	payload->dry = lk_bytes_left(&payload->left) == 0;
}

/* So many bytes from `from` on, or all that come. The room grows while it fills, not by what an event claims. */
static bool fill(struct lk_payload *payload, size_t wanted, struct lk_error *error)
{
	if (payload->from > 0 && payload->filled - payload->from < wanted) {
		payload->filled -= payload->from;
		memmove(payload->room.bytes, payload->room.bytes + payload->from, payload->filled);
		payload->from = 0;
	}
	while (payload->filled - payload->from < wanted && !payload->dry) {
		if (payload->filled == payload->room.size)
			lk_room_grow(&payload->room, payload->filled + 1);
		if (!payload->zstd)
			copy(payload);
		else if (!decompress(payload, error))
			return false;
	}
	return true;
}

bool lk_payload_next(struct lk_payload *payload, const uint8_t **bytes, size_t *length,
		     struct lk_error *error)
{
	*length = 0;
	if (!fill(payload, LK_EVENT_HEADER_SIZE, error))
		return false;
	if (payload->filled == payload->from)
		return true;
	size_t wanted = lk_event_length(payload->room.bytes + payload->from,
					payload->filled - payload->from);
	if (wanted == 0 || wanted > LK_INFLATED_MAX)
		return damaged(error);
	if (!fill(payload, wanted, error))
		return false;
	if (payload->filled - payload->from < wanted)
		return damaged(error);
	*bytes = payload->room.bytes + payload->from;
	*length = wanted;
	payload->from += wanted;
	return true;
}
