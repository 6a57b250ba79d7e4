/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a keeper tells its consoles survives the way there and back, also between versions. */
#include "tests/unit/support.h"

#include <stdio.h>

#include "base/memory.h"
#include "control/snapshot.h"

static struct lk_snapshot *sample(void)
{
	struct lk_snapshot *s = lk_alloc(sizeof *s);
	LK_COPY(s->run, "rename-1a2b");
	LK_COPY(s->state, "running");
	LK_COPY(s->reason, "tab\t quote\" backslash\\ line\nend \xe6\xbc\xa2");
	s->epoch = INT64_C(9007199254740993);
	s->taken = 1764000000123;
	s->step = -1;
	s->pid = 4711;
	s->can_rollback = true;
	s->backfill.rows_total = -1;
	s->backfill.rows_done = 123456789012;
	s->backfill.rows_per_s = 1234.5;
	for (int i = 0; i < LK_HISTORY; i++)
		s->backfill.history[i] = i - 1;
	s->proof.confirmed = true;
	s->proof.open_transactions = -1;
	s->result.rows_compared = 5;
	s->application.p99_ms = 0.25;
	s->steps_count = LK_SNAPSHOT_STEPS;
	for (int i = 0; i < LK_SNAPSHOT_STEPS; i++) {
		s->steps[i].number = i;
		snprintf(s->steps[i].name, sizeof s->steps[i].name, "step-%d", i);
		memset(s->steps[i].statement, 'x', sizeof s->steps[i].statement - 1);
	}
	s->replicas_count = 1;
	s->replicas[0].history[LK_HISTORY - 1] = 7.5;
	s->locks_count = s->sessions_count = s->limits_count = s->alerts_count =
		s->statements_count = 1;
	s->limits[0].holds = true;
	s->locks[0].granted = true;
	LK_COPY(s->statements[0].outcome, "committed");
	return s;
}

static struct lk_snapshot *through_text(const struct lk_snapshot *from)
{
	struct lk_snapshot *to = lk_alloc(sizeof *to);
	json_error_t where;
	json_t *object = lk_snapshot_encode(from);
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	object = json_loads(text, 0, &where);
	assert_non_null(object);
	memset(to, 0x5a, sizeof *to);
	lk_snapshot_decode(object, to);
	json_decref(object);
	free(text);
	return to;
}

static void everything_arrives(void **state)
{
	struct lk_snapshot *from = sample();
	struct lk_snapshot *to = through_text(from);
	(void)state;
	/* Both are zeroed memory that was filled member by member, so they are equal byte by byte.
	 */
	assert_memory_equal(from, to, sizeof *from);
	free(from);
	free(to);
}

static void an_event_arrives(void **state)
{
	struct lk_event from, to;
	(void)state;
	memset(&from, 0, sizeof from);
	from.number = 12;
	from.at = 1764000000123;
	LK_COPY(from.kind, "gate");
	LK_COPY(from.who, "alice");
	LK_COPY(from.text, "gate expand: answered by alice");
	json_t *object = lk_event_encode(&from);
	memset(&to, 0, sizeof to);
	lk_event_decode(object, &to);
	json_decref(object);
	assert_memory_equal(&from, &to, sizeof from);
}

static void bytes_that_are_no_text_become_marks(void **state)
{
	struct lk_snapshot *from = sample();
	(void)state;
	LK_COPY(from->reason, "bad \xff\xfe byte \x1b[31m");
	struct lk_snapshot *to = through_text(from);
	assert_string_equal(to->reason, "bad \xef\xbf\xbd\xef\xbf\xbd byte \x1b[31m");
	free(from);
	free(to);
}

static void older_and_newer_keepers_can_be_read(void **state)
{
	struct lk_snapshot *to = lk_alloc(sizeof *to);
	(void)state;
	json_t *object =
		json_pack("{s:s, s:s, s:{s:i}, s:[{s:s, s:i}]}", "state", "paused", "weather",
			  "fair", "backfill", "rows_done", 7, "steps", "name", "one", "colour", 3);
	lk_snapshot_decode(object, to);
	json_decref(object);
	assert_string_equal(to->state, "paused");
	assert_int_equal(to->backfill.rows_done, 7);
	assert_int_equal(to->steps_count, 1);
	assert_string_equal(to->steps[0].name, "one");
	assert_string_equal(to->run, "");
	free(to);
}

static void wrong_types_and_long_lists_do_no_harm(void **state)
{
	struct lk_snapshot *to = lk_alloc(sizeof *to);
	(void)state;
	json_t *object = json_object();
	json_t *list = json_array(), *history = json_array();
	for (int i = 0; i < 500; i++) {
		json_array_append_new(list, i % 2 ? json_integer(i) : json_object());
		json_array_append_new(history, json_real(i));
	}
	json_object_set_new(object, "steps", list);
	json_object_set_new(object, "replicas", json_pack("[{s:o}]", "history", history));
	json_object_set_new(object, "state", json_integer(5));
	json_object_set_new(object, "backfill", json_string("none"));
	json_object_set_new(object, "pid", json_string("x"));
	json_object_set_new(object, "locks", json_object());
	char *long_text = lk_alloc(100000);
	memset(long_text, 'y', 99999);
	json_object_set_new(object, "run", json_string(long_text));
	free(long_text);
	lk_snapshot_decode(object, to);
	assert_int_equal(to->steps_count, LK_SNAPSHOT_STEPS);
	assert_int_equal(to->locks_count, 0);
	assert_int_equal(strlen(to->run), sizeof to->run - 1);
	assert_true(to->replicas[0].history[LK_HISTORY - 1] == LK_HISTORY - 1);
	assert_string_equal(to->state, "");
	json_decref(object);
	free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives),
		cmocka_unit_test(an_event_arrives),
		cmocka_unit_test(bytes_that_are_no_text_become_marks),
		cmocka_unit_test(older_and_newer_keepers_can_be_read),
		cmocka_unit_test(wrong_types_and_long_lists_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
