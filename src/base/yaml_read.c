/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the tree to values, with complaints that say what was expected. */
#include "base/yaml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/duration.h"
#include "base/memory.h"
#include "base/nearest.h"

enum { MOST_KEYS = 32, SHOWN = 60 };

void lk_yaml_problem(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = lk_strdup(format);
	va_end(args);
	lk_problems_add(reader->problems, reader->file, node->line, node->column, "%s", text);
	free(text);
}

static const char *kind_name(const struct lk_yaml_node *node)
{
	if (lk_yaml_is_null(node))
		return "nothing";
	return node->kind == LK_YAML_SCALAR    ? "a single value"
	       : node->kind == LK_YAML_MAPPING ? "a map of keys and values"
					       : "a list";
}

/* The part of a text that fits a message. */
static const char *shown(const char *text, char *space)
{
	lk_copy_text(space, SHOWN, text);
	space[strcspn(space, "\n")] = '\0';
	if (strlen(text) > strlen(space))
		strcat(space, "…");
	return space;
}

/* Words a person can choose from: "ddl, gate or verify". */
static char *word_list(const char *const *words)
{
	struct lk_buffer list = {0};
	for (size_t i = 0; words[i]; i++)
		lk_buffer_addf(&list, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
	return lk_buffer_take(&list);
}

static void add_suggestion(struct lk_buffer *text, const char *word, const char *const *words)
{
	const char *nearest = lk_nearest_word(word, words);
	if (nearest) {
		lk_buffer_addf(text, "; did you mean %s?", nearest);
	} else {
		char *list = word_list(words);
		lk_buffer_addf(text, "; legal: %s", list);
		free(list);
	}
}

static void unknown_key(const struct lk_yaml_reader *reader, const char *what,
			const struct lk_yaml_key *keys, const struct lk_yaml_node *const *member)
{
	const char *names[MOST_KEYS + 1];
	char space[SHOWN + 4];
	size_t count = 0;
	struct lk_buffer text = {0};
	const struct lk_yaml_node *key = member[0], *value = member[1];
	if (key->flow && lk_yaml_is_null(value) && key->style == LK_YAML_PLAIN) {
		lk_yaml_problem(reader, key,
				"\"%s\" stands alone in %s: inside {} a comma ends a value, so put "
				"the text "
				"before it in quotes",
				shown(key->text, space), what);
		return;
	}
	for (; keys->name && count < MOST_KEYS; keys++)
		if (!keys->refused)
			names[count++] = keys->name;
	names[count] = NULL;
	lk_buffer_addf(&text, "unknown key \"%s\" in %s", shown(key->text, space), what);
	add_suggestion(&text, key->text, names);
	lk_yaml_problem(reader, key, "%s", lk_buffer_text(&text));
	lk_buffer_free(&text);
}

static int find_key(const struct lk_yaml_key *keys, const char *name)
{
	for (int i = 0; keys[i].name; i++)
		if (strcmp(keys[i].name, name) == 0)
			return i;
	return -1;
}

static bool take_member(const struct lk_yaml_reader *reader, const char *what,
			const struct lk_yaml_key *keys, const struct lk_yaml_node *const *member,
			const struct lk_yaml_node **values)
{
	int i = find_key(keys, member[0]->text);
	if (i < 0) {
		unknown_key(reader, what, keys, member);
	} else if (keys[i].refused) {
		lk_yaml_problem(reader, member[0], "\"%s\" in %s: %s", keys[i].name, what,
				keys[i].refused);
	} else if (values[i]) {
		lk_yaml_problem(reader, member[0],
				"the key \"%s\" is there twice in %s; the first is in line %d",
				keys[i].name, what, values[i]->line);
	} else {
		values[i] = member[1];
		return true;
	}
	return false;
}

bool lk_yaml_mapping(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     const char *what, const struct lk_yaml_key *keys,
		     const struct lk_yaml_node **values)
{
	bool good = true;
	for (size_t i = 0; keys[i].name; i++)
		values[i] = NULL;
	if (node->kind != LK_YAML_MAPPING) {
		lk_yaml_problem(reader, node, "%s is a map of keys and values, not %s", what,
				kind_name(node));
		return false;
	}
	for (size_t i = 0; i + 1 < node->count; i += 2)
		good = take_member(reader, what, keys,
				   (const struct lk_yaml_node *const *)node->members + i, values) &&
		       good;
	for (size_t i = 0; keys[i].name; i++) {
		if (!keys[i].required || values[i])
			continue;
		lk_yaml_problem(reader, node, "the key \"%s\" is missing in %s", keys[i].name,
				what);
		good = false;
	}
	return good;
}

bool lk_yaml_is_null(const struct lk_yaml_node *node)
{
	return node->kind == LK_YAML_SCALAR && node->style == LK_YAML_PLAIN &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		strcasecmp(node->text, "null") == 0);
}

const char *lk_yaml_text(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
			 const char *what)
{
	if (node->kind != LK_YAML_SCALAR)
		lk_yaml_problem(reader, node, "%s is text, not %s", what, kind_name(node));
	else if (lk_yaml_is_null(node) || node->text[strspn(node->text, " \t\r\n")] == '\0')
		lk_yaml_problem(reader, node, "%s is empty", what);
	else if (node->flow && node->comment)
		lk_yaml_problem(reader, node,
				"a comment inside {} right behind %s, which may be cut short by "
				"it: put the "
				"value in quotes",
				what);
	else
		return node->text;
	return NULL;
}

bool lk_yaml_integer(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     const char *what, const int64_t range[2], int64_t *value)
{
	const char *text = lk_yaml_text(reader, node, what);
	char *end, space[SHOWN + 4];
	if (!text)
		return false;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno || end == text || *end || number < range[0] || number > range[1]) {
		lk_yaml_problem(reader, node,
				"%s is a whole number from %" PRId64 " to %" PRId64 ", not \"%s\"",
				what, range[0], range[1], shown(text, space));
		return false;
	}
	*value = number;
	return true;
}

bool lk_yaml_duration(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		      const char *what, int64_t *milliseconds)
{
	const char *text = lk_yaml_text(reader, node, what);
	char space[SHOWN + 4];
	int64_t value;
	if (!text)
		return false;
	if (!lk_duration_parse(text, &value) || value <= 0) {
		bool number = text[strspn(text, "0123456789.")] == '\0';
		lk_yaml_problem(reader, node, "%s is a time such as 100ms, 2s or 24h, not \"%s\"%s",
				what, shown(text, space), number ? ": the unit is missing" : "");
		return false;
	}
	*milliseconds = value;
	return true;
}

int lk_yaml_word(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		 const char *what, const char *const *words)
{
	const char *text = lk_yaml_text(reader, node, what);
	char space[SHOWN + 4];
	struct lk_buffer message = {0};
	if (!text)
		return -1;
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	lk_buffer_addf(&message, "%s cannot be \"%s\"", what, shown(text, space));
	add_suggestion(&message, text, words);
	lk_yaml_problem(reader, node, "%s", lk_buffer_text(&message));
	lk_buffer_free(&message);
	return -1;
}

bool lk_yaml_boolean(const struct lk_yaml_reader *reader, const struct lk_yaml_node *node,
		     const char *what, bool *value)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off", NULL};
	int word = lk_yaml_word(reader, node, what, words);
	if (word >= 0)
		*value = word % 2 == 0;
	return word >= 0;
}
