/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading bytes that may lie: nothing is read behind the end. The first read that wants more than there is marks the
 * bytes as short, and yields zeros from then on, so that a parser may look once, at its end.
 */
#ifndef LK_BINLOG_BYTES_H
#define LK_BINLOG_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct lk_bytes {
	const uint8_t *at, *end;
	bool lacking;
};

static inline struct lk_bytes lk_bytes(const uint8_t *bytes, size_t length)
{
	return (struct lk_bytes){bytes, bytes + length, false};
}

static inline size_t lk_bytes_left(const struct lk_bytes *bytes)
{
	return (size_t)(bytes->end - bytes->at);
}

/* The next `count` bytes, or NULL. */
static inline const uint8_t *lk_bytes_take(struct lk_bytes *bytes, size_t count)
{
	const uint8_t *taken = bytes->at;
	if (count > lk_bytes_left(bytes)) {
		bytes->lacking = true;
		bytes->at = bytes->end;
		return NULL;
	}
	bytes->at += count;
	return taken;
}

/* Whole numbers of 1 to 8 bytes. */
static inline uint64_t lk_little_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;
	while (count > 0)
		value = value << 8 | bytes[--count];
	return value;
}

static inline uint64_t lk_big_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;
	for (size_t i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

static inline uint64_t lk_bytes_number(struct lk_bytes *bytes, size_t count)
{
	const uint8_t *taken = lk_bytes_take(bytes, count);
	return taken ? lk_little_endian(taken, count) : 0;
}

/* The protocol's number of 1, 3, 4 or 9 bytes. */
static inline uint64_t lk_bytes_packed(struct lk_bytes *bytes)
{
	uint64_t first = lk_bytes_number(bytes, 1);
	if (first < 251)
		return first;
	if (first == 251 || first == 255) {
		bytes->lacking = true;
		return 0;
	}
	return lk_bytes_number(bytes, first == 252 ? 2 : first == 253 ? 3 : 8);
}

/* The next `count` bytes as bytes of their own; short when they are not all there. */
static inline struct lk_bytes lk_bytes_part(struct lk_bytes *bytes, uint64_t count)
{
	const uint8_t *taken = lk_bytes_take(bytes, count > SIZE_MAX ? SIZE_MAX : (size_t)count);
	if (!taken)
		return (struct lk_bytes){bytes->end, bytes->end, true};
	return lk_bytes(taken, (size_t)count);
}

#endif
