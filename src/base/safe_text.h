/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only road from bytes that came from outside (query text, names, errors, plan files) to a
 * screen, a log or an export. The result draws nothing but itself: no control bytes, no reordering,
 * no hidden text.
 *
 *   bad UTF-8 byte           U+FFFD ("?" in ASCII)
 *   runs of white space      one blank (with LK_SAFE_BLANKS runs of U+0020 stay: for our own
 * layout) C0, DEL                  ^X          C1, bidirectional, zero width, tags, unassigned …
 * <U+202E> combining marks          at most one after a character, none at the start too long cut,
 * and "~" in the last column says so
 *
 * Applying it twice changes nothing. Threads: no state.
 */
#ifndef LK_BASE_SAFE_TEXT_H
#define LK_BASE_SAFE_TEXT_H

#include <stddef.h>

enum lk_safe_flags {
	LK_SAFE_ASCII = 1,  /* nothing outside ASCII: "?" for each column of another character */
	LK_SAFE_BLANKS = 2, /* keep runs of U+0020 */
};

/* Writes the safe form of text, at most `columns` wide and `size` bytes with the terminator (8
 * bytes a column are always enough), and yields the columns it takes. size must be at least 1. */
int lk_safe_text(char *out, size_t size, const char *text, int columns, unsigned flags);
/* The whole text made safe, for lines that may be as long as they like; the caller's. */
char *lk_safe_copy(const char *text, unsigned flags) __attribute__((malloc, returns_nonnull));

#endif
