/* SPDX-License-Identifier: GPL-3.0-or-later */
/* STEPS: what the run does, in order, and everything about the selected step before it is done. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/format.h"
#include "ui/model/rows.h"
#include "ui/model/run.h"
#include "ui/view/view.h"
#include "ui/widget/columns.h"
#include "ui/widget/panel.h"
#include "ui/widget/text.h"

static const struct lk_column columns[] = {
	{"", 3, 1},
	{"PHASE", 8, 4},
	{"STATE", 8, 1},
	{"STEP", 20, 1},
};

static bool is_gate(const struct lk_snapshot_step *step)
{
	return strcmp(step->verb, "gate") == 0;
}

/* [x] done, [>] at work, [?] waits for an answer, [!] failed, [ ] not yet, [<] taken back */
static const char *mark_of(const struct lk_snapshot_step *step)
{
	static const char *const marks[][2] = {
		{"done", "[x]"},   {"running", "[>]"}, {"waiting", "[?]"},
		{"failed", "[!]"}, {"undoing", "[>]"}, {"undone", "[<]"},
	};

	for (size_t i = 0; i < LK_COUNT(marks); i++)
		if (strcmp(step->state, marks[i][0]) == 0)
			return marks[i][1];
	return "[ ]";
}

static enum lk_role step_role(const struct lk_snapshot_step *step, bool selected)
{
	if (selected)
		return LK_ROLE_SELECTED;
	if (strcmp(step->state, "failed") == 0)
		return LK_ROLE_CRIT;
	if (strcmp(step->state, "running") == 0 || strcmp(step->state, "waiting") == 0)
		return LK_ROLE_NEXT;
	return LK_ROLE_PLAIN;
}

static void draw_row(const struct lk_area *area, int row, const struct lk_snapshot_step *step,
		     bool selected)
{
	char what[320];
	const char *texts[] = {mark_of(step), step->phase, step->state, what};
	struct lk_layout layout;
	struct lk_area right = lk_area_part(area, 0, 2, area->rows, area->columns - 2);

	snprintf(what, sizeof what, "%s%s%s%s%s", is_gate(step) ? "gate " : "",
		 is_gate(step) ? step->name : step->summary,
		 is_gate(step) && step->ask[0] && !lk_gate_enters_phase(step) ? ": " : "",
		 is_gate(step) && !lk_gate_enters_phase(step) ? step->ask : "",
		 step->destroys[0] ? "  DESTROYS DATA" : "");
	lk_put(area, row, 0, LK_ROLE_PLAIN, selected ? ">" : " ");
	lk_columns_fit(columns, LK_COUNT(columns), right.columns, &layout);
	lk_columns_row(&right, row, &layout, texts, step_role(step, selected));
}

static void describe_gate(const struct lk_model *model, const struct lk_snapshot_step *step,
			  struct lk_text *text)
{
	bool waits = strcmp(step->state, "waiting") == 0;

	lk_text_add(text, LK_ROLE_NEXT, "asks", step->ask[0] ? step->ask : step->summary);
	if (strcmp(step->by, "sql") == 0)
		lk_text_add(text, LK_ROLE_PLAIN, "by",
			    "the database: it opens when this SQL returns no row");
	else if (waits && lk_run_backward(model->shown))
		lk_text_add(text, LK_ROLE_PLAIN, "by", "a person, asked on the way back");
	else
		lk_text_addf(text, LK_ROLE_PLAIN, "by", "a person; %d of %d have approved%s%s",
			     step->approvals,
			     step->approvals_needed > 0 ? step->approvals_needed : 1,
			     step->approved_by[0] ? ": " : "", step->approved_by);
	if (waits && strcmp(step->by, "sql") != 0)
		lk_text_addf(text, LK_ROLE_NEXT, "key", "g answers it (%s)",
			     lk_gate_destroys(model->shown, step)
				     ? "asks for the plan's name: it cannot be undone"
				     : "asks you to type a value; nothing happens before");
}

static void describe_times(const struct lk_snapshot_step *step, struct lk_text *text)
{
	char start[LK_SHORT], end[LK_SHORT], took[LK_SHORT];

	if (!step->started)
		return;
	if (step->ended)
		lk_text_addf(text, LK_ROLE_PLAIN, "when", "%s to %s, %s",
			     lk_show_clock(step->started, start), lk_show_clock(step->ended, end),
			     lk_show_age((double)(step->ended - step->started), took));
	else
		lk_text_addf(text, LK_ROLE_PLAIN, "when", "since %s",
			     lk_show_clock(step->started, start));
}

static void describe(const struct lk_model *model, const struct lk_snapshot_step *step,
		     struct lk_text *text)
{
	if (is_gate(step))
		describe_gate(model, step, text);
	else
		lk_text_add(text, LK_ROLE_PLAIN, "does", step->summary);
	if (step->destroys[0])
		lk_text_addf(text, LK_ROLE_CRIT, "DESTROYS", "%s: nothing brings it back",
			     step->destroys);
	lk_text_add(text, strcmp(step->state, "failed") == 0 ? LK_ROLE_CRIT : LK_ROLE_PLAIN, "note",
		    step->note);
	lk_text_add(text, LK_ROLE_PLAIN, "locks", step->lock);
	lk_text_add(text, LK_ROLE_PLAIN, "cost", step->cost);
	lk_text_add(text, LK_ROLE_PLAIN, "undo", step->undo);
	describe_times(step, text);
	lk_text_add(text, LK_ROLE_OURS, "SQL", step->statement);
}

static void draw_detail(struct lk_model *model, const struct lk_area *area,
			const struct lk_snapshot_step *step)
{
	struct lk_text text = {0};
	struct lk_area body = lk_area_part(area, 1, 0, area->rows - 1, area->columns);
	char title[120];
	int lines;

	describe(model, step, &text);
	lines = lk_text_draw(&text, &body, 9, model->detail ? model->detail_top : 0);
	if (model->detail && model->detail_top > lines - 1) {
		model->detail_top = lines > 0 ? lines - 1 : 0;
	}
	snprintf(title, sizeof title, "%d %s (%s)%s", step->number + 1, step->name, step->verb,
		 lines > body.rows && !model->detail ? "  Enter shows all" : "");
	lk_panel_header(area, 0, title, LK_NO_AGE);
	lk_text_free(&text);
}

static void draw_list(struct lk_model *model, const struct lk_area *area,
		      const struct lk_rows *rows)
{
	const struct lk_snapshot *s = model->shown;
	struct lk_list *list = &model->lists[LK_SCREEN_STEPS];
	int room = area->rows - 1, top = lk_list_window(list, room), done = 0;
	char title[120];

	for (int i = 0; i < s->steps_count; i++)
		done += strcmp(s->steps[i].state, "done") == 0;
	snprintf(title, sizeof title, "STEPS  %d of %d done%s%s%s", done, s->steps_count,
		 rows->hidden ? ", filtered" : "", top > 0 ? ", more above" : "",
		 rows->count > top + room ? ", more below" : "");
	lk_panel_header(area, 0, title, lk_model_age(model, 0));
	for (int i = top; i < rows->count && i - top < room; i++)
		draw_row(area, 1 + i - top, &s->steps[rows->index[i]], i == list->index);
}

static void draw_steps(struct lk_model *model, const struct lk_area *area)
{
	struct lk_rows rows;
	struct lk_list *list = &model->lists[LK_SCREEN_STEPS];
	bool wide = area->columns >= 132;
	int height = area->rows / 2;
	struct lk_area upper, lower;

	lk_rows_of(model, LK_SCREEN_STEPS, &rows);
	lk_list_sync(list, rows.keys, rows.count);
	if (rows.count == 0) {
		lk_put(area, 0, 0, LK_ROLE_PLAIN,
		       model->known ? "No step here." : "No run is open. 1 shows the plans.");
		return;
	}
	if (model->detail) {
		draw_detail(model, area, &model->shown->steps[rows.index[list->index]]);
		return;
	}
	if (height > rows.count + 1)
		height = rows.count + 1;
	if (area->rows < 8)
		height = area->rows;
	upper = wide ? lk_area_part(area, 0, 0, area->rows, area->columns / 2 - 2)
		     : lk_area_part(area, 0, 0, height, area->columns);
	lower = wide ? lk_area_part(area, 0, area->columns / 2, area->rows, area->columns)
		     : lk_area_part(area, height, 0, area->rows - height, area->columns);
	draw_list(model, &upper, &rows);
	if (lower.rows > 1)
		draw_detail(model, &lower, &model->shown->steps[rows.index[list->index]]);
}

const struct lk_view lk_view_steps = {"Steps", draw_steps};
