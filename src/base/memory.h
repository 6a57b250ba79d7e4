/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Allocation that cannot fail: out of memory ends the program (the journal makes that safe). */
#ifndef LK_BASE_MEMORY_H
#define LK_BASE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

#define LK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Zeroed memory; release with free(). */
void *lk_alloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *lk_realloc(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *lk_strdup(const char *text) __attribute__((malloc, returns_nonnull, nonnull));
char *lk_strndup(const char *text, size_t bytes) __attribute__((malloc, returns_nonnull, nonnull));
/* The formatted text, owned by the caller. */
char *lk_format(const char *format, ...)
	__attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Copies text into a fixed array, cut at a UTF-8 character boundary when it does not fit. */
void lk_copy_text(char *to, size_t size, const char *text) __attribute__((nonnull(1)));
#define LK_COPY(array, text) lk_copy_text((array), sizeof(array), (text))

/* Makes room for one more element in a growing array and yields a pointer to it, zeroed:
 *   struct step *s = LK_PUSH(list->steps, list->count);                                  */
#define LK_PUSH(array, count)                                                                      \
	((array) = lk_grow((array), (count), sizeof *(array)), &(array)[(count)++])
void *lk_grow(void *array, size_t count, size_t size) __attribute__((returns_nonnull));

#endif
