/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper attach`, and the console without arguments. */
#include <getopt.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/plans.h"

int lk_cli_console(const struct lk_cli *cli)
{
	struct lk_cli_plans plans = {0};
	(void)cli;
	lk_cli_plans_usual(&plans);
	const struct lk_cli_console console = {.plans = &plans};
	int status = lk_cli_show(&console);
	lk_cli_plans_free(&plans);
	return status;
}

static int attach_one(struct lk_found *found, bool watch, bool linear)
{
	struct lk_cli_plans plans = {0};
	char socket[200];
	LK_COPY(socket, found->path);
	lk_client_close(found->client);
	found->client = NULL;
	lk_cli_plans_usual(&plans);
	const struct lk_cli_console console = {
		.socket = socket, .watch = watch, .linear = linear, .plans = &plans};
	int status = lk_cli_show(&console);
	lk_cli_plans_free(&plans);
	return status;
}

int lk_cli_attach(const struct lk_cli *cli)
{
	static const struct option known[] = {{"watch", no_argument, NULL, 'w'},
					      {"linear", no_argument, NULL, 'l'},
					      {NULL, 0, NULL, 0}};
	bool watch = false, linear = false;
	struct lk_error error;
	struct lk_found *found;
	size_t count;
	int option, status;
	optind = 0;
	while ((option = getopt_long(cli->argc, cli->argv, "", known, NULL)) != -1)
		if (option == 'w')
			watch = true;
		else if (option == 'l')
			linear = true;
		else
			return LK_EXIT_USAGE;
	if (cli->argc - optind > 1)
		return lk_cli_fail(LK_EXIT_USAGE, "attach takes one run at most");
	const char *name = optind < cli->argc ? cli->argv[optind] : NULL;
	if (!lk_find_runs(name, &found, &count, &error))
		return lk_cli_error(&error);
	if (count == 1) {
		status = attach_one(&found[0], watch, linear);
	} else if (count == 0) {
		status = lk_cli_fail(LK_EXIT_UNREACHABLE, "no keeper of yours on this host%s%s",
				     name ? " has a run or plan " : " is alive", name ? name : "");
	} else {
		char *names = lk_find_names(found, count);
		status = lk_cli_fail(LK_EXIT_USAGE, "several runs match, name one: %s", names);
		free(names);
	}
	lk_find_free(found, count);
	return status;
}
