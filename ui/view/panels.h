/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The panels of the Live screen; some are shown on other screens too. Each draws its header on row
 * 0. */
#ifndef LK_UI_PANELS_H
#define LK_UI_PANELS_H

#include "ui/model/model.h"
#include "ui/widget/canvas.h"

/* Figures (panels.c). */
void lk_panel_progress(const struct lk_model *model, const struct lk_area *area);
/* The rows that the progress needs in so many columns. */
int lk_panel_progress_rows(const struct lk_model *model, int columns);
void lk_panel_batch(const struct lk_model *model, const struct lk_area *area);
void lk_panel_replicas(const struct lk_model *model, const struct lk_area *area);
void lk_panel_server(const struct lk_model *model, const struct lk_area *area);
void lk_panel_application(const struct lk_model *model, const struct lk_area *area);
void lk_panel_limits(const struct lk_model *model, const struct lk_area *area);

/* What has happened (outcome.c). */
void lk_panel_stop(const struct lk_model *model, const struct lk_area *area);
void lk_panel_gate(const struct lk_model *model, const struct lk_area *area);
int lk_panel_gate_rows(const struct lk_model *model, int columns);
/* The rows that the text of a trouble needs in so many columns, with its frame. */
int lk_panel_trouble_rows(const struct lk_model *model, int columns);
void lk_panel_trouble(const struct lk_model *model, const struct lk_area *area);
void lk_panel_result(const struct lk_model *model, const struct lk_area *area);
int lk_panel_result_rows(const struct lk_model *model);

/* Rows (tables.c). */
void lk_panel_locks(const struct lk_model *model, const struct lk_area *area);
void lk_panel_sessions(const struct lk_model *model, const struct lk_area *area);
void lk_panel_statements(const struct lk_model *model, const struct lk_area *area);
void lk_panel_alerts(const struct lk_model *model, const struct lk_area *area);
void lk_panel_log(const struct lk_model *model, const struct lk_area *area);
void lk_row_lock(const struct lk_area *area, int row, const struct lk_snapshot *s, int index);
void lk_row_session(const struct lk_area *area, int row, const struct lk_snapshot_session *session);
void lk_row_event(const struct lk_area *area, int row, const struct lk_event *event);

#endif
