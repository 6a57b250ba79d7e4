/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/plans.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/uri.h"
#include "cli/find.h"
#include "keeper/spawn.h"
#include "plan/alternative.h"
#include "plan/file.h"
#include "settings/settings.h"

void lk_cli_plans_usual(struct lk_cli_plans *plans)
{
	char *config = lk_path_config();
	plans->folders[0] = lk_strdup("plans");
	plans->folders[1] = lk_path_join(config, "plans");
	plans->folders[2] = lk_strdup(LK_PKGDATADIR "/plans");
	free(config);
}

void lk_cli_plans_free(struct lk_cli_plans *plans)
{
	for (size_t i = 0; i < LK_COUNT(plans->folders); i++)
		free(plans->folders[i]);
}

static bool is_among(const char *word, const char *const *words)
{
	for (; words && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return !words;
}

/* The texts that a target of one of these kinds (NULL: of any) may choose, each once: "char(36) or uuid". */
static char *join(const struct lk_alternative *alternative, const char *const *servers)
{
	struct lk_buffer out = {0};
	for (int i = 0; i < LK_ALTERNATIVES; i++) {
		const char *text = alternative->texts[i];
		bool wanted = text && is_among(lk_alternative_words[i], servers);
		for (int k = 0; wanted && k < i; k++)
			wanted = !alternative->texts[k] ||
				 strcmp(alternative->texts[k], text) != 0 ||
				 !is_among(lk_alternative_words[k], servers);
		if (wanted)
			lk_buffer_addf(&out, "%s%s", out.length ? " or " : "", text);
	}
	return lk_buffer_take(&out);
}

/* As lk_operation_summary, for a target that is not asked. */
static char *summary(const struct lk_operation *operation, const char *const *servers)
{
	struct lk_operation as = *operation;
	char **texts = lk_alloc((operation->alternative_count + 1) * sizeof *texts);
	for (size_t i = 0; i < operation->alternative_count; i++) {
		texts[i] = join(&operation->alternatives[i], servers);
		if (texts[i][0])
			*(char **)((char *)&as + operation->alternatives[i].offset) = texts[i];
	}
	char *words = lk_operation_summary(&as);
	for (size_t i = 0; i < operation->alternative_count; i++)
		free(texts[i]);
	free(texts);
	return words;
}

static void describe(const struct lk_plan *plan, const char *const *servers, char *text,
		     size_t size)
{
	struct lk_buffer out = {0};
	for (size_t i = 0; i < plan->operation_count; i++) {
		char *operation = summary(&plan->operations[i], servers);
		lk_buffer_addf(&out, "%s%s", i ? "; " : "", operation);
		free(operation);
	}
	if (plan->operation_count == 0)
		lk_buffer_addf(&out, "%zu steps, written out", plan->step_count);
	char *words = lk_buffer_take(&out);
	lk_copy_text(text, size, words);
	free(words);
}

/* The kinds of server that a plan may be for; NULL when nothing tells. Where the settings are wrong, who opens the
 * plan says so. */
static const char *const *servers_of(const struct lk_settings *settings, const char *target)
{
	const struct lk_settings_target *found;
	const char *uri;
	struct lk_error ignored;
	return target && lk_settings_resolve(settings, target, &uri, &found, &ignored)
		       ? lk_uri_servers(uri)
		       : NULL;
}

/* What the list of plans is made for. */
struct listing {
	const struct lk_cli_plans *plans;
	struct lk_settings settings;
	struct lk_cli_plan *list;
	size_t count, capacity;
};

static void read_entry(const struct listing *listing, const char *path, struct lk_cli_plan *entry)
{
	const char *target = listing->plans->target;
	struct lk_plan plan = {0};
	struct lk_problems problems = {0};
	memset(entry, 0, sizeof *entry);
	LK_COPY(entry->path, path);
	entry->readable = lk_plan_read(path, &plan, &problems);
	if (entry->readable) {
		LK_COPY(entry->name, plan.name);
		LK_COPY(entry->why, plan.why);
		describe(&plan, servers_of(&listing->settings, target ? target : plan.target),
			 entry->what, sizeof entry->what);
	} else {
		const char *slash = strrchr(path, '/');
		LK_COPY(entry->name, slash ? slash + 1 : path);
		LK_COPY(entry->what, problems.count ? problems.list[0].text : "unreadable");
	}
	lk_plan_free(&plan);
	lk_problems_free(&problems);
}

static void read_folder(struct listing *listing, const char *folder)
{
	struct dirent **names;
	int found = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < found; i++) {
		size_t length = strlen(names[i]->d_name);
		if (listing->count < listing->capacity && length > 5 &&
		    strcmp(names[i]->d_name + length - 5, ".yaml") == 0) {
			char *path = lk_path_join(folder, names[i]->d_name);
			read_entry(listing, path, &listing->list[listing->count++]);
			free(path);
		}
		free(names[i]);
	}
	if (found >= 0)
		free(names);
}

static size_t add_runs(struct lk_cli_plan *list, size_t count, size_t capacity)
{
	struct lk_error ignored;
	struct lk_found *found;
	size_t found_count;
	if (!lk_find_runs(NULL, &found, &found_count, &ignored))
		return count;
	for (size_t i = 0; i < found_count; i++) {
		struct lk_cli_plan *entry = NULL;
		for (size_t p = 0; p < count && !entry; p++)
			if (strcmp(list[p].name, found[i].snapshot->plan) == 0 &&
			    !list[p].socket[0])
				entry = &list[p];
		if (!entry && count < capacity) {
			entry = &list[count++];
			memset(entry, 0, sizeof *entry);
			entry->readable = true;
			LK_COPY(entry->name, found[i].snapshot->plan);
			LK_COPY(entry->why, found[i].snapshot->why);
		}
		if (!entry)
			break;
		LK_COPY(entry->socket, found[i].path);
		LK_COPY(entry->state, found[i].snapshot->state);
		snprintf(entry->run, sizeof entry->run, "%.24s is %.16s on %.60s",
			 found[i].snapshot->run, found[i].snapshot->state,
			 found[i].snapshot->target);
	}
	lk_find_free(found, found_count);
	return count;
}

size_t lk_cli_plans_list(const struct lk_cli_plans *plans, struct lk_cli_plan *list,
			 size_t capacity)
{
	struct listing listing = {.plans = plans, .list = list, .capacity = capacity};
	struct lk_problems ignored = {0};
	lk_settings_read(NULL, &listing.settings, &ignored);
	for (size_t i = 0; i < LK_COUNT(plans->folders) && plans->folders[i]; i++)
		read_folder(&listing, plans->folders[i]);
	lk_settings_free(&listing.settings);
	lk_problems_free(&ignored);
	return add_runs(list, listing.count, capacity);
}

bool lk_cli_plans_open(const struct lk_cli_plans *plans, const char *path, char *socket,
		       size_t size, struct lk_error *error)
{
	struct lk_plan plan = {0};
	struct lk_problems problems = {0};
	bool opened = lk_plan_read(path, &plan, &problems);
	if (opened) {
		const struct lk_spawn spawn = {.program = plans->program,
					       .plan_file = path,
					       .plan_name = plan.name,
					       .target =
						       plans->target ? plans->target : plan.target,
					       .environment = plans->environment,
					       .application_file = plans->application_file};
		opened = lk_keeper_spawn(&spawn, socket, size, NULL, error);
	} else {
		char *text = lk_problems_text(&problems);
		lk_fail(error, LK_ERROR_PLAN, "%s", text);
		free(text);
	}
	lk_plan_free(&plan);
	lk_problems_free(&problems);
	return opened;
}
