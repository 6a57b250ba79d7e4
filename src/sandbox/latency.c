/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/latency.h"

#include <string.h>

#define PER_DOUBLING 32
#define PER_DOUBLING_BITS 5

/* The first 64 buckets are one microsecond wide; after them each doubling has 32. */
static int bucket_of(int64_t us)
{
	if (us < 2 * PER_DOUBLING)
		return (int)us;
	int doublings = 63 - __builtin_clzll((unsigned long long)us) - PER_DOUBLING_BITS;
	int bucket = doublings * PER_DOUBLING + (int)(us >> doublings);
	return bucket < LK_LATENCY_BUCKETS ? bucket : LK_LATENCY_BUCKETS - 1;
}

/* The largest duration that falls into a bucket. */
static int64_t bucket_end(int bucket)
{
	if (bucket < 2 * PER_DOUBLING)
		return bucket;
	int doublings = bucket / PER_DOUBLING - 1;
	int64_t first = (int64_t)(bucket - doublings * PER_DOUBLING) << doublings;
	return first + ((int64_t)1 << doublings) - 1;
}

void lk_latency_reset(struct lk_latency *latency)
{
	memset(latency, 0, sizeof *latency);
}

void lk_latency_add(struct lk_latency *latency, int64_t us)
{
	if (us < 0)
		us = 0;
	latency->buckets[bucket_of(us)]++;
	latency->count++;
	if (us > latency->max_us)
		latency->max_us = us;
}

void lk_latency_merge(struct lk_latency *into, const struct lk_latency *from)
{
	if (from->count == 0)
		return;
	for (int i = 0; i < LK_LATENCY_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
	into->count += from->count;
	if (from->max_us > into->max_us)
		into->max_us = from->max_us;
}

double lk_latency_quantile_ms(const struct lk_latency *latency, double share)
{
	int64_t wanted = (int64_t)(share * (double)latency->count + 0.5);
	if (latency->count == 0)
		return 0;
	if (wanted < 1)
		wanted = 1;
	int64_t seen = 0;
	for (int i = 0; i < LK_LATENCY_BUCKETS; i++) {
		seen += latency->buckets[i];
		if (seen < wanted)
			continue;
		int64_t end = bucket_end(i);
		return (double)(end < latency->max_us ? end : latency->max_us) / 1000;
	}
	return (double)latency->max_us / 1000;
}
