/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every screen has: row 1, the rail of phases, vital signs, the one next key, the key line. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "plan/model.h"
#include "ui/model/format.h"
#include "ui/model/run.h"
#include "ui/view/view.h"

enum { MESSAGE_US = 12 * 1000 * 1000 };

/* A part of row 1; the highest priority number is left out first when the row is narrow. */
struct part {
	char text[160];
	int priority;
	enum lk_role role;
	bool right;
};

static int parts_width(const struct lk_area *area, const struct part *parts, int count, int least)
{
	int width = 0;

	for (int i = 0; i < count; i++)
		if (parts[i].text[0] && parts[i].priority <= least)
			width += lk_text_width(area, parts[i].text) + (width ? 3 : 0);
	return width;
}

static void put_parts(const struct lk_area *area, int row, const struct part *parts, int count)
{
	int least = 9, column = 0, right = area->columns;
	int last = 0; /* columns taken at the right */
	bool first = true;

	while (least > 1 && parts_width(area, parts, count, least) > area->columns)
		least--;
	for (int i = count - 1; i >= 0 && parts[i].right; i--) {
		if (!parts[i].text[0] || parts[i].priority > least)
			continue;
		right -= lk_text_width(area, parts[i].text);
		lk_put(area, row, right, parts[i].role, parts[i].text);
		if (last && right > 3)
			lk_put(area, row, area->columns - last - 2, LK_ROLE_FRAME, "|");
		last = area->columns - right;
		right -= 3;
	}
	for (int i = 0; i < count && !parts[i].right; i++) {
		if (!parts[i].text[0] || parts[i].priority > least)
			continue;
		if (!first)
			column = lk_put(area, row, column, LK_ROLE_FRAME, " | ");
		column = lk_put(area, row, column, parts[i].role, parts[i].text);
		first = false;
	}
}

static void head_state(const struct lk_model *model, struct part *part)
{
	char span[LK_SHORT];
	const struct lk_snapshot *s = model->latest;
	const char *word = lk_run_state(model, &part->role);

	part->priority = 1;
	if (model->known && lk_run_is(s, "paused") && !lk_run_lost(model) &&
	    lk_run_stop(model) != LK_STOP_SENT)
		snprintf(part->text, sizeof part->text, "%s %s%s%s", word,
			 lk_show_span(model->wall_ms - s->paused_at, span),
			 strcmp(s->paused_by, model->user.name) == 0 ? "" : " by ",
			 strcmp(s->paused_by, model->user.name) == 0 ? "" : s->paused_by);
	else
		snprintf(part->text, sizeof part->text, "%s%s", word,
			 model->known && !lk_run_lost(model) && lk_run_backward(s) &&
					 !lk_run_is(s, "undoing")
				 ? ", going back"
				 : "");
}

void lk_frame_head(const struct lk_model *model, const struct lk_area *area, int row)
{
	const struct lk_snapshot *s = model->latest;
	struct part parts[8] = {0};
	char age[LK_SHORT], role[160];
	const char *environment = model->user.fence ? model->user.fence : s->environment;

	for (size_t i = 0; i < LK_COUNT(parts); i++)
		parts[i].role = LK_ROLE_FRAME;
	lk_fill(area, row, (struct lk_field){0, area->columns, LK_ROLE_FRAME}, ' ');
	/* in a very narrow window the state is what must be seen */
	snprintf(parts[0].text, sizeof parts[0].text, "%s%s%s", model->known ? environment : "",
		 model->known && *environment ? " " : "", model->known ? s->plan : "lockkeeper");
	parts[0].priority = 3;
	if (model->known && s->phase[0])
		snprintf(parts[1].text, sizeof parts[1].text, "%s %d/%d", s->phase, s->step + 1,
			 s->steps_count);
	for (char *c = parts[1].text; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
	parts[1].priority = 5;
	head_state(model, &parts[2]);
	lk_run_role(model, role, sizeof role);
	LK_COPY(parts[3].text, model->frozen ? "FROZEN" : "");
	parts[3].priority = 2;
	LK_COPY(parts[4].text, model->link == LK_LINK_NONE ? "" : role);
	parts[4].priority = 4;
	LK_COPY(parts[5].text, model->link_slow ? "link slow" : "");
	parts[5].priority = 6;
	if (model->known)
		snprintf(parts[6].text, sizeof parts[6].text, "%s%s",
			 lk_show_age(lk_model_silence_ms(model), age),
			 area->columns >= 100 ? " ago" : "");
	parts[6].priority = 6;
	parts[6].right = parts[7].right = true;
	lk_show_clock(model->wall_ms, age);
	LK_COPY(parts[7].text, age);
	parts[7].priority = 7;
	put_parts(area, row, parts, (int)LK_COUNT(parts));
}

static enum lk_role phase_role(const char *text, bool current)
{
	if (strstr(text, "*STOPPED*"))
		return LK_ROLE_CRIT;
	if (strstr(text, "*PAUSED*"))
		return LK_ROLE_PAUSED;
	return current ? LK_ROLE_NEXT : LK_ROLE_PLAIN;
}

void lk_frame_rail(const struct lk_model *model, const struct lk_area *area, int row)
{
	static const char *const names[LK_PHASES] = {"EXPAND", "MIGRATE", "CONTRACT"};
	const struct lk_snapshot *s = model->latest;
	int column = 0;

	if (!model->known) {
		lk_put(area, row, 0, LK_ROLE_PLAIN,
		       model->link == LK_LINK_NONE ? "expand, migrate, contract: one change, seen, "
						     "stoppable, reversible"
						   : "attaching to the keeper");
		return;
	}
	for (int phase = 0; phase < LK_PHASES; phase++) {
		char text[96];
		bool current = lk_run_phase_current(s, (enum lk_phase)phase);

		lk_run_phase(s, (enum lk_phase)phase, text, sizeof text);
		if (phase)
			column = lk_put(area, row, column, LK_ROLE_PLAIN, " --> ");
		column = lk_putf(area, row, column, phase_role(text, current), "%s %s",
				 names[phase], text);
	}
	if (column + 24 < area->columns && s->target[0])
		lk_putf(area, row, column, LK_ROLE_DIM, "   %s", s->target);
}

void lk_frame_vitals(const struct lk_model *model, const struct lk_area *area, int row)
{
	const struct lk_snapshot *s = model->shown;
	char number[LK_SHORT];
	int column;

	if (!model->known)
		return;
	column = lk_putf(area, row, 0, LK_ROLE_PLAIN, "rate %s r/s",
			 lk_show_number((int64_t)s->backfill.rows_per_s, number));
	for (int i = 0; i < s->replicas_count; i++) {
		bool ok = strcmp(s->replicas[i].state, "ok") == 0;

		column = lk_put(area, row, column, LK_ROLE_PLAIN, " | ");
		column = lk_putf(area, row, column, ok ? LK_ROLE_PLAIN : LK_ROLE_WARN,
				 "%.16s %s %s", s->replicas[i].name,
				 lk_show_age(s->replicas[i].lag_ms, number), s->replicas[i].state);
	}
	column =
		lk_putf(area, row, column, s->server_load.we_block ? LK_ROLE_WARN : LK_ROLE_PLAIN,
			" | we block %d, wait %d", s->server_load.we_block, s->server_load.we_wait);
	if (s->application.known)
		lk_putf(area, row, column, s->application.errors ? LK_ROLE_CRIT : LK_ROLE_PLAIN,
			" | app errors %lld", (long long)s->application.errors);
}

void lk_frame_next(const struct lk_model *model, const struct lk_area *area, int row)
{
	char text[400];

	if (model->message[0] && model->now_us - model->message_us < MESSAGE_US) {
		lk_put(area, row, 0, model->message_role, model->message);
		return;
	}
	if (model->overlay == LK_OVERLAY_QUESTION) {
		lk_put(area, row, 0, LK_ROLE_NEXT, "Nothing is sent before you answer.");
		return;
	}
	lk_run_next(model, text, sizeof text);
	lk_putf(area, row, 0, LK_ROLE_NEXT, "NEXT  %s", text);
}

/* The keys that mean something here, the important ones first for narrow windows. */
static const char *keys_text(const struct lk_model *model, int columns)
{
	if (model->overlay == LK_OVERLAY_QUESTION)
		return model->question.tier == LK_TIER_LETTER
			       ? "Esc no   Space pauses   Ctrl-C pause and close"
			       : "Esc no   Ctrl-C pause and close   a space is text here";
	if (model->overlay == LK_OVERLAY_MENU)
		return "Enter opens its question   j/k move   Esc close   Space PAUSE";
	if (model->overlay == LK_OVERLAY_HELP || model->detail)
		return "j/k scroll   Esc back   Space PAUSE";
	if (columns < 24)
		return "Space PAUSE";
	if (columns < 76)
		return "Space PAUSE  1-5 screens  r resume  a actions  ? help";
	if (model->user.fence && columns < 100 && model->screen == LK_SCREEN_PLANS)
		return "Enter open 1Plans 2Live 3Locks 4Steps 5Log Space PAUSE ? help";
	if (model->user.fence && columns < 100)
		return "1Plans 2Live 3Locks 4Steps 5Log Space PAUSE r resume a acts ? help";
	if (model->screen == LK_SCREEN_PLANS)
		return "Enter open  1Plans 2Live 3Locks 4Steps 5Log  Space PAUSE  / filter  ? help";
	return "1Plans 2Live 3Locks 4Steps 5Log  Space PAUSE  r resume  a actions  : cmd  ? help";
}

void lk_frame_keys(const struct lk_model *model, const struct lk_area *area, int row)
{
	lk_put(area, row, 0, LK_ROLE_KEY, keys_text(model, area->columns));
	if (model->user.fence && area->columns >= 80)
		lk_putf(area, row, area->columns - (int)strlen(model->user.fence) - 4,
			LK_ROLE_FRAME, "==%s==", model->user.fence);
}
