/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/target.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "cli/cli.h"
#include "settings/settings.h"

/* The only target there is; NULL after printing that one must be named. */
static const char *only_target(const struct lk_settings *settings)
{
	struct lk_buffer names = {0};
	if (settings->target_count == 1)
		return settings->targets[0].name;
	for (size_t i = 0; i < settings->target_count; i++)
		lk_buffer_addf(&names, "%s%s", i ? ", " : "", settings->targets[i].name);
	lk_cli_fail(0, "name a target with --target: a URI%s%s",
		    names.length ? " or one of " : ", for the settings have none",
		    lk_buffer_text(&names));
	lk_buffer_free(&names);
	return NULL;
}

int lk_cli_open_target(const char *target, const char *role, struct lk_session **session,
		       struct lk_names *replicas)
{
	struct lk_settings settings;
	struct lk_problems problems = {0};
	const struct lk_settings_target *found;
	const char *uri;
	struct lk_error error;
	int status = LK_EXIT_DONE;
	*session = NULL;
	if (!lk_settings_read(NULL, &settings, &problems)) {
		char *text = lk_problems_text(&problems);
		status = lk_cli_fail(LK_EXIT_USAGE, "%s", text);
		free(text);
	} else if (!target && !(target = only_target(&settings))) {
		status = LK_EXIT_USAGE;
	} else if (!lk_settings_resolve(&settings, target, &uri, &found, &error) ||
		   !(*session = lk_session_open(uri, "-", role, &error))) {
		status = lk_cli_error(&error);
	} else if (replicas && found) {
		*replicas = lk_names_copy(&found->replicas);
	}
	lk_problems_free(&problems);
	lk_settings_free(&settings);
	return status;
}

struct lk_session *lk_cli_try_target(const char *target, const char *role)
{
	struct lk_settings settings;
	struct lk_problems problems = {0};
	const struct lk_settings_target *found;
	struct lk_session *session = NULL;
	const char *uri;
	struct lk_error ignored;
	if (lk_settings_read(NULL, &settings, &problems) && target &&
	    lk_settings_resolve(&settings, target, &uri, &found, &ignored))
		session = lk_session_open(uri, "-", role, &ignored);
	lk_problems_free(&problems);
	lk_settings_free(&settings);
	return session;
}
