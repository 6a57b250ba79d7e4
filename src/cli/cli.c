/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/version.h"
#include "keeper/keeper.h"
#include "sandbox/sandbox.h"

static int keeper(const struct lk_cli *cli)
{
	return lk_keeper_main(cli->argc, cli->argv);
}

static int sandbox_server(const struct lk_cli *cli)
{
	return lk_sandbox_server_main(cli->argc, cli->argv);
}

static int help(const struct lk_cli *cli);
static int version(const struct lk_cli *cli);

static const struct {
	const char *name;
	int (*act)(const struct lk_cli *cli);
	const char *arguments, *help; /* help NULL: not for people */
} verbs[] = {
	{"run", lk_cli_run,
	 "PLAN [--target URI] [--headless] [--yes GATE,…] [--replace RUN] [--json]",
	 "carry out a plan, seen in the console"},
	{"attach", lk_cli_attach, "[RUN] [--watch] [--linear]", "come back to a run"},
	{"status", lk_cli_verb, "[RUN] [--target URI] [--json]", "what a run is doing"},
	{"pause", lk_cli_verb, "[RUN] [--target URI] [--json]",
	 "stop the work at once (without RUN: all runs of yours)"},
	{"resume", lk_cli_verb, "[RUN] [--target URI] [--json]",
	 "go on after a pause, an abort or an error"},
	{"abort", lk_cli_verb, "[RUN] [--target URI] [--json]", "stop, and leave it for a person"},
	{"rollback", lk_cli_verb, "[RUN] [--target URI] [--json]", "take every step back"},
	{"confirm", lk_cli_verb, "RUN GATE [--target URI] [--json]", "answer a gate with yes"},
	{"throttle", lk_cli_verb, "[RUN] [--chunk-time T] [--rest X] [--forget-gone] [--json]",
	 "go slower or faster"},
	{"check", lk_cli_check, "PLAN… [--target URI] [--format text|json]",
	 "read plans and report every mistake"},
	{"explain", lk_cli_explain, "PLAN [--target URI] [--json]",
	 "every statement of a plan, its lock, cost and undo"},
	{"doctor", lk_cli_doctor, "TARGET [--json]",
	 "what of a server and a role will work, and what will not"},
	{"history", lk_cli_history,
	 "[RUN [--plan]] [--target URI] [--prune [--older-than T] [--all] [--dry-run] [RUN…]] [--json]",
	 "the runs that a target's journal knows; --prune deletes those that are over"},
	{"sandbox", lk_cli_sandbox,
	 "[postgres|mariadb|mysql] [--plan FILE] [--rows N] [--writes N] [--headless [--there-and-back]] [--keep] [--max-time T] [--json]",
	 "practise on a private real server; --there-and-back rolls each plan back before it walks to the end"},
	{"help", help, "", "this text"},
	{"version", version, "", "the program's version"},
	{"keeper", keeper, "", NULL},
	{"sandbox-server", sandbox_server, "", NULL},
};

static int help(const struct lk_cli *cli)
{
	(void)cli;
	puts("lockkeeper takes a schema change through expand, migrate and contract on a live database.\n\n"
	     "lockkeeper                 the console: plans and runs");
	for (size_t i = 0; i < LK_COUNT(verbs); i++)
		if (verbs[i].help)
			printf("lockkeeper %s %s\n                           %s\n", verbs[i].name,
			       verbs[i].arguments, verbs[i].help);
	puts("\nA target is a URI (postgresql:// or mysql://user@host:port/database) or a name from the settings.\n"
	     "See lockkeeper(1) and lockkeeper-plan(5).");
	return LK_EXIT_DONE;
}

static int version(const struct lk_cli *cli)
{
	(void)cli;
	puts("lockkeeper " LK_VERSION);
	return LK_EXIT_DONE;
}

static int unknown_verb(const char *word)
{
	const char *names[LK_COUNT(verbs) + 1];
	size_t count = 0;
	for (size_t i = 0; i < LK_COUNT(verbs); i++)
		if (verbs[i].help)
			names[count++] = verbs[i].name;
	names[count] = NULL;
	const char *near = lk_nearest_word(word, names);
	return lk_cli_fail(LK_EXIT_USAGE,
			   "there is no verb \"%s\"%s%s%s (lockkeeper help lists them)", word,
			   near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int lk_cli_main(int argc, char **argv)
{
	struct lk_cli cli = {argc - 1, argv + 1};
	if (argc < 2)
		return lk_cli_console(&cli);
	const char *word = argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return help(&cli);
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return version(&cli);
	for (size_t i = 0; i < LK_COUNT(verbs); i++) {
		if (strcmp(verbs[i].name, word) != 0)
			continue;
		if (argc > 2 && strcmp(argv[2], "--help") == 0) {
			printf("lockkeeper %s %s\n    %s\n", word, verbs[i].arguments,
			       verbs[i].help ? verbs[i].help : "");
			return LK_EXIT_DONE;
		}
		return verbs[i].act(&cli);
	}
	return unknown_verb(word);
}
