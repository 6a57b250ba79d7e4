/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shares rows among panels that stand one above the other. Pure. */
#ifndef LK_UI_LAYOUT_H
#define LK_UI_LAYOUT_H

struct lk_slot {
	int least;    /* rows it should have at the least */
	int fold;     /* when they are not there: folded to so many, or, with 0, left out */
	int want;     /* more rows are of no use; 0: the panel has nothing to show */
	int priority; /* 1 comes first; the highest number is left out first */
	int rows;     /* the answer */
	int row;      /* where it begins */
};

void lk_layout_solve(struct lk_slot *slots, int count, int rows);

#endif
