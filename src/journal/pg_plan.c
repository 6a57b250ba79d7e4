/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/pg_plan.h"

#include <stdio.h>

#include "base/memory.h"
#include "journal/rows.h"

static bool insert_steps(struct lk_session *session, const char *run, const struct lk_plan *plan,
			 size_t from, struct lk_error *error)
{
	for (size_t i = from; i < plan->step_count; i++) {
		const struct lk_step *step = &plan->steps[i];
		char number[24];
		snprintf(number, sizeof number, "%zu", i);
		if (!LK_RUN(session, error,
			    "INSERT INTO lockkeeper.step (run, number, phase, name, verb)"
			    " VALUES ($1, $2::int, $3, $4, $5)",
			    run, number, lk_phase_name(step->phase), step->name,
			    lk_verb_name(step->verb)))
			return false;
	}
	return true;
}

/* Two keepers that begin the same plan at once: the second waits here, and is then refused. */
static bool no_other_run(struct lk_session *session, const char *plan, const char *run,
			 struct lk_error *error)
{
	struct lk_result r;
	if (!LK_RUN(session, error,
		    "SELECT pg_advisory_xact_lock(hashtext('lockkeeper.create'), hashtext($1))",
		    plan) ||
	    !LK_QUERY(
		    session, &r, error,
		    "SELECT name FROM lockkeeper.run WHERE plan = $1 AND state NOT IN ('done', 'undone')"
		    " AND name <> $2",
		    plan, run))
		return false;
	char name[64];
	LK_COPY(name, r.rows ? lk_cell_text(&r, 0, 0) : "");
	lk_result_free(&r);
	return !name[0] ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "plan %s has an unfinished run already, %s: attach to it", plan, name);
}

bool lk_pg_journal_create(struct lk_session *session, const char *run, const struct lk_plan *plan,
			  const struct lk_journal_holder *holder, struct lk_error *error)
{
	char digest[65], pid[16], *document = lk_journal_document(plan);
	lk_plan_digest(plan, digest);
	snprintf(pid, sizeof pid, "%d", holder->pid);
	bool made = lk_begin(session, error) && no_other_run(session, plan->name, run, error) &&
		    LK_RUN(session, error,
			   "INSERT INTO lockkeeper.run (name, plan, digest, document, state)"
			   " VALUES ($1, $2, $3, $4::jsonb, 'running')",
			   run, plan->name, digest, document) &&
		    LK_RUN(session, error, "INSERT INTO lockkeeper.epoch VALUES ($1, 1)", run) &&
		    LK_RUN(session, error,
			   "INSERT INTO lockkeeper.heartbeat (run, epoch, who, host, pid)"
			   " VALUES ($1, 1, $2, $3, $4::int)",
			   run, holder->who, holder->host, pid) &&
		    insert_steps(session, run, plan, 0, error) && lk_commit(session, error);
	free(document);
	if (!made)
		lk_rollback(session);
	return made;
}

bool lk_pg_journal_replace(struct lk_session *session, const char *run, const struct lk_plan *plan,
			   size_t from, struct lk_error *error)
{
	char digest[65], number[24], *document = lk_journal_document(plan);
	lk_plan_digest(plan, digest);
	snprintf(number, sizeof number, "%zu", from);
	bool replaced =
		no_other_run(session, plan->name, run, error) &&
		LK_RUN(session, error,
		       "UPDATE lockkeeper.run SET plan = $2, digest = $3, document = $4::jsonb,"
		       " wanted = 'running', reason = '', changed_at = now() WHERE name = $1",
		       run, plan->name, digest, document) &&
		LK_RUN(session, error,
		       "DELETE FROM lockkeeper.step WHERE run = $1 AND number >= $2::int", run,
		       number) &&
		LK_RUN(session, error,
		       "DELETE FROM lockkeeper.cursor WHERE run = $1 AND step >= $2::int", run,
		       number) &&
		insert_steps(session, run, plan, from, error);
	free(document);
	return replaced;
}
