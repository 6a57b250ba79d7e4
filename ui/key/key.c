/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/key/key.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const struct {
	enum lk_effect effect;
	const char *tier, *help;
} actions[] = {
#define X(name, effect, tier, help) {LK_EFFECT_##effect, tier, help},
	LK_ACTIONS(X)
#undef X
};

static const struct {
	uint32_t key;
	const char *shown;
	enum lk_action action;
} keys[] = {
#define X(key, shown, action) {key, shown, LK_ACTION_##action},
	LK_KEYS(X)
#undef X
};

enum lk_action lk_key_action(uint32_t key)
{
	for (size_t i = 0; i < LK_COUNT(keys); i++)
		if (keys[i].key == key)
			return keys[i].action;
	return LK_ACTION_NONE;
}

enum lk_effect lk_action_effect(enum lk_action action)
{
	return actions[action].effect;
}

const char *lk_action_tier(enum lk_action action)
{
	return actions[action].tier;
}

const char *lk_action_help(enum lk_action action)
{
	return actions[action].help;
}

void lk_action_keys(enum lk_action action, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < LK_COUNT(keys) && used < size; i++)
		if (keys[i].action == action)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "",
						 keys[i].shown);
}
