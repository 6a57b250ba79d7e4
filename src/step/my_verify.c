/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs verify and gate in this engine's words. */
#include "base/memory.h"
#include "step/my_step.h"
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

static const struct lk_verify_ops ops = {
	.snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
		    " START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
	.read_only = "START TRANSACTION READ ONLY",
	.lock = "shared metadata lock: reads only, holds up only changes of the definition",
	.sample = sample,
};

static enum lk_outcome verify_forward(struct lk_step_run *run, struct lk_error *error)
{
	return lk_verify_forward(run, &ops, error);
}

static bool verify_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			    struct lk_step_text *text, struct lk_error *error)
{
	(void)session;
	(void)error;
	lk_verify_describe(plan, number, &ops, text);
	return true;
}

const struct lk_verb_ops lk_my_verb_verify = {
	.forward = verify_forward,
	.backward = lk_verify_backward,
	.describe = verify_describe,
};

static enum lk_outcome gate_forward(struct lk_step_run *run, struct lk_error *error)
{
	return lk_gate_forward(run, &ops, error);
}

static bool gate_describe(struct lk_session *session, const struct lk_plan *plan, size_t number,
			  struct lk_step_text *text, struct lk_error *error)
{
	(void)session;
	(void)error;
	lk_gate_describe(plan, number, text);
	return true;
}

const struct lk_verb_ops lk_my_verb_gate = {
	.forward = gate_forward,
	.backward = lk_verify_backward,
	.describe = gate_describe,
};
