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
/* Of what a chunk costs without its rows: what the statements about the rows cost as statements, and the least
 * that the rows get of a chunk's time. */
#define OWN_TRIPS 0.5
#define LEAST_FOR_ROWS 0.5

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

/* The statements that look for the rows and write them are round trips as well, fewer than there are besides. */
static double overhead_ms(const struct lk_chunk *chunk)
{
	return chunk->besides_ms * (1 + OWN_TRIPS);
}

/* The duration that the next chunk is given. */
static double meant_ms(const struct lk_chunk *chunk)
{
	double least = overhead_ms(chunk) * (1 + LEAST_FOR_ROWS);
	return chunk->allowed_ms > least ? chunk->allowed_ms : least;
}

static bool is_near(double value, double expected)
{
	return value > expected / ALARM && value < expected * ALARM;
}

/* The first chunks are small, and what they cost besides their rows makes these look dear: until the size has
 * come near its place, only the last one counts. */
static void learn_cost(struct lk_chunk *chunk, const struct lk_chunk_past *past, double meant)
{
	if (chunk->besides_ms <= 0)
		chunk->besides_ms = past->besides_ms;
	else
		chunk->besides_ms += WEIGHT * (past->besides_ms - chunk->besides_ms);
	double rows_ms = past->took_ms - overhead_ms(chunk), rows = (double)past->rows;
	if (rows_ms < SHORTEST_MEASURED_MS)
		rows_ms = SHORTEST_MEASURED_MS;
	if (is_near(past->took_ms, meant) && is_near(rows_ms, chunk->row_ms * rows))
		chunk->row_ms += WEIGHT * (rows_ms / rows - chunk->row_ms);
	else
		chunk->row_ms = rows_ms / rows;
}

void lk_chunk_learn(struct lk_chunk *chunk, const struct lk_chunk_past *past, double wish_ms)
{
	double meant = meant_ms(chunk), most = (double)past->rows * 2;
	learn_duration(chunk, past->waiters, wish_ms);
	if (past->rows <= 0)
		return;
	learn_cost(chunk, past, meant);
	double fitting = (meant_ms(chunk) - overhead_ms(chunk)) / chunk->row_ms;
	/* Up by at most a factor of two a chunk. */
	chunk->rows = bounded(fitting < most ? fitting : most);
}

void lk_chunk_shrink(struct lk_chunk *chunk)
{
	chunk->rows = bounded((double)chunk->rows / 2);
	chunk->allowed_ms = FIRST_MS < chunk->allowed_ms ? FIRST_MS : chunk->allowed_ms;
	chunk->careful = true;
}
