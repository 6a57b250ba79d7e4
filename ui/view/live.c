/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LIVE: what the run does to the database now. Panels give way in a fixed order as the window
 * shrinks. */
#include "base/memory.h"
#include "ui/model/layout.h"
#include "ui/model/run.h"
#include "ui/view/panels.h"
#include "ui/view/view.h"

enum slot {
	SLOT_PROGRESS,
	SLOT_OUTCOME,
	SLOT_FIGURES,
	SLOT_APPLICATION,
	SLOT_LIMITS,
	SLOT_LOCKS,
	SLOT_SESSIONS,
	SLOT_STATEMENTS,
	SLOT_ALERTS,
	SLOT_LOG,
	SLOTS
};

static void draw_figures(const struct lk_model *model, const struct lk_area *area)
{
	int parts = area->columns >= 132 ? 3 : area->columns >= 60 ? 2 : 1;
	int width = (area->columns - (parts - 1) * 3) / parts;
	struct lk_area part[3];

	for (int i = 0; i < parts; i++) {
		bool last = i == parts - 1;

		part[i] = lk_area_part(area, 0, i * (width + 3), area->rows,
				       last ? area->columns - i * (width + 3) : width);
		for (int row = 0; i > 0 && row < area->rows; row++)
			lk_put(area, row, i * (width + 3) - 2, LK_ROLE_TITLE, "|");
	}
	lk_panel_batch(model, &part[0]);
	if (parts > 1)
		lk_panel_replicas(model, &part[1]);
	if (parts > 2)
		lk_panel_server(model, &part[2]);
}

static struct lk_slot slot(int least, int fold, int want, int priority)
{
	return (struct lk_slot){least, fold, want, priority, 0, 0};
}

static int at_most(int value, int limit)
{
	return value < limit ? value : limit;
}

static bool at_gate(const struct lk_model *model)
{
	return lk_run_at_gate(model->shown);
}

static bool in_trouble(const struct lk_model *model)
{
	return lk_run_is(model->shown, "stopped|unreachable");
}

static int outcome_rows(const struct lk_model *model, int columns, int result)
{
	if (result)
		return result;
	if (in_trouble(model))
		return lk_panel_trouble_rows(model, columns);
	if (at_gate(model))
		return lk_panel_gate_rows(model, columns);
	return lk_run_stop(model) != LK_STOP_NONE ? 6 : 0;
}

static void plan_slots(const struct lk_model *model, const struct lk_area *area,
		       struct lk_slot slots[SLOTS])
{
	const struct lk_snapshot *s = model->shown;
	int result = lk_panel_result_rows(model);
	int outcome = outcome_rows(model, area->columns, result);
	bool tall = area->rows >= 36, wide = area->columns >= 132;
	int figures = 2 + (s->replicas_count > 3 ? s->replicas_count : 3);

	figures = figures < 5 ? 5 : figures > 7 ? 7 : figures;
	slots[SLOT_PROGRESS] = slot(1, 0,
				    result || at_gate(model) || in_trouble(model)
					    ? 0
					    : lk_panel_progress_rows(model, area->columns),
				    2);
	slots[SLOT_OUTCOME] = slot(outcome, outcome ? 3 : 0, outcome, 1);
	slots[SLOT_FIGURES] = slot(4, 0, wide || tall ? 7 : figures, 3);
	slots[SLOT_APPLICATION] =
		slot(2, 0, s->application.known ? (s->application.errors ? 3 : 2) : 0, 5);
	slots[SLOT_LIMITS] = slot(3, 0, tall ? s->limits_count + 1 : 0, 8);
	slots[SLOT_LOCKS] = slot(1 + at_most(s->locks_count, 3), 1, 1 + s->locks_count, 4);
	slots[SLOT_SESSIONS] = slot(1 + at_most(s->sessions_count, 3), 2,
				    s->sessions_count ? 2 + s->sessions_count : 0, 7);
	slots[SLOT_STATEMENTS] = slot(
		3, 0, area->rows >= 32 && s->statements_count ? s->statements_count + 1 : 0, 8);
	slots[SLOT_ALERTS] = slot(2, 0, s->alerts_count ? 1 + s->alerts_count : 0, 4);
	slots[SLOT_LOG] = slot(2, 0, 100, 9);
	/* a waiting crowd must not push everything else out */
	if (slots[SLOT_LOCKS].want > 2 + area->rows / 4)
		slots[SLOT_LOCKS].want = 2 + area->rows / 4;
	if (slots[SLOT_SESSIONS].want > 2 + area->rows / 5)
		slots[SLOT_SESSIONS].want = 2 + area->rows / 5;
}

static void draw_outcome(const struct lk_model *model, const struct lk_area *area)
{
	if (lk_panel_result_rows(model))
		lk_panel_result(model, area);
	else if (in_trouble(model))
		lk_panel_trouble(model, area);
	else if (at_gate(model))
		lk_panel_gate(model, area);
	else
		lk_panel_stop(model, area);
}

static void draw_live(struct lk_model *model, const struct lk_area *area)
{
	static void (*const draw[SLOTS])(const struct lk_model *, const struct lk_area *) = {
		[SLOT_PROGRESS] = lk_panel_progress, [SLOT_OUTCOME] = draw_outcome,
		[SLOT_FIGURES] = draw_figures,	     [SLOT_APPLICATION] = lk_panel_application,
		[SLOT_LIMITS] = lk_panel_limits,     [SLOT_LOCKS] = lk_panel_locks,
		[SLOT_SESSIONS] = lk_panel_sessions, [SLOT_STATEMENTS] = lk_panel_statements,
		[SLOT_ALERTS] = lk_panel_alerts,     [SLOT_LOG] = lk_panel_log,
	};
	struct lk_slot slots[SLOTS];

	if (!model->known) {
		lk_put(area, 1, 2, LK_ROLE_PLAIN,
		       model->link == LK_LINK_NONE ? "No run is open. 1 shows the plans."
						   : "Waiting for the keeper.");
		return;
	}
	plan_slots(model, area, slots);
	lk_layout_solve(slots, SLOTS, area->rows);
	for (int i = 0; i < SLOTS; i++) {
		struct lk_area part =
			lk_area_part(area, slots[i].row, 0, slots[i].rows, area->columns);

		if (slots[i].rows > 0)
			draw[i](model, &part);
	}
}

const struct lk_view lk_view_live = {"Live", draw_live};
