/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PLANS: the plan files and the runs of this user. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/rows.h"
#include "ui/view/view.h"
#include "ui/widget/columns.h"
#include "ui/widget/panel.h"

static const struct lk_column columns[] = {
	{"PLAN", 26, 1},
	{"RUN", 12, 2},
	{"DOES", 20, 3},
};

/* Whether the plan is of the run whose keeper this console has lost. */
static bool is_lost(const struct lk_model *model, const struct lk_console_plan *plan)
{
	return model->link == LK_LINK_LOST && model->known && !plan->socket[0] && plan->path[0] &&
	       strcmp(plan->name, model->latest->plan) == 0;
}

static const char *run_word(const struct lk_model *model, const struct lk_console_plan *plan)
{
	if (is_lost(model, plan))
		return "*LOST*";
	if (plan->socket[0])
		return plan->state[0] ? plan->state : "live";
	return plan->readable ? "-" : "UNREADABLE";
}

static void draw_selected(const struct lk_model *model, const struct lk_console_plan *plan,
			  const struct lk_area *area)
{
	int row = 2;

	lk_panel_header(area, 0, plan->name, LK_NO_AGE);
	lk_putf(area, 1, 0, plan->readable ? LK_ROLE_PLAIN : LK_ROLE_CRIT, "%s %s",
		plan->readable ? "does " : "error", plan->what);
	if (plan->why[0])
		lk_putf(area, row++, 0, LK_ROLE_PLAIN, "why   %s", plan->why);
	lk_putf(area, row++, 0, LK_ROLE_PLAIN, "file  %s",
		plan->path[0] ? plan->path : "(only in the journal)");
	if (plan->socket[0])
		lk_putf(area, row, 0, LK_ROLE_PLAIN, "run   %s; Enter %s",
			plan->run[0] ? plan->run : "a keeper is alive",
			plan->path[0] && strcmp(plan->state, "undone") == 0 ? "begins anew"
									    : "shows it");
	else if (is_lost(model, plan))
		lk_putf(area, row, 0, LK_ROLE_WARN,
			"run   %s has lost its keeper; Enter takes it over", model->latest->run);
	else if (plan->readable)
		lk_put(area, row, 0, LK_ROLE_PLAIN,
		       "run   none; Enter starts one, which changes nothing before its first gate");
}

static void draw_plans(struct lk_model *model, const struct lk_area *area)
{
	struct lk_rows rows;
	struct lk_list *list = &model->lists[LK_SCREEN_PLANS];
	struct lk_layout layout;
	int detail = area->rows >= 14 ? 5 : 0, room = area->rows - detail - 2, top;
	char title[80];

	lk_rows_of(model, LK_SCREEN_PLANS, &rows);
	lk_list_sync(list, rows.keys, rows.count);
	top = lk_list_window(list, room);
	snprintf(title, sizeof title, "PLANS  %d%s%s%s", rows.count,
		 rows.hidden ? ", filtered" : "", top > 0 ? ", more above" : "",
		 rows.count > top + room ? ", more below" : "");
	lk_panel_header(area, 0, title, LK_NO_AGE);
	lk_columns_fit(columns, LK_COUNT(columns), area->columns - 2, &layout);
	if (rows.count == 0) {
		lk_put(area, 2, 2, LK_ROLE_PLAIN,
		       "No plan here: lockkeeper-plan(5) tells how to write one.");
		return;
	}
	struct lk_area right = lk_area_part(area, 0, 2, area->rows, area->columns - 2);

	lk_columns_titles(&right, 1, columns, &layout);
	for (int i = top; i < rows.count && i - top < room; i++) {
		const struct lk_console_plan *plan = &model->plans[rows.index[i]];
		const char *texts[] = {plan->name, run_word(model, plan), plan->what};
		bool selected = i == list->index;

		lk_put(area, 2 + i - top, 0, LK_ROLE_PLAIN, selected ? ">" : " ");
		lk_columns_row(&right, 2 + i - top, &layout, texts,
			       selected ? LK_ROLE_SELECTED : LK_ROLE_PLAIN);
	}
	if (detail) {
		struct lk_area bottom =
			lk_area_part(area, area->rows - detail, 0, detail, area->columns);

		draw_selected(model, &model->plans[rows.index[list->index]], &bottom);
	}
}

const struct lk_view lk_view_plans = {"Plans", draw_plans};
