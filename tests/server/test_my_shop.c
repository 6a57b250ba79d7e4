/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sandbox's application on MariaDB and MySQL while its shop is changed by hand. */
#include "tests/server/my_sessions.h"
#include "tests/server/shop_by_hand.h"

static const struct lk_shop_by_hand shop = {
	.yes = "1",
	.journal =
		"CREATE DATABASE lockkeeper CHARACTER SET utf8mb4;"
		"CREATE TABLE lockkeeper.run (name varchar(200), state text, wanted varchar(20) DEFAULT '',"
		" backward boolean DEFAULT false, document longtext, created_at datetime(6) DEFAULT (NOW(6)));"
		"CREATE TABLE lockkeeper.step (run varchar(200), number int, name text, verb text, state text)",
	.changes =
		{
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
		},
	.traces =
		{
			("SELECT COUNT(*) > 0 FROM ledger JOIN users u USING (id) WHERE source = 'users'"
			 " AND JSON_VALUE(wrote, '$.public_id') = u.public_id AND u.loyalty <> 1"),
			"SELECT COUNT(*) > 0 FROM users WHERE email IS NULL",
			"SELECT COUNT(*) > 0 FROM reviews WHERE CHAR_LENGTH(body) > 120",
			"SELECT COUNT(*) > 0 FROM purchases WHERE amount <> TRUNCATE(amount, 0)",
			("SELECT COUNT(*) > 0 FROM users JOIN ledger USING (id) WHERE source = 'users' AND delta = 0"
			 " GROUP BY id HAVING COUNT(*) > 1 LIMIT 1"),
		},
	.name_lost = "ALTER TABLE users MODIFY display_name varchar(120);"
		     "UPDATE users SET display_name = 'Name' WHERE id = 4712",
	.plants =
		{
			("UPDATE users JOIN (SELECT MIN(id) AS id FROM ledger WHERE id < 4000 AND"
			 " JSON_CONTAINS_PATH(wrote, 'one', '$.public_id')) w USING (id) SET public_id = uuid()"),
			"UPDATE users SET loyalty = 8 WHERE id = 4711",
			"UPDATE users SET display_name = NULL WHERE id = 4712",
			"UPDATE purchases SET amount = amount + 0.01 WHERE id = 4",
			"UPDATE purchases SET status = 'lost' ORDER BY id DESC LIMIT 1",
			/* What the collation calls the same. */
			"UPDATE purchases SET status = 'NEW' WHERE id = 7",
		},
	.withdrawn = {"MODIFY email NULL public_id",
		      {"ALTER TABLE users MODIFY email varchar(120) NULL",
		       "ALTER TABLE users ADD public_id char(36)"},
		      {"ALTER TABLE users MODIFY email varchar(120) NOT NULL",
		       "ALTER TABLE users DROP public_id"}},
	/* Every user's column is back, and empty: nothing the ledger knows is missed. */
	.after_withdrawal = "ALTER TABLE users ADD public_id char(36)",
	/* 1213, told to a transaction that has read the table and now writes it (src/step/my_moment.h). */
	.victim = "Deadlock",
};

static struct lk_shop_by_hand shop_here(void)
{
	struct lk_shop_by_hand here = shop;
	here.kind = my_is_mariadb() ? "mariadb" : "mysql";
	return here;
}

static void each_change_by_hand_is_followed_without_an_error(void **state)
{
	(void)state;
	struct lk_shop_by_hand here = shop_here();
	lk_shop_each_change(&here);
}

static void a_withdrawn_release_is_mended(void **state)
{
	(void)state;
	struct lk_shop_by_hand here = shop_here();
	lk_shop_withdrawn(&here);
}

static int tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_by_hand_is_followed_without_an_error),
		cmocka_unit_test(a_withdrawn_release_is_mended),
	};
	return my_run_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return lk_practice_main(argc, argv, tests);
}
