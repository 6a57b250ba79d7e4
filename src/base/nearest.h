/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "Did you mean": the legal word that a mistyped one was probably meant to be. */
#ifndef LK_BASE_NEAREST_H
#define LK_BASE_NEAREST_H

#include <stddef.h>

/* How many letters must be added, removed, changed or swapped with their neighbour; case is ignored
 * and
 * '-' equals '_'. Words over 63 bytes are never near anything (yields 64). */
size_t lk_word_distance(const char *a, const char *b) __attribute__((nonnull));

/* The nearest of a NULL-terminated list, or NULL when none is within a third of the word's length.
 */
const char *lk_nearest_word(const char *word, const char *const *words) __attribute__((nonnull));

#endif
