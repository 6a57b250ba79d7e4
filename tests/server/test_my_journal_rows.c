/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the journal on MySQL and MariaDB remembers: plans, cursors, answers, events, clean-ups. */
#include "base/clock.h"
#include "base/memory.h"
#include "tests/server/my_journal.h"

static void the_plan_comes_back_as_it_was(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan, back = {0};
	char before[65], after[65];
	struct lk_journal_step *steps;
	struct lk_session *session = my_session_with("back-1", "back", &plan);
	my_done(lk_journal_load(session, "back-1", &back, &error), &error);
	lk_plan_digest(&plan, before);
	lk_plan_digest(&back, after);
	assert_string_equal(before, after);
	assert_string_equal(back.why, plan.why);
	assert_int_equal(back.step_count, plan.step_count);
	my_done(lk_journal_set_step(session, "back-1", 1, "running", NULL, &error), &error);
	my_done(lk_journal_set_step(session, "back-1", 1, "failed", "it's \"odd\" \\ 漢", &error),
		&error);
	/* NULL leaves the note, "" empties it. */
	my_done(lk_journal_set_step(session, "back-1", 1, "failed", NULL, &error), &error);
	steps = lk_alloc(plan.step_count * sizeof *steps);
	my_done(lk_journal_steps(session, "back-1", plan.step_count, steps, &error), &error);
	assert_string_equal(steps[0].state, "pending");
	assert_int_equal(steps[0].started, 0);
	assert_string_equal(steps[1].state, "failed");
	assert_string_equal(steps[1].note, "it's \"odd\" \\ 漢");
	assert_true(steps[1].started > 0 && steps[1].ended >= steps[1].started);
	assert_true(llabs((long long)(steps[1].ended - lk_wall_ms())) < 60000);
	my_done(lk_journal_set_step(session, "back-1", 1, "running", "", &error), &error);
	my_done(lk_journal_steps(session, "back-1", plan.step_count, steps, &error), &error);
	assert_string_equal(steps[1].note, "");
	assert_int_equal(steps[1].ended, 0);
	free(steps);
	lk_plan_free(&plan);
	lk_plan_free(&back);
	lk_session_close(session);
}

static void a_mended_plan_takes_the_place_of_the_rest(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan, mended, other, back = {0};
	struct lk_journal_cursor cursor = {.rows_done = 7};
	struct lk_journal_run run;
	struct lk_session *session = my_session_with("mend-1", "mend", &plan);
	my_make_plan("mend", "    - ddl: \"SELECT 3\"\n      undo: \"SELECT 4\"\n", &mended);
	my_make_plan("taken", "", &other);
	my_done(lk_journal_create(session, "taken-1", &other, &my_bob, &error), &error);
	my_done(lk_journal_set_step(session, "mend-1", 0, "done", "", &error), &error);
	my_done(lk_journal_set_cursor(session, "mend-1", 1, &cursor, &error), &error);
	my_done(lk_journal_set_wanted(session, "mend-1", "stopped", &error), &error);
	my_done(lk_begin(session, &error) &&
			lk_journal_replace(session, "mend-1", &mended, 1, &error) &&
			lk_commit(session, &error),
		&error);
	my_done(lk_journal_load(session, "mend-1", &back, &error), &error);
	assert_int_equal(back.step_count, mended.step_count);
	my_done(lk_journal_get(session, "mend-1", &run, &error), &error);
	assert_string_equal(run.wanted, "running");
	assert_int_equal(run.steps, mended.step_count);
	assert_int_equal(run.steps_done, 1);
	my_expect(session, "SELECT COUNT(*) FROM lockkeeper.cursor WHERE run = 'mend-1'", "0");
	/* Its name may not become that of a plan which has another run. */
	my_done(lk_begin(session, &error), &error);
	my_must_refuse(lk_journal_replace(session, "mend-1", &other, 0, &error), &error,
		       LK_ERROR_REFUSED, "taken-1");
	lk_rollback(session);
	lk_plan_free(&plan);
	lk_plan_free(&mended);
	lk_plan_free(&other);
	lk_plan_free(&back);
	lk_session_close(session);
}

static void a_cursor_keeps_any_key(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	static const char *const keys[][2] = {
		{"1", ""},
		{"-5", "a,b"},
		{"NULL", "[]"},
		{"\"", "\\"},
		{"x\"y\\z", "'"},
		{" ", "\t\n"},
		{"18446744073709551615", "2026-11-22 10:00:00.000001"},
		{"имя 漢 🙂", "\\\\\"\""}};
	struct lk_journal_cursor back;
	struct lk_session *session = my_session_with("cursor-1", "cursor", &plan);
	my_done(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_null(back.key);
	assert_int_equal(back.rows_done, 0);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct lk_journal_cursor cursor = {.key = (char **)keys[i],
						   .count = 2,
						   .rows_done = 10000000000 + (int64_t)i,
						   .rows_changed = 3,
						   .chunks = 4,
						   .finished = i % 2};
		my_done(lk_journal_set_cursor(session, "cursor-1", 1, &cursor, &error), &error);
		my_done(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
		assert_string_equal(back.key[0], keys[i][0]);
		assert_string_equal(back.key[1], keys[i][1]);
		assert_int_equal(back.rows_done, cursor.rows_done);
		assert_int_equal(back.rows_changed, 3);
		assert_int_equal(back.chunks, 4);
		assert_int_equal(back.finished, cursor.finished);
		lk_journal_cursor_free(&back);
	}
	/* Without a key the one that is there stays. */
	struct lk_journal_cursor keyless = {.rows_done = 1, .finished = true};
	my_done(lk_journal_set_cursor(session, "cursor-1", 1, &keyless, &error), &error);
	my_done(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_string_equal(back.key[0], "имя 漢 🙂");
	lk_journal_cursor_free(&back);
	/* One of another number of columns is no key of this table. */
	my_must_refuse(lk_journal_cursor(session, "cursor-1", 1, 3, &back, &error), &error,
		       LK_ERROR_REFUSED, "not a key of 3 columns");
	/* Bytes that are no text are refused and not cut. */
	static const char *const bytes[] = {"\xff\xfe", "x"};
	struct lk_journal_cursor binary = {.key = (char **)bytes, .count = 2};
	my_must_refuse(lk_journal_set_cursor(session, "cursor-1", 1, &binary, &error), &error,
		       LK_ERROR_REFUSED, "HEX()");
	my_done(lk_journal_forget_cursor(session, "cursor-1", 1, &error), &error);
	my_done(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_null(back.key);
	lk_plan_free(&plan);
	lk_session_close(session);
}

static void parts_and_rows_left_out(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	int64_t count = -1;
	static const char *const key[] = {"17"}, *const columns[] = {"id", "na\"me"},
				 *const types[] = {"bigint", "varchar(10)"},
				 *const values[] = {"7", "it's \\ 漢"};
	struct lk_journal_cursor part = {.key = (char **)key,
					 .count = 1,
					 .rows_done = 5,
					 .part = 4294967296,
					 .part_finished = true};
	struct lk_journal_cursor back = {.part = 4294967296, .count = 1};
	const struct lk_journal_reject reject = {
		.relation = "test.users",
		.columns = (char *const *)columns,
		.types = (char *const *)types,
		.values = (char *const *)values,
		.count = 2,
		.sqlstate = "22001",
		.message = "Data too long for column 'x' at row 1",
	};
	struct lk_session *session = my_session_with("parts-1", "parts", &plan);
	my_done(lk_journal_part(session, "parts-1", 1, &back, &error), &error);
	assert_null(back.key);
	assert_false(back.part_finished);
	back.count = 1;
	my_done(lk_journal_set_cursor(session, "parts-1", 1, &part, &error), &error);
	my_done(lk_journal_set_cursor(session, "parts-1", 1, &part, &error), &error);
	my_done(lk_journal_part(session, "parts-1", 1, &back, &error), &error);
	assert_true(back.part_finished);
	assert_string_equal(back.key[0], "17");
	lk_journal_cursor_free(&back);
	/* The key of a part is not one of the table's own rows. */
	my_done(lk_journal_cursor(session, "parts-1", 1, 1, &back, &error), &error);
	assert_null(back.key);
	assert_int_equal(back.rows_done, 5);
	my_done(lk_journal_reject(session, "parts-1", 1, &reject, &error), &error);
	my_done(lk_journal_reject(session, "parts-1", 1, &reject, &error), &error);
	my_done(lk_journal_rejects(session, "parts-1", 1, &count, &error), &error);
	assert_int_equal(count, 2);
	my_expect(session,
		  "SELECT JSON_UNQUOTE(JSON_EXTRACT(`key`, '$.id')) FROM lockkeeper.reject"
		  " WHERE run = 'parts-1' LIMIT 1",
		  "7");
	my_must_refuse(lk_journal_forget(session, "parts-1", true, &error), &error,
		       LK_ERROR_REFUSED, "it is not over");
	my_done(lk_journal_set_state(session, "parts-1", "done", "", &error), &error);
	my_must_refuse(lk_journal_forget(session, "parts-1", true, &error), &error,
		       LK_ERROR_REFUSED, "left 2 rows out");
	my_done(lk_journal_forget_cursor(session, "parts-1", 1, &error), &error);
	my_done(lk_journal_rejects(session, "parts-1", 1, &count, &error), &error);
	assert_int_equal(count, 0);
	my_expect(session, "SELECT COUNT(*) FROM lockkeeper.part WHERE run = 'parts-1'", "0");
	lk_plan_free(&plan);
	lk_session_close(session);
}

static void wishes_answers_and_events(void **state)
{
	(void)state;
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_approval *approvals,
		answer = {.gate = "look", .who = "o'hara", .origin = ""};
	struct lk_journal_answer *answers;
	struct lk_journal_event *events;
	struct lk_journal_run run;
	char digest[65], wanted[16];
	size_t count;
	struct lk_session *session = my_session_with("wishes-1", "wishes", &plan);
	lk_plan_digest(&plan, digest);
	my_done(lk_journal_set_wanted(session, "wishes-1", "paused", &error), &error);
	assert_false(lk_journal_set_wanted(session, "wishes-1", "nonsense", &error));
	my_done(lk_journal_approve(session, "wishes-1", digest, &answer, &error), &error);
	LK_COPY(answer.origin, "again");
	my_done(lk_journal_approve(session, "wishes-1", digest, &answer, &error), &error);
	/* An answer to another version of the plan is none. */
	my_done(lk_journal_approve(session, "wishes-1", "another digest", &answer, &error), &error);
	my_done(lk_journal_poll(session, "wishes-1", digest, wanted, &approvals, &count, &error),
		&error);
	assert_string_equal(wanted, "paused");
	assert_int_equal(count, 1);
	assert_string_equal(approvals[0].who, "o'hara");
	assert_string_equal(approvals[0].origin, "");
	assert_true(llabs((long long)(approvals[0].at - lk_wall_ms())) < 60000);
	free(approvals);
	my_done(lk_journal_answers(session, "wishes-1", &answers, &count, &error), &error);
	assert_int_equal(count, 2);
	assert_string_equal(answers[1].digest, "another digest");
	free(answers);
	for (int64_t n = 1; n <= 3; n++)
		my_done(lk_journal_event(session, "wishes-1", n, 1764000000123,
					 (const char *[]){"note", "alice", "x'y\\z"}, &error),
			&error);
	/* The same again, after a commit of which nobody heard. */
	my_done(lk_journal_event(session, "wishes-1", 3, 1764000000123,
				 (const char *[]){"note", "alice", "again"}, &error),
		&error);
	my_done(lk_journal_event(session, "wishes-1", 4, 1764000000123,
				 (const char *[]){"note", "", ""}, &error),
		&error);
	my_done(lk_journal_events(session, "wishes-1", &events, &count, &error), &error);
	assert_int_equal(count, 4);
	assert_string_equal(events[2].text, "x'y\\z");
	assert_int_equal(events[2].at, 1764000000123);
	free(events);
	my_done(lk_journal_set_backward(session, "wishes-1", &error), &error);
	my_done(lk_journal_get(session, "wishes-1", &run, &error), &error);
	assert_int_equal(run.last_event, 4);
	assert_true(run.backward);
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
		my_done(lk_journal_set_cursor(session, "safe-1", 1, &cursor, &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		my_done(lk_journal_approve(session, "safe-1", "digest", &answer, &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		my_done(lk_journal_event(session, "safe-1", 1, 1764000000123,
					 (const char *[]){"note", "alice", "text"}, &error),
			&error);
		my_expect(session, "SELECT @@warning_count", "0");
		my_done(lk_journal_cleanup(session, "safe-1", 1, "DROP a", &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		my_done(lk_journal_set_step(session, "safe-1", 1, "running", "x", &error), &error);
		my_expect(session, "SELECT @@warning_count", "0");
		my_done(lk_journal_heartbeat(session, "safe-1", 1, &error), &error);
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
	my_done(lk_journal_cleanup(session, "hand-1", 1, "DROP a", &error), &error);
	my_done(lk_journal_cleanup(session, "hand-1", 1, "DROP TABLE IF EXISTS `le'ft \\ 1`",
				   &error),
		&error);
	my_done(lk_journal_cleanup(session, "hand-1", 2, "DROP TRIGGER IF EXISTS left_2", &error),
		&error);
	my_done(lk_journal_cleanup_sql(session, "hand-1", &sql, &error), &error);
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
	my_done(lk_journal_get(session, "hand-1", &run, &error), &error);
	assert_string_equal(run.wanted, "paused");
	my_done(lk_journal_set_state(session, "hand-1", "undone", "", &error), &error);
	my_must_refuse(lk_journal_forget(session, "hand-1", false, &error), &error,
		       LK_ERROR_REFUSED, "clean-up SQL may still be needed");
	my_done(lk_journal_cleanup(session, "hand-1", 2, NULL, &error), &error);
	my_expect(session, "SELECT step FROM lockkeeper.cleanup WHERE run = 'hand-1'", "1");
	my_done(lk_journal_cleanup(session, "hand-1", -1, NULL, &error), &error);
	/* A keeper that has not ended yet still writes. */
	struct lk_session *journal = my_keeper_session("hand-1", "journal");
	my_done(lk_journal_hold(journal, "hand-1", &error), &error);
	my_must_refuse(lk_journal_forget(session, "hand-1", false, &error), &error,
		       LK_ERROR_REFUSED, "its keeper has not ended yet");
	lk_session_close(journal);
	assert_true(lk_test_my_wait(my_journal_server,
				    "SELECT IS_FREE_LOCK('lockkeeper.hold:hand-1')", 10));
	my_done(lk_journal_forget(session, "hand-1", true, &error), &error);
	my_done(lk_journal_get(session, "hand-1", &run, &error), &error);
	my_done(lk_journal_forget(session, "hand-1", false, &error), &error);
	my_expect(session,
		  "SELECT (SELECT COUNT(*) FROM lockkeeper.step WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.epoch WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.heartbeat WHERE run = 'hand-1') +"
		  " (SELECT COUNT(*) FROM lockkeeper.run WHERE name = 'hand-1')",
		  "0");
	my_must_refuse(lk_journal_forget(session, "hand-1", false, &error), &error, LK_ERROR_USAGE,
		       "no run \"hand-1\"");
	lk_plan_free(&plan);
	lk_session_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plan_comes_back_as_it_was),
		cmocka_unit_test(a_mended_plan_takes_the_place_of_the_rest),
		cmocka_unit_test(a_cursor_keeps_any_key),
		cmocka_unit_test(parts_and_rows_left_out),
		cmocka_unit_test(wishes_answers_and_events),
		cmocka_unit_test(nothing_is_unsafe_in_a_log_of_statements),
		cmocka_unit_test(clean_up_and_a_pause_by_hand),
	};
	int failed = my_run_tests(tests, my_journal_odd, my_journal_stop);
	return failed + my_run_tests(tests, my_journal_statements, my_journal_stop);
}
