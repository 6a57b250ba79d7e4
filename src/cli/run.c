/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper run`: find or start the keeper of a plan, and show it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/uri.h"
#include "cli/cli.h"
#include "cli/headless.h"
#include "cli/plans.h"
#include "cli/read_plan.h"
#include "cli/target.h"
#include "control/client.h"
#include "journal/journal.h"
#include "keeper/difference.h"
#include "keeper/replace.h"
#include "keeper/spawn.h"

struct options {
	const char *plan, *target, *yes, *replace;
	bool headless, json, linear;
};

static int read_options(const struct lk_cli *cli, struct options *o)
{
	static const struct option known[] = {
		{"target", required_argument, NULL, 't'},
		{"headless", no_argument, NULL, 'h'},
		{"yes", required_argument, NULL, 'y'},
		{"json", no_argument, NULL, 'j'},
		{"linear", no_argument, NULL, 'l'},
		{"replace", required_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	int option;
	optind = 0;
	while ((option = getopt_long(cli->argc, cli->argv, "", known, NULL)) != -1)
		switch (option) {
		case 't':
			o->target = optarg;
			break;
		case 'h':
			o->headless = true;
			break;
		case 'y':
			o->yes = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'l':
			o->linear = true;
			break;
		case 'r':
			o->replace = optarg;
			break;
		default:
			return LK_EXIT_USAGE;
		}
	if (cli->argc - optind != 1)
		return lk_cli_fail(LK_EXIT_USAGE,
				   "run wants one plan: lockkeeper run PLAN [--target URI]");
	o->plan = cli->argv[optind];
	if ((o->json || o->yes) && !o->headless)
		return lk_cli_fail(
			LK_EXIT_USAGE,
			"--json and --yes need --headless: in the console a person answers");
	return 0;
}

static int run_headless(const struct options *o, const char *socket)
{
	const struct lk_headless headless = {.socket = socket, .yes = o->yes, .json = o->json};
	struct lk_snapshot *snapshot = lk_alloc(sizeof *snapshot);
	struct lk_error error = {0};
	double peak = 0;
	int64_t from = lk_clock_us();
	int status = lk_headless_follow(&headless, snapshot, &peak, &error);
	if (status == LK_EXIT_UNREACHABLE) {
		lk_cli_fail(0, "%s", error.text);
	} else if (o->json) {
		json_t *result = lk_headless_result(snapshot, status, peak,
						    (double)(lk_clock_us() - from) / 1e6);
		lk_cli_print_json(result);
		json_decref(result);
	} else if (status == LK_EXIT_GATE) {
		const struct lk_snapshot_step *gate = &snapshot->steps[snapshot->step];
		lk_cli_fail(0, "waiting at gate %s (%s): lockkeeper confirm %s %s", gate->name,
			    gate->ask, snapshot->run, gate->name);
	} else if (status != LK_EXIT_DONE) {
		lk_cli_fail(0, "%s%s%s", snapshot->state, snapshot->reason[0] ? ": " : "",
			    snapshot->reason);
		if (status == LK_EXIT_PERSON)
			lk_cli_fail(
				0,
				"mend what it says, then: lockkeeper resume %s, or: lockkeeper rollback %s",
				snapshot->run, snapshot->run);
	}
	free(snapshot);
	return status;
}

static int show(const struct options *o, const char *socket)
{
	struct lk_cli_plans plans = {0};
	plans.target = o->target;
	lk_cli_plans_usual(&plans);
	const struct lk_cli_console console = {
		.socket = socket, .linear = o->linear, .plans = &plans};
	int status = lk_cli_show(&console);
	lk_cli_plans_free(&plans);
	return status;
}

/*
 * Before anything is disturbed: may the plan take the run over? Then the run's keeper ends, if it is on this
 * host; one elsewhere holds the run, and is named.
 */
static int make_room(const struct options *o, const char *target, char run[24])
{
	struct lk_replacement replacement;
	struct lk_session *session;
	struct lk_error error;
	bool found = false;
	int status = lk_cli_open_target(target, "replace", &session, NULL);
	if (status)
		return status;
	if (!lk_replacement_find(session, o->replace, o->plan, &replacement, &error)) {
		status = lk_cli_error(&error);
	} else {
		lk_copy_text(run, 24, replacement.run.name);
		if (!lk_keeper_make_room(run, &found, &error) ||
		    (!found && !lk_journal_hold(session, run, &error)))
			status = lk_cli_error(&error);
		else if (!o->json)
			lk_cli_fail(0, "replacing the plan of run %s: %s", run,
				    replacement.difference);
	}
	lk_replacement_free(&replacement);
	lk_session_close(session);
	return status;
}

/* The journal knows the run, and it is not over. */
static bool is_open(const struct lk_snapshot *s)
{
	static const char *const others[] = {"starting", "pending", "done", "undone"};
	for (size_t i = 0; i < LK_COUNT(others); i++)
		if (strcmp(s->state, others[i]) == 0)
			return false;
	return !s->failure[0] && s->digest[0];
}

/* A short form has a digest only once it is derived, so its intent is compared with the journal's. */
static bool same_intent(const struct lk_plan *plan, const char *target, const char *run)
{
	struct lk_plan stored = {0};
	struct lk_error ignored;
	struct lk_session *session = lk_cli_try_target(target, "run");
	bool differs = session && lk_journal_load(session, run, &stored, &ignored) &&
		       !lk_difference_same_intent(plan, &stored);
	lk_plan_free(&stored);
	lk_session_close(session);
	return !differs;
}

static bool same_plan(const struct lk_plan *plan, const char *target, const struct lk_snapshot *s)
{
	char digest[65];
	if (plan->operation_count > 0)
		return same_intent(plan, target, s->run);
	lk_plan_digest(plan, digest);
	return strcmp(s->digest, digest) == 0;
}

/* The keeper that was there carries another plan out than the file now says: nobody is to be shown the one
 * and believe the other. */
static bool carries_out(const char *socket, const struct lk_plan *plan, const char *target,
			struct lk_error *error)
{
	struct lk_error ignored;
	struct lk_client *client = lk_client_open(socket, &ignored);
	if (!client)
		return true;
	struct lk_snapshot *s = lk_alloc(sizeof *s);
	bool differs = lk_client_call(client, "status", NULL, 2000, s, NULL, 0, &ignored) &&
		       is_open(s) && !same_plan(plan, target, s);
	lk_client_close(client);
	if (differs)
		lk_fail(error, LK_ERROR_REFUSED,
			"run %s of plan %s is %s, and its plan differs from this file: look at it with lockkeeper "
			"attach %s; the file can take its place (lockkeeper run PLAN --replace %s)",
			s->run, plan->name, s->state, s->run, s->run);
	free(s);
	return !differs;
}

static int start(const struct options *o, const struct lk_plan *plan)
{
	char run[24] = "", socket[200], *path = realpath(o->plan, NULL);
	struct lk_error error;
	bool started = false;
	const char *target = o->target ? o->target : plan->target;
	const struct lk_spawn spawn = {.plan_file = path ? path : o->plan,
				       .replace_run = o->replace ? run : NULL,
				       .plan_name = plan->name,
				       .target = target};
	int status = o->replace ? make_room(o, target, run) : 0;
	if (!status && (!lk_keeper_spawn(&spawn, socket, sizeof socket, &started, &error) ||
			(!started && !carries_out(socket, plan, target, &error))))
		status = lk_cli_error(&error);
	else if (!status && !started && o->replace)
		status = lk_cli_fail(
			LK_EXIT_FAILED,
			"another keeper has come first: see lockkeeper status, and try again");
	else if (!status)
		status = o->headless ? run_headless(o, socket) : show(o, socket);
	free(path);
	return status;
}

int lk_cli_run(const struct lk_cli *cli)
{
	struct options o = {0};
	struct lk_plan plan = {0};
	struct lk_problems problems = {0};
	struct lk_error error;
	int status = read_options(cli, &o);
	if (status)
		return status;
	if (o.target && lk_uri_is_uri(o.target) && !lk_uri_check(o.target, &error))
		return lk_cli_error(&error);
	if (lk_cli_read_plan(o.plan, o.target, &plan, &problems, NULL)) {
		status = start(&o, &plan);
	} else {
		char *text = lk_problems_text(&problems);
		status = lk_cli_fail(LK_EXIT_USAGE, "the plan cannot be used:");
		fputs(text, stderr);
		free(text);
	}
	lk_problems_free(&problems);
	lk_plan_free(&plan);
	return status;
}
