/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/chunk.h"

#define FIRST_MS 10.0

static int64_t bounded(double rows)
{
	if (rows < 1)
		return 1;
	return rows > LK_CHUNK_MOST_ROWS ? LK_CHUNK_MOST_ROWS : (int64_t)rows;
}

void lk_chunk_init(struct lk_chunk *chunk)
{
	chunk->rows = LK_CHUNK_FIRST_ROWS;
	chunk->allowed_ms = FIRST_MS;
}

void lk_chunk_learn(struct lk_chunk *chunk, int64_t rows, double took_ms, int waiters,
		    double wish_ms)
{
	if (waiters > 0)
		chunk->allowed_ms /= 2;
	else
		chunk->allowed_ms *= 1.15;
	if (chunk->allowed_ms > wish_ms)
		chunk->allowed_ms = wish_ms;
	if (chunk->allowed_ms < LK_CHUNK_SHORTEST_MS)
		chunk->allowed_ms = LK_CHUNK_SHORTEST_MS < wish_ms ? LK_CHUNK_SHORTEST_MS : wish_ms;
	if (rows <= 0)
		return;
	double floor_ms = 0.05;
	double fitting =
		(double)rows * chunk->allowed_ms / (took_ms > floor_ms ? took_ms : floor_ms);
	double most = (double)rows * 2;
	/* Up by at most a factor of two a chunk; down at once. */
	chunk->rows = bounded(fitting < most ? fitting : most);
}

void lk_chunk_shrink(struct lk_chunk *chunk)
{
	chunk->rows = bounded((double)chunk->rows / 2);
	chunk->allowed_ms = FIRST_MS < chunk->allowed_ms ? FIRST_MS : chunk->allowed_ms;
}
