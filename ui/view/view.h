/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Screens as tables of operations. A view draws the model on an area and changes nothing but where
 * its own lists are scrolled to; what it draws depends on the model and the area's size alone.
 */
#ifndef LK_UI_VIEW_H
#define LK_UI_VIEW_H

#include "ui/model/model.h"
#include "ui/widget/canvas.h"

struct lk_view {
	const char *name; /* as on the key line */
	void (*draw)(struct lk_model *model, const struct lk_area *area);
};

/* The whole screen: row 1, the rail, the view or what lies over it, the line of the next key, the
 * keys. */
void lk_view_draw(struct lk_model *model, struct lk_canvas *canvas);

extern const struct lk_view lk_view_plans, lk_view_live, lk_view_locks, lk_view_steps, lk_view_log;
extern const struct lk_view lk_view_help, lk_view_menu, lk_view_question;

/* Row 1, the rail and the last two rows (frame.c). */
void lk_frame_head(const struct lk_model *model, const struct lk_area *area, int row);
void lk_frame_rail(const struct lk_model *model, const struct lk_area *area, int row);
void lk_frame_next(const struct lk_model *model, const struct lk_area *area, int row);
void lk_frame_keys(const struct lk_model *model, const struct lk_area *area, int row);
/* One line of vital signs, for small windows and above questions. */
void lk_frame_vitals(const struct lk_model *model, const struct lk_area *area, int row);

#endif
