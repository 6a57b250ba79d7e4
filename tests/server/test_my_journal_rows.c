/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the journal on MySQL and MariaDB remembers: plans, cursors, answers, events, clean-ups. */
#include "tests/server/my_journal.h"

static void only_texts_of_the_tables_own_key_are_taken(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	static const char *const key[] = {"1", "2"};
	const struct lk_journal_cursor cursor = {.key = (char **)key, .count = 2};
	struct lk_journal_cursor back;
	struct lk_session *session = my_session_with("cursor-2", "cursor-2", &plan);
	lk_journal_rows_done(lk_journal_set_cursor(session, "cursor-2", 1, &cursor, &error),
			     &error);
	/* One of another number of columns is no key of this table. */
	lk_journal_rows_refused(lk_journal_cursor(session, "cursor-2", 1, 3, &back, &error), &error,
				LK_ERROR_REFUSED, "not a key of 3 columns");
	/* Bytes that are no text are refused and not cut. */
	static const char *const bytes[] = {"\xff\xfe", "x"};
	struct lk_journal_cursor binary = {.key = (char **)bytes, .count = 2};
	lk_journal_rows_refused(lk_journal_set_cursor(session, "cursor-2", 1, &binary, &error),
				&error, LK_ERROR_REFUSED, "HEX()");
	lk_plan_free(&plan);
	lk_session_close(session);
}

/* What is written goes into the binary log as a statement that means the same on a replica. */
static void nothing_is_unsafe_in_a_log_of_statements(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	static const char *const key[] = {"17"};
	const struct lk_journal_cursor cursor = {.key = (char **)key, .count = 1, .part = 3};
	const struct lk_journal_approval answer = {.gate = "look", .who = "o'hara"};
	struct lk_session *session = my_session_with("safe-1", "safe", &plan);
	for (int round = 0; round < 2; round++) {
		lk_journal_rows_done(lk_journal_set_cursor(session, "safe-1", 1, &cursor, &error),
				     &error);
		my_expect(session, "SELECT @@warning_count", "0");
		lk_journal_rows_done(
			lk_journal_approve(session, "safe-1", "digest", &answer, &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		lk_journal_rows_done(lk_journal_event(session, "safe-1", 1, 1764000000123,
						      (const char *[]){"note", "alice", "text"},
						      &error),
				     &error);
		my_expect(session, "SELECT @@warning_count", "0");
		lk_journal_rows_done(lk_journal_cleanup(session, "safe-1", 1, "DROP a", &error),
				     &error);
		my_expect(session, "SELECT @@warning_count", "0");
		lk_journal_rows_done(
			lk_journal_set_step(session, "safe-1", 1, "running", "x", &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		lk_journal_rows_done(lk_journal_heartbeat(session, "safe-1", 1, &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
	}
	lk_plan_free(&plan);
	lk_session_close(session);
}

/* What a person does without our program: a connection as the server's own client opens it. */
static void by_the_clients_own_hand(const char *sql)
{
	MYSQL *mysql = lk_test_my_connect(my_journal_server);
	if (mysql_query(mysql, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(mysql));
	do {
		MYSQL_RES *rows = mysql_store_result(mysql);
		if (rows)
			mysql_free_result(rows);
	} while (mysql_next_result(mysql) == 0);
	assert_string_equal(mysql_error(mysql), "");
	mysql_close(mysql);
}

static void clean_up_and_a_pause_by_hand(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_run run;
	char *sql;
	struct lk_session *session = my_session_with("hand-1", "hand", &plan);
	lk_journal_rows_done(lk_journal_cleanup(session, "hand-1", 1, "DROP a", &error), &error);
	lk_journal_rows_done(lk_journal_cleanup(session, "hand-1", 1,
						"DROP TABLE IF EXISTS `le'ft \\ 1`", &error),
			     &error);
	lk_journal_rows_done(
		lk_journal_cleanup(session, "hand-1", 2, "DROP TRIGGER IF EXISTS left_2", &error),
		&error);
	lk_journal_rows_done(lk_journal_cleanup_sql(session, "hand-1", &sql, &error), &error);
	assert_string_equal(sql,
			    "DROP TRIGGER IF EXISTS left_2;\nDROP TABLE IF EXISTS `le'ft \\ 1`");
	my_must(session, "CREATE TABLE `le'ft \\ 1` (a INT)");
	by_the_clients_own_hand(sql);
	free(sql);
	my_expect(session,
		  "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'test'"
		  " AND LEFT(table_name, 4) = 'le''f'",
		  "0");
	by_the_clients_own_hand(
		"UPDATE lockkeeper.run SET wanted = 'paused' WHERE name = 'hand-1'");
	lk_journal_rows_done(lk_journal_get(session, "hand-1", &run, &error), &error);
	assert_string_equal(run.wanted, "paused");
	lk_journal_rows_done(lk_journal_set_state(session, "hand-1", "undone", "", &error), &error);
	lk_journal_rows_refused(lk_journal_forget(session, "hand-1", false, &error), &error,
				LK_ERROR_REFUSED, "clean-up SQL may still be needed");
	lk_journal_rows_done(lk_journal_cleanup(session, "hand-1", 2, NULL, &error), &error);
	my_expect(session, "SELECT step FROM lockkeeper.cleanup WHERE run = 'hand-1'", "1");
	lk_journal_rows_done(lk_journal_cleanup(session, "hand-1", -1, NULL, &error), &error);
	/* A keeper that has not ended yet still writes. */
	struct lk_session *journal = my_keeper_session("hand-1", "journal");
	lk_journal_rows_done(lk_journal_hold(journal, "hand-1", &error), &error);
	lk_journal_rows_refused(lk_journal_forget(session, "hand-1", false, &error), &error,
				LK_ERROR_REFUSED, "its keeper has not ended yet");
	lk_session_close(journal);
	assert_true(lk_test_my_wait(my_journal_server,
				    "SELECT IS_FREE_LOCK('lockkeeper.hold:hand-1')", 10));
	lk_journal_rows_done(lk_journal_forget(session, "hand-1", true, &error), &error);
	lk_journal_rows_done(lk_journal_get(session, "hand-1", &run, &error), &error);
	lk_journal_rows_done(lk_journal_forget(session, "hand-1", false, &error), &error);
	my_expect(session,
		  "SELECT (SELECT COUNT(*) FROM lockkeeper.step WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.epoch WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.heartbeat WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.run WHERE name = 'hand-1')",
		  "0");
	lk_journal_rows_refused(lk_journal_forget(session, "hand-1", false, &error), &error,
				LK_ERROR_USAGE, "no run \"hand-1\"");
	lk_plan_free(&plan);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lk_journal_rows_plan),
		cmocka_unit_test(lk_journal_rows_mended),
		cmocka_unit_test(lk_journal_rows_cursor),
		cmocka_unit_test(lk_journal_rows_parts),
		cmocka_unit_test(lk_journal_rows_wishes),
		cmocka_unit_test(only_texts_of_the_tables_own_key_are_taken),
		cmocka_unit_test(nothing_is_unsafe_in_a_log_of_statements),
		cmocka_unit_test(clean_up_and_a_pause_by_hand),
	};
	int failed = my_run_tests(tests, my_journal_odd, my_journal_stop);
	return failed + my_run_tests(tests, my_journal_statements, my_journal_stop);
}
