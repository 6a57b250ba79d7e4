/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many rows the next chunk takes. Two things are followed: the wished duration, and whether anybody waited
 * for our row locks when the chunk ended. For the first, what a row costs is averaged over the last chunks, so
 * that one odd chunk does not throw the next ones about; but a chunk that took twice its time counts at once.
 * The second halves the duration at once, down to a floor, and lets it grow back slowly; at the beginning, when
 * nobody has waited yet, it grows faster.
 *
 * A chunk costs something besides its rows: half a dozen round trips and a commit. Fewer rows do not make that
 * shorter, so where it alone exceeds the wish (a far or a slow server) the rows still get half as much time again;
 * a size of one row, chunk after chunk, would be the end of the walk and spare nobody anything.
 */
#ifndef LK_STEP_CHUNK_H
#define LK_STEP_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#define LK_CHUNK_FIRST_ROWS 500
#define LK_CHUNK_MOST_ROWS 50000
#define LK_CHUNK_SHORTEST_MS 8.0

struct lk_chunk {
	int64_t rows;	   /* of the next chunk */
	double allowed_ms; /* duration allowed by those who waited; at most the wish */
	double row_ms;	   /* what a row costs, averaged; 0: not known yet */
	double besides_ms; /* what a chunk costs without its rows, averaged */
	bool careful;	   /* somebody has waited, or a chunk failed */
};

/* A chunk that is over. */
struct lk_chunk_past {
	int64_t rows;
	double took_ms;
	double besides_ms; /* of it, outside of the statements that look for the rows and write them */
	int waiters;	   /* sessions behind our locks */
};

void lk_chunk_init(struct lk_chunk *chunk);
void lk_chunk_learn(struct lk_chunk *chunk, const struct lk_chunk_past *past, double wish_ms);
/* After a cancelled or failed chunk: begin smaller. */
void lk_chunk_shrink(struct lk_chunk *chunk);

#endif
