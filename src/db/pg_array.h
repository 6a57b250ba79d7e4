/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arrays as parameters of PostgreSQL's statements (manual, "Array Value Input"). */
#ifndef LK_DB_PG_ARRAY_H
#define LK_DB_PG_ARRAY_H

#include <stddef.h>

#include "base/buffer.h"

/* Adds one text to an array that is being written, and its opening brace if it is the first; whoever writes the
 * array closes it. */
void lk_pg_array_add(struct lk_buffer *array, const char *item);
/* The texts as the input of a text[]; none may be NULL. The caller's. */
char *lk_pg_array(const char *const *items, size_t count);

#endif
