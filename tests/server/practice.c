/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/practice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sandbox/link.h"
#include "sandbox/protocol.h"

struct lk_sandbox lk_practice_start(const struct lk_sandbox_options *options)
{
	struct lk_sandbox sandbox;
	struct lk_error error = {0};
	if (!lk_sandbox_start(options, NULL, NULL, &sandbox, &error))
		fail_msg("%s", error.text);
	return sandbox;
}

struct lk_sandbox lk_practice_small_of(const char *kind, int writes)
{
	const struct lk_sandbox_options options = {
		.kind = kind, .rows = LK_PRACTICE_ROWS, .writes = writes};
	return lk_practice_start(&options);
}

struct lk_sandbox lk_practice_small(int writes)
{
	return lk_practice_small_of(NULL, writes);
}

void lk_practice_stop(struct lk_sandbox *sandbox)
{
	struct lk_error error = {0};
	if (!lk_sandbox_stop(sandbox, &error))
		fail_msg("%s", error.text);
	assert_int_not_equal(access(sandbox->folder, F_OK), 0);
}

struct lk_sandbox_result lk_practice_result(struct lk_sandbox *sandbox)
{
	struct lk_sandbox_result result;
	struct lk_error error = {0};
	if (!lk_sandbox_result(sandbox, &result, &error))
		fail_msg("%s", error.text);
	return result;
}

static struct lk_link *open_link(const char *uri)
{
	struct lk_error error = {0};
	struct lk_link *link = lk_link_open(uri, "test", &error);
	if (!link)
		fail_msg("%s: %s", uri, error.text);
	return link;
}

bool lk_practice_try(const struct lk_sandbox *sandbox, const char *sql, struct lk_error *error)
{
	struct lk_link *link = open_link(sandbox->uri);
	bool done = lk_link_execute(link, sql, error);
	lk_link_close(link);
	return done;
}

void lk_practice_sql(const struct lk_sandbox *sandbox, const char *sql)
{
	struct lk_error error = {0};
	if (!lk_practice_try(sandbox, sql, &error))
		fail_msg("%s: %s", sql, error.text);
}

char *lk_practice_value(const char *uri, const char *sql)
{
	struct lk_error error = {0};
	struct lk_result result;
	struct lk_link *link = open_link(uri);
	if (!lk_link_query(link, sql, &result, &error))
		fail_msg("%s: %s", sql, error.text);
	char *value = lk_strdup(result.rows > 0 ? lk_cell_text(&result, 0, 0) : "");
	lk_result_free(&result);
	lk_link_close(link);
	return value;
}

json_t *lk_practice_figures(const struct lk_sandbox *sandbox)
{
	json_t *figures = json_load_file(sandbox->application_file, 0, NULL);
	assert_non_null(figures);
	return figures;
}

double lk_practice_figure(const struct lk_sandbox *sandbox, const char *name)
{
	json_t *figures = lk_practice_figures(sandbox);
	json_t *member = json_object_get(figures, name);
	assert_non_null(member);
	double value = json_number_value(member);
	json_decref(figures);
	return value;
}

void lk_practice_await_figure(const struct lk_sandbox *sandbox, const char *name, double at_least)
{
	int64_t deadline = lk_clock_us() + LK_PRACTICE_PATIENCE_US;
	while (lk_practice_figure(sandbox, name) < at_least) {
		if (lk_clock_us() > deadline)
			fail_msg("%s stays below %f", name, at_least);
		lk_sleep_ms(20);
	}
}

void lk_practice_await_releases(const struct lk_sandbox *sandbox, const char *expected)
{
	int64_t deadline = lk_clock_us() + LK_PRACTICE_PATIENCE_US;
	for (bool same = false; !same;) {
		json_t *figures = lk_practice_figures(sandbox);
		const char *releases = json_string_value(json_object_get(figures, "releases"));
		assert_non_null(releases);
		same = strcmp(releases, expected) == 0;
		if (!same && lk_clock_us() > deadline)
			fail_msg("the releases stay \"%s\"", releases);
		json_decref(figures);
		lk_sleep_ms(20);
	}
}

/* Something may need the application to have run for a while after it; this many more transactions.
 */
void lk_practice_await_more(const struct lk_sandbox *sandbox, int count)
{
	lk_practice_await_figure(sandbox, "transactions",
				 lk_practice_figure(sandbox, "transactions") + count);
}

void lk_practice_clean(const struct lk_sandbox_result *result)
{
	if (result->errors != 0)
		fail_msg("%lld errors, the first: %s", (long long)result->errors,
			 result->first_error);
	assert_int_equal(result->rows_different, 0);
	assert_true(result->rows >= LK_PRACTICE_ROWS);
	assert_int_equal(result->rows_compared, result->rows);
}

/* Until the deployment has looked once more and every connection runs what it wants. */
void lk_practice_await_settled(const struct lk_sandbox *sandbox)
{
	int64_t now_ms = lk_wall_ms(), deadline = lk_clock_us() + LK_PRACTICE_PATIENCE_US;
	for (bool settled = false; !settled;) {
		json_t *figures = lk_practice_figures(sandbox);
		settled = json_is_true(json_object_get(figures, "settled")) &&
			  json_integer_value(json_object_get(figures, "looked_ms")) > now_ms;
		json_decref(figures);
		if (lk_clock_us() > deadline)
			fail_msg("the application does not settle");
		lk_sleep_ms(20);
	}
}

int lk_practice_main(int argc, char **argv, int (*tests)(void))
{
	if (argc > 1 && strcmp(argv[1], LK_SANDBOX_VERB) == 0)
		return lk_sandbox_server_main(argc, argv);
	char base[] = "/tmp/lk-practice-XXXXXX";
	if (!mkdtemp(base) || chmod(base, 01777) != 0)
		return 1;
	setenv("TMPDIR", base, 1);
	int failed = tests();
	if (rmdir(base) != 0) {
		perror(base);
		failed++;
	}
	return failed != 0;
}
