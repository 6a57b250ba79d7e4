/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console with nothing around it, for the screen tests:
 *   console_driver SOCKET [--plans] [--watch] [--linear] [--ascii] [--theme=NAME] [--fence=WORD]
 * [--user=NAME] With --plans it begins on the Plans screen, where opening a plan finds a keeper at
 * SOCKET.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/console.h"

/* What the callbacks are told. */
struct world {
	const char *socket;
};

static size_t list_plans(void *context, struct lk_console_plan *plans, size_t capacity)
{
	(void)context;
	if (capacity < 3)
		return 0;
	memset(plans, 0, 3 * sizeof *plans);
	LK_COPY(plans[0].path, "plans/broken.yaml");
	LK_COPY(plans[0].name, "broken");
	LK_COPY(plans[0].what,
		"line 3, column 5: unknown key \"opertions\"; operations was meant?");
	LK_COPY(plans[1].path, "plans/rename-username.yaml");
	LK_COPY(plans[1].name, "rename-username");
	LK_COPY(plans[1].what, "rename users.username to user_handle");
	plans[1].readable = true;
	LK_COPY(plans[2].path, "plans/split-invoices.yaml");
	LK_COPY(plans[2].name, "split-invoices");
	LK_COPY(plans[2].what, "rename invoices.amount to amount_minor");
	plans[2].readable = true;
	return 3;
}

static bool open_plan(void *context, const char *path, char *socket, size_t size,
		      struct lk_error *error)
{
	const struct world *world = context;

	if (strstr(path, "split"))
		return lk_fail(error, LK_ERROR_REFUSED, "%s: refused by the test", path);
	lk_copy_text(socket, size, world->socket);
	return true;
}

int main(int argc, char **argv)
{
	struct world world = {argc > 1 ? argv[1] : NULL};
	struct lk_console_options options = {
		.socket = world.socket,
		.user = "alice",
		.host = "bastion-1",
		.context = &world,
		.list_plans = list_plans,
		.open_plan = open_plan,
	};
	struct lk_error error = {0};
	int status;

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--plans") == 0)
			options.socket = NULL;
		else if (strcmp(argv[i], "--watch") == 0)
			options.watch = true;
		else if (strcmp(argv[i], "--linear") == 0)
			options.linear = true;
		else if (strcmp(argv[i], "--ascii") == 0)
			options.ascii = true;
		else if (strncmp(argv[i], "--theme=", 8) == 0)
			options.theme = argv[i] + 8;
		else if (strncmp(argv[i], "--fence=", 8) == 0)
			options.fence = argv[i] + 8;
		else if (strncmp(argv[i], "--user=", 7) == 0)
			options.user = argv[i] + 7;
	}
	status = lk_console_run(&options, &error);
	if (status)
		fprintf(stderr, "%s\n", error.text);
	return status;
}
