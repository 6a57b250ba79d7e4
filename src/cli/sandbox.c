/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper sandbox`: a private real server, and the plan walked on it by a person or without one. */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/memory.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/headless.h"
#include "cli/plans.h"
#include "keeper/spawn.h"
#include "risk/plan.h"

#define EXAMPLE "rename-username.yaml"

struct options {
	struct lk_sandbox_options sandbox;
	const char *plan;
	bool headless, json;
};

static int read_count(const char *name, const char *text, int64_t most, int64_t *value)
{
	char *end;
	*value = strtoll(text, &end, 10);
	if (end == text || *end || *value < 0 || *value > most)
		return lk_cli_fail(LK_EXIT_USAGE, "%s wants a number from 0 to %lld, not \"%s\"",
				   name, (long long)most, text);
	return 0;
}

static int read_options(const struct lk_cli *cli, struct options *o)
{
	static const struct option known[] = {
		{"plan", required_argument, NULL, 'p'},
		{"rows", required_argument, NULL, 'r'},
		{"writes", required_argument, NULL, 'w'},
		{"headless", no_argument, NULL, 'h'},
		{"keep", no_argument, NULL, 'k'},
		{"max-time", required_argument, NULL, 'm'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int option, status = 0;
	int64_t writes = 300;
	o->sandbox = (struct lk_sandbox_options){
		.rows = 1000000, .connections = 8, .max_time_ms = 7200000};
	optind = 0;
	while (!status && (option = getopt_long(cli->argc, cli->argv, "", known, NULL)) != -1)
		switch (option) {
		case 'p':
			o->plan = optarg;
			break;
		case 'r':
			status = read_count("--rows", optarg, 100000000, &o->sandbox.rows);
			break;
		case 'w':
			status = read_count("--writes", optarg, 100000, &writes);
			break;
		case 'h':
			o->headless = true;
			break;
		case 'k':
			o->sandbox.keep = true;
			break;
		case 'm':
			if (!lk_duration_parse(optarg, &o->sandbox.max_time_ms))
				status = lk_cli_fail(
					LK_EXIT_USAGE,
					"--max-time wants a duration such as 30m, not \"%s\"",
					optarg);
			break;
		case 'j':
			o->json = true;
			break;
		default:
			status = LK_EXIT_USAGE;
		}
	o->sandbox.writes = (int)writes;
	if (!status && cli->argc - optind == 1 && strcmp(cli->argv[optind], "postgres") != 0)
		return lk_cli_fail(LK_EXIT_USAGE, "there is a sandbox of postgres, not of \"%s\"",
				   cli->argv[optind]);
	if (!status && cli->argc - optind > 1)
		return lk_cli_fail(LK_EXIT_USAGE, "sandbox takes the server's kind and options");
	if (!status && o->json && !o->headless)
		return lk_cli_fail(LK_EXIT_USAGE,
				   "--json needs --headless: in the console a person reads");
	return status;
}

/* The example beside the program's sources, or the installed one. */
static char *find_plan(const struct options *o)
{
	if (o->plan)
		return realpath(o->plan, NULL);
	char *path = realpath("plans/" EXAMPLE, NULL);
	if (path)
		return path;
	char program[400];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	program[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	char *beside = lk_format("%s/../plans/" EXAMPLE, program);
	path = realpath(beside, NULL);
	free(beside);
	return path ? path : realpath(LK_PKGDATADIR "/plans/" EXAMPLE, NULL);
}

static void print_progress(void *context, const char *line)
{
	const struct options *o = context;
	if (!o->json)
		fprintf(stderr, "%s\n", line);
}

struct practice {
	const struct options *options;
	struct lk_sandbox sandbox;
	char *plan;
};

/* From "41: 4 connections, 42: 4 connections". */
static bool release_runs(const struct lk_snapshot *s, const char *release)
{
	const char *at = strstr(s->application.releases, release);
	return at && at[strlen(release)] != '0';
}

/* The gates ask whether a release runs or has gone; the application's own figures say so. */
static bool release_is_as_asked(void *context, const struct lk_snapshot *s,
				const struct lk_snapshot_step *gate)
{
	const struct practice *p = context;
	bool settled = s->application.known && s->application.age_ms < 2000;
	if (p->options->sandbox.writes == 0)
		return true;
	/* Before anything begins: long enough alone to have something to compare with. */
	if (strcmp(gate->name, "expand") == 0)
		return settled && s->application.p99_alone_ms > 0;
	if (strcmp(gate->phase, "migrate") == 0)
		return settled && release_runs(s, "42: ");
	if (strcmp(gate->phase, "contract") == 0 && strcmp(gate->name, "contract") != 0)
		return settled && !release_runs(s, "41: ");
	return true;
}

static bool spawn(const struct practice *p, char *socket, size_t size, struct lk_error *error)
{
	struct lk_plan plan = {0};
	struct lk_problems problems = {0};
	bool spawned = lk_risk_read_plan(p->plan, &plan, &problems, NULL);
	if (spawned) {
		const struct lk_spawn request = {.plan_file = p->plan,
						 .plan_name = plan.name,
						 .target = p->sandbox.uri,
						 .environment = "SANDBOX",
						 .application_file = p->sandbox.application_file};
		spawned = lk_keeper_spawn(&request, socket, size, NULL, error);
	} else {
		char *text = lk_problems_text(&problems);
		lk_fail(error, LK_ERROR_PLAN, "%s", text);
		free(text);
	}
	lk_problems_free(&problems);
	lk_plan_free(&plan);
	return spawned;
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

static void print_result(const struct options *o, const struct lk_snapshot *s, int status,
			 const struct lk_sandbox_result *seen, json_t *result)
{
	if (o->json) {
		lk_cli_print_json(result);
		return;
	}
	printf("\nThe run is %s%s%s.\n", s->state, s->reason[0] ? ": " : "", s->reason);
	printf("%lld rows compared with what the application wrote, %lld differ.\n",
	       (long long)seen->rows_compared, (long long)seen->rows_different);
	printf("Application: %lld transactions, %lld errors; p99 %.1f ms (alone %.1f ms), longest stall %.0f ms.\n",
	       (long long)seen->transactions, (long long)seen->errors, seen->p99_ms,
	       seen->p99_alone_ms, seen->longest_stall_ms);
	if (seen->first_error[0])
		lk_cli_fail(0, "first application error: %s", seen->first_error);
	(void)status;
}

static int walk(struct practice *p)
{
	struct lk_error error = {0};
	struct lk_sandbox_result seen = {0};
	char socket[200];
	double peak = 0;
	int64_t from = lk_clock_us();
	if (!spawn(p, socket, sizeof socket, &error))
		return lk_cli_error(&error);
	struct lk_snapshot *snapshot = lk_alloc(sizeof *snapshot);
	const struct lk_headless headless = {.socket = socket,
					     .yes = "*",
					     .json = p->options->json,
					     .ready = release_is_as_asked,
					     .context = p};
	int status = lk_headless_follow(&headless, snapshot, &peak, &error);
	double seconds = (double)(lk_clock_us() - from) / 1e6;
	if (status == LK_EXIT_UNREACHABLE || !lk_sandbox_result(&p->sandbox, &seen, &error)) {
		status = lk_cli_error(&error);
	} else {
		json_t *result = lk_headless_result(snapshot, status, peak, seconds);
		add_application(result, &seen);
		if (status == LK_EXIT_DONE && (seen.errors > 0 || seen.rows_different > 0))
			status = LK_EXIT_PERSON;
		print_result(p->options, snapshot, status, &seen, result);
		json_decref(result);
	}
	free(snapshot);
	return status;
}

static int practise(struct practice *p)
{
	struct lk_cli_plans plans = {.target = p->sandbox.uri,
				     .environment = "SANDBOX",
				     .application_file = p->sandbox.application_file};
	char *folder = lk_strdup(p->plan);
	char *farewell = lk_format(
		"The sandbox goes on for a minute after the last console: lockkeeper attach. Its "
		"server: %s",
		p->sandbox.uri);
	*strrchr(folder, '/') = '\0';
	plans.folders[0] = folder;
	const struct lk_cli_console console = {
		.plans = &plans, .fence = "SANDBOX", .farewell = farewell};
	/* The connection keeps the sandbox alive, so the console inherits it. */
	fcntl(p->sandbox.connection, F_SETFD, 0);
	int status = lk_cli_show(&console);
	lk_cli_plans_free(&plans);
	free(farewell);
	return status;
}

int lk_cli_sandbox(const struct lk_cli *cli)
{
	struct options o = {0};
	struct practice p = {.options = &o};
	struct lk_error error;
	int status = read_options(cli, &o);
	if (status)
		return status;
	p.plan = find_plan(&o);
	if (!p.plan)
		return lk_cli_fail(LK_EXIT_USAGE, "there is no plan %s", o.plan ? o.plan : EXAMPLE);
	if (!lk_sandbox_start(&o.sandbox, print_progress, &o, &p.sandbox, &error)) {
		free(p.plan);
		return lk_cli_error(&error);
	}
	status = o.headless ? walk(&p) : practise(&p);
	if (o.headless && !o.sandbox.keep && !lk_sandbox_stop(&p.sandbox, &error))
		lk_cli_fail(0, "%s", error.text);
	free(p.plan);
	return status;
}
