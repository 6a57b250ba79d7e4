/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/one_sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "sandbox/folder.h"
#include "sandbox/link.h"
#include "sandbox/protocol.h"

int lk_one_sandbox_begin(void **state, struct lk_one_sandbox one)
{
	struct lk_one_sandbox *made = lk_alloc(sizeof *made);
	*made = one;
	if (one.share)
		made->shared = lk_practice_small_of(one.kind, 300);
	*state = made;
	return 0;
}

int lk_one_sandbox_end(void **state)
{
	struct lk_one_sandbox *one = *state;
	if (one->share)
		lk_practice_stop(&one->shared);
	free(one);
	return 0;
}

void lk_one_sandbox_keeps_its_pace(void **state)
{
	struct lk_one_sandbox *one = *state;
	struct lk_sandbox *sandbox = &one->shared;
	lk_practice_await_releases(sandbox, "41: 8 connections");
	lk_practice_await_figure(sandbox, "transactions", 900);
	lk_practice_await_figure(sandbox, "p99_alone_ms", 0.001);
	assert_true(lk_practice_figure(sandbox, "per_s") > 150);
	assert_true(lk_practice_figure(sandbox, "p50_ms") > 0);
	assert_true(lk_practice_figure(sandbox, "p99_run_ms") == -1);
	assert_int_equal(lk_practice_figure(sandbox, "errors"), 0);
}

/* A lock that everything waits for is a stall, and no error. */
void lk_one_sandbox_measures_a_stall(void **state)
{
	struct lk_one_sandbox *one = *state;
	struct lk_sandbox *sandbox = &one->shared;
	struct lk_error error;
	struct lk_link *link = lk_link_open(sandbox->uri, "test", &error);
	assert_non_null(link);
	assert_true(lk_link_execute(link, one->lock, &error));
	lk_practice_await_figure(sandbox, "longest_stall_ms", 600);
	assert_true(lk_link_execute(link, one->unlock, &error));
	lk_link_close(link);
	lk_practice_await_figure(sandbox, "max_ms", 600);
	lk_practice_await_more(sandbox, 300);
	/* Every transaction that was due meanwhile counts as slow, not only the eight that waited. */
	assert_true(lk_practice_figure(sandbox, "p95_ms") > 20);
	assert_int_equal(lk_practice_figure(sandbox, "errors"), 0);
}

void lk_one_sandbox_finds_each_wrong_row(void **state)
{
	struct lk_one_sandbox *one = *state;
	struct lk_sandbox *sandbox = &one->shared;
	static const struct {
		const char *sql;
		int different;
	} plants[] = {
		{"UPDATE users SET username = 'somebody else' WHERE id = 4711", 1},
		/* In other letters, which a collation may call the same. */
		{"UPDATE users SET username = UPPER(username) WHERE id = 4713", 2},
		{"UPDATE users SET username = 'not null' WHERE id = (SELECT id FROM"
		 " (SELECT MAX(id) AS id FROM users WHERE username IS NULL) newest)",
		 3},
		{"INSERT INTO users (email) VALUES ('nobody wrote this')", 4},
		{"DELETE FROM reviews WHERE id = 17", 5},
		{"DELETE FROM users WHERE email = 'nobody wrote this'", 4},
	};
	struct lk_sandbox_result result = lk_practice_result(sandbox);
	lk_practice_clean(&result);
	assert_true(result.transactions > 900);
	assert_true(result.longest_stall_ms >= 600);
	for (size_t i = 0; i < LK_COUNT(plants); i++) {
		lk_practice_sql(sandbox, plants[i].sql);
		result = lk_practice_result(sandbox);
		if (result.rows_different != plants[i].different)
			fail_msg("%d rows differ after %s", (int)result.rows_different,
				 plants[i].sql);
	}
	/* One review is missing. */
	assert_int_equal(result.rows_compared, result.rows + 1);
}

/* "FUNCTION(id) + shift" of a table. */
static char *end_of(const struct lk_sandbox *sandbox, const char *table, const char *function,
		    int shift)
{
	char *sql = lk_format("SELECT %s(id) + %d FROM %s", function, shift, table);
	char *id = lk_practice_value(sandbox->uri, sql);
	free(sql);
	return id;
}

/* Each column is compared, and in rows that were never written as in those that were. */
void lk_one_sandbox_looks_at_each_column(void **state)
{
	struct lk_one_sandbox *one = *state;
	struct lk_sandbox *sandbox = &one->shared;
	static const char *const plants[][2] = {
		{"users", "email = CONCAT('x', id)"},
		{"users", "display_name = 'x'"},
		{"users", "fax = 'x'"},
		{"users", "balance = balance + 1"},
		{"orders", "user_id = user_id + 1"},
		{"orders", "amount = amount + 1"},
		{"orders", "status = NULL"},
		{"reviews", "order_id = order_id + 2"},
		{"reviews", "stars = stars + 1"},
		{"reviews", "body = NULL"},
	};
	int64_t before = lk_practice_result(sandbox).rows_different;
	for (int i = 0; i < (int)LK_COUNT(plants); i++) {
		/* The ends of the table: its first rows and its newest. */
		char *first = end_of(sandbox, plants[i][0], "MIN", i);
		char *last = end_of(sandbox, plants[i][0], "MAX", -i);
		char *sql = lk_format("UPDATE %s SET %s WHERE id IN (%s, %s)", plants[i][0],
				      plants[i][1], first, last);
		lk_practice_sql(sandbox, sql);
		int64_t now = lk_practice_result(sandbox).rows_different;
		if (now <= before)
			fail_msg("nobody found: %s", sql);
		before = now;
		free(sql);
		free(first);
		free(last);
	}
}

static pid_t server_of(const struct lk_sandbox *sandbox, const char *name)
{
	char *data = lk_format("%s/db/%s", sandbox->folder, name);
	pid_t pid = lk_folder_server(data);
	free(data);
	return pid;
}

static void await_no_server(const struct lk_sandbox *sandbox, const char *name)
{
	int64_t deadline = lk_clock_us() + LK_PRACTICE_PATIENCE_US;
	while (server_of(sandbox, name) != 0) {
		if (lk_clock_us() > deadline)
			fail_msg("the %s does not end", name);
		lk_sleep_ms(10);
	}
}

static void await_end(const struct lk_sandbox *sandbox)
{
	int64_t deadline = lk_clock_us() + LK_PRACTICE_PATIENCE_US;
	while (kill(sandbox->pid, 0) == 0 || errno != ESRCH) {
		waitpid(sandbox->pid, NULL, WNOHANG);
		if (lk_clock_us() > deadline)
			fail_msg("process %d does not end", (int)sandbox->pid);
		lk_sleep_ms(10);
	}
}

static struct lk_sandbox start(const struct lk_one_sandbox *one, struct lk_sandbox_options options)
{
	options.kind = one->kind;
	options.rows = 100;
	return lk_practice_start(&options);
}

void lk_one_sandbox_killed_takes_its_servers_along(void **state)
{
	const struct lk_one_sandbox *one = *state;
	struct lk_sandbox killed = start(one, (struct lk_sandbox_options){.writes = 100});
	assert_true(server_of(&killed, "primary") > 0 && server_of(&killed, "replica") > 0);
	kill(killed.pid, SIGKILL);
	await_end(&killed);
	await_no_server(&killed, "primary");
	await_no_server(&killed, "replica");
	assert_int_equal(access(killed.folder, F_OK), 0);
	struct lk_sandbox_result result;
	struct lk_error error = {0};
	assert_false(lk_sandbox_result(&killed, &result, &error));
	assert_int_equal(error.class, LK_ERROR_LOST);

	/* The next one clears up. */
	struct lk_sandbox next = start(one, (struct lk_sandbox_options){0});
	assert_int_not_equal(access(killed.folder, F_OK), 0);
	close(killed.connection);
	lk_practice_stop(&next);
}

void lk_one_sandbox_ends_at_its_time(void **state)
{
	struct lk_sandbox sandbox =
		start(*state, (struct lk_sandbox_options){.writes = 50, .max_time_ms = 300});
	await_end(&sandbox);
	assert_int_not_equal(access(sandbox.folder, F_OK), 0);
	close(sandbox.connection);
}

/* A keeper keeps it alive without any console; without both it ends. */
void lk_one_sandbox_ends_when_nobody_uses_it(void **state)
{
	struct lk_error error = {0};
	struct lk_sandbox sandbox =
		start(*state, (struct lk_sandbox_options){.writes = 100, .idle_ms = 1200});
	struct lk_link *keeper = lk_link_open(sandbox.uri, "lockkeeper:r1:worker", &error);
	assert_non_null(keeper);
	/* The deployment looks several times a second; after so many transactions it has seen the keeper. */
	lk_practice_await_more(&sandbox, 100);
	close(sandbox.connection);
	lk_practice_await_more(&sandbox, 250);
	assert_int_equal(kill(sandbox.pid, 0), 0);
	lk_link_close(keeper);
	await_end(&sandbox);
	assert_int_not_equal(access(sandbox.folder, F_OK), 0);
}

/* Kept folders can be started again: the servers have ended in order. */
void lk_one_sandbox_is_kept(void **state)
{
	struct lk_error error = {0};
	struct lk_sandbox sandbox = start(*state, (struct lk_sandbox_options){.keep = true});
	assert_true(lk_sandbox_stop(&sandbox, &error));
	assert_int_equal(access(sandbox.folder, F_OK), 0);
	assert_int_equal(server_of(&sandbox, "primary"), 0);
	lk_folder_remove_leftovers(LK_SANDBOX_PREFIX);
	assert_int_equal(access(sandbox.folder, F_OK), 0);
	assert_true(lk_path_remove_tree(sandbox.folder, &error));
}
