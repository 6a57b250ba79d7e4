/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "step/pg_index.h"

#include "base/memory.h"

bool lk_pg_index_state(struct lk_session *session, const char *table_sql, const char *name,
		       enum lk_pg_index_state *state, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT i.indisvalid AND i.indisready FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid"
		    " WHERE c.relname = $2 AND c.relnamespace = coalesce((SELECT relnamespace FROM pg_class"
		    " WHERE oid = to_regclass(nullif($1, ''))), current_schema()::regnamespace)"
		    " AND i.indrelid = coalesce(to_regclass(nullif($1, '')), i.indrelid)",
		    table_sql, name))
		return false;
	*state = r.rows == 0		  ? LK_PG_INDEX_ABSENT
		 : lk_cell_bool(&r, 0, 0) ? LK_PG_INDEX_VALID
					  : LK_PG_INDEX_INVALID;
	lk_result_free(&r);
	return true;
}

bool lk_pg_index_state_of(struct lk_session *session, const char *index_sql,
			  enum lk_pg_index_state *state, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(session, &r, error,
		      "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid ="
		      " to_regclass($1)",
		      index_sql))
		return false;
	*state = r.rows == 0		  ? LK_PG_INDEX_ABSENT
		 : lk_cell_bool(&r, 0, 0) ? LK_PG_INDEX_VALID
					  : LK_PG_INDEX_INVALID;
	lk_result_free(&r);
	return true;
}

bool lk_pg_index_leftovers(struct lk_session *session, const char *relation_sql,
			   struct lk_result *result, struct lk_error *error)
{
	return LK_QUERY(
		session, result, error,
		"SELECT format('%I.%I', n.nspname, c.relname) FROM pg_index i JOIN pg_class c ON"
		" c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
		" WHERE i.indrelid IN (SELECT to_regclass($1) UNION SELECT x.indrelid FROM pg_index x"
		"  WHERE x.indexrelid = to_regclass($1))"
		" AND NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' ORDER BY 1",
		relation_sql);
}

bool lk_pg_index_build_is_safe(int server_version, struct lk_error *error)
{
	if (server_version < 140000 || server_version >= 140004)
		return true;
	return lk_fail(
		error, LK_ERROR_REFUSED,
		"PostgreSQL 14.%d builds corrupt indexes CONCURRENTLY while others write (mended in 14.4): "
		"upgrade the server first",
		server_version % 100);
}

static char *qualified(struct lk_session *session, const char *table_sql, const char *name,
		       struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT format('%I.%I', n.nspname, $2::text) FROM pg_namespace n WHERE n.oid ="
		    " coalesce((SELECT relnamespace FROM pg_class WHERE oid = to_regclass(nullif($1, ''))),"
		    " current_schema()::regnamespace)",
		    table_sql, name))
		return NULL;
	char *sql = lk_strdup(r.rows ? lk_cell_text(&r, 0, 0) : name);
	lk_result_free(&r);
	return sql;
}

/*
 * An index is invalid as well while somebody builds it. Whoever does holds SHARE UPDATE EXCLUSIVE on the table,
 * which every role can see; so do a VACUUM and an ANALYZE, for which it is worth waiting.
 */
static bool nobody_builds(struct lk_session *session, const char *index_sql, struct lk_error *error)
{
	struct lk_result r;
	if (!LK_QUERY(
		    session, &r, error,
		    "SELECT l.pid, coalesce(a.usename, ''), coalesce(a.application_name, '') FROM pg_index i"
		    " JOIN pg_locks l ON l.relation = i.indrelid AND l.locktype = 'relation' AND l.granted"
		    "  AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_backend_pid()"
		    " LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
		    " WHERE i.indexrelid = to_regclass($1) AND coalesce(a.backend_type, '') <> 'autovacuum worker'"
		    " LIMIT 1",
		    index_sql))
		return false;
	bool nobody = r.rows == 0;
	if (!nobody)
		lk_fail(error, LK_ERROR_REFUSED,
			"index %s is not valid, and process %s (%s %s) is at work on its table: it may be building it "
			"this moment, so it is not dropped; go on when that process has ended",
			index_sql, lk_cell_text(&r, 0, 0), lk_cell_text(&r, 0, 1),
			lk_cell_text(&r, 0, 2));
	lk_result_free(&r);
	return nobody;
}

bool lk_pg_index_drop_invalid(struct lk_session *session, const char *table_sql, const char *name,
			      struct lk_error *error)
{
	enum lk_pg_index_state state;
	if (!lk_pg_index_state(session, table_sql, name, &state, error))
		return false;
	if (state != LK_PG_INDEX_INVALID)
		return true;
	char *index = qualified(session, table_sql, name, error);
	if (index && !nobody_builds(session, index, error)) {
		free(index);
		return false;
	}
	char *sql = lk_format("DROP INDEX CONCURRENTLY IF EXISTS %s", index ? index : "");
	bool dropped = index && lk_execute(session, sql, error);
	free(sql);
	free(index);
	return dropped;
}
