/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket's lines: any cut of the byte stream, and bytes that are no message. */
#include "tests/unit/support.h"

#include "control/line.h"

struct taken {
	int count, sum;
	int refuse_at; /* the message that is not accepted, 0 none */
};

static bool take(void *context, json_t *object)
{
	struct taken *t = context;
	t->count++;
	t->sum += (int)json_integer_value(json_object_get(object, "n"));
	return t->count != t->refuse_at;
}

static bool feed(const char *bytes, size_t count, size_t piece, struct taken *t,
		 struct lk_error *error)
{
	struct lk_lines lines = {0};
	bool fine = true;
	for (size_t at = 0; fine && at < count; at += piece)
		fine = lk_lines_feed(&lines, bytes + at, count - at < piece ? count - at : piece,
				     take, t, error);
	lk_lines_free(&lines);
	return fine;
}

static void messages_survive_any_cut(void **state)
{
	static const char text[] =
		"{\"n\": 1}\n\n{\"n\": 20, \"t\": \"a\\nb\"}\n{\"n\":300}\n{\"n\": 4";
	(void)state;
	for (size_t piece = 1; piece <= sizeof text; piece++) {
		struct lk_error error;
		struct taken t = {0};
		assert_true(feed(text, sizeof text - 1, piece, &t, &error));
		assert_int_equal(t.count, 3);
		assert_int_equal(t.sum, 321);
	}
}

static void what_is_no_object_is_an_error(void **state)
{
	static const char *const bad[] = {
		"hello\n",
		"[1]\n",
		"{\"n\": 1\n",
		"7\n",
		"{\"n\":1}{\"n\":2}\n",
		"\x01\x02\n",
		"{\"a\":1,\"a\":2}\n",
		"{\"n\": \"\xff\"}\n",
		"null\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct lk_error error = {0};
		struct taken t = {0};
		if (feed(bad[i], strlen(bad[i]), 4096, &t, &error))
			fail_msg("accepted: %s", bad[i]);
		assert_contains(error.text, "not a JSON object");
		assert_int_equal(t.count, 0);
	}
	/* A NUL does not end a line early. */
	struct lk_error error = {0};
	struct taken t = {0};
	assert_false(feed("{}\0x\n", 5, 4096, &t, &error));
}

static void a_line_without_end_is_cut_off_at_the_limit(void **state)
{
	struct lk_lines lines = {0};
	struct lk_error error = {0};
	struct taken t = {0};
	char block[4096];
	size_t fed = 0;
	(void)state;
	memset(block, ' ', sizeof block);
	while (lk_lines_feed(&lines, block, sizeof block, take, &t, &error)) {
		fed += sizeof block;
		assert_true(fed <= LK_LINE_LIMIT);
	}
	assert_contains(error.text, "over 1 MB");
	lk_lines_free(&lines);
}

static void a_refused_message_ends_the_feed(void **state)
{
	struct lk_error error = {0};
	struct taken t = {.refuse_at = 2};
	(void)state;
	assert_false(feed("{}\n{}\n{}\n", 9, 9, &t, &error));
	assert_int_equal(t.count, 2);
	assert_int_not_equal(error.class, LK_NO_ERROR);
}

static void what_is_written_can_be_read(void **state)
{
	struct lk_error error;
	struct taken t = {0};
	(void)state;
	json_t *inner = json_object();
	json_object_set_new(inner, "text", json_string("a\nb \xe6\xbc\xa2"));
	char *line = lk_line_of("event", inner);
	assert_true(strchr(line, '\n') == line + strlen(line) - 1);
	assert_true(feed(line, strlen(line), 3, &t, &error));
	assert_int_equal(t.count, 1);
	free(line);
}

static void garbage_never_crashes(void **state)
{
	static const char good[] =
		"{\"verb\":\"pause\",\"id\":1}\n{\"verb\":\"attach\",\"since\":0}\n";
	struct test_random random = {20261122};
	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct lk_error error;
		struct taken t = {0};
		size_t length;
		char *bytes = test_mutate(&random, good, "[]{}\"\\\n", &length);
		feed(bytes, length, 1 + test_random(&random, 40), &t, &error);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_survive_any_cut),
		cmocka_unit_test(what_is_no_object_is_an_error),
		cmocka_unit_test(a_line_without_end_is_cut_off_at_the_limit),
		cmocka_unit_test(a_refused_message_ends_the_feed),
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(garbage_never_crashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
