/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What unit tests share: cmocka's includes in their order, files of the source tree, mutated
 * inputs. */
#ifndef LK_TESTS_UNIT_SUPPORT_H
#define LK_TESTS_UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Asserts that `needle` stands in `text`, printing both when it does not. */
#define assert_contains(text, needle)                                                              \
	do {                                                                                       \
		if (!strstr((text), (needle)))                                                     \
			fail_msg("\"%s\"\nis not in\n\"%s\"", (needle), (text));                   \
	} while (0)

/* A path below the source tree, the caller's: tests run from the build tree. */
char *test_source(const char *path);
/* The bytes of such a file, the caller's, terminated. */
char *test_read(const char *path, size_t *length);

/* A small generator with a seed, so that a failing round can be repeated. */
struct test_random {
	uint64_t state;
};
uint32_t test_random(struct test_random *random, uint32_t below);

/*
 * A copy of `bytes` with a few changes of the kinds that break parsers: bytes flipped, removed,
 * doubled, a piece moved or repeated, a piece of `other` put in, punctuation added. The caller's,
 * terminated.
 */
char *test_mutate(struct test_random *random, const char *bytes, const char *other, size_t *length);

#endif
