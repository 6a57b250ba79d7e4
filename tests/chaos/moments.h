/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting for what the keeper's worker does now, as the server shows it. */
#ifndef LK_TESTS_CHAOS_MOMENTS_H
#define LK_TESTS_CHAOS_MOMENTS_H

#include "tests/chaos/faults.h"

const char *lk_chaos_moment_name(const struct lk_chaos_world *world, enum lk_chaos_moment moment);
/* Until the moment is there (fault->seen), has passed, or *over; false in the last case. */
bool lk_chaos_moment_await(const struct lk_chaos_world *world, struct lk_chaos_fault *fault,
			   const atomic_bool *over);
/* The server's numbers of the run's sessions with this role ("worker", "%"); count of those stored. */
int lk_chaos_sessions(const struct lk_chaos_world *world, const char *role, pid_t *pids, int most);

#endif
