/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "journal/pg_install.h"

/*
 * The epoch stands in a table of its own and the heartbeat in another, because the epoch's row is
 * locked FOR SHARE by every transaction of the keeper while the heartbeat is written all the time.
 */
static const char schema_sql[] =
	"CREATE SCHEMA IF NOT EXISTS lockkeeper;"
	"COMMENT ON SCHEMA lockkeeper IS 'lockkeeper: durable state of schema changes. To pause a run:"
	" UPDATE lockkeeper.run SET wanted = ''paused''. To clean up by hand: SELECT sql FROM lockkeeper.cleanup"
	" ORDER BY run, step DESC.';"
	"CREATE TABLE IF NOT EXISTS lockkeeper.run ("
	" name text PRIMARY KEY, plan text NOT NULL, digest text NOT NULL, document jsonb NOT NULL,"
	" state text NOT NULL, reason text NOT NULL DEFAULT '',"
	" wanted text NOT NULL DEFAULT 'running'"
	"  CHECK (wanted IN ('running', 'paused', 'aborted', 'rollback', 'stopped')),"
	" backward boolean NOT NULL DEFAULT false,"
	" created_at timestamptz NOT NULL DEFAULT now(), changed_at timestamptz NOT NULL DEFAULT now());"
	"CREATE TABLE IF NOT EXISTS lockkeeper.epoch ("
	" run text PRIMARY KEY REFERENCES lockkeeper.run ON DELETE CASCADE, epoch bigint NOT NULL);"
	"CREATE TABLE IF NOT EXISTS lockkeeper.heartbeat ("
	" run text PRIMARY KEY REFERENCES lockkeeper.run ON DELETE CASCADE, epoch bigint NOT NULL,"
	" at timestamptz NOT NULL DEFAULT now(), who text NOT NULL, host text NOT NULL, pid int NOT NULL);"
	"CREATE TABLE IF NOT EXISTS lockkeeper.step ("
	" run text REFERENCES lockkeeper.run ON DELETE CASCADE, number int, phase text NOT NULL,"
	" name text NOT NULL, verb text NOT NULL, state text NOT NULL DEFAULT 'pending',"
	" note text NOT NULL DEFAULT '', started_at timestamptz, ended_at timestamptz,"
	" PRIMARY KEY (run, number));"
	"CREATE TABLE IF NOT EXISTS lockkeeper.cursor ("
	" run text REFERENCES lockkeeper.run ON DELETE CASCADE, step int, key text[],"
	" rows_done bigint NOT NULL, rows_changed bigint NOT NULL, chunks bigint NOT NULL,"
	" finished boolean NOT NULL, PRIMARY KEY (run, step)) WITH (fillfactor = 10);"
	/* They go with their step when the plan is replaced. */
	"CREATE TABLE IF NOT EXISTS lockkeeper.part ("
	" run text, step int, relation bigint, key text[], finished boolean NOT NULL,"
	" PRIMARY KEY (run, step, relation),"
	" FOREIGN KEY (run, step) REFERENCES lockkeeper.step ON DELETE CASCADE) WITH (fillfactor = 50);"
	"CREATE TABLE IF NOT EXISTS lockkeeper.reject ("
	" run text NOT NULL, step int NOT NULL, relation text NOT NULL, key jsonb NOT NULL,"
	" sqlstate text NOT NULL, message text NOT NULL, at timestamptz NOT NULL DEFAULT now(),"
	" FOREIGN KEY (run, step) REFERENCES lockkeeper.step ON DELETE CASCADE);"
	"CREATE INDEX IF NOT EXISTS reject_step ON lockkeeper.reject (run, step);"
	"CREATE TABLE IF NOT EXISTS lockkeeper.approval ("
	" run text REFERENCES lockkeeper.run ON DELETE CASCADE, gate text, digest text, who text,"
	" origin text NOT NULL DEFAULT '', at timestamptz NOT NULL DEFAULT now(),"
	" PRIMARY KEY (run, gate, digest, who));"
	"CREATE TABLE IF NOT EXISTS lockkeeper.event ("
	" run text REFERENCES lockkeeper.run ON DELETE CASCADE, number bigint, at timestamptz NOT NULL,"
	" kind text NOT NULL, who text NOT NULL, text text NOT NULL, PRIMARY KEY (run, number));"
	"CREATE TABLE IF NOT EXISTS lockkeeper.cleanup ("
	" run text REFERENCES lockkeeper.run ON DELETE CASCADE, step int, sql text NOT NULL,"
	" PRIMARY KEY (run, step))";

/* Any constant will do, so long as all keepers use the same: two at once would collide on the names. */
static const char lock_sql[] = "SELECT pg_advisory_xact_lock(hashtext('lockkeeper.install'))";

bool lk_pg_journal_installed(struct lk_session *session, bool *installed, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error, "SELECT to_regclass('lockkeeper.cleanup') IS NOT NULL"))
		return false;
	*installed = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

/* A journal of an earlier version lacks the tables that came later. */
static bool complete(struct lk_session *session, bool *there, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error,
		      "SELECT to_regclass('lockkeeper.cleanup') IS NOT NULL AND"
		      " to_regclass('lockkeeper.reject') IS NOT NULL"))
		return false;
	*there = lk_cell_bool(&r, 0, 0);
	lk_result_free(&r);
	return true;
}

bool lk_pg_journal_install(struct lk_session *session, struct lk_error *error)
{
	bool there = false;
	if (!complete(session, &there, error))
		return false;
	if (there)
		return true;
	if (lk_begin(session, error) && lk_execute(session, lock_sql, error) &&
	    lk_execute(session, schema_sql, error) && lk_commit(session, error))
		return true;
	lk_rollback(session);
	return lk_fail_context(error, "the journal's schema \"lockkeeper\" could not be created");
}
