/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts of durations in buckets whose width grows with the duration (32 a doubling, so a value
 * read back is at most 3.2 % above the one that was put in), from 1 microsecond to more than an
 * hour.
 *
 * Threads: plain data; the owner guards it.
 */
#ifndef LK_SANDBOX_LATENCY_H
#define LK_SANDBOX_LATENCY_H

#include <stdint.h>

enum { LK_LATENCY_BUCKETS = 32 * 28 };

struct lk_latency {
	int64_t count;
	int64_t max_us;
	uint32_t buckets[LK_LATENCY_BUCKETS];
};

void lk_latency_reset(struct lk_latency *latency) __attribute__((nonnull));
/* Negative durations count as 0. */
void lk_latency_add(struct lk_latency *latency, int64_t us) __attribute__((nonnull));
void lk_latency_merge(struct lk_latency *into, const struct lk_latency *from)
	__attribute__((nonnull));
/* Milliseconds below which the share (0 to 1) of the durations lies; 0 when nothing was counted. */
double lk_latency_quantile_ms(const struct lk_latency *latency, double share)
	__attribute__((nonnull));

#endif
