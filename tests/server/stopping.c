/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/stopping.h"

#include "tests/unit/support.h"

#include "base/clock.h"

/* The longest that it may go on behind the chunk it was let come to. */
#define LONGEST_US 5000

enum lk_outcome lk_test_step_stopped_anywhere(struct lk_test_steps *steps, const char *name,
					      struct lk_test_stops *stops)
{
	struct test_random random = {stops->seed};
	enum lk_outcome outcome = LK_OUTCOME_STOPPED;
	stops->stopped = 0;
	for (int i = 0; i < stops->count && outcome == LK_OUTCOME_STOPPED; i++) {
		int64_t enough =
			lk_test_steps_progress(steps).chunks + test_random(&random, stops->chunks);
		lk_test_step_begin(steps, name, false);
		while (lk_test_steps_progress(steps).chunks < enough && !lk_test_step_ended(steps))
			lk_sleep_ms(0);
		int64_t until = lk_clock_us() + test_random(&random, LONGEST_US);
		while (lk_clock_us() < until)
			lk_sleep_ms(0);
		lk_test_steps_stop(steps);
		outcome = lk_test_step_end(steps);
		stops->stopped += outcome == LK_OUTCOME_STOPPED;
	}
	return outcome == LK_OUTCOME_STOPPED ? lk_test_step_forward(steps, name) : outcome;
}
