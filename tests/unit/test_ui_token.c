/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes to keys: split anywhere, a lone Esc by silence, pastes whole, unknown sequences without a
 * trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ui/term/token.h"

enum { MS = 1000 };

/* The keys of a text, fed in two parts with little time between; a paste counts as 1000000 + bytes.
 */
static size_t keys_of(const char *text, size_t split, uint32_t *keys, size_t capacity)
{
	struct lk_tokens *tokens = lk_tokens_new();
	struct lk_input input;
	size_t count = 0, length = strlen(text);
	int64_t now = 1000 * MS;

	for (int part = 0; part < 3; part++) {
		if (part == 0)
			lk_tokens_feed(tokens, text, split, now);
		else if (part == 1)
			lk_tokens_feed(tokens, text + split, length - split, now);
		else
			now += 2000 * MS; /* silence ends what was cut off */
		while (lk_tokens_next(tokens, now, &input))
			if (count < capacity)
				keys[count++] = input.kind == LK_INPUT_KEY
							? input.key
							: 1000000 + (uint32_t)input.pasted;
		now += 5 * MS;
	}
	lk_tokens_free(tokens);
	return count;
}

static void split_at_every_byte(void **state)
{
	static const struct {
		const char *text;
		uint32_t keys[8];
	} cases[] = {
		{"abc", {'a', 'b', 'c'}},
		{"\033[A\033OB\033[5~x", {LK_KEY_UP, LK_KEY_DOWN, LK_KEY_PAGE_UP, 'x'}},
		{"\303\251\342\202\254", {0xe9, 0x20ac}},
		{"\033[200~rollback 3fa2\n\033[201~q", {1000014, 'q'}},
		{"\033[200~a\033[20b\033[201~", {1000006}},
		{"\r\n\b", {LK_KEY_ENTER, LK_KEY_ENTER, LK_KEY_BACKSPACE}},
		{"\033[1;5Dr", {'r'}},	    /* Ctrl-Left means nothing here */
		{"\033[<0;10;10Mz", {'z'}}, /* nor does a mouse */
		{"\033rz", {'z'}},	    /* Alt-r must not be r */
		{"\033[Z\033OP", {LK_KEY_BACKTAB, LK_KEY_F1}},
	};

	(void)state;
	for (size_t i = 0; i < LK_COUNT(cases); i++)
		for (size_t split = 0; split <= strlen(cases[i].text); split++) {
			uint32_t keys[8] = {0};

			keys_of(cases[i].text, split, keys, 8);
			for (size_t k = 0; k < 8; k++)
				assert_int_equal(keys[k], cases[i].keys[k]);
		}
}

static void a_lone_escape_needs_silence(void **state)
{
	struct lk_tokens *tokens = lk_tokens_new();
	struct lk_input input;

	(void)state;
	lk_tokens_feed(tokens, "\033", 1, 100 * MS);
	assert_false(lk_tokens_next(tokens, 124 * MS, &input));
	assert_int_equal(lk_tokens_deadline(tokens), 125 * MS);
	assert_true(lk_tokens_next(tokens, 125 * MS, &input));
	assert_int_equal(input.key, LK_KEY_ESC);
	assert_false(lk_tokens_next(tokens, 126 * MS, &input));
	assert_int_equal(lk_tokens_deadline(tokens), INT64_MAX);
	lk_tokens_free(tokens);
}

static void a_paste_without_end_gives_the_keys_back(void **state)
{
	struct lk_tokens *tokens = lk_tokens_new();
	struct lk_input input;

	(void)state;
	lk_tokens_feed(tokens, "\033[200~text", 10, 100 * MS);
	assert_false(lk_tokens_next(tokens, 200 * MS, &input));
	assert_true(lk_tokens_next(tokens, 1101 * MS, &input));
	assert_int_equal(input.kind, LK_INPUT_PASTE);
	assert_int_equal(input.pasted, 4);
	lk_tokens_feed(tokens, " ", 1, 1200 * MS);
	assert_true(lk_tokens_next(tokens, 1200 * MS, &input));
	assert_int_equal(input.key, LK_KEY_SPACE);
	lk_tokens_free(tokens);
}

static void a_huge_paste_is_counted_not_kept(void **state)
{
	struct lk_tokens *tokens = lk_tokens_new();
	struct lk_input input;
	char *bytes = lk_alloc(1000000);

	(void)state;
	memset(bytes, 'r', 1000000);
	lk_tokens_feed(tokens, "\033[200~", 6, MS);
	assert_false(lk_tokens_next(tokens, MS, &input));
	lk_tokens_feed(tokens, bytes, 1000000, 2 * MS);
	assert_false(lk_tokens_next(tokens, 2 * MS, &input));
	lk_tokens_feed(tokens, "\033[201~", 6, 3 * MS);
	assert_true(lk_tokens_next(tokens, 3 * MS, &input));
	assert_int_equal(input.pasted, 1000000);
	assert_true(input.length <= 65536);
	free(bytes);
	lk_tokens_free(tokens);
}

static void random_bytes_end_in_silence(void **state)
{
	struct lk_tokens *tokens = lk_tokens_new();
	struct lk_input input;
	unsigned seed = 7;
	int64_t now = MS;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char byte;

		seed = seed * 1103515245u + 12345;
		byte = (char)(seed >> 16);
		lk_tokens_feed(tokens, &byte, 1, now);
		while (lk_tokens_next(tokens, now, &input))
			assert_true(input.length > 0 || input.kind == LK_INPUT_PASTE);
		now += 500;
	}
	now += 3000 * MS;
	while (lk_tokens_next(tokens, now, &input))
		;
	assert_int_equal(lk_tokens_deadline(tokens), INT64_MAX);
	lk_tokens_free(tokens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_at_every_byte),
		cmocka_unit_test(a_lone_escape_needs_silence),
		cmocka_unit_test(a_paste_without_end_gives_the_keys_back),
		cmocka_unit_test(a_huge_paste_is_counted_not_kept),
		cmocka_unit_test(random_bytes_end_in_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
