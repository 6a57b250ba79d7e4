/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys of rows that have changed and are not copied again yet. A key stands here once, however often it changes:
 * whoever copies its row again takes what is there then. The room is bounded: the stream waits when it is full, and
 * what it has not read yet stays in the server's own log.
 *
 * A key is taken by one worker at a time. If it changes again meanwhile, it stays for another time when that worker is
 * done. Each key has the number of the mark (a place in the stream, see lk_stream_marks) since which it waits: a
 * checkpoint must not lie behind the oldest of them.
 *
 * All functions may be called from any thread, but for lk_changes_free.
 */
#ifndef LK_SHADOW_CHANGES_H
#define LK_SHADOW_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lk_changes;

/* A key may have so many bytes at most (an index's is 3,072, and each column has its length in front). */
#define LK_CHANGES_KEY_MAX 8192
/* No key waits. */
#define LK_CHANGES_NONE UINT64_MAX

/* The caller's, of about so many bytes (at least 1 MiB), of which nothing is used before there are keys. */
struct lk_changes *lk_changes_new(size_t bytes);
void lk_changes_free(struct lk_changes *changes);

struct lk_changed {
	const void *key;
	size_t bytes;
	uint64_t mark; /* where it has changed */
	bool gone; /* the row has gone from under this key: it was deleted, or has another key now */
};
/* Waits for room until deadline_us (lk_clock_us); false when there is none by then, or once they are closed. */
bool lk_changes_add(struct lk_changes *changes, const struct lk_changed *changed,
		    int64_t deadline_us);
/* No more waiting for room. */
void lk_changes_close(struct lk_changes *changes);

/* Keys that a worker has taken; zeroed at first, freed by lk_changes_set_free. */
struct lk_change_set {
	struct lk_change {
		uint32_t entry; /* ours */
		uint32_t bytes;
		bool gone;		  /* its row was gone at least once while it waited */
		const unsigned char *key; /* in place: valid until the set is given back */
	} * keys;
	size_t count, room;
};
/* Takes up to `most` keys, in the order in which they came and round and round; yields how many. */
size_t lk_changes_take(struct lk_changes *changes, struct lk_change_set *set, size_t most);
/* Their rows are copied and committed: they go, but for those that have changed meanwhile. Empties the set. */
void lk_changes_done(struct lk_changes *changes, struct lk_change_set *set);
/* They could not be: all of them wait again, and the others come first. Empties the set. */
void lk_changes_give_back(struct lk_changes *changes, struct lk_change_set *set);
void lk_change_set_free(struct lk_change_set *set);

/* The oldest mark of a key that waits or is taken; LK_CHANGES_NONE. */
uint64_t lk_changes_oldest(struct lk_changes *changes);

struct lk_changes_counts {
	int64_t waiting, taken; /* keys now */
	int64_t added,
		coalesced; /* calls since the beginning, and those that met a key that waited already */
	size_t bytes_used, bytes; /* of the room for keys */
};
struct lk_changes_counts lk_changes_count(struct lk_changes *changes);

#endif
