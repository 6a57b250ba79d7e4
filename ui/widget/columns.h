/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Columns of a table: which of them fit, and how wide they are. The last one takes what is left. */
#ifndef LK_UI_COLUMNS_H
#define LK_UI_COLUMNS_H

#include "ui/widget/canvas.h"

enum { LK_COLUMNS = 16 };

struct lk_column {
	const char *title;
	int width;    /* negative: right-aligned; of the last column: the least it needs */
	int priority; /* 1 goes last; the highest number is dropped first */
};

struct lk_layout {
	int count;
	int at[LK_COLUMNS];    /* where a column begins; -1: dropped */
	int width[LK_COLUMNS]; /* with the sign of its alignment */
};

void lk_columns_fit(const struct lk_column *columns, int count, int total,
		    struct lk_layout *layout);
void lk_columns_titles(const struct lk_area *area, int row, const struct lk_column *columns,
		       const struct lk_layout *layout);
/* One row: texts[i] belongs to column i. */
void lk_columns_row(const struct lk_area *area, int row, const struct lk_layout *layout,
		    const char *const *texts, enum lk_role role);

#endif
