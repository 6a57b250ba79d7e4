/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the verbs verify and gate need of this engine. */
#include "base/memory.h"
#include "step/verify.h"

enum { DUPLICATE_COLUMN = 1060 };

/* The columns of a derived table need names of their own, which those of a query need not have. */
static bool sample_as_written(struct lk_session *session, const char *sql, int most,
			      struct lk_result *result, struct lk_error *error)
{
	struct lk_error ignored;
	char *limit = lk_format("SET SESSION sql_select_limit = %d", most);
	bool read =
		lk_execute(session, limit, error) && lk_query(session, result, error, sql, 0, NULL);
	free(limit);
	lk_session_insist(session, true);
	lk_execute(session, "SET SESSION sql_select_limit = DEFAULT", &ignored);
	lk_session_insist(session, false);
	return read;
}

static bool sample(struct lk_session *session, const char *sql, int most, struct lk_result *result,
		   struct lk_error *error)
{
	char *limited = lk_format("SELECT * FROM (%s\n) AS lockkeeper_check LIMIT %d", sql, most);
	bool read = lk_query(session, result, error, limited, 0, NULL);
	free(limited);
	return read || (error->number == DUPLICATE_COLUMN &&
			sample_as_written(session, sql, most, result, error));
}

const struct lk_verify_ops lk_my_verify = {
	.snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
		    " START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
	.read_only = "START TRANSACTION READ ONLY",
	.lock = "shared metadata lock: reads only, holds up only changes of the definition",
	.sample = sample,
};
