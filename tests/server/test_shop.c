/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox's application through every change that plans may make to its shop, made by hand: it makes
 * use of each, sees no error, and each column is compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/protocol.h"
#include "tests/server/practice.h"

/* A run: what it changes while both releases run, and what once release 41 has gone. Each is a
 * transaction of its own, as it locks out the application. */
static const struct change {
	const char *words;
	const char *expand[4], *contract[4];
} changes[] = {
	{"public_id loyalty fax display_name",
	 {"ALTER TABLE users ADD public_id uuid NOT NULL DEFAULT gen_random_uuid(),"
	  " ADD loyalty int NOT NULL DEFAULT 1"},
	 {"ALTER TABLE users DROP fax",
	  "UPDATE users SET display_name = 'Customer ' || id WHERE display_name IS NULL",
	  "ALTER TABLE users ALTER display_name SET NOT NULL"}},
	{"email DROP NOT NULL, status SET DEFAULT, orders_recent_idx orders_created_at_idx",
	 {"ALTER TABLE users ALTER email DROP NOT NULL",
	  "ALTER TABLE orders ALTER status SET DEFAULT 'new'",
	  "CREATE INDEX orders_recent_idx ON orders (user_id, created_at DESC)"},
	 {"DROP INDEX orders_created_at_idx"}},
	{"reviews_stars_check reviews_order_id_fkey users_email_key reviews_body_check",
	 {"ALTER TABLE reviews ADD CONSTRAINT reviews_stars_check CHECK (stars BETWEEN 1 AND 5),"
	  " DROP CONSTRAINT reviews_body_check",
	  "ALTER TABLE reviews ADD CONSTRAINT reviews_order_id_fkey FOREIGN KEY (order_id)"
	  " REFERENCES orders ON DELETE CASCADE",
	  "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email)"},
	 {NULL}},
	/* Both releases know the amount's type before and after. */
	{"purchases",
	 {"ALTER TABLE orders ALTER amount TYPE numeric(14,2) USING amount / 100.0",
	  "ALTER TABLE orders RENAME TO purchases;"
	  "CREATE VIEW orders AS SELECT * FROM purchases;"
	  "GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO shop"},
	 {"DROP VIEW orders"}},
};

static const char journal_sql[] =
	"CREATE SCHEMA lockkeeper;"
	"CREATE TABLE lockkeeper.run (name text, state text, wanted text DEFAULT '', document jsonb,"
	" created_at timestamptz DEFAULT clock_timestamp());"
	"CREATE TABLE lockkeeper.step (run text, number int, name text, verb text, state text)";

static void begin_run(const struct lk_sandbox *sandbox, const char *words)
{
	char *sql = lk_format(
		"INSERT INTO lockkeeper.step SELECT '%s', n, gate, CASE gate WHEN 'work' THEN 'ddl'"
		" ELSE 'gate' END, 'pending' FROM unnest(ARRAY['work', 'release-42', 'release-41-gone'])"
		" WITH ORDINALITY g(gate, n);"
		"INSERT INTO lockkeeper.run (name, state, document) VALUES ('%s', 'running',"
		" '{\"steps\": [\"%s\"]}')",
		words, words, words);
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

static void run_all(const struct lk_sandbox *sandbox, const char *const statements[4])
{
	for (int i = 0; i < 4 && statements[i]; i++)
		lk_practice_sql(sandbox, statements[i]);
}

static void carry_out(struct lk_sandbox *sandbox, const struct change *change)
{
	struct lk_error error;
	struct lk_sandbox_result result;
	begin_run(sandbox, change->words);
	lk_practice_await_releases(sandbox, "41: 8 connections");
	run_all(sandbox, change->expand);
	steps_done(sandbox, change->words, 1);
	lk_practice_await_releases(sandbox, "41: 4 connections, 42: 4 connections");
	lk_practice_await_more(sandbox, 100);
	steps_done(sandbox, change->words, 2);
	lk_practice_await_releases(sandbox, "42: 8 connections");
	lk_practice_await_settled(sandbox);
	run_all(sandbox, change->contract);
	lk_practice_sql(sandbox, "UPDATE lockkeeper.run SET state = 'done'");
	lk_practice_await_settled(sandbox);
	lk_practice_await_more(sandbox, 200);
	assert_true(lk_sandbox_compare(sandbox, &result, &error));
	if (result.errors > 0 || result.rows_different > 0)
		fail_msg("%s: %d errors (%s), %d rows different", change->words, (int)result.errors,
			 result.first_error, (int)result.rows_different);
}

/* Which release 42 has made use of, so that the test has proved something. */
static const char *const traces[] = {
	("SELECT count(*) > 0 FROM ledger JOIN users u USING (id) WHERE source = 'users'"
	 " AND wrote ->> 'public_id' = u.public_id::text AND u.loyalty <> 1"),
	"SELECT count(*) > 0 FROM users WHERE email IS NULL",
	"SELECT count(*) > 0 FROM reviews WHERE length(body) > 120",
	"SELECT count(*) > 0 FROM purchases WHERE amount <> trunc(amount)",
};

static void each_change_by_hand_is_followed_without_an_error(void **state)
{
	(void)state;
	struct lk_sandbox sandbox = lk_practice_small(400);
	lk_practice_sql(&sandbox, journal_sql);
	for (size_t i = 0; i < LK_COUNT(changes); i++)
		carry_out(&sandbox, &changes[i]);
	lk_practice_await_more(&sandbox, 1000);
	struct lk_sandbox_result result = lk_practice_result(&sandbox);
	lk_practice_clean(&result);
	for (size_t i = 0; i < LK_COUNT(traces); i++) {
		char *used = lk_practice_value(sandbox.uri, traces[i]);
		if (strcmp(used, "t") != 0)
			fail_msg("never so: %s", traces[i]);
		free(used);
	}
	static const char *const plants[] = {
		("UPDATE users SET public_id = gen_random_uuid() WHERE id = (SELECT id FROM ledger"
		 " JOIN users USING (id) WHERE wrote ? 'public_id' AND id < 4000 LIMIT 1)"),
		"UPDATE users SET loyalty = 8 WHERE id = 4711",
		"UPDATE users SET display_name = NULL WHERE id = 4712",
		"UPDATE purchases SET amount = amount + 0.01 WHERE id = 4",
		"UPDATE purchases SET status = 'lost' WHERE id = (SELECT max(id) FROM purchases)",
	};
	lk_practice_sql(&sandbox, "ALTER TABLE users ALTER display_name DROP NOT NULL;"
				  "UPDATE users SET display_name = 'Name' WHERE id = 4712");
	assert_int_equal(lk_practice_result(&sandbox).rows_different, 1);
	for (size_t i = 0; i < LK_COUNT(plants); i++) {
		lk_practice_sql(&sandbox, plants[i]);
		result = lk_practice_result(&sandbox);
		/* The third changes the row that differs already. */
		if (result.rows_different != (int64_t)i + 2 - (i >= 2))
			fail_msg("%d rows differ after %s", (int)result.rows_different, plants[i]);
	}
	lk_practice_stop(&sandbox);
}

/* On the way back a release is withdrawn together with what it wrote. */
static void a_withdrawn_release_is_mended(void **state)
{
	(void)state;
	struct lk_sandbox sandbox = lk_practice_small(400);
	lk_practice_sql(&sandbox, journal_sql);
	begin_run(&sandbox, "email DROP NOT NULL");
	lk_practice_sql(&sandbox, "ALTER TABLE users ALTER email DROP NOT NULL");
	steps_done(&sandbox, "email DROP NOT NULL", 1);
	lk_practice_await_releases(&sandbox, "41: 4 connections, 42: 4 connections");
	lk_practice_await_more(&sandbox, 1000);
	char *nulls = lk_practice_value(sandbox.uri,
					"SELECT count(*) > 0 FROM users WHERE email IS NULL");
	assert_string_equal(nulls, "t");
	free(nulls);
	lk_practice_sql(&sandbox, "UPDATE lockkeeper.run SET wanted = 'rollback'");
	lk_practice_await_settled(&sandbox);
	lk_practice_await_releases(&sandbox, "41: 8 connections");
	lk_practice_sql(&sandbox, "ALTER TABLE users ALTER email SET NOT NULL");
	lk_practice_await_more(&sandbox, 200);
	struct lk_sandbox_result result = lk_practice_result(&sandbox);
	lk_practice_clean(&result);
	lk_practice_stop(&sandbox);
}

int main(int argc, char **argv)
{
	/* The sandbox's process is this very program again. */
	if (argc > 1 && strcmp(argv[1], LK_SANDBOX_VERB) == 0)
		return lk_sandbox_server_main(argc, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_by_hand_is_followed_without_an_error),
		cmocka_unit_test(a_withdrawn_release_is_mended),
	};
	/* Another program's leftovers are none of ours. */
	char base[] = "/tmp/lk-shop-XXXXXX";
	if (!mkdtemp(base) || chmod(base, 01777) != 0)
		return 1;
	setenv("TMPDIR", base, 1);
	int failed = cmocka_run_group_tests_name("shop", tests, NULL, NULL);
	if (rmdir(base) != 0) {
		perror(base);
		failed++;
	}
	return failed != 0;
}
