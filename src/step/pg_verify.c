/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the verbs verify and gate need of this engine. */
#include "base/memory.h"
#include "step/verify.h"

static bool sample(struct lk_session *session, const char *sql, int most, struct lk_result *result,
		   struct lk_error *error)
{
	char *limited = lk_format("SELECT * FROM (%s\n) AS lockkeeper_check LIMIT %d", sql, most);
	bool read = lk_query(session, result, error, limited, 0, NULL);
	free(limited);
	return read;
}

const struct lk_verify_ops lk_pg_verify = {
	.snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	.read_only = "BEGIN READ ONLY",
	.lock = "ACCESS SHARE: reads only, holds up nobody",
	.sample = sample,
};
