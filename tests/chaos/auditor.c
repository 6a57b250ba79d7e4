/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/auditor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tests/chaos/session.h"

/* Between looks, and at least so many times what the last one took: a slow server is not busy with us. */
enum { GAP_MS = 40, MOST_GAP_MS = 400, PEACE = 2, MOVES = 4096, LOOKS = 4 };

struct lk_chaos_auditor {
	const struct lk_chaos_world *world;
	atomic_bool stop;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards everything below */
	struct lk_chaos_audit audit;
	int64_t moves[MOVES]; /* when the run was seen to have moved */
	int count;
	char signature[200]; /* of the last look */
};

/* Behind the cursor every row is filled: the claim of "exactly once". */
static bool rows_agree(const struct lk_chaos_engine *engine, struct lk_link *link, char *text,
		       size_t size)
{
	struct lk_error error;
	struct lk_result r;
	if (!lk_link_query(link, engine->behind, &r, &error))
		return true;
	bool agree = lk_cell_int(&r, 0, 0) == 0;
	if (!agree)
		snprintf(text, size, "%s rows behind the cursor %s differ, the first is %s",
			 lk_cell_text(&r, 0, 0), lk_cell_text(&r, 0, 2), lk_cell_text(&r, 0, 1));
	lk_result_free(&r);
	return agree;
}

/* *looked says whether there was anything to compare; the signature changes whenever the run moves. */
static bool look(const struct lk_chaos_engine *engine, struct lk_link *link, bool *looked,
		 char signature[200], char text[400])
{
	struct lk_error error;
	struct lk_result r = {0};
	bool agree = true, both = false;
	*looked = link && lk_link_query(link, engine->look, &r, &error) && r.rows == 1;
	if (*looked) {
		agree = !lk_cell(&r, 0, 0);
		lk_copy_text(text, 400, lk_cell_text(&r, 0, 0));
		lk_copy_text(signature, 200, lk_cell_text(&r, 0, 1));
		both = (lk_cell_bool(&r, 0, 3) || lk_cell_int(&r, 0, 3) == 1) && lk_cell(&r, 0, 2);
	}
	lk_result_free(&r);
	return agree && (!both || rows_agree(engine, link, text, 400));
}

/* Where journal and catalog are not read at one moment, what disagrees counts when it stays. */
static bool look_until_sure(const struct lk_chaos_engine *engine, struct lk_link *link,
			    bool *looked, char signature[200], char text[400])
{
	bool agree = look(engine, link, looked, signature, text);
	for (int i = 1; i < LOOKS && !agree && !engine->one_snapshot; i++) {
		char again[200] = "", later[400] = "";
		lk_sleep_ms(GAP_MS / 2);
		agree = look(engine, link, looked, again, later) || !*looked ||
			strcmp(again, signature) != 0 || strcmp(text, later) != 0;
	}
	return agree;
}

bool lk_chaos_audit_once(const struct lk_chaos_world *world, char text[400])
{
	bool looked;
	char signature[200] = "";
	struct lk_link *link = lk_chaos_connect(world);
	bool agree = look_until_sure(world->engine, link, &looked, signature, text);
	lk_link_close(link);
	return agree;
}

static void keep(struct lk_chaos_auditor *a, bool agree, const char *signature, const char *text)
{
	pthread_mutex_lock(&a->mutex);
	a->audit.looks++;
	a->audit.disagreements += !agree;
	if (!agree && !a->audit.first[0])
		snprintf(a->audit.first, sizeof a->audit.first, "%.190s (%.190s)", text, signature);
	if (strcmp(a->signature, signature) != 0) {
		LK_COPY(a->signature, signature);
		a->moves[a->count % MOVES] = lk_clock_us();
		a->count++;
	}
	pthread_mutex_unlock(&a->mutex);
}

static int64_t peace_ms(int64_t took_us)
{
	int64_t wished = took_us * PEACE / 1000;
	if (wished < GAP_MS)
		return GAP_MS;
	return wished > MOST_GAP_MS ? MOST_GAP_MS : wished;
}

static void *audit(void *argument)
{
	struct lk_chaos_auditor *a = argument;
	struct lk_link *link = lk_chaos_connect(a->world);
	while (!atomic_load(&a->stop)) {
		char text[400] = "", signature[200] = "";
		bool looked = false;
		int64_t begun = lk_clock_us();
		lk_chaos_reconnect(a->world, &link);
		bool agree = look_until_sure(a->world->engine, link, &looked, signature, text);
		if (looked)
			keep(a, agree, signature, text);
		lk_sleep_ms(peace_ms(lk_clock_us() - begun));
	}
	lk_link_close(link);
	return NULL;
}

struct lk_chaos_auditor *lk_chaos_auditor_start(const struct lk_chaos_world *world)
{
	struct lk_chaos_auditor *a = lk_alloc(sizeof *a);
	a->world = world;
	pthread_mutex_init(&a->mutex, NULL);
	if (pthread_create(&a->thread, NULL, audit, a) != 0)
		abort();
	return a;
}

void lk_chaos_auditor_stop(struct lk_chaos_auditor *a, struct lk_chaos_audit *result)
{
	atomic_store(&a->stop, true);
	pthread_join(a->thread, NULL);
	*result = a->audit;
	pthread_mutex_destroy(&a->mutex);
	free(a);
}

int64_t lk_chaos_auditor_moved_after(struct lk_chaos_auditor *a, int64_t since)
{
	int64_t found = 0;
	pthread_mutex_lock(&a->mutex);
	for (int i = a->count - 1; i >= 0 && i >= a->count - MOVES; i--) {
		if (a->moves[i % MOVES] <= since)
			break;
		found = a->moves[i % MOVES];
	}
	pthread_mutex_unlock(&a->mutex);
	return found;
}
