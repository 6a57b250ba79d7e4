/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/lock_tree.h"

#include <string.h>

#include "base/memory.h"

/* While it is built: for each session its parent's index, or -1 for a root, or -2 for "not in the tree". */
struct builder {
	const struct lk_sample *sample;
	int *parent;
	struct lk_lock_tree *tree;
};

static int index_of(const struct lk_sample *sample, int pid)
{
	for (size_t i = 0; i < sample->session_count; i++)
		if (sample->sessions[i].pid == pid)
			return (int)i;
	return -1;
}

static void find_parents(struct builder *b)
{
	for (size_t i = 0; i < b->sample->session_count; i++) {
		const struct lk_sample_session *s = &b->sample->sessions[i];
		b->parent[i] = s->holds_table ? -1 : -2;
		/* A blocker may have gone between two readings, or be a prepared transaction (number 0). */
		for (int k = 0; k < s->blocker_count; k++) {
			int at = index_of(b->sample, s->blockers[k]);
			if (at < 0 || at == (int)i)
				continue;
			b->parent[i] = at;
			break;
		}
		if (s->blocker_count > 0 && b->parent[i] == -2)
			b->parent[i] = -1;
	}
	for (size_t i = 0; i < b->sample->session_count; i++)
		if (b->parent[i] >= 0 && b->parent[b->parent[i]] == -2)
			b->parent[b->parent[i]] = -1;
}

/* Walking up from a node for longer than there are nodes means a cycle; its smallest process is its root. */
static void cut_cycles(struct builder *b)
{
	int count = (int)b->sample->session_count;
	for (int i = 0; i < count; i++) {
		int at = i, steps = 0;
		while (at >= 0 && steps++ <= count)
			at = b->parent[at];
		if (at < 0)
			continue;
		int smallest = at, walk = at;
		do {
			if (b->sample->sessions[walk].pid < b->sample->sessions[smallest].pid)
				smallest = walk;
			walk = b->parent[walk];
		} while (walk != at);
		b->parent[smallest] = -1;
	}
}

static int add_node(struct builder *b, int index, int depth, bool behind_us)
{
	const struct lk_sample_session *s = &b->sample->sessions[index];
	size_t place = b->tree->count++;
	int below = 0;
	b->tree->nodes[place] = (struct lk_lock_node){s, depth, 0};
	if (depth > 0 && behind_us && !s->ours) {
		b->tree->we_block++;
		if (s->wait_ms > b->tree->longest_victim_ms)
			b->tree->longest_victim_ms = s->wait_ms;
	}
	if (s->ours && s->blocker_count > 0 && !behind_us)
		b->tree->we_wait++;
	for (size_t i = 0; i < b->sample->session_count; i++)
		if (b->parent[i] == index)
			below += 1 + add_node(b, (int)i, depth + 1, behind_us || s->ours);
	b->tree->nodes[place].waiting_below = below;
	return below;
}

void lk_lock_tree_build(const struct lk_sample *sample, struct lk_lock_tree *tree)
{
	struct builder b = {sample, lk_alloc((sample->session_count + 1) * sizeof(int)), tree};
	memset(tree, 0, sizeof *tree);
	tree->nodes = lk_alloc((sample->session_count + 1) * sizeof *tree->nodes);
	find_parents(&b);
	cut_cycles(&b);
	for (size_t i = 0; i < sample->session_count; i++)
		if (b.parent[i] == -1)
			add_node(&b, (int)i, 0, false);
	free(b.parent);
}

void lk_lock_tree_free(struct lk_lock_tree *tree)
{
	free(tree->nodes);
	memset(tree, 0, sizeof *tree);
}
