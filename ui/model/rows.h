/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows of the screens that are lists, after the filter, with keys that stay with their rows.
 * Pure. */
#ifndef LK_UI_ROWS_H
#define LK_UI_ROWS_H

#include "ui/model/model.h"

enum { LK_ROWS = 512 };

struct lk_rows {
	int count, hidden; /* hidden: left out by the filter */
	int64_t keys[LK_ROWS];
	int index[LK_ROWS];    /* into what the screen lists */
	bool session[LK_ROWS]; /* Locks: an entry of sessions, not of the tree */
};

void lk_rows_of(const struct lk_model *model, enum lk_screen screen, struct lk_rows *rows);

#endif
