/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shadow/ranges.h"

#include <string.h>

#include "step/backfill.h"

static char **copy(const struct lk_ranges *r, char *const *key)
{
	return key ? lk_backfill_copy_key(key, r->count) : NULL;
}

static void replace(const struct lk_ranges *r, char ***place, char **key)
{
	lk_backfill_free_key(*place, r->count);
	*place = key;
}

void lk_ranges_init(struct lk_ranges *r, size_t count, char *const *mark)
{
	memset(r, 0, sizeof *r);
	r->count = count;
	r->mark = copy(r, mark);
	r->reach = copy(r, mark);
}

void lk_ranges_free(struct lk_ranges *r)
{
	for (size_t i = 0; i < LK_RANGES_AT_ONCE; i++) {
		lk_backfill_free_key(r->slots[i].lower, r->count);
		lk_backfill_free_key(r->slots[i].upper, r->count);
	}
	lk_backfill_free_key(r->mark, r->count);
	lk_backfill_free_key(r->reach, r->count);
	memset(r, 0, sizeof *r);
}

bool lk_ranges_begin(struct lk_ranges *r)
{
	if (r->finding || r->all_given || r->given - r->first >= LK_RANGES_AT_ONCE)
		return false;
	r->finding = true;
	return true;
}

static void hand_out(struct lk_ranges *r, uint64_t number, struct lk_range *range)
{
	struct lk_ranges_slot *slot = &r->slots[number % LK_RANGES_AT_ONCE];
	slot->taken = true;
	r->open++;
	*range = (struct lk_range){
		.number = number, .lower = slot->lower, .upper = slot->upper, .last = slot->last};
}

void lk_ranges_found(struct lk_ranges *r, char *const *upper, bool last, struct lk_range *range)
{
	struct lk_ranges_slot *slot = &r->slots[r->given % LK_RANGES_AT_ONCE];
	r->finding = false;
	r->all_given = last;
	*slot = (struct lk_ranges_slot){
		.lower = copy(r, r->reach), .upper = copy(r, upper), .last = last};
	replace(r, &r->reach, copy(r, upper));
	hand_out(r, r->given++, range);
}

void lk_ranges_not_found(struct lk_ranges *r)
{
	r->finding = false;
}

void lk_ranges_finish(struct lk_ranges *r, const struct lk_range *range)
{
	r->slots[range->number % LK_RANGES_AT_ONCE].finished = true;
	r->open--;
	while (r->first < r->given && r->slots[r->first % LK_RANGES_AT_ONCE].finished) {
		struct lk_ranges_slot *slot = &r->slots[r->first++ % LK_RANGES_AT_ONCE];
		replace(r, &r->mark, slot->upper);
		lk_backfill_free_key(slot->lower, r->count);
		r->all_finished = slot->last;
		*slot = (struct lk_ranges_slot){0};
	}
}

void lk_ranges_leave(struct lk_ranges *r, const struct lk_range *range)
{
	r->slots[range->number % LK_RANGES_AT_ONCE].taken = false;
	r->open--;
}

bool lk_ranges_left(struct lk_ranges *r, struct lk_range *range)
{
	for (uint64_t i = r->first; i < r->given; i++) {
		if (r->slots[i % LK_RANGES_AT_ONCE].taken)
			continue;
		hand_out(r, i, range);
		return true;
	}
	return false;
}
