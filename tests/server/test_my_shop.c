/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox's application on MariaDB and MySQL through every change that plans may make to its shop, made by hand:
 * it makes use of each, sees no error, and each column is compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/protocol.h"
#include "tests/server/my_sessions.h"
#include "tests/server/practice.h"

/* A run: what it changes while both releases run, and what once release 41 has gone. */
static const struct change {
	const char *words;
	const char *expand[4], *contract[4];
} changes[] = {
	{"public_id loyalty fax display_name",
	 {"ALTER TABLE users ADD public_id char(36), ADD loyalty int NOT NULL DEFAULT 1",
	  "ALTER TABLE users ALTER public_id SET DEFAULT (uuid())",
	  "UPDATE users SET public_id = uuid() WHERE public_id IS NULL",
	  "ALTER TABLE users MODIFY public_id char(36) NOT NULL DEFAULT (uuid())"},
	 {"ALTER TABLE users DROP fax",
	  "UPDATE users SET display_name = CONCAT('Customer ', id) WHERE display_name IS NULL",
	  "ALTER TABLE users MODIFY display_name varchar(120) NOT NULL"}},
	{"MODIFY email NULL, status SET DEFAULT, orders_recent_idx orders_created_at_idx",
	 {"ALTER TABLE users MODIFY email varchar(120) NULL",
	  "ALTER TABLE orders ALTER status SET DEFAULT 'new'",
	  "CREATE INDEX orders_recent_idx ON orders (user_id, created_at DESC)"},
	 {"DROP INDEX orders_created_at_idx ON orders"}},
	{"reviews_stars_check reviews_order_id_fkey users_email_key reviews_body_check",
	 {"ALTER TABLE reviews ADD CONSTRAINT reviews_stars_check CHECK (stars BETWEEN 1 AND 5),"
	  " DROP CONSTRAINT reviews_body_check",
	  "ALTER TABLE reviews ADD CONSTRAINT reviews_order_id_fkey FOREIGN KEY (order_id)"
	  " REFERENCES orders (id) ON DELETE CASCADE",
	  "ALTER TABLE users ADD UNIQUE users_email_key (email)"},
	 {NULL}},
	/* Both releases know the amount's type before and after. A rename that leaves no gap puts a view in the old
	 * name's place in the same statement. */
	{"purchases",
	 {"LOCK TABLES orders WRITE; ALTER TABLE orders MODIFY amount decimal(14,2) NOT NULL;"
	  "UPDATE orders SET amount = amount / 100; UNLOCK TABLES",
	  "CREATE VIEW purchases AS SELECT * FROM orders;"
	  "CREATE VIEW orders_view AS SELECT * FROM purchases; DROP VIEW purchases;"
	  "RENAME TABLE orders TO purchases, orders_view TO orders"},
	 {"DROP VIEW orders"}},
};

static const char journal_sql[] =
	"CREATE DATABASE lockkeeper CHARACTER SET utf8mb4;"
	"CREATE TABLE lockkeeper.run (name varchar(200), state text, wanted varchar(20) DEFAULT '',"
	" backward boolean DEFAULT false, document longtext, created_at datetime(6) DEFAULT (NOW(6)));"
	"CREATE TABLE lockkeeper.step (run varchar(200), number int, name text, verb text, state text)";

static struct lk_sandbox start_sandbox(int writes)
{
	return lk_practice_small_of(my_is_mariadb() ? "mariadb" : "mysql", writes);
}

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
	("SELECT COUNT(*) > 0 FROM ledger JOIN users u USING (id) WHERE source = 'users'"
	 " AND JSON_VALUE(wrote, '$.public_id') = u.public_id AND u.loyalty <> 1"),
	"SELECT COUNT(*) > 0 FROM users WHERE email IS NULL",
	"SELECT COUNT(*) > 0 FROM reviews WHERE CHAR_LENGTH(body) > 120",
	"SELECT COUNT(*) > 0 FROM purchases WHERE amount <> TRUNCATE(amount, 0)",
	"SELECT COUNT(*) > 0 FROM users JOIN ledger USING (id) WHERE source = 'users' AND delta = 0"
	" GROUP BY id HAVING COUNT(*) > 1 LIMIT 1",
};

static void each_change_by_hand_is_followed_without_an_error(void **state)
{
	(void)state;
	struct lk_sandbox sandbox = start_sandbox(400);
	lk_practice_sql(&sandbox, journal_sql);
	for (size_t i = 0; i < LK_COUNT(changes); i++)
		carry_out(&sandbox, &changes[i]);
	lk_practice_await_more(&sandbox, 1000);
	struct lk_sandbox_result result = lk_practice_result(&sandbox);
	lk_practice_clean(&result);
	for (size_t i = 0; i < LK_COUNT(traces); i++) {
		char *used = lk_practice_value(sandbox.uri, traces[i]);
		if (strcmp(used, "1") != 0)
			fail_msg("never so: %s", traces[i]);
		free(used);
	}
	static const char *const plants[] = {
		("UPDATE users JOIN (SELECT MIN(id) AS id FROM ledger WHERE id < 4000 AND"
		 " JSON_CONTAINS_PATH(wrote, 'one', '$.public_id')) w USING (id) SET public_id = uuid()"),
		"UPDATE users SET loyalty = 8 WHERE id = 4711",
		"UPDATE users SET display_name = NULL WHERE id = 4712",
		"UPDATE purchases SET amount = amount + 0.01 WHERE id = 4",
		"UPDATE purchases SET status = 'lost' ORDER BY id DESC LIMIT 1",
		/* What the collation calls the same. */
		"UPDATE purchases SET status = 'NEW' WHERE id = 7",
	};
	lk_practice_sql(&sandbox, "ALTER TABLE users MODIFY display_name varchar(120);"
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
	static const char words[] = "MODIFY email NULL public_id";
	struct lk_sandbox sandbox = start_sandbox(400);
	lk_practice_sql(&sandbox, journal_sql);
	begin_run(&sandbox, words);
	lk_practice_sql(&sandbox, "ALTER TABLE users MODIFY email varchar(120) NULL;"
				  "ALTER TABLE users ADD public_id char(36)");
	steps_done(&sandbox, words, 1);
	lk_practice_await_releases(&sandbox, "41: 4 connections, 42: 4 connections");
	lk_practice_await_more(&sandbox, 1000);
	char *nulls = lk_practice_value(sandbox.uri,
					"SELECT COUNT(*) > 0 FROM users WHERE email IS NULL");
	assert_string_equal(nulls, "1");
	free(nulls);
	lk_practice_sql(&sandbox, "UPDATE lockkeeper.run SET wanted = 'rollback'");
	lk_practice_await_settled(&sandbox);
	lk_practice_await_releases(&sandbox, "41: 8 connections");
	lk_practice_sql(&sandbox, "ALTER TABLE users MODIFY email varchar(120) NOT NULL;"
				  "ALTER TABLE users DROP public_id");
	lk_practice_await_more(&sandbox, 200);
	/* Every user's column is back, and empty: nothing the ledger knows is missed. */
	lk_practice_sql(&sandbox, "ALTER TABLE users ADD public_id char(36)");
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
	char base[] = "/tmp/lk-my-shop-XXXXXX";
	if (!mkdtemp(base) || chmod(base, 01777) != 0)
		return 1;
	setenv("TMPDIR", base, 1);
	int failed = my_run_tests(tests, NULL, NULL);
	if (rmdir(base) != 0) {
		perror(base);
		failed++;
	}
	return failed != 0;
}
