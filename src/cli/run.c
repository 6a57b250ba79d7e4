/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper run`: find or start the keeper of a plan, and show it. */
#include <getopt.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/uri.h"
#include "cli/cli.h"
#include "cli/headless.h"
#include "cli/plans.h"
#include "keeper/spawn.h"
#include "risk/plan.h"

struct options {
	const char *plan, *target, *yes;
	bool headless, json, linear;
};

static int read_options(const struct lk_cli *cli, struct options *o)
{
	static const struct option known[] = {
		{"target", required_argument, NULL, 't'}, {"headless", no_argument, NULL, 'h'},
		{"yes", required_argument, NULL, 'y'},	  {"json", no_argument, NULL, 'j'},
		{"linear", no_argument, NULL, 'l'},	  {NULL, 0, NULL, 0},
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

int lk_cli_run(const struct lk_cli *cli)
{
	struct options o = {0};
	struct lk_plan plan = {0};
	struct lk_problems problems = {0};
	struct lk_error error;
	char socket[200];
	int status = read_options(cli, &o);
	if (status)
		return status;
	if (o.target && lk_uri_is_uri(o.target) && !lk_uri_check(o.target, &error))
		return lk_cli_error(&error);
	if (!lk_risk_read_plan(o.plan, &plan, &problems, NULL)) {
		char *text = lk_problems_text(&problems);
		status = lk_cli_fail(LK_EXIT_USAGE, "the plan cannot be used:");
		fputs(text, stderr);
		free(text);
	} else {
		char *path = realpath(o.plan, NULL);
		const struct lk_spawn spawn = {.plan_file = path ? path : o.plan,
					       .plan_name = plan.name,
					       .target = o.target ? o.target : plan.target};
		if (!lk_keeper_spawn(&spawn, socket, sizeof socket, NULL, &error))
			status = lk_cli_error(&error);
		else
			status = o.headless ? run_headless(&o, socket) : show(&o, socket);
		free(path);
	}
	lk_problems_free(&problems);
	lk_plan_free(&plan);
	return status;
}
