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

extern const struct lk_verify_ops lk_pg_verify, lk_my_verify;

extern const struct lk_verb_ops lk_verb_verify, lk_verb_gate;

#endif
