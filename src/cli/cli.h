/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line. Each verb is one function in a file of its own; it yields the program's exit status.
 *
 *   run, sandbox    0 done · 1 failed, nothing left behind · 2 usage or plan · 3 waiting at a gate
 *                   4 paused, aborted or rolled back by an operator · 5 needs a person
 *   verbs on a run  0 · 1 refused · 2 usage · 6 unreachable
 *   check           0 clean · 1 findings · 2 usage
 *   doctor          0 nothing worse than notes · 1 problems or warnings · 2 usage · 6 unreachable
 */
#ifndef LK_CLI_CLI_H
#define LK_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum {
	LK_EXIT_DONE = 0,
	LK_EXIT_FAILED = 1,
	LK_EXIT_USAGE = 2,
	LK_EXIT_GATE = 3,
	LK_EXIT_OPERATOR = 4,
	LK_EXIT_PERSON = 5,
	LK_EXIT_UNREACHABLE = 6,
};

struct lk_cli_plans;

/* What a verb wants of the console. */
struct lk_cli_console {
	const char *socket; /* NULL: begin with the plans */
	bool watch, linear;
	const char *fence, *farewell;
	const struct lk_cli_plans *plans;
};

struct lk_cli {
	int argc; /* from the verb on */
	char **argv;
};

/* Finds the verb and runs it. */
int lk_cli_main(int argc, char **argv);

/*
 * Becomes the console: a program of its own beside this one (or in libexec), so that it carries none of the
 * database's libraries. Returns only when that fails, with an exit status, everything printed.
 */
int lk_cli_show(const struct lk_cli_console *console);

/* Prints "lockkeeper: sentence" on standard error, made safe, and yields `status`. */
int lk_cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The exit status that an error of a verb stands for, after printing it. */
int lk_cli_error(const struct lk_error *error);
/* The name of the person, from the account. The caller's. */
char *lk_cli_user(void);
char *lk_cli_host(void);
/* Prints a JSON object as one line of standard output. */
struct json_t;
void lk_cli_print_json(struct json_t *object);

int lk_cli_attach(const struct lk_cli *cli);
int lk_cli_check(const struct lk_cli *cli);
int lk_cli_console(const struct lk_cli *cli);
int lk_cli_doctor(const struct lk_cli *cli);
int lk_cli_explain(const struct lk_cli *cli);
int lk_cli_history(const struct lk_cli *cli);
int lk_cli_run(const struct lk_cli *cli);
int lk_cli_sandbox(const struct lk_cli *cli);
/* status, pause, resume, abort, rollback, confirm, throttle */
int lk_cli_verb(const struct lk_cli *cli);

#endif
