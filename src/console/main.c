/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lockkeeper-console: what `lockkeeper` becomes when somebody wants to look. It joins the console with the
 * lists of plans and keepers; it links no client library of a database, so it stays small.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/plans.h"
#include "settings/settings.h"
#include "ui/console.h"

struct arguments {
	struct lk_console_options options;
	struct lk_cli_plans plans;
	size_t folders;
};

static size_t list_plans(void *context, struct lk_console_plan *plans, size_t capacity)
{
	struct lk_cli_plan *list = lk_alloc(capacity * sizeof *list);
	size_t count = lk_cli_plans_list(context, list, capacity);
	for (size_t i = 0; i < count; i++) {
		memset(&plans[i], 0, sizeof plans[i]);
		LK_COPY(plans[i].path, list[i].path);
		LK_COPY(plans[i].name, list[i].name);
		LK_COPY(plans[i].what, list[i].what);
		LK_COPY(plans[i].why, list[i].why);
		LK_COPY(plans[i].state, list[i].state);
		LK_COPY(plans[i].run, list[i].run);
		LK_COPY(plans[i].socket, list[i].socket);
		plans[i].readable = list[i].readable;
	}
	free(list);
	return count;
}

static bool open_plan(void *context, const char *path, char *socket, size_t size,
		      struct lk_error *error)
{
	return lk_cli_plans_open(context, path, socket, size, error);
}

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option known[] = {
		{"program", required_argument, NULL, 'x'},
		{"socket", required_argument, NULL, 's'},
		{"fence", required_argument, NULL, 'f'},
		{"farewell", required_argument, NULL, 'b'},
		{"target", required_argument, NULL, 't'},
		{"environment", required_argument, NULL, 'e'},
		{"application", required_argument, NULL, 'a'},
		{"plans", required_argument, NULL, 'p'},
		{"watch", no_argument, NULL, 'w'},
		{"linear", no_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (option) {
		case 'x':
			a->plans.program = optarg;
			break;
		case 's':
			a->options.socket = optarg;
			break;
		case 'f':
			a->options.fence = optarg;
			break;
		case 'b':
			a->options.farewell = optarg;
			break;
		case 't':
			a->plans.target = optarg;
			break;
		case 'e':
			a->plans.environment = optarg;
			break;
		case 'a':
			a->plans.application_file = optarg;
			break;
		case 'p':
			if (a->folders < LK_COUNT(a->plans.folders))
				a->plans.folders[a->folders++] = lk_strdup(optarg);
			break;
		case 'w':
			a->options.watch = true;
			break;
		case 'l':
			a->options.linear = true;
			break;
		default:
			return false;
		}
	return a->plans.program != NULL && optind == argc;
}

static int show(struct arguments *a)
{
	struct lk_error error = {0};
	struct lk_settings settings;
	struct lk_problems problems = {0};
	if (!lk_settings_read(NULL, &settings, &problems)) {
		char *text = lk_problems_text(&problems);
		lk_cli_fail(LK_EXIT_USAGE, "the settings are not used:");
		fputs(text, stderr);
		free(text);
	}
	char *user = lk_cli_user(), *host = lk_cli_host();
	a->options.ascii = settings.ascii;
	a->options.quiet = !settings.bell;
	a->options.theme = settings.theme;
	a->options.user = user;
	a->options.host = host;
	a->options.context = &a->plans;
	a->options.list_plans = list_plans;
	a->options.open_plan = open_plan;
	int status = lk_console_run(&a->options, &error);
	if (status != 0)
		lk_cli_fail(status, "%s", error.text);
	free(user);
	free(host);
	lk_settings_free(&settings);
	lk_problems_free(&problems);
	return status;
}

int main(int argc, char **argv)
{
	struct arguments a = {0};
	int status = LK_EXIT_USAGE;
	if (read_arguments(argc, argv, &a))
		status = show(&a);
	else
		lk_cli_fail(status, "lockkeeper-console is started by lockkeeper, not by hand");
	lk_cli_plans_free(&a.plans);
	return status;
}
