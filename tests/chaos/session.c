/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

struct lk_link *lk_chaos_connect(const struct lk_chaos_world *world)
{
	struct lk_error error;
	char *uri = world->engine->uri(world->servers);
	struct lk_link *link = lk_link_open(uri, "chaos", &error);
	free(uri);
	return link;
}

bool lk_chaos_connected(const struct lk_link *link)
{
	return link && lk_link_is_up(link);
}

void lk_chaos_reconnect(const struct lk_chaos_world *world, struct lk_link **link)
{
	if (lk_chaos_connected(*link))
		return;
	lk_link_close(*link);
	*link = lk_chaos_connect(world);
}

static char *first(struct lk_link *link, const char *sql)
{
	struct lk_error error;
	struct lk_result r;
	if (!link || !lk_link_query(link, sql, &r, &error))
		return NULL;
	char *value = r.rows && lk_cell(&r, 0, 0) ? lk_strdup(lk_cell(&r, 0, 0)) : NULL;
	lk_result_free(&r);
	return value;
}

bool lk_chaos_first(struct lk_link *link, const char *sql, char *value, size_t size)
{
	char *found = first(link, sql);
	lk_copy_text(value, size, found ? found : "");
	free(found);
	return found != NULL;
}

char *lk_chaos_text(const struct lk_chaos_world *world, const char *sql)
{
	struct lk_link *link = lk_chaos_connect(world);
	char *value = first(link, sql);
	lk_link_close(link);
	return value;
}

bool lk_chaos_ask(const struct lk_chaos_world *world, const char *sql, char *value, size_t size)
{
	char *found = lk_chaos_text(world, sql);
	lk_copy_text(value, size, found ? found : "");
	free(found);
	return found != NULL;
}

static bool yes(struct lk_link *link, const char *sql, bool *answered)
{
	char value[8];
	*answered = lk_chaos_first(link, sql, value, sizeof value);
	return value[0] == 't' || value[0] == '1';
}

bool lk_chaos_wait(const struct lk_chaos_world *world, const char *sql, int seconds)
{
	int64_t until = lk_clock_us() + seconds * 1000000LL;
	bool is_so = false, answered;
	while (!is_so && lk_clock_us() < until) {
		struct lk_link *link = lk_chaos_connect(world);
		do {
			is_so = yes(link, sql, &answered);
			if (!is_so)
				lk_sleep_ms(10);
		} while (answered && !is_so && lk_clock_us() < until);
		lk_link_close(link);
	}
	return is_so;
}

void lk_chaos_must(const struct lk_chaos_world *world, const char *sql)
{
	struct lk_error error = {0};
	struct lk_link *link = lk_chaos_connect(world);
	if (!link || !lk_link_execute(link, sql, &error)) {
		fprintf(stderr, "chaos: %.200s: %s\n", sql, link ? error.text : "no connection");
		exit(1);
	}
	lk_link_close(link);
}
