/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/headless.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/safe_text.h"
#include "cli/cli.h"
#include "control/client.h"

/* Until the same gate is answered again. */
#define ANSWER_GAP_US 500000

struct follow {
	const struct lk_headless *headless;
	struct lk_snapshot *snapshot;
	bool fresh;
	bool back;	     /* the way back was asked for, */
	int back_id;	     /* with this request, */
	bool refused;	     /* and refused */
	int64_t answered_us; /* the last answer sent, */
	int answered;	     /* and its step */
	double peak_mib;
};

static void take_snapshot(void *context, const json_t *object)
{
	struct follow *f = context;
	lk_snapshot_decode(object, f->snapshot);
	f->fresh = true;
}

static void take_event(void *context, const struct lk_event *event)
{
	struct follow *f = context;
	if (f->headless->json) {
		json_t *object = lk_event_encode(event);
		json_object_set_new(object, "event", json_string(event->kind));
		lk_cli_print_json(object);
		json_decref(object);
		return;
	}
	char at[32], *text = lk_safe_copy(event->text, 0);
	lk_wall_format(event->at, at, sizeof at);
	printf("%.8sZ %-8s %s\n", at + 11, event->kind, text);
	fflush(stdout);
	free(text);
}

static void take_reply(void *context, int id, bool ok, const char *text)
{
	struct follow *f = context;
	if (!ok)
		lk_cli_fail(0, "%s", text);
	f->refused = f->refused || (!ok && f->back && id == f->back_id);
}

static bool is_named(const char *list, const char *gate)
{
	size_t length = strlen(gate);
	if (list && strcmp(list, "*") == 0)
		return true;
	for (const char *p = list; p && *p;) {
		size_t n = strcspn(p, ",");
		if (n == length && strncmp(p, gate, n) == 0)
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

static bool turns_at(const char *turn, const struct lk_snapshot_step *gate)
{
	return turn && strcmp(turn, gate->name) == 0;
}

/* -1: go on; else the exit status. A gate that needs two people is left to people. */
static int at_gate(struct follow *f, struct lk_client *client)
{
	const struct lk_snapshot *s = f->snapshot;
	if (s->step < 0 || s->step >= s->steps_count)
		return -1;
	const struct lk_snapshot_step *gate = &s->steps[s->step];
	if (strcmp(gate->verb, "gate") != 0 || strcmp(gate->by, "sql") == 0)
		return -1;
	if (!is_named(f->headless->yes, gate->name) || (gate->approvals > 0 && !f->back))
		return LK_EXIT_GATE;
	bool lately = lk_clock_us() - f->answered_us < ANSWER_GAP_US;
	if ((lately && f->answered == gate->number) ||
	    (f->headless->ready && !f->headless->ready(f->headless->context, s, gate, f->back)))
		return -1;
	if (!f->back && turns_at(f->headless->turn, gate)) {
		f->back_id = lk_client_send(client, "rollback", NULL);
		f->back = true;
		f->answered_us = lk_clock_us();
		f->answered = gate->number;
		return -1;
	}
	json_t *members = json_pack("{s:s, s:s}", "gate", gate->name, "answer", "yes");
	lk_client_send(client, "confirm", members);
	f->answered_us = lk_clock_us();
	f->answered = gate->number;
	return -1;
}

static int status_of_stopped(const struct lk_snapshot *s)
{
	if (s->failure[0])
		return strcmp(s->failure, "plan") == 0 || strcmp(s->failure, "usage") == 0
			       ? LK_EXIT_USAGE
			       : LK_EXIT_FAILED;
	return strncmp(s->reason, "aborted", 7) == 0 ? LK_EXIT_OPERATOR : LK_EXIT_PERSON;
}

static int judge(struct follow *f, struct lk_client *client)
{
	const struct lk_snapshot *s = f->snapshot;
	if (strcmp(s->state, "done") == 0)
		return LK_EXIT_DONE;
	if (strcmp(s->state, "undone") == 0 || strcmp(s->state, "paused") == 0)
		return LK_EXIT_OPERATOR;
	if (strcmp(s->state, "stopped") == 0)
		return status_of_stopped(s);
	if (strcmp(s->state, "pending") == 0 && s->reason[0])
		return LK_EXIT_FAILED;
	if (strcmp(s->state, "pending") == 0 || strcmp(s->state, "waiting") == 0)
		return at_gate(f, client);
	return -1;
}

/* The largest resident size a process has had (VmHWM of proc(5)). */
static double peak_of(int pid)
{
	char path[64], line[256];
	long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return (double)kib / 1024;
}

/* At a new snapshot; as judge(). */
static int look(struct follow *f, struct lk_client *client)
{
	double peak = peak_of(f->snapshot->pid);
	f->fresh = false;
	f->peak_mib = peak > f->peak_mib ? peak : f->peak_mib;
	return judge(f, client);
}

static int follow(struct follow *f, struct lk_client *client, struct lk_error *error)
{
	static const struct lk_client_handler handler = {take_snapshot, take_event, take_reply};
	char *host = lk_cli_host();
	lk_client_send(client, "attach",
		       json_pack("{s:s, s:i, s:s}", "role", "operate", "since", 0, "host", host));
	free(host);
	for (;;) {
		struct pollfd p = {lk_client_fd(client), POLLIN, 0};
		if (poll(&p, 1, 5000) < 0 && errno != EINTR)
			return lk_fail_errno(error, errno, "poll") ? 0 : LK_EXIT_UNREACHABLE;
		bool there = lk_client_pump(client, &handler, f, error);
		if (f->refused)
			return LK_EXIT_FAILED;
		/* A keeper that ends right behind its last snapshot has still said how the run ended. */
		int status = f->fresh ? look(f, client) : -1;
		if (status >= 0)
			return status;
		if (!there)
			return LK_EXIT_UNREACHABLE;
	}
}

int lk_headless_follow(const struct lk_headless *headless, struct lk_snapshot *snapshot,
		       double *keeper_peak_mib, struct lk_error *error)
{
	struct follow f = {.headless = headless, .snapshot = snapshot};
	struct lk_client *client = lk_client_open(headless->socket, error);
	if (!client)
		return LK_EXIT_UNREACHABLE;
	int status = follow(&f, client, error);
	lk_client_close(client);
	*keeper_peak_mib = f.peak_mib;
	return status;
}

static const char *outcome_name(int status, const struct lk_snapshot *s)
{
	static const char *const names[] = {"done",	"failed", "usage",	"gate",
					    "operator", "person", "unreachable"};
	return status == LK_EXIT_OPERATOR ? s->state : names[status];
}

static double backfill_rate(const struct lk_snapshot *s)
{
	double ms = 0;
	for (int i = 0; i < s->steps_count; i++)
		if (strcmp(s->steps[i].verb, "backfill") == 0 &&
		    s->steps[i].ended > s->steps[i].started)
			ms += (double)(s->steps[i].ended - s->steps[i].started);
	return ms > 0 ? (double)s->backfill.rows_done * 1000 / ms : 0;
}

json_t *lk_headless_result(const struct lk_snapshot *s, int status, double keeper_peak_mib,
			   double seconds)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f}", "event",
			 "result", "outcome", outcome_name(status, s), "run", s->run, "engine",
			 s->engine, "reason", s->reason, "rows", (json_int_t)s->backfill.rows_done,
			 "rows_compared", (json_int_t)s->result.rows_compared, "rows_different",
			 (json_int_t)s->result.rows_different, "backfill_rows_per_s",
			 backfill_rate(s), "keeper_peak_mib", keeper_peak_mib, "seconds", seconds);
}
