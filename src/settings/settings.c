/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/uri.h"
#include "plan/limits.h"

void lk_settings_free(struct lk_settings *settings)
{
	for (size_t i = 0; i < settings->target_count; i++) {
		struct lk_settings_target *target = &settings->targets[i];
		free(target->name);
		free(target->uri);
		free(target->environment);
		free(target->application);
		lk_limits_free(&target->limits);
		lk_names_free(&target->replicas);
	}
	free(settings->targets);
	free(settings->file);
	free(settings->theme);
	lk_limits_free(&settings->limits);
	*settings = (struct lk_settings){0};
}

const struct lk_settings_target *lk_settings_target(const struct lk_settings *settings,
						    const char *name)
{
	for (size_t i = 0; i < settings->target_count; i++)
		if (strcmp(settings->targets[i].name, name) == 0)
			return &settings->targets[i];
	return NULL;
}

static bool unknown_target(const struct lk_settings *settings, const char *name,
			   struct lk_error *error)
{
	const char **names = lk_alloc((settings->target_count + 1) * sizeof *names);
	struct lk_buffer list = {0};
	for (size_t i = 0; i < settings->target_count; i++) {
		names[i] = settings->targets[i].name;
		lk_buffer_addf(&list, "%s%s", i ? ", " : "", names[i]);
	}
	const char *nearest = lk_nearest_word(name, names);
	if (settings->target_count == 0)
		lk_fail(error, LK_ERROR_USAGE,
			"there is no target named %.60s: %s names none; give --target "
			"postgresql://user@host/database or mysql://user@host/database",
			name, settings->file ? settings->file : "the settings");
	else if (nearest)
		lk_fail(error, LK_ERROR_USAGE, "there is no target named %.60s; did you mean %s?",
			name, nearest);
	else
		lk_fail(error, LK_ERROR_USAGE, "there is no target named %.60s; known: %.400s",
			name, lk_buffer_text(&list));
	lk_buffer_free(&list);
	free(names);
	return false;
}

bool lk_settings_resolve(const struct lk_settings *settings, const char *target, const char **uri,
			 const struct lk_settings_target **found, struct lk_error *error)
{
	*found = NULL;
	*uri = NULL;
	if (!lk_uri_is_uri(target)) {
		*found = lk_settings_target(settings, target);
		if (!*found)
			return unknown_target(settings, target, error);
		*uri = (*found)->uri;
		return true;
	}
	if (!lk_uri_check(target, error))
		return false;
	*uri = target;
	for (size_t i = 0; i < settings->target_count; i++)
		if (strcmp(settings->targets[i].uri, target) == 0)
			*found = &settings->targets[i];
	return true;
}

struct lk_limits lk_settings_limits(const struct lk_settings *settings,
				    const struct lk_settings_target *target,
				    const struct lk_limits *plan)
{
	struct lk_limits limits = {0}, builtin = lk_limits_default();
	lk_limits_merge(&limits, plan);
	if (target)
		lk_limits_merge(&limits, &target->limits);
	lk_limits_merge(&limits, &settings->limits);
	lk_limits_merge(&limits, &builtin);
	return limits;
}
