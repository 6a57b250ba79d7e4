/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/version.h"
#include "control/line.h"
#include "keeper/application.h"

/* An estimate of the time left is a range: the rate of the last seconds, give or take this part. */
#define ETA_SPREAD 0.25
#define RATE_SECONDS 5

static void fill_identity(struct lk_keeper *k, struct lk_snapshot *s)
{
	LK_COPY(s->version, LK_VERSION);
	LK_COPY(s->run, k->shared.run);
	LK_COPY(s->host, k->host);
	LK_COPY(s->plan_file, k->options.plan_file);
	LK_COPY(s->environment, k->options.environment			 ? k->options.environment
				: k->target && k->target->environment[0] ? k->target->environment
									 : "LIVE");
	s->pid = (int)getpid();
	s->epoch = atomic_load(&k->shared.epoch);
	s->taken = lk_wall_ms();
	LK_COPY(s->operator_name, k->operator_name);
	LK_COPY(s->operator_host, k->operator_host);
	s->operator_since = k->operator_since;
	s->viewers = k->server ? lk_server_followers(k->server) : 0;
	struct lk_error ignored;
	const struct lk_driver *driver = k->uri ? lk_driver_for(k->uri, &ignored) : NULL;
	LK_COPY(s->engine, driver ? driver->name : "");
	if (!k->prepared)
		return;
	LK_COPY(s->plan, k->prepared->plan.name);
	LK_COPY(s->why, k->prepared->plan.why);
	LK_COPY(s->digest, k->shared.digest);
	LK_COPY(s->target, k->prepared->target);
	LK_COPY(s->server, k->prepared->server);
}

static void fill_state(struct lk_keeper *k, struct lk_snapshot *s)
{
	const struct lk_machine *m = &k->machine;
	enum lk_run_state state = lk_machine_state(m);
	int current = lk_machine_current(m);
	LK_COPY(s->state, k->failed_to_start ? "stopped" : lk_run_state_name(state));
	LK_COPY(s->reason, k->failed_to_start || k->lost_run ? k->failure : m->reason);
	if (state == LK_RUN_RUNNING && k->throttle.hold && k->throttle.reason[0] &&
	    m->plan->steps[current < 0 ? 0 : current].verb == LK_VERB_BACKFILL)
		snprintf(s->reason, sizeof s->reason, "throttled: %s", k->throttle.reason);
	if (state == LK_RUN_WAITING && current >= 0)
		LK_COPY(s->reason, m->backward			 ? m->plan->steps[current].undo
				   : m->plan->steps[current].ask ? m->plan->steps[current].ask
								 : m->steps[current].note);
	LK_COPY(s->failure,
		k->failed_to_start || k->lost_run ? lk_error_class_name(k->failure_class) : "");
	s->step = current;
	LK_COPY(s->phase, current >= 0 ? lk_phase_name(m->plan->steps[current].phase) : "");
	LK_COPY(s->paused_by, m->brake != LK_BRAKE_OFF ? m->by : "");
	s->paused_at = m->brake != LK_BRAKE_OFF ? m->since : 0;
	s->can_rollback = lk_machine_can_rollback(m, s->rollback_note, sizeof s->rollback_note);
	if (s->started == 0 && m->recorded)
		s->started = lk_wall_ms();
}

static void fill_step(const struct lk_keeper *k, int i, struct lk_snapshot_step *to)
{
	const struct lk_step *step = &k->prepared->plan.steps[i];
	const struct lk_machine_step *state = &k->machine.steps[i];
	const struct lk_step_text *text = &k->prepared->texts[i];
	char *summary = lk_step_summary(step);
	memset(to, 0, sizeof *to);
	to->number = i;
	LK_COPY(to->phase, lk_phase_name(step->phase));
	LK_COPY(to->name, step->name);
	LK_COPY(to->verb, lk_verb_name(step->verb));
	LK_COPY(to->state, lk_step_state_name(state));
	LK_COPY(to->summary, summary);
	LK_COPY(to->statement, text->statement);
	LK_COPY(to->lock, text->lock);
	LK_COPY(to->cost, text->cost);
	LK_COPY(to->undo, text->undo);
	LK_COPY(to->destroys, step->destroys);
	LK_COPY(to->note, state->note);
	if (state->state == LK_STEP_RUNNING && k->sample && k->sample->work[0])
		LK_COPY(to->note, k->sample->work);
	to->started = state->started;
	to->ended = state->ended;
	if (step->verb == LK_VERB_GATE) {
		LK_COPY(to->ask, k->machine.backward && step->undo ? step->undo
				 : step->gate == LK_GATE_ASK	   ? step->ask
								   : step->sql);
		LK_COPY(to->by, step->gate == LK_GATE_NONE ? "sql"
				: step->needed > 1	   ? "two_people"
							   : "person");
		to->approvals_needed = step->gate == LK_GATE_ASK ? step->needed : 0;
		to->approvals = lk_machine_approvals(&k->machine, i, to->approved_by,
						     sizeof to->approved_by);
	}
	free(summary);
}

static void fill_steps(struct lk_keeper *k, struct lk_snapshot *s)
{
	s->steps_count = 0;
	if (!k->prepared)
		return;
	for (size_t i = 0; i < k->prepared->plan.step_count && i < LK_SNAPSHOT_STEPS; i++)
		fill_step(k, s->steps_count++, &s->steps[i]);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void fill_chunk_times(const struct lk_keeper *k, struct lk_snapshot *s)
{
	double sorted[LK_KEEPER_TIMES];
	size_t count = k->chunk_count < LK_KEEPER_TIMES ? (size_t)k->chunk_count : LK_KEEPER_TIMES;
	if (count == 0)
		return;
	memcpy(sorted, k->chunk_ms, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare_doubles);
	s->backfill.p50_ms = sorted[count / 2];
	s->backfill.p95_ms = sorted[count * 95 / 100];
	s->backfill.max_ms = sorted[count - 1];
}

static void fill_backfill(struct lk_keeper *k, struct lk_snapshot *s)
{
	const struct lk_machine *m = &k->machine;
	int current = lk_machine_current(m);
	double rate = 0;
	for (int i = 0; i < RATE_SECONDS; i++)
		rate += s->backfill.history[LK_HISTORY - 1 - i] / RATE_SECONDS;
	s->backfill.active = m->busy && current >= 0 && !m->backward &&
			     m->plan->steps[current].verb == LK_VERB_BACKFILL &&
			     m->brake == LK_BRAKE_OFF;
	LK_COPY(s->backfill.table, k->backfill_table);
	s->backfill.rows_done = k->progress.rows_done;
	s->backfill.rows_changed = k->progress.rows_changed;
	s->backfill.rejected = k->progress.rejected;
	s->backfill.rows_total = k->progress.rows_total;
	s->backfill.rows_per_s = s->backfill.active ? rate : 0;
	s->backfill.chunks = k->progress.chunks;
	s->backfill.chunk_rows = k->progress.next_rows;
	s->backfill.chunk_target_ms = k->progress.target_ms;
	s->backfill.retries = k->progress.retries;
	fill_chunk_times(k, s);
	double left = (double)(k->progress.rows_total - k->progress.rows_done);
	s->backfill.eta_low = s->backfill.eta_high = 0;
	if (s->backfill.active && rate > 0 && left > 0) {
		s->backfill.eta_low = s->taken + (int64_t)(left / rate * 1000 * (1 - ETA_SPREAD));
		s->backfill.eta_high = s->taken + (int64_t)(left / rate * 1000 * (1 + ETA_SPREAD));
	}
}

static void fill_replicas(struct lk_keeper *k, struct lk_snapshot *s)
{
	double limit = k->prepared ? (double)k->prepared->plan.limits.lag_ms : 0;
	static const char *const names[] = {
		[LK_LAG_OK] = "ok",	    [LK_LAG_STALE] = "stale",
		[LK_LAG_GONE] = "gone",	    [LK_LAG_UNKNOWN] = "unknown",
		[LK_LAG_UNREAD] = "unread", [LK_LAG_BROKEN] = "broken"};
	s->replicas_count = 0;
	for (size_t i = 0; i < k->lag.replica_count; i++) {
		const struct lk_lag_replica *from = &k->lag.replicas[i];
		struct lk_snapshot_replica *to = &s->replicas[s->replicas_count++];
		if (strcmp(to->name, from->name) != 0) {
			memset(to, 0, sizeof *to);
			for (int h = 0; h < LK_HISTORY; h++)
				to->history[h] = -1;
		}
		LK_COPY(to->name, from->name);
		LK_COPY(to->state, from->state == LK_LAG_OK && from->lag_ms > limit
					   ? "over"
					   : names[from->state]);
		to->lag_ms = from->lag_ms;
		to->age_ms = from->silent_ms;
		LK_COPY(to->note, from->note);
	}
}

static void fill_load(struct lk_keeper *k, struct lk_snapshot *s)
{
	s->server_load.age_ms =
		k->sampled_us ? (double)(lk_clock_us() - k->sampled_us) / 1000.0 : -1;
	if (!k->sample)
		return;
	s->server_load.active = k->sample->active;
	s->server_load.idle = k->sample->idle;
	s->server_load.idle_in_transaction = k->sample->idle_in_transaction;
	s->server_load.waiting = k->sample->waiting;
	s->server_load.max_connections = k->sample->max_connections;
	s->server_load.transactions_per_s = k->transactions_per_s;
	s->server_load.we_block = k->tree.we_block;
	s->server_load.we_wait = k->tree.we_wait;
	s->server_load.hidden_idle = (int)k->sample->hidden;
	s->server_load.oldest_transaction_ms = k->sample->oldest_transaction_ms;
	s->server_load.history = k->sample->history;
	LK_COPY(s->server_load.unseen, k->sample->unseen);
}

static void fill_locks(struct lk_keeper *k, struct lk_snapshot *s)
{
	s->locks_count = 0;
	for (size_t i = 0; i < k->tree.count && s->locks_count < LK_SNAPSHOT_LOCKS; i++) {
		const struct lk_lock_node *node = &k->tree.nodes[i];
		const struct lk_sample_session *from = node->session;
		struct lk_snapshot_lock *to = &s->locks[s->locks_count++];
		memset(to, 0, sizeof *to);
		to->depth = node->depth;
		to->pid = from->pid;
		to->ours = from->ours;
		to->granted = node->depth == 0 && from->blocker_count == 0;
		LK_COPY(to->user, from->user);
		LK_COPY(to->application, from->application);
		LK_COPY(to->state, from->state);
		LK_COPY(to->mode, from->mode);
		LK_COPY(to->object, from->object);
		to->wait_ms = from->wait_ms;
		to->transaction_ms = from->transaction_ms;
		LK_COPY(to->statement, from->statement);
		if (from->guessed)
			LK_COPY(to->remark, "a guess: metadata locks are not shown");
		else if (from->holds_table)
			LK_COPY(to->remark, "holds the table: DDL waits for it");
		else if (node->depth == 0 && node->waiting_below)
			snprintf(to->remark, sizeof to->remark, "%d wait behind it",
				 node->waiting_below);
	}
}

static void fill_sessions(struct lk_keeper *k, struct lk_snapshot *s)
{
	s->sessions_count = 0;
	for (size_t i = 0; k->sample && i < k->sample->session_count; i++) {
		const struct lk_sample_session *from = &k->sample->sessions[i];
		if (s->sessions_count == LK_SNAPSHOT_SESSIONS)
			break;
		struct lk_snapshot_session *to = &s->sessions[s->sessions_count++];
		memset(to, 0, sizeof *to);
		to->pid = from->pid;
		to->ours = from->ours;
		LK_COPY(to->user, from->user);
		LK_COPY(to->application, from->application);
		LK_COPY(to->client, from->client);
		LK_COPY(to->state, from->state);
		LK_COPY(to->wait, from->wait);
		to->transaction_ms = from->transaction_ms;
		to->query_ms = from->query_ms;
		LK_COPY(to->statement, from->statement);
	}
}

static void fill_limits(struct lk_keeper *k, struct lk_snapshot *s)
{
	static const char *const states[] = {[LK_THROTTLE_OK] = "ok",
					     [LK_THROTTLE_OVER] = "over",
					     [LK_THROTTLE_STALE] = "stale",
					     [LK_THROTTLE_UNKNOWN] = "unknown"};
	s->limits_count = 0;
	for (size_t i = 0; i < k->throttle.input_count && i < LK_SNAPSHOT_LIMITS; i++) {
		const struct lk_throttle_input *from = &k->throttle.inputs[i];
		struct lk_snapshot_limit *to = &s->limits[s->limits_count++];
		LK_COPY(to->name, from->name);
		LK_COPY(to->value, from->value);
		LK_COPY(to->limit, from->limit);
		LK_COPY(to->state, states[from->state]);
		to->holds = from->state == LK_THROTTLE_OVER || from->state == LK_THROTTLE_STALE;
	}
}

/* An alert keeps its time for as long as its level and the beginning of its text stay. */
static void alert(struct lk_snapshot *s, const struct lk_snapshot *before, const char *level,
		  const char *text)
{
	if (s->alerts_count == LK_SNAPSHOT_ALERTS)
		return;
	struct lk_snapshot_alert *a = &s->alerts[s->alerts_count++];
	memset(a, 0, sizeof *a);
	LK_COPY(a->level, level);
	LK_COPY(a->text, text);
	a->since = lk_wall_ms();
	for (int i = 0; i < before->alerts_count; i++)
		if (strncmp(before->alerts[i].text, text, 12) == 0)
			a->since = before->alerts[i].since;
}

static void fill_alerts(struct lk_keeper *k, struct lk_snapshot *s)
{
	struct lk_snapshot *before = lk_alloc(sizeof *before);
	char text[240];
	memcpy(before->alerts, s->alerts, sizeof s->alerts);
	before->alerts_count = s->alerts_count;
	s->alerts_count = 0;
	for (int i = 0; i < s->replicas_count; i++) {
		const struct lk_snapshot_replica *r = &s->replicas[i];
		if (strcmp(r->state, "stale") == 0 || strcmp(r->state, "gone") == 0) {
			snprintf(
				text, sizeof text,
				"replica %.60s: no answer for %.0f s, nobody can see harm there; the backfill holds",
				r->name, r->age_ms / 1000);
			alert(s, before, "CRIT", text);
		} else if (strcmp(r->state, "broken") == 0) {
			snprintf(text, sizeof text, "replica %.60s: %.120s; the backfill holds",
				 r->name, r->note);
			alert(s, before, "CRIT", text);
		} else if (strcmp(r->state, "unread") == 0) {
			snprintf(text, sizeof text,
				 "replica %.60s: its lag is not known and not waited for: %.100s",
				 r->name, r->note);
			alert(s, before, "WARN", text);
		}
	}
	if (s->server_load.age_ms > 3000) {
		snprintf(
			text, sizeof text,
			"the server has shown nothing for %.0f s; the backfill holds; Space pauses",
			s->server_load.age_ms / 1000);
		alert(s, before, "CRIT", text);
	}
	if (s->application.known && s->application.errors > 0) {
		snprintf(text, sizeof text, "application errors: %lld, last: %.150s",
			 (long long)s->application.errors, s->application.last_error);
		alert(s, before, "CRIT", text);
	}
	for (size_t i = 0; i < k->throttle.input_count; i++)
		if (k->throttle.inputs[i].state == LK_THROTTLE_OVER) {
			snprintf(text, sizeof text,
				 "%s is %s, over its limit of %s; the backfill holds",
				 k->throttle.inputs[i].name, k->throttle.inputs[i].value,
				 k->throttle.inputs[i].limit);
			alert(s, before, "WARN", text);
		}
	free(before);
}

static void fill_proof(struct lk_keeper *k, struct lk_snapshot *s)
{
	if (!s->proof.requested)
		return;
	s->proof.checked_age_ms =
		k->proof_seen_us ? (double)(lk_clock_us() - k->proof_seen_us) / 1000.0 : -1;
	LK_COPY(s->proof.still_running,
		k->machine.recorded
			? "watching, the heartbeat, and triggers that a dual write needs"
			: "watching");
	if (k->progress.what)
		LK_COPY(s->proof.last_chunk, s->backfill.last);
}

void lk_report_fill(struct lk_keeper *k)
{
	struct lk_snapshot *s = &k->snapshot;
	fill_identity(k, s);
	fill_state(k, s);
	fill_steps(k, s);
	fill_backfill(k, s);
	fill_replicas(k, s);
	fill_load(k, s);
	fill_locks(k, s);
	fill_sessions(k, s);
	fill_limits(k, s);
	fill_proof(k, s);
	lk_application_read(k->options.application_file ? k->options.application_file
			    : k->target			? k->target->application
							: NULL,
			    s);
	fill_alerts(k, s);
	s->statements_count = lk_statements_read(&k->shared.statements, s->statements);
}

void lk_report_broadcast(struct lk_keeper *k)
{
	if (!k->server || lk_server_followers(k->server) == 0)
		return;
	lk_report_fill(k);
	char *line = lk_line_of("snapshot", lk_snapshot_encode(&k->snapshot));
	lk_server_broadcast(k->server, line, true);
	free(line);
}
