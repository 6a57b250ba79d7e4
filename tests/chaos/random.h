/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers that a seed decides (splitmix64, Steele, Lea, Flood 2014). */
#ifndef LK_TESTS_CHAOS_RANDOM_H
#define LK_TESTS_CHAOS_RANDOM_H

#include <stdint.h>

struct lk_chaos_random {
	uint64_t state;
};

static inline uint64_t lk_chaos_draw(struct lk_chaos_random *random, uint64_t below)
{
	uint64_t z = (random->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

#endif
