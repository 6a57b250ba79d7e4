/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox with its defaults: what the application sees while the whole plan is walked, beside
 * what it saw alone: over the whole run, and in the worst ten seconds of it.
 */
#include "tests/bench/walk.h"

int main(int argc, char **argv)
{
	static const struct lk_bench_walk walk = {"postgres", "", 1000000};
	struct lk_bench bench;
	lk_bench_open(&bench, argc, argv);
	lk_bench_walk(&bench, &walk);
	lk_bench_close(&bench);
	return 0;
}
