/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The walk over a table's key by several workers: each takes the next range (lower, upper], and the mark moves up to
 * where every range is finished. Keys are texts of the caller's choice, `count` of them; NULL stands for "from the
 * beginning" below and "to the end" above.
 *
 * Not locked: the caller's mutex guards all of it. To find a range's upper key takes a query, for which no mutex may be
 * held: one worker at a time does it, between _begin and _found.
 */
#ifndef LK_SHADOW_RANGES_H
#define LK_SHADOW_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LK_RANGES_AT_ONCE = 32 };

struct lk_range {
	uint64_t number;
	char **lower, **upper; /* the ranges' own, until the range is finished */
	bool last;	       /* nothing that was there when the walk began lies above it */
};

struct lk_ranges {
	size_t count; /* columns of the key */
	char **mark;  /* everything up to it is finished; NULL: nothing yet */
	char **reach; /* everything up to it has been given out */
	bool finding; /* somebody looks for the next upper key */
	bool all_given, all_finished;
	size_t open; /* ranges given out and not finished */
	uint64_t given;
	struct lk_ranges_slot {
		char **lower, **upper;
		bool taken, finished, last;
	} slots[LK_RANGES_AT_ONCE]; /* of range `number`: number % LK_RANGES_AT_ONCE */
	uint64_t first;		    /* the oldest range that is not passed by the mark */
};

/* `mark` may be NULL; it is copied. */
void lk_ranges_init(struct lk_ranges *ranges, size_t count, char *const *mark);
void lk_ranges_free(struct lk_ranges *ranges);
/* Whether a range may be looked for now: if so the caller has it to itself until _found or _not_found. */
bool lk_ranges_begin(struct lk_ranges *ranges);
/* (reach, upper] is the caller's now; `upper` is copied. */
void lk_ranges_found(struct lk_ranges *ranges, char *const *upper, bool last,
		     struct lk_range *range);
/* The query failed: somebody may try again. */
void lk_ranges_not_found(struct lk_ranges *ranges);
/* The range is copied and committed. */
void lk_ranges_finish(struct lk_ranges *ranges, const struct lk_range *range);
/* It was not: the next who asks gets it (lk_ranges_left). */
void lk_ranges_leave(struct lk_ranges *ranges, const struct lk_range *range);
/* A range that somebody left; false when there is none. */
bool lk_ranges_left(struct lk_ranges *ranges, struct lk_range *range);

#endif
