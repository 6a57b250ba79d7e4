/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/journal_rows.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "plan/file.h"
#include "tests/unit/support.h"

static const struct lk_journal_holder alice = {"alice", "bastion-1", 4410},
				      bob = {"bob", "bastion-2", 815};

void lk_journal_rows_make_plan(const char *name, const char *more, struct lk_plan *plan)
{
	struct lk_problems problems = {0};
	char *yaml = lk_format(
		"plan: %s\nwhy: \"a reason with \\\"quotes\\\" and \\\\ and 漢\"\nsteps:\n"
		"  expand:\n    - ddl: \"SELECT 1\"\n      undo: \"SELECT 2\"\n"
		"    - gate: {name: look, ask: \"all well?\", by: two_people}\n%s",
		name, more);
	if (!lk_plan_parse("test.yaml", yaml, strlen(yaml), plan, &problems))
		fail_msg("%s\n%s", lk_problems_text(&problems), yaml);
	lk_problems_free(&problems);
	lk_plan_complete(plan);
	free(yaml);
}

void lk_journal_rows_done(bool done, const struct lk_error *error)
{
	if (!done)
		fail_msg("%s", error->text);
}

void lk_journal_rows_refused(bool done, const struct lk_error *error, enum lk_error_class class,
			     const char *words)
{
	if (done)
		fail_msg("it was done, not refused with \"%s\"", words);
	if (error->class != class)
		fail_msg("%s: %s", lk_error_class_name(error->class), error->text);
	assert_contains(error->text, words);
}

struct lk_session *lk_journal_rows_session(lk_journal_rows_open *open, const char *run,
					   const char *plan_name, struct lk_plan *plan)
{
	struct lk_error error;
	struct lk_session *session = open(run, "worker");
	lk_journal_rows_done(lk_journal_install(session, &error), &error);
	lk_journal_rows_make_plan(plan_name, "", plan);
	lk_journal_rows_done(lk_journal_create(session, run, plan, &alice, &error), &error);
	return session;
}

static struct lk_session *session_with(void **state, const char *run, const char *plan_name,
				       struct lk_plan *plan)
{
	const struct lk_journal_rows *rows = *state;
	return lk_journal_rows_session(rows->open, run, plan_name, plan);
}

static void expect(struct lk_session *session, const char *sql, const char *expected)
{
	struct lk_error error;
	struct lk_result r;
	lk_journal_rows_done(LK_QUERY(session, &r, &error, sql), &error);
	assert_string_equal(lk_cell_text(&r, 0, 0), expected);
	lk_result_free(&r);
}

void lk_journal_rows_plan(void **state)
{
	struct lk_error error;
	struct lk_plan plan, back = {0};
	char before[65], after[65];
	struct lk_journal_step *steps;
	struct lk_session *session = session_with(state, "back-1", "back", &plan);
	lk_journal_rows_done(lk_journal_load(session, "back-1", &back, &error), &error);
	lk_plan_digest(&plan, before);
	lk_plan_digest(&back, after);
	assert_string_equal(before, after);
	assert_string_equal(back.why, plan.why);
	assert_int_equal(back.step_count, plan.step_count);
	lk_journal_rows_done(lk_journal_set_step(session, "back-1", 1, "running", NULL, &error),
			     &error);
	lk_journal_rows_done(
		lk_journal_set_step(session, "back-1", 1, "failed", "it's \"odd\" \\ 漢", &error),
		&error);
	/* NULL leaves the note, "" empties it. */
	lk_journal_rows_done(lk_journal_set_step(session, "back-1", 1, "failed", NULL, &error),
			     &error);
	steps = lk_alloc(plan.step_count * sizeof *steps);
	lk_journal_rows_done(lk_journal_steps(session, "back-1", plan.step_count, steps, &error),
			     &error);
	assert_string_equal(steps[0].state, "pending");
	assert_int_equal(steps[0].started, 0);
	assert_string_equal(steps[1].state, "failed");
	assert_string_equal(steps[1].note, "it's \"odd\" \\ 漢");
	assert_true(steps[1].started > 0 && steps[1].ended >= steps[1].started);
	assert_true(llabs((long long)(steps[1].ended - lk_wall_ms())) < 60000);
	lk_journal_rows_done(lk_journal_set_step(session, "back-1", 1, "running", "", &error),
			     &error);
	lk_journal_rows_done(lk_journal_steps(session, "back-1", plan.step_count, steps, &error),
			     &error);
	assert_string_equal(steps[1].note, "");
	assert_int_equal(steps[1].ended, 0);
	free(steps);
	lk_plan_free(&plan);
	lk_plan_free(&back);
	lk_session_close(session);
}

void lk_journal_rows_mended(void **state)
{
	struct lk_error error;
	struct lk_plan plan, mended, other, back = {0};
	struct lk_journal_cursor cursor = {.rows_done = 7};
	struct lk_journal_run run;
	struct lk_session *session = session_with(state, "mend-1", "mend", &plan);
	lk_journal_rows_make_plan("mend", "    - ddl: \"SELECT 3\"\n      undo: \"SELECT 4\"\n",
				  &mended);
	lk_journal_rows_make_plan("taken", "", &other);
	lk_journal_rows_done(lk_journal_create(session, "taken-1", &other, &bob, &error), &error);
	lk_journal_rows_done(lk_journal_set_step(session, "mend-1", 0, "done", "", &error), &error);
	lk_journal_rows_done(lk_journal_set_cursor(session, "mend-1", 1, &cursor, &error), &error);
	lk_journal_rows_done(lk_journal_set_wanted(session, "mend-1", "stopped", &error), &error);
	lk_journal_rows_done(lk_begin(session, &error) &&
				     lk_journal_replace(session, "mend-1", &mended, 1, &error) &&
				     lk_commit(session, &error),
			     &error);
	lk_journal_rows_done(lk_journal_load(session, "mend-1", &back, &error), &error);
	assert_int_equal(back.step_count, mended.step_count);
	lk_journal_rows_done(lk_journal_get(session, "mend-1", &run, &error), &error);
	assert_string_equal(run.wanted, "running");
	assert_int_equal(run.steps, mended.step_count);
	assert_int_equal(run.steps_done, 1);
	expect(session, "SELECT COUNT(*) FROM lockkeeper.cursor WHERE run = 'mend-1'", "0");
	/* Its name may not become that of a plan which has another run. */
	lk_journal_rows_done(lk_begin(session, &error), &error);
	lk_journal_rows_refused(lk_journal_replace(session, "mend-1", &other, 0, &error), &error,
				LK_ERROR_REFUSED, "taken-1");
	lk_rollback(session);
	lk_plan_free(&plan);
	lk_plan_free(&mended);
	lk_plan_free(&other);
	lk_plan_free(&back);
	lk_session_close(session);
}

void lk_journal_rows_cursor(void **state)
{
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
	struct lk_session *session = session_with(state, "cursor-1", "cursor", &plan);
	lk_journal_rows_done(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_null(back.key);
	assert_int_equal(back.rows_done, 0);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct lk_journal_cursor cursor = {.key = (char **)keys[i],
						   .count = 2,
						   .rows_done = 10000000000 + (int64_t)i,
						   .rows_changed = 3,
						   .chunks = 4,
						   .finished = i % 2};
		lk_journal_rows_done(lk_journal_set_cursor(session, "cursor-1", 1, &cursor, &error),
				     &error);
		lk_journal_rows_done(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error),
				     &error);
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
	lk_journal_rows_done(lk_journal_set_cursor(session, "cursor-1", 1, &keyless, &error),
			     &error);
	lk_journal_rows_done(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_string_equal(back.key[0], "имя 漢 🙂");
	lk_journal_cursor_free(&back);
	lk_journal_rows_done(lk_journal_forget_cursor(session, "cursor-1", 1, &error), &error);
	lk_journal_rows_done(lk_journal_cursor(session, "cursor-1", 1, 2, &back, &error), &error);
	assert_null(back.key);
	lk_plan_free(&plan);
	lk_session_close(session);
}

void lk_journal_rows_parts(void **state)
{
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
	struct lk_session *session = session_with(state, "parts-1", "parts", &plan);
	lk_journal_rows_done(lk_journal_part(session, "parts-1", 1, &back, &error), &error);
	assert_null(back.key);
	assert_false(back.part_finished);
	back.count = 1;
	lk_journal_rows_done(lk_journal_set_cursor(session, "parts-1", 1, &part, &error), &error);
	lk_journal_rows_done(lk_journal_set_cursor(session, "parts-1", 1, &part, &error), &error);
	lk_journal_rows_done(lk_journal_part(session, "parts-1", 1, &back, &error), &error);
	assert_true(back.part_finished);
	assert_string_equal(back.key[0], "17");
	lk_journal_cursor_free(&back);
	/* The key of a part is not one of the table's own rows. */
	lk_journal_rows_done(lk_journal_cursor(session, "parts-1", 1, 1, &back, &error), &error);
	assert_null(back.key);
	assert_int_equal(back.rows_done, 5);
	lk_journal_rows_done(lk_journal_reject(session, "parts-1", 1, &reject, &error), &error);
	lk_journal_rows_done(lk_journal_reject(session, "parts-1", 1, &reject, &error), &error);
	lk_journal_rows_done(lk_journal_rejects(session, "parts-1", 1, &count, &error), &error);
	assert_int_equal(count, 2);
	lk_journal_rows_refused(lk_journal_forget(session, "parts-1", true, &error), &error,
				LK_ERROR_REFUSED, "it is not over");
	lk_journal_rows_done(lk_journal_set_state(session, "parts-1", "done", "", &error), &error);
	lk_journal_rows_refused(lk_journal_forget(session, "parts-1", true, &error), &error,
				LK_ERROR_REFUSED, "left 2 rows out");
	lk_journal_rows_done(lk_journal_forget_cursor(session, "parts-1", 1, &error), &error);
	lk_journal_rows_done(lk_journal_rejects(session, "parts-1", 1, &count, &error), &error);
	assert_int_equal(count, 0);
	expect(session, "SELECT COUNT(*) FROM lockkeeper.part WHERE run = 'parts-1'", "0");
	lk_plan_free(&plan);
	lk_session_close(session);
}

void lk_journal_rows_wishes(void **state)
{
	struct lk_error error;
	struct lk_plan plan;
	struct lk_journal_approval *approvals,
		answer = {.gate = "look", .who = "o'hara", .origin = ""};
	struct lk_journal_answer *answers;
	struct lk_journal_event *events;
	struct lk_journal_run run;
	char digest[65], wanted[16];
	size_t count;
	struct lk_session *session = session_with(state, "wishes-1", "wishes", &plan);
	lk_plan_digest(&plan, digest);
	lk_journal_rows_done(lk_journal_set_wanted(session, "wishes-1", "paused", &error), &error);
	assert_false(lk_journal_set_wanted(session, "wishes-1", "nonsense", &error));
	lk_journal_rows_done(lk_journal_approve(session, "wishes-1", digest, &answer, &error),
			     &error);
	LK_COPY(answer.origin, "again");
	lk_journal_rows_done(lk_journal_approve(session, "wishes-1", digest, &answer, &error),
			     &error);
	/* An answer to another version of the plan is none. */
	lk_journal_rows_done(
		lk_journal_approve(session, "wishes-1", "another digest", &answer, &error), &error);
	lk_journal_rows_done(
		lk_journal_poll(session, "wishes-1", digest, wanted, &approvals, &count, &error),
		&error);
	assert_string_equal(wanted, "paused");
	assert_int_equal(count, 1);
	assert_string_equal(approvals[0].who, "o'hara");
	assert_string_equal(approvals[0].origin, "");
	assert_true(llabs((long long)(approvals[0].at - lk_wall_ms())) < 60000);
	free(approvals);
	lk_journal_rows_done(lk_journal_answers(session, "wishes-1", &answers, &count, &error),
			     &error);
	assert_int_equal(count, 2);
	assert_string_equal(answers[1].digest, "another digest");
	free(answers);
	for (int64_t n = 1; n <= 3; n++)
		lk_journal_rows_done(lk_journal_event(session, "wishes-1", n, 1764000000123,
						      (const char *[]){"note", "alice", "x'y\\z"},
						      &error),
				     &error);
	/* The same again, after a commit of which nobody heard. */
	lk_journal_rows_done(lk_journal_event(session, "wishes-1", 3, 1764000000123,
					      (const char *[]){"note", "alice", "again"}, &error),
			     &error);
	lk_journal_rows_done(lk_journal_event(session, "wishes-1", 4, 1764000000123,
					      (const char *[]){"note", "", ""}, &error),
			     &error);
	lk_journal_rows_done(lk_journal_events(session, "wishes-1", &events, &count, &error),
			     &error);
	assert_int_equal(count, 4);
	assert_string_equal(events[2].text, "x'y\\z");
	assert_int_equal(events[2].at, 1764000000123);
	free(events);
	lk_journal_rows_done(lk_journal_set_backward(session, "wishes-1", &error), &error);
	lk_journal_rows_done(lk_journal_get(session, "wishes-1", &run, &error), &error);
	assert_int_equal(run.last_event, 4);
	assert_true(run.backward);
	lk_plan_free(&plan);
	lk_session_close(session);
}
