/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The examples of plans/, walked by the real program in a sandbox under load, and what it says of each. */
#ifndef LK_TESTS_CONTROL_EXAMPLES_H
#define LK_TESTS_CONTROL_EXAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdbool.h>

enum { LK_EXAMPLES = 64 };

struct lk_examples {
	char *paths[LK_EXAMPLES];
	size_t count;
};

/* What the program said in the end about one plan. */
struct lk_verdict {
	char plan[64];
	bool back, as_before, done;
	json_int_t compared, different, errors; /* the largest, or of `compared` the smallest */
	char sentence[600];
};

struct lk_walked {
	int status; /* of the program */
	struct lk_verdict verdicts[LK_EXAMPLES];
	size_t count;
};

/* Those that `wanted` takes by their file's name, renamings last: the others know the old names. */
void lk_examples_list(struct lk_examples *examples, bool (*wanted)(const char *name));
void lk_examples_free(struct lk_examples *examples);
/* One after the other in one sandbox, with these options (--there-and-back, --rows N, …). free() it. */
struct lk_walked *lk_examples_walk(const struct lk_examples *examples, const char *options);
/* Rolled back to what was, then done, and nobody noticed; else the test fails. */
void lk_examples_assert_good(const struct lk_verdict *verdict);

#endif
