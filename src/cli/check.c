/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper check`: every mistake of plan files, without a server. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/safe_text.h"
#include "cli/cli.h"
#include "cli/read_plan.h"

static void print_problem(const struct lk_problem *p, bool json)
{
	char *text = lk_safe_copy(p->text, 0);
	if (json) {
		json_t *object = json_pack("{s:s, s:i, s:i, s:s}", "file", p->file, "line", p->line,
					   "column", p->column, "text", text);
		if (object)
			lk_cli_print_json(object);
		json_decref(object);
	} else {
		char *file = lk_safe_copy(p->file, 0);
		printf("%s:%d:%d: %s\n", file, p->line, p->column, text);
		free(file);
	}
	free(text);
}

static size_t check_file(const char *path, const char *target, bool json)
{
	struct lk_plan plan = {0};
	struct lk_problems problems = {0}, notes = {0};
	size_t findings = 0;
	bool clean = lk_cli_read_plan(path, target, &plan, &problems, &notes);
	/* Notes are worth reading and are no findings. */
	for (size_t i = 0; i < notes.count; i++)
		print_problem(&notes.list[i], json);
	if (!clean) {
		findings = problems.count;
		for (size_t i = 0; i < problems.count; i++)
			print_problem(&problems.list[i], json);
	} else if (!json) {
		char *safe = lk_safe_copy(path, 0);
		printf("%s: ok\n", safe);
		free(safe);
	}
	lk_problems_free(&problems);
	lk_problems_free(&notes);
	lk_plan_free(&plan);
	return findings;
}

int lk_cli_check(const struct lk_cli *cli)
{
	static const struct option known[] = {{"format", required_argument, NULL, 'f'},
					      {"target", required_argument, NULL, 't'},
					      {NULL, 0, NULL, 0}};
	const char *target = NULL;
	bool json = false;
	size_t findings = 0;
	int option;
	optind = 0;
	while ((option = getopt_long(cli->argc, cli->argv, "", known, NULL)) != -1) {
		if (option != 'f' && option != 't')
			return LK_EXIT_USAGE;
		if (option == 't')
			target = optarg;
		else
			json = strcmp(optarg, "json") == 0;
		if (option == 'f' && !json && strcmp(optarg, "text") != 0)
			return lk_cli_fail(LK_EXIT_USAGE, "--format is text or json, not \"%s\"",
					   optarg);
	}
	if (optind == cli->argc)
		return lk_cli_fail(LK_EXIT_USAGE, "check wants at least one plan");
	for (int i = optind; i < cli->argc; i++)
		findings += check_file(cli->argv[i], target, json);
	return findings ? LK_EXIT_FAILED : LK_EXIT_DONE;
}
