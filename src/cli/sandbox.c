/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper sandbox`: a private real server, and the plan walked on it by a person or without one. */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/memory.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/plans.h"
#include "cli/walk.h"
#include "sandbox/servers.h"

#define EXAMPLE "rename-username"

enum { PLANS = 64 };

struct options {
	struct lk_sandbox_options sandbox;
	const char *plans[PLANS]; /* as given */
	size_t plan_count;
	bool headless, there_and_back, json;
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

static int check_options(const struct lk_cli *cli, struct options *o)
{
	if (cli->argc - optind > 1)
		return lk_cli_fail(LK_EXIT_USAGE, "sandbox takes the server's kind and options");
	if (cli->argc - optind == 1)
		o->sandbox.kind = cli->argv[optind];
	if (o->sandbox.kind && !lk_servers_kind(o->sandbox.kind))
		return lk_cli_fail(
			LK_EXIT_USAGE,
			"there is a sandbox of postgres, mariadb and mysql, not of \"%s\"",
			o->sandbox.kind);
	if (o->headless)
		return 0;
	if (o->json)
		return lk_cli_fail(LK_EXIT_USAGE,
				   "--json needs --headless: in the console a person reads");
	if (o->there_and_back)
		return lk_cli_fail(
			LK_EXIT_USAGE,
			"--there-and-back needs --headless: in the console a person walks");
	if (o->plan_count > 1)
		return lk_cli_fail(LK_EXIT_USAGE,
				   "several plans need --headless: the console lists the folder's");
	return 0;
}

static int read_options(const struct lk_cli *cli, struct options *o)
{
	static const struct option known[] = {
		{"plan", required_argument, NULL, 'p'},
		{"rows", required_argument, NULL, 'r'},
		{"writes", required_argument, NULL, 'w'},
		{"headless", no_argument, NULL, 'h'},
		{"there-and-back", no_argument, NULL, 'b'},
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
			if (o->plan_count == PLANS)
				status = lk_cli_fail(LK_EXIT_USAGE, "there are too many plans");
			else
				o->plans[o->plan_count++] = optarg;
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
		case 'b':
			o->there_and_back = true;
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
	return status ? status : check_options(cli, o);
}

/* A file, or the name of an example: in the folder plans here, beside the program's sources, or
 * installed. */
static char *find_plan(const char *name)
{
	char program[400];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	program[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	char *path = realpath(name, NULL);
	if (path || strchr(name, '/'))
		return path;
	char *beside = lk_format("%s/../plans", program);
	const char *const folders[] = {"plans", beside, LK_PKGDATADIR "/plans"};
	for (size_t i = 0; i < 2 * LK_COUNT(folders) && !path; i++) {
		char *candidate = lk_format("%s/%s%s", folders[i / 2], name, i % 2 ? "" : ".yaml");
		path = realpath(candidate, NULL);
		free(candidate);
	}
	free(beside);
	return path;
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
	char *plans[PLANS]; /* paths */
};

static int practise(struct practice *p)
{
	struct lk_cli_plans plans = {.target = p->sandbox.uri,
				     .environment = "SANDBOX",
				     .application_file = p->sandbox.application_file};
	char *folder = lk_strdup(p->plans[0]);
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

static int use(struct practice *p)
{
	const struct options *o = p->options;
	struct lk_error error;
	if (!lk_sandbox_start(&o->sandbox, print_progress, (void *)o, &p->sandbox, &error))
		return lk_cli_error(&error);
	if (!o->headless)
		return practise(p);
	const struct lk_walk walk = {.sandbox = &p->sandbox,
				     .plans = p->plans,
				     .plan_count = o->plan_count,
				     .load = o->sandbox.writes > 0,
				     .json = o->json,
				     .there_and_back = o->there_and_back};
	int status = lk_walk(&walk);
	if (!o->sandbox.keep && !lk_sandbox_stop(&p->sandbox, &error))
		lk_cli_fail(0, "%s", error.text);
	return status;
}

int lk_cli_sandbox(const struct lk_cli *cli)
{
	struct options o = {0};
	struct practice p = {.options = &o};
	int status = read_options(cli, &o);
	if (!status && o.plan_count == 0)
		o.plans[o.plan_count++] = EXAMPLE;
	for (size_t i = 0; i < o.plan_count && !status; i++) {
		p.plans[i] = find_plan(o.plans[i]);
		if (!p.plans[i])
			status = lk_cli_fail(LK_EXIT_USAGE, "there is no plan %s", o.plans[i]);
	}
	if (!status)
		status = use(&p);
	for (size_t i = 0; i < o.plan_count; i++)
		free(p.plans[i]);
	return status;
}
