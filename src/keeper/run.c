/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run, on the main thread: messages in, the worker's next job out. */
#include "keeper/run.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "keeper/report.h"
#include "plan/limits.h"

static void give(struct lk_keeper *k, enum lk_job_kind kind)
{
	struct lk_job job = {.kind = kind};
	k->job_under_way = true;
	k->adopting = kind == LK_JOB_ADOPT;
	lk_worker_give(&k->worker, &job, k->prepared ? &k->prepared->plan : NULL);
}

/* The state as the journal has it, when it changed. */
static void record_state(struct lk_keeper *k)
{
	enum lk_run_state state = lk_machine_state(&k->machine);
	const char *name = lk_run_state_name(state);
	if (!k->machine.recorded || state == LK_RUN_UNREACHABLE || state == LK_RUN_DONE ||
	    state == LK_RUN_UNDONE)
		return; /* the end is recorded by the worker, in a transaction */
	if (strcmp(k->recorded_state, name) == 0 &&
	    strcmp(k->recorded_reason, k->machine.reason) == 0)
		return;
	LK_COPY(k->recorded_state, name);
	LK_COPY(k->recorded_reason, k->machine.reason);
	lk_journalist_state(&k->journalist, name, k->machine.reason);
}

static void add_approvals(const struct lk_machine *m, int step, struct lk_job *job)
{
	for (size_t i = 0; i < m->approval_count && job->approval_count < LK_COUNT(job->approvals);
	     i++)
		if (strcmp(m->approvals[i].gate, m->plan->steps[step].name) == 0)
			job->approvals[job->approval_count++] = m->approvals[i];
}

static void log_action(struct lk_keeper *k, struct lk_action action)
{
	const struct lk_step *step =
		action.step >= 0 ? &k->prepared->plan.steps[action.step] : NULL;
	if (!step || step->verb == LK_VERB_GATE || action.kind == LK_ACTION_RECORD)
		return;
	char *summary = lk_step_summary(step);
	lk_keeper_log(k, "step", "keeper", "%s%s",
		      action.kind == LK_ACTION_BACKWARD ? "taking back: " : "", summary);
	free(summary);
}

void lk_keeper_advance(struct lk_keeper *k)
{
	struct lk_action action = {LK_ACTION_NONE, -1};
	if (!k->job_under_way && k->prepared && !k->lost_run)
		action = lk_machine_next(&k->machine, lk_clock_us());
	if (action.kind != LK_ACTION_NONE) {
		struct lk_job job = {.kind = LK_JOB_ACTION, .action = action};
		if (action.kind == LK_ACTION_FORWARD)
			add_approvals(&k->machine, action.step, &job);
		/* What was stopped is over: from here on the worker may send statements again. */
		lk_controller_release(&k->controller);
		lk_pace_go(&k->shared.pace);
		k->job_under_way = true;
		log_action(k, action);
		lk_worker_give(&k->worker, &job, &k->prepared->plan);
	}
	record_state(k);
}

void lk_keeper_brake(struct lk_keeper *k)
{
	k->stop_asked_us = lk_clock_us();
	lk_pace_stop(&k->shared.pace);
	k->stop_number = lk_controller_stop(&k->controller, k->stop_asked_us);
	memset(&k->snapshot.proof, 0, sizeof k->snapshot.proof);
	k->proof_seen_us = 0;
	k->snapshot.proof.requested = lk_wall_ms();
	k->snapshot.proof.accepted_ms = (double)(lk_clock_us() - k->stop_asked_us) / 1000.0;
	k->snapshot.proof.open_transactions = -1;
	k->snapshot.proof.locks_held = -1;
}

static void mark_wanted(struct lk_keeper *k, const char *verb)
{
	if (!k->machine.recorded)
		return;
	lk_journalist_wanted(&k->journalist, strcmp(verb, "pause") == 0	  ? "paused"
					     : strcmp(verb, "abort") == 0 ? "aborted"
					     : k->machine.backward	  ? "rollback"
									  : "running");
}

bool lk_keeper_wish(struct lk_keeper *k, const char *verb, const char *who, char *text, size_t size)
{
	static const struct {
		const char *verb;
		bool (*act)(struct lk_machine *, const char *, char *, size_t);
		bool brakes;
	} wishes[] = {
		{"pause", lk_machine_pause, true},
		{"resume", lk_machine_resume, false},
		{"abort", lk_machine_abort, true},
		{"rollback", lk_machine_rollback, true},
	};
	for (size_t i = 0; i < LK_COUNT(wishes); i++) {
		if (strcmp(wishes[i].verb, verb) != 0)
			continue;
		enum lk_brake before = k->machine.brake;
		/* The flag goes up before anything else is thought about. */
		if (strcmp(verb, "pause") == 0 && before == LK_BRAKE_OFF)
			lk_keeper_brake(k);
		bool accepted = wishes[i].act(&k->machine, who, text, size);
		if (!accepted)
			return false;
		if (wishes[i].brakes && strcmp(verb, "pause") != 0)
			lk_keeper_brake(k);
		mark_wanted(k, verb);
		if (strcmp(verb, "pause") != 0 || before == LK_BRAKE_OFF)
			lk_keeper_log(k, verb, who, "%s: %s", verb, text);
		lk_keeper_advance(k);
		lk_report_broadcast(k);
		return true;
	}
	snprintf(text, size, "there is no verb \"%s\"", verb);
	return false;
}

static void start_companions(struct lk_keeper *k)
{
	struct lk_error error;
	if (!k->watcher.shared &&
	    !lk_watcher_start(&k->watcher, &k->shared, &k->prepared->plan, &error))
		lk_keeper_log(k, "error", "keeper", "%s", error.text);
	if (!k->controller.shared &&
	    !lk_controller_start(&k->controller, &k->shared, &k->journalist, &error))
		lk_keeper_log(k, "error", "keeper", "%s", error.text);
}

static void start_journal(struct lk_keeper *k)
{
	struct lk_error error;
	if (!k->journalist.shared && !lk_journalist_start(&k->journalist, &k->shared, &error))
		lk_keeper_log(k, "error", "keeper", "%s", error.text);
}

/* How many rows a verify compared, from the note it left (also of a run that was resumed). */
static void read_result(struct lk_keeper *k)
{
	const struct lk_plan *plan = &k->prepared->plan;
	for (size_t i = 0; i < plan->step_count; i++) {
		long long different, rows;
		if (plan->steps[i].verb != LK_VERB_VERIFY ||
		    k->machine.steps[i].state != LK_STEP_DONE ||
		    sscanf(k->machine.steps[i].note, "%lld of %lld rows differ", &different,
			   &rows) != 2)
			continue;
		k->snapshot.result.known = true;
		k->snapshot.result.rows_compared = rows;
		k->snapshot.result.rows_different = different;
		snprintf(k->snapshot.result.text, sizeof k->snapshot.result.text,
			 "compared by the server in one snapshot, step %.60s", plan->steps[i].name);
	}
}

/* The run as the journal left it: its wish is followed, its direction continued. */
static void continue_adopted(struct lk_keeper *k)
{
	char text[200];
	bool backward = k->prepared->backward;
	for (size_t i = 0; i < k->prepared->plan.step_count; i++)
		backward = backward || k->machine.steps[i].state == LK_STEP_UNDONE;
	if ((backward || strcmp(k->prepared->wanted, "rollback") == 0) &&
	    lk_machine_rollback(&k->machine, k->shared.who, text, sizeof text) &&
	    strcmp(k->prepared->wanted, "rollback") == 0)
		mark_wanted(k, "rollback");
	if (strcmp(k->prepared->wanted, "paused") == 0)
		lk_machine_pause(&k->machine, "the journal", text, sizeof text);
	if (strcmp(k->prepared->wanted, "aborted") == 0)
		lk_machine_abort(&k->machine, "the journal", text, sizeof text);
}

static void take_over_plan(struct lk_keeper *k, struct lk_message *message)
{
	lk_prepared_free(k->replaced);
	k->replaced = k->prepared;
	k->prepared = message->prepared;
	message->prepared = NULL;
	lk_plan_digest(&k->prepared->plan, k->shared.digest);
	struct lk_limits *own = &k->prepared->plan.limits;
	struct lk_limits merged = lk_settings_limits(&k->settings, k->target, own);
	lk_limits_free(own);
	*own = merged;
	if (k->prepared->plan.replicas.count == 0 && k->target)
		k->prepared->plan.replicas = lk_names_copy(&k->target->replicas);
}

static void start_failed(struct lk_keeper *k, const struct lk_message *message)
{
	k->failed_to_start = true;
	k->failure_class = message->class;
	LK_COPY(k->failure, message->text);
	lk_keeper_log(k, "error", "keeper", "%s", message->text);
}

static void prepared_first(struct lk_keeper *k, struct lk_message *message)
{
	if (message->prepared->found && k->prepared) {
		message->class = LK_ERROR_REFUSED;
		snprintf(message->text, sizeof message->text,
			 "another keeper has begun this plan, as run %s: attach to it",
			 message->prepared->run);
		start_failed(k, message);
		return;
	}
	if (message->prepared->found) {
		/* Another name than the one we made up, so nothing of ours runs under it yet. */
		LK_COPY(k->shared.run, message->prepared->run);
		lk_prepared_free(message->prepared);
		message->prepared = NULL;
		start_journal(k);
		return;
	}
	take_over_plan(k, message);
	lk_machine_prepare(&k->machine, &k->prepared->plan, NULL);
	start_companions(k);
	lk_keeper_log(k, "state", "keeper", "connected to %s, %s; nothing was changed yet",
		      k->prepared->target, k->prepared->server);
}

/* The journal's numbers go on where the keeper before us ended, and consoles that saw its events miss none. */
static void renumber_events(struct lk_keeper *k, int64_t last)
{
	struct lk_event *ours = lk_alloc(sizeof k->events);
	int64_t count = k->event_count < LK_KEEPER_EVENTS ? k->event_count : LK_KEEPER_EVENTS;
	for (int64_t i = 0; i < count; i++)
		ours[i] = k->events[(k->event_count - count + i) % LK_KEEPER_EVENTS];
	for (int64_t i = 0; i < count; i++) {
		struct lk_event *event = &k->events[(last + i) % LK_KEEPER_EVENTS];
		*event = ours[i];
		event->number = last + i + 1;
	}
	k->first_event = last;
	k->event_count = last + count;
	free(ours);
}

static void prepared_again(struct lk_keeper *k, struct lk_message *message)
{
	bool first = k->prepared == NULL;
	take_over_plan(k, message);
	lk_machine_prepare(&k->machine, &k->prepared->plan, k->prepared->steps);
	k->adopting = false;
	if (first) {
		renumber_events(k, k->prepared->last_event);
		continue_adopted(k);
	}
	lk_machine_unreachable(&k->machine, false, "");
	start_companions(k);
	start_journal(k);
	atomic_store(&k->controller.polling, true);
	read_result(k);
	lk_keeper_log(k, "state", "keeper",
		      first ? "took over run %s, epoch %lld: state read from the journal"
			    : "connected again to run %s, epoch %lld",
		      k->shared.run, (long long)atomic_load(&k->shared.epoch));
}

/* The connection broke while the run was being recorded, and it was not: nothing was changed, so the plan is
 * prepared anew. What was answered stays answered. */
static void begin_again(struct lk_keeper *k)
{
	atomic_store(&k->shared.epoch, 0);
	lk_machine_unreachable(&k->machine, false, "");
	lk_keeper_log(k, "state", "keeper", "the run was not recorded: beginning again");
	give(k, LK_JOB_PREPARE);
}

static void take_prepared(struct lk_keeper *k, struct lk_message *message)
{
	if (!message->prepared && message->ending == LK_ENDED_LOST && k->adopting) {
		/* The worker goes on trying. */
		lk_machine_unreachable(&k->machine, true, message->text);
		return;
	}
	k->job_under_way = false;
	if (!message->prepared && k->adopting && k->prepared && !k->machine.recorded)
		begin_again(k);
	else if (!message->prepared)
		start_failed(k, message);
	else if (k->adopting)
		prepared_again(k, message);
	else
		prepared_first(k, message);
}

static const char *ending_word(const struct lk_message *message)
{
	return message->action.kind == LK_ACTION_BACKWARD ? "taken back" : "done";
}

static void log_ended(struct lk_keeper *k, const struct lk_message *m)
{
	const char *name =
		m->action.step >= 0 ? k->prepared->plan.steps[m->action.step].name : "run";
	if (m->ending == LK_ENDED_FAILED || m->ending == LK_ENDED_LOST)
		lk_keeper_log(k, "error", "keeper", "%s: %s", name, m->text);
	else if (m->ending == LK_ENDED_STOPPED)
		lk_keeper_log(k, "step", "keeper", "%s: stopped, nothing of it is open", name);
	else if (m->ending == LK_ENDED_DONE && m->action.kind == LK_ACTION_FINISH)
		lk_keeper_log(k, "state", "keeper", "the run is %s",
			      lk_run_state_name(lk_machine_state(&k->machine)));
	else if (m->ending == LK_ENDED_DONE && m->action.step >= 0 &&
		 m->action.kind != LK_ACTION_RECORD)
		lk_keeper_log(k, "step", "keeper", "%s %s%s%s", name, ending_word(m),
			      m->text[0] ? ": " : "", m->text);
}

static void take_ended(struct lk_keeper *k, struct lk_message *message)
{
	bool waited = message->ending == LK_ENDED_WAITING &&
		      k->machine.steps[message->action.step].waiting;
	enum lk_brake before = k->machine.brake;
	k->job_under_way = false;
	lk_machine_ended(&k->machine, message->action, message->ending, message->text);
	/* Nobody's wish, and said so in the journal: a "running" there is then somebody's. */
	if (before == LK_BRAKE_OFF && k->machine.brake == LK_BRAKE_STOPPED)
		lk_journalist_wanted(&k->journalist, "stopped");
	if (message->class == LK_ERROR_FENCED) {
		k->lost_run = true;
		LK_COPY(k->failure, message->text);
	}
	if (!waited)
		log_ended(k, message);
	if (message->ending == LK_ENDED_WAITING && !waited)
		lk_keeper_log(k, "gate", "keeper", "%s", message->text);
	if (message->ending == LK_ENDED_STOPPED)
		LK_COPY(k->snapshot.proof.last_chunk,
			k->progress.what ? k->progress.what : "nothing was under way");
	if (message->action.kind == LK_ACTION_RECORD && message->ending == LK_ENDED_DONE) {
		start_journal(k);
		atomic_store(&k->controller.polling, true);
	}
	if (message->ending == LK_ENDED_LOST)
		give(k, LK_JOB_ADOPT);
	read_result(k);
}

static void take_progress(struct lk_keeper *k, const struct lk_message *message)
{
	const struct lk_progress *p = &message->progress;
	int current = lk_machine_current(&k->machine);
	if (p->took_ms > 0) {
		k->chunk_ms[k->chunk_count++ % LK_KEEPER_TIMES] = p->took_ms;
		k->chunks_in_second++;
	}
	k->progress = *p;
	if (current >= 0 && k->prepared->plan.steps[current].table)
		LK_COPY(k->backfill_table, k->prepared->plan.steps[current].table);
	char at[32];
	lk_wall_format(lk_wall_ms(), at, sizeof at);
	snprintf(k->snapshot.backfill.last, sizeof k->snapshot.backfill.last,
		 "chunk %lld %s %.12sZ", (long long)(p->took_ms > 0 ? p->chunks : p->chunks + 1),
		 p->what, at + 11);
	k->snapshot.backfill.cancelled += strncmp(p->what, "cancelled", 9) == 0;
}

static void take_quiet(struct lk_keeper *k, const struct lk_message *message)
{
	if (message->quiet.stop_number != k->stop_number)
		return;
	k->proof_seen_us = lk_clock_us();
	k->snapshot.proof.open_transactions = message->quiet.open_transactions;
	k->snapshot.proof.locks_held = message->quiet.locks;
	k->snapshot.proof.confirmed = message->quiet.confirmed;
	if (message->quiet.again)
		return;
	k->snapshot.proof.quiet_ms = message->quiet.quiet_ms;
	if (message->quiet.confirmed)
		lk_keeper_log(
			k, "pause", "keeper",
			"stop confirmed by the server after %.0f ms: no transaction, no lock of the worker",
			message->quiet.quiet_ms);
	else
		lk_keeper_log(
			k, "pause", "keeper",
			"NOT CONFIRMED after %.0f ms: the cancel is sent, waiting for the server",
			message->quiet.quiet_ms);
}

static bool is_known(const struct lk_machine *m, const struct lk_journal_approval *approval)
{
	for (size_t i = 0; i < m->approval_count; i++)
		if (strcmp(m->approvals[i].gate, approval->gate) == 0 &&
		    strcmp(m->approvals[i].who, approval->who) == 0)
			return true;
	return false;
}

/* An answer that was written into the journal from elsewhere. One to a gate that is behind us (this keeper may
 * have adopted the run) is only remembered; an answer to a way-back question carries its prefix. */
static void take_approval(struct lk_keeper *k, const struct lk_journal_approval *approval)
{
	struct lk_machine *m = &k->machine;
	char text[200];
	size_t prefix = strlen(LK_WAY_BACK_PREFIX);
	bool back = strncmp(approval->gate, LK_WAY_BACK_PREFIX, prefix) == 0;
	struct lk_journal_approval answer = *approval;
	if (is_known(m, approval) || m->approval_count == LK_MACHINE_APPROVALS)
		return;
	if (back)
		LK_COPY(answer.gate, approval->gate + prefix);
	int step = lk_plan_find_step(m->plan, answer.gate);
	bool open = step >= 0 && m->steps[step].waiting && back == m->backward;
	if (open && lk_machine_confirm(m, &answer, text, sizeof text))
		lk_keeper_log(k, "gate", answer.who, "gate %s: %s", answer.gate, text);
	if (back ? open
		 : !is_known(m, approval) && step >= 0 && m->steps[step].state == LK_STEP_DONE)
		m->approvals[m->approval_count++] = *approval;
}

/* What the journal asks for and the run is not doing; NULL when they agree. */
static const char *wish_of(const struct lk_machine *m, const char *wanted)
{
	bool stands = m->brake != LK_BRAKE_OFF;
	if (m->finished)
		return NULL;
	if (strcmp(wanted, "running") == 0)
		return stands ? "resume" : NULL;
	if (strcmp(wanted, "paused") == 0)
		return stands ? NULL : "pause";
	if (strcmp(wanted, "aborted") == 0)
		return m->brake == LK_BRAKE_STOPPED ? NULL : "abort";
	if (strcmp(wanted, "rollback") == 0)
		return !m->backward ? "rollback" : stands ? "resume" : NULL;
	return NULL;
}

/* Whoever wrote an impossible wish into the journal finds it taken back there, with the reason in the log. */
static void refuse_wish(struct lk_keeper *k, const char *verb, const char *text)
{
	enum lk_brake brake = k->machine.brake;
	if (strcmp(verb, "resume") == 0)
		return; /* the worker has not come to rest yet: the next look finds the wish again */
	lk_keeper_log(k, "refused", "the journal", "%s: %s", verb, text);
	lk_journalist_wanted(&k->journalist, brake == LK_BRAKE_PAUSED	 ? "paused"
					     : brake == LK_BRAKE_STOPPED ? "stopped"
					     : k->machine.backward	 ? "rollback"
									 : "running");
}

static void take_polled(struct lk_keeper *k, struct lk_message *message)
{
	char text[200];
	/* Read before the last wish that was uttered here: older than what is going on. */
	bool fresh = message->wishes == atomic_load(&k->journalist.wishes);
	const char *verb = fresh ? wish_of(&k->machine, message->wanted) : NULL;
	if (verb && !lk_keeper_wish(k, verb, "the journal", text, sizeof text))
		refuse_wish(k, verb, text);
	for (size_t i = 0; i < message->approval_count; i++)
		take_approval(k, &message->approvals[i]);
}

/* Each phase of a long statement stands in the log once; its figures are in the step's note. */
static void say_work(struct lk_keeper *k)
{
	const char *phase = k->job_under_way ? k->sample->work_phase : "";
	if (strcmp(phase, k->work_said) == 0)
		return;
	LK_COPY(k->work_said, phase);
	if (*phase)
		lk_keeper_log(k, "step", "keeper", "%s", phase);
}

static void take_sample(struct lk_keeper *k, struct lk_message *message)
{
	struct lk_sample *old = k->sample;
	double seconds = old ? (double)(message->sample->taken_us - old->taken_us) / 1e6 : 0;
	if (seconds > 0.01) {
		double rate = (double)(message->sample->transactions - old->transactions) / seconds;
		k->transactions_per_s += (rate - k->transactions_per_s) * 0.3;
	}
	k->sample = message->sample;
	message->sample = NULL;
	k->sampled_us = k->sample->taken_us;
	lk_lag_learn(&k->lag, k->sample);
	lk_lock_tree_free(&k->tree);
	lk_lock_tree_build(k->sample, &k->tree);
	if (old)
		lk_sample_free(old);
	free(old);
	say_work(k);
	lk_keeper_throttle(k);
	/* Victims of a statement that cannot be made smaller: it gives way, not they. */
	int current = lk_machine_current(&k->machine);
	if (k->job_under_way && current >= 0 &&
	    k->prepared->plan.steps[current].verb != LK_VERB_BACKFILL &&
	    k->tree.longest_victim_ms > (double)k->prepared->plan.limits.lock_wait_ms) {
		atomic_store(&k->shared.pace.give_way, true);
		lk_controller_cancel(&k->controller);
	}
}

void lk_keeper_throttle(struct lk_keeper *k)
{
	double age = k->sampled_us ? (double)(lk_clock_us() - k->sampled_us) / 1000.0 : -1;
	const struct lk_throttle_view view = {.sample = k->sample,
					      .age_ms = age,
					      .lag = &k->lag,
					      .tree = &k->tree,
					      .transactions_per_s = k->transactions_per_s,
					      .our_transactions_per_s = k->our_transactions_per_s};
	lk_throttle_decide(&k->throttle, &k->prepared->plan.limits, &view);
	lk_pace_set(&k->shared.pace, k->throttle.hold, k->throttle.chunk_target_ms,
		    k->throttle.rest_ratio);
	int current = lk_machine_current(&k->machine);
	bool filling = k->job_under_way && current >= 0 &&
		       k->prepared->plan.steps[current].verb == LK_VERB_BACKFILL;
	if (filling && strcmp(k->last_hold, k->throttle.reason) != 0 &&
	    (k->last_hold[0] == '\0') != (k->throttle.reason[0] == '\0'))
		lk_keeper_log(k, "throttle", "keeper", "%s%s",
			      k->throttle.hold ? "holding back: " : "going on", k->throttle.reason);
	LK_COPY(k->last_hold, k->throttle.reason);
}

void lk_keeper_second(struct lk_keeper *k)
{
	double *rates = k->snapshot.backfill.history;
	double rate = (double)(k->progress.rows_done - k->second_rows);
	memmove(rates, rates + 1, (LK_HISTORY - 1) * sizeof *rates);
	rates[LK_HISTORY - 1] = rate < 0 ? 0 : rate;
	k->second_rows = k->progress.rows_done;
	/* A chunk is one transaction; the watcher, journal and control connections do about ten a second. */
	k->our_transactions_per_s = (double)k->chunks_in_second + 25;
	k->chunks_in_second = 0;
	if (k->prepared && lk_clock_us() - k->sampled_us > 2000000) {
		lk_lag_age(&k->lag, lk_clock_us());
		lk_keeper_throttle(k);
	}
}

void lk_keeper_take_message(struct lk_keeper *k, struct lk_message *message)
{
	switch (message->kind) {
	case LK_MESSAGE_PREPARED:
		take_prepared(k, message);
		break;
	case LK_MESSAGE_ENDED:
		take_ended(k, message);
		break;
	case LK_MESSAGE_PROGRESS:
		take_progress(k, message);
		break;
	case LK_MESSAGE_SAY:
		lk_keeper_log(k, message->event_kind, "keeper", "%s", message->text);
		break;
	case LK_MESSAGE_HELD:
		if (!k->prepared && !k->job_under_way)
			give(k, LK_JOB_ADOPT);
		break;
	case LK_MESSAGE_REFUSED:
		k->lost_run = true;
		start_failed(k, message);
		lk_pace_stop(&k->shared.pace);
		break;
	case LK_MESSAGE_SAMPLE:
		take_sample(k, message);
		break;
	case LK_MESSAGE_BLIND:
		break;
	case LK_MESSAGE_QUIET:
		take_quiet(k, message);
		break;
	case LK_MESSAGE_POLLED:
		take_polled(k, message);
		break;
	}
	lk_message_free(message);
}
