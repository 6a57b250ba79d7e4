/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/plans.h"

#define PROGRAM "lockkeeper-console"
#define MOST_ARGUMENTS 40

struct arguments {
	const char *list[MOST_ARGUMENTS];
	size_t count;
};

static void add(struct arguments *arguments, const char *option, const char *value)
{
	if (!value || arguments->count + 3 > MOST_ARGUMENTS)
		return;
	arguments->list[arguments->count++] = option;
	arguments->list[arguments->count++] = value;
}

/* The folder this program is in; the caller's. */
static char *own_path(void)
{
	char path[1024];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	return lk_strdup(path);
}

static char *beside(const char *program)
{
	const char *slash = strrchr(program, '/');
	return lk_format("%.*s/" PROGRAM, slash ? (int)(slash - program) : 0, program);
}

int lk_cli_show(const struct lk_cli_console *console)
{
	const struct lk_cli_plans *plans = console->plans;
	char *program = own_path(), *built = beside(program);
	struct arguments a = {{PROGRAM}, 1};
	add(&a, "--program", program);
	add(&a, "--socket", console->socket);
	add(&a, "--fence", console->fence);
	add(&a, "--farewell", console->farewell);
	add(&a, "--target", plans->target);
	add(&a, "--environment", plans->environment);
	add(&a, "--application", plans->application_file);
	for (size_t i = 0; i < LK_COUNT(plans->folders) && plans->folders[i]; i++)
		add(&a, "--plans", plans->folders[i]);
	if (console->watch)
		a.list[a.count++] = "--watch";
	if (console->linear)
		a.list[a.count++] = "--linear";
	fflush(NULL);
	execv(built, (char *const *)a.list);
	execv(LK_PKGLIBEXECDIR "/" PROGRAM, (char *const *)a.list);
	int status = lk_cli_fail(LK_EXIT_FAILED, "cannot start the console, neither %s nor %s: %s",
				 built, LK_PKGLIBEXECDIR "/" PROGRAM, strerror(errno));
	free(built);
	free(program);
	return status;
}
