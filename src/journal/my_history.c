/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/my_history.h"

#include "base/memory.h"
#include "journal/my_install.h"
#include "journal/my_text.h"
#include "journal/rows.h"

/* Why the run must stay; one row, NULL when nothing speaks against it. The row is locked until the end. */
static const char reason_sql[] =
	"SELECT CASE"
	" WHEN r.state NOT IN ('done', 'undone') THEN CONCAT('it is not over, it is ', r.state)"
	" WHEN EXISTS (SELECT 1 FROM lockkeeper.cleanup c WHERE c.run = r.name)"
	"  THEN 'its clean-up SQL may still be needed: look at lockkeeper.cleanup'"
	" WHEN IS_USED_LOCK(" LK_MY_HOLD_LOCK(
		"r.name") ") IS NOT NULL"
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
	int64_t rows;
	if (!lk_journal_number(session, "SELECT COUNT(*) FROM lockkeeper.reject WHERE run = $1",
			       run, &rows, error))
		return false;
	return rows == 0 ||
	       lk_fail(error, LK_ERROR_REFUSED,
		       "run %s stays: its backfill left %lld rows out, which are in lockkeeper.reject;"
		       " delete them there once they are dealt with",
		       run, (long long)rows);
}

static bool delete_run(struct lk_session *session, const char *run, struct lk_error *error)
{
	bool deleted = true;
	for (size_t i = 0; deleted && i < lk_my_journal_table_count; i++) {
		const char *table = lk_my_journal_tables[i];
		bool last = i + 1 == lk_my_journal_table_count;
		char *sql = lk_format("DELETE FROM lockkeeper.%s WHERE %s = $1", table,
				      last ? "name" : "run");
		deleted = LK_RUN(session, error, sql, run);
		free(sql);
	}
	return deleted;
}

bool lk_my_journal_forget(struct lk_session *session, const char *run, bool only_look,
			  struct lk_error *error)
{
	bool may = lk_begin(session, error) && may_forget(session, run, error) &&
		   no_rejects(session, run, error);
	if (may && !only_look && delete_run(session, run, error) && lk_commit(session, error))
		return true;
	lk_rollback(session);
	return may && only_look;
}

/* A dual write's triggers mean that a run is half-way, whatever has become of its rows in the journal. */
static const char drop_reason_sql[] =
	"SELECT CASE WHEN EXISTS (SELECT 1 FROM lockkeeper.run)"
	"  THEN (SELECT CONCAT(COUNT(*), ' runs are left in it') FROM lockkeeper.run)"
	" WHEN EXISTS (SELECT 1 FROM information_schema.triggers"
	"  WHERE LEFT(trigger_name, 11) = 'lockkeeper_')"
	"  THEN 'triggers of a dual write are still there: lockkeeper doctor names them'"
	" END";

bool lk_my_journal_drop(struct lk_session *session, struct lk_error *error)
{
	struct lk_result r = {0};
	bool dropped =
		lk_my_journal_lock(session, error) && LK_QUERY(session, &r, error, drop_reason_sql);
	if (dropped && lk_cell(&r, 0, 0))
		dropped = lk_fail(error, LK_ERROR_REFUSED, "the database lockkeeper stays: %s",
				  lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	dropped = dropped && lk_execute(session, "DROP DATABASE lockkeeper", error);
	lk_my_journal_unlock(session);
	return dropped || lk_my_journal_name_grant(session, error);
}
