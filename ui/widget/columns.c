/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/widget/columns.h"

#include <stdlib.h>

static int total_width(const struct lk_column *columns, const struct lk_layout *layout)
{
	int sum = 0;

	for (int i = 0; i < layout->count; i++)
		if (layout->at[i] >= 0)
			sum += abs(columns[i].width) + 1;
	return sum - 1;
}

void lk_columns_fit(const struct lk_column *columns, int count, int total, struct lk_layout *layout)
{
	int at = 0, last = -1;

	*layout = (struct lk_layout){.count = count};
	while (total_width(columns, layout) > total) {
		int drop = -1;

		for (int i = 0; i < count; i++)
			if (layout->at[i] >= 0 &&
			    (drop < 0 || columns[i].priority >= columns[drop].priority))
				drop = i;
		if (drop < 0 || columns[drop].priority <= 1)
			break; /* what says who it is stays, cut */
		layout->at[drop] = -1;
	}
	for (int i = 0; i < count; i++) {
		if (layout->at[i] < 0)
			continue;
		layout->at[i] = at;
		layout->width[i] = columns[i].width;
		at += abs(columns[i].width) + 1;
		last = i;
	}
	if (last >= 0 && total > layout->at[last] && columns[last].width > 0)
		layout->width[last] = total - layout->at[last];
}

void lk_columns_titles(const struct lk_area *area, int row, const struct lk_column *columns,
		       const struct lk_layout *layout)
{
	const char *texts[LK_COLUMNS];

	for (int i = 0; i < layout->count; i++)
		texts[i] = columns[i].title;
	lk_columns_row(area, row, layout, texts, LK_ROLE_DIM);
}

void lk_columns_row(const struct lk_area *area, int row, const struct lk_layout *layout,
		    const char *const *texts, enum lk_role role)
{
	if (role != LK_ROLE_PLAIN)
		lk_fill(area, row, (struct lk_field){0, area->columns, role}, ' ');
	for (int i = 0; i < layout->count; i++)
		if (layout->at[i] >= 0)
			lk_put_field(area, row,
				     (struct lk_field){layout->at[i], layout->width[i], role},
				     texts[i]);
}
