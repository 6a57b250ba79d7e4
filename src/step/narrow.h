/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding the rows on which a chunk fails, by halves: the first half of what is suspected is tried; when it
 * passes, the other half holds the row. A single row that fails is found; behind it the rest of the chunk is
 * tried at once. Counts are of rows from the cursor on; rows that come or go meanwhile only cost a few tries.
 */
#ifndef LK_STEP_NARROW_H
#define LK_STEP_NARROW_H

#include <stdint.h>

struct lk_narrow {
	int64_t left;	 /* of the chunk that failed first; 0: nothing failed */
	int64_t suspect; /* of these one fails; 0: not known */
};

/* How many rows to try next; 0: nothing is suspected, so as many as one likes. */
int64_t lk_narrow_rows(const struct lk_narrow *narrow);
/* A try of so many rows (at least one) failed. */
void lk_narrow_failed(struct lk_narrow *narrow, int64_t rows);
/* So many rows are behind the cursor now, by success or because the row was left out. */
void lk_narrow_passed(struct lk_narrow *narrow, int64_t rows);

#endif
