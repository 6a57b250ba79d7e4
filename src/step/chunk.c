/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/chunk.h"

#define FIRST_MS 10.0
/* From the first duration to the default target within ten chunks, and back to it after somebody waited. */
#define GROWTH_AT_FIRST 1.35
#define GROWTH 1.15
/* Of a new figure in the average. */
#define WEIGHT 0.15
/* A chunk that took so many times what it may is believed at once. */
#define ALARM 2.0
#define SHORTEST_MEASURED_MS 0.05

static int64_t bounded(double rows)
{
	if (rows < 1)
		return 1;
	return rows > LK_CHUNK_MOST_ROWS ? LK_CHUNK_MOST_ROWS : (int64_t)rows;
}

void lk_chunk_init(struct lk_chunk *chunk)
{
	*chunk = (struct lk_chunk){.rows = LK_CHUNK_FIRST_ROWS, .allowed_ms = FIRST_MS};
}

static void learn_duration(struct lk_chunk *chunk, int waiters, double wish_ms)
{
	if (waiters > 0) {
		chunk->careful = true;
		chunk->allowed_ms /= 2;
	} else {
		chunk->allowed_ms *= chunk->careful ? GROWTH : GROWTH_AT_FIRST;
	}
	if (chunk->allowed_ms > wish_ms)
		chunk->allowed_ms = wish_ms;
	if (chunk->allowed_ms < LK_CHUNK_SHORTEST_MS)
		chunk->allowed_ms = LK_CHUNK_SHORTEST_MS < wish_ms ? LK_CHUNK_SHORTEST_MS : wish_ms;
}

/* The first chunks are small, and what they cost besides their rows makes these look dear: until the size has
 * come near its place, only the last one counts. */
static void learn_cost(struct lk_chunk *chunk, int64_t rows, double took_ms, bool settled)
{
	double now =
		(took_ms > SHORTEST_MEASURED_MS ? took_ms : SHORTEST_MEASURED_MS) / (double)rows;
	if (chunk->row_ms <= 0 || !settled)
		chunk->row_ms = now;
	else
		chunk->row_ms += WEIGHT * (now - chunk->row_ms);
}

void lk_chunk_learn(struct lk_chunk *chunk, int64_t rows, double took_ms, int waiters,
		    double wish_ms)
{
	double meant_ms = chunk->allowed_ms;
	learn_duration(chunk, waiters, wish_ms);
	if (rows <= 0)
		return;
	learn_cost(chunk, rows, took_ms, took_ms > meant_ms / ALARM && took_ms < meant_ms * ALARM);
	double fitting = chunk->allowed_ms / chunk->row_ms;
	double most = (double)rows * 2;
	/* Up by at most a factor of two a chunk. */
	chunk->rows = bounded(fitting < most ? fitting : most);
}

void lk_chunk_shrink(struct lk_chunk *chunk)
{
	chunk->rows = bounded((double)chunk->rows / 2);
	chunk->allowed_ms = FIRST_MS < chunk->allowed_ms ? FIRST_MS : chunk->allowed_ms;
	chunk->careful = true;
}
