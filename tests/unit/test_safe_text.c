/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nothing that comes from outside may draw: all code points, all pairs of bytes, and the published
 * attacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/safe_text.h"
#include "base/utf8.h"
#include "base/width_table.h"

/* Whether a result keeps the contract: valid UTF-8 of characters that may be shown, `width` columns
 * wide. */
static void check(const char *out, int width, int columns, unsigned flags)
{
	size_t length = strlen(out), at = 0;
	int sum = 0, marks = 0;

	assert_true(lk_utf8_valid(out, length));
	while (at < length) {
		uint32_t c;
		int w;

		at += lk_utf8_decode(out + at, length - at, &c);
		w = lk_char_width(c);
		assert_true(c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0));
		assert_true(w >= 0);
		if (flags & LK_SAFE_ASCII)
			assert_true(c < 0x7f);
		marks = w == 0 ? marks + 1 : 0;
		assert_true(marks <= 1);
		assert_false(w == 0 && at == lk_utf8_encode(c, (char[4]){0}));
		sum += w;
	}
	assert_int_equal(sum, width);
	assert_true(width <= columns);
}

/* Makes a text safe, checks it, and that doing it again changes nothing. */
static void check_text(const char *text, int columns, unsigned flags)
{
	char once[2048], twice[2048];
	int width = lk_safe_text(once, sizeof once, text, columns, flags);

	check(once, width, columns, flags);
	lk_safe_text(twice, sizeof twice, once, columns, flags);
	assert_string_equal(once, twice);
}

static void every_code_point(void **state)
{
	(void)state;
	for (uint32_t c = 1; c < 0x110000; c++) {
		char text[16] = "a";
		size_t length;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		length = lk_utf8_encode(c, text + 1);
		text[1 + length] = 'b';
		text[2 + length] = '\0';
		check_text(text, 40, c % 2 ? LK_SAFE_ASCII : 0);
		check_text(text, 2, c % 2 ? 0 : LK_SAFE_ASCII);
		check_text(text + 1, 40, LK_SAFE_BLANKS);
	}
}

static void every_pair_of_bytes(void **state)
{
	(void)state;
	for (int a = 1; a < 256; a++)
		for (int b = 1; b < 256; b++) {
			char text[4] = {(char)a, (char)b, 'z', '\0'};

			check_text(text, 40, 0);
			check_text(text, 40, LK_SAFE_ASCII);
			check_text(text, 3, LK_SAFE_BLANKS);
		}
}

static void expect(const char *text, int columns, unsigned flags, const char *wanted)
{
	char out[512];

	lk_safe_text(out, sizeof out, text, columns, flags);
	assert_string_equal(out, wanted);
}

static void known_attacks(void **state)
{
	(void)state;
	expect("\033]52;c;cm0gLXJm\007", 80, 0, "^[]52;c;cm0gLXJm^G");
	expect("\033[2J\033[1;1HPROD", 80, 0, "^[[2J^[[1;1HPROD");
	expect("pid 11111\b\b\b\b\bSPOOF", 80, 0, "pid 11111^H^H^H^H^HSPOOF");
	expect("\302\233"
	       "31m",
	       80, 0, "<U+009B>31m"); /* C1: CSI as one character */
	expect("\233"
	       "31m",
	       80, 0,
	       "\357\277\275"
	       "31m"); /* the same as a raw byte */
	expect("user\342\200\256"
	       "gpj.exe",
	       80, 0, "user<U+202E>gpj.exe");
	expect("ad\342\200\213min", 80, 0, "ad<U+200B>min");
	expect("\363\240\201\201", 80, 0, "<U+E0041>");
	expect("\343\205\244", 80, 0, "<U+3164>"); /* a filler that looks like nothing */
}

static void blanks_marks_and_cuts(void **state)
{
	(void)state;
	expect("a \n\t\r b\302\240\302\240c", 80, 0, "a b c");
	expect("a   b\n\n c", 80, LK_SAFE_BLANKS, "a   b  c");
	expect("e\314\201\314\202\314\203x", 80, 0, "e\314\201x");
	expect("\314\201x", 80, 0, "<U+0301>x");
	expect("abcdef", 4, 0, "abc~");
	expect("abcd", 4, 0, "abcd");
	expect("\346\227\245\346\234\254\350\252\236", 5, 0, "\346\227\245\346\234\254~");
	expect("\346\227\245\346\234\254\350\252\236", 4, 0, "\346\227\245~");
	expect("\346\227\245a", 80, LK_SAFE_ASCII, "??a");
	expect("anything", 0, 0, "");
	expect("anything", 1, 0, "~");
}

static void a_small_buffer_is_never_overrun(void **state)
{
	const char *text = "\346\227\245\346\234\254 e\314\201 \033 plain";

	(void)state;
	for (size_t size = 1; size < 40; size++) {
		char *out = malloc(size); /* so that a checker sees an overrun */

		check(out, lk_safe_text(out, size, text, 80, 0), 80, 0);
		free(out);
	}
}

static void a_megabyte_of_marks_is_cheap(void **state)
{
	char *text = lk_alloc(2 * 1024 * 1024 + 2), out[700];

	(void)state;
	text[0] = 'a';
	for (size_t i = 0; i < 1024 * 1024; i++)
		memcpy(text + 1 + 2 * i, "\314\201", 2);
	for (int i = 0; i < 20000; i++)
		lk_safe_text(out, sizeof out, text, 80, 0);
	assert_string_equal(out, "a\314\201~");
	free(text);
}

static void copies_keep_everything(void **state)
{
	char *copy = lk_safe_copy("one\ntwo\033[0m three", 0);

	(void)state;
	assert_string_equal(copy, "one two^[[0m three");
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(every_pair_of_bytes),
		cmocka_unit_test(known_attacks),
		cmocka_unit_test(blanks_marks_and_cuts),
		cmocka_unit_test(a_small_buffer_is_never_overrun),
		cmocka_unit_test(a_megabyte_of_marks_is_cheap),
		cmocka_unit_test(copies_keep_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
