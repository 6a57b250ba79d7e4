/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole screen. However small the window: the state first, then what stops the work. */
#include <string.h>

#include "ui/model/run.h"
#include "ui/view/panels.h"
#include "ui/view/view.h"

static const struct lk_view *const views[LK_SCREENS] = {
	[LK_SCREEN_PLANS] = &lk_view_plans, [LK_SCREEN_LIVE] = &lk_view_live,
	[LK_SCREEN_LOCKS] = &lk_view_locks, [LK_SCREEN_STEPS] = &lk_view_steps,
	[LK_SCREEN_LOG] = &lk_view_log,
};

static const struct lk_view *view_of(const struct lk_model *model)
{
	switch (model->overlay) {
	case LK_OVERLAY_HELP:
		return &lk_view_help;
	case LK_OVERLAY_MENU:
		return &lk_view_menu;
	case LK_OVERLAY_QUESTION:
		return &lk_view_question;
	default:
		return views[model->screen];
	}
}

/* Fewer than 12 rows on the Live screen: vital signs, then the most pressing alert. */
static void draw_small_live(struct lk_model *model, const struct lk_area *area)
{
	struct lk_area rest = lk_area_part(area, 1, 0, area->rows - 1, area->columns);

	lk_frame_vitals(model, area, 0);
	if (rest.rows == 0)
		return;
	if (lk_run_stop(model) != LK_STOP_NONE && rest.rows >= 6)
		lk_panel_stop(model, &rest);
	else if (model->shown->alerts_count && rest.rows <= 2) {
		struct lk_area line = lk_area_part(&rest, 0, 0, 1, rest.columns);

		lk_panel_alerts(model, &line);
	} else if (rest.rows > 1)
		lk_view_live.draw(model, &rest);
	else
		lk_panel_progress(model, &rest);
}

static void draw_body(struct lk_model *model, const struct lk_area *area)
{
	bool live = model->overlay == LK_OVERLAY_NONE && model->screen == LK_SCREEN_LIVE;

	if (area->rows < 1)
		return;
	if (model->overlay == LK_OVERLAY_QUESTION && area->rows >= 12) {
		/* the database goes on while one reads: its vital signs stay in sight */
		struct lk_area rest = lk_area_part(area, 1, 0, area->rows - 1, area->columns);

		lk_frame_vitals(model, area, 0);
		lk_view_question.draw(model, &rest);
	} else if (live && area->canvas->rows < 12 && model->known) {
		draw_small_live(model, area);
	} else {
		view_of(model)->draw(model, area);
	}
}

void lk_view_draw(struct lk_model *model, struct lk_canvas *canvas)
{
	struct lk_area all = lk_area_of(canvas), body;
	int rows = all.rows, top = rows >= 5 ? 2 : 1;
	int bottom = rows >= 6 ? 2 : rows >= 2 ? 1 : 0;

	if (model->overlay == LK_OVERLAY_QUESTION && rows < 8) {
		/* an open question takes what there is */
		top = rows >= 3 ? 1 : 0;
		bottom = rows >= 6 ? 1 : 0;
	}
	body = lk_area_part(&all, top, 0, rows - top - bottom, all.columns);
	draw_body(model, &body);
	if (top >= 1)
		lk_frame_head(model, &all, 0);
	if (top >= 2)
		lk_frame_rail(model, &all, 1);
	if (bottom >= 2)
		lk_frame_next(model, &all, rows - 2);
	if (bottom >= 1)
		lk_frame_keys(model, &all, rows - 1);
}
