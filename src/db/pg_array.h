/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arrays as parameters of PostgreSQL's statements (manual, "Array Value Input"). */
#ifndef LK_DB_PG_ARRAY_H
#define LK_DB_PG_ARRAY_H

#include <stddef.h>

/* The texts as the input of a text[]; none may be NULL. The caller's. */
char *lk_pg_array(const char *const *items, size_t count);

#endif
