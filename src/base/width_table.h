/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many columns a character takes, from a table of our own: the same on every machine and C
 * library. */
#ifndef LK_BASE_WIDTH_TABLE_H
#define LK_BASE_WIDTH_TABLE_H

#include <stdint.h>

/* 1 or 2; 0 for a mark that combines with the character before it; -1 when it must not be shown as
 * it is. */
int lk_char_width(uint32_t character);

#endif
