/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/pg_statements.h"

#include "base/memory.h"

const struct lk_chaos_sign lk_chaos_pg_signs[LK_CHAOS_MOMENTS + 1] = {
	[LK_CHAOS_IN_BIRTH] =
		{"in the journal's birth",
		 "state <> 'idle' AND query ~ 'CREATE SCHEMA|INSERT INTO lockkeeper|COMMIT'", 0, 0},
	[LK_CHAOS_IN_DUAL_WRITE] = {"in the dual write's DDL",
				    "state <> 'idle' AND query ~ 'CREATE|ADD COLUMN|LOCK TABLE'", 1,
				    0},
	[LK_CHAOS_IN_CHUNK] = {"in a chunk", "state = 'active' AND query LIKE 'UPDATE%users%'", 4,
			       1},
	[LK_CHAOS_BEFORE_RECORD] = {"before the record", "state = 'idle in transaction'", 8, 1},
	[LK_CHAOS_IN_COMMIT] = {"in a commit", "state = 'active' AND query = 'COMMIT'", 4, 0},
	[LK_CHAOS_IN_VERIFY] = {"in verify", "query LIKE 'SELECT * FROM (%'", 5, 1},
	[LK_CHAOS_IN_VALIDATE] = {"in VALIDATE", "query LIKE '%VALIDATE%'", 7, 0},
	[LK_CHAOS_IN_INDEX] = {"in the index build",
			       "state = 'active' AND query LIKE '%INDEX CONCURRENTLY%'", 10, 1},
	/* From the intent on, which stands before it, or from the first step back. */
	[LK_CHAOS_IN_DROP] =
		{"in the drop",
		 "EXISTS (SELECT FROM lockkeeper.step s JOIN lockkeeper.run r ON r.name = s.run"
		 " WHERE (s.number = 13 AND s.state = 'running') OR r.backward)",
		 14, 0},
	[LK_CHAOS_ANY_TIME] = {"at some time", NULL, 14, 1},
};

/*
 * One statement, so one snapshot. The latest run's steps by what they do: d dual write, b backfill, v verify,
 * a ADD CONSTRAINT, w VALIDATE, n SET NOT NULL, r DROP CONSTRAINT, i CREATE INDEX, e end of dual write, x DROP.
 * Of the catalog: oldc, newc the columns, trg triggers, chk the check (null absent, else validated), nn NOT NULL,
 * idx the index on the new column (null absent, else valid). `what` names each claim that does not hold.
 */
const char lk_chaos_pg_look[] =
	"WITH run AS (SELECT name, backward, state FROM lockkeeper.run ORDER BY created_at DESC LIMIT 1),"
	" doc AS (SELECT s.number, s.state, s.verb, s.name, r.backward FROM lockkeeper.step s JOIN run r"
	"  ON r.name = s.run),"
	" st AS (SELECT bool_or(backward) AS back,"
	"  max(state) FILTER (WHERE number = 1) AS d, max(state) FILTER (WHERE number = 4) AS b,"
	"  max(state) FILTER (WHERE number = 6) AS a, max(state) FILTER (WHERE number = 7) AS w,"
	"  max(state) FILTER (WHERE number = 8) AS n, max(state) FILTER (WHERE number = 9) AS r,"
	"  max(state) FILTER (WHERE number = 10) AS i, max(state) FILTER (WHERE number = 13) AS e,"
	"  max(state) FILTER (WHERE number = 14) AS x,"
	"  string_agg(left(state, 1), '' ORDER BY number) AS letters FROM doc),"
	" cat AS (SELECT"
	"  EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'username') AS oldc,"
	"  EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_handle') AS newc,"
	"  (SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) AS trg,"
	"  (SELECT bool_and(convalidated) FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c') AS chk,"
	"  coalesce((SELECT attnotnull FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_handle'),"
	"   false) AS nn,"
	"  (SELECT bool_or(indisvalid) FROM pg_index x JOIN pg_attribute t ON t.attrelid = c.oid"
	"   AND t.attnum = x.indkey[0] WHERE x.indrelid = c.oid AND t.attname = 'user_handle') AS idx"
	"  FROM pg_class c WHERE c.relname = 'users' AND c.relnamespace = 'public'::regnamespace),"
	" cur AS (SELECT c.* FROM lockkeeper.cursor c JOIN run ON run.name = c.run),"
	" bad AS ("
	" SELECT 'dual write is ' || d || ', its column or triggers are not' AS what FROM st, cat"
	"  WHERE (d = 'done' AND x <> 'done') IS DISTINCT FROM (newc AND oldc AND trg > 0)"
	" UNION ALL SELECT 'drop is ' || x || ', the old column or triggers say otherwise' FROM st, cat"
	"  WHERE (x = 'done') IS DISTINCT FROM (NOT oldc) OR (x = 'done' AND (trg > 0 OR NOT newc))"
	" UNION ALL SELECT 'end of dual write is ' || e || ', drop is ' || x FROM st"
	"  WHERE (e = 'done') <> (x = 'done')"
	" UNION ALL SELECT 'check is there, added: ' || a || ', dropped: ' || r FROM st, cat"
	"  WHERE chk IS NOT NULL AND (a <> 'done' OR r = 'done')"
	" UNION ALL SELECT 'check is not there, added: ' || a || ', dropped: ' || r FROM st, cat"
	"  WHERE chk IS NULL AND NOT back AND a = 'done' AND r <> 'done'"
	" UNION ALL SELECT 'check is validated: ' || chk || ', step: ' || w FROM st, cat"
	"  WHERE chk IS NOT NULL AND NOT back AND chk <> (w = 'done')"
	" UNION ALL SELECT 'NOT NULL: ' || nn || ', step: ' || n FROM st, cat"
	"  WHERE newc AND nn <> (n = 'done')"
	" UNION ALL SELECT 'index: ' || coalesce(idx::text, 'absent') || ', step: ' || i FROM st, cat"
	"  WHERE (NOT back AND i = 'done' AND idx IS NOT TRUE) OR (i IN ('pending', 'undone') AND idx IS NOT NULL)"
	" UNION ALL SELECT 'backfill is done, its cursor is not' FROM st"
	"  WHERE b = 'done' AND NOT EXISTS (SELECT FROM cur WHERE finished)"
	" ) SELECT (SELECT string_agg(what, '; ') FROM bad),"
	" concat_ws(' ', (SELECT name || state FROM run), (SELECT letters FROM st), (SELECT rows_done FROM cur)),"
	" (SELECT key[1] FROM cur), (SELECT newc AND oldc FROM cat)";

const char lk_chaos_pg_behind[] =
	"SELECT count(*), min(id), (SELECT key[1] FROM lockkeeper.cursor c JOIN lockkeeper.run r ON"
	" r.name = c.run ORDER BY r.created_at DESC LIMIT 1) FROM users WHERE user_handle IS DISTINCT FROM"
	" username AND id <= (SELECT key[1]::bigint FROM lockkeeper.cursor c JOIN lockkeeper.run r ON r.name ="
	" c.run ORDER BY r.created_at DESC LIMIT 1)";

/* Everything on or beside the table, as text. */
const char lk_chaos_pg_schema[] =
	"SELECT string_agg(x, ', ' ORDER BY x) FROM ("
	" SELECT format('%s %s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN"
	"  ' not null' ELSE '' END) AS x FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0"
	"  AND NOT attisdropped AND attname <> 'note'"
	" UNION ALL SELECT format('index on %s%s', (SELECT attname FROM pg_attribute WHERE attrelid = indrelid"
	"  AND attnum = indkey[0]), CASE WHEN indisvalid THEN '' ELSE ' INVALID' END) FROM pg_index"
	"  WHERE indrelid = 'users'::regclass"
	" UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE conrelid = 'users'::regclass"
	"  AND contype <> 'p'"
	" UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = 'users'::regclass"
	" UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'lockkeeper'::regnamespace"
	" UNION ALL SELECT 'prepared transaction' FROM pg_prepared_xacts) AS all_of_it";

char *lk_chaos_pg_make_users(int rows)
{
	return lk_format(
		"CREATE TABLE users (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,"
		" username varchar(40) NOT NULL DEFAULT 'nobody', note text);"
		"INSERT INTO users (username, note) SELECT 'user ' || n, repeat('x', 20)"
		" FROM generate_series(1, %d) n;"
		"CREATE INDEX users_username_idx ON users (username);"
		"CREATE TABLE users_ledger AS SELECT id, username::text AS value FROM users;"
		"ALTER TABLE users_ledger ADD PRIMARY KEY (id); ANALYZE users",
		rows);
}

/* One row a transaction: two writers never wait for each other in a circle. */
char *lk_chaos_pg_write(bool new_release)
{
	const char *c = new_release ? "user_handle" : "username";
	return lk_format(
		"DO $$ DECLARE top bigint := (SELECT max(id) FROM users);"
		" k bigint := 1 + (random() * top)::bigint;"
		" v text := '%s' || (random() * 1e9)::bigint; dice float8 := random(); BEGIN"
		" IF dice < 0.6 THEN"
		"  WITH u AS (UPDATE users SET %s = v WHERE id = k RETURNING id, %s AS x)"
		"   INSERT INTO users_ledger SELECT * FROM u"
		"   ON CONFLICT (id) DO UPDATE SET value = excluded.value;"
		" ELSIF dice < 0.85 THEN"
		"  WITH n AS (INSERT INTO users (%s) VALUES (v) RETURNING id, %s)"
		"   INSERT INTO users_ledger SELECT * FROM n;"
		" ELSE"
		"  WITH d AS (DELETE FROM users WHERE id = k RETURNING id)"
		"   DELETE FROM users_ledger l USING d WHERE l.id = d.id;"
		" END IF; END $$",
		new_release ? "n" : "o", c, c, c, c);
}
