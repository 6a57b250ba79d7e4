/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox with its application while a whole plan (plans/rename-username.yaml) is walked: what the
 * application sees, beside what it saw alone.
 */
#ifndef LK_TESTS_BENCH_WALK_H
#define LK_TESTS_BENCH_WALK_H

#include <stdint.h>

#include "tests/bench/bench.h"

struct lk_bench_walk {
	const char *kind;   /* of the sandbox's servers: "postgres", "mariadb", "mysql" */
	const char *suffix; /* of the figures' names; "" */
	int64_t rows;	    /* of users */
};

/* Walks the plan and prints the application's figures. */
void lk_bench_walk(const struct lk_bench *bench, const struct lk_bench_walk *asked);

#endif
