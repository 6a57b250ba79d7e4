/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/widget/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/safe_text.h"

void lk_text_add(struct lk_text *text, enum lk_role role, const char *label, const char *content)
{
	struct lk_paragraph *paragraph;

	if (!content[0])
		return;
	paragraph = LK_PUSH(text->list, text->count);
	paragraph->role = role;
	paragraph->label = lk_strdup(label);
	paragraph->text = lk_strdup(content);
}

void lk_text_addf(struct lk_text *text, enum lk_role role, const char *label, const char *format,
		  ...)
{
	char content[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(content, sizeof content, format, arguments);
	va_end(arguments);
	lk_text_add(text, role, label, content);
}

/* How many bytes of the line go into `columns`: to the last blank, or to the column's end. */
static size_t break_at(const struct lk_area *area, const char *line, size_t length, int columns)
{
	size_t fits = 0, blank = 0;
	char part[4096];

	if (length >= sizeof part)
		length = sizeof part - 1;
	for (size_t i = 1; i <= length && i <= (size_t)columns * 4; i++) {
		if (i < length && ((unsigned char)line[i] & 0xc0) == 0x80)
			continue; /* inside a character */
		memcpy(part, line, i);
		part[i] = '\0';
		if (lk_text_width(area, part) > columns)
			break;
		fits = i;
		if (i < length && line[i] == ' ')
			blank = i;
	}
	if (fits >= length)
		return length;
	return blank ? blank : fits ? fits : 1;
}

static int draw_line(const struct lk_area *area, int row, const struct lk_field *field,
		     const char *line, size_t length)
{
	char part[4096];
	int rows = 0;

	do {
		size_t count = break_at(area, line, length, field->width);

		if (count >= sizeof part)
			count = sizeof part - 1;
		memcpy(part, line, count);
		part[count] = '\0';
		if (row + rows >= 0)
			lk_put(area, row + rows, field->column, field->role, part);
		rows++;
		line += count;
		length -= count;
		while (length > 0 && *line == ' ') {
			line++;
			length--;
		}
	} while (length > 0);
	return rows;
}

int lk_text_draw(const struct lk_text *text, const struct lk_area *area, int indent, int top)
{
	int row = -top;

	for (size_t i = 0; i < text->count; i++) {
		const struct lk_paragraph *paragraph = &text->list[i];
		struct lk_field field = {indent, area->columns - indent, paragraph->role};
		const char *at = paragraph->text;

		if (field.width < 8)
			field = (struct lk_field){0, area->columns > 0 ? area->columns : 1,
						  paragraph->role};
		else if (row >= 0)
			lk_put(area, row, 0, LK_ROLE_TITLE, paragraph->label);
		while (at) {
			const char *end = strchr(at, '\n');
			size_t length = end ? (size_t)(end - at) : strlen(at);

			row += draw_line(area, row, &field, at, length);
			at = end ? end + 1 : NULL;
		}
	}
	return row + top;
}

void lk_text_free(struct lk_text *text)
{
	for (size_t i = 0; i < text->count; i++) {
		free(text->list[i].label);
		free(text->list[i].text);
	}
	free(text->list);
	memset(text, 0, sizeof *text);
}
