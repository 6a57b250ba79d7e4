/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/support.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/path.h"

char *test_source(const char *path)
{
	const char *folder = getenv("srcdir");
	return lk_format("%s/%s", folder ? folder : ".", path);
}

char *test_read(const char *path, size_t *length)
{
	struct lk_error error = {0};
	char *file = test_source(path);
	char *bytes = lk_path_read(file, 10 * 1024 * 1024, length, &error);
	if (!bytes)
		fail_msg("%s", error.text);
	free(file);
	return bytes;
}

/* xorshift64* */
uint32_t test_random(struct test_random *random, uint32_t below)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (uint32_t)((random->state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % below;
}

static void change(struct test_random *random, char *text, size_t *length, const char *other)
{
	static const char punctuation[] = "{}[]:,#&*!|>'\"%@`-?\n\t ;()$\\/\x01\x80\xff.";
	size_t at = *length ? test_random(random, (uint32_t)*length) : 0;
	size_t piece = test_random(random, 12) + 1;
	size_t left = *length - at;
	switch (test_random(random, 5)) {
	case 0: /* another byte */
		if (left)
			text[at] = (char)test_random(random, 256);
		return;
	case 1: /* a piece goes */
		piece = piece < left ? piece : left;
		memmove(text + at, text + at + piece, left - piece);
		*length -= piece;
		return;
	case 2: /* a piece twice */
		piece = piece < left ? piece : left;
		memmove(text + at + piece, text + at, left);
		*length += piece;
		return;
	case 3: /* a piece of the other text */
		if (strlen(other) < piece)
			return;
		memmove(text + at + piece, text + at, left);
		memcpy(text + at,
		       other + test_random(random, (uint32_t)(strlen(other) - piece + 1)), piece);
		*length += piece;
		return;
	default:
		memmove(text + at + 1, text + at, left);
		text[at] = punctuation[test_random(random, sizeof punctuation - 1)];
		*length += 1;
	}
}

char *test_mutate(struct test_random *random, const char *bytes, const char *other, size_t *length)
{
	enum { MOST_CHANGES = 6, ROOM = MOST_CHANGES * 12 + 1 };
	size_t count = strlen(bytes);
	char *text = lk_alloc(count + ROOM);
	memcpy(text, bytes, count);
	for (uint32_t n = test_random(random, MOST_CHANGES) + 1; n > 0; n--)
		change(random, text, &count, other);
	text[count] = '\0';
	*length = count;
	return text;
}
