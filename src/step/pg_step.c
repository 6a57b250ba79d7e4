/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_step.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

#define LOCK_WAIT_MS 100

bool lk_pg_step_intend(struct lk_step_run *run, struct lk_error *error)
{
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_set_step(run->session, run->run, run->number, "running", NULL, error) &&
	    lk_commit(run->session, error))
		return true;
	lk_rollback(run->session);
	return false;
}

bool lk_pg_step_record(struct lk_step_run *run, const char *state, struct lk_error *error)
{
	return lk_journal_set_step(run->session, run->run, run->number, state, run->note, error);
}

enum lk_outcome lk_pg_step_only_record(struct lk_step_run *run, const char *state,
				       struct lk_error *error)
{
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_pg_step_record(run, state, error) && lk_commit(run->session, error))
		return LK_OUTCOME_DONE;
	lk_rollback(run->session);
	return lk_step_outcome(run, error);
}

void lk_pg_say(struct lk_step_run *run, const char *format, ...)
{
	char text[400];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (run->say)
		run->say(run->context, text);
}

int64_t lk_pg_lock_wait_ms(const struct lk_step_run *run)
{
	return run->plan->limits.lock_wait_ms > 0 ? run->plan->limits.lock_wait_ms : LOCK_WAIT_MS;
}

const struct lk_step_ops lk_pg_steps = {
	.verbs =
		{
			[LK_VERB_GATE] = &lk_pg_verb_gate,
			[LK_VERB_DDL] = &lk_pg_verb_ddl,
			[LK_VERB_DUAL_WRITE] = &lk_pg_verb_dual_write,
			[LK_VERB_BACKFILL] = &lk_pg_verb_backfill,
			[LK_VERB_VERIFY] = &lk_pg_verb_verify,
			[LK_VERB_END_DUAL_WRITE] = &lk_pg_verb_end_dual_write,
			[LK_VERB_SQL] = &lk_pg_verb_sql,
			[LK_VERB_SWAP_COLUMNS] = &lk_pg_verb_swap_columns,
		},
};
