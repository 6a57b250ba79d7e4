/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef LK_BASE_UTF8_H
#define LK_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at bytes (length > 0 bytes are readable). Yields how many bytes it takes and
 * stores it in *character; on a malformed sequence yields 1 and stores U+FFFD. */
size_t lk_utf8_decode(const char *bytes, size_t length, uint32_t *character);
/* Writes the UTF-8 form, at most 4 bytes, without a terminator; yields its length. */
size_t lk_utf8_encode(uint32_t character, char *bytes);
bool lk_utf8_valid(const char *bytes, size_t length);
/* A copy in which each malformed byte is U+FFFD; the caller's. */
char *lk_utf8_repair(const char *text);

#endif
