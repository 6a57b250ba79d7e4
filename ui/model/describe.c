/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a question: what would happen, what it locks, whether there is a way back. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/actions.h"
#include "ui/model/format.h"
#include "ui/model/run.h"

enum { STEPS_SHOWN = 4 };

static void add(struct lk_question_text *text, enum lk_role role, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct lk_question_text *text, enum lk_role role, const char *format, ...)
{
	va_list arguments;

	if (text->count == LK_QUESTION_LINES)
		return;
	va_start(arguments, format);
	vsnprintf(text->lines[text->count].text, sizeof text->lines[0].text, format, arguments);
	va_end(arguments);
	text->lines[text->count++].role = role;
}

/* The steps between this gate and the next: what the answer sets in motion. */
static void add_steps(const struct lk_snapshot *s, const struct lk_snapshot_step *gate,
		      struct lk_question_text *text)
{
	const struct lk_snapshot_step *next = NULL;
	int shown = 0, more = 0;

	for (int i = 0; i < s->steps_count && !next; i++) {
		const struct lk_snapshot_step *step = &s->steps[i];

		if (step->number <= gate->number)
			continue;
		if (strcmp(step->verb, "gate") == 0) {
			next = step;
			continue;
		}
		if (shown == STEPS_SHOWN) {
			more++;
			continue;
		}
		add(text, step->destroys[0] ? LK_ROLE_CRIT : LK_ROLE_PLAIN, "%s %s%s",
		    shown++ ? "       " : "runs   ", step->summary,
		    step->destroys[0] ? "  DESTROYS DATA" : "");
		add(text, LK_ROLE_PLAIN, "          takes %s",
		    step->lock[0] ? step->lock : "no lock");
	}
	if (more)
		add(text, LK_ROLE_PLAIN, "        and %d more: 4 Steps shows them", more);
	if (!shown)
		add(text, LK_ROLE_PLAIN, "runs    nothing by itself");
	if (next)
		add(text, LK_ROLE_PLAIN, "then    stops at gate %s", next->name);
}

/* Whether the gate has a question of its own on the way back; the others are passed. */
static bool asks_again(const struct lk_snapshot_step *gate)
{
	return strncmp(gate->undo, "asks", 4) == 0;
}

/* The same on the way back: the steps in front of this gate, the newest first. */
static void add_steps_back(const struct lk_snapshot *s, const struct lk_snapshot_step *gate,
			   struct lk_question_text *text)
{
	const struct lk_snapshot_step *next = NULL;
	int shown = 0, more = 0;

	for (int i = s->steps_count - 1; i >= 0 && !next; i--) {
		const struct lk_snapshot_step *step = &s->steps[i];
		bool is_gate = strcmp(step->verb, "gate") == 0;

		if (step->number >= gate->number || (is_gate && !asks_again(step)))
			continue;
		if (is_gate) {
			next = step;
			continue;
		}
		if (shown == STEPS_SHOWN) {
			more++;
			continue;
		}
		add(text, LK_ROLE_PLAIN, "%s %s", shown++ ? "       " : "undoes ", step->summary);
		add(text, LK_ROLE_PLAIN, "          by %s", step->undo);
	}
	if (more)
		add(text, LK_ROLE_PLAIN, "        and %d more: 4 Steps shows them", more);
	if (!shown)
		add(text, LK_ROLE_PLAIN, "undoes  nothing by itself");
	if (next)
		add(text, LK_ROLE_PLAIN, "then    stops at gate %s", next->name);
	else
		add(text, LK_ROLE_PLAIN, "then    the database is as it was before the run");
}

static void describe_gate(const struct lk_model *model, struct lk_question_text *text)
{
	const struct lk_snapshot *s = model->latest;
	const struct lk_snapshot_step *gate = lk_run_gate(s);
	bool back = lk_run_backward(s), destroys = gate && !back && lk_gate_destroys(s, gate);

	if (!gate)
		return;
	snprintf(text->title, sizeof text->title, "GATE %.40s%s", gate->name,
		 back	    ? " - ON THE WAY BACK"
		 : destroys ? " - CANNOT BE UNDONE"
			    : "");
	add(text, LK_ROLE_NEXT, "%s", gate->ask[0] ? gate->ask : gate->summary);
	if (back)
		add_steps_back(s, gate, text);
	else
		add_steps(s, gate, text);
	if (back)
		add(text, LK_ROLE_PLAIN, "undo    this is the undo; Space stops it at any moment");
	else if (destroys)
		add(text, LK_ROLE_CRIT, "undo    none after the step that destroys data");
	else
		add(text, LK_ROLE_PLAIN, "undo    roll back stays possible%s%s",
		    s->rollback_note[0] ? ": " : "", s->rollback_note);
	if (gate->approvals_needed > 1)
		add(text, LK_ROLE_PLAIN, "people  %d of %d have approved%s%s", gate->approvals,
		    gate->approvals_needed, gate->approved_by[0] ? ": " : "", gate->approved_by);
	add(text, LK_ROLE_PLAIN, "plan    %s, hash %.4s %.4s, on %s", s->plan, s->digest,
	    strlen(s->digest) > 4 ? s->digest + 4 : "", s->target);
}

static void describe_other(const struct lk_model *model, struct lk_question_text *text)
{
	const struct lk_snapshot *s = model->latest;
	const struct lk_snapshot_step *step = lk_run_step(s);

	switch (model->act) {
	case LK_ACT_RESUME:
		add(text, LK_ROLE_NEXT, "%s %s?",
		    step && strcmp(step->state, "running") == 0 && lk_step_begins_anew(step)
			    ? "Begin anew with"
			    : "Go on with",
		    step ? step->summary : "the run");
		add(text, LK_ROLE_PLAIN, "%s by %s%s%s", s->state,
		    s->paused_by[0] ? s->paused_by : "the keeper", s->reason[0] ? ": " : "",
		    s->reason);
		add(text, LK_ROLE_PLAIN, "Space stops it again at any moment.");
		break;
	case LK_ACT_SLOW:
		add(text, LK_ROLE_NEXT, "Halve the time that a chunk may take? Now %.0f ms.",
		    s->backfill.chunk_target_ms);
		break;
	case LK_ACT_ROLLBACK:
		add(text, LK_ROLE_NEXT, "Undo every step that was done, the newest first?");
		add(text, LK_ROLE_PLAIN, "%s", s->rollback_note);
		break;
	case LK_ACT_ABORT:
		add(text, LK_ROLE_NEXT, "Stop the run here? Nothing is undone by this.");
		add(text, LK_ROLE_PLAIN, "Afterwards: mend and resume, or roll back.");
		break;
	case LK_ACT_TAKE:
		add(text, LK_ROLE_NEXT, "Become the operator of this run?");
		add(text, LK_ROLE_PLAIN, "Now: %s%s%s. They are told.",
		    s->operator_name[0] ? s->operator_name : "nobody",
		    s->operator_host[0] ? " on " : "", s->operator_host);
		break;
	case LK_ACT_GIVE:
		add(text, LK_ROLE_NEXT, "Give the operator's lease back?");
		add(text, LK_ROLE_PLAIN, "Then nobody can answer gates until somebody takes it.");
		break;
	case LK_ACT_DETACH:
		add(text, LK_ROLE_NEXT, "Leave this console?");
		if (lk_run_is(s, "done|undone"))
			add(text, LK_ROLE_PLAIN, "The run has ended.");
		else if (lk_run_is(s, "paused|stopped|waiting"))
			add(text, LK_ROLE_PLAIN,
			    "The run stays as it is until a person goes on with it.");
		else if (model->link != LK_LINK_NONE)
			add(text, LK_ROLE_PLAIN,
			    "The run goes on without it, to the next gate, and waits there.");
		break;
	default:
		break;
	}
}

void lk_act_describe(const struct lk_model *model, struct lk_question_text *text)
{
	const struct lk_question *q = &model->question;

	memset(text, 0, sizeof *text);
	if (model->act == LK_ACT_GATE) {
		describe_gate(model, text);
	} else {
		LK_COPY(text->title, lk_act_word(model->act));
		describe_other(model, text);
	}
	if (q->tier == LK_TIER_LETTER)
		snprintf(text->prompt, sizeof text->prompt, "Press %c: %s. Any other key: no. ",
			 q->letter, lk_act_word(model->act));
	else
		snprintf(text->prompt, sizeof text->prompt, "Type  %s  then Enter: ", q->expected);
}
