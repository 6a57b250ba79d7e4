/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The locks below are those measured on PostgreSQL 15, not those that a manual promises. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/memory.h"
#include "plan/file.h"
#include "risk/plan.h"
#include "risk/risk.h"

#define MS "for milliseconds"
#define AE "ACCESS EXCLUSIVE on users, "
#define SUE "SHARE UPDATE EXCLUSIVE on users, "
#define QUICK "no rewrite, no scan"

enum { IN_TRANSACTION = 0, OUTSIDE = 1, DESTROYS = 2 };

static const struct expected {
	const char *sql, *kind, *lock, *cost;
	int flags;
} statements[] = {
	{"ALTER TABLE users ADD COLUMN z int", "add column", AE MS, QUICK, 0},
	{"ALTER TABLE users ADD COLUMN z int NOT NULL DEFAULT 5", "add column", AE MS, QUICK, 0},
	{"ALTER TABLE users ADD COLUMN z timestamptz DEFAULT now()", "add column", AE MS, QUICK, 0},
	{"ALTER TABLE users ADD z timestamptz DEFAULT clock_timestamp()", "add column",
	 AE "for as long as it rewrites the table", "rewrites the whole table", 0},
	{"ALTER TABLE users ADD z uuid DEFAULT gen_random_uuid()", "add column",
	 AE "for as long as it rewrites", "rewrites the whole table", 0},
	{"ALTER TABLE users ADD z text DEFAULT lower(md5(random()::text))", "add column",
	 AE "for as long as it rewrites", "rewrites the whole table", 0},
	{"ALTER TABLE users ADD COLUMN z serial", "add column", AE "for as long as it rewrites",
	 "rewrites the whole table", 0},
	{"ALTER TABLE users ADD z bigint GENERATED ALWAYS AS IDENTITY", "add column",
	 AE "for as long as it rewrites", "rewrites the whole table", 0},
	{"ALTER TABLE users ADD z int GENERATED ALWAYS AS (a*2) STORED", "add column",
	 AE "for as long as it rewrites", "rewrites the whole table", 0},
	{"ALTER TABLE users ADD z int UNIQUE", "add column", AE "for as long as it builds",
	 "builds an index", 0},
	{"ALTER TABLE users ADD z int CHECK (z > 0)", "add column", AE "for as long as it reads",
	 "reads the whole table", 0},
	{"ALTER TABLE users ADD z int REFERENCES o(id)", "add column", AE MS, QUICK, 0},
	{"ALTER TABLE users ADD z int DEFAULT 5 REFERENCES o(id)", "add column",
	 AE "for as long as it reads", "reads the whole table", 0},
	{"ALTER TABLE users DROP COLUMN d", "drop column", AE MS, QUICK, DESTROYS},
	{"ALTER TABLE users RENAME COLUMN d TO dd", "rename column", AE MS, QUICK, 0},
	{"ALTER TABLE users RENAME TO people", "rename table", AE MS, QUICK, 0},
	{"ALTER TABLE users RENAME CONSTRAINT a TO b", "rename constraint", AE MS, QUICK, 0},
	{"ALTER TABLE users ALTER a SET DEFAULT 3", "set or drop default", AE MS, QUICK, 0},
	{"ALTER TABLE users ALTER a SET NOT NULL", "set not null", AE "for as long as it reads",
	 "reads the whole table", 0},
	{"ALTER TABLE users ALTER a DROP NOT NULL", "drop not null", AE MS, QUICK, 0},
	{"ALTER TABLE users ALTER a TYPE bigint", "alter column type",
	 AE "for as long as it rewrites", "unless the values keep their form", 0},
	{"ALTER TABLE users ALTER a SET STATISTICS 500", "set statistics", SUE MS, QUICK, 0},
	{"ALTER TABLE users ADD CONSTRAINT c CHECK (b > 0)", "add check",
	 AE "for as long as it reads", "reads the whole table", 0},
	{"ALTER TABLE users ADD CONSTRAINT c CHECK (b > 0) NOT VALID", "add check not valid", AE MS,
	 QUICK, 0},
	{"ALTER TABLE users VALIDATE CONSTRAINT c", "validate constraint",
	 SUE "for as long as it reads", "reads the whole table", 0},
	{"ALTER TABLE users ADD FOREIGN KEY (a) REFERENCES o(id)", "add foreign key",
	 "SHARE ROW EXCLUSIVE on users, for as long as it reads", "reads the whole table", 0},
	{"ALTER TABLE users ADD FOREIGN KEY (a) REFERENCES o(id) NOT VALID",
	 "add foreign key not valid", "SHARE ROW EXCLUSIVE on users, " MS, QUICK, 0},
	{"ALTER TABLE users ADD UNIQUE (a)", "add unique", AE "for as long as it builds",
	 "builds an index", 0},
	{"ALTER TABLE users ADD CONSTRAINT u UNIQUE USING INDEX i", "add unique using index", AE MS,
	 QUICK, 0},
	{"ALTER TABLE users DROP CONSTRAINT c", "drop constraint", AE MS, QUICK, 0},
	{"ALTER TABLE users SET (fillfactor = 70)", "set storage options", SUE MS, QUICK, 0},
	{"ALTER TABLE users SET UNLOGGED", "set unlogged", AE "for as long as it rewrites",
	 "rewrites the whole table", 0},
	{"ALTER TABLE users DISABLE TRIGGER t", "disable trigger",
	 "SHARE ROW EXCLUSIVE on users, " MS, QUICK, 0},
	{"ALTER TABLE users DETACH PARTITION p", "detach partition", AE MS, QUICK, 0},
	{"ALTER TABLE users DETACH PARTITION p CONCURRENTLY", "detach partition concurrently",
	 SUE MS, QUICK, OUTSIDE},
	{"ALTER TABLE users ADD z int, ADD y int DEFAULT 1, ALTER a SET STATISTICS 10",
	 "add column, set statistics", AE MS, QUICK, 0},
	{"CREATE INDEX i ON users (a)", "create index", "SHARE on users, for as long as it builds",
	 "builds an index", 0},
	{"CREATE UNIQUE INDEX CONCURRENTLY i ON users (a)", "create index concurrently",
	 SUE "for as long as it builds", "writes go on", OUTSIDE},
	{"DROP INDEX i", "drop index", "ACCESS EXCLUSIVE on i, " MS, QUICK, 0},
	{"DROP INDEX CONCURRENTLY shop.i", "drop index concurrently",
	 "SHARE UPDATE EXCLUSIVE on shop.i, " MS, QUICK, OUTSIDE},
	{"CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()",
	 "create trigger", "SHARE ROW EXCLUSIVE on users, " MS, QUICK, 0},
	{"DROP TRIGGER t ON users", "drop trigger", AE MS, QUICK, 0},
	{"CREATE TABLE nt (id int)", "create table", "none", QUICK, 0},
	{"CREATE TABLE p PARTITION OF users FOR VALUES FROM (1) TO (2)", "create partition", AE MS,
	 QUICK, 0},
	{"DROP TABLE users", "drop table", AE MS, QUICK, DESTROYS},
	{"TRUNCATE users", "truncate", AE MS, QUICK, DESTROYS},
	{"UPDATE users SET a = 1 WHERE id = 1", "update",
	 "ROW EXCLUSIVE on users, until it commits", "as many rows", 0},
	{"DELETE FROM users", "delete", "ROW EXCLUSIVE on users, until it commits", "as many rows",
	 DESTROYS},
	{"INSERT INTO users VALUES (1)", "insert", "ROW EXCLUSIVE on users", "as many rows", 0},
	{"SELECT * FROM users FOR UPDATE", "select", "ROW SHARE on users", "as many rows", 0},
	{"SELECT 1", "select", "ACCESS SHARE, until", "as many rows", 0},
	{"COMMENT ON COLUMN users.a IS 'x'", "comment", SUE MS, QUICK, 0},
	{"COMMENT ON TABLE users IS 'x'", "comment", SUE MS, QUICK, 0},
	{"GRANT SELECT ON users TO PUBLIC", "grant or revoke", "none", QUICK, 0},
	{"VACUUM users", "vacuum", SUE "for as long as it reads", "reads the whole table", OUTSIDE},
	{"VACUUM (FULL) users", "vacuum full", AE "for as long as it rewrites", "rewrites",
	 OUTSIDE},
	{"ANALYZE users", "analyze", SUE "until", "as many rows", 0},
	{"REINDEX TABLE users", "reindex", "SHARE on users", "builds an index", 0},
	{"REINDEX TABLE CONCURRENTLY users", "reindex concurrently", SUE, "twice", OUTSIDE},
	{"CLUSTER users USING i", "cluster", AE "for as long as it rewrites", "rewrites", 0},
	{"LOCK TABLE users IN SHARE MODE", "lock table", "SHARE on users, until it commits", "", 0},
	{"CREATE DATABASE x", "create database", "none", QUICK, OUTSIDE},
	{"DROP DATABASE x", "drop database", "ACCESS EXCLUSIVE", QUICK, OUTSIDE | DESTROYS},
	{"ALTER TYPE mood ADD VALUE 'x'", "alter type", "none", QUICK, 0},
	{"DROP FUNCTION f()", "drop function", "none", QUICK, 0},
	{"DROP TYPE t CASCADE", "drop type", "none", QUICK, DESTROYS},
	{"REFRESH MATERIALIZED VIEW CONCURRENTLY users", "refresh materialized view",
	 "EXCLUSIVE on users", "rewrites", 0},
};

static void statements_are_judged_as_measured(void **state)
{
	(void)state;
	for (size_t i = 0; i < LK_COUNT(statements); i++) {
		const struct expected *e = &statements[i];
		struct lk_risk risk;
		lk_risk_statement(LK_ENGINE_POSTGRES, e->sql, &risk);
		bool lock = strncmp(risk.lock, e->lock, strlen(e->lock)) == 0;
		if (!risk.parsed || strcmp(risk.kind, e->kind) != 0 || !lock ||
		    !strstr(risk.cost, e->cost) || risk.transactional == !!(e->flags & OUTSIDE) ||
		    risk.destroys_data != !!(e->flags & DESTROYS))
			fail_msg("%s\n  %s | %s | %s | transactional %d, destroys %d | %s", e->sql,
				 risk.kind, risk.lock, risk.cost, risk.transactional,
				 risk.destroys_data, risk.note);
	}
}

static void notes_name_what_else_is_locked(void **state)
{
	static const char *const notes[][2] = {
		{"ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES s.b (y)",
		 "takes SHARE ROW EXCLUSIVE on s.b too"},
		{"CREATE TABLE a (x int REFERENCES b (y))", "SHARE ROW EXCLUSIVE on b"},
		{"CREATE TABLE a (x int, FOREIGN KEY (x) REFERENCES b (y))",
		 "SHARE ROW EXCLUSIVE on b"},
		{"ALTER TABLE a ADD x int NOT NULL", "fails unless the table is empty"},
		{"ALTER TABLE a ADD x int DEFAULT f(1)", "f() gives every row a value of its own"},
		{"ALTER TABLE a ALTER x SET NOT NULL", "spares the scan"},
		{"UPDATE a SET x = 1", "a backfill goes by chunks"},
		{"DROP TABLE a, b, c", "and 2 more objects"},
		{"ALTER TABLE a RENAME x TO y", "the application fails at once"},
		{"DO $$BEGIN END$$", "not checked: what the code in it does"},
		{"BEGIN", "leave BEGIN and COMMIT out"},
		{"NOTIFY x", "not checked: its locks were not measured"},
		{"", "there is no statement"},
		{"SELECT 1; SELECT 2", "2 statements"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(notes); i++) {
		struct lk_risk risk;
		lk_risk_statement(LK_ENGINE_POSTGRES, notes[i][0], &risk);
		assert_true(risk.parsed);
		assert_contains(risk.note, notes[i][1]);
	}
}

static void what_the_executor_needs_is_exact(void **state)
{
	static const struct {
		const char *sql, *mode, *table, *index;
	} exact[] = {
		{"ALTER TABLE shop.users DROP COLUMN x", "ACCESS EXCLUSIVE", "shop.users", ""},
		{"ALTER TABLE \"My Users\" ADD x int", "ACCESS EXCLUSIVE", "\"My Users\"", ""},
		{"ALTER TABLE \"a\"\"b\".\"c.d\" ADD x int", "ACCESS EXCLUSIVE",
		 "\"a\"\"b\".\"c.d\"", ""},
		{"CREATE INDEX CONCURRENTLY \"I\" ON users (a)", "SHARE UPDATE EXCLUSIVE", "users",
		 "I"},
		{"DROP INDEX CONCURRENTLY shop.i", "SHARE UPDATE EXCLUSIVE", "", "i"},
		{"GRANT SELECT ON users TO x", "", "", ""},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(exact); i++) {
		struct lk_risk risk;
		char plain[160];
		lk_risk_statement(LK_ENGINE_POSTGRES, exact[i].sql, &risk);
		/* quotes around a name that needs none are as good */
		size_t n = 0;
		for (const char *p = risk.table; *p; p++)
			if (*p != '"' || strchr(exact[i].table, '"'))
				plain[n++] = *p;
		plain[n] = '\0';
		assert_string_equal(risk.mode, exact[i].mode);
		assert_string_equal(plain, exact[i].table);
		assert_string_equal(risk.index, exact[i].index);
		assert_int_equal(risk.statements, 1);
	}
}

static void every_table_is_listed_with_its_lock(void **state)
{
	static const struct {
		const char *sql, *locks;
	} listed[] = {
		{"ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES s.b",
		 "SHARE ROW EXCLUSIVE on a, s.b"},
		{"ALTER TABLE a ADD x int REFERENCES b",
		 "ACCESS EXCLUSIVE on a; SHARE ROW EXCLUSIVE on b"},
		{"ALTER TABLE a ADD x int; ALTER TABLE b VALIDATE CONSTRAINT c; SELECT 1 FROM d",
		 "ACCESS EXCLUSIVE on a; SHARE UPDATE EXCLUSIVE on b; ACCESS SHARE on d"},
		{"ALTER TABLE a ADD x int; ALTER TABLE a ADD y int", "ACCESS EXCLUSIVE on a"},
		{"DROP TABLE a, s.b", "ACCESS EXCLUSIVE on a, s.b"},
		{"TRUNCATE a, b", "ACCESS EXCLUSIVE on a, b"},
		{"CREATE VIEW v AS SELECT * FROM a JOIN b USING (id)",
		 "ACCESS EXCLUSIVE on v; ACCESS SHARE on a, b"},
		{"INSERT INTO a SELECT * FROM b", "ROW EXCLUSIVE on a; ACCESS SHARE on b"},
		{"ALTER TABLE a ATTACH PARTITION b DEFAULT",
		 "ACCESS EXCLUSIVE on b; SHARE UPDATE EXCLUSIVE on a"},
		{"COMMENT ON COLUMN s.a.x IS 'y'", "SHARE UPDATE EXCLUSIVE on s.a"},
		{"GRANT SELECT ON a TO PUBLIC", "none"},
		{"CREATE TABLE a (x int)", "none"},
		{"ALTER TABLE a FROBNICATE", "not checked"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(listed); i++) {
		struct lk_risk risk;
		char text[200];
		lk_risk_statement(LK_ENGINE_POSTGRES, listed[i].sql, &risk);
		lk_risk_locks_text(LK_ENGINE_POSTGRES, &risk, text, sizeof text);
		if (strcmp(text, listed[i].locks) != 0)
			fail_msg("%s: %s, not %s", listed[i].sql, text, listed[i].locks);
	}
}

static void what_only_the_catalog_knows_is_asked_for(void **state)
{
	static const struct {
		const char *sql, *table, *index, *constraint, *column, *mode;
	} asked[] = {
		{"ALTER TABLE s.a DROP CONSTRAINT c", "\"s\".\"a\"", "", "c", "",
		 "ACCESS EXCLUSIVE"},
		{"ALTER TABLE a VALIDATE CONSTRAINT c", "\"a\"", "", "c", "", "ROW SHARE"},
		{"ALTER TABLE a DROP COLUMN x", "\"a\"", "", "", "x", "ACCESS EXCLUSIVE"},
		{"DROP TABLE s.a", "\"s\".\"a\"", "", "", "", "ACCESS EXCLUSIVE"},
		{"DROP INDEX s.i", "", "\"s\".\"i\"", "", "", "ACCESS EXCLUSIVE"},
		{"REINDEX INDEX i", "", "\"i\"", "", "", "SHARE"},
		{"DELETE FROM a", "\"a\"", "", "", "", "ROW EXCLUSIVE"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(asked); i++) {
		struct lk_risk risk;
		lk_risk_statement(LK_ENGINE_POSTGRES, asked[i].sql, &risk);
		assert_int_equal(risk.lookup_count, 1);
		assert_string_equal(risk.lookups[0].table, asked[i].table);
		assert_string_equal(risk.lookups[0].index, asked[i].index);
		assert_string_equal(risk.lookups[0].constraint, asked[i].constraint);
		assert_string_equal(risk.lookups[0].column, asked[i].column);
		assert_string_equal(risk.lookups[0].mode, asked[i].mode);
	}
}

/* More than there is room for is left out, and nothing is written beyond. */
static void very_many_tables_are_too_many(void **state)
{
	struct lk_risk risk;
	char sql[2000] = "DROP TABLE a0";
	(void)state;
	for (int i = 1; i < 100; i++)
		snprintf(sql + strlen(sql), sizeof sql - strlen(sql), ", a%d", i);
	lk_risk_statement(LK_ENGINE_POSTGRES, sql, &risk);
	assert_int_equal(risk.table_count, LK_RISK_TABLES);
	assert_int_equal(risk.lookup_count, LK_RISK_LOOKUPS);
	assert_string_equal(risk.tables[0].name, "a0");
}

static void names_in_expressions_are_found(void **state)
{
	static const struct {
		const char *expression, *names;
	} found[] = {
		{"price / 100.0", "price "},
		{"t.price + s.t.fee + price -- all", "price fee "},
		{"CASE WHEN a > 0 THEN f(b, \"C d\") END", "a b C d "},
		{"1", ""},
		{"t.*", "* "},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(found); i++) {
		char **names, text[100] = "";
		size_t count;
		assert_true(
			lk_risk_columns(LK_ENGINE_POSTGRES, found[i].expression, &names, &count));
		for (size_t n = 0; n < count; n++)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", names[n]);
		assert_string_equal(text, found[i].names);
		lk_risk_split_free(names, count);
	}
	char **names;
	size_t count;
	assert_false(lk_risk_columns(LK_ENGINE_POSTGRES, "price /", &names, &count));
	assert_int_equal(count, 0);
	lk_risk_split_free(names, count);
}

static void what_cannot_be_parsed_is_not_checked(void **state)
{
	struct lk_risk risk;
	(void)state;
	lk_risk_statement(LK_ENGINE_POSTGRES, "ALTER TABLE t FROBNICATE", &risk);
	assert_false(risk.parsed);
	assert_contains(risk.note, "not checked: this is not PostgreSQL 15 grammar");
	assert_contains(risk.note, "(character 15)");
	assert_string_equal(risk.lock, "not checked");
	enum { LENGTH = 200000 };
	char *chain = lk_alloc(LENGTH + 10);
	strcpy(chain, "SELECT 1");
	for (size_t i = 8; i + 2 < LENGTH; i += 2)
		memcpy(chain + i, "+1", 2);
	lk_risk_statement(LK_ENGINE_POSTGRES, chain, &risk);
	assert_false(risk.parsed);
	assert_contains(risk.note, "longer than 32 KB");
	chain[30000 - 30000 % 2] = '\0';
	lk_risk_statement(LK_ENGINE_POSTGRES, chain, &risk);
	assert_false(risk.parsed);
	assert_contains(risk.note, "nested too deeply");
	free(chain);
}

static void names_longer_than_their_room_are_cut(void **state)
{
	struct lk_risk risk;
	char sql[700];
	(void)state;
	snprintf(sql, sizeof sql, "ALTER TABLE \"%0200d\".\"%0200d\" DROP COLUMN x", 1, 2);
	lk_risk_statement(LK_ENGINE_POSTGRES, sql, &risk);
	assert_true(risk.parsed);
	assert_true(strlen(risk.object) < sizeof risk.object);
	assert_contains(risk.lock, "ACCESS EXCLUSIVE on 000");
}

static void scripts_are_split(void **state)
{
	static const struct {
		const char *sql;
		size_t count;
		const char *last;
	} scripts[] = {
		{"SELECT 1", 1, "SELECT 1"},
		{" SELECT 1 ; SELECT ';' ; ", 2, "SELECT ';'"},
		{"SELECT 'ä'; -- no; comment\nSELECT 2;", 2, "SELECT 2"},
		{"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; SELECT 3", 2,
		 "SELECT 3"},
		{"SELECT 1; SELECT FROM WHERE 3; SELECT 2", 3, "SELECT 2"},
		{"", 0, NULL},
		{";;", 0, NULL},
		{"SELECT 'open", 1, "SELECT 'open"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(scripts); i++) {
		size_t count;
		char **pieces = lk_risk_split(LK_ENGINE_POSTGRES, scripts[i].sql, &count);
		if (count != scripts[i].count)
			fail_msg("%s: %zu pieces", scripts[i].sql, count);
		if (count > 0)
			assert_contains(pieces[count - 1], scripts[i].last);
		lk_risk_split_free(pieces, count);
	}
}

static void queries_that_change_nothing(void **state)
{
	static const char *const good[] = {
		"SELECT id FROM users WHERE a IS DISTINCT FROM b",
		"VALUES (1), (2)",
		"TABLE users",
		"WITH x AS (SELECT 1) SELECT * FROM x UNION ALL SELECT 2;",
		"SELECT count(*) FROM pg_stat_activity",
	};
	static const char *const bad[][2] = {
		{"UPDATE users SET a = 1", "not a SELECT"},
		{"WITH x AS (DELETE FROM users RETURNING *) SELECT * FROM x", "deletes rows"},
		{"WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT 1", "inserts rows"},
		{"SELECT * FROM (SELECT 1 FROM users FOR UPDATE) AS x", "locks rows"},
		{"SELECT * INTO y FROM users", "creates a table"},
		{"SELECT 1; SELECT 2", "2 statements"},
		{"", "0 statements"},
		{"EXPLAIN ANALYZE DELETE FROM users", "not a SELECT"},
		{"SELECT pg_terminate_backend(pid) FROM pg_stat_activity", "pg_terminate_backend"},
		{"SELECT 1 WHERE nextval('s') > 1", "nextval"},
		{"SELECT pg_catalog.pg_sleep(9)", "pg_sleep"},
		{"COPY users TO STDOUT", "not a SELECT"},
		{"DO $$BEGIN END$$", "not a SELECT"},
	};
	char reason[200];
	bool parsed;
	(void)state;
	for (size_t i = 0; i < LK_COUNT(good); i++)
		if (!lk_risk_is_read_only(LK_ENGINE_POSTGRES, good[i], &parsed, reason,
					  sizeof reason))
			fail_msg("%s: %s", good[i], reason);
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		assert_false(lk_risk_is_read_only(LK_ENGINE_POSTGRES, bad[i][0], &parsed, reason,
						  sizeof reason));
		assert_true(parsed);
		assert_contains(reason, bad[i][1]);
	}
	assert_false(lk_risk_is_read_only(LK_ENGINE_POSTGRES, "SELECT FROM WHERE", &parsed, reason,
					  sizeof reason));
	assert_false(parsed);
	assert_contains(reason, "not checked");
}

static void expressions_are_one(void **state)
{
	static const char *const good[] = {"username", "lower(a || b)", "a = 1 AND b",
					   "(SELECT max(x) FROM t)", "CASE WHEN a THEN 1 END"};
	static const char *const bad[] = {"a, b",   "a FROM t",	    "a) FROM t WHERE (b",
					  "a), (b", "nextval('s')", "a AS b"};
	char reason[200];
	(void)state;
	for (size_t i = 0; i < LK_COUNT(good); i++)
		if (!lk_risk_is_expression(LK_ENGINE_POSTGRES, good[i], NULL, reason,
					   sizeof reason))
			fail_msg("%s: %s", good[i], reason);
	for (size_t i = 0; i < LK_COUNT(bad); i++)
		if (lk_risk_is_expression(LK_ENGINE_POSTGRES, bad[i], NULL, reason, sizeof reason))
			fail_msg("%s is taken", bad[i]);
}

static void plans_are_checked(void **state)
{
	static const char text[] =
		"plan: p\nsteps:\n  expand:\n"
		"    - dual_write: {table: users, from: a, to: b}\n"
		"    - ddl: \"DROP TABLE old\"\n"
		"    - ddl: \"COMMIT\"\n"
		"    - ddl: \"ALTER TABLE users FROBNICATE\"\n"
		"  migrate:\n"
		"    - backfill: {table: users, set: {b: \"nextval('s')\"}, where: \"a >\"}\n"
		"    - verify: {none: \"DELETE FROM users RETURNING id\"}\n"
		"    - gate: {name: g, none: \"SELECT 1 FROM users FOR SHARE\"}\n"
		"  contract:\n"
		"    - ddl: \"ALTER TABLE users DROP COLUMN a\"\n"
		"      destroys: data\n"
		"    - ddl: \"COMMENT ON TABLE users IS 'x'\"\n"
		"      destroys: data\n"
		"    - ddl: \"ALTER TABLE others DROP COLUMN a\"\n"
		"      destroys: data\n"
		"limits: {probe: {sql: \"SELECT pg_sleep(1)\"}}\n";
	struct lk_plan plan;
	struct lk_problems problems = {0}, notes = {0};
	(void)state;
	assert_true(lk_plan_parse("f", text, sizeof text - 1, &plan, &problems));
	assert_false(lk_risk_check_plan(&plan, LK_ENGINE_POSTGRES, &problems, &notes));
	char *said = lk_problems_text(&problems), *noted = lk_problems_text(&notes);
	assert_string_equal(
		said, "f: the probe must be one query that changes nothing: it calls pg_sleep(), "
		      "which acts\n"
		      "f:5:7: drop table destroys data: say so with \"destroys: data\", and do it "
		      "in contract\n"
		      "f:6:7: the keeper begins and commits itself: leave BEGIN and COMMIT out\n"
		      "f:9:7: set must be one SQL expression: it calls nextval(), which acts\n"
		      "f:10:7: verify's none must be one query that changes nothing: it is not a "
		      "SELECT or "
		      "VALUES\n"
		      "f:11:7: the gate's none must be one query that changes nothing: it locks "
		      "rows (FOR "
		      "UPDATE, FOR SHARE)\n"
		      "f:13:7: this drops a column that the dual write of users.a still uses, so "
		      "that every "
		      "write would fail: put end_dual_write before it\n");
	assert_contains(noted, "f:7:7: not checked: this is not PostgreSQL 15 grammar");
	assert_contains(noted, "f:9:7: where: not checked");
	assert_contains(noted, "f:15:7: it says \"destroys: data\", but");
	free(said);
	free(noted);
	lk_problems_free(&problems);
	lk_problems_free(&notes);
	lk_plan_free(&plan);
}

static void plans_with_sql_and_conversions_are_checked(void **state)
{
	static const char text[] =
		"plan: p\nsteps:\n  expand:\n"
		"    - dual_write: {table: users, from: a, to: b, type: int, using: 'a::int', back: "
		"'nextval(b)'}\n"
		"    - sql: \"SELECT 1; CREATE INDEX CONCURRENTLY i ON users (a)\"\n"
		"      undo: \"SET work_mem = 1; DROP INDEX i\"\n"
		"    - sql: \"TRUNCATE a; SELECT 1\"\n"
		"  migrate:\n"
		"    - swap_columns: {table: users, from: a, to: b}\n"
		"  contract:\n"
		"    - sql: \"SELECT 1; ALTER TABLE users DROP COLUMN b\"\n"
		"      destroys: data\n"
		"    - end_dual_write: {table: users, column: b}\n"
		"    - sql: \"SELECT 1; ALTER TABLE users DROP COLUMN b\"\n"
		"      destroys: data\n";
	struct lk_plan plan;
	struct lk_problems problems = {0}, notes = {0};
	(void)state;
	if (!lk_plan_parse("f", text, sizeof text - 1, &plan, &problems))
		fail_msg("%s", lk_problems_text(&problems));
	assert_false(lk_risk_check_plan(&plan, LK_ENGINE_POSTGRES, &problems, &notes));
	char *said = lk_problems_text(&problems);
	assert_string_equal(
		said,
		"f:4:7: back must be one SQL expression: it calls nextval(), which acts\n"
		"f:5:7: statement 2 (CREATE INDEX CONCURRENTLY i ON users (a)): it cannot stand in a "
		"transaction: give it a ddl step of its own\n"
		"f:5:7: statement 1 (SET work_mem = 1): it would outlast the transaction: write SET "
		"LOCAL\n"
		"f:7:7: truncate, select destroys data: say so with \"destroys: data\", and do it in "
		"contract\n"
		"f:11:7: this drops a column that the dual write of users.b still uses, so that every "
		"write would fail: put end_dual_write before it\n");
	free(said);
	lk_problems_free(&problems);
	lk_problems_free(&notes);
	lk_plan_free(&plan);
}

static void the_examples_pass(void **state)
{
	static const char *const examples[] = {"plans/rename-username.yaml",
					       "plans/rename-username-long.yaml",
					       "tests/data/plans/good_everything.yaml"};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(examples); i++) {
		struct lk_plan plan;
		struct lk_problems problems = {0}, notes = {0};
		char *path = test_source(examples[i]);
		assert_true(lk_plan_read(path, &plan, &problems));
		assert_true(lk_risk_check_plan(&plan, LK_ENGINE_POSTGRES, &problems, &notes));
		assert_int_equal(notes.count, 0);
		lk_plan_complete(&plan);
		assert_true(lk_risk_check_plan(&plan, LK_ENGINE_POSTGRES, &problems, NULL));
		lk_plan_free(&plan);
		free(path);
	}
}

static void survives_mutations(void **state)
{
	enum { ROUNDS = 100 };
	struct test_random random = {77};
	char reason[200];
	(void)state;
	for (size_t i = 0; i < LK_COUNT(statements); i++) {
		const char *other = statements[(i * 7 + 3) % LK_COUNT(statements)].sql;
		for (int round = 0; round < ROUNDS; round++) {
			size_t length, count;
			struct lk_risk risk;
			char *sql = test_mutate(&random, statements[i].sql, other, &length);
			lk_risk_statement(LK_ENGINE_POSTGRES, sql, &risk);
			assert_true(risk.parsed ? *risk.lock && *risk.cost : *risk.note);
			lk_risk_is_read_only(LK_ENGINE_POSTGRES, sql, NULL, reason, sizeof reason);
			lk_risk_is_expression(LK_ENGINE_POSTGRES, sql, NULL, reason, sizeof reason);
			char **pieces = lk_risk_split(LK_ENGINE_POSTGRES, sql, &count);
			lk_risk_split_free(pieces, count);
			free(sql);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_are_judged_as_measured),
		cmocka_unit_test(notes_name_what_else_is_locked),
		cmocka_unit_test(what_the_executor_needs_is_exact),
		cmocka_unit_test(every_table_is_listed_with_its_lock),
		cmocka_unit_test(what_only_the_catalog_knows_is_asked_for),
		cmocka_unit_test(very_many_tables_are_too_many),
		cmocka_unit_test(names_in_expressions_are_found),
		cmocka_unit_test(what_cannot_be_parsed_is_not_checked),
		cmocka_unit_test(names_longer_than_their_room_are_cut),
		cmocka_unit_test(scripts_are_split),
		cmocka_unit_test(queries_that_change_nothing),
		cmocka_unit_test(expressions_are_one),
		cmocka_unit_test(plans_are_checked),
		cmocka_unit_test(plans_with_sql_and_conversions_are_checked),
		cmocka_unit_test(the_examples_pass),
		cmocka_unit_test(survives_mutations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
