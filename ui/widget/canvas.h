/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A picture of the screen in memory. Views draw on areas of it and know no terminal; ui/term sends
 * what changed. Every text goes through lk_safe_text on its way into a cell: there is no other way
 * in. Coordinates are rows and columns from 0, relative to the area; what falls outside is not
 * drawn.
 */
#ifndef LK_UI_CANVAS_H
#define LK_UI_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/theme/theme.h"

struct lk_cell {
	uint32_t character; /* 0: the right half of the wide character before it */
	uint32_t mark;	    /* a combining mark, or 0 */
	uint8_t role;	    /* enum lk_role */
};

struct lk_canvas {
	int rows, columns;
	bool ascii;		       /* nothing outside ASCII */
	int cursor_row, cursor_column; /* where the terminal's cursor rests; row -1: hidden */
	struct lk_cell *cells;
};

struct lk_area {
	struct lk_canvas *canvas;
	int row, column, rows, columns;
};

/* Sets the size (at least 1x1) and empties every cell. */
void lk_canvas_reset(struct lk_canvas *canvas, int rows, int columns);
void lk_canvas_free(struct lk_canvas *canvas);

struct lk_area lk_area_of(struct lk_canvas *canvas);
/* A part of an area, clipped to it. */
struct lk_area lk_area_part(const struct lk_area *area, int row, int column, int rows, int columns);

/* Draws text from column to the right end of the area; yields the column after it. */
int lk_put(const struct lk_area *area, int row, int column, enum lk_role role, const char *text);
int lk_putf(const struct lk_area *area, int row, int column, enum lk_role role, const char *format,
	    ...) __attribute__((format(printf, 5, 6)));

/* A field of fixed width: text is cut with "~" or filled with blanks. width < 0: right-aligned in
 * -width. */
struct lk_field {
	int column, width;
	enum lk_role role;
};
void lk_put_field(const struct lk_area *area, int row, struct lk_field field, const char *text);

/* Repeats one ASCII character over a part of a row. */
void lk_fill(const struct lk_area *area, int row, struct lk_field field, char character);
/* Gives a whole row of the area another role, keeping its characters. */
void lk_paint_row(const struct lk_area *area, int row, enum lk_role role);
/* One character of our own (not from outside), if the canvas may show it. */
void lk_put_character(const struct lk_area *area, int row, int column, enum lk_role role,
		      uint32_t character);

/* Columns that the safe form of text takes. */
int lk_text_width(const struct lk_area *area, const char *text);

/* The text of one row without trailing blanks, for tests and for saving a screen; the caller's. */
char *lk_canvas_row(const struct lk_canvas *canvas, int row);

#endif
