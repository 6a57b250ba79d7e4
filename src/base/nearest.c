/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { LONGEST = 63 };

static int folded(char c)
{
	return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein with swaps of neighbours, in three rows. */
size_t lk_word_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1];
	size_t la = strlen(a), lb = strlen(b);
	if (la > LONGEST || lb > LONGEST)
		return LONGEST + 1;
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	for (size_t j = 0; j <= lb; j++)
		above[j] = j;
	for (size_t i = 1; i <= la; i++) {
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			bool same = folded(a[i - 1]) == folded(b[j - 1]);
			row[j] = least(above[j - 1] + !same, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
			    folded(a[i - 2]) == folded(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[lb];
}

const char *lk_nearest_word(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	size_t limit = strlen(word) / 3, best = limit + 1;
	if (limit == 0)
		best = 2; /* a word of one or two letters: one mistake */
	for (; *words; words++) {
		size_t distance = lk_word_distance(word, *words);
		if (distance < best && distance < strlen(*words)) {
			best = distance;
			nearest = *words;
		}
	}
	return nearest;
}
