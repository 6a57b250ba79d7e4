/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/widget/panel.h"

#include <stdio.h>
#include <string.h>

#include "ui/model/format.h"

void lk_panel_header(const struct lk_area *area, int row, const char *title, double age_ms)
{
	char age[LK_SHORT], right[LK_SHORT + 16] = "";
	bool stale = age_ms > LK_STALE_MS || (age_ms < 0 && age_ms > LK_NO_AGE / 2);
	int at, width;

	if (age_ms > LK_NO_AGE / 2)
		snprintf(right, sizeof right, " %s%s", stale ? "STALE " : "",
			 age_ms < 0 ? "no data" : lk_show_age(age_ms, age));
	width = (int)strlen(right);
	lk_fill(area, row, (struct lk_field){0, area->columns, LK_ROLE_TITLE}, '-');
	if (width < area->columns)
		lk_put(area, row, area->columns - width, stale ? LK_ROLE_WARN : LK_ROLE_TITLE,
		       right);
	if (area->columns - width - 2 > 0) {
		struct lk_area left = lk_area_part(area, row, 0, 1, area->columns - width - 1);

		at = lk_put(&left, 0, 0, LK_ROLE_TITLE, title);
		lk_put(&left, 0, at, LK_ROLE_TITLE, " ");
	}
}

struct lk_area lk_panel_box(const struct lk_area *area, enum lk_role role, const char *title)
{
	int last = area->rows - 1, right = area->columns - 1, width;

	for (int row = 0; row <= last; row++) {
		bool edge = row == 0 || row == last;

		lk_fill(area, row, (struct lk_field){0, area->columns, edge ? role : LK_ROLE_PLAIN},
			edge ? '-' : ' ');
		lk_put(area, row, 0, role, edge ? "+" : "|");
		lk_put(area, row, right, role, edge ? "+" : "|");
	}
	width = lk_text_width(area, title);
	if (*title)
		lk_putf(area, 0, right - width - 3 > 1 ? right - width - 3 : 1, role, " %s ",
			title);
	lk_put(area, 0, right - 1, role, "-+");
	return lk_area_part(area, 1, 2, area->rows - 2, area->columns - 4);
}

void lk_panel_bar(const struct lk_area *area, int row, struct lk_field field, double fraction)
{
	int inside = field.width - 2, filled;

	if (inside < 1)
		return;
	filled = (int)(fraction * inside);
	lk_put(area, row, field.column, field.role, "[");
	lk_fill(area, row, (struct lk_field){field.column + 1, filled, field.role}, '#');
	lk_fill(area, row,
		(struct lk_field){field.column + 1 + filled, inside - filled, field.role}, '.');
	lk_put(area, row, field.column + 1 + inside, field.role, "]");
}

/* The next of 1, 2, 5, 10, 20 … that is not below value: the scale stays put while values wander.
 */
static double round_up(double value)
{
	double step = 1e-3;

	while (step < value && step < 1e15) {
		if (step * 2 >= value)
			return step * 2;
		if (step * 5 >= value)
			return step * 5;
		step *= 10;
	}
	return step;
}

static uint32_t level_character(bool ascii, double share)
{
	static const char ramp[] = ".:-=+*#@";
	int level = (int)(share * 8);

	level = level < 0 ? 0 : level > 7 ? 7 : level;
	return ascii ? (uint32_t)ramp[level] : 0x2581u + (uint32_t)level;
}

void lk_panel_spark(const struct lk_area *area, int row, struct lk_field field,
		    const struct lk_samples *samples)
{
	int per = field.width > 0 ? (samples->count + field.width - 1) / field.width : 1;
	double full = samples->full;
	int64_t newest;

	per = per < 2 ? 2 : per;
	for (int i = 0; samples->full <= 0 && i < samples->count; i++)
		full = samples->values[i] > full ? samples->values[i] : full;
	full = samples->full > 0 ? samples->full : round_up(full);
	newest = samples->end_s / per;
	for (int cell = 0; cell < field.width; cell++) {
		/* the seconds that this cell stands for are multiples of `per`, whatever the time
		 */
		int64_t first = (newest - (field.width - 1 - cell)) * per;
		double value = -1;

		for (int64_t s = first; s < first + per; s++) {
			int64_t at = samples->count - 1 - (samples->end_s - s);

			if (at >= 0 && at < samples->count && samples->values[at] > value)
				value = samples->values[at];
		}
		if (value >= 0)
			lk_put_character(area, row, field.column + cell, field.role,
					 level_character(area->canvas->ascii, value / full));
	}
}
