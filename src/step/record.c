/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/record.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

#define LOCK_WAIT_MS 100

bool lk_step_intend(struct lk_step_run *run, struct lk_error *error)
{
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_journal_set_step(run->session, run->run, run->number, "running", NULL, error) &&
	    lk_commit(run->session, error))
		return true;
	lk_rollback(run->session);
	return false;
}

bool lk_step_record(struct lk_step_run *run, const char *state, struct lk_error *error)
{
	return lk_journal_set_step(run->session, run->run, run->number, state, run->note, error);
}

enum lk_outcome lk_step_only_record(struct lk_step_run *run, const char *state,
				    struct lk_error *error)
{
	if (lk_begin(run->session, error) &&
	    lk_journal_fence(run->session, run->run, run->epoch, error) &&
	    lk_step_record(run, state, error) && lk_commit(run->session, error))
		return LK_OUTCOME_DONE;
	lk_rollback(run->session);
	return lk_step_outcome(run, error);
}

bool lk_step_look_up(struct lk_step_run *run, struct lk_journal_step *step, struct lk_error *error)
{
	struct lk_journal_step *steps = lk_alloc(run->plan->step_count * sizeof *steps);
	bool read = lk_journal_steps(run->session, run->run, run->plan->step_count, steps, error);
	if (read)
		*step = steps[run->number];
	free(steps);
	return read;
}

bool lk_step_has_cleanup(struct lk_step_run *run, bool *has, struct lk_error *error)
{
	struct lk_result r;
	char number[16];
	snprintf(number, sizeof number, "%d", run->number);
	if (!LK_QUERY(run->session, &r, error,
		      "SELECT 1 FROM lockkeeper.cleanup WHERE run = $1 AND step = $2", run->run,
		      number))
		return false;
	*has = r.rows > 0;
	lk_result_free(&r);
	return true;
}

void lk_step_say(struct lk_step_run *run, const char *format, ...)
{
	char text[400];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (run->say)
		run->say(run->context, text);
}

int64_t lk_step_lock_wait_ms(const struct lk_step_run *run)
{
	return run->plan->limits.lock_wait_ms > 0 ? run->plan->limits.lock_wait_ms : LOCK_WAIT_MS;
}

void lk_step_age_text(int64_t seconds, char *text, size_t size)
{
	if (seconds < 120)
		snprintf(text, size, "%lld s", (long long)seconds);
	else if (seconds < 7200)
		snprintf(text, size, "%lld min", (long long)seconds / 60);
	else
		snprintf(text, size, "%lld h", (long long)seconds / 3600);
}

void lk_step_describe_undo(const struct lk_step *step, struct lk_step_text *text)
{
	if (step->undo)
		LK_COPY(text->undo, step->undo);
	else
		LK_COPY(text->undo, lk_step_irreversible(step)
					    ? "none: what it destroys cannot be brought back"
					    : "none of its own");
}
