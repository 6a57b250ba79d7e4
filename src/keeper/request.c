/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/request.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "keeper/report.h"
#include "keeper/run.h"

/* An operator whose console has gone keeps the lease this long. */
#define LEASE_US 30000000LL

/* What is known of an attached console. */
struct console {
	char name[64], host[64];
	bool operates; /* asked for "operate", not "watch" */
};

struct request {
	struct lk_keeper *keeper;
	struct lk_peer *peer;
	const char *verb;
	int id;
	json_t *members;
	char text[600];
};

static const char *member(const struct request *r, const char *key)
{
	const char *value = json_string_value(json_object_get(r->members, key));
	return value ? value : "";
}

/* Who asks: the account at the other end of the socket. What a client calls itself is not proof of anything. */
static void peer_name(const struct lk_peer *peer, char *name, size_t size)
{
	const struct passwd *user = getpwuid(lk_peer_uid(peer));
	if (user)
		lk_copy_text(name, size, user->pw_name);
	else
		snprintf(name, size, "user %u", (unsigned)lk_peer_uid(peer));
}

static void take_lease(struct lk_keeper *k, const struct console *console)
{
	LK_COPY(k->operator_name, console->name);
	LK_COPY(k->operator_host, console->host);
	k->operator_since = lk_wall_ms();
	k->operator_seen_us = lk_clock_us();
	lk_keeper_log(k, "operator", console->name, "operates the run, from %s", console->host);
}

static bool lease_is_free(const struct lk_keeper *k)
{
	return !k->operator_name[0] || lk_clock_us() - k->operator_seen_us > LEASE_US;
}

static bool holds_lease(const struct lk_keeper *k, const struct console *console)
{
	return strcmp(k->operator_name, console->name) == 0 &&
	       strcmp(k->operator_host, console->host) == 0;
}

static void send_missed(struct request *r)
{
	struct lk_keeper *k = r->keeper;
	int64_t since = json_integer_value(json_object_get(r->members, "since"));
	int64_t first = k->event_count - LK_KEEPER_EVENTS;
	if (first < k->first_event)
		first = k->first_event;
	for (int64_t n = since > first ? since : first; n < k->event_count; n++)
		if (n >= 0)
			lk_peer_send(r->peer, "event",
				     lk_event_encode(&k->events[n % LK_KEEPER_EVENTS]));
}

static bool attach(struct request *r)
{
	struct lk_keeper *k = r->keeper;
	struct console *console = lk_peer_data(r->peer);
	if (!console) {
		console = lk_alloc(sizeof *console);
		lk_peer_set_data(r->peer, console);
	}
	peer_name(r->peer, console->name, sizeof console->name);
	LK_COPY(console->host, member(r, "host"));
	console->operates = strcmp(member(r, "role"), "watch") != 0;
	k->idle_since_us = 0;
	k->was_watched = true;
	if (console->operates && (lease_is_free(k) || holds_lease(k, console)) &&
	    !holds_lease(k, console))
		take_lease(k, console);
	k->operator_seen_us = holds_lease(k, console) ? lk_clock_us() : k->operator_seen_us;
	/* From here on it gets what happens; what happened before, its own lease included, it gets now. */
	send_missed(r);
	lk_peer_follow(r->peer);
	lk_report_fill(k);
	lk_peer_send(r->peer, "snapshot", lk_snapshot_encode(&k->snapshot));
	snprintf(r->text, sizeof r->text, "attached");
	return true;
}

static bool status(struct request *r)
{
	lk_report_fill(r->keeper);
	lk_peer_send(r->peer, "snapshot", lk_snapshot_encode(&r->keeper->snapshot));
	snprintf(r->text, sizeof r->text, "%s", r->keeper->snapshot.state);
	return true;
}

static bool wish(struct request *r)
{
	char who[64];
	peer_name(r->peer, who, sizeof who);
	return lk_keeper_wish(r->keeper, r->verb, who, r->text, sizeof r->text);
}

static bool confirm(struct request *r)
{
	struct lk_keeper *k = r->keeper;
	struct lk_journal_approval approval = {.at = lk_wall_ms()};
	peer_name(r->peer, approval.who, sizeof approval.who);
	LK_COPY(approval.gate, member(r, "gate"));
	snprintf(approval.origin, sizeof approval.origin, "console on %.60s", k->host);
	if (strcmp(member(r, "answer"), "yes") != 0) {
		snprintf(r->text, sizeof r->text, "the answer was not yes: gate %.60s stays closed",
			 approval.gate);
		return false;
	}
	if (!lk_machine_confirm(&k->machine, &approval, r->text, sizeof r->text))
		return false;
	lk_keeper_log(k, "gate", approval.who, "gate %s: %s", approval.gate, r->text);
	lk_keeper_advance(k);
	lk_report_broadcast(k);
	return true;
}

static bool set_throttle(struct request *r)
{
	struct lk_keeper *k = r->keeper;
	char who[64];
	json_t *chunk = json_object_get(r->members, "chunk_time_ms");
	json_t *rest = json_object_get(r->members, "rest");
	peer_name(r->peer, who, sizeof who);
	if (json_is_number(chunk) && json_number_value(chunk) > 0)
		k->throttle.wished_chunk_ms = json_number_value(chunk);
	if (json_is_number(rest) && json_number_value(rest) > 0)
		k->throttle.wished_rest = json_number_value(rest);
	if (json_is_true(json_object_get(r->members, "forget_gone")))
		lk_lag_forget_gone(&k->lag, true);
	if (k->throttle.wished_chunk_ms > 10000 || k->throttle.wished_rest > 1000) {
		k->throttle.wished_chunk_ms = k->throttle.wished_rest = 0;
		snprintf(r->text, sizeof r->text,
			 "a chunk takes at most 10 s and a rest 1,000 times as long");
		return false;
	}
	lk_keeper_throttle(k);
	snprintf(r->text, sizeof r->text, "chunks of %.0f ms, then a rest of %.1f times that",
		 k->throttle.chunk_target_ms, k->throttle.rest_ratio);
	lk_keeper_log(k, "throttle", who, "%s", r->text);
	return true;
}

static bool lease(struct request *r)
{
	struct lk_keeper *k = r->keeper;
	struct console *console = lk_peer_data(r->peer);
	if (!console) {
		snprintf(r->text, sizeof r->text, "attach first");
		return false;
	}
	if (json_is_true(json_object_get(r->members, "take"))) {
		console->operates = true;
		if (!holds_lease(k, console))
			take_lease(k, console);
		snprintf(r->text, sizeof r->text, "you operate the run");
		return true;
	}
	if (holds_lease(k, console)) {
		k->operator_name[0] = k->operator_host[0] = '\0';
		lk_keeper_log(k, "operator", console->name, "gave the run's operation back");
	}
	snprintf(r->text, sizeof r->text, "you watch the run");
	return true;
}

static bool note(struct request *r)
{
	char who[64];
	peer_name(r->peer, who, sizeof who);
	lk_keeper_log(r->keeper, "note", who, "%s", member(r, "text"));
	snprintf(r->text, sizeof r->text, "noted");
	return true;
}

/* A mended plan is about to take the run over: this keeper makes room, if nothing moves. */
static bool give_over(struct request *r)
{
	struct lk_keeper *k = r->keeper;
	enum lk_run_state state = lk_machine_state(&k->machine);
	bool stands = state == LK_RUN_PAUSED || state == LK_RUN_STOPPED;
	char who[64];
	if (stands && (k->machine.busy || k->job_under_way)) {
		snprintf(r->text, sizeof r->text,
			 "the worker has not come to rest yet: try again in a moment");
		return false;
	}
	if (!k->machine.recorded || (!stands && state != LK_RUN_WAITING)) {
		snprintf(
			r->text, sizeof r->text,
			"the run is %s: pause it first (lockkeeper pause %s), then replace its plan",
			lk_run_state_name(state), k->shared.run);
		return false;
	}
	peer_name(r->peer, who, sizeof who);
	lk_keeper_log(k, "replace", who,
		      "a mended plan takes the run over; this keeper ends, another goes on");
	snprintf(r->text, sizeof r->text, "ending");
	lk_keeper_close(k, 0);
	return true;
}

/*
 * A new start of the same plan asks a keeper that has changed nothing, or has nothing left to do, to make
 * room, so that a plan or a table that was mended in between is looked at anew. One that nobody has looked at
 * yet stays: whoever started it is on the way.
 */
static bool retire(struct request *r)
{
	struct lk_keeper *k = r->keeper;
	if (json_is_true(json_object_get(r->members, "replace")) && !k->failed_to_start &&
	    !k->lost_run && !k->machine.finished)
		return give_over(r);
	bool pending = k->prepared && !k->machine.recorded && !k->machine.busy;
	bool over = k->failed_to_start || k->lost_run || k->machine.finished;
	if ((!over && !pending) || !k->was_watched || lk_server_followers(k->server) > 0) {
		snprintf(r->text, sizeof r->text, "this keeper is needed");
		return false;
	}
	snprintf(r->text, sizeof r->text, "ending");
	lk_keeper_close(k, k->failed_to_start ? 1 : 0);
	return true;
}

static const struct {
	const char *verb;
	bool (*act)(struct request *r);
	bool needs_lease; /* of consoles that are attached */
} verbs[] = {
	{"attach", attach, false},   {"status", status, false},
	{"pause", wish, false},	     {"resume", wish, true},
	{"abort", wish, true},	     {"rollback", wish, true},
	{"confirm", confirm, false}, {"throttle", set_throttle, true},
	{"lease", lease, false},     {"note", note, false},
	{"retire", retire, false},
};

static bool may(struct request *r, bool needs_lease)
{
	const struct console *console = lk_peer_data(r->peer);
	struct lk_keeper *k = r->keeper;
	if (console && !console->operates && (needs_lease || strcmp(r->verb, "confirm") == 0)) {
		snprintf(r->text, sizeof r->text,
			 "you watch this run: take its operation over first");
		return false;
	}
	if (console && holds_lease(k, console))
		k->operator_seen_us = lk_clock_us();
	if (!needs_lease || !console || holds_lease(k, console))
		return true;
	if (lease_is_free(k)) {
		take_lease(k, console);
		return true;
	}
	snprintf(r->text, sizeof r->text, "%s on %s operates this run: take it over first",
		 k->operator_name, k->operator_host);
	return false;
}

static void request(void *context, struct lk_peer *peer, const char *verb, int id, json_t *members)
{
	struct request r = {context, peer, verb, id, members, ""};
	for (size_t i = 0; i < LK_COUNT(verbs); i++) {
		if (strcmp(verbs[i].verb, verb) != 0)
			continue;
		bool ok = may(&r, verbs[i].needs_lease) && verbs[i].act(&r);
		lk_peer_reply(peer, id, ok, r.text);
		return;
	}
	snprintf(r.text, sizeof r.text, "this keeper does not know the verb \"%.60s\"", verb);
	lk_peer_reply(peer, id, false, r.text);
}

static void gone(void *context, struct lk_peer *peer)
{
	struct lk_keeper *k = context;
	struct console *console = lk_peer_data(peer);
	if (!console)
		return;
	if (holds_lease(k, console))
		k->operator_seen_us = lk_clock_us();
	lk_keeper_log(k, "operator", console->name, "left");
	free(console);
	lk_peer_set_data(peer, NULL);
}

const struct lk_server_handler lk_request_handler = {.request = request, .gone = gone};
