/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper doctor`: each thing it can find, made so on a real server, found, and mended by what it says. */
#include "tests/control/stage.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "doctor/doctor.h"

static struct lk_stage stage;
static struct lk_home alice;

static int open_stage(void **state)
{
	static const struct lk_test_server_options options = {
		.replica = true,
		.settings = "max_prepared_transactions = 5\narchive_mode = on\nautovacuum = off\n"
			    "archive_command = 'false'\nautovacuum_freeze_max_age = 100000\n"
			    "vacuum_freeze_min_age = 0\nfsync = on\nfull_page_writes = on\n"
			    "synchronous_commit = on\nmax_connections = 60\n"};
	(void)state;
	lk_stage_open(&stage, &options);
	lk_home_make(&stage, &alice);
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	lk_stage_close(&stage);
	return 0;
}

static char *uri_of(const char *role, enum lk_test_node node)
{
	return lk_format("postgresql:///test?host=%s&port=%d&user=%s",
			 lk_test_server_folder(stage.server), node == LK_TEST_PRIMARY ? 5432 : 5433,
			 role);
}

/* What the doctor says as a role: an array of its objects. The caller's reference. */
static json_t *examine(const char *role, enum lk_test_node node)
{
	char *uri = uri_of(role, node);
	struct lk_said said = lk_do(&alice, "doctor", uri, "--json", NULL);
	json_t *list = json_array();
	char *rest = said.out, *line;
	if (said.status > 1)
		fail_msg("doctor ended with %d: %s", said.status, said.err);
	while ((line = strsep(&rest, "\n"))) {
		json_error_t error;
		json_t *object = line[0] ? json_loads(line, 0, &error) : NULL;
		if (line[0] && !object)
			fail_msg("not JSON: %s", line);
		if (object)
			json_array_append_new(list, object);
	}
	lk_said_free(&said);
	free(uri);
	return list;
}

static bool is(const json_t *object, const char *member, const char *text)
{
	const char *value = json_string_value(json_object_get(object, member));
	return value && strcmp(value, text) == 0;
}

static bool has(const json_t *object, const char *member, const char *words)
{
	const char *value = json_string_value(json_object_get(object, member));
	return value && strstr(value, words) != NULL;
}

/* The finding of a check at a level, that says these words; NULL when there is none. */
static json_t *find(json_t *list, const char *level, const char *check, const char *words)
{
	size_t i;
	json_t *object;
	json_array_foreach (list, i, object)
		if (is(object, "level", level) && is(object, "check", check) &&
		    has(object, "found", words))
			return object;
	return NULL;
}

/* As postgres: it is found, says why it matters, and says to do this (NULL: nothing is to be done). */
static void expect(const char *level, const char *check, const char *words, const char *action)
{
	json_t *list = examine("postgres", LK_TEST_PRIMARY),
	       *object = find(list, level, check, words);
	if (!object) {
		char *text = json_dumps(list, JSON_INDENT(1));
		fail_msg("no %s of %s says \"%s\":\n%s", level, check, words, text);
	}
	assert_true(strlen(json_string_value(json_object_get(object, "why"))) > 0);
	if (action && !has(object, "do", action))
		fail_msg("\"%s\" is not what \"%s\" says to do", action,
			 json_string_value(json_object_get(object, "do")));
	json_decref(list);
}

static void expect_not(const char *level, const char *check, const char *words)
{
	json_t *list = examine("postgres", LK_TEST_PRIMARY),
	       *object = find(list, level, check, words);
	if (object)
		fail_msg("%s: %s", check, json_string_value(json_object_get(object, "found")));
	json_decref(list);
}

static void expect_ok(const char *check, const char *words)
{
	json_t *list = examine("postgres", LK_TEST_PRIMARY);
	assert_non_null(find(list, "ok", check, words));
	json_decref(list);
}

/* Statement by statement, as a person types them: ALTER SYSTEM stands in no transaction. */
static void obey(const json_t *finding)
{
	char *copy = lk_strdup(json_string_value(json_object_get(finding, "do"))), *rest = copy;
	for (char *end; rest && rest[0]; rest = end) {
		end = strstr(rest, "; ");
		if (end) {
			*end = '\0';
			end += 2;
		}
		lk_sql(&stage, "%s", rest);
	}
	free(copy);
}

/* Does what a finding says, as the superuser; the finding is then gone. */
static void follow(const char *level, const char *check, const char *words)
{
	json_t *list = examine("postgres", LK_TEST_PRIMARY),
	       *object = find(list, level, check, words);
	assert_non_null(object);
	obey(object);
	json_decref(list);
	expect_not(level, check, words);
}

static const char *verdict(json_t *list, const char *family)
{
	size_t i;
	json_t *object;
	json_array_foreach (list, i, object)
		if (has(object, "family", family))
			return json_string_value(json_object_get(object, "verdict"));
	return "";
}

static void expect_verdict(const char *family, const char *wanted)
{
	json_t *list = examine("postgres", LK_TEST_PRIMARY);
	assert_string_equal(verdict(list, family), wanted);
	json_decref(list);
}

static void a_wrong_command_line_and_a_silent_server(void **state)
{
	(void)state;
	lk_expect_says(&alice, 2, "one target", "doctor", "a", "b", NULL);
	lk_expect_says(&alice, 2, "name a target", "doctor", NULL);
	lk_expect_says(&alice, 2, "password", "doctor", "postgresql://u:secret@h/db", NULL);
	char *uri = lk_format("postgresql:///test?host=%s&port=5999",
			      lk_test_server_folder(stage.server));
	lk_expect(&alice, 6, "doctor", uri, NULL);
	free(uri);
}

static void archiving_that_fails(void **state)
{
	(void)state;
	lk_sql(&stage, "CREATE TABLE written (id int PRIMARY KEY); SELECT pg_switch_wal()");
	lk_await_sql(&stage, 30, "SELECT failed_count > 0 FROM pg_stat_archiver");
	expect("problem", "archiving", "archiving WAL fails", "archive_command (false)");
	expect_verdict("backfill", "limited");
	lk_sql(&stage, "ALTER SYSTEM SET archive_command = 'true'");
	lk_sql(&stage, "SELECT pg_reload_conf()");
	lk_await_sql(&stage, 30,
		     "SELECT last_archived_time > last_failed_time FROM pg_stat_archiver");
	expect_ok("archiving", "WAL is archived");
}

static void autovacuum_that_is_off(void **state)
{
	(void)state;
	follow("problem", "autovacuum", "autovacuum is off");
	lk_await_sql(&stage, 10, "SELECT current_setting('autovacuum') = 'on'");
	expect_ok("autovacuum", "is on");
	lk_sql(&stage, "CREATE TABLE lazy (id int PRIMARY KEY) WITH (autovacuum_enabled = false)");
	follow("note", "autovacuum of tables", "lazy");
}

static void statistics_that_are_missing_and_dead_rows(void **state)
{
	(void)state;
	lk_sql(&stage, "CREATE TABLE fresh (id int PRIMARY KEY, t text) WITH (autovacuum_enabled ="
		       " false)");
	lk_sql(&stage,
	       "INSERT INTO fresh SELECT i, repeat('x', 60) FROM generate_series(1, 20000) i");
	follow("warning", "statistics", "fresh");
	lk_sql(&stage, "UPDATE fresh SET t = 'y'");
	lk_await_sql(&stage, 20,
		     "SELECT n_dead_tup > 10000 FROM pg_stat_user_tables WHERE relname = 'fresh'");
	expect("note", "dead rows", "fresh has 20000 dead rows", "VACUUM (VERBOSE) fresh;");
	lk_sql(&stage, "DROP TABLE fresh");
}

/* Subtransactions burn numbers; an open snapshot keeps vacuum from catching up with them. */
static void a_table_near_wraparound(void **state)
{
	(void)state;
	PGconn *reader = lk_test_connect(stage.server);
	PQclear(PQexec(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ"));
	PQclear(PQexec(reader, "SELECT pg_current_xact_id()"));
	lk_sql(&stage, "CREATE TABLE aging (id int PRIMARY KEY)");
	lk_sql(&stage,
	       "DO $$ BEGIN CREATE TEMP TABLE burnt (i int); FOR i IN 1..101000 LOOP BEGIN"
	       " INSERT INTO burnt VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END;"
	       " END LOOP; END $$");
	expect("warning", "wraparound", "aging", "VACUUM (FREEZE, VERBOSE) aging;");
	PQfinish(reader);
	lk_await_sql(&stage, 10,
		     "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_xid IS NOT NULL");
	lk_sql(&stage, "VACUUM (FREEZE) aging");
	expect_not("warning", "wraparound", "aging");
}

static void transactions_that_are_open_for_long(void **state)
{
	(void)state;
	PGconn *idle = lk_test_connect(stage.server), *waiting = lk_test_connect(stage.server);
	PQclear(PQexec(idle, "BEGIN"));
	PQclear(PQexec(idle, "LOCK TABLE written IN ACCESS EXCLUSIVE MODE"));
	assert_int_equal(PQsendQuery(waiting, "SELECT count(*) AS in_the_queue FROM written"), 1);
	lk_await_sql(
		&stage, 30,
		"SELECT count(*) = 2 FROM pg_stat_activity WHERE clock_timestamp() - xact_start"
		" > interval '5.1 s' AND pid IN (%d, %d)",
		PQbackendPID(idle), PQbackendPID(waiting));
	char *end = lk_format("pg_terminate_backend(%d)", PQbackendPID(idle));
	char *blocked =
		lk_format("waits for %d: SELECT count(*) AS in_the_queue", PQbackendPID(idle));
	expect("warning", "transactions", "idle in transaction", end);
	expect("note", "transactions", "in_the_queue", NULL);
	expect("warning", "lock waits", blocked, NULL);
	expect_verdict("columns and constraints", "limited");
	expect_verdict("indexes CONCURRENTLY", "limited");
	PQfinish(idle);
	PQfinish(waiting);
	lk_await_sql(&stage, 20,
		     "SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%%written'");
	expect_ok("transactions", "no transaction is open");
	expect_ok("lock waits", "no session waits");
	expect_verdict("indexes CONCURRENTLY", "works");
	free(blocked);
	free(end);
}

static void a_prepared_transaction(void **state)
{
	(void)state;
	PGconn *session = lk_test_connect(stage.server);
	PQclear(PQexec(session, "BEGIN"));
	PQclear(PQexec(session, "INSERT INTO written VALUES (7)"));
	PQclear(PQexec(session, "PREPARE TRANSACTION 'it''s lost'"));
	PQfinish(session);
	expect("warning", "prepared transactions", "'it''s lost'",
	       "or ROLLBACK PREPARED 'it''s lost';");
	expect_verdict("indexes CONCURRENTLY", "limited");
	lk_sql(&stage, "ROLLBACK PREPARED 'it''s lost'");
	expect_ok("prepared transactions", "no transaction is prepared");
}

static void a_slot_that_nobody_reads(void **state)
{
	(void)state;
	lk_sql(&stage, "SELECT pg_create_physical_replication_slot('left_behind', true)");
	expect("warning", "slots", "left_behind is inactive and holds",
	       "SELECT pg_drop_replication_slot('left_behind');");
	follow("note", "slot limit", "max_slot_wal_keep_size");
	lk_sql(&stage, "SELECT pg_drop_replication_slot('left_behind')");
	expect_ok("slots", "no replication slot is left behind");
	lk_sql(&stage, "ALTER SYSTEM RESET max_slot_wal_keep_size");
}

static void feedback_off(void)
{
	char *uri = uri_of("postgres", LK_TEST_REPLICA);
	PGconn *replica = PQconnectdb(uri);
	PQclear(PQexec(replica, "ALTER SYSTEM SET hot_standby_feedback = off"));
	PQclear(PQexec(replica, "SELECT pg_reload_conf()"));
	PQfinish(replica);
	lk_await_sql(&stage, 30, "SELECT backend_xmin IS NULL FROM pg_stat_replication");
	free(uri);
}

static void a_replica_and_a_synchronous_standby_that_is_gone(void **state)
{
	(void)state;
	expect_ok("replicas", "replica standby1 streams (async)");
	expect_not("note", "replicas", "standby1 sends no hot_standby_feedback");
	feedback_off();
	expect("note", "replicas", "standby1 sends no hot_standby_feedback",
	       "hot_standby_feedback = on");
	expect_verdict("throttle by replica lag", "works");
	lk_sql(&stage, "ALTER SYSTEM SET synchronous_standby_names = 'FIRST 2 (standby1, absent)'");
	lk_sql(&stage, "SELECT pg_reload_conf()");
	lk_await_sql(&stage, 20, "SELECT sync_state = 'sync' FROM pg_stat_replication");
	expect("problem", "synchronous replication", "1 of 2 synchronous standbys",
	       "ALTER SYSTEM SET synchronous_standby_names = ''");
	expect_verdict("backfill", "fails");
	lk_sql(&stage, "ALTER SYSTEM SET synchronous_standby_names = 'standby1'");
	lk_sql(&stage, "SELECT pg_reload_conf()");
	lk_await_sql(&stage, 20,
		     "SELECT current_setting('synchronous_standby_names') = 'standby1'");
	expect_ok("synchronous replication", "1 synchronous standby is there");
	lk_test_server_kill(stage.server, LK_TEST_REPLICA);
	lk_await_sql(&stage, 30, "SELECT count(*) = 0 FROM pg_stat_replication");
	expect("problem", "synchronous replication", "0 of 1", NULL);
	expect_verdict("throttle by replica lag", "limited");
	lk_sql(&stage, "ALTER SYSTEM RESET synchronous_standby_names");
	lk_sql(&stage, "SELECT pg_reload_conf()");
	lk_test_server_up(stage.server, LK_TEST_REPLICA);
	lk_await_sql(&stage, 60,
		     "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'");
}

static void a_replica_as_the_target(void **state)
{
	(void)state;
	json_t *list = examine("postgres", LK_TEST_REPLICA);
	assert_non_null(find(list, "problem", "connection", "is a replica"));
	assert_string_equal(verdict(list, "backfill"), "fails");
	assert_string_equal(verdict(list, "pause"), "fails");
	json_decref(list);
}

static void tables_that_need_care(void **state)
{
	(void)state;
	lk_sql(&stage,
	       "CREATE TABLE keyless (a int, b int, UNIQUE (a)); INSERT INTO keyless VALUES (1, 2),"
	       " (2, 2)");
	expect("warning", "keys", "table keyless", NULL);
	expect_verdict("backfill", "limited");
	PGconn *session = lk_test_connect(stage.server);
	PQclear(PQexec(session, "CREATE UNIQUE INDEX CONCURRENTLY half_built ON keyless (b)"));
	PQfinish(session);
	follow("warning", "indexes", "half_built");
	lk_sql(&stage, "ALTER TABLE keyless ADD CONSTRAINT \"not Sure\" CHECK (a > 0) NOT VALID");
	follow("note", "constraints", "\"not Sure\"");
	lk_sql(&stage, "CREATE PUBLICATION pub FOR TABLE keyless");
	expect("problem", "publications", "keyless is in publication pub",
	       "ALTER TABLE keyless REPLICA IDENTITY FULL");
	expect("note", "logical replication", "1 publication (pub)", NULL);
	lk_sql(&stage, "ALTER TABLE keyless REPLICA IDENTITY FULL");
	expect_not("problem", "publications", "keyless");
	lk_sql(&stage, "DROP TABLE keyless; DROP PUBLICATION pub");
	expect_ok("keys", "every table has a key");
	lk_sql(&stage,
	       "CREATE TABLE secured (id int PRIMARY KEY); ALTER TABLE secured ENABLE ROW LEVEL"
	       " SECURITY; CREATE UNLOGGED TABLE volatile (id int PRIMARY KEY);"
	       " CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (PRIMARY KEY (id))"
	       " INHERITS (parent); CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);"
	       " CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10)");
	expect("note", "row level security", "1 table has row level security: secured", NULL);
	expect("note", "unlogged tables", "1 table is unlogged: volatile", NULL);
	expect("note", "inheritance", "1 table has inheritance children: parent", NULL);
	expect("note", "partitions", "1 table is partitioned: parts", NULL);
	lk_sql(&stage, "DROP TABLE secured, volatile, child, parent, parts");
}

static void what_sessions_begin_with(void **state)
{
	(void)state;
	expect_ok("session defaults", "no time-out");
	lk_sql(&stage, "ALTER ROLE postgres SET statement_timeout = '5s'");
	lk_sql(&stage, "ALTER DATABASE test SET idle_in_transaction_session_timeout = '7s'");
	lk_sql(&stage,
	       "ALTER ROLE postgres IN DATABASE test SET default_transaction_read_only = on");
	expect("note", "session defaults", "statement_timeout is 5000 ms, from ALTER ROLE", NULL);
	expect("note", "session defaults",
	       "idle_in_transaction_session_timeout is 7000 ms, from ALTER DATABASE", NULL);
	expect("note", "session defaults",
	       "default_transaction_read_only is on, from ALTER ROLE IN DATABASE", NULL);
	lk_sql(&stage,
	       "BEGIN READ WRITE; ALTER ROLE postgres IN DATABASE test"
	       " RESET ALL; ALTER ROLE postgres RESET ALL; ALTER DATABASE test RESET ALL; COMMIT");
}

static void connections_and_extensions(void **state)
{
	(void)state;
	PGconn *many[44];
	for (size_t i = 0; i < LK_COUNT(many); i++)
		many[i] = lk_test_connect(stage.server);
	expect("warning", "connections", "of 60 connections are free", NULL);
	for (size_t i = 0; i < LK_COUNT(many); i++)
		PQfinish(many[i]);
	lk_await_sql(&stage, 20,
		     "SELECT count(*) < 10 FROM pg_stat_activity"
		     " WHERE backend_type = 'client backend'");
	expect_ok("connections", "connections are free");
	expect("note", "extensions", "pg_stat_statements is not installed", "CREATE EXTENSION");
	lk_sql(&stage,
	       "CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
	       " CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION noted()");
	expect("note", "event triggers", "watching runs noted at ddl_command_end", NULL);
	lk_sql(&stage, "DROP EVENT TRIGGER watching; DROP FUNCTION noted()");
	lk_sql(&stage, "ALTER SYSTEM SET full_page_writes = off");
	lk_sql(&stage, "SELECT pg_reload_conf()");
	lk_await_sql(&stage, 10, "SELECT current_setting('full_page_writes') = 'off'");
	follow("warning", "durability", "full_page_writes is off");
}

/* A role that may nothing is told each GRANT it lacks; with them nothing is missing. */
static void privileges_that_are_missing(void **state)
{
	(void)state;
	lk_sql(&stage,
	       "CREATE ROLE \"Own er\"; CREATE ROLE poor LOGIN; CREATE SCHEMA shut;"
	       " CREATE TABLE shut.locked (id int PRIMARY KEY);"
	       " ALTER TABLE shut.locked OWNER TO \"Own er\"; GRANT USAGE ON SCHEMA shut TO \"Own er\"");
	PGconn *idle = lk_test_connect(stage.server);
	PQclear(PQexec(idle, "BEGIN; SELECT 1"));
	json_t *list = examine("poor", LK_TEST_PRIMARY);
	assert_non_null(find(list, "problem", "journal", "may not create the journal"));
	assert_non_null(
		find(list, "problem", "ownership", "1 table (shut.locked) belongs to \"Own er\""));
	json_t *postgres = find(list, "problem", "ownership", "belong to postgres");
	assert_non_null(postgres);
	assert_false(has(postgres, "do", "GRANT")); /* that would make a superuser */
	assert_non_null(find(list, "warning", "membership", "cannot see"));
	assert_non_null(find(list, "note", "membership", "cannot end sessions"));
	assert_non_null(find(list, "note", "replicas", "hidden from the role"));
	assert_non_null(find(list, "note", "parameters", "deadlock_timeout"));
	assert_non_null(find(list, "note", "parameters", "session_replication_role"));
	assert_string_equal(verdict(list, "backfill"), "fails");
	assert_string_equal(verdict(list, "throttle"), "fails");
	/* With a journal it still could not touch a table. */
	lk_sql(&stage, "GRANT CREATE ON DATABASE test TO poor");
	json_t *again = examine("poor", LK_TEST_PRIMARY);
	assert_null(find(again, "problem", "journal", ""));
	assert_string_equal(verdict(again, "backfill"), "fails");
	assert_string_equal(verdict(again, "pause"), "works");
	json_decref(again);
	/* Twice: what a grant opens may need the next. */
	for (int round = 0; round < 2; round++) {
		size_t i;
		json_t *object;
		json_array_foreach (list, i, object)
			if (has(object, "do", "GRANT ") && is(object, "check", "replicas") == false)
				obey(object);
		json_decref(list);
		list = examine("poor", LK_TEST_PRIMARY);
	}
	assert_null(find(list, "problem", "journal", ""));
	assert_null(find(list, "problem", "ownership", ""));
	assert_null(find(list, "note", "ownership", "Own er"));
	assert_null(find(list, "problem", "schemas", ""));
	assert_null(find(list, "warning", "membership", ""));
	assert_null(find(list, "note", "membership", ""));
	assert_null(find(list, "note", "parameters", ""));
	assert_string_equal(verdict(list, "backfill"), "works");
	json_decref(list);
	PQfinish(idle);
}

static char *run_of(const char *plan)
{
	char *sql = lk_format("SELECT name FROM lockkeeper.run WHERE plan = '%s'", plan);
	char *run = lk_test_value(stage.server, sql);
	free(sql);
	return run;
}

static void what_earlier_runs_have_left(void **state)
{
	(void)state;
	lk_users_make(&stage, "left_over", 10);
	lk_plan_rename(&alice, "left-over", "left_over", "");
	lk_expect(&alice, 3, "run", "left-over", "--headless", "--yes", "expand", NULL);
	char *run = run_of("left-over"),
	     *words = lk_format("run %s of plan left-over is unfinished", run);
	expect("note", "runs", words, "lockkeeper status");
	lk_keeper_signal(&alice, "left-over", SIGKILL);
	lk_sql(&stage, "UPDATE lockkeeper.heartbeat SET at = now() - interval '1 minute'");
	expect("warning", "runs", "without a keeper", "lockkeeper rollback");
	expect("warning", "runs", "without a keeper", "DROP FUNCTION lockkeeper.dual_write");
	/* Its triggers are in use: they belong to a run. */
	expect_not("problem", "lost triggers", "");
	lk_sql(&stage,
	       "UPDATE lockkeeper.run SET state = 'done', changed_at = now() - interval '40 days'");
	expect("problem", "lost triggers", "of table left_over", "DROP TRIGGER");
	expect("note", "old runs", "1 run", "history --prune");
	while (lk_number(&stage,
			 "SELECT count(*) FROM pg_trigger WHERE tgname ~ '^zz_lockkeeper'") > 0) {
		json_t *list = examine("postgres", LK_TEST_PRIMARY);
		json_t *object = find(list, "problem", "lost triggers", "of table left_over");
		assert_non_null(object);
		obey(object);
		json_decref(list);
	}
	follow("warning", "lost functions", "lockkeeper.dual_write");
	/* Somebody who may not even look there is told so. */
	lk_sql(&stage, "CREATE ROLE stranger LOGIN");
	json_t *list = examine("stranger", LK_TEST_PRIMARY);
	assert_non_null(find(list, "problem", "journal", "may not use the journal"));
	assert_non_null(find(list, "note", "runs", "could not be looked at"));
	json_decref(list);
	lk_sql(&stage, "DROP SCHEMA lockkeeper CASCADE; DROP TABLE left_over, left_over_ledger");
	free(words);
	free(run);
}

/* For people: the worst first, in 80 columns, and the exit status says whether anything is bad. */
static void the_report_reads_well(void **state)
{
	(void)state;
	lk_sql(&stage, "CREATE TABLE nokey (a int)");
	char *uri = uri_of("postgres", LK_TEST_PRIMARY);
	struct lk_said said = lk_do(&alice, "doctor", uri, NULL);
	assert_int_equal(said.status, 1);
	const char *warning = strstr(said.out, "warning  keys"),
		   *note = strstr(said.out, "\nnote "), *ok = strstr(said.out, "\nok ");
	assert_true(warning && note && ok && warning < note && note < ok);
	assert_non_null(strstr(said.out, "\nwhat will work\n"));
	assert_non_null(strstr(said.out, "   why   "));
	for (char *rest = said.out, *line; (line = strsep(&rest, "\n"));) {
		size_t columns = 0;
		for (const char *p = line; *p; p++)
			columns += ((unsigned char)*p & 0xc0) != 0x80;
		if (columns > 80)
			fail_msg("%zu columns: %s", columns, line);
	}
	lk_said_free(&said);
	/* With it gone there are notes at most. */
	lk_sql(&stage, "DROP TABLE nokey");
	lk_sql(&stage, "VACUUM (FREEZE)");
	lk_expect_says(&alice, 0, "0 problems, 0 warnings", "doctor", uri, NULL);
	free(uri);
}

/* As an unprivileged account, since pgbouncer refuses to run as root. */
static pid_t start_pooler(const char *program)
{
	char *ini = lk_format("%s/pooler.ini", alice.path);
	FILE *file = fopen(ini, "w");
	fprintf(file,
		"[databases]\ntest = host=%s port=5432 user=postgres\n[pgbouncer]\nlisten_port = 6544\n"
		"unix_socket_dir = %s\nauth_type = any\npool_mode = transaction\n",
		lk_test_server_folder(stage.server), lk_test_server_folder(stage.server));
	fclose(file);
	chmod(ini, 0644);
	chmod(alice.path, 0711);
	chmod(stage.folder, 0711);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("runuser", "runuser", "-u", "postgres", "--", program, "-q", ini, NULL);
		_exit(127);
	}
	free(ini);
	return pid;
}

static void a_pooler_in_between(void **state)
{
	(void)state;
	static const char program[] = "/usr/sbin/pgbouncer";
	if (access(program, X_OK) != 0) {
		print_message("no pgbouncer on this machine: poolers are not tried\n");
		skip();
	}
	pid_t pid = start_pooler(program);
	char *uri = lk_format("postgresql:///test?host=%s&port=6544&user=postgres",
			      lk_test_server_folder(stage.server));
	PGconn *session = NULL;
	int64_t until = lk_clock_us() + LK_BUSY * 10000000LL;
	do {
		PQfinish(session);
		session = PQconnectdb(uri);
	} while (PQstatus(session) != CONNECTION_OK && lk_clock_us() < until);
	assert_int_equal(PQstatus(session), CONNECTION_OK);
	PQfinish(session);
	lk_expect_says(&alice, 1, "behind a connection pooler", "doctor", uri, NULL);
	kill(pid, SIGTERM);
	lk_keeper_await_gone(pid, 20);
	free(uri);
}

/* Versions that cannot be had: a driver that tells of one, and refuses all else. */
struct pretended {
	const char *version, *number;
	bool lost;
};

static bool pretend(void *connection, const char *sql, size_t count, const char *const *parameters,
		    struct lk_result *result, struct lk_error *error)
{
	const struct pretended *p = connection;
	(void)count;
	(void)parameters;
	if (strncmp(sql, "SET ", 4) == 0)
		return true;
	bool both = strstr(sql, "'server_version'") != NULL;
	if (!both && strncmp(sql, "SELECT current_setting('server_version_num')", 44) != 0)
		return lk_fail(error, p->lost ? LK_ERROR_LOST : LK_ERROR_STATEMENT, "not now");
	result->rows = 1;
	result->columns = both ? 2 : 1;
	result->cells = lk_alloc(2 * sizeof(char *));
	result->cells[0] = lk_strdup(both ? p->version : p->number);
	if (both)
		result->cells[1] = lk_strdup(p->number);
	return true;
}

static bool examine_pretended(struct pretended *p, struct lk_doctor *doctor)
{
	static const struct lk_driver driver = {.engine = LK_ENGINE_POSTGRES, .execute = pretend};
	struct lk_session session = {.driver = &driver, .connection = p, .id = 1};
	struct lk_error error;
	lk_flight_init(&session.flight);
	bool examined = lk_doctor_examine(&session, NULL, doctor, &error);
	lk_flight_destroy(&session.flight);
	return examined;
}

static const struct lk_finding *version_of(const struct lk_doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (strcmp(doctor->findings[i].check, "version") == 0)
			return &doctor->findings[i];
	return NULL;
}

static void versions_that_are_too_old_too_new_or_dangerous(void **state)
{
	(void)state;
	static const struct {
		struct pretended server;
		enum lk_doctor_level level;
		const char *words;
	} cases[] = {
		{{"12.22", "120022", false}, LK_DOCTOR_PROBLEM, "too old"},
		{{"13.0", "130000", false}, LK_DOCTOR_OK, "13.0"},
		{{"14.0", "140000", false}, LK_DOCTOR_PROBLEM, "corrupt indexes"},
		{{"14.3", "140003", false}, LK_DOCTOR_PROBLEM, "corrupt indexes"},
		{{"14.4", "140004", false}, LK_DOCTOR_OK, "14.4"},
		{{"18.1", "180001", false}, LK_DOCTOR_NOTE, "18.1"},
	};
	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		struct pretended server = cases[i].server;
		struct lk_doctor doctor;
		assert_true(examine_pretended(&server, &doctor));
		const struct lk_finding *f = version_of(&doctor);
		assert_non_null(f);
		assert_int_equal(f->level, cases[i].level);
		assert_non_null(strstr(f->found, cases[i].words));
		/* The rest could not be looked at, which is said once. */
		assert_int_equal(doctor.count, 2);
		lk_doctor_free(&doctor);
	}
}

static void a_server_that_goes_in_between(void **state)
{
	(void)state;
	struct pretended server = {"15.1", "150001", true};
	struct lk_doctor doctor;
	assert_false(examine_pretended(&server, &doctor));
	lk_doctor_free(&doctor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_that_are_too_old_too_new_or_dangerous),
		cmocka_unit_test(a_server_that_goes_in_between),
		cmocka_unit_test(a_wrong_command_line_and_a_silent_server),
		cmocka_unit_test(a_replica_and_a_synchronous_standby_that_is_gone),
		cmocka_unit_test(archiving_that_fails),
		cmocka_unit_test(autovacuum_that_is_off),
		cmocka_unit_test(statistics_that_are_missing_and_dead_rows),
		cmocka_unit_test(a_table_near_wraparound),
		cmocka_unit_test(transactions_that_are_open_for_long),
		cmocka_unit_test(a_prepared_transaction),
		cmocka_unit_test(a_slot_that_nobody_reads),
		cmocka_unit_test(a_replica_as_the_target),
		cmocka_unit_test(tables_that_need_care),
		cmocka_unit_test(what_sessions_begin_with),
		cmocka_unit_test(connections_and_extensions),
		cmocka_unit_test(what_earlier_runs_have_left),
		cmocka_unit_test(the_report_reads_well),
		cmocka_unit_test(privileges_that_are_missing),
		cmocka_unit_test(a_pooler_in_between),
	};
	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
