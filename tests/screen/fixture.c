/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/screen/fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

static const struct {
	const char *phase, *name, *verb, *summary, *statement, *lock, *cost, *undo, *destroys, *ask;
	int needed;
} steps[] = {
	{"expand", "expand", "gate", "begin expand", "", "", "", "", "", "Begin EXPAND?", 1},
	{"expand", "dual_write-1", "dual_write", "add users.user_handle, keep it equal to username",
	 "ALTER TABLE users ADD COLUMN user_handle text;\nCREATE TRIGGER lk_dual BEFORE INSERT OR "
	 "UPDATE ON users "
	 "FOR EACH ROW EXECUTE FUNCTION lockkeeper.lk_dual()",
	 "ACCESS EXCLUSIVE on users, for milliseconds", "no rewrite, no scan",
	 "DROP TRIGGER and DROP COLUMN user_handle", "", "", 0},
	{"migrate", "migrate", "gate", "begin migrate", "", "", "", "", "", "Begin MIGRATE?", 1},
	{"migrate", "release-42", "gate", "release 42 is running and writes user_handle", "", "",
	 "", "", "", "Is release 42 running everywhere, writing user_handle?", 1},
	{"migrate", "backfill-2", "backfill", "backfill users.user_handle from username",
	 "UPDATE users SET user_handle = username WHERE id > $1 AND id <= $2 AND user_handle IS "
	 "DISTINCT FROM "
	 "username",
	 "ROW EXCLUSIVE on users", "one scan by key, in chunks",
	 "nothing to undo: the column goes with expand", "", "", 0},
	{"migrate", "verify-3", "verify", "no row of users differs",
	 "SELECT id FROM users WHERE user_handle IS DISTINCT FROM username",
	 "ACCESS SHARE on users", "one scan", "nothing to undo", "", "", 0},
	{"contract", "contract", "gate", "begin contract", "", "", "", "", "", "Begin CONTRACT?",
	 2},
	{"contract", "drop", "end_dual_write", "drop users.username and the triggers",
	 "DROP TRIGGER lk_dual ON users;\nALTER TABLE users DROP COLUMN username",
	 "ACCESS EXCLUSIVE on users, for milliseconds", "no rewrite, no scan",
	 "none: the rows of username are gone", "data", "", 0},
};

static void fill_steps(struct lk_snapshot *s, int current, const char *state)
{
	s->steps_count = (int)LK_COUNT(steps);
	s->step = current;
	for (int i = 0; i < s->steps_count; i++) {
		struct lk_snapshot_step *step = &s->steps[i];

		step->number = i;
		LK_COPY(step->phase, steps[i].phase);
		LK_COPY(step->name, steps[i].name);
		LK_COPY(step->verb, steps[i].verb);
		LK_COPY(step->summary, steps[i].summary);
		LK_COPY(step->statement, steps[i].statement);
		LK_COPY(step->lock, steps[i].lock);
		LK_COPY(step->cost, steps[i].cost);
		LK_COPY(step->undo, steps[i].undo);
		LK_COPY(step->destroys, steps[i].destroys);
		LK_COPY(step->ask, steps[i].ask);
		LK_COPY(step->by, steps[i].needed > 1 ? "two_people" : "person");
		step->approvals_needed = steps[i].needed;
		LK_COPY(step->state, i < current ? "done" : i == current ? state : "pending");
		step->started = i <= current ? s->taken - 60000 : 0;
		step->ended = i < current ? s->taken - 30000 : 0;
	}
	LK_COPY(s->phase, steps[current < 0 ? 0 : current].phase);
}

static void fill_base(struct lk_snapshot *s)
{
	memset(s, 0, sizeof *s);
	s->taken = lk_wall_ms();
	s->started = s->taken - 3600 * 1000;
	LK_COPY(s->version, "0.1.0");
	LK_COPY(s->run, "rename-username");
	LK_COPY(s->plan, "rename-username");
	LK_COPY(s->why, "handles may differ from login names");
	LK_COPY(s->digest, "7c319e0b00112233445566778899aabbccddeeff00112233445566778899aabb");
	LK_COPY(s->plan_file, "plans/rename-username.yaml");
	LK_COPY(s->target, "postgresql:///shop");
	LK_COPY(s->environment, "PROD");
	LK_COPY(s->server, "PostgreSQL 15.18");
	LK_COPY(s->host, "bastion-1");
	s->pid = 4410;
	s->epoch = 3;
	s->can_rollback = true;
	LK_COPY(s->rollback_note, "2 steps are undone; no row of username is touched");
	LK_COPY(s->operator_name, "alice");
	LK_COPY(s->operator_host, "bastion-1");
	s->viewers = 2;
}

static void fill_load(struct lk_snapshot *s)
{
	static const char *const replicas[] = {"standby1", "standby2", "standby3"};
	struct lk_snapshot_limit limits[] = {
		{"lag standby1", "0.8 s", "2 s", "ok", false},
		{"lag standby2", "2.6 s", "2 s", "over", true},
		{"lag standby3", "no data", "2 s", "stale", false},
		{"lock waits we cause", "0.2 s", "0.1 s", "over", false},
		{"active sessions", "41", "50", "ok", false},
	};

	s->server_load.age_ms = 400;
	s->server_load.active = 41;
	s->server_load.idle = 188;
	s->server_load.idle_in_transaction = 1;
	s->server_load.waiting = 2;
	s->server_load.max_connections = 200;
	s->server_load.transactions_per_s = 8412;
	s->server_load.we_block = 2;
	s->server_load.hidden_idle = 188;
	s->server_load.oldest_transaction_ms = 842000;
	s->replicas_count = 3;
	for (int i = 0; i < 3; i++) {
		LK_COPY(s->replicas[i].name, replicas[i]);
		LK_COPY(s->replicas[i].state, i == 0 ? "ok" : i == 1 ? "over" : "stale");
		s->replicas[i].lag_ms = i == 0 ? 800 : i == 1 ? 2600 : -1;
		s->replicas[i].age_ms = i == 2 ? 41000 : 900;
		for (int h = 0; h < LK_HISTORY; h++)
			s->replicas[i].history[h] = i == 2   ? -1
						    : i == 1 ? h * 45.0
							     : 400 + h % 7 * 90;
	}
	s->limits_count = (int)LK_COUNT(limits);
	memcpy(s->limits, limits, sizeof limits);
}

static void fill_lock(struct lk_snapshot *s, int depth, int pid, const char *application)
{
	struct lk_snapshot_lock *lock = &s->locks[s->locks_count++];

	lock->depth = depth;
	lock->pid = pid;
	lock->granted = depth == 0;
	lock->wait_ms = 200;
	lock->transaction_ms = depth ? 900 : 1900;
	LK_COPY(lock->user, "app");
	LK_COPY(lock->application, application);
	LK_COPY(lock->state, "active");
	LK_COPY(lock->mode, depth ? "tuple" : "RowExclusive");
	LK_COPY(lock->object, "users");
	LK_COPY(lock->statement, "UPDATE users SET username=$1, updated_at=now() WHERE id=$2");
}

static void fill_sessions(struct lk_snapshot *s)
{
	fill_lock(s, 0, 26598, "lockkeeper:worker");
	s->locks[0].ours = true;
	fill_lock(s, 1, 26611, "checkout-7f");
	fill_lock(s, 1, 26640, "checkout-9c");
	fill_lock(s, 0, 26702, "metabase");
	LK_COPY(s->locks[3].state, "idle in transaction");
	LK_COPY(s->locks[3].remark, "will block contract");
	s->locks[3].transaction_ms = 842000;
	s->sessions_count = 6;
	for (int i = 0; i < s->sessions_count; i++) {
		struct lk_snapshot_session *session = &s->sessions[i];

		session->pid = 26650 + i * 13;
		session->ours = i == 2;
		session->transaction_ms = i == 0 ? 842000 : 900 - i * 100;
		session->query_ms = i == 0 ? 838000 : 900 - i * 100;
		LK_COPY(session->user, i == 0 ? "report" : "app");
		LK_COPY(session->application, i == 0 ? "metabase" : "checkout");
		LK_COPY(session->client, "10.2.4.31");
		LK_COPY(session->state, i == 0 ? "idle in transaction" : "active");
		LK_COPY(session->wait, i == 3 ? "Lock:tuple" : i == 1 ? "IO:DataFileRead" : "");
		LK_COPY(session->statement, "SELECT id, username FROM users WHERE created_at > $1");
	}
}

static void fill_backfill(struct lk_snapshot *s)
{
	s->backfill.active = true;
	LK_COPY(s->backfill.table, "users");
	s->backfill.rows_done = 7371204;
	s->backfill.rows_total = 12004118;
	s->backfill.rows_changed = 7371000;
	s->backfill.rows_per_s = 4812;
	s->backfill.chunks = 1475;
	s->backfill.chunk_rows = 5000;
	s->backfill.chunk_target_ms = 100;
	s->backfill.p50_ms = 88;
	s->backfill.p95_ms = 141;
	s->backfill.max_ms = 212;
	s->backfill.eta_low = s->taken + 1800 * 1000;
	s->backfill.eta_high = s->taken + 2400 * 1000;
	LK_COPY(s->backfill.last, "chunk 1475 committed 14:07:31.204Z");
	for (int i = 0; i < LK_HISTORY; i++)
		s->backfill.history[i] = 3500 + i % 11 * 150;
}

static void fill_application(struct lk_snapshot *s)
{
	s->application.known = true;
	s->application.age_ms = 400;
	s->application.transactions = 1204118;
	s->application.per_s = 301;
	s->application.p50_ms = 2.1;
	s->application.p95_ms = 6;
	s->application.p99_ms = 11;
	s->application.p99_alone_ms = 7.5;
	s->application.longest_stall_ms = 62;
	s->application.max_ms = 62;
	LK_COPY(s->application.releases, "41: 4 connections, 42: 4 connections");
}

void fixture_running(struct lk_snapshot *s)
{
	fill_base(s);
	LK_COPY(s->state, "running");
	fill_steps(s, 4, "running");
	fill_load(s);
	fill_sessions(s);
	fill_backfill(s);
	fill_application(s);
	s->alerts_count = 2;
	LK_COPY(s->alerts[0].level, "CRIT");
	LK_COPY(s->alerts[0].text, "standby3 no data 41s: we cannot see harm there. Space pauses");
	LK_COPY(s->alerts[1].level, "WARN");
	LK_COPY(s->alerts[1].text, "standby2 lag 2.6 s > 2 s: chunks were made smaller");
	s->alerts[0].since = s->alerts[1].since = s->taken - 41000;
	s->statements_count = 3;
	for (int i = 0; i < 3; i++) {
		s->statements[i].at = s->taken - i * 100;
		LK_COPY(s->statements[i].role, "worker");
		LK_COPY(s->statements[i].statement,
			"UPDATE users SET user_handle = username WHERE id > $1");
		LK_COPY(s->statements[i].outcome, "committed");
		s->statements[i].took_ms = 88;
		s->statements[i].rows = 5000;
	}
}

static void gate(struct lk_snapshot *s, int step)
{
	fill_base(s);
	LK_COPY(s->state, "waiting");
	fill_steps(s, step, "waiting");
	fill_load(s);
	fill_application(s);
	snprintf(s->reason, sizeof s->reason, "gate %s waits for an answer", s->steps[step].name);
}

void fixture_gate_expand(struct lk_snapshot *s)
{
	gate(s, 0);
	s->can_rollback = false;
	LK_COPY(s->rollback_note, "nothing was done yet");
}

void fixture_gate_release(struct lk_snapshot *s)
{
	gate(s, 3);
}

void fixture_gate_contract(struct lk_snapshot *s)
{
	gate(s, 6);
}

void fixture_paused(struct lk_snapshot *s)
{
	fixture_running(s);
	LK_COPY(s->state, "paused");
	LK_COPY(s->paused_by, "alice");
	s->paused_at = s->taken - 7000;
	s->backfill.rows_per_s = 0;
	s->proof.requested = s->taken - 7041;
	s->proof.accepted_ms = 1.2;
	s->proof.quiet_ms = 31;
	s->proof.confirmed = true;
	s->proof.checked_age_ms = 300;
	LK_COPY(s->proof.last_chunk, "chunk 1476 committed 14:07:34.171Z");
	LK_COPY(s->proof.still_running, "triggers of the dual write, watching");
}

void fixture_done(struct lk_snapshot *s)
{
	fixture_running(s);
	fill_steps(s, 7, "done");
	LK_COPY(s->state, "done");
	s->backfill.active = false;
	s->alerts_count = 0;
	s->result.known = true;
	s->result.rows_compared = 12004118;
	s->result.rows_different = 0;
	LK_COPY(s->result.text, "every user_handle equals its username");
}

void fixture_hostile(struct lk_snapshot *s, const char *payload)
{
	fixture_running(s);
	for (int i = 0; i < s->locks_count; i++) {
		LK_COPY(s->locks[i].application, payload);
		LK_COPY(s->locks[i].statement, payload);
		LK_COPY(s->locks[i].object, payload);
	}
	for (int i = 0; i < s->sessions_count; i++) {
		LK_COPY(s->sessions[i].application, payload);
		LK_COPY(s->sessions[i].user, payload);
		LK_COPY(s->sessions[i].statement, payload);
	}
	LK_COPY(s->replicas[0].name, payload);
	LK_COPY(s->alerts[0].text, payload);
	LK_COPY(s->steps[4].note, payload);
	LK_COPY(s->steps[4].summary, payload);
	LK_COPY(s->application.releases, payload);
	LK_COPY(s->backfill.last, payload);
	LK_COPY(s->statements[0].statement, payload);
}

struct lk_event fixture_event(int64_t number, const char *kind, const char *text)
{
	struct lk_event event = {.number = number, .at = lk_wall_ms()};

	LK_COPY(event.kind, kind);
	LK_COPY(event.who, "alice");
	LK_COPY(event.text, text);
	return event;
}
