/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies over a screen: help, the menu of actions, the open question. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/key/key.h"
#include "ui/model/actions.h"
#include "ui/model/run.h"
#include "ui/view/view.h"
#include "ui/widget/panel.h"
#include "ui/widget/text.h"

static void draw_help(struct lk_model *model, const struct lk_area *area)
{
	struct lk_text text = {0};
	struct lk_area body = lk_area_part(area, 1, 0, area->rows - 1, area->columns);
	int lines;

	lk_panel_header(area, 0, "HELP  key, tier, what it does", LK_NO_AGE);
	for (int action = LK_ACTION_NONE + 1; action < LK_ACTION_COUNT; action++) {
		char keys[64];

		lk_action_keys((enum lk_action)action, keys, sizeof keys);
		lk_text_addf(&text, action == LK_ACTION_PAUSE ? LK_ROLE_NEXT : LK_ROLE_PLAIN, keys,
			     "%-5s %s", lk_action_tier((enum lk_action)action),
			     lk_action_help((enum lk_action)action));
	}
	lk_text_add(&text, LK_ROLE_PLAIN, "tiers",
		    "T0 acts at once and only toward safety; T1 asks for one letter; T2 asks for a "
		    "value read "
		    "from the screen; T3, where nothing can be undone, for the plan's name.");
	lk_text_add(&text, LK_ROLE_PLAIN, "safe",
		    "Enter, Esc, pasted text and repeated keys never act. Closing this console, or "
		    "losing the "
		    "line, leaves the run alone: it goes on to the next gate and waits.");
	lines = lk_text_draw(&text, &body, 16, 1 << 20);
	if (model->help_top > lines - body.rows)
		model->help_top = lines > body.rows ? lines - body.rows : 0;
	lk_text_draw(&text, &body, 16, model->help_top);
	lk_text_free(&text);
}

const struct lk_view lk_view_help = {"Help", draw_help};

static void draw_menu(struct lk_model *model, const struct lk_area *area)
{
	int top = model->menu_index >= area->rows - 1 ? model->menu_index - area->rows + 2 : 0;

	lk_panel_header(area, 0, "ACTIONS  Enter opens the question of the selected one",
			LK_NO_AGE);
	for (int act = top; act < LK_ACTS; act++) {
		char tier[40], reason[256];
		bool on = lk_act_allowed(model, (enum lk_act)act, reason, sizeof reason);
		bool selected = act == model->menu_index;
		enum lk_role role = selected ? LK_ROLE_SELECTED : LK_ROLE_PLAIN;
		int row = 1 + act - top;

		lk_act_tier(model, (enum lk_act)act, tier, sizeof tier);
		lk_fill(area, row, (struct lk_field){0, area->columns, role}, ' ');
		lk_putf(area, row, 0, role, "%c %-15s %-16s %s%s", selected ? '>' : ' ',
			lk_act_word((enum lk_act)act), tier,
			on ? "" : "OFF: ", on ? lk_act_help((enum lk_act)act) : reason);
	}
}

const struct lk_view lk_view_menu = {"Actions", draw_menu};

/* The line where the answer goes; the terminal's cursor rests at its end. */
static void draw_prompt(const struct lk_model *model, const struct lk_area *area, int row,
			const struct lk_question_text *text)
{
	const struct lk_question *q = &model->question;
	bool armed = lk_question_armed(q, model->now_us);
	int column = lk_put(area, row, 0, LK_ROLE_NEXT, text->prompt);

	if (!armed) {
		lk_put(area, row, column, LK_ROLE_DIM, "(wait)");
		return;
	}
	if (q->tier != LK_TIER_LETTER)
		column = lk_put(area, row, column, LK_ROLE_FIELD, q->typed);
	if (column >= area->columns)
		column = area->columns - 1;
	lk_put(area, row, column, LK_ROLE_FIELD, "_");
	area->canvas->cursor_row = area->row + row;
	area->canvas->cursor_column = area->column + column;
}

static void put_ignored(const struct lk_model *model, const struct lk_area *area, int row)
{
	const struct lk_question *q = &model->question;

	if (q->pasted)
		lk_put(area, row, 0, LK_ROLE_WARN, "Pasted text is not accepted here: type it.");
	else if (q->wrong)
		lk_put(area, row, 0, LK_ROLE_WARN,
		       "That is not the value. Type it as it is shown.");
	else if (q->early + q->repeated)
		lk_putf(area, row, 0, LK_ROLE_PLAIN, "%u key%s too fast and did nothing.",
			q->early + q->repeated, q->early + q->repeated == 1 ? " was" : "s were");
	else
		lk_put(area, row, 0, LK_ROLE_DIM,
		       q->tier == LK_TIER_LETTER ? "Esc, or 60 s of silence: no."
						 : "Empty Enter, Esc, or 60 s of silence: no.");
}

/* Where a line goes on when it is wrapped: below its text, behind "runs    " or blanks. */
static int hanging(const char *line)
{
	int word = (int)strcspn(line, " "), blanks = (int)strspn(line + word, " ");

	return word == 0 || blanks > 1 ? word + blanks : 0;
}

/* The words of a question, wrapped; yields the rows they take. */
static int wrap_words(const struct lk_area *area, const struct lk_question_text *text)
{
	int row = 0;

	for (int i = 0; i < text->count; i++) {
		const char *line = text->lines[i].text;
		int indent = hanging(line);
		struct lk_area rest = lk_area_part(area, row, 0, area->rows - row, area->columns);
		struct lk_text paragraph = {0};

		lk_text_add(&paragraph, text->lines[i].role, "", line + indent);
		lk_putf(&rest, 0, 0, text->lines[i].role, "%.*s", indent, line);
		row += lk_text_draw(&paragraph, &rest, indent, 0);
		lk_text_free(&paragraph);
	}
	return row;
}

static int words_rows(const struct lk_area *area, const struct lk_question_text *text)
{
	struct lk_area in = {area->canvas, area->row, area->column, 0, area->columns - 4};

	return wrap_words(&in, text);
}

static void draw_words(const struct lk_area *area, const struct lk_question_text *text, bool wraps)
{
	if (wraps) {
		wrap_words(area, text);
		return;
	}
	for (int i = 0; i < text->count && i < area->rows; i++)
		lk_put(area, i, 0, text->lines[i].role, text->lines[i].text);
}

static void draw_question(struct lk_model *model, const struct lk_area *area)
{
	struct lk_question_text text;
	struct lk_area in;
	bool wraps;
	int rows;

	lk_act_describe(model, &text);
	if (area->rows < 6) {
		/* no room for words: the answer's line stays */
		if (area->rows > 1)
			lk_put(area, 0, 0, LK_ROLE_NEXT,
			       text.count ? text.lines[0].text : text.title);
		draw_prompt(model, area, area->rows > 2 ? area->rows - 2 : area->rows - 1, &text);
		if (area->rows > 2)
			put_ignored(model, area, area->rows - 1);
		return;
	}
	rows = words_rows(area, &text) + 5;
	wraps = rows <= area->rows;
	if (!wraps)
		rows = text.count + 5 < area->rows ? text.count + 5 : area->rows;
	struct lk_area box = lk_area_part(area, 0, 0, rows, area->columns);

	in = lk_panel_box(&box, LK_ROLE_NEXT, text.title);
	draw_words(&(struct lk_area){in.canvas, in.row, in.column, in.rows - 3, in.columns}, &text,
		   wraps);
	draw_prompt(model, &in, in.rows - 2, &text);
	put_ignored(model, &in, in.rows - 1);
}

const struct lk_view lk_view_question = {"Question", draw_question};
