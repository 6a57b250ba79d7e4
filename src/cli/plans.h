/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plans a console can choose from: files in the usual folders, and runs with a live keeper. */
#ifndef LK_CLI_PLANS_H
#define LK_CLI_PLANS_H

#include <stddef.h>

#include "base/error.h"

struct lk_cli_plans {
	char *folders[4];    /* NULL at the end; owned */
	const char *program; /* that starts keepers; NULL: this one */
	const char *target, *environment,
		*application_file; /* for plans that are opened; may be NULL */
};

struct lk_cli_plan {
	char path[256], name[64], what[120], why[200], state[16], run[120], socket[128];
	bool readable;
};

/* ./plans, the settings' folder, and the installed examples. */
void lk_cli_plans_usual(struct lk_cli_plans *plans);
void lk_cli_plans_free(struct lk_cli_plans *plans);
size_t lk_cli_plans_list(const struct lk_cli_plans *plans, struct lk_cli_plan *list,
			 size_t capacity);
bool lk_cli_plans_open(const struct lk_cli_plans *plans, const char *path, char *socket,
		       size_t size, struct lk_error *error);

#endif
