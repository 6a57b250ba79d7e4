/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/server/shop_by_hand.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { CONNECTIONS = 8 };
static const char both_releases[] = "41: 4 connections, 42: 4 connections";

static void begin_run(const struct lk_sandbox *sandbox, const char *words)
{
	char *sql = lk_format(
		"INSERT INTO lockkeeper.step VALUES ('%s', 1, 'work', 'ddl', 'pending'),"
		" ('%s', 2, 'release-42', 'gate', 'pending'), ('%s', 3, 'release-41-gone', 'gate', 'pending');"
		"INSERT INTO lockkeeper.run (name, state, document) VALUES ('%s', 'running',"
		" '{\"steps\": [\"%s\"]}')",
		words, words, words, words, words);
	lk_practice_sql(sandbox, sql);
	free(sql);
}

static void steps_done(const struct lk_sandbox *sandbox, const char *words, int count)
{
	char *sql = lk_format("UPDATE lockkeeper.step SET state = 'done' WHERE run = '%s' AND"
			      " number <= %d",
			      words, count);
	lk_practice_sql(sandbox, sql);
	free(sql);
}

/* Who waits in a circle with the application, the server may end as well: then once more, as anybody would by hand. */
static void run_by_hand(const struct lk_sandbox *sandbox, const char *sql, const char *victim)
{
	struct lk_error error = {0};
	for (int tries = 0; tries < 5; tries++)
		if (lk_practice_try(sandbox, sql, &error))
			return;
		else if (!victim || !strstr(error.text, victim))
			break;
	fail_msg("%s: %s", sql, error.text);
}

static void run_all(const struct lk_sandbox *sandbox, const char *const *statements,
		    const char *victim)
{
	for (; *statements; statements++)
		run_by_hand(sandbox, *statements, victim);
}

static void expect_clean(const struct lk_shop_by_hand *shop, const char *words,
			 const struct lk_sandbox_result *result)
{
	bool victims = shop->victim && result->errors <= CONNECTIONS &&
		       strstr(result->first_error, shop->victim);
	if ((result->errors > 0 && !victims) || result->rows_different > 0)
		fail_msg("%s: %d errors (%s), %d rows different", words, (int)result->errors,
			 result->first_error, (int)result->rows_different);
}

static void carry_out(struct lk_sandbox *sandbox, const struct lk_shop_by_hand *shop,
		      const struct lk_shop_change *change)
{
	struct lk_error error;
	struct lk_sandbox_result result;
	begin_run(sandbox, change->words);
	lk_practice_await_releases(sandbox, "41: 8 connections");
	run_all(sandbox, change->expand, shop->victim);
	steps_done(sandbox, change->words, 1);
	lk_practice_await_releases(sandbox, both_releases);
	lk_practice_await_more(sandbox, 100);
	steps_done(sandbox, change->words, 2);
	lk_practice_await_releases(sandbox, "42: 8 connections");
	lk_practice_await_settled(sandbox);
	run_all(sandbox, change->contract, shop->victim);
	lk_practice_sql(sandbox, "UPDATE lockkeeper.run SET state = 'done'");
	lk_practice_await_settled(sandbox);
	lk_practice_await_more(sandbox, 200);
	assert_true(lk_sandbox_compare(sandbox, &result, &error));
	expect_clean(shop, change->words, &result);
}

static void expect_yes(const struct lk_sandbox *sandbox, const char *sql, const char *yes)
{
	char *value = lk_practice_value(sandbox->uri, sql);
	if (strcmp(value, yes) != 0)
		fail_msg("never so: %s", sql);
	free(value);
}

static void find_each_plant(struct lk_sandbox *sandbox, const struct lk_shop_by_hand *shop)
{
	lk_practice_sql(sandbox, shop->name_lost);
	assert_int_equal(lk_practice_result(sandbox).rows_different, 1);
	for (int i = 0; shop->plants[i]; i++) {
		lk_practice_sql(sandbox, shop->plants[i]);
		struct lk_sandbox_result result = lk_practice_result(sandbox);
		/* The third changes the row that differs already. */
		if (result.rows_different != i + 2 - (i >= 2))
			fail_msg("%d rows differ after %s", (int)result.rows_different,
				 shop->plants[i]);
	}
}

void lk_shop_each_change(const struct lk_shop_by_hand *shop)
{
	struct lk_sandbox sandbox = lk_practice_small_of(shop->kind, 400);
	lk_practice_sql(&sandbox, shop->journal);
	for (size_t i = 0; i < LK_COUNT(shop->changes); i++)
		carry_out(&sandbox, shop, &shop->changes[i]);
	lk_practice_await_more(&sandbox, 1000);
	struct lk_sandbox_result result = lk_practice_result(&sandbox);
	expect_clean(shop, "all", &result);
	for (const char *const *trace = shop->traces; *trace; trace++)
		expect_yes(&sandbox, *trace, shop->yes);
	find_each_plant(&sandbox, shop);
	lk_practice_stop(&sandbox);
}

void lk_shop_withdrawn(const struct lk_shop_by_hand *shop)
{
	const struct lk_shop_change *change = &shop->withdrawn;
	struct lk_sandbox sandbox = lk_practice_small_of(shop->kind, 400);
	lk_practice_sql(&sandbox, shop->journal);
	begin_run(&sandbox, change->words);
	run_all(&sandbox, change->expand, shop->victim);
	steps_done(&sandbox, change->words, 1);
	lk_practice_await_releases(&sandbox, both_releases);
	lk_practice_await_more(&sandbox, 1000);
	expect_yes(&sandbox, "SELECT COUNT(*) > 0 FROM users WHERE email IS NULL", shop->yes);
	lk_practice_sql(&sandbox, "UPDATE lockkeeper.run SET wanted = 'rollback'");
	lk_practice_await_settled(&sandbox);
	lk_practice_await_releases(&sandbox, "41: 8 connections");
	run_all(&sandbox, change->contract, shop->victim);
	lk_practice_await_more(&sandbox, 200);
	if (shop->after_withdrawal)
		lk_practice_sql(&sandbox, shop->after_withdrawal);
	struct lk_sandbox_result result = lk_practice_result(&sandbox);
	expect_clean(shop, change->words, &result);
	lk_practice_stop(&sandbox);
}
