/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The person's settings: named targets, limits and the console's looks, from
 * $XDG_CONFIG_HOME/lockkeeper/config (YAML). A file that is not there means: all defaults.
 */
#ifndef LK_SETTINGS_SETTINGS_H
#define LK_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/yaml.h"
#include "plan/model.h"

struct lk_settings_target {
	char *name;
	char *uri;
	char *environment; /* the word shown first, upper case: PROD, STAGE; "" when not given */
	char *application; /* a JSON file of the application's own figures; NULL none */
	struct lk_limits limits;
	struct lk_names replicas; /* URIs of replicas that the server does not tell of */
};

struct lk_settings {
	char *file; /* the file's path, also when it is not there */
	struct lk_settings_target *targets;
	size_t target_count;
	struct lk_limits limits;
	char *theme; /* a name or a file; NULL: the default */
	bool ascii;  /* no characters outside ASCII */
	bool bell;   /* ring on a critical alert; on unless switched off */
};

/*
 * Reads the settings; NULL for path means the usual place, where no file is needed. False with
 * problems (file, line, column) when the file cannot be read or anything in it is wrong; *settings
 * then holds the defaults. In both cases free it with lk_settings_free.
 */
bool lk_settings_read(const char *path, struct lk_settings *settings, struct lk_problems *problems);
/* The same from memory. */
bool lk_settings_parse(const char *path, const char *text, size_t length,
		       struct lk_settings *settings, struct lk_problems *problems);
void lk_settings_free(struct lk_settings *settings);

/* The target of that name, or NULL. */
const struct lk_settings_target *lk_settings_target(const struct lk_settings *settings,
						    const char *name);

/*
 * What `--target` or a plan's target means: a name from the settings, or a URI, which is checked
 * (no password in it) and matched against the settings' URIs for its environment and limits. *found
 * is NULL for a URI that the settings do not know. False (class USAGE) with the known names when
 * there is no such target. *uri is borrowed from the settings or is `target` itself.
 */
bool lk_settings_resolve(const struct lk_settings *settings, const char *target, const char **uri,
			 const struct lk_settings_target **found, struct lk_error *error);

/* The limits of a run: the plan's over the target's (may be NULL) over the settings' over the
 * built-in ones. The caller frees them with lk_limits_free. */
struct lk_limits lk_settings_limits(const struct lk_settings *settings,
				    const struct lk_settings_target *target,
				    const struct lk_limits *plan);

#endif
