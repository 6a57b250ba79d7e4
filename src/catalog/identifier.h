/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names as plans write them: exact, "schema.table", with either part in double quotes, or in backticks,
 * when it holds a dot. */
#ifndef LK_CATALOG_IDENTIFIER_H
#define LK_CATALOG_IDENTIFIER_H

#include <stdbool.h>

#include "base/error.h"

/* Splits a table's written name. *schema is NULL when none was given; both are the caller's. */
bool lk_identifier_split(const char *written, char **schema, char **name, struct lk_error *error);

/*
 * A name of ours made from a stem and a suffix that is unique enough, cut to `limit` bytes without
 * breaking a UTF-8 character: "users_user_handle_idx". The caller's.
 */
char *lk_identifier_make(const char *stem, const char *suffix, unsigned limit);

#endif
