/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "journal/journal.h"
#include "journal/pg_cursor.h"
#include "journal/pg_history.h"
#include "journal/pg_install.h"
#include "journal/pg_plan.h"
#include "journal/pg_text.h"
#include "journal/rows.h"

/* How long the old keeper's sessions may take to end when they are told to. */
#define END_SESSIONS_MS 15000

/* Two-number advisory locks: which kind, and which run. */
#define HOLD_KEY "hashtext('lockkeeper.hold'), hashtext($1)"
#define GUARD_KEY "hashtext('lockkeeper.guard'), hashtext($1)"

/* clang-format off */
static const char run_columns[] =
	"SELECT r.name, r.plan, r.digest, r.state, r.reason, r.wanted, coalesce(h.host, ''),"
	" coalesce(h.who || '@' || h.host || ', process ' || h.pid, ''), coalesce(h.pid, 0),"
	" coalesce(e.epoch, 0), " LK_PG_WALL_MS("r.created_at") ", " LK_PG_WALL_MS("r.changed_at") ","
	" coalesce(extract(epoch FROM clock_timestamp() - h.at) * 1000, -1), r.backward,"
	" (SELECT coalesce(max(v.number), 0) FROM lockkeeper.event v WHERE v.run = r.name),"
	" (SELECT count(*) FROM lockkeeper.step t WHERE t.run = r.name),"
	" (SELECT count(*) FROM lockkeeper.step t WHERE t.run = r.name AND t.state = 'done')"
	" FROM lockkeeper.run r LEFT JOIN lockkeeper.epoch e ON e.run = r.name"
	" LEFT JOIN lockkeeper.heartbeat h ON h.run = r.name ";
/* clang-format on */

static bool pg_find(struct lk_session *session, const char *plan_name, bool *found,
		    struct lk_journal_run *run, struct lk_error *error)
{
	char *sql = lk_format("%sWHERE r.plan = $1 AND r.state NOT IN ('done', 'undone')"
			      " ORDER BY r.created_at DESC LIMIT 1",
			      run_columns);
	bool read = lk_journal_run_row(session, sql, plan_name, found, run, error);
	free(sql);
	return read;
}

static bool pg_get(struct lk_session *session, const char *name, struct lk_journal_run *run,
		   struct lk_error *error)
{
	bool found = false;
	char *sql = lk_format(
		"%sWHERE r.name = $1 OR (r.plan = $1 AND r.state NOT IN ('done', 'undone'))"
		" ORDER BY r.name = $1 DESC, r.created_at DESC LIMIT 1",
		run_columns);
	bool read = lk_journal_run_row(session, sql, name, &found, run, error);
	free(sql);
	return read && (found || lk_fail(error, LK_ERROR_USAGE,
					 "the journal of this target has no run \"%s\"", name));
}

static bool pg_list(struct lk_session *session, struct lk_journal_run **runs, size_t *count,
		    struct lk_error *error)
{
	char *sql = lk_format("%sORDER BY r.created_at DESC LIMIT 1000", run_columns);
	bool read = lk_journal_run_rows(session, sql, runs, count, error);
	free(sql);
	return read;
}

static bool pg_steps(struct lk_session *session, const char *run, size_t count,
		     struct lk_journal_step *steps, struct lk_error *error)
{
	return lk_journal_step_rows(
		session,
		"SELECT number, state, note, " LK_PG_WALL_MS("started_at") ", " LK_PG_WALL_MS(
			"ended_at") ", phase, name, verb FROM lockkeeper.step WHERE run = $1 ORDER BY number",
		run, count, steps, error);
}

static const char holder_sql[] = "SELECT h.who || '@' || h.host, h.pid,"
				 " round(extract(epoch FROM clock_timestamp() - h.at))::int"
				 " FROM lockkeeper.heartbeat h WHERE h.run = $1";

static bool pg_hold(struct lk_session *session, const char *run, struct lk_error *error)
{
	struct lk_result r;
	/* What is wanted, and who holds the run, must outlive the server; but the journal must not wait for a
	 * synchronous standby that has gone. */
	if (!lk_execute(session, "SET synchronous_commit = local", error) ||
	    !LK_QUERY(session, &r, error, "SELECT pg_try_advisory_lock(" HOLD_KEY ")", run))
		return false;
	bool held = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return held || lk_journal_refuse_with_holder(session, holder_sql, run, error);
}

/* Every session of the run but this one; a new keeper has opened no other before it takes over. */
static bool end_sessions(struct lk_session *session, const char *run, struct lk_error *error)
{
	static const char sql[] =
		"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
		" WHERE application_name LIKE 'lockkeeper:' || $1 || ':%' AND pid <> ALL ($2::int[])";
	char ours[32];
	int64_t until = lk_clock_us() + END_SESSIONS_MS * 1000;
	snprintf(ours, sizeof ours, "{%d}", session->id);
	for (;;) {
		struct lk_result r;
		if (!LK_QUERY(session, &r, error, sql, run, ours))
			return false;
		int64_t left = lk_cell_int(&r, 0, 0);
		lk_result_free(&r);
		if (left == 0)
			return true;
		if (lk_clock_us() > until)
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"%lld sessions of the run's old keeper do not end; nothing was taken over",
				(long long)left);
		lk_sleep_ms(20);
	}
}

static bool pg_take_over(struct lk_session *session, const char *run,
			 const struct lk_journal_holder *holder, int64_t *epoch,
			 struct lk_error *error)
{
	struct lk_result r;
	char pid[16];
	snprintf(pid, sizeof pid, "%d", holder->pid);
	if (!end_sessions(session, run, error))
		return false;
	if (!LK_QUERY(
		    session, &r, error,
		    "WITH e AS (UPDATE lockkeeper.epoch SET epoch = epoch + 1 WHERE run = $1 RETURNING epoch)"
		    " UPDATE lockkeeper.heartbeat h SET epoch = e.epoch, at = clock_timestamp(), who = $2,"
		    " host = $3, pid = $4::int FROM e WHERE h.run = $1 RETURNING e.epoch",
		    run, holder->who, holder->host, pid))
		return false;
	bool raised = r.rows == 1;
	if (raised)
		*epoch = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	return raised || lk_fail(error, LK_ERROR_REFUSED, "run %s has gone from the journal", run);
}

static bool pg_fence(struct lk_session *session, const char *run, int64_t epoch,
		     struct lk_error *error)
{
	return lk_journal_epoch_row(session,
				    "SELECT epoch FROM lockkeeper.epoch WHERE run = $1 FOR SHARE",
				    run, epoch, error);
}

static bool pg_guard(struct lk_session *session, const char *run, int64_t epoch,
		     struct lk_error *error)
{
	if (!LK_RUN(session, error, "SELECT pg_advisory_lock(" GUARD_KEY ")", run))
		return false;
	if (lk_journal_epoch_row(session, "SELECT epoch FROM lockkeeper.epoch WHERE run = $1", run,
				 epoch, error))
		return true;
	lk_journal_unguard(session, run);
	return false;
}

static void pg_unguard(struct lk_session *session, const char *run)
{
	/* A broken connection has let go by itself. */
	struct lk_error ignored;
	lk_session_insist(session, true);
	LK_RUN(session, &ignored, "SELECT pg_advisory_unlock(" GUARD_KEY ")", run);
	lk_session_insist(session, false);
}

static bool pg_set_step(struct lk_session *session, const char *run, int number, const char *state,
			const char *note, struct lk_error *error)
{
	char n[16];
	snprintf(n, sizeof n, "%d", number);
	return LK_RUN(
		session, error,
		"UPDATE lockkeeper.step SET state = $3, note = coalesce($4, note),"
		" started_at = CASE WHEN $3 = 'running' AND state <> 'running' THEN clock_timestamp()"
		"  ELSE started_at END,"
		" ended_at = CASE WHEN $3 = 'running' THEN NULL ELSE clock_timestamp() END"
		" WHERE run = $1 AND number = $2::int",
		run, n, state, note);
}

static bool pg_set_state(struct lk_session *session, const char *run, const char *state,
			 const char *reason, struct lk_error *error)
{
	return LK_RUN(
		session, error,
		"UPDATE lockkeeper.run SET state = $2, reason = $3, changed_at = now() WHERE name = $1"
		" AND state NOT IN ('done', 'undone')",
		run, state, reason);
}

static bool pg_set_backward(struct lk_session *session, const char *run, struct lk_error *error)
{
	return LK_RUN(session, error,
		      "UPDATE lockkeeper.run SET backward = true WHERE name = $1 AND NOT backward",
		      run);
}

static bool pg_set_wanted(struct lk_session *session, const char *run, const char *wanted,
			  struct lk_error *error)
{
	return LK_RUN(session, error,
		      "UPDATE lockkeeper.run SET wanted = $2 WHERE name = $1 AND wanted <> $2", run,
		      wanted);
}

static bool pg_heartbeat(struct lk_session *session, const char *run, int64_t epoch,
			 struct lk_error *error)
{
	struct lk_result r;
	char number[24];
	snprintf(number, sizeof number, "%lld", (long long)epoch);
	if (!LK_QUERY(
		    session, &r, error,
		    "UPDATE lockkeeper.heartbeat SET at = clock_timestamp() WHERE run = $1 AND epoch = $2::bigint",
		    run, number))
		return false;
	bool ours = r.affected == 1;
	lk_result_free(&r);
	return ours || lk_fail(error, LK_ERROR_FENCED, "another keeper has taken run %s over", run);
}

static bool pg_poll(struct lk_session *session, const char *run, const char *digest,
		    char wanted[16], struct lk_journal_approval **approvals, size_t *count,
		    struct lk_error *error)
{
	return lk_journal_poll_rows(
		session,
		"SELECT r.wanted, a.gate, a.who, a.origin, " LK_PG_WALL_MS(
			"a.at") " FROM lockkeeper.run r LEFT JOIN lockkeeper.approval a ON a.run = r.name AND a.digest = $2"
				" WHERE r.name = $1 ORDER BY a.at",
		(const char *[]){run, digest}, wanted, approvals, count, error);
}

static bool pg_approve(struct lk_session *session, const char *run, const char *digest,
		       const struct lk_journal_approval *approval, struct lk_error *error)
{
	return LK_RUN(session, error,
		      "INSERT INTO lockkeeper.approval (run, gate, digest, who, origin)"
		      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		      run, approval->gate, digest, approval->who, approval->origin);
}

static bool pg_event(struct lk_session *session, const char *run, int64_t number, int64_t at,
		     const char *const kind_who_text[3], struct lk_error *error)
{
	char n[24], seconds[40];
	snprintf(n, sizeof n, "%lld", (long long)number);
	snprintf(seconds, sizeof seconds, "%lld.%03d", (long long)(at / 1000), (int)(at % 1000));
	return LK_RUN(
		session, error,
		"INSERT INTO lockkeeper.event VALUES ($1, $2::bigint, to_timestamp($3::float8), $4, $5, $6)"
		" ON CONFLICT DO NOTHING",
		run, n, seconds, kind_who_text[0], kind_who_text[1], kind_who_text[2]);
}

static bool pg_cleanup(struct lk_session *session, const char *run, int step, const char *sql,
		       struct lk_error *error)
{
	char number[16];
	snprintf(number, sizeof number, "%d", step);
	if (!sql)
		return LK_RUN(
			session, error,
			"DELETE FROM lockkeeper.cleanup WHERE run = $1 AND $2::int IN (step, -1)",
			run, number);
	return LK_RUN(session, error,
		      "INSERT INTO lockkeeper.cleanup VALUES ($1, $2::int, $3)"
		      " ON CONFLICT (run, step) DO UPDATE SET sql = excluded.sql",
		      run, number, sql);
}

const struct lk_journal_ops lk_pg_journal = {
	.installed = lk_pg_journal_installed,
	.install = lk_pg_journal_install,
	.create = lk_pg_journal_create,
	.find = pg_find,
	.get = pg_get,
	.list = pg_list,
	.replace = lk_pg_journal_replace,
	.steps = pg_steps,
	.hold = pg_hold,
	.take_over = pg_take_over,
	.fence = pg_fence,
	.guard = pg_guard,
	.unguard = pg_unguard,
	.set_step = pg_set_step,
	.set_state = pg_set_state,
	.set_wanted = pg_set_wanted,
	.set_backward = pg_set_backward,
	.heartbeat = pg_heartbeat,
	.poll = pg_poll,
	.approve = pg_approve,
	.event = pg_event,
	.cursor = lk_pg_journal_cursor,
	.set_cursor = lk_pg_journal_set_cursor,
	.forget_cursor = lk_pg_journal_forget_cursor,
	.part = lk_pg_journal_part,
	.reject = lk_pg_journal_reject,
	.rejects = lk_pg_journal_rejects,
	.cleanup = pg_cleanup,
	.events_sql =
		"SELECT number, " LK_PG_WALL_MS("at") ", kind, who, text FROM lockkeeper.event"
						      " WHERE run = $1 ORDER BY number",
	.answers_sql = "SELECT gate, who, origin, " LK_PG_WALL_MS(
		"at") ", digest FROM lockkeeper.approval WHERE run = $1 ORDER BY at, gate, who",
	.cleanup_rows_sql = "SELECT sql FROM lockkeeper.cleanup WHERE run = $1 ORDER BY step DESC",
	.account_sql = "SELECT session_user",
	.forget = lk_pg_journal_forget,
	.drop = lk_pg_journal_drop,
};
