/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements that move and compare rows between a table and its shadow (shadow/my_shape.h; its mapping must be
 * known). All texts are the caller's. They are for sessions of lk_my_shadow_session.
 *
 * Bounds of ranges are texts as lk_my_bound selects them, one per column of the key: low is left out of the range, high
 * belongs to it, NULL is open. Keys are SQL literals, one per column, that compare exactly with the original's column,
 * as lk_my_key_add_literal makes them of such texts (step/my_key.h); those of TIMESTAMPs are in UTC.
 */
#ifndef LK_SHADOW_MY_SHADOW_SQL_H
#define LK_SHADOW_MY_SHADOW_SQL_H

#include "shadow/my_shape.h"

struct lk_my_keys {
	const char *const *literals; /* key by key: count times shape->table.key.count */
	size_t count;
};

/* Of the row `rows` behind low: its key's texts and a last column, 1 (no row: fewer are left). */
char *lk_my_bound(const struct lk_my_shape *shape, char *const *low, int64_t rows);

/*
 * Copies a range; takes no lock on the original's rows and waits for none. A row that is there already under its key is
 * kept, for it is not older. Anything else fails as it would in a plain INSERT: what the shadow's columns cannot hold,
 * and duplicates under any UNIQUE index (lk_my_is_duplicate).
 */
char *lk_my_chunk_copy(const struct lk_my_shape *shape, char *const *low, char *const *high);

/*
 * Copying rows again, within one transaction: delete, then copy, commit. The copy takes a shared lock on each row of the
 * original, and does not wait for any: class RETRY while a transaction holds one (errors 1205, 3572), which must be
 * rolled back, and the keys kept. Keys that are not in the original are not locked, so a key belongs to one worker.
 *
 * All keys of a set may be deleted, and must be unless mapping.replaces; then those are enough which any event since
 * they were copied last has deleted, or moved (the key before the change). So is every key that a chunk in flight may
 * have brought back.
 */
char *lk_my_again_delete(const struct lk_my_shape *shape, const struct lk_my_keys *keys);
char *lk_my_again_copy(const struct lk_my_shape *shape, const struct lk_my_keys *keys);
/* All of that, with every key deleted first unless `gone` says which. The session has no transaction before and after. */
bool lk_my_copy_again(struct lk_session *session, const struct lk_my_shape *shape,
		      const struct lk_my_keys *keys, const struct lk_my_keys *gone,
		      struct lk_error *error);

/* Whether a copy has met another row under a UNIQUE index of the shadow. That row may be stale: its change is still to
 * be applied, or was made in the same transaction as this one. */
bool lk_my_is_duplicate(const struct lk_error *error);
/*
 * The rows of the shadow, by the key in the original (its texts as lk_my_bound has them), that stand in the way of the
 * original's rows with these keys, or in a range. Copied again in one set together with those keys they make room, if
 * they are only stale; what then still collides is a real duplicate. NULL: the shadow has no such index, or no
 * statement can tell (over an expression).
 */
char *lk_my_obstacles_of(const struct lk_my_shape *shape, const struct lk_my_keys *keys);
char *lk_my_obstacles_in(const struct lk_my_shape *shape, char *const *low, char *const *high);

/*
 * Comparing a range. The original's values are taken as the shadow would hold them; where no expression says how
 * (!mapping.direct) the range is first converted by the server itself into a temporary table of the session.
 *
 *	lk_my_compare_begin     once per session: makes that table (several statements; "" when none is needed)
 *	lk_my_compare_stage     before the next two, for their range: fills it (several statements; "" likewise)
 *	lk_my_compare_sum       one row: how many rows, and a sum over them; equal on both sides: the range is equal
 *	lk_my_compare_differ    the keys that are in one of both only, or differ: texts as lk_my_bound has them, and
 *	                        behind them "missing", "extra" or "differs"
 *
 * None of them locks. Where the key does not sort alike in both (!mapping.ordered) rows of the shadow that have
 * no row in the original are in no range: lk_my_compare_strays finds them, over the whole table (NULL when it
 * is not needed).
 */
enum lk_my_side { LK_MY_ORIGINAL, LK_MY_SHADOW };
char *lk_my_compare_begin(const struct lk_my_shape *shape);
char *lk_my_compare_stage(const struct lk_my_shape *shape, char *const *low, char *const *high);
char *lk_my_compare_sum(const struct lk_my_shape *shape, enum lk_my_side side, char *const *low,
			char *const *high);
char *lk_my_compare_differ(const struct lk_my_shape *shape, char *const *low, char *const *high,
			   int limit);
char *lk_my_compare_strays(const struct lk_my_shape *shape, int limit);

/* Rows that the shadow cannot hold. `sentence`: "orders.id 17: 'abc' does not fit int (…)". */
struct lk_my_unfit {
	char **key; /* texts as lk_my_bound has them */
	char *sentence;
	bool duplicate; /* it met another row of the shadow, which may be stale (lk_my_obstacles_in) */
};
struct lk_my_unfits {
	struct lk_my_unfit *list;
	size_t count, parts; /* of each key */
};
/*
 * Lets the server copy the range into the shadow and take that back, and finds the rows that it refuses, at most `limit`,
 * by halving: one is dear, and none is as dear as copying. The session has no transaction before and after. *unfits is
 * the caller's. Class RETRY when rows of the shadow are locked by other workers.
 */
bool lk_my_find_unfit(struct lk_session *session, const struct lk_my_shape *shape, char *const *low,
		      char *const *high, size_t limit, struct lk_my_unfits *unfits,
		      struct lk_error *error);
void lk_my_unfits_free(struct lk_my_unfits *unfits);
/* The keys of rows that would be duplicates under mapping.uniques[which], over the whole table: of the first `limit`
 * values that are there more than once. It must be `checkable`. Sorts the table. */
char *lk_my_find_twice(const struct lk_my_shape *shape, size_t which, int limit);

/* Makes the shadow's counter at least the original's: at its making, and again under the lock of the cut-over. NULL when
 * there is nothing to carry over. Asks the server; *statement is the caller's. */
bool lk_my_carry_counter(struct lk_session *session, const struct lk_my_shape *shape,
			 char **statement, struct lk_error *error);
/* Statistics for the shadow before it is used. Yields rows. */
char *lk_my_shadow_analyze(const struct lk_my_shape *shape);

#endif
