/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/release.h"

#include <string.h>

#include "sandbox/postgres.h"

static const char catalog_sql[] =
	"SELECT coalesce(bool_or(attname = 'username'), false),"
	" coalesce(bool_or(attname = 'user_handle'), false),"
	" to_regclass('lockkeeper.run') IS NOT NULL AND to_regclass('lockkeeper.step') IS NOT NULL,"
	" EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'lockkeeper:%') "
	"FROM pg_attribute WHERE attrelid = to_regclass('public.users') AND NOT attisdropped";

/* Rows as JSON, so that the sandbox depends on the few members it reads and not on the journal's
 * shape. */
static const char journal_sql[] =
	"WITH newest AS ("
	" SELECT to_jsonb(r) AS run FROM lockkeeper.run r ORDER BY r.created_at DESC LIMIT 1), "
	"step AS ("
	" SELECT s.step ->> 'name' AS name, s.step ->> 'verb' AS verb, s.step ->> 'state' AS state"
	" FROM newest, (SELECT to_jsonb(x) AS step FROM lockkeeper.step x) s"
	" WHERE s.step ->> 'run' IS NULL"
	"  OR s.step ->> 'run' IN (newest.run ->> 'run', newest.run ->> 'name', newest.run ->> "
	"'id')) "
	"SELECT"
	" EXISTS (SELECT FROM step WHERE verb <> 'gate' AND state NOT IN ('pending', 'waiting')),"
	" EXISTS (SELECT FROM step WHERE verb = 'verify' AND state = 'done'),"
	" EXISTS (SELECT FROM step WHERE verb = 'gate' AND name = 'contract' AND state = 'done'),"
	" EXISTS (SELECT FROM newest WHERE run ->> 'state' IN ('undoing', 'undone')"
	"  OR run ->> 'wanted' = 'rollback')";

static bool truth(const PGresult *result, int column)
{
	return PQgetvalue(result, 0, column)[0] == 't';
}

static bool look_at_journal(PGconn *connection, struct lk_release_stage *stage,
			    struct lk_error *error)
{
	PGresult *result = PQexec(connection, journal_sql);
	bool read = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (read) {
		stage->begun = truth(result, 0);
		stage->verified = truth(result, 1);
		stage->contract = truth(result, 2);
		stage->undoing = truth(result, 3);
	} else {
		lk_postgres_failed(connection, result, error);
	}
	PQclear(result);
	return read;
}

bool lk_release_look(PGconn *connection, struct lk_release_stage *stage, struct lk_error *error)
{
	bool journal = false;
	memset(stage, 0, sizeof *stage);
	PGresult *result = PQexec(connection, catalog_sql);
	bool read = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (read) {
		stage->old_column = truth(result, 0);
		stage->new_column = truth(result, 1);
		journal = truth(result, 2);
		stage->keeper = truth(result, 3);
	} else {
		lk_postgres_failed(connection, result, error);
	}
	PQclear(result);
	return read && (!journal || look_at_journal(connection, stage, error));
}

/* Every second connection takes part in the first half of the deployment. */
int lk_release_of(const struct lk_release_stage *stage, int number)
{
	if (!stage->old_column)
		return LK_RELEASE_NEW;
	if (!stage->new_column || stage->undoing)
		return LK_RELEASE_OLD;
	return stage->contract || number % 2 == 1 ? LK_RELEASE_NEW : LK_RELEASE_OLD;
}
