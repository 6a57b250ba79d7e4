/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static void reserve(struct lk_buffer *buffer, size_t more)
{
	size_t need = buffer->length + more + 1;
	if (need <= buffer->capacity)
		return;
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	while (capacity < need)
		capacity *= 2;
	buffer->text = lk_realloc(buffer->text, capacity, 1);
	buffer->capacity = capacity;
}

void lk_buffer_add_bytes(struct lk_buffer *buffer, const char *bytes, size_t count)
{
	reserve(buffer, count);
	if (count)
		memcpy(buffer->text + buffer->length, bytes, count);
	buffer->length += count;
	buffer->text[buffer->length] = '\0';
}

void lk_buffer_add(struct lk_buffer *buffer, const char *text)
{
	lk_buffer_add_bytes(buffer, text, strlen(text));
}

void lk_buffer_addf(struct lk_buffer *buffer, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n > 0) {
		reserve(buffer, (size_t)n);
		vsnprintf(buffer->text + buffer->length, (size_t)n + 1, format, again);
		buffer->length += (size_t)n;
	}
	va_end(again);
}

void lk_buffer_reset(struct lk_buffer *buffer)
{
	buffer->length = 0;
	if (buffer->text)
		buffer->text[0] = '\0';
}

void lk_buffer_free(struct lk_buffer *buffer)
{
	free(buffer->text);
	*buffer = (struct lk_buffer){0};
}

char *lk_buffer_take(struct lk_buffer *buffer)
{
	char *text = buffer->text ? buffer->text : lk_strdup("");
	*buffer = (struct lk_buffer){0};
	return text;
}

const char *lk_buffer_text(const struct lk_buffer *buffer)
{
	return buffer->text ? buffer->text : "";
}
