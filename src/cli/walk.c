/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/walk.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "catalog/catalog.h"
#include "cli/cli.h"
#include "cli/headless.h"
#include "cli/read_plan.h"
#include "keeper/spawn.h"
#include "operation/operation.h"

#define ROOM_US 5000000
/* The gate that is added to a plan which has none in front of a contract. */
#define WAY_BACK "way-back"

struct walk {
	const struct lk_walk *wanted;
	const char *path; /* of the plan */
	struct lk_snapshot *snapshot;
	double peak_mib;
	int runs; /* begun in this sandbox */
	/* the gate that waits, and since when */
	char gate[64];
	bool gate_back;
	int64_t gate_ms;
};

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), n = strlen(ending);
	return length >= n && strcmp(text + length - n, ending) == 0;
}

/* Which way a gate asks about releases: whether the new one runs, or the old one no more. */
static bool asks_for_new(const char *gate)
{
	return (begins_with(gate, "release-") || strcmp(gate, "new-release") == 0) &&
	       !ends_with(gate, "-gone");
}

static bool asks_for_old_gone(const char *gate)
{
	return (begins_with(gate, "release-") || begins_with(gate, "old-release-")) &&
	       ends_with(gate, "-gone");
}

/*
 * From the application's own figures: the deployment has looked since the gate waits, every connection
 * runs what it wants, and that is what the gate asks. One that has seen errors may never settle; nobody
 * waits for it, and the result tells.
 */
static bool figures_agree(const struct walk *w, const char *gate, bool back)
{
	json_t *figures = json_load_file(w->wanted->sandbox->application_file, 0, NULL);
	const char *releases = json_string_value(json_object_get(figures, "releases"));
	int64_t looked_ms = json_integer_value(json_object_get(figures, "looked_ms"));
	bool agree = releases && looked_ms > w->gate_ms &&
		     json_is_true(json_object_get(figures, "settled"));
	if (agree && back)
		agree = !strstr(releases, "42: ");
	else if (agree && asks_for_new(gate))
		agree = strstr(releases, "42: ") != NULL;
	else if (agree && asks_for_old_gone(gate))
		agree = !strstr(releases, "41: ");
	agree = agree || json_integer_value(json_object_get(figures, "errors")) > 0;
	json_decref(figures);
	return agree;
}

static bool release_is_as_asked(void *context, const struct lk_snapshot *s,
				const struct lk_snapshot_step *gate, bool back)
{
	struct walk *w = context;
	if (!w->wanted->load)
		return true;
	if (strcmp(w->gate, gate->name) != 0 || w->gate_back != back) {
		LK_COPY(w->gate, gate->name);
		w->gate_back = back;
		w->gate_ms = lk_wall_ms();
	}
	/* Before anything begins: long enough alone to have something to compare with. */
	if (w->runs == 1 && gate->number == 0 && !back && s->application.p99_alone_ms <= 0)
		return false;
	return figures_agree(w, gate->name, back);
}

/* A keeper of the same plan whose run is over makes room once it has seen that nobody looks at it. */
static bool spawn(const struct walk *w, const char *path, char *socket, size_t size,
		  struct lk_error *error)
{
	struct lk_plan plan = {0};
	bool started = false,
	     spawned =
		     lk_risk_load_plan(path, lk_cli_engine(w->wanted->sandbox->uri), &plan, error);
	const struct lk_spawn request = {.plan_file = path,
					 .plan_name = plan.name,
					 .target = w->wanted->sandbox->uri,
					 .environment = "SANDBOX",
					 .application_file = w->wanted->sandbox->application_file};
	int64_t until_us = lk_clock_us() + ROOM_US;
	while (spawned && !started) {
		spawned = lk_keeper_spawn(&request, socket, size, &started, error);
		if (spawned && !started && lk_clock_us() > until_us)
			spawned = lk_fail(error, LK_ERROR_REFUSED,
					  "the keeper of plan %s does not end", plan.name);
		if (!started)
			lk_sleep_ms(20);
	}
	lk_plan_free(&plan);
	return spawned;
}

/* One run to its end; `turn` as in struct lk_headless. Yields an exit status of `run`. */
static int follow(struct walk *w, const char *path, const char *turn, struct lk_error *error)
{
	char socket[200];
	double peak = 0;
	w->gate[0] = '\0';
	w->runs++;
	if (!spawn(w, path, socket, sizeof socket, error))
		return LK_EXIT_UNREACHABLE;
	const struct lk_headless headless = {.socket = socket,
					     .yes = "*",
					     .json = w->wanted->json,
					     .ready = release_is_as_asked,
					     .turn = turn,
					     .context = w};
	int status = lk_headless_follow(&headless, w->snapshot, &peak, error);
	w->peak_mib = peak > w->peak_mib ? peak : w->peak_mib;
	return status;
}

/* Whether something is changed before phase contract, which then waits with its gate. */
static bool has_contract_gate(const struct lk_plan *plan)
{
	return plan->step_count > 0 && plan->steps[0].phase != LK_CONTRACT &&
	       plan->steps[plan->step_count - 1].phase == LK_CONTRACT;
}

/* The plan in its long form with a gate behind the last step, in the sandbox's folder. The caller's. */
static char *with_way_back(const struct walk *w, struct lk_plan *plan, struct lk_error *error)
{
	enum lk_phase last = plan->steps[plan->step_count - 1].phase;
	struct lk_step *gate = lk_plan_add_step(plan, last, LK_VERB_GATE);
	gate->name = lk_strdup(WAY_BACK);
	gate->gate = LK_GATE_ASK;
	gate->needed = 1;
	gate->ask = lk_strdup("everything is as it should be: the way back may close");
	lk_plan_complete(plan);
	char *text = lk_plan_to_yaml(plan);
	char *path = lk_format("%s/%s.yaml", w->wanted->sandbox->folder, plan->name);
	if (!lk_path_write(path, text, strlen(text), error)) {
		free(path);
		path = NULL;
	}
	free(text);
	return path;
}

/*
 * Where an operator would turn: at the gate in front of contract. Without one the plan is over when its
 * last step is, and what is over is not rolled back: who wants to look around first puts a gate behind
 * the last step, so that every step can still be taken back. Yields the path of the plan to walk, the
 * caller's, and the gate; NULL and *error when there is no way back.
 */
static char *find_turn(const struct walk *w, const char **turn, struct lk_error *error)
{
	struct lk_plan plan = {0};
	struct lk_session *session = NULL;
	struct lk_server server;
	char *path = NULL;
	bool found =
		lk_risk_load_plan(w->path, lk_cli_engine(w->wanted->sandbox->uri), &plan, error) &&
		(session = lk_session_open(w->wanted->sandbox->uri, "-", "walk", error)) &&
		lk_catalog_server(session, &server, error) &&
		lk_operation_derive(session, &plan, error);
	lk_session_close(session);
	*turn = lk_phase_name(LK_CONTRACT);
	if (found && has_contract_gate(&plan)) {
		path = lk_strdup(w->path);
	} else if (found) {
		*turn = WAY_BACK;
		path = with_way_back(w, &plan, error);
	}
	lk_plan_free(&plan);
	return path;
}

/* The first line of b that is not in a, or of a that is not in b; NULL when they are the same. Both
 * are sorted. */
static char *first_difference(const char *a, const char *b)
{
	while (*a && *b) {
		size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
		if (n != m || strncmp(a, b, n) != 0)
			break;
		a += n + (a[n] == '\n');
		b += m + (b[m] == '\n');
	}
	if (!*a && !*b)
		return NULL;
	return lk_format("before: %.*s; now: %.*s", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"),
			 b);
}

static void say_back(const struct walk *w, const struct lk_sandbox_result *seen,
		     const char *difference)
{
	if (w->wanted->json) {
		json_t *line = json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:s}", "event", "back",
					 "plan", w->snapshot->plan, "rows_compared",
					 (json_int_t)seen->rows_compared, "rows_different",
					 (json_int_t)seen->rows_different, "errors",
					 (json_int_t)seen->errors, "as_before", difference == NULL,
					 "difference", difference ? difference : "");
		lk_cli_print_json(line);
		json_decref(line);
		return;
	}
	printf("\nRolled back: %lld rows compared, %lld differ; %lld application errors; the tables are %s%s.\n\n",
	       (long long)seen->rows_compared, (long long)seen->rows_different,
	       (long long)seen->errors, difference ? "NOT as they were: " : "as they were",
	       difference ? difference : "");
}

/* Up to the turn and back to the beginning. */
static int there_and_back(struct walk *w, struct lk_error *error)
{
	struct lk_sandbox_result seen = {0};
	char *before = lk_sandbox_shape(w->wanted->sandbox, error), *path = NULL, *now = NULL;
	const char *turn = NULL;
	int status = LK_EXIT_UNREACHABLE;
	if (before && (path = find_turn(w, &turn, error)))
		status = follow(w, path, turn, error);
	bool undone = status == LK_EXIT_OPERATOR && strcmp(w->snapshot->state, "undone") == 0;
	if (undone && (!(now = lk_sandbox_shape(w->wanted->sandbox, error)) ||
		       !lk_sandbox_compare(w->wanted->sandbox, &seen, error)))
		status = LK_EXIT_UNREACHABLE;
	else if (undone) {
		char *difference = first_difference(before, now);
		say_back(w, &seen, difference);
		status = difference || seen.rows_different > 0 || seen.errors > 0 ? LK_EXIT_PERSON
										  : LK_EXIT_DONE;
		free(difference);
	}
	free(path);
	free(before);
	free(now);
	return status;
}

static void add_application(json_t *result, const struct lk_sandbox_result *seen)
{
	json_object_set_new(result, "rows", json_integer(seen->rows));
	json_object_set_new(result, "rows_compared", json_integer(seen->rows_compared));
	json_object_set_new(result, "rows_different", json_integer(seen->rows_different));
	json_object_set_new(result, "application",
			    json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:s}",
				      "transactions", (json_int_t)seen->transactions, "errors",
				      (json_int_t)seen->errors, "p50_ms", seen->p50_ms, "p95_ms",
				      seen->p95_ms, "p99_ms", seen->p99_ms, "p99_alone_ms",
				      seen->p99_alone_ms, "max_ms", seen->max_ms,
				      "longest_stall_ms", seen->longest_stall_ms, "first_error",
				      seen->first_error));
}

static void say_result(const struct walk *w, const struct lk_sandbox_result *seen, json_t *result)
{
	const struct lk_snapshot *s = w->snapshot;
	if (w->wanted->json) {
		lk_cli_print_json(result);
		return;
	}
	printf("\nThe run of %s is %s%s%s.\n", s->plan, s->state, s->reason[0] ? ": " : "",
	       s->reason);
	printf("%lld rows compared with what the application wrote, %lld differ.\n",
	       (long long)seen->rows_compared, (long long)seen->rows_different);
	printf("Application: %lld transactions, %lld errors; p99 %.1f ms (alone %.1f ms), longest stall %.0f ms.\n",
	       (long long)seen->transactions, (long long)seen->errors, seen->p99_ms,
	       seen->p99_alone_ms, seen->longest_stall_ms);
	if (seen->first_error[0])
		lk_cli_fail(0, "first application error: %s", seen->first_error);
}

/* One plan; the application stops with the last one. */
static int walk_plan(struct walk *w, bool last, struct lk_error *error)
{
	struct lk_sandbox_result seen = {0};
	int64_t from = lk_clock_us();
	int status = w->wanted->there_and_back ? there_and_back(w, error) : LK_EXIT_DONE;
	if (status == LK_EXIT_DONE)
		status = follow(w, w->path, NULL, error);
	double seconds = (double)(lk_clock_us() - from) / 1e6;
	if (status == LK_EXIT_UNREACHABLE ||
	    !(last ? lk_sandbox_result(w->wanted->sandbox, &seen, error)
		   : lk_sandbox_compare(w->wanted->sandbox, &seen, error)))
		return lk_cli_error(error);
	json_t *result = lk_headless_result(w->snapshot, status, w->peak_mib, seconds);
	json_object_set_new(result, "plan", json_string(w->snapshot->plan));
	add_application(result, &seen);
	if (status == LK_EXIT_DONE && (seen.errors > 0 || seen.rows_different > 0))
		status = LK_EXIT_PERSON;
	say_result(w, &seen, result);
	json_decref(result);
	return status;
}

int lk_walk(const struct lk_walk *wanted)
{
	struct lk_error error = {0};
	int status = LK_EXIT_DONE;
	struct walk w = {.wanted = wanted, .snapshot = lk_alloc(sizeof *w.snapshot)};
	for (size_t i = 0; i < wanted->plan_count && status == LK_EXIT_DONE; i++) {
		w.path = wanted->plans[i];
		w.peak_mib = 0;
		status = walk_plan(&w, i + 1 == wanted->plan_count, &error);
	}
	free(w.snapshot);
	return status;
}
