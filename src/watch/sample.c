/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watch/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const struct lk_watch_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_watch,
	[LK_ENGINE_MYSQL] = &lk_my_watch,
};

static double probe(struct lk_session *session, const char *sql)
{
	struct lk_error ignored;
	int64_t from = lk_clock_us();
	if (!lk_query(session, NULL, &ignored, sql, 0, NULL))
		return -1;
	return (double)(lk_clock_us() - from) / 1000.0;
}

bool lk_watch_sample(struct lk_session *session, const struct lk_watch_scope *scope,
		     struct lk_sample *sample, struct lk_error *error)
{
	memset(sample, 0, sizeof *sample);
	const struct lk_watch_ops *ops = engines[session->driver->engine];
	if (!lk_session_served(session, ops, error) ||
	    !ops->sample(session, scope, sample, error)) {
		lk_sample_free(sample);
		return false;
	}
	sample->probe_ms = scope->probe ? probe(session, scope->probe) : -1;
	sample->taken_us = lk_clock_us();
	return true;
}

void lk_sample_free(struct lk_sample *sample)
{
	free(sample->sessions);
	memset(sample, 0, sizeof *sample);
}

bool lk_watch_quiet(struct lk_session *session, const char *run, struct lk_quiet *quiet,
		    struct lk_error *error)
{
	const struct lk_watch_ops *ops = engines[session->driver->engine];
	return lk_session_served(session, ops, error) && ops->quiet(session, run, quiet, error);
}
