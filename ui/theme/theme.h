/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Colours by meaning. Code names a role, never a colour; every theme fills the same table. Words
 * come first, attributes second, colours third: nothing may be told by a colour alone.
 */
#ifndef LK_UI_THEME_H
#define LK_UI_THEME_H

#include <stdbool.h>

enum lk_role {
	LK_ROLE_PLAIN,
	LK_ROLE_FRAME, /* row 1 */
	LK_ROLE_TITLE, /* header of a panel */
	LK_ROLE_DIM,   /* of little weight now */
	LK_ROLE_OK,
	LK_ROLE_WARN,
	LK_ROLE_CRIT,
	LK_ROLE_PAUSED, /* the work stands still */
	LK_ROLE_OURS,	/* our own sessions */
	LK_ROLE_SELECTED,
	LK_ROLE_KEY,   /* the last row */
	LK_ROLE_NEXT,  /* the one next key */
	LK_ROLE_FIELD, /* where one types */
	LK_ROLES
};

enum lk_colour {
	LK_COLOUR_DEFAULT = -1,
	LK_COLOUR_BLACK,
	LK_COLOUR_RED,
	LK_COLOUR_GREEN,
	LK_COLOUR_YELLOW,
	LK_COLOUR_BLUE,
	LK_COLOUR_MAGENTA,
	LK_COLOUR_CYAN,
	LK_COLOUR_WHITE,
};

enum lk_attribute { LK_BOLD = 1, LK_REVERSE = 2, LK_UNDERLINE = 4, LK_DIM = 8 };

struct lk_style {
	signed char foreground, background; /* enum lk_colour */
	unsigned char attributes;
};

struct lk_theme {
	const char *name;
	struct lk_style styles[LK_ROLES];
};

/* The theme of that name; NULL names the default. NULL when there is none. */
const struct lk_theme *lk_theme_find(const char *name);
/* The theme to use: `name`, but one without colours when NO_COLOR is set to anything. */
const struct lk_theme *lk_theme_choose(const char *name, bool *known);

#endif
