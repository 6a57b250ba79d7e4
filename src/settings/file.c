/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings' file. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/uri.h"
#include "plan/limits.h"
#include "plan/replicas.h"
#include "settings/settings.h"

enum { LONGEST_FILE = 256 * 1024, LONGEST_WORD = 15, LONGEST_NAME = 48 };

static char *copy_text(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		       const char *what)
{
	const char *text = node ? lk_yaml_text(reader, node, what) : NULL;
	return text ? lk_strdup(text) : NULL;
}

static void read_environment(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			     struct lk_settings_target *target)
{
	const char *text = lk_yaml_text(reader, node, "environment");
	if (!text)
		return;
	size_t length = strlen(text);
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p))
			length = 0;
	if (length == 0 || length > LONGEST_WORD) {
		lk_yaml_problem(
			reader, node,
			"environment is one word of up to %d letters and digits, such as PROD",
			LONGEST_WORD);
		return;
	}
	free(target->environment);
	target->environment = lk_strdup(text);
	for (char *p = target->environment; *p; p++)
		*p = (char)toupper((unsigned char)*p);
}

static void read_uri(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     struct lk_settings_target *target)
{
	struct lk_error error = {0};
	const char *uri = lk_yaml_text(reader, node, "uri");
	if (uri && !lk_uri_check(uri, &error))
		lk_yaml_problem(reader, node, "%s", error.text);
	else if (uri)
		target->uri = lk_strdup(uri);
}

static bool is_target_name(const char *name)
{
	size_t length = strlen(name);
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return false;
	return length > 0 && length <= LONGEST_NAME;
}

static void read_target(const struct lk_yaml_reader *reader, struct lk_yaml_node *const *member,
			struct lk_settings *settings)
{
	static const struct lk_yaml_key keys[] = {
		{"uri", true, NULL},
		{"environment", false, NULL},
		{"application", false, NULL},
		{"limits", false, NULL},
		{"replicas", false, NULL},
		{"password", false,
		 "no password stands in this file: use ~/.pgpass or a service file, or ~/.my.cnf"},
		{0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	const char *name = member[0]->text;
	if (!is_target_name(name))
		lk_yaml_problem(
			reader, member[0],
			"a target's name is made of up to %d letters, digits, '-', '_' and '.'",
			LONGEST_NAME);
	if (lk_settings_target(settings, name))
		lk_yaml_problem(reader, member[0], "the target %.60s is there twice", name);
	struct lk_settings_target *target = LK_PUSH(settings->targets, settings->target_count);
	target->name = lk_strdup(name);
	target->environment = lk_strdup("");
	lk_yaml_mapping(reader, member[1], "a target", keys, values);
	if (values[0])
		read_uri(reader, values[0], target);
	if (values[1])
		read_environment(reader, values[1], target);
	target->application = copy_text(reader, values[2], "application");
	if (values[3])
		lk_limits_read(reader, values[3], &target->limits);
	if (values[4])
		lk_replicas_read(reader, values[4], target->uri, &target->replicas);
}

static void read_targets(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			 struct lk_settings *settings)
{
	if (node->kind != LK_YAML_MAPPING) {
		lk_yaml_problem(
			reader, node,
			"targets is a map of names and what they are: production: {uri: …}");
		return;
	}
	for (size_t i = 0; i + 1 < node->count; i += 2)
		read_target(reader, node->members + i, settings);
}

static void read_root(const struct lk_yaml_reader *reader, const struct lk_yaml_node *root,
		      struct lk_settings *settings)
{
	static const struct lk_yaml_key keys[] = {{"targets", false, NULL}, {"limits", false, NULL},
						  {"theme", false, NULL},   {"ascii", false, NULL},
						  {"bell", false, NULL},    {0}};
	const struct lk_yaml_node *values[LK_COUNT(keys)];
	lk_yaml_mapping(reader, root, "the settings", keys, values);
	if (values[0])
		read_targets(reader, values[0], settings);
	if (values[1])
		lk_limits_read(reader, values[1], &settings->limits);
	settings->theme = copy_text(reader, values[2], "theme");
	if (values[3])
		lk_yaml_boolean(reader, values[3], "ascii", &settings->ascii);
	if (values[4])
		lk_yaml_boolean(reader, values[4], "bell", &settings->bell);
}

static void set_defaults(struct lk_settings *settings, const char *path)
{
	*settings = (struct lk_settings){.file = lk_strdup(path), .bell = true};
}

/* A file of comments alone is as good as none. */
static bool says_nothing(const char *text, size_t length)
{
	bool comment = false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			comment = false;
		else if (text[i] == '#')
			comment = true;
		else if (!comment && !isspace((unsigned char)text[i]))
			return false;
	}
	return true;
}

bool lk_settings_parse(const char *path, const char *text, size_t length,
		       struct lk_settings *settings, struct lk_problems *problems)
{
	struct lk_yaml_reader reader = {path, problems};
	size_t before = problems->count;
	set_defaults(settings, path);
	if (says_nothing(text, length))
		return true;
	struct lk_yaml_node *root = lk_yaml_parse(path, text, length, problems);
	if (root)
		read_root(&reader, root, settings);
	lk_yaml_free(root);
	lk_problems_sort(problems);
	if (root && problems->count == before)
		return true;
	lk_settings_free(settings);
	set_defaults(settings, path);
	return false;
}

bool lk_settings_read(const char *path, struct lk_settings *settings, struct lk_problems *problems)
{
	struct lk_error error = {0};
	size_t length;
	char *folder = lk_path_config();
	char *usual = lk_path_join(folder, "config");
	const char *file = path ? path : usual;
	bool good = true;
	if (!path && access(usual, F_OK) != 0 && errno == ENOENT) {
		set_defaults(settings, usual);
	} else {
		char *text = lk_path_read(file, LONGEST_FILE, &length, &error);
		if (text) {
			good = lk_settings_parse(file, text, length, settings, problems);
		} else {
			set_defaults(settings, file);
			lk_problems_add(problems, file, 0, 0, "%s", error.text);
			good = false;
		}
		free(text);
	}
	free(usual);
	free(folder);
	return good;
}
