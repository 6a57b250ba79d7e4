/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts that panels are made of: headers with the age of their data, boxes, bars, sparklines. */
#ifndef LK_UI_PANEL_H
#define LK_UI_PANEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/widget/canvas.h"

enum { LK_STALE_MS = 5000 }; /* data older than this is called stale */

/* "TITLE text ---------- 0.4s": the age in words, STALE said aloud. age_ms LK_NO_AGE: no age is
 * shown. */
#define LK_NO_AGE (-1e18)
void lk_panel_header(const struct lk_area *area, int row, const char *title, double age_ms);

/* A frame of + - | around the whole area, with a title at the right of its upper edge. Yields the
 * inside. */
struct lk_area lk_panel_box(const struct lk_area *area, enum lk_role role, const char *title);

/* [#####.....] over the field; fraction 0 to 1. */
void lk_panel_bar(const struct lk_area *area, int row, struct lk_field field, double fraction);

/*
 * Samples, one a second, the oldest first, negative unknown; `full` is the value of the highest
 * step (0: chosen from the samples in steps of 1, 2, 5). Neighbours share a cell so that the
 * picture moves by one cell every few seconds and not with each frame; end_s is the second of the
 * newest sample.
 */
struct lk_samples {
	const double *values;
	int count;
	double full;
	int64_t end_s;
};
void lk_panel_spark(const struct lk_area *area, int row, struct lk_field field,
		    const struct lk_samples *samples);

#endif
