/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/chaos/my_statements.h"

#include "base/buffer.h"
#include "base/memory.h"

#define RUNNING(verb)                                                                              \
	"EXISTS (SELECT 1 FROM lockkeeper.step WHERE verb = '" verb "' AND state = 'running')"
#define LATEST "(SELECT name FROM lockkeeper.run ORDER BY created_at DESC LIMIT 1)"

/* Conditions on `p`, the worker's row of the processlist; its statements begin with a comment. */
const struct lk_chaos_sign lk_chaos_my_signs[LK_CHAOS_MOMENTS + 1] = {
	[LK_CHAOS_IN_BIRTH] =
		{"in the journal's birth",
		 "p.info REGEXP 'CREATE (DATABASE|TABLE)|INSERT INTO lockkeeper|COMMIT'", 0, 0},
	[LK_CHAOS_IN_DUAL_WRITE] = {"in the dual write's DDL", "p.info REGEXP 'TRIGGER|ADD COLUMN'",
				    1, 0},
	[LK_CHAOS_IN_CHUNK] = {"in a chunk", "p.info REGEXP 'UPDATE .*users'", 3, 1},
	/* The catalog is changed already, and the journal does not know it. */
	[LK_CHAOS_BEFORE_RECORD] =
		{"before the record",
		 RUNNING("ddl") " AND EXISTS (SELECT 1 FROM information_schema.statistics WHERE"
				" table_schema = 'test' AND table_name = 'users' AND column_name ="
				" 'user_handle')",
		 6, 0},
	[LK_CHAOS_IN_COMMIT] = {"in a commit", "p.info LIKE '%COMMIT'", 3, 0},
	[LK_CHAOS_IN_VERIFY] = {"in verify", "p.command = 'Query' AND " RUNNING("verify"), 4, 1},
	[LK_CHAOS_IN_VALIDATE] = {"in NOT NULL", "p.info LIKE '%MODIFY%'", 5, 0},
	[LK_CHAOS_IN_INDEX] = {"in the index build", "p.info REGEXP '(ADD|CREATE) INDEX'", 6, 1},
	/* From the intent on, which stands before it, or from the first step back. */
	[LK_CHAOS_IN_DROP] = {"in the drop",
			      "(" RUNNING("end_dual_write") " OR EXISTS (SELECT 1 FROM"
							    " lockkeeper.run WHERE backward))",
			      12, 0},
	[LK_CHAOS_ANY_TIME] = {"at some time", NULL, 12, 1},
};

/*
 * The latest run's steps by what they do: d dual write, b backfill, n NOT NULL (the first DDL of migrate), i the
 * index (the second), e end of dual write, x the drop (the last DDL of contract). A step that is under way may
 * have changed the catalog or not; before its intent and after its record it must not be in doubt. On the way back
 * a step stays "done" in the journal until that is recorded. The two are
 * not read in one snapshot, so what disagrees counts only when it is still so at later looks at which the
 * journal has not moved. MariaDB shows nothing at all of a table that it cannot open at once: then nothing is
 * claimed.
 */
const char lk_chaos_my_look[] =
	"WITH st AS (SELECT"
	"  MAX(CASE WHEN verb = 'dual_write' THEN state END) AS d,"
	"  MAX(CASE WHEN verb = 'backfill' THEN state END) AS b,"
	"  MAX(CASE WHEN number = (SELECT MIN(number) FROM lockkeeper.step WHERE run = " LATEST
	"   AND verb = 'ddl' AND phase = 'migrate') THEN state END) AS n,"
	"  MAX(CASE WHEN number = 1 + (SELECT MIN(number) FROM lockkeeper.step WHERE run = " LATEST
	"   AND verb = 'ddl' AND phase = 'migrate') THEN state END) AS i,"
	"  MAX(CASE WHEN verb = 'end_dual_write' THEN state END) AS e,"
	"  MAX(CASE WHEN number = (SELECT MAX(number) FROM lockkeeper.step WHERE run = " LATEST
	"   AND verb = 'ddl' AND phase = 'contract') THEN state END) AS x,"
	"  GROUP_CONCAT(LEFT(state, 1) ORDER BY number SEPARATOR '') AS letters"
	"  FROM lockkeeper.step WHERE run = " LATEST "),"
	" cat AS (SELECT MAX(column_name = 'username') AS oldc, MAX(column_name = 'user_handle') AS newc,"
	"  MAX(column_name = 'user_handle' AND is_nullable = 'NO') AS nn,"
	"  (SELECT COUNT(*) FROM information_schema.triggers WHERE event_object_schema = 'test' AND"
	"   event_object_table = 'users') AS trg,"
	"  EXISTS (SELECT 1 FROM information_schema.statistics WHERE table_schema = 'test' AND table_name ="
	"   'users' AND column_name = 'user_handle') AS idx"
	"  FROM information_schema.columns WHERE table_schema = 'test' AND table_name = 'users'),"
	" cur AS (SELECT * FROM lockkeeper.`cursor` WHERE run = " LATEST "),"
	" way AS (SELECT backward AS back FROM lockkeeper.run WHERE name = " LATEST "),"
	" bad AS ("
	" SELECT CONCAT('dual write is ', d, ', columns and triggers: ', oldc, newc, trg) AS what FROM st, cat, way"
	"  WHERE (d IN ('pending', 'undone') AND (newc OR trg > 0))"
	"  OR (d = 'done' AND e = 'pending' AND NOT back AND NOT (newc AND oldc AND trg = 2))"
	" UNION ALL SELECT CONCAT('end of dual write is ', e, ', triggers: ', trg) FROM st, cat"
	"  WHERE e = 'done' AND trg > 0"
	" UNION ALL SELECT CONCAT('drop is ', x, ', the old column is there: ', oldc) FROM st, cat"
	"  WHERE (x = 'done' AND (oldc OR NOT newc)) OR (x = 'pending' AND NOT oldc)"
	" UNION ALL SELECT CONCAT('NOT NULL: ', nn, ', step: ', n) FROM st, cat, way"
	"  WHERE newc AND ((n = 'done' AND NOT nn AND NOT back) OR (n IN ('pending', 'undone') AND nn))"
	" UNION ALL SELECT CONCAT('index: ', idx, ', step: ', i) FROM st, cat, way"
	"  WHERE newc AND ((i = 'done' AND NOT idx AND NOT back) OR (i IN ('pending', 'undone') AND idx))"
	" UNION ALL SELECT 'backfill is done, its cursor is not' FROM st"
	"  WHERE b = 'done' AND NOT EXISTS (SELECT 1 FROM cur WHERE finished)"
	" ) SELECT (SELECT GROUP_CONCAT(what SEPARATOR '; ') FROM bad),"
	" CONCAT_WS(' ', (SELECT CONCAT(name, state) FROM lockkeeper.run WHERE name = " LATEST "),"
	"  (SELECT letters FROM st), (SELECT MAX(rows_done) FROM cur)),"
	" (SELECT MAX(JSON_UNQUOTE(JSON_EXTRACT(`key`, '$[0]'))) FROM cur),"
	" (SELECT newc AND oldc AND e = 'pending' FROM cat, st)";

/* The cursor is written in the chunk's own transaction, and one statement reads one snapshot of both. */
const char lk_chaos_my_behind[] =
	"SELECT COUNT(*), MIN(u.id), MAX(c.last) FROM users u JOIN (SELECT"
	" JSON_UNQUOTE(JSON_EXTRACT(`key`, '$[0]')) AS last FROM lockkeeper.`cursor` WHERE run = " LATEST
	") c WHERE u.id <= CAST(c.last AS SIGNED)"
	" AND NOT (CAST(u.user_handle AS BINARY) <=> CAST(u.username AS BINARY))";

/* Everything on or beside the table, as text. */
const char lk_chaos_my_schema[] =
	"SELECT GROUP_CONCAT(x ORDER BY x SEPARATOR ', ') FROM ("
	" SELECT CONCAT(column_name, ' ', data_type, IFNULL(CONCAT('(', character_maximum_length, ')'), ''),"
	"  IF(is_nullable = 'NO', ' not null', '')) AS x FROM information_schema.columns"
	"  WHERE table_schema = 'test' AND table_name = 'users' AND column_name <> 'note'"
	" UNION ALL SELECT CONCAT('index on ', GROUP_CONCAT(column_name)) FROM information_schema.statistics"
	"  WHERE table_schema = 'test' AND table_name = 'users' GROUP BY index_name"
	" UNION ALL SELECT CONCAT('trigger ', trigger_name) FROM information_schema.triggers"
	"  WHERE event_object_schema = 'test'"
	" UNION ALL SELECT CONCAT('constraint ', constraint_name) FROM information_schema.table_constraints"
	"  WHERE table_schema = 'test' AND table_name = 'users' AND constraint_type <> 'PRIMARY KEY'"
	" UNION ALL SELECT CONCAT('table ', table_name) FROM information_schema.tables WHERE table_schema ="
	"  'test' AND table_name NOT LIKE 'users%'"
	" UNION ALL SELECT CONCAT('table ', table_name) FROM information_schema.tables WHERE table_schema ="
	"  'lockkeeper' AND table_name LIKE 'probe%') AS all_of_it";

/*
 * What a release does, a row a transaction: two writers never wait for each other in a circle. An error ends the
 * transaction, as an application's own code would.
 */
static void add_release(struct lk_buffer *out, const char *name, char mark, const char *column)
{
	lk_buffer_addf(
		out,
		"; CREATE PROCEDURE %s() BEGIN"
		" DECLARE k BIGINT; DECLARE v VARCHAR(40) CHARACTER SET utf8mb4; DECLARE dice DOUBLE;"
		" DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;"
		" SET k = 1 + FLOOR(RAND() * (SELECT MAX(id) FROM users)), dice = RAND(),"
		"  v = CONCAT('%c', FLOOR(RAND() * 1e9));"
		" START TRANSACTION;"
		" IF dice < 0.6 THEN"
		"  UPDATE users SET %s = v WHERE id = k;"
		"  IF ROW_COUNT() > 0 THEN"
		"   INSERT INTO users_ledger SELECT id, %s FROM users WHERE id = k"
		"   ON DUPLICATE KEY UPDATE `value` = VALUES(`value`);"
		"  END IF;"
		" ELSEIF dice < 0.85 THEN"
		"  INSERT INTO users (%s) VALUES (v);"
		"  INSERT INTO users_ledger SELECT id, %s FROM users WHERE id = LAST_INSERT_ID();"
		" ELSE"
		"  DELETE FROM users WHERE id = k;"
		"  DELETE FROM users_ledger WHERE id = k;"
		" END IF;"
		" COMMIT; END",
		name, mark, column, column, column, column);
}

char *lk_chaos_my_make_users(int rows)
{
	struct lk_buffer out = {0};
	lk_buffer_add(&out, "CREATE TABLE users (id bigint AUTO_INCREMENT PRIMARY KEY,"
			    " username varchar(40) NOT NULL DEFAULT 'nobody', note text,"
			    " KEY users_username_idx (username));"
			    " INSERT INTO users VALUES (1, 'user 1', REPEAT('x', 20))");
	for (int there = 1; there < rows; there *= 2)
		lk_buffer_addf(&out,
			       "; INSERT INTO users SELECT id + %d, CONCAT('user ', id + %d), note"
			       " FROM users AS u WHERE id <= %d",
			       there, there, rows - there);
	lk_buffer_add(&out,
		      "; CREATE TABLE users_ledger (id bigint PRIMARY KEY, `value` varchar(40));"
		      " INSERT INTO users_ledger SELECT id, username FROM users;"
		      " ANALYZE TABLE users");
	add_release(&out, "write_old", 'o', "username");
	add_release(&out, "write_new", 'n', "user_handle");
	return lk_buffer_take(&out);
}
