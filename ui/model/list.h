/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A selection that stays on its row. Rows have keys; when they come and go or change places, the
 * selected key keeps the selection, and only when it is gone does the selection stay at its place.
 */
#ifndef LK_UI_LIST_H
#define LK_UI_LIST_H

#include <stdbool.h>
#include <stdint.h>

struct lk_list {
	int64_t key; /* of the selected row */
	int index;   /* where it is now */
	int count;
	int top;     /* the first row on the screen */
	int page;    /* rows on the screen at the last drawing */
	bool follow; /* keep the last row selected as rows are added */
};

/* Finds the selection again among `count` rows. */
void lk_list_sync(struct lk_list *list, const int64_t *keys, int count);
/* Moves by `delta` rows, stopping at the ends. */
void lk_list_move(struct lk_list *list, int delta, const int64_t *keys, int count);
/* Scrolls so that the selection is among `rows` rows; yields the first row to show. */
int lk_list_window(struct lk_list *list, int rows);

#endif
