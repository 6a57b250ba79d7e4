/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/pg_history.h"

#include <string.h>

#include "journal/pg_text.h"
#include "journal/rows.h"

/* Why the run must stay; one row, NULL when nothing speaks against it. The row is locked until the end. */
static const char reason_sql[] =
	"SELECT CASE"
	" WHEN r.state NOT IN ('done', 'undone') THEN 'it is not over, it is ' || r.state"
	" WHEN EXISTS (SELECT FROM lockkeeper.cleanup c WHERE c.run = r.name)"
	"  THEN 'its clean-up SQL may still be needed: look at lockkeeper.cleanup'"
	" WHEN EXISTS (SELECT FROM pg_stat_activity a"
	"  WHERE a.application_name = 'lockkeeper:' || r.name || ':journal')"
	"  THEN 'its keeper has not ended yet'"
	" END FROM lockkeeper.run r WHERE r.name = $1 FOR UPDATE";

static bool may_forget(struct lk_session *session, const char *run, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, reason_sql, run))
		return false;
	bool known = r.rows == 1, may = known && !lk_cell(&r, 0, 0);
	if (!known)
		lk_fail(error, LK_ERROR_USAGE, "the journal of this target has no run \"%s\"", run);
	else if (!may)
		lk_fail(error, LK_ERROR_REFUSED, "run %s stays: %s", run, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return may;
}

/* Rows that a backfill left out are somebody's data: whoever has dealt with them deletes them there. */
static bool no_rejects(struct lk_session *session, const char *run, struct lk_error *error)
{
	struct lk_result r;
	bool there = false;
	if (!LK_QUERY(session, &r, error, "SELECT to_regclass('lockkeeper.reject') IS NOT NULL"))
		return false;
	there = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	if (!there)
		return true;
	if (!LK_QUERY(session, &r, error, "SELECT count(*) FROM lockkeeper.reject WHERE run = $1",
		      run))
		return false;
	long long rows = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	return rows == 0 ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "run %s stays: its backfill left %lld rows out, which are in lockkeeper.reject;"
		       " delete them there once they are dealt with",
		       run, rows);
}

bool lk_pg_journal_forget(struct lk_session *session, const char *run, bool only_look,
			  struct lk_error *error)
{
	bool may = lk_begin(session, error) && may_forget(session, run, error) &&
		   no_rejects(session, run, error);
	if (may && !only_look &&
	    LK_RUN(session, error, "DELETE FROM lockkeeper.run WHERE name = $1", run) &&
	    lk_commit(session, error))
		return true;
	lk_rollback(session);
	return may && only_look;
}

/* The lock keeps a run from beginning in between; whoever is in the way is waited for shortly. */
static const char drop_lock_sql[] =
	"SET LOCAL lock_timeout = '2s'; LOCK TABLE lockkeeper.run IN ACCESS EXCLUSIVE MODE";

static const char drop_reason_sql[] =
	"SELECT CASE WHEN EXISTS (SELECT FROM lockkeeper.run)"
	"  THEN (SELECT count(*) || ' runs are left in it' FROM lockkeeper.run)"
	" WHEN EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
	"  JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'lockkeeper')"
	"  THEN 'triggers of a dual write still use a function in it: lockkeeper doctor names them'"
	" END";

bool lk_pg_journal_drop(struct lk_session *session, struct lk_error *error)
{
	struct lk_result r = {0};
	bool dropped = lk_begin(session, error) && lk_execute(session, drop_lock_sql, error) &&
		       LK_QUERY(session, &r, error, drop_reason_sql);
	if (dropped && lk_cell(&r, 0, 0))
		dropped = lk_fail(error, LK_ERROR_REFUSED, "the schema lockkeeper stays: %s",
				  lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	if (dropped && lk_execute(session, "DROP SCHEMA lockkeeper CASCADE", error) &&
	    lk_commit(session, error))
		return true;
	lk_rollback(session);
	return false;
}
