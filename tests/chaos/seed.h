/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One seed: a run of the plan with everything that the seed does to it, and whether all is well after. */
#ifndef LK_TESTS_CHAOS_SEED_H
#define LK_TESTS_CHAOS_SEED_H

#include "tests/chaos/auditor.h"
#include "tests/chaos/faults.h"
#include "tests/chaos/writers.h"

/* What a seed tells the program that started it: plain bytes through a pipe. */
struct lk_chaos_outcome {
	bool passed;
	int faults[LK_CHAOS_KINDS]; /* struck */
	int impossible[LK_CHAOS_KINDS];
	int64_t rows_compared, rows_different, looks;
	struct lk_chaos_written written;
	double worst_recovery_ms, seconds;
	char missing[160];
	char line[1500]; /* the faults and the verdict */
};

void lk_chaos_seed(const struct lk_chaos_engine *engine, uint64_t seed, bool keep,
		   struct lk_chaos_outcome *outcome);

#endif
