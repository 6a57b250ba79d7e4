/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal's calls, handed to the engine that the session belongs to. */
#include "journal/journal.h"

#include <stdlib.h>
#include <string.h>

#include "journal/rows.h"

static const struct lk_journal_ops *const engines[LK_ENGINES] = {
	[LK_ENGINE_POSTGRES] = &lk_pg_journal,
	[LK_ENGINE_MYSQL] = &lk_my_journal,
};

static const struct lk_journal_ops *ops(const struct lk_session *session)
{
	return engines[session->driver->engine];
}

static bool served(const struct lk_session *session, struct lk_error *error)
{
	return lk_session_served(session, ops(session), error);
}

bool lk_journal_installed(struct lk_session *session, bool *installed, struct lk_error *error)
{
	return served(session, error) && ops(session)->installed(session, installed, error);
}

bool lk_journal_install(struct lk_session *session, struct lk_error *error)
{
	return served(session, error) && ops(session)->install(session, error);
}

bool lk_journal_create(struct lk_session *session, const char *run, const struct lk_plan *plan,
		       const struct lk_journal_holder *holder, struct lk_error *error)
{
	return served(session, error) && ops(session)->create(session, run, plan, holder, error);
}

bool lk_journal_find(struct lk_session *session, const char *plan_name, bool *found,
		     struct lk_journal_run *run, struct lk_error *error)
{
	return served(session, error) && ops(session)->find(session, plan_name, found, run, error);
}

bool lk_journal_get(struct lk_session *session, const char *name, struct lk_journal_run *run,
		    struct lk_error *error)
{
	return served(session, error) && ops(session)->get(session, name, run, error);
}

bool lk_journal_list(struct lk_session *session, struct lk_journal_run **runs, size_t *count,
		     struct lk_error *error)
{
	return served(session, error) && ops(session)->list(session, runs, count, error);
}

bool lk_journal_load(struct lk_session *session, const char *run, struct lk_plan *plan,
		     struct lk_error *error)
{
	return served(session, error) &&
	       lk_journal_plan_row(session, "SELECT document FROM lockkeeper.run WHERE name = $1",
				   run, plan, error);
}

bool lk_journal_replace(struct lk_session *session, const char *run, const struct lk_plan *plan,
			size_t from, struct lk_error *error)
{
	return served(session, error) && ops(session)->replace(session, run, plan, from, error);
}

bool lk_journal_steps(struct lk_session *session, const char *run, size_t count,
		      struct lk_journal_step *steps, struct lk_error *error)
{
	return served(session, error) && ops(session)->steps(session, run, count, steps, error);
}

bool lk_journal_hold(struct lk_session *session, const char *run, struct lk_error *error)
{
	return served(session, error) && ops(session)->hold(session, run, error);
}

bool lk_journal_take_over(struct lk_session *session, const char *run,
			  const struct lk_journal_holder *holder, int64_t *epoch,
			  struct lk_error *error)
{
	return served(session, error) &&
	       ops(session)->take_over(session, run, holder, epoch, error);
}

bool lk_journal_fence(struct lk_session *session, const char *run, int64_t epoch,
		      struct lk_error *error)
{
	return served(session, error) && ops(session)->fence(session, run, epoch, error);
}

bool lk_journal_guard(struct lk_session *session, const char *run, int64_t epoch,
		      struct lk_error *error)
{
	return served(session, error) && ops(session)->guard(session, run, epoch, error);
}

void lk_journal_unguard(struct lk_session *session, const char *run)
{
	if (ops(session))
		ops(session)->unguard(session, run);
}

bool lk_journal_set_step(struct lk_session *session, const char *run, int number, const char *state,
			 const char *note, struct lk_error *error)
{
	return served(session, error) &&
	       ops(session)->set_step(session, run, number, state, note, error);
}

bool lk_journal_set_state(struct lk_session *session, const char *run, const char *state,
			  const char *reason, struct lk_error *error)
{
	return served(session, error) &&
	       ops(session)->set_state(session, run, state, reason, error);
}

bool lk_journal_set_wanted(struct lk_session *session, const char *run, const char *wanted,
			   struct lk_error *error)
{
	return served(session, error) && ops(session)->set_wanted(session, run, wanted, error);
}

bool lk_journal_set_backward(struct lk_session *session, const char *run, struct lk_error *error)
{
	return served(session, error) && ops(session)->set_backward(session, run, error);
}

bool lk_journal_heartbeat(struct lk_session *session, const char *run, int64_t epoch,
			  struct lk_error *error)
{
	return served(session, error) && ops(session)->heartbeat(session, run, epoch, error);
}

bool lk_journal_poll(struct lk_session *session, const char *run, const char *digest,
		     char wanted[16], struct lk_journal_approval **approvals, size_t *count,
		     struct lk_error *error)
{
	return served(session, error) &&
	       ops(session)->poll(session, run, digest, wanted, approvals, count, error);
}

bool lk_journal_approve(struct lk_session *session, const char *run, const char *digest,
			const struct lk_journal_approval *approval, struct lk_error *error)
{
	return served(session, error) &&
	       ops(session)->approve(session, run, digest, approval, error);
}

bool lk_journal_event(struct lk_session *session, const char *run, int64_t number, int64_t at,
		      const char *const kind_who_text[3], struct lk_error *error)
{
	return served(session, error) &&
	       ops(session)->event(session, run, number, at, kind_who_text, error);
}

bool lk_journal_cursor(struct lk_session *session, const char *run, int step, size_t count,
		       struct lk_journal_cursor *cursor, struct lk_error *error)
{
	return served(session, error) &&
	       ops(session)->cursor(session, run, step, count, cursor, error);
}

bool lk_journal_set_cursor(struct lk_session *session, const char *run, int step,
			   const struct lk_journal_cursor *cursor, struct lk_error *error)
{
	return served(session, error) &&
	       ops(session)->set_cursor(session, run, step, cursor, error);
}

bool lk_journal_part(struct lk_session *session, const char *run, int step,
		     struct lk_journal_cursor *cursor, struct lk_error *error)
{
	return served(session, error) && ops(session)->part(session, run, step, cursor, error);
}

bool lk_journal_reject(struct lk_session *session, const char *run, int step,
		       const struct lk_journal_reject *reject, struct lk_error *error)
{
	return served(session, error) && ops(session)->reject(session, run, step, reject, error);
}

bool lk_journal_rejects(struct lk_session *session, const char *run, int step, int64_t *count,
			struct lk_error *error)
{
	return served(session, error) && ops(session)->rejects(session, run, step, count, error);
}

bool lk_journal_forget_cursor(struct lk_session *session, const char *run, int step,
			      struct lk_error *error)
{
	return served(session, error) && ops(session)->forget_cursor(session, run, step, error);
}

bool lk_journal_cleanup(struct lk_session *session, const char *run, int step, const char *sql,
			struct lk_error *error)
{
	return served(session, error) && ops(session)->cleanup(session, run, step, sql, error);
}

void lk_journal_cursor_free(struct lk_journal_cursor *cursor)
{
	for (size_t i = 0; cursor->key && i < cursor->count; i++)
		free(cursor->key[i]);
	free(cursor->key);
	memset(cursor, 0, sizeof *cursor);
}

bool lk_journal_cleanup_sql(struct lk_session *session, const char *run, char **sql,
			    struct lk_error *error)
{
	return served(session, error) &&
	       lk_journal_cleanup_rows(session, ops(session)->cleanup_rows_sql, run, sql, error);
}

bool lk_journal_events(struct lk_session *session, const char *run,
		       struct lk_journal_event **events, size_t *count, struct lk_error *error)
{
	return served(session, error) &&
	       lk_journal_event_rows(session, ops(session)->events_sql, run, events, count, error);
}

bool lk_journal_answers(struct lk_session *session, const char *run,
			struct lk_journal_answer **answers, size_t *count, struct lk_error *error)
{
	return served(session, error) && lk_journal_answer_rows(session, ops(session)->answers_sql,
								run, answers, count, error);
}

bool lk_journal_last_refusal(struct lk_session *session, const char *run, char text[400],
			     struct lk_error *error)
{
	return served(session, error) &&
	       lk_journal_text(
		       session,
		       "SELECT text FROM lockkeeper.event WHERE run = $1 AND kind = 'refused'"
		       " ORDER BY number DESC LIMIT 1",
		       run, text, 400, error);
}

bool lk_journal_account(struct lk_session *session, char account[64], struct lk_error *error)
{
	return served(session, error) &&
	       lk_journal_text(session, ops(session)->account_sql, NULL, account, 64, error);
}

bool lk_journal_forget(struct lk_session *session, const char *run, bool only_look,
		       struct lk_error *error)
{
	return served(session, error) && ops(session)->forget(session, run, only_look, error);
}

bool lk_journal_drop(struct lk_session *session, struct lk_error *error)
{
	return served(session, error) && ops(session)->drop(session, error);
}
