/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Intervals as people write them: "100ms", "2s", "1.5s", "5min", "24h", "2d". */
#ifndef LK_BASE_DURATION_H
#define LK_BASE_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds. A number (digits, perhaps a point and more digits) and a unit: ms, s, m or min, h,
 * d; one space between them is allowed. False, and *milliseconds untouched, for anything else: no
 * unit, a sign, a fraction of a millisecond, or more than 100 years. */
bool lk_duration_parse(const char *text, int64_t *milliseconds) __attribute__((nonnull));

/* The shortest exact form that lk_duration_parse reads back: "100ms", "1.5s", "24h"; size at
 * least 24. */
void lk_duration_format(int64_t milliseconds, char *text, size_t size) __attribute__((nonnull));

#endif
