/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread that follows the change stream for one table and puts the keys that have changed into a set. It knows where a
 * stream must begin again so that no key of the set that is not copied yet would be missed.
 *
 * It ends by itself only on an error: the stream's own, or something in the stream that the shadow cannot follow (the table
 * is changed by somebody else, a statement was logged as text). All functions may be called from any thread, but for
 * _start and _end.
 */
#ifndef LK_SHADOW_MY_FEED_H
#define LK_SHADOW_MY_FEED_H

#include "binlog/stream.h"
#include "shadow/changes.h"

/* Where a stream may begin. */
struct lk_my_place {
	struct lk_binlog_position position;
	char *gtid; /* NULL: not known */
};
void lk_my_place_free(struct lk_my_place *place);

struct lk_my_feed_order {
	const char *uri, *run;
	struct lk_my_place from;
	const char *schema, *table; /* exact; followed under this name */
	const char *
		beside; /* the other table, which nobody may change either; its rows are not followed */
	const struct lk_binlog_column *key;
	size_t key_count;
	struct lk_changes *changes;
};

struct lk_my_feed;

/* What it is given is copied, but for the changes. NULL and *error. */
struct lk_my_feed *lk_my_feed_start(const struct lk_my_feed_order *order, struct lk_error *error);
/* Ends the thread and frees all. */
void lk_my_feed_end(struct lk_my_feed *feed);

/* Waits until everything before the position has been read, or until until_us (lk_clock_us): *there says which. False with
 * *error when the feed has ended. */
bool lk_my_feed_await(struct lk_my_feed *feed, const struct lk_binlog_position *position,
		      int64_t until_us, bool *there, struct lk_error *error);
/* Whether it has ended, and why. */
bool lk_my_feed_failed(struct lk_my_feed *feed, struct lk_error *error);
/* Keys that the stream has told of so far carry lower numbers than this. */
uint64_t lk_my_feed_new_mark(struct lk_my_feed *feed);
/* Where a stream must begin so that it tells of every key that waits in the set or is taken, and of what comes; the
 * caller's. */
struct lk_my_place lk_my_feed_place(struct lk_my_feed *feed);

struct lk_my_feed_figures {
	struct lk_binlog_position read; /* up to here */
	int64_t rows, transactions;	/* of the table, since it was started */
	int64_t behind_ms; /* about how old what it reads is, by the server's clock; negative: unknown */
};
struct lk_my_feed_figures lk_my_feed_figures(struct lk_my_feed *feed);

#endif
