/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs verify and gate: questions to the database (a gate's question to people is the run's business). */
#ifndef LK_STEP_VERIFY_H
#define LK_STEP_VERIFY_H

#include "step/step.h"

/* What differs between engines. */
struct lk_verify_ops {
	const char
		*snapshot; /* begins a transaction that reads from one snapshot, and only reads */
	const char *read_only; /* begins one that only reads */
	const char *lock;      /* what reading locks, in words */
	/* At most `most` rows that the SQL returns. *result is the caller's. */
	bool (*sample)(struct lk_session *session, const char *sql, int most,
		       struct lk_result *result, struct lk_error *error);
};

enum lk_outcome lk_verify_forward(struct lk_step_run *run, const struct lk_verify_ops *ops,
				  struct lk_error *error);
void lk_verify_describe(const struct lk_plan *plan, size_t number, const struct lk_verify_ops *ops,
			struct lk_step_text *text);
/* A gate that asks people comes here only once they have answered. */
enum lk_outcome lk_gate_forward(struct lk_step_run *run, const struct lk_verify_ops *ops,
				struct lk_error *error);
void lk_gate_describe(const struct lk_plan *plan, size_t number, struct lk_step_text *text);
/* Of either. */
enum lk_outcome lk_verify_backward(struct lk_step_run *run, struct lk_error *error);

#endif
