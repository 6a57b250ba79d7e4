/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who waits for whom, as a forest to be drawn from top to bottom: those nobody blocks first, below each the
 * sessions that wait for it. A session that waits for several stands under the first of them; a cycle (a
 * deadlock not yet resolved) is cut at its smallest process number. Pure.
 */
#ifndef LK_WATCH_LOCK_TREE_H
#define LK_WATCH_LOCK_TREE_H

#include "watch/sample.h"

struct lk_lock_node {
	const struct lk_sample_session *session; /* points into the sample */
	int depth;
	int waiting_below; /* sessions behind this one, at any depth */
};

struct lk_lock_tree {
	struct lk_lock_node *nodes;
	size_t count;
	int we_block; /* sessions that are not ours and wait, at any depth, behind one of ours */
	int we_wait;  /* sessions of ours that wait for others */
	double longest_victim_ms; /* wait of the one of we_block that waits longest */
};

/* Sessions that hold one of the plan's tables in an old transaction appear too, though nobody waits yet. */
void lk_lock_tree_build(const struct lk_sample *sample, struct lk_lock_tree *tree);
void lk_lock_tree_free(struct lk_lock_tree *tree);

#endif
