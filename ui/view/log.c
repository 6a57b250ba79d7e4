/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LOG: what happened, oldest first; it follows the newest line until one moves up. */
#include <stdio.h>

#include "ui/model/rows.h"
#include "ui/view/panels.h"
#include "ui/view/view.h"
#include "ui/widget/panel.h"
#include "ui/widget/text.h"

static void draw_log(struct lk_model *model, const struct lk_area *area)
{
	struct lk_rows rows;
	struct lk_list *list = &model->lists[LK_SCREEN_LOG];
	struct lk_text text = {0};
	int detail = area->rows >= 12 ? 4 : 0, room = area->rows - 1 - detail, top;
	char title[160];

	lk_rows_of(model, LK_SCREEN_LOG, &rows);
	lk_list_sync(list, rows.keys, rows.count);
	top = lk_list_window(list, room);
	snprintf(title, sizeof title, "LOG  %d lines%s%s", rows.count,
		 rows.hidden ? ", filtered" : "",
		 list->follow ? ", following" : ", G follows again");
	lk_panel_header(area, 0, title, LK_NO_AGE);
	if (rows.count == 0) {
		lk_put(area, 1, 0, LK_ROLE_PLAIN, "Nothing yet.");
		return;
	}
	for (int i = top; i < rows.count && i - top < room; i++) {
		lk_row_event(area, 1 + i - top, lk_model_log(model, (size_t)rows.index[i]));
		if (i == list->index) {
			struct lk_area line = lk_area_part(area, 1 + i - top, 0, 1, area->columns);

			lk_paint_row(&line, 0, LK_ROLE_SELECTED);
		}
	}
	if (detail) {
		struct lk_area lower =
			lk_area_part(area, area->rows - detail, 0, detail, area->columns);
		struct lk_area body = lk_area_part(&lower, 1, 0, detail - 1, area->columns);
		const struct lk_event *event = lk_model_log(model, (size_t)rows.index[list->index]);

		lk_panel_header(&lower, 0, "SELECTED", LK_NO_AGE);
		lk_text_add(&text, LK_ROLE_PLAIN, event->who, event->text);
		lk_text_draw(&text, &body, 9, 0);
		lk_text_free(&text);
	}
}

const struct lk_view lk_view_log = {"Log", draw_log};
