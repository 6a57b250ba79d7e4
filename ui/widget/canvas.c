/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/widget/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/safe_text.h"
#include "base/utf8.h"
#include "base/width_table.h"

enum { TEXT_COLUMNS = 1024, TEXT_BYTES = TEXT_COLUMNS * 8 + 1 };

void lk_canvas_reset(struct lk_canvas *canvas, int rows, int columns)
{
	size_t count;

	rows = rows < 1 ? 1 : rows;
	columns = columns < 1 ? 1 : columns;
	count = (size_t)rows * (size_t)columns;
	if (rows != canvas->rows || columns != canvas->columns) {
		canvas->cells = lk_realloc(canvas->cells, count, sizeof *canvas->cells);
		canvas->rows = rows;
		canvas->columns = columns;
	}
	canvas->cursor_row = -1;
	canvas->cursor_column = 0;
	for (size_t i = 0; i < count; i++)
		canvas->cells[i] = (struct lk_cell){.character = ' ', .role = LK_ROLE_PLAIN};
}

void lk_canvas_free(struct lk_canvas *canvas)
{
	free(canvas->cells);
	memset(canvas, 0, sizeof *canvas);
}

struct lk_area lk_area_of(struct lk_canvas *canvas)
{
	return (struct lk_area){canvas, 0, 0, canvas->rows, canvas->columns};
}

static int clamp(int value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

struct lk_area lk_area_part(const struct lk_area *area, int row, int column, int rows, int columns)
{
	struct lk_area part = *area;

	row = clamp(row, 0, area->rows);
	column = clamp(column, 0, area->columns);
	part.row += row;
	part.column += column;
	part.rows = clamp(rows, 0, area->rows - row);
	part.columns = clamp(columns, 0, area->columns - column);
	return part;
}

static struct lk_cell *cell_at(const struct lk_area *area, int row, int column)
{
	if (row < 0 || row >= area->rows || column < 0 || column >= area->columns)
		return NULL;
	return &area->canvas->cells[(size_t)(area->row + row) * (size_t)area->canvas->columns +
				    (size_t)(area->column + column)];
}

/* Writing over half of a wide character must not leave the other half behind. */
static void heal(const struct lk_area *area, int row, int column)
{
	struct lk_area whole = lk_area_of(area->canvas);
	int r = area->row + row, c = area->column + column;
	struct lk_cell *cell = cell_at(&whole, r, c), *next = cell_at(&whole, r, c + 1);

	if (cell && cell->character == 0 && c > 0)
		cell_at(&whole, r, c - 1)->character = ' ';
	if (next && next->character == 0)
		next->character = ' ';
}

static void set_cell(const struct lk_area *area, int row, int column, struct lk_cell value)
{
	struct lk_cell *cell = cell_at(area, row, column);

	if (!cell)
		return;
	if (value.character != 0)
		heal(area, row, column);
	*cell = value;
}

/* Puts safe text into cells; yields the column after it. */
static int put_safe(const struct lk_area *area, int row, struct lk_field field, const char *safe)
{
	size_t length = strlen(safe), at = 0;
	int column = field.column;

	while (at < length) {
		uint32_t c;
		int width;

		at += lk_utf8_decode(safe + at, length - at, &c);
		width = lk_char_width(c);
		if (width == 0) {
			struct lk_cell *before = cell_at(area, row, column - 1);

			if (before && before->character == 0)
				before = cell_at(area, row, column - 2);
			if (before)
				before->mark = c;
			continue;
		}
		set_cell(area, row, column, (struct lk_cell){.character = c, .role = field.role});
		if (width == 2)
			set_cell(area, row, column + 1, (struct lk_cell){.role = field.role});
		column += width;
	}
	return column;
}

static unsigned flags_of(const struct lk_area *area)
{
	return LK_SAFE_BLANKS | (area->canvas->ascii ? LK_SAFE_ASCII : 0);
}

int lk_put(const struct lk_area *area, int row, int column, enum lk_role role, const char *text)
{
	char safe[TEXT_BYTES];
	int room = clamp(area->columns - column, 0, TEXT_COLUMNS);

	if (row < 0 || row >= area->rows || column < 0 || room == 0)
		return column;
	lk_safe_text(safe, sizeof safe, text, room, flags_of(area));
	return put_safe(area, row, (struct lk_field){column, room, role}, safe);
}

int lk_putf(const struct lk_area *area, int row, int column, enum lk_role role, const char *format,
	    ...)
{
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return lk_put(area, row, column, role, text);
}

void lk_put_field(const struct lk_area *area, int row, struct lk_field field, const char *text)
{
	char safe[TEXT_BYTES];
	bool right = field.width < 0;
	int width = clamp(right ? -field.width : field.width, 0, TEXT_COLUMNS), used;

	width = clamp(width, 0, area->columns - field.column);
	if (row < 0 || row >= area->rows || width <= 0)
		return;
	lk_fill(area, row, (struct lk_field){field.column, width, field.role}, ' ');
	/* server text in a field: its runs of blanks are noise */
	used = lk_safe_text(safe, sizeof safe, text, width,
			    area->canvas->ascii ? LK_SAFE_ASCII : 0);
	if (right)
		field.column += width - used;
	put_safe(area, row, field, safe);
}

void lk_fill(const struct lk_area *area, int row, struct lk_field field, char character)
{
	for (int i = 0; i < field.width; i++)
		set_cell(area, row, field.column + i,
			 (struct lk_cell){.character = (unsigned char)character,
					  .role = field.role});
}

void lk_paint_row(const struct lk_area *area, int row, enum lk_role role)
{
	for (int i = 0; i < area->columns; i++) {
		struct lk_cell *cell = cell_at(area, row, i);

		if (cell)
			cell->role = role;
	}
}

void lk_put_character(const struct lk_area *area, int row, int column, enum lk_role role,
		      uint32_t character)
{
	if (area->canvas->ascii && character > 0x7e)
		character = '?';
	if (lk_char_width(character) == 1)
		set_cell(area, row, column, (struct lk_cell){.character = character, .role = role});
}

int lk_text_width(const struct lk_area *area, const char *text)
{
	char safe[TEXT_BYTES];

	return lk_safe_text(safe, sizeof safe, text, TEXT_COLUMNS, flags_of(area));
}

char *lk_canvas_row(const struct lk_canvas *canvas, int row)
{
	struct lk_buffer text = {0};
	const struct lk_cell *cells = canvas->cells + (size_t)row * (size_t)canvas->columns;
	int last = canvas->columns;

	while (last > 0 && cells[last - 1].character == ' ')
		last--;
	for (int i = 0; i < last; i++) {
		char bytes[4];

		if (cells[i].character)
			lk_buffer_add_bytes(&text, bytes,
					    lk_utf8_encode(cells[i].character, bytes));
		if (cells[i].mark)
			lk_buffer_add_bytes(&text, bytes, lk_utf8_encode(cells[i].mark, bytes));
	}
	return lk_buffer_take(&text);
}
