/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/machine.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "step/step.h"

/* Between two askings of a check that did not hold. */
#define CHECK_GAP_US 1000000

static enum lk_step_state read_state(const char *name)
{
	static const char *const names[] = {
		[LK_STEP_PENDING] = "pending", [LK_STEP_RUNNING] = "running",
		[LK_STEP_DONE] = "done",       [LK_STEP_UNDONE] = "undone",
		[LK_STEP_FAILED] = "failed",
	};
	for (size_t i = 0; i < LK_COUNT(names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum lk_step_state)i;
	return LK_STEP_PENDING;
}

void lk_machine_prepare(struct lk_machine *machine, const struct lk_plan *plan,
			const struct lk_journal_step *steps)
{
	machine->plan = plan;
	free(machine->steps);
	machine->steps = lk_alloc(plan->step_count * sizeof *machine->steps);
	machine->recorded = steps != NULL;
	machine->unreachable = false;
	for (size_t i = 0; steps && i < plan->step_count; i++) {
		struct lk_machine_step *s = &machine->steps[i];
		s->state = read_state(steps[i].state);
		LK_COPY(s->note, steps[i].note);
		s->started = steps[i].started;
		s->ended = steps[i].ended;
	}
}

void lk_machine_free(struct lk_machine *machine)
{
	free(machine->steps);
	memset(machine, 0, sizeof *machine);
}

static bool is_ahead(const struct lk_machine_step *s)
{
	return s->state != LK_STEP_DONE;
}

/* On the way back: what was begun must be taken back. */
static bool is_behind(const struct lk_machine_step *s)
{
	return s->state != LK_STEP_PENDING && s->state != LK_STEP_UNDONE;
}

/* The run has stood at this gate, and whoever read its question may have done what it speaks of before he turned
 * round: so the way back asks too, as behind one that was answered. */
static bool was_asked(const struct lk_machine *m, int i)
{
	const struct lk_step *step = &m->plan->steps[i];
	return step->verb == LK_VERB_GATE && step->undo && i > 0 &&
	       m->steps[i].state == LK_STEP_PENDING && m->steps[i - 1].state == LK_STEP_DONE;
}

int lk_machine_current(const struct lk_machine *m)
{
	int count = m->plan ? (int)m->plan->step_count : 0;
	if (m->backward) {
		for (int i = count - 1; i >= 0; i--)
			if (is_behind(&m->steps[i]) || was_asked(m, i))
				return i;
		return -1;
	}
	for (int i = 0; i < count; i++)
		if (is_ahead(&m->steps[i]))
			return i;
	return -1;
}

enum lk_run_state lk_machine_state(const struct lk_machine *m)
{
	if (!m->plan)
		return m->unreachable ? LK_RUN_UNREACHABLE : LK_RUN_STARTING;
	int current = lk_machine_current(m);
	/* Over only once the journal says so: before that a crash would find it unfinished. */
	if (current < 0 && m->finished)
		return m->backward ? LK_RUN_UNDONE : LK_RUN_DONE;
	if (m->brake == LK_BRAKE_PAUSED)
		return LK_RUN_PAUSED;
	if (m->brake == LK_BRAKE_STOPPED)
		return LK_RUN_STOPPED;
	if (m->unreachable)
		return LK_RUN_UNREACHABLE;
	if (!m->recorded && !m->busy)
		return LK_RUN_PENDING;
	if (current >= 0 && m->steps[current].waiting)
		return LK_RUN_WAITING;
	return m->backward ? LK_RUN_UNDOING : LK_RUN_RUNNING;
}

const char *lk_run_state_name(enum lk_run_state state)
{
	static const char *const names[] = {
		[LK_RUN_STARTING] = "starting", [LK_RUN_PENDING] = "pending",
		[LK_RUN_RUNNING] = "running",	[LK_RUN_PAUSED] = "paused",
		[LK_RUN_WAITING] = "waiting",	[LK_RUN_STOPPED] = "stopped",
		[LK_RUN_UNDOING] = "undoing",	[LK_RUN_UNDONE] = "undone",
		[LK_RUN_DONE] = "done",		[LK_RUN_UNREACHABLE] = "unreachable",
	};
	return names[state];
}

const char *lk_step_state_name(const struct lk_machine_step *step)
{
	static const char *const names[] = {
		[LK_STEP_PENDING] = "pending", [LK_STEP_RUNNING] = "running",
		[LK_STEP_DONE] = "done",       [LK_STEP_UNDONE] = "undone",
		[LK_STEP_FAILED] = "failed",
	};
	return step->waiting ? "waiting" : names[step->state];
}

int lk_machine_approvals(const struct lk_machine *m, int step, char *text, size_t size)
{
	int count = 0;
	size_t length = 0;
	if (size)
		text[0] = '\0';
	for (size_t i = 0; i < m->approval_count; i++) {
		if (strcmp(m->approvals[i].gate, m->plan->steps[step].name) != 0)
			continue;
		count++;
		if (length < size)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
						   length ? ", " : "", m->approvals[i].who);
	}
	return count;
}

static struct lk_action next_forward(struct lk_machine *m, int current, int64_t now_us)
{
	const struct lk_step *step = &m->plan->steps[current];
	struct lk_machine_step *s = &m->steps[current];
	struct lk_action none = {LK_ACTION_NONE, current};
	if (step->verb == LK_VERB_GATE && step->gate == LK_GATE_ASK) {
		s->waiting = lk_machine_approvals(m, current, NULL, 0) < step->needed;
		if (s->waiting)
			return none;
	} else if (s->waiting && now_us < m->look_again) {
		return none;
	}
	if (!m->recorded)
		return (struct lk_action){LK_ACTION_RECORD, current};
	return (struct lk_action){LK_ACTION_FORWARD, current};
}

static struct lk_action next_backward(struct lk_machine *m, int current)
{
	const struct lk_step *step = &m->plan->steps[current];
	struct lk_machine_step *s = &m->steps[current];
	bool asks = step->verb == LK_VERB_GATE && step->undo &&
		    (s->state == LK_STEP_DONE || was_asked(m, current));
	s->waiting = asks && !s->way_back_open;
	return (struct lk_action){s->waiting ? LK_ACTION_NONE : LK_ACTION_BACKWARD, current};
}

struct lk_action lk_machine_next(struct lk_machine *m, int64_t now_us)
{
	struct lk_action action = {LK_ACTION_NONE, -1};
	if (!m->plan || m->busy || m->brake != LK_BRAKE_OFF || m->unreachable || m->finished)
		return action;
	int current = lk_machine_current(m);
	if (current < 0)
		action.kind = LK_ACTION_FINISH;
	else
		action = m->backward ? next_backward(m, current) : next_forward(m, current, now_us);
	if (action.kind == LK_ACTION_NONE)
		return action;
	m->busy = true;
	if (action.kind == LK_ACTION_FORWARD || action.kind == LK_ACTION_BACKWARD) {
		struct lk_machine_step *s = &m->steps[action.step];
		if (!s->waiting && s->state != LK_STEP_RUNNING)
			s->started = lk_wall_ms();
		if (m->plan->steps[action.step].verb != LK_VERB_GATE)
			s->state = LK_STEP_RUNNING;
	}
	return action;
}

static void step_done(struct lk_machine *m, struct lk_action action, const char *note)
{
	struct lk_machine_step *s = &m->steps[action.step];
	s->state = action.kind == LK_ACTION_BACKWARD ? LK_STEP_UNDONE : LK_STEP_DONE;
	s->waiting = false;
	s->ended = lk_wall_ms();
	LK_COPY(s->note, note);
	/* end_dual_write is carried out by the step behind it, so both end together. */
	if (action.step > 0 && lk_step_joins_next(m->plan, (size_t)action.step - 1) &&
	    action.kind == LK_ACTION_FORWARD)
		m->steps[action.step - 1].state = LK_STEP_DONE;
}

static void stop(struct lk_machine *m, enum lk_brake brake, const char *who, const char *reason)
{
	m->brake = brake;
	m->since = lk_wall_ms();
	LK_COPY(m->by, who);
	LK_COPY(m->reason, reason);
}

static void step_failed(struct lk_machine *m, struct lk_action action, const char *note)
{
	if (action.step >= 0 && m->recorded) {
		struct lk_machine_step *s = &m->steps[action.step];
		s->state = LK_STEP_FAILED;
		s->ended = lk_wall_ms();
		LK_COPY(s->note, note);
	}
	/* A run that never began goes back to its question instead of being "stopped". */
	if (!m->recorded) {
		m->approval_count = 0;
		LK_COPY(m->reason, note);
	} else if (m->brake == LK_BRAKE_OFF) {
		stop(m, LK_BRAKE_STOPPED, "keeper", note);
	}
}

void lk_machine_ended(struct lk_machine *m, struct lk_action action, enum lk_ending ending,
		      const char *note)
{
	m->busy = false;
	switch (ending) {
	case LK_ENDED_DONE:
		if (action.kind == LK_ACTION_RECORD)
			m->recorded = true;
		else if (action.kind == LK_ACTION_FINISH)
			m->finished = true;
		else
			step_done(m, action, note);
		break;
	case LK_ENDED_WAITING:
		m->steps[action.step].waiting = true;
		LK_COPY(m->steps[action.step].note, note);
		m->look_again = lk_clock_us() + CHECK_GAP_US;
		break;
	case LK_ENDED_STOPPED:
		break;
	case LK_ENDED_LOST:
		lk_machine_unreachable(m, true, note);
		break;
	case LK_ENDED_FAILED:
		step_failed(m, action, note);
		break;
	}
}

static bool is_over(const struct lk_machine *m, char *text, size_t size)
{
	enum lk_run_state state = lk_machine_state(m);
	if (state != LK_RUN_DONE && state != LK_RUN_UNDONE)
		return false;
	snprintf(text, size, "the run is %s: nothing moves any more", lk_run_state_name(state));
	return true;
}

bool lk_machine_pause(struct lk_machine *m, const char *who, char *text, size_t size)
{
	if (is_over(m, text, size))
		return true;
	if (m->brake != LK_BRAKE_OFF) {
		snprintf(text, size, "it stands already: %s by %s",
			 m->brake == LK_BRAKE_PAUSED ? "paused" : "stopped", m->by);
		return true;
	}
	stop(m, LK_BRAKE_PAUSED, who, "");
	snprintf(text, size, "paused");
	return true;
}

bool lk_machine_resume(struct lk_machine *m, const char *who, char *text, size_t size)
{
	if (m->brake == LK_BRAKE_OFF) {
		snprintf(text, size, "it is not paused: the run is %s",
			 lk_run_state_name(lk_machine_state(m)));
		return false;
	}
	if (m->busy) {
		snprintf(text, size, "the worker has not come to rest yet: try again in a moment");
		return false;
	}
	m->brake = LK_BRAKE_OFF;
	m->reason[0] = '\0';
	m->look_again = 0;
	(void)who;
	snprintf(text, size, "resumed%s", m->backward ? ", on the way back" : "");
	return true;
}

bool lk_machine_abort(struct lk_machine *m, const char *who, char *text, size_t size)
{
	char reason[200];
	if (is_over(m, text, size))
		return false;
	snprintf(reason, sizeof reason, "aborted by %s; it can be resumed or rolled back", who);
	stop(m, LK_BRAKE_STOPPED, who, reason);
	snprintf(text, size, "stopped; resume goes on, rollback takes it back");
	return true;
}

bool lk_machine_can_rollback(const struct lk_machine *m, char *text, size_t size)
{
	if (!m->plan || !m->recorded) {
		snprintf(text, size, "nothing was changed yet");
		return false;
	}
	enum lk_run_state state = lk_machine_state(m);
	for (size_t i = 0; i < m->plan->step_count; i++)
		if (m->steps[i].state == LK_STEP_DONE && lk_step_irreversible(&m->plan->steps[i])) {
			snprintf(text, size, "step %s is done and nothing takes it back",
				 m->plan->steps[i].name);
			return false;
		}
	if (m->backward || state == LK_RUN_DONE) {
		snprintf(text, size,
			 state == LK_RUN_DONE ? "the run is done"
					      : "it is on the way back already");
		return false;
	}
	snprintf(text, size, "takes every step back, in reverse; the database is then as it was");
	return true;
}

bool lk_machine_rollback(struct lk_machine *m, const char *who, char *text, size_t size)
{
	if (!lk_machine_can_rollback(m, text, size))
		return false;
	m->backward = true;
	m->brake = LK_BRAKE_OFF;
	LK_COPY(m->by, who);
	snprintf(m->reason, sizeof m->reason, "rolled back by %.60s", who);
	for (size_t i = 0; i < m->plan->step_count; i++)
		m->steps[i].waiting = false;
	snprintf(text, size, "rolling back");
	return true;
}

static bool approve(struct lk_machine *m, const struct lk_journal_approval *approval, int step,
		    char *text, size_t size)
{
	char names[160];
	int needed = m->plan->steps[step].needed;
	for (size_t i = 0; i < m->approval_count; i++)
		if (strcmp(m->approvals[i].gate, approval->gate) == 0 &&
		    strcmp(m->approvals[i].who, approval->who) == 0) {
			snprintf(text, size, "%s has answered it already; %s", approval->who,
				 needed > 1 ? "a second person must, from another account" : "");
			return false;
		}
	if (m->approval_count == LK_MACHINE_APPROVALS) {
		snprintf(text, size, "there are too many approvals");
		return false;
	}
	m->approvals[m->approval_count++] = *approval;
	int count = lk_machine_approvals(m, step, names, sizeof names);
	if (count < needed)
		snprintf(text, size,
			 "%d of %d answers: a second person must answer from another account",
			 count, needed);
	else
		snprintf(text, size, "answered by %s", names);
	return true;
}

bool lk_machine_confirm(struct lk_machine *m, const struct lk_journal_approval *approval,
			char *text, size_t size)
{
	int current = m->plan ? lk_machine_current(m) : -1;
	int step = m->plan ? lk_plan_find_step(m->plan, approval->gate) : -1;
	if (step < 0 || m->plan->steps[step].verb != LK_VERB_GATE) {
		snprintf(text, size, "the plan has no gate \"%.60s\"", approval->gate);
		return false;
	}
	if (step != current || !m->steps[current].waiting) {
		snprintf(text, size, "gate %.60s does not wait for an answer now", approval->gate);
		return false;
	}
	if (m->brake != LK_BRAKE_OFF) {
		snprintf(text, size, "the run is %s: resume it first",
			 lk_run_state_name(lk_machine_state(m)));
		return false;
	}
	if (m->backward) {
		m->steps[step].way_back_open = true;
		snprintf(text, size, "answered by %s", approval->who);
		return true;
	}
	if (m->plan->steps[step].gate == LK_GATE_NONE) {
		snprintf(text, size, "gate %.60s is a check: it opens when its SQL returns nothing",
			 approval->gate);
		return false;
	}
	return approve(m, approval, step, text, size);
}

void lk_machine_unreachable(struct lk_machine *m, bool unreachable, const char *why)
{
	m->unreachable = unreachable;
	if (m->brake == LK_BRAKE_OFF)
		LK_COPY(m->reason, unreachable ? why : "");
}
