/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "journal/journal.h"
#include "journal/my_cursor.h"
#include "journal/my_history.h"
#include "journal/my_install.h"
#include "journal/my_plan.h"
#include "journal/my_text.h"
#include "journal/rows.h"

/* How long the old keeper's sessions may take to end when they are told to. */
#define END_SESSIONS_MS 15000

/* A run's second lock, around statements that no transaction guards. */
#define GUARD_LOCK "CONCAT('lockkeeper.guard:', $1)"
/* As good as for ever: MariaDB takes no negative number for that. Whoever waits can be cancelled. */
#define GUARD_PATIENCE_S "31536000"
enum { NO_SUCH_THREAD = 1094, ACCESS_DENIED = 1227, NOT_THE_OWNER = 1095 };

/* clang-format off */
static const char run_columns[] =
	"SELECT r.name, r.plan, r.digest, r.state, r.reason, r.wanted, IFNULL(h.host, SPACE(0)),"
	" IF(h.run IS NULL, SPACE(0), CONCAT(h.who, '@', h.host, ', process ', h.pid)), IFNULL(h.pid, 0),"
	" IFNULL(e.epoch, 0), " LK_MY_WALL_MS("r.created_at") ", " LK_MY_WALL_MS("r.changed_at") ","
	" IFNULL(TIMESTAMPDIFF(MICROSECOND, h.at, UTC_TIMESTAMP(6)) / 1000, -1), "
	LK_MY_FLAG("r.backward") ","
	" (SELECT IFNULL(MAX(v.number), 0) FROM lockkeeper.event v WHERE v.run = r.name),"
	" (SELECT COUNT(*) FROM lockkeeper.step t WHERE t.run = r.name),"
	" (SELECT COUNT(*) FROM lockkeeper.step t WHERE t.run = r.name AND t.state = 'done')"
	" FROM lockkeeper.run r LEFT JOIN lockkeeper.epoch e ON e.run = r.name"
	" LEFT JOIN lockkeeper.heartbeat h ON h.run = r.name ";
/* clang-format on */

static bool my_find(struct lk_session *session, const char *plan_name, bool *found,
		    struct lk_journal_run *run, struct lk_error *error)
{
	char *sql = lk_format("%sWHERE r.unfinished_plan = $1", run_columns);
	bool read = lk_journal_run_row(session, sql, plan_name, found, run, error);
	free(sql);
	return read;
}

static bool my_get(struct lk_session *session, const char *name, struct lk_journal_run *run,
		   struct lk_error *error)
{
	bool found = false;
	char *sql = lk_format("%sWHERE r.name = $1 OR r.unfinished_plan = $1"
			      " ORDER BY r.name = $1 DESC LIMIT 1",
			      run_columns);
	bool read = lk_journal_run_row(session, sql, name, &found, run, error);
	free(sql);
	return read && (found || lk_fail(error, LK_ERROR_USAGE,
					 "the journal of this target has no run \"%s\"", name));
}

static bool my_list(struct lk_session *session, struct lk_journal_run **runs, size_t *count,
		    struct lk_error *error)
{
	char *sql = lk_format("%sORDER BY r.created_at DESC LIMIT 1000", run_columns);
	bool read = lk_journal_run_rows(session, sql, runs, count, error);
	free(sql);
	return read;
}

static bool my_steps(struct lk_session *session, const char *run, size_t count,
		     struct lk_journal_step *steps, struct lk_error *error)
{
	return lk_journal_step_rows(
		session,
		"SELECT number, state, note, " LK_MY_WALL_MS("started_at") ", " LK_MY_WALL_MS(
			"ended_at") ", phase, name, verb FROM lockkeeper.step WHERE run = $1 ORDER BY number",
		run, count, steps, error);
}

static const char holder_sql[] =
	"SELECT CONCAT(h.who, '@', h.host), h.pid,"
	" ROUND(TIMESTAMPDIFF(MICROSECOND, h.at, UTC_TIMESTAMP(6)) / 1000000)"
	" FROM lockkeeper.heartbeat h WHERE h.run = $1";

static bool my_hold(struct lk_session *session, const char *run, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT GET_LOCK(" LK_MY_HOLD_LOCK("$1") ", 0)", run))
		return false;
	bool held = lk_cell_int(&r, 0, 0) == 1;
	lk_result_free(&r);
	return held || lk_journal_refuse_with_holder(session, holder_sql, run, error);
}

/* Without PROCESS the list of sessions leaves other users' out, and nothing would be proved. */
static bool may_see_sessions(struct lk_session *session, struct lk_error *error)
{
	if (LK_RUN(session, error, "SELECT 1 FROM information_schema.innodb_trx LIMIT 1"))
		return true;
	if (error->number == ACCESS_DENIED)
		lk_fail(error, LK_ERROR_PRIVILEGE,
			"the sessions of the run's old keeper cannot be seen, so it is not proved that they"
			" have ended: GRANT PROCESS ON *.* to this user");
	return false;
}

static bool end_session(struct lk_session *session, const char *id, struct lk_error *error)
{
	char *sql = lk_format("KILL CONNECTION %s", id);
	bool ended = LK_RUN(session, error, sql) || error->number == NO_SUCH_THREAD;
	free(sql);
	if (!ended && error->number == NOT_THE_OWNER)
		lk_fail_context(
			error,
			"session %s of the run's old keeper is another user's, and to end it"
			" takes CONNECTION_ADMIN (MySQL) or CONNECTION ADMIN (MariaDB)",
			id);
	return ended;
}

/*
 * Every session of the run but this one; a new keeper has opened no other before it takes over. They are known
 * by the user lock that each of ours holds (db/my_driver.c), which the server frees after it has rolled the
 * session's transaction back: that it is gone from the list of sessions would not prove as much.
 */
static bool end_sessions(struct lk_session *session, const char *run, struct lk_error *error)
{
	static const char sql[] =
		"SELECT p.id FROM information_schema.processlist p WHERE p.id <> CONNECTION_ID()"
		" AND IS_USED_LOCK(CONCAT('lockkeeper:', $1, ':', p.id)) = p.id";
	int64_t until = lk_clock_us() + END_SESSIONS_MS * 1000;
	for (;;) {
		struct lk_result r;
		if (!LK_QUERY(session, &r, error, sql, run))
			return false;
		size_t left = r.rows;
		bool told = true;
		for (size_t i = 0; told && i < left; i++)
			told = end_session(session, lk_cell_text(&r, i, 0), error);
		lk_result_free(&r);
		if (left == 0 || !told)
			return told;
		if (lk_clock_us() > until)
			return lk_fail(
				error, LK_ERROR_REFUSED,
				"%zu sessions of the run's old keeper do not end; nothing was taken over",
				left);
		lk_sleep_ms(20);
	}
}

static bool raise_epoch(struct lk_session *session, const char *run,
			const struct lk_journal_holder *holder, int64_t *epoch,
			struct lk_error *error)
{
	char pid[16], number[24];
	snprintf(pid, sizeof pid, "%d", holder->pid);
	if (!lk_journal_number(session,
			       "SELECT epoch FROM lockkeeper.epoch WHERE run = $1 FOR UPDATE", run,
			       epoch, error))
		return false;
	if (*epoch == 0)
		return lk_fail(error, LK_ERROR_REFUSED, "run %s has gone from the journal", run);
	snprintf(number, sizeof number, "%lld", (long long)++*epoch);
	return LK_RUN(session, error, "UPDATE lockkeeper.epoch SET epoch = $2 WHERE run = $1", run,
		      number) &&
	       LK_RUN(session, error,
		      "UPDATE lockkeeper.heartbeat SET epoch = $2, at = UTC_TIMESTAMP(6), who = $3,"
		      " host = $4, pid = $5 WHERE run = $1",
		      run, number, holder->who, holder->host, pid);
}

static bool my_take_over(struct lk_session *session, const char *run,
			 const struct lk_journal_holder *holder, int64_t *epoch,
			 struct lk_error *error)
{
	if (!may_see_sessions(session, error) || !end_sessions(session, run, error))
		return false;
	if (lk_begin(session, error) && raise_epoch(session, run, holder, epoch, error) &&
	    lk_commit(session, error))
		return true;
	lk_rollback(session);
	return lk_my_journal_name_grant(session, error);
}

/* MariaDB knows no FOR SHARE; both know this. */
static bool my_fence(struct lk_session *session, const char *run, int64_t epoch,
		     struct lk_error *error)
{
	return lk_journal_epoch_row(
		session, "SELECT epoch FROM lockkeeper.epoch WHERE run = $1 LOCK IN SHARE MODE",
		run, epoch, error);
}

static bool my_guard(struct lk_session *session, const char *run, int64_t epoch,
		     struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT GET_LOCK(" GUARD_LOCK ", " GUARD_PATIENCE_S ")",
		      run))
		return false;
	/* NULL when it was killed while it waited. */
	bool held = lk_cell_int(&r, 0, 0) == 1;
	lk_result_free(&r);
	if (!held)
		return lk_fail(error, LK_ERROR_CANCELLED,
			       "waiting for run %s's guard was cancelled", run);
	if (lk_journal_epoch_row(session, "SELECT epoch FROM lockkeeper.epoch WHERE run = $1", run,
				 epoch, error))
		return true;
	lk_journal_unguard(session, run);
	return false;
}

static void my_unguard(struct lk_session *session, const char *run)
{
	/* A broken connection has let go by itself. */
	struct lk_error ignored;
	lk_session_insist(session, true);
	LK_RUN(session, &ignored, "SELECT RELEASE_LOCK(" GUARD_LOCK ")", run);
	lk_session_insist(session, false);
}

/* The state is assigned last: MySQL evaluates from the left, with what was assigned before. */
static bool my_set_step(struct lk_session *session, const char *run, int number, const char *state,
			const char *note, struct lk_error *error)
{
	char n[16];
	snprintf(n, sizeof n, "%d", number);
	return LK_RUN(
		session, error,
		"UPDATE lockkeeper.step SET"
		" started_at = IF($3 = 'running' AND state <> 'running', UTC_TIMESTAMP(6), started_at),"
		" ended_at = IF($3 = 'running', NULL, UTC_TIMESTAMP(6)),"
		" note = IF($5 = 1, " LK_MY_TEXT("$4") ", note), state = $3"
						       " WHERE run = $1 AND number = $2",
		run, n, state, note, note ? "1" : "0");
}

static bool my_set_state(struct lk_session *session, const char *run, const char *state,
			 const char *reason, struct lk_error *error)
{
	return LK_RUN(session, error,
		      "UPDATE lockkeeper.run SET state = $2, reason = " LK_MY_TEXT(
			      "$3") ", changed_at = UTC_TIMESTAMP(6)"
				    " WHERE name = $1 AND state NOT IN ('done', 'undone')",
		      run, state, reason);
}

static bool my_set_backward(struct lk_session *session, const char *run, struct lk_error *error)
{
	return LK_RUN(session, error,
		      "UPDATE lockkeeper.run SET backward = 1 WHERE name = $1 AND backward = 0",
		      run);
}

static bool my_set_wanted(struct lk_session *session, const char *run, const char *wanted,
			  struct lk_error *error)
{
	return LK_RUN(session, error,
		      "UPDATE lockkeeper.run SET wanted = $2 WHERE name = $1 AND wanted <> $2", run,
		      wanted);
}

static bool my_heartbeat(struct lk_session *session, const char *run, int64_t epoch,
			 struct lk_error *error)
{
	struct lk_result r;
	char number[24];
	snprintf(number, sizeof number, "%lld", (long long)epoch);
	if (!LK_QUERY(session, &r, error,
		      "UPDATE lockkeeper.heartbeat SET at = UTC_TIMESTAMP(6)"
		      " WHERE run = $1 AND epoch = $2",
		      run, number))
		return false;
	bool ours = r.affected == 1;
	lk_result_free(&r);
	return ours || lk_fail(error, LK_ERROR_FENCED, "another keeper has taken run %s over", run);
}

static bool my_poll(struct lk_session *session, const char *run, const char *digest,
		    char wanted[16], struct lk_journal_approval **approvals, size_t *count,
		    struct lk_error *error)
{
	return lk_journal_poll_rows(
		session,
		"SELECT r.wanted, a.gate, a.who, a.origin, " LK_MY_WALL_MS(
			"a.at") " FROM lockkeeper.run r LEFT JOIN lockkeeper.approval a"
				" ON a.run = r.name AND a.digest = $2 WHERE r.name = $1 ORDER BY a.at",
		(const char *[]){run, digest}, wanted, approvals, count, error);
}

/* The first answer stays: ON DUPLICATE KEY that changes nothing, since IGNORE would pass other errors over. */
static bool my_approve(struct lk_session *session, const char *run, const char *digest,
		       const struct lk_journal_approval *approval, struct lk_error *error)
{
	return LK_RUN(
		session, error,
		"INSERT INTO lockkeeper.approval (run, gate, digest, who, origin, at)"
		" VALUES ($1, $2, $3, $4, " LK_MY_TEXT("$5") ", UTC_TIMESTAMP(6))"
							     " ON DUPLICATE KEY UPDATE gate = gate",
		run, approval->gate, digest, approval->who, approval->origin);
}

static bool my_event(struct lk_session *session, const char *run, int64_t number, int64_t at,
		     const char *const kind_who_text[3], struct lk_error *error)
{
	char *sql = lk_format(
		"INSERT INTO lockkeeper.event (run, number, at, kind, who, text) VALUES ($1, %lld,"
		" CAST('1970-01-01' AS DATETIME(6)) + INTERVAL %lld000 MICROSECOND,"
		" " LK_MY_TEXT("$2") ", " LK_MY_TEXT("$3") ", " LK_MY_TEXT(
			"$4") ") ON DUPLICATE KEY UPDATE number = number",
		(long long)number, (long long)at);
	bool written = LK_RUN(session, error, sql, run, kind_who_text[0], kind_who_text[1],
			      kind_who_text[2]);
	free(sql);
	return written;
}

static bool my_cleanup(struct lk_session *session, const char *run, int step, const char *sql,
		       struct lk_error *error)
{
	char number[16];
	snprintf(number, sizeof number, "%d", step);
	if (!sql)
		return LK_RUN(session, error,
			      "DELETE FROM lockkeeper.cleanup WHERE run = $1"
			      " AND (step = $2 OR $2 = '-1')",
			      run, number);
	return LK_RUN(session, error,
		      "INSERT INTO lockkeeper.cleanup (run, step, `sql`) VALUES ($1, $2, $3)"
		      " ON DUPLICATE KEY UPDATE `sql` = $3",
		      run, number, sql);
}

const struct lk_journal_ops lk_my_journal = {
	.installed = lk_my_journal_installed,
	.install = lk_my_journal_install,
	.create = lk_my_journal_create,
	.find = my_find,
	.get = my_get,
	.list = my_list,
	.replace = lk_my_journal_replace,
	.steps = my_steps,
	.hold = my_hold,
	.take_over = my_take_over,
	.fence = my_fence,
	.guard = my_guard,
	.unguard = my_unguard,
	.set_step = my_set_step,
	.set_state = my_set_state,
	.set_wanted = my_set_wanted,
	.set_backward = my_set_backward,
	.heartbeat = my_heartbeat,
	.poll = my_poll,
	.approve = my_approve,
	.event = my_event,
	.cursor = lk_my_journal_cursor,
	.set_cursor = lk_my_journal_set_cursor,
	.forget_cursor = lk_my_journal_forget_cursor,
	.part = lk_my_journal_part,
	.reject = lk_my_journal_reject,
	.rejects = lk_my_journal_rejects,
	.cleanup = my_cleanup,
	.events_sql =
		"SELECT number, " LK_MY_WALL_MS("e.at") ", kind, who, text FROM lockkeeper.event e"
							" WHERE run = $1 ORDER BY number",
	.answers_sql = "SELECT gate, who, origin, " LK_MY_WALL_MS(
		"a.at") ", digest FROM lockkeeper.approval a WHERE run = $1 ORDER BY a.at, gate, who",
	.cleanup_rows_sql =
		"SELECT `sql` FROM lockkeeper.cleanup WHERE run = $1 ORDER BY step DESC",
	/* The one that the server found for this user and host, which is what it gives rights to. */
	.account_sql = "SELECT CURRENT_USER()",
	.forget = lk_my_journal_forget,
	.drop = lk_my_journal_drop,
};
