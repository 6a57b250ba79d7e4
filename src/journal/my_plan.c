/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/my_plan.h"

#include <stdio.h>

#include "base/memory.h"
#include "journal/my_install.h"
#include "journal/my_text.h"
#include "journal/rows.h"

enum { DUPLICATE_KEY = 1062 };

static bool insert_steps(struct lk_session *session, const char *run, const struct lk_plan *plan,
			 size_t from, struct lk_error *error)
{
	for (size_t i = from; i < plan->step_count; i++) {
		const struct lk_step *step = &plan->steps[i];
		char number[24];
		snprintf(number, sizeof number, "%zu", i);
		if (!LK_RUN(session, error,
			    "INSERT INTO lockkeeper.step (run, number, phase, name, verb, note)"
			    " VALUES ($1, $2, $3, $4, $5, SPACE(0))",
			    run, number, lk_phase_name(step->phase), step->name,
			    lk_verb_name(step->verb)))
			return false;
	}
	return true;
}

/* Two keepers that begin the same plan at once: the unique key makes the second wait for the first's commit. */
static bool refuse_second(struct lk_session *session, const char *plan, const char *run,
			  struct lk_error *error)
{
	struct lk_result r;
	if (error->number != DUPLICATE_KEY ||
	    !LK_QUERY(session, &r, error,
		      "SELECT name FROM lockkeeper.run WHERE unfinished_plan = $1 AND name <> $2",
		      plan, run))
		return false;
	lk_fail(error, LK_ERROR_REFUSED, "plan %s has an unfinished run already, %s: attach to it",
		plan, r.rows ? lk_cell_text(&r, 0, 0) : "of the same name");
	lk_result_free(&r);
	return false;
}

static bool insert_run(struct lk_session *session, const char *run, const struct lk_plan *plan,
		       struct lk_error *error)
{
	char digest[65], *document = lk_journal_document(plan);
	lk_plan_digest(plan, digest);
	bool written =
		LK_RUN(session, error,
		       "INSERT INTO lockkeeper.run (name, plan, digest, document, state, reason,"
		       " created_at, changed_at) VALUES ($1, $2, $3, $4, 'running', SPACE(0),"
		       " UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
		       run, plan->name, digest, document);
	free(document);
	return written || refuse_second(session, plan->name, run, error);
}

bool lk_my_journal_create(struct lk_session *session, const char *run, const struct lk_plan *plan,
			  const struct lk_journal_holder *holder, struct lk_error *error)
{
	char pid[16];
	snprintf(pid, sizeof pid, "%d", holder->pid);
	/* The lock is for the database: it must not be dropped between two of the statements. */
	bool made = lk_my_journal_lock(session, error) && lk_begin(session, error) &&
		    insert_run(session, run, plan, error) &&
		    LK_RUN(session, error,
			   "INSERT INTO lockkeeper.epoch (run, epoch) VALUES ($1, 1)", run) &&
		    LK_RUN(session, error,
			   "INSERT INTO lockkeeper.heartbeat (run, epoch, at, who, host, pid)"
			   " VALUES ($1, 1, UTC_TIMESTAMP(6), $2, $3, $4)",
			   run, holder->who, holder->host, pid) &&
		    insert_steps(session, run, plan, 0, error) && lk_commit(session, error);
	if (!made)
		lk_rollback(session);
	lk_my_journal_unlock(session);
	return made || lk_my_journal_name_grant(session, error);
}

/* What of the run's steps from `from` on is in a table; `column` is the step's number there. */
static bool delete_from(struct lk_session *session, const char *const table_column[2],
			const char *run, size_t from, struct lk_error *error)
{
	char *sql = lk_format("DELETE FROM lockkeeper.%s WHERE run = $1 AND %s >= %zu",
			      table_column[0], table_column[1], from);
	bool deleted = LK_RUN(session, error, sql, run);
	free(sql);
	return deleted;
}

bool lk_my_journal_replace(struct lk_session *session, const char *run, const struct lk_plan *plan,
			   size_t from, struct lk_error *error)
{
	static const char *const tables[][2] = {
		{"reject", "step"}, {"part", "step"}, {"cursor", "step"}, {"step", "number"}};
	char digest[65], *document = lk_journal_document(plan);
	lk_plan_digest(plan, digest);
	bool replaced =
		LK_RUN(session, error,
		       "UPDATE lockkeeper.run SET plan = $2, digest = $3, document = $4,"
		       " wanted = 'running', reason = SPACE(0), changed_at = UTC_TIMESTAMP(6)"
		       " WHERE name = $1",
		       run, plan->name, digest, document) ||
		refuse_second(session, plan->name, run, error);
	free(document);
	for (size_t i = 0; replaced && i < LK_COUNT(tables); i++)
		replaced = delete_from(session, tables[i], run, from, error);
	return replaced && insert_steps(session, run, plan, from, error);
}
