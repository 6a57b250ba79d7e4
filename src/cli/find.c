/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/find.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "keeper/spawn.h"

#define STATUS_MS 2000

static bool look(const char *path, const char *name, struct lk_found *found)
{
	struct lk_error ignored;
	found->client = lk_client_open(path, &ignored);
	if (!found->client)
		return false;
	found->snapshot = lk_alloc(sizeof *found->snapshot);
	/* A keeper that is stopped (SIGSTOP) greets late or never; one that greets answers. */
	lk_client_call(found->client, "status", NULL, STATUS_MS, found->snapshot, NULL, 0,
		       &ignored);
	if (!name || strcmp(found->snapshot->run, name) == 0 ||
	    strcmp(found->snapshot->plan, name) == 0 ||
	    strcmp(lk_client_run(found->client), name) == 0)
		return true;
	lk_client_close(found->client);
	free(found->snapshot);
	return false;
}

bool lk_find_runs(const char *name, struct lk_found **found, size_t *count, struct lk_error *error)
{
	char **paths;
	size_t path_count;
	*found = NULL;
	*count = 0;
	if (!lk_keeper_list(&paths, &path_count, error))
		return false;
	for (size_t i = 0; i < path_count; i++) {
		struct lk_found one = {0};
		if (look(paths[i], name, &one)) {
			one.path = paths[i];
			*LK_PUSH(*found, *count) = one;
		} else {
			free(paths[i]);
		}
	}
	free(paths);
	return true;
}

void lk_find_free(struct lk_found *found, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		lk_client_close(found[i].client);
		free(found[i].path);
		free(found[i].snapshot);
	}
	free(found);
}

char *lk_find_names(const struct lk_found *found, size_t count)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < count; i++)
		lk_buffer_addf(&out, "%s%s (plan %s, %s)", i ? ", " : "", found[i].snapshot->run,
			       found[i].snapshot->plan, found[i].snapshot->state);
	return lk_buffer_take(&out);
}
