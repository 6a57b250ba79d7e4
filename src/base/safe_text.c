/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/safe_text.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "base/width_table.h"

/* What one source character becomes: some bytes, and the columns they take. */
struct piece {
	char bytes[12]; /* "<U+10FFFF>" is the longest */
	int length, width;
	bool mark;  /* joins the character before it */
	bool blank; /* white space */
	bool plain; /* the blank was U+0020 itself */
};

struct writer {
	char *out;
	size_t size, used;
	int columns, width;
	size_t cut_at; /* bytes and columns of the text with room left for "~" */
	int cut_width;
	bool can_mark; /* the last thing written is a character that has no mark yet */
	bool after_blank;
};

static bool is_blank(uint32_t c)
{
	return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

static void piece_text(struct piece *piece, uint32_t c, unsigned flags)
{
	int width = lk_char_width(c);

	if (c < 0x20 || c == 0x7f) {
		piece->length = snprintf(piece->bytes, sizeof piece->bytes, "^%c", (int)(c ^ 0x40));
		piece->width = piece->length;
	} else if (width < 0) {
		piece->length =
			snprintf(piece->bytes, sizeof piece->bytes, "<U+%04X>", (unsigned)c);
		piece->width = piece->length;
	} else if (c > 0x7e && (flags & LK_SAFE_ASCII)) {
		piece->mark = width == 0;
		piece->length = piece->width = width;
		memset(piece->bytes, '?', sizeof piece->bytes);
	} else {
		piece->mark = width == 0;
		piece->length = (int)lk_utf8_encode(c, piece->bytes);
		piece->width = width;
	}
}

static void piece_of(struct piece *piece, uint32_t c, unsigned flags)
{
	memset(piece, 0, sizeof *piece);
	if (is_blank(c)) {
		piece->blank = true;
		piece->plain = c == ' ';
		piece->bytes[0] = ' ';
		piece->length = piece->width = 1;
	} else {
		piece_text(piece, c, flags);
	}
}

/* False when the piece does not fit any more. */
static bool write_piece(struct writer *w, const struct piece *piece)
{
	if (w->width + piece->width > w->columns || w->used + (size_t)piece->length + 1 > w->size)
		return false;
	memcpy(w->out + w->used, piece->bytes, (size_t)piece->length);
	w->used += (size_t)piece->length;
	w->width += piece->width;
	/* a cut needs one column and one byte beside the terminator */
	if (w->width < w->columns && w->used + 2 <= w->size) {
		w->cut_at = w->used;
		w->cut_width = w->width;
	}
	return true;
}

/* Whether the piece is left out by the rules for blanks and marks; a mark that starts a text is
 * spelt out. */
static bool skip_piece(struct writer *w, struct piece *piece, uint32_t c, unsigned flags)
{
	if (piece->blank) {
		bool keep = piece->plain && (flags & LK_SAFE_BLANKS);
		bool skip = w->after_blank && !keep;

		w->after_blank = true;
		w->can_mark = false;
		return skip;
	}
	if (piece->mark) {
		if (w->can_mark) {
			w->can_mark = false;
			return piece->length == 0;
		}
		if (w->used > 0 && !w->after_blank)
			return true;
		piece->mark = false;
		piece->length =
			snprintf(piece->bytes, sizeof piece->bytes, "<U+%04X>", (unsigned)c);
		piece->width = piece->length;
		w->after_blank = false;
		return false;
	}
	w->after_blank = false;
	w->can_mark = piece->width > 0 && lk_char_width(c) > 0;
	return false;
}

int lk_safe_text(char *out, size_t size, const char *text, int columns, unsigned flags)
{
	struct writer w = {.out = out, .size = size, .columns = columns < 0 ? 0 : columns};
	/* the cap comes before any work on widths: a megabyte of marks costs no more than a line */
	size_t cap = (size_t)w.columns * 32 + 64, length = strnlen(text, cap), at = 0;
	bool cut = length == cap;

	/* the cap must not cut through a character */
	while (cut && length > cap - 4 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;

	while (at < length) {
		uint32_t c;
		struct piece piece;

		at += lk_utf8_decode(text + at, length - at, &c);
		piece_of(&piece, c, flags);
		if (skip_piece(&w, &piece, c, flags))
			continue;
		if (!write_piece(&w, &piece)) {
			cut = true;
			break;
		}
	}
	if (cut && w.columns > 0 && w.cut_at + 2 <= size) {
		w.used = w.cut_at;
		w.width = w.cut_width + 1;
		out[w.used++] = '~';
	}
	out[w.used < size ? w.used : size - 1] = '\0';
	return w.width;
}

char *lk_safe_copy(const char *text, unsigned flags)
{
	size_t length = strlen(text), size;
	char *out;

	/* a byte becomes at most ten columns of one byte each; keep the product inside an int */
	if (length > INT_MAX / 64)
		length = INT_MAX / 64;
	size = length * 10 + 16;
	out = lk_alloc(size);
	lk_safe_text(out, size, text, (int)(size - 1), flags);
	return out;
}
