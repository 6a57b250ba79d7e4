/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The proof after a pause, and the account at the end. Both say only what the figures say. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/actions.h"
#include "ui/model/format.h"
#include "ui/model/run.h"
#include "ui/view/panels.h"
#include "ui/widget/panel.h"
#include "ui/widget/text.h"

static const char *stop_title(enum lk_stop stop, enum lk_role *role)
{
	*role = LK_ROLE_PAUSED;
	switch (stop) {
	case LK_STOP_SENT:
		return "PAUSE SENT";
	case LK_STOP_ACCEPTED:
		return "PAUSED, proof is coming";
	case LK_STOP_CONFIRMED:
		*role = LK_ROLE_OK;
		return "STOP CONFIRMED";
	default:
		*role = LK_ROLE_CRIT;
		return "NOT CONFIRMED";
	}
}

void lk_panel_stop(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->latest;
	const struct lk_snapshot_step *step = lk_run_step(s);
	enum lk_stop stop = lk_run_stop(model);
	enum lk_role role;
	const char *title = stop_title(stop, &role);
	struct lk_area in = lk_panel_box(area, role, title);
	char a[LK_SHORT], b[LK_SHORT], c[LK_SHORT];

	if (stop == LK_STOP_NOT_CONFIRMED) {
		lk_put(&in, 0, 0, LK_ROLE_CRIT,
		       model->pause_ack_us || lk_run_is(s, "paused")
			       ? "cancel sent, waiting for the server to show that it has stopped"
			       : "the keeper has not answered: nothing shows that the work "
				 "stopped");
	} else if (stop == LK_STOP_SENT) {
		lk_put(&in, 0, 0, LK_ROLE_PLAIN, "waiting for the keeper's answer");
	} else {
		lk_putf(&in, 0, 0, LK_ROLE_PLAIN,
			"nothing new since %s   accepted in %s, quiet in %s",
			lk_show_clock(s->proof.requested, a), lk_show_time(s->proof.accepted_ms, b),
			s->proof.confirmed ? lk_show_time(s->proof.quiet_ms, c) : "--");
	}
	if (stop == LK_STOP_SENT)
		return;
	if (!lk_run_is(s, "paused") || s->proof.requested == 0) {
		/* figures of an earlier pause, or none: they prove nothing about this one */
		lk_put(&in, 1, 0, LK_ROLE_WARN,
		       "open transactions of ours: not known yet    locks held by us: not known "
		       "yet");
		return;
	}
	lk_putf(&in, 1, 0,
		s->proof.open_transactions + s->proof.locks_held ? LK_ROLE_WARN : LK_ROLE_OK,
		"open transactions of ours: %d    locks held by us: %d    seen %s ago",
		s->proof.open_transactions, s->proof.locks_held,
		lk_show_age(s->proof.checked_age_ms < 0
				    ? s->proof.checked_age_ms
				    : s->proof.checked_age_ms + lk_model_silence_ms(model),
			    a));
	if (step && lk_step_begins_anew(step) && strcmp(step->state, "running") == 0)
		lk_putf(&in, 2, 0, LK_ROLE_PLAIN, "cancelled, r begins it anew: %s", step->summary);
	else
		lk_putf(&in, 2, 0, LK_ROLE_PLAIN, "last: %s", s->proof.last_chunk);
	lk_putf(&in, 3, 0, LK_ROLE_PLAIN, "still running: %s",
		s->proof.still_running[0] ? s->proof.still_running : "only watching");
}

/* How many rows a text takes; nothing is drawn. */
static int text_rows(const struct lk_text *text, int columns)
{
	struct lk_canvas canvas = {.ascii = true};
	struct lk_area area = {&canvas, 0, 0, 0, columns};

	return lk_text_draw(text, &area, 0, 0);
}

static void gate_text(const struct lk_snapshot *s, const struct lk_snapshot_step *gate,
		      struct lk_text *text)
{
	lk_text_addf(text, LK_ROLE_NEXT, "", "%s: %s", gate->name,
		     gate->ask[0] ? gate->ask : gate->summary);
	if (gate->approvals_needed > 1)
		lk_text_addf(text, LK_ROLE_PLAIN, "", "%d of %d people have approved%s%s",
			     gate->approvals, gate->approvals_needed,
			     gate->approved_by[0] ? ": " : "", gate->approved_by);
	else if (lk_run_backward(s))
		lk_text_add(text, LK_ROLE_PLAIN, "", "on the way back: each step is being undone");
	else
		lk_text_add(text, LK_ROLE_PLAIN, "",
			    gate->note[0] ? gate->note : "4 shows every step and its SQL");
}

int lk_panel_gate_rows(const struct lk_model *model, int columns)
{
	const struct lk_snapshot_step *gate = lk_run_gate(model->shown);
	struct lk_text text = {0};
	int lines;

	if (!gate)
		return 0;
	gate_text(model->shown, gate, &text);
	lines = text_rows(&text, columns - 4);
	lk_text_free(&text);
	return 3 + (lines < 2 ? 2 : lines > 4 ? 4 : lines);
}

void lk_panel_gate(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	const struct lk_snapshot_step *gate = lk_run_gate(s);
	bool back = lk_run_backward(s);
	struct lk_area in =
		lk_panel_box(area, LK_ROLE_NEXT,
			     back ? "THE WAY BACK WAITS AT A GATE" : "THE RUN WAITS AT A GATE");
	struct lk_area words = lk_area_part(&in, 0, 0, in.rows - 1, in.columns);
	struct lk_text text = {0};
	char reason[256];

	if (!gate)
		return;
	gate_text(s, gate, &text);
	lk_text_draw(&text, &words, 0, 0);
	lk_text_free(&text);
	if (!lk_act_allowed(model, LK_ACT_GATE, reason, sizeof reason))
		lk_putf(&in, in.rows - 1, 0, LK_ROLE_PLAIN, "not from here: %s", reason);
	else
		lk_putf(&in, in.rows - 1, 0, LK_ROLE_NEXT, "g answers it. Nothing happens before%s",
			!back && lk_gate_destroys(s, gate) ? "; after it there is NO WAY BACK"
							   : "");
}

static void trouble_text(const struct lk_snapshot *s, struct lk_text *text)
{
	const struct lk_snapshot_step *step = lk_run_step(s);

	lk_text_add(text, LK_ROLE_CRIT, "", s->reason[0] ? s->reason : "no reason was given");
	if (step && step->note[0] && strcmp(step->note, s->reason) != 0)
		lk_text_add(text, LK_ROLE_PLAIN, "", step->note);
}

int lk_panel_trouble_rows(const struct lk_model *model, int columns)
{
	struct lk_text text = {0};
	int lines;

	trouble_text(model->shown, &text);
	lines = text_rows(&text, columns - 4);
	lk_text_free(&text);
	return 3 + (lines < 3 ? 3 : lines > 7 ? 7 : lines);
}

void lk_panel_trouble(const struct lk_model *model, const struct lk_area *area)
{
	bool stopped = lk_run_is(model->shown, "stopped");
	struct lk_area in = lk_panel_box(area, LK_ROLE_CRIT,
					 stopped ? "STOPPED" : "THE DATABASE DOES NOT ANSWER");
	struct lk_area words = lk_area_part(&in, 0, 0, in.rows - 1, in.columns);
	struct lk_text text = {0};

	trouble_text(model->shown, &text);
	lk_text_draw(&text, &words, 0, 0);
	lk_text_free(&text);
	lk_put(&in, in.rows - 1, 0, LK_ROLE_NEXT,
	       stopped ? "Mend the cause, then r tries again. a: roll back. Or run PLAN --replace RUN."
		       : "The keeper goes on trying; what runs there is not known until then.");
}

int lk_panel_result_rows(const struct lk_model *model)
{
	return lk_run_is(model->shown, "done|undone") ? 6 : 0;
}

static bool verifies(const struct lk_snapshot *s)
{
	for (int i = 0; i < s->steps_count; i++)
		if (strcmp(s->steps[i].verb, "verify") == 0)
			return true;
	return false;
}

static void result_rows(const struct lk_snapshot *s, const struct lk_area *in)
{
	char a[LK_SHORT], b[LK_SHORT];

	if (s->result.known)
		lk_putf(in, 0, 0, s->result.rows_different ? LK_ROLE_CRIT : LK_ROLE_OK,
			"rows: %s compared, %s different. %s",
			lk_show_number(s->result.rows_compared, a),
			lk_show_number(s->result.rows_different, b), s->result.text);
	else if (!lk_run_copies(s))
		lk_put(in, 0, 0, LK_ROLE_PLAIN, "rows: none to compare, the plan copies no values");
	else
		lk_putf(in, 0, 0, LK_ROLE_WARN, "rows: not compared. %s",
			s->result.text[0] || verifies(s) ? s->result.text
							 : "The plan has no verify step.");
}

static void result_application(const struct lk_snapshot *s, const struct lk_area *in)
{
	char a[LK_SHORT], b[LK_SHORT], c[LK_SHORT], d[LK_SHORT], e[LK_SHORT];

	if (!s->application.known) {
		lk_put(in, 1, 0, LK_ROLE_PLAIN,
		       "application: nobody told us its figures, so nothing is said of it");
		return;
	}
	lk_putf(in, 1, 0, s->application.errors ? LK_ROLE_CRIT : LK_ROLE_OK,
		"application: %s transactions, %s errors%s%s",
		lk_show_number(s->application.transactions, a),
		lk_show_number(s->application.errors, b), s->application.errors ? ": " : "",
		s->application.errors ? s->application.last_error : "");
	lk_putf(in, 2, 0, LK_ROLE_PLAIN, "p99 %s, alone %s; longest stall %s",
		lk_show_time(s->application.p99_ms, c),
		lk_show_time(s->application.p99_alone_ms, d),
		lk_show_time(s->application.longest_stall_ms, e));
}

void lk_panel_result(const struct lk_model *model, const struct lk_area *area)
{
	const struct lk_snapshot *s = model->shown;
	bool done = lk_run_is(s, "done"), clean = lk_run_clean(s);
	char number[LK_SHORT];
	struct lk_area in =
		lk_panel_box(area, clean ? LK_ROLE_OK : LK_ROLE_NEXT, done ? "DONE" : "UNDONE");

	result_rows(s, &in);
	result_application(s, &in);
	if (done && s->backfill.rejected > 0)
		lk_putf(&in, 3, 0, LK_ROLE_WARN,
			"%s rows rejected: table lockkeeper.reject, run %s",
			lk_show_number(s->backfill.rejected, number), s->run);
	else if (clean)
		lk_put(&in, 3, 0, LK_ROLE_NEXT,
		       s->result.known ? "Every row is right, no release saw an error."
				       : "No release saw an error.");
	else if (done && (s->result.rows_different || s->application.errors))
		lk_put(&in, 3, 0, LK_ROLE_CRIT,
		       "Not clean: see the figures above and the log (5).");
	else if (!done)
		lk_put(&in, 3, 0, LK_ROLE_NEXT,
		       s->reason[0] ? s->reason : "Every step was undone.");
}
