/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/run.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/model/format.h"

enum { SILENT_MS = 3000, CONFIRM_US = 1000 * 1000 };

bool lk_run_is(const struct lk_snapshot *snapshot, const char *states)
{
	size_t length = strlen(snapshot->state);

	for (const char *at = states; length && at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, snapshot->state, length) == 0 &&
		    (at[length] == '|' || at[length] == '\0'))
			return true;
	}
	return false;
}

bool lk_run_lost(const struct lk_model *model)
{
	return model->link == LK_LINK_LOST ||
	       (model->link == LK_LINK_UP && lk_model_silence_ms(model) > SILENT_MS);
}

enum lk_stop lk_run_stop(const struct lk_model *model)
{
	const struct lk_snapshot *s = model->latest;
	bool paused = model->known && lk_run_is(s, "paused");

	if (!paused && !model->pause_us)
		return LK_STOP_NONE;
	if (paused && s->proof.confirmed)
		return LK_STOP_CONFIRMED;
	/* nothing was at work, so there was nothing to stop */
	if (!paused && model->pause_ack_us && !lk_run_is(s, "running|undoing"))
		return LK_STOP_NONE;
	if (model->pause_us && model->now_us - model->pause_us >= CONFIRM_US)
		return LK_STOP_NOT_CONFIRMED;
	if (paused && !model->pause_us && model->wall_ms - s->paused_at > 1000)
		return LK_STOP_NOT_CONFIRMED;
	return paused || model->pause_ack_us ? LK_STOP_ACCEPTED : LK_STOP_SENT;
}

static bool throttled(const struct lk_snapshot *s)
{
	for (int i = 0; i < s->limits_count; i++)
		if (s->limits[i].holds)
			return true;
	return false;
}

static const struct {
	const char *state, *shown;
	enum lk_role role;
} states[] = {
	{"starting", "STARTING", LK_ROLE_FRAME}, {"pending", "READY", LK_ROLE_FRAME},
	{"running", "RUN", LK_ROLE_FRAME},	 {"paused", "*PAUSED*", LK_ROLE_PAUSED},
	{"waiting", "HOLD", LK_ROLE_FRAME},	 {"stopped", "*STOPPED*", LK_ROLE_CRIT},
	{"undoing", "UNDOING", LK_ROLE_FRAME},	 {"undone", "UNDONE", LK_ROLE_FRAME},
	{"done", "DONE", LK_ROLE_FRAME},	 {"unreachable", "*NO DATABASE*", LK_ROLE_CRIT},
};

const char *lk_run_state(const struct lk_model *model, enum lk_role *role)
{
	*role = LK_ROLE_CRIT;
	if (model->link == LK_LINK_NONE) {
		*role = LK_ROLE_FRAME;
		return "no run";
	}
	if (lk_run_lost(model))
		return "*LOST*";
	*role = LK_ROLE_FRAME;
	if (!model->known)
		return "ATTACHING";
	if (lk_run_stop(model) == LK_STOP_SENT) {
		*role = LK_ROLE_PAUSED;
		return "PAUSE SENT";
	}
	if (lk_run_is(model->latest, "running") && throttled(model->latest))
		return "THROTTLED";
	for (size_t i = 0; i < LK_COUNT(states); i++)
		if (strcmp(states[i].state, model->latest->state) == 0) {
			*role = states[i].role;
			return states[i].shown;
		}
	return model->latest->state;
}

bool lk_run_operates(const struct lk_model *model)
{
	const struct lk_snapshot *s = model->latest;

	return model->known && !model->user.watch && s->operator_name[0] &&
	       strcmp(s->operator_name, model->user.name) == 0 &&
	       (!s->operator_host[0] || strcmp(s->operator_host, model->user.host) == 0);
}

void lk_run_role(const struct lk_model *model, char *text, size_t size)
{
	if (lk_run_operates(model))
		snprintf(text, size, "OPER %s", model->user.name);
	else if (model->known && model->latest->operator_name[0])
		snprintf(text, size, "OBSERVE (oper %s)", model->latest->operator_name);
	else
		snprintf(text, size, "OBSERVE %s", model->user.name);
}

const struct lk_snapshot_step *lk_run_gate(const struct lk_snapshot *snapshot)
{
	for (int i = 0; i < snapshot->steps_count; i++)
		if (strcmp(snapshot->steps[i].verb, "gate") == 0 &&
		    strcmp(snapshot->steps[i].state, "waiting") == 0)
			return &snapshot->steps[i];
	return NULL;
}

bool lk_run_at_gate(const struct lk_snapshot *snapshot)
{
	return lk_run_is(snapshot, "waiting|pending") && lk_run_gate(snapshot);
}

bool lk_run_backward(const struct lk_snapshot *snapshot)
{
	const struct lk_snapshot_step *gate = lk_run_gate(snapshot);

	if (lk_run_is(snapshot, "undone|done|pending"))
		return false;
	if (lk_run_is(snapshot, "undoing"))
		return true;
	for (int i = 0; i < snapshot->steps_count; i++)
		if (strcmp(snapshot->steps[i].state, "undone") == 0 ||
		    strcmp(snapshot->steps[i].state, "undoing") == 0)
			return true;
	/* a gate that everybody has answered and that waits all the same asks on the way back */
	return gate && gate->approvals_needed > 0 && gate->approvals >= gate->approvals_needed;
}

bool lk_run_copies(const struct lk_snapshot *snapshot)
{
	for (int i = 0; i < snapshot->steps_count; i++)
		if (strcmp(snapshot->steps[i].verb, "backfill") == 0 ||
		    strcmp(snapshot->steps[i].verb, "dual_write") == 0)
			return true;
	return false;
}

bool lk_step_begins_anew(const struct lk_snapshot_step *step)
{
	return strcmp(step->verb, "gate") != 0 && strcmp(step->verb, "backfill") != 0;
}

bool lk_gate_enters_phase(const struct lk_snapshot_step *gate)
{
	return strcmp(gate->name, gate->phase) == 0;
}

bool lk_gate_destroys(const struct lk_snapshot *snapshot, const struct lk_snapshot_step *gate)
{
	if (strcmp(gate->phase, "contract") != 0)
		return false;
	for (int i = 0; i < snapshot->steps_count; i++)
		if (snapshot->steps[i].number > gate->number && snapshot->steps[i].destroys[0])
			return true;
	return false;
}

const struct lk_snapshot_step *lk_run_step(const struct lk_snapshot *snapshot)
{
	for (int i = 0; i < snapshot->steps_count; i++)
		if (snapshot->steps[i].number == snapshot->step)
			return &snapshot->steps[i];
	return NULL;
}

double lk_run_progress(const struct lk_snapshot *snapshot)
{
	double done = (double)snapshot->backfill.rows_done;

	if (snapshot->backfill.rows_total <= 0)
		return -1;
	done /= (double)snapshot->backfill.rows_total;
	return done < 0 ? 0 : done > 1 ? 1 : done;
}

bool lk_run_phase_current(const struct lk_snapshot *snapshot, enum lk_phase phase)
{
	return strcmp(snapshot->phase, lk_phase_name(phase)) == 0 &&
	       !lk_run_is(snapshot, "done|undone");
}

/* The steps of a phase, and how many of them are in that state. */
static int count_steps(const struct lk_snapshot *s, enum lk_phase phase, const char *state)
{
	int count = 0;

	for (int i = 0; i < s->steps_count; i++)
		if (strcmp(s->steps[i].phase, lk_phase_name(phase)) == 0 &&
		    (!state || strcmp(s->steps[i].state, state) == 0))
			count++;
	return count;
}

static bool in_backfill(const struct lk_snapshot *s)
{
	const struct lk_snapshot_step *step = lk_run_step(s);

	return step && strcmp(step->verb, "backfill") == 0 && lk_run_progress(s) >= 0;
}

static int backfills(const struct lk_snapshot *s, enum lk_phase phase)
{
	int count = 0;

	for (int i = 0; i < s->steps_count; i++)
		count += strcmp(s->steps[i].phase, lk_phase_name(phase)) == 0 &&
			 strcmp(s->steps[i].verb, "backfill") == 0;
	return count;
}

/* How far the phase that the run is in has come. */
static void describe_current(const struct lk_snapshot *s, enum lk_phase phase, char *text,
			     size_t size)
{
	const struct lk_snapshot_step *gate = lk_run_gate(s);
	int done = count_steps(s, phase, "done"), all = count_steps(s, phase, NULL);

	if (gate && lk_run_at_gate(s))
		snprintf(text, size, "*gate:%s*", gate->name);
	else if (in_backfill(s) && backfills(s, phase) > 1)
		snprintf(text, size, "%d/%d, backfill %.0f%%%s", done, all,
			 100 * lk_run_progress(s), lk_run_is(s, "paused") ? " *PAUSED*" : "");
	else if (in_backfill(s))
		snprintf(text, size, "%.0f%%%s", 100 * lk_run_progress(s),
			 lk_run_is(s, "paused") ? " *PAUSED*" : "");
	else if (lk_run_is(s, "paused|stopped"))
		snprintf(text, size, "%d/%d %s", done, all,
			 lk_run_is(s, "paused") ? "*PAUSED*" : "*STOPPED*");
	else
		snprintf(text, size, "%d/%d", done, all);
}

void lk_run_phase(const struct lk_snapshot *snapshot, enum lk_phase phase, char *text, size_t size)
{
	int all = count_steps(snapshot, phase, NULL);
	int done = count_steps(snapshot, phase, "done");
	int undone = count_steps(snapshot, phase, "undone");

	if (all == 0)
		lk_copy_text(text, size, "-");
	else if (done == all)
		lk_copy_text(text, size, "done");
	else if (lk_run_is(snapshot, "undoing"))
		snprintf(text, size, "%s", undone || done ? "undoing" : "-");
	else if (lk_run_is(snapshot, "undone"))
		snprintf(text, size, "%s", undone ? "undone" : "-");
	else if (lk_run_phase_current(snapshot, phase))
		describe_current(snapshot, phase, text, size);
	else
		lk_copy_text(text, size, "locked");
}

void lk_run_code(const struct lk_snapshot *snapshot, char code[8])
{
	snprintf(code, 8, "%.4s", snapshot->digest[0] ? snapshot->digest : "0000");
}

bool lk_run_clean(const struct lk_snapshot *snapshot)
{
	bool rows = snapshot->result.known ? snapshot->result.rows_compared > 0 &&
						     snapshot->result.rows_different == 0
					   : !lk_run_copies(snapshot);

	return lk_run_is(snapshot, "done") && rows && snapshot->backfill.rejected == 0 &&
	       snapshot->application.known && snapshot->application.transactions > 0 &&
	       snapshot->application.errors == 0;
}

static void next_at_gate(const struct lk_model *model, char *text, size_t size)
{
	const struct lk_snapshot_step *gate = lk_run_gate(model->latest);

	if (!gate)
		snprintf(text, size, "waits: %s", model->latest->reason);
	else if (strcmp(gate->by, "sql") == 0)
		snprintf(text, size, "gate %s: the database answers it, nothing to press. %s",
			 gate->name, gate->note);
	else if (!lk_run_operates(model) && gate->approvals_needed < 2)
		snprintf(text, size, "gate %s waits for the operator. t takes the lease",
			 gate->name);
	else if (lk_run_backward(model->latest))
		snprintf(text, size, "g answers gate %s. The way back waits safely here",
			 gate->name);
	else if (gate->approvals > 0)
		snprintf(text, size, "g answers gate %s: %d of %d approved (%s); one more person",
			 gate->name, gate->approvals, gate->approvals_needed, gate->approved_by);
	else
		snprintf(text, size, "g answers gate %s. The run waits safely here", gate->name);
}

static void next_running(const struct lk_model *model, char *text, size_t size)
{
	const struct lk_snapshot *s = model->latest;
	const struct lk_snapshot_step *step = lk_run_step(s);

	if (step && lk_step_begins_anew(step)) {
		lk_copy_text(
			text, size,
			"nothing to press. Space cancels this statement; r then begins it anew");
		return;
	}
	for (int i = 0; i < s->limits_count; i++)
		if (s->limits[i].holds) {
			snprintf(text, size,
				 "nothing to press: held back by %s %s > %s. Space stops it",
				 s->limits[i].name, s->limits[i].value, s->limits[i].limit);
			return;
		}
	lk_copy_text(text, size, "nothing to press: it runs. Space stops it at once");
}

void lk_run_next(const struct lk_model *model, char *text, size_t size)
{
	const struct lk_snapshot *s = model->latest;
	char age[LK_SHORT];

	if (model->link == LK_LINK_NONE)
		lk_copy_text(text, size,
			     "Enter opens the selected plan; nothing changes before a gate");
	else if (model->link == LK_LINK_LOST)
		snprintf(text, size,
			 "keeper gone for %s, trying again. 1, Enter on the plan: take over",
			 lk_show_age(lk_model_silence_ms(model), age));
	else if (lk_run_lost(model))
		snprintf(text, size,
			 "keeper silent for %s, trying again. Elsewhere: lockkeeper status %s",
			 lk_show_age(lk_model_silence_ms(model), age), s->run);
	else if (!model->known)
		lk_copy_text(text, size, "waiting for the keeper's first words");
	else if (lk_run_is(s, "waiting") || lk_run_at_gate(s))
		next_at_gate(model, text, size);
	else if (lk_run_is(s, "paused"))
		lk_copy_text(text, size,
			     "r resumes (asks first). Space again does nothing: it never resumes");
	else if (lk_run_is(s, "stopped"))
		snprintf(text, size, "r tries again, a rolls back. %s", s->reason);
	else if (lk_run_is(s, "running"))
		next_running(model, text, size);
	else if (lk_run_is(s, "undoing"))
		lk_copy_text(text, size, "rolling back; Space stops it at once");
	else if (lk_run_is(s, "done|undone"))
		lk_copy_text(
			text, size,
			model->screen == LK_SCREEN_PLANS
				? "Enter opens the selected plan; nothing changes before a gate"
			: lk_run_is(s, "undone")
				? "as it was before. 5 shows the log; 1, Enter begins it anew"
				: "finished. 5 shows the log, 1 the plans, q leaves");
	else
		lk_copy_text(text, size, s->reason[0] ? s->reason : "wait");
}
