/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Paragraphs: labelled lines, broken at blanks, that scroll as one text. */
#ifndef LK_UI_TEXT_H
#define LK_UI_TEXT_H

#include <stddef.h>

#include "ui/widget/canvas.h"

struct lk_paragraph {
	enum lk_role role;
	char *label, *text; /* owned */
};

struct lk_text {
	struct lk_paragraph *list;
	size_t count;
};

/* Nothing is added when text is empty. Line breaks in the text begin a new line. */
void lk_text_add(struct lk_text *text, enum lk_role role, const char *label, const char *content);
void lk_text_addf(struct lk_text *text, enum lk_role role, const char *label, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));
/* Draws from line `top` on; labels take `indent` columns. Yields how many lines the text has. */
int lk_text_draw(const struct lk_text *text, const struct lk_area *area, int indent, int top);
void lk_text_free(struct lk_text *text);

#endif
