/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statements in the change stream that a shadow table cannot follow: somebody changes one of the two tables, empties it, or
 * writes it in a session that logs statements and not rows. Our own carry our mark. Not thread-safe; nothing is asked.
 */
#ifndef LK_SHADOW_MY_FOREIGN_H
#define LK_SHADOW_MY_FOREIGN_H

#include <stdbool.h>

#include "base/error.h"

struct lk_my_foreign {
	char *schema, *table, *beside; /* exact */
};

void lk_my_foreign_init(struct lk_my_foreign *foreign, const char *schema, const char *table,
			const char *beside);
void lk_my_foreign_free(struct lk_my_foreign *foreign);
/* True when it is no concern of ours; else class REFUSED, with the statement. `cut`: more of it was left out. */
bool lk_my_foreign_look(const struct lk_my_foreign *foreign, const char *database, const char *text,
			bool cut, struct lk_error *error);

#endif
