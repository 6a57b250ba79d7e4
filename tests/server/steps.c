/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/steps.h"

#include "tests/unit/support.h"

#include "base/memory.h"

static char *uri_of(const struct lk_test_server *server, const char *role)
{
	return lk_format("postgresql:///test?host=%s&port=5432&user=%s",
			 lk_test_server_folder(server), role);
}

void lk_test_steps_open_as(struct lk_test_steps *steps, const struct lk_test_server *server,
			   const char *role, const char *yaml)
{
	char *uri = uri_of(server, role);
	lk_test_steps_open_uri(steps, uri, yaml);
	steps->server = server;
	free(uri);
}

void lk_test_steps_open(struct lk_test_steps *steps, const struct lk_test_server *server,
			const char *yaml)
{
	lk_test_steps_open_as(steps, server, "postgres", yaml);
}

char *lk_test_steps_refusal(const struct lk_test_server *server, const char *yaml)
{
	char *uri = uri_of(server, "postgres");
	char *text = lk_test_steps_refusal_at(uri, yaml);
	free(uri);
	return text;
}

const char *lk_test_state(PGconn *connection, const char *sql, char state[6])
{
	PGresult *result = PQexec(connection, sql);
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	lk_copy_text(state, 6, code ? code : "");
	PQclear(result);
	return state;
}

void lk_test_do(PGconn *connection, const char *sql)
{
	char state[6];
	if (lk_test_state(connection, sql, state)[0])
		fail_msg("%s: %s\n%s", state, PQerrorMessage(connection), sql);
}

char *lk_test_rows(PGconn *connection, const char *sql)
{
	struct lk_buffer out = {0};
	PGresult *result = PQexec(connection, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s%s", PQerrorMessage(connection), sql);
	for (int r = 0; r < PQntuples(result); r++)
		for (int c = 0; c < PQnfields(result); c++)
			lk_buffer_addf(&out, "%s%s",
				       c   ? "|"
				       : r ? "\n"
					   : "",
				       PQgetisnull(result, r, c) ? "NULL"
								 : PQgetvalue(result, r, c));
	PQclear(result);
	return lk_buffer_take(&out);
}

char *lk_test_catalog(const struct lk_test_server *server, const char *table_sql)
{
	/* NOT NULL stands with its column; PostgreSQL 18 lists it once more, as a constraint. */
	static const char sql[] =
		"WITH t AS (SELECT '%s'::regclass AS oid)"
		" SELECT concat_ws(' ', 'column', a.attname, format_type(atttypid, atttypmod),"
		"  (SELECT collname FROM pg_collation c WHERE c.oid = attcollation), attnotnull,"
		"  pg_get_expr(adbin, adrelid), attacl, attstattarget, attstorage,"
		"  col_description(attrelid, attnum)), row_number() OVER (ORDER BY attnum)"
		" FROM t JOIN pg_attribute a ON attrelid = t.oid LEFT JOIN pg_attrdef ON adrelid = attrelid"
		"  AND adnum = attnum WHERE attnum > 0 AND NOT attisdropped"
		" UNION ALL SELECT concat_ws(' ', 'constraint', conname, pg_get_constraintdef(c.oid),"
		"  convalidated), 10000 FROM t JOIN pg_constraint c ON conrelid = t.oid"
		"  WHERE contype <> 'n'"
		" UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid,"
		"  reloptions), 10001 FROM t JOIN pg_index ON indrelid = t.oid JOIN pg_class c ON"
		"  c.oid = indexrelid"
		" UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(g.oid), tgenabled), 10002"
		"  FROM t JOIN pg_trigger g ON tgrelid = t.oid WHERE NOT tgisinternal"
		" UNION ALL SELECT concat_ws(' ', 'table', relacl, relkind, relreplident, relrowsecurity,"
		"  relfilenode), 10003 FROM t JOIN pg_class c ON c.oid = t.oid"
		" UNION ALL SELECT 'function ' || proname, 10004 FROM pg_proc"
		"  WHERE pronamespace = to_regnamespace('lockkeeper') ORDER BY 2, 1";
	PGconn *connection = lk_test_connect(server);
	char *filled = lk_format(sql, table_sql);
	char *catalog = lk_test_rows(connection, filled);
	free(filled);
	PQfinish(connection);
	return catalog;
}
