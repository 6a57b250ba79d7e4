/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/journal_verb.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "journal/journal.h"
#include "keeper/spawn.h"
#include "settings/settings.h"

/* A keeper writes its heartbeat each second; after this long there is none. */
#define DEAD_MS 10000
#define PATIENCE_MS 5000

struct call {
	const char *verb, *gate, *target, *uri;
	bool json;
	struct lk_session *session;
};

static void print_run(const struct call *c, const struct lk_journal_run *run, const char *text)
{
	if (!c->json) {
		printf("%s (plan %s): %s%s%s%s%s\n", run->name, run->plan, run->state,
		       run->reason[0] ? ": " : "", run->reason, text[0] ? "; " : "", text);
		return;
	}
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:s}", "run", run->name, "plan",
		run->plan, "state", run->state, "reason", run->reason, "wanted", run->wanted,
		"digest", run->digest, "keeper", run->holder, "steps", run->steps, "steps_done",
		run->steps_done, "heartbeat_age_ms", run->heartbeat_age_ms, "text", text);
	lk_cli_print_json(object);
	json_decref(object);
}

static bool is_over(const struct lk_journal_run *run)
{
	return strcmp(run->state, "done") == 0 || strcmp(run->state, "undone") == 0;
}

static bool keeper_lives(const struct lk_journal_run *run)
{
	return run->heartbeat_age_ms >= 0 && run->heartbeat_age_ms < DEAD_MS;
}

static bool reached(const char *verb, const struct lk_journal_run *run)
{
	bool stands = strcmp(run->state, "paused") == 0 || strcmp(run->state, "stopped") == 0;
	if (strcmp(verb, "pause") == 0 || strcmp(verb, "abort") == 0)
		return stands;
	if (strcmp(verb, "rollback") == 0)
		return run->backward;
	return !stands;
}

/* The keeper has taken the wish out of the journal again, and said why. */
static bool refused(const struct call *c, const struct lk_journal_run *run, struct lk_error *error)
{
	char text[400];
	return lk_journal_last_refusal(c->session, run->name, text, error) &&
	       lk_fail(error, LK_ERROR_REFUSED, "%s", *text ? text : "the keeper does not do it");
}

/* Waits until the keeper has taken the wish up. */
static bool wait_reached(const struct call *c, const char *wanted, struct lk_journal_run *run,
			 struct lk_error *error)
{
	int64_t until = lk_clock_us() + PATIENCE_MS * 1000;
	char name[24];
	LK_COPY(name, run->name);
	do {
		if (!lk_journal_get(c->session, name, run, error))
			return false;
		if (reached(c->verb, run) || is_over(run))
			return true;
		if (strcmp(wanted, "rollback") == 0 && strcmp(run->wanted, wanted) != 0)
			return refused(c, run, error);
		lk_sleep_ms(50);
	} while (lk_clock_us() < until);
	return lk_fail(
		error, LK_ERROR_LOST,
		"the journal says what is wanted, but the keeper (%s) has not acted within %d s",
		run->holder, PATIENCE_MS / 1000);
}

/* Nobody keeps the run: stopping needs nobody, going on needs a keeper. */
static int without_keeper(const struct call *c, const struct lk_journal_run *run)
{
	struct lk_error error;
	char socket[200], text[300];
	bool stops = strcmp(c->verb, "pause") == 0 || strcmp(c->verb, "abort") == 0;
	if (stops) {
		snprintf(text, sizeof text,
			 "no keeper is alive, so nothing of it runs; it stays %s",
			 strcmp(c->verb, "pause") == 0 ? "paused" : "stopped");
		print_run(c, run, text);
		return LK_EXIT_DONE;
	}
	const struct lk_spawn spawn = {
		.resume_run = run->name, .plan_name = run->plan, .target = c->target};
	if (!lk_keeper_spawn(&spawn, socket, sizeof socket, NULL, &error))
		return lk_cli_error(&error);
	snprintf(text, sizeof text, "a new keeper has taken it up here: lockkeeper attach %s",
		 run->name);
	print_run(c, run, text);
	return LK_EXIT_DONE;
}

static int wish(const struct call *c, struct lk_journal_run *run)
{
	static const char *const wanted[][2] = {{"pause", "paused"},
						{"resume", "running"},
						{"abort", "aborted"},
						{"rollback", "rollback"}};
	struct lk_error error;
	if (is_over(run)) {
		print_run(c, run, "it is over: nothing to do");
		return strcmp(c->verb, "pause") == 0 ? LK_EXIT_DONE : LK_EXIT_FAILED;
	}
	const char *value = "running";
	for (size_t i = 0; i < LK_COUNT(wanted); i++)
		if (strcmp(wanted[i][0], c->verb) == 0)
			value = wanted[i][1];
	if (!lk_journal_set_wanted(c->session, run->name, value, &error))
		return lk_cli_error(&error);
	if (!keeper_lives(run))
		return without_keeper(c, run);
	if (!wait_reached(c, value, run, &error))
		return lk_cli_error(&error);
	print_run(c, run, "");
	return LK_EXIT_DONE;
}

static bool has_gate(const struct call *c, const struct lk_journal_run *run, struct lk_error *error)
{
	bool known = false;
	size_t count = (size_t)run->steps;
	struct lk_journal_step *steps = lk_alloc((count + 1) * sizeof *steps);
	bool read = lk_journal_steps(c->session, run->name, count, steps, error);
	for (size_t i = 0; read && i < count; i++)
		known = known || (strcmp(steps[i].name, c->gate) == 0 &&
				  strcmp(steps[i].verb, lk_verb_name(LK_VERB_GATE)) == 0);
	free(steps);
	if (!read)
		return false;
	return known || lk_fail(error, LK_ERROR_REFUSED, "the plan has no gate \"%.60s\"", c->gate);
}

/* From another host the account at the socket is unknown: the database's role answers. */
static int confirm(const struct call *c, const struct lk_journal_run *run)
{
	struct lk_error error;
	struct lk_journal_approval approval = {0};
	char *host = lk_cli_host();
	snprintf(approval.gate, sizeof approval.gate, "%s%.50s",
		 run->backward ? LK_WAY_BACK_PREFIX : "", c->gate);
	snprintf(approval.origin, sizeof approval.origin, "journal, from %.60s", host);
	free(host);
	if (!has_gate(c, run, &error) || !lk_journal_account(c->session, approval.who, &error) ||
	    !lk_journal_approve(c->session, run->name, run->digest, &approval, &error))
		return lk_cli_error(&error);
	print_run(c, run, "the answer is in the journal; the keeper reads it within a second");
	return LK_EXIT_DONE;
}

static int act(const struct call *c, struct lk_journal_run *run)
{
	if (strcmp(c->verb, "status") == 0) {
		char text[120];
		snprintf(text, sizeof text, "%d of %d steps, %s%.80s", run->steps_done, run->steps,
			 keeper_lives(run) ? "keeper " : "no keeper is alive",
			 keeper_lives(run) ? run->holder : "");
		print_run(c, run, text);
		return LK_EXIT_DONE;
	}
	return strcmp(c->verb, "confirm") == 0 ? confirm(c, run) : wish(c, run);
}

static int act_on_all(const struct call *c)
{
	struct lk_error error;
	struct lk_journal_run *runs;
	size_t count, open = 0;
	int status = LK_EXIT_DONE;
	if (!lk_journal_list(c->session, &runs, &count, &error))
		return lk_cli_error(&error);
	for (size_t i = 0; i < count; i++)
		open += !is_over(&runs[i]);
	bool any = strcmp(c->verb, "pause") == 0 || strcmp(c->verb, "status") == 0;
	if (open > 1 && !any)
		status = lk_cli_fail(
			LK_EXIT_USAGE,
			"%zu runs are unfinished on this target: name one (lockkeeper status --target …)",
			open);
	else if (open == 0)
		status = lk_cli_fail(LK_EXIT_FAILED,
				     "no run is unfinished on this target (lockkeeper "
				     "history lists those that are over)");
	for (size_t i = 0; i < count && status == LK_EXIT_DONE; i++)
		if (!is_over(&runs[i]))
			status = act(c, &runs[i]);
	free(runs);
	return status;
}

static int with_session(struct call *c, const char *name)
{
	struct lk_error error;
	struct lk_journal_run run;
	bool installed = false;
	if (!lk_journal_installed(c->session, &installed, &error))
		return lk_cli_error(&error);
	if (!installed)
		return lk_cli_fail(LK_EXIT_FAILED,
				   "the target has no journal: no plan was ever run there");
	if (!name)
		return act_on_all(c);
	if (!lk_journal_get(c->session, name, &run, &error))
		return lk_cli_error(&error);
	return act(c, &run);
}

int lk_journal_verb(const char *verb, const char *run, const char *gate, const char *target,
		    bool json)
{
	struct lk_settings settings;
	struct lk_problems problems = {0};
	const struct lk_settings_target *found;
	struct lk_error error;
	struct call c = {.verb = verb, .gate = gate, .target = target, .json = json};
	int status;
	if (strcmp(verb, "throttle") == 0)
		return lk_cli_fail(LK_EXIT_USAGE,
				   "throttle works on the keeper's host only, without --target");
	if (!lk_settings_read(NULL, &settings, &problems)) {
		char *text = lk_problems_text(&problems);
		status = lk_cli_fail(LK_EXIT_USAGE, "%s", text);
		free(text);
	} else if (!lk_settings_resolve(&settings, target, &c.uri, &found, &error) ||
		   !(c.session = lk_session_open(c.uri, "-", "verb", &error))) {
		status = lk_cli_error(&error);
	} else {
		status = with_session(&c, run);
		lk_session_close(c.session);
	}
	lk_problems_free(&problems);
	lk_settings_free(&settings);
	return status;
}
