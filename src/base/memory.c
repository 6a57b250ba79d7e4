/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *must(void *memory)
{
	if (!memory) {
		fputs("lockkeeper: out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *lk_alloc(size_t bytes)
{
	return must(calloc(1, bytes ? bytes : 1));
}

void *lk_realloc(void *old, size_t count, size_t size)
{
	return must(reallocarray(old, count ? count : 1, size));
}

char *lk_strdup(const char *text)
{
	return must(strdup(text));
}

char *lk_strndup(const char *text, size_t bytes)
{
	return must(strndup(text, bytes));
}

char *lk_format(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	return must(n < 0 ? NULL : text);
}

void lk_copy_text(char *to, size_t size, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
			n--;
	}
	if (n > 0)
		memcpy(to, text, n);
	to[n] = '\0';
}

/* Capacities are the powers of two from 4, so the count alone says when to grow. */
void *lk_grow(void *array, size_t count, size_t size)
{
	size_t capacity = 4;
	while (capacity < count)
		capacity *= 2;
	if (count == 0 || count == capacity)
		array = lk_realloc(array, count == 0 ? 4 : capacity * 2, size);
	memset((char *)array + count * size, 0, size);
	return array;
}
