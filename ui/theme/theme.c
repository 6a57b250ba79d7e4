/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/theme/theme.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define D LK_COLOUR_DEFAULT

/* The first entry is the default; "mono" is what NO_COLOR asks for. */
static const struct lk_theme themes[] = {
	{"default",
	 {
		 [LK_ROLE_PLAIN] = {D, D, 0},
		 [LK_ROLE_FRAME] = {D, D, LK_REVERSE},
		 [LK_ROLE_TITLE] = {LK_COLOUR_CYAN, D, 0},
		 [LK_ROLE_DIM] = {D, D, 0},
		 [LK_ROLE_OK] = {LK_COLOUR_GREEN, D, 0},
		 [LK_ROLE_WARN] = {LK_COLOUR_YELLOW, D, LK_BOLD},
		 [LK_ROLE_CRIT] = {LK_COLOUR_RED, D, LK_BOLD | LK_REVERSE},
		 [LK_ROLE_PAUSED] = {LK_COLOUR_YELLOW, D, LK_BOLD | LK_REVERSE},
		 [LK_ROLE_OURS] = {D, D, LK_BOLD},
		 [LK_ROLE_SELECTED] = {D, D, LK_REVERSE},
		 [LK_ROLE_KEY] = {D, D, 0},
		 [LK_ROLE_NEXT] = {D, D, LK_BOLD},
		 [LK_ROLE_FIELD] = {D, D, LK_UNDERLINE | LK_BOLD},
	 }},
	{"mono",
	 {
		 [LK_ROLE_PLAIN] = {D, D, 0},
		 [LK_ROLE_FRAME] = {D, D, LK_REVERSE},
		 [LK_ROLE_TITLE] = {D, D, 0},
		 [LK_ROLE_DIM] = {D, D, 0},
		 [LK_ROLE_OK] = {D, D, 0},
		 [LK_ROLE_WARN] = {D, D, LK_BOLD},
		 [LK_ROLE_CRIT] = {D, D, LK_BOLD | LK_REVERSE},
		 [LK_ROLE_PAUSED] = {D, D, LK_BOLD | LK_REVERSE},
		 [LK_ROLE_OURS] = {D, D, LK_BOLD},
		 [LK_ROLE_SELECTED] = {D, D, LK_REVERSE},
		 [LK_ROLE_KEY] = {D, D, 0},
		 [LK_ROLE_NEXT] = {D, D, LK_BOLD},
		 [LK_ROLE_FIELD] = {D, D, LK_UNDERLINE | LK_BOLD},
	 }},
	{"high-contrast",
	 {
		 [LK_ROLE_PLAIN] = {LK_COLOUR_WHITE, LK_COLOUR_BLACK, LK_BOLD},
		 [LK_ROLE_FRAME] = {LK_COLOUR_BLACK, LK_COLOUR_WHITE, LK_BOLD},
		 [LK_ROLE_TITLE] = {LK_COLOUR_WHITE, LK_COLOUR_BLACK, LK_BOLD | LK_UNDERLINE},
		 [LK_ROLE_DIM] = {LK_COLOUR_WHITE, LK_COLOUR_BLACK, LK_BOLD},
		 [LK_ROLE_OK] = {LK_COLOUR_WHITE, LK_COLOUR_BLACK, LK_BOLD},
		 [LK_ROLE_WARN] = {LK_COLOUR_BLACK, LK_COLOUR_YELLOW, LK_BOLD},
		 [LK_ROLE_CRIT] = {LK_COLOUR_WHITE, LK_COLOUR_RED, LK_BOLD},
		 [LK_ROLE_PAUSED] = {LK_COLOUR_BLACK, LK_COLOUR_YELLOW, LK_BOLD},
		 [LK_ROLE_OURS] = {LK_COLOUR_YELLOW, LK_COLOUR_BLACK, LK_BOLD},
		 [LK_ROLE_SELECTED] = {LK_COLOUR_BLACK, LK_COLOUR_WHITE, LK_BOLD},
		 [LK_ROLE_KEY] = {LK_COLOUR_WHITE, LK_COLOUR_BLACK, LK_BOLD},
		 [LK_ROLE_NEXT] = {LK_COLOUR_YELLOW, LK_COLOUR_BLACK, LK_BOLD},
		 [LK_ROLE_FIELD] = {LK_COLOUR_BLACK, LK_COLOUR_WHITE, LK_BOLD},
	 }},
	/* blue and orange-like yellow stay apart for every common kind of colour blindness */
	{"deuter",
	 {
		 [LK_ROLE_PLAIN] = {D, D, 0},
		 [LK_ROLE_FRAME] = {D, D, LK_REVERSE},
		 [LK_ROLE_TITLE] = {LK_COLOUR_CYAN, D, 0},
		 [LK_ROLE_DIM] = {D, D, 0},
		 [LK_ROLE_OK] = {LK_COLOUR_BLUE, D, LK_BOLD},
		 [LK_ROLE_WARN] = {LK_COLOUR_YELLOW, D, LK_BOLD},
		 [LK_ROLE_CRIT] = {LK_COLOUR_YELLOW, D, LK_BOLD | LK_REVERSE},
		 [LK_ROLE_PAUSED] = {LK_COLOUR_WHITE, LK_COLOUR_BLUE, LK_BOLD},
		 [LK_ROLE_OURS] = {D, D, LK_BOLD},
		 [LK_ROLE_SELECTED] = {D, D, LK_REVERSE},
		 [LK_ROLE_KEY] = {D, D, 0},
		 [LK_ROLE_NEXT] = {D, D, LK_BOLD},
		 [LK_ROLE_FIELD] = {D, D, LK_UNDERLINE | LK_BOLD},
	 }},
};

#undef D

const struct lk_theme *lk_theme_find(const char *name)
{
	if (!name || !*name)
		return &themes[0];
	for (size_t i = 0; i < LK_COUNT(themes); i++)
		if (strcmp(themes[i].name, name) == 0)
			return &themes[i];
	return NULL;
}

const struct lk_theme *lk_theme_choose(const char *name, bool *known)
{
	const char *no_color = getenv("NO_COLOR");
	const struct lk_theme *theme = lk_theme_find(name);

	*known = theme != NULL;
	if (no_color && *no_color)
		return lk_theme_find("mono");
	return theme ? theme : lk_theme_find(NULL);
}
