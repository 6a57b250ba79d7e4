/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sandbox/shop.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/postgres.h"

/* Every thousandth user has no handle, so that NULL is among the values from the start. */
#define FIRST_HANDLE(id) "CASE WHEN mod(" id ", 1000) <> 0 THEN 'user_' || " id " END"

static const char users_sql[] = "CREATE TABLE users ("
				" id bigint GENERATED ALWAYS AS IDENTITY,"
				" username text,"
				" email text NOT NULL,"
				" display_name text,"
				" balance bigint NOT NULL DEFAULT 0,"
				" created_at timestamptz NOT NULL DEFAULT now())";

/* Constraints and indexes follow the rows: building them once is several times as fast. */
static const char rest_sql[] =
	"SET LOCAL maintenance_work_mem = '256MB';"
	"ALTER TABLE users ADD PRIMARY KEY (id);"
	"CREATE INDEX users_username_idx ON users (username);"
	"COMMENT ON COLUMN users.username IS 'the name other customers see';"
	"CREATE TABLE orders ("
	" id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	" user_id bigint NOT NULL REFERENCES users (id),"
	" amount bigint NOT NULL,"
	" created_at timestamptz NOT NULL DEFAULT now());"
	"CREATE INDEX orders_user_id_idx ON orders (user_id);"
	"CREATE TABLE handle_log ("
	" seq bigserial PRIMARY KEY,"
	" user_id bigint NOT NULL,"
	" handle text,"
	" release text NOT NULL,"
	" gone boolean NOT NULL DEFAULT false);"
	"CREATE INDEX handle_log_user_id_seq_idx ON handle_log (user_id, seq);"
	"GRANT SELECT, INSERT, UPDATE, DELETE ON users, orders, handle_log TO " LK_SHOP_ROLE ";"
	"GRANT USAGE ON SEQUENCE handle_log_seq_seq TO " LK_SHOP_ROLE ";"
	"GRANT SELECT (id, username) ON users TO reporting";

bool lk_shop_create_database(PGconn *connection, struct lk_error *error)
{
	return lk_postgres_execute(connection,
				   "CREATE ROLE " LK_SHOP_ROLE " LOGIN; CREATE ROLE reporting",
				   error) &&
	       lk_postgres_execute(connection, "CREATE DATABASE " LK_SHOP_DATABASE, error);
}

/* The table is made and filled in one transaction, so a server without WAL to ship writes none for
 * it. */
bool lk_shop_create_tables(PGconn *connection, int64_t rows, struct lk_error *error)
{
	char *fill = lk_format(
		"INSERT INTO users (id, username, email, display_name) OVERRIDING SYSTEM VALUE "
		"SELECT g, " FIRST_HANDLE(
			"g") ", 'user_' || g || '@example.com', 'User ' || g "
			     "FROM generate_series(1::bigint, %" PRId64 ") g;"
			     "SELECT setval(pg_get_serial_sequence('users', 'id'), %" PRId64 ")",
		rows, rows);
	bool made = lk_postgres_execute(connection, "BEGIN", error) &&
		    lk_postgres_execute(connection, users_sql, error) &&
		    lk_postgres_execute(connection, fill, error) &&
		    lk_postgres_execute(connection, rest_sql, error) &&
		    lk_postgres_execute(connection, "COMMIT", error) &&
		    lk_postgres_execute(connection, "VACUUM (FREEZE, ANALYZE) users", error);
	free(fill);
	return made || lk_fail_context(error, "cannot create the tables of the sandbox");
}

static bool has_column(PGconn *connection, const char *column, bool *there, struct lk_error *error)
{
	const char *const values[] = {column};
	PGresult *result =
		PQexecParams(connection,
			     "SELECT 1 FROM pg_attribute WHERE attname = $1 AND "
			     "attrelid = to_regclass('public.users') AND NOT attisdropped",
			     1, NULL, values, NULL, NULL, 0);
	bool known = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (known)
		*there = PQntuples(result) == 1;
	else
		lk_postgres_failed(connection, result, error);
	PQclear(result);
	return known;
}

static char *compare_sql(int64_t rows, bool old_column, bool new_column)
{
	return lk_format("WITH newest AS ("
			 " SELECT DISTINCT ON (user_id) user_id, handle, gone FROM handle_log"
			 " ORDER BY user_id, seq DESC), "
			 "expected AS ("
			 " SELECT coalesce(n.user_id, g) AS id,"
			 "  CASE WHEN n.user_id IS NULL THEN " FIRST_HANDLE(
				 "g") " ELSE n.handle END AS handle"
				      " FROM generate_series(1::bigint, %" PRId64
				      ") g FULL JOIN newest n ON n.user_id = g"
				      " WHERE n.gone IS NOT TRUE) "
				      "SELECT count(u.id), count(*), count(*) FILTER (WHERE u.id "
				      "IS NULL OR e.id IS NULL%s%s) "
				      "FROM users u FULL JOIN expected e ON e.id = u.id",
			 rows, old_column ? " OR u.username IS DISTINCT FROM e.handle" : "",
			 new_column ? " OR u.user_handle IS DISTINCT FROM e.handle" : "");
}

bool lk_shop_compare(PGconn *connection, int64_t rows, int64_t *present, int64_t *compared,
		     int64_t *different, struct lk_error *error)
{
	bool old_column = false, new_column = false;
	if (!lk_postgres_execute(connection, "SET work_mem = '128MB'", error) ||
	    !has_column(connection, "username", &old_column, error) ||
	    !has_column(connection, "user_handle", &new_column, error))
		return false;
	if (!old_column && !new_column)
		return lk_fail(error, LK_ERROR_STATEMENT,
			       "users has neither the column username nor user_handle: nothing to "
			       "compare");
	char *sql = compare_sql(rows, old_column, new_column);
	PGresult *result = PQexec(connection, sql);
	bool done = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (done) {
		*present = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
		*compared = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
		*different = strtoll(PQgetvalue(result, 0, 2), NULL, 10);
	} else {
		lk_postgres_failed(connection, result, error);
	}
	PQclear(result);
	free(sql);
	return done;
}
