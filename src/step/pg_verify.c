/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs verify and gate in this engine's words. */
#include "base/memory.h"
#include "step/pg_step.h"
#include "step/verify.h"

static bool sample(struct lk_session *session, const char *sql, int most, struct lk_result *result,
		   struct lk_error *error)
{
	char *limited = lk_format("SELECT * FROM (%s\n) AS lockkeeper_check LIMIT %d", sql, most);
	bool read = lk_query(session, result, error, limited, 0, NULL);
	free(limited);
	return read;
}

static const struct lk_verify_ops ops = {
	.snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	.read_only = "BEGIN READ ONLY",
	.lock = "ACCESS SHARE: reads only, holds up nobody",
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

const struct lk_verb_ops lk_pg_verb_verify = {
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

const struct lk_verb_ops lk_pg_verb_gate = {
	.forward = gate_forward,
	.backward = lk_verify_backward,
	.describe = gate_describe,
};
