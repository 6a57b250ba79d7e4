/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows both the command line and the console. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/plans.h"
#include "settings/settings.h"
#include "ui/console.h"

static size_t list_plans(void *context, struct lk_console_plan *plans, size_t capacity)
{
	struct lk_cli_plan *list = lk_alloc(capacity * sizeof *list);
	size_t count = lk_cli_plans_list(context, list, capacity);
	for (size_t i = 0; i < count; i++) {
		memset(&plans[i], 0, sizeof plans[i]);
		LK_COPY(plans[i].path, list[i].path);
		LK_COPY(plans[i].name, list[i].name);
		LK_COPY(plans[i].what, list[i].what);
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

static int run_console(const struct lk_cli_console *console)
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
	const struct lk_console_options options = {
		.socket = console->socket,
		.watch = console->watch,
		.linear = console->linear,
		.ascii = settings.ascii,
		.theme = settings.theme,
		.user = user,
		.host = host,
		.fence = console->fence,
		.farewell = console->farewell,
		.context = console->plans,
		.list_plans = list_plans,
		.open_plan = open_plan,
	};
	int status = lk_console_run(&options, &error);
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
	return lk_cli_main(argc, argv, run_console);
}
