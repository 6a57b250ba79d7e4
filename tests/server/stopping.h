/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A step that is stopped at seeded random moments, as by a pause, and goes on each time. */
#ifndef LK_TESTS_STOPPING_H
#define LK_TESTS_STOPPING_H

#include "tests/server/steps.h"

struct lk_test_stops {
	int count;	 /* how often at most */
	uint32_t chunks; /* up to so many further than the last time, and then anywhere */
	uint64_t seed;
	int stopped; /* out: how often it was */
};

/* The outcome at last; after the last stop it is left to its end. */
enum lk_outcome lk_test_step_stopped_anywhere(struct lk_test_steps *steps, const char *name,
					      struct lk_test_stops *stops);

#endif
