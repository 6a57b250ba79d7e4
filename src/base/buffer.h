/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A string that grows. Zero-initialise, append, and take or free the text. */
#ifndef LK_BASE_BUFFER_H
#define LK_BASE_BUFFER_H

#include <stddef.h>

struct lk_buffer {
	char *text; /* always terminated once something was appended; NULL while empty */
	size_t length;
	size_t capacity;
};

void lk_buffer_add(struct lk_buffer *buffer, const char *text) __attribute__((nonnull));
void lk_buffer_add_bytes(struct lk_buffer *buffer, const char *bytes, size_t count);
void lk_buffer_addf(struct lk_buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3), nonnull));
/* Empties the buffer, keeping its memory. */
void lk_buffer_reset(struct lk_buffer *buffer);
void lk_buffer_free(struct lk_buffer *buffer);
/* Gives the text to the caller ("" when nothing was added) and leaves the buffer empty. */
char *lk_buffer_take(struct lk_buffer *buffer) __attribute__((returns_nonnull));
/* The text so far, never NULL; valid until the next append. */
const char *lk_buffer_text(const struct lk_buffer *buffer) __attribute__((returns_nonnull));

#endif
