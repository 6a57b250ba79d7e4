/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/utf8.h"

#include <string.h>

#include "base/buffer.h"

/* Table 3-7 of the Unicode standard: the first byte decides the length and the range of the second. */
size_t lk_utf8_decode(const char *bytes, size_t length, uint32_t *character)
{
	const unsigned char *b = (const unsigned char *)bytes;
	unsigned char low = 0x80, high = 0xBF;
	size_t count;
	uint32_t value;

	*character = 0xFFFD;
	if (b[0] < 0x80) {
		*character = b[0];
		return 1;
	}
	if (b[0] >= 0xC2 && b[0] <= 0xDF) {
		count = 2;
		value = b[0] & 0x1F;
	} else if (b[0] >= 0xE0 && b[0] <= 0xEF) {
		count = 3;
		value = b[0] & 0x0F;
		if (b[0] == 0xE0)
			low = 0xA0;
		if (b[0] == 0xED)
			high = 0x9F;
	} else if (b[0] >= 0xF0 && b[0] <= 0xF4) {
		count = 4;
		value = b[0] & 0x07;
		if (b[0] == 0xF0)
			low = 0x90;
		if (b[0] == 0xF4)
			high = 0x8F;
	} else {
		return 1;
	}
	if (count > length)
		return 1;
	for (size_t i = 1; i < count; i++) {
		if (b[i] < low || b[i] > high)
			return 1;
		value = value << 6 | (b[i] & 0x3F);
		low = 0x80;
		high = 0xBF;
	}
	*character = value;
	return count;
}

size_t lk_utf8_encode(uint32_t c, char *bytes)
{
	if (c < 0x80) {
		bytes[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		bytes[0] = (char)(0xC0 | c >> 6);
		bytes[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		bytes[0] = (char)(0xE0 | c >> 12);
		bytes[1] = (char)(0x80 | (c >> 6 & 0x3F));
		bytes[2] = (char)(0x80 | (c & 0x3F));
		return 3;
	}
	bytes[0] = (char)(0xF0 | c >> 18);
	bytes[1] = (char)(0x80 | (c >> 12 & 0x3F));
	bytes[2] = (char)(0x80 | (c >> 6 & 0x3F));
	bytes[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

bool lk_utf8_valid(const char *bytes, size_t length)
{
	uint32_t c;
	for (size_t i = 0; i < length;) {
		size_t n = lk_utf8_decode(bytes + i, length - i, &c);
		if (n == 1 && c == 0xFFFD)
			return false;
		i += n;
	}
	return true;
}

char *lk_utf8_repair(const char *text)
{
	struct lk_buffer out = {0};
	size_t length = strlen(text);
	for (size_t i = 0; i < length;) {
		uint32_t c;
		char bytes[4];
		i += lk_utf8_decode(text + i, length - i, &c);
		lk_buffer_add_bytes(&out, bytes, lk_utf8_encode(c, bytes));
	}
	return lk_buffer_take(&out);
}
