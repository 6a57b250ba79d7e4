/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/actions.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/run.h"
#include "ui/term/token.h"

static const struct {
	const char *word, *help;
	enum lk_tier tier; /* 0: no question */
	const char *letter;
	bool needs_lease;
} table[LK_ACTS] = {
	[LK_ACT_GATE] = {"answer gate", "open the gate that waits", LK_TIER_VALUE, NULL, true},
	[LK_ACT_RESUME] = {"resume", "go on from where it stopped", LK_TIER_LETTER, "R", true},
	[LK_ACT_SLOW] = {"slow down", "halve the time of a chunk", LK_TIER_LETTER, "S", true},
	[LK_ACT_ROLLBACK] = {"roll back", "undo every step, the newest first", LK_TIER_VALUE, NULL,
			     true},
	[LK_ACT_ABORT] = {"abort", "stop here; a person mends, resumes or rolls back",
			  LK_TIER_LETTER, "A", true},
	[LK_ACT_NOTE] = {"note", "write a line into the run's log", 0, NULL, false},
	[LK_ACT_TAKE] = {"take the lease", "become the operator", LK_TIER_LETTER, "T", false},
	[LK_ACT_GIVE] = {"give the lease", "let somebody else operate", LK_TIER_LETTER, "G", true},
	[LK_ACT_DETACH] = {"detach", "leave this console; the run goes on", LK_TIER_LETTER, "d",
			   false},
};

const char *lk_act_word(enum lk_act act)
{
	return table[act].word;
}

const char *lk_act_help(enum lk_act act)
{
	return table[act].help;
}

/* The tier depends on the gate: what cannot be undone asks for the plan's name. */
static enum lk_tier tier_of(const struct lk_model *model, enum lk_act act)
{
	const struct lk_snapshot_step *gate = lk_run_gate(model->latest);

	if (act == LK_ACT_GATE && gate && !lk_run_backward(model->latest) &&
	    lk_gate_destroys(model->latest, gate))
		return LK_TIER_NAME;
	return table[act].tier;
}

void lk_act_tier(const struct lk_model *model, enum lk_act act, char *text, size_t size)
{
	enum lk_tier tier = tier_of(model, act);

	if (tier == 0)
		lk_copy_text(text, size, "T0");
	else if (tier == LK_TIER_LETTER)
		snprintf(text, size, "T1 press %s", table[act].letter);
	else
		lk_copy_text(text, size,
			     tier == LK_TIER_NAME ? "T3 type the plan" : "T2 type a value");
}

static bool refuse(char *reason, size_t size, const char *text)
{
	lk_copy_text(reason, size, text);
	return false;
}

static bool gate_allowed(const struct lk_model *model, char *reason, size_t size)
{
	const struct lk_snapshot_step *gate = lk_run_gate(model->latest);

	if (!gate)
		return refuse(reason, size, "no gate waits");
	if (strcmp(gate->by, "sql") == 0)
		return refuse(reason, size,
			      "this gate is answered by the database, not by a person");
	return true;
}

static bool state_allows(const struct lk_model *model, enum lk_act act, char *reason, size_t size)
{
	const struct lk_snapshot *s = model->latest;

	switch (act) {
	case LK_ACT_GATE:
		return gate_allowed(model, reason, size);
	case LK_ACT_RESUME:
		return lk_run_is(s, "paused|stopped") ||
		       refuse(reason, size, "the run is neither paused nor stopped");
	case LK_ACT_SLOW:
		return (lk_run_is(s, "running|paused") && s->backfill.active) ||
		       refuse(reason, size, "no backfill is at work");
	case LK_ACT_ROLLBACK:
		return s->can_rollback ||
		       refuse(reason, size,
			      s->rollback_note[0] ? s->rollback_note : "there is no way back");
	case LK_ACT_ABORT:
		return lk_run_is(s, "running|paused|waiting|unreachable|undoing") ||
		       refuse(reason, size, "nothing is under way");
	case LK_ACT_TAKE:
		if (model->user.watch)
			return refuse(reason, size, "this console was started with --watch");
		return !lk_run_operates(model) || refuse(reason, size, "you hold it already");
	default:
		return true;
	}
}

bool lk_act_allowed(const struct lk_model *model, enum lk_act act, char *reason, size_t size)
{
	char holder[160];

	reason[0] = '\0';
	if (act == LK_ACT_DETACH)
		return true;
	if (model->link == LK_LINK_NONE)
		return refuse(reason, size, "no run is open");
	if (model->link == LK_LINK_LOST || !model->known)
		return refuse(reason, size, "the keeper does not answer");
	/* two people are two people: the second need not hold the lease */
	if (act == LK_ACT_GATE && !model->user.watch && lk_run_gate(model->latest) &&
	    lk_run_gate(model->latest)->approvals_needed > 1)
		return state_allows(model, act, reason, size);
	if (table[act].needs_lease && !lk_run_operates(model)) {
		snprintf(holder, sizeof holder, "%.60s holds the operator's lease; t takes it",
			 model->latest->operator_name[0] ? model->latest->operator_name : "nobody");
		return refuse(reason, size,
			      model->user.watch ? "this console only watches (--watch)" : holder);
	}
	return state_allows(model, act, reason, size);
}

/* What must be typed, or the letter. */
static void expected_of(const struct lk_model *model, enum lk_act act, char *text, size_t size)
{
	const struct lk_snapshot_step *gate = lk_run_gate(model->latest);
	char code[8];

	lk_run_code(model->latest, code);
	if (tier_of(model, act) == LK_TIER_LETTER)
		lk_copy_text(text, size, table[act].letter);
	else if (act == LK_ACT_ROLLBACK)
		snprintf(text, size, "rollback %s", code);
	else if (tier_of(model, act) == LK_TIER_NAME)
		lk_copy_text(text, size, model->latest->plan);
	else if (gate && lk_gate_enters_phase(gate))
		snprintf(text, size, "%s %s", gate->name, code);
	else
		lk_copy_text(text, size, gate ? gate->name : "");
}

void lk_act_open(struct lk_model *model, enum lk_act act)
{
	const struct lk_snapshot_step *gate = lk_run_gate(model->latest);
	char reason[256], expected[96];

	if (!lk_act_allowed(model, act, reason, sizeof reason)) {
		lk_model_say(model, LK_ROLE_WARN, "%s is off: %s", table[act].word, reason);
		model->overlay = LK_OVERLAY_NONE;
		return;
	}
	if (act == LK_ACT_NOTE) {
		model->overlay = LK_OVERLAY_NONE;
		model->wants |= LK_WANT_NOTE_LINE;
		return;
	}
	expected_of(model, act, expected, sizeof expected);
	LK_COPY(model->act_gate, act == LK_ACT_GATE ? gate->name : "");
	model->act = act;
	model->overlay = LK_OVERLAY_QUESTION;
	model->message[0] = '\0';
	lk_question_open(&model->question, tier_of(model, act), expected, model->now_us);
	model->wants |= LK_WANT_FLUSH_INPUT;
}

static void perform(struct lk_model *model)
{
	static const char *const verbs[LK_ACTS] = {
		[LK_ACT_GATE] = "confirm",  [LK_ACT_RESUME] = "resume",
		[LK_ACT_SLOW] = "throttle", [LK_ACT_ROLLBACK] = "rollback",
		[LK_ACT_ABORT] = "abort",   [LK_ACT_TAKE] = "lease",
		[LK_ACT_GIVE] = "lease",
	};
	struct lk_request *request;

	if (model->act == LK_ACT_DETACH) {
		model->wants |= LK_WANT_LEAVE;
		return;
	}
	request = lk_model_request(model, verbs[model->act]);
	if (!request)
		return;
	LK_COPY(request->gate, model->act_gate);
	request->take = model->act == LK_ACT_TAKE;
	if (model->act == LK_ACT_SLOW)
		request->chunk_time_ms = model->latest->backfill.chunk_target_ms > 20
						 ? model->latest->backfill.chunk_target_ms / 2
						 : 10;
	if (model->act == LK_ACT_RESUME)
		model->pause_us = model->pause_ack_us = 0;
	lk_model_say(model, LK_ROLE_PLAIN, "%s sent", lk_act_word(model->act));
}

/* Whether the question still stands on the ground on which it was opened. */
static bool still_stands(const struct lk_model *model, char *reason, size_t size)
{
	const struct lk_snapshot_step *gate = lk_run_gate(model->latest);

	if (!lk_act_allowed(model, model->act, reason, size))
		return false;
	if (model->act == LK_ACT_GATE && strcmp(gate->name, model->act_gate) != 0)
		return refuse(reason, size, "another gate waits now");
	return true;
}

/* What a no was for that nobody meant as one. */
static const char *why_no(const struct lk_question *question)
{
	return question->pasted	 ? ", for pasted text is no answer: type it"
	       : question->wrong ? ", for that is not the value that was asked for"
				 : "";
}

static void close_question(struct lk_model *model, enum lk_answer answer)
{
	char reason[256];

	if (answer == LK_ANSWER_OPEN)
		return;
	model->overlay = LK_OVERLAY_NONE;
	if (answer == LK_ANSWER_NO)
		lk_model_say(model, LK_ROLE_PLAIN, "%s: no%s. Nothing was done",
			     table[model->act].word, why_no(&model->question));
	else if (still_stands(model, reason, sizeof reason))
		perform(model);
	else
		lk_model_say(model, LK_ROLE_WARN, "%s was not done: %s", table[model->act].word,
			     reason);
	memset(&model->question, 0, sizeof model->question);
}

void lk_act_key(struct lk_model *model, uint32_t key, int64_t at_us)
{
	close_question(model, lk_question_key(&model->question, key, at_us));
}

void lk_act_paste(struct lk_model *model, int64_t at_us)
{
	lk_question_paste(&model->question, at_us);
}

void lk_act_line(struct lk_model *model, const char *line)
{
	struct lk_question *q = &model->question;
	char letter[2] = {q->letter, '\0'};
	const char *expected = q->tier == LK_TIER_LETTER ? letter : q->expected;

	q->wrong += line[0] && strcmp(line, expected) != 0;

	close_question(model, strcmp(line, expected) == 0 ? LK_ANSWER_YES : LK_ANSWER_NO);
}

void lk_act_tick(struct lk_model *model)
{
	char reason[256];

	if (model->overlay != LK_OVERLAY_QUESTION)
		return;
	if (!still_stands(model, reason, sizeof reason)) {
		model->overlay = LK_OVERLAY_NONE;
		lk_model_say(model, LK_ROLE_WARN, "question closed: %s", reason);
		return;
	}
	close_question(model, lk_question_tick(&model->question, model->now_us));
}
