/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/input.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/key/key.h"
#include "ui/model/actions.h"
#include "ui/model/rows.h"
#include "ui/model/run.h"

static void move(struct lk_model *model, int delta)
{
	struct lk_rows rows;
	struct lk_list *list = &model->lists[model->screen];

	if (model->overlay == LK_OVERLAY_HELP) {
		model->help_top = model->help_top + delta < 0 ? 0 : model->help_top + delta;
	} else if (model->overlay == LK_OVERLAY_MENU) {
		int index = model->menu_index + delta;

		model->menu_index = index < 0 ? 0 : index >= LK_ACTS ? LK_ACTS - 1 : index;
	} else if (model->detail) {
		model->detail_top = model->detail_top + delta < 0 ? 0 : model->detail_top + delta;
	} else {
		lk_rows_of(model, model->screen, &rows);
		lk_list_move(list, delta, rows.keys, rows.count);
	}
}

static int page(const struct lk_model *model)
{
	int rows = model->lists[model->screen].page;

	return rows > 1 ? rows - 1 : 1;
}

static void open_plan(struct lk_model *model)
{
	struct lk_rows rows;
	struct lk_list *list = &model->lists[LK_SCREEN_PLANS];
	const struct lk_console_plan *plan;

	lk_rows_of(model, LK_SCREEN_PLANS, &rows);
	lk_list_sync(list, rows.keys, rows.count);
	if (rows.count == 0) {
		lk_model_say(model, LK_ROLE_PLAIN, "no plan is listed here");
		return;
	}
	plan = &model->plans[rows.index[list->index]];
	if (!plan->readable && !plan->socket[0]) {
		lk_model_say(model, LK_ROLE_CRIT, "%s: %s", plan->path, plan->what);
		return;
	}
	LK_COPY(model->open_path, plan->path);
	/* what was taken back can be begun again */
	LK_COPY(model->open_socket,
		plan->path[0] && strcmp(plan->state, "undone") == 0 ? "" : plan->socket);
	model->wants |= LK_WANT_OPEN_PLAN;
}

static void open_selected(struct lk_model *model)
{
	if (model->overlay == LK_OVERLAY_MENU) {
		lk_act_open(model, (enum lk_act)model->menu_index);
		return;
	}
	if (model->overlay != LK_OVERLAY_NONE)
		return;
	if (model->screen == LK_SCREEN_PLANS)
		open_plan(model);
	else if (model->screen == LK_SCREEN_STEPS || model->screen == LK_SCREEN_LOCKS)
		model->detail = true;
	model->detail_top = 0;
}

/* One level back; false when there is none left. */
static bool back(struct lk_model *model)
{
	if (model->overlay != LK_OVERLAY_NONE)
		model->overlay = LK_OVERLAY_NONE;
	else if (model->detail)
		model->detail = false;
	else if (model->filter[0])
		model->filter[0] = '\0';
	else
		return false;
	return true;
}

static void toggle_freeze(struct lk_model *model)
{
	model->frozen = !model->frozen;
	if (!model->frozen && model->known) {
		memcpy(model->shown, model->latest, sizeof *model->shown);
		model->shown_us = model->received_us;
	}
	lk_model_say(model, LK_ROLE_PLAIN, "%s",
		     model->frozen ? "display FROZEN; the work goes on. f shows the present again"
				   : "display live again");
}

static void set_interval(struct lk_model *model, int seconds)
{
	model->interval_s = seconds < 1 ? 1 : seconds > 10 ? 10 : seconds;
	lk_model_say(model, LK_ROLE_PLAIN, "one frame every %d s", model->interval_s);
}

static void first_row(struct lk_model *model)
{
	char reason[256];

	/* the screen says "g answers gate"; at the very end of a list it still means the first row
	 */
	if (model->overlay == LK_OVERLAY_NONE && !model->detail && lk_run_gate(model->latest) &&
	    model->link == LK_LINK_UP && model->screen != LK_SCREEN_PLANS &&
	    model->screen != LK_SCREEN_LOG) {
		if (lk_act_allowed(model, LK_ACT_GATE, reason, sizeof reason) ||
		    model->screen == LK_SCREEN_STEPS) {
			lk_act_open(model, LK_ACT_GATE);
			return;
		}
	}
	move(model, -100000);
}

static void show(struct lk_model *model, int screen)
{
	lk_model_show(model, (enum lk_screen)((screen + LK_SCREENS) % LK_SCREENS));
}

/* Actions that move or change the view. */
static void view_action(struct lk_model *model, enum lk_action action)
{
	switch (action) {
	case LK_ACTION_UP:
		move(model, -1);
		break;
	case LK_ACTION_DOWN:
		move(model, 1);
		break;
	case LK_ACTION_PAGE_UP:
		move(model, -page(model));
		break;
	case LK_ACTION_PAGE_DOWN:
		move(model, page(model));
		break;
	case LK_ACTION_LAST:
		if (model->overlay == LK_OVERLAY_NONE)
			model->lists[LK_SCREEN_LOG].follow |= model->screen == LK_SCREEN_LOG;
		move(model, model->overlay == LK_OVERLAY_NONE && !model->detail ? 100000 : 1000);
		break;
	case LK_ACTION_NEXT:
		show(model, (int)model->screen + 1);
		break;
	case LK_ACTION_PREVIOUS:
		show(model, (int)model->screen - 1);
		break;
	case LK_ACTION_HELP:
		model->overlay =
			model->overlay == LK_OVERLAY_HELP ? LK_OVERLAY_NONE : LK_OVERLAY_HELP;
		model->help_top = 0;
		break;
	case LK_ACTION_FREEZE:
		toggle_freeze(model);
		break;
	case LK_ACTION_SLOWER:
		set_interval(model, model->interval_s + 1);
		break;
	case LK_ACTION_FASTER:
		set_interval(model, model->interval_s - 1);
		break;
	default:
		break;
	}
}

/* Begins at the first action that is possible now. */
static void open_menu(struct lk_model *model)
{
	char reason[256];

	model->overlay = LK_OVERLAY_MENU;
	model->menu_index = 0;
	while (model->menu_index < LK_ACTS - 1 &&
	       !lk_act_allowed(model, (enum lk_act)model->menu_index, reason, sizeof reason))
		model->menu_index++;
}

static void act(struct lk_model *model, enum lk_action action)
{
	switch (action) {
	case LK_ACTION_PAUSE:
		lk_model_pause(model);
		break;
	case LK_ACTION_PAUSE_CLOSE:
		lk_model_pause(model);
		if (!back(model))
			lk_act_open(model, LK_ACT_DETACH);
		if (model->link != LK_LINK_NONE && !model->pause_unsent)
			lk_model_say(model, LK_ROLE_PAUSED,
				     "PAUSE SENT. Ctrl-C stops the work; q leaves");
		break;
	case LK_ACTION_RESUME:
		lk_act_open(model, LK_ACT_RESUME);
		break;
	case LK_ACTION_LEASE:
		lk_act_open(model, LK_ACT_TAKE);
		break;
	case LK_ACTION_MENU:
		open_menu(model);
		break;
	case LK_ACTION_NOTE:
		lk_act_open(model, LK_ACT_NOTE);
		break;
	case LK_ACTION_PLANS:
	case LK_ACTION_LIVE:
	case LK_ACTION_LOCKS:
	case LK_ACTION_STEPS:
	case LK_ACTION_LOG:
		show(model, (int)(action - LK_ACTION_PLANS));
		break;
	case LK_ACTION_FIRST:
		first_row(model);
		break;
	case LK_ACTION_OPEN:
		open_selected(model);
		break;
	case LK_ACTION_BACK:
		if (!back(model))
			lk_act_open(model, LK_ACT_DETACH);
		break;
	case LK_ACTION_CANCEL:
		back(model);
		break;
	case LK_ACTION_FILTER:
		model->wants |= LK_WANT_FILTER_LINE;
		break;
	case LK_ACTION_COMMAND:
		model->wants |= LK_WANT_COMMAND_LINE;
		break;
	case LK_ACTION_REDRAW:
		model->wants |= LK_WANT_REDRAW;
		break;
	case LK_ACTION_SUSPEND:
		model->wants |= LK_WANT_SUSPEND;
		break;
	default:
		view_action(model, action);
	}
}

static void question_key(struct lk_model *model, const struct lk_input *input)
{
	bool field = model->question.tier != LK_TIER_LETTER;

	if (input->key == LK_KEY_CTRL_C)
		act(model, LK_ACTION_PAUSE_CLOSE);
	else if (input->key == LK_KEY_SPACE && !field)
		lk_model_pause(model); /* the question stays: stopping answers nothing */
	else
		lk_act_key(model, input->key, input->at_us);
}

void lk_input_take(struct lk_model *model, const struct lk_input *input)
{
	if (input->kind == LK_INPUT_PASTE) {
		if (model->overlay == LK_OVERLAY_QUESTION)
			lk_act_paste(model, input->at_us);
		else
			lk_model_say(model, LK_ROLE_PLAIN, "paste ignored (%zu bytes)",
				     input->pasted);
		return;
	}
	if (model->overlay == LK_OVERLAY_QUESTION)
		question_key(model, input);
	else
		act(model, lk_key_action(input->key));
}

static const struct {
	const char *word;
	int act;    /* enum lk_act, or -1 */
	int action; /* enum lk_action */
} commands[] = {
	{"pause", -1, LK_ACTION_PAUSE}, {"resume", LK_ACT_RESUME, 0},
	{"confirm", LK_ACT_GATE, 0},	{"gate", LK_ACT_GATE, 0},
	{"slow", LK_ACT_SLOW, 0},	{"rollback", LK_ACT_ROLLBACK, 0},
	{"abort", LK_ACT_ABORT, 0},	{"take", LK_ACT_TAKE, 0},
	{"give", LK_ACT_GIVE, 0},	{"note", LK_ACT_NOTE, 0},
	{"detach", LK_ACT_DETACH, 0},	{"leave", LK_ACT_DETACH, 0},
	{"quit", LK_ACT_DETACH, 0},	{"plans", -1, LK_ACTION_PLANS},
	{"live", -1, LK_ACTION_LIVE},	{"locks", -1, LK_ACTION_LOCKS},
	{"steps", -1, LK_ACTION_STEPS}, {"log", -1, LK_ACTION_LOG},
	{"help", -1, LK_ACTION_HELP},	{"freeze", -1, LK_ACTION_FREEZE},
};

const char *lk_input_command_word(size_t index)
{
	return index < LK_COUNT(commands) ? commands[index].word : NULL;
}

static void run_command(struct lk_model *model, size_t index, const char *argument)
{
	const struct lk_snapshot_step *gate = lk_run_gate(model->latest);

	if (commands[index].act == LK_ACT_NOTE && *argument) {
		struct lk_request *request = lk_model_request(model, "note");

		if (request)
			LK_COPY(request->text, argument);
	} else if (commands[index].act == LK_ACT_GATE && *argument &&
		   (!gate || strcmp(gate->name, argument) != 0)) {
		lk_model_say(model, LK_ROLE_WARN, "gate %s does not wait%s%s", argument,
			     gate ? "; the one that waits is " : "", gate ? gate->name : "");
	} else if (commands[index].act >= 0) {
		lk_act_open(model, (enum lk_act)commands[index].act);
	} else {
		act(model, (enum lk_action)commands[index].action);
	}
}

void lk_input_command(struct lk_model *model, const char *line)
{
	char word[32];
	int used = 0;

	line += strspn(line, " \t");
	if (sscanf(line, "%31s%n", word, &used) != 1)
		return;
	line += used;
	line += strspn(line, " \t");
	for (size_t i = 0; i < LK_COUNT(commands); i++)
		if (strcmp(commands[i].word, word) == 0) {
			run_command(model, i, line);
			return;
		}
	lk_model_say(model, LK_ROLE_WARN, "no command \"%s\"; Tab shows the words, ? the keys",
		     word);
}
