/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the doctor finds on real servers of MySQL and MariaDB, each thing made so, found, and mended by what it
 * says. */
#include "tests/server/my_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "doctor/doctor.h"
#include "journal/journal.h"

static const char *const instrumented[] = {
	"--performance-schema=ON", "--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON",
	NULL};

struct pair {
	struct lk_test_my *primary, *replica;
};

static struct lk_test_my *server_of(void **state)
{
	struct pair *pair = *state;
	my_need(pair->primary);
	return pair->primary;
}

/* `replicas` as lk_doctor_examine has them. */
static void examine_with(const struct lk_test_my *server, const char *user,
			 const char *const *replicas, struct lk_doctor *doctor)
{
	struct lk_error error;
	char *uri = lk_test_my_uri(server, user, NULL);
	struct lk_session *session = my_session_of(uri, "doctor");
	if (!lk_doctor_examine(session, replicas, doctor, &error))
		fail_msg("%s", error.text);
	lk_session_close(session);
	free(uri);
}

static void examine(const struct lk_test_my *server, const char *user, struct lk_doctor *doctor)
{
	examine_with(server, user, NULL, doctor);
}

static const struct lk_finding *look_for(const struct lk_doctor *doctor, const char *check,
					 const char *words)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (strcmp(doctor->findings[i].check, check) == 0 &&
		    strstr(doctor->findings[i].found, words))
			return &doctor->findings[i];
	return NULL;
}

/* Found as a user, at this level, with these words, says why and this to do. */
static void expect(const struct lk_test_my *server, const char *user, enum lk_doctor_level level,
		   const char *const what[3])
{
	struct lk_doctor doctor;
	examine(server, user, &doctor);
	const struct lk_finding *f = look_for(&doctor, what[0], what[1]);
	if (!f) {
		for (size_t i = 0; i < doctor.count; i++)
			print_message("%s: %s\n", doctor.findings[i].check,
				      doctor.findings[i].found);
		fail_msg("%s: nobody says \"%s\"", what[0], what[1]);
	} else {
		assert_string_equal(lk_doctor_level_name(f->level), lk_doctor_level_name(level));
		assert_true(level == LK_DOCTOR_OK || f->why[0]);
		assert_contains(f->action, what[2]);
	}
	lk_doctor_free(&doctor);
}

#define EXPECT(server, user, level, ...)                                                           \
	expect(server, user, level, (const char *const[3]){__VA_ARGS__})

static void expect_not(const struct lk_test_my *server, const char *check, const char *words)
{
	struct lk_doctor doctor;
	examine(server, "root", &doctor);
	const struct lk_finding *f = look_for(&doctor, check, words);
	if (f)
		fail_msg("%s: %s", f->check, f->found);
	lk_doctor_free(&doctor);
}

static void expect_ability(const struct lk_test_my *server, const char *user, const char *family,
			   enum lk_verdict verdict)
{
	struct lk_doctor doctor;
	bool found = false;
	examine(server, user, &doctor);
	for (size_t i = 0; i < doctor.ability_count; i++)
		if (strstr(doctor.abilities[i].family, family)) {
			found = true;
			assert_string_equal(lk_verdict_name(doctor.abilities[i].verdict),
					    lk_verdict_name(verdict));
			break;
		}
	assert_true(found);
	lk_doctor_free(&doctor);
}

static void a_server_in_order_has_no_problem(void **state)
{
	struct lk_test_my *server = server_of(state);
	struct lk_doctor doctor;
	examine(server, "root", &doctor);
	for (size_t i = 0; i < doctor.count; i++) {
		if (doctor.findings[i].level >= LK_DOCTOR_WARNING ||
		    strstr(doctor.findings[i].found, "could not be looked at"))
			fail_msg("%s: %s", doctor.findings[i].check, doctor.findings[i].found);
	}
	assert_non_null(look_for(&doctor, "version", my_is_mariadb() ? "MariaDB 10" : "MySQL"));
	assert_non_null(look_for(&doctor, "binlog", "the binlog has rows"));
	assert_non_null(look_for(&doctor, "replicas", "can be asked"));
	lk_doctor_free(&doctor);
	expect_ability(server, "root", "dual write", LK_VERDICT_WORKS);
	expect_ability(server, "root", "throttle by replica lag", LK_VERDICT_WORKS);
}

static void tables_that_steps_refuse_are_named(void **state)
{
	struct lk_test_my *server = server_of(state);
	lk_test_my_sql(server, "CREATE TABLE keyless (a INT, UNIQUE KEY (a)) ENGINE=InnoDB");
	lk_test_my_sql(server, "CREATE TABLE old (a INT PRIMARY KEY) ENGINE=MyISAM");
	lk_test_my_sql(server,
		       "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES"
		       " child (id)) ENGINE=InnoDB");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "keys", "test.keyless", "ADD PRIMARY KEY");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "engines", "test.old is of engine MyISAM",
	       "ENGINE=InnoDB");
	EXPECT(server, "root", LK_DOCTOR_NOTE, "foreign keys", "test.child", "");
	expect_ability(server, "root", "backfill", LK_VERDICT_LIMITED);
	lk_test_my_sql(server, "ALTER TABLE keyless MODIFY a INT NOT NULL");
	expect_not(server, "keys", "test.keyless");
	lk_test_my_sql(server, "DROP TABLE child, old, keyless");
}

/* Carries out, as root, what is to be done about each of the user's findings of a check. */
static bool obey(const struct lk_test_my *server, const char *user, const char *check)
{
	struct lk_doctor doctor;
	bool any = false;
	examine(server, user, &doctor);
	for (size_t i = 0; i < doctor.count; i++) {
		const struct lk_finding *f = &doctor.findings[i];
		char *sql = lk_strdup(f->action);
		if (strcmp(f->check, check) == 0 && sql[0]) {
			sql[strcspn(sql, ";")] = '\0';
			lk_test_my_sql(server, sql);
			any = true;
		}
		free(sql);
	}
	lk_doctor_free(&doctor);
	return any;
}

static void what_a_user_lacks_is_said_with_its_grant(void **state)
{
	static const char *const checks[] = {"journal", "tables", "sight", "triggers"};
	struct lk_test_my *server = server_of(state);
	lk_test_my_sql(server, "SET GLOBAL log_bin_trust_function_creators = 0");
	lk_test_my_sql(server, "CREATE USER little@localhost");
	lk_test_my_sql(server, "GRANT SELECT ON test.* TO little@localhost");
	EXPECT(server, "little", LK_DOCTOR_PROBLEM, "journal", "the user may not keep the journal",
	       "ON `lockkeeper`.* TO 'little'@'localhost'");
	EXPECT(server, "little", LK_DOCTOR_WARNING, "tables", "TRIGGER", "ON `test`.* TO");
	EXPECT(server, "little", LK_DOCTOR_WARNING, "sight", "transactions of other users",
	       "GRANT PROCESS ON *.*");
	EXPECT(server, "little", LK_DOCTOR_PROBLEM, "triggers", "log_bin_trust_function_creators",
	       "SET GLOBAL");
	expect_ability(server, "little", "dual write", LK_VERDICT_FAILS);
	for (size_t i = 0; i < LK_COUNT(checks); i++) {
		assert_true(obey(server, "little", checks[i]));
		assert_false(obey(server, "little", checks[i]));
	}
	expect_ability(server, "little", "dual write", LK_VERDICT_WORKS);
	lk_test_my_sql(server, "DROP USER little@localhost");
}

static void who_would_hold_us_up_is_named(void **state)
{
	struct lk_test_my *server = server_of(state);
	struct lk_session *holder = my_session(server, "holder");
	lk_test_my_sql(server, "CREATE TABLE held (id INT PRIMARY KEY) ENGINE=InnoDB");
	MYSQL *other = lk_test_my_connect(server);
	assert_int_equal(mysql_query(other, "START TRANSACTION WITH CONSISTENT SNAPSHOT"), 0);
	assert_int_equal(mysql_query(other, "INSERT INTO held VALUES (1)"), 0);
	my_grow_old(server, other, 7);
	EXPECT(server, "root", LK_DOCTOR_WARNING, "transactions", "its transaction open for",
	       "KILL ");
	expect_ability(server, "root", "columns and constraints", LK_VERDICT_LIMITED);
	mysql_close(other);
	my_must(holder, "FLUSH TABLES WITH READ LOCK");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "backup locks", "global read lock", "let it end");
	my_must(holder, my_is_mariadb() ? "UNLOCK TABLES; BACKUP STAGE START"
					: "UNLOCK TABLES; LOCK INSTANCE FOR BACKUP");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "backup locks", "backup lock", "let it end");
	my_must(holder, my_is_mariadb() ? "BACKUP STAGE END" : "UNLOCK INSTANCE");
	expect_not(server, "backup locks", "lock");
	lk_session_close(holder);
	lk_test_my_sql(server, "DROP TABLE held");
}

static void leftovers_of_ours_and_of_others_are_found(void **state)
{
	struct lk_test_my *server = server_of(state);
	lk_test_my_sql(server, "CREATE TABLE users (id INT PRIMARY KEY, a INT) ENGINE=InnoDB");
	lk_test_my_sql(server, "CREATE TABLE _users_gho (id INT PRIMARY KEY) ENGINE=InnoDB");
	lk_test_my_sql(server, "CREATE TABLE renew (id INT PRIMARY KEY) ENGINE=InnoDB");
	lk_test_my_sql(server,
		       "CREATE TRIGGER pt_osc_test_users_ins AFTER INSERT ON users FOR EACH ROW"
		       " SET @x = 1");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "other tools",
	       "`test`.`_users_gho` looks like one of gh-ost", "DROP TABLE `test`.`_users_gho`");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "other tools", "pt_osc_test_users_ins",
	       "DROP TRIGGER");
	expect_not(server, "other tools", "renew");
	lk_test_my_sql(server, "DROP TABLE _users_gho, renew, users");
}

/* A run whose keeper's heartbeat is fresh is left to it; an old one needs somebody. */
static void a_run_under_way_is_told_from_one_that_was_left(void **state)
{
	struct lk_test_my *server = server_of(state);
	struct lk_error error;
	struct lk_session *session = my_session(server, "journal");
	if (!lk_journal_install(session, &error))
		fail_msg("%s", error.text);
	my_must(session,
		"SET SESSION sql_mode = '';"
		"INSERT INTO lockkeeper.run (name, plan, state, document, created_at)"
		" VALUES ('p-1', 'p', 'waiting', '{}', UTC_TIMESTAMP(6));"
		"INSERT INTO lockkeeper.heartbeat (run, at, who, host, pid)"
		" VALUES ('p-1', UTC_TIMESTAMP(6) + INTERVAL 1 HOUR, 'alice', 'bastion', 7)");
	EXPECT(server, "root", LK_DOCTOR_NOTE, "runs", "kept by alice@bastion",
	       "lockkeeper status p-1");
	my_must(session, "UPDATE lockkeeper.heartbeat SET at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "runs", "without a keeper",
	       "lockkeeper resume p-1");
	my_must(session, "DROP DATABASE lockkeeper");
	lk_session_close(session);
}

static void settings_that_matter_are_judged(void **state)
{
	struct lk_test_my *server = server_of(state);
	lk_test_my_sql(server, "SET GLOBAL read_only = ON");
	EXPECT(server, "root", LK_DOCTOR_PROBLEM, "connection", "read_only",
	       "SET GLOBAL read_only");
	expect_ability(server, "root", "backfill", LK_VERDICT_FAILS);
	lk_test_my_sql(server, "SET GLOBAL read_only = OFF");
	lk_test_my_sql(server, "SET GLOBAL sql_mode = ''");
	EXPECT(server, "root", LK_DOCTOR_NOTE, "sql_mode", "not strict", "STRICT_TRANS_TABLES");
	lk_test_my_sql(server, "SET GLOBAL sql_mode = DEFAULT");
	lk_test_my_sql(server, "SET GLOBAL binlog_format = 'STATEMENT'");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "binlog", "STATEMENT", "binlog_format = 'ROW'");
	lk_test_my_sql(server, "SET GLOBAL binlog_format = 'ROW'");
	lk_test_my_sql(server, "UPDATE performance_schema.setup_instruments SET enabled = 'NO'"
			       " WHERE name = 'wait/lock/metadata/sql/mdl'");
	EXPECT(server, "root", LK_DOCTOR_WARNING, "instrumentation", "not instrumented",
	       "UPDATE performance_schema.setup_instruments");
	lk_test_my_sql(server, "UPDATE performance_schema.setup_instruments SET enabled = 'YES'"
			       " WHERE name = 'wait/lock/metadata/sql/mdl'");
}

/* A replica that report_host does not tell of, by the URI in the settings; and one that is not there. */
static void a_given_replica_is_asked_and_told_of_once(void **state)
{
	static const char *const options[] = {"--report-host=nowhere.invalid", "--report-port=1",
					      NULL};
	struct lk_test_my *server = server_of(state);
	struct lk_test_my *mute = lk_test_my_start_replica(server, options);
	EXPECT(server, "root", LK_DOCTOR_WARNING, "replicas", "nowhere.invalid:1 cannot be asked",
	       "report_host and report_port");
	char *uri = lk_test_my_uri(mute, "root", NULL);
	const char *const replicas[] = {uri, "mysql://root@127.0.0.1:1", NULL};
	struct lk_doctor doctor;
	examine_with(server, "root", replicas, &doctor);
	assert_null(look_for(&doctor, "replicas", "nowhere.invalid"));
	assert_non_null(look_for(&doctor, "replicas", strrchr(lk_test_my_folder(mute), '/') + 1));
	const struct lk_finding *f = look_for(&doctor, "replicas", "127.0.0.1:1 cannot be asked");
	assert_non_null(f);
	assert_int_equal(f->level, LK_DOCTOR_WARNING);
	assert_contains(f->action, "mend its URI");
	lk_doctor_free(&doctor);
	free(uri);
	lk_test_my_stop(mute);
}

static void a_replica_that_has_stopped_is_a_problem(void **state)
{
	struct pair *pair = *state;
	struct lk_test_my *server = server_of(state);
	lk_test_my_break(pair->primary, pair->replica);
	EXPECT(server, "root", LK_DOCTOR_PROBLEM, "replicas", "it does not apply (SQL thread: No)",
	       "START REPLICA");
	lk_test_my_mend(pair->replica);
	EXPECT(server, "root", LK_DOCTOR_OK, "replicas", "can be asked", "");
	EXPECT(pair->replica, "root", LK_DOCTOR_PROBLEM, "source", "replicates from another server",
	       "primary");
}

static int start(void **state)
{
	struct pair *pair = lk_alloc(sizeof *pair);
	pair->primary = lk_test_my_start_primary(instrumented);
	if (pair->primary) {
		/* Where names are not resolved, root@localhost may not come by TCP. */
		lk_test_my_sql(pair->primary, "CREATE USER IF NOT EXISTS root@'127.0.0.1'");
		lk_test_my_sql(pair->primary, "GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1'");
		lk_test_my_sql(pair->primary, "SET GLOBAL log_bin_trust_function_creators = 1");
		lk_test_my_sql(pair->primary,
			       "SET GLOBAL innodb_online_alter_log_max_size = 1073741824");
		pair->replica = lk_test_my_start_replica(pair->primary, NULL);
	}
	*state = pair;
	return 0;
}

static int stop(void **state)
{
	struct pair *pair = *state;
	lk_test_my_stop(pair->replica);
	lk_test_my_stop(pair->primary);
	free(pair);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_in_order_has_no_problem),
		cmocka_unit_test(tables_that_steps_refuse_are_named),
		cmocka_unit_test(what_a_user_lacks_is_said_with_its_grant),
		cmocka_unit_test(who_would_hold_us_up_is_named),
		cmocka_unit_test(a_run_under_way_is_told_from_one_that_was_left),
		cmocka_unit_test(leftovers_of_ours_and_of_others_are_found),
		cmocka_unit_test(settings_that_matter_are_judged),
		cmocka_unit_test(a_given_replica_is_asked_and_told_of_once),
		cmocka_unit_test(a_replica_that_has_stopped_is_a_problem),
	};
	return my_run_tests(tests, start, stop);
}
